//! Appends what the roster says, until told to stop; then says farewell, so that others need not wait.
//!
//! It runs beside the engine's own loop, so that a long batch does not cost an engine its duties.

use std::time::Duration;

use chatledger_projections::duties::Arrangement;
use chatledger_projections::event::Event;
use chatledger_projections::recorded::Revision;
use tokio::task::block_in_place;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{Answer, Deed, Duties, Register, new_engine};
use crate::clock::Clock;
use crate::live::chain;
use crate::log::{Append, AppendError, EventLog, ExpectedRevision, codec, naming};

/// How long the log may take over a farewell.
const FAREWELL: Duration = Duration::from_secs(2);

/// Keeps an engine's duties, and takes those that are vacant, until told to stop. The register, if there is one, is told of it.
pub async fn keep(
    duties: Duties,
    log: &dyn EventLog,
    clock: &dyn Clock,
    register: Option<Register>,
    stop: CancellationToken,
) {
    let Some(shared) = duties.0.as_ref() else { return };
    enter(&duties, register.as_ref());
    let terms = duties.tell(|roster, _| roster.terms()).expect("they are shared");
    let tick = (terms.lease / 40).clamp(Duration::from_millis(10), Duration::from_millis(250));
    while !stop.is_cancelled() {
        match duties.next() {
            Some(Deed::BeginAnew) => {
                let engine = new_engine();
                duties.tell(|roster, _| roster.begin_anew(engine));
                enter(&duties, register.as_ref());
                warn!(%engine, "the time of this engine was over; it goes on as another");
            }
            Some(deed) => {
                let answer = perform(&deed, log, clock).await;
                duties.tell(|roster, now| roster.answered(&deed, answer, now));
                if answer == Answer::Unknown {
                    pause(tick, &stop).await;
                }
            }
            None => {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = shared.stirred.notified() => {}
                    () = sleep(tick) => {}
                }
            }
        }
        // A tenure can end by the clock alone.
        duties.look();
    }
    if let Some(deed) = duties.tell(|roster, _| roster.farewell()).flatten() {
        let _in_vain = timeout(FAREWELL, perform(&deed, log, clock)).await;
    }
}

impl Duties {
    fn next(&self) -> Option<Deed> {
        let mut inner = self.inner()?;
        let now = inner.clocks.now();
        inner.roster.next(now)
    }

    /// Tells the engine if what it may do has changed.
    fn look(&self) {
        let Some(shared) = &self.0 else { return };
        let Some(mut inner) = self.inner() else { return };
        let held = inner.holding();
        if held != inner.held {
            inner.held = held;
            shared.changed.notify_one();
        }
    }
}

/// Whoever is in the register has run before; without one, its duties are free only after its silence.
fn enter(duties: &Duties, register: Option<&Register>) {
    let (Some(register), Some(engine)) = (register, duties.engine()) else { return };
    match block_in_place(|| register.enter(engine)) {
        Ok(gone) => duties.succeed(gone),
        Err(error) => warn!(%error, "the engines that run here cannot be written down; a new start will take a lease"),
    }
}

async fn perform(deed: &Deed, log: &dyn EventLog, clock: &dyn Clock) -> Answer {
    let (arrangement, expected) = match deed {
        // It says nothing; the next that it says, it says as another.
        Deed::BeginAnew => return Answer::Taken,
        Deed::Sign { seen, revision } => (Arrangement::Seen(seen.clone()), before(*revision)),
        Deed::End { ended, last } => (Arrangement::Ended(ended.clone()), ExpectedRevision::Exact(*last)),
        Deed::Take { taken, last } => {
            let expected = last.map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
            (Arrangement::Taken(taken.clone()), expected)
        }
    };
    let revision = match expected {
        ExpectedRevision::NoStream => Revision::FIRST,
        ExpectedRevision::Exact(last) => last.next(),
    };
    let event = Event::Arranged(arrangement);
    let id = naming::event_id(&event, revision).expect("the id of what engines say is derived");
    let stream = naming::stream_of(&event, id);
    let sealed = codec::seal(&event, id, clock.now(), None, None);
    match log.append(Append { stream: stream.clone(), expected, events: vec![sealed] }).await {
        Ok(_) => {
            tell(deed);
            Answer::Taken
        }
        Err(AppendError::Conflict { .. }) => {
            debug!(%stream, "another engine was first");
            Answer::Conflict
        }
        Err(error @ (AppendError::Unknown { .. } | AppendError::Unavailable { .. } | AppendError::TooLarge { .. })) => {
            warn!(error = %chain(&error), "the log does not take who does what; trying again");
            Answer::Unknown
        }
    }
}

fn tell(deed: &Deed) {
    match deed {
        Deed::Sign { .. } | Deed::BeginAnew => {}
        Deed::End { ended, .. } if ended.engine == ended.by => info!("its duties are left to other engines"),
        Deed::End { ended, .. } => warn!(engine = %ended.engine, "an engine was not heard of; its time is over"),
        Deed::Take { taken, .. } => info!(duty = taken.duty.label(), "taken"),
    }
}

const fn before(revision: Revision) -> ExpectedRevision {
    match revision.as_u64() {
        0 => ExpectedRevision::NoStream,
        later => ExpectedRevision::Exact(Revision::new(later - 1)),
    }
}

async fn pause(tick: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = sleep(tick) => {}
    }
}
