//! Intents that wait for a person.

use chatledger_projections::delivery::Origin;
use chatledger_projections::fact::Failure;
use chatledger_projections::ids::{ConnectionName, IntentId, ThreadId};
use chatledger_projections::recorded::Position;
use serde::Serialize;
use utoipa::ToSchema;

use super::At;
use super::timeline::{FailureSchema, MessageKeySchema};

/// An intent that was refused or given up, and waits for a person.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct HeldRow {
    /// Which.
    #[schema(value_type = uuid::Uuid)]
    pub id: IntentId,
    /// What it is, in a word.
    #[schema(example = "send_message")]
    pub what: String,
    /// Where it was to become true.
    #[schema(value_type = String)]
    pub connection: ConnectionName,
    /// In which dialogue.
    #[schema(value_type = uuid::Uuid)]
    pub thread: ThreadId,
    /// The message that it carries, by where that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MessageKeySchema>)]
    pub message: Option<Origin>,
    /// The beginning of what that says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Since when it is held.
    pub held_at: At,
    /// Since which event.
    #[schema(value_type = String, example = "1042")]
    pub position: Position,
    /// How many attempts were made.
    pub attempts: u32,
    /// Why it did not come to a good end.
    #[schema(value_type = FailureSchema)]
    pub failure: Failure,
    /// Whether an earlier attempt may have done it all the same: made again, it may be there twice.
    pub in_doubt: bool,
}
