//! Which way a webhook goes: to the log, or behind those of its connection that wait in the spool already.
//!
//! Takes what entered the spool and what was passed on from it; gives a way. Pure: it waits for nobody. What it keeps is
//! the order of a connection: a webhook that arrives after another was answered never stands before it in the log.

use std::collections::HashMap;

use chatledger_projections::ids::ConnectionName;

/// Where a webhook goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Nothing of its connection waits.
    Log,
    /// Something of its connection waits, and it comes behind it.
    Spool,
    /// What waits is being passed on right now: it may go to the log as soon as that is done. Without this, a connection
    /// at which there is always something in hand would never leave the spool again.
    Soon,
}

/// Who has to go through the spool.
#[derive(Debug, Default)]
pub struct Gate {
    waiting: HashMap<ConnectionName, u64>,
    /// Segments that an earlier life of ours left. Whose webhooks are in them is not asked: everybody comes behind them.
    left_behind: usize,
    /// Nothing may go to the log yet.
    held: bool,
    last_lap: bool,
}

impl Gate {
    /// A gate behind which so many segments of an earlier life wait, and through which nothing passes yet.
    pub fn held(left_behind: usize) -> Self {
        Self { left_behind, held: true, ..Self::default() }
    }

    /// From now on webhooks may go to the log.
    pub const fn release(&mut self) {
        self.held = false;
    }

    /// Where a webhook of this connection goes now.
    pub fn direction(&self, connection: &ConnectionName) -> Direction {
        if self.held {
            Direction::Spool
        } else if self.left_behind == 0 && !self.waiting.contains_key(connection) {
            Direction::Log
        } else if self.last_lap {
            Direction::Soon
        } else {
            Direction::Spool
        }
    }

    /// A webhook is about to enter the spool. It counts before it is there, so that none can overtake it.
    pub fn enter(&mut self, connection: &ConnectionName) {
        *self.waiting.entry(connection.clone()).or_default() += 1;
    }

    /// A webhook has left the spool, or has not come into it.
    pub fn leave(&mut self, connection: &ConnectionName) {
        if let Some(waiting) = self.waiting.get_mut(connection) {
            *waiting -= 1;
            if *waiting == 0 {
                self.waiting.remove(connection);
            }
        }
    }

    /// A segment of an earlier life is done.
    pub const fn left_behind_is_done(&mut self) {
        self.left_behind = self.left_behind.saturating_sub(1);
    }

    /// What was waiting is out of reach.
    pub fn forget(&mut self) {
        self.waiting.clear();
    }

    /// Whether so little is left that whoever comes now had better wait for its end.
    pub const fn set_last_lap(&mut self, last_lap: bool) {
        self.last_lap = last_lap;
    }

    /// Whether everybody may go to the log.
    pub fn is_open(&self) -> bool {
        !self.held && self.left_behind == 0 && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_behind_a_waiting_webhook_of_the_connection_waits_behind_it() {
        let (one, other) = (ConnectionName::new("one"), ConnectionName::new("other"));
        let mut gate = Gate::default();
        assert!(gate.is_open());
        gate.enter(&one);
        gate.enter(&one);
        assert_eq!((gate.direction(&one), gate.direction(&other)), (Direction::Spool, Direction::Log));
        gate.leave(&one);
        assert_eq!(gate.direction(&one), Direction::Spool);
        gate.set_last_lap(true);
        assert_eq!((gate.direction(&one), gate.direction(&other)), (Direction::Soon, Direction::Log));
        gate.leave(&one);
        assert!(gate.is_open());
        assert_eq!(gate.direction(&one), Direction::Log);
        // Told once too often: nothing is owed.
        gate.leave(&one);
        assert_eq!(gate.direction(&one), Direction::Log);
    }

    #[test]
    fn behind_what_an_earlier_life_left_everybody_waits() {
        let one = ConnectionName::new("one");
        let mut gate = Gate::held(1);
        gate.set_last_lap(true);
        assert_eq!(gate.direction(&one), Direction::Spool);
        gate.release();
        assert_eq!(gate.direction(&one), Direction::Soon);
        gate.set_last_lap(false);
        assert_eq!(gate.direction(&one), Direction::Spool);
        gate.left_behind_is_done();
        assert!(gate.is_open());
    }
}
