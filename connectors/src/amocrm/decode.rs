//! What amo's hooks and replies mean, in our words.
//!
//! Takes a body, gives facts. Never refuses: what cannot be read comes back as a remark, for the bytes are safe in the
//! log and a better reader may come tomorrow. What a message says is read in [`content`]. Texts are never altered:
//! amo's are plain, and an entity in one was typed by somebody.

mod content;

use chatledger_projections::content::Person;
use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{
    ConnectionChanged, ConnectionHealth, ConversationKey, ConversationSeen, Fact, Message, MessageKey, ReactionChanged,
    RemarkKind, SendAcknowledged, TypingStarted,
};
use chatledger_projections::time::Timestamp;
use chatledger_projections::username::Username;

use super::wire::{self, Hook};
use super::{CONNECT, CREATE_CHAT, DISCONNECT, NEW_MESSAGE, ids};
use crate::connector::Decoded;
use crate::loose::{self, Field, Object, Text};

/// Reads a hook.
pub(super) fn hook(body: &[u8]) -> Decoded {
    let mut decoded = Decoded::default();
    let understood = loose::with_document::<Hook<'_>, _>(body, &mut decoded, kinds_of);
    if understood == Some(false) {
        decoded.remark(RemarkKind::UnknownKind, "", keys_of(body));
    }
    decoded
}

/// Reads everything that a hook holds; `false` if it holds nothing that we know.
fn kinds_of(hook: Hook<'_>, decoded: &mut Decoded) -> bool {
    let first_version = hook.receiver.is_present() || hook.conversation_id.is_present();
    let ours = hook.history.is_present() || hook.connection.is_present();
    let known = hook.message.is_present() || hook.action.is_present() || ours;
    if let Some(listed) = hook.history.0.read("history", decoded) {
        listed_message(listed, decoded);
    }
    if let Some(answer) = hook.connection.0.read("connection", decoded) {
        connection_answer(answer, hook.time, decoded);
    }
    if let Some(message) = hook.message.0.read("message", decoded) {
        message_hook(message, decoded);
    }
    if let Some(action) = hook.action.0.read("action", decoded) {
        if !action.typing.is_present() && !action.reaction.is_present() {
            return false;
        }
        let user = action.user;
        if let Some(typing) = action.typing.0.read("action.typing", decoded) {
            typing_hook(typing, user, decoded);
        }
        if let Some(reaction) = action.reaction.0.read("action.reaction", decoded) {
            reaction_hook(reaction, decoded);
        }
    }
    if !known && first_version {
        // It bears no id of amo's, so a repetition could not be told from a second message, nor a status be reported:
        // no fact, but a remark that asks for a person (contract, 9.8).
        decoded.remark(RemarkKind::Deprecated, "", "a hook of version 1; connect the channel again with version v2");
    }
    known || first_version
}

/// What an unknown document is about: its keys, and those of its action.
fn keys_of(body: &[u8]) -> String {
    // The document was read once already; what is odd about it has been remarked.
    let mut unheard = Decoded::default();
    let keys = loose::with_document::<wire::Keys, _>(body, &mut unheard, |keys, _| keys.0).unwrap_or_default();
    let actions = loose::with_document::<wire::ActionKeys, _>(body, &mut unheard, |outline, _| {
        outline.action.get().map(|keys| keys.0.clone()).unwrap_or_default()
    })
    .unwrap_or_default();
    if actions.is_empty() { keys.join(", ") } else { format!("action: {}", actions.join(", ")) }
}

/// Somebody wrote in the CRM.
fn message_hook(hook: wire::MessageHook<'_>, decoded: &mut Decoded) {
    let conversation = conversation(hook.conversation, "message.conversation", decoded);
    let author = person(hook.sender, "message.sender", decoded);
    let client = person(hook.receiver, "message.receiver", decoded);
    let source = hook.source.0.read("message.source", decoded);
    let source = source.and_then(|source| source.external_id.0.read("message.source.external_id", decoded));
    let written_at = written_at(hook.msec_timestamp, hook.timestamp, decoded);
    let Some(message) = hook.message.0.expect("message.message", decoded) else { return };
    let wire::HookMessage { id, .. } = &message;
    let id = Field(id.0.clone()).0.expect("message.message.id", decoded).map(ids::message);
    let content = content::of(message, decoded);
    decoded.fact(Fact::MessageSent(Message {
        conversation,
        // Without an id there is nothing to tell a repetition by; the fact says so by its absence.
        message: MessageKey { theirs: id, ours: None, job: None },
        author: author.unwrap_or_default(),
        speaker: None,
        client,
        source: source.map(ids::source),
        written_at,
        content,
        state: None,
    }));
}

