//! What of a log belongs to what is explained.
//!
//! Takes steps and the state that each led to; keeps those that brought the message, decided about it, carried it, or
//! told of it. A name that is learnt late (a platform's answer says what it calls a message) may stand in an event before
//! it, and a cause may turn out to have causes of its own: then the log is gone through again, knowing more.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use chatledger_projections::change::Change;
use chatledger_projections::configuration::Configuration;
use chatledger_projections::delivery::Origin;
use chatledger_projections::event::{AttemptSettled, Happening, Instruction, IntentRaised};
use chatledger_projections::fact::{DeliveryState, Fact, Remark};
use chatledger_projections::ids::{ConnectionName, EventId, IntentId, ThreadId};
use chatledger_projections::intent::Intent;
use chatledger_projections::projection::Projection as _;
use chatledger_projections::recorded::{Position, Recorded};
use chatledger_projections::state::State;
use chatledger_projections::time::Timestamp;

use super::Subject;
use super::called::{Called, key_of, key_of_intent, names, written_in};
use crate::dispatch::attempt::Departure;
use crate::dispatch::departure;
use crate::pipeline::Step;

/// How many messages are remembered of which the dialogue is not known yet. When there are more, the oldest is told where
/// its dialogue became known.
const UNPLACED_AT_MOST: usize = 1024;

/// A step that belongs to it.
pub(super) struct Kept {
    pub(super) happening: Recorded<Happening>,
    pub(super) remarks: Vec<Remark>,
    pub(super) changes: Vec<Change>,
    /// What the present rules conclude from it.
    pub(super) concluded: Vec<Arc<IntentRaised>>,
    /// The configuration in force, by its place.
    pub(super) configuration: Option<Position>,
    /// For the start of an attempt: the attempt as the dispatcher would have it made.
    pub(super) departure: Option<Departure>,
    /// Whether what is explained came with it.
    pub(super) brings: bool,
}

/// A message of a dialogue, as it was met.
pub(super) struct Met {
    pub(super) position: Position,
    pub(super) recorded_at: Timestamp,
    pub(super) origin: Origin,
}

/// Gathers what belongs to one subject.
pub(super) struct Gathering {
    subject: Subject,
    thread: Option<ThreadId>,
    names: BTreeSet<Called>,
    intents: BTreeSet<IntentId>,
    events: BTreeSet<EventId>,
    kept: Vec<Kept>,
    present: BTreeSet<EventId>,
    messages: Vec<Met>,
    unplaced: VecDeque<Met>,
    carried: usize,
    in_force: Option<(Position, Arc<Configuration>)>,
    configurations: BTreeMap<Position, Arc<Configuration>>,
    lacks: bool,
}

impl Gathering {
    /// Nothing yet. A state in which the subject is known already tells its names.
    pub(super) fn of(subject: Subject, known: Option<&State>) -> Self {
        let mut gathering = Self {
            thread: None,
            names: BTreeSet::new(),
            intents: BTreeSet::new(),
            events: BTreeSet::new(),
            kept: Vec::new(),
            present: BTreeSet::new(),
            messages: Vec::new(),
            unplaced: VecDeque::new(),
            carried: 0,
            in_force: None,
            configurations: BTreeMap::new(),
            lacks: false,
            subject,
        };
        match &gathering.subject {
            Subject::Message(origin) => {
                gathering.names.insert(Called::origin(origin));
                if let Some((_, carried)) = known.and_then(|state| state.delivery.written(origin)) {
                    let places = carried.target.iter().chain(&carried.pieces).chain(&carried.copies);
                    gathering.names.extend(places.map(Called::origin));
                }
            }
            Subject::Thread(thread) => gathering.thread = Some(*thread),
            Subject::Intent(intent) => {
                gathering.intents.insert(*intent);
            }
            Subject::Event(event) => {
                gathering.events.insert(*event);
            }
        }
        gathering
    }

    /// The same, with the log still to be gone through.
    pub(super) fn lacking(self) -> Self {
        Self { lacks: true, ..self }
    }

    /// The same for another way through the log, knowing all that is known now; `None` if nothing lies further back.
    pub(super) fn again(&self) -> Option<Self> {
        self.lacks.then(|| Self {
            names: self.names.clone(),
            intents: self.intents.clone(),
            events: self.events.clone(),
            ..Self::of(self.subject.clone(), None)
        })
    }

    pub(super) const fn subject(&self) -> &Subject {
        &self.subject
    }

    pub(super) fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// Whether an intent belongs here.
    pub(super) fn wants(&self, intent: IntentId) -> bool {
        self.intents.contains(&intent)
    }

    /// All that was kept, and the messages of a dialogue.
    pub(super) fn into_parts(self) -> (Subject, Vec<Kept>, Vec<Met>, BTreeMap<Position, Arc<Configuration>>) {
        (self.subject, self.kept, self.messages, self.configurations)
    }

