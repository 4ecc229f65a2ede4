//! What there is in a spool's folder, seen from outside. Changes nothing, also beside the process that has it in hand.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;

use chatledger_projections::time::Timestamp;
use serde::Serialize;

use super::segment::{bytes_of, names, path_of};
use super::{LOCK, SET_ASIDE, SpoolError, unavailable};
use crate::log::sqlite::SqliteLog;
use crate::log::{BoxedError, EventLog, codec};

/// What there is in a spool's folder.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Contents {
    /// Whether a process has it in hand, which passes on what waits.
    pub held: bool,
    /// How many webhooks there are. Of the oldest segment some may be in the log already: what is passed on goes away
    /// one segment at a time.
    pub webhooks: u64,
    /// How much of the disk it takes, in bytes.
    pub bytes: u64,
    /// When the oldest webhook came.
    pub oldest: Option<Timestamp>,
    /// How many segments there are.
    pub segments: usize,
    /// Those that cannot be read, and why.
    pub unreadable: Vec<String>,
    /// How many webhooks lie aside because no log would take them.
    pub set_aside: u64,
}

/// Looks into a folder. One that does not exist is empty.
pub async fn look(folder: &Path) -> Result<Contents, SpoolError> {
    let mut contents = Contents::default();
    let found = match names(folder) {
        Ok(names) => names,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(contents),
        Err(error) => return Err(unavailable(folder, error)),
    };
    contents.held = is_held(folder).map_err(|error| unavailable(folder, error))?;
    for name in found {
        let path = path_of(folder, name);
        let bytes = bytes_of(&path);
        match inside(&path).await {
            Ok((webhooks, oldest)) => {
                contents.webhooks += webhooks;
                contents.oldest = contents.oldest.or(oldest);
            }
            // Passed on in this moment.
            Err(_) if !path.exists() => continue,
            Err(error) => contents.unreadable.push(format!("{}: {error}", path.display())),
        }
        contents.bytes += bytes;
        contents.segments += 1;
    }
    let aside = folder.join(SET_ASIDE);
    if aside.exists() {
        contents.set_aside = inside(&aside).await.map_err(|error| unavailable(folder, error))?.0;
    }
    Ok(contents)
}

impl Contents {
    /// Whether people should look.
    pub const fn is_empty(&self) -> bool {
        self.webhooks == 0 && self.unreadable.is_empty() && self.set_aside == 0
    }
}

/// How many events a log of single events has, and when the first was recorded.
async fn inside(path: &Path) -> Result<(u64, Option<Timestamp>), BoxedError> {
    let file = path.to_owned();
    let log = tokio::task::spawn_blocking(move || SqliteLog::open_read_only(file)).await??;
    let newest = log.read_backwards(1).await?;
    let first = log.read_all(None, 1).await?;
    let oldest = first.first().and_then(|stored| codec::recorded_at(stored.as_ref()));
    Ok((newest.first().map_or(0, |stored| stored.position.commit()), oldest))
}

fn is_held(folder: &Path) -> io::Result<bool> {
    let file = match File::open(folder.join(LOCK)) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    // Shared, so that two who look do not see each other.
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
