//! What a manager wrote past the CRM, in the messenger's own app, appears in the CRM as the manager's.

use crate::change::Written;
use crate::intent::{Destination, Intent, SendMessage, Speaker};
use crate::state::State;

use super::Decision;

pub(super) fn decide(state: &State, written: &Written) -> Vec<Decision> {
    let Some((_, route)) = state.route_of(written.thread) else { return Vec::new() };
    let Some(endpoint) = state.bindings.current(written.thread, &route.crm) else { return Vec::new() };
    let client = endpoint.client(state.contacts.of(written.thread));
    let decision = |(ours, content)| Decision {
        policy: "app_message_to_crm",
        connection: route.crm.clone(),
        thread: written.thread,
        intent: Intent::SendMessage(SendMessage {
            to: Destination::Conversation(endpoint.address()),
            // A machine of the platform's own speaks as one here, too.
            speaker: written.message.speaker.unwrap_or(Speaker::Manager),
            author: written.message.author.clone(),
            client: client.clone(),
            ours,
            written_at: written.message.written_at.unwrap_or(written.heard_at),
            content,
            source: endpoint.source.clone().or_else(|| route.source.clone()),
            // The manager knows; nobody is to be notified (amoCRM contract, 11).
            silent: true,
        }),
        carries: Some(written.origin.clone()),
    };
    super::pieces_across(state, written, &route.crm).into_iter().map(decision).collect()
}
