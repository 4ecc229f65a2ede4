//! The chats of a simulated account: who takes part, what they are called on both sides, and what was said.
//!
//! Participants are resolved as recorded traffic shows (contract, 5.4): `ref_id` names one; without it our `id` does;
//! if there is none by that id, a new one is made, even where a chat and its client exist already.

mod altered;
mod spoken;

use chatledger_projections::ids::ConnectionName;
use chatledger_projections::phone::{PhoneNumber, Region};
use chatledger_projections::time::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::typed::Typed;
use crate::amocrm::settings::Settings;
use crate::simulator::{Line, LineAuthor};

/// The namespace of a simulated amo's ids.
const SIMULATED_AMO: Uuid = Uuid::from_u128(0x0a6d_0ca7_0000_4000_8000_5e11_ab1e_0001);

/// Why a request is refused.
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) word: String,
}

impl Refusal {
    pub(super) fn bad_data(word: &str) -> Self {
        Self { status: 400, word: word.to_owned() }
    }

    pub(super) fn forbidden(word: &str) -> Self {
        Self { status: 403, word: word.to_owned() }
    }

    pub(super) fn not_found() -> Self {
        Self { status: 404, word: "not found".to_owned() }
    }
}

/// Everything that is known in the account, in the order in which it became known.
pub(super) struct Chats {
    connection: ConnectionName,
    participants: Vec<Participant>,
    chats: Vec<Chat>,
    messages: Vec<Shown>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Client,
    User,
    Bot,
}

struct Participant {
    theirs: String,
    ours: Option<String>,
    kind: Kind,
    name: String,
    phone: Option<String>,
    email: Option<String>,
}

struct Chat {
    theirs: String,
    /// Our ids of it, the first of which hooks show; a second one is accepted (contract, 10.5).
    ours: Vec<String>,
    client: usize,
    source: Option<String>,
}

struct Shown {
    theirs: String,
    ours: Option<String>,
    chat: usize,
    author: usize,
    receiver: Option<usize>,
    written_at: Timestamp,
    message: Value,
    status: Option<String>,
    /// Who reacted, and how.
    reactions: Vec<(usize, String)>,
}

impl Chats {
    /// An account with a bot, a manager and no chats.
    pub(super) fn new(connection: &ConnectionName, settings: &Settings) -> Self {
        let mut chats =
            Self { connection: connection.clone(), participants: Vec::new(), chats: Vec::new(), messages: Vec::new() };
        let manager = settings.manager_id.as_ref().map(|id| id.as_str().to_owned());
        let manager = manager.unwrap_or_else(|| chats.new_id("user"));
        for (theirs, kind, name) in
            [(settings.bot_id.as_str().to_owned(), Kind::Bot, &*settings.bot_name), (manager, Kind::User, "Менеджер")]
        {
            let name = name.to_owned();
            chats.participants.push(Participant { theirs, ours: None, kind, name, phone: None, email: None });
        }
        chats
    }

    /// A message from us. A repeated `msgid` is not a second message; that it is answered with the same ids is the
    /// model's choice, for amo's answer is not documented (contract, 5.4). `silent` is checked and changes nothing
    /// here: what it suppresses, notifications and unsorted leads, is outside of the chats.
    pub(super) fn new_message(&mut self, payload: &Typed<'_>) -> Result<Value, Refusal> {
        let seconds = payload.some_whole("timestamp")?;
        let millis = payload.whole("msec_timestamp")?;
        let msgid = payload.some_text("msgid")?;
        let ours = payload.text("conversation_id")?.filter(|id| !id.is_empty());
        let theirs = payload.text("conversation_ref_id")?.filter(|id| !id.is_empty());
        payload.flag("silent")?;
        let source = payload.maybe_object("source")?.map(|source| source.some_text("external_id")).transpose()?;
        let sender = self.named(&payload.object("sender")?)?;
        let receiver = payload.maybe_object("receiver")?.map(|receiver| self.named(&receiver)).transpose()?;
        let message = payload.object("message")?;
        check_message(&message)?;
        if let Some(reply_to) = payload.maybe_object("reply_to")? {
            check_quote(&reply_to.object("message")?)?;
        }
        if let Some(known) = self.messages.iter().find(|known| known.ours.as_deref() == Some(msgid)) {
            return Ok(self.acknowledgement(known));
        }
        let is_company = |named: &Named| named.known.is_some_and(|place| self.participants[place].kind != Kind::Client);
        match (&receiver, is_company(&sender)) {
            (None, false) | (Some(_), true) => {}
            (None, true) => return Err(Refusal::bad_data("payload.receiver is required for an outgoing message")),
            (Some(_), false) => {
                return Err(Refusal::bad_data("payload.receiver must be absent for an incoming message"));
            }
        }
        // The amo chat decides; only without it our id does (contract, 5.4).
        let chat = match (theirs, ours) {
            (Some(theirs), _) => Some(
                self.chats
                    .iter()
                    .position(|chat| chat.theirs == theirs)
                    .ok_or_else(|| Refusal::bad_data("payload.conversation_ref_id: there is no such chat"))?,
            ),
            (None, Some(ours)) => self.chats.iter().position(|chat| chat.ours.iter().any(|known| known == ours)),
            (None, None) => return Err(Refusal::bad_data("payload.conversation_id is required")),
        };
        // Nothing is refused from here on, so nothing is half done.
        let author = self.resolve(sender);
        let receiver = receiver.map(|receiver| self.resolve(receiver));
        let chat = chat.unwrap_or_else(|| {
            let theirs = self.new_id("chat");
            self.chats.push(Chat { theirs, ours: Vec::new(), client: receiver.unwrap_or(author), source: None });
            self.chats.len() - 1
        });
        if let Some(ours) = ours {
            // What happens to an id that another chat has is unknown (contract, 10.5); here it stays where it is.
            let taken = self.chats.iter().any(|chat| chat.ours.iter().any(|known| known == ours));
            self.chats[chat].ours.extend((!taken).then(|| ours.to_owned()));
        }
        if let Some(source) = source {
            // Once a source was sent the chat stays marked (contract, 13).
            self.chats[chat].source = Some(source.to_owned());
        }
        let written_at = millis.or_else(|| seconds.checked_mul(1000)).unwrap_or_default();
        self.messages.push(Shown {
            theirs: self.new_id("message"),
            ours: Some(msgid.to_owned()),
            chat,
            author,
            receiver,
            written_at: Timestamp::from_millis(written_at),
            message: message.raw().clone(),
            status: None,
            reactions: Vec::new(),
        });
        Ok(self.messages.last().map(|shown| self.acknowledgement(shown)).unwrap_or_default())
    }

