//! Carrying intents out: which attempt is due, in what order, how fast, and what follows from its end.
//!
//! The dispatcher is a pure state machine beside the pipeline: it sees every step of the log, and says which attempts
//! are due now. It acts only on intents that stand in the log. Sending is [`crate::live`]'s business, so that the same
//! dispatcher runs in stories and simulations without a socket and without a clock.

pub mod attempt;
pub mod backoff;
pub mod circuit;
pub mod lane;
pub mod limits;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chatledger_connectors::connector::{FETCH, Known};
use chatledger_projections::attempts::{Open, Purpose, Standing};
use chatledger_projections::event::{AttemptSettled, AttemptStarted, Happening};
use chatledger_projections::files::Filed;
use chatledger_projections::ids::{ConnectionName, IntentId};
use chatledger_projections::outcome::{AttemptKind, Outcome, Recourse};
use chatledger_projections::state::State;
use chatledger_projections::time::Timestamp;

use self::attempt::{Departure, interrupted};
use self::backoff::Backoff;
use self::circuit::{Circuit, CircuitRules, INTERRUPTED, Sign};
use self::lane::{Afterwards, Lane, Next, Queued};
use crate::config::{Account, Accounts};
use crate::pipeline::Step;

/// How intents are carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// How many attempts of one connection are in flight at most.
    pub in_flight: usize,
    /// How long an intent is tried before it is given up.
    pub give_up_after: Duration,
    /// The delays between attempts.
    pub backoff: Backoff,
    /// When a platform that does not answer is left alone.
    pub circuit: CircuitRules,
}

/// Says which attempts are due.
#[derive(Debug)]
pub struct Dispatcher {
    accounts: Arc<Accounts>,
    lanes: BTreeMap<ConnectionName, Lane>,
    /// The lanes that another engine drives: they are empty here.
    elsewhere: BTreeSet<ConnectionName>,
    rules: Rules,
}

/// The end of an attempt that another engine, or an earlier life of ours, has started and not recorded an end of.
#[derive(Clone, PartialEq, Debug)]
pub struct Interrupted {
    /// What is to be recorded.
    pub settled: AttemptSettled,
    /// Whether the intent may be attempted again at once, even if the interrupted call should still arrive.
    pub is_harmless: bool,
}

/// What is due now, and when to ask again.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Due {
    /// Attempts to make now.
    pub departures: Vec<Departure>,
    /// When the next may be due, if nothing else happens before.
    pub next: Option<Timestamp>,
}

impl Dispatcher {
    /// A dispatcher with empty lanes for these accounts.
    pub fn new(accounts: Arc<Accounts>, rules: Rules) -> Self {
        let lane = |account: &Account| Lane::new(&account.connection.limits(), rules.in_flight, rules.circuit);
        let lanes = accounts.iter().map(|(name, account)| (name.clone(), lane(account))).collect();
        Self { accounts, lanes, elsewhere: BTreeSet::new(), rules }
    }

    /// How intents are carried out.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Takes over what a history left undone. Attempts that were started and not settled are interrupted: their ends
    /// are to be recorded, and nothing of theirs moves before that. Their calls may have left a moment ago: they take a
    /// place now.
    pub fn resume(&mut self, state: &State, now: Timestamp) -> Vec<AttemptSettled> {
        let mut ends = Vec::new();
        for (intent, open) in state.attempts.in_order() {
            let not_before = match &open.standing {
                Standing::Raised => open.raised_at,
                Standing::Started { kind, .. } => {
                    ends.extend(self.end_of(intent, open, *kind, now, state).map(|interrupted| interrupted.settled));
                    self.recall_interrupted(open, *kind, now);
                    Timestamp::from_millis(i64::MAX)
                }
                Standing::Settled { kind, outcome, at } => self.not_before(intent, open, *kind, outcome, *at),
            };
            self.push(intent, open, not_before);
        }
        ends
    }

