//! What the assistant, or a person at its desk, answers goes to the client in the channel.
//!
//! What it wrote while it was to be silent never comes here; see [`crate::assistance`].

use crate::change::Written;
use crate::fact::ConversationKey;
use crate::intent::{Destination, Speaker};
use crate::state::State;

use super::manager_message_to_channel::client_known;
use super::{Decision, Shown, carried};

pub(super) fn decide(state: &State, written: &Written) -> Vec<Decision> {
    let Some((_, route)) = state.route_of(written.thread) else { return Vec::new() };
    let endpoint = state.bindings.current(written.thread, &route.channel);
    let Some(theirs) = endpoint.and_then(|endpoint| endpoint.theirs.clone()) else { return Vec::new() };
    let shown = Shown {
        to: Destination::Conversation(ConversationKey::theirs(theirs)),
        speaker: written.message.speaker.unwrap_or(Speaker::Bot),
        author: written.message.author.clone(),
        client: client_known(state, written),
        source: None,
        silent: false,
    };
    carried(state, written, "assistant_message_to_channel", &route.channel, &shown)
}
