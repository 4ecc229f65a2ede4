//! What should have happened and did not: a log held against the present rules, and what would put it right.
//!
//! Takes a log and a place to begin at; gives what is amiss, each with what becomes of it: by itself at the next start of
//! the engine, by an instruction that may be recorded, or only by a person. Nothing is sent here, and nothing recorded:
//! see [`crate::instructions`]. What the present rules conclude otherwise than those of the time is told, and never
//! healed: a message that went out under another rule has gone out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chatledger_projections::attempts::Standing;
use chatledger_projections::change::Change;
use chatledger_projections::delivery::Origin;
use chatledger_projections::event::{Happening, Instruction, IntentRaised};
use chatledger_projections::fact::DeliveryState;
use chatledger_projections::ids::{ConnectionName, EventId, IntentId, ThreadId};
use chatledger_projections::intent::{Intent, ReportDelivery};
use chatledger_projections::recorded::Position;
use chatledger_projections::state::State;
use chatledger_projections::time::Timestamp;
use serde::Serialize;

use crate::fold::{FoldError, fold};
use crate::log::EventLog;
use crate::pipeline::{Pipeline, Step};

/// From where on a log is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Since {
    /// From this place.
    Position(Position),
    /// From what was recorded at this moment.
    Moment(Timestamp),
}

/// What is amiss.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ill {
    /// It follows from the log, and nobody has decided it yet.
    Undecided,
    /// The present rules would have raised it, and it was decided without it.
    Missed,
    /// It was raised, and the present rules would not raise it, or would raise it otherwise.
    Otherwise,
    /// It was raised and never attempted.
    Unattempted,
    /// An attempt was started, and its end is not on record.
    Unended,
    /// It was attempted and is not done.
    Undone,
    /// Where a message stands was not told to the CRM.
    Unreported,
    /// It was refused or given up, and waits for a person.
    Held,
}

impl Ill {
    /// What is amiss as a word, for tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::Missed => "missed",
            Self::Otherwise => "otherwise",
            Self::Unattempted => "unattempted",
            Self::Unended => "unended",
            Self::Undone => "undone",
            Self::Unreported => "unreported",
            Self::Held => "held",
        }
    }
}

/// What becomes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// The engine does it when it next runs.
    ByItself,
    /// An instruction, once it is recorded, has the engine do it.
    Instruction,
    /// The same, for what was refused: only if whoever heals wants that tried again.
    Again,
    /// A person has to look first: it may have been done.
    Person,
    /// There is nothing to do about it.
    Nothing,
}

impl Remedy {
    /// What becomes of it in words, for tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ByItself => "the next or running `serve` does it",
            Self::Instruction => "--apply",
            Self::Again => "--apply --held, or `held`",
            Self::Person => "look there, then `held retry` or `held skip`",
            Self::Nothing => "nothing: it went out under another rule",
        }
    }
}

/// One thing that is amiss.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Finding {
    /// What.
    pub ill: Ill,
    /// What becomes of it.
    pub remedy: Remedy,
    /// Which intent; one that was never raised bears the id that it would have.
    pub intent: IntentId,
    /// Of what kind.
    pub kind: &'static str,
    /// By which rule.
    pub policy: String,
    /// Where it is to become true.
    pub connection: ConnectionName,
    /// In which dialogue.
    pub thread: ThreadId,
    /// Since when.
    pub since: Timestamp,
    /// What else is known of it: ids and reasons, nobody's words.
    pub detail: String,
    /// What would have it done.
    #[serde(skip)]
    pub instruction: Option<Instruction>,
}

/// What was found.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Diagnosis {
    /// How many events were looked at.
    pub events: u64,
    /// What platforms said, among them.
    pub messages: u64,
    /// What is amiss, in the order of the log.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// How much of it wants healing.
    pub fn ills(&self) -> usize {
        self.findings.iter().filter(|finding| finding.remedy != Remedy::Nothing).count()
    }
}

/// Looks a log through. What is younger than `recent` is on its way, and nothing is amiss with it. Blocks.
pub fn diagnose(log: &dyn EventLog, since: Since, recent: Timestamp) -> Result<Diagnosis, FoldError> {
    let mut pipeline = Pipeline::default();
    let mut seen = Seen::default();
    fold(log, &mut pipeline, None, None, &mut |step, _| seen.see(step, since))?;
    let outstanding: BTreeSet<IntentId> = pipeline.outstanding().into_iter().map(|raised| raised.intent_id).collect();
    let (events, messages) = (seen.events, seen.messages);
    let mut findings = seen.compared(&outstanding, pipeline.state());
    findings.extend(seen.unreported(pipeline.state(), &findings));
    findings.extend(seen.undone(pipeline.state()));
    findings.extend(seen.held(pipeline.state()));
    findings.retain(|finding| finding.since <= recent);
    findings.sort_by_key(|finding| finding.since);
    Ok(Diagnosis { events, messages, findings })
}

