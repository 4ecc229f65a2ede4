//! The log: the only truth there is. A port, its backends, and the one codec between events and stored bytes.
//!
//! What every backend promises, proven for each by the suite in `tests/log`:
//!
//! * an append is atomic, and answered only when it is on disk;
//! * a stream's revisions are 0, 1, 2 … without gaps;
//! * positions strictly increase, and **no reader sees one appear behind one already seen**;
//! * appending the same ids with the same expectation again succeeds and stores nothing; other ids conflict;
//! * an id stands once in a stream: a second time at another place conflicts (EventStoreDB sees this within one append).
//!
//! There is deliberately no `Any` expectation, no update and no delete.
//!
//! * [`memory`], [`sqlite`] and [`eventstoredb`] are backends; the first two decide by [`expectation`], the server by a rule
//!   that differs in the last promise only; [`address`] says where a log is, and opens it.
//! * [`codec`] alone knows what stored bytes mean; [`naming`] says what our own events and their streams are called.
//! * [`export`] writes a log as lines that any text tool can read, and reads them back; [`copy`] carries it from one store to
//!   another; [`failing`] breaks a log on purpose.

pub mod address;
pub mod codec;
pub mod copy;
pub mod eventstoredb;
pub mod expectation;
pub mod export;
pub mod failing;
pub mod memory;
pub mod naming;
pub mod sqlite;

use std::fmt;
use std::ops::ControlFlow;

use async_trait::async_trait;
use chatledger_projections::ids::EventId;
use chatledger_projections::recorded::{Position, Revision, StreamName};

/// An append-only log of streams.
#[async_trait]
pub trait EventLog: Send + Sync + fmt::Debug {
    /// Appends events to the end of one stream: all of them or none.
    async fn append(&self, append: Append) -> Result<Appended, AppendError>;

    /// Appends to several streams, sharing flushes. Each append is answered for itself, in order.
    async fn append_all(&self, appends: Vec<Append>) -> Vec<Result<Appended, AppendError>>;

    /// Appends to several streams, one after the other, so that none is stored behind one that the log did not take:
    /// after an append that is [not taken](ends_the_order), the others are not tried, and have no answer.
    async fn append_in_order(&self, appends: Vec<Append>) -> Vec<Result<Appended, AppendError>> {
        let mut answers = Vec::with_capacity(appends.len());
        for append in appends {
            answers.push(self.append(append).await);
            if answers.last().is_some_and(ends_the_order) {
                break;
            }
        }
        answers
    }

    /// Reads a stream from a revision (inclusive), oldest first, at most `limit` events. A missing stream is empty.
    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Revision,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, ReadError>;

    /// Reads the log after a position (exclusive; `None`: from the start), oldest first, at most `limit` events.
    async fn read_all(&self, after: Option<Position>, limit: usize) -> Result<Vec<StoredEvent>, ReadError>;

    /// Reads the newest events of the log, newest first.
    async fn read_backwards(&self, limit: usize) -> Result<Vec<StoredEvent>, ReadError>;

    /// Follows the log after a position: history, then whatever is appended, for ever.
    async fn follow(&self, after: Option<Position>) -> Result<Box<dyn Following>, ReadError>;

    /// Hands every event after a position to `each`, oldest first, without copying where the store allows it, until
    /// the log ends or `each` breaks off. Reads `page` events at a time, so that no reader holds the store for long.
    ///
    /// Blocks: call it on a thread that may wait, as `spawn_blocking` gives.
    fn scan(
        &self,
        after: Option<Position>,
        page: usize,
        each: &mut dyn FnMut(StoredEventRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        // For stores that are reached through the runtime.
        let runtime = tokio::runtime::Handle::try_current().map_err(|none| ReadError::Unavailable(none.into()))?;
        let page = page.max(1);
        let mut after = after;
        loop {
            let events = runtime.block_on(self.read_all(after, page))?;
            for event in &events {
                if each(event.as_ref()).is_break() {
                    return Ok(());
                }
            }
            match events.last() {
                Some(last) => after = Some(last.position),
                None => return Ok(()),
            }
        }
    }
}

/// A place in the log from which one reads on. Dropping a pending call loses nothing.
#[async_trait]
pub trait Following: Send {
    /// The next events, at least one and at most `limit`; waits if there are none yet.
    async fn next(&mut self, limit: usize) -> Result<Vec<StoredEvent>, ReadError>;

    /// Whether everything that was in the log at the last call has been given out.
    fn is_caught_up(&self) -> bool;

    /// The newest position of the log, if that is known without asking for it.
    fn newest(&self) -> Option<Position> {
        None
    }
}

/// Events to append to one stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Append {
    /// Which stream.
    pub stream: StreamName,
    /// Where we believe its end to be.
    pub expected: ExpectedRevision,
    /// What to append, in order. May be empty: then only the expectation is checked.
    pub events: Vec<NewEvent>,
}

/// Where we believe a stream's end to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExpectedRevision {
    /// There is no such stream.
    NoStream,
    /// Its last event has this revision.
    Exact(Revision),
}

/// An event as the store takes it: sealed by the codec.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewEvent {
    /// Its id.
    pub id: EventId,
    /// Its type.
    pub event_type: String,
    /// Its substance; only the codec knows how to read it.
    pub data: Vec<u8>,
    /// What is said about it, as a JSON object.
    pub metadata: Vec<u8>,
}

impl NewEvent {
    /// How much of a store's limit it takes.
    pub fn size(&self) -> usize {
        self.event_type.len() + self.data.len() + self.metadata.len()
    }
}

