//! From the spool to the log: in the order of arrival, as often as it takes, each webhook once.
//!
//! A page of events at a time goes to the log in order; the place moves on behind what the log has taken or has already.
//! A segment whose end is reached, and to which nobody adds any more, is removed.

use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use chatledger_projections::ids::ConnectionName;
use serde::Serialize;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::segment::Segment;
use super::{SET_ASIDE, Spool, cannot_be_read};
use crate::live::chain;
use crate::log::codec::{self, UnsealedEvent};
use crate::log::sqlite::SqliteLog;
use crate::log::{
    Append, AppendError, Appended, BoxedError, EventLog, ExpectedRevision, NewEvent, ReadError, StoredEvent,
};
use crate::metrics;

/// How many webhooks are in hand at a time. When fewer than this are left, whoever comes waits for their end.
const PAGE: usize = 64;

/// How long the log may take over a page before it is asked again.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the log is left alone after it refused.
const LOG_PAUSE: Duration = Duration::from_millis(250);

/// How long a segment is left alone that others still write to.
const OTHERS_WRITE: Duration = Duration::from_millis(20);

/// How much was passed on.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Passed {
    /// Webhooks that the log has taken.
    pub passed_on: u64,
    /// Webhooks that it had already.
    pub already: u64,
    /// Webhooks that no log of this kind takes; they are kept beside the spool.
    pub set_aside: u64,
}

impl AddAssign for Passed {
    fn add_assign(&mut self, more: Self) {
        self.passed_on += more.passed_on;
        self.already += more.already;
        self.set_aside += more.set_aside;
    }
}

/// Why passing on came to an end before the spool was empty. Nothing is lost by it.
#[derive(Debug, thiserror::Error)]
pub enum Interrupted {
    /// The log does not take what waits.
    #[error("the log does not take what waits in the spool")]
    Log(#[source] BoxedError),
    /// The spool itself cannot be worked on.
    #[error("the spool cannot be worked on")]
    Spool(#[source] BoxedError),
    /// It was told to stop.
    #[error("it was told to stop")]
    Stopped,
}

/// Passes on whatever waits, whenever something does, until told to stop.
pub async fn keep_passing_on(spool: Arc<Spool>, log: Arc<dyn EventLog>, stop: CancellationToken) {
    let mut passed = Passed::default();
    loop {
        match spool.pass_on(&*log, &stop, &mut |more| passed += more).await {
            Ok(()) => {
                let Passed { passed_on, already, set_aside } = std::mem::take(&mut passed);
                if passed_on + already + set_aside > 0 {
                    info!(passed_on, already, set_aside, "the spool is empty again");
                }
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = spool.work.notified() => {}
                }
            }
            Err(Interrupted::Stopped) => return,
            Err(interrupted @ (Interrupted::Log(_) | Interrupted::Spool(_))) => {
                debug!(error = %chain(&interrupted), "the spool is not passed on now; trying again");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = sleep(LOG_PAUSE) => {}
                }
            }
        }
    }
}

impl Spool {
    /// Passes on everything that waits. `each` is told of every page. One at a time may do this.
    pub async fn pass_on(
        &self,
        log: &dyn EventLog,
        stop: &CancellationToken,
        each: &mut (dyn FnMut(Passed) + Send),
    ) -> Result<(), Interrupted> {
        let ended = self.pass_on_while_it_goes(log, stop, each).await;
        // Whoever waits for the end of this has to go into the spool if it did not come.
        self.change(|inside| inside.gate.set_last_lap(false));
        ended
    }

    async fn pass_on_while_it_goes(
        &self,
        log: &dyn EventLog,
        stop: &CancellationToken,
        each: &mut (dyn FnMut(Passed) + Send),
    ) -> Result<(), Interrupted> {
        // Nobody is to wait for a log that has not shown that it is back.
        let mut log_takes = false;
        while let Some((segment, is_last)) = self.front() {
            if stop.is_cancelled() {
                return Err(Interrupted::Stopped);
            }
            let page = match segment.log.read_all(segment.after(), PAGE).await {
                Ok(page) => page,
                Err(ReadError::Unavailable(cause)) => return Err(Interrupted::Spool(cause)),
                Err(damaged @ ReadError::Damaged { .. }) => {
                    self.give_up(&segment, &damaged);
                    continue;
                }
            };
            if page.is_empty() {
                self.retire(segment).await?;
                continue;
            }
            if log_takes && is_last && page.len() < PAGE {
                self.change(|inside| inside.gate.set_last_lap(true));
            }
            self.pass_page(log, &segment, page, each).await?;
            log_takes = true;
        }
        Ok(())
    }

    /// The oldest segment, and whether there is no other.
    fn front(&self) -> Option<(Arc<Segment>, bool)> {
        let inside = self.inside();
        let mut segments = inside.segments();
        let front = segments.next().map(Arc::clone)?;
        Some((front, segments.next().is_none()))
    }

