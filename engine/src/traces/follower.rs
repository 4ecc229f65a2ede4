//! From the steps of the log to the spans of its traces. Pure: time is an argument, and who may tell what, too.
//!
//! ```text
//! webhook ─▶ decide ─┬▶ wait ──▶ call        (each attempt: its waiting, then itself)
//!                    ├▶ wait ──▶ call ─▶ decide ─▶ …        (an answer may be what something follows from)
//!                    └▶ delivered, read      (other webhooks told it: each has a trace of its own, and links lead across)
//! ```
//!
//! What is remembered is what open intents need, and for messages that were carried so much as is bounded here.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use chatledger_projections::change::Change;
use chatledger_projections::delivery::Origin;
use chatledger_projections::event::{AttemptSettled, Happening, IntentRaised};
use chatledger_projections::fact::DeliveryState;
use chatledger_projections::ids::{ConnectionName, EventId, IntentId, ThreadId};
use chatledger_projections::outcome::{AttemptKind, Outcome};
use chatledger_projections::recorded::Recorded;
use chatledger_projections::time::Timestamp;

use super::span::{Ending, Mark, Span, SpanId, SpanKind, TraceId};
use crate::pipeline::Step;

/// How many messages are remembered by their origin, so that what is told of them later finds their trace. Of an older one
/// the webhook has its own trace only.
const CARRIED_AT_MOST: usize = 32 * 1024;

/// How many causes are remembered for the intents that follow from them; those are raised within moments.
const CAUSES_AT_MOST: usize = 16 * 1024;

/// Which part of the work is this engine's, so that of several engines one tells each span.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// Whether it decides.
    pub decides: bool,
    /// Whether it drives the lane of a connection.
    pub drives: &'a dyn Fn(&ConnectionName) -> bool,
}

impl std::fmt::Debug for Part<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Part").field("decides", &self.decides).finish_non_exhaustive()
    }
}

/// Knows the traces that are under way.
#[derive(Debug)]
pub struct Follower {
    open: HashMap<IntentId, Open>,
    causes: Bounded<EventId, Cause>,
    carried: Bounded<Origin, Carried>,
}

impl Default for Follower {
    fn default() -> Self {
        Self { open: HashMap::new(), causes: Bounded::of(CAUSES_AT_MOST), carried: Bounded::of(CARRIED_AT_MOST) }
    }
}

/// An intent that is not done yet.
#[derive(Debug)]
struct Open {
    trace: TraceId,
    cause: EventId,
    thread: ThreadId,
    connection: ConnectionName,
    label: &'static str,
    carries: Option<Origin>,
    waits_since: Timestamp,
    started_at: Option<Timestamp>,
}

/// What something follows from.
#[derive(Clone, Debug)]
enum Cause {
    /// The first of its trace.
    First { at: Timestamp, connection: Option<ConnectionName> },
    /// The end of an attempt, which belongs to a trace already.
    Attempt { trace: TraceId, span: SpanId },
}

/// A message that was carried across.
#[derive(Clone, Copy, Debug)]
struct Carried {
    trace: TraceId,
    decided: SpanId,
    taken_at: Timestamp,
}

impl Follower {
    /// Takes in a step of the past. Nothing is told of it: whoever lived then did.
    pub fn learn(&mut self, step: &Step) {
        let at = step.happening.recorded_at;
        if !step.intents.is_empty() {
            let cause = self.cause_of(&step.happening);
            self.causes.insert(step.happening.id, cause);
        }
        match &step.happening.event {
            Happening::Raised(raised) => self.raise(raised, at),
            Happening::Started(started) => {
                if let Some(open) = self.open.get_mut(&started.intent_id) {
                    open.started_at = Some(at);
                }
            }
            Happening::Settled { settled, .. } => self.settle(settled, at),
            Happening::Observed { .. }
            | Happening::Configured(_)
            | Happening::Instructed(_)
            | Happening::Advanced(_)
            | Happening::Polled(_)
            | Happening::Arranged(_) => {}
        }
    }

    /// Takes in the next step, and tells what came to its end with it and is this engine's part. `now` is when it was taken
    /// in.
    pub fn see(&mut self, step: &Step, part: Part<'_>, now: Timestamp) -> Vec<Span> {
        let mut spans = Vec::new();
        let at = step.happening.recorded_at;
        match &step.happening.event {
            Happening::Observed { connection, .. } if part.decides => {
                let told = self.told(step);
                let mut span = received(step.happening.id, Some(connection), at, now);
                span.marks.push(("chatledger.follows", count(step.intents.len())));
                span.links = told.iter().map(|told| (told.trace, told.id)).collect();
                spans.push(span);
                spans.extend(told);
            }
            Happening::Instructed(_) if part.decides => spans.push(received(step.happening.id, None, at, now)),
            Happening::Started(started) => {
                let open = self.open.get(&started.intent_id).filter(|open| (part.drives)(&open.connection));
                spans.extend(open.map(|open| open.waited(started.intent_id, started.attempt, at)));
            }
            Happening::Settled { settled, .. } if (part.drives)(&settled.connection) => {
                let open = self.open.get(&settled.intent_id);
                spans.extend(open.map(|open| open.attempted(settled, at)));
            }
            Happening::Observed { .. }
            | Happening::Settled { .. }
            | Happening::Instructed(_)
            | Happening::Raised(_)
            | Happening::Configured(_)
            | Happening::Advanced(_)
            | Happening::Polled(_)
            | Happening::Arranged(_) => {}
        }
        self.learn(step);
        spans
    }

