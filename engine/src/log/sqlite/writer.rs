//! The one writer of an SQLite log: a thread that owns the only connection that writes.
//!
//! Takes appends as they come, each into the open transaction, and answers all of them after the one flush. Nobody is
//! answered before. If the transaction fails, nobody's append is stored, conflicts included: they may have been with an
//! append that is now undone. Those that come during a flush are the next batch; and because whoever was just answered
//! often comes back at once, the writer waits for as many as there were last time, but no longer than a flush takes.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chatledger_projections::recorded::{Position, StreamName};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot, watch};

use super::folding::{self, Ahead, Folding};
use super::lock::WriterLock;
use super::recent::Recent;
use super::streams::Streams;
use super::transaction::{Answer, Answers, Failure, OpenTransaction, Written, size};
use crate::log::{Append, AppendError, BoxedError, ends_the_order};
use crate::metrics;

/// How many requests wait for the writer; when so many do, whoever appends waits before that.
const QUEUE: usize = 1024;

/// How many appends share a flush at most, and from how many bytes on no more are added.
const BATCH_APPENDS: usize = 1024;
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// A request of more appends than this is bulk: what follows from a batch of events, not somebody who waits for an
/// answer to one. While others wait it is stored in slices, one a flush, so that nobody waits for all of it. A slice is small
/// beside what the others write, a quarter of it; when they pause, it goes on at full size.
const BULK: usize = 16;
const SLICE: usize = 8;
const SHARE: usize = 4;
const OTHERS: usize = 8;

/// As many appends as shared the last flush are waited for, for as long as that flush took: to flush without them costs
/// as much. What comes meanwhile is stored meanwhile, and one writer alone never waits. With 64 who each wait for their answer,
/// on a disk that flushes in 0.5 ms: waiting an eighth of that, they shared a flush by 30; waiting 0.4 to 0.8 ms, by 35 to 46, and
/// appended a tenth more beside the same bare handler. The queue is looked at every now and then: being woken by each costs more.
const WAIT_AT_MOST: Duration = Duration::from_millis(5);
const LOOK_AGAIN: Duration = Duration::from_micros(50);

