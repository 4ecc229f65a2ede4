//! What becomes of messages and chats beside new messages: edits, reactions, typing, chats without a message.
//!
//! Takes requests' documents, as strictly typed as all of amojo's; gives answers. An edit of an unknown message is answered
//! with 404, which is the model's choice (contract, 5.5 names no status for it).

use serde_json::{Value, json};

use super::{Chat, Chats, Kind, Refusal, Shown, Typed, check_message};
use chatledger_projections::time::Timestamp;

/// Why nothing can be done in it.
const NO_CHAT: &str = "there is no chat with this number";

impl Chat {
    /// As hooks name it: by our first id, if it has one.
    fn named(&self) -> Value {
        let mut named = json!({"id": self.theirs});
        if let Some(ours) = self.ours.first() {
            named["client_id"] = json!(ours);
        }
        named
    }
}

impl Chats {
    /// A message says something else (contract, 5.5). With both ids, ours becomes the message's.
    pub(in crate::amocrm::simulate) fn edit_message(&mut self, payload: &Typed<'_>) -> Result<Value, Refusal> {
        payload.some_whole("timestamp")?;
        payload.whole("msec_timestamp")?;
        let (theirs, ours) = (payload.text("id")?, payload.text("msgid")?);
        payload.text("conversation_id")?;
        payload.text("conversation_ref_id")?;
        let message = payload.object("message")?;
        check_edit(&message)?;
        let place = self.place_of(theirs, ours)?;
        let shown = &mut self.messages[place];
        let mut said = shown.message.clone();
        // What is left out, as the file of a picture, does not change.
        if let (Some(known), Some(new)) = (said.as_object_mut(), message.raw().as_object()) {
            known.extend(new.clone());
        }
        shown.message = said;
        if theirs.is_some()
            && let Some(ours) = ours
        {
            shown.ours = Some(ours.to_owned());
        }
        Ok(self.acknowledgement(&self.messages[place]))
    }

    /// A reaction is put under a message, or taken back (contract, 5.9). Of one person there is one, which is the model's
    /// choice.
    pub(in crate::amocrm::simulate) fn react(&mut self, body: &Typed<'_>) -> Result<(), Refusal> {
        let (theirs, ours) = (body.text("id")?, body.text("msgid")?);
        let (chat_ours, chat_theirs) = (body.text("conversation_id")?, body.text("conversation_ref_id")?);
        if chat_ours.is_none() && chat_theirs.is_none() {
            return Err(Refusal::bad_data("conversation_id or conversation_ref_id is required"));
        }
        let user = body.object("user")?;
        let who = match (user.text("ref_id")?, user.text("id")?) {
            (Some(theirs), _) => self.participants.iter().position(|known| known.theirs == theirs),
            (None, Some(ours)) => self.participants.iter().position(|known| known.ours.as_deref() == Some(ours)),
            (None, None) => return Err(Refusal::bad_data("user.id or user.ref_id is required")),
        };
        let emoji = match (body.some_text("type")?, body.text("emoji")?.filter(|emoji| !emoji.is_empty())) {
            ("react", Some(emoji)) => Some(emoji.to_owned()),
            ("react", None) => return Err(Refusal::bad_data("emoji is required")),
            ("unreact", _) => None,
            _ => return Err(Refusal::bad_data("type is unknown")),
        };
        let who = who.ok_or_else(|| Refusal::bad_data("user: there is no such participant"))?;
        let place = self.place_of(theirs, ours)?;
        let reactions = &mut self.messages[place].reactions;
        reactions.retain(|(known, _)| *known != who);
        reactions.extend(emoji.map(|emoji| (who, emoji)));
        Ok(())
    }

    /// A client writes (contract, 5.8): only in a chat that bears an id of ours.
    pub(in crate::amocrm::simulate) fn typing(&self, body: &Typed<'_>) -> Result<(), Refusal> {
        let ours = body.some_text("conversation_id")?;
        body.object("sender")?.some_text("id")?;
        if body.whole("duration_ms")?.is_some_and(|duration| duration <= 0) {
            return Err(Refusal::bad_data("duration_ms"));
        }
        let is_known = self.chats.iter().any(|chat| chat.ours.iter().any(|known| known == ours));
        if is_known { Ok(()) } else { Err(Refusal::not_found()) }
    }

