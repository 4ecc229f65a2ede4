//! Whether what is explained follows from the log: every line derived again and compared with what is recorded.
//!
//! Takes what was gathered and the webhooks read from their own streams; gives what does not follow. What cannot be
//! derived is not doubted: why no answer came (the words of the network), what a fetched file was, and that a platform
//! gave no pass. Requests are not recorded, so there is nothing to compare them with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chatledger_connectors::connector::{FETCH, Reply};
use chatledger_projections::event::{AttemptSettled, AttemptStarted, Event, Happening, IntentRaised};
use chatledger_projections::ids::{EventId, IntentId};
use chatledger_projections::outcome::Outcome;
use chatledger_projections::recorded::{Position, Recorded, Revision};
use chatledger_projections::time::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::gather::{Gathering, Kept};
use super::{RawEvent, derive};
use crate::config::Account;
use crate::dispatch::attempt::{Departure, Plan, conclude, held_back, interrupted};
use crate::dispatch::circuit::{INTERRUPTED, NO_CALL};
use crate::log::naming;
use crate::pipeline::Pipeline;

/// Something that does not follow.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Doubt {
    /// Where it stands.
    pub position: Position,
    /// What it is: an event, a fact, an intent, an attempt, an outcome.
    pub what: &'static str,
    /// Why it does not follow; ids and the names of what differs, nobody's words.
    pub why: String,
}

/// Everything that does not follow, in the order of the log.
pub(super) fn doubts(gathering: &Gathering, raws: &BTreeMap<EventId, RawEvent>, pipeline: &Pipeline) -> Vec<Doubt> {
    let mut verifier = Verifier { gathering, raws, lives: BTreeMap::new(), doubts: Vec::new() };
    for kept in gathering.kept() {
        verifier.look(kept);
    }
    verifier.look_for_what_is_missing(pipeline);
    verifier.doubts.sort_by_key(|doubt| doubt.position);
    verifier.doubts
}

struct Verifier<'a> {
    gathering: &'a Gathering,
    raws: &'a BTreeMap<EventId, RawEvent>,
    lives: BTreeMap<IntentId, Life<'a>>,
    doubts: Vec<Doubt>,
}

/// How far an intent has come.
struct Life<'a> {
    raised: &'a IntentRaised,
    revision: Revision,
    attempts: u32,
    under_way: Option<(&'a Kept, &'a AttemptStarted)>,
    is_over: bool,
}

impl<'a> Verifier<'a> {
    fn doubt(&mut self, position: Position, what: &'static str, why: impl Into<String>) {
        self.doubts.push(Doubt { position, what, why: why.into() });
    }

    fn look(&mut self, kept: &'a Kept) {
        let happening = &kept.happening;
        match &happening.event {
            Happening::Observed { facts, .. } => match self.raws.get(&happening.id) {
                Some(read) if read.facts == *facts => {}
                Some(_) => self.doubt(happening.position, "fact", "decoding the webhook again gives other facts"),
                None => self.doubt(happening.position, "event", "its stream does not have it"),
            },
            Happening::Raised(raised) => {
                self.is_named(happening, Event::IntentRaised(raised.clone()));
                self.raised(kept, raised);
            }
            Happening::Started(started) => {
                self.is_named(happening, Event::AttemptStarted(started.clone()));
                self.started(kept, started);
            }
            Happening::Settled { settled, .. } => {
                self.is_named(happening, Event::AttemptSettled(settled.clone()));
                self.settled(kept, settled);
            }
            Happening::Instructed(instructed) => {
                self.is_named(happening, Event::OperatorInstructed(instructed.clone()));
            }
            Happening::Configured(configuration) => {
                self.is_named(happening, Event::ConfigurationApplied(configuration.clone()));
            }
            Happening::Advanced(advanced) => self.is_named(happening, Event::PolicyAdvanced(advanced.clone())),
            Happening::Polled(advanced) => self.is_named(happening, Event::PollAdvanced(advanced.clone())),
            Happening::Arranged(arrangement) => self.is_named(happening, Event::Arranged(arrangement.clone())),
        }
    }

