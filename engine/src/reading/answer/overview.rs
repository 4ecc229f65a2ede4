//! What operators see first: what is stuck, how much there is to do, how it goes.

use chatledger_projections::ids::{ConnectionName, IntentId, ThreadId};
use chatledger_projections::recorded::Position;
use serde::Serialize;
use utoipa::ToSchema;

use super::{At, ConnectionRow, HeldRow, SpoolStands, Standpoint};

/// What operators see first.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Overview {
    /// Where the answer stands.
    #[serde(flatten)]
    pub standpoint: Standpoint,
    /// How many dialogues there are, by state.
    pub threads: ThreadCounts,
    /// What does not come to its end.
    pub stuck: Stuck,
    /// The connections.
    pub connections: Vec<ConnectionRow>,
    /// How the spool of this engine stands now, if it has one; absent where the past is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spool: Option<SpoolStands>,
    /// The traffic of the last hour, minute by minute, the oldest first.
    pub minutes: Vec<Minute>,
    /// How long messages took from their webhook to the other platform's acceptance, in the last hour.
    pub latency: Latency,
    /// How often something odd was read, and something happened that should not have, since the log began.
    pub remarks: u64,
    /// The same of what should not have happened.
    pub anomalies: u64,
}

/// How many dialogues there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
pub struct ThreadCounts {
    /// All.
    pub all: u64,
    /// Those of which an intent waits for a person.
    pub held: u64,
    /// Those whose newest message did not arrive.
    pub failed: u64,
    /// Those of which something is under way.
    pub under_way: u64,
    /// Those in which the client wrote last.
    pub unanswered: u64,
    /// Those in which the company wrote last.
    pub answered: u64,
    /// Those in which nothing was said yet.
    pub opened: u64,
}

/// What does not come to its end.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Stuck {
    /// How many intents wait for a person.
    pub held: u64,
    /// The longest held of them.
    pub longest_held: Vec<HeldRow>,
    /// How many intents are not done yet.
    pub open: u64,
    /// The longest open of them.
    pub longest_open: Vec<OpenRow>,
}

/// An intent that is not done yet.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct OpenRow {
    /// Which.
    #[schema(value_type = uuid::Uuid)]
    pub id: IntentId,
    /// What it is, in a word.
    #[schema(example = "send_message")]
    pub what: String,
    /// Where it is to become true.
    #[schema(value_type = String)]
    pub connection: ConnectionName,
    /// In which dialogue.
    #[schema(value_type = uuid::Uuid)]
    pub thread: ThreadId,
    /// When it was raised.
    pub raised_at: At,
    /// By which event.
    #[schema(value_type = String, example = "1042")]
    pub position: Position,
    /// How many attempts were started.
    pub attempts: u32,
}

/// One minute's traffic.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Minute {
    /// When it begins.
    pub at: At,
    /// Webhooks that were recorded.
    pub received: u64,
    /// Attempts that ended well.
    pub accepted: u64,
    /// Attempts that the platform refused.
    pub refused: u64,
    /// Attempts that were put off, or their end is not known.
    pub unsettled: u64,
    /// How long messages took that were accepted in it.
    pub latency: Latency,
}

/// How long messages took from their webhook to the other platform's acceptance. A percentile is the upper end of the
/// step in which it lies (see `LATENCY_STEPS_MS`); absent if nothing was accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
pub struct Latency {
    /// How many messages.
    pub count: u64,
    /// Half of them took at most so long, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<u64>,
    /// Nineteen of twenty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<u64>,
    /// Ninety-nine of a hundred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<u64>,
}
