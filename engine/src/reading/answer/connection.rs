//! Connections: what the log says of them, and what only the running engine knows.

use chatledger_projections::configuration::Role;
use chatledger_projections::fact::ConnectionHealth;
use chatledger_projections::ids::{ConnectionName, RouteName};
use chatledger_projections::recorded::Position;
use serde::Serialize;
use utoipa::ToSchema;

use super::schema;
use super::{At, Standpoint};
use crate::spool::Outlook;

/// All connections of the configuration that is in force.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Connections {
    /// Where the answer stands.
    #[serde(flatten)]
    pub standpoint: Standpoint,
    /// The connections, by name.
    pub items: Vec<ConnectionRow>,
    /// How the spool of this engine stands now, if it has one; absent where the past is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spool: Option<SpoolStands>,
}

/// One connection.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct ConnectionRow {
    /// Its name.
    #[schema(value_type = String)]
    pub name: ConnectionName,
    /// Its platform.
    pub platform: String,
    /// What it is in its routes; absent if it belongs to none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::role)]
    pub role: Option<Role>,
    /// The routes that it belongs to.
    #[schema(value_type = Vec<String>)]
    pub routes: Vec<RouteName>,
    /// How many webhooks of it are on record, polled documents among them.
    pub webhooks: u64,
    /// When the last one was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_webhook_at: Option<At>,
    /// The age of the last one, in milliseconds, at the moment that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_webhook_age_ms: Option<u64>,
    /// How many intents of it are not done yet.
    pub depth: u32,
    /// How many intents of it wait for a person.
    pub held: u32,
    /// How many attempts ended well.
    pub accepted: u64,
    /// How many attempts the platform refused.
    pub refused: u64,
    /// How many attempts were put off, or their end is not known.
    pub unsettled: u64,
    /// How it is, by the platform's own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// How long the platform has not answered, if its last calls had no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence: Option<Silence>,
    /// What only the running engine knows; absent where the past is asked for, or where another engine drives its lane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
}

/// How a connection is, by the platform's own word.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Health {
    /// What can be expected of it.
    #[schema(schema_with = schema::connection_health)]
    pub health: ConnectionHealth,
    /// The platform's own word.
    pub word: String,
    /// The event that said so.
    #[schema(value_type = String, example = "1042")]
    pub position: Position,
}

/// A platform does not answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Silence {
    /// How many calls in a row had no answer of its own.
    pub calls: u32,
    /// Since when.
    pub since: At,
}

/// What only the engine that drives a connection's lane knows, as it is now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Live {
    /// When the engine last told; it does so whenever it does anything.
    pub at: At,
    /// Whether the platform is left alone: `closed` (calls go out), `open` (none goes out), `half_open` (one is out to see).
    #[schema(example = "closed")]
    pub circuit: &'static str,
    /// Until when it is left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_until: Option<At>,
    /// How many attempts are under way.
    pub in_flight: u32,
    /// How its quotas are used.
    pub quotas: Vec<LiveQuota>,
}

/// How one quota is used now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct LiveQuota {
    /// Which calls it is about.
    pub class: &'static str,
    /// How many calls it allows …
    pub calls: u32,
    /// … in so many milliseconds.
    pub per_ms: u64,
    /// How many calls were made in the last such span.
    pub used: u32,
}

/// How a spool stands now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct SpoolStands {
    /// How many webhooks wait in it.
    pub waiting: u64,
    /// How much of the disk it takes, in bytes.
    pub bytes: u64,
    /// How much it may take.
    pub max_bytes: u64,
    /// For how long the oldest webhook has waited, in seconds.
    pub oldest_seconds: u64,
    /// How many segments cannot be read; people have to look at them.
    pub unreadable_segments: u64,
    /// Whether it takes another webhook of a usual size.
    pub has_room: bool,
}

impl From<Outlook> for SpoolStands {
    fn from(outlook: Outlook) -> Self {
        let Outlook { waiting, bytes, max_bytes, oldest_seconds, unreadable_segments, has_room } = outlook;
        let unreadable_segments = unreadable_segments as u64;
        Self { waiting, bytes, max_bytes, oldest_seconds, unreadable_segments, has_room }
    }
}
