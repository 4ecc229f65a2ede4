//! The one writer of an SQLite log: a thread that owns the only connection that writes.
//!
//! Takes whatever appends are waiting, runs them in one transaction, answers all of them after the one flush. Nobody is
//! answered before. If the transaction fails, nobody's append is stored, conflicts included: they may have been with an
//! append that is now undone. Those that come during a flush are the next batch; and because whoever was just answered
//! often comes back at once, the writer waits for as many as there were last time, but only a fraction of a flush.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chatledger_projections::ids::EventId;
use chatledger_projections::recorded::{Position, Revision, StreamName};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use super::folding::{self, Ahead, Folding};
use super::lock::WriterLock;
use super::reader::head;
use super::recent::Recent;
use super::streams::{Key, News, Streams};
use crate::log::expectation::{StreamSoFar, Verdict, judge};
use crate::log::{Append, AppendError, Appended, BoxedError, NewEvent, StoredEvent, ends_the_order};
use crate::metrics;

/// How many requests wait for the writer; when so many do, whoever appends waits before that.
const QUEUE: usize = 1024;

/// How many appends share a flush at most, and from how many bytes on no more are added.
const BATCH_APPENDS: usize = 1024;
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// A request of more appends than this is bulk: what follows from a batch of events, not somebody who waits for an
/// answer to one. While others wait it is stored in slices, one a flush, so that nobody waits for all of it. A slice is small
/// beside what the others write (8 instead of 32: a sixth more webhooks a second); when they pause, it goes on at full size.
const BULK: usize = 16;
const SLICE: usize = 8;
const OTHERS: usize = 8;

/// Which part of the last flush's time is waited for as many appends as it had, and how often the queue is looked at.
/// Without it, 64 writers who each wait for their answer shared a flush by 34; with it by 55, and appended 30 to 50 %
/// more (measured 2026-11-21 on a disk of some 250 flushes a second). One writer alone never waits.
const WAIT_FRACTION: u32 = 8;
const LOOK_AGAIN: Duration = Duration::from_micros(50);

/// How long the writer waits for a person who holds the file with a database browser.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much of the write-ahead file is kept for reuse.
const KEPT_AHEAD_BYTES: u32 = 64 * 1024 * 1024;

type Answers = Vec<Result<Appended, AppendError>>;

/// A hand on the writer. Dropping it lets the writer finish what is waiting, then end.
#[derive(Debug)]
pub(super) struct Writer {
    /// `None` only while it is dropped.
    queue: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    /// Ends before the writer does, which folds in what is left.
    folding: Option<Folding>,
}

#[derive(Debug)]
enum Request {
    Append {
        appends: Vec<Append>,
        answer: oneshot::Sender<Answers>,
    },
    LimitPages(u32),
    /// Fold what is left of the write-ahead file, so that it can be used from its beginning.
    Fold,
}

impl Writer {
    /// Starts the writer of a file. It publishes the newest position after each flush.
    pub(super) fn start(
        path: PathBuf,
        connection: Connection,
        lock: WriterLock,
        recent: Arc<Recent>,
        head: watch::Sender<Option<Position>>,
    ) -> Result<Self, StartError> {
        let hold = Hold::take(connection)?;
        let (queue, requests) = mpsc::channel(QUEUE);
        let ahead = Ahead::default();
        // A weak hand: the writer ends when all others have let go of it.
        let asking = queue.downgrade();
        let ask_writer = move || {
            // With a full queue it is asked again, when there is as much more.
            let _full = asking.upgrade().map(|queue| queue.try_send(Request::Fold));
        };
        let folding = Folding::start(path.clone(), Ahead::clone(&ahead), ask_writer)?;
        let desk = Desk {
            path,
            ahead,
            hold: Some(hold),
            requests,
            recent,
            head,
            most_pages: None,
            last_batch: LastBatch::default(),
            bulk: VecDeque::new(),
            _lock: lock,
        };
        let thread = thread::Builder::new().name("log-writer".to_owned()).spawn(move || desk.work())?;
        Ok(Self { queue: Some(queue), thread: Some(thread), folding: Some(folding) })
    }