    /// A configuration that something kept depends on.
    pub(super) fn configuration(&self, at: Option<Position>) -> Option<&Configuration> {
        at.and_then(|at| self.configurations.get(&at)).map(|configuration| &**configuration)
    }

    /// The webhooks among what was kept.
    pub(super) fn webhooks(&self) -> impl Iterator<Item = EventId> {
        let observed = |kept: &&Kept| matches!(kept.happening.event, Happening::Observed { .. });
        self.kept.iter().filter(observed).map(|kept| kept.happening.id)
    }

    /// The configuration that is in force before the first step is seen.
    pub(super) fn remember(&mut self, in_force: Option<(Position, Arc<Configuration>)>) {
        self.in_force = in_force;
    }

    /// Sees a step, and keeps it if it belongs here.
    pub(super) fn see(&mut self, step: &Step, state: &State) {
        let happening = &step.happening;
        if let Happening::Configured(configuration) = &happening.event {
            self.in_force = Some((happening.position, Arc::new(configuration.clone())));
        }
        if let Subject::Thread(thread) = self.subject {
            self.meet(thread, happening, state);
            return;
        }
        let brings = self.brings(&happening.event);
        let rises = step.changes.iter().any(|change| self.is_rise(change));
        let follow: Vec<IntentId> = {
            let follows = |raised: &&Arc<IntentRaised>| self.follows(raised, brings || rises, happening);
            step.intents.iter().filter(follows).map(|raised| raised.intent_id).collect()
        };
        if !(brings || rises || !follow.is_empty() || self.concerns(happening)) {
            return;
        }
        self.intents.extend(follow);
        self.learn(step);
        let departure = self.trace(happening, state);
        let configuration = self.in_force.as_ref().map(|(position, _)| *position);
        if let Some((position, configuration)) = &self.in_force {
            self.configurations.entry(*position).or_insert_with(|| Arc::clone(configuration));
        }
        self.present.insert(happening.id);
        self.kept.push(Kept {
            happening: happening.clone(),
            remarks: step.remarks.clone(),
            changes: step.changes.clone(),
            concluded: step.intents.clone(),
            configuration,
            departure,
            brings,
        });
    }

    /// A dialogue's messages, where each was met first.
    fn meet(&mut self, thread: ThreadId, happening: &Recorded<Happening>, state: &State) {
        let met = |origin: Origin| Met { position: happening.position, recorded_at: happening.recorded_at, origin };
        if let Happening::Observed { connection, facts } = &happening.event {
            let written = facts.iter().filter_map(written_in).filter_map(|key| key.theirs.clone());
            for message in written {
                let origin = Origin { connection: connection.clone(), message };
                // Of which dialogue it is may turn out later.
                if state.delivery.known(&origin).is_none() {
                    self.unplaced.push_back(met(origin));
                }
            }
            while self.unplaced.len() > UNPLACED_AT_MOST {
                self.unplaced.pop_front();
            }
        }
        let new = state.delivery.len() - self.carried;
        self.carried = state.delivery.len();
        let carried: Vec<Origin> =
            state.delivery.iter().rev().take(new).map(|carried| carried.origin.clone()).collect();
        for origin in carried.into_iter().rev() {
            let before = self.unplaced.iter().position(|unplaced| unplaced.origin == origin);
            let before = before.and_then(|index| self.unplaced.remove(index));
            if state.delivery.written(&origin).is_some_and(|(_, carried)| carried.thread == thread) {
                self.messages.push(before.unwrap_or_else(|| met(origin)));
            }
        }
    }

    /// Whether the message came with it.
    fn brings(&self, happening: &Happening) -> bool {
        let (Subject::Message(origin), Happening::Observed { connection, facts }) = (&self.subject, happening) else {
            return false;
        };
        *connection == origin.connection
            && facts.iter().filter_map(written_in).any(|key| key.theirs.as_ref() == Some(&origin.message))
    }

    fn is_rise(&self, change: &Change) -> bool {
        matches!((&self.subject, change), (Subject::Message(ours), Change::DeliveryRose { origin, .. }) if origin == ours)
    }

    /// Whether what was read names the message.
    fn mentions(&self, connection: &ConnectionName, facts: &[Fact]) -> bool {
        let keys = facts.iter().filter_map(key_of);
        keys.flat_map(|key| names(connection, &key)).any(|name| self.names.contains(&name))
    }

    /// Whether an event belongs here by itself.
    fn concerns(&self, happening: &Recorded<Happening>) -> bool {
        if self.events.contains(&happening.id) {
            return true;
        }
        match &happening.event {
            Happening::Observed { connection, facts } => self.mentions(connection, facts),
            Happening::Raised(raised) => self.intents.contains(&raised.intent_id) || self.is_about(raised),
            Happening::Started(started) => self.intents.contains(&started.intent_id),
            Happening::Settled { settled, .. } => self.intents.contains(&settled.intent_id),
            Happening::Instructed(instructed) => match &instructed.instruction {
                Instruction::RetryHeld { intent, .. } | Instruction::SkipHeld { intent, .. } => {
                    self.intents.contains(intent)
                }
                Instruction::RaiseMissed { missed, .. } => self.is_about(missed),
                Instruction::SwitchAssistantOn { .. } | Instruction::SwitchAssistantOff { .. } => false,
            },
            Happening::Configured(_) | Happening::Advanced(_) | Happening::Polled(_) | Happening::Arranged(_) => false,
        }
    }

