//! A log carried from one store to another: every event with its id, its stream, its place and its bytes, in one order.
//!
//! Takes two logs; the second is empty, or holds a beginning of the first, as a copy that broke off leaves it. What it
//! holds is compared byte for byte before anything is added, so repeating a copy stores nothing twice, and a target that
//! holds something else is left as it is. Positions are a store's own and are not carried.

use chatledger_projections::recorded::{Position, Revision};

use super::{Append, AppendError, BoxedError, EventLog, ExpectedRevision, NewEvent, ReadError, StoredEvent};

/// How many events are read at a time.
const PAGE: usize = 512;

/// How much became of a copy.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Copied {
    /// Events that were stored.
    pub stored: u64,
    /// Events that were there already, byte for byte.
    pub already: u64,
}

/// Why a copy came to no end. Unless the target holds something else, repeating it goes on where it ended.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The source cannot be read.
    #[error("the source cannot be read")]
    Source(#[source] ReadError),
    /// The target cannot be read.
    #[error("the target cannot be read")]
    Target(#[source] ReadError),
    /// The target holds something else than the source.
    #[error(
        "the target holds something else: its event at position {target} ({found}) is not the source's at {source_position} ({expected}); copy into a log of its own"
    )]
    Different {
        /// Where in the target.
        target: Position,
        /// What stands there.
        found: String,
        /// Where in the source.
        source_position: Position,
        /// What stands there.
        expected: String,
    },
    /// The target holds more than the source.
    #[error("the target holds more than the source, from its position {target} on; copy into a log of its own")]
    Longer {
        /// From where on.
        target: Position,
    },
    /// The target has less than the source although it has taken everything.
    #[error("the target has taken everything and lacks the source's event at position {source_position}")]
    Lacking {
        /// Which event.
        source_position: Position,
    },
    /// The target did not take an event.
    #[error("the source's event at position {source_position} cannot be stored")]
    NotStored {
        /// Which event.
        source_position: Position,
        /// What the target said.
        #[source]
        cause: BoxedError,
    },
}

/// Copies everything up to a position of the source (inclusive). `each` is told of every page.
pub async fn copy(
    from: &dyn EventLog,
    to: &dyn EventLog,
    until: Position,
    each: &mut (dyn FnMut(Copied) + Send),
) -> Result<Copied, CopyError> {
    let mut copied = Copied::default();
    let mut places = Places::default();
    loop {
        let (events, held) = places.next(from, to, until).await?;
        let mut page = Copied { stored: 0, already: held as u64 };
        for slice in in_slices(events.into_iter().skip(held)) {
            append(to, slice, &mut page).await?;
        }
        copied.stored += page.stored;
        copied.already += page.already;
        each(page);
        if page == Copied::default() {
            return Ok(copied);
        }
    }
}

/// Compares both, byte for byte, up to a position of the source (inclusive). `each` is told of every page.
pub async fn compare(
    from: &dyn EventLog,
    to: &dyn EventLog,
    until: Position,
    each: &mut (dyn FnMut(u64) + Send),
) -> Result<u64, CopyError> {
    let mut places = Places::default();
    let mut compared = 0;
    loop {
        let (events, held) = places.next(from, to, until).await?;
        if let Some(lacking) = events.get(held) {
            return Err(CopyError::Lacking { source_position: lacking.position });
        }
        if held == 0 {
            return Ok(compared);
        }
        compared += held as u64;
        each(held as u64);
    }
}

/// How far both have been read.
#[derive(Default)]
struct Places {
    source: Option<Position>,
    target: Option<Position>,
    target_ended: bool,
}

impl Places {
    /// The source's next page, and how many of its first events the target holds at the same place.
    async fn next(
        &mut self,
        from: &dyn EventLog,
        to: &dyn EventLog,
        until: Position,
    ) -> Result<(Vec<StoredEvent>, usize), CopyError> {
        let mut events = page(from, self.source, PAGE).await.map_err(CopyError::Source)?;
        events.retain(|event| event.position <= until);
        // One more than there should be, so that a longer target is seen.
        let limit = events.len() + 1;
        let held = if self.target_ended {
            Vec::new()
        } else {
            page(to, self.target, limit).await.map_err(CopyError::Target)?
        };
        for (event, held) in events.iter().zip(&held) {
            if !is_same(event, held) {
                return Err(CopyError::Different {
                    target: held.position,
                    found: named(held),
                    source_position: event.position,
                    expected: named(event),
                });
            }
        }
        let is_last = events.len() < PAGE;
        if is_last && let Some(more) = held.get(events.len()) {
            return Err(CopyError::Longer { target: more.position });
        }
        let both = held.len().min(events.len());
        self.target_ended |= held.len() < limit;
        self.target = both.checked_sub(1).map(|last| held[last].position).or(self.target);
        self.source = events.last().map(|last| last.position).or(self.source);
        Ok((events, both))
    }
}

/// So many events; fewer only at the log's end, also where a store hands out less at a time.
async fn page(log: &dyn EventLog, after: Option<Position>, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
    let mut events = log.read_all(after, limit).await?;
    while !events.is_empty() && events.len() < limit {
        let more = log.read_all(events.last().map(|last| last.position), limit - events.len()).await?;
        if more.is_empty() {
            break;
        }
        events.extend(more);
    }
    Ok(events)
}

/// Everything but the position, which is the store's own.
fn is_same(one: &StoredEvent, other: &StoredEvent) -> bool {
    let StoredEvent { id, stream, revision, position: _, event_type, data, metadata } = one;
    (*id, stream, *revision) == (other.id, &other.stream, other.revision)
        && (event_type, data, metadata) == (&other.event_type, &other.data, &other.metadata)
}

fn named(event: &StoredEvent) -> String {
    format!("{} {} of {}", event.event_type, event.revision, event.stream)
}

/// At most so many bytes at a time, so that no request is larger than a store takes.
fn in_slices(events: impl Iterator<Item = StoredEvent>) -> Vec<Vec<StoredEvent>> {
    const BYTES: usize = 4 * 1024 * 1024;
    let mut slices: Vec<Vec<StoredEvent>> = Vec::new();
    let mut bytes = BYTES;
    for event in events {
        let size = event.data.len() + event.metadata.len();
        if bytes + size > BYTES {
            slices.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        if let Some(slice) = slices.last_mut() {
            slice.push(event);
        }
    }
    slices
}

async fn append(to: &dyn EventLog, events: Vec<StoredEvent>, page: &mut Copied) -> Result<(), CopyError> {
    let (places, appends): (Vec<_>, Vec<_>) =
        events.into_iter().map(|event| (event.position, append_of(event))).unzip();
    let answers = to.append_in_order(appends).await;
    for (source_position, answer) in places.into_iter().zip(answers) {
        match answer {
            Ok(appended) if appended.already => page.already += 1,
            Ok(_) => page.stored += 1,
            Err(
                cause @ (AppendError::Conflict { .. }
                | AppendError::TooLarge { .. }
                | AppendError::Unavailable { .. }
                | AppendError::Unknown { .. }),
            ) => return Err(CopyError::NotStored { source_position, cause: cause.into() }),
        }
    }
    Ok(())
}

fn append_of(event: StoredEvent) -> Append {
    let expected = match event.revision {
        Revision::FIRST => ExpectedRevision::NoStream,
        later => ExpectedRevision::Exact(Revision::new(later.as_u64() - 1)),
    };
    let StoredEvent { id, stream, revision: _, position: _, event_type, data, metadata } = event;
    Append { stream, expected, events: vec![NewEvent { id, event_type, data, metadata }] }
}
