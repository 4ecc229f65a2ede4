//! What this program knows of the log's end, by which it tells what it stored from what stood there already.
//!
//! The server answers a repetition like the first time. But positions only rise: what was stored at or before a place
//! that we had seen before we asked was not stored by asking; nor was what another of our appends was told it stored.
//! So the answer is exact unless another program appends the same events at the same moment, which then both are told to
//! have stored.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chatledger_projections::recorded::Position;

/// How many answers are remembered: far more than are ever under way at once.
const REMEMBERED: usize = 65_536;

/// What this program knows of the log's end.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Head>);

#[derive(Debug, Default)]
struct Head {
    seen: Option<Position>,
    ours: Option<Position>,
    claimed: BTreeSet<Position>,
}

impl Known {
    /// The last position that anybody here has seen: the floor of every append that is sent from now on.
    pub(super) fn floor(&self) -> Option<Position> {
        self.head().seen
    }

    /// The last event of ours that anybody here has seen.
    pub(super) fn ours(&self) -> Option<Position> {
        self.head().ours
    }

    /// Takes note of an event of ours that was read.
    pub(super) fn saw(&self, position: Position) {
        let mut head = self.head();
        head.seen = head.seen.max(Some(position));
        head.ours = head.ours.max(Some(position));
    }

    /// Takes note of the log's end, whoever stands there.
    pub(super) fn saw_the_end(&self, position: Position) {
        let mut head = self.head();
        head.seen = head.seen.max(Some(position));
    }

    /// Takes note of where an append's last event stands; whether it stood there already before the append was sent.
    pub(super) fn claim(&self, position: Position, floor: Option<Position>) -> bool {
        let mut head = self.head();
        head.seen = head.seen.max(Some(position));
        head.ours = head.ours.max(Some(position));
        let is_new = Some(position) > floor && head.claimed.insert(position);
        if head.claimed.len() > REMEMBERED {
            head.claimed.pop_first();
        }
        !is_new
    }

    fn head(&self) -> MutexGuard<'_, Head> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stood_there_before_asking_was_there_already() {
        let known = Known::default();
        let floor = known.floor();
        assert!(!known.claim(Position::new(10), floor));
        assert!(known.claim(Position::new(10), floor), "another append was told so");
        assert!(!known.claim(Position::new(20), floor));
        let later = known.floor();
        assert!(known.claim(Position::new(15), later), "an earlier place is no news");
        known.saw(Position::new(30));
        assert!(!known.claim(Position::new(40), later));
        assert!(!known.claim(Position::new(30), later), "seen only after asking");
        assert!(known.claim(Position::new(30), known.floor()));
        known.saw_the_end(Position::new(90));
        assert_eq!((known.floor(), known.ours()), (Some(Position::new(90)), Some(Position::new(40))));
    }
}
