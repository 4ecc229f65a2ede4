//! What webhooks of the second generation mean (10.6).
//!
//! An update may be the first that we hear of a message, so it tells the message again beside its news; whoever knows
//! the message already learns nothing from that (12.2, 2 and 3). Its list of reactions is all that stand, but by some
//! moment that is not said: that none stands is told with how far the message had come, and nothing more is concluded here.

use std::borrow::Cow;

use chatledger_projections::content::{Person, Quote};
use chatledger_projections::fact::{
    ConnectionChanged, ConnectionHealth, ConversationKey, ConversationSeen, DeliveryReported, DeliveryState, Fact,
    FailureKind, Message, MessageDeleted, MessageEdited, MessageKey, MessageNamed, ReactionChanged, RemarkKind,
    ShownWithoutReaction,
};
use chatledger_projections::ids::PersonId;
use chatledger_projections::intent::Speaker;
use serde_json::Value;

use super::values;
use crate::connector::Decoded;
use crate::loose::{Object, with_document};
use crate::pact::wire::{Location, v2};
use crate::pact::{failure, ids};

/// What a webhook of this kind means.
pub(super) fn decode(kind: &str, event: &str, body: &[u8], decoded: &mut Decoded) {
    let change = match event {
        "create" => Change::Create,
        "update" => Change::Update,
        "delete" => Change::Delete,
        _ => {
            decoded.remark(RemarkKind::UnknownKind, "", values::name_of_kind(kind, event));
            return;
        }
    };
    // That a body is unreadable is remarked by the reading itself.
    let _ = match kind {
        "message" => with_document::<v2::MessageWebhook<'static>, _>(body, decoded, |webhook, decoded| {
            message(webhook.object, change, decoded);
        }),
        "conversation" => with_document::<v2::ConversationWebhook<'static>, _>(body, decoded, |webhook, decoded| {
            conversation(webhook.object, change, decoded);
        }),
        "auth" => with_document::<v2::AuthWebhook<'static>, _>(body, decoded, |webhook, decoded| {
            auth(webhook.object, change, decoded);
        }),
        _ => {
            decoded.remark(RemarkKind::UnknownKind, "", values::name_of_kind(kind, event));
            None
        }
    };
}

/// What happened to the object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Create,
    Update,
    Delete,
}

fn message(object: Object<v2::Message<'_>>, change: Change, decoded: &mut Decoded) {
    let Some(mut wire) = object.0.expect("object", decoded) else { return };
    let id = wire.id.0.expect("object.id", decoded).map(ids::message);
    let named = wire.conversation_id.0.read("object.conversation_id", decoded).map(ids::conversation);
    let seen = std::mem::take(&mut wire.conversation)
        .0
        .read("object.conversation", decoded)
        .and_then(|conversation| conversation_seen(conversation, "object.conversation", decoded));
    let embedded = seen.as_ref().and_then(|seen| seen.conversation.theirs.clone());
    let Some(conversation) = named.or(embedded) else {
        decoded.remark(RemarkKind::Missing, "object.conversation_id", "");
        return;
    };
    let is_group = seen.as_ref().is_some_and(|seen| seen.group);
    let client = seen.as_ref().filter(|seen| !seen.group).map(|seen| seen.client.clone());
    decoded.facts.extend(seen.map(Fact::ConversationSeen));
    let Some(id) = id else { return };
    let also = std::mem::take(&mut wire.external_id).0.read("object.external_id", decoded);
    let named = also.map(|also| MessageNamed { message: id.clone(), also: ids::messengers_message(&also) });
    let conversation = ConversationKey::theirs(conversation);
    let key = MessageKey { theirs: Some(id), ours: None, job: None };
    if change == Change::Delete || wire.deleted.0.read("object.deleted", decoded) == Some(true) {
        decoded.fact(Fact::MessageDeleted(MessageDeleted { conversation, message: key }));
        return;
    }
    let details = std::mem::take(&mut wire.details);
    let reactions = std::mem::take(&mut wire.reactions);
    let described = described(wire, conversation, key, client, decoded);
    let report = report(&described.message, change, &details);
    let no_reactions = reactions.as_array().is_none_or(Vec::is_empty);
    let reactions = standing_reactions(&described, is_group, change, &reactions, decoded);
    let Described { message, income, .. } = described;
    // Statuses are news of our own messages only. An update of a client's that brings neither a reaction nor an end tells
    // what it says now; of edits by our side nothing is documented (10.6).
    let is_edit = change == Change::Update && income && no_reactions && !message.content.is_empty();
    let edited = is_edit.then(|| MessageEdited {
        conversation: message.conversation.clone(),
        message: message.message.clone(),
        content: message.content.clone(),
        edited_at: None,
    });
    decoded.fact(if income { Fact::MessageReceived(message) } else { Fact::MessageSent(message) });
    decoded.facts.extend(edited.map(Fact::MessageEdited));
    decoded.facts.extend(named.map(Fact::MessageNamed));
    decoded.facts.extend(report);
    decoded.facts.extend(reactions);
}