    /// Where a message of amo's stands; the last word counts, for whether amo ignores a step back is unknown.
    pub(super) fn delivery_status(&mut self, message: &str, body: &Typed<'_>) -> Result<(), Refusal> {
        body.text("msgid")?;
        let (newer, older) = (body.whole("status_code")?, body.whole("delivery_status")?);
        let error = (body.whole("error_code")?, body.text("error")?.unwrap_or_default());
        if newer.is_some() && older.is_some() && newer != older {
            return Err(Refusal::bad_data("status_code and delivery_status differ"));
        }
        let status = match (newer.or(older), error) {
            (Some(1), _) => "delivered".to_owned(),
            (Some(2), _) => "read".to_owned(),
            (Some(-1), (Some(905), "")) => return Err(Refusal::bad_data("error is required with 905")),
            (Some(-1), (Some(code @ 901..=905), text)) => format!("error {code}: {text}"),
            (Some(-1), _) => return Err(Refusal::bad_data("error_code is required with -1")),
            (Some(_), _) => return Err(Refusal::bad_data("status_code is unknown")),
            (None, _) => return Err(Refusal::bad_data("status_code is required")),
        };
        let known = self.messages.iter_mut().find(|known| known.theirs == message).ok_or_else(Refusal::not_found)?;
        known.status = Some(status);
        Ok(())
    }

    /// The messages of a chat, newest first (contract, 5.7; the order is taken from the printed example).
    pub(super) fn history(&self, chat: &str, offset: usize, limit: usize) -> Vec<Value> {
        let Some(chat) = self.chats.iter().position(|known| known.theirs == chat) else { return Vec::new() };
        let mut messages: Vec<&Shown> = self.messages.iter().filter(|shown| shown.chat == chat).collect();
        messages.sort_by_key(|shown| shown.written_at);
        messages.iter().rev().skip(offset).take(limit).map(|shown| self.history_element(shown)).collect()
    }

    /// A manager writes into the chat with this number, the one last written in; if there is none, amo makes one of its
    /// own, and the hook bears no id of ours (contract, 10.1).
    pub(super) fn manager_writes(
        &mut self,
        account: &str,
        phone: &str,
        name: &str,
        text: &str,
        now: Timestamp,
    ) -> Value {
        let chat = self.written_in(phone).unwrap_or_else(|| {
            let client = self.add_client(None, name, Some(phone), None);
            let theirs = self.new_id("chat");
            self.chats.push(Chat { theirs, ours: Vec::new(), client, source: None });
            self.chats.len() - 1
        });
        let manager = self.manager();
        self.messages.push(Shown {
            theirs: self.new_id("message"),
            ours: None,
            chat,
            author: manager,
            receiver: Some(self.chats[chat].client),
            written_at: now,
            message: json!({"type": "text", "text": text}),
            status: None,
            reactions: Vec::new(),
        });
        self.hook(account, chat, manager, text, now)
    }