/// What a log has shown since the place to begin at.
#[derive(Default)]
struct Seen {
    events: u64,
    messages: u64,
    /// What the present rules conclude and the log has not shown, in its order.
    computed: BTreeMap<u64, (Timestamp, Arc<IntentRaised>)>,
    place_of: HashMap<IntentId, u64>,
    next: u64,
    /// What the log shows and the present rules do not conclude.
    strange: Vec<(Timestamp, IntentRaised)>,
    /// What was raised since: by itself, and by what it is about.
    raised: BTreeSet<IntentId>,
    done_otherwise: BTreeSet<(EventId, ConnectionName, &'static str)>,
    carried: BTreeSet<(Origin, ConnectionName, &'static str)>,
    /// The highest state that was told of a message, whenever that was.
    told: HashMap<Origin, DeliveryState>,
    /// What an operator has had raised already.
    healed: BTreeSet<IntentId>,
    /// The events about which the present rules were asked.
    asked: BTreeSet<EventId>,
    /// The messages that have come to stand better or worse since, and when.
    rose: BTreeMap<Origin, Timestamp>,
    since: Option<Since>,
}

impl Seen {
    fn see(&mut self, step: &Step, since: Since) {
        self.since = Some(since);
        let happening = &step.happening;
        let at = happening.recorded_at;
        if let Happening::Raised(raised) = &happening.event
            && let Intent::ReportDelivery(report) = &raised.intent
        {
            let message = Origin { connection: raised.connection.clone(), message: report.message.clone() };
            let told = self.told.entry(message).or_insert(report.state);
            *told = told.join(report.state);
        }
        if let Happening::Instructed(instructed) = &happening.event
            && let Instruction::RaiseMissed { missed, .. } = &instructed.instruction
        {
            self.healed.insert(missed.intent_id);
        }
        let is_since = match since {
            Since::Position(position) => happening.position >= position,
            Since::Moment(moment) => at >= moment,
        };
        if !is_since {
            return;
        }
        self.events += 1;
        match &happening.event {
            Happening::Observed { .. } => self.messages += 1,
            Happening::Raised(raised) => self.see_raised(raised, at),
            Happening::Started(_)
            | Happening::Settled { .. }
            | Happening::Configured(_)
            | Happening::Instructed(_)
            | Happening::Advanced(_)
            | Happening::Polled(_)
            | Happening::Arranged(_) => {}
        }
        self.asked.insert(happening.id);
        for change in &step.changes {
            if let Change::DeliveryRose { origin, .. } = change {
                self.rose.insert(origin.clone(), at);
            }
        }
        for intent in &step.intents {
            self.place_of.insert(intent.intent_id, self.next);
            self.computed.insert(self.next, (at, Arc::clone(intent)));
            self.next += 1;
        }
    }

    fn see_raised(&mut self, raised: &IntentRaised, at: Timestamp) {
        self.raised.insert(raised.intent_id);
        let (connection, kind) = (raised.connection.clone(), raised.intent.label());
        self.done_otherwise.insert((raised.cause, connection.clone(), kind));
        if let Some(origin) = &raised.carries {
            self.carried.insert((origin.clone(), connection, kind));
        }
        let computed = self.place_of.remove(&raised.intent_id).and_then(|place| self.computed.remove(&place));
        match computed {
            Some((_, computed)) if *computed == *raised => {}
            // The rules conclude something else, or nothing; or were not asked.
            Some(_) | None => self.strange.push((at, raised.clone())),
        }
    }

    /// What the present rules conclude, and the log does not show; and the other way round.
    fn compared(&self, outstanding: &BTreeSet<IntentId>, state: &State) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (at, intent) in self.computed.values() {
            let is_healed = self.healed.contains(&intent.intent_id);
            // Nobody is writing any more.
            if is_healed || intent.intent.expires_at().is_some() {
                continue;
            }
            let (connection, kind) = (intent.connection.clone(), intent.intent.label());
            let is_there = intent.carries.as_ref().is_some_and(|origin| {
                let message = state.delivery.written(origin).map(|(_, carried)| carried);
                message.is_some_and(|message| message.at(&connection).is_some())
            });
            let went_out = is_there
                || self.done_otherwise.contains(&(intent.cause, connection.clone(), kind))
                || intent.carries.as_ref().is_some_and(|from| self.carried.contains(&(from.clone(), connection, kind)));
            let (ill, remedy) = if outstanding.contains(&intent.intent_id) {
                (Ill::Undecided, Remedy::ByItself)
            } else if went_out {
                (Ill::Otherwise, Remedy::Nothing)
            } else {
                (Ill::Missed, Remedy::Instruction)
            };
            let instruction = (remedy == Remedy::Instruction).then(|| raise(intent));
            let detail = format!("follows from event {}", intent.cause);
            findings.push(Finding { instruction, ..finding(ill, remedy, intent, *at, detail) });
        }
        for (at, raised) in &self.strange {
            // The rules were not asked about what lies before the place to begin at.
            if self.asked.contains(&raised.cause) {
                let detail = format!("was raised from event {}", raised.cause);
                findings.push(finding(Ill::Otherwise, Remedy::Nothing, raised, *at, detail));
            }
        }
        findings
    }

    /// Messages of the CRM whose state it was never told.
    fn unreported(&self, state: &State, found: &[Finding]) -> Vec<Finding> {
        let told_by_found: BTreeSet<IntentId> = found.iter().map(|finding| finding.intent).collect();
        let mut findings = Vec::new();
        for (origin, at) in &self.rose {
            let Some((_, carried)) = state.delivery.written(origin) else { continue };
            let wants = state.configuration.connections.get(&carried.origin.connection);
            if !wants.is_some_and(|connection| connection.traits.wants_delivery) {
                continue;
            }
            match carried.state {
                DeliveryState::Failed | DeliveryState::Delivered | DeliveryState::Read => {}
                DeliveryState::Raised | DeliveryState::Sent => continue,
            }
            let told = self.told.get(&carried.origin).copied();
            if told.is_some_and(|told| told.join(carried.state) == told) {
                continue;
            }
            let report = Intent::ReportDelivery(ReportDelivery {
                message: carried.origin.message.clone(),
                state: carried.state,
                failure: carried.failure.as_deref().cloned(),
            });
            let about = [carried.origin.connection.as_str(), carried.origin.message.as_str(), carried.state.label()];
            let cause = EventId::derived(&about.map(str::as_bytes));
            let policy = "delivery_reported_to_crm";
            let missed = IntentRaised {
                intent_id: IntentId::derived(cause, policy, 0),
                cause,
                policy: policy.to_owned(),
                connection: carried.origin.connection.clone(),
                thread: carried.thread,
                intent: report,
                carries: None,
            };
            let is_found = told_by_found.iter().any(|intent| {
                self.place_of.get(intent).and_then(|place| self.computed.get(place)).is_some_and(|(_, computed)| {
                    matches!(&computed.intent, Intent::ReportDelivery(report) if report.message == carried.origin.message)
                })
            });
            if is_found || self.healed.contains(&missed.intent_id) {
                continue;
            }
            let detail = format!("message {} stands at {}", carried.origin.message, carried.state.label());
            let instruction = Some(raise(&missed));
            findings
                .push(Finding { instruction, ..finding(Ill::Unreported, Remedy::Instruction, &missed, *at, detail) });
        }
        findings
    }

    fn undone(&self, state: &State) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (intent, open) in state.attempts.in_order() {
            if !self.raised.contains(&intent) {
                continue;
            }
            let (ill, at, detail) = match &open.standing {
                Standing::Raised => (Ill::Unattempted, open.raised_at, "never tried".to_owned()),
                Standing::Started { at, .. } => (Ill::Unended, *at, format!("attempt {} has no end", open.attempts)),
                Standing::Settled { outcome, at, .. } => {
                    (Ill::Undone, *at, format!("attempt {} was {}", open.attempts, outcome.label()))
                }
            };
            let is_configured = state.configuration.connections.contains_key(&open.connection);
            let (remedy, detail) = if is_configured {
                (Remedy::ByItself, detail)
            } else {
                (Remedy::Person, format!("{detail}; {} is not configured any more", open.connection))
            };
            findings.push(finding(ill, remedy, &open.as_raised, at, detail));
        }
        findings
    }