    /// Appends, each for itself, sharing a flush.
    pub(super) async fn append(&self, appends: Vec<Append>) -> Answers {
        let streams: Vec<_> = appends.iter().map(|append| append.stream.clone()).collect();
        let (answer, answered) = oneshot::channel();
        if let Err(cause) = self.send(Request::Append { appends, answer }).await {
            let cause = Arc::new(cause);
            return streams.into_iter().map(|stream| Err(unavailable(stream, &cause))).collect();
        }
        match answered.await {
            Ok(answers) => answers,
            // The writer ended in between, so nobody can tell.
            Err(lost) => {
                let unknown = |stream| Err(AppendError::Unknown { stream, cause: lost.clone().into() });
                streams.into_iter().map(unknown).collect()
            }
        }
    }

    /// Keeps the file from growing beyond so many pages.
    pub(super) async fn limit_pages(&self, pages: u32) {
        // A writer that has ended lets nothing grow.
        let _ended = self.send(Request::LimitPages(pages)).await;
    }

    async fn send(&self, request: Request) -> Result<(), SharedCause> {
        let ended = || SharedCause("the log's writer has ended".into());
        let queue = self.queue.as_ref().ok_or_else(ended)?;
        queue.send(request).await.map_err(|_| ended())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.folding = None;
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // Waits for the last flush; a panic in the thread has been told by the panic hook.
            let _panicked = thread.join();
        }
    }
}

/// Opens the connection that writes. It never makes a file.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // A flush at each commit: an answer means "on disk".
    connection.pragma_update(None, "synchronous", "full")?;
    // Not within a commit: see `folding`.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", KEPT_AHEAD_BYTES)?;
    // More would make a commit slower: SQLite walks the whole of its table of cached pages after each.
    connection.pragma_update(None, "cache_size", -16 * 1024)?;
    Ok(connection)
}

/// What the thread owns.
struct Desk {
    path: PathBuf,
    /// `None` after a failure that leaves the connection in doubt.
    hold: Option<Hold>,
    requests: mpsc::Receiver<Request>,
    /// For those who follow closely.
    recent: Arc<Recent>,
    head: watch::Sender<Option<Position>>,
    most_pages: Option<u32>,
    last_batch: LastBatch,
    bulk: VecDeque<Bulk>,
    /// How much was written since it was folded.
    ahead: Ahead,
    /// Released after the connection is closed: fields are dropped in order.
    _lock: WriterLock,
}

/// The file in the writer's hand.
struct Hold {
    connection: Connection,
    streams: Streams,
}

impl Hold {
    fn take(mut connection: Connection) -> rusqlite::Result<Self> {
        let streams = Streams::open(&mut connection)?;
        Ok(Self { connection, streams })
    }
}

/// What the next batch may expect.
#[derive(Clone, Copy, Default)]
struct LastBatch {
    appends: usize,
    took: Duration,
}

struct Waiting {
    appends: Vec<Append>,
    /// `None` for a slice of bulk: its answers are kept with the rest of it.
    answer: Option<oneshot::Sender<Answers>>,
}

/// A large request on its way, slice by slice.
struct Bulk {
    left: std::vec::IntoIter<Append>,
    answers: Answers,
    answer: oneshot::Sender<Answers>,
}

impl Desk {
    fn work(mut self) {
        loop {
            // With bulk in hand nobody has to come first; when the last hand has let go, what is in hand is finished.
            let request =
                if self.bulk.is_empty() { self.requests.blocking_recv() } else { self.requests.try_recv().ok() };
            if request.is_none() && self.bulk.is_empty() {
                break;
            }
            let batch = self.gather(request);
            if !batch.is_empty() {
                self.flush(batch);
            }
        }
        if let Some(Hold { connection, streams: _ }) = &self.hold {
            // Leaves one file behind where it can. What stays in the write-ahead file is as safe.
            let _left_ahead = connection.pragma_update(None, "wal_checkpoint", "truncate");
        }
    }

