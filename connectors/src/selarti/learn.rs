//! What replies to our calls teach: ids of the message and the dialogue, if there are any.
//!
//! What the call answers is not documented, and no ids are to be expected (5); the webhook that repeats the client's words
//! brings them. A sign-in teaches nothing here: its answer is a credential.

use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{ConversationKey, DeliveryState, Fact, MessageKey, SendAcknowledged};

use super::wire::{self, Name};
use super::{SEND, ids};
use crate::connector::Decoded;
use crate::loose::with_document;

/// What a reply to one of our calls teaches.
pub(super) fn learn(call: &str, reply: &RecordedReply) -> Decoded {
    let mut decoded = Decoded::default();
    // An empty body is a good answer, too (4.2).
    if call != SEND || !(200..300).contains(&reply.status) || reply.body.0.is_empty() {
        return decoded;
    }
    // That a body is unreadable is remarked by the reading itself.
    let _ = with_document::<wire::Reply<'static>, _>(&reply.body.0, &mut decoded, |reply, decoded| {
        let Some(response) = reply.response.0.read("response", decoded) else { return };
        let message = response.message_id.0.read("response.message_id", decoded).map(|Name(id)| ids::message(id));
        let thread = response.thread_id.0.read("response.thread_id", decoded).map(|Name(id)| ids::conversation(id));
        if message.is_none() && thread.is_none() {
            return;
        }
        decoded.fact(Fact::SendAcknowledged(SendAcknowledged {
            message: MessageKey { theirs: message, ours: None, job: None },
            conversation: ConversationKey { theirs: thread, ours: None },
            state: Some(DeliveryState::Sent),
            ..SendAcknowledged::default()
        }));
    });
    decoded
}
