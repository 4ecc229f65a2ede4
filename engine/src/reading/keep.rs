//! Keeping the read model up with the log: a thread of its own that follows it, learns, and writes rows.
//!
//! Takes a log; the file grows, and followers are told. Nothing waits for it: it has no queue that anybody fills, its
//! thread gives way to the others, and a log that cannot be read is asked again. What it finds in the file it goes on with
//! if the log still says the same; else it begins anew.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chatledger_projections::ids::ThreadId;
use chatledger_projections::recorded::Position;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::learn::{Learner, Learnt};
use super::model::Model;
use super::notice::{GATHERED_AT_MOST, GATHERED_FOR, GATHERED_FOR_EACH, Notice, THREADS_AT_MOST, WAITING_AT_MOST};
use crate::fold::{FoldError, understand_in_order};
use crate::live::chain;
use crate::log::{EventLog, ReadError, codec};
use crate::pipeline::{self, Reading};

/// How many events share a transaction at most.
const BATCH: usize = 512;

/// For how long news is let gather before it is taken in, once everything was: many events that come one by one then
/// share a transaction.
const NEWS_GATHERS_FOR: Duration = Duration::from_millis(15);

/// How long a log that cannot be read, or a file that cannot be written, is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// After how many events people are told again how far the building has come.
const TOLD_EVERY: i64 = 100_000;

/// By how much its thread gives way to others.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// What readers and followers know of the keeping.
#[derive(Debug)]
pub(super) struct Progress {
    /// The newest event of the log that is known of, and how many lie before it and are not read.
    head: Mutex<Head>,
    notices: broadcast::Sender<Arc<Notice>>,
    /// Why there are no rows, if there are none and will be none by themselves.
    trouble: Mutex<Option<String>>,
}

/// The newest event of the log that is known of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Head {
    /// Its place.
    pub position: Option<Position>,
    /// How far the rows are behind it, in events.
    pub behind: u64,
}

impl Progress {
    /// Nothing is known yet.
    pub fn new() -> Self {
        let (notices, _) = broadcast::channel(WAITING_AT_MOST);
        Self { head: Mutex::default(), notices, trouble: Mutex::default() }
    }

