//! The log in one SQLite file: nothing to install, nothing to operate, one writing process.
//!
//! [`SqliteLog::open`] takes the file for writing; any number of other processes may read beside it
//! ([`SqliteLog::open_read_only`]). Appends go to the writer's thread (`writer`), reads to connections that cannot write
//! (`reader`). Whatever is found under the path is looked at before it is touched (`look`).
//!
//! Beside the file stand `-wal` and `-shm`, SQLite's own, and `.lock`, the writer's. A copy is made with the engine's
//! own export or with SQLite's backup, not by copying one of them.

mod folding;
mod lock;
mod look;
mod reader;
mod recent;
mod schema;
mod streams;
mod transaction;
mod writer;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chatledger_projections::recorded::{Position, Revision, StreamName};
use tokio::sync::watch;

use self::lock::WriterLock;
use self::look::{Found, cannot_open, check_inside, look, unavailable};
use self::reader::Readers;
use self::recent::Recent;
use self::writer::{StartError, Writer};
use super::expectation::check_sizes;
use super::{
    Append, AppendError, Appended, EventLog, Following, LARGEST_EVENT, OpenError, ReadError, StoredEvent,
    StoredEventRef, ends_the_order,
};

/// How often a reader beside another process's writer looks for news.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A log in one SQLite file.
#[derive(Debug)]
pub struct SqliteLog {
    hand: Hand,
    readers: Arc<Readers>,
    largest_event: usize,
}

/// What may be done with the file.
#[derive(Debug)]
enum Hand {
    Writing { writer: Writer, recent: Arc<Recent>, head: watch::Receiver<Option<Position>> },
    Reading,
}

/// This log was opened for reading only.
#[derive(Debug, thiserror::Error)]
#[error("the log was opened for reading only")]
struct ReadingOnly;

impl SqliteLog {
    /// Opens a log for writing and makes it if there is none. Blocks while it looks.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = one_name(path.as_ref());
        // Before anything is put beside a file of somebody else.
        look(&path)?;
        let lock = WriterLock::take(&path)?;
        // Again, now that nobody else can change it.
        if look(&path)? == Found::Nothing {
            schema::create(&path).map_err(|error| unavailable(&path, error))?;
        }
        check_inside(&path)?;
        let writing = writer::connect(&path).map_err(|error| cannot_open(&path, error))?;
        let reading = reader::connect(&path).map_err(|error| cannot_open(&path, error))?;
        let newest = reader::head(&reading).map_err(|error| cannot_open(&path, error))?;
        let (published, head) = watch::channel(newest);
        let recent = Arc::new(Recent::default());
        let writer =
            Writer::start(path.clone(), writing, lock, Arc::clone(&recent), published).map_err(
                |error| match error {
                    StartError::Sqlite(error) => cannot_open(&path, error),
                    StartError::Thread(error) => unavailable(&path, error),
                },
            )?;
        let readers = Arc::new(Readers::new(path, reading));
        Ok(Self { hand: Hand::Writing { writer, recent, head }, readers, largest_event: LARGEST_EVENT })
    }

    /// Opens an existing log for reading, also beside a process that writes to it. Blocks while it looks.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = one_name(path.as_ref());
        if look(&path)? == Found::Nothing {
            let cause = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no log yet");
            return Err(unavailable(&path, cause));
        }
        check_inside(&path)?;
        let reading = reader::connect(&path).map_err(|error| cannot_open(&path, error))?;
        let readers = Arc::new(Readers::new(path, reading));
        Ok(Self { hand: Hand::Reading, readers, largest_event: LARGEST_EVENT })
    }

    /// The same log, refusing events of more bytes than this.
    #[must_use]
    pub fn with_largest_event(mut self, largest_event: usize) -> Self {
        self.largest_event = largest_event;
        self
    }

    /// Keeps the file from growing beyond so many pages of 4 KiB: for a disk that is shared, and for tests of a full one.
    /// The limit can be raised again; it does not outlive this log.
    pub async fn limit_pages(&self, pages: u32) {
        match &self.hand {
            Hand::Writing { writer, recent: _, head: _ } => writer.limit_pages(pages).await,
            Hand::Reading => {}
        }
    }
}

impl Drop for SqliteLog {
    fn drop(&mut self) {
        // Before the writer: the last to close folds the write-ahead file in and removes it, and a reader cannot.
        self.readers.close();
    }
}

