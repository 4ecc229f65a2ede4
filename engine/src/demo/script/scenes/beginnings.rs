//! How a dialogue begins: the client writes first, or a manager does, under both remedies.

use crate::demo::script::cast::{ANNA, OLGA, PETR};
use crate::demo::script::{Broken, Play, Status};

impl Play<'_> {
    pub(super) async fn client_first(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("claim");
        self.scene(
            &ends,
            "A client writes first",
            "The CRM gets a chat under our id, which is the client's number. The manager sees where the answer stands.",
        )?;
        self.client_writes(&ends, ANNA, "Здравствуйте! Вы работаете в субботу?").await?;
        self.manager_writes(&ends, ANNA, "Да, с десяти до шести.", Status::Delivered).await?;
        self.all_done().await?;
        self.client_reads(&ends, ANNA).await?;
        self.promises.bound.push((ends.crm, ANNA.phone.to_owned()));
        self.all_done().await
    }

    pub(super) async fn manager_first_claim(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("claim");
        self.scene(
            &ends,
            "A manager writes first; the route says `claim`",
            "The chat comes with an id that only the CRM knows. A silent message of the bot gives it ours, at once, and \
             the client's answer comes into the same chat.",
        )
        ?;
        let text = "Ольга, ваш заказ готов.";
        self.manager_writes(&ends, OLGA, text, Status::Delivered).await?;
        self.claimed(&ends).await?;
        let answer = "Спасибо! Заеду вечером.";
        self.client_writes(&ends, OLGA, answer).await?;
        self.manager_writes(&ends, OLGA, "Ждём вас до девяти.", Status::Delivered).await?;
        self.same_chat(&ends, text, answer)?;
        self.promises.bound.push((ends.crm, OLGA.phone.to_owned()));
        self.all_done().await
    }

    pub(super) async fn manager_first_remember(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("remember");
        self.scene(
            &ends,
            "A manager writes first; the route says `remember`",
            "No message of a bot: the CRM's own id is kept, and the client's first answer binds the chat to ours.",
        )?;
        let text = "Пётр, перезвонить вам завтра?";
        self.manager_writes(&ends, PETR, text, Status::Delivered).await?;
        let answer = "Лучше в пятницу.";
        self.client_writes(&ends, PETR, answer).await?;
        self.manager_writes(&ends, PETR, "Договорились.", Status::Delivered).await?;
        self.same_chat(&ends, text, answer)?;
        self.promises.bound.push((ends.crm, PETR.phone.to_owned()));
        self.all_done().await
    }
}
