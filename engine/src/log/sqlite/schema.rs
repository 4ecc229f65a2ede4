//! What an SQLite log's file holds, and how a new one is made: whole or not at all.
//!
//! One table of events. A stream is named where it begins and numbered by the position of its first event, so that a
//! webhook, the only event of its stream, costs one row at the end of the table; the table's own indexes hold later events
//! only. Which stream begins where is an index that `streams` keeps, partly in memory; all of it can be made anew from the
//! events.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

/// Says in the file's header whose it is: "ChLg".
pub(super) const APPLICATION_ID: u32 = u32::from_be_bytes(*b"ChLg");

/// The format that this program writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;

/// What there is in the file, by name.
pub(super) const NAMES: [&str; 10] = [
    "events",
    "events_are_never_changed",
    "events_are_never_removed",
    "ids",
    "readable",
    "revisions",
    "settled",
    "settled_only_rises",
    "streams",
    "streams_never_move",
];

pub(super) const SCHEMA: &str = "
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    stream   INTEGER NOT NULL, -- the position of the stream's first event
    revision INTEGER NOT NULL CHECK (revision >= 0),
    name     TEXT,             -- the stream's name, at its first event only
    id       BLOB NOT NULL CHECK (length(id) = 16),
    type     TEXT NOT NULL,
    metadata BLOB NOT NULL,
    data     BLOB NOT NULL,
    CHECK ((revision = 0) = (position = stream) AND (revision = 0) = (name IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX revisions ON events (stream, revision) WHERE revision > 0;
CREATE UNIQUE INDEX ids ON events (stream, id) WHERE revision > 0;
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER events_are_never_removed BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
-- The index of stream names, as far as it is written: half a SHA-256 of the name, and where the stream begins. What begins
-- after `settled.through` may be absent.
CREATE TABLE streams (
    key      BLOB PRIMARY KEY CHECK (length(key) = 16),
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE settled (through INTEGER NOT NULL) STRICT;
INSERT INTO settled VALUES (0);
CREATE TRIGGER streams_never_move BEFORE UPDATE ON streams
BEGIN SELECT RAISE(ABORT, 'a stream begins where it begins'); END;
CREATE TRIGGER settled_only_rises BEFORE UPDATE ON settled WHEN new.through < old.through
BEGIN SELECT RAISE(ABORT, 'what has settled stays settled'); END;
-- For people with a database browser; the program does not use it.
CREATE VIEW readable AS
SELECT one.position, coalesce(one.name, first.name) AS stream, one.revision, lower(hex(one.id)) AS id, one.type,
       CAST(one.metadata AS TEXT) AS metadata, CAST(one.data AS TEXT) AS data
FROM events AS one JOIN events AS first ON first.position = one.stream;
";

/// Makes an empty log under another name and puts it in place, so that a crash leaves no half of one.
pub(super) fn create(path: &Path) -> Result<(), CreateError> {
    let unfinished = beside(path, ".unfinished");
    if unfinished.exists() {
        fs::remove_file(&unfinished)?;
    }
    let connection = Connection::open_with_flags(
        &unfinished,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", FORMAT)?;
    connection.execute_batch(SCHEMA)?;
    // Kept in the file's header: readers go on reading while one writes.
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.close().map_err(|(_, error)| error)?;
    File::open(&unfinished)?.sync_all()?;
    fs::rename(&unfinished, path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// A file's companion: its name with something behind it.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Why no new log could be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum CreateError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    File(#[from] std::io::Error),
}