    /// Leaves every lane to other engines.
    pub fn leave_all(&mut self, now: Timestamp) {
        let all: Vec<_> = self.lanes.keys().cloned().collect();
        for connection in all {
            self.leave(&connection, now);
        }
    }

    /// Leaves a lane to other engines.
    pub fn leave(&mut self, connection: &ConnectionName, now: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(connection) {
            lane.clear(now);
            self.elsewhere.insert(connection.clone());
        }
    }

    /// Takes a lane over with all that is to be done in it. Gives the attempts that were started and have no end on record;
    /// nothing of theirs moves before they have, and their calls take a place now.
    pub fn take_over(&mut self, connection: &ConnectionName, state: &State, now: Timestamp) -> Vec<IntentId> {
        if let Some(lane) = self.lanes.get_mut(connection) {
            lane.clear(now);
        }
        self.elsewhere.remove(connection);
        let mut without_end = Vec::new();
        for (intent, open) in state.attempts.in_order() {
            if open.connection != *connection {
                continue;
            }
            let not_before = match &open.standing {
                Standing::Raised => open.raised_at,
                Standing::Started { kind, .. } => {
                    without_end.push(intent);
                    self.recall_interrupted(open, *kind, now);
                    Timestamp::from_millis(i64::MAX)
                }
                Standing::Settled { kind, outcome, at } => self.not_before(intent, open, *kind, outcome, *at),
            };
            self.push(intent, open, not_before);
        }
        without_end
    }

    /// Whether a lane is driven here.
    pub fn drives(&self, connection: &ConnectionName) -> bool {
        self.lanes.contains_key(connection) && !self.elsewhere.contains(connection)
    }

    /// The end to record of an attempt that was started and has none; `None` if it has.
    pub fn interrupted(&self, intent: IntentId, state: &State, now: Timestamp) -> Option<Interrupted> {
        let open = state.attempts.get(intent)?;
        match &open.standing {
            Standing::Started { kind, .. } => self.end_of(intent, open, *kind, now, state),
            Standing::Raised | Standing::Settled { .. } => None,
        }
    }

    /// A call that was interrupted may have left a moment ago: it takes a place now.
    fn recall_interrupted(&mut self, open: &Open, kind: AttemptKind, now: Timestamp) {
        let class = self.accounts.contains_key(&open.connection).then(|| self.class(open, kind));
        if let (Some(class), Some(lane)) = (class, self.lanes.get_mut(&open.connection)) {
            lane.recall(class, now);
        }
    }

    fn end_of(
        &self,
        intent: IntentId,
        open: &Open,
        kind: AttemptKind,
        now: Timestamp,
        state: &State,
    ) -> Option<Interrupted> {
        let account = self.accounts.get(&open.connection)?;
        let mut departure = departure(intent, open, self.class(open, kind), now, state);
        departure.attempt = open.attempts;
        let started = AttemptStarted { call: INTERRUPTED.to_owned(), ..departure.started(kind, "") };
        let is_harmless = match (kind, account.connection.recourse(&open.as_raised.intent)) {
            (AttemptKind::Probe | AttemptKind::Prepare { .. }, _) | (AttemptKind::Act, Recourse::RetrySafely) => true,
            (AttemptKind::Act, Recourse::ProbeFirst | Recourse::ListenFirst | Recourse::AskPerson) => false,
        };
        Some(Interrupted { settled: interrupted(&departure, &started, account), is_harmless })
    }

    /// Sees a step of the past: calls that were made before the engine started count against the limits all the same, and
    /// a platform that did not answer then is asked as carefully as before. A call counts at its end, for it left at any
    /// moment since its start was recorded; what has no end is counted by [`Dispatcher::resume`].
    pub fn recall(&mut self, step: &Step, state: &State) {
        let settled = match &step.happening.event {
            Happening::Settled { settled, .. } => settled,
            Happening::Observed { .. }
            | Happening::Raised(_)
            | Happening::Started(_)
            | Happening::Configured(_)
            | Happening::Instructed(_)
            | Happening::Advanced(_)
            | Happening::Polled(_)
            | Happening::Arranged(_) => return,
        };
        let at = step.happening.recorded_at;
        let account = self.accounts.get(&settled.connection);
        let class = match (settled.call.as_str(), state.attempts.get(settled.intent_id)) {
            (INTERRUPTED, Some(open)) => Some(self.class(open, settled.kind)),
            (INTERRUPTED, None) => None,
            (call, _) => account.and_then(|account| account.connection.class_of_call(call)),
        };
        if let (Some(class), Some(lane)) = (class, self.lanes.get_mut(&settled.connection)) {
            lane.recall(class, at);
        }
        self.hear(settled, at);
    }

