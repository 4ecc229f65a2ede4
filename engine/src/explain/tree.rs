//! What was gathered, as a tree: every intent under the event that it follows from, every attempt under its intent, every
//! word of a platform under the intent of which it speaks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chatledger_projections::change::Change;
use chatledger_projections::configuration::Configuration;
use chatledger_projections::event::{AttemptSettled, AttemptStarted, Happening, IntentRaised};
use chatledger_projections::fact::Fact;
use chatledger_projections::ids::{ConnectionName, EventId, IntentId};
use chatledger_projections::outcome::{AttemptKind, Outcome};
use chatledger_projections::recorded::{Position, Recorded};
use chatledger_projections::state::State;

use super::called::{Called, key_of, names};
use super::gather::{Gathering, Kept, Met};
use super::{Cause, Ended, Explanation, Meant, RawEvent, Said, Subject, Tried, What, derive, standing};
use crate::dispatch::departure;

/// Arranges what was gathered. `state` is what the log led to.
pub(super) fn tree(
    gathering: Gathering,
    raws: &BTreeMap<EventId, RawEvent>,
    state: &State,
    position: Option<Position>,
) -> Explanation {
    let (subject, kept, messages, configurations) = gathering.into_parts();
    let mut grower = Grower { raws, state, configurations, meant: BTreeMap::new(), heard: BTreeMap::new() };
    let spoken_of = speakers(&kept);
    let mut roots = Vec::new();
    for kept in kept {
        grower.sort(kept, &spoken_of, &mut roots);
    }
    let chain = grower.grow(roots);
    let messages = messages.into_iter().map(|met| said(met, state)).collect();
    Explanation { stands: stands(&subject, state), subject, position, messages, chain, doubts: Vec::new() }
}

fn said(met: Met, state: &State) -> Said {
    let Met { position, recorded_at, origin } = met;
    Said { stands: standing::of_message(&origin, state), position, recorded_at, origin }
}

fn stands(subject: &Subject, state: &State) -> standing::Stands {
    match subject {
        Subject::Message(origin) => standing::of_message(origin, state),
        Subject::Thread(thread) => standing::Stands { thread: Some(*thread), ..standing::Stands::default() },
        Subject::Intent(intent) => {
            let open = state.attempts.get(*intent).map(|open| standing::of_open(*intent, open, state));
            let held = Some(standing::of_held(*intent, state)).filter(|held| !held.is_empty());
            let thread = state.attempts.get(*intent).map(|open| open.thread);
            let thread = thread.or_else(|| state.held.get(*intent).map(|held| held.raised.thread));
            standing::Stands { thread, waits: open.into_iter().chain(held).collect(), ..standing::Stands::default() }
        }
        Subject::Event(_) => standing::Stands::default(),
    }
}

/// The intent of which each webhook speaks without having brought the message.
fn speakers(kept: &[Kept]) -> BTreeMap<EventId, IntentId> {
    let mut called: Vec<(IntentId, ConnectionName, BTreeSet<Called>)> = Vec::new();
    for kept in kept {
        match &kept.happening.event {
            Happening::Raised(raised) if raised.carries.is_some() => {
                called.push((raised.intent_id, raised.connection.clone(), BTreeSet::new()));
            }
            Happening::Settled { settled, facts } => {
                for (_, connection, known) in called.iter_mut().filter(|(intent, ..)| *intent == settled.intent_id) {
                    known.extend(facts.iter().filter_map(key_of).flat_map(|key| names(connection, &key)));
                }
            }
            Happening::Raised(_)
            | Happening::Observed { .. }
            | Happening::Started(_)
            | Happening::Configured(_)
            | Happening::Instructed(_)
            | Happening::Advanced(_)
            | Happening::Polled(_)
            | Happening::Arranged(_) => {}
        }
    }
    let mut spoken_of = BTreeMap::new();
    for kept in kept.iter().filter(|kept| !kept.brings) {
        let Happening::Observed { connection, facts } = &kept.happening.event else { continue };
        for name in facts.iter().filter_map(key_of).map(|key| names(connection, &key)) {
            let of = called.iter_mut().rev().find(|(_, _, known)| name.iter().any(|name| known.contains(name)));
            if let Some((intent, _, known)) = of {
                // A job and the message that it made belong together.
                known.extend(name);
                spoken_of.insert(kept.happening.id, *intent);
            }
        }
    }
    spoken_of
}

/// An intent on its way to its place.
struct Seedling {
    recorded: Recorded<IntentRaised>,
    configuration: Option<Position>,
    attempts: Vec<Attempt>,
}

