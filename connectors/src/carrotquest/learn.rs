//! What replies to our calls teach: the part that Carrot quest made of a message, and who a conversation is with.
//!
//! A reply that refuses teaches nothing. Lists of parts teach nothing here either; which of them is ours can only be
//! judged beside the intent.

use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{ConversationKey, DeliveryState, Fact, MessageKey, RemarkKind, SendAcknowledged};

use super::classify::Verdict;
use super::decode::{client, conversation_seen};
use super::wire::{ConversationAnswer, Created, Reference, UsersAnswer};
use super::{call, ids};
use crate::connector::Decoded;
use crate::loose::{Object, with_document};

/// What a reply to one of our calls teaches.
pub(super) fn learn(call: &str, reply: &RecordedReply) -> Decoded {
    let mut decoded = Decoded::default();
    if reply.body.0.is_empty() || !Verdict::of(reply).is_yes() {
        return decoded;
    }
    let body = &reply.body.0;
    // That a body is unreadable is remarked by the reading itself.
    let _ = match call {
        call::REPLY => with_document::<Created<'static>, _>(body, &mut decoded, learn_message),
        call::FIRST_MESSAGE => with_document::<Created<'static>, _>(body, &mut decoded, learn_first_message),
        call::USERS => with_document::<UsersAnswer<'static>, _>(body, &mut decoded, learn_client),
        call::CONVERSATION => with_document::<ConversationAnswer<'static>, _>(body, &mut decoded, learn_conversation),
        _ => None,
    };
    decoded
}

/// Only the id is certain; the whole part may come, too (3.2).
fn learn_message(created: Created<'_>, decoded: &mut Decoded) {
    let Some(wire) = created.data.0.expect("data", decoded) else { return };
    let Some(id) = wire.id.0.expect("data.id", decoded) else { return };
    let conversation = match wire.conversation {
        Reference::Id(id) => Some(ids::conversation(id)),
        Reference::Document(conversation) => {
            conversation.id.0.read("data.conversation.id", decoded).map(ids::conversation)
        }
        Reference::Absent => None,
        Reference::Odd(shape) => {
            decoded.remark(RemarkKind::OddValue, "data.conversation", shape);
            None
        }
    };
    decoded.fact(Fact::SendAcknowledged(SendAcknowledged {
        message: MessageKey { theirs: Some(ids::message(id)), ours: None, job: None },
        conversation: ConversationKey { theirs: conversation, ours: None },
        // It stands in the dialogue; whether the client has seen it is told nowhere (5.1, `read`).
        state: Some(DeliveryState::Sent),
        ..SendAcknowledged::default()
    }));
}

/// The conversation that the message opened; no part of it is named, and the manual message's number is another (3.4).
fn learn_first_message(created: Created<'_>, decoded: &mut Decoded) {
    let Some(wire) = created.data.0.expect("data", decoded) else { return };
    let conversation = match wire.conversation {
        Reference::Id(id) => Some(id),
        Reference::Document(conversation) => conversation.id.0.read("data.conversation.id", decoded),
        Reference::Absent | Reference::Odd(_) => None,
    };
    // An answer without it proves nothing; see `classify`.
    let Some(conversation) = conversation else { return };
    decoded.fact(Fact::SendAcknowledged(SendAcknowledged {
        conversation: ConversationKey { theirs: Some(ids::conversation(conversation)), ours: None },
        state: Some(DeliveryState::Sent),
        ..SendAcknowledged::default()
    }));
}

/// Whoever is listed first and was not removed, as by a merger (4).
fn learn_client(answer: UsersAnswer<'_>, decoded: &mut Decoded) {
    let Some(data) = answer.data.0.read("data", decoded) else { return };
    for (number, Object(user)) in data.users.0.read("data.users", decoded).into_iter().flatten().enumerate() {
        let at = format!("data.users[{number}]");
        let Some(user) = user.read(&at, decoded).filter(|user| !user.removed.is_present()) else { continue };
        let client = client(Reference::Document(Box::new(user)), &at, decoded);
        if client.theirs.is_some() {
            return decoded.fact(Fact::ClientFound { client });
        }
    }
}

/// Whether the answer to a first message names the conversation that it opened.
pub(super) fn names_opened(reply: &RecordedReply) -> bool {
    learn(call::FIRST_MESSAGE, reply).facts.iter().any(|fact| matches!(fact, Fact::SendAcknowledged(_)))
}

/// Whether an answer is a list of visitors, perhaps an empty one.
pub(super) fn lists_users(reply: &RecordedReply) -> bool {
    let read =
        |answer: UsersAnswer<'_>, _: &mut Decoded| answer.data.0.get().is_some_and(|data| data.users.0.get().is_some());
    with_document::<UsersAnswer<'static>, _>(&reply.body.0, &mut Decoded::default(), read).unwrap_or(false)
}

fn learn_conversation(answer: ConversationAnswer<'_>, decoded: &mut Decoded) {
    let Object(wire) = answer.data;
    let Some(wire) = wire.expect("data", decoded) else { return };
    let seen = conversation_seen(wire, "data", decoded);
    decoded.facts.extend(seen.map(Fact::ConversationSeen));
}

/// Whether a reply to a message of ours names the part that was made of it.
pub(super) fn names_message(reply: &RecordedReply) -> bool {
    learn(call::REPLY, reply).facts.iter().any(|fact| matches!(fact, Fact::SendAcknowledged(_)))
}

/// Whether a reply to a call that asks for a conversation has one in it.
pub(super) fn names_conversation(reply: &RecordedReply) -> bool {
    learn(call::CONVERSATION, reply).facts.iter().any(|fact| matches!(fact, Fact::ConversationSeen(_)))
}
