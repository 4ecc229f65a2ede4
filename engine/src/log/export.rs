//! A log as lines of text, one event a line, for eyes, for other tools, and for another store.
//!
//! What was stored is in a line byte for byte: text as it is, anything else in base64. The time is shown besides and not
//! read back; the metadata has it. What the bytes mean is not asked here, so a log of a newer program can be copied too.

use chatledger_projections::bytes::Bytes;
use chatledger_projections::ids::EventId;
use chatledger_projections::recorded::{Position, Revision, StreamName};
use serde::{Deserialize, Serialize};

use super::codec::recorded_at;
use super::{NewEvent, StoredEvent};

/// One event of an exported log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedEvent {
    /// Its place in the log that it came from; another store counts anew, in the same order.
    pub position: Position,
    /// Its stream.
    pub stream: StreamName,
    /// Its place in the stream.
    pub revision: Revision,
    /// Its id.
    pub id: EventId,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it was recorded, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<String>,
    /// What is said about it.
    pub metadata: Bytes,
    /// Its substance.
    pub data: Bytes,
}

/// A line that is no exported event.
#[derive(Debug, thiserror::Error)]
#[error("the line is not an exported event")]
pub struct NotAnEvent(#[from] serde_json::Error);

impl From<StoredEvent> for ExportedEvent {
    fn from(stored: StoredEvent) -> Self {
        Self {
            recorded_at: recorded_at(stored.as_ref()).map(|time| time.to_string()),
            position: stored.position,
            stream: stored.stream,
            revision: stored.revision,
            id: stored.id,
            event_type: stored.event_type,
            metadata: Bytes(stored.metadata),
            data: Bytes(stored.data),
        }
    }
}

impl ExportedEvent {
    /// The event as another store takes it.
    pub fn into_new(self) -> NewEvent {
        NewEvent { id: self.id, event_type: self.event_type, data: self.data.0, metadata: self.metadata.0 }
    }

    /// The event as its store had it.
    pub fn into_stored(self) -> StoredEvent {
        StoredEvent {
            id: self.id,
            stream: self.stream,
            revision: self.revision,
            position: self.position,
            event_type: self.event_type,
            data: self.data.0,
            metadata: self.metadata.0,
        }
    }
}

/// An event as a line, without the line's end.
pub fn to_line(event: &ExportedEvent) -> String {
    serde_json::to_string(event).expect("an exported event has only text for keys")
}

/// Reads a line back, with or without its end.
pub fn from_line(line: &str) -> Result<ExportedEvent, NotAnEvent> {
    Ok(serde_json::from_str(line)?)
}
