//! A client's message in the channel appears in the CRM: on the right chat, from the right person, with its time.

use crate::change::Written;
use crate::intent::Speaker;
use crate::state::State;

use super::{Decision, carried_to_crm};

pub(super) fn decide(state: &State, written: &Written) -> Vec<Decision> {
    // A client's message is what a manager wants to be woken for.
    let silent = false;
    carried_to_crm(state, written, "client_message_to_crm", |client| (Speaker::Client, client.clone()), silent)
}
