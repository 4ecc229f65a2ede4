//! What webhooks of the first generation mean (10.3 to 10.5).
//!
//! A message names neither its author nor its client here: who they are stands on the conversation.

use std::borrow::Cow;

use chatledger_projections::content::Person;
use chatledger_projections::fact::{
    ConnectionChanged, ConnectionHealth, ConversationKey, ConversationSeen, DeliveryReported, DeliveryState, Fact,
    FailureKind, Message, MessageKey, RemarkKind,
};

use super::values;
use crate::connector::Decoded;
use crate::loose::{Object, WireDocument, with_document};
use crate::pact::wire::v1;
use crate::pact::{failure, ids};

/// What a webhook of this kind means.
pub(super) fn decode(kind: &str, event: &str, body: &[u8], decoded: &mut Decoded) {
    match (kind, event) {
        ("message", "new") => read::<v1::MessageWebhook<'static>>(body, decoded, |webhook, decoded| {
            message(webhook.data, Place::Dialogue, decoded);
        }),
        ("group_message", "new") => read::<v1::MessageWebhook<'static>>(body, decoded, |webhook, decoded| {
            message(webhook.data, Place::Group, decoded);
        }),
        ("message", "ack") => read::<v1::MessageWebhook<'static>>(body, decoded, |webhook, decoded| {
            acknowledgement(webhook.data, decoded);
        }),
        // One for every participant; the message's own state cannot be told from them (12.2, 7).
        ("group_message", "ack") => decoded.remark(RemarkKind::Ignored, "", "group_message/ack"),
        ("job", "executed") => read::<v1::JobWebhook<'static>>(body, decoded, |webhook, decoded| {
            executed_job(webhook.data, decoded);
        }),
        ("conversation", "new" | "update") => {
            read::<v1::ConversationWebhook<'static>>(body, decoded, |webhook, decoded| {
                conversation(webhook.data, Place::Dialogue, decoded);
            });
        }
        ("group_conversation", "new" | "update") => {
            read::<v1::ConversationWebhook<'static>>(body, decoded, |webhook, decoded| {
                conversation(webhook.data, Place::Group, decoded);
            });
        }
        ("group_conversation_contact", "new") => {
            read::<v1::GroupContactWebhook<'static>>(body, decoded, |webhook, decoded| {
                group_contact(webhook.data, decoded);
            });
        }
        ("system", _) => read::<v1::SystemWebhook<'static>>(body, decoded, |webhook, decoded| {
            system(webhook.data, decoded);
        }),
        // The picture itself is a key to the messenger's account, and is left where it is.
        ("qr_code", "new") => decoded.fact(Fact::ConnectionChanged(ConnectionChanged {
            health: ConnectionHealth::Recovering,
            word: "qr_code".to_owned(),
            at: None,
        })),
        // Removed in July 2023 (10.5).
        ("service_messages", _) => decoded.remark(RemarkKind::Deprecated, "", values::name_of_kind(kind, event)),
        _ => decoded.remark(RemarkKind::UnknownKind, "", values::name_of_kind(kind, event)),
    }
}

/// Where a message stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// With one client.
    Dialogue,
    /// Among several.
    Group,
}

