//! Reading an SQLite log: read-only connections of our own, so that no reader waits for the writer.
//!
//! Takes where to begin, gives events in order. Every page is one short read transaction: a long one would keep the
//! write-ahead file from being folded into the log.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chatledger_projections::ids::EventId;
use chatledger_projections::recorded::{Position, Revision, StreamName};
use rusqlite::types::FromSqlError;
use rusqlite::{CachedStatement, Connection, OpenFlags, Params, Row};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::look::is_damage;
use super::streams;
use crate::log::{ReadError, StoredEvent, StoredEventRef};

/// How many reads run at once; further ones wait their turn.
const AT_ONCE: usize = 8;

/// How many connections are kept open between reads; further ones are closed after use.
const KEPT: usize = 4;

/// How long a reader waits when the file is being recovered or taken over by another process.
const PATIENCE: Duration = Duration::from_secs(5);

/// What every read selects, in the order in which [`event_in`] takes it apart.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT one.position, one.revision, one.id, one.type, ",
            "coalesce(one.name, (SELECT first.name FROM events AS first WHERE first.position = one.stream)), ",
            "one.metadata, one.data FROM events AS one ",
            $rest
        )
    };
}

const FORWARDS: &str = select!("WHERE one.position > ?1 ORDER BY one.position LIMIT ?2");
const BACKWARDS: &str = select!("ORDER BY one.position DESC LIMIT ?1");
const STREAM_BEGINNING: &str = select!("WHERE one.position = ?1");
const STREAM_REST: &str = select!(
    "WHERE one.stream = ?1 AND one.revision > 0 AND one.revision >= ?2
     ORDER BY one.revision LIMIT ?3"
);

