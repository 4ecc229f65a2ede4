//! What should have been raised, and was not, is raised because an operator says so.
//!
//! It is a new intent, with the operator's word as its cause; what it says, and our id of the message, are what they would
//! have been, so that a platform which honours that id does nothing twice.

use crate::event::IntentRaised;

use super::Decision;

pub(super) fn decide(missed: &IntentRaised) -> Decision {
    Decision {
        policy: "missed_intent_raised",
        connection: missed.connection.clone(),
        thread: missed.thread,
        intent: missed.intent.clone(),
        carries: missed.carries.clone(),
    }
}
