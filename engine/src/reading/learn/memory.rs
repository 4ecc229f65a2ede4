//! What is remembered between events, so that only what changed becomes a row.
//!
//! It is made again from the log at every start, along with the state that is folded beside it: whoever learns the same
//! events remembers the same.

use std::collections::BTreeMap;
use std::time::Duration;

use chatledger_projections::delivery::{MessageIndex, Origin};
use chatledger_projections::fact::DeliveryState;
use chatledger_projections::ids::{ConnectionName, IntentId, ThreadId};
use chatledger_projections::projection::Map;
use chatledger_projections::threads::Side;

use super::odd::Odd;
use super::unplaced::Unplaced;
use crate::dispatch::circuit::{Circuit, CircuitRules};
use crate::reading::answer::ThreadCounts;
use crate::reading::row::{ConnectionVersion, Number, Seq, ThreadVersion};

/// The upper ends of the steps in which times are counted, in milliseconds; what takes longer than the last is counted
/// behind it.
pub(in crate::reading) const LATENCY_STEPS_MS: [u64; 15] =
    [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 3_600_000, 86_400_000];

/// Everything that is remembered.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub connections: BTreeMap<ConnectionName, ConnectionMemo>,
    pub threads: Map<ThreadId, ThreadMemo>,
    pub messages: Vec<MessageMemo>,
    pub unplaced: Unplaced,
    pub intents: Map<IntentId, IntentMemo>,
    pub held: BTreeMap<IntentId, HeldMemo>,
    /// How many were held ever: the number of the next.
    pub held_ever: u64,
    pub odd: Odd,
    pub counts: ThreadCounts,
}

/// A connection that was met.
#[derive(Debug)]
pub(super) struct ConnectionMemo {
    pub number: Number,
    pub version: ConnectionVersion,
    pub told: ConnectionVersion,
    pub circuit: Circuit,
    pub latencies: [u64; LATENCY_STEPS_MS.len() + 1],
}

impl ConnectionMemo {
    pub fn new(number: Number) -> Self {
        // When the engine leaves a platform alone is its configuration's business; the log says how long it is silent.
        let rules = CircuitRules { after: u32::MAX, first: Duration::ZERO, cap: Duration::ZERO };
        Self {
            number,
            version: ConnectionVersion::default(),
            told: ConnectionVersion::default(),
            circuit: Circuit::new(rules),
            latencies: [0; LATENCY_STEPS_MS.len() + 1],
        }
    }
}

/// A dialogue that was heard of.
#[derive(Debug)]
pub(super) struct ThreadMemo {
    pub number: Number,
    pub is_open: bool,
    /// The intents of it that are not done yet and of which people want to know.
    pub open: u32,
    pub held: u32,
    /// The newest message, and who wrote it.
    pub last: Option<(MessageIndex, Side)>,
    /// How it was told to stand, and since when.
    pub version: Option<(Seq, ThreadVersion)>,
    /// What was told of its faces.
    pub faces: u64,
    /// The names of its client that were told.
    pub names: Vec<u64>,
}

/// A message that was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct MessageMemo {
    pub heard_at: i64,
    pub state: DeliveryState,
    pub failure: u32,
    pub shown: u32,
    pub content: u32,
    pub reactions: [u32; 2],
    pub removed: bool,
}

/// An intent that is not done yet.
#[derive(Debug)]
pub(super) struct IntentMemo {
    pub number: Number,
    pub raised: Seq,
    pub thread: ThreadId,
    pub connection: ConnectionName,
    pub carries: Option<Origin>,
    /// Whether people want to know that it is under way.
    pub is_counted: bool,
    /// The events of it so far.
    pub events: Vec<Seq>,
}

/// An intent that waits for a person.
#[derive(Debug)]
pub(super) struct HeldMemo {
    pub number: Number,
    pub since: Seq,
    pub thread: ThreadId,
    pub connection: ConnectionName,
}
