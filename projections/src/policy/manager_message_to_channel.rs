//! A manager's message in the CRM goes to the client in the channel.

use crate::change::Written;
use crate::configuration::Route;
use crate::contacts::Contact;
use crate::content::Person;
use crate::fact::ConversationKey;
use crate::ids::PersonId;
use crate::intent::{Address, Destination, Speaker};
use crate::state::State;

use super::{Decision, Shown, carried};

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

/// The same, where the channel knows the client and the message opens the conversation with them.
pub(super) fn decide_to(state: &State, written: &Written, client: &PersonId) -> Vec<Decision> {
    let Some((_, route)) = state.route_of(written.thread) else { return Vec::new() };
    send(state, route, written, &Destination::Client(client.clone()))
}

fn send(state: &State, route: &Route, written: &Written, to: &Destination) -> Vec<Decision> {
    let shown = Shown {
        to: to.clone(),
        speaker: Speaker::Manager,
        author: written.message.author.clone(),
        client: client_known(state, written),
        source: None,
        silent: false,
    };
    carried(state, written, "manager_message_to_channel", &route.channel, &shown)
}

/// The client of a message's dialogue, as far as anybody has told.
pub(super) fn client_known(state: &State, written: &Written) -> Person {
    state.contacts.of(written.thread).map(Contact::as_person).unwrap_or_default()
}
