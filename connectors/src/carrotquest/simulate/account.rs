//! What a simulated app holds: visitors, dialogues and their parts, numbered as they come.

use chatledger_projections::time::Timestamp;

/// Visitors, dialogues and parts of one app.
pub(super) struct Account {
    pub(super) dialogues: Vec<Dialogue>,
    pub(super) parts: Vec<Part>,
    /// Added to every number, so that two accounts have different ones.
    offset: u64,
}

/// One dialogue, and the visitor that it is with. Every visitor has one here.
pub(super) struct Dialogue {
    pub(super) id: String,
    pub(super) user: String,
    pub(super) name: String,
    pub(super) phone: String,
    pub(super) created_at: Timestamp,
    pub(super) last_update: Timestamp,
}

/// One part.
pub(super) struct Part {
    pub(super) id: String,
    /// Its place among the dialogues.
    pub(super) dialogue: usize,
    pub(super) text: String,
    /// The name and size of its file.
    pub(super) file: Option<String>,
    pub(super) by: By,
    pub(super) sent_via: &'static str,
    pub(super) at: Timestamp,
    pub(super) external_id: Option<String>,
    pub(super) random_id: u64,
}

/// Who said something, and to whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum By {
    /// The visitor.
    User,
    /// An operator, to the visitor.
    Admin(String),
    /// An operator, to the other operators.
    Note(String),
}

impl By {
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::User => "reply_user",
            Self::Admin(_) => "reply_admin",
            Self::Note(_) => "note",
        }
    }
}

impl Account {
    pub(super) fn new(name: &str) -> Self {
        let sum = name.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000);
        Self { dialogues: Vec::new(), parts: Vec::new(), offset: sum * 100_000 }
    }

    /// Beyond what a double holds exactly, as the real ones are (2.4).
    fn number(&self, kind: u64, count: usize) -> String {
        (1_900_000_000_000_000_000 + kind * 10_000_000_000_000_000 + self.offset + count as u64 + 1).to_string()
    }

    /// The visitor's dialogue; a closed one is opened again by writing into it, so there is never a second (3.3).
    pub(super) fn find(&self, phone: &str) -> Option<usize> {
        self.dialogues.iter().position(|dialogue| dialogue.phone == phone)
    }

    pub(super) fn by_id(&self, id: &str) -> Option<usize> {
        self.dialogues.iter().position(|dialogue| dialogue.id == id)
    }

    pub(super) fn find_or_open(&mut self, phone: &str, name: &str, now: Timestamp) -> usize {
        if let Some(found) = self.find(phone) {
            name.clone_into(&mut self.dialogues[found].name);
            return found;
        }
        let count = self.dialogues.len();
        let (id, user) = (self.number(7, count), self.number(3, count));
        self.learn(id, user, name, phone, now)
    }

    /// A dialogue that was told of elsewhere.
    pub(super) fn learn(&mut self, id: String, user: String, name: &str, phone: &str, now: Timestamp) -> usize {
        let (name, phone) = (name.to_owned(), phone.to_owned());
        self.dialogues.push(Dialogue { id, user, name, phone, created_at: now, last_update: now });
        self.dialogues.len() - 1
    }

    pub(super) fn add(&mut self, dialogue: usize, text: &str, by: By, sent_via: &'static str, now: Timestamp) -> usize {
        let id = self.number(8, self.parts.len());
        self.dialogues[dialogue].last_update = now;
        let text = text.to_owned();
        self.parts.push(Part {
            id,
            dialogue,
            text,
            file: None,
            by,
            sent_via,
            at: now,
            external_id: None,
            random_id: 0,
        });
        self.parts.len() - 1
    }
}
