//! Folding the write-ahead file into the log, beside the writer instead of in its way.
//!
//! SQLite would do it within a commit, and whoever waits for that commit would wait for megabytes of others. Here a
//! thread of its own copies what is ahead whenever there is enough of it; the writer goes on meanwhile. What is written
//! during the copying stays ahead, so under a load that never pauses the file would only grow: beyond a bound the writer
//! itself is asked to fold the little that is left, after which the file is used again from its beginning.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

use super::writer;

/// From how many written bytes on it is worth it.
const WORTH_BYTES: u64 = 8 * 1024 * 1024;

/// From how many pages (of 4 KiB) in the write-ahead file on the writer is asked to help.
const TOO_MANY_PAGES: i64 = 16 * 1024;

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The thread. Dropping it ends it after the copying that is under way.
#[derive(Debug)]
pub(super) struct Folding {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the writer has written since it was folded last, in bytes. Shared with the writer.
pub(super) type Ahead = Arc<AtomicU64>;

impl Folding {
    /// Starts folding a file. `ask_writer` asks the writer to fold what is left between two of its transactions.
    pub(super) fn start(path: PathBuf, ahead: Ahead, ask_writer: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let work = move || {
            let mut connection = None;
            while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                if ahead.load(Ordering::Relaxed) < WORTH_BYTES {
                    continue;
                }
                ahead.store(0, Ordering::Relaxed);
                match fold_once(&path, &mut connection) {
                    Ok(pages) if pages > TOO_MANY_PAGES => ask_writer(),
                    Ok(_) => {}
                    Err(error) => {
                        // Nothing is lost by it: what is ahead is as safe as what is folded.
                        tracing::warn!(%error, "the write-ahead file could not be folded into the log");
                        connection = None;
                    }
                }
            }
        };
        let thread = thread::Builder::new().name("log-folding".to_owned()).spawn(work)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Folding {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn fold_once(path: &std::path::Path, connection: &mut Option<Connection>) -> rusqlite::Result<i64> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(writer::connect(path)?),
    };
    fold(connection)
}

/// Folds what can be folded without making anybody wait. Gives how many pages the write-ahead file holds.
pub(super) fn fold(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))
}
