//! What a file is, found out without touching it. Reads the header's bytes itself: SQLite would put its own files beside
//! a database of another program before we knew whose it is.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::schema::{APPLICATION_ID, FORMAT, NAMES, beside};
use crate::log::{BoxedError, OpenError};

/// What was found under a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// No file, or an empty one.
    Nothing,
    /// A log of ours, as far as its header tells.
    Log,
}

/// Every SQLite file begins with this. Source: sqlite.org/fileformat.html, section 1.3, for this and the offsets below.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const HEADER_SIZE: usize = 100;
const PAGE_SIZE_AT: usize = 16;
const PAGE_COUNT_AT: usize = 28;
const USER_VERSION_AT: usize = 60;
const APPLICATION_ID_AT: usize = 68;

/// Looks at the file under a path.
pub(super) fn look(path: &Path) -> Result<Found, OpenError> {
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == ErrorKind::NotFound => return nothing(path),
        Err(error) => return Err(unavailable(path, error)),
    };
    if !about.is_file() {
        let what = if about.is_dir() { "a folder" } else { "no ordinary file" };
        return Err(foreign(path, what));
    }
    let mut header = Vec::with_capacity(HEADER_SIZE);
    let file = File::open(path).map_err(|error| unavailable(path, error))?;
    file.take(HEADER_SIZE as u64).read_to_end(&mut header).map_err(|error| unavailable(path, error))?;
    if header.is_empty() {
        return nothing(path);
    }
    if !header.starts_with(MAGIC) {
        return Err(foreign(path, "it does not begin as an SQLite file does"));
    }
    let Ok(header) = <&[u8; HEADER_SIZE]>::try_from(header.as_slice()) else {
        return Err(damaged(path, "it ends within its header"));
    };
    if number(header, APPLICATION_ID_AT) != APPLICATION_ID {
        return Err(foreign(path, "an SQLite database of another program"));
    }
    let found = number(header, USER_VERSION_AT);
    if found > FORMAT {
        return Err(OpenError::Newer { path: path.display().to_string(), found, known: FORMAT });
    }
    if found < FORMAT {
        return Err(damaged(path, "its header names a format that there never was"));
    }
    check_length(path, header, about.len())?;
    Ok(Found::Log)
}

/// Checks what the header cannot tell, once the log is open.
pub(super) fn check_open(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let names = connection
        .prepare("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name")
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>())
        .map_err(|error| cannot_open(path, error))?;
    if let Some(missing) = NAMES.iter().find(|name| !names.iter().any(|found| found == *name)) {
        return Err(damaged(path, &format!("{missing:?} is missing from it")));
    }
    // The ends of the table: the first and the last thing that an append or a read would need.
    connection
        .query_row(
            "SELECT min(position), max(position), (SELECT count(*) FROM (SELECT id FROM events LIMIT 1)) FROM events",
            [],
            |_| Ok(()),
        )
        .map_err(|error| cannot_open(path, error))
}

/// An SQLite error, sorted by what it says of the file.
pub(super) fn cannot_open(path: &Path, error: rusqlite::Error) -> OpenError {
    if is_damage(&error) { damaged(path, &error.to_string()) } else { unavailable(path, error) }
}

/// Whether an SQLite error says that the file is not what was written.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase))
}

/// The file system, or SQLite, said no.
pub(super) fn unavailable(path: &Path, cause: impl Into<BoxedError>) -> OpenError {
    OpenError::Unavailable { path: path.display().to_string(), cause: cause.into() }
}

/// There is no log here; but a write-ahead file without one holds what its log lacks.
fn nothing(path: &Path) -> Result<Found, OpenError> {
    let ahead = write_ahead(path);
    if is_filled(&ahead) {
        return Err(damaged(path, &format!("it is gone, but {} still holds a part of it", ahead.display())));
    }
    Ok(Found::Nothing)
}

/// A file that is shorter than its header says was cut off, unless the rest is still in the write-ahead file.
fn check_length(path: &Path, header: &[u8; HEADER_SIZE], length: u64) -> Result<(), OpenError> {
    let page_size = match u16::from_be_bytes([header[PAGE_SIZE_AT], header[PAGE_SIZE_AT + 1]]) {
        1 => 65_536,
        size if size.is_power_of_two() && size >= 512 => u64::from(size),
        _ => return Err(damaged(path, "its header names a page size that there cannot be")),
    };
    let pages = u64::from(number(header, PAGE_COUNT_AT));
    if length < pages * page_size && !is_filled(&write_ahead(path)) {
        return Err(damaged(path, &format!("it is cut off: {} of {pages} pages are there", length / page_size)));
    }
    Ok(())
}

fn write_ahead(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

fn is_filled(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.len() > 0)
}

fn number(header: &[u8; HEADER_SIZE], at: usize) -> u32 {
    u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

fn foreign(path: &Path, what: &str) -> OpenError {
    OpenError::Foreign { path: path.display().to_string(), what: what.to_owned() }
}

fn damaged(path: &Path, what: &str) -> OpenError {
    OpenError::Damaged { path: path.display().to_string(), what: what.to_owned() }
}
