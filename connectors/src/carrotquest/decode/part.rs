//! What one part of a dialogue means, wherever it was told of: in a webhook, in realtime or in a list.

use std::borrow::Cow;

use chatledger_projections::content::{Content, Part, Person};
use chatledger_projections::fact::{
    ConversationKey, ConversationSeen, Fact, Message, MessageDeleted, MessageEdited, MessageKey, NoteKind, NoteWritten,
    RemarkKind,
};
use chatledger_projections::ids::PersonId;
use chatledger_projections::intent::Speaker;

use super::kinds::{Fate, PartKind, SentVia, User};
use super::{markup, values};
use crate::carrotquest::ids;
use crate::carrotquest::wire;
use crate::carrotquest::wire::Reference;
use crate::connector::Decoded;
use crate::loose::{Field, Object, Text};

/// Reads one part; `at` is where it stands in its document.
///
/// A part that was changed is told as a message and as its change: whoever has not met it yet would lose it otherwise,
/// and whoever has knows it by its id. One that was removed is only told to be gone (9, 13).
pub(in crate::carrotquest) fn part(wire: wire::Part<'_>, at: &str, decoded: &mut Decoded) {
    let path = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    let Some(word) = wire.kind.0.expect(&path("type"), decoded) else { return };
    let Some(kind) = PartKind::of(&word) else {
        // Stated fate: whatever it is, no client sees it, and people learn that there is a new kind (5.3).
        return decoded.remark(RemarkKind::UnknownKind, path("type"), values::word(&word));
    };
    let fate = kind.fate();
    match fate {
        Fate::Received | Fate::Sent | Fate::Noted => {}
        Fate::StateOnly => return decoded.remark(RemarkKind::Ignored, at, kind.word()),
    }
    let message = wire.id.0.expect(&path("id"), decoded).map(ids::message);
    let conversation = conversation_of(wire.conversation, &path("conversation"), decoded);
    let (Some(message), Some(conversation)) = (message, conversation) else { return };
    let key = MessageKey { theirs: Some(message), ours: None, job: None };
    // Only a moment says so: rather show what was removed than lose what was not.
    if values::moment_at(wire.removed, &path("removed"), decoded).is_some() {
        if fate == Fate::Noted {
            return decoded.remark(RemarkKind::Ignored, at, kind.word());
        }
        return decoded.fact(Fact::MessageDeleted(MessageDeleted { conversation, message: key }));
    }
    let via = wire.sent_via.0.read(&path("sent_via"), decoded);
    let via = via.map(|word| way(kind, &word, &path("sent_via"), decoded));
    let client = person_id(wire.user, &path("user"), decoded);
    let (author, client) = match fate {
        Fate::Received => {
            let author = author(wire.from, &path("from"), decoded);
            (Person { theirs: author.theirs.or(client), ..author }, None)
        }
        Fate::Sent | Fate::Noted | Fate::StateOnly => {
            let client = client.map(|id| Person { theirs: Some(id), ..Person::default() });
            (author(wire.from, &path("from"), decoded), client)
        }
    };
    let written_at = values::moment_at(wire.created, &path("created"), decoded);
    let edited_at = values::moment_at(wire.edited, &path("edited"), decoded);
    let rating = wire.meta_data;
    let words = Words { body: wire.body, body_json: wire.body_json, actions: wire.actions };
    let mut content = content(kind, via, words, &path("body"), decoded);
    let files = wire.attachments.0.read(&path("attachments"), decoded).into_iter().flatten();
    for (number, Object(file)) in files.enumerate() {
        let at = path(&format!("attachments[{number}]"));
        let file = file.read(&at, decoded).unwrap_or_default();
        content.parts.push(Part::File(values::file(file, &at, decoded)));
    }
    if content.is_empty() && kind == PartKind::Article {
        content.parts.push(Part::Unsupported { kind: kind.word().to_owned() });
    }
    if fate == Fate::Noted {
        let Some(note) = key.theirs else { return };
        let kind = note_kind(kind);
        if content.is_empty() && kind == NoteKind::Rating {
            content.text = values::rating(&rating);
        }
        if content.is_empty() {
            return decoded.remark(RemarkKind::Ignored, at, "a note that says nothing");
        }
        return decoded.fact(Fact::NoteWritten(NoteWritten { conversation, note, kind, author, content, written_at }));
    }
    let edited = edited_at.map(|at| {
        let (conversation, message, content) = (conversation.clone(), key.clone(), content.clone());
        Fact::MessageEdited(MessageEdited { conversation, message, content, edited_at: Some(at) })
    });
    let message = Message {
        conversation,
        message: key,
        author,
        speaker: is_machines(kind, via).then_some(Speaker::Bot),
        client,
        source: None,
        written_at,
        content,
        state: None,
    };
    decoded.fact(match fate {
        Fate::Received => Fact::MessageReceived(message),
        Fate::Sent | Fate::Noted | Fate::StateOnly => Fact::MessageSent(message),
    });
    decoded.facts.extend(edited);
}