    /// That these intents are to be raised, decided at `began`: one span for each cause, in the order of the intents. It
    /// ends when they are on record, which whoever records them says.
    pub fn decided<'a>(&self, intents: impl IntoIterator<Item = &'a IntentRaised>, began: Timestamp) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for raised in intents {
            let id = SpanId::decided(raised.cause);
            match spans.iter_mut().rev().find(|span| span.id == id) {
                Some(span) => add_one(span),
                None => spans.push(self.decision(raised, began)),
            }
        }
        spans
    }

    /// The first spans of the traces of these intents: of those whom an earlier life left behind without a word.
    pub fn left_behind(&self, intents: &[IntentRaised], now: Timestamp) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for raised in intents {
            if let Some(Cause::First { at, connection }) = self.causes.get(&raised.cause)
                && !spans.iter().any(|span| span.id == SpanId::received(raised.cause))
            {
                spans.push(received(raised.cause, connection.as_ref(), *at, now));
            }
        }
        spans
    }

    fn decision(&self, raised: &IntentRaised, began: Timestamp) -> Span {
        let (trace, parent) = self.place_of(raised.cause);
        Span {
            trace,
            id: SpanId::decided(raised.cause),
            parent: Some(parent),
            links: Vec::new(),
            name: "decide".to_owned(),
            kind: SpanKind::Alone,
            began,
            ended: began,
            marks: vec![
                ("chatledger.thread", raised.thread.to_string().into()),
                ("chatledger.policy", raised.policy.clone().into()),
                (INTENTS, Mark::Number(1)),
            ],
            ending: Ending::Plain,
        }
    }

    /// The trace to which what follows from an event belongs, and the span that it comes from.
    fn place_of(&self, cause: EventId) -> (TraceId, SpanId) {
        match self.causes.get(&cause) {
            Some(Cause::Attempt { trace, span }) => (*trace, *span),
            // An event that is not remembered is the first of its trace: ends of attempts are needed only for moments.
            Some(Cause::First { .. }) | None => (TraceId::of(cause), SpanId::received(cause)),
        }
    }

    fn cause_of(&self, happening: &Recorded<Happening>) -> Cause {
        let at = happening.recorded_at;
        match &happening.event {
            Happening::Settled { settled, .. } => match self.open.get(&settled.intent_id) {
                Some(open) => {
                    Cause::Attempt { trace: open.trace, span: SpanId::attempted(settled.intent_id, settled.attempt) }
                }
                None => Cause::First { at, connection: None },
            },
            Happening::Observed { connection, .. } => Cause::First { at, connection: Some(connection.clone()) },
            Happening::Raised(_)
            | Happening::Started(_)
            | Happening::Configured(_)
            | Happening::Instructed(_)
            | Happening::Advanced(_)
            | Happening::Polled(_)
            | Happening::Arranged(_) => Cause::First { at, connection: None },
        }
    }

    fn raise(&mut self, raised: &IntentRaised, at: Timestamp) {
        let (trace, _) = self.place_of(raised.cause);
        let open = Open {
            trace,
            cause: raised.cause,
            thread: raised.thread,
            connection: raised.connection.clone(),
            label: raised.intent.label(),
            carries: raised.carries.clone(),
            waits_since: at,
            started_at: None,
        };
        self.open.insert(raised.intent_id, open);
    }

    fn settle(&mut self, settled: &AttemptSettled, at: Timestamp) {
        if !settled.ends_intent() {
            if let Some(open) = self.open.get_mut(&settled.intent_id) {
                (open.waits_since, open.started_at) = (at, None);
            }
            return;
        }
        let Some(done) = self.open.remove(&settled.intent_id) else { return };
        if let (Some(origin), Outcome::Accepted) = (done.carries, &settled.outcome) {
            let decided = SpanId::decided(done.cause);
            self.carried.insert(origin, Carried { trace: done.trace, decided, taken_at: at });
        }
    }

    /// What a webhook tells of messages that were carried before: a span in the trace of each.
    fn told(&self, step: &Step) -> Vec<Span> {
        let (event, at) = (step.happening.id, step.happening.recorded_at);
        let told = |change: &Change| {
            let Change::DeliveryRose { thread, origin, state, .. } = change else { return None };
            let carried = self.carried.get(origin)?;
            let ending = match state {
                DeliveryState::Failed => Ending::Bad("failed"),
                DeliveryState::Delivered | DeliveryState::Read => Ending::Good,
                DeliveryState::Raised | DeliveryState::Sent => Ending::Plain,
            };
            Some(Span {
                trace: carried.trace,
                id: SpanId::told(event, origin, *state),
                parent: Some(carried.decided),
                links: vec![(TraceId::of(event), SpanId::received(event))],
                name: state.label().to_owned(),
                kind: SpanKind::Alone,
                began: carried.taken_at.min(at),
                ended: at,
                marks: vec![
                    ("chatledger.event", event.to_string().into()),
                    ("chatledger.thread", thread.to_string().into()),
                    ("chatledger.delivery", state.label().into()),
                ],
                ending,
            })
        };
        step.changes.iter().filter_map(told).collect()
    }
}

