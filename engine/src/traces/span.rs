//! One span: a part of the way from a webhook to what follows from it. Data, and the derivation of its ids.
//!
//! A trace is named by the event that everything in it follows from: its id is that event's, byte for byte, so that
//! `chatledger log` and a page of traces speak of the same thing. A span is named by what it is about. Nothing is random.

use chatledger_projections::delivery::Origin;
use chatledger_projections::fact::DeliveryState;
use chatledger_projections::ids::{EventId, IntentId};
use chatledger_projections::time::Timestamp;

/// The name of a trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// The trace of everything that follows from an event.
    pub const fn of(event: EventId) -> Self {
        Self(event.as_uuid().into_bytes())
    }

    /// The sixteen bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// The name of a span.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SpanId([u8; 8]);

impl SpanId {
    /// An event came, or somebody said something.
    pub fn received(event: EventId) -> Self {
        Self::derived(&[b"received", event.as_uuid().as_bytes()])
    }

    /// It was decided what follows from an event.
    pub fn decided(cause: EventId) -> Self {
        Self::derived(&[b"decided", cause.as_uuid().as_bytes()])
    }

    /// An intent waited for an attempt.
    pub fn waited(intent: IntentId, attempt: u32) -> Self {
        Self::derived(&[b"waited", intent.as_uuid().as_bytes(), &attempt.to_be_bytes()])
    }

    /// An intent was attempted.
    pub fn attempted(intent: IntentId, attempt: u32) -> Self {
        Self::derived(&[b"attempted", intent.as_uuid().as_bytes(), &attempt.to_be_bytes()])
    }

    /// An event told where a message stands.
    pub fn told(event: EventId, message: &Origin, state: DeliveryState) -> Self {
        let (connection, name) = (message.connection.as_str(), message.message.as_str());
        let event = event.as_uuid();
        let parts = [event.as_bytes(), connection.as_bytes(), name.as_bytes(), state.label().as_bytes()];
        Self::derived(&[b"told", parts[0], parts[1], parts[2], parts[3]])
    }

    /// The eight bytes; never all zero, for they hold the version of a derived id.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }

    fn derived(parts: &[&[u8]]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = EventId::derived(parts).as_uuid().into_bytes();
        Self([a, b, c, d, e, f, g, h])
    }
}

/// A part of the way from a webhook to what follows from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// Of which trace.
    pub trace: TraceId,
    /// Its name.
    pub id: SpanId,
    /// What it follows from; absent in the first of a trace.
    pub parent: Option<SpanId>,
    /// Spans of other traces that it has to do with.
    pub links: Vec<(TraceId, SpanId)>,
    /// What it is, in few different words.
    pub name: String,
    /// On whose initiative.
    pub kind: SpanKind,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// What more is to be known: ids, labels and numbers, never a person's words or data.
    pub marks: Vec<(&'static str, Mark)>,
    /// Whether it came to a good end.
    pub ending: Ending,
}

/// On whose initiative something was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpanKind {
    /// Somebody asked us.
    Asked,
    /// We asked somebody.
    Asking,
    /// Nobody else was there.
    Alone,
}

/// Whether a span came to a good end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Nothing is to be said of it.
    Plain,
    /// As it was meant.
    Good,
    /// Not so; why, as a label.
    Bad(&'static str),
}

/// What is to be known of a span.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mark {
    /// An id or a label.
    Text(String),
    /// A number.
    Number(i64),
}

impl From<&str> for Mark {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Mark {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Mark {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_say_what_they_are_derived_from_and_never_change() {
        let event = EventId::derived(&[b"a webhook"]);
        assert_eq!(hex::encode(TraceId::of(event).as_bytes()), event.to_string().replace('-', ""));
        let intent = IntentId::derived(event, "policy", 0);
        let all = [
            SpanId::received(event),
            SpanId::decided(event),
            SpanId::waited(intent, 1),
            SpanId::attempted(intent, 1),
            SpanId::attempted(intent, 2),
        ];
        for (place, one) in all.iter().enumerate() {
            assert_ne!(one.as_bytes(), &[0; 8]);
            assert!(all[place + 1..].iter().all(|other| other != one), "{one:?} twice");
        }
        // Written down once: another value would tear every trace that is under way while an engine is replaced.
        assert_eq!(hex::encode(SpanId::attempted(intent, 1).as_bytes()), "135cf1529d8059bb");
    }
}