    /// The chat with this number that was last written in.
    fn written_in(&self, phone: &str) -> Option<usize> {
        let has_number = |chat: usize| {
            let client = &self.participants[self.chats[chat].client];
            client.phone.as_deref().is_some_and(|known| same_number(known, phone))
        };
        self.messages.iter().rev().map(|shown| shown.chat).find(|chat| has_number(*chat))
    }

    /// What people see, oldest first.
    pub(super) fn transcript(&self) -> Vec<Line> {
        let mut messages: Vec<&Shown> = self.messages.iter().collect();
        messages.sort_by_key(|shown| shown.written_at);
        messages.into_iter().map(|shown| self.line(shown)).collect()
    }

    fn line(&self, shown: &Shown) -> Line {
        let chat = &self.chats[shown.chat];
        let author = &self.participants[shown.author];
        let phone = self.participants[chat.client].phone.as_deref().map(international);
        Line {
            chat: phone.unwrap_or_else(|| chat.theirs.clone()),
            chat_id: chat.theirs.clone(),
            author: match author.kind {
                Kind::Client => LineAuthor::Client,
                Kind::User => LineAuthor::Company,
                Kind::Bot => LineAuthor::Bot,
            },
            name: author.name.clone(),
            text: seen(&shown.message),
            id: shown.theirs.clone(),
            status: shown.status.clone(),
            reactions: shown.reactions.iter().map(|(_, emoji)| emoji.clone()).collect(),
        }
    }

    /// The hook of a manager's message, with every key of the first one in the owner's note (contract, 9.4).
    fn hook(&self, account: &str, chat: usize, manager: usize, text: &str, now: Timestamp) -> Value {
        let chat = &self.chats[chat];
        let (client, manager) = (&self.participants[chat.client], &self.participants[manager]);
        let message = self.messages.last().map_or("", |shown| &*shown.theirs);
        let mut hook = json!({
            "account_id": account,
            "time": now.as_seconds(),
            "message": {
                "receiver": {"id": client.theirs, "name": client.name},
                "sender": {"id": manager.theirs, "name": manager.name},
                "conversation": {"id": chat.theirs},
                "timestamp": now.as_seconds(),
                "msec_timestamp": now.as_millis(),
                "message": {
                    "id": message, "type": "text", "text": text, "markup": null, "tag": "", "media": "",
                    "thumbnail": "", "file_name": "", "file_size": 0,
                },
            },
        });
        let inner = &mut hook["message"];
        if let Some(phone) = &client.phone {
            inner["receiver"]["phone"] = json!(phone);
        }
        if let Some(ours) = &client.ours {
            inner["receiver"]["client_id"] = json!(ours);
        }
        if let Some(ours) = chat.ours.first() {
            inner["conversation"]["client_id"] = json!(ours);
        }
        if let Some(source) = &chat.source {
            inner["source"] = json!({"external_id": source});
        }
        hook
    }

    fn acknowledgement(&self, shown: &Shown) -> Value {
        let mut ids = json!({
            "conversation_id": self.chats[shown.chat].theirs,
            "sender_id": self.participants[shown.author].theirs,
            "msgid": shown.theirs,
            "ref_id": shown.ours,
        });
        // Absent in the recorded answer to an incoming message.
        if let Some(receiver) = shown.receiver {
            ids["receiver_id"] = json!(self.participants[receiver].theirs);
        }
        json!({"new_message": ids})
    }

    fn history_element(&self, shown: &Shown) -> Value {
        let person = |place: usize| {
            let known = &self.participants[place];
            let mut person = json!({"id": known.theirs, "name": known.name});
            for (key, value) in [("client_id", &known.ours), ("phone", &known.phone), ("email", &known.email)] {
                if let Some(value) = value {
                    person[key] = json!(value);
                }
            }
            person
        };
        let mut message = shown.message.clone();
        message["id"] = json!(shown.theirs);
        if let Some(ours) = &shown.ours {
            message["client_id"] = json!(ours);
        }
        let mut element = json!({
            "timestamp": shown.written_at.as_seconds(), "msec_timestamp": shown.written_at.as_millis(),
            "sender": person(shown.author), "message": message,
        });
        if let Some(receiver) = shown.receiver {
            element["receiver"] = person(receiver);
        }
        element
    }

