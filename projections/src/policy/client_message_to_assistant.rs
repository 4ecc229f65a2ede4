//! A client's message in the channel is given to the route's assistant, under our id of the dialogue.
//!
//! Whether the assistant is to hear it at all was found by the fold; see [`crate::assistance`].

use crate::change::Written;
use crate::intent::{Destination, Intent, SendMessage, Speaker};
use crate::state::State;

use super::Decision;

pub(super) fn decide(state: &State, written: &Written) -> Vec<Decision> {
    let Some((_, route)) = state.route_of(written.thread) else { return Vec::new() };
    let Some(assistant) = &route.assistant else { return Vec::new() };
    let Some(endpoint) = state.bindings.current(written.thread, &assistant.connection) else { return Vec::new() };
    let client = endpoint.client(state.contacts.of(written.thread));
    let decision = |(ours, content)| Decision {
        policy: "client_message_to_assistant",
        connection: assistant.connection.clone(),
        thread: written.thread,
        intent: Intent::SendMessage(SendMessage {
            to: Destination::Conversation(endpoint.address()),
            speaker: Speaker::Client,
            author: client.clone(),
            client: client.clone(),
            ours,
            written_at: written.message.written_at.unwrap_or(written.heard_at),
            content,
            source: None,
            silent: false,
        }),
        carries: Some(written.origin.clone()),
    };
    super::pieces_across(state, written, &assistant.connection).into_iter().map(decision).collect()
}
