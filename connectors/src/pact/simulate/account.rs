//! What a simulated company holds: conversations and messages, numbered as they come.

use chatledger_projections::time::Timestamp;

use super::desk::Desk;
use crate::pact::settings::Settings;

/// Whose name stands beside what the company says.
pub(super) const COMPANY: &str = "Company";

/// Conversations, messages and jobs of one company.
pub(super) struct Account {
    pub(super) company: i64,
    pub(super) provider: String,
    pub(super) channel: i64,
    pub(super) conversations: Vec<Conversation>,
    pub(super) messages: Vec<Message>,
    pub(super) desk: Desk,
    /// Added to every number, so that two accounts have different ones.
    offset: i64,
    jobs: i64,
}

/// One client.
pub(super) struct Conversation {
    pub(super) id: i64,
    /// Empty if the client is known by a public name only.
    pub(super) phone: String,
    pub(super) username: Option<String>,
    pub(super) name: String,
    pub(super) created_at: Timestamp,
    pub(super) last_message: Option<(i64, Timestamp)>,
    pub(super) answered: bool,
    pub(super) archived: bool,
    pub(super) note: Option<String>,
    pub(super) assignee: Option<i64>,
    pub(super) blocked: bool,
}

impl Conversation {
    /// What people know the client by: the number, else the public name.
    pub(super) fn client(&self) -> &str {
        self.username.as_deref().filter(|_| self.phone.is_empty()).unwrap_or(&self.phone)
    }

    /// The messenger's id of the client: the number where messengers have numbers (5.1).
    pub(super) fn sender(&self) -> String {
        if self.phone.is_empty() { (355_000_000 + self.id % 1_000_000).to_string() } else { self.phone.clone() }
    }
}

/// One message.
pub(super) struct Message {
    pub(super) id: i64,
    /// Its place among the conversations.
    pub(super) conversation: usize,
    pub(super) text: String,
    pub(super) by: By,
    pub(super) at: Timestamp,
    pub(super) status: Status,
    /// The messenger's id of the message that it answers.
    pub(super) replied_to: Option<String>,
    /// The files with it.
    pub(super) attachments: Vec<i64>,
    /// Whether it was changed.
    pub(super) edited: bool,
    /// Whether it was taken back.
    pub(super) deleted: bool,
    /// The client's reaction to it.
    pub(super) reaction: Option<String>,
}

impl Message {
    /// What the messenger calls it, once it has it.
    pub(super) fn messengers_id(&self) -> Option<String> {
        let has_it = self.by == By::Client || self.status > Status::Sent;
        has_it.then(|| format!("3EB0{:X}", self.id))
    }
}

/// Who said something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum By {
    /// The client.
    Client,
    /// Somebody of the company, in the messenger's own app.
    App,
    /// The interface, by a delivery job.
    Api { job: i64 },
}

/// Where a message stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Status {
    Sent,
    Delivered,
    Read,
    Error,
}

impl Status {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Error => "error",
        }
    }

    /// In the first generation's numbers (11.1).
    pub(super) const fn ack(self) -> i64 {
        match self {
            Self::Error => -1,
            Self::Sent => 1,
            Self::Delivered => 2,
            Self::Read => 3,
        }
    }
}

/// Numbers that end so are unknown in the messenger, like the one in the contract's sample of a failure.
pub(super) fn is_known_in_messenger(phone: &str) -> bool {
    !phone.ends_with("000")
}

impl Account {
    pub(super) fn new(name: &str, settings: &Settings) -> Self {
        let sum = name.bytes().fold(7_i64, |sum, byte| (sum * 31 + i64::from(byte)) % 1_000);
        Self {
            company: settings.company,
            provider: settings.provider.clone(),
            channel: settings.channel.unwrap_or(399),
            conversations: Vec::new(),
            messages: Vec::new(),
            desk: Desk::new(settings),
            offset: sum * 100_000,
            jobs: 0,
        }
    }

    /// The conversation with a number.
    pub(super) fn find(&self, phone: &str) -> Option<usize> {
        self.conversations.iter().position(|conversation| conversation.phone == phone)
    }

    /// The conversation of an id, as it stands in a path.
    pub(super) fn by_id(&self, id: &str) -> Option<usize> {
        let id: i64 = id.parse().ok()?;
        self.conversations.iter().position(|conversation| conversation.id == id)
    }

    /// The conversation with a public name, and whether it is new. Public names do not heed capital letters.
    pub(super) fn find_or_open_named(&mut self, username: &str, now: Timestamp) -> (usize, bool) {
        let is_theirs =
            |known: &Conversation| known.username.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(username));
        if let Some(found) = self.conversations.iter().position(is_theirs) {
            return (found, false);
        }
        let (opened, _) = self.open("", username, now);
        self.conversations[opened].username = Some(username.to_owned());
        (opened, true)
    }

    /// The conversation with a number, and whether it is new. A client who says their name is known by it from then on.
    pub(super) fn find_or_open(&mut self, phone: &str, name: &str, now: Timestamp) -> (usize, bool) {
        if let Some(found) = self.find(phone) {
            if name != phone {
                name.clone_into(&mut self.conversations[found].name);
            }
            return (found, false);
        }
        self.open(phone, name, now)
    }

    fn open(&mut self, phone: &str, name: &str, now: Timestamp) -> (usize, bool) {
        self.conversations.push(Conversation {
            id: 18_000_000 + self.offset + i64::try_from(self.conversations.len()).unwrap_or(0) + 1,
            phone: phone.to_owned(),
            username: None,
            name: name.to_owned(),
            created_at: now,
            last_message: None,
            answered: false,
            archived: false,
            note: None,
            assignee: None,
            blocked: false,
        });
        (self.conversations.len() - 1, true)
    }

    /// A new message; whatever leaves the house is "sent".
    pub(super) fn add(&mut self, conversation: usize, text: &str, by: By, now: Timestamp) -> usize {
        let id = 1_400_000_000 + self.offset + i64::try_from(self.messages.len()).unwrap_or(0) + 1;
        self.messages.push(Message {
            id,
            conversation,
            text: text.to_owned(),
            by,
            at: now,
            status: Status::Sent,
            replied_to: None,
            attachments: Vec::new(),
            edited: false,
            deleted: false,
            reaction: None,
        });
        let conversation = &mut self.conversations[conversation];
        conversation.last_message = Some((id, now));
        conversation.answered = by != By::Client;
        self.messages.len() - 1
    }

    /// The messenger has taken a message, or will not.
    pub(super) fn settle(&mut self, message: usize, arrives: bool) {
        self.messages[message].status = if arrives { Status::Delivered } else { Status::Error };
    }

    pub(super) fn next_job(&mut self) -> i64 {
        self.jobs += 1;
        self.offset + self.jobs
    }
}
