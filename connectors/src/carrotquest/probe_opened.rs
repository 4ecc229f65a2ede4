//! Whether a first message of which nothing was heard opened its dialogue: the question, and the reading of its answer.
//!
//! Such a message bears no name of ours and its part has none, so it is known by what it says: a dialogue with this
//! visitor, opened by a message of the company since the attempt, whose last part has the same words. One that was
//! opened since with other words proves neither; absence is proven only by a list that reaches back to the attempt, and
//! only when the attempt has had time to end.

use std::time::Duration;

use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{ConversationKey, DeliveryState, Fact, SendAcknowledged};
use chatledger_projections::ids::{ConversationId, PersonId};
use chatledger_projections::intent::SendMessage;
use chatledger_projections::outcome::Outcome;
use chatledger_projections::time::Timestamp;

use super::decode::{markup, values};
use super::ids;
use super::poll;
use super::probe::{CLOCKS_DIFFER, UNDER_WAY, uncertain};
use super::readable::readable;
use super::settings::Settings;
use super::wire::{Conversation, ConversationsAnswer};
use crate::connector::{Call, Decoded, Judgement, Known};
use crate::leafing::Leaf;
use crate::loose::{Object, with_document};

/// The list that is looked through.
const DIALOGUES: &str = "dialogues";

/// The visitor's dialogues, last changed first (3.1).
pub(super) fn probe(settings: &Settings, user: &PersonId, known: &Known) -> Call {
    let (size, at) = poll::place(Leaf::of(known, DIALOGUES).cursor());
    poll::list_dialogues_of(settings, user, at, size)
}

/// Reads the answer; whether it is a yes was asked before.
pub(super) fn judge(message: &SendMessage, known: &Known, reply: &RecordedReply, over_for: Duration) -> Judgement {
    let leaf = Leaf::of(known, DIALOGUES);
    let is_soon = over_for < UNDER_WAY;
    if reply.cut {
        return leaf.cut_off(is_soon, poll::behind(leaf.cursor(), reply));
    }
    let Some(list) = List::of(reply, poll::place(leaf.cursor()).0) else {
        return uncertain("the list of dialogues cannot be read").into();
    };
    let since = known.attempted_at - CLOCKS_DIFFER;
    let text = readable(&message.content);
    let opened = || list.dialogues.iter().filter(|dialogue| dialogue.opened_by_company && dialogue.created >= since);
    // Of several equal ones the earliest is the first attempt's.
    let ours = opened().filter(|dialogue| dialogue.says(&text)).min_by_key(|dialogue| dialogue.created);
    if let Some(ours) = ours {
        let conversation = ConversationKey::theirs(ours.id.clone());
        let state = Some(DeliveryState::Sent);
        let acknowledged = SendAcknowledged { conversation, state, ..SendAcknowledged::default() };
        return (Outcome::Accepted, vec![Fact::SendAcknowledged(acknowledged)]).into();
    }
    if opened().next().is_some() {
        uncertain("a dialogue was opened since, with other words").into()
    } else if is_soon {
        uncertain("no such dialogue yet").into()
    } else if list.reaches(since) {
        Outcome::Postponed { until: None, reason: "no such dialogue with the visitor".to_owned() }.into()
    } else {
        let next = poll::behind(leaf.cursor(), reply);
        leaf.turned(next, "the list of dialogues does not reach the time of the attempt")
    }
}

/// A visitor's dialogues.
struct List {
    dialogues: Vec<Listed>,
    /// Whether there are more.
    goes_on: bool,
}

/// A listed dialogue, as far as it is needed to recognise ours.
struct Listed {
    id: ConversationId,
    created: Timestamp,
    last_update: Option<Timestamp>,
    opened_by_company: bool,
    last_words: Option<String>,
}

impl List {
    /// An answer that cannot be read in full proves nothing.
    fn of(reply: &RecordedReply, size: usize) -> Option<Self> {
        let read = |answer: ConversationsAnswer<'_>, decoded: &mut Decoded| {
            let meta = answer.meta.0.read("meta", decoded)?;
            let dialogues = answer.data.0.read("data", decoded)?;
            let goes_on = meta.next_before_position.0 || meta.next_after.0 || dialogues.len() >= size;
            let dialogues = dialogues.into_iter().map(|Object(wire)| Listed::of(wire.read("data", decoded)?, decoded));
            Some(Self { dialogues: dialogues.collect::<Option<_>>()?, goes_on })
        };
        with_document::<ConversationsAnswer<'static>, _>(&reply.body.0, &mut Decoded::default(), read).flatten()
    }

    /// Whether every dialogue that changed since then must be on the list.
    fn reaches(&self, since: Timestamp) -> bool {
        if !self.goes_on {
            return true;
        }
        let changes: Option<Vec<Timestamp>> = self.dialogues.iter().map(|dialogue| dialogue.last_update).collect();
        changes.is_some_and(|changes| {
            changes.is_sorted_by(|newer, older| newer >= older) && changes.last().is_some_and(|oldest| *oldest < since)
        })
    }
}

impl Listed {
    fn of(wire: Conversation<'_>, decoded: &mut Decoded) -> Option<Self> {
        let last = wire.part_last.0.read("part_last", decoded).and_then(|last| last.body.0.read("body", decoded));
        let last_words =
            last.map(|text| if markup::is_markup(&text) { markup::plain(&text) } else { text.into_owned() });
        Some(Self {
            id: ids::conversation(wire.id.0.read("id", decoded)?),
            created: values::moment_at(wire.created, "created", decoded)?,
            last_update: values::moment_at(wire.last_update, "last_update", decoded),
            opened_by_company: wire.message.0,
            last_words,
        })
    }

    fn says(&self, text: &str) -> bool {
        self.last_words.as_deref().is_some_and(|words| words.trim() == text.trim())
    }
}
