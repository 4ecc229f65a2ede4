//! A manager's message in the CRM goes to the client in the channel.

use crate::change::Written;
use crate::configuration::Route;
use crate::fact::ConversationKey;
use crate::intent::{Address, Destination, Intent, SendMessage, Speaker};
use crate::state::State;

use super::Decision;

pub(super) fn decide(state: &State, written: &Written) -> Vec<Decision> {
    let Some((_, route)) = state.route_of(written.thread) else { return Vec::new() };
    let endpoint = state.bindings.current(written.thread, &route.channel);
    let Some(theirs) = endpoint.and_then(|endpoint| endpoint.theirs.clone()) else { return Vec::new() };
    send(state, route, written, &Destination::Conversation(ConversationKey::theirs(theirs)))
}

/// The same, where the message itself opens the conversation.
pub(super) fn decide_first(state: &State, written: &Written, address: &Address) -> Vec<Decision> {
    let Some((_, route)) = state.route_of(written.thread) else { return Vec::new() };
    send(state, route, written, &address.clone().into())
}

fn send(state: &State, route: &Route, written: &Written, to: &Destination) -> Vec<Decision> {
    let client = state.contacts.of(written.thread).map(crate::contacts::Contact::as_person).unwrap_or_default();
    let decision = |(ours, content)| Decision {
        policy: "manager_message_to_channel",
        connection: route.channel.clone(),
        thread: written.thread,
        intent: Intent::SendMessage(SendMessage {
            to: to.clone(),
            speaker: Speaker::Manager,
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
