//! Messages: what was written, and how each came to stand.

use std::collections::BTreeMap;

use chatledger_projections::alterations::Altered;
use chatledger_projections::change::Change;
use chatledger_projections::configuration::Role;
use chatledger_projections::content::Content;
use chatledger_projections::delivery::{Carried, MessageIndex, Origin};
use chatledger_projections::event::Happening;
use chatledger_projections::fact::{DeliveryState, Fact, Message};
use chatledger_projections::ids::{ConnectionName, MessageId};
use chatledger_projections::intent::Speaker;
use chatledger_projections::projection::Projection as _;
use chatledger_projections::threads::Side;

use super::document::{MessageDocument, StandingDocument, written};
use super::memory::{LATENCY_STEPS_MS, Memory, MessageMemo};
use super::unplaced::Heard;
use super::{Gathered, Step, short_mark};
use crate::reading::answer::Happened;
use crate::reading::row::{EntryKind, MessageKept, MessageVersion, Named, Number, Row};

impl Memory {
    /// Takes in what was written, and how what was written stands now.
    pub(super) fn see_messages(&mut self, step: &Step<'_>, gathered: &mut Gathered) {
        let mut heard = self.hear(step, gathered);
        let new = step.state.delivery.len() - step.written_before;
        let placed: Vec<&Carried> = step.state.delivery.iter().rev().take(new).collect();
        for carried in placed.into_iter().rev() {
            let known = heard.remove(&carried.origin).or_else(|| self.unplaced.take(&carried.origin));
            self.meet(step, carried, known, gathered);
        }
        // What is known by now is placed, an echo, or nobody's words.
        for (origin, heard) in heard {
            if step.state.delivery.known(&origin).is_none() {
                self.unplaced.remember(origin, heard);
            }
        }
        let touched: Vec<MessageIndex> = gathered.messages.values().copied().collect();
        for index in touched {
            self.compare(step, index, gathered);
        }
    }

    /// The messages in what an event says.
    fn hear(&self, step: &Step<'_>, _gathered: &Gathered) -> BTreeMap<Origin, Heard> {
        let (connection, facts) = match &step.happening.event {
            Happening::Observed { connection, facts } => (connection, facts),
            Happening::Settled { settled, facts } => (&settled.connection, facts),
            Happening::Raised(_)
            | Happening::Started(_)
            | Happening::Configured(_)
            | Happening::Instructed(_)
            | Happening::Advanced(_)
            | Happening::Polled(_)
            | Happening::Arranged(_) => return BTreeMap::new(),
        };
        let mut heard = BTreeMap::new();
        for (ordinal, fact) in facts.iter().enumerate() {
            let Some((side, message)) = said_in(fact) else { continue };
            // The fold's own name for what has none.
            let unnamed = || MessageId::new(format!("{}#{ordinal}", step.happening.id));
            let name = message.message.theirs.clone().unwrap_or_else(unnamed);
            let origin = Origin { connection: connection.clone(), message: name };
            let message = Box::new(message.clone());
            heard.entry(origin).or_insert(Heard { seq: step.seq, at: step.at, side, message });
        }
        heard
    }

