//! The queue of one connection: within a dialogue strict order, across dialogues side by side, within the limits.
//!
//! A pure state machine: intents come in, "attempt this one now" or "ask again then" comes out. It holds ids, not
//! content; so a long queue is small, and whatever it forgets in a crash is found again in the log.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use chatledger_connectors::connector::Limit;
use chatledger_projections::ids::{IntentId, ThreadId};
use chatledger_projections::time::Timestamp;

use super::circuit::{Circuit, CircuitRules, Sign, Standing};
use super::limits::Limits;
use crate::reading::answer::{At, Live, LiveQuota};

/// The queue of one connection.
#[derive(Debug)]
pub struct Lane {
    threads: HashMap<ThreadId, Queue>,
    /// Which dialogue an intent at the head of its queue belongs to.
    heads_of: HashMap<IntentId, ThreadId>,
    /// The heads of the queues that may move, by class and then by when: earliest first, then in order of raising.
    heads: BTreeMap<&'static str, BTreeSet<Head>>,
    limits: Limits,
    circuit: Circuit,
    in_flight: usize,
    in_flight_at_most: usize,
    depth: usize,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Queued>,
    head_in_flight: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Head {
    not_before: Timestamp,
    sequence: u64,
    thread: ThreadId,
}

/// An intent in the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Queued {
    /// Which intent.
    pub intent: IntentId,
    /// Its dialogue.
    pub thread: ThreadId,
    /// Its place among all intents ever raised.
    pub sequence: u64,
    /// The class of its next call.
    pub class: &'static str,
    /// The earliest moment of its next attempt.
    pub not_before: Timestamp,
}

/// What a lane says when it is asked what to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// Attempt this one; it is in flight from here on, and has its place under the limit of this class.
    Attempt(IntentId, &'static str),
    /// Nothing before this moment.
    Wait(Timestamp),
    /// Nothing until something else happens.
    Idle,
}

/// What follows for an intent whose attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Afterwards {
    /// It is done; the next one of its dialogue may go.
    Done,
    /// It is tried again, and its dialogue waits for it.
    Again {
        /// The class of its next call.
        class: &'static str,
        /// The earliest moment.
        not_before: Timestamp,
    },
}

impl Lane {
    /// An empty lane with these quotas and at most so many attempts at once.
    pub fn new(limits: &[Limit], in_flight_at_most: usize, circuit: CircuitRules) -> Self {
        Self {
            threads: HashMap::new(),
            heads_of: HashMap::new(),
            heads: BTreeMap::new(),
            limits: Limits::new(limits),
            circuit: Circuit::new(circuit),
            in_flight: 0,
            in_flight_at_most: in_flight_at_most.max(1),
            depth: 0,
        }
    }

    /// How it is now, for people.
    pub fn told(&self, now: Timestamp) -> Live {
        let open_until = match self.circuit.standing() {
            Standing::Open { until } => Some(At(until)),
            Standing::Closed | Standing::HalfOpen => None,
        };
        let quotas = self.limits.used(now).map(|(class, calls, per, used)| {
            let per_ms = u64::try_from(per.as_millis()).unwrap_or(u64::MAX);
            LiveQuota { class, calls, per_ms, used }
        });
        Live {
            at: At(now),
            circuit: self.circuit.standing().label(),
            open_until,
            in_flight: u32::try_from(self.in_flight).unwrap_or(u32::MAX),
            quotas: quotas.collect(),
        }
    }

    /// An intent joins the end of its dialogue's queue.
    pub fn push(&mut self, queued: Queued) {
        let queue = self.threads.entry(queued.thread).or_default();
        queue.waiting.push_back(queued);
        self.depth += 1;
        if queue.waiting.len() == 1 {
            self.heads_of.insert(queued.intent, queued.thread);
            self.heads.entry(queued.class).or_default().insert(Head::of(&queued));
        }
    }

