//! A manager's message in the CRM goes to the client in the channel.

use crate::change::Written;
use crate::configuration::Route;
use crate::fact::ConversationKey;
use crate::ids::PersonId;
use crate::intent::{Address, Destination, Intent, SendMessage, Speaker};
use crate::state::State;

use super::Decision;

pub(super) fn decide(state: &State, written: &Written) -> Option<Decision> {
    let (_, route) = state.route_of(written.thread)?;
    let endpoint = state.bindings.current(written.thread, &route.channel)?;
    let theirs = endpoint.theirs.clone()?;
    Some(send(state, route, written, Destination::Conversation(ConversationKey::theirs(theirs))))
}

/// The same, where the message itself opens the conversation.
pub(super) fn decide_first(state: &State, written: &Written, address: &Address) -> Option<Decision> {
    let (_, route) = state.route_of(written.thread)?;
    Some(send(state, route, written, address.clone().into()))
}

/// The same, where the channel knows the client and the message opens the conversation with them.
pub(super) fn decide_to(state: &State, written: &Written, client: &PersonId) -> Option<Decision> {
    let (_, route) = state.route_of(written.thread)?;
    Some(send(state, route, written, Destination::Client(client.clone())))
}

fn send(state: &State, route: &Route, written: &Written, to: Destination) -> Decision {
    let intent = Intent::SendMessage(SendMessage {
        to,
        speaker: Speaker::Manager,
        author: written.message.author.clone(),
        client: state.contacts.of(written.thread).map(crate::contacts::Contact::as_person).unwrap_or_default(),
        ours: written.origin.name_across(),
        written_at: written.message.written_at.unwrap_or(written.heard_at),
        content: super::content_across(state, written, &route.channel),
        source: None,
        silent: false,
    });
    Decision {
        policy: "manager_message_to_channel",
        connection: route.channel.clone(),
        thread: written.thread,
        intent,
        carries: Some(written.origin.clone()),
    }
}