/// A message as it is described by whatever tells of it.
struct Described {
    message: Message,
    /// Whether the client wrote it.
    income: bool,
    /// Whether its author is one of the company's people, for certain.
    is_internal: bool,
    /// Where it stands, whoever wrote it; of a client's it is not to be trusted (10.6).
    state: Option<DeliveryState>,
}

/// The message itself, and who wrote it.
fn described(
    wire: v2::Message<'_>,
    conversation: ConversationKey,
    key: MessageKey,
    client: Option<Person>,
    decoded: &mut Decoded,
) -> Described {
    let contact = wire.contact.0.read("object.contact", decoded);
    let is_internal = contact.as_ref().is_some_and(|contact| contact.internal_id.is_present());
    let status = wire.status.0.read("object.status", decoded);
    let income = match wire.income.0.read("object.income", decoded) {
        Some(income) => income,
        // Only the company's people have an inner id, and only its messages are ever "sent".
        None if is_internal || status.as_deref() == Some("sent") => false,
        // Rather show our own words twice than lose a client's.
        None => {
            decoded.remark(RemarkKind::Missing, "object.income", "");
            true
        }
    };
    let author_id = wire.contact_id.0.read("object.contact_id", decoded).map(ids::person);
    let author = contact.map_or_else(Person::default, |contact| person(contact, decoded));
    let quoted = wire.replied_to_id.0.read("object.replied_to_id", decoded);
    let text = wire.message.0.read("object.message", decoded);
    let mut content = values::content(text, wire.attachments, Location::default(), decoded);
    content.quote = quoted.map(|id| Quote { theirs: Some(ids::messengers_message(&id)), ..Quote::default() });
    let state = status.as_deref().and_then(delivery_state);
    if status.is_some() && state.is_none() && !income {
        decoded.remark(RemarkKind::OddValue, "object.status", "an unknown status");
    }
    let message = Message {
        conversation,
        message: key,
        author: Person { theirs: author.theirs.or(author_id), ..author },
        speaker: None,
        // The client stands beside the message only where they are not its author.
        client: client.filter(|_| !income),
        source: None,
        written_at: values::first_moment(
            [("object.external_created_at", wire.external_created_at), ("object.created_at", wire.created_at)],
            decoded,
        ),
        content,
        state: state.filter(|_| !income),
    };
    Described { message, income, is_internal, state }
}

/// Who wrote a message. The messenger's public name may be the number again.
fn person(contact: v2::Contact<'_>, decoded: &mut Decoded) -> Person {
    let public = contact.external_public_id.0.read("object.contact.external_public_id", decoded);
    let picture = contact.avatar_url.0.read("object.contact.avatar_url", decoded);
    Person {
        theirs: contact.id.0.read("object.contact.id", decoded).map(ids::person),
        name: contact.name.0.read("object.contact.name", decoded).map(Cow::into_owned),
        phone: contact.phone.0.read("object.contact.phone", decoded).map(Cow::into_owned),
        username: public.and_then(|text| values::username(&text)),
        avatar: picture.and_then(|text| values::picture(&text)),
        ..Person::default()
    }
}

