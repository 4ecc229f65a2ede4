//! Whether the engine can do its work now. Whoever knows a part of it sets it; the private listener asks.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a failed append is remembered if no append follows that shows otherwise.
const REMEMBERED: Duration = Duration::from_secs(10);

/// No append has failed since the last one that worked.
const NEVER: u64 = u64::MAX;

/// Whether the engine can do its work now.
#[derive(Debug)]
pub struct Readiness {
    started: Instant,
    caught_up: AtomicBool,
    stopping: AtomicBool,
    outdated: AtomicBool,
    /// When the last append failed, in milliseconds since `started`.
    append_failed: AtomicU64,
}

impl Default for Readiness {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            caught_up: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            outdated: AtomicBool::new(false),
            append_failed: AtomicU64::new(NEVER),
        }
    }
}

impl Readiness {
    /// Not caught up, nothing failed.
    pub fn new() -> Self {
        Self::default()
    }

    /// The pipeline says whether everything in the log has been decided.
    pub fn set_caught_up(&self, caught_up: bool) {
        self.caught_up.store(caught_up, Ordering::Relaxed);
    }

    /// Another configuration than this engine's is in force. Gives whether it was so before.
    pub fn set_outdated(&self, outdated: bool) -> bool {
        self.outdated.swap(outdated, Ordering::Relaxed)
    }

    /// The program is about to end.
    pub fn set_stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the program is about to end.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// An append failed, or nobody knows.
    pub fn append_failed(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(NEVER - 1);
        self.append_failed.store(now, Ordering::Relaxed);
    }

    /// An append worked. Cheap when the one before did too.
    pub fn append_worked(&self) {
        if self.append_failed.load(Ordering::Relaxed) != NEVER {
            self.append_failed.store(NEVER, Ordering::Relaxed);
        }
    }

    /// Why it does nothing but let webhooks in, for people; `None` if it is not so. That alone is no reason to ask others
    /// instead: where there are no others, nobody would take what is sent only once.
    pub fn outdated(&self) -> Option<&'static str> {
        self.outdated.load(Ordering::Relaxed).then_some("another engine has put another configuration in force")
    }

    /// Why it cannot, for people; empty if it can.
    pub fn reasons(&self) -> Vec<&'static str> {
        let failed = match self.append_failed.load(Ordering::Relaxed) {
            NEVER => false,
            failed => self.started.elapsed().saturating_sub(Duration::from_millis(failed)) < REMEMBERED,
        };
        [
            (self.is_stopping(), "the program is about to end"),
            (failed, "the log did not take the last event"),
            (!self.caught_up.load(Ordering::Relaxed), "the pipeline has not caught up with the log"),
        ]
        .into_iter()
        .filter_map(|(holds, reason)| holds.then_some(reason))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_append_is_forgotten_with_the_next_that_works() {
        let readiness = Readiness::new();
        readiness.set_caught_up(true);
        assert!(readiness.reasons().is_empty());
        readiness.append_failed();
        assert_eq!(readiness.reasons(), ["the log did not take the last event"]);
        readiness.append_worked();
        assert!(readiness.reasons().is_empty());
    }

    #[test]
    fn an_engine_with_another_configuration_says_so_and_can_still_take_webhooks() {
        let readiness = Readiness::new();
        readiness.set_caught_up(true);
        assert_eq!(readiness.outdated(), None);
        assert!(!readiness.set_outdated(true) && readiness.set_outdated(true));
        assert!(readiness.outdated().is_some_and(|reason| reason.contains("configuration")));
        assert!(readiness.reasons().is_empty());
    }
}
