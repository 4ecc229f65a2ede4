//! The remedy `claim`: a chat that only the CRM can name is given an id of ours, by a silent message of the bot.
//!
//! The owner's note, second remedy; amoCRM contract, 10.4 and 10.5. The claim's own message id is derived from the
//! CRM's chat id, so that trying again is not claiming again; a new claim bears another number.

use crate::ids::{ConnectionName, ConversationId, MessageId, ThreadId};
use crate::intent::{ClaimConversation, Intent};
use crate::state::State;
use crate::time::Timestamp;

use super::Decision;

pub(super) fn decide(
    state: &State,
    thread: ThreadId,
    connection: &ConnectionName,
    theirs: &ConversationId,
    ordinal: u32,
    at: Timestamp,
) -> Option<Decision> {
    let (_, route) = state.route_of(thread)?;
    let endpoint = state.bindings.of(thread).iter().find(|endpoint| endpoint.is(connection, theirs))?;
    let ours = endpoint.ours.clone()?;
    let mut client = endpoint.client(state.contacts.of(thread));
    client.theirs.clone_from(&endpoint.client_theirs);
    client.ours = endpoint.client_name();
    let message = match ordinal {
        0 | 1 => MessageId::new(format!("bind-{theirs}")),
        again => MessageId::new(format!("bind-{theirs}-{again}")),
    };
    let intent = Intent::ClaimConversation(ClaimConversation {
        theirs: theirs.clone(),
        ours,
        client,
        strict: route.claim.strict,
        text: route.claim.text.clone(),
        message,
        at,
        source: endpoint.source.clone().or_else(|| route.source.clone()),
    });
    Some(Decision { policy: "chat_claimed_for_us", connection: connection.clone(), thread, intent, carries: None })
}