fn read<W: WireDocument>(body: &[u8], decoded: &mut Decoded, then: impl FnOnce(W::Document<'_>, &mut Decoded)) {
    // That a body is unreadable is remarked there.
    let _ = with_document::<W, ()>(body, decoded, then);
}

fn message(data: Object<v1::Message<'_>>, place: Place, decoded: &mut Decoded) {
    let Some(wire) = data.0.expect("data", decoded) else { return };
    let id = wire.external_id.0.expect("data.external_id", decoded).map(ids::message);
    let conversation = wire.conversation_id.0.expect("data.conversation_id", decoded).map(ids::conversation);
    let (Some(id), Some(conversation)) = (id, conversation) else { return };
    let job = wire.job_id.0.read("data.job_id", decoded).map(ids::job);
    // Only what we send has a job, so it tells whose a message is where the flag does not. Failing that a message is
    // the client's: rather show our own words twice than lose a client's.
    let income = match wire.income.0.read("data.income", decoded) {
        Some(income) => income,
        None if job.is_some() => false,
        None => {
            decoded.remark(RemarkKind::Missing, "data.income", "");
            true
        }
    };
    let key = ConversationKey::theirs(conversation);
    let mut author = Person::default();
    match place {
        Place::Dialogue => {}
        Place::Group => {
            decoded.fact(group_seen(key.clone(), None));
            let phone = wire.external_public_id.0.read("data.external_public_id", decoded);
            author.phone = phone.filter(|_| income).map(Cow::into_owned);
        }
    }
    let written_at = values::first_moment(
        [("data.created_at_timestamp", wire.created_at_timestamp), ("data.created_at", wire.created_at)],
        decoded,
    );
    let text = wire.message.0.read("data.message", decoded);
    let message = Message {
        conversation: key,
        message: MessageKey { theirs: Some(id), ours: None, job },
        author,
        speaker: None,
        client: None,
        source: None,
        written_at,
        content: values::content(text, wire.attachments, wire.location, decoded),
        // An incoming message has an acknowledgement, too; it says nothing (11.2).
        state: wire.ack.0.read("data.ack", decoded).filter(|_| !income).and_then(|ack| state(ack, decoded)),
    };
    decoded.fact(if income { Fact::MessageReceived(message) } else { Fact::MessageSent(message) });
}

fn acknowledgement(data: Object<v1::Message<'_>>, decoded: &mut Decoded) {
    let Some(wire) = data.0.expect("data", decoded) else { return };
    let id = wire.external_id.0.expect("data.external_id", decoded).map(ids::message);
    let ack = wire.ack.0.expect("data.ack", decoded);
    let conversation = wire.conversation_id.0.read("data.conversation_id", decoded).map(ids::conversation);
    let (Some(id), Some(ack)) = (id, ack) else { return };
    let Some(state) = state(ack, decoded) else { return };
    decoded.fact(Fact::DeliveryReported(DeliveryReported {
        conversation: ConversationKey { theirs: conversation, ours: None },
        message: MessageKey { theirs: Some(id), ours: None, job: None },
        state,
        failure: None,
        at: None,
    }));
}

/// What an `ack` says (11.1); an unknown one changes nothing (12.1, 6).
fn state(ack: i64, decoded: &mut Decoded) -> Option<DeliveryState> {
    match ack {
        -1 | 0 => Some(DeliveryState::Raised),
        1 => Some(DeliveryState::Sent),
        2 => Some(DeliveryState::Delivered),
        3 => Some(DeliveryState::Read),
        _ => {
            decoded.remark(RemarkKind::OddValue, "data.ack", ack.to_string());
            None
        }
    }
}

/// The only news of a failed send (6.3). "Delivered" may mean no more than that the messenger took it (11.2).
fn executed_job(data: Object<v1::ExecutedJob<'_>>, decoded: &mut Decoded) {
    let Some(wire) = data.0.expect("data", decoded) else { return };
    let job = wire.id.0.expect("data.id", decoded).map(ids::job);
    let result = wire.result.0.expect("data.result", decoded);
    let theirs = wire.message_id.0.read("data.message_id", decoded).map(ids::message);
    let at = values::first_moment([("data.date", wire.date)], decoded);
    let (Some(job), Some(result)) = (job, result) else { return };
    let (state, failure) = match result.replace('_', " ").to_ascii_uppercase().as_str() {
        "DELIVERED" => (DeliveryState::Delivered, None),
        "NOT DELIVERED" => {
            let failure = failure::first_text(&wire.reason)
                .map_or_else(|| failure::of_kind(FailureKind::Other, "NOT DELIVERED"), failure::of_reason);
            (DeliveryState::Failed, Some(failure))
        }
        _ => {
            decoded.remark(RemarkKind::OddValue, "data.result", "an unknown result");
            return;
        }
    };
    decoded.fact(Fact::DeliveryReported(DeliveryReported {
        conversation: ConversationKey::default(),
        message: MessageKey { theirs, ours: None, job: Some(job) },
        state,
        failure,
        at,
    }));
}

fn conversation(data: Object<v1::Conversation<'_>>, place: Place, decoded: &mut Decoded) {
    let Some(wire) = data.0.expect("data", decoded) else { return };
    let Some(mut seen) = conversation_seen(wire, "data", decoded) else { return };
    match place {
        Place::Dialogue => {}
        Place::Group => {
            seen.group = true;
            seen.phone = None;
        }
    }
    decoded.fact(Fact::ConversationSeen(seen));
}

/// A conversation as webhooks and replies describe it.
pub(in crate::pact) fn conversation_seen(
    wire: v1::Conversation<'_>,
    at: &str,
    decoded: &mut Decoded,
) -> Option<ConversationSeen> {
    let here = |key: &str| format!("{at}.{key}");
    let id = ids::conversation(wire.external_id.0.expect(&here("external_id"), decoded)?);
    let channel = wire.channel.0.read(&here("channel"), decoded);
    let messenger = channel
        .and_then(|channel| channel.kind.0.read(&here("channel.type"), decoded))
        .or_else(|| wire.channel_type.0.read(&here("channel_type"), decoded));
    let sender = wire.sender_external_id.0.read(&here("sender_external_id"), decoded);
    let phone = sender.and_then(|sender| values::phone_of_sender(messenger.as_deref(), &sender));
    let in_webhook = wire.avatar_url.0.read(&here("avatar_url"), decoded);
    let in_reply = wire.avatar.0.read(&here("avatar"), decoded);
    let client = Person {
        name: wire.name.0.read(&here("name"), decoded).map(Cow::into_owned),
        phone: phone.clone(),
        avatar: in_webhook.or(in_reply).and_then(|text| values::picture(&text)),
        ..Person::default()
    };
    Some(ConversationSeen {
        conversation: ConversationKey::theirs(id),
        client,
        phone,
        messenger: messenger.map(Cow::into_owned),
        group: false,
    })
}

/// Nothing but that the conversation has several clients; who of them wrote is told by the message.
fn group_contact(data: Object<v1::GroupContact<'_>>, decoded: &mut Decoded) {
    let Some(wire) = data.0.expect("data", decoded) else { return };
    let conversation = wire.conversation_id.0.expect("data.conversation_id", decoded).map(ids::conversation);
    let messenger = wire.channel_type.0.read("data.channel_type", decoded);
    let Some(conversation) = conversation else { return };
    decoded.fact(group_seen(ConversationKey::theirs(conversation), messenger));
}

fn group_seen(conversation: ConversationKey, messenger: Option<Cow<'_, str>>) -> Fact {
    Fact::ConversationSeen(ConversationSeen {
        conversation,
        client: Person::default(),
        phone: None,
        messenger: messenger.map(Cow::into_owned),
        group: true,
    })
}

/// The words of 10.4. Severity is not read: it calls good news critical.
fn system(data: Object<v1::System<'_>>, decoded: &mut Decoded) {
    let Some(wire) = data.0.expect("data", decoded) else { return };
    let Some(word) = wire.message.0.expect("data.message", decoded) else { return };
    let at = values::first_moment([("data.date_timestamp", wire.date_timestamp), ("data.date", wire.date)], decoded);
    let health = match &*word {
        "authorized" | "phone online" | "synchronized" => ConnectionHealth::Up,
        "phone offline" | "unavailable" | "disabled" | "IG was set DISABLED" => ConnectionHealth::Down,
        "trying_resume_work" => ConnectionHealth::Recovering,
        _ => {
            decoded.remark(RemarkKind::UnknownKind, "data.message", values::name_of_kind(&word, ""));
            return;
        }
    };
    decoded.fact(Fact::ConnectionChanged(ConnectionChanged { health, word: word.into_owned(), at }));
}