    /// A message has found its dialogue.
    fn meet(&mut self, step: &Step<'_>, carried: &Carried, heard: Option<Heard>, gathered: &mut Gathered) {
        let Some((index, _)) = step.state.delivery.written(&carried.origin) else { return };
        let role = step.state.configuration.role_of(&carried.origin.connection);
        let heard_at = heard.as_ref().map_or(step.at, |heard| heard.at);
        let side = heard.as_ref().map_or_else(|| side_of(role), |heard| heard.side);
        let rows = &mut gathered.rows;
        let connection = self.connection(&carried.origin.connection, rows).number;
        let thread = self.thread(carried.thread, rows);
        thread.last = Some((index, side));
        let thread = thread.number;
        if let Some(heard) = heard.as_ref().filter(|heard| heard.seq != step.seq) {
            rows.push(Row::Touched { thread, seq: heard.seq });
        }
        let message = Number::from(index.place());
        let name = carried.origin.message.to_string();
        let document = written(&document(heard.map(|heard| *heard.message), side, role));
        rows.push(Row::Name { name: name.clone(), what: Named::Message, connection, thread, message });
        rows.push(Row::Message(MessageKept { message, thread, connection, name, heard_at, document }));
        gathered.entry(thread, heard_at, EntryKind::Message, Some(index), None);
        gathered.threads.insert(carried.thread);
        gathered.messages.insert(index.place(), index);
        debug_assert_eq!(self.messages.len(), index.place() as usize, "messages are met in the order of their places");
        self.messages.push(MessageMemo {
            heard_at,
            state: DeliveryState::Raised,
            failure: 0,
            shown: 0,
            content: 0,
            reactions: [0; 2],
            removed: false,
        });
        rows_of_version(step, index, gathered);
    }

    /// Whether a message stands otherwise than was told.
    fn compare(&mut self, step: &Step<'_>, index: MessageIndex, gathered: &mut Gathered) {
        let Some(before) = self.messages.get(index.place() as usize).copied() else { return };
        let carried = step.state.delivery.get(index);
        let altered = step.state.alterations.of(&carried.origin);
        let now = MessageMemo {
            heard_at: before.heard_at,
            state: carried.state,
            failure: carried.failure.as_ref().map_or(0, |failure| short_mark(&failure.reason)),
            shown: mark_of_places(carried),
            content: altered
                .and_then(|altered| altered.content.as_deref())
                .map_or(0, |content| short_mark(&written(content))),
            reactions: [mark_of_reaction(altered, Side::Client), mark_of_reaction(altered, Side::Company)],
            removed: altered.is_some_and(|altered| altered.deleted),
        };
        self.messages[index.place() as usize] = now;
        let thread = self.thread(carried.thread, &mut gathered.rows).number;
        let mut happened = |what: &Happened| {
            gathered.entry(thread, step.at, EntryKind::Other, Some(index), Some(written(what)));
        };
        let message = || carried.origin.clone();
        if now.content != before.content {
            let content = altered.and_then(|altered| altered.content.as_deref()).cloned().unwrap_or_default();
            happened(&Happened::Edited { message: message(), content });
        }
        if now.removed && !before.removed {
            happened(&Happened::Removed { message: message() });
        }
        for (place, side) in [Side::Client, Side::Company].into_iter().enumerate() {
            if now.reactions[place] != before.reactions[place] {
                let emoji = altered.and_then(|altered| altered.reactions.get(&side)).cloned();
                happened(&Happened::Reacted { message: message(), side, emoji });
            }
        }
        if (now.state, now.failure) != (before.state, before.failure) {
            let failure = carried.failure.as_deref().cloned();
            let delivery = Happened::Delivery { message: message(), state: now.state, failure };
            gathered.entry(thread, step.at, EntryKind::Delivery, Some(index), Some(written(&delivery)));
        }
        if now.shown != before.shown {
            for place in carried.target.iter().chain(&carried.pieces).chain(&carried.copies) {
                let connection = self.connection(&place.connection, &mut gathered.rows).number;
                let (name, what) = (place.message.to_string(), Named::Message);
                let message = Number::from(index.place());
                gathered.rows.push(Row::Name { name, what, connection, thread, message });
            }
        }
        if before.state == DeliveryState::Raised && arrived(now.state) {
            self.took(step, &carried.origin.connection, before.heard_at, gathered);
        }
        let changed = (now.state, now.failure, now.shown, now.content, now.reactions, now.removed)
            != (before.state, before.failure, before.shown, before.content, before.reactions, before.removed);
        if changed {
            rows_of_version(step, index, gathered);
        }
    }

