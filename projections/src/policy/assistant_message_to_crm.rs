//! What the assistant answers appears in the CRM as the bot's; what a person at its desk answers, as a manager's.

use crate::change::Written;
use crate::intent::{Destination, Intent, SendMessage, Speaker};
use crate::state::State;

use super::Decision;

pub(super) fn decide(state: &State, written: &Written) -> Vec<Decision> {
    let Some((_, route)) = state.route_of(written.thread) else { return Vec::new() };
    let Some(endpoint) = state.bindings.current(written.thread, &route.crm) else { return Vec::new() };
    let client = endpoint.client(state.contacts.of(written.thread));
    let decision = |(ours, content)| Decision {
        policy: "assistant_message_to_crm",
        connection: route.crm.clone(),
        thread: written.thread,
        intent: Intent::SendMessage(SendMessage {
            to: Destination::Conversation(endpoint.address()),
            speaker: written.message.speaker.unwrap_or(Speaker::Bot),
            author: written.message.author.clone(),
            client: client.clone(),
            ours,
            written_at: written.message.written_at.unwrap_or(written.heard_at),
            content,
            source: endpoint.source.clone().or_else(|| route.source.clone()),
            // The client is being answered: no manager has to come running.
            silent: true,
        }),
        carries: Some(written.origin.clone()),
    };
    super::pieces_across(state, written, &route.crm).into_iter().map(decision).collect()
}
