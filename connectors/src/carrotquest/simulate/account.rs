//! What a simulated app holds: visitors, dialogues and their parts, numbered as they come.

use chatledger_projections::time::Timestamp;

/// Visitors, dialogues and parts of one app.
pub(super) struct Account {
    pub(super) visitors: Vec<Visitor>,
    pub(super) dialogues: Vec<Dialogue>,
    pub(super) parts: Vec<Part>,
    /// Manual messages, which are numbered by themselves.
    pub(super) manual: usize,
    /// Added to every number, so that two accounts have different ones.
    offset: u64,
}

/// Somebody on the site, whether or not they have written.
pub(super) struct Visitor {
    pub(super) id: String,
    /// The name that an integration gave them.
    pub(super) user_id: Option<String>,
    pub(super) name: String,
    pub(super) phone: String,
    pub(super) email: String,
}

/// One dialogue, and the visitor that it is with.
pub(super) struct Dialogue {
    pub(super) id: String,
    /// Its place among the visitors.
    pub(super) visitor: usize,
    pub(super) created_at: Timestamp,
    pub(super) last_update: Timestamp,
    pub(super) closed: bool,
    /// The manual message that opened it; until the visitor answers, no operator sees it (3.4).
    pub(super) message: Option<String>,
    pub(super) replied: bool,
    pub(super) assignee: Option<String>,
    pub(super) tags: Vec<String>,
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
    pub(super) edited: Option<Timestamp>,
    pub(super) removed: Option<Timestamp>,
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
    /// The system's record of what an operator did: the part's type, and the operator.
    Record(&'static str, String),
}

impl By {
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::User => "reply_user",
            Self::Admin(_) => "reply_admin",
            Self::Note(_) => "note",
            Self::Record(kind, _) => kind,
        }
    }

    /// Whether visitors see it.
    pub(super) const fn is_shown(&self) -> bool {
        match self {
            Self::User | Self::Admin(_) => true,
            Self::Note(_) | Self::Record(..) => false,
        }
    }
}

impl Account {
    pub(super) fn new(name: &str) -> Self {
        let sum = name.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000);
        let (visitors, dialogues, parts) = (Vec::new(), Vec::new(), Vec::new());
        Self { visitors, dialogues, parts, manual: 0, offset: sum * 100_000 }
    }

    /// Beyond what a double holds exactly, as the real ones are (2.4).
    fn number(&self, kind: u64, count: usize) -> String {
        (1_900_000_000_000_000_000 + kind * 10_000_000_000_000_000 + self.offset + count as u64 + 1).to_string()
    }

    /// The visitor's newest dialogue; a closed one is opened again by writing into it (3.3).
    pub(super) fn find(&self, phone: &str) -> Option<usize> {
        self.dialogues.iter().rposition(|dialogue| self.visitors[dialogue.visitor].phone == phone)
    }

    pub(super) fn by_id(&self, id: &str) -> Option<usize> {
        self.dialogues.iter().position(|dialogue| dialogue.id == id)
    }

    pub(super) fn visitor(&self, id: &str) -> Option<usize> {
        self.visitors.iter().position(|visitor| visitor.id == id)
    }

    pub(super) fn visitor_by_user_id(&self, user_id: &str) -> Option<usize> {
        self.visitors.iter().position(|visitor| visitor.user_id.as_deref() == Some(user_id))
    }

    pub(super) fn find_or_open(&mut self, phone: &str, name: &str, now: Timestamp) -> usize {
        if let Some(found) = self.find(phone) {
            let visitor = self.dialogues[found].visitor;
            name.clone_into(&mut self.visitors[visitor].name);
            return found;
        }
        let known = self.visitors.iter().position(|visitor| visitor.phone == phone);
        let visitor = known.unwrap_or_else(|| self.meet(None, name, phone));
        self.open(visitor, now)
    }

    /// Somebody comes to the site.
    pub(super) fn meet(&mut self, user_id: Option<String>, name: &str, phone: &str) -> usize {
        let id = self.number(3, self.visitors.len());
        let (name, phone, email) = (name.to_owned(), phone.to_owned(), String::new());
        self.visitors.push(Visitor { id, user_id, name, phone, email });
        self.visitors.len() - 1
    }

    /// A new dialogue.
    pub(super) fn open(&mut self, visitor: usize, now: Timestamp) -> usize {
        let id = self.number(7, self.dialogues.len());
        self.dialogues.push(Dialogue {
            id,
            visitor,
            created_at: now,
            last_update: now,
            closed: false,
            message: None,
            replied: true,
            assignee: None,
            tags: Vec::new(),
        });
        self.dialogues.len() - 1
    }

    /// A dialogue that was told of elsewhere.
    pub(super) fn learn(&mut self, id: String, user: String, now: Timestamp) -> usize {
        let known = self.visitor(&user);
        let visitor = known.unwrap_or_else(|| {
            let visitor = self.meet(None, "", "");
            self.visitors[visitor].id = user;
            visitor
        });
        let dialogue = self.open(visitor, now);
        self.dialogues[dialogue].id = id;
        dialogue
    }

    pub(super) fn add(&mut self, dialogue: usize, text: &str, by: By, sent_via: &'static str, now: Timestamp) -> usize {
        let id = self.number(8, self.parts.len());
        let opened = &mut self.dialogues[dialogue];
        opened.last_update = now;
        if by == By::User {
            (opened.closed, opened.replied) = (false, true);
        }
        let text = text.to_owned();
        let (file, edited, removed, external_id) = (None, None, None, None);
        self.parts.push(Part {
            id,
            dialogue,
            text,
            file,
            by,
            sent_via,
            at: now,
            edited,
            removed,
            external_id,
            random_id: 0,
        });
        self.parts.len() - 1
    }
}
