//! What replies to our calls teach: the ids that Pact gave, and who a conversation is with.
//!
//! A reply that refuses teaches nothing: it names neither the conversation nor the message that was asked about. Lists
//! of messages teach nothing here either; which of them is ours can only be judged beside the intent.

use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{ConversationKey, DeliveryState, Fact, MessageKey, MessageNamed, SendAcknowledged};

use super::decode::{conversation_seen_v1, conversation_seen_v2, delivery_state};
use super::wire::{v1, v2};
use super::{call, ids};
use crate::connector::Decoded;
use crate::loose::{Object, with_document};

/// What a reply to one of our calls teaches.
pub(super) fn learn(call: &str, reply: &RecordedReply) -> Decoded {
    let mut decoded = Decoded::default();
    // 202 says that a lookup runs, and nothing of what it will find (5.2).
    if !(200..300).contains(&reply.status) || reply.status == 202 || reply.body.0.is_empty() {
        return decoded;
    }
    let body = &reply.body.0;
    // That a body is unreadable is remarked by the reading itself.
    let _ = match call {
        call::SEND_V1 => with_document::<v1::SendReply<'static>, _>(body, &mut decoded, learn_job),
        call::SEND_V2 | call::FIRST_MESSAGE_V2 => {
            with_document::<v2::MessageReply<'static>, _>(body, &mut decoded, |reply, decoded| {
                learn_message(reply.message, decoded);
            })
        }
        call::OPEN_V1 | call::CONVERSATION_V1 => {
            with_document::<v1::ConversationReply<'static>, _>(body, &mut decoded, learn_conversation_v1)
        }
        call::CONVERSATION_V2 => {
            with_document::<v2::ConversationReply<'static>, _>(body, &mut decoded, |reply, decoded| {
                learn_conversation_v2(reply.conversation, "conversation", decoded);
            })
        }
        call::SEARCH_CONVERSATIONS_V2 => {
            with_document::<v2::ConversationsReply<'static>, _>(body, &mut decoded, |reply, decoded| {
                for conversation in reply.conversations.0.expect("conversations", decoded).into_iter().flatten() {
                    learn_conversation_v2(conversation, "conversations", decoded);
                }
            })
        }
        call::UPLOAD_V1 | call::UPLOAD_V2 => {
            super::upload::learn(call, body, &mut decoded);
            None
        }
        _ => None,
    };
    decoded
}

/// The first generation answers a send with a job (6.2); a message id beside it means that it is done already.
fn learn_job(reply: v1::SendReply<'_>, decoded: &mut Decoded) {
    if is_errored(reply.status.get().map(|word| &**word)) {
        return;
    }
    let Some(wire) = reply.data.0.expect("data", decoded) else { return };
    let job = wire.id.0.expect("data.id", decoded).map(ids::job);
    let theirs = wire.message_id.0.read("data.message_id", decoded).map(ids::message);
    if job.is_none() && theirs.is_none() {
        return;
    }
    let result = wire.details.0.read("data.details", decoded);
    let result = result.and_then(|details| details.result.0.read("data.details.result", decoded));
    let conversation = wire.conversation_id.0.read("data.conversation_id", decoded).map(ids::conversation);
    decoded.fact(Fact::SendAcknowledged(SendAcknowledged {
        message: MessageKey { theirs, ours: None, job },
        conversation: ConversationKey { theirs: conversation, ours: None },
        state: match result.as_deref() {
            Some("DELIVERED") => Some(DeliveryState::Delivered),
            Some("NOT DELIVERED") => Some(DeliveryState::Failed),
            Some(_) | None => Some(DeliveryState::Raised),
        },
        ..SendAcknowledged::default()
    }));
}

fn learn_message(message: Object<v2::Message<'_>>, decoded: &mut Decoded) {
    let Some(wire) = message.0.expect("message", decoded) else { return };
    let Some(id) = wire.id.0.expect("message.id", decoded) else { return };
    let also = wire.external_id.0.read("message.external_id", decoded);
    if let Some(also) = also {
        decoded
            .fact(Fact::MessageNamed(MessageNamed { message: ids::message(id), also: ids::messengers_message(&also) }));
    }
    let status = wire.status.0.read("message.status", decoded);
    let conversation = wire.conversation_id.0.read("message.conversation_id", decoded).map(ids::conversation);
    decoded.fact(Fact::SendAcknowledged(SendAcknowledged {
        message: MessageKey { theirs: Some(ids::message(id)), ours: None, job: None },
        conversation: ConversationKey { theirs: conversation, ours: None },
        state: status.as_deref().and_then(delivery_state),
        ..SendAcknowledged::default()
    }));
}

fn learn_conversation_v1(reply: v1::ConversationReply<'_>, decoded: &mut Decoded) {
    if is_errored(reply.status.get().map(|word| &**word)) {
        return;
    }
    let data = reply.data.0.expect("data", decoded);
    let wire = data.and_then(|data| data.conversation.0.expect("data.conversation", decoded));
    let seen = wire.and_then(|wire| conversation_seen_v1(wire, "data.conversation", decoded));
    decoded.facts.extend(seen.map(Fact::ConversationSeen));
}

fn learn_conversation_v2(conversation: Object<v2::Conversation<'_>>, at: &str, decoded: &mut Decoded) {
    let wire = conversation.0.expect(at, decoded);
    let seen = wire.and_then(|wire| conversation_seen_v2(wire, at, decoded));
    decoded.facts.extend(seen.map(Fact::ConversationSeen));
}

/// The first generation refuses under a status of 200, too (2.3).
pub(super) fn is_errored(status: Option<&str>) -> bool {
    status == Some("errored")
}

/// Whether a reply to a call that asks for a conversation has one in it.
pub(super) fn names_conversation(call: &str, reply: &RecordedReply) -> bool {
    learn(call, reply).facts.iter().any(|fact| matches!(fact, Fact::ConversationSeen(_)))
}
