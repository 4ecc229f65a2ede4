//! Whether a send of which nothing was heard took effect: the question to Pact, and the reading of its answer (17.3).
//!
//! Presence is proven by the message itself. Absence is proven only by a list that certainly reaches the time of the
//! attempt (the direction of the second generation's lists is nowhere stated, 19.8), and only when the attempt has had
//! time to end; until then the answer is "still uncertain", and the question is asked again. A list that does not reach back
//! is turned page by page. A probe that is refused, put off or unreadable teaches nothing, and never names a moment to wait
//! for.

use std::borrow::Cow;
use std::time::Duration;

use chatledger_projections::content::Content;
use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{
    ConversationKey, ConversationSeen, DeliveryState, Fact, MessageKey, SendAcknowledged,
};
use chatledger_projections::ids::{ConversationId, MessageId};
use chatledger_projections::intent::{Destination, Intent, SendMessage};
use chatledger_projections::outcome::Outcome;
use chatledger_projections::time::Timestamp;

use super::classify::described;
use super::decode::{conversation_seen_v2, delivery_state, values};
use super::history::{self, Place};
use super::readable::readable;
use super::requests;
use super::settings::{Api, Settings};
use super::wire::{v1, v2};
use super::{call, failure, ids};
use crate::connector::{Call, Decoded, Judgement, Known, Reply};
use crate::leafing::Leaf;
use crate::loose::{Object, with_document};

/// How many messages are asked for. A hundred and fifty come unasked, which may be more than is kept of a reply.
const MESSAGES_A_PAGE: i64 = 50;

/// The lists that are looked through.
const MESSAGES: &str = "messages";
const CONVERSATIONS: &str = "conversations";

/// How many conversations come in a page of a search (9.1).
const CONVERSATIONS_A_PAGE: usize = 25;

/// How much earlier than the attempt a message may claim to be: clocks differ, and some times are whole seconds.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5);

/// How long an attempt may be under way at Pact before its absence means anything. The second generation makes the
/// message at once; in the first a job delivers it before it is shown anywhere, and may take minutes (6.3).
const UNDER_WAY_V1: Duration = Duration::from_secs(120);
const UNDER_WAY_V2: Duration = Duration::from_secs(10);

/// How much earlier an equal message may have been made by a job that has not told its name yet.
const JOBS_TAKE: Duration = Duration::from_secs(600);

/// The question whether a send took effect; `None` where there is nothing to ask.
pub(super) fn probe(settings: &Settings, intent: &Intent, known: &Known) -> Option<Call> {
    let message = intent.message()?;
    match (conversation_of(message, known), &message.to) {
        (Some(conversation), _) => Some(history::list(settings, conversation, place(known))),
        (None, Destination::Phone(phone)) if settings.api == Api::V2 => Some(search(settings, phone.digits(), known)),
        (None, Destination::Username(name)) if settings.api == Api::V2 => Some(search(settings, name.as_str(), known)),
        (
            None,
            Destination::Phone(_) | Destination::Username(_) | Destination::Client(_) | Destination::Conversation(_),
        ) => None,
    }
}

/// Reads the answer to a probe.
pub(super) fn judge(
    settings: &Settings,
    intent: &Intent,
    known: &Known,
    call: &str,
    reply: Reply<'_>,
    over_for: Duration,
) -> Judgement {
    let Some(message) = intent.message() else {
        return uncertain("only messages are looked for").into();
    };
    let reply = match reply {
        Reply::Answered(reply) => reply,
        Reply::NotSent(reason) | Reply::NoAnswer(reason) => return uncertain(reason).into(),
    };
    if !(200..300).contains(&reply.status) {
        return uncertain(&described(reply)).into();
    }
    match call {
        call::LIST_MESSAGES_V1 | call::LIST_MESSAGES_V2 => judge_messages(settings, message, known, reply, over_for),
        call::SEARCH_CONVERSATIONS_V2 => judge_search(settings, message, known, reply, over_for),
        _ => uncertain("an answer to another question").into(),
    }
}

fn conversation_of<'a>(message: &'a SendMessage, known: &'a Known) -> Option<&'a ConversationId> {
    match &message.to {
        Destination::Conversation(key) => key.theirs.as_ref(),
        Destination::Phone(_) | Destination::Username(_) | Destination::Client(_) => None,
    }
    .or(known.conversation.as_ref())
}

/// Which part of the conversation's messages is asked for.
fn place(known: &Known) -> Place {
    let cursor = Leaf::of(known, MESSAGES).cursor();
    cursor.map_or(Place::first(MESSAGES_A_PAGE), |cursor| Place::of(Some(cursor)))
}

fn search(settings: &Settings, client: &str, known: &Known) -> Call {
    let page = Leaf::of(known, CONVERSATIONS).cursor().and_then(|number| number.parse().ok());
    requests::v2::conversations(settings.company, Some(client), requests::Page { page, per_page: None })
}

