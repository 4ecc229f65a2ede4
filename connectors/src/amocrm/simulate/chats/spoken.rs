//! What recorded bytes teach the model: after a message hook was spoken, its chat, people and message are there.
//!
//! Takes a hook's document; anything but a message hook, and whatever is missing in it, is passed over in silence, for
//! recorded bytes may be anything. What the model knows already stays as it is.

use chatledger_projections::time::Timestamp;
use serde_json::Value;

use super::{Chat, Chats, Kind, Participant, Shown};

impl Chats {
    /// Lets what a spoken hook tells of be so, unless it is.
    pub(in crate::amocrm::simulate) fn learn(&mut self, hook: &Value) {
        let hook = &hook["message"];
        let ids = [&hook["conversation"]["id"], &hook["receiver"]["id"], &hook["sender"]["id"], &hook["message"]["id"]];
        let [Some(chat), Some(client), Some(author), Some(message)] = ids.map(Value::as_str) else { return };
        let client = self.participant(Kind::Client, client, &hook["receiver"]);
        let author = self.participant(Kind::User, author, &hook["sender"]);
        let chat = self.chats.iter().position(|known| known.theirs == chat).unwrap_or_else(|| {
            self.chats.push(Chat { theirs: chat.to_owned(), ours: Vec::new(), client, source: None });
            self.chats.len() - 1
        });
        if let Some(ours) = hook["conversation"]["client_id"].as_str() {
            let taken = self.chats.iter().any(|chat| chat.ours.iter().any(|known| known == ours));
            self.chats[chat].ours.extend((!taken).then(|| ours.to_owned()));
        }
        if let Some(source) = hook["source"]["external_id"].as_str() {
            self.chats[chat].source = Some(source.to_owned());
        }
        if self.messages.iter().any(|known| known.theirs == message) {
            return;
        }
        let millis = hook["msec_timestamp"].as_i64();
        let written_at = millis.or_else(|| hook["timestamp"].as_i64()?.checked_mul(1000)).unwrap_or_default();
        self.messages.push(Shown {
            theirs: message.to_owned(),
            ours: None,
            chat,
            author,
            receiver: Some(client),
            written_at: Timestamp::from_millis(written_at),
            message: hook["message"].clone(),
            status: None,
            reactions: Vec::new(),
        });
    }

    fn participant(&mut self, kind: Kind, theirs: &str, person: &Value) -> usize {
        let known = self.participants.iter().position(|known| known.theirs == theirs);
        known.unwrap_or_else(|| {
            let text = |key: &str| person[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
            self.participants.push(Participant {
                theirs: theirs.to_owned(),
                ours: text("client_id"),
                kind,
                name: text("name").unwrap_or_default(),
                phone: text("phone"),
                email: text("email"),
            });
            self.participants.len() - 1
        })
    }
}
