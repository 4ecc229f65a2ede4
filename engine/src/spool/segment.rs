//! One file of the spool: a small log of its own, written from its beginning, passed on from its beginning, then removed.
//!
//! What is in it is what will be in the log: the same sealed events under the same ids. Every tool that reads a log
//! reads a segment, too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use chatledger_projections::recorded::Position;
use chatledger_projections::time::Timestamp;

use crate::log::sqlite::{SqliteLog, companions};
use crate::log::{EventLog, OpenError, ReadError, codec};

/// What a segment's file name ends with.
const ENDING: &str = ".segment.db";

/// A name's digits: microseconds since 1970, so that names order as their segments do.
const DIGITS: usize = 17;

/// One file of the spool.
#[derive(Debug)]
pub(super) struct Segment {
    pub name: u64,
    pub log: SqliteLog,
    /// Whether an earlier life of ours wrote it.
    pub left_behind: bool,
    path: PathBuf,
    /// How many events were kept in it, and how many of them were passed on. An event's position in a segment is its
    /// number: every append is one event.
    kept: AtomicU64,
    passed: AtomicU64,
}

impl Segment {
    /// Makes a segment. Blocks.
    pub fn make(folder: &Path, name: u64) -> Result<Self, OpenError> {
        let path = path_of(folder, name);
        let log = SqliteLog::open(&path)?;
        Ok(Self { name, log, left_behind: false, path, kept: AtomicU64::new(0), passed: AtomicU64::new(0) })
    }

    /// Opens one that an earlier life of ours left. Blocks.
    pub fn open(folder: &Path, name: u64) -> Result<Self, OpenError> {
        Ok(Self { left_behind: true, ..Self::make(folder, name)? })
    }

    /// Counts what an earlier life of ours kept. What of it was passed on already is passed on again, which changes
    /// nothing: the log has those ids.
    pub async fn count(&self) -> Result<(), ReadError> {
        if let Some(newest) = self.log.read_backwards(1).await?.first() {
            self.has_kept(newest.position);
        }
        Ok(())
    }

    /// When the oldest event that waits was recorded.
    pub async fn oldest(&self) -> Result<Option<Timestamp>, ReadError> {
        let first = self.log.read_all(self.after(), 1).await?;
        Ok(first.first().and_then(|stored| codec::recorded_at(stored.as_ref())))
    }

    /// An event is on disk here.
    pub fn has_kept(&self, position: Position) {
        self.kept.fetch_max(position.commit(), Ordering::Relaxed);
    }

    /// Everything up to here is in the log.
    pub fn has_passed(&self, position: Position) {
        self.passed.fetch_max(position.commit(), Ordering::Relaxed);
    }

    /// From where on events are to be passed on.
    pub fn after(&self) -> Option<Position> {
        match self.passed.load(Ordering::Relaxed) {
            0 => None,
            passed => Some(Position::new(passed)),
        }
    }

    /// How many events wait in it.
    pub fn waiting(&self) -> u64 {
        self.kept.load(Ordering::Relaxed).saturating_sub(self.passed.load(Ordering::Relaxed))
    }

    /// How much of the disk it takes.
    pub fn bytes(&self) -> u64 {
        bytes_of(&self.path)
    }

    /// Closes it and removes its file. Blocks.
    pub fn remove(self) -> io::Result<()> {
        let Self { path, log, .. } = self;
        drop(log);
        remove(&path)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// How much of the disk a segment takes, its companions included.
pub(super) fn bytes_of(path: &Path) -> u64 {
    let size = |path: &Path| fs::metadata(path).map_or(0, |about| about.len());
    size(path) + companions(path).iter().map(|path| size(path)).sum::<u64>()
}

/// The names of the segments in a folder, oldest first.
pub(super) fn names(folder: &Path) -> io::Result<Vec<u64>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let file = entry?.file_name();
        let name = file.to_str().and_then(|file| file.strip_suffix(ENDING)).filter(|name| name.len() == DIGITS);
        names.extend(name.and_then(|name| name.parse::<u64>().ok()));
    }
    names.sort_unstable();
    Ok(names)
}

/// Where a segment lies.
pub(super) fn path_of(folder: &Path, name: u64) -> PathBuf {
    folder.join(format!("{name:0width$}{ENDING}", width = DIGITS))
}

/// The file first: its companions without it are nothing, and it without them is whole, because it was closed.
fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    for companion in companions(path) {
        match fs::remove_file(companion) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
