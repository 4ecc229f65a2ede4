//! The logs that the suite runs on, and the words in which its cases speak.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chatledger::config::System;
use chatledger::log::eventstoredb::{Address, Credentials, EventStoreDbLog, Timing};
use chatledger::log::memory::MemoryLog;
use chatledger::log::sqlite::SqliteLog;
use chatledger::log::{Append, AppendError, Appended, EventLog, ExpectedRevision, LARGEST_EVENT, NewEvent};
use chatledger_eventstoredb::{Options, Server, Store};
use chatledger_projections::ids::EventId;
use chatledger_projections::recorded::{Position, Revision, StreamName};
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// Where a case gets its log from.
pub trait Backend: Sized {
    /// Whether an id is refused at a second place of its stream.
    const AN_ID_STANDS_ONCE: bool = true;

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

/// On a server that keeps its streams in some log of ours.
pub struct OnServer<const KEPT_IN_A_FILE: bool, const RESTARTED: bool> {
    pub server: Server,
    log: Option<Arc<EventStoreDbLog>>,
    largest_event: usize,
    _folder: TempDir,
}

/// On a server that keeps its streams in memory.
pub type EventStoreDbInMemory = OnServer<false, false>;

/// On a server that keeps its streams in a file.
pub type EventStoreDbInAFile = OnServer<true, false>;

/// On a server that is killed and started again whenever a case asks for the log.
pub type EventStoreDbRestarted = OnServer<false, true>;

impl<const KEPT_IN_A_FILE: bool, const RESTARTED: bool> Backend for OnServer<KEPT_IN_A_FILE, RESTARTED> {
    const AN_ID_STANDS_ONCE: bool = false;

    fn with_largest_event(largest_event: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let kept: Arc<dyn EventLog> = if KEPT_IN_A_FILE {
            Arc::new(SqliteLog::open(folder.path().join("log")).unwrap())
        } else {
            Arc::new(MemoryLog::new())
        };
        Self { server: server(kept, Options::default()), log: None, largest_event, _folder: folder }
    }

    fn log(&mut self) -> Arc<dyn EventLog> {
        if RESTARTED {
            self.server.restart().unwrap();
        }
        let (server, largest) = (&self.server, self.largest_event);
        let log = self.log.get_or_insert_with(|| Arc::new(on(server, Timing::default()).with_largest_event(largest)));
        // Kept by the case alone where it must be able to close it.
        let kept = Arc::clone(log);
        self.log = RESTARTED.then(|| Arc::clone(&kept));
        kept
    }
}

/// A server over a log.
pub fn server(kept: Arc<dyn EventLog>, options: Options) -> Server {
    let store = block_in_place(|| Handle::current().block_on(Store::over(kept, 64 * 1024 * 1024))).unwrap();
    Server::start(store, options).unwrap()
}

/// The log on a server.
pub fn on(server: &Server, timing: Timing) -> EventStoreDbLog {
    let address = server.connection_string().parse().unwrap();
    EventStoreDbLog::open_with(address, None, timing).unwrap()
}

/// On a real server, which a variable names; its streams get a prefix of their own in each run.
pub struct RealServer {
    address: Address,
    largest_event: usize,
}

/// The variable with the address of a real server that may be written to.
pub const REAL_SERVER: &str = "CHATLEDGER_TEST_ESDB";

impl Backend for RealServer {
    const AN_ID_STANDS_ONCE: bool = false;

    fn with_largest_event(largest_event: usize) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut address: Address = std::env::var(REAL_SERVER).unwrap().parse().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        address.prefix = format!("test{now}.{}.", COUNT.fetch_add(1, Ordering::Relaxed));
        Self { address, largest_event }
    }

    fn log(&mut self) -> Arc<dyn EventLog> {
        let credentials = Credentials::look_up(&System).unwrap();
        let log = EventStoreDbLog::open(self.address.clone(), credentials).unwrap();
        Arc::new(log.with_largest_event(self.largest_event))
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