/// A page of a conversation's messages, in the order in which it came.
struct Page {
    messages: Vec<Listed>,
    /// Whether there may be more messages than these.
    goes_on: bool,
}

/// A listed message, as far as it is needed to recognise ours.
struct Listed {
    id: MessageId,
    ours: bool,
    text: String,
    /// When Pact wrote it down; absent if that cannot be read.
    at: Option<Timestamp>,
    state: Option<DeliveryState>,
}

fn page_v1(reply: &RecordedReply) -> Option<Page> {
    read_page::<v1::MessagesReply<'static>>(reply, |reply, decoded| {
        let data = reply.data.0.read("", decoded)?;
        // On the last page the key is missing, however full it is (5.1).
        let goes_on = data.next_page.is_present();
        let messages = data.messages.0.read("", decoded)?;
        Some(Page { messages: listed(messages, decoded, listed_v1)?, goes_on })
    })
}

fn page_v2(reply: &RecordedReply, asked: &Place) -> Option<Page> {
    read_page::<v2::MessagesReply<'static>>(reply, |reply, decoded| {
        let messages = reply.messages.0.read("", decoded)?;
        // The page may be smaller than was asked for (8).
        let meta = reply.meta.0.read("", decoded).and_then(|meta| meta.per_page.0.read("", decoded));
        let size = meta.filter(|size| *size > 0).unwrap_or(asked.size()).min(asked.size());
        let full = !messages.is_empty() && i64::try_from(messages.len()).is_ok_and(|came| came >= size);
        Some(Page { messages: listed(messages, decoded, listed_v2)?, goes_on: full })
    })
}

