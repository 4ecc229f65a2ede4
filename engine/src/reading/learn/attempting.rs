//! What we do: intents, attempts at them, how they end, and which are held.

use chatledger_projections::attempts::Purpose;
use chatledger_projections::content::Content;
use chatledger_projections::event::{AttemptSettled, AttemptStarted, Happening, Instruction, IntentRaised};
use chatledger_projections::fact::Fact;
use chatledger_projections::held::HeldIntent;
use chatledger_projections::ids::IntentId;
use chatledger_projections::intent::Intent;
use chatledger_projections::outcome::{AttemptKind, Outcome};

use super::document::{HeldDocument, written};
use super::memory::{HeldMemo, IntentMemo, Memory};
use super::touched::find;
use super::{Gathered, Step};
use crate::dispatch::attempt::file_at;
use crate::dispatch::circuit::Sign;
use crate::explain::called::key_of_intent;
use crate::reading::answer::Happened;
use crate::reading::row::{EntryKind, HeldKept, IntentKept, Named, Number, Row};

/// How much of a text lists show, in signs.
const SNIPPET: usize = 160;

impl Memory {
    /// Takes in what we mean to do and did.
    pub(super) fn see_attempts(&mut self, step: &Step<'_>, gathered: &mut Gathered) {
        match &step.happening.event {
            Happening::Raised(raised) => self.see_raised(step, raised, gathered),
            Happening::Started(started) => self.see_started(step, started, gathered),
            Happening::Settled { settled, facts } => self.see_settled(step, settled, facts, gathered),
            Happening::Instructed(instructed) => {
                let decided = match &instructed.instruction {
                    Instruction::RetryHeld { intent, .. } | Instruction::SkipHeld { intent, .. } => Some(*intent),
                    Instruction::RaiseMissed { .. }
                    | Instruction::SwitchAssistantOn { .. }
                    | Instruction::SwitchAssistantOff { .. } => None,
                };
                if let Some(intent) = decided.filter(|intent| step.state.held.get(*intent).is_none()) {
                    self.release(intent, gathered);
                }
            }
            Happening::Observed { .. }
            | Happening::Configured(_)
            | Happening::Advanced(_)
            | Happening::Polled(_)
            | Happening::Arranged(_) => {}
        }
    }

    fn see_raised(&mut self, step: &Step<'_>, raised: &IntentRaised, gathered: &mut Gathered) {
        let Some(open) = step.state.attempts.get(raised.intent_id) else { return };
        let intent = i64::try_from(open.sequence).unwrap_or(i64::MAX) + 1;
        let rows = &mut gathered.rows;
        let connection = self.connection(&raised.connection, rows).number;
        let is_counted = match &open.purpose {
            Purpose::Carry { .. }
            | Purpose::OpenConversation
            | Purpose::FindClient
            | Purpose::Claim { .. }
            | Purpose::LookUp { .. }
            | Purpose::React { .. }
            | Purpose::Edit { .. }
            | Purpose::Delete { .. } => true,
            // They come with every message and go by themselves.
            Purpose::Report { .. } | Purpose::ShowTyping => false,
        };
        let thread = self.thread(raised.thread, rows);
        thread.open += u32::from(is_counted);
        let thread = thread.number;
        let carried = raised.carries.as_ref().and_then(|origin| step.state.delivery.written(origin));
        let about = carried
            .map(|(index, _)| index)
            .or_else(|| key_of_intent(&raised.intent).and_then(|key| find(step.state, &raised.connection, &key)));
        let message = about.map(|index| Number::from(index.place()));
        rows.push(Row::Intent(IntentKept {
            intent,
            id: raised.intent_id.as_uuid().into_bytes(),
            thread,
            connection,
            what: raised.intent.label(),
            policy: raised.policy.clone(),
            cause: raised.cause.as_uuid().into_bytes(),
            message,
        }));
        if let (Intent::SendMessage(send), Some(message)) = (&raised.intent, message) {
            let name = send.ours.to_string();
            rows.push(Row::Name { name, what: Named::Message, connection, thread, message });
        }
        let memo = IntentMemo {
            number: intent,
            raised: step.seq,
            thread: raised.thread,
            connection: raised.connection.clone(),
            carries: raised.carries.clone(),
            is_counted,
            events: vec![step.seq],
        };
        self.intents.insert(raised.intent_id, memo);
        gathered.connections.insert(raised.connection.clone());
        if let Some(text) = words_of_our_own(raised) {
            let note = Happened::Note {
                connection: raised.connection.clone(),
                intent: raised.intent_id,
                policy: raised.policy.clone(),
                text,
            };
            gathered.entry(thread, step.at, EntryKind::Other, None, Some(written(&note)));
        }
    }

