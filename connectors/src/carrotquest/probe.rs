//! Whether a reply of which nothing was heard took effect: the question to Carrot quest, and the reading of its answer.
//!
//! Our `external_id` in a part proves it; where parts come without one, the same text, written through the interface
//! by the company since the attempt, does (7.4). Absence is proven only by pages that reach back to the attempt, and
//! only when the attempt has had time to end; until then the answer is "still uncertain", and the question is asked
//! again.

use std::borrow::Cow;
use std::time::Duration;

use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{ConversationKey, DeliveryState, Fact, MessageKey, SendAcknowledged};
use chatledger_projections::ids::{ConversationId, MessageId};
use chatledger_projections::intent::{Destination, Intent, SendMessage};
use chatledger_projections::outcome::Outcome;
use chatledger_projections::time::Timestamp;

use super::classify::Verdict;
use super::decode::kinds::{Fate, PartKind, SentVia};
use super::decode::values;
use super::poll::{self, list_parts};
use super::readable::readable;
use super::settings::Settings;
use super::wire::{Part, PartsAnswer};
use super::{call, ids, probe_opened};
use crate::connector::{Call, Decoded, Judgement, Known, Reply};
use crate::leafing::Leaf;
use crate::loose::{Object, with_document};
use crate::spoken::bounded;

/// The list that is looked through: newest first unless asked otherwise (3.1).
const PARTS: &str = "parts";

/// How much earlier than the attempt a part may claim to be: clocks differ, and times may be whole seconds.
pub(super) const CLOCKS_DIFFER: Duration = Duration::from_secs(5);

/// How long an attempt may be under way before its absence means anything. Parts are made at once, but the interface is
/// asynchronous by its own word (7.4).
pub(super) const UNDER_WAY: Duration = Duration::from_secs(30);

/// The question whether a message was taken; `None` where there is nothing to ask.
pub(super) fn probe(settings: &Settings, intent: &Intent, known: &Known) -> Option<Call> {
    let message = intent.message()?;
    if let Destination::Client(user) = &message.to {
        return Some(probe_opened::probe(settings, user, known));
    }
    let conversation = conversation_of(message, known)?;
    let (size, at) = poll::place(Leaf::of(known, PARTS).cursor());
    Some(list_parts(settings, conversation, at, size))
}

/// Reads the answer to a probe.
pub(super) fn judge(intent: &Intent, known: &Known, call: &str, reply: Reply<'_>, over_for: Duration) -> Judgement {
    let Some(message) = intent.message() else {
        return uncertain("only messages are looked for").into();
    };
    let reply = match reply {
        Reply::Answered(reply) => reply,
        Reply::NotSent(reason) | Reply::NoAnswer(reason) => return uncertain(reason).into(),
    };
    let verdict = Verdict::of(reply);
    if !verdict.is_yes() {
        return uncertain(&verdict.described()).into();
    }
    if call == call::USERS_CONVERSATIONS {
        return probe_opened::judge(message, known, reply, over_for);
    }
    if call != call::PARTS {
        return uncertain("an answer to another question").into();
    }
    let leaf = Leaf::of(known, PARTS);
    let is_soon = over_for < UNDER_WAY;
    if reply.cut {
        return leaf.cut_off(is_soon, poll::behind(leaf.cursor(), reply));
    }
    let Some(page) = Page::of(reply, poll::place(leaf.cursor()).0) else {
        return uncertain("the list of parts cannot be read").into();
    };
    let since = known.attempted_at - CLOCKS_DIFFER;
    if let Some(found) = page.find(message, known, since) {
        let acknowledged = SendAcknowledged {
            message: MessageKey { theirs: Some(found.id.clone()), ours: None, job: None },
            conversation: ConversationKey { theirs: conversation_of(message, known).cloned(), ours: None },
            state: Some(DeliveryState::Sent),
            ..SendAcknowledged::default()
        };
        return (Outcome::Accepted, vec![Fact::SendAcknowledged(acknowledged)]).into();
    }
    if is_soon {
        uncertain("no such part in the conversation yet").into()
    } else if page.reaches(since) {
        Outcome::Postponed { until: None, reason: "no such part in the conversation".to_owned() }.into()
    } else {
        let next = poll::behind(leaf.cursor(), reply);
        leaf.turned(next, "the list of parts does not reach the time of the attempt")
    }
}

