//! An assistant's answer that does not reach the client is noted in the CRM, with the reason: else managers would believe
//! that the client was answered, for the CRM shows the answer.

use crate::configuration::Role;
use crate::content::{Content, Person};
use crate::delivery::Origin;
use crate::fact::{DeliveryState, Failure};
use crate::ids::{EventId, MessageId, ThreadId};
use crate::intent::{Destination, Intent, SendMessage, Speaker};
use crate::state::State;
use crate::time::Timestamp;

use super::Decision;

pub(super) fn decide(
    state: &State,
    thread: ThreadId,
    origin: &Origin,
    stands: DeliveryState,
    failure: Option<&Failure>,
    at: Timestamp,
) -> Option<Decision> {
    match stands {
        DeliveryState::Failed => {}
        DeliveryState::Raised | DeliveryState::Sent | DeliveryState::Delivered | DeliveryState::Read => return None,
    }
    // The reason is told once; without it there is nothing to do about it yet.
    let reason = &failure?.reason;
    let (_, route) = state.route_of(thread)?;
    let words = &route.assistant.as_ref()?.notes.undelivered;
    if words.is_empty() || state.configuration.role_of(&origin.connection) != Some(Role::Assistant) {
        return None;
    }
    let endpoint = state.bindings.current(thread, &route.crm)?;
    let name = [origin.connection.as_str(), origin.message.as_str()].map(str::as_bytes);
    let intent = Intent::SendMessage(SendMessage {
        to: Destination::Conversation(endpoint.address()),
        speaker: Speaker::Bot,
        author: Person::default(),
        client: endpoint.client(state.contacts.of(thread)),
        ours: MessageId::new(format!("undelivered-{}", EventId::derived(&name))),
        written_at: at,
        content: Content::text(format!("{words}: {reason}")),
        source: endpoint.source.clone().or_else(|| route.source.clone()),
        // Somebody has to do something about it.
        silent: false,
    });
    Some(Decision {
        policy: "assistant_failure_noted_in_crm",
        connection: route.crm.clone(),
        thread,
        intent,
        carries: None,
    })
}