    /// A message was taken by the other side, so long after we heard of it.
    fn took(&mut self, step: &Step<'_>, written_at: &ConnectionName, heard_at: i64, gathered: &mut Gathered) {
        let took = u64::try_from(step.at - heard_at).unwrap_or(0);
        let place = LATENCY_STEPS_MS.iter().position(|end| took <= *end).unwrap_or(LATENCY_STEPS_MS.len());
        let memo = self.connection(written_at, &mut gathered.rows);
        memo.latencies[place] += 1;
        let steps = memo.latencies.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let connection = memo.number;
        gathered.rows.retain(|row| !matches!(row, Row::Latencies { connection: other, .. } if *other == connection));
        gathered.rows.push(Row::Latencies { connection, steps });
    }

    /// What else happened in dialogues.
    pub(super) fn see_entries(&mut self, step: &Step<'_>, gathered: &mut Gathered) {
        if let Happening::Instructed(instructed) = &step.happening.event {
            let thread = self.thread(instructed.instruction.thread(), &mut gathered.rows).number;
            let entry = Happened::Instructed {
                who: instructed.who.clone(),
                why: instructed.why.clone(),
                instruction: instructed.instruction.clone(),
            };
            gathered.entry(thread, step.at, EntryKind::Other, None, Some(written(&entry)));
        }
        for change in step.changes {
            let Some((thread, entry)) = entry_of(change, step) else { continue };
            let thread = self.thread(thread, &mut gathered.rows).number;
            gathered.entry(thread, step.at, EntryKind::Other, None, Some(written(&entry)));
        }
    }
}

/// How a message stands from here on; of several versions in one event, the last is the one.
fn rows_of_version(step: &Step<'_>, index: MessageIndex, gathered: &mut Gathered) {
    let carried = step.state.delivery.get(index);
    let altered = step.state.alterations.of(&carried.origin);
    let shown = carried.target.iter().chain(&carried.pieces).chain(&carried.copies).cloned().collect();
    let label = |side: Side| match side {
        Side::Client => "client".to_owned(),
        Side::Company => "company".to_owned(),
    };
    let reactions = |altered: &Altered| {
        altered.reactions.iter().map(|(side, emoji)| (label(*side), emoji.clone())).collect::<BTreeMap<_, _>>()
    };
    let rest = StandingDocument {
        failure: carried.failure.as_deref().cloned(),
        shown,
        content: altered.and_then(|altered| altered.content.clone()),
        removed: altered.is_some_and(|altered| altered.deleted),
        reactions: altered.map(reactions).unwrap_or_default(),
    };
    let message = Number::from(index.place());
    let rest = (rest != StandingDocument::default()).then(|| written(&rest));
    gathered.rows.retain(|row| !matches!(row, Row::MessageVersion(version) if version.message == message));
    let version = MessageVersion { message, at: step.at, state: carried.state, rest };
    gathered.rows.push(Row::MessageVersion(version));
}

fn document(message: Option<Message>, side: Side, role: Option<Role>) -> MessageDocument {
    let Some(message) = message else {
        let content = Content::default();
        return MessageDocument { side, written_at: role, author: None, by_machine: false, claimed_at: None, content };
    };
    let by_machine = match (message.speaker, role) {
        (Some(Speaker::Bot), _) => true,
        (Some(Speaker::Client | Speaker::Manager), _) => false,
        (None, Some(Role::Assistant)) => side == Side::Company,
        (None, Some(Role::Crm | Role::Channel) | None) => false,
    };
    MessageDocument {
        side,
        written_at: role,
        author: message.author.name,
        by_machine,
        claimed_at: message.written_at.map(chatledger_projections::time::Timestamp::as_millis),
        content: message.content,
    }
}

/// The side of a message of which nothing is known any more but where it was written.
const fn side_of(role: Option<Role>) -> Side {
    match role {
        Some(Role::Crm | Role::Assistant) => Side::Company,
        Some(Role::Channel) | None => Side::Client,
    }
}

const fn arrived(state: DeliveryState) -> bool {
    match state {
        DeliveryState::Sent | DeliveryState::Delivered | DeliveryState::Read => true,
        DeliveryState::Raised | DeliveryState::Failed => false,
    }
}

