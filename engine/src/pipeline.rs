//! The path of an event: decode, evolve, decide. A composition, not a coordinator.
//!
//! Takes recorded events in the order of the log; gives, for each, what it means, what it changed and what follows.
//! Pure: it has no clock, no log and no hands. Live and replay run the same pipeline; only live has a dispatcher.
//!
//! What follows is remembered until the log shows that it was raised. At the end of a replay whatever is left was
//! decided by nobody yet; and where the log shows something else than was computed, the rules have changed since:
//! that is *drift*, counted and shown, never acted upon.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chatledger_connectors as connectors;
use chatledger_connectors::connector::{Decoded, Webhook};
use chatledger_projections::change::Change;
use chatledger_projections::event::{Event, Happening, IntentRaised, PolicyAdvanced};
use chatledger_projections::fact::{Fact, Remark, RemarkKind};
use chatledger_projections::ids::{ConnectionName, EventId};
use chatledger_projections::policy;
use chatledger_projections::recorded::{Recorded, StreamName};
use chatledger_projections::state::State;

use crate::log::codec::{Unsealed, UnsealedEvent, WEBHOOK_RECEIVED};

/// Folds a log, and decides.
#[derive(Clone, Debug, Default)]
pub struct Pipeline {
    state: State,
    undecided: VecDeque<Decided>,
    recent: VecDeque<(EventId, u64)>,
    taken: Taken,
}

/// What follows from one event and is not on record yet.
#[derive(Clone, Debug)]
struct Decided {
    cause: EventId,
    sequence: u64,
    intents: Vec<Arc<IntentRaised>>,
}

/// The header that says what a webhook's body is written in.
const CONTENT_TYPE: &str = "content-type";

/// How many events back a `PolicyAdvanced` may point; it is written long before that many have passed.
const RECENT_AT_MOST: usize = 16 * 1024;

/// How much a pipeline has taken in, by kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Taken {
    /// How many events.
    pub events: u64,
    /// How many of each type.
    pub by_type: BTreeMap<&'static str, u64>,
    /// How many facts were read.
    pub facts: u64,
    /// How many remarks were made, by kind.
    pub remarks: BTreeMap<RemarkKind, u64>,
    /// Intents that the present rules would not raise, or would raise otherwise.
    pub drift: u64,
}

/// What one event led to.
#[derive(Debug)]
pub struct Step {
    /// The event with the facts that were read from it.
    pub happening: Recorded<Happening>,
    /// What its decoder found odd.
    pub remarks: Vec<Remark>,
    /// What it changed.
    pub changes: Vec<Change>,
    /// What follows from it; shared with what the pipeline remembers until it is on record.
    pub intents: Vec<Arc<IntentRaised>>,
}

impl Pipeline {
    /// What is so.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// How much was taken in.
    pub const fn taken(&self) -> &Taken {
        &self.taken
    }

    /// Takes the next event of the log.
    pub fn take(&mut self, recorded: Recorded<Event>) -> Step {
        self.take_in(read(recorded))
    }

    /// Takes the next event of the log, read already.
    pub fn take_in(&mut self, reading: Reading) -> Step {
        let Reading { label, happening, remarks } = reading;
        self.taken.events += 1;
        *self.taken.by_type.entry(label).or_default() += 1;
        self.count(&happening.event, &remarks);
        let changes = self.state.evolve(&happening);
        let intents = policy::decide(&self.state, happening.id, happening.recorded_at, &changes);
        let intents: Vec<_> = intents.into_iter().map(Arc::new).collect();
        self.remember(&happening, &intents);
        Step { happening, remarks, changes, intents }
    }

    /// Everything that follows from the past and is not on record: after a crash, what was about to be raised.
    pub fn outstanding(&self) -> Vec<IntentRaised> {
        self.undecided.iter().flat_map(|decided| &decided.intents).map(|intent| IntentRaised::clone(intent)).collect()
    }

    /// How many intents follow from the past and are not on record.
    pub fn outstanding_count(&self) -> usize {
        self.undecided.iter().map(|decided| decided.intents.len()).sum()
    }

    /// The last event of the log, if deciding has come that far and nothing is outstanding.
    pub fn settled_through(&self) -> Option<EventId> {
        if self.undecided.is_empty() { self.recent.back().map(|(event, _)| *event) } else { None }
    }

    fn count(&mut self, happening: &Happening, remarks: &[Remark]) {
        self.taken.facts += happening.facts().len() as u64;
        for remark in remarks {
            *self.taken.remarks.entry(remark.remark).or_default() += 1;
        }
    }

    fn remember(&mut self, happening: &Recorded<Happening>, intents: &[Arc<IntentRaised>]) {
        let sequence = self.taken.events;
        match &happening.event {
            Happening::Raised(raised) => self.see_raised(raised),
            Happening::Advanced(PolicyAdvanced { through }) => {
                let through =
                    self.recent.iter().rev().find(|(event, _)| event == through).map(|(_, sequence)| *sequence);
                if let Some(through) = through {
                    self.pass(through + 1);
                }
            }
            Happening::Observed { .. } | Happening::Settled { .. } | Happening::Instructed(_) => {
                if self.recent.len() == RECENT_AT_MOST {
                    self.recent.pop_front();
                }
                self.recent.push_back((happening.id, sequence));
            }
            Happening::Started(_) | Happening::Configured(_) | Happening::Polled(_) | Happening::Arranged(_) => {}
        }
        if !intents.is_empty() {
            self.undecided.push_back(Decided { cause: happening.id, sequence, intents: intents.to_vec() });
        }
    }