    /// A chat before its first message; one that is there is given back as it is (contract, 5.3).
    pub(in crate::amocrm::simulate) fn create_chat(&mut self, body: &Typed<'_>) -> Result<Value, Refusal> {
        let ours = body.some_text("conversation_id")?;
        let source = body.maybe_object("source")?.map(|source| source.some_text("external_id")).transpose()?;
        let user = body.object("user")?;
        user.some_text("id")?;
        user.some_text("name")?;
        let named = self.named(&user)?;
        let known = self.chats.iter().position(|chat| chat.ours.iter().any(|known| known == ours));
        let chat = known.unwrap_or_else(|| {
            let client = self.resolve(named);
            let theirs = self.new_id("chat");
            let source = source.map(str::to_owned);
            self.chats.push(Chat { theirs, ours: vec![ours.to_owned()], client, source });
            self.chats.len() - 1
        });
        let chat = &self.chats[chat];
        let client = &self.participants[chat.client];
        let mut user = json!({"id": client.theirs, "client_id": client.ours, "name": client.name, "avatar": ""});
        for (key, value) in [("phone", &client.phone), ("email", &client.email)] {
            if let Some(value) = value {
                user[key] = json!(value);
            }
        }
        Ok(json!({"id": chat.theirs, "user": user}))
    }

    /// A manager reacts to the client's newest message, or takes it back (contract, 9.7); gives the hook.
    pub(in crate::amocrm::simulate) fn manager_reacts(
        &mut self,
        account: &str,
        phone: &str,
        emoji: Option<&str>,
        now: Timestamp,
    ) -> Result<Value, String> {
        let chat = self.written_in(phone).ok_or(NO_CHAT)?;
        let client = self.chats[chat].client;
        let is_theirs = |shown: &Shown| shown.chat == chat && shown.author == client;
        let place = self.messages.iter().rposition(is_theirs).ok_or("the client has said nothing")?;
        let manager = self.manager();
        let reactions = &mut self.messages[place].reactions;
        reactions.retain(|(known, _)| *known != manager);
        reactions.extend(emoji.map(|emoji| (manager, emoji.to_owned())));
        let shown = &self.messages[place];
        let mut message = json!({
            "id": shown.theirs,
            "sender": {"id": self.participants[shown.author].theirs},
            "receiver": {"id": self.participants[manager].theirs},
            "timestamp": shown.written_at.as_seconds(),
            "msec_timestamp": shown.written_at.as_millis(),
        });
        if let Some(ours) = &shown.ours {
            message["client_id"] = json!(ours);
        }
        let mut reaction = json!({
            "message": message,
            "user": {"id": self.participants[manager].theirs},
            "conversation": self.chats[chat].named(),
            "type": if emoji.is_some() { "react" } else { "unreact" },
        });
        if let Some(emoji) = emoji {
            reaction["emoji"] = json!(emoji);
        }
        Ok(json!({"account_id": account, "time": now.as_seconds(), "action": {"reaction": reaction}}))
    }

    /// A manager begins to write (contract, 9.7); gives the hook. It is said again after five seconds, which is not modelled.
    pub(in crate::amocrm::simulate) fn manager_types(
        &self,
        account: &str,
        phone: &str,
        now: Timestamp,
    ) -> Result<Value, String> {
        let chat = self.written_in(phone).ok_or(NO_CHAT)?;
        let typing = json!({
            "user": {"id": self.participants[self.manager()].theirs},
            "conversation": self.chats[chat].named(),
            "expired_at": now.as_seconds() + 5,
        });
        Ok(json!({"account_id": account, "time": now.as_seconds(), "action": {"typing": typing}}))
    }

    /// The one who writes when a manager does.
    pub(super) fn manager(&self) -> usize {
        self.participants.iter().position(|known| known.kind == Kind::User).unwrap_or_default()
    }

    /// A message by amo's id, else by ours.
    fn place_of(&self, theirs: Option<&str>, ours: Option<&str>) -> Result<usize, Refusal> {
        let is_meant = |shown: &Shown| match (theirs, ours) {
            (Some(theirs), _) => shown.theirs == theirs,
            (None, Some(ours)) => shown.ours.as_deref() == Some(ours),
            (None, None) => false,
        };
        if theirs.is_none() && ours.is_none() {
            return Err(Refusal::bad_data("id or msgid is required"));
        }
        self.messages.iter().position(is_meant).ok_or_else(Refusal::not_found)
    }
}

/// The same rules as for a new message, but the file may be left out if it does not change (contract, 5.5).
fn check_edit(message: &Typed<'_>) -> Result<(), Refusal> {
    let has_file = message.text("media")?.is_some();
    match message.some_text("type")? {
        "file" | "video" | "picture" | "voice" | "audio" | "sticker" if !has_file => message.text("text").map(|_| ()),
        _ => check_message(message),
    }
}