    fn see_started(&mut self, step: &Step<'_>, started: &AttemptStarted, gathered: &mut Gathered) {
        let Some(memo) = self.intents.get_mut(&started.intent_id) else { return };
        memo.events.push(step.seq);
        gathered.rows.push(Row::AttemptStarted {
            intent: memo.number,
            attempt: started.attempt,
            kind: kind_of(started.kind),
            call: started.call.clone(),
            engine: started.engine.map(|engine| engine.to_string()),
        });
    }

    fn see_settled(&mut self, step: &Step<'_>, settled: &AttemptSettled, facts: &[Fact], gathered: &mut Gathered) {
        gathered.connections.insert(settled.connection.clone());
        let connection = self.connection(&settled.connection, &mut gathered.rows);
        let number = connection.number;
        let (count, reason) = match &settled.outcome {
            Outcome::Accepted => (&mut connection.version.accepted, None),
            Outcome::Refused { failure } => (&mut connection.version.refused, Some(failure.reason.clone())),
            Outcome::Postponed { reason, .. } | Outcome::Uncertain { reason, .. } => {
                (&mut connection.version.unsettled, Some(reason.clone()))
            }
        };
        *count += 1;
        connection.circuit.see(Sign::of(settled), step.happening.recorded_at);
        let Some(memo) = self.intents.get_mut(&settled.intent_id) else { return };
        memo.events.push(step.seq);
        gathered.rows.push(Row::AttemptSettled {
            intent: memo.number,
            attempt: settled.attempt,
            kind: kind_of(settled.kind),
            call: settled.call.clone(),
            outcome: settled.outcome.label(),
            reason,
            status: settled.reply.as_ref().map(|reply| reply.status),
        });
        let carried = memo.carries.as_ref().and_then(|origin| step.state.delivery.written(origin));
        let (thread_id, events) = (memo.thread, memo.events.clone());
        let thread = self.thread(thread_id, &mut gathered.rows).number;
        if let Some(kept) = carried.and_then(|_| file_kept(step, settled, facts)) {
            let about = carried.map(|(index, _)| index);
            gathered.entry(thread, step.at, EntryKind::Other, about, Some(written(&kept)));
        }
        if let Some((index, _)) = carried {
            for job in facts.iter().filter_map(job_of) {
                let message = Number::from(index.place());
                let what = Named::Message;
                gathered.rows.push(Row::Name { name: job, what, connection: number, thread, message });
            }
        }
        // What was asked for one dialogue may tell of another: what led to that belongs there, too.
        let others: Vec<_> = gathered.threads.iter().copied().filter(|other| *other != thread_id).collect();
        for other in others {
            let other = self.thread(other, &mut gathered.rows).number;
            gathered.rows.extend(events.iter().map(|seq| Row::Touched { thread: other, seq: *seq }));
        }
        if settled.ends_intent() {
            self.end(settled.intent_id, gathered);
        }
        if let Some(held) = step.state.held.get(settled.intent_id) {
            self.hold(step, settled.intent_id, held, gathered);
        }
    }

    fn end(&mut self, intent: IntentId, gathered: &mut Gathered) {
        let Some(memo) = self.intents.remove(&intent) else { return };
        gathered.rows.push(Row::IntentEnded { intent: memo.number, raised: memo.raised });
        if memo.is_counted
            && let Some(thread) = self.threads.get_mut(&memo.thread)
        {
            thread.open = thread.open.saturating_sub(1);
        }
    }

