//! A log in memory, for tests, demonstrations and simulation. Clones share it; it is gone with the last of them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chatledger_projections::ids::EventId;
use chatledger_projections::recorded::{Position, Revision, StreamName};
use tokio::sync::watch;

use super::expectation::{StreamSoFar, Verdict, check_sizes, judge};
use super::{
    Append, AppendError, Appended, EventLog, Following, LARGEST_EVENT, ReadError, StoredEvent, StoredEventRef,
};

/// A log in memory.
#[derive(Clone, Debug)]
pub struct MemoryLog {
    shelf: Arc<Mutex<Shelf>>,
    /// How many events there are; what followers wait on. In the same `Arc` world as the shelf, so that clones share it.
    length: Arc<watch::Sender<usize>>,
    largest_event: usize,
}

/// What is stored. An event's position is its place in `events`, counted from one.
#[derive(Debug, Default)]
struct Shelf {
    events: Vec<StoredEvent>,
    streams: HashMap<StreamName, Vec<usize>>,
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::with_largest_event(LARGEST_EVENT)
    }
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty log that refuses events of more bytes than this.
    pub fn with_largest_event(largest_event: usize) -> Self {
        Self { shelf: Arc::default(), length: Arc::new(watch::Sender::new(0)), largest_event }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        lock(&self.shelf)
    }
}

/// Every change of the shelf is finished by one call that cannot panic, so a poisoned lock guards a sound shelf.
fn lock(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        check_sizes(&append, self.largest_event)?;
        let mut shelf = self.shelf();
        let appended = shelf.append(append)?;
        // Under the lock, so that lengths are told in order.
        self.length.send_replace(shelf.events.len());
        Ok(appended)
    }

    async fn append_all(&self, appends: Vec<Append>) -> Vec<Result<Appended, AppendError>> {
        let mut answers = Vec::with_capacity(appends.len());
        for append in appends {
            answers.push(self.append(append).await);
        }
        answers
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Revision,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, ReadError> {
        let shelf = self.shelf();
        let places = shelf.streams.get(stream).map(Vec::as_slice).unwrap_or_default();
        let from = usize::try_from(from.as_u64()).unwrap_or(usize::MAX);
        Ok(places.iter().skip(from).take(limit).map(|place| shelf.events[*place].clone()).collect())
    }

    async fn read_all(&self, after: Option<Position>, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        Ok(self.shelf().after(after).iter().take(limit).cloned().collect())
    }

    async fn read_backwards(&self, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        Ok(self.shelf().events.iter().rev().take(limit).cloned().collect())
    }

    async fn follow(&self, after: Option<Position>) -> Result<Box<dyn Following>, ReadError> {
        Ok(Box::new(MemoryFollowing {
            caught_up: self.shelf().after(after).is_empty(),
            shelf: Arc::clone(&self.shelf),
            length: self.length.subscribe(),
            after,
        }))
    }

    fn scan(
        &self,
        after: Option<Position>,
        page: usize,
        each: &mut dyn FnMut(StoredEventRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let mut after = after;
        loop {
            // A copy, because `each` may want to append.
            let events: Vec<_> = self.shelf().after(after).iter().take(page.max(1)).cloned().collect();
            for event in &events {
                if each(event.as_ref()).is_break() {
                    return Ok(());
                }
            }
            match events.last() {
                Some(last) => after = Some(last.position),
                None => return Ok(()),
            }
        }
    }
}

impl Shelf {
    fn append(&mut self, append: Append) -> Result<Appended, AppendError> {
        let places = self.streams.get(&append.stream).map(Vec::as_slice).unwrap_or_default();
        let Ok(verdict) = judge(&append, &ShelfStream { events: &self.events, places });
        match verdict {
            Verdict::Answer(appended) => Ok(appended),
            Verdict::Conflict { actual } => Err(AppendError::Conflict { stream: append.stream, actual }),
            Verdict::Store { first } => {
                let Append { stream, events, expected: _ } = append;
                let places = self.streams.entry(stream.clone()).or_default();
                let mut revision = first;
                for event in events {
                    places.push(self.events.len());
                    self.events.push(StoredEvent {
                        id: event.id,
                        stream: stream.clone(),
                        revision,
                        position: position_of(self.events.len()),
                        event_type: event.event_type,
                        data: event.data,
                        metadata: event.metadata,
                    });
                    revision = revision.next();
                }
                let last = self.events.last();
                Ok(Appended {
                    last_revision: last.map(|event| event.revision),
                    position: last.map(|event| event.position),
                    already: false,
                })
            }
        }
    }

    fn after(&self, after: Option<Position>) -> &[StoredEvent] {
        let skipped = after.map_or(0, |after| usize::try_from(after.commit()).unwrap_or(usize::MAX));
        self.events.get(skipped..).unwrap_or_default()
    }
}

fn position_of(place: usize) -> Position {
    Position::new(place as u64 + 1)
}

struct ShelfStream<'a> {
    events: &'a [StoredEvent],
    places: &'a [usize],
}

impl StreamSoFar for ShelfStream<'_> {
    type Error = Infallible;

    fn last(&self) -> Result<Option<Revision>, Infallible> {
        Ok(self.places.len().checked_sub(1).map(|last| Revision::new(last as u64)))
    }

    fn at(&self, revision: Revision) -> Result<Option<(EventId, Position)>, Infallible> {
        let place = usize::try_from(revision.as_u64()).ok().and_then(|index| self.places.get(index));
        Ok(place.map(|place| (self.events[*place].id, self.events[*place].position)))
    }

    fn holds(&self, id: EventId) -> Result<bool, Infallible> {
        Ok(self.places.iter().any(|place| self.events[*place].id == id))
    }
}

struct MemoryFollowing {
    shelf: Arc<Mutex<Shelf>>,
    length: watch::Receiver<usize>,
    after: Option<Position>,
    caught_up: bool,
}

#[async_trait]
impl Following for MemoryFollowing {
    async fn next(&mut self, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        loop {
            // Marked before looking, so that whatever comes after the look wakes the wait.
            self.length.mark_unchanged();
            {
                let shelf = lock(&self.shelf);
                let rest = shelf.after(self.after);
                let events: Vec<_> = rest.iter().take(limit.max(1)).cloned().collect();
                self.caught_up = events.len() == rest.len();
                if let Some(last) = events.last() {
                    self.after = Some(last.position);
                    return Ok(events);
                }
            }
            self.length.changed().await.map_err(|closed| ReadError::Unavailable(closed.into()))?;
        }
    }

    fn is_caught_up(&self) -> bool {
        self.caught_up
    }
}
