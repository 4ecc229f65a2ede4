//! The simulation: many small worlds from one seed, each with its own people and its own weather, and a verdict on each.
//!
//! ```text
//! seed ──▶ seeds of worlds ──▶ weather ──▶ script ──▶ world ──▶ verdict ──▶ report; if it failed: the shortest story
//! ```
//!
//! * [`chance`]: where everything random comes from; [`weather`]: the script of a world;
//! * [`verdict`]: what must hold at the end; on the way [`crate::world::watch`] looks on;
//! * [`shrink`]: fewer messages and fewer faults; [`story`]: a failure as a folder that the stories can tell.
//!
//! Worlds are small, so that a crash is cheap and a failure is short; they share nothing, so they run on any number of
//! threads and the report is the same.

pub mod chance;
pub mod shrink;
pub mod story;
pub mod verdict;
pub mod weather;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::ending::{Ending, Mark};
use crate::script::Script;
use crate::world::mutation::Mutation;
use crate::world::watch::Complaint;
use crate::world::{Look, run_under};
use chance::Chance;

/// What is to be simulated.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The one seed.
    pub seed: u64,
    /// How many messages people shall write, at least.
    pub messages: u64,
    /// Not longer than this, whatever the messages.
    pub no_longer_than: Option<Duration>,
    /// On how many threads.
    pub threads: usize,
    /// A bug to plant.
    pub mutation: Option<Mutation>,
}

/// What was simulated.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// How many worlds.
    pub worlds: u64,
    /// How many messages people wrote in them.
    pub messages: u64,
    /// How many events their logs held in the end.
    pub events: u64,
    /// How many attempts left the house.
    pub attempts: u64,
    /// How often what went wrong.
    pub faults: BTreeMap<&'static str, u64>,
    /// The first world that failed, if one did.
    pub failure: Option<Failure>,
}

/// A world that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// Its place among the worlds of the seed.
    pub world: u64,
    /// Its own seed.
    pub seed: u64,
    /// What is wrong with it.
    pub complaint: Complaint,
}

/// In one world out of so many the whole log is sealed, opened and folded again.
const READ_BACK_EVERY: u64 = 4;

/// Simulates until so many messages are written, the time is over, or a world has failed.
pub fn simulate(plan: &Plan) -> Report {
    let (next, written, failed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let total = Mutex::new(Report::default());
    let began = Instant::now();
    let work = || {
        let mut mine = Report::default();
        loop {
            let is_late = plan.no_longer_than.is_some_and(|most| began.elapsed() >= most);
            if failed.load(Ordering::Relaxed) || is_late || written.load(Ordering::Relaxed) >= plan.messages {
                break;
            }
            let world = next.fetch_add(1, Ordering::Relaxed);
            let seed = Chance::part(plan.seed, world);
            let lived = live(&weather::script(seed), plan.mutation, world.is_multiple_of(READ_BACK_EVERY));
            written.fetch_add(lived.messages, Ordering::Relaxed);
            mine.add(&lived);
            if let Some(complaint) = lived.complaint {
                failed.store(true, Ordering::Relaxed);
                mine.failure = Some(Failure { world, seed, complaint });
            }
        }
        total.lock().unwrap_or_else(std::sync::PoisonError::into_inner).join(mine);
    };
    std::thread::scope(|scope| {
        for _ in 0..plan.threads.max(1) {
            scope.spawn(work);
        }
    });
    total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What became of one world.
#[derive(Debug)]
pub struct Lived {
    messages: u64,
    events: u64,
    attempts: u64,
    faults: BTreeMap<&'static str, u64>,
    marks: Vec<Mark>,
    /// What is wrong with it.
    pub complaint: Option<Complaint>,
}

/// Lives through one world, and judges it. A panic in it is a complaint like others.
pub fn live(script: &Script, mutation: Option<Mutation>, read_back: bool) -> Lived {
    let messages = weather::messages(script);
    let look = Look { tells: false, stops: true, reads_back: read_back, mutation };
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let ending = run_under(script, look);
        let complaint = verdict::of(script, &ending, read_back);
        (ending, complaint)
    }));
    match ended {
        Ok((Ending { log, attempted, tally, marks, .. }, complaint)) => {
            Lived { messages, events: log.len() as u64, attempts: attempted as u64, faults: tally, marks, complaint }
        }
        Err(panic) => {
            let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            let detail = words.unwrap_or("it does not say why").to_owned();
            let complaint = Some(Complaint { rule: "nothing panics", detail });
            Lived { messages, events: 0, attempts: 0, faults: BTreeMap::new(), marks: Vec::new(), complaint }
        }
    }
}

/// The shortest script that breaks the same rule as this world.
pub fn shortest(failure: &Failure, mutation: Option<Mutation>) -> Script {
    let fails = |script: &Script| {
        let Lived { complaint, marks, .. } = live(script, mutation, true);
        complaint.is_some_and(|complaint| complaint.rule == failure.complaint.rule).then_some(marks)
    };
    shrink::shortest(&weather::script(failure.seed), fails)
}

/// A script with everything told; for people. What was told before a panic is lost with it.
pub fn told(script: &Script, mutation: Option<Mutation>) -> Option<Ending> {
    let look = Look { tells: true, stops: true, reads_back: false, mutation };
    catch_unwind(AssertUnwindSafe(|| run_under(script, look))).ok()
}

impl Report {
    fn add(&mut self, lived: &Lived) {
        self.worlds += 1;
        self.messages += lived.messages;
        self.events += lived.events;
        self.attempts += lived.attempts;
        for (what, times) in &lived.faults {
            *self.faults.entry(what).or_default() += times;
        }
    }

    fn join(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.messages += other.messages;
        self.events += other.events;
        self.attempts += other.attempts;
        for (what, times) in other.faults {
            *self.faults.entry(what).or_default() += times;
        }
        // Of several that failed side by side, the first in the seed's own order.
        self.failure = match (self.failure.take(), other.failure) {
            (Some(one), Some(another)) => Some(if one.world <= another.world { one } else { another }),
            (one, another) => one.or(another),
        };
    }
}