    fn hold(&mut self, step: &Step<'_>, intent: IntentId, held: &HeldIntent, gathered: &mut Gathered) {
        if self.held.contains_key(&intent) {
            return;
        }
        let raised = &held.raised;
        let number = i64::try_from(self.held_ever).unwrap_or(i64::MAX);
        self.held_ever += 1;
        let connection = self.connection(&raised.connection, &mut gathered.rows);
        connection.version.held += 1;
        let connection = connection.number;
        gathered.connections.insert(raised.connection.clone());
        let thread = self.thread(raised.thread, &mut gathered.rows);
        thread.held += 1;
        let thread = thread.number;
        let carried = raised.carries.as_ref().and_then(|origin| step.state.delivery.written(origin));
        let text = raised.intent.message().and_then(|message| snippet(&message.content));
        let document = HeldDocument {
            what: raised.intent.label().to_owned(),
            carries: raised.carries.clone(),
            text,
            held_at: held.held_at.as_millis(),
            attempts: held.attempts,
            failure: held.failure.clone(),
            in_doubt: held.in_doubt,
        };
        gathered.rows.push(Row::Held(HeldKept {
            intent: number,
            id: intent.as_uuid().into_bytes(),
            thread,
            connection,
            message: carried.map(|(index, _)| Number::from(index.place())),
            document: written(&document),
        }));
        let entry = Happened::Held {
            intent,
            connection: raised.connection.clone(),
            what: raised.intent.label().to_owned(),
            reason: held.failure.reason.clone(),
        };
        gathered.entry(thread, step.at, EntryKind::Other, None, Some(written(&entry)));
        let (since, connection) = (step.seq, raised.connection.clone());
        self.held.insert(intent, HeldMemo { number, since, thread: raised.thread, connection });
    }

    fn release(&mut self, intent: IntentId, gathered: &mut Gathered) {
        let Some(memo) = self.held.remove(&intent) else { return };
        gathered.rows.push(Row::Released { intent: memo.number, since: memo.since });
        gathered.threads.insert(memo.thread);
        gathered.connections.insert(memo.connection.clone());
        if let Some(thread) = self.threads.get_mut(&memo.thread) {
            thread.held = thread.held.saturating_sub(1);
        }
        if let Some(connection) = self.connections.get_mut(&memo.connection) {
            connection.version.held -= 1;
        }
    }
}

/// What an attempt does, in a word.
const fn kind_of(kind: AttemptKind) -> &'static str {
    match kind {
        AttemptKind::Act => "act",
        AttemptKind::Probe => "probe",
        AttemptKind::Prepare { .. } => "prepare",
    }
}

/// The beginning of what a message says.
pub(in crate::reading) fn snippet(content: &Content) -> Option<String> {
    let text = content.text.as_deref().map(str::trim).filter(|text| !text.is_empty())?;
    Some(text.chars().take(SNIPPET).collect())
}

/// What an intent says that carries nobody's words.
fn words_of_our_own(raised: &IntentRaised) -> Option<String> {
    match &raised.intent {
        Intent::SendMessage(send) if raised.carries.is_none() => send.content.text.clone(),
        Intent::ClaimConversation(claim) => Some(claim.text.clone()),
        Intent::SendMessage(_)
        | Intent::OpenConversation(_)
        | Intent::FindClient(_)
        | Intent::ReportDelivery(_)
        | Intent::LookUpConversation(_)
        | Intent::SetReaction(_)
        | Intent::EditMessage(_)
        | Intent::DeleteMessage(_)
        | Intent::ShowTyping(_) => None,
    }
}

/// The job that a platform named for a message.
fn job_of(fact: &Fact) -> Option<String> {
    match fact {
        Fact::SendAcknowledged(said) => said.message.job.as_ref().map(ToString::to_string),
        Fact::MessageReceived(_)
        | Fact::MessageSent(_)
        | Fact::MessageEdited(_)
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
        | Fact::ConnectionChanged(_)
        | Fact::AssistantReported(_)
        | Fact::FileFetched { .. }
        | Fact::FileMissing { .. }
        | Fact::FileTaken { .. }
        | Fact::AddressProbed => None,
    }
}

/// The file of a message that an attempt has fetched.
fn file_kept(step: &Step<'_>, settled: &AttemptSettled, facts: &[Fact]) -> Option<Happened> {
    let AttemptKind::Prepare { file } = settled.kind else { return None };
    let stored =
        facts.iter().find_map(|fact| if let Fact::FileFetched { stored } = fact { Some(stored) } else { None })?;
    let raised = &step.state.attempts.get(settled.intent_id)?.as_raised;
    let url = file_at(raised.intent.message()?, file)?.url.clone()?;
    Some(Happened::FileKept { message: raised.carries.clone()?, url, stored: stored.clone() })
}