    /// Whom a sender or receiver names. An unknown `ref_id` is refused, which is the model's choice.
    fn named(&self, person: &Typed<'_>) -> Result<Named, Refusal> {
        let (ours, theirs) = (person.text("id")?, person.text("ref_id")?);
        // Demanded by the documentation; a public client leaves them out where it gives a `ref_id` (contract, 10.3).
        let name =
            if theirs.is_some() { person.text("name")?.unwrap_or_default() } else { person.some_text("name")? };
        if theirs.is_none() {
            person.some_text("id")?;
        }
        person.text("avatar")?;
        let profile = person.maybe_object("profile")?;
        let of_profile = |key| profile.as_ref().map_or(Ok(None), |profile| profile.text(key));
        let known = match theirs {
            Some(theirs) => Some(
                self.participants
                    .iter()
                    .position(|known| known.theirs == theirs)
                    .ok_or_else(|| Refusal::bad_data("ref_id: there is no such participant"))?,
            ),
            // Our ids are looked up among clients: whether one that came with the bot's `ref_id` would be found again
            // is unknown (contract, 10.4), and the owner's note shows that the chat keeps working.
            None => {
                self.participants.iter().position(|known| known.kind == Kind::Client && known.ours.as_deref() == ours)
            }
        };
        Ok(Named {
            known,
            ours: ours.map(str::to_owned),
            name: name.to_owned(),
            phone: of_profile("phone")?.map(str::to_owned),
            email: of_profile("email")?.map(str::to_owned),
        })
    }

    /// The participant that is named; made if there is none. A known one keeps its name and learns what it lacked.
    fn resolve(&mut self, named: Named) -> usize {
        let Some(place) = named.known else {
            return self.add_client(named.ours, &named.name, named.phone.as_deref(), named.email.as_deref());
        };
        let known = &mut self.participants[place];
        if known.kind == Kind::Client {
            known.ours = known.ours.take().or(named.ours);
            known.phone = known.phone.take().or(named.phone);
            known.email = known.email.take().or(named.email);
        }
        place
    }

    fn add_client(&mut self, ours: Option<String>, name: &str, phone: Option<&str>, email: Option<&str>) -> usize {
        self.participants.push(Participant {
            theirs: self.new_id("client"),
            ours,
            kind: Kind::Client,
            name: name.to_owned(),
            phone: phone.map(str::to_owned),
            email: email.map(str::to_owned),
        });
        self.participants.len() - 1
    }

    /// A new id: the same in every run, for it is derived from how many things there are already.
    fn new_id(&self, kind: &str) -> String {
        let place = match kind {
            "chat" => self.chats.len(),
            "message" => self.messages.len(),
            _ => self.participants.len(),
        };
        Uuid::new_v5(&SIMULATED_AMO, format!("{}/{kind}/{place}", self.connection).as_bytes()).to_string()
    }
}

/// A sender or receiver as a request names them.
struct Named {
    known: Option<usize>,
    ours: Option<String>,
    name: String,
    phone: Option<String>,
    email: Option<String>,
}

/// The message object's own rules (contract, 6.1).
fn check_message(message: &Typed<'_>) -> Result<(), Refusal> {
    let text = message.text("text")?;
    message.whole("media_duration")?;
    match message.some_text("type")? {
        "text" if text.is_none_or(str::is_empty) => Err(Refusal::bad_data("text is required")),
        "text" => Ok(()),
        "file" | "video" | "picture" => {
            message.some_text("media")?;
            message.some_text("file_name")?;
            message.some_whole("file_size").map(|_| ())
        }
        "voice" | "audio" | "sticker" => message.some_text("media").map(|_| ()),
        "location" => {
            let location = message.object("location")?;
            location.some_float("lon")?;
            location.some_float("lat").map(|_| ())
        }
        "contact" => {
            let contact = message.object("contact")?;
            contact.text("phone")?;
            contact.some_text("name").map(|_| ())
        }
        _ => Err(Refusal::bad_data("message.type is unknown")),
    }
}

/// One id is enough; without, a whole copy is wanted (contract, 6.5).
fn check_quote(quoted: &Typed<'_>) -> Result<(), Refusal> {
    if quoted.text("id")?.is_some() || quoted.text("msgid")?.is_some() {
        return Ok(());
    }
    quoted.some_text("type")?;
    quoted.some_whole("timestamp")?;
    quoted.object("sender").map(|_| ())
}

/// A message in words: its text, and its attachment in brackets.
fn seen(message: &Value) -> String {
    let word = |key: &str| message.get(key).and_then(Value::as_str).unwrap_or_default();
    let (text, kind, media) = (word("text"), word("type"), word("media"));
    let attachment = match kind {
        "text" => return text.to_owned(),
        _ if media.is_empty() => format!("[{kind}]"),
        _ => format!("[{kind} {media}]"),
    };
    if text.is_empty() { attachment } else { format!("{text} {attachment}") }
}

/// The same person, however the number is typed: the last ten digits.
fn same_number(one: &str, other: &str) -> bool {
    let tail = |text: &str| {
        let digits: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
        digits[digits.len().saturating_sub(10)..].to_vec()
    };
    let one = tail(one);
    !one.is_empty() && one == tail(other)
}

fn international(phone: &str) -> String {
    match PhoneNumber::parse(phone, Region::RUSSIA) {
        Ok(phone) => phone.digits().to_owned(),
        Err(_) => phone.to_owned(),
    }
}
