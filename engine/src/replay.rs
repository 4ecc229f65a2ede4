//! A log folded from its beginning, to look at what it led to. It has no hands: nothing here can send.
//!
//! Takes a log; gives the state at its end or at any place before, and a summary of the way there. That two replays of
//! one log end in equal digests is the point of the whole; where the present rules would decide otherwise than the log
//! shows, that is drift, counted and never acted upon.

use std::collections::BTreeMap;

use chatledger_projections::projection::{Digest, Projection};
use chatledger_projections::recorded::Position;
use chatledger_projections::state::State;
use serde::Serialize;

use crate::fold::{FoldError, fold};
use crate::log::EventLog;
use crate::pipeline::{Pipeline, Step};

/// A folded log.
#[derive(Debug)]
pub struct Replay {
    pipeline: Pipeline,
    position: Option<Position>,
}

/// What a log led to, in numbers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Summary {
    /// The position of the last event; absent if there is none.
    pub position: Option<Position>,
    /// How many events there are.
    pub events: u64,
    /// How many of each type.
    pub events_by_type: BTreeMap<&'static str, u64>,
    /// How many facts were read from what platforms said.
    pub facts: u64,
    /// What was odd in it, by kind.
    pub remarks: BTreeMap<&'static str, u64>,
    /// How often each thing happened that should not have.
    pub anomalies: BTreeMap<&'static str, u64>,
    /// How many dialogues there are.
    pub threads: usize,
    /// How many messages stand how at the other side.
    pub messages: BTreeMap<&'static str, u64>,
    /// What we meant to make true.
    pub intents: Intents,
    /// How many attempts ended how.
    pub attempts: BTreeMap<&'static str, u64>,
    /// Intents that the present rules would not raise, or would raise otherwise.
    pub drift: u64,
    /// What every projection is.
    pub digests: BTreeMap<&'static str, Digest>,
    /// What all of them are together.
    pub digest: Digest,
}

/// What we meant to make true, in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Intents {
    /// How many are on record.
    pub raised: u64,
    /// How many of those are not done.
    pub open: usize,
    /// How many follow from the log and are not on record: the next start of the engine raises them.
    pub outstanding: usize,
}

impl Replay {
    /// Folds a log up to its end, or to a position (inclusive). `each` sees every step. Blocks.
    pub fn of(log: &dyn EventLog, until: Option<Position>, each: &mut dyn FnMut(&Step)) -> Result<Self, FoldError> {
        let mut pipeline = Pipeline::default();
        let position = fold(log, &mut pipeline, None, until, &mut |step, _| each(step))?;
        Ok(Self { pipeline, position })
    }

    /// What is so at the end.
    pub const fn state(&self) -> &State {
        self.pipeline.state()
    }

    /// The last event that was folded.
    pub const fn position(&self) -> Option<Position> {
        self.position
    }

    /// What the log led to, in numbers.
    pub fn summary(&self) -> Summary {
        let (state, taken) = (self.pipeline.state(), self.pipeline.taken());
        let digests = state.digests();
        let mut messages: BTreeMap<&'static str, u64> = BTreeMap::new();
        for message in state.delivery.iter() {
            *messages.entry(message.state.label()).or_default() += 1;
        }
        Summary {
            position: self.position,
            events: taken.events,
            events_by_type: taken.by_type.clone(),
            facts: taken.facts,
            remarks: taken.remarks.iter().map(|(kind, count)| (kind.label(), *count)).collect(),
            anomalies: state.anomalies.iter().map(|(kind, count)| (kind.label(), *count)).collect(),
            threads: state.threads.len(),
            messages,
            intents: Intents {
                raised: state.attempts.raised(),
                open: state.attempts.len(),
                outstanding: self.pipeline.outstanding().len(),
            },
            attempts: state.attempts.settled().clone(),
            drift: taken.drift,
            digest: Digest::of_digests(digests.iter().map(|(_, digest)| *digest)),
            digests: digests.into_iter().collect(),
        }
    }
}