    /// Our own events are named by what they say.
    fn is_named(&mut self, happening: &Recorded<Happening>, event: Event) {
        if naming::event_id(&event, happening.revision) != Some(happening.id) {
            self.doubt(happening.position, "event", "it says something else than its id");
        }
        if naming::stream_of(&event, happening.id) != happening.stream {
            self.doubt(happening.position, "event", format!("it does not belong into {}", happening.stream));
        }
    }

    fn raised(&mut self, kept: &Kept, raised: &'a IntentRaised) {
        let (position, revision) = (kept.happening.position, kept.happening.revision);
        let life = Life { raised, revision, attempts: 0, under_way: None, is_over: false };
        if revision != Revision::FIRST || self.lives.insert(raised.intent_id, life).is_some() {
            self.doubt(position, "intent", "it was raised before");
        }
        let cause = self.gathering.kept().iter().find(|other| other.happening.id == raised.cause);
        let Some(cause) = cause.filter(|cause| cause.happening.position < position) else {
            let why = format!("the event that it follows from, {}, is not in the log before it", raised.cause);
            return self.doubt(position, "intent", why);
        };
        let from = cause.happening.position;
        let under = cause
            .configuration
            .map_or_else(|| "no configuration".to_owned(), |at| format!("the configuration of position {at}"));
        match cause.concluded.iter().find(|concluded| concluded.intent_id == raised.intent_id) {
            None => {
                let why = format!("the rules do not raise it from the event at position {from} under {under}");
                self.doubt(position, "intent", why);
            }
            Some(concluded) if **concluded != *raised => {
                let differs = differences(&**concluded, raised).join(", ");
                let why = format!(
                    "the rules raise it otherwise from the event at position {from} under {under}; what differs: {differs}"
                );
                self.doubt(position, "intent", why);
            }
            Some(_) => {}
        }
    }

    /// What the rules conclude, and the log neither shows nor has still to show.
    fn look_for_what_is_missing(&mut self, pipeline: &Pipeline) {
        let outstanding: BTreeSet<IntentId> =
            pipeline.outstanding().into_iter().map(|raised| raised.intent_id).collect();
        for kept in self.gathering.kept() {
            for concluded in &kept.concluded {
                let id = concluded.intent_id;
                if self.gathering.wants(id) && !self.lives.contains_key(&id) && !outstanding.contains(&id) {
                    let (kind, connection) = (concluded.intent.label(), &concluded.connection);
                    let why =
                        format!("the rules raise it from this event ({kind} at {connection}), and it is not on record");
                    self.doubt(kept.happening.position, "intent", why);
                }
            }
        }
    }

    fn started(&mut self, kept: &'a Kept, started: &'a AttemptStarted) {
        let (position, revision) = (kept.happening.position, kept.happening.revision);
        let Some(life) = self.lives.get_mut(&started.intent_id) else {
            return self.doubt(position, "attempt", "its intent was not raised before it");
        };
        let follows = revision == life.revision.next()
            && started.attempt == life.attempts + 1
            && life.under_way.is_none()
            && !life.is_over;
        life.revision = revision;
        life.attempts = started.attempt;
        life.under_way = Some((kept, started));
        let raised = life.raised;
        if !follows {
            return self.doubt(position, "attempt", "it does not follow the one before");
        }
        let Some((departure, account)) = self.situation(kept, raised) else {
            return self.doubt(position, "attempt", format!("{} was not configured", raised.connection));
        };
        let is_it = plans(self.gathering, kept, raised, departure, &account)
            .iter()
            .any(|plan| derive::does(plan) == Some((started.kind, &started.call)));
        if !is_it {
            self.doubt(position, "attempt", format!("another call than {} would be made at that moment", started.call));
        }
    }

