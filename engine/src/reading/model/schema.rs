//! What the read model's file holds, and whether a file is one that this program can go on with.
//!
//! The file is a cache: it is not flushed, and whatever is wrong with it, it is made anew from the log.

use std::path::Path;

use chatledger_projections::alterations::Alterations;
use chatledger_projections::assistance::Assistance;
use chatledger_projections::attempts::Attempts;
use chatledger_projections::bindings::Bindings;
use chatledger_projections::contacts::Contacts;
use chatledger_projections::delivery::Delivery;
use chatledger_projections::echoes::Echoes;
use chatledger_projections::held::HeldIntents;
use chatledger_projections::projection::Projection;
use chatledger_projections::threads::Threads;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// Raised whenever the rows change: a file of another version is made anew.
const VERSION: u32 = 2;

/// Says in the file's header whose it is: "ChLr".
const APPLICATION_ID: u32 = u32::from_be_bytes(*b"ChLr");

/// Until which event a row holds that still does, as it stands in the indexes below.
macro_rules! open {
    () => {
        "9223372036854775807"
    };
}

const SCHEMA: &str = concat!(
    "
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY, committed INTEGER NOT NULL, prepared INTEGER NOT NULL, id BLOB NOT NULL,
    type TEXT NOT NULL, at INTEGER NOT NULL, clock INTEGER NOT NULL, stream TEXT NOT NULL, revision INTEGER NOT NULL,
    connection INTEGER, threads TEXT
) STRICT;
CREATE INDEX events_by_position ON events (committed, prepared);
CREATE INDEX events_by_clock ON events (clock);
CREATE INDEX events_by_type ON events (type, seq);
CREATE INDEX events_by_connection ON events (connection, seq) WHERE connection IS NOT NULL;
CREATE INDEX events_by_id ON events (id);
CREATE TABLE touched (thread INTEGER, seq INTEGER, since INTEGER NOT NULL, PRIMARY KEY (thread, seq)) STRICT, WITHOUT ROWID;

