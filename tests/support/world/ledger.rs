//! The log of a world: events in memory, under the real rule of what may be appended where, and faults as the script has them.
//!
//! Takes entries as the engine would append them; answers as a log does, or fails as one. What is stored is never changed.

use std::collections::HashMap;
use std::convert::Infallible;

use chatledger::log::expectation::{StreamSoFar, Verdict, judge};
use chatledger::log::failing::Fault;
use chatledger::log::{
    Append, AppendError, Appended, BoxedError, ExpectedRevision, NewEvent, StoredEvent, codec, naming,
};
use chatledger_projections::duties::Arrangement;
use chatledger_projections::event::{AttemptSettled, AttemptStarted, Event, IntentRaised};
use chatledger_projections::ids::{EventId, IntentId};
use chatledger_projections::recorded::{Position, Recorded, Revision, StreamName};
use chatledger_projections::time::Timestamp;

/// An event on its way into the log.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Entry {
    pub(super) id: EventId,
    pub(super) stream: StreamName,
    pub(super) expected: ExpectedRevision,
    pub(super) event: Event,
}

impl Entry {
    /// A webhook under the id that its connector gave it.
    pub(super) fn webhook(id: EventId, event: Event) -> Self {
        Self { id, stream: StreamName::webhook(id), expected: ExpectedRevision::NoStream, event }
    }

    /// An intent.
    pub(super) fn raised(raised: IntentRaised) -> Self {
        let stream = StreamName::intent(raised.intent_id);
        Self::of(stream, ExpectedRevision::NoStream, Event::IntentRaised(raised))
    }

    /// The start of an attempt: behind the intent, or behind the end of the one before.
    pub(super) fn started(started: AttemptStarted) -> Self {
        let expected = u64::from(started.attempt) * 2 - 2;
        let stream = StreamName::intent(started.intent_id);
        Self::of(stream, ExpectedRevision::Exact(Revision::new(expected)), Event::AttemptStarted(started))
    }

    /// The end of an attempt: behind its start.
    pub(super) fn settled(settled: AttemptSettled) -> Self {
        let expected = u64::from(settled.attempt) * 2 - 1;
        let stream = StreamName::intent(settled.intent_id);
        Self::of(stream, ExpectedRevision::Exact(Revision::new(expected)), Event::AttemptSettled(settled))
    }

    /// What an engine says of who does what.
    pub(super) fn arranged(arrangement: Arrangement, expected: ExpectedRevision) -> Self {
        let event = Event::Arranged(arrangement);
        // Of what is derived from the event alone the stream is a part.
        let stream = naming::stream_of(&event, EventId::derived(&[b"unused"]));
        Self::of(stream, expected, event)
    }

    fn of(stream: StreamName, expected: ExpectedRevision, event: Event) -> Self {
        let revision = match expected {
            ExpectedRevision::NoStream => Revision::FIRST,
            ExpectedRevision::Exact(last) => last.next(),
        };
        let id = naming::event_id(&event, revision).expect("only webhooks bring their own id");
        Self { id, stream, expected, event }
    }
}

/// The log.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) events: Vec<Recorded<Event>>,
    pub(super) intents: HashMap<IntentId, IntentRaised>,
    streams: HashMap<StreamName, Vec<(EventId, Position)>>,
}

impl Ledger {
    /// An entry for the end of a stream, wherever that is.
    pub(super) fn at_end_of(&self, stream: StreamName, event: Event) -> Entry {
        let last = self.streams.get(&stream).and_then(|held| held.len().checked_sub(1));
        let expected =
            last.map_or(ExpectedRevision::NoStream, |last| ExpectedRevision::Exact(Revision::new(last as u64)));
        Entry::of(stream, expected, event)
    }

    /// Appends, unless a fault keeps it from it. Gives the answer that whoever asked gets.
    pub(super) fn append(
        &mut self,
        entry: &Entry,
        fault: Option<Fault>,
        now: Timestamp,
    ) -> Result<Appended, AppendError> {
        let stream = || entry.stream.clone();
        let cause = || BoxedError::from("a fault made on purpose");
        match fault {
            None => self.store(entry, now),
            Some(Fault::Refuse) => Err(AppendError::Unavailable { stream: stream(), cause: cause() }),
            Some(Fault::LoseRequest) => Err(AppendError::Unknown { stream: stream(), cause: cause() }),
            Some(Fault::LoseAnswer | Fault::Hang) => {
                // Whatever it was, nobody hears it.
                let _lost = self.store(entry, now);
                Err(AppendError::Unknown { stream: stream(), cause: cause() })
            }
        }
    }

    fn store(&mut self, entry: &Entry, now: Timestamp) -> Result<Appended, AppendError> {
        let held = self.streams.get(&entry.stream).map(Vec::as_slice).unwrap_or_default();
        // The rule looks at ids and places only.
        let named = NewEvent { id: entry.id, event_type: String::new(), data: Vec::new(), metadata: Vec::new() };
        let append = Append { stream: entry.stream.clone(), expected: entry.expected, events: vec![named] };
        let Ok(verdict) = judge(&append, &Held(held));
        match verdict {
            Verdict::Answer(appended) => Ok(appended),
            Verdict::Conflict { actual } => Err(AppendError::Conflict { stream: append.stream, actual }),
            Verdict::Store { first } => {
                let position = Position::new(self.events.len() as u64 + 1);
                self.streams.entry(append.stream).or_default().push((entry.id, position));
                if let Event::IntentRaised(raised) = &entry.event {
                    self.intents.insert(raised.intent_id, raised.clone());
                }
                self.events.push(Recorded {
                    id: entry.id,
                    stream: entry.stream.clone(),
                    revision: first,
                    position,
                    recorded_at: now,
                    event: entry.event.clone(),
                });
                Ok(Appended { last_revision: Some(first), position: Some(position), already: false })
            }
        }
    }

    /// Every event as it would come back from a store: sealed and opened by the codec.
    pub(super) fn read_back(&self) -> Vec<Recorded<Event>> {
        self.events.iter().map(read_back).collect()
    }
}

fn read_back(recorded: &Recorded<Event>) -> Recorded<Event> {
    let sealed = codec::seal(&recorded.event, recorded.id, recorded.recorded_at, None, None);
    let stored = StoredEvent {
        id: sealed.id,
        stream: recorded.stream.clone(),
        revision: recorded.revision,
        position: recorded.position,
        event_type: sealed.event_type,
        data: sealed.data,
        metadata: sealed.metadata,
    };
    codec::open(stored).expect("what the codec sealed it can open")
}

/// What one stream holds.
struct Held<'a>(&'a [(EventId, Position)]);

impl StreamSoFar for Held<'_> {
    type Error = Infallible;

    fn last(&self) -> Result<Option<Revision>, Infallible> {
        Ok(self.0.len().checked_sub(1).map(|last| Revision::new(last as u64)))
    }

    fn at(&self, revision: Revision) -> Result<Option<(EventId, Position)>, Infallible> {
        Ok(usize::try_from(revision.as_u64()).ok().and_then(|place| self.0.get(place)).copied())
    }

    fn holds(&self, id: EventId) -> Result<bool, Infallible> {
        Ok(self.0.iter().any(|(held, _)| *held == id))
    }
}
