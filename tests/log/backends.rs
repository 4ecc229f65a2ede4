//! The logs that the suite runs on, and the words in which its cases speak.

use std::sync::Arc;
use std::time::Duration;

use chatledger::log::memory::MemoryLog;
use chatledger::log::sqlite::SqliteLog;
use chatledger::log::{Append, AppendError, Appended, EventLog, ExpectedRevision, LARGEST_EVENT, NewEvent};
use chatledger_projections::ids::EventId;
use chatledger_projections::recorded::{Position, Revision, StreamName};
use tempfile::TempDir;

/// Where a case gets its log from.
pub trait Backend: Sized {
    /// An empty log that takes events of so many bytes.
    fn with_largest_event(largest_event: usize) -> Self;

    /// An empty log.
    fn new() -> Self {
        Self::with_largest_event(LARGEST_EVENT)
    }

    /// The log. Cases ask for it anew where a restart must change nothing.
    fn log(&mut self) -> Arc<dyn EventLog>;
}

/// In memory.
pub struct Memory(MemoryLog);

impl Backend for Memory {
    fn with_largest_event(largest_event: usize) -> Self {
        Self(MemoryLog::with_largest_event(largest_event))
    }

    fn log(&mut self) -> Arc<dyn EventLog> {
        Arc::new(self.0.clone())
    }
}

/// In a file, opened once.
pub struct Sqlite {
    log: Arc<SqliteLog>,
    _folder: TempDir,
}

impl Backend for Sqlite {
    fn with_largest_event(largest_event: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let log = SqliteLog::open(folder.path().join("log")).unwrap().with_largest_event(largest_event);
        Self { log: Arc::new(log), _folder: folder }
    }

    fn log(&mut self) -> Arc<dyn EventLog> {
        Arc::clone(&self.log) as _
    }
}

/// In a file, closed and opened again whenever a case asks for the log and nobody else holds it.
pub struct SqliteReopened {
    log: Option<Arc<SqliteLog>>,
    largest_event: usize,
    folder: TempDir,
}

impl Backend for SqliteReopened {
    fn with_largest_event(largest_event: usize) -> Self {
        Self { log: None, largest_event, folder: TempDir::new().unwrap() }
    }

    fn log(&mut self) -> Arc<dyn EventLog> {
        if let Some(log) = self.log.take().filter(|log| Arc::strong_count(log) > 1) {
            return Arc::clone(self.log.insert(log)) as _;
        }
        let log = SqliteLog::open(self.folder.path().join("log")).unwrap().with_largest_event(self.largest_event);
        Arc::clone(self.log.insert(Arc::new(log))) as _
    }
}

pub const NO_STREAM: ExpectedRevision = ExpectedRevision::NoStream;

pub fn exact(revision: u64) -> ExpectedRevision {
    ExpectedRevision::Exact(Revision::new(revision))
}

pub fn stream(name: &str) -> StreamName {
    StreamName::named(name)
}

pub fn id(name: &str) -> EventId {
    EventId::derived(&[name.as_bytes()])
}

pub fn event(name: &str) -> NewEvent {
    NewEvent { id: id(name), event_type: "Tested".to_owned(), data: name.as_bytes().to_vec(), metadata: b"{}".to_vec() }
}

/// An append of events with these names.
pub fn append(to: &str, expected: ExpectedRevision, names: &[&str]) -> Append {
    Append { stream: stream(to), expected, events: names.iter().map(|name| event(name)).collect() }
}

/// An append of one event to a stream of its own, as a webhook's.
pub fn alone(name: &str) -> Append {
    append(&format!("webhook-{name}"), NO_STREAM, &[name])
}

pub async fn names_in(log: &dyn EventLog, name: &str) -> Vec<String> {
    let events = log.read_stream(&stream(name), Revision::FIRST, usize::MAX).await.unwrap();
    let revisions: Vec<_> = events.iter().map(|event| event.revision.as_u64()).collect();
    assert_eq!(revisions, (0..events.len() as u64).collect::<Vec<_>>(), "revisions are dense");
    events.into_iter().map(|event| String::from_utf8(event.data).unwrap()).collect()
}

pub async fn names_in_log(log: &dyn EventLog) -> Vec<String> {
    let events = log.read_all(None, usize::MAX).await.unwrap();
    assert!(events.is_sorted_by(|one, next| one.position < next.position), "positions rise");
    events.into_iter().map(|event| String::from_utf8(event.data).unwrap()).collect()
}

/// Stored just now, with the last event at this revision.
#[track_caller]
pub fn assert_stored(answer: Result<Appended, AppendError>, last: u64) -> Position {
    let appended = answer.unwrap();
    assert_eq!((appended.last_revision, appended.already), (Some(Revision::new(last)), false));
    appended.position.unwrap()
}

/// Refused because the stream's end is elsewhere.
#[track_caller]
pub fn assert_conflict(answer: Result<Appended, AppendError>, end: Option<u64>) {
    match answer {
        Err(AppendError::Conflict { stream: _, actual }) => assert_eq!(actual, end.map(Revision::new)),
        other => panic!("a conflict was expected, not {other:?}"),
    }
}

/// Whether something is still not done after a while.
pub async fn is_pending<T>(future: impl Future<Output = T>) -> bool {
    tokio::time::timeout(Duration::from_millis(50), future).await.is_err()
}

/// Something that must be done within a time that only a fault exceeds.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("it is done soon")
}
