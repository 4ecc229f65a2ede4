//! Where a message or an intent stands, and what it waits for, in words.
//!
//! Takes a state; says nothing that is not in it. What a word means is the glossary's business: see
//! [`DeliveryState`](chatledger_projections::fact::DeliveryState).

use chatledger_projections::attempts::{Open, Standing};
use chatledger_projections::delivery::Origin;
use chatledger_projections::ids::{IntentId, ThreadId};
use chatledger_projections::outcome::Outcome;
use chatledger_projections::state::State;
use serde::Serialize;

/// Where something stands.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Stands {
    /// In which dialogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadId>,
    /// The delivery state of a message that is carried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<&'static str>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Where it was shown, and what it is called there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<Origin>,
    /// What it waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<String>,
}

/// Where a message stands. One that is carried nowhere stands nowhere.
pub(super) fn of_message(origin: &Origin, state: &State) -> Stands {
    let Some((_, carried)) = state.delivery.written(origin) else { return Stands::default() };
    let is_its = |raised: &chatledger_projections::event::IntentRaised| raised.carries.as_ref() == Some(origin);
    let open = state.attempts.in_order().into_iter().filter(|(_, open)| is_its(&open.as_raised));
    let mut waits: Vec<String> = open.map(|(intent, open)| of_open(intent, open, state)).collect();
    for (intent, held) in state.held.in_order().into_iter().filter(|(_, held)| is_its(&held.raised)) {
        waits.push(format!("{} at {}: {}", held.raised.intent.label(), held.raised.connection, of_held(intent, state)));
    }
    for endpoint in state.bindings.of(carried.thread) {
        if endpoint.waiting.iter().any(|waiting| waiting.origin == *origin) {
            let standing = endpoint.standing.label();
            waits.push(format!("it waits for the conversation at {}, which is {standing}", endpoint.connection));
        }
    }
    let shown = carried.target.iter().chain(&carried.pieces).chain(&carried.copies);
    Stands {
        thread: Some(carried.thread),
        delivery: Some(carried.state.label()),
        failure: carried.failure.as_ref().map(|failure| failure.reason.clone()),
        shown: shown.cloned().collect(),
        waits,
    }
}

/// Where an intent that is not done stands.
pub(super) fn of_open(intent: IntentId, open: &Open, state: &State) -> String {
    let what = format!("{} at {}", open.purpose.label(), open.connection);
    let earlier = state
        .attempts
        .in_order()
        .into_iter()
        .find(|(_, other)| other.thread == open.thread && other.connection == open.connection);
    let attempts = open.attempts;
    let stands = match (&open.standing, earlier) {
        (Standing::Raised, Some((first, _))) if first != intent => {
            format!("waits for an earlier intent of the dialogue, {first}")
        }
        (Standing::Raised, _) => "waits for its first attempt".to_owned(),
        (Standing::Started { at, .. }, _) => format!("attempt {attempts} is on its way since {at}"),
        (Standing::Settled { outcome, .. }, _) => match outcome {
            Outcome::Postponed { until: Some(until), reason } => {
                format!("is tried again, not before {until}: {reason}")
            }
            Outcome::Postponed { until: None, reason } => format!("is tried again after a pause: {reason}"),
            Outcome::Uncertain { until, reason } => {
                let until = until.map_or_else(String::new, |until| format!("; not before {until}"));
                format!("nobody knows whether attempt {attempts} took effect: {reason}{until}")
            }
            Outcome::Accepted => "the next step follows".to_owned(),
            Outcome::Refused { failure } => format!("was refused: {}", failure.reason),
        },
    };
    format!("{what}: {stands}")
}

/// Where an intent that is held stands; empty if it is not held.
pub(super) fn of_held(intent: IntentId, state: &State) -> String {
    let Some(held) = state.held.get(intent) else { return String::new() };
    let doubt = if held.in_doubt { "; it may have been done" } else { "" };
    format!("held since {}, waits for a person ({}{doubt})", held.held_at, held.failure.reason)
}