    /// Takes what is waiting, up to a batch.
    fn gather(&mut self, first: Option<Request>) -> Vec<Waiting> {
        let mut batch = Vec::new();
        let (mut appends_so_far, mut bytes) = (0, 0);
        let give_up = Instant::now() + self.last_batch.took / WAIT_FRACTION;
        let mut request = first;
        while let Some(next) = request {
            match next {
                Request::LimitPages(pages) => self.limit_pages(pages),
                Request::Fold => self.fold(),
                Request::Append { appends, answer } if appends.len() > BULK => {
                    let answers = Vec::with_capacity(appends.len());
                    self.bulk.push_back(Bulk { left: appends.into_iter(), answers, answer });
                }
                Request::Append { appends, answer } => {
                    appends_so_far += appends.len();
                    bytes += appends.iter().flat_map(|append| &append.events).map(NewEvent::size).sum::<usize>();
                    batch.push(Waiting { appends, answer: Some(answer) });
                }
            }
            let is_full = appends_so_far >= BATCH_APPENDS || bytes >= BATCH_BYTES;
            let more_may_come = appends_so_far < self.last_batch.appends;
            request = if is_full { None } else { self.next_request(more_may_come.then_some(give_up)) };
        }
        self.last_batch.appends = appends_so_far;
        if let Some(bulk) = self.bulk.front_mut() {
            let room = BATCH_APPENDS.saturating_sub(appends_so_far);
            let slice = if appends_so_far >= OTHERS { SLICE } else { room };
            let appends: Vec<Append> = within(&mut bulk.left, slice, BATCH_BYTES.saturating_sub(bytes));
            batch.push(Waiting { appends, answer: None });
        }
        batch
    }

    /// A slice of bulk is done. Its answers are told when all of it is. Behind a slice that was not stored nothing of the
    /// same request is: those who append in order rely on it, and the others come again with all that is left.
    fn keep(&mut self, answers: Answers) {
        let Some(bulk) = self.bulk.front_mut() else { return };
        let is_stored = !answers.iter().any(ends_the_order);
        bulk.answers.extend(answers);
        if !is_stored {
            let cause = Arc::new(SharedCause("an append before it was not stored".into()));
            bulk.answers.extend(bulk.left.by_ref().map(|append| Err(unavailable(append.stream, &cause))));
        }
        if bulk.left.len() == 0
            && let Some(Bulk { answers, answer, left: _ }) = self.bulk.pop_front()
        {
            let _gone = answer.send(answers);
        }
    }