/// What a `status` says of a message of ours (11.2).
pub(in crate::pact) fn delivery_state(status: &str) -> Option<DeliveryState> {
    match status {
        "created" => Some(DeliveryState::Raised),
        "sent" => Some(DeliveryState::Sent),
        "delivered" => Some(DeliveryState::Delivered),
        "read" => Some(DeliveryState::Read),
        "error" => Some(DeliveryState::Failed),
        _ => None,
    }
}

/// The news of an update; a new message that has failed already is news, too, for it says why.
fn report(message: &Message, change: Change, details: &Value) -> Option<Fact> {
    let state = message.state?;
    let failed = state == DeliveryState::Failed;
    if change == Change::Create && !failed {
        return None;
    }
    let failure = failed.then(|| {
        failure::first_text(details)
            .map_or_else(|| failure::of_kind(FailureKind::Other, "NOT DELIVERED"), failure::of_reason)
    });
    Some(Fact::DeliveryReported(DeliveryReported {
        conversation: message.conversation.clone(),
        message: message.message.clone(),
        state,
        failure,
        at: None,
    }))
}

/// The reactions that stand under a message, one of each side at most. The shape of one is undocumented (9.2, 19.7): a text
/// is taken for the sign itself, and of an object whatever it calls the sign.
fn standing_reactions(
    described: &Described,
    is_group: bool,
    change: Change,
    list: &Value,
    decoded: &mut Decoded,
) -> Vec<Fact> {
    let Described { message, .. } = described;
    let reactions = match list {
        // Nothing is said of them, which is not that there are none.
        Value::Null => return Vec::new(),
        Value::Array(reactions) => reactions,
        _ => {
            decoded.remark(RemarkKind::OddValue, "object.reactions", "no list");
            return Vec::new();
        }
    };
    let (mut clients, mut companys) = (None, None);
    for reaction in reactions {
        let emoji = ["emoji", "reaction", "text", "value"]
            .iter()
            .find_map(|key| reaction.get(key)?.as_str())
            .or_else(|| reaction.as_str())
            .filter(|emoji| !emoji.is_empty());
        let Some(emoji) = emoji else {
            decoded.remark(RemarkKind::OddValue, "object.reactions", "a reaction without a sign");
            continue;
        };
        let theirs = reaction.get("contact_id").and_then(number).map(ids::person);
        let speaker = theirs.as_ref().and_then(|theirs| reacting(described, is_group, theirs));
        let stands = Fact::ReactionChanged(ReactionChanged {
            conversation: message.conversation.clone(),
            message: message.message.clone(),
            author: Person { theirs, ..Person::default() },
            speaker,
            emoji: Some(emoji.to_owned()),
        });
        match speaker {
            Some(Speaker::Manager | Speaker::Bot) => companys = Some(stands),
            Some(Speaker::Client) | None => clients = Some(stands),
        }
    }
    // A new message has none to lose; and of one that cannot be read nobody knows whose it is.
    let is_bare = change == Change::Update && clients.is_none() && reactions.len() == usize::from(companys.is_some());
    let bare = is_bare.then(|| {
        Fact::ShownWithoutReaction(ShownWithoutReaction {
            conversation: message.conversation.clone(),
            message: message.message.clone(),
            state: beyond_new(described),
        })
    });
    clients.into_iter().chain(companys).chain(bare).collect()
}

/// On which side somebody stands who reacted, where that is certain: a dialogue has two contacts (5.1), and only the
/// company's people have an inner id.
fn reacting(described: &Described, is_group: bool, contact: &PersonId) -> Option<Speaker> {
    let author = described.message.author.theirs.as_ref()?;
    let (of_author, of_other) = match (described.income, described.is_internal) {
        (true, _) => (Speaker::Client, Speaker::Manager),
        (false, true) => (Speaker::Manager, Speaker::Client),
        // Samples name the client as the author of what the company wrote.
        (false, false) => return None,
    };
    if author == contact { Some(of_author) } else { (!is_group).then_some(of_other) }
}

