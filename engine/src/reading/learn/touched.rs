//! Which dialogues and messages an event is about: whatever names them in it, or in what it changed.

use chatledger_projections::change::Change;
use chatledger_projections::delivery::{Known, MessageIndex, Origin};
use chatledger_projections::event::Happening;
use chatledger_projections::fact::{ConversationKey, Fact, MessageKey};
use chatledger_projections::ids::{ConnectionName, ThreadId};
use chatledger_projections::state::State;

use super::memory::Memory;
use super::{Gathered, Step};
use crate::explain::called::{key_of, key_of_intent};

impl Memory {
    /// Gathers the dialogues and messages that an event is about.
    pub(super) fn touch(&mut self, step: &Step<'_>, gathered: &mut Gathered) {
        match &step.happening.event {
            Happening::Observed { connection, facts } => touch_facts(step.state, connection, facts, gathered),
            Happening::Raised(raised) => {
                gathered.threads.insert(raised.thread);
                let about = key_of_intent(&raised.intent);
                if let Some(index) = about.and_then(|key| find(step.state, &raised.connection, &key)) {
                    add(index, gathered);
                }
            }
            Happening::Started(started) => {
                gathered.threads.extend(self.intents.get(&started.intent_id).map(|intent| intent.thread));
            }
            Happening::Settled { settled, facts } => {
                if let Some(intent) = self.intents.get(&settled.intent_id) {
                    gathered.threads.insert(intent.thread);
                    let carried = intent.carries.as_ref().and_then(|origin| step.state.delivery.written(origin));
                    if let Some((index, _)) = carried {
                        add(index, gathered);
                    }
                }
                touch_facts(step.state, &settled.connection, facts, gathered);
            }
            Happening::Instructed(instructed) => {
                gathered.threads.insert(instructed.instruction.thread());
            }
            Happening::Configured(_) | Happening::Advanced(_) | Happening::Polled(_) | Happening::Arranged(_) => {}
        }
        for change in step.changes {
            touch_change(step.state, change, gathered);
        }
        let messages: Vec<MessageIndex> = gathered.messages.values().copied().collect();
        gathered.threads.extend(messages.into_iter().map(|index| step.state.delivery.get(index).thread));
    }
}

fn add(index: MessageIndex, gathered: &mut Gathered) {
    gathered.messages.insert(index.place(), index);
}

fn touch_facts(state: &State, connection: &ConnectionName, facts: &[Fact], gathered: &mut Gathered) {
    for fact in facts {
        if let Some(index) = key_of(fact).and_then(|key| find(state, connection, &key)) {
            add(index, gathered);
        }
        let conversation = conversation_of(fact).and_then(|key| key.theirs.as_ref());
        gathered.threads.extend(conversation.and_then(|theirs| state.bindings.thread_of(connection, theirs)));
    }
}

/// The conversation that a fact is about.
const fn conversation_of(fact: &Fact) -> Option<&ConversationKey> {
    match fact {
        Fact::MessageReceived(message) | Fact::MessageSent(message) => Some(&message.conversation),
        Fact::MessageEdited(edited) => Some(&edited.conversation),
        Fact::MessageDeleted(deleted) => Some(&deleted.conversation),
        Fact::ReactionChanged(reaction) => Some(&reaction.conversation),
        Fact::ShownWithoutReaction(shown) => Some(&shown.conversation),
        Fact::NoteWritten(note) => Some(&note.conversation),
        Fact::TypingStarted(typing) => Some(&typing.conversation),
        Fact::DeliveryReported(report) => Some(&report.conversation),
        Fact::ConversationSeen(seen) => Some(&seen.conversation),
        Fact::ConversationNotFound { conversation } => Some(conversation),
        Fact::SendAcknowledged(acknowledged) => Some(&acknowledged.conversation),
        Fact::AssistantReported(report) => Some(&report.conversation),
        Fact::MessageNamed(_)
        | Fact::ClientFound { .. }
        | Fact::ConnectionChanged(_)
        | Fact::FileFetched { .. }
        | Fact::FileMissing { .. }
        | Fact::FileTaken { .. }
        | Fact::AddressProbed => None,
    }
}

/// The message that is called so.
pub(super) fn find(state: &State, connection: &ConnectionName, key: &MessageKey) -> Option<MessageIndex> {
    let by_id = key.theirs.as_ref().and_then(|message| by_origin(state, connection, message));
    by_id.or_else(|| key.job.as_ref().and_then(|job| state.delivery.by_job(connection, job)))
}

fn by_origin(
    state: &State,
    connection: &ConnectionName,
    message: &chatledger_projections::ids::MessageId,
) -> Option<MessageIndex> {
    let origin = Origin { connection: connection.clone(), message: message.clone() };
    match state.delivery.known(&origin)? {
        Known::Written(index) | Known::Ours(index) => Some(index),
        Known::OurOwn | Known::Withheld => None,
    }
}

fn touch_change(state: &State, change: &Change, gathered: &mut Gathered) {
    let origin = |origin: &Origin, gathered: &mut Gathered| {
        if let Some((index, _)) = state.delivery.written(origin) {
            add(index, gathered);
        }
    };
    let thread: Option<ThreadId> = match change {
        Change::ClientWrote(written)
        | Change::ManagerWrote(written)
        | Change::ManagerWroteFirst { written, .. }
        | Change::ManagerWroteToClient { written, .. }
        | Change::AppWrote(written)
        | Change::AssistantAsked(written)
        | Change::AssistantWrote(written) => {
            origin(&written.origin, gathered);
            Some(written.thread)
        }
        Change::AnswerUnwanted { thread, origin: wrote } | Change::DeliveryRose { thread, origin: wrote, .. } => {
            origin(wrote, gathered);
            Some(*thread)
        }
        Change::MessageAltered { there, .. }
        | Change::MessageWithdrawn { there, .. }
        | Change::ReactionSet { there, .. }
        | Change::AlterationRefused { there, .. } => {
            if let Some(index) = find(state, &there.connection, &there.message) {
                add(index, gathered);
            }
            Some(there.thread)
        }
        Change::AlterationKept { connection, message } | Change::EchoHeard { connection, message } => {
            if let Some(index) = by_origin(state, connection, message) {
                add(index, gathered);
            }
            None
        }
        Change::HeldReleased { held, .. } => Some(held.thread),
        Change::MessageRefused { refused, .. } => Some(refused.thread),
        Change::MissedFound { missed } => Some(missed.thread),
        Change::ThreadOpened { thread }
        | Change::AnswerWithheld { thread, .. }
        | Change::AssistantFellSilent { thread, .. }
        | Change::AssistantSpeaksAgain { thread, .. }
        | Change::AssistantToldNews { thread, .. }
        | Change::ChannelWanted { thread, .. }
        | Change::ClientWanted { thread, .. }
        | Change::ClaimWanted { thread, .. }
        | Change::ConversationUnknown { thread, .. }
        | Change::Bound { thread, .. }
        | Change::NoteHeard { thread, .. }
        | Change::TypingBegan { thread, .. }
        | Change::EchoSuspected { thread, .. } => Some(*thread),
        Change::Anomaly(_) => None,
    };
    gathered.threads.extend(thread);
}