    /// Whether an intent carries the message, or does something to it.
    fn is_about(&self, raised: &IntentRaised) -> bool {
        let Subject::Message(origin) = &self.subject else { return false };
        raised.carries.as_ref() == Some(origin)
            || key_of_intent(&raised.intent)
                .is_some_and(|key| names(&raised.connection, &key).iter().any(|name| self.names.contains(name)))
    }

    /// Whether an intent that follows from a step belongs here: one about the message does, and of those about nothing
    /// in particular (a question, a note) the ones that its coming or its rise led to.
    fn follows(&self, raised: &IntentRaised, is_ours: bool, from: &Recorded<Happening>) -> bool {
        match &self.subject {
            Subject::Message(_) => {
                let is_for_nobody = raised.carries.is_none() && key_of_intent(&raised.intent).is_none();
                self.is_about(raised) || is_ours && is_for_nobody || self.intents.contains(&raised.intent_id)
            }
            // What an event led to, and what came of that.
            Subject::Event(event) => {
                let is_end = |settled: &AttemptSettled| self.intents.contains(&settled.intent_id);
                *event == from.id
                    || matches!(&from.event, Happening::Settled { settled, .. } if is_end(settled))
                    || self.intents.contains(&raised.intent_id)
            }
            Subject::Intent(_) => self.intents.contains(&raised.intent_id),
            Subject::Thread(_) => false,
        }
    }

    /// Learns the message's further names.
    fn learn(&mut self, step: &Step) {
        let Subject::Message(origin) = &self.subject else { return };
        let known = self.names.len();
        match &step.happening.event {
            Happening::Observed { connection, facts } => {
                for key in facts.iter().filter_map(key_of) {
                    let all = names(connection, &key);
                    if all.iter().any(|name| self.names.contains(name)) {
                        self.names.extend(all);
                    }
                }
            }
            Happening::Raised(raised) => {
                if let (Intent::SendMessage(send), Some(_)) = (&raised.intent, &raised.carries) {
                    self.names.insert(Called::Ours(raised.connection.clone(), send.ours.clone()));
                }
            }
            Happening::Settled { settled, facts } => {
                // What an attempt at another message's question brings is not this one's name.
                let carries = self.kept.iter().any(|kept| match &kept.happening.event {
                    Happening::Raised(raised) => {
                        raised.intent_id == settled.intent_id && raised.carries.as_ref() == Some(origin)
                    }
                    Happening::Observed { .. }
                    | Happening::Started(_)
                    | Happening::Settled { .. }
                    | Happening::Configured(_)
                    | Happening::Instructed(_)
                    | Happening::Advanced(_)
                    | Happening::Polled(_)
                    | Happening::Arranged(_) => false,
                });
                if carries {
                    let keys = facts.iter().filter_map(key_of);
                    self.names.extend(keys.flat_map(|key| names(&settled.connection, &key)));
                }
            }
            Happening::Started(_)
            | Happening::Configured(_)
            | Happening::Instructed(_)
            | Happening::Advanced(_)
            | Happening::Polled(_)
            | Happening::Arranged(_) => {}
        }
        // A platform had spoken of it before it said what it calls it.
        let was_spoken_of = step.changes.iter().any(|change| match change {
            Change::DeliveryRose { state, .. } => *state != DeliveryState::Sent,
            change => matches!(change, Change::EchoHeard { .. }),
        });
        self.lacks |= self.names.len() > known && was_spoken_of;
    }

    /// Follows what is kept back to its beginnings.
    fn trace(&mut self, happening: &Recorded<Happening>, state: &State) -> Option<Departure> {
        let (intent, departure) = match &happening.event {
            Happening::Raised(raised) => {
                self.intents.insert(raised.intent_id);
                if !self.present.contains(&raised.cause) {
                    // Only once: a cause that the log does not have is not found by looking again.
                    self.lacks |= self.events.insert(raised.cause);
                }
                return None;
            }
            Happening::Started(started) => {
                let open = state.attempts.get(started.intent_id);
                let made = open.map(|open| Departure {
                    attempt: started.attempt,
                    ..departure(started.intent_id, open, "", happening.recorded_at, state)
                });
                (started.intent_id, made)
            }
            Happening::Settled { settled, .. } => (settled.intent_id, None),
            Happening::Observed { .. }
            | Happening::Configured(_)
            | Happening::Instructed(_)
            | Happening::Advanced(_)
            | Happening::Polled(_)
            | Happening::Arranged(_) => return None,
        };
        self.lacks |= self.intents.insert(intent);
        departure
    }
}
