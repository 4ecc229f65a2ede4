//! The newest events, as they were just written: whoever follows the log closely need not read them back from the file.
//!
//! Takes events after their flush, in order, and lets go of the oldest. Gives a follower what comes after a place, or says
//! that it does not reach back so far; then the file has it. Never gives what is not on disk.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chatledger_projections::recorded::Position;

use crate::log::StoredEvent;

/// How many events are kept at most, and how many bytes of them.
const EVENTS: usize = 4 * 1024;
const BYTES: usize = 8 * 1024 * 1024;

/// The newest events of a log.
#[derive(Debug, Default)]
pub(super) struct Recent {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<StoredEvent>,
    bytes: usize,
}

impl Recent {
    /// More events are on disk. If they do not come right after the ones before, those are let go of: something was
    /// written in between of which nobody could say that it was.
    pub(super) fn add(&self, events: impl IntoIterator<Item = StoredEvent>) {
        let mut kept = self.kept();
        for event in events {
            if kept.events.back().is_some_and(|last| last.position.commit() + 1 != event.position.commit()) {
                *kept = Kept::default();
            }
            kept.bytes += size(&event);
            kept.events.push_back(event);
            while kept.events.len() > EVENTS || kept.bytes > BYTES {
                let Some(oldest) = kept.events.pop_front() else { break };
                kept.bytes -= size(&oldest);
            }
        }
    }

    /// The events after a place; `None` if it does not know what comes right after it.
    pub(super) fn after(&self, after: Option<Position>, limit: usize) -> Option<Vec<StoredEvent>> {
        let kept = self.kept();
        // Positions have no gaps in this store.
        let first = kept.events.front()?.position.commit();
        let skip = usize::try_from((after?.commit() + 1).checked_sub(first)?).ok()?;
        (skip < kept.events.len()).then(|| kept.events.iter().skip(skip).take(limit).cloned().collect())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size(event: &StoredEvent) -> usize {
    event.stream.as_str().len() + event.event_type.len() + event.data.len() + event.metadata.len()
}

#[cfg(test)]
mod tests {
    use chatledger_projections::ids::EventId;
    use chatledger_projections::recorded::{Revision, StreamName};

    use super::*;

    fn event(position: u64, bytes: usize) -> StoredEvent {
        StoredEvent {
            id: EventId::derived(&[&position.to_be_bytes()]),
            stream: StreamName::named(format!("stream-{position}")),
            revision: Revision::FIRST,
            position: Position::new(position),
            event_type: "Noted".to_owned(),
            data: vec![0; bytes],
            metadata: Vec::new(),
        }
    }

    fn after(recent: &Recent, position: u64, limit: usize) -> Option<Vec<u64>> {
        let events = recent.after(Some(Position::new(position)), limit)?;
        Some(events.iter().map(|event| event.position.commit()).collect())
    }

    #[test]
    fn what_was_just_written_is_given_from_any_place_that_is_kept() {
        let recent = Recent::default();
        recent.add((5..=9).map(|position| event(position, 10)));

        assert_eq!(after(&recent, 4, 2), Some(vec![5, 6]));
        assert_eq!(after(&recent, 7, 9), Some(vec![8, 9]));
    }

    #[test]
    fn what_lies_further_back_or_is_not_written_yet_is_the_files_business() {
        let recent = Recent::default();
        assert_eq!(after(&recent, 0, 1), None);
        recent.add((5..=9).map(|position| event(position, 10)));

        assert_eq!(after(&recent, 3, 1), None);
        assert_eq!(after(&recent, 9, 1), None);
        assert_eq!(recent.after(None, 1), None);
    }

    #[test]
    fn a_gap_is_never_jumped() {
        let recent = Recent::default();
        recent.add((5..=9).map(|position| event(position, 10)));
        recent.add((12..=13).map(|position| event(position, 10)));

        assert_eq!(after(&recent, 9, 9), None);
        assert_eq!(after(&recent, 11, 9), Some(vec![12, 13]));
    }

    #[test]
    fn neither_many_events_nor_large_ones_pile_up() {
        let recent = Recent::default();
        recent.add((1..=10_000).map(|position| event(position, 10)));
        assert_eq!(recent.kept().events.len(), EVENTS);
        recent.add((10_001..=10_100).map(|position| event(position, 1024 * 1024)));

        assert!(recent.kept().bytes <= BYTES);
        assert_eq!(after(&recent, 10_099, 5), Some(vec![10_100]));
    }
}
