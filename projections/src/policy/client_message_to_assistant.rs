//! A client's message in the channel is given to the route's assistant, under our id of the dialogue.
//!
//! Whether the assistant is to hear it at all was found by the fold; see [`crate::assistance`].

use crate::change::Written;
use crate::intent::{Destination, Speaker};
use crate::state::State;

use super::{Decision, Shown, carried};

pub(super) fn decide(state: &State, written: &Written) -> Vec<Decision> {
    let Some((_, route)) = state.route_of(written.thread) else { return Vec::new() };
    let Some(assistant) = &route.assistant else { return Vec::new() };
    let Some(endpoint) = state.bindings.current(written.thread, &assistant.connection) else { return Vec::new() };
    let client = endpoint.client(state.contacts.of(written.thread));
    let to = Destination::Conversation(endpoint.address());
    let author = client.clone();
    let shown = Shown { to, speaker: Speaker::Client, author, client, source: None, silent: false };
    carried(state, written, "client_message_to_assistant", &assistant.connection, &shown)
}
