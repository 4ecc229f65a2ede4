//! What the assistant, or a person at its desk, answers goes to the client in the channel.
//!
//! What it wrote while it was to be silent never comes here; see [`crate::assistance`].

use crate::change::Written;
use crate::fact::ConversationKey;
use crate::intent::{Destination, Intent, SendMessage, Speaker};
use crate::state::State;

use super::Decision;

pub(super) fn decide(state: &State, written: &Written) -> Vec<Decision> {
    let Some((_, route)) = state.route_of(written.thread) else { return Vec::new() };
    let endpoint = state.bindings.current(written.thread, &route.channel);
    let Some(theirs) = endpoint.and_then(|endpoint| endpoint.theirs.clone()) else { return Vec::new() };
    let client = state.contacts.of(written.thread).map(crate::contacts::Contact::as_person).unwrap_or_default();
    let decision = |(ours, content)| Decision {
        policy: "assistant_message_to_channel",
        connection: route.channel.clone(),
        thread: written.thread,
        intent: Intent::SendMessage(SendMessage {
            to: Destination::Conversation(ConversationKey::theirs(theirs.clone())),
            speaker: written.message.speaker.unwrap_or(Speaker::Bot),
            author: written.message.author.clone(),
            client: client.clone(),
            ours,
            written_at: written.message.written_at.unwrap_or(written.heard_at),
            content,
            source: None,
            silent: false,
        }),
        carries: Some(written.origin.clone()),
    };
    super::pieces_across(state, written, &route.channel).into_iter().map(decision).collect()
}