    /// An attempt as it would be made, and the account as it was configured.
    fn situation<'b>(&self, kept: &'b Kept, raised: &IntentRaised) -> Option<(&'b Departure, Account)> {
        let configuration = self.gathering.configuration(kept.configuration)?;
        Some((kept.departure.as_ref()?, derive::account(configuration, raised)?))
    }

    fn settled(&mut self, kept: &'a Kept, settled: &AttemptSettled) {
        let (position, revision) = (kept.happening.position, kept.happening.revision);
        let Some(life) = self.lives.get_mut(&settled.intent_id) else {
            return self.doubt(position, "attempt", "its intent was not raised before it");
        };
        let follows = revision == life.revision.next();
        life.revision = revision;
        life.is_over = settled.ends_intent();
        let (raised, under_way) = (life.raised, life.under_way.take());
        let Some((start, started)) = under_way.filter(|(_, started)| {
            follows
                && (started.attempt, started.kind) == (settled.attempt, settled.kind)
                && (started.call == settled.call || [INTERRUPTED, NO_CALL].contains(&settled.call.as_str()))
        }) else {
            return self.doubt(position, "attempt", "its start does not stand before its end");
        };
        let Some((departure, account)) = self.situation(start, raised) else {
            return self.doubt(position, "outcome", format!("{} was not configured", raised.connection));
        };
        if settled.platform != account.connector.platform() || settled.connection != raised.connection {
            return self.doubt(position, "outcome", "it is another platform's than its intent's");
        }
        let possible = self.possible(kept, settled, start, started, raised, departure, &account);
        if let Err(why) = possible {
            self.doubt(position, "outcome", why);
        }
    }

    /// Whether an attempt may have ended so.
    #[allow(clippy::too_many_arguments)] // One attempt's whole situation, as in [`conclude`].
    fn possible(
        &self,
        kept: &Kept,
        settled: &AttemptSettled,
        start: &Kept,
        started: &AttemptStarted,
        raised: &IntentRaised,
        departure: &Departure,
        account: &Account,
    ) -> Result<(), String> {
        let (began, ended) = (start.happening.recorded_at, kept.happening.recorded_at);
        match (&settled.reply, settled.call.as_str()) {
            (None, INTERRUPTED) => {
                let started = AttemptStarted { call: INTERRUPTED.to_owned(), ..started.clone() };
                let derived = interrupted(departure, &started, account);
                (derived == *settled).then_some(()).ok_or_else(|| "an interrupted attempt does not end so".to_owned())
            }
            // The engine was told to stop in between.
            (None, NO_CALL) if started.call != NO_CALL => {
                let derived = held_back(departure, started, account);
                (derived == *settled).then_some(()).ok_or_else(|| "a call that never left does not end so".to_owned())
            }
            (None, NO_CALL) => {
                let is_it =
                    plans(self.gathering, start, raised, departure, account).into_iter().any(|plan| match plan {
                        Plan::End { settled: derived, .. } => derived == *settled,
                        Plan::Elsewhere { .. } | Plan::Call { .. } | Plan::Fetch { .. } => false,
                    });
                is_it.then_some(()).ok_or_else(|| "without a call it does not end so".to_owned())
            }
            (None, FETCH) => {
                let is_done = settled.outcome == Outcome::Accepted;
                (is_done != settled.findings.is_empty())
                    .then_some(())
                    .ok_or_else(|| "it says that a file is there and not which, or the other way round".to_owned())
            }
            (None, _) => {
                let none = [Reply::NotSent("it was not sent"), Reply::NoAnswer("no answer came")];
                let mut derived = none.into_iter().flat_map(|reply| {
                    self.concluded(start, started, raised, departure, account, reply, (began, ended))
                });
                // Where a pass is needed and not given, its own answer is not recorded.
                let may_lack_a_pass = account.connection.sign_in().is_some() && settled.outcome != Outcome::Accepted;
                let is_it =
                    may_lack_a_pass || derived.any(|derived| derived.outcome.label() == settled.outcome.label());
                is_it
                    .then_some(())
                    .ok_or_else(|| format!("no answer is on record, which does not mean {}", settled.outcome.label()))
            }
            (Some(reply), _) => {
                let derived =
                    self.concluded(start, started, raised, departure, account, Reply::Answered(reply), (began, ended));
                if derived.iter().any(|derived| is_same(derived, settled, ended.since(began))) {
                    return Ok(());
                }
                let gives = derived.first().map_or("nothing", |derived| derived.outcome.label());
                let differs = derived.first().map(|derived| differences(derived, settled).join(", "));
                let differs = differs.unwrap_or_default();
                Err(format!("classifying the recorded reply gives {gives}; what differs: {differs}"))
            }
        }
    }

    /// How an attempt ends with this reply, by everything that the log leaves open: when exactly the answer came, whether
    /// the intent had been tried for too long by then, and whether we show files ourselves.
    #[allow(clippy::too_many_arguments)] // The same.
    fn concluded(
        &self,
        start: &Kept,
        started: &AttemptStarted,
        raised: &IntentRaised,
        departure: &Departure,
        account: &Account,
        reply: Reply<'_>,
        (began, ended): (Timestamp, Timestamp),
    ) -> Vec<AttemptSettled> {
        let Some(configuration) = self.gathering.configuration(start.configuration) else { return Vec::new() };
        let offer = derive::some_offer();
        let mut all = Vec::new();
        for offer in [None, Some(&offer)] {
            let carriage = derive::carriage(configuration, raised, offer);
            for now in [ended, began] {
                for give_up_after in [Duration::MAX, Duration::ZERO] {
                    all.push(conclude(
                        departure,
                        started,
                        &raised.intent,
                        account,
                        carriage,
                        reply,
                        now,
                        give_up_after,
                    ));
                }
            }
        }
        all
    }
}