fn mark_of_places(carried: &Carried) -> u32 {
    let mut places = carried.target.iter().chain(&carried.pieces).chain(&carried.copies).peekable();
    if places.peek().is_none() {
        return 0;
    }
    short_mark(&places.collect::<Vec<_>>())
}

fn mark_of_reaction(altered: Option<&Altered>, side: Side) -> u32 {
    altered.and_then(|altered| altered.reactions.get(&side)).map_or(0, short_mark)
}

/// The message that a fact brings, and who says it.
const fn said_in(fact: &Fact) -> Option<(Side, &Message)> {
    match fact {
        Fact::MessageReceived(message) => Some((Side::Client, message)),
        Fact::MessageSent(message) => Some((Side::Company, message)),
        Fact::MessageEdited(_)
        | Fact::MessageDeleted(_)
        | Fact::MessageNamed(_)
        | Fact::ReactionChanged(_)
        | Fact::ShownWithoutReaction(_)
        | Fact::NoteWritten(_)
        | Fact::TypingStarted(_)
        | Fact::DeliveryReported(_)
        | Fact::ConversationSeen(_)
        | Fact::ConversationNotFound { .. }
        | Fact::ClientFound { .. }
        | Fact::SendAcknowledged(_)
        | Fact::ConnectionChanged(_)
        | Fact::AssistantReported(_)
        | Fact::FileFetched { .. }
        | Fact::FileMissing { .. }
        | Fact::FileTaken { .. }
        | Fact::AddressProbed => None,
    }
}

/// What a change means to those who read a dialogue, if it means anything that its messages do not say.
fn entry_of(change: &Change, step: &Step<'_>) -> Option<(chatledger_projections::ids::ThreadId, Happened)> {
    match change {
        Change::AnswerWithheld { thread, origin } => {
            let said = step.happening.event.facts().iter().filter_map(said_in).map(|(_, message)| message);
            let text = said
                .filter(|message| message.message.theirs.as_ref() == Some(&origin.message))
                .find_map(|message| message.content.text.clone());
            Some((*thread, Happened::Withheld { message: origin.clone(), text }))
        }
        Change::AssistantFellSilent { thread, reason } => {
            Some((*thread, Happened::AssistantFellSilent { because: *reason }))
        }
        Change::AssistantSpeaksAgain { thread, because } => {
            Some((*thread, Happened::AssistantSpeaksAgain { because: *because }))
        }
        Change::AssistantToldNews { thread, news, .. } => {
            Some((*thread, Happened::AssistantTold { news: news.clone() }))
        }
        Change::Bound { thread, connection, standing } => {
            Some((*thread, Happened::Bound { connection: connection.clone(), standing: *standing }))
        }
        // The messages themselves say it, or it says nothing to people.
        Change::ThreadOpened { .. }
        | Change::ClientWrote(_)
        | Change::ManagerWrote(_)
        | Change::ManagerWroteFirst { .. }
        | Change::ManagerWroteToClient { .. }
        | Change::AppWrote(_)
        | Change::AssistantAsked(_)
        | Change::AssistantWrote(_)
        | Change::AnswerUnwanted { .. }
        | Change::ChannelWanted { .. }
        | Change::ClientWanted { .. }
        | Change::ClaimWanted { .. }
        | Change::ConversationUnknown { .. }
        | Change::DeliveryRose { .. }
        | Change::MessageRefused { .. }
        // It is told where it is shown to managers, as a note of ours.
        | Change::NoteHeard { .. }
        | Change::HeldReleased { .. }
        | Change::MissedFound { .. }
        | Change::MessageAltered { .. }
        | Change::MessageWithdrawn { .. }
        | Change::ReactionSet { .. }
        | Change::AlterationKept { .. }
        | Change::AlterationRefused { .. }
        | Change::TypingBegan { .. }
        | Change::EchoHeard { .. }
        | Change::EchoSuspected { .. }
        | Change::Anomaly(_) => None,
    }
}