#[async_trait]
impl EventLog for SqliteLog {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        match &self.hand {
            Hand::Writing { writer, recent: _, head: _ } => {
                check_sizes(&append, self.largest_event)?;
                writer.append(append).await
            }
            Hand::Reading => Err(AppendError::Unavailable { stream: append.stream, cause: ReadingOnly.into() }),
        }
    }

    async fn append_all(&self, appends: Vec<Append>) -> Vec<Result<Appended, AppendError>> {
        let writer = match &self.hand {
            Hand::Writing { writer, recent: _, head: _ } => writer,
            Hand::Reading => {
                let refuse =
                    |append: Append| Err(AppendError::Unavailable { stream: append.stream, cause: ReadingOnly.into() });
                return appends.into_iter().map(refuse).collect();
            }
        };
        // What is too large is answered here and goes no further.
        let checked: Vec<_> = appends.iter().map(|append| check_sizes(append, self.largest_event)).collect();
        let fitting = appends.into_iter().zip(&checked).filter(|(_, check)| check.is_ok()).map(|(append, _)| append);
        let mut answers = writer.append_all(fitting.collect()).await.into_iter();
        let answer = |check: Result<(), AppendError>| {
            check.and_then(|()| answers.next().expect("the writer answers each append that it was given"))
        };
        checked.into_iter().map(answer).collect()
    }

    async fn append_in_order(&self, appends: Vec<Append>) -> Vec<Result<Appended, AppendError>> {
        // The writer stores nothing of a request behind what it could not store.
        let mut answers = self.append_all(appends).await;
        if let Some(end) = answers.iter().position(ends_the_order) {
            answers.truncate(end + 1);
        }
        answers
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Revision,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, ReadError> {
        let stream = stream.clone();
        self.readers.read(move |readers| readers.stream(&stream, from, limit)).await
    }

    async fn read_all(&self, after: Option<Position>, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        self.readers.read(move |readers| readers.forwards(after, limit)).await
    }

    async fn read_backwards(&self, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        self.readers.read(move |readers| readers.backwards(limit)).await
    }

    async fn follow(&self, after: Option<Position>) -> Result<Box<dyn Following>, ReadError> {
        let head = self.readers.read(Readers::head).await?;
        let news = match &self.hand {
            Hand::Writing { writer: _, recent, head } => News::Told(Arc::clone(recent), head.clone()),
            Hand::Reading => News::LookedFor,
        };
        Ok(Box::new(SqliteFollowing { readers: Arc::clone(&self.readers), news, after, caught_up: after >= head }))
    }

    fn scan(
        &self,
        after: Option<Position>,
        page: usize,
        each: &mut dyn FnMut(StoredEventRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let page = page.max(1);
        let mut after = after;
        loop {
            match self.readers.visit(after, page, each)? {
                ControlFlow::Continue(visited) if visited.count == page => after = visited.last,
                ControlFlow::Continue(_) | ControlFlow::Break(()) => return Ok(()),
            }
        }
    }
}

struct SqliteFollowing {
    readers: Arc<Readers>,
    news: News,
    after: Option<Position>,
    caught_up: bool,
}

/// How a follower learns that there is more.
enum News {
    /// The writer of this process tells, after the flush, and keeps the newest events at hand.
    Told(Arc<Recent>, watch::Receiver<Option<Position>>),
    /// Another process writes, or none: one has to look.
    LookedFor,
}

impl News {
    /// The events after a place, if they need not be read.
    fn at_hand(&self, after: Option<Position>, limit: usize) -> Option<Vec<StoredEvent>> {
        match self {
            Self::Told(recent, _) => recent.after(after, limit),
            Self::LookedFor => None,
        }
    }
}

#[async_trait]
impl Following for SqliteFollowing {
    async fn next(&mut self, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        let limit = limit.max(1);
        loop {
            let after = self.after;
            let events = match self.news.at_hand(after, limit) {
                Some(events) => events,
                None => self.readers.read(move |readers| readers.forwards(after, limit)).await?,
            };
            // Nothing is awaited from here to the return, so a dropped call has moved nothing.
            if let Some(last) = events.last() {
                self.after = Some(last.position);
                self.caught_up = match &self.news {
                    News::Told(_, head) => self.after >= *head.borrow(),
                    News::LookedFor => events.len() < limit,
                };
                return Ok(events);
            }
            self.caught_up = true;
            match &mut self.news {
                News::Told(_, head) => {
                    head.wait_for(|head| *head > after)
                        .await
                        .map_err(|closed| ReadError::Unavailable(closed.into()))?;
                }
                News::LookedFor => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    fn is_caught_up(&self) -> bool {
        self.caught_up
    }

    fn newest(&self) -> Option<Position> {
        match &self.news {
            News::Told(_, head) => *head.borrow(),
            News::LookedFor => None,
        }
    }
}

/// The files that may stand beside a log's: SQLite's own, and the writer's lock.
pub fn companions(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", ".lock"].map(|suffix| schema::beside(path, suffix))
}

/// One name for one file, however it was reached, so that its lock and its companions are the same for everybody.
fn one_name(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}
