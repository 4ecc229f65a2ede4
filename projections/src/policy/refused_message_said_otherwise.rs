//! A message that a platform refused as it was is said otherwise: in smaller pieces, or more plainly.
//!
//! What that means stands in [`crate::otherwise`]. It carries the same message, which has failed only if this is refused, too.

use crate::configuration::Role;
use crate::event::IntentRaised;
use crate::fact::FailureKind;
use crate::intent::Intent;
use crate::otherwise::otherwise;
use crate::state::State;

use super::Decision;

pub(super) fn decide(state: &State, refused: &IntentRaised, why: FailureKind) -> Vec<Decision> {
    let Intent::SendMessage(send) = &refused.intent else { return Vec::new() };
    let by_crm = state.configuration.role_of(&refused.connection) == Some(Role::Crm);
    let decision = |send| Decision {
        policy: "refused_message_said_otherwise",
        connection: refused.connection.clone(),
        thread: refused.thread,
        intent: Intent::SendMessage(send),
        carries: refused.carries.clone(),
    };
    otherwise(send, why, by_crm).into_iter().map(decision).collect()
}
