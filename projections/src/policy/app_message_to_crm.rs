//! What a manager wrote past the CRM, in the messenger's own app, appears in the CRM as the manager's.

use crate::change::Written;
use crate::intent::Speaker;
use crate::state::State;

use super::{Decision, carried_to_crm};

pub(super) fn decide(state: &State, written: &Written) -> Vec<Decision> {
    // A machine of the platform's own speaks as one here, too.
    let speaker = written.message.speaker.unwrap_or(Speaker::Manager);
    // The manager knows; nobody is to be notified (amoCRM contract, 11).
    let silent = true;
    carried_to_crm(state, written, "app_message_to_crm", |_| (speaker, written.message.author.clone()), silent)
}