    /// What to do now.
    pub fn next(&mut self, now: Timestamp) -> Next {
        if self.in_flight >= self.in_flight_at_most {
            return Next::Idle;
        }
        if let Err(later) = self.circuit.leave(now) {
            // With nothing queued there is nothing to wait for.
            return later.filter(|_| self.depth > self.in_flight).map_or(Next::Idle, Next::Wait);
        }
        let mut earliest: Option<Timestamp> = None;
        for (class, heads) in &mut self.heads {
            let Some(head) = heads.first().copied() else { continue };
            let permitted = if head.not_before > now { Err(head.not_before) } else { self.limits.permit(class, now) };
            match permitted {
                Ok(()) => {
                    heads.remove(&head);
                    let queue = self.threads.get_mut(&head.thread).expect("a head has a queue");
                    queue.head_in_flight = true;
                    self.in_flight += 1;
                    self.circuit.depart();
                    let front = queue.waiting.front().expect("a head is its queue's front");
                    return Next::Attempt(front.intent, front.class);
                }
                Err(later) => earliest = Some(earliest.map_or(later, |known| known.min(later))),
            }
        }
        earliest.map_or(Next::Idle, Next::Wait)
    }

    /// Takes a place for a call of another class than the estimate, or says when there will be one.
    pub fn permit(&mut self, class: &str, now: Timestamp) -> Result<(), Timestamp> {
        self.limits.permit(class, now)
    }

    /// A call of this class was made at this moment, before there was a lane.
    pub fn recall(&mut self, class: &str, at: Timestamp) {
        self.limits.recall(class, at);
    }

    /// Forgets what is queued and under way; what the limits and the circuit know stays. For a lane that somebody else
    /// drives from here on, or that is to be filled anew.
    pub fn clear(&mut self, now: Timestamp) {
        self.threads.clear();
        self.heads_of.clear();
        self.heads.clear();
        (self.in_flight, self.depth) = (0, 0);
        self.circuit.see(Sign::Nothing, now);
    }

    /// An attempt ended; by whom is all the same. Only the head of a queue can be attempted.
    pub fn settle(&mut self, intent: IntentId, afterwards: Afterwards) {
        let Some(thread) = self.heads_of.get(&intent).copied() else { return };
        let queue = self.threads.get_mut(&thread).expect("a head has a queue");
        if queue.head_in_flight {
            queue.head_in_flight = false;
            self.in_flight -= 1;
        } else {
            let front = queue.waiting.front().expect("it was just seen");
            let head = Head::of(front);
            if let Some(heads) = self.heads.get_mut(front.class) {
                heads.remove(&head);
            }
        }
        match afterwards {
            Afterwards::Done => {
                queue.waiting.pop_front();
                self.heads_of.remove(&intent);
                self.depth -= 1;
            }
            Afterwards::Again { class, not_before } => {
                let front = queue.waiting.front_mut().expect("it was just seen");
                front.class = class;
                front.not_before = not_before;
            }
        }
        match queue.waiting.front() {
            Some(front) => {
                let (class, head) = (front.class, Head::of(front));
                self.heads_of.insert(front.intent, thread);
                self.heads.entry(class).or_default().insert(head);
            }
            None => {
                self.threads.remove(&thread);
            }
        }
    }

    /// How an attempt's end speaks of the platform.
    pub fn hear(&mut self, sign: Sign, at: Timestamp) {
        self.circuit.see(sign, at);
    }

    /// Whether the platform is left alone.
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// How many intents are queued, those in flight included.
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// How many attempts are in flight.
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }
}