CREATE TABLE connections (connection INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE connection_versions (
    connection INTEGER, since INTEGER, webhooks INTEGER NOT NULL, last_webhook_at INTEGER, depth INTEGER NOT NULL,
    held INTEGER NOT NULL, accepted INTEGER NOT NULL, refused INTEGER NOT NULL, unsettled INTEGER NOT NULL,
    silent INTEGER NOT NULL, silent_since INTEGER, PRIMARY KEY (connection, since)
) STRICT, WITHOUT ROWID;
CREATE TABLE latencies (
    connection INTEGER, since INTEGER, steps TEXT NOT NULL, PRIMARY KEY (connection, since)
) STRICT, WITHOUT ROWID;
CREATE TABLE healths (
    connection INTEGER, since INTEGER, document TEXT NOT NULL, PRIMARY KEY (connection, since)
) STRICT, WITHOUT ROWID;
CREATE TABLE configurations (since INTEGER PRIMARY KEY, document TEXT NOT NULL) STRICT;

CREATE TABLE threads (
    thread INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, met INTEGER NOT NULL, route TEXT, opened_at INTEGER, since INTEGER
) STRICT;
CREATE TABLE thread_versions (
    thread INTEGER, since INTEGER, until INTEGER NOT NULL, state INTEGER NOT NULL, active_at INTEGER NOT NULL,
    last INTEGER, from_client INTEGER NOT NULL, from_company INTEGER NOT NULL, open INTEGER NOT NULL,
    held INTEGER NOT NULL, helped INTEGER NOT NULL, silence TEXT, PRIMARY KEY (thread, since)
) STRICT, WITHOUT ROWID;
CREATE INDEX threads_now ON thread_versions (active_at, thread) WHERE until = ",
    open!(),
    ";
CREATE INDEX threads_now_by_state ON thread_versions (state, active_at, thread) WHERE until = ",
    open!(),
    ";
CREATE INDEX threads_then ON thread_versions (active_at, thread);
CREATE INDEX threads_then_by_state ON thread_versions (state, active_at, thread);
CREATE TABLE faces (
    thread INTEGER, since INTEGER, document TEXT NOT NULL, PRIMARY KEY (thread, since)
) STRICT, WITHOUT ROWID;
CREATE TABLE shown_at (
    thread INTEGER, connection INTEGER, since INTEGER NOT NULL, PRIMARY KEY (thread, connection)
) STRICT, WITHOUT ROWID;
CREATE TABLE thread_counts (
    since INTEGER PRIMARY KEY, held INTEGER NOT NULL, failed INTEGER NOT NULL, under_way INTEGER NOT NULL,
    unanswered INTEGER NOT NULL, answered INTEGER NOT NULL, opened INTEGER NOT NULL, everything INTEGER NOT NULL
) STRICT;

CREATE TABLE names (
    name TEXT, what INTEGER, connection INTEGER, thread INTEGER, message INTEGER, since INTEGER NOT NULL,
    PRIMARY KEY (name, what, connection, thread, message)
) STRICT, WITHOUT ROWID;
CREATE TABLE client_names (number INTEGER PRIMARY KEY, thread INTEGER NOT NULL, name TEXT NOT NULL, since INTEGER NOT NULL) STRICT;
CREATE INDEX client_names_by_thread ON client_names (thread);
CREATE VIRTUAL TABLE client_words USING fts5(
    name, content='', tokenize=\"unicode61 remove_diacritics 2\", prefix='1 2 3', detail=none
);

CREATE TABLE messages (
    message INTEGER PRIMARY KEY, thread INTEGER NOT NULL, connection INTEGER NOT NULL, name TEXT NOT NULL,
    heard_at INTEGER NOT NULL, since INTEGER NOT NULL, document TEXT NOT NULL
) STRICT;
CREATE TABLE message_versions (
    message INTEGER, since INTEGER, at INTEGER NOT NULL, state INTEGER NOT NULL, rest TEXT, PRIMARY KEY (message, since)
) STRICT, WITHOUT ROWID;
CREATE TABLE entries (
    thread INTEGER, at INTEGER, seq INTEGER, ordinal INTEGER, what INTEGER NOT NULL, message INTEGER, body TEXT,
    PRIMARY KEY (thread, at, seq, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE intents (
    intent INTEGER PRIMARY KEY, id BLOB NOT NULL, thread INTEGER NOT NULL, connection INTEGER NOT NULL, what TEXT NOT NULL,
    policy TEXT NOT NULL, cause BLOB NOT NULL, message INTEGER, raised INTEGER NOT NULL, ended INTEGER NOT NULL,
    span INTEGER NOT NULL
) STRICT;
CREATE INDEX intents_by_span ON intents (span, raised);
CREATE INDEX intents_by_message ON intents (message, raised) WHERE message IS NOT NULL;
CREATE TABLE attempts (
    intent INTEGER, attempt INTEGER, kind TEXT NOT NULL, call TEXT NOT NULL, engine TEXT, started INTEGER,
    settled INTEGER, outcome TEXT, reason TEXT, status INTEGER, PRIMARY KEY (intent, attempt)
) STRICT, WITHOUT ROWID;
CREATE TABLE held (
    hold INTEGER PRIMARY KEY, id BLOB NOT NULL, thread INTEGER NOT NULL, connection INTEGER NOT NULL, message INTEGER,
    document TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL
) STRICT;
CREATE INDEX held_now ON held (since) WHERE until = ",
    open!(),
    ";
CREATE INDEX held_by_thread ON held (thread, since);
CREATE INDEX held_by_id ON held (id);

CREATE TABLE remark_groups (
    grp INTEGER PRIMARY KEY, kind TEXT NOT NULL, connection INTEGER NOT NULL, at TEXT NOT NULL, found TEXT NOT NULL,
    since INTEGER NOT NULL
) STRICT;
CREATE TABLE remarked (grp INTEGER, since INTEGER, count INTEGER NOT NULL, PRIMARY KEY (grp, since)) STRICT, WITHOUT ROWID;
CREATE TABLE anomaly_groups (
    grp INTEGER PRIMARY KEY, kind TEXT NOT NULL, connection INTEGER, since INTEGER NOT NULL
) STRICT;
CREATE TABLE anomalies (
    grp INTEGER, since INTEGER, count INTEGER NOT NULL, detail TEXT NOT NULL, PRIMARY KEY (grp, since)
) STRICT, WITHOUT ROWID;
"
);

/// How much of the file the writer keeps at hand.
const WRITER_CACHE_KIB: i64 = 64 * 1024;

/// How much each reader keeps at hand.
const READER_CACHE_KIB: i64 = 8 * 1024;

/// What rows depend on beside the log: the rows' own version, and each fold's.
fn versions() -> String {
    fn of<P: Projection>() -> String {
        format!("{}={}", P::NAME, P::VERSION)
    }
    let folds = [
        of::<Threads>(),
        of::<Bindings>(),
        of::<Contacts>(),
        of::<Assistance>(),
        of::<Echoes>(),
        of::<Delivery>(),
        of::<Alterations>(),
        of::<Attempts>(),
        of::<HeldIntents>(),
    ];
    // A decoder that has learnt to read better comes with another version of the program.
    format!("rows={VERSION} program={} {}", env!("CARGO_PKG_VERSION"), folds.join(" "))
}

/// Opens the file for its one writer: as it is, if it can be gone on with, else empty. Says whether it was gone on with.
pub(super) fn open_to_write(path: &Path) -> Result<(Connection, bool), rusqlite::Error> {
    if let Ok(connection) = connect(path) {
        if is_ours(&connection) {
            return Ok((connection, true));
        }
        // In place: a reader that has just opened the file would meet, by their names, the companions of another one.
        if empty(&connection).is_ok() {
            return Ok((fill(connection)?, false));
        }
    }
    discard(path);
    Ok((fill(connect(path)?)?, false))
}

/// Takes everything out of the file.
fn empty(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, true)?;
    let emptied = connection.execute_batch("VACUUM");
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, false)?;
    emptied
}

/// Makes the tables in an empty file.
fn fill(connection: Connection) -> Result<Connection, rusqlite::Error> {
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.execute_batch(SCHEMA)?;
    connection.execute("INSERT INTO about VALUES ('versions', ?1)", [versions()])?;
    Ok(connection)
}

/// Opens the file for one of its readers.
pub(in crate::reading) fn open_to_read(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    // Mapped into memory the file would be read faster, and a disk that fails, or somebody who cuts the file off, would end the
    // engine (SIGBUS) instead of this answer.
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.busy_timeout(std::time::Duration::from_secs(2))?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

/// Takes a file away, and what SQLite keeps beside it. What cannot be taken away will not open, and that is told then.
pub(in crate::reading) fn discard(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let _absent = std::fs::remove_file(name);
    }
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // A cache that a crash of the machine has spoilt is found out by its events, and made anew.
    connection.pragma_update(None, "synchronous", "off")?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

fn is_ours(connection: &Connection) -> bool {
    let id: Result<u32, _> = connection.pragma_query_value(None, "application_id", |row| row.get(0));
    let made_by: Result<String, _> =
        connection.query_row("SELECT value FROM about WHERE key = 'versions'", [], |row| row.get(0));
    matches!((id, made_by), (Ok(APPLICATION_ID), Ok(made_by)) if made_by == versions())
}
