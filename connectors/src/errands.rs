//! What people ask of an account beside its daily work: to join it to the platform or part it, and to list the past.
//!
//! Takes a question, gives a call; takes the answer, gives documents that are recorded like webhooks and read by the same
//! decoder. Absent: sending, waiting and recording, which are the engine's; and whatever only a person can do.

use chatledger_projections::event::RecordedReply;
use chatledger_projections::ids::{ConversationId, EventId};
use chatledger_projections::time::Timestamp;

use crate::connector::Call;

/// How an account is joined to its platform and parted from it. Both may be asked for again without harm.
pub trait Administration {
    /// The call that joins: from then on the platform sends webhooks.
    fn join(&self) -> Call;

    /// The call that parts: from then on it sends none.
    fn part(&self) -> Call;

    /// Reads the answer to either call, which the platform has accepted at `now`.
    fn joined(&self, call: &Call, reply: &RecordedReply, now: Timestamp) -> Joined;

    /// What a person can do about a refusal with this status.
    fn remedy(&self, status: u16) -> &'static str;
}

/// What came of joining or parting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Joined {
    /// The answer, to be recorded: reading it gives what it changed.
    pub document: Document,
    /// What the answer says that belongs into the configuration.
    pub settings: Vec<Learnt>,
    /// What is odd about it, for people, each with its remedy.
    pub oddities: Vec<String>,
}

/// A setting whose value the platform gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Learnt {
    /// Which.
    pub key: &'static str,
    /// What the platform says.
    pub value: String,
    /// Whether the configuration says the same.
    pub is_configured: bool,
}

/// A document that did not come as a webhook and is recorded like one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// Its id, derived from what it is about: the same thing found twice has the same id.
    pub id: EventId,
    /// When what it tells of happened, as claimed.
    pub written_at: Option<Timestamp>,
    /// The body, which the connector's decoder reads.
    pub body: Vec<u8>,
}

/// How the messages of a conversation are listed.
pub trait History {
    /// The call for a page of a conversation; the first one without a cursor.
    fn page(&self, conversation: &ConversationId, cursor: Option<&str>) -> Call;

    /// Reads a page, which the platform has accepted; or says why it cannot be read.
    fn read(&self, conversation: &ConversationId, cursor: Option<&str>, reply: &RecordedReply) -> Result<Page, String>;
}

/// A page of a conversation's messages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    /// One document for each message, in the platform's order.
    pub documents: Vec<Document>,
    /// The cursor of the next page; `None` after the last.
    pub next: Option<String>,
    /// How many entries were no messages that could be named.
    pub unnamed: usize,
}
