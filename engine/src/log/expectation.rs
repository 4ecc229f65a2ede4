//! Whether an append may happen. Takes the append and what its stream holds, gives a verdict; stores nothing.
//!
//! One rule for every backend of ours, and the same as EventStoreDB's for exact revisions: a writer that repeats itself
//! is told so, and a writer that contradicts what stands there is refused. In one case we are stricter: an id that
//! stands elsewhere in the stream is refused, because an event id names one event.

use chatledger_projections::ids::EventId;
use chatledger_projections::recorded::{Position, Revision};

use super::{Append, AppendError, Appended, ExpectedRevision};

/// What a stream holds already.
pub trait StreamSoFar {
    /// What can go wrong in looking.
    type Error;

    /// The revision of its last event; `None` if there is no such stream.
    fn last(&self) -> Result<Option<Revision>, Self::Error>;

    /// The id and position of the event at a revision; `None` if the stream is shorter.
    fn at(&self, revision: Revision) -> Result<Option<(EventId, Position)>, Self::Error>;

    /// Whether an event of this id stands anywhere in it.
    fn holds(&self, id: EventId) -> Result<bool, Self::Error>;
}

/// What is to be done with an append.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Store its events from this revision on.
    Store {
        /// The revision of its first event.
        first: Revision,
    },
    /// Store nothing: its events stand there already, or it has none and only asked.
    Answer(Appended),
    /// Store nothing: the stream's end is elsewhere, or one of its ids is.
    Conflict {
        /// Where the stream's end is.
        actual: Option<Revision>,
    },
}

/// Decides on an append.
pub fn judge<S: StreamSoFar>(append: &Append, stream: &S) -> Result<Verdict, S::Error> {
    let actual = stream.last()?;
    let expected = match append.expected {
        ExpectedRevision::NoStream => None,
        ExpectedRevision::Exact(revision) => Some(revision),
    };
    if expected == actual {
        return judge_at_end(append, stream, actual);
    }
    // Beyond the end, or an empty append with a wrong expectation: there is nothing that could be a repetition.
    if expected > actual || append.events.is_empty() {
        return Ok(Verdict::Conflict { actual });
    }
    let mut revision = after(expected);
    let mut found = None;
    for event in &append.events {
        match stream.at(revision)? {
            Some((id, position)) if id == event.id => found = Some((revision, position)),
            Some(_) | None => return Ok(Verdict::Conflict { actual }),
        }
        revision = revision.next();
    }
    Ok(Verdict::Answer(Appended {
        last_revision: found.map(|(revision, _)| revision),
        position: found.map(|(_, position)| position),
        already: true,
    }))
}

/// Refuses an event that is larger than `limit`.
pub fn check_sizes(append: &Append, limit: usize) -> Result<(), AppendError> {
    match append.events.iter().map(super::NewEvent::size).find(|size| *size > limit) {
        Some(size) => Err(AppendError::TooLarge { stream: append.stream.clone(), size, limit }),
        None => Ok(()),
    }
}

fn judge_at_end<S: StreamSoFar>(append: &Append, stream: &S, actual: Option<Revision>) -> Result<Verdict, S::Error> {
    if append.events.is_empty() {
        return Ok(Verdict::Answer(Appended { last_revision: actual, position: None, already: false }));
    }
    for (index, event) in append.events.iter().enumerate() {
        let repeated = append.events[..index].iter().any(|earlier| earlier.id == event.id);
        if repeated || (actual.is_some() && stream.holds(event.id)?) {
            return Ok(Verdict::Conflict { actual });
        }
    }
    Ok(Verdict::Store { first: after(actual) })
}

fn after(revision: Option<Revision>) -> Revision {
    revision.map_or(Revision::FIRST, Revision::next)
}
