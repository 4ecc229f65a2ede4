//! What people do: clients write and read, managers write. Each leaves a promise of what must be true in the end.

use chatledger_connectors::simulator::{Gesture, LineAuthor};

use super::cast::Client;
use super::{Broken, Play, Promise, Status};
use crate::demo::set::Ends;

impl Play<'_> {
    /// A client writes, and a manager sees it.
    pub(in crate::demo::script) async fn client_writes(
        &mut self,
        ends: &Ends,
        client: Client,
        text: &str,
    ) -> Result<(), Broken> {
        self.client_begins(ends, client, text)?;
        self.client_is_heard(ends, text).await
    }

    pub(in crate::demo::script) fn client_begins(
        &mut self,
        ends: &Ends,
        client: Client,
        text: &str,
    ) -> Result<(), Broken> {
        self.promise(ends, client, LineAuthor::Client, text, None);
        let (phone, name, written) = (client.phone.to_owned(), client.name.to_owned(), text.to_owned());
        self.set.stage.gesture(&ends.channel, &Gesture::ClientWrites { phone, name, text: written })?;
        self.news()
    }

    pub(in crate::demo::script) async fn client_is_heard(&mut self, ends: &Ends, text: &str) -> Result<(), Broken> {
        self.until_shown(&ends.crm, text).await?;
        self.breathe().await
    }

    /// A manager writes, and the messenger shows it. Where it stands is heard of later; [`Self::all_done`] waits for it.
    pub(in crate::demo::script) async fn manager_writes(
        &mut self,
        ends: &Ends,
        to: Client,
        text: &str,
        status: Status,
    ) -> Result<(), Broken> {
        self.manager_begins(ends, to, text, status)?;
        self.until_shown(&ends.channel, text).await?;
        self.breathe().await
    }

    pub(in crate::demo::script) fn manager_begins(
        &mut self,
        ends: &Ends,
        to: Client,
        text: &str,
        status: Status,
    ) -> Result<(), Broken> {
        self.promise(ends, to, LineAuthor::Company, text, Some(status));
        let (phone, name, written) = (to.typed.to_owned(), to.name.to_owned(), text.to_owned());
        self.set.stage.gesture(&ends.crm, &Gesture::ManagerWrites { phone, name, text: written })?;
        self.news()
    }

    /// The manager sees where the message stands.
    pub(in crate::demo::script) async fn manager_is_answered(
        &mut self,
        ends: &Ends,
        to: Client,
        text: &str,
    ) -> Result<(), Broken> {
        self.until_status(ends, to.phone, text).await?;
        self.breathe().await
    }

    /// An assistant answers, and both the client and the managers see it.
    pub(in crate::demo::script) async fn assistant_answers(
        &mut self,
        ends: &Ends,
        to: Client,
        text: &str,
    ) -> Result<(), Broken> {
        self.promise(ends, to, LineAuthor::Bot, text, None);
        self.until_shown(&ends.channel, text).await?;
        self.until_shown(&ends.crm, text).await?;
        self.breathe().await
    }

    /// A client reads everything, and the managers see it.
    pub(in crate::demo::script) async fn client_reads(&mut self, ends: &Ends, client: Client) -> Result<(), Broken> {
        let mut texts = Vec::new();
        for promise in &mut self.promises.messages {
            let is_meant = promise.ends == *ends && promise.phone == client.phone;
            if is_meant && promise.status == Some(Status::Delivered) {
                promise.status = Some(Status::Read);
                texts.push(promise.text.clone());
            }
        }
        self.set.stage.gesture(&ends.channel, &Gesture::ClientReads { phone: client.phone.to_owned() })?;
        for text in texts {
            self.until_status(ends, client.phone, &text).await?;
        }
        self.breathe().await
    }

    /// A recorded hook arrives: a manager wrote this to the client.
    pub(in crate::demo::script) async fn say(
        &mut self,
        ends: &Ends,
        body: &[u8],
        to: Client,
        text: &str,
    ) -> Result<(), Broken> {
        self.promise(ends, to, LineAuthor::Company, text, Some(Status::Delivered));
        self.set.stage.say(&ends.crm, body)?;
        self.until_shown(&ends.channel, text).await?;
        self.breathe().await
    }

    pub(in crate::demo::script) fn promise(
        &mut self,
        ends: &Ends,
        client: Client,
        author: LineAuthor,
        text: &str,
        status: Option<Status>,
    ) {
        let (ends, phone, text) = (ends.clone(), client.phone.to_owned(), text.to_owned());
        self.promises.messages.push(Promise { ends, phone, author, text, status });
    }
}
