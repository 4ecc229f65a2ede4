//! How an account is asked for its news, where the platform need not tell of them by itself.
//!
//! A connector gives a [`Polling`]: a pure machine that says what to ask next and makes documents of the answers. The
//! documents are recorded like webhooks, and whoever records them knows neither their form nor their order. Absent are
//! the clock, the sockets and the log: when a round begins, how fast it goes and what is on record is for the engine.

use std::fmt;
use std::time::Duration;

use chatledger_projections::ids::EventId;
use chatledger_projections::time::Timestamp;

use crate::connector::{Call, Reply};

/// One account, asked for its news in rounds. It lives as long as the engine; what it must know beyond that is in the
/// marks that it gives.
pub trait Polling: Send + Sync + fmt::Debug {
    /// How long the rounds are apart.
    fn every(&self) -> Duration;

    /// What to ask next; `None` when the round is over. Asking again after that begins the next round.
    fn ask(&mut self, now: Timestamp) -> Option<Call>;

    /// Reads the answer to what was asked last. After a setback the round is given up, and the next begins anew at the
    /// last mark: nothing is passed over.
    fn take(&mut self, call: &str, reply: Reply<'_>, now: Timestamp) -> Result<News, Setback>;
}

/// What an answer brought.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct News {
    /// Documents to record, in the order in which things were said.
    pub documents: Vec<Document>,
    /// Once they are on record, everything up to this mark is; absent if it is where it was.
    pub through: Option<String>,
}

/// A document that was asked for. Only a connector can make one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    id: EventId,
    body: Vec<u8>,
}

impl Document {
    /// For connectors: `id` is derived from what the document is, so that asking again records nothing twice.
    pub(crate) const fn new(id: EventId, body: Vec<u8>) -> Self {
        Self { id, body }
    }

    /// The document's id: the same however often it is asked for.
    pub const fn id(&self) -> EventId {
        self.id
    }

    /// The document, as it is recorded.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }
}

/// Why a round could not go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setback {
    /// Not before this moment, if the platform named one.
    pub until: Option<Timestamp>,
    /// Why, for people.
    pub reason: String,
    /// Whether it will stay so until a person does something, as with a token that is not good any more.
    pub needs_person: bool,
}