    /// The newest event of the log that is known of.
    pub fn head(&self) -> Head {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An ear for notices.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Notice>> {
        self.notices.subscribe()
    }

    /// Why there will be no rows.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// There will be no more rows.
    pub fn break_off(&self, why: String) {
        self.set_trouble(Some(why));
    }

    fn set_head(&self, head: Head) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = head;
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// Learns events and keeps their rows.
#[derive(Debug)]
pub(super) struct Keeper {
    learner: Learner,
    model: Model,
    /// Of which event the file had the rows already.
    kept: i64,
    batch: Vec<Learnt>,
    position: Option<Position>,
    news: News,
    progress: Arc<Progress>,
}

/// What is to be told to followers.
#[derive(Debug, Default)]
struct News {
    position: Option<Position>,
    threads: BTreeSet<ThreadId>,
    more_threads: bool,
    kinds: BTreeSet<&'static str>,
}

/// Why keeping ended.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    /// The log cannot be read, or not understood.
    #[error(transparent)]
    Log(#[from] FoldError),
    /// The file cannot be read or written.
    #[error("the read model cannot be written")]
    Model(#[from] rusqlite::Error),
    /// The file has the rows of another log.
    #[error("the read model is another log's")]
    OtherLog,
}

impl From<ReadError> for KeepError {
    fn from(error: ReadError) -> Self {
        Self::Log(error.into())
    }
}

impl Keeper {
    /// Opens the file; learns from the first event on.
    pub fn open(path: &Path, progress: Arc<Progress>) -> Result<Self, rusqlite::Error> {
        let model = Model::open(path)?;
        let kept = model.last()?.map_or(0, |last| last.seq);
        let (batch, position, news) = (Vec::with_capacity(BATCH), None, News::default());
        Ok(Self { learner: Learner::default(), model, kept, batch, position, news, progress })
    }

    /// Learns an event. What the file has already is learnt again and not kept again.
    fn take(&mut self, reading: Reading) -> Result<(), KeepError> {
        let learnt = self.learner.learn(reading);
        self.position = Some(learnt.position);
        if learnt.seq > self.kept {
            self.batch.push(learnt);
            if self.batch.len() >= BATCH {
                self.keep()?;
            }
        } else if learnt.seq == self.kept {
            let id = self.model.last()?.map(|last| (last.position, last.id));
            let is_same =
                id.is_some_and(|(position, _)| position == learnt.position) && learnt.is(id.map(|(_, id)| id));
            if !is_same {
                return Err(KeepError::OtherLog);
            }
        }
        Ok(())
    }

    /// Keeps the rows of what was learnt.
    fn keep(&mut self) -> Result<(), KeepError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.model.keep(&self.batch)?;
        for learnt in self.batch.drain(..) {
            self.kept = learnt.seq;
            self.news.add(&learnt);
        }
        Ok(())
    }

    /// Learns and keeps recorded events at once: for whoever has events and no log.
    pub fn feed(&mut self, readings: impl IntoIterator<Item = Reading>) -> Result<(), super::ReadingError> {
        let fed = readings.into_iter().try_for_each(|reading| self.take(reading)).and_then(|()| self.keep());
        self.progress.set_head(Head { position: self.position, behind: 0 });
        fed.map_err(|error| match error {
            KeepError::Log(error) => super::ReadingError::Log(error),
            KeepError::Model(error) => super::ReadingError::Model(error),
            KeepError::OtherLog => super::ReadingError::Interrupted,
        })
    }

    fn begin_anew(self) -> Result<Self, rusqlite::Error> {
        let Self { model, progress, .. } = self;
        let path = model.path().to_owned();
        drop(model.begin_anew()?);
        Self::open(&path, progress)
    }

    /// Reads the log back to its end.
    fn catch_up(
        &mut self,
        log: &dyn EventLog,
        newest: Option<Position>,
        stop: &CancellationToken,
    ) -> Result<(), KeepError> {
        let had = self.kept;
        let mut broken = None;
        understand_in_order(log, None, None, &mut |reading| {
            if let Err(error) = self.take(reading) {
                broken = Some(error);
            }
            let seq = self.learner.seq();
            if seq % BATCH as i64 == 0 {
                self.set_behind(newest);
            }
            if seq % TOLD_EVERY == 0 {
                info!(events = seq, of_them_known = had.min(seq), "reading the log back for the read model");
            }
            if broken.is_some() || stop.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if let Some(error) = broken {
            return Err(error);
        }
        if self.learner.seq() < had && !stop.is_cancelled() {
            return Err(KeepError::OtherLog);
        }
        self.keep()?;
        self.set_behind(newest.max(self.position));
        Ok(())
    }

    /// Tells how far the rows are behind the log.
    fn set_behind(&self, newest: Option<Position>) {
        let taken = self.position.map_or(0, Position::commit);
        let behind = newest.map_or(0, |newest| newest.commit().saturating_sub(taken));
        self.progress.set_head(Head { position: newest.max(self.position), behind });
    }

    /// Follows the log until told to stop.
    async fn follow(&mut self, log: &dyn EventLog, stop: &CancellationToken) -> Result<(), KeepError> {
        let mut following = log.follow(self.position).await?;
        let mut tell_at = Instant::now();
        loop {
            let untold = self.news.position.is_some();
            let worked = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = sleep_until(tell_at), if untold => {
                    self.news.tell(&self.progress);
                    // The more listen, the longer: a thousand are not to be woken five times a second.
                    let listeners = u32::try_from(self.progress.notices.receiver_count()).unwrap_or(u32::MAX);
                    tell_at = Instant::now() + GATHERED_FOR + GATHERED_FOR_EACH.saturating_mul(listeners).min(GATHERED_AT_MOST);
                    continue;
                }
                batch = following.next(BATCH) => {
                    let began = Instant::now();
                    for stored in batch? {
                        let recorded = codec::open(stored).map_err(FoldError::from)?;
                        self.take(pipeline::read(recorded))?;
                    }
                    self.keep()?;
                    began.elapsed()
                }
            };
            if following.is_caught_up() {
                self.set_behind(self.position);
                sleep(NEWS_GATHERS_FOR).await;
            } else {
                self.set_behind(newest(log).await?);
                // So much comes that the others have work, too; a niceness alone does not give way to those who share a core's
                // two halves.
                sleep(worked).await;
            }
        }
    }
}

impl Learnt {
    fn is(&self, id: Option<[u8; 16]>) -> bool {
        self.rows.iter().any(|row| matches!(row, super::row::Row::Event(event) if Some(event.id) == id))
    }
}

impl News {
    fn add(&mut self, learnt: &Learnt) {
        self.position = Some(learnt.position);
        self.kinds.insert(learnt.event_type);
        for thread in &learnt.threads {
            if self.threads.len() < THREADS_AT_MOST {
                self.threads.insert(*thread);
            } else if !self.threads.contains(thread) {
                self.more_threads = true;
            }
        }
    }

    fn tell(&mut self, progress: &Progress) {
        let Self { position, threads, more_threads, kinds } = std::mem::take(self);
        let Some(position) = position else { return };
        let (threads, kinds) = (threads.into_iter().collect(), kinds.into_iter().collect());
        // Nobody may be listening.
        let _nobody = progress.notices.send(Arc::new(Notice::new(position, threads, more_threads, kinds)));
    }
}

async fn newest(log: &dyn EventLog) -> Result<Option<Position>, ReadError> {
    Ok(log.read_backwards(1).await?.first().map(|newest| newest.position))
}

/// Keeps the read model in this file up with the log until told to stop. To be run on a thread of its own, within the
/// runtime.
pub(super) fn keep_up(log: &dyn EventLog, path: &Path, progress: &Arc<Progress>, stop: &CancellationToken) {
    let runtime = tokio::runtime::Handle::current();
    give_way();
    let mut keeper = None;
    while !stop.is_cancelled() {
        let kept = runtime.block_on(keep_once(log, path, progress, stop, &mut keeper));
        let remedy = match &kept {
            Ok(()) => return,
            Err(KeepError::OtherLog) => {
                warn!(path = %path.display(), "the read model is another log's; it is made anew");
                keeper = keeper.and_then(|keeper: Keeper| keeper.begin_anew().ok());
                continue;
            }
            Err(KeepError::Log(FoldError::Read(ReadError::Unavailable(_)))) => "it is tried again",
            Err(KeepError::Model(_)) => "it is tried again; give `reading.path` another place if it stays so",
            Err(KeepError::Log(FoldError::Read(ReadError::Damaged { .. }) | FoldError::Codec(_))) => {
                let told = kept.as_ref().err().map(|broken| chain(broken));
                error!(error = told, "the read model stays where it is");
                progress.set_trouble(told);
                return;
            }
        };
        if let Err(broken) = kept {
            warn!(error = %chain(&broken), remedy, "the read model is not kept up with the log");
            progress.set_trouble(Some(chain(&broken)));
        }
        // What was learnt and not kept is learnt again.
        keeper = None;
        runtime.block_on(async {
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(PAUSE) => {}
            }
        });
    }
}

async fn keep_once(
    log: &dyn EventLog,
    path: &Path,
    progress: &Arc<Progress>,
    stop: &CancellationToken,
    keeper: &mut Option<Keeper>,
) -> Result<(), KeepError> {
    let keeper = match keeper {
        Some(keeper) => keeper,
        None => keeper.insert(Keeper::open(path, Arc::clone(progress))?),
    };
    progress.set_trouble(None);
    let began = Instant::now();
    let newest = newest(log).await?;
    keeper.set_behind(newest);
    let had = keeper.kept;
    keeper.catch_up(log, newest, stop)?;
    if stop.is_cancelled() {
        return Ok(());
    }
    let events = keeper.learner.seq();
    let (known, took_ms) = (had.min(events), u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
    info!(events, of_them_known = known, took_ms, path = %path.display(), "the read model is up with the log");
    keeper.follow(log, stop).await
}

/// Whoever lets webhooks in goes before.
#[cfg(target_os = "linux")]
fn give_way() {
    // On Linux, niceness is a thread's own. Without it all is well, too.
    let _refused = rustix::process::setpriority_process(None, NICENESS);
}

#[cfg(not(target_os = "linux"))]
const fn give_way() {}
