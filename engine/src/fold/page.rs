//! Stored events on their way from the thread that reads a log to one that understands them.
//!
//! Takes events where the store has them; gives them back as if they still lay there. All of a page's bytes lie in one
//! piece, and so do all texts, so that handing an event over costs one copy and no allocation of its own.

use std::ops::Range;

use chatledger_projections::ids::EventId;
use chatledger_projections::recorded::{Position, Revision};

use crate::log::StoredEventRef;

/// Some events in a row.
#[derive(Debug, Default)]
pub(super) struct Page {
    texts: String,
    bytes: Vec<u8>,
    places: Vec<Place>,
}

/// Where an event's parts lie.
#[derive(Debug)]
struct Place {
    id: EventId,
    revision: Revision,
    position: Position,
    stream: Range<usize>,
    event_type: Range<usize>,
    data: Range<usize>,
    metadata: Range<usize>,
}

impl Page {
    /// Takes an event in behind the others.
    pub(super) fn push(&mut self, event: StoredEventRef<'_>) {
        let mut lay = |part: &[u8]| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(part);
            start..self.bytes.len()
        };
        let mut note = |text: &str| {
            let start = self.texts.len();
            self.texts.push_str(text);
            start..self.texts.len()
        };
        let StoredEventRef { id, stream, revision, position, event_type, data, metadata } = event;
        let place = Place {
            id,
            revision,
            position,
            stream: note(stream),
            event_type: note(event_type),
            data: lay(data),
            metadata: lay(metadata),
        };
        self.places.push(place);
    }

    /// How many events there are, and how many bytes they have.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.places.len(), self.bytes.len() + self.texts.len())
    }

    /// The events, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = StoredEventRef<'_>> {
        self.places.iter().map(|place| StoredEventRef {
            id: place.id,
            stream: &self.texts[place.stream.clone()],
            revision: place.revision,
            position: place.position,
            event_type: &self.texts[place.event_type.clone()],
            data: &self.bytes[place.data.clone()],
            metadata: &self.bytes[place.metadata.clone()],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_of_a_page_as_they_went_in() {
        let id = |name: &str| EventId::derived(&[name.as_bytes()]);
        let events = [("a", "Webhook", &b"{}"[..], &b""[..]), ("поток", "Тип", &b""[..], &b"\xff\x00"[..])];
        let events: Vec<_> = events
            .iter()
            .zip(7..)
            .map(|(&(stream, event_type, data, metadata), place)| StoredEventRef {
                id: id(stream),
                stream,
                revision: Revision::new(place),
                position: Position::new(place),
                event_type,
                data,
                metadata,
            })
            .collect();
        let mut page = Page::default();
        events.iter().for_each(|event| page.push(*event));
        assert_eq!(page.iter().collect::<Vec<_>>(), events);
        assert_eq!(page.size().0, 2);
    }
}
