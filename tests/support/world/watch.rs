//! Whoever watches a world: sees every event that is stored and every call that leaves, and knows what must never be.
//!
//! It shares no code with what it watches but the vocabulary: its own queues, its own windows, its own count of attempts.
//! It only notes down; what people see in the end is compared in [`crate::ending`].

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::time::Duration;

use chatledger::config::Accounts;
use chatledger::dispatch::circuit::INTERRUPTED;
use chatledger_connectors::connector::Limit;
use chatledger_projections::event::{AttemptSettled, AttemptStarted, Event, IntentRaised};
use chatledger_projections::fact::DeliveryState;
use chatledger_projections::ids::{ConnectionName, EventId, IntentId, MessageId, ThreadId};
use chatledger_projections::intent::Intent;
use chatledger_projections::outcome::{AttemptKind, Outcome};
use chatledger_projections::recorded::{Position, Recorded};
use chatledger_projections::time::Timestamp;

/// Something that must not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Complaint {
    /// Which rule was broken; the same for all complaints of its kind.
    pub rule: &'static str,
    /// How.
    pub detail: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, detail } = self;
        write!(formatter, "{rule}: {detail}")
    }
}

/// Who watches.
#[derive(Default)]
pub(super) struct Watch {
    complaints: Vec<Complaint>,
    intents: HashMap<IntentId, Seen>,
    /// The intents of a dialogue at a connection that are not done, in the order in which they were raised.
    queues: HashMap<(ConnectionName, ThreadId), VecDeque<IntentId>>,
    deliveries: HashSet<u64>,
    limits: HashMap<ConnectionName, Vec<Limit>>,
    windows: HashMap<(ConnectionName, &'static str), VecDeque<Timestamp>>,
    /// Where each message was said to stand, and whether with a reason: to learn why it failed is news.
    reports: HashMap<(ConnectionName, MessageId), (DeliveryState, bool)>,
    /// Waits that platforms named in answers of which nothing is on record yet.
    named: HashMap<IntentId, Timestamp>,
    left_alone: HashMap<IntentId, Timestamp>,
    /// Where each event stands, and up to where it was decided.
    places: HashMap<EventId, Position>,
    decided: Option<Position>,
}

/// What is known of an intent.
struct Seen {
    connection: ConnectionName,
    thread: ThreadId,
    attempts: u32,
    /// Its newest attempt only prepares what it needs; it is done when what comes after that is.
    only_prepares: bool,
    in_flight: bool,
    has_left: bool,
    is_done: bool,
}

impl Watch {
    pub(super) fn new(accounts: &Accounts) -> Self {
        let limits = accounts.iter().map(|(name, account)| (name.clone(), account.connection.limits()));
        Self { limits: limits.collect(), ..Self::default() }
    }

    /// What was found so far.
    pub(super) fn complaints(&self) -> &[Complaint] {
        &self.complaints
    }

    pub(super) fn complain(&mut self, rule: &'static str, detail: fmt::Arguments<'_>) {
        self.complaints.push(Complaint { rule, detail: detail.to_string() });
    }

    /// An event was stored.
    pub(super) fn stored(&mut self, recorded: &Recorded<Event>) {
        self.places.insert(recorded.id, recorded.position);
        match &recorded.event {
            Event::IntentRaised(raised) => self.raised(raised),
            Event::AttemptStarted(started) => self.started(started),
            Event::AttemptSettled(settled) => self.settled(settled),
            Event::WebhookReceived(_)
            | Event::ConfigurationApplied(_)
            | Event::OperatorInstructed(_)
            | Event::PolicyAdvanced(_)
            | Event::PollAdvanced(_)
            | Event::Arranged(_) => {}
        }
    }

    /// A webhook was stored; copies of one delivery have one number.
    pub(super) fn delivered(&mut self, delivery: u64) {
        if !self.deliveries.insert(delivery) {
            self.complain("a delivery is on record once", format_args!("the {delivery}th webhook was recorded twice"));
        }
    }

    fn raised(&mut self, raised: &IntentRaised) {
        let cause = self.places.get(&raised.cause).copied();
        if cause < self.decided {
            self.complain("what follows is raised in order", format_args!("{} comes too late", raised.intent_id));
        }
        self.decided = self.decided.max(cause);
        if let Intent::ReportDelivery(report) = &raised.intent {
            let named = (raised.connection.clone(), report.message.clone());
            let stands = (report.state, report.failure.is_some());
            let before = self.reports.insert(named, stands);
            if before.is_some_and(|before| before >= stands) {
                let (message, state) = (&report.message, report.state.label());
                self.complain("reports only rise", format_args!("{message} is {state} after {before:?}"));
            }
        }
        let (connection, thread) = (raised.connection.clone(), raised.thread);
        self.queues.entry((connection.clone(), thread)).or_default().push_back(raised.intent_id);
        let seen = Seen {
            connection,
            thread,
            attempts: 0,
            only_prepares: false,
            in_flight: false,
            has_left: false,
            is_done: false,
        };
        self.intents.insert(raised.intent_id, seen);
    }