    /// Sees a step of the log, after the state has taken it in.
    pub fn see(&mut self, step: &Step, state: &State) {
        let at = step.happening.recorded_at;
        match &step.happening.event {
            Happening::Raised(raised) => {
                if let Some(open) = state.attempts.get(raised.intent_id) {
                    self.push(raised.intent_id, open, at);
                }
            }
            Happening::Settled { settled, .. } => self.settle(settled, state, at),
            // Another engine's call takes its place under the limits here, too.
            Happening::Started(started) => {
                let is_elsewhere =
                    state.attempts.get(started.intent_id).is_some_and(|open| !self.drives(&open.connection));
                if is_elsewhere {
                    self.recall(step, state);
                }
            }
            Happening::Observed { .. }
            | Happening::Configured(_)
            | Happening::Instructed(_)
            | Happening::Advanced(_)
            | Happening::Polled(_)
            | Happening::Arranged(_) => {}
        }
    }

    /// Which attempts are due. Each is in flight from here on, until the log shows its end.
    pub fn due(&mut self, state: &State, now: Timestamp) -> Due {
        let mut due = Due::default();
        for lane in self.lanes.values_mut() {
            loop {
                match lane.next(now) {
                    Next::Attempt(intent, class) => {
                        let open = state.attempts.get(intent).expect("only open intents are queued");
                        due.departures.push(departure(intent, open, class, now, state));
                    }
                    Next::Wait(until) => {
                        due.next = Some(due.next.map_or(until, |known| known.min(until)));
                        break;
                    }
                    Next::Idle => break,
                }
            }
        }
        due
    }

    /// An attempt turned out to fall under another limit than estimated: takes a place there and gives the attempt back,
    /// or queues it until there is one. Nothing of it may be on record yet.
    pub fn permit(&mut self, departure: Departure, class: &'static str, now: Timestamp) -> Option<Departure> {
        let lane = self.lanes.get_mut(&departure.connection)?;
        match lane.permit(class, now) {
            Ok(()) => Some(Departure { class, placed_at: now, ..departure }),
            Err(not_before) => {
                lane.settle(departure.intent, Afterwards::Again { class, not_before });
                lane.hear(Sign::Nothing, now);
                None
            }
        }
    }

    /// Takes a place for a call that carries out no intent, or says when there may be one. A connection without a lane
    /// has no limits.
    pub fn permit_call(&mut self, connection: &ConnectionName, class: &str, now: Timestamp) -> Result<(), Timestamp> {
        self.lanes.get_mut(connection).map_or(Ok(()), |lane| lane.permit(class, now))
    }

    /// How a connection's circuit stands.
    pub fn circuit(&self, connection: &ConnectionName) -> Option<Circuit> {
        self.lanes.get(connection).map(|lane| *lane.circuit())
    }

    /// The lanes, for gauges.
    pub fn lanes(&self) -> impl Iterator<Item = (&ConnectionName, &Lane)> {
        self.lanes.iter()
    }

    fn push(&mut self, intent: IntentId, open: &Open, not_before: Timestamp) {
        let class = self.class(open, next_kind(open));
        // A connection that is no longer configured keeps its intents in the log; nobody can carry them out.
        let Some(lane) = self.lanes.get_mut(&open.connection) else { return };
        if self.elsewhere.contains(&open.connection) {
            return;
        }
        lane.push(Queued { intent, thread: open.thread, sequence: open.sequence, class, not_before });
    }

