//! Where one message is, and how it came to that.

use chatledger_projections::fact::{DeliveryState, Failure};
use chatledger_projections::ids::{ConnectionName, EngineId, EventId, IntentId, ThreadId};
use chatledger_projections::recorded::Position;
use serde::Serialize;
use utoipa::ToSchema;

use super::schema;
use super::timeline::FailureSchema;
use super::{At, MessageRow};

/// A message's delivery: how it stands, how it came to that, and what was tried for it.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct MessageDelivery {
    /// The message, with where it stands.
    pub message: MessageRow,
    /// The event by which it came to be known in its dialogue.
    #[schema(value_type = String, example = "1042")]
    pub position: Position,
    /// When we heard of it.
    pub heard_at: At,
    /// The states that it came through, in order.
    pub steps: Vec<DeliveryStep>,
    /// What was meant to be done about it, in order: to carry it, and to do to it what became of it later.
    pub intents: Vec<IntentRow>,
}

/// A message came to stand so.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct DeliveryStep {
    /// By which event.
    #[schema(value_type = String, example = "1042")]
    pub position: Position,
    /// When.
    pub at: At,
    /// Where it stands since then.
    #[schema(schema_with = schema::delivery_state)]
    pub state: DeliveryState,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<FailureSchema>)]
    pub failure: Option<Failure>,
}

/// An intent and what came of it.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct IntentRow {
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
    /// By which rule.
    pub policy: String,
    /// The event that it follows from.
    #[schema(value_type = uuid::Uuid)]
    pub cause: EventId,
    /// The event by which it was raised.
    #[schema(value_type = String, example = "1042")]
    pub position: Position,
    /// When it was raised.
    pub raised_at: At,
    /// The event by which it ended; absent while it is not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1044")]
    pub ended: Option<Position>,
    /// The attempts at it.
    pub attempts: Vec<AttemptRow>,
}

/// One attempt.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct AttemptRow {
    /// The how-manieth.
    pub attempt: u32,
    /// What it does: `act`, `probe`, or `prepare`, which makes a file ready.
    #[schema(example = "act")]
    pub kind: String,
    /// Which of the platform's calls.
    pub call: String,
    /// By which of several engines.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub engine: Option<EngineId>,
    /// The event by which it was started.
    #[schema(value_type = String, example = "1043")]
    pub started: Position,
    /// When.
    pub started_at: At,
    /// The event by which it ended; absent while it is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1044")]
    pub settled: Option<Position>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<At>,
    /// How it ended: `accepted`, `refused`, `postponed` or `uncertain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "accepted")]
    pub outcome: Option<String>,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The status of the platform's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}