/// An event as the store gives it back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredEvent {
    /// Its id.
    pub id: EventId,
    /// Its stream.
    pub stream: StreamName,
    /// Its place in the stream.
    pub revision: Revision,
    /// Its place in the log.
    pub position: Position,
    /// Its type.
    pub event_type: String,
    /// Its substance.
    pub data: Vec<u8>,
    /// What is said about it.
    pub metadata: Vec<u8>,
}

impl StoredEvent {
    /// The same event, borrowed.
    pub fn as_ref(&self) -> StoredEventRef<'_> {
        StoredEventRef {
            id: self.id,
            stream: self.stream.as_str(),
            revision: self.revision,
            position: self.position,
            event_type: &self.event_type,
            data: &self.data,
            metadata: &self.metadata,
        }
    }
}

/// An event as the store gives it to a [scan](EventLog::scan): borrowed from the store's own page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredEventRef<'a> {
    /// Its id.
    pub id: EventId,
    /// Its stream.
    pub stream: &'a str,
    /// Its place in the stream.
    pub revision: Revision,
    /// Its place in the log.
    pub position: Position,
    /// Its type.
    pub event_type: &'a str,
    /// Its substance.
    pub data: &'a [u8],
    /// What is said about it.
    pub metadata: &'a [u8],
}

impl StoredEventRef<'_> {
    /// The same event, owned.
    pub fn to_owned(self) -> StoredEvent {
        StoredEvent {
            id: self.id,
            stream: StreamName::named(self.stream),
            revision: self.revision,
            position: self.position,
            event_type: self.event_type.to_owned(),
            data: self.data.to_vec(),
            metadata: self.metadata.to_vec(),
        }
    }
}

/// Where appended events ended up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    /// The stream's last revision now; `None` if it is still missing (an empty append).
    pub last_revision: Option<Revision>,
    /// The position of the last event of this append; `None` after an empty append.
    pub position: Option<Position>,
    /// Whether these events were in the stream already, so that nothing was stored.
    pub already: bool,
}

/// Why an append did not happen, or may not have.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The stream's end is elsewhere; nothing was stored.
    #[error("append to {stream}: someone else wrote first (its last revision is {actual:?})")]
    Conflict {
        /// Which stream.
        stream: StreamName,
        /// Where its end is.
        actual: Option<Revision>,
    },
    /// An event is larger than this log takes; nothing was stored.
    #[error("append to {stream}: an event of {size} bytes is more than the {limit} that this log takes")]
    TooLarge {
        /// Which stream.
        stream: StreamName,
        /// The event's size in bytes.
        size: usize,
        /// The most that this log takes, in bytes.
        limit: usize,
    },
    /// The log refused, as with a full disk; nothing was stored.
    #[error("append to {stream}: the log cannot take it now")]
    Unavailable {
        /// Which stream.
        stream: StreamName,
        /// What the store said.
        #[source]
        cause: BoxedError,
    },
    /// The log did not answer: it may or may not be stored. The same append again settles it.
    #[error("append to {stream}: the log did not say whether it took it")]
    Unknown {
        /// Which stream.
        stream: StreamName,
        /// What the store said.
        #[source]
        cause: BoxedError,
    },
}

/// Whether an answer says that the log may not have taken an append, so that those behind it have to wait. A conflict
/// and an event that is too large are verdicts: trying again changes nothing.
pub const fn ends_the_order(answer: &Result<Appended, AppendError>) -> bool {
    match answer {
        Ok(_) | Err(AppendError::Conflict { .. } | AppendError::TooLarge { .. }) => false,
        Err(AppendError::Unavailable { .. } | AppendError::Unknown { .. }) => true,
    }
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The log did not answer.
    #[error("the log cannot be read now")]
    Unavailable(#[source] BoxedError),
    /// What is stored is not what was stored.
    #[error("the log is damaged at position {position}: {what}")]
    Damaged {
        /// Where.
        position: Position,
        /// What is wrong there.
        what: String,
    },
}

/// Why a log cannot be opened. The file is left untouched.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is something else in the file.
    #[error("{path} is not a Chatledger log: {what}; name another file with `log`")]
    Foreign {
        /// The file.
        path: String,
        /// What it is instead.
        what: String,
    },
    /// The file is a log, but broken.
    #[error("{path} is damaged: {what}; restore it from a copy, or keep it aside and import an export")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// A newer program made it.
    #[error(
        "{path} was written by a newer version of Chatledger (format {found}, this one reads {known}); update the program"
    )]
    Newer {
        /// The file.
        path: String,
        /// The file's format.
        found: u32,
        /// The newest format that this program reads.
        known: u32,
    },
    /// Another process writes to it.
    #[error(
        "{path} is in use by another process; one engine at a time writes to a log in a file: end the other, or give both a log on a server, such as \"esdb://localhost:2113\""
    )]
    InUse {
        /// The file.
        path: String,
    },
    /// The file system said no.
    #[error("{path} cannot be opened")]
    Unavailable {
        /// The file.
        path: String,
        /// What it said.
        #[source]
        cause: BoxedError,
    },
}

/// The most bytes of one event, its type, data and metadata together, that a log takes unless told otherwise: what
/// EventStoreDB takes in one append (16 MiB less what its message needs), so that a log can move between stores.
pub const LARGEST_EVENT: usize = 16 * 1024 * 1024 - 10_000;

/// A cause of any type.
pub type BoxedError = Box<dyn std::error::Error + Send + Sync>;