    async fn pass_page(
        &self,
        log: &dyn EventLog,
        segment: &Segment,
        page: Vec<StoredEvent>,
        each: &mut (dyn FnMut(Passed) + Send),
    ) -> Result<(), Interrupted> {
        let oldest = page.first().and_then(|stored| codec::recorded_at(stored.as_ref()));
        self.inside().oldest = oldest;
        let (mut places, mut appends) = (Vec::with_capacity(page.len()), Vec::with_capacity(page.len()));
        for stored in page {
            places.push((stored.position, connection_of(&stored)));
            appends.push(append_of(stored));
        }
        let tried = timeout(PATIENCE, log.append_in_order(appends)).await;
        let answers = tried.map_err(|slow| Interrupted::Log(slow.into()))?;
        let mut passed = Passed::default();
        let mut ended = Ok(());
        for ((position, connection), answer) in places.into_iter().zip(answers) {
            match answer {
                Ok(Appended { already: false, .. }) => passed.passed_on += 1,
                Ok(Appended { already: true, .. }) | Err(AppendError::Conflict { .. }) => passed.already += 1,
                Err(too_large @ AppendError::TooLarge { .. }) => {
                    error!(error = %chain(&too_large), "a webhook cannot be passed on; it is set aside");
                    self.set_aside(segment).await?;
                    passed.set_aside += 1;
                }
                Err(error @ (AppendError::Unavailable { .. } | AppendError::Unknown { .. })) => {
                    ended = Err(Interrupted::Log(error.into()));
                    break;
                }
            }
            segment.has_passed(position);
            if let Some(connection) = connection.filter(|_| !segment.left_behind) {
                self.change(|inside| inside.gate.leave(&connection));
            }
        }
        metrics::passed_on(passed.passed_on + passed.already, passed.set_aside);
        each(passed);
        ended
    }

    /// Keeps the next event of a segment in a log beside the spool: no log of this kind takes it, and those behind it
    /// are not to wait for ever.
    async fn set_aside(&self, segment: &Segment) -> Result<(), Interrupted> {
        let next = segment.log.read_all(segment.after(), 1).await.map_err(|error| Interrupted::Spool(error.into()))?;
        let mut set_aside = self.set_aside.lock().await;
        let log = match &*set_aside {
            Some(log) => Arc::clone(log),
            None => {
                let path = self.folder.join(SET_ASIDE);
                let opened = tokio::task::spawn_blocking(move || SqliteLog::open(path)).await;
                let opened = opened.map_err(|broken| Interrupted::Spool(broken.into()))?;
                let log = Arc::new(opened.map_err(|error| Interrupted::Spool(error.into()))?);
                Arc::clone(set_aside.insert(log))
            }
        };
        for stored in next {
            match log.append(append_of(stored)).await {
                Ok(_) | Err(AppendError::Conflict { .. }) => {}
                Err(error) => return Err(Interrupted::Spool(error.into())),
            }
        }
        Ok(())
    }

    /// The end of a segment is reached: it is removed, unless somebody is still adding to it.
    async fn retire(&self, segment: Arc<Segment>) -> Result<(), Interrupted> {
        let is_closed = {
            let mut inside = self.inside();
            // One hand is the shelf's, one is ours; another would be adding to it. Hands are taken under this lock only.
            let nobody_adds = Arc::strong_count(&segment) == 2;
            if nobody_adds && inside.active.as_ref().is_some_and(|active| active.name == segment.name) {
                let active = inside.active.take();
                inside.closed.extend(active);
            }
            nobody_adds
        };
        if !is_closed {
            sleep(OTHERS_WRITE).await;
            return Ok(());
        }
        // What came between our last look and the closing.
        let rest = segment.log.read_all(segment.after(), 1).await.map_err(|error| Interrupted::Spool(error.into()))?;
        if !rest.is_empty() {
            return Ok(());
        }
        self.change(|inside| {
            inside.closed.retain(|closed| closed.name != segment.name);
            if segment.left_behind {
                inside.gate.left_behind_is_done();
            }
            if inside.segments().next().is_none() {
                inside.oldest = None;
            }
        });
        let removed = tokio::task::spawn_blocking(move || match Arc::into_inner(segment) {
            Some(segment) => segment.remove(),
            // Nobody else has a hand on it; if somebody had, the file would be found and passed on at the next start.
            None => Ok(()),
        });
        match removed.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, "a segment of the spool is done and cannot be removed; it is harmless"),
            Err(broken) => warn!(error = %broken, "a segment of the spool is done and was not removed; it is harmless"),
        }
        Ok(())
    }

    /// A segment cannot be read on. It stays on the disk for people, and those behind it do not wait for it.
    fn give_up(&self, segment: &Segment, damaged: &ReadError) {
        let path = cannot_be_read(segment.path(), damaged);
        self.change(|inside| {
            inside.closed.retain(|closed| closed.name != segment.name);
            if inside.active.as_ref().is_some_and(|active| active.name == segment.name) {
                inside.active = None;
            }
            if segment.left_behind {
                inside.gate.left_behind_is_done();
            }
            inside.unreadable.push(path);
            if inside.segments().next().is_none() {
                // Nobody can say whose webhooks were in it, so nobody waits for them.
                inside.gate.forget();
                inside.oldest = None;
            }
        });
    }
}

/// Whose webhook an event is. What is kept here is sealed by us, so it can be read.
fn connection_of(stored: &StoredEvent) -> Option<ConnectionName> {
    match codec::unseal(stored.as_ref()).ok()?.event {
        UnsealedEvent::Webhook(webhook) => Some(ConnectionName::new(&*webhook.connection)),
        UnsealedEvent::Ours(_) => None,
    }
}

/// The append that this event was to be.
fn append_of(stored: StoredEvent) -> Append {
    Append {
        stream: stored.stream,
        expected: ExpectedRevision::NoStream,
        events: vec![NewEvent {
            id: stored.id,
            event_type: stored.event_type,
            data: stored.data,
            metadata: stored.metadata,
        }],
    }
}
