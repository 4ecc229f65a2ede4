//! What a simulated company holds: conversations and messages, numbered as they come.

use chatledger_projections::time::Timestamp;

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
    /// What was given to be sent: the name and size of each file, numbered from one.
    pub(super) files: Vec<String>,
    /// Added to every number, so that two accounts have different ones.
    offset: i64,
    jobs: i64,
}

/// One client.
pub(super) struct Conversation {
    pub(super) id: i64,
    pub(super) phone: String,
    pub(super) name: String,
    pub(super) created_at: Timestamp,
    pub(super) last_message: Option<(i64, Timestamp)>,
    pub(super) answered: bool,
}

/// One message.
pub(super) struct Message {
    pub(super) id: i64,
    /// Its place among the conversations.
    pub(super) conversation: usize,
    pub(super) text: String,
    /// The name and size of its file.
    pub(super) file: Option<String>,
    pub(super) by: By,
    pub(super) at: Timestamp,
    pub(super) status: Status,
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
            files: Vec::new(),
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

    /// The conversation with a number, and whether it is new. A client who says their name is known by it from then on.
    pub(super) fn find_or_open(&mut self, phone: &str, name: &str, now: Timestamp) -> (usize, bool) {
        if let Some(found) = self.find(phone) {
            if name != phone {
                name.clone_into(&mut self.conversations[found].name);
            }
            return (found, false);
        }
        self.conversations.push(Conversation {
            id: 18_000_000 + self.offset + i64::try_from(self.conversations.len()).unwrap_or(0) + 1,
            phone: phone.to_owned(),
            name: name.to_owned(),
            created_at: now,
            last_message: None,
            answered: false,
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
            file: None,
            by,
            at: now,
            status: Status::Sent,
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

    /// Keeps a file until a message names it; gives its number.
    pub(super) fn keep(&mut self, file: String) -> i64 {
        self.files.push(file);
        self.offset + i64::try_from(self.files.len()).unwrap_or(0)
    }

    /// The file of a number.
    pub(super) fn file(&self, number: i64) -> Option<&String> {
        self.files.get(usize::try_from(number - self.offset - 1).ok()?)
    }

    pub(super) fn next_job(&mut self) -> i64 {
        self.jobs += 1;
        self.offset + self.jobs
    }
}
