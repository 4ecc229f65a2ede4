//! What the read side answers: plain structs in the project's words, which serialise as they stand and describe
//! themselves to OpenAPI.
//!
//! Every answer says where it stands: [`Standpoint`]. What only the running engine knows is marked as live and is absent
//! where the past is asked for. Nothing here asks or computes.

mod at;
mod connection;
mod event;
mod held;
mod message;
mod overview;
pub mod schema;
mod thread;
mod timeline;

pub use at::At;
pub use connection::{ConnectionRow, Connections, Health, Live, LiveQuota, Silence, SpoolStands};
pub use event::{AnomalyRow, EventDetail, EventRow, RemarkRow, Remarks};
pub use held::HeldRow;
pub use message::{AttemptRow, DeliveryStep, IntentRow, MessageDelivery};
pub use overview::{Latency, Minute, OpenRow, Overview, Stuck, ThreadCounts};
pub use thread::{AssistantStands, ClientCard, EndpointRow, LastWord, ThreadDetail, ThreadRow, ThreadState};
pub use timeline::{Entry, FailureSchema, Happened, MessageKeySchema, MessageRow, Reaction};

use chatledger_projections::recorded::Position;
use serde::Serialize;
use utoipa::ToSchema;

use super::cursor::Cursor;

/// Where an answer stands in the log.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
pub struct Standpoint {
    /// The last event that the answer takes in; absent before the first.
    #[schema(value_type = Option<String>, example = "1042")]
    pub position: Option<Position>,
    /// When that event was recorded.
    pub recorded_at: Option<At>,
    /// The newest event of the log that is known of.
    #[schema(value_type = Option<String>, example = "1042")]
    pub head: Option<Position>,
    /// How many events are known to be in the log and not in what is read here: zero nearly always, many while the
    /// read model is being built.
    pub behind: u64,
}

/// One page of a list.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// Where it stands; the same on all pages that follow one another by their cursors.
    #[serde(flatten)]
    pub standpoint: Standpoint,
    /// What was found. May be shorter than asked for, even empty, and yet have a next page: a page looks at a bounded
    /// number of rows.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<Cursor>,
}

/// One thing, with where the answer stands.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Answer<T> {
    /// Where it stands.
    #[serde(flatten)]
    pub standpoint: Standpoint,
    /// What was asked for.
    pub item: T,
}
