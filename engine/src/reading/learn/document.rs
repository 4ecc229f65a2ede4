//! What stands in the documents of rows: values that are read whole or not at all.

use std::collections::BTreeMap;

use chatledger_projections::configuration::Role;
use chatledger_projections::content::Content;
use chatledger_projections::delivery::Origin;
use chatledger_projections::fact::{ConnectionHealth, Failure};
use chatledger_projections::threads::Side;
use serde::{Deserialize, Serialize};

use crate::reading::answer::{ClientCard, EndpointRow};

/// What of a message stays as it is, and what it said at first.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(in crate::reading) struct MessageDocument {
    pub side: Side,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_at: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_machine: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<i64>,
    pub content: Content,
}

/// What became of a message.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(in crate::reading) struct StandingDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<Origin>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Box<Content>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reactions: BTreeMap<String, String>,
}

/// A dialogue's client and faces.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(in crate::reading) struct FacesDocument {
    #[serde(default)]
    pub client: ClientCard,
    #[serde(default)]
    pub endpoints: Vec<EndpointRow>,
}

/// Why an intent is held.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(in crate::reading) struct HeldDocument {
    pub what: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carries: Option<Origin>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    pub held_at: i64,
    pub attempts: u32,
    pub failure: Failure,
    pub in_doubt: bool,
}

/// How a connection is, by the platform's own word.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(in crate::reading) struct HealthDocument {
    pub health: ConnectionHealth,
    pub word: String,
}

/// A value as it is kept.
pub(super) fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our own types always serialise: their maps have text for keys")
}
