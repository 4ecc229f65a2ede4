//! Events by their place, and what was odd in them.

use chatledger_projections::change::AnomalyKind;
use chatledger_projections::fact::RemarkKind;
use chatledger_projections::ids::{ConnectionName, EventId, ThreadId};
use chatledger_projections::recorded::{Position, Revision};
use serde::Serialize;
use utoipa::ToSchema;

use super::schema;
use super::{At, Standpoint};

/// An event in a list.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct EventRow {
    /// Its place in the log.
    #[schema(value_type = String, example = "1042")]
    pub position: Position,
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    pub id: EventId,
    /// What it is.
    #[serde(rename = "type")]
    #[schema(schema_with = schema::event_type)]
    pub event_type: String,
    /// When it was recorded.
    pub recorded_at: At,
    /// Its stream.
    pub stream: String,
    /// Its place in that.
    #[schema(value_type = u64)]
    pub revision: Revision,
    /// The connection that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub connection: Option<ConnectionName>,
    /// The dialogues that it touched.
    #[schema(value_type = Vec<String>)]
    pub threads: Vec<ThreadId>,
}

/// One event whole.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct EventDetail {
    /// What its list shows.
    #[serde(flatten)]
    pub event: EventRow,
    /// What was read from it, in our words; empty where nothing is read.
    #[schema(value_type = Vec<Object>)]
    pub facts: Vec<serde_json::Value>,
    /// What was odd in it.
    #[schema(value_type = Vec<Object>)]
    pub remarks: Vec<serde_json::Value>,
    /// Its substance: of a webhook its headers and its body, as JSON if it is JSON, else as text; of our own events
    /// what they say.
    #[schema(value_type = Object)]
    pub substance: serde_json::Value,
}

/// What was odd, by kind.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Remarks {
    /// Where the answer stands.
    #[serde(flatten)]
    pub standpoint: Standpoint,
    /// What platforms sent and we do not know or found odd, the most frequent first.
    pub remarks: Vec<RemarkRow>,
    /// What should not have happened, the most frequent first.
    pub anomalies: Vec<AnomalyRow>,
}

/// A kind of thing that platforms sent and we do not know or found odd.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct RemarkRow {
    /// Of what kind.
    #[schema(schema_with = schema::remark_kind)]
    pub kind: RemarkKind,
    /// At which connection.
    #[schema(value_type = String)]
    pub connection: ConnectionName,
    /// Where in the document; "…" for all that there was no room to tell apart.
    pub at: String,
    /// What was found there: its shape or the platform's word.
    pub found: String,
    /// How often.
    pub count: u64,
    /// The first event with it.
    #[schema(value_type = String, example = "17")]
    pub first: Position,
    /// When.
    pub first_at: At,
    /// The newest event with it.
    #[schema(value_type = String, example = "1042")]
    pub last: Position,
    /// When.
    pub last_at: At,
}

/// A kind of thing that should not have happened.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct AnomalyRow {
    /// Of what kind.
    #[schema(schema_with = schema::anomaly_kind)]
    pub kind: AnomalyKind,
    /// At which connection, if at any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub connection: Option<ConnectionName>,
    /// How often.
    pub count: u64,
    /// What exactly, the newest time.
    pub detail: String,
    /// The first event with it.
    #[schema(value_type = String, example = "17")]
    pub first: Position,
    /// When.
    pub first_at: At,
    /// The newest event with it.
    #[schema(value_type = String, example = "1042")]
    pub last: Position,
    /// When.
    pub last_at: At,
}