/// What an attempt may have been planned to do, by everything that the log leaves open.
fn plans(
    gathering: &Gathering,
    start: &Kept,
    raised: &IntentRaised,
    departure: &Departure,
    account: &Account,
) -> Vec<Plan> {
    let Some(configuration) = gathering.configuration(start.configuration) else { return Vec::new() };
    let offer = derive::some_offer();
    let mut plans = Vec::new();
    for offer in [None, Some(&offer)] {
        let carriage = derive::carriage(configuration, raised, offer);
        // It was planned before its start was recorded.
        for now in [start.happening.recorded_at, departure.raised_at] {
            plans.push(derive::planned(departure, raised, account, carriage, now));
            // That nobody wants it any more may have come between.
            let wanted = Departure { unwanted: None, ..departure.clone() };
            plans.push(derive::planned(&wanted, raised, account, carriage, now));
        }
    }
    plans
}

/// Whether an attempt ended as it must. Of a platform that says how long to wait, the log does not tell to the moment
/// when it said so: only that it was within this time.
fn is_same(derived: &AttemptSettled, settled: &AttemptSettled, within: Duration) -> bool {
    let (Some(one), Some(other)) = (until(&derived.outcome), until(&settled.outcome)) else {
        return derived == settled;
    };
    let apart = if one > other { one.since(other) } else { other.since(one) };
    let outcome = match &derived.outcome {
        Outcome::Postponed { reason, .. } => Outcome::Postponed { until: Some(other), reason: reason.clone() },
        Outcome::Uncertain { reason, .. } => Outcome::Uncertain { until: Some(other), reason: reason.clone() },
        outcome @ (Outcome::Accepted | Outcome::Refused { .. }) => outcome.clone(),
    };
    apart <= within && AttemptSettled { outcome, ..derived.clone() } == *settled
}

/// Before which moment a platform does not want to be asked again.
const fn until(outcome: &Outcome) -> Option<Timestamp> {
    match outcome {
        Outcome::Postponed { until, .. } | Outcome::Uncertain { until, .. } => *until,
        Outcome::Accepted | Outcome::Refused { .. } => None,
    }
}

/// How many differences are told.
const DIFFERENCES_AT_MOST: usize = 5;

/// The places at which two documents of ours differ.
fn differences(one: &impl Serialize, other: &impl Serialize) -> Vec<String> {
    let mut found = Vec::new();
    differ(&document_of(one), &document_of(other), "", &mut found);
    found.truncate(DIFFERENCES_AT_MOST);
    found
}

fn document_of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("our own words always serialise")
}

fn differ(one: &Value, other: &Value, at: &str, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                let side = |side: &serde_json::Map<String, Value>| side.get(key).cloned().unwrap_or(Value::Null);
                differ(&side(left), &side(right), &path, found);
            }
        }
        (one, other) if one == other => {}
        (_, _) => found.push(at.to_owned()),
    }
}