impl Head {
    const fn of(queued: &Queued) -> Self {
        Self { not_before: queued.not_before, sequence: queued.sequence, thread: queued.thread }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatledger_connectors::connector::Quota;
    use std::time::Duration;
    use uuid::Uuid;

    fn queued(intent: u128, thread: u128) -> Queued {
        Queued {
            intent: IntentId::from_uuid(Uuid::from_u128(intent)),
            thread: ThreadId::from_uuid(Uuid::from_u128(thread)),
            sequence: u64::try_from(intent).expect("it is small"),
            class: "send",
            not_before: Timestamp::from_millis(0),
        }
    }

    fn attempt(intent: u128) -> Next {
        Next::Attempt(IntentId::from_uuid(Uuid::from_u128(intent)), "send")
    }

    const CIRCUIT: CircuitRules =
        CircuitRules { after: 2, first: Duration::from_secs(10), cap: Duration::from_secs(60) };

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    #[test]
    fn a_dialogue_keeps_its_order_and_does_not_hold_up_others() {
        let mut lane = Lane::new(&[], 8, CIRCUIT);
        for (intent, thread) in [(1, 1), (2, 1), (3, 2)] {
            lane.push(queued(intent, thread));
        }
        assert_eq!(lane.next(NOW), attempt(1));
        assert_eq!(lane.next(NOW), attempt(3));
        assert_eq!(lane.next(NOW), Next::Idle);
        let first = queued(1, 1);
        lane.settle(first.intent, Afterwards::Done);
        assert_eq!(lane.next(NOW), attempt(2));
    }

    #[test]
    fn what_is_tried_again_keeps_its_place_in_the_dialogue() {
        let mut lane = Lane::new(&[], 8, CIRCUIT);
        lane.push(queued(1, 1));
        lane.push(queued(2, 1));
        let first = queued(1, 1);
        assert_eq!(lane.next(NOW), attempt(1));
        let later = NOW + Duration::from_secs(5);
        lane.settle(first.intent, Afterwards::Again { class: "send", not_before: later });
        assert_eq!(lane.next(NOW), Next::Wait(later));
        assert_eq!(lane.next(later), attempt(1));
        assert_eq!(lane.depth(), 2);
    }

    #[test]
    fn no_more_than_allowed_are_in_flight() {
        let mut lane = Lane::new(&[], 2, CIRCUIT);
        for thread in 1..=3 {
            lane.push(queued(thread, thread));
        }
        assert_eq!(lane.next(NOW), attempt(1));
        assert_eq!(lane.next(NOW), attempt(2));
        assert_eq!(lane.next(NOW), Next::Idle);
        let first = queued(1, 1);
        lane.settle(first.intent, Afterwards::Done);
        assert_eq!(lane.next(NOW), attempt(3));
    }

    #[test]
    fn a_class_that_must_wait_does_not_hold_up_another() {
        let quotas = vec![Quota::at_most(1, Duration::from_secs(60), 1)];
        let mut lane = Lane::new(&[Limit { class: "send", quotas }], 8, CIRCUIT);
        lane.push(queued(1, 1));
        lane.push(queued(2, 2));
        lane.push(Queued { class: "read", ..queued(3, 3) });
        let mut attempted = Vec::new();
        while let Next::Attempt(intent, _) = lane.next(NOW) {
            attempted.push(intent.as_uuid().as_u128());
        }
        attempted.sort_unstable();
        assert_eq!(attempted, [1, 3]);
        assert_eq!(lane.next(NOW), Next::Wait(NOW + Duration::from_secs(60)));
    }

    #[test]
    fn an_end_that_somebody_else_brought_about_frees_the_dialogue() {
        let mut lane = Lane::new(&[], 8, CIRCUIT);
        lane.push(queued(1, 1));
        lane.push(queued(2, 1));
        let first = queued(1, 1);
        lane.settle(first.intent, Afterwards::Done);
        assert_eq!(lane.next(NOW), attempt(2));
        assert_eq!(lane.in_flight(), 1);
    }

    #[test]
    fn a_silent_platform_is_asked_one_at_a_time_after_a_pause() {
        let mut lane = Lane::new(&[], 8, CIRCUIT);
        for thread in 1..=3 {
            lane.push(queued(thread, thread));
        }
        for intent in 1..=2 {
            assert_eq!(lane.next(NOW), attempt(intent));
        }
        for intent in [queued(1, 1).intent, queued(2, 2).intent] {
            lane.settle(intent, Afterwards::Again { class: "send", not_before: NOW });
            lane.hear(Sign::Silent, NOW);
        }
        let later = NOW + Duration::from_secs(10);
        assert_eq!(lane.next(NOW), Next::Wait(later));
        // The one that has waited longest.
        assert_eq!(lane.next(later), attempt(3));
        assert_eq!(lane.next(later), Next::Idle);
        lane.settle(queued(3, 3).intent, Afterwards::Done);
        lane.hear(Sign::Answers, later);
        assert_eq!((lane.next(later), lane.next(later)), (attempt(1), attempt(2)));
    }
}