    /// The next request that is there, or that comes before it is time to give up.
    fn next_request(&mut self, give_up: Option<Instant>) -> Option<Request> {
        loop {
            match self.requests.try_recv() {
                Ok(request) => return Some(request),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) if give_up.is_some_and(|give_up| Instant::now() < give_up) => {
                    thread::sleep(LOOK_AGAIN);
                }
                Err(TryRecvError::Empty) => return None,
            }
        }
    }

    fn fold(&mut self) {
        let folded = self.hold().and_then(|hold| folding::fold(&hold.connection));
        if let Err(error) = folded {
            tracing::warn!(%error, "the write-ahead file could not be folded into the log");
        }
    }

    fn limit_pages(&mut self, pages: u32) {
        self.most_pages = Some(pages);
        // Reopened under the new limit.
        self.hold = None;
    }

    fn flush(&mut self, batch: Vec<Waiting>) {
        let started = Instant::now();
        let result = self.write(&batch);
        self.last_batch.took = started.elapsed();
        match result {
            Ok(written) => {
                let mut stored = Vec::with_capacity(written.events);
                for (waiting, answers) in batch.into_iter().zip(written.answers) {
                    for (append, answer) in waiting.appends.into_iter().zip(&answers) {
                        stored.extend(as_stored(append, answer));
                    }
                    match waiting.answer {
                        // Whoever does not wait any more may ask again.
                        Some(answer) => drop(answer.send(answers)),
                        None => self.keep(answers),
                    }
                }
                if written.events > 0 {
                    self.ahead.fetch_add(written.bytes, Ordering::Relaxed);
                    metrics::flushed(self.last_batch.took, written.events);
                    self.recent.add(stored);
                    self.head.send_replace(written.head);
                }
            }
            Err(failure) => {
                tracing::error!(error = %failure.cause, certain = failure.certain, "the log could not be written");
                // A full disk and a file held by somebody leave the connection sound; of anything else it is not known.
                if !matches!(failure.cause.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy)) {
                    self.hold = None;
                }
                let cause = Arc::new(SharedCause(failure.cause.into()));
                for Waiting { appends, answer } in batch {
                    let answers = appends.into_iter().map(|append| {
                        Err(if failure.certain {
                            unavailable(append.stream, &cause)
                        } else {
                            AppendError::Unknown { stream: append.stream, cause: Arc::clone(&cause).into() }
                        })
                    });
                    match answer {
                        Some(answer) => drop(answer.send(answers.collect())),
                        None => self.keep(answers.collect()),
                    }
                }
            }
        }
    }

    fn write(&mut self, batch: &[Waiting]) -> Result<Written, Failure> {
        let Hold { connection, streams } = self.hold()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let head = head(&transaction)?;
        let mut written = Written { answers: Vec::with_capacity(batch.len()), events: 0, bytes: 0, head };
        let mut news = News::default();
        for waiting in batch {
            let mut answers = Vec::with_capacity(waiting.appends.len());
            for append in &waiting.appends {
                answers.push(store(&transaction, streams, append, &mut news, &mut written)?);
            }
            written.answers.push(answers);
        }
        if written.events > 0 {
            streams.settle(&transaction, &mut news, head.map_or(0, Position::commit))?;
            transaction.commit().map_err(Failure::at_commit)?;
            streams.keep(news);
        }
        Ok(written)
    }

    fn hold(&mut self) -> rusqlite::Result<&mut Hold> {
        let hold = match self.hold.take() {
            Some(hold) => hold,
            None => {
                let connection = connect(&self.path)?;
                if let Some(pages) = self.most_pages {
                    connection.pragma_update(None, "max_page_count", pages)?;
                }
                Hold::take(connection)?
            }
        };
        Ok(self.hold.insert(hold))
    }
}

/// Why the writer could not begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("no thread could be started")]
    Thread(#[from] std::io::Error),
}

/// What a transaction did.
struct Written {
    answers: Vec<Answers>,
    events: usize,
    bytes: u64,
    head: Option<Position>,
}

/// Why a transaction did not happen.
struct Failure {
    /// Whether it certainly did not.
    certain: bool,
    cause: rusqlite::Error,
}

impl From<rusqlite::Error> for Failure {
    fn from(cause: rusqlite::Error) -> Self {
        Self { certain: true, cause }
    }
}

impl Failure {
    /// A disk that is full did not take the end of the transaction, without which there is none. Any other failure may
    /// be one of the flush, after which the end may be on disk or not.
    fn at_commit(cause: rusqlite::Error) -> Self {
        Self { certain: cause.sqlite_error_code() == Some(ErrorCode::DiskFull), cause }
    }
}

/// One cause for all that it befell.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct SharedCause(BoxedError);

/// The next appends of a bulk: at least one, and no more than so many and so many bytes.
fn within(left: &mut std::vec::IntoIter<Append>, most: usize, bytes: usize) -> Vec<Append> {
    let size = |append: &Append| append.events.iter().map(NewEvent::size).sum::<usize>();
    let mut taken = 0;
    let mut slice = Vec::with_capacity(most.min(left.len()));
    while let Some(next) = left.as_slice().first() {
        taken += size(next);
        if !slice.is_empty() && (slice.len() >= most || taken > bytes) {
            break;
        }
        slice.extend(left.next());
    }
    slice
}

fn unavailable(stream: StreamName, cause: &Arc<SharedCause>) -> AppendError {
    AppendError::Unavailable { stream, cause: Arc::clone(cause).into() }
}

