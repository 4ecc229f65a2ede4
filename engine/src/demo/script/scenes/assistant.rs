//! An assistant answers, hands over, and is silent once a manager has come in.

use chatledger_projections::ids::ConnectionName;

use crate::demo::script::cast::IRINA;
use crate::demo::script::{Broken, Play, Status};
use crate::demo::set::Ends;

impl Play<'_> {
    pub(super) async fn assistant_hands_over(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("assisted");
        let assistant = self.set.assistant("assisted");
        self.scene(
            &ends,
            "An assistant answers, and hands over",
            "The assistant hears the client and answers; the CRM shows its words as the bot's, and notes what it says of the \
             dialogue. It hands over; a manager comes in; from then on it hears nothing more of this dialogue.",
        )?;
        self.client_writes(&ends, IRINA, "Сколько стоит доставка?").await?;
        self.assistant_answers(&ends, IRINA, "Доставка по городу стоит 300 ₽ и занимает один день.").await?;
        self.noted(&ends, "Ответить в кабинете ассистента: ").await?;
        self.noted(&ends, "Клиент проявил интерес").await?;
        self.client_writes(&ends, IRINA, "Позовите оператора, пожалуйста.").await?;
        self.assistant_answers(&ends, IRINA, "Сейчас подключу специалиста.").await?;
        self.noted(&ends, "Ассистент передаёт диалог оператору").await?;
        self.manager_writes(&ends, IRINA, "Ирина, здравствуйте, это Ольга.", Status::Delivered).await?;
        let kept = "Ольга, а самовывоз есть?";
        self.client_writes(&ends, IRINA, kept).await?;
        self.manager_writes(&ends, IRINA, "Есть, на Лесной, 5.", Status::Delivered).await?;
        self.all_done().await?;
        self.is_kept_from(&ends, &assistant, kept)?;
        self.promises.bound.push((ends.crm, IRINA.phone.to_owned()));
        self.all_done().await
    }

    /// What a client wrote to a manager is not at the assistant.
    fn is_kept_from(&mut self, ends: &Ends, assistant: &ConnectionName, text: &str) -> Result<(), Broken> {
        let heard = self.set.stage.transcript(assistant);
        if heard.iter().any(|line| line.text == text) {
            let awaited =
                format!("that {assistant} is not given what the client wrote to a manager at {}", ends.channel);
            return Err(Broken::NotInTime { awaited });
        }
        self.direct(&format!(
            "{assistant} has heard {} messages of this dialogue, and not the client's last.",
            heard.len()
        ))
    }
}
