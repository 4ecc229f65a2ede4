//! From an event to the rows that it adds: a pure fold beside the engine's own.
//!
//! Takes events in the order of the log, each read already; gives rows. It has a state of its own, for what an event
//! changes can only be told from what was so before. The same events give the same rows, whoever learns them, whenever,
//! and however far: that is why an answer as of a position is what would have been answered then.
//!
//! * [`memory`]: what is remembered so that only changes become rows; [`unplaced`] and [`odd`] are parts of it;
//! * [`touched`]: which dialogues and messages an event is about;
//! * [`attempting`], [`messages`], [`threads`] and [`connections`]: the rows of each; [`document`]: what stands in them.

mod attempting;
mod connections;
pub(super) mod document;
pub(super) mod memory;
mod messages;
mod odd;
mod threads;
mod touched;
mod unplaced;

pub(super) use attempting::snippet;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, Hash};

use chatledger_projections::change::Change;
use chatledger_projections::delivery::MessageIndex;
use chatledger_projections::event::Happening;
use chatledger_projections::fact::Remark;
use chatledger_projections::ids::{ConnectionName, ThreadId};
use chatledger_projections::projection::{Map, Projection as _};
use chatledger_projections::recorded::{Position, Recorded};
use chatledger_projections::state::State;

use self::memory::{ConnectionMemo, Memory, ThreadMemo};
use super::row::{EntryKind, EventKept, Number, Row, Seq};
use crate::pipeline::Reading;

/// Learns events.
#[derive(Debug, Default)]
pub(super) struct Learner {
    state: State,
    memory: Memory,
    seq: Seq,
    clock: i64,
}

/// What one event adds.
#[derive(Debug)]
pub(super) struct Learnt {
    /// Its place among all events.
    pub seq: Seq,
    /// Its place in the log.
    pub position: Position,
    /// Its type.
    pub event_type: &'static str,
    /// The dialogues that it touched.
    pub threads: Vec<ThreadId>,
    /// The rows; the event's own is the first.
    pub rows: Vec<Row>,
}

/// An event with everything that it changed, while its rows are gathered.
struct Step<'a> {
    happening: &'a Recorded<Happening>,
    changes: &'a [Change],
    state: &'a State,
    /// How many messages there were before.
    written_before: usize,
    seq: Seq,
    at: i64,
}

/// What was gathered of one event so far.
#[derive(Default)]
struct Gathered {
    rows: Vec<Row>,
    threads: BTreeSet<ThreadId>,
    messages: BTreeMap<u32, MessageIndex>,
    connections: BTreeSet<ConnectionName>,
    ordinal: i64,
}

impl Gathered {
    /// Something happened in a dialogue.
    fn entry(&mut self, thread: Number, at: i64, what: EntryKind, message: Option<MessageIndex>, body: Option<String>) {
        let ordinal = self.ordinal;
        self.ordinal += 1;
        let message = message.map(|index| Number::from(index.place()));
        self.rows.push(Row::Entry { thread, at, ordinal, what, message, body });
    }
}

impl Learner {
    /// How many events were learnt.
    pub const fn seq(&self) -> Seq {
        self.seq
    }

    /// Learns the next event of the log.
    pub fn learn(&mut self, reading: Reading) -> Learnt {
        let (event_type, happening, remarks) = reading.into_parts();
        self.seq += 1;
        let at = happening.recorded_at.as_millis();
        self.clock = self.clock.max(at);
        let written_before = self.state.delivery.len();
        let changes = self.state.evolve(&happening);
        let step =
            Step { happening: &happening, changes: &changes, state: &self.state, written_before, seq: self.seq, at };
        let memory = &mut self.memory;
        let mut gathered = Gathered::default();
        memory.touch(&step, &mut gathered);
        memory.see_attempts(&step, &mut gathered);
        memory.see_messages(&step, &mut gathered);
        memory.see_entries(&step, &mut gathered);
        memory.see_threads(&step, &mut gathered);
        memory.see_connections(&step, &mut gathered);
        let about = memory.connection_of(&step, &mut gathered.rows);
        memory.see_oddities(about, &remarks, &changes, &mut gathered.rows);
        let threads: Vec<ThreadId> = gathered.threads.into_iter().collect();
        let numbers: Vec<Number> =
            threads.iter().filter_map(|thread| memory.threads.get(thread)).map(|memo| memo.number).collect();
        gathered.rows.extend(numbers.iter().map(|thread| Row::Touched { thread: *thread, seq: self.seq }));
        let kept = EventKept {
            position: happening.position,
            id: happening.id.as_uuid().into_bytes(),
            event_type,
            at,
            clock: self.clock,
            stream: happening.stream.as_str().to_owned(),
            revision: happening.revision,
            connection: about,
            threads: numbers,
        };
        gathered.rows.push(Row::Event(kept));
        Learnt { seq: self.seq, position: happening.position, event_type, threads, rows: gathered.rows }
    }
}

impl Memory {
    /// A connection's memo; made when it is met.
    fn connection<'a>(&'a mut self, name: &ConnectionName, rows: &mut Vec<Row>) -> &'a mut ConnectionMemo {
        if !self.connections.contains_key(name) {
            let number = self.connections.len() as Number + 1;
            rows.push(Row::Connection { connection: number, name: name.to_string() });
            self.connections.insert(name.clone(), ConnectionMemo::new(number));
        }
        self.connections.get_mut(name).expect("it is there now")
    }

    /// A dialogue's memo; made when it is heard of.
    fn thread<'a>(&'a mut self, thread: ThreadId, rows: &mut Vec<Row>) -> &'a mut ThreadMemo {
        let number = self.threads.len() as Number + 1;
        self.threads.entry(thread).or_insert_with(|| {
            rows.push(Row::Thread { thread: number, id: thread.to_string() });
            ThreadMemo {
                number,
                is_open: false,
                open: 0,
                held: 0,
                last: None,
                version: None,
                faces: 0,
                names: Vec::new(),
            }
        })
    }

    /// The connection that an event is about.
    fn connection_of(&mut self, step: &Step<'_>, rows: &mut Vec<Row>) -> Option<Number> {
        let connection = match &step.happening.event {
            Happening::Observed { connection, .. } => connection.clone(),
            Happening::Raised(raised) => raised.connection.clone(),
            Happening::Started(started) => self.intents.get(&started.intent_id)?.connection.clone(),
            Happening::Settled { settled, .. } => settled.connection.clone(),
            Happening::Polled(polled) => polled.connection.clone(),
            Happening::Configured(_) | Happening::Instructed(_) | Happening::Advanced(_) | Happening::Arranged(_) => {
                return None;
            }
        };
        Some(self.connection(&connection, rows).number)
    }

    fn see_oddities(&mut self, about: Option<Number>, remarks: &[Remark], changes: &[Change], rows: &mut Vec<Row>) {
        for remark in remarks {
            self.odd.remark(about.unwrap_or(0), remark, rows);
        }
        for change in changes {
            if let Change::Anomaly(anomaly) = change {
                let connection = anomaly.connection.as_ref().map(|name| self.connection(name, rows).number);
                self.odd.anomaly(connection, anomaly, rows);
            }
        }
    }
}

/// A mark by which a value is known again: the same in every run.
fn mark(value: &impl Hash) -> u64 {
    Map::<(), ()>::default().hasher().hash_one(value)
}

/// The same, shorter, for what there are millions of.
fn short_mark(value: &impl Hash) -> u32 {
    let mark = mark(value);
    (mark ^ (mark >> 32)) as u32
}