    fn started(&mut self, started: &AttemptStarted) {
        let (intent, attempt) = (started.intent_id, started.attempt);
        let Some(seen) = self.intents.get_mut(&intent) else {
            return self.complain("only what was raised is tried", format_args!("{intent}"));
        };
        let is_next = attempt == seen.attempts + 1 && !seen.in_flight && !seen.is_done;
        (seen.attempts, seen.in_flight, seen.has_left) = (attempt, true, false);
        seen.only_prepares = matches!(started.kind, AttemptKind::Prepare { .. });
        let key = (seen.connection.clone(), seen.thread);
        if !is_next {
            self.complain("attempts follow one another", format_args!("attempt {attempt} of {intent}"));
        }
        if self.queues.get(&key).and_then(VecDeque::front) != Some(&intent) {
            let (connection, thread) = key;
            self.complain("a dialogue keeps its order", format_args!("{intent} in {thread} at {connection}"));
        }
    }

    fn settled(&mut self, settled: &AttemptSettled) {
        let intent = settled.intent_id;
        let Some(seen) = self.intents.get_mut(&intent) else {
            return self.complain("only what was raised is tried", format_args!("{intent}"));
        };
        // Of an answer that the engine did not live to hear it knows nothing.
        let named = self.named.remove(&intent).filter(|_| settled.call != INTERRUPTED);
        self.left_alone.extend(named.map(|until| (intent, until)));
        let is_its_end = seen.in_flight && seen.attempts == settled.attempt;
        seen.in_flight = false;
        let is_ready = seen.only_prepares && settled.outcome == Outcome::Accepted;
        if settled.outcome.is_final() && !is_ready {
            seen.is_done = true;
            let key = (seen.connection.clone(), seen.thread);
            if let Some(queue) = self.queues.get_mut(&key) {
                queue.retain(|waiting| *waiting != intent);
            }
        }
        if !is_its_end {
            self.complain("an end has a start", format_args!("attempt {} of {intent}", settled.attempt));
        }
    }

    /// A call leaves the house.
    pub(super) fn leaves(&mut self, intent: IntentId, class: &'static str, now: Timestamp) {
        let Some(seen) = self.intents.get_mut(&intent) else {
            return self.complain("only what was raised is tried", format_args!("{intent}"));
        };
        let is_on_record = seen.in_flight && !seen.has_left;
        seen.has_left = true;
        let connection = seen.connection.clone();
        if !is_on_record {
            self.complain("a start is on record before its call", format_args!("{intent}"));
        }
        if let Some(until) = self.left_alone.remove(&intent).filter(|until| now < *until) {
            let early = until.since(now).as_millis();
            self.complain("a platform's wait is kept", format_args!("{intent} is called again {early} ms too early"));
        }
        self.count(&connection, class, now);
    }

    fn count(&mut self, connection: &ConnectionName, class: &'static str, now: Timestamp) {
        let limits = self.limits.get(connection).map(Vec::as_slice).unwrap_or_default();
        let quotas = limits.iter().filter(|limit| limit.class == class).flat_map(|limit| &limit.quotas);
        let window = self.windows.entry((connection.clone(), class)).or_default();
        window.push_back(now);
        let (mut longest, mut broken) = (Duration::ZERO, None);
        for quota in quotas {
            longest = longest.max(quota.per);
            let most = quota.calls.get() as usize;
            // The call that must be out of sight by now.
            let before = window.len().checked_sub(most + 1).and_then(|place| window.get(place));
            if before.is_some_and(|before| now.since(*before) < quota.per) {
                broken = Some((most, quota.per));
            }
        }
        while window.front().is_some_and(|call| now.since(*call) >= longest) {
            window.pop_front();
        }
        if let Some((most, per)) = broken {
            self.complain("quotas hold", format_args!("more than {most} calls {class:?} at {connection} in {per:?}"));
        }
    }

    /// A platform wants to be left alone with this; it says so in the answer.
    pub(super) fn wants_rest(&mut self, intent: IntentId, until: Timestamp) {
        self.named.insert(intent, until);
    }

    /// Our clock was set: by it, any span may be longer or shorter than it was.
    pub(super) fn clock_was_set(&mut self) {
        self.windows.clear();
        self.named.clear();
        self.left_alone.clear();
    }
}
