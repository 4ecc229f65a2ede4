//! What Carrot quest's documents mean.
//!
//! Takes a webhook's body, a realtime message or an API answer; gives facts and remarks; refuses nothing. All of them
//! tell of the same few things, parts and conversations, so the documents are only told apart here, and [`part`] reads
//! what is in them. Nothing depends on the account: a document that was polled is read like one that was sent.

pub(super) mod kinds;
pub(super) mod markup;
mod part;
pub(super) mod values;

use chatledger_projections::content::Person;
use chatledger_projections::fact::{Fact, RemarkKind, TypingStarted};
use chatledger_projections::intent::Speaker;

use super::form::{self, Opened};
use super::wire;
use super::wire::{Reference, Shape};
use crate::connector::{Decoded, Webhook};
use crate::loose::{Object, WireDocument, with_document};

pub(super) use part::{client, conversation_seen, part};

/// What a document means.
pub(super) fn decode(webhook: &Webhook<'_>) -> Decoded {
    let mut decoded = Decoded::default();
    match form::open(webhook.body) {
        Opened::Form(form) => read_form(&form, &mut decoded),
        Opened::Json(document) => read_json(&document, &mut decoded),
        Opened::Neither => {
            let found = if webhook.body.trim_ascii().is_empty() { "an empty body" } else { "neither a form nor JSON" };
            decoded.remark(RemarkKind::Unreadable, "", found);
        }
    }
    decoded
}

/// A webhook (6.1). The field `conversation` holds a part.
fn read_form(form: &[u8], decoded: &mut Decoded) {
    let kind = form::field(form, "type").unwrap_or_default();
    if !is_chat(&kind, decoded) {
        return;
    }
    let Some(document) = form::document(form, "conversation").filter(|document| !document.is_empty()) else {
        return decoded.remark(RemarkKind::Missing, "conversation", "");
    };
    let client = form::document(form, "user").map(|user| described(&user)).unwrap_or_default();
    let read = |wire: wire::Part<'_>, decoded: &mut Decoded| webhook_part(wire, client, decoded);
    read_document::<wire::Part<'static>>(&document, decoded, read);
}

/// The client as the webhook describes them beside the part, if it does (6.1). Only the id, or nothing: no document.
fn described(user: &[u8]) -> Person {
    // What is odd about it is of no consequence: the conversation will be looked up.
    let mut unheard = Decoded::default();
    let read = |user: wire::User<'_>, decoded: &mut Decoded| {
        part::client(Reference::Document(Box::new(user)), "user", decoded)
    };
    with_document::<wire::User<'static>, _>(user, &mut unheard, read).unwrap_or_default()
}

/// A part and, if it is one that is shown and its client was described, whose conversation it stands in.
fn webhook_part(wire: wire::Part<'_>, client: Person, decoded: &mut Decoded) {
    let mut read = Decoded::default();
    part(wire, "conversation", &mut read);
    let is_described = client.name.is_some() || client.phone.is_some() || client.email.is_some();
    let conversation = read.facts.iter().find_map(|fact| match fact {
        Fact::MessageReceived(message) | Fact::MessageSent(message) => Some(message.conversation.clone()),
        _ => None,
    });
    if let Some(conversation) = conversation.filter(|_| is_described) {
        decoded.fact(Fact::ConversationSeen(part::seen(conversation, client, None)));
    }
    decoded.facts.append(&mut read.facts);
    decoded.remarks.append(&mut read.remarks);
}

/// Whether a webhook is about a chat; what else it is, is remarked (6.2).
fn is_chat(kind: &str, decoded: &mut Decoded) -> bool {
    match kind {
        "conversation" => return true,
        // An event on the site, and a webhook made in the constructor.
        "event" | "message_webhook" => decoded.remark(RemarkKind::Ignored, "type", kind),
        "" => decoded.remark(RemarkKind::Missing, "type", ""),
        other => decoded.remark(RemarkKind::UnknownKind, "type", values::word(other)),
    }
    false
}