/// A message that was found in a chat's history. What we put there bears an id of ours and is not news; what a client
/// said without one came through another integration (contract, 5.7).
fn listed_message(listed: wire::Listed<'_>, decoded: &mut Decoded) {
    let Some(entry) = listed.entry.0.expect("history.entry", decoded) else { return };
    let is_ours = entry.message.0.get().is_some_and(|message| message.client_id.is_present());
    if is_ours {
        return decoded.remark(RemarkKind::Ignored, "history.entry", "a message that came from us");
    }
    if !entry.receiver.is_present() {
        return decoded.remark(RemarkKind::Ignored, "history.entry", "a client's message that did not come from us");
    }
    message_hook(wire::MessageHook { conversation: listed.conversation, ..entry }, decoded);
}

/// The channel was connected to the account, or disconnected.
fn connection_answer(answer: wire::ConnectionAnswer<'_>, time: Field<i64>, decoded: &mut Decoded) {
    let at = time.0.read("time", decoded).and_then(Timestamp::from_seconds);
    let Some(call) = answer.call.0.expect("connection.call", decoded) else { return };
    let health = match call.as_ref() {
        CONNECT => ConnectionHealth::Up,
        DISCONNECT => ConnectionHealth::Down,
        other => return decoded.remark(RemarkKind::UnknownKind, "connection.call", content::word(other)),
    };
    decoded.fact(Fact::ConnectionChanged(ConnectionChanged { health, word: call.into_owned(), at }));
}

/// A user is writing. The documentation's table and its example differ in where the user stands.
fn typing_hook(typing: wire::Typing<'_>, outside: Object<wire::Participant<'_>>, decoded: &mut Decoded) {
    let user = if typing.user.is_present() { typing.user } else { outside };
    let conversation = conversation(typing.conversation, "action.typing.conversation", decoded);
    let author = person(user, "action.typing.user", decoded).unwrap_or_default();
    let until = typing.expired_at.0.read("action.typing.expired_at", decoded).and_then(Timestamp::from_seconds);
    decoded.fact(Fact::TypingStarted(TypingStarted { conversation, author, speaker: None, until }));
}

/// A user reacted, or took it back. The newer shape has `message`, the older `msgid`; both may come together.
fn reaction_hook(reaction: wire::Reaction<'_>, decoded: &mut Decoded) {
    let conversation = conversation(reaction.conversation, "action.reaction.conversation", decoded);
    let author = person(reaction.user, "action.reaction.user", decoded).unwrap_or_default();
    let older = reaction.msgid.0.read("action.reaction.msgid", decoded);
    let message = reaction.message.0.read("action.reaction.message", decoded).unwrap_or_default();
    let newer = message.id.0.read("action.reaction.message.id", decoded);
    if newer.is_some() && older.is_some() && newer != older {
        decoded.remark(RemarkKind::Contradiction, "action.reaction.msgid", "another id than message.id");
    }
    let ours = message.client_id.0.read("action.reaction.message.client_id", decoded).map(ids::message);
    let theirs = newer.or(older).map(ids::message);
    if theirs.is_none() && ours.is_none() {
        decoded.remark(RemarkKind::Missing, "action.reaction.message.id", "");
        return;
    }
    let emoji = reaction.emoji.0.read("action.reaction.emoji", decoded);
    let emoji = match reaction.kind.0.expect("action.reaction.type", decoded).as_deref() {
        // Without its sign a reaction would read as taken back.
        Some("react") if emoji.is_none() => {
            decoded.remark(RemarkKind::Missing, "action.reaction.emoji", "");
            return;
        }
        Some("react") => emoji.map(Text::into_owned),
        Some("unreact") => None,
        Some(other) => {
            decoded.remark(RemarkKind::UnknownKind, "action.reaction.type", content::word(other));
            return;
        }
        None => return,
    };
    let message = MessageKey { theirs, ours, job: None };
    decoded.fact(Fact::ReactionChanged(ReactionChanged { conversation, message, author, speaker: None, emoji }));
}

/// A chat that was made, or that was there: its id and its client, whose number and address stand beside the name or in
/// a profile (contract, 5.3).
fn created_chat(reply: &RecordedReply, decoded: &mut Decoded) {
    let seen = loose::with_document::<wire::CreatedChat<'_>, _>(&reply.body.0, decoded, |chat, decoded| {
        let theirs = chat.id.0.expect("id", decoded).map(ids::conversation)?;
        let user = chat.user.0.read("user", decoded).unwrap_or_default();
        let profile = user.profile.0.read("user.profile", decoded).unwrap_or_default();
        let either = |flat: Field<Text<'_>>, nested: Field<Text<'_>>| {
            flat.get().or_else(|| nested.get()).map(|text| text.clone().into_owned())
        };
        let client = Person {
            theirs: user.id.0.read("user.id", decoded).map(ids::person),
            ours: user.client_id.0.read("user.client_id", decoded).map(ids::person),
            name: user.name.0.read("user.name", decoded).map(Text::into_owned),
            phone: either(user.phone, profile.phone),
            username: None,
            email: either(user.email, profile.email),
            avatar: user.avatar.0.read("user.avatar", decoded).map(Text::into_owned),
        };
        let conversation = ConversationKey::theirs(theirs);
        Some(ConversationSeen { conversation, phone: client.phone.clone(), client, messenger: None, group: false })
    });
    if let Some(Some(seen)) = seen {
        decoded.fact(Fact::ConversationSeen(seen));
    }
}

