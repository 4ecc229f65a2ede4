//! What the assistant answers appears in the CRM as the bot's; what a person at its desk answers, as a manager's.

use crate::change::Written;
use crate::intent::Speaker;
use crate::state::State;

use super::{Decision, carried_to_crm};

pub(super) fn decide(state: &State, written: &Written) -> Vec<Decision> {
    let speaker = written.message.speaker.unwrap_or(Speaker::Bot);
    // The client is being answered: no manager has to come running.
    let silent = true;
    carried_to_crm(state, written, "assistant_message_to_crm", |_| (speaker, written.message.author.clone()), silent)
}
