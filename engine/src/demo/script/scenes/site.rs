//! The scene of a website's visitor: nothing tells the engine that they wrote, so it asks; a manager answers in the CRM.
//!
//! What such a chat says of its visitors' reading is nothing, so no status is promised for the manager's answer.

use chatledger_connectors::simulator::{Gesture, LineAuthor};

use crate::demo::script::cast::VERA;
use crate::demo::script::{Broken, Play};

impl Play<'_> {
    pub(super) async fn visitor_of_a_site(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("site");
        self.scene(
            &ends,
            "A visitor of the website",
            "No webhooks are switched on there. Every second the engine asks what is new, and keeps in the log how far it \
             has asked. It finds its own words among the news, and says nothing twice.",
        )?;
        self.client_writes(&ends, VERA, "Здравствуйте, а доставка есть?").await?;
        let answer = "Здравствуйте, Вера! Есть, по всему городу.";
        self.promise(&ends, VERA, LineAuthor::Company, answer, None);
        let (phone, name) = (VERA.typed.to_owned(), VERA.name.to_owned());
        let gesture = Gesture::ManagerWrites { phone, name, text: answer.to_owned() };
        self.set.stage.gesture(&ends.crm, &gesture)?;
        self.until_shown(&ends.channel, answer).await?;
        // By then the answer has been among the news itself.
        self.client_writes(&ends, VERA, "Отлично, спасибо!").await?;
        self.all_done().await
    }
}
