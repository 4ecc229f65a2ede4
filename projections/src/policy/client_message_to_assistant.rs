//! A client's message in the channel is given to the route's assistant, under our id of the dialogue.
//!
//! Whether the assistant is to hear it at all was found by the fold; see [`crate::assistance`].

use crate::change::Written;
use crate::intent::{Destination, Intent, SendMessage, Speaker};
use crate::state::State;

use super::Decision;

pub(super) fn decide(state: &State, written: &Written) -> Option<Decision> {
    let (_, route) = state.route_of(written.thread)?;
    let assistant = route.assistant.as_ref()?;
    let endpoint = state.bindings.current(written.thread, &assistant.connection)?;
    let client = endpoint.client(state.contacts.of(written.thread));
    let intent = Intent::SendMessage(SendMessage {
        to: Destination::Conversation(endpoint.address()),
        speaker: Speaker::Client,
        author: client.clone(),
        client,
        ours: written.origin.name_across(),
        written_at: written.message.written_at.unwrap_or(written.heard_at),
        content: super::content_across(state, written, &assistant.connection),
        source: None,
        silent: false,
    });
    Some(Decision {
        policy: "client_message_to_assistant",
        connection: assistant.connection.clone(),
        thread: written.thread,
        intent,
        carries: Some(written.origin.clone()),
    })
}