/// The way, with a remark on one that we do not know, or that people of the other side use.
fn way(kind: PartKind, word: &str, at: &str, decoded: &mut Decoded) -> SentVia {
    let via = SentVia::of(word);
    match (via.user(), kind.fate()) {
        (User::Client, Fate::Sent) | (User::Company, Fate::Received) => {
            decoded.remark(RemarkKind::Contradiction, at, format!("{} by {}", kind.word(), values::word(word)));
        }
        (User::Client, Fate::Received | Fate::Noted | Fate::StateOnly)
        | (User::Company, Fate::Sent | Fate::Noted | Fate::StateOnly)
        | (User::Anybody, _) => {}
    }
    match via {
        SentVia::Other => decoded.remark(RemarkKind::UnknownKind, at, values::word(word)),
        SentVia::WebUser
        | SentVia::EmailUser
        | SentVia::WebPanel
        | SentVia::EmailAdmin
        | SentVia::AppAndroid
        | SentVia::AppIos
        | SentVia::AppChrome
        | SentVia::AppDesktop
        | SentVia::MessageAuto
        | SentVia::MessageManual
        | SentVia::MessageChatBot
        | SentVia::Api
        | SentVia::Integrations
        | SentVia::System
        | SentVia::AutoReply => {}
    }
    via
}

/// Of what kind a part is that is for the company's own people.
const fn note_kind(kind: PartKind) -> NoteKind {
    match kind {
        PartKind::Vote => NoteKind::Rating,
        PartKind::Service => NoteKind::Service,
        PartKind::Note
        | PartKind::ReplyUser
        | PartKind::ReplyAdmin
        | PartKind::ReplyDjangoUser
        | PartKind::AutoReply
        | PartKind::TagAdded
        | PartKind::TagDeleted
        | PartKind::Assigned
        | PartKind::Closed
        | PartKind::FinalClosed
        | PartKind::Opened
        | PartKind::Delayed
        | PartKind::ChannelChanged
        | PartKind::Article
        | PartKind::ChatBotAdmin
        | PartKind::ChatBotUser => NoteKind::Note,
    }
}

/// Whether a machine said it to the client: by its kind, and an operator's reply by its way (5.3).
const fn is_machines(kind: PartKind, via: Option<SentVia>) -> bool {
    match kind {
        PartKind::AutoReply | PartKind::ChatBotAdmin | PartKind::ChatBotUser => true,
        PartKind::ReplyAdmin | PartKind::ReplyDjangoUser | PartKind::Article => {
            matches!(via, Some(SentVia::MessageAuto | SentVia::MessageManual | SentVia::MessageChatBot))
        }
        PartKind::ReplyUser
        | PartKind::Note
        | PartKind::TagAdded
        | PartKind::TagDeleted
        | PartKind::Assigned
        | PartKind::Closed
        | PartKind::FinalClosed
        | PartKind::Opened
        | PartKind::Delayed
        | PartKind::ChannelChanged
        | PartKind::Vote
        | PartKind::Service => false,
    }
}

/// Where a part's words stand.
struct Words<'a> {
    body: Field<Text<'a>>,
    body_json: wire::Free,
    actions: wire::Free,
}

fn content(kind: PartKind, via: Option<SentVia>, words: Words<'_>, at: &str, decoded: &mut Decoded) -> Content {
    let text = words.body.0.read(at, decoded).map(Cow::into_owned);
    let is_markup = via.is_none_or(SentVia::may_be_markup) && text.as_deref().is_some_and(markup::is_markup);
    let text = if is_markup { text.as_deref().map(markup::plain) } else { text };
    let mut text = text.filter(|text| !text.is_empty());
    let mut parts = Vec::new();
    let has_more = words.body_json.as_object().is_some_and(|entries| !entries.is_empty());
    if text.is_none() && has_more {
        text = (kind == PartKind::Article).then(|| values::article(&words.body_json)).flatten();
        if text.is_none() {
            // A pop-up made in the constructor, say: its inner form is documented nowhere (11).
            parts.push(Part::Unsupported { kind: kind.word().to_owned() });
        }
    }
    let rows = values::buttons(&words.actions);
    if !rows.is_empty() {
        parts.push(Part::Buttons { rows });
    }
    Content { text, parts, quote: None }
}

