//! How words of the core describe themselves to OpenAPI: each as a text that is one of a list.
//!
//! The core does not know OpenAPI. A test holds each list against what the core's word serialises to.

use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

fn one_of(words: &'static [&'static str]) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied())).build()
}

/// [`DeliveryState`](chatledger_projections::fact::DeliveryState).
pub const DELIVERY_STATES: &[&str] = &["raised", "sent", "failed", "delivered", "read"];

/// [`Side`](chatledger_projections::threads::Side).
pub const SIDES: &[&str] = &["client", "company"];

/// [`Role`](chatledger_projections::configuration::Role).
pub const ROLES: &[&str] = &["crm", "channel", "assistant"];

/// [`Standing`](chatledger_projections::bindings::Standing).
pub const STANDINGS: &[&str] = &["foreign", "claiming", "opening", "provisional", "confirmed"];

/// [`FailureKind`](chatledger_projections::fact::FailureKind).
pub const FAILURE_KINDS: &[&str] = &["conversation_deleted", "connection_off", "internal", "cannot_open", "other"];

/// [`ConnectionHealth`](chatledger_projections::fact::ConnectionHealth).
pub const CONNECTION_HEALTHS: &[&str] = &["up", "down", "recovering"];

/// [`Reason`](chatledger_projections::assistance::Reason).
pub const SILENCE_REASONS: &[&str] = &["handed_over", "manager_wrote", "switched_off"];

/// [`RemarkKind`](chatledger_projections::fact::RemarkKind).
pub const REMARK_KINDS: &[&str] =
    &["unreadable", "unknown_kind", "missing", "odd_value", "contradiction", "deprecated", "ignored"];

/// [`AnomalyKind`](chatledger_projections::change::AnomalyKind).
pub const ANOMALY_KINDS: &[&str] = &[
    "no_route",
    "no_conversation",
    "no_message_id",
    "other_id_in_force",
    "second_chat",
    "claim_ignored",
    "nothing_learnt",
    "unknown_intent",
    "rebound",
    "unknown_dialogue",
    "not_held",
    "unknown_connection",
    "never_shown",
];

/// The labels of events.
pub const EVENT_TYPES: &[&str] = &[
    "WebhookReceived",
    "IntentRaised",
    "AttemptStarted",
    "AttemptSettled",
    "ConfigurationApplied",
    "OperatorInstructed",
    "PolicyAdvanced",
    "PollAdvanced",
    "EngineSeen",
    "EngineEnded",
    "DutyTaken",
];

macro_rules! schemas {
    ($($(#[$doc:meta])* $name:ident: $words:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name() -> Object {
            one_of($words)
        }
    )*};
}

schemas! {
    /// Where one message stands at the other side.
    delivery_state: DELIVERY_STATES;
    /// Which side of a dialogue speaks.
    side: SIDES;
    /// What a connection is in a route.
    role: ROLES;
    /// How firmly a conversation is bound to a dialogue.
    standing: STANDINGS;
    /// What can be expected of a connection.
    connection_health: CONNECTION_HEALTHS;
    /// The kinds of failure.
    failure_kind: FAILURE_KINDS;
    /// Why an assistant is silent.
    silence_reason: SILENCE_REASONS;
    /// What is odd about a document.
    remark_kind: REMARK_KINDS;
    /// What should not have happened.
    anomaly_kind: ANOMALY_KINDS;
    /// The types of events.
    event_type: EVENT_TYPES;
}