/// How long the writer waits for a person who holds the file with a database browser.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much of the write-ahead file is kept for reuse.
const KEPT_AHEAD_BYTES: u32 = 64 * 1024 * 1024;

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
    /// As nearly all are: one append, one answer.
    One(Append, oneshot::Sender<Answer>),
    Many(Vec<Append>, oneshot::Sender<Answers>),
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

    /// Appends.
    pub(super) async fn append(&self, append: Append) -> Answer {
        let stream = append.stream.clone();
        let (answer, answered) = oneshot::channel();
        if let Err(cause) = self.send(Request::One(append, answer)).await {
            return Err(unavailable(stream, &Arc::new(cause)));
        }
        // The writer ended in between, so nobody can tell.
        answered.await.unwrap_or_else(|lost| Err(AppendError::Unknown { stream, cause: lost.into() }))
    }

    /// Appends, each for itself, sharing a flush.
    pub(super) async fn append_all(&self, appends: Vec<Append>) -> Answers {
        let streams: Vec<_> = appends.iter().map(|append| append.stream.clone()).collect();
        let (answer, answered) = oneshot::channel();
        if let Err(cause) = self.send(Request::Many(appends, answer)).await {
            let cause = Arc::new(cause);
            return streams.into_iter().map(|stream| Err(unavailable(stream, &cause))).collect();
        }
        match answered.await {
            Ok(answers) => answers,
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

/// What is in a transaction, and who waits for its answers.
enum Waiting {
    One(Append, oneshot::Sender<Answer>),
    Many(Vec<Append>, oneshot::Sender<Answers>),
    /// Of the first bulk: its answers are kept with the rest of it.
    Slice(Vec<Append>),
}

impl Waiting {
    /// What is to be stored. Its events go to those who follow as soon as they are in the transaction.
    fn appends_mut(&mut self) -> &mut [Append] {
        match self {
            Self::One(append, _) => std::slice::from_mut(append),
            Self::Many(appends, _) | Self::Slice(appends) => appends,
        }
    }

    fn appends(&self) -> &[Append] {
        match self {
            Self::One(append, _) => std::slice::from_ref(append),
            Self::Many(appends, _) | Self::Slice(appends) => appends,
        }
    }

    /// Tells its answers; those of a slice it gives back.
    fn tell(self, mut answers: impl Iterator<Item = Answer>) -> Option<Answers> {
        // Whoever does not wait any more may ask again.
        match self {
            Self::One(_, answer) => {
                let _gone = answers.next().map(|told| answer.send(told));
                None
            }
            Self::Many(appends, answer) => {
                let _gone = answer.send(answers.take(appends.len()).collect());
                None
            }
            Self::Slice(appends) => Some(answers.take(appends.len()).collect()),
        }
    }
}

/// A large request on its way, slice by slice.
struct Bulk {
    left: std::vec::IntoIter<Append>,
    answers: Answers,
    answer: oneshot::Sender<Answers>,
}

/// What is taken into one transaction.
struct Gathering {
    /// What came before there was a transaction.
    first: Option<Request>,
    /// No more is waited for from here on.
    give_up: Instant,
    appends: usize,
    bytes: usize,
    /// Nobody else is taken in.
    is_complete: bool,
    /// The slice of bulk is in it.
    is_sliced: bool,
    /// What cannot be done within a transaction, and ends it.
    afterwards: Option<Request>,
}

impl Gathering {
    fn count(&mut self, waiting: Waiting) -> Waiting {
        self.appends += waiting.appends().len();
        self.bytes += waiting.appends().iter().map(size).sum::<usize>();
        waiting
    }
}

impl Desk {
    fn work(mut self) {
        loop {
            // With bulk in hand nobody has to come first; when the last hand has let go, what is in hand is finished.
            let request =
                if self.bulk.is_empty() { self.requests.blocking_recv() } else { self.requests.try_recv().ok() };
            match request {
                None if self.bulk.is_empty() => break,
                Some(Request::LimitPages(pages)) => self.limit_pages(pages),
                Some(Request::Fold) => self.fold(),
                first @ (Some(Request::One(..) | Request::Many(..)) | None) => self.serve(first),
            }
        }
        if let Some(Hold { connection, streams: _ }) = &self.hold {
            // Leaves one file behind where it can. What stays in the write-ahead file is as safe.
            let _left_ahead = connection.pragma_update(None, "wal_checkpoint", "truncate");
        }
    }

    /// One transaction, from the first that waits to the answers.
    fn serve(&mut self, first: Option<Request>) {
        let give_up = Instant::now() + self.last_batch.took.min(WAIT_AT_MOST);
        let mut gathering =
            Gathering { first, give_up, appends: 0, bytes: 0, is_complete: false, is_sliced: false, afterwards: None };
        let mut batch = Vec::new();
        let result = self.write(&mut gathering, &mut batch);
        self.last_batch.appends = gathering.appends;
        self.answer(batch, result);
        match gathering.afterwards {
            Some(Request::LimitPages(pages)) => self.limit_pages(pages),
            Some(Request::Fold) => self.fold(),
            Some(Request::One(..) | Request::Many(..)) | None => {}
        }
    }

    /// The next that belongs to this transaction: what is there or comes in time, and at last a slice of bulk.
    fn next(&mut self, gathering: &mut Gathering, may_wait: bool) -> Option<Waiting> {
        while !gathering.is_complete {
            let is_full = gathering.appends >= BATCH_APPENDS || gathering.bytes >= BATCH_BYTES;
            let more_may_come = may_wait && gathering.appends < self.last_batch.appends;
            let next = match gathering.first.take() {
                Some(first) => Some(first),
                None if is_full => None,
                None => self.next_request(more_may_come.then_some(gathering.give_up)),
            };
            match next {
                Some(Request::Many(appends, answer)) if appends.len() > BULK => {
                    let answers = Vec::with_capacity(appends.len());
                    self.bulk.push_back(Bulk { left: appends.into_iter(), answers, answer });
                }
                Some(Request::Many(appends, answer)) => return Some(gathering.count(Waiting::Many(appends, answer))),
                Some(Request::One(append, answer)) => return Some(gathering.count(Waiting::One(append, answer))),
                afterwards @ (Some(Request::LimitPages(_) | Request::Fold) | None) => {
                    gathering.afterwards = afterwards;
                    gathering.is_complete = true;
                }
            }
        }
        // The slice comes once.
        let is_sliced = std::mem::replace(&mut gathering.is_sliced, true);
        let bulk = self.bulk.front_mut().filter(|_| !is_sliced)?;
        let room = BATCH_APPENDS.saturating_sub(gathering.appends);
        let slice = if gathering.appends >= OTHERS { SLICE.max(gathering.appends / SHARE) } else { room };
        let appends = within(&mut bulk.left, slice, BATCH_BYTES.saturating_sub(gathering.bytes));
        Some(Waiting::Slice(appends))
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

    /// Tells everybody what became of their appends.
    fn answer(&mut self, batch: Vec<Waiting>, result: Result<Written, Failure>) {
        match result {
            Ok(Written { answers, stored, bytes, head, took }) => {
                let mut answers = answers.into_iter();
                for waiting in batch {
                    if let Some(answers) = waiting.tell(&mut answers) {
                        self.keep(answers);
                    }
                }
                if !stored.is_empty() {
                    self.last_batch.took = took;
                    self.ahead.fetch_add(bytes, Ordering::Relaxed);
                    metrics::flushed(took, stored.len());
                    self.recent.add(stored);
                    self.head.send_replace(head);
                }
            }
            Err(Failure { certain, cause }) => {
                tracing::error!(error = %cause, certain, "the log could not be written");
                let cause = Arc::new(SharedCause(cause.into()));
                let failed = |append: &Append| {
                    let stream = append.stream.clone();
                    Err(if certain {
                        unavailable(stream, &cause)
                    } else {
                        AppendError::Unknown { stream, cause: Arc::clone(&cause).into() }
                    })
                };
                for waiting in batch {
                    let answers: Answers = waiting.appends().iter().map(failed).collect();
                    if let Some(answers) = waiting.tell(answers.into_iter()) {
                        self.keep(answers);
                    }
                }
            }
        }
    }

    /// Stores what waits and what comes meanwhile, and flushes it. Whatever was taken in is in the batch, however it ends.
    fn write(&mut self, gathering: &mut Gathering, batch: &mut Vec<Waiting>) -> Result<Written, Failure> {
        // Not in the desk's hand while it takes in.
        let mut hold = match self.hold.take().map_or_else(|| self.open(), Ok) {
            Ok(hold) => hold,
            Err(error) => {
                batch.extend(std::iter::from_fn(|| self.next(gathering, false)));
                return Err(error.into());
            }
        };
        let written = self.write_into(&mut hold, gathering, batch);
        // A full disk and a file held by somebody leave the connection sound; of anything else it is not known.
        let code = written.as_ref().err().map(|failure| failure.cause.sqlite_error_code());
        if matches!(code, None | Some(Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy))) {
            self.hold = Some(hold);
        }
        written
    }

    fn write_into(
        &mut self,
        Hold { connection, streams }: &mut Hold,
        gathering: &mut Gathering,
        batch: &mut Vec<Waiting>,
    ) -> Result<Written, Failure> {
        let mut open = match OpenTransaction::begin(connection, streams) {
            Ok(open) => open,
            Err(error) => {
                // Whoever waits has waited as long as the first.
                batch.extend(std::iter::from_fn(|| self.next(gathering, false)));
                return Err(error.into());
            }
        };
        while let Some(waiting) = self.next(gathering, true) {
            // In the batch before it is tried: it is answered in any case.
            batch.push(waiting);
            let Some(waiting) = batch.last_mut() else { continue };
            for append in waiting.appends_mut() {
                open.take_in(append)?;
            }
        }
        open.flush()
    }

    fn hold(&mut self) -> rusqlite::Result<&mut Hold> {
        let hold = match self.hold.take() {
            Some(hold) => hold,
            None => self.open()?,
        };
        Ok(self.hold.insert(hold))
    }

    fn open(&self) -> rusqlite::Result<Hold> {
        let connection = connect(&self.path)?;
        if let Some(pages) = self.most_pages {
            connection.pragma_update(None, "max_page_count", pages)?;
        }
        Hold::take(connection)
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

/// One cause for all that it befell.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct SharedCause(BoxedError);

/// The next appends of a bulk: at least one, and no more than so many and so many bytes.
fn within(left: &mut std::vec::IntoIter<Append>, most: usize, bytes: usize) -> Vec<Append> {
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
