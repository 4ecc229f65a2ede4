//! Which of several engines on one log does what: each duty belongs to one at a time, and a log of one's own needs none.
//!
//! ```text
//! log ──▶ Live ──▶ see ──▶ roster (pure) ──▶ keeper ──▶ log: EngineSeen · EngineEnded · DutyTaken
//!                            ▲
//!           lanes, deciding, calls, polls: may I?
//! ```
//!
//! Everybody who acts for a duty asks [`Duties::may`] right before acting; whatever else is done only by one engine at a
//! time, such as asking a platform for news, asks for that connection's lane. Why this holds, and what remains, is argued in
//! docs/decisions/0021. What is absent here is any comparison of two machines' clocks.

mod keeper;
mod moment;
mod register;
mod roster;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chatledger_projections::configuration::Configuration;
use chatledger_projections::duties::{self, Duty};
use chatledger_projections::event::Happening;
use chatledger_projections::ids::{ConnectionName, EngineId};
use chatledger_projections::recorded::Recorded;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::metrics;

pub use keeper::keep;
pub use moment::{Moment, TwoClocks};
pub use register::Register;
pub use roster::{Answer, Deed, Roster, Terms};

/// What this engine may do. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Duties(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    /// For the engine: what it may do has changed.
    changed: Notify,
    /// For the keeper: there may be something to append.
    stirred: Notify,
}

#[derive(Debug)]
struct Inner {
    roster: Roster,
    clocks: TwoClocks,
    held: Vec<Duty>,
}

/// Leave to act for a duty, given to one run of one engine. It does not last: it is to be shown again right before acting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leave {
    engine: Option<EngineId>,
    duty: Duty,
}

impl Leave {
    /// Which of several engines has it; `None` where there is only one.
    pub const fn engine(&self) -> Option<EngineId> {
        self.engine
    }
}

impl Duties {
    /// Those of an engine whose log no other engine can write to: all.
    pub const fn alone() -> Self {
        Self(None)
    }

    /// Those of an engine that shares its log with others: none at first. It wants to decide and to drive these
    /// connections' lanes. `place` says to people where it runs.
    pub fn shared<'a>(
        engine: EngineId,
        place: String,
        terms: Terms,
        connections: impl Iterator<Item = &'a ConnectionName>,
    ) -> Self {
        let wanted = std::iter::once(Duty::Deciding).chain(connections.map(Duty::lane)).collect();
        let roster = Roster::new(engine, place, terms, wanted);
        let inner = Mutex::new(Inner { roster, clocks: TwoClocks::start(), held: Vec::new() });
        Self(Some(Arc::new(Shared { inner, changed: Notify::new(), stirred: Notify::new() })))
    }

    /// These engines certainly run no more: whatever they had to do is free.
    pub fn succeed(&self, gone: Vec<EngineId>) {
        self.tell(|roster, _| roster.succeed(gone));
    }

    /// Whether other engines may write to the same log.
    pub const fn are_shared(&self) -> bool {
        self.0.is_some()
    }

    /// Whether it may act for a duty in this moment.
    pub fn may(&self, duty: &Duty) -> bool {
        self.leave(duty).is_some()
    }

    /// Leave to act for a duty, if it may in this moment.
    pub fn leave(&self, duty: &Duty) -> Option<Leave> {
        let engine = match self.inner() {
            None => None,
            Some(mut inner) => {
                let now = inner.clocks.now();
                Some(inner.roster.holds(duty, now).then(|| inner.roster.engine())?)
            }
        };
        Some(Leave { engine, duty: duty.clone() })
    }

    /// Whether leave that was given once is still good in this moment.
    pub fn is_good(&self, leave: &Leave) -> bool {
        self.leave(&leave.duty).is_some_and(|now| now == *leave)
    }

    /// Which engine this is; `None` where there is only one.
    pub fn engine(&self) -> Option<EngineId> {
        self.inner().map(|inner| inner.roster.engine())
    }

    /// After how long, from when an attempt of another engine was seen, its call cannot be under way any more.
    pub fn call_is_over_after(&self) -> Duration {
        self.inner().map_or(Duration::ZERO, |inner| inner.roster.terms().call_timeout)
    }

    /// What it may do now, in a fixed order; `None` where there is only one engine, which does all.
    pub fn held(&self) -> Option<Vec<Duty>> {
        self.inner().map(|mut inner| inner.holding())
    }

    /// Shows on the page of metrics what it may do now, where there are several engines.
    pub fn measure(&self) {
        let Some(mut inner) = self.inner() else { return };
        let held = inner.holding();
        for duty in inner.roster.wanted() {
            metrics::lease(duty, held.contains(duty));
        }
    }

    /// The history was read back, and led to this. How long others have been silent counts from here.
    pub fn begin(&self, known: &duties::Duties) {
        self.tell(|roster, now| roster.begin(known.clone(), now));
    }

    /// Takes in an event of the log.
    pub fn see(&self, recorded: &Recorded<Happening>) {
        let Happening::Arranged(arrangement) = &recorded.event else { return };
        self.tell(|roster, now| roster.see(arrangement, recorded.revision, recorded.recorded_at, now));
    }

    /// Whether everything in the log was taken in. Who is not in touch with the log cannot call others silent.
    pub fn set_in_touch(&self, in_touch: bool) {
        self.tell(|roster, now| roster.set_in_touch(in_touch, now));
    }

    /// Whether its own configuration is the one in force. An engine with another one does nothing but take webhooks in.
    pub fn set_in_force(&self, own: &Configuration, in_force: &Configuration) -> bool {
        let same = own == in_force;
        self.tell(|roster, _| roster.set_willing(same));
        same
    }

    /// Comes back when what it may do has changed; at once if it has since the last time.
    pub async fn changed(&self) {
        match &self.0 {
            Some(shared) => shared.changed.notified().await,
            None => std::future::pending().await,
        }
    }

    fn inner(&self) -> Option<MutexGuard<'_, Inner>> {
        // What is behind the lock is whole between any two statements that could panic.
        self.0.as_ref().map(|shared| shared.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell<T>(&self, tell: impl FnOnce(&mut Roster, Moment) -> T) -> Option<T> {
        let shared = self.0.as_ref()?;
        let mut inner = self.inner()?;
        let now = inner.clocks.now();
        let told = tell(&mut inner.roster, now);
        let held = inner.holding();
        if held != inner.held {
            inner.held = held;
            shared.changed.notify_one();
        }
        drop(inner);
        shared.stirred.notify_one();
        Some(told)
    }
}

impl Inner {
    fn holding(&mut self) -> Vec<Duty> {
        let now = self.clocks.now();
        self.roster.wanted().iter().filter(|duty| self.roster.holds(duty, now)).cloned().collect()
    }
}

/// A new run of an engine: nobody else has ever had this id.
pub fn new_engine() -> EngineId {
    EngineId::from_uuid(Uuid::new_v4())
}

/// Where this process runs, for people.
pub fn place() -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let machine = machine.trim();
    let machine = if machine.is_empty() { "an unnamed machine" } else { machine };
    format!("{machine} process {}", std::process::id())
}