/// What a JSON document is.
enum Kind {
    /// A webhook whose fields did not come as a form.
    Webhook { kind: String },
    /// A realtime message on this channel.
    Realtime { channel: String },
    /// An API answer with one conversation.
    Conversation,
    /// An API answer with a list of conversations.
    Conversations,
    /// An API answer with a list of parts.
    Parts,
    /// A part by itself.
    BarePart,
    /// A conversation by itself.
    BareConversation,
    /// An answer or a document about something else.
    Else { found: &'static str },
}

impl Kind {
    fn of(shape: &Shape<'_>) -> Self {
        let kind = shape.kind.get().map(ToString::to_string).unwrap_or_default();
        if shape.meta.0 {
            return Self::of_data(&shape.data);
        }
        if let (Some(channel), true) = (shape.channel.get(), shape.message.0)
            && !shape.conversation.0
        {
            return Self::Realtime { channel: channel.to_string() };
        }
        if shape.token.is_present() || matches!(kind.as_str(), "conversation" | "event" | "message_webhook") {
            return Self::Webhook { kind };
        }
        if shape.conversation.0 {
            Self::BarePart
        } else if shape.part_last.0 || shape.parts_count.0 || shape.last_update.0 {
            Self::BareConversation
        } else if !kind.is_empty() {
            // It has a type and lacks only the conversation: a part, and its reader will say what is missing.
            Self::BarePart
        } else {
            Self::Else { found: "a document of another kind" }
        }
    }

    fn of_data(data: &wire::Free) -> Self {
        let has = |document: &wire::Free, key: &str| document.get(key).is_some();
        let is_part = |document: &wire::Free| has(document, "conversation") && has(document, "type");
        let is_conversation = |document: &wire::Free| has(document, "parts_count") || has(document, "part_last");
        match data.as_array() {
            Some(list) if list.is_empty() => Self::Else { found: "an answer with nothing in it" },
            Some(list) if list.iter().any(is_part) => Self::Parts,
            Some(list) if list.iter().any(is_conversation) => Self::Conversations,
            Some(_) => Self::Else { found: "an answer with a list of something else" },
            None if is_conversation(data) => Self::Conversation,
            None => Self::Else { found: "an answer about something else" },
        }
    }
}

fn read_json(document: &[u8], decoded: &mut Decoded) {
    let kind = with_document::<Shape<'static>, _>(document, decoded, |shape, _| Kind::of(&shape));
    let Some(kind) = kind else { return };
    match kind {
        Kind::Else { found } => return decoded.remark(RemarkKind::UnknownKind, "", found),
        Kind::Webhook { ref kind } if !is_chat(kind, decoded) => return,
        // What is odd about the document as a whole is remarked by the second reading again.
        Kind::Webhook { .. }
        | Kind::Realtime { .. }
        | Kind::Conversation
        | Kind::Conversations
        | Kind::Parts
        | Kind::BarePart
        | Kind::BareConversation => decoded.remarks.clear(),
    }
    match kind {
        Kind::Webhook { .. } => read_document::<wire::Webhook<'static>>(document, decoded, |webhook, decoded| {
            let Some(wire) = webhook.conversation.0.expect("conversation", decoded) else { return };
            let client = part::client(webhook.user, "user", decoded);
            webhook_part(wire, client, decoded);
        }),
        Kind::Realtime { channel } => read_realtime(&channel, document, decoded),
        Kind::Conversation => {
            read_document::<wire::ConversationAnswer<'static>>(document, decoded, |answer, decoded| {
                each(answer.data, "data", decoded, conversation);
            });
        }
        Kind::Conversations => {
            read_document::<wire::ConversationsAnswer<'static>>(document, decoded, |answer, decoded| {
                for (number, entry) in answer.data.0.read("data", decoded).into_iter().flatten().enumerate() {
                    each(entry, &format!("data[{number}]"), decoded, conversation);
                }
            });
        }
        Kind::Parts => read_document::<wire::PartsAnswer<'static>>(document, decoded, |answer, decoded| {
            let parts = answer.data.0.read("data", decoded).into_iter().flatten().enumerate();
            // Lists run from new to old (3.1), dialogues from old to new (7.5).
            for (number, entry) in parts.collect::<Vec<_>>().into_iter().rev() {
                each(entry, &format!("data[{number}]"), decoded, part);
            }
        }),
        Kind::BarePart => {
            read_document::<wire::Part<'static>>(document, decoded, |wire, decoded| part(wire, "", decoded));
        }
        Kind::BareConversation => {
            read_document::<wire::Conversation<'static>>(document, decoded, |wire, decoded| {
                conversation(wire, "", decoded);
            });
        }
        // Answered above.
        Kind::Else { .. } => {}
    }
}