/// Reads a reply. An accepted message tells what amo calls it, its chat and its people; an accepted chat its id.
///
/// The documentation prints an answer in which chat and sender are *our* ids (contract, 5.4); whoever takes these facts
/// in knows what we sent, and must not take our own id for amo's.
pub(super) fn reply(call: &str, reply: &RecordedReply) -> Decoded {
    let mut decoded = Decoded::default();
    if !(200..300).contains(&reply.status) {
        return decoded;
    }
    if call == CREATE_CHAT {
        created_chat(reply, &mut decoded);
    }
    if call != NEW_MESSAGE {
        return decoded;
    }
    let acknowledged =
        loose::with_document::<wire::NewMessageAnswer<'_>, _>(&reply.body.0, &mut decoded, |answer, decoded| {
            let names = answer.new_message.0.expect("new_message", decoded)?;
            let theirs = names.msgid.0.expect("new_message.msgid", decoded).map(ids::message);
            let ours = names.ref_id.0.read("new_message.ref_id", decoded).map(ids::message);
            let chat = names.conversation_id.0.read("new_message.conversation_id", decoded).map(ids::conversation);
            Some(SendAcknowledged {
                message: MessageKey { theirs, ours, job: None },
                conversation: ConversationKey { theirs: chat, ours: None },
                author: names.sender_id.0.read("new_message.sender_id", decoded).map(ids::person),
                receiver: names.receiver_id.0.read("new_message.receiver_id", decoded).map(ids::person),
                state: None,
            })
        });
    if let Some(Some(acknowledged)) = acknowledged {
        decoded.fact(Fact::SendAcknowledged(acknowledged));
    }
    decoded
}

fn conversation(conversation: Object<wire::Conversation<'_>>, at: &str, decoded: &mut Decoded) -> ConversationKey {
    let Some(conversation) = conversation.0.expect(at, decoded) else { return ConversationKey::default() };
    ConversationKey {
        theirs: conversation.id.0.expect(&format!("{at}.id"), decoded).map(ids::conversation),
        ours: conversation.client_id.0.read(&format!("{at}.client_id"), decoded).map(ids::conversation),
    }
}

fn person(participant: Object<wire::Participant<'_>>, at: &str, decoded: &mut Decoded) -> Option<Person> {
    let participant = participant.0.expect(at, decoded)?;
    let theirs = participant.id.0.expect(&format!("{at}.id"), decoded).map(ids::person);
    let mut text =
        |field: Field<Text<'_>>, key: &str| field.0.read(&format!("{at}.{key}"), decoded).map(Text::into_owned);
    let name = text(participant.name, "name");
    Some(Person {
        theirs,
        ours: text(participant.client_id, "client_id").map(|id| ids::person(id.into())),
        phone: text(participant.phone, "phone"),
        username: text(participant.username, "username").or_else(|| public_name(name.as_deref()?)),
        name,
        email: text(participant.email, "email"),
        avatar: text(participant.avatar, "avatar"),
    })
}

/// amoCRM has no field for a messenger's public name, so managers type it as the contact's name: `@anna_k`, or its link.
fn public_name(name: &str) -> Option<String> {
    let is_marked = name.trim_start().starts_with('@') || name.contains("t.me/");
    Username::parse(name).filter(|_| is_marked).map(|username| username.to_string())
}

/// The exact moment, else the second. Zero means absent, as elsewhere in hooks (contract, 9.4).
fn written_at(millis: Field<i64>, seconds: Field<i64>, decoded: &mut Decoded) -> Option<Timestamp> {
    let millis = millis.0.read("message.msec_timestamp", decoded).filter(|millis| *millis > 0);
    let seconds = seconds.0.read("message.timestamp", decoded).filter(|seconds| *seconds > 0);
    let moment = millis.map(Timestamp::from_millis).or_else(|| seconds.and_then(Timestamp::from_seconds));
    if moment.is_none() {
        decoded.remark(RemarkKind::Missing, "message.msec_timestamp", "");
    }
    moment
}