    /// The log shows an intent: everything before its cause was decided when it was raised.
    fn see_raised(&mut self, raised: &IntentRaised) {
        let Some(position) = self.undecided.iter().position(|decided| decided.cause == raised.cause) else {
            self.taken.drift += 1;
            return;
        };
        let sequence = self.undecided[position].sequence;
        self.pass(sequence);
        let Some(decided) = self.undecided.front_mut() else { return };
        match decided.intents.iter().position(|computed| computed.intent_id == raised.intent_id) {
            Some(index) => {
                let computed = decided.intents.remove(index);
                if *computed != *raised {
                    self.taken.drift += 1;
                }
            }
            None => self.taken.drift += 1,
        }
        if decided.intents.is_empty() {
            self.undecided.pop_front();
        }
    }

    /// Everything before this place was decided; what the present rules conclude beyond that is drift.
    fn pass(&mut self, sequence: u64) {
        while self.undecided.front().is_some_and(|decided| decided.sequence < sequence) {
            let passed = self.undecided.pop_front().expect("there is a front");
            self.taken.drift += passed.intents.len() as u64;
        }
    }
}

/// An event that was read: what it means, before anybody has taken it in.
#[derive(Debug)]
pub struct Reading {
    label: &'static str,
    happening: Recorded<Happening>,
    remarks: Vec<Remark>,
}

impl Reading {
    /// The event's type, the event with the facts that were read from it, and what was odd: for whoever only folds.
    pub fn into_parts(self) -> (&'static str, Recorded<Happening>, Vec<Remark>) {
        (self.label, self.happening, self.remarks)
    }
}

/// Reads what an event means. Only here do foreign bytes become facts. It depends on nothing but the event, so a whole
/// log can be read on one thread and taken in on another.
pub fn read(recorded: Recorded<Event>) -> Reading {
    let label = recorded.event.label();
    let Recorded { id, stream, revision, position, recorded_at, event } = recorded;
    let (happening, remarks) = match event {
        Event::WebhookReceived(webhook) => {
            let decoded = decode(&webhook.platform, &webhook.headers, &webhook.body);
            (Happening::Observed { connection: webhook.connection, facts: decoded.facts }, decoded.remarks)
        }
        Event::AttemptSettled(settled) => {
            let read = settled.reply.as_ref().map(|reply| {
                connectors::named(&settled.platform)
                    .map_or_else(|| unknown(&settled.platform), |connector| connector.learn(&settled.call, reply))
            });
            let mut decoded = read.unwrap_or_default();
            for finding in &settled.findings {
                if !decoded.facts.contains(finding) {
                    decoded.facts.push(finding.clone());
                }
            }
            (Happening::Settled { settled, facts: decoded.facts }, decoded.remarks)
        }
        Event::IntentRaised(raised) => (Happening::Raised(raised), Vec::new()),
        Event::AttemptStarted(started) => (Happening::Started(started), Vec::new()),
        Event::ConfigurationApplied(configuration) => (Happening::Configured(configuration), Vec::new()),
        Event::OperatorInstructed(instructed) => (Happening::Instructed(instructed), Vec::new()),
        Event::PolicyAdvanced(advanced) => (Happening::Advanced(advanced), Vec::new()),
        Event::PollAdvanced(advanced) => (Happening::Polled(advanced), Vec::new()),
        Event::Arranged(arrangement) => (Happening::Arranged(arrangement), Vec::new()),
    };
    Reading { label, happening: Recorded { id, stream, revision, position, recorded_at, event: happening }, remarks }
}

/// The same for an event that still lies in a store's page: a webhook's body need not be copied to be read.
pub fn read_in_place(unsealed: Unsealed<'_>) -> Reading {
    let Unsealed { id, stream, revision, position, recorded_at, cause: _, correlation: _, event } = unsealed;
    let stream = StreamName::named(stream);
    match event {
        UnsealedEvent::Ours(event) => read(Recorded { id, stream, revision, position, recorded_at, event: *event }),
        UnsealedEvent::Webhook(webhook) => {
            let content_type = webhook.headers.iter().find(|(name, _)| name == CONTENT_TYPE).map(|(_, value)| &**value);
            let decoded = decode_body(&webhook.platform, content_type, webhook.body);
            let connection = ConnectionName::new(&*webhook.connection);
            let event = Happening::Observed { connection, facts: decoded.facts };
            let happening = Recorded { id, stream, revision, position, recorded_at, event };
            Reading { label: WEBHOOK_RECEIVED, happening, remarks: decoded.remarks }
        }
    }
}

/// Reads a webhook's bytes.
pub fn decode(platform: &str, headers: &[(String, String)], body: &[u8]) -> Decoded {
    let content_type = headers.iter().find(|(name, _)| name == CONTENT_TYPE).map(|(_, value)| value.as_str());
    decode_body(platform, content_type, body)
}

fn decode_body(platform: &str, content_type: Option<&str>, body: &[u8]) -> Decoded {
    connectors::named(platform)
        .map_or_else(|| unknown(platform), |connector| connector.decode(&Webhook { content_type, body }))
}

fn unknown(platform: &str) -> Decoded {
    let mut decoded = Decoded { facts: Vec::<Fact>::new(), remarks: Vec::new() };
    decoded.remark(RemarkKind::UnknownKind, "platform", platform);
    decoded
}