fn each<T>(entry: Object<T>, at: &str, decoded: &mut Decoded, read: fn(T, &str, &mut Decoded)) {
    if let Some(entry) = entry.0.expect(at, decoded) {
        read(entry, at, decoded);
    }
}

/// A conversation, and the last thing said in it: in a new one that is the first (7.3).
fn conversation(mut wire: wire::Conversation<'_>, at: &str, decoded: &mut Decoded) {
    let last = std::mem::take(&mut wire.part_last);
    if let Some(seen) = conversation_seen(wire, at, decoded) {
        part::tell_of(seen, at, decoded);
    }
    let at = if at.is_empty() { "part_last".to_owned() } else { format!("{at}.part_last") };
    if let Some(last) = last.0.read(&at, decoded) {
        part(*last, &at, decoded);
    }
}

/// A realtime message (7.2). Channels bear the app's number, and perhaps a user's, after a dot.
fn read_realtime(channel: &str, document: &[u8], decoded: &mut Decoded) {
    match channel.split('.').next().unwrap_or_default() {
        "conversation_reply" => {
            read_document::<wire::RealtimePart<'static>>(document, decoded, |envelope, decoded| {
                each(envelope.message, "message", decoded, part);
            });
        }
        "conversation" | "conversation_started_user" => {
            read_document::<wire::RealtimeConversation<'static>>(document, decoded, |envelope, decoded| {
                each(envelope.message, "message", decoded, conversation);
            });
        }
        "conversation_typing" => {
            read_document::<wire::RealtimeTyping<'static>>(document, decoded, |envelope, decoded| {
                each(envelope.message, "message", decoded, typing);
            });
        }
        // Of no documented form: only a hint that there may be news to ask for (11).
        name @ ("ping"
        | "user_presence_changed"
        | "conversation_read"
        | "conversation_assigned"
        | "conversation_closed"
        | "conversation_tag_added"
        | "conversation_tag_deleted"
        | "user_props_changed"
        | "event") => {
            decoded.remark(RemarkKind::Ignored, "channel", name);
        }
        other => decoded.remark(RemarkKind::UnknownKind, "channel", values::word(other)),
    }
}

/// Somebody is typing: the operator that is named, or else the client. Until when is not said; ten seconds are shown
/// (7.3), and the envelope's time in words is not worth reading for that.
fn typing(wire: wire::Typing<'_>, at: &str, decoded: &mut Decoded) {
    let admin = wire.admin.0.read(&format!("{at}.admin"), decoded);
    let (speaker, author) = match admin {
        Some(admin) => (Speaker::Manager, part::operator(admin, &format!("{at}.admin"), decoded)),
        None => (Speaker::Client, part::client(wire.user, &format!("{at}.user"), decoded)),
    };
    let conversation = part::conversation_of(wire.conversation, &format!("{at}.conversation"), decoded);
    if let Some(conversation) = conversation {
        decoded.fact(Fact::TypingStarted(TypingStarted { conversation, author, speaker: Some(speaker), until: None }));
    }
}

fn read_document<W: WireDocument>(
    document: &[u8],
    decoded: &mut Decoded,
    then: impl FnOnce(W::Document<'_>, &mut Decoded),
) {
    // That a document is unreadable is remarked there.
    let _ = with_document::<W, ()>(document, decoded, then);
}

#[cfg(test)]
mod tests;