/// A reply that cannot be read in full proves nothing.
fn read_page<W: crate::loose::WireDocument>(
    reply: &RecordedReply,
    read: impl FnOnce(W::Document<'_>, &mut Decoded) -> Option<Page>,
) -> Option<Page> {
    with_document::<W, _>(&reply.body.0, &mut Decoded::default(), read).flatten()
}

/// All of the messages, or nothing: the unreadable one might be ours.
fn listed<T>(
    messages: Vec<Object<T>>,
    decoded: &mut Decoded,
    read: fn(T, &mut Decoded) -> Option<Listed>,
) -> Option<Vec<Listed>> {
    messages.into_iter().map(|Object(message)| read(message.read("", decoded)?, decoded)).collect()
}

fn listed_v1(wire: v1::Message<'_>, decoded: &mut Decoded) -> Option<Listed> {
    Some(Listed {
        id: ids::message(wire.external_id.0.read("", decoded)?),
        ours: !wire.income.0.read("", decoded)?,
        text: wire.message.0.read("", decoded).map(Cow::into_owned).unwrap_or_default(),
        at: values::first_moment([("", wire.created_at_timestamp), ("", wire.created_at)], decoded),
        // The list of the first generation shows no state (6.1).
        state: None,
    })
}

fn listed_v2(wire: v2::Message<'_>, decoded: &mut Decoded) -> Option<Listed> {
    Some(Listed {
        id: ids::message(wire.id.0.read("", decoded)?),
        ours: !wire.income.0.read("", decoded)?,
        text: wire.message.0.read("", decoded).map(Cow::into_owned).unwrap_or_default(),
        at: values::first_moment([("", wire.created_at), ("", wire.external_created_at)], decoded),
        state: wire.status.0.read("", decoded).as_deref().and_then(delivery_state),
    })
}

fn judge_messages(
    settings: &Settings,
    message: &SendMessage,
    known: &Known,
    reply: &RecordedReply,
    over_for: Duration,
) -> Judgement {
    let (leaf, asked) = (Leaf::of(known, MESSAGES), place(known));
    let under_way = match settings.api {
        Api::V1 => UNDER_WAY_V1,
        Api::V2 => UNDER_WAY_V2,
    };
    let is_soon = over_for < under_way;
    if reply.cut {
        return leaf.cut_off(is_soon, history::behind(settings.api, &asked, reply));
    }
    let page = match settings.api {
        Api::V1 => page_v1(reply),
        Api::V2 => page_v2(reply, &asked),
    };
    let Some(page) = page else {
        return uncertain("the list of messages cannot be read").into();
    };
    let text = readable(settings.api, &message.content);
    // Said before in the same words, and known by no name yet: these stand in the list, too, or will.
    let is_alike = |other: &&Content| readable(settings.api, other).trim_end() == text.trim_end();
    let alike = known.unnamed.iter().filter(is_alike).count();
    let since = known.attempted_at - CLOCKS_DIFFER;
    let listed_since = if alike == 0 { since } else { since - JOBS_TAKE };
    let is_ours = |listed: &&Listed| {
        listed.ours
            && listed.text.trim_end() == text.trim_end()
            && listed.at.is_some_and(|at| at >= listed_since)
            && !known.accounted.contains(&listed.id)
    };
    let mut equal: Vec<&Listed> = page.messages.iter().filter(is_ours).collect();
    // Some of the times are whole seconds; ties go by the id (12.2), which is a number.
    equal.sort_by_key(|listed| (listed.at, listed.id.as_str().len(), listed.id.as_str()));
    // A dialogue keeps its order; so behind those that were said before, the earliest is the first attempt's.
    let found = equal.iter().skip(alike).find(|listed| listed.at.is_some_and(|at| at >= since));
    if let Some(found) = found {
        let acknowledged = SendAcknowledged {
            message: MessageKey { theirs: Some(found.id.clone()), ours: None, job: None },
            conversation: ConversationKey { theirs: conversation_of(message, known).cloned(), ours: None },
            state: found.state,
            ..SendAcknowledged::default()
        };
        return (Outcome::Accepted, vec![Fact::SendAcknowledged(acknowledged)]).into();
    }
    if is_soon {
        uncertain("no such message in the conversation yet").into()
    } else if !equal.is_empty() && !reaches(&page, listed_since) {
        // Which of them these are could only be told if all of them were seen together; their names may come.
        uncertain("the same words were said before, and nobody knows by which name").into()
    } else if reaches(&page, listed_since) {
        absent("no such message in the conversation").into()
    } else {
        let next = history::behind(settings.api, &asked, reply);
        leaf.turned(next, "the list of messages does not reach the time of the attempt")
    }
}

/// Whether everything written since then must be on the page: it is the last one, or it runs from new to old and ends
/// before that time.
fn reaches(page: &Page, since: Timestamp) -> bool {
    if !page.goes_on {
        return true;
    }
    let times: Option<Vec<Timestamp>> = page.messages.iter().map(|listed| listed.at).collect();
    times.is_some_and(|times| {
        let runs_from_new_to_old = times.first() > times.last() && times.is_sorted_by(|newer, older| newer >= older);
        runs_from_new_to_old && times.last().is_some_and(|oldest| *oldest < since)
    })
}

fn judge_search(
    settings: &Settings,
    message: &SendMessage,
    known: &Known,
    reply: &RecordedReply,
    over_for: Duration,
) -> Judgement {
    let is_client = |seen: &ConversationSeen| match &message.to {
        Destination::Phone(phone) => seen.phone.as_deref() == Some(phone.digits()),
        // Public names do not heed capital letters.
        Destination::Username(name) => {
            seen.client.username.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name.as_str()))
        }
        Destination::Conversation(_) | Destination::Client(_) => false,
    };
    match &message.to {
        Destination::Phone(_) | Destination::Username(_) => {}
        Destination::Conversation(_) | Destination::Client(_) => {
            return uncertain("its conversation is known").into();
        }
    }
    let read = |reply: v2::ConversationsReply<'_>, decoded: &mut Decoded| {
        let conversations = reply.conversations.0.read("", decoded)?;
        let full = conversations.len() >= CONVERSATIONS_A_PAGE;
        let seen = conversations
            .into_iter()
            .map(|Object(wire)| conversation_seen_v2(wire.read("", decoded)?, "", decoded))
            .collect::<Option<Vec<_>>>()?;
        Some((seen, full))
    };
    let page = if reply.cut {
        None
    } else {
        with_document::<v2::ConversationsReply<'static>, _>(&reply.body.0, &mut Decoded::default(), read).flatten()
    };
    let Some((conversations, full)) = page else {
        return uncertain("the list of conversations cannot be read").into();
    };
    let is_with_client = |seen: &ConversationSeen| {
        !seen.group
            && is_client(seen)
            && seen.messenger.as_ref().is_none_or(|messenger| *messenger == settings.provider)
    };
    match conversations.into_iter().find(is_with_client) {
        Some(seen) => (
            uncertain("there is a conversation with the client; its messages tell more"),
            vec![Fact::ConversationSeen(seen)],
        )
            .into(),
        None if over_for < UNDER_WAY_V2 => uncertain("no conversation with this client yet").into(),
        None if full => {
            let leaf = Leaf::of(known, CONVERSATIONS);
            let number: i64 = leaf.cursor().and_then(|number| number.parse().ok()).unwrap_or(1);
            leaf.turned(Some(number.saturating_add(1).to_string()), "the list of conversations goes on")
        }
        None => absent("no conversation with this client").into(),
    }
}

fn absent(reason: &str) -> Outcome {
    Outcome::Postponed { until: None, reason: reason.to_owned() }
}

fn uncertain(reason: &str) -> Outcome {
    Outcome::Uncertain { until: None, reason: failure::bounded(reason) }
}