struct Attempt {
    place: Recorded<AttemptStarted>,
    request: Option<derive::Derived>,
    settled: Option<(Recorded<AttemptSettled>, Vec<Fact>, Vec<Change>)>,
}

struct Grower<'a> {
    raws: &'a BTreeMap<EventId, RawEvent>,
    state: &'a State,
    configurations: BTreeMap<Position, Arc<Configuration>>,
    meant: BTreeMap<IntentId, Seedling>,
    heard: BTreeMap<IntentId, Vec<Kept>>,
}

impl Grower<'_> {
    /// Puts what was kept where it belongs, in the order of the log.
    fn sort(&mut self, kept: Kept, spoken_of: &BTreeMap<EventId, IntentId>, roots: &mut Vec<Kept>) {
        let Kept { happening, configuration, .. } = &kept;
        let configured = configuration.and_then(|at| self.configurations.get(&at));
        match &happening.event {
            Happening::Raised(raised) => {
                let recorded = happening.with(raised.clone());
                let seedling = Seedling { recorded, configuration: *configuration, attempts: Vec::new() };
                self.meant.insert(raised.intent_id, seedling);
            }
            Happening::Started(started) => {
                let Some(seedling) = self.meant.get_mut(&started.intent_id) else { return };
                let request = kept.departure.as_ref().zip(configured).and_then(|(departure, configured)| {
                    let raised = &seedling.recorded.event;
                    derive::request(configured, raised, departure, Some(started), happening.recorded_at)
                });
                seedling.attempts.push(Attempt { place: happening.with(started.clone()), request, settled: None });
            }
            Happening::Settled { settled, facts } => {
                let Some(seedling) = self.meant.get_mut(&settled.intent_id) else { return };
                if let Some(attempt) = seedling.attempts.last_mut().filter(|attempt| attempt.settled.is_none()) {
                    attempt.settled = Some((happening.with(settled.clone()), facts.clone(), kept.changes));
                }
            }
            Happening::Observed { .. } => match spoken_of.get(&happening.id) {
                Some(intent) => self.heard.entry(*intent).or_default().push(kept),
                None => roots.push(kept),
            },
            Happening::Configured(_)
            | Happening::Instructed(_)
            | Happening::Advanced(_)
            | Happening::Polled(_)
            | Happening::Arranged(_) => roots.push(kept),
        }
    }

    fn grow(mut self, roots: Vec<Kept>) -> Vec<Cause> {
        let mut chain: Vec<Cause> = roots.into_iter().map(|root| self.cause(root)).collect();
        // What hangs on nothing that stands in the log.
        while let Some((&intent, _)) = self.meant.iter().find(|(_, seedling)| !self.hangs_on(seedling)) {
            let Some(seedling) = self.meant.remove(&intent) else { break };
            let Recorded { position, recorded_at, .. } = seedling.recorded;
            let (event, configuration) = (seedling.recorded.event.cause, seedling.configuration);
            let intents = vec![self.meant(seedling)];
            let (what, facts, remarks, changes) = (What::Missing, Vec::new(), Vec::new(), Vec::new());
            chain.push(Cause { position, recorded_at, event, what, configuration, facts, remarks, changes, intents });
        }
        chain.sort_by_key(|cause| cause.position);
        chain
    }

    /// Whether an intent follows from an attempt that is told of another.
    fn hangs_on(&self, seedling: &Seedling) -> bool {
        let cause = seedling.recorded.event.cause;
        let ends = self.meant.values().flat_map(|other| &other.attempts).filter_map(|attempt| attempt.settled.as_ref());
        let heard = self.heard.values().flatten().map(|kept| kept.happening.id);
        let ended = ends.map(|(settled, ..)| (settled.id, settled.position));
        ended.chain(heard.map(|id| (id, seedling.recorded.position))).any(|(id, position)| {
            // Nothing follows from what comes after it.
            id == cause && position <= seedling.recorded.position
        })
    }

    fn cause(&mut self, kept: Kept) -> Cause {
        let Kept { happening, remarks, changes, configuration, .. } = kept;
        let Recorded { id, position, recorded_at, event, .. } = happening;
        let (what, facts) = match event {
            Happening::Observed { connection, facts } => {
                let raw = self.raws.get(&id).map(|read| read.raw.clone());
                (What::Webhook { connection, raw }, facts)
            }
            Happening::Instructed(instructed) => (What::Instruction(instructed), Vec::new()),
            Happening::Configured(_) => (What::Other("ConfigurationApplied"), Vec::new()),
            Happening::Advanced(_) => (What::Other("PolicyAdvanced"), Vec::new()),
            Happening::Polled(_) => (What::Other("PollAdvanced"), Vec::new()),
            Happening::Arranged(arrangement) => (What::Other(arrangement.label()), Vec::new()),
            Happening::Raised(_) => (What::Other("IntentRaised"), Vec::new()),
            Happening::Started(_) => (What::Other("AttemptStarted"), Vec::new()),
            Happening::Settled { facts, .. } => (What::Other("AttemptSettled"), facts),
        };
        let intents = self.following(id);
        let changes = labels(&changes);
        Cause { position, recorded_at, event: id, what, configuration, facts, remarks, changes, intents }
    }

    /// The intents that follow from an event, in the order in which they were raised.
    fn following(&mut self, event: EventId) -> Vec<Meant> {
        let from = |seedling: &Seedling| seedling.recorded.event.cause == event;
        let mut ids: Vec<(Position, IntentId)> = self
            .meant
            .iter()
            .filter(|(_, seedling)| from(seedling))
            .map(|(id, seedling)| (seedling.recorded.position, *id))
            .collect();
        ids.sort_unstable();
        let mut following = Vec::with_capacity(ids.len());
        for (_, id) in ids {
            // Taken out, so that nothing stands in two places.
            if let Some(seedling) = self.meant.remove(&id) {
                following.push(self.meant(seedling));
            }
        }
        following
    }

    fn meant(&mut self, seedling: Seedling) -> Meant {
        let Seedling { recorded, configuration, attempts } = seedling;
        let Recorded { position, recorded_at, event: raised, .. } = recorded;
        let heard = self.heard.remove(&raised.intent_id).unwrap_or_default();
        let stands = self.stands(&raised, &attempts);
        let would_send = self.would_send(&raised, &attempts);
        let attempts = attempts.into_iter().map(|attempt| self.tried(attempt)).collect();
        let heard = heard.into_iter().map(|kept| self.cause(kept)).collect();
        Meant { position, recorded_at, raised, configuration, attempts, heard, stands, would_send }
    }

    fn tried(&mut self, attempt: Attempt) -> Tried {
        let Attempt { place, request, settled } = attempt;
        let ended = settled.map(|(settled, facts, changes)| {
            let intents = self.following(settled.id);
            let AttemptSettled { outcome, reply, refusal, .. } = settled.event;
            let (position, settled_at) = (settled.position, settled.recorded_at);
            Ended { position, settled_at, outcome, reply, refusal, facts, changes: labels(&changes), intents }
        });
        let AttemptStarted { intent_id: _, attempt, kind, call, engine } = place.event;
        Tried { position: place.position, started_at: place.recorded_at, attempt, kind, call, engine, request, ended }
    }

    /// Where an intent stands: what it waits for, or how it ended.
    fn stands(&self, raised: &IntentRaised, attempts: &[Attempt]) -> String {
        if let Some(open) = self.state.attempts.get(raised.intent_id) {
            return standing::of_open(raised.intent_id, open, self.state);
        }
        let held = standing::of_held(raised.intent_id, self.state);
        if !held.is_empty() {
            return held;
        }
        match attempts.last().and_then(|attempt| attempt.settled.as_ref()) {
            Some((settled, ..)) => match &settled.event.outcome {
                Outcome::Accepted => "done".to_owned(),
                Outcome::Refused { failure } => format!("not done: {}", failure.reason),
                Outcome::Postponed { .. } | Outcome::Uncertain { .. } => "not done".to_owned(),
            },
            None => "not done".to_owned(),
        }
    }

    /// What the first attempt will send, once it is made.
    fn would_send(&self, raised: &IntentRaised, attempts: &[Attempt]) -> Option<derive::Derived> {
        let open = self.state.attempts.get(raised.intent_id).filter(|_| attempts.is_empty())?;
        let departure = departure(raised.intent_id, open, "", open.raised_at, self.state);
        derive::request(&self.state.configuration, raised, &departure, None, open.raised_at)
    }
}

/// What an attempt does, as a word.
pub const fn does(kind: AttemptKind) -> &'static str {
    match kind {
        AttemptKind::Act => "act",
        AttemptKind::Probe => "probe",
        AttemptKind::Prepare { .. } => "prepare",
    }
}

/// Changes by their names.
fn labels(changes: &[Change]) -> Vec<String> {
    let label = |change: &Change| {
        let change = serde_json::to_value(change).expect("our own words always serialise");
        change.get("change").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    };
    changes.iter().map(label).collect()
}
