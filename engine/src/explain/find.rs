//! What is meant by what was typed.
//!
//! Takes steps and the state that they led to; gives everything in the log that is called so. A whole id is meant
//! before the beginning of another.

use std::collections::BTreeSet;
use std::sync::Arc;

use chatledger_projections::configuration::Configuration;
use chatledger_projections::delivery::{Known, Origin};
use chatledger_projections::event::Happening;
use chatledger_projections::ids::{ConnectionName, JobId, MessageId};
use chatledger_projections::recorded::Position;
use chatledger_projections::state::State;

use super::Subject;
use super::asked::Asked;
use super::called::written_in;
use crate::pipeline::Step;

/// How many are found by the beginning of an id; whoever sees so many types more of it.
const BEGINNINGS_AT_MOST: usize = 20;

/// Looks for what is asked for while a log is folded.
pub(super) struct Finder<'a> {
    asked: &'a Asked,
    whole: BTreeSet<Subject>,
    begun: BTreeSet<Subject>,
    connections: BTreeSet<ConnectionName>,
    in_force: Option<(Position, Arc<Configuration>)>,
}

impl<'a> Finder<'a> {
    pub(super) const fn new(asked: &'a Asked) -> Self {
        Self { asked, whole: BTreeSet::new(), begun: BTreeSet::new(), connections: BTreeSet::new(), in_force: None }
    }

    /// The configuration that is in force, and where it stands.
    pub(super) fn in_force(&self) -> Option<(Position, Arc<Configuration>)> {
        self.in_force.clone()
    }

    /// Sees a step; gives the message if it is the first that is called so.
    pub(super) fn see(&mut self, step: &Step) -> Option<Origin> {
        let happening = &step.happening;
        if self.asked.is_id(happening.id.as_uuid()) || self.asked.position() == Some(happening.position) {
            self.whole.insert(of_event(step));
        }
        match &happening.event {
            Happening::Observed { connection, facts } => {
                let named = facts.iter().filter_map(written_in).filter_map(|key| key.theirs.as_ref());
                let mut named = named.filter(|id| self.asked.is_message(connection.as_str(), id.as_str()));
                let origin = Origin { connection: connection.clone(), message: named.next()?.clone() };
                // It may be a message of ours that has come back; the state at the end tells.
                self.whole.insert(Subject::Message(origin.clone())).then_some(origin)
            }
            Happening::Raised(raised) => {
                let subject = raised.carries.clone().map_or(Subject::Intent(raised.intent_id), Subject::Message);
                if let Some(origin) = &raised.carries
                    && self.asked.is_message(origin.connection.as_str(), origin.message.as_str())
                {
                    // Also where the log does not have the message itself any more.
                    self.whole.insert(subject.clone());
                }
                if self.asked.is_id(raised.intent_id.as_uuid()) {
                    self.whole.insert(subject);
                } else if self.asked.begins(raised.intent_id.as_uuid()) && self.begun.len() < BEGINNINGS_AT_MOST {
                    self.begun.insert(subject);
                }
                None
            }
            Happening::Configured(configuration) => {
                self.connections.extend(configuration.connections.keys().cloned());
                self.in_force = Some((happening.position, Arc::new(configuration.clone())));
                None
            }
            Happening::Started(_)
            | Happening::Settled { .. }
            | Happening::Instructed(_)
            | Happening::Advanced(_)
            | Happening::Polled(_)
            | Happening::Arranged(_) => None,
        }
    }

    /// Everything that is called so, at the end of the log.
    pub(super) fn found(mut self, state: &State) -> BTreeSet<Subject> {
        for connection in &self.connections {
            for id in self.asked.message_ids(connection.as_str()) {
                let named = Origin { connection: connection.clone(), message: MessageId::new(id) };
                let by_job = state.delivery.by_job(connection, &JobId::new(id));
                if let Some(index) = by_job {
                    self.whole.insert(Subject::Message(state.delivery.get(index).origin.clone()));
                }
                if state.delivery.known(&named).is_some() {
                    self.whole.insert(Subject::Message(named));
                }
            }
        }
        for carried in state.delivery.iter() {
            // Our name of it at the other side.
            if carried.origin.connection.as_str().len() < self.asked.text().len()
                && self.asked.text().ends_with(carried.origin.message.as_str())
                && carried.origin.name_across().as_str() == self.asked.text()
            {
                self.whole.insert(Subject::Message(carried.origin.clone()));
            }
        }
        for (id, _) in state.threads.iter() {
            if self.asked.is_id(id.as_uuid()) {
                self.whole.insert(Subject::Thread(id));
            } else if self.asked.begins(id.as_uuid()) && self.begun.len() < BEGINNINGS_AT_MOST {
                self.begun.insert(Subject::Thread(id));
            }
        }
        let found = if self.whole.is_empty() { self.begun } else { self.whole };
        found.into_iter().map(|subject| original(subject, state)).collect()
    }
}

/// A message of ours that was shown somewhere is the one that was written.
fn original(subject: Subject, state: &State) -> Subject {
    match subject {
        Subject::Message(origin) => match state.delivery.known(&origin) {
            Some(Known::Ours(index) | Known::Written(index)) => {
                Subject::Message(state.delivery.get(index).origin.clone())
            }
            Some(Known::OurOwn | Known::Withheld) | None => Subject::Message(origin),
        },
        Subject::Thread(_) | Subject::Intent(_) | Subject::Event(_) => subject,
    }
}

/// What an event of the log belongs to: an intent's life is told as a whole, and so is the message that a webhook brought.
fn of_event(step: &Step) -> Subject {
    match &step.happening.event {
        Happening::Raised(raised) => Subject::Intent(raised.intent_id),
        Happening::Started(started) => Subject::Intent(started.intent_id),
        Happening::Settled { settled, .. } => Subject::Intent(settled.intent_id),
        Happening::Observed { connection, facts } => {
            let mut brought = facts.iter().filter_map(written_in).filter_map(|key| key.theirs.as_ref());
            match (brought.next(), brought.next()) {
                (Some(message), None) => {
                    Subject::Message(Origin { connection: connection.clone(), message: message.clone() })
                }
                (None | Some(_), _) => Subject::Event(step.happening.id),
            }
        }
        Happening::Configured(_)
        | Happening::Instructed(_)
        | Happening::Advanced(_)
        | Happening::Polled(_)
        | Happening::Arranged(_) => Subject::Event(step.happening.id),
    }
}