/// Read-only connections to one file.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    /// Readers of a file; the first is opened at once, to be checked.
    pub(super) fn new(path: PathBuf, first: Connection) -> Self {
        Self { path, idle: Mutex::new(vec![first]), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Runs a read on a thread that may wait.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Self) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let turns = Arc::clone(&self.turns);
        let turn = turns.acquire_owned().await.map_err(|closed| ReadError::Unavailable(closed.into()))?;
        let readers = Arc::clone(self);
        let result = tokio::task::spawn_blocking(move || {
            // Held by the thread, for it goes on even if nobody waits any more.
            let _turn = turn;
            read(&readers)
        })
        .await;
        result.map_err(|stopped| ReadError::Unavailable(stopped.into()))?
    }

    /// The log after a position.
    pub(super) fn forwards(&self, after: Option<Position>, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        let mut events = Vec::with_capacity(limit.min(1024));
        let _whole_page = self.visit(after, limit, &mut |event| {
            events.push(event.to_owned());
            ControlFlow::Continue(())
        })?;
        Ok(events)
    }

    /// The newest events of the log.
    pub(super) fn backwards(&self, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        self.with(None, |connection| collect(connection.prepare_cached(BACKWARDS)?, [clamped(limit)]))
    }

    /// A stream from a revision on.
    pub(super) fn stream(
        &self,
        stream: &StreamName,
        from: Revision,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, ReadError> {
        let name = stream.as_str();
        let from = i64::try_from(from.as_u64()).unwrap_or(i64::MAX);
        self.with(None, |connection| {
            // One look at the log for all of it: a name may settle in between.
            let connection = connection.unchecked_transaction()?;
            let Some(number) = streams::beginning(&connection, name)? else { return Ok(Vec::new()) };
            let mut events = Vec::new();
            if from == 0 && limit > 0 {
                events = collect(connection.prepare_cached(STREAM_BEGINNING)?, [number])?;
            }
            let rest = clamped(limit - events.len());
            events.extend(collect(connection.prepare_cached(STREAM_REST)?, (number, from, rest))?);
            Ok(events)
        })
    }

    /// Hands one page of events to `each`. Gives how many there were and the last position; breaks off with `each`.
    pub(super) fn visit(
        &self,
        after: Option<Position>,
        limit: usize,
        each: &mut dyn FnMut(StoredEventRef<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<(), Page>, ReadError> {
        self.with(after, |connection| {
            let mut statement = connection.prepare_cached(FORWARDS)?;
            let mut rows = statement.query((number(after), clamped(limit)))?;
            let mut page = Page { count: 0, last: after };
            while let Some(row) = rows.next()? {
                let event = event_in(row)?;
                page.count += 1;
                page.last = Some(event.position);
                if each(event).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(page))
        })
    }

    /// The newest position.
    pub(super) fn head(&self) -> Result<Option<Position>, ReadError> {
        self.with(None, |connection| Ok(head(connection)?))
    }

    /// Closes the connections that nobody uses; whoever reads later opens one again.
    pub(super) fn close(&self) {
        self.idle().clear();
    }

    fn with<T>(
        &self,
        after: Option<Position>,
        read: impl FnOnce(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, ReadError> {
        let kept = self.idle().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => connect(&self.path).map_err(|error| Trouble::from(error).after(after))?,
        };
        let result = read(&connection).map_err(|trouble| trouble.after(after));
        // A connection that failed is not asked again.
        if result.is_ok() {
            let mut idle = self.idle();
            if idle.len() < KEPT {
                idle.push(connection);
            }
        }
        result
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a page was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    /// How many events it had.
    pub(super) count: usize,
    /// Where to read on.
    pub(super) last: Option<Position>,
}

/// Opens a connection that cannot write.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // Each commit makes a reader's own cache void, and emptying a large one costs more than it gives.
    connection.pragma_update(None, "cache_size", -256)?;
    Ok(connection)
}

/// Opens a connection that takes the file for unchanging, and so puts nothing beside it.
pub(super) fn connect_for_a_look(path: &Path) -> rusqlite::Result<Connection> {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_') {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags)
}

/// The newest position.
pub(super) fn head(connection: &Connection) -> rusqlite::Result<Option<Position>> {
    let head: Option<i64> =
        connection.prepare_cached("SELECT max(position) FROM events")?.query_row([], |row| row.get(0))?;
    Ok(head.map(|head| Position::new(head.unsigned_abs())))
}

/// A position as the table counts; zero is before the first.
fn number(after: Option<Position>) -> i64 {
    after.map_or(0, |after| i64::try_from(after.commit()).unwrap_or(i64::MAX))
}

fn clamped(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn collect(mut statement: CachedStatement<'_>, parameters: impl Params) -> Result<Vec<StoredEvent>, Trouble> {
    let mut rows = statement.query(parameters)?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.push(event_in(row)?.to_owned());
    }
    Ok(events)
}

fn event_in<'row>(row: &'row Row<'_>) -> Result<StoredEventRef<'row>, Trouble> {
    let position = Position::new(row.get::<_, i64>(0)?.unsigned_abs());
    let odd = |error: FromSqlError| Trouble::Odd(position, error.to_string());
    let id = row.get_ref(2)?.as_blob().map_err(odd)?;
    let id = Uuid::from_slice(id).map_err(|error| Trouble::Odd(position, error.to_string()))?;
    Ok(StoredEventRef {
        id: EventId::from_uuid(id),
        stream: row.get_ref(4)?.as_str().map_err(odd)?,
        revision: Revision::new(row.get::<_, i64>(1)?.unsigned_abs()),
        position,
        event_type: row.get_ref(3)?.as_str().map_err(odd)?,
        data: row.get_ref(6)?.as_blob().map_err(odd)?,
        metadata: row.get_ref(5)?.as_blob().map_err(odd)?,
    })
}

/// What went wrong in a read, before it is known where.
enum Trouble {
    Sqlite(rusqlite::Error),
    Odd(Position, String),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Trouble {
    fn after(self, after: Option<Position>) -> ReadError {
        match self {
            Self::Odd(position, what) => ReadError::Damaged { position, what },
            Self::Sqlite(error) if is_damage(&error) => ReadError::Damaged {
                position: after.unwrap_or(Position::new(0)),
                what: format!("somewhere after it: {error}"),
            },
            Self::Sqlite(error) => ReadError::Unavailable(error.into()),
        }
    }
}
