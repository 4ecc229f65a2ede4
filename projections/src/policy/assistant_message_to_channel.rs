//! What the assistant, or a person at its desk, answers goes to the client in the channel.
//!
//! What it wrote while it was to be silent never comes here; see [`crate::assistance`].

use crate::change::Written;
use crate::fact::ConversationKey;
use crate::intent::{Destination, Intent, SendMessage, Speaker};
use crate::state::State;

use super::Decision;

pub(super) fn decide(state: &State, written: &Written) -> Option<Decision> {
    let (_, route) = state.route_of(written.thread)?;
    let endpoint = state.bindings.current(written.thread, &route.channel)?;
    let theirs = endpoint.theirs.clone()?;
    let intent = Intent::SendMessage(SendMessage {
        to: Destination::Conversation(ConversationKey::theirs(theirs)),
        speaker: written.message.speaker.unwrap_or(Speaker::Bot),
        author: written.message.author.clone(),
        client: state.contacts.of(written.thread).map(crate::contacts::Contact::as_person).unwrap_or_default(),
        ours: written.origin.name_across(),
        written_at: written.message.written_at.unwrap_or(written.heard_at),
        content: super::content_across(state, written, &route.channel),
        source: None,
        silent: false,
    });
    Some(Decision {
        policy: "assistant_message_to_channel",
        connection: route.channel.clone(),
        thread: written.thread,
        intent,
        carries: Some(written.origin.clone()),
    })
}
