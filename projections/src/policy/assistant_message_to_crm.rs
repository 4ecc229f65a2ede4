//! What the assistant answers appears in the CRM as the bot's; what a person at its desk answers, as a manager's.

use crate::change::Written;
use crate::intent::{Destination, Intent, SendMessage, Speaker};
use crate::state::State;

use super::Decision;

pub(super) fn decide(state: &State, written: &Written) -> Option<Decision> {
    let (_, route) = state.route_of(written.thread)?;
    let endpoint = state.bindings.current(written.thread, &route.crm)?;
    let intent = Intent::SendMessage(SendMessage {
        to: Destination::Conversation(endpoint.address()),
        speaker: written.message.speaker.unwrap_or(Speaker::Bot),
        author: written.message.author.clone(),
        client: endpoint.client(state.contacts.of(written.thread)),
        ours: written.origin.name_across(),
        written_at: written.message.written_at.unwrap_or(written.heard_at),
        content: super::content_across(state, written, &route.crm),
        source: endpoint.source.clone().or_else(|| route.source.clone()),
        // The client is being answered: no manager has to come running.
        silent: true,
    });
    Some(Decision {
        policy: "assistant_message_to_crm",
        connection: route.crm.clone(),
        thread: written.thread,
        intent,
        carries: Some(written.origin.clone()),
    })
}