    fn held(&self, state: &State) -> Vec<Finding> {
        let is_since = |raised: &IntentRaised, at: Timestamp| match self.since {
            Some(Since::Moment(moment)) => at >= moment,
            Some(Since::Position(_)) | None => self.raised.contains(&raised.intent_id),
        };
        let held = state.held.in_order().into_iter().filter(|(_, held)| is_since(&held.raised, held.held_at));
        held.map(|(intent, held)| {
            let thread = held.raised.thread;
            let (remedy, instruction) = if held.in_doubt {
                (Remedy::Person, None)
            } else {
                (Remedy::Again, Some(Instruction::RetryHeld { thread, intent, to: None }))
            };
            let detail = held.failure.reason.clone();
            Finding { instruction, ..finding(Ill::Held, remedy, &held.raised, held.held_at, detail) }
        })
        .collect()
    }
}

fn raise(missed: &IntentRaised) -> Instruction {
    Instruction::RaiseMissed { thread: missed.thread, missed: Box::new(missed.clone()) }
}

fn finding(ill: Ill, remedy: Remedy, raised: &IntentRaised, since: Timestamp, detail: String) -> Finding {
    Finding {
        ill,
        remedy,
        intent: raised.intent_id,
        kind: raised.intent.label(),
        policy: raised.policy.clone(),
        connection: raised.connection.clone(),
        thread: raised.thread,
        since,
        detail,
        instruction: None,
    }
}