fn conversation_of<'a>(message: &'a SendMessage, known: &'a Known) -> Option<&'a ConversationId> {
    match &message.to {
        Destination::Conversation(key) => key.theirs.as_ref(),
        Destination::Phone(_) | Destination::Username(_) | Destination::Client(_) => None,
    }
    .or(known.conversation.as_ref())
}

/// The newest parts of a conversation.
struct Page {
    parts: Vec<Listed>,
    /// Whether there are older ones.
    goes_on: bool,
}

/// A listed part, as far as it is needed to recognise ours.
struct Listed {
    id: MessageId,
    /// Whether the company said it through the interface.
    may_be_ours: bool,
    text: String,
    external_id: Option<String>,
    random_id: Option<String>,
    at: Option<Timestamp>,
}

impl Page {
    /// A reply that cannot be read in full proves nothing: the unreadable part might be ours.
    fn of(reply: &RecordedReply, size: usize) -> Option<Self> {
        let read = |answer: PartsAnswer<'_>, decoded: &mut Decoded| {
            let meta = answer.meta.0.read("meta", decoded)?;
            let parts = answer.data.0.read("data", decoded)?;
            let goes_on = meta.next_before_position.0 || meta.next_after.0 || parts.len() >= size;
            let parts = parts.into_iter().map(|Object(part)| Listed::of(part.read("data", decoded)?, decoded));
            Some(Self { parts: parts.collect::<Option<_>>()?, goes_on })
        };
        with_document::<PartsAnswer<'static>, _>(&reply.body.0, &mut Decoded::default(), read).flatten()
    }

    /// By our id if the part bears one; else by what it says. Of several equal ones the earliest is the first attempt's.
    fn find(&self, message: &SendMessage, known: &Known, since: Timestamp) -> Option<&Listed> {
        let text = readable(&message.content);
        let random_id = ids::random_id(&message.ours).to_string();
        let is_named = |listed: &&Listed| {
            listed.may_be_ours
                && (listed.external_id.as_deref() == Some(message.ours.as_str())
                    || listed.random_id.as_deref() == Some(&random_id))
        };
        let says_the_same = |listed: &&Listed| {
            listed.may_be_ours
                && listed.external_id.is_none()
                && listed.random_id.is_none()
                && listed.text.trim_end() == text.trim_end()
                && listed.at.is_some_and(|at| at >= since)
                && !known.accounted.contains(&listed.id)
        };
        let named = self.parts.iter().filter(is_named).min_by_key(|listed| listed.at);
        named.or_else(|| self.parts.iter().filter(says_the_same).min_by_key(|listed| listed.at))
    }

    /// Whether everything written since then must be on the page: it is the last one, or it runs from new to old and
    /// ends before that time.
    fn reaches(&self, since: Timestamp) -> bool {
        if !self.goes_on {
            return true;
        }
        let times: Option<Vec<Timestamp>> = self.parts.iter().map(|listed| listed.at).collect();
        times.is_some_and(|times| {
            times.is_sorted_by(|newer, older| newer >= older) && times.last().is_some_and(|oldest| *oldest < since)
        })
    }
}

impl Listed {
    fn of(wire: Part<'_>, decoded: &mut Decoded) -> Option<Self> {
        let kind = wire.kind.0.read("type", decoded)?;
        let via = wire.sent_via.0.read("sent_via", decoded);
        let by_company = PartKind::of(&kind).is_some_and(|kind| kind.fate() == Fate::Sent);
        let through_interface = via.is_none_or(|via| SentVia::of(&via) == SentVia::Api);
        let mut text =
            |field: crate::loose::Field<crate::loose::Text<'_>>| field.0.read("", decoded).map(Cow::into_owned);
        let (body, external_id, random_id) = (text(wire.body), text(wire.external_id), text(wire.random_id));
        Some(Self {
            id: ids::message(wire.id.0.read("id", decoded)?),
            may_be_ours: by_company && through_interface,
            text: body.unwrap_or_default(),
            external_id,
            // Zero is what a part without one has.
            random_id: random_id.filter(|random_id| random_id != "0"),
            at: values::moment_at(wire.created, "created", decoded),
        })
    }
}

pub(super) fn uncertain(reason: &str) -> Outcome {
    Outcome::Uncertain { until: None, reason: bounded(reason) }
}