/// The author in any of the five shapes of 5.2.
pub(super) fn author(from: Reference<wire::Author<'_>>, at: &str, decoded: &mut Decoded) -> Person {
    match from {
        Reference::Absent => Person::default(),
        Reference::Id(id) => Person { theirs: Some(ids::user(id)), ..Person::default() },
        Reference::Document(author) => operator(*author, at, decoded),
        Reference::Odd(shape) => {
            decoded.remark(RemarkKind::OddValue, at, shape);
            Person::default()
        }
    }
}

/// An operator, a bot or a sender. `name_internal` stays in the panel: it is not for clients (5.6).
pub(super) fn operator(author: wire::Author<'_>, at: &str, decoded: &mut Decoded) -> Person {
    let mut text =
        |field: Field<Text<'_>>, key: &str| field.0.read(&format!("{at}.{key}"), decoded).map(Cow::into_owned);
    let (name, avatar) = (text(author.name, "name"), text(author.avatar, "avatar"));
    let theirs = author.id.0.read(&format!("{at}.id"), decoded).as_ref().map(ids::operator);
    Person { theirs, name, avatar, ..Person::default() }
}

/// The client's id, whether it came alone or with the client.
pub(super) fn person_id(user: Reference<wire::User<'_>>, at: &str, decoded: &mut Decoded) -> Option<PersonId> {
    match user {
        Reference::Absent => None,
        Reference::Id(id) => Some(ids::user(id)),
        Reference::Document(user) => user.id.0.read(&format!("{at}.id"), decoded).map(ids::user),
        Reference::Odd(shape) => {
            decoded.remark(RemarkKind::OddValue, at, shape);
            None
        }
    }
}

/// The conversation's key, whether its id came alone or with the conversation; the latter is told of first.
pub(super) fn conversation_of(
    conversation: Reference<wire::Conversation<'_>>,
    at: &str,
    decoded: &mut Decoded,
) -> Option<ConversationKey> {
    match conversation {
        Reference::Absent => {
            decoded.remark(RemarkKind::Missing, at, "");
            None
        }
        Reference::Id(id) => Some(ConversationKey::theirs(ids::conversation(id))),
        Reference::Document(conversation) => {
            let seen = conversation_seen(*conversation, at, decoded)?;
            let key = seen.conversation.clone();
            tell_of(seen, at, decoded);
            Some(key)
        }
        Reference::Odd(shape) => {
            decoded.remark(RemarkKind::OddValue, at, shape);
            None
        }
    }
}

/// A conversation and its client, as far as the document knows them.
pub(in crate::carrotquest) fn conversation_seen(
    wire: wire::Conversation<'_>,
    at: &str,
    decoded: &mut Decoded,
) -> Option<ConversationSeen> {
    let path = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    let id = wire.id.0.expect(&path("id"), decoded)?;
    let messenger = wire.external_service.0.read(&path("external_service"), decoded).map(Cow::into_owned);
    let client = client(wire.user, &path("user"), decoded);
    Some(seen(ConversationKey::theirs(ids::conversation(id)), client, messenger))
}

/// Tells of a conversation, if its client is in the document. With nobody in it, it would only keep us from asking.
pub(super) fn tell_of(seen: ConversationSeen, at: &str, decoded: &mut Decoded) {
    if seen.client.theirs.is_some() {
        decoded.fact(Fact::ConversationSeen(seen));
    } else {
        let at = if at.is_empty() { "user".to_owned() } else { format!("{at}.user") };
        decoded.remark(RemarkKind::Missing, at, "");
    }
}

/// What is told of a conversation by whoever described its client.
pub(super) fn seen(conversation: ConversationKey, client: Person, messenger: Option<String>) -> ConversationSeen {
    let phone = client.phone.as_deref().and_then(values::phone_digits);
    ConversationSeen { conversation, client, phone, messenger, group: false }
}

/// A client with their properties (4).
pub(in crate::carrotquest) fn client(user: Reference<wire::User<'_>>, at: &str, decoded: &mut Decoded) -> Person {
    let Reference::Document(user) = user else {
        return Person { theirs: person_id(user, at, decoded), ..Person::default() };
    };
    let mut person =
        Person { theirs: user.id.0.read(&format!("{at}.id"), decoded).map(ids::user), ..Person::default() };
    if let Some(props) = user.props.0.read(&format!("{at}.props"), decoded) {
        let mut text = |field: Field<Text<'_>>, key: &str| {
            field.0.read(&format!("{at}.props.{key}"), decoded).map(Cow::into_owned)
        };
        person.name = text(props.name, "$name");
        person.email = text(props.email, "$email");
        person.phone = text(props.phone, "$phone");
    }
    person
}