/// What an append put into the log, which is nothing if it was refused or stood there already.
fn as_stored(append: Append, answer: &Result<Appended, AppendError>) -> impl Iterator<Item = StoredEvent> {
    let Append { stream, expected: _, events } = append;
    let last = match answer {
        Ok(Appended { last_revision: Some(revision), position: Some(position), already: false }) => {
            Some((revision.as_u64(), position.commit()))
        }
        Ok(_) | Err(_) => None,
    };
    let from_last = (0..events.len() as u64).rev();
    events.into_iter().zip(from_last).filter_map(move |(event, from_last)| {
        let (revision, position) = last?;
        Some(StoredEvent {
            id: event.id,
            stream: stream.clone(),
            revision: Revision::new(revision - from_last),
            position: Position::new(position - from_last),
            event_type: event.event_type,
            data: event.data,
            metadata: event.metadata,
        })
    })
}

fn store(
    transaction: &Transaction<'_>,
    streams: &Streams,
    append: &Append,
    news: &mut News,
    written: &mut Written,
) -> rusqlite::Result<Result<Appended, AppendError>> {
    let key = Key::of(append.stream.as_str());
    let stream = TableStream { transaction, number: streams.find(transaction, news, key)? };
    let first = match judge(append, &stream)? {
        Verdict::Answer(appended) => return Ok(Ok(appended)),
        Verdict::Conflict { actual } => {
            return Ok(Err(AppendError::Conflict { stream: append.stream.clone(), actual }));
        }
        Verdict::Store { first } => first,
    };
    let mut insert = transaction.prepare_cached(
        "INSERT INTO events (position, stream, revision, name, id, type, metadata, data)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let mut position = written.head.map_or(0, Position::commit);
    let mut revision = first;
    let number = stream.number.unwrap_or(position + 1);
    if stream.number.is_none() && !append.events.is_empty() {
        news.begin(key, number);
    }
    for event in &append.events {
        position += 1;
        let name = (revision == Revision::FIRST).then_some(append.stream.as_str());
        let id = event.id.as_uuid();
        insert.execute((
            position,
            number,
            revision.as_u64(),
            name,
            id.as_bytes(),
            &event.event_type,
            &event.metadata,
            &event.data,
        ))?;
        revision = revision.next();
    }
    let last = Revision::new(revision.as_u64() - 1);
    written.events += append.events.len();
    written.bytes += append.events.iter().map(|event| event.size() as u64).sum::<u64>();
    written.head = Some(Position::new(position));
    Ok(Ok(Appended { last_revision: Some(last), position: written.head, already: false }))
}

/// A stream in the table.
struct TableStream<'a> {
    transaction: &'a Transaction<'a>,
    /// The position of its first event.
    number: Option<u64>,
}

impl StreamSoFar for TableStream<'_> {
    type Error = rusqlite::Error;

    fn last(&self) -> rusqlite::Result<Option<Revision>> {
        let Some(number) = self.number else { return Ok(None) };
        let mut last =
            self.transaction.prepare_cached("SELECT max(revision) FROM events WHERE stream = ?1 AND revision > 0")?;
        let last: Option<u64> = last.query_row([number], |row| row.get(0))?;
        Ok(Some(last.map_or(Revision::FIRST, Revision::new)))
    }

    fn at(&self, revision: Revision) -> rusqlite::Result<Option<(EventId, Position)>> {
        let Some(number) = self.number else { return Ok(None) };
        let found = |row: &rusqlite::Row<'_>| {
            Ok((EventId::from_uuid(Uuid::from_bytes(row.get(0)?)), Position::new(row.get(1)?)))
        };
        if revision == Revision::FIRST {
            let mut at = self.transaction.prepare_cached("SELECT id, position FROM events WHERE position = ?1")?;
            return at.query_row([number], found).optional();
        }
        let mut at = self
            .transaction
            .prepare_cached("SELECT id, position FROM events WHERE stream = ?1 AND revision = ?2 AND revision > 0")?;
        at.query_row((number, revision.as_u64()), found).optional()
    }

    fn holds(&self, id: EventId) -> rusqlite::Result<bool> {
        let Some(number) = self.number else { return Ok(false) };
        if self.at(Revision::FIRST)?.is_some_and(|(first, _)| first == id) {
            return Ok(true);
        }
        let mut holds =
            self.transaction.prepare_cached("SELECT 1 FROM events WHERE stream = ?1 AND id = ?2 AND revision > 0")?;
        holds.exists((number, id.as_uuid().as_bytes()))
    }
}