impl Open {
    fn waited(&self, intent: IntentId, attempt: u32, until: Timestamp) -> Span {
        let id = SpanId::waited(intent, attempt);
        let marks = self.marks(intent, attempt);
        let name = format!("wait for {}", self.connection);
        self.span(id, name, SpanKind::Alone, (self.waits_since, until), marks, Ending::Plain)
    }

    fn attempted(&self, settled: &AttemptSettled, at: Timestamp) -> Span {
        let id = SpanId::attempted(settled.intent_id, settled.attempt);
        let mut marks = self.marks(settled.intent_id, settled.attempt);
        let purpose = match settled.kind {
            AttemptKind::Act => "act",
            AttemptKind::Probe => "probe",
            AttemptKind::Prepare { .. } => "prepare",
        };
        marks.extend([
            ("chatledger.platform", settled.platform.as_str().into()),
            ("chatledger.call", settled.call.as_str().into()),
            ("chatledger.purpose", purpose.into()),
            ("chatledger.outcome", settled.outcome.label().into()),
        ]);
        if let Some(reply) = &settled.reply {
            marks.push(("http.response.status_code", Mark::Number(i64::from(reply.status))));
        }
        let ending = match &settled.outcome {
            Outcome::Accepted => Ending::Good,
            Outcome::Postponed { .. } => Ending::Plain,
            Outcome::Refused { .. } | Outcome::Uncertain { .. } => Ending::Bad(settled.outcome.label()),
        };
        let began = self.started_at.unwrap_or(at);
        self.span(id, format!("{} {}", self.label, self.connection), SpanKind::Asking, (began, at), marks, ending)
    }

    fn marks(&self, intent: IntentId, attempt: u32) -> Vec<(&'static str, Mark)> {
        vec![
            ("chatledger.connection", self.connection.as_str().into()),
            ("chatledger.thread", self.thread.to_string().into()),
            ("chatledger.intent", intent.to_string().into()),
            ("chatledger.kind", self.label.into()),
            ("chatledger.attempt", Mark::Number(i64::from(attempt))),
        ]
    }

    fn span(
        &self,
        id: SpanId,
        name: String,
        kind: SpanKind,
        (began, ended): (Timestamp, Timestamp),
        marks: Vec<(&'static str, Mark)>,
        ending: Ending,
    ) -> Span {
        let (trace, parent) = (self.trace, Some(SpanId::decided(self.cause)));
        Span { trace, id, parent, links: Vec::new(), name, kind, began, ended: ended.max(began), marks, ending }
    }
}

const INTENTS: &str = "chatledger.intents";

fn add_one(span: &mut Span) {
    for (name, mark) in &mut span.marks {
        if let (&mut INTENTS, Mark::Number(intents)) = (name, mark) {
            *intents += 1;
        }
    }
}

/// The first span of a trace: from when the event was recorded until it was taken in.
fn received(event: EventId, connection: Option<&ConnectionName>, at: Timestamp, now: Timestamp) -> Span {
    let (name, kind) = match connection {
        Some(connection) => (format!("webhook {connection}"), SpanKind::Asked),
        None => ("instruction".to_owned(), SpanKind::Alone),
    };
    let mut marks = vec![("chatledger.event", event.to_string().into())];
    marks.extend(connection.map(|connection| ("chatledger.connection", connection.as_str().into())));
    Span {
        trace: TraceId::of(event),
        id: SpanId::received(event),
        parent: None,
        links: Vec::new(),
        name,
        kind,
        began: at,
        ended: now.max(at),
        marks,
        ending: Ending::Plain,
    }
}

fn count(of: usize) -> Mark {
    Mark::Number(i64::try_from(of).unwrap_or(i64::MAX))
}

/// A map that forgets what it was told first.
#[derive(Debug)]
struct Bounded<K, V> {
    at_most: usize,
    known: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K: Eq + Hash + Clone, V> Bounded<K, V> {
    fn of(at_most: usize) -> Self {
        Self { at_most, known: HashMap::new(), order: VecDeque::new() }
    }

    fn insert(&mut self, key: K, value: V) {
        if self.known.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > self.at_most
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.known.get(key)
    }
}

#[cfg(test)]
#[path = "follower_tests.rs"]
mod tests;