/// How far a message has come, if further than one that was just written: a client's is delivered by then.
const fn beyond_new(described: &Described) -> Option<DeliveryState> {
    match (described.state, described.income) {
        (Some(DeliveryState::Raised | DeliveryState::Sent) | None, _) | (Some(DeliveryState::Delivered), true) => None,
        (state @ Some(DeliveryState::Failed | DeliveryState::Delivered | DeliveryState::Read), _) => state,
    }
}

/// A whole number, or a text of digits (12.1, 4).
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn conversation(object: Object<v2::Conversation<'_>>, change: Change, decoded: &mut Decoded) {
    let Some(wire) = object.0.expect("object", decoded) else { return };
    match change {
        Change::Create | Change::Update => {
            let seen = conversation_seen(wire, "object", decoded);
            decoded.facts.extend(seen.map(Fact::ConversationSeen));
        }
        // The dialogue has happened all the same, and its messages stay.
        Change::Delete => decoded.remark(RemarkKind::Ignored, "", "conversation/delete"),
    }
}

/// A conversation as webhooks, messages and replies describe it.
pub(in crate::pact) fn conversation_seen(
    wire: v2::Conversation<'_>,
    at: &str,
    decoded: &mut Decoded,
) -> Option<ConversationSeen> {
    let here = |key: &str| format!("{at}.{key}");
    let id = ids::conversation(wire.id.0.expect(&here("id"), decoded)?);
    let group = wire.group.0.read(&here("group"), decoded).unwrap_or(false);
    let messenger = wire.provider.0.read(&here("provider"), decoded);
    let written = wire.sender_phone.0.read(&here("sender_phone"), decoded);
    let sender = wire.sender_external_id.0.read(&here("sender_external_id"), decoded);
    let public = wire.sender_external_public_id.0.read(&here("sender_external_public_id"), decoded);
    let picture = wire.avatar_url.0.read(&here("avatar_url"), decoded);
    let phone = written
        .as_deref()
        .and_then(values::phone_digits)
        .or_else(|| sender.and_then(|sender| values::phone_of_sender(messenger.as_deref(), &sender)))
        .filter(|_| !group);
    let client = Person {
        name: wire.sender_name.0.read(&here("sender_name"), decoded).map(Cow::into_owned),
        phone: written.filter(|_| !group).map(Cow::into_owned).or_else(|| phone.clone()),
        username: public.and_then(|text| values::username(&text)),
        avatar: picture.and_then(|text| values::picture(&text)),
        ..Person::default()
    };
    Some(ConversationSeen {
        conversation: ConversationKey::theirs(id),
        client,
        phone,
        messenger: messenger.map(Cow::into_owned),
        group,
    })
}

/// A channel's state (9.4). Keys to the messenger's account that come along with a set-up are not read.
fn auth(object: Object<v2::Auth<'_>>, change: Change, decoded: &mut Decoded) {
    let Some(wire) = object.0.expect("object", decoded) else { return };
    let at = values::first_moment([("object.updated_at", wire.updated_at)], decoded);
    let (health, word) = match change {
        Change::Delete => (ConnectionHealth::Down, Cow::Borrowed("deleted")),
        Change::Create | Change::Update => {
            let Some(state) = wire.state.0.expect("object.state", decoded) else { return };
            let health = match &*state {
                "enabled" => ConnectionHealth::Up,
                "disabled" => ConnectionHealth::Down,
                "initial" => ConnectionHealth::Recovering,
                _ => {
                    decoded.remark(RemarkKind::UnknownKind, "object.state", values::name_of_kind(&state, ""));
                    return;
                }
            };
            (health, state)
        }
    };
    decoded.fact(Fact::ConnectionChanged(ConnectionChanged { health, word: word.into_owned(), at }));
}