    fn settle(&mut self, settled: &AttemptSettled, state: &State, at: Timestamp) {
        let afterwards = match state.attempts.get(settled.intent_id) {
            Some(open) => {
                let class = self.class(open, next_kind(open));
                let not_before = self.not_before(settled.intent_id, open, settled.kind, &settled.outcome, at);
                Afterwards::Again { class, not_before }
            }
            None => Afterwards::Done,
        };
        if let Some(lane) = self.lanes.get_mut(&settled.connection) {
            lane.settle(settled.intent_id, afterwards);
        }
        self.hear(settled, at);
    }

    fn hear(&mut self, settled: &AttemptSettled, at: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&settled.connection) else { return };
        lane.hear(Sign::of(settled), at);
    }

    fn not_before(
        &self,
        intent: IntentId,
        open: &Open,
        kind: AttemptKind,
        outcome: &Outcome,
        at: Timestamp,
    ) -> Timestamp {
        let later = at + self.rules.backoff.delay(intent, open.attempts);
        match (outcome, kind) {
            (Outcome::Postponed { until: Some(until), .. }, _) => (*until).max(at),
            // It was asked, and nothing happened there: no reason to wait.
            (Outcome::Postponed { until: None, .. }, AttemptKind::Probe) => at,
            (Outcome::Postponed { until: None, .. }, AttemptKind::Act | AttemptKind::Prepare { .. }) => later,
            // The next page of a list is a new question.
            (Outcome::Uncertain { until: None, .. }, AttemptKind::Probe)
                if open.page.as_ref().is_some_and(|page| page.is_fresh) =>
            {
                at
            }
            // What is still to be heard by itself is waited for.
            (Outcome::Uncertain { until, .. }, _) => {
                let account = self.accounts.get(&open.connection);
                let told_within = account.map_or(Duration::ZERO, |account| account.connection.tells_within());
                later.max(open.uncertain_since.unwrap_or(at) + told_within).max(until.unwrap_or(at))
            }
            (Outcome::Accepted | Outcome::Refused { .. }, _) => at,
        }
    }

    fn class(&self, open: &Open, kind: AttemptKind) -> &'static str {
        // To whom the file is given, and whether at all, is known when it is planned.
        if matches!(kind, AttemptKind::Prepare { .. }) {
            return FETCH;
        }
        let account = self.accounts.get(&open.connection);
        account.map_or("", |account| account.connection.class_of(open.purpose.label(), kind))
    }
}

/// What the next attempt at an intent will do, as far as is known before its connector is asked.
fn next_kind(open: &Open) -> AttemptKind {
    let is_ready = |file: &Filed| file.stored.is_some() || file.taken.is_some() || file.missing.is_some();
    if open.uncertain_since.is_some() {
        AttemptKind::Probe
    } else if matches!(open.purpose, Purpose::Carry { files: true, .. }) && !open.files.values().any(is_ready) {
        AttemptKind::Prepare { file: 0 }
    } else {
        AttemptKind::Act
    }
}

/// The next attempt at an open intent, with what is known now of earlier ones.
pub(crate) fn departure(
    intent: IntentId,
    open: &Open,
    class: &'static str,
    placed_at: Timestamp,
    state: &State,
) -> Departure {
    let doubt = open.uncertain_since.map(|attempted_at| Known {
        conversation: state
            .bindings
            .current(open.thread, &open.connection)
            .and_then(|endpoint| endpoint.theirs.clone()),
        accounted: state.delivery.accounted(open.thread, &open.connection),
        heard: state.assistance.was_heard(open.thread, intent),
        attempted_at,
        refusal: open.refusal.clone(),
        page: open.page.as_ref().map(|page| page.name.clone()),
    });
    Departure {
        intent,
        thread: open.thread,
        connection: open.connection.clone(),
        attempt: open.attempts + 1,
        class,
        placed_at,
        raised_at: open.raised_at,
        doubt,
        files: open.files.clone(),
        unwanted: open.unwanted,
    }
}
