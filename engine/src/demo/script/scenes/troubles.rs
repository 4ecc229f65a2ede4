//! What goes wrong at the platforms: too many requests, no answer, a number that nobody knows.

use crate::demo::script::cast::{NOBODY, PETR};
use crate::demo::script::{Broken, Play, Status};
use crate::demo::stage::Fault;

impl Play<'_> {
    pub(super) async fn too_many_requests(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("remember");
        self.scene(
            &ends,
            "The CRM has had enough: 429",
            "Other programs have used up the account's quota. The message waits as long as the CRM asks, and goes.",
        )?;
        let before = self.set.stage.exchanges(&ends.crm).len();
        self.set.stage.fault(&ends.crm, Fault::Crowded)?;
        self.client_writes(&ends, PETR, "А можно утром?").await?;
        self.tell_exchanges(&ends.crm, before)?;
        self.all_done().await
    }

    pub(super) async fn no_answer(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("remember");
        self.scene(
            &ends,
            "The messenger takes a message and never answers",
            "Sending again could show it twice: this messenger does not know our ids. So the engine asks first, finds \
             the message there, and does not send it again.",
        )?;
        let before = self.set.stage.exchanges(&ends.channel).len();
        self.set.stage.fault(&ends.channel, Fault::Swallowed)?;
        let text = "Хорошо, тогда в девять.";
        self.manager_writes(&ends, PETR, text, Status::Delivered).await?;
        self.manager_is_answered(&ends, PETR, text).await?;
        self.tell_exchanges(&ends.channel, before)?;
        self.all_done().await
    }

    pub(super) async fn unknown_number(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("remember");
        self.scene(
            &ends,
            "A number that the messenger does not know",
            "The message cannot arrive. The manager is told so in the CRM, with the reason.",
        )?;
        self.manager_writes(&ends, NOBODY, "Игорь, добрый день!", Status::Failed).await?;
        self.all_done().await
    }
}
