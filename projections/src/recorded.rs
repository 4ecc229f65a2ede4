//! An event's place: in its stream, in the log, in time, and among its causes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::duties::Duty;
use crate::ids::{ConnectionName, EngineId, EventId, IntentId};
use crate::time::Timestamp;

/// Something that stands in the log.
#[derive(Clone, PartialEq, Debug)]
pub struct Recorded<T> {
    /// Its id, unique in its stream for ever.
    pub id: EventId,
    /// Its stream.
    pub stream: StreamName,
    /// Its place in the stream.
    pub revision: Revision,
    /// Its place in the log.
    pub position: Position,
    /// When we recorded it, by our own clock.
    pub recorded_at: Timestamp,
    /// What it says.
    pub event: T,
}

impl<T> Recorded<T> {
    /// The same place with another reading of what stands there.
    pub fn with<U>(&self, event: U) -> Recorded<U> {
        Recorded {
            id: self.id,
            stream: self.stream.clone(),
            revision: self.revision,
            position: self.position,
            recorded_at: self.recorded_at,
            event,
        }
    }
}

/// The name of a stream: a category, a dash, and what the stream is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamName(String);

impl StreamName {
    /// The one event of a webhook lives here.
    pub fn webhook(id: EventId) -> Self {
        Self(format!("webhook-{id}"))
    }

    /// An intent's life, from raised to settled.
    pub fn intent(id: IntentId) -> Self {
        Self(format!("intent-{id}"))
    }

    /// The configurations of one installation.
    pub fn configuration() -> Self {
        Self("configuration-main".to_owned())
    }

    /// The one event of an instruction lives here.
    pub fn operator(id: EventId) -> Self {
        Self(format!("operator-{id}"))
    }

    /// The progress of deciding.
    pub fn policy() -> Self {
        Self("policy-main".to_owned())
    }

    /// How far a connection's news was asked for.
    pub fn poll(connection: &ConnectionName) -> Self {
        Self(format!("poll-{connection}"))
    }

    /// The life of an engine.
    pub fn engine(id: EngineId) -> Self {
        Self(format!("engine-{id}"))
    }

    /// Who has a duty.
    pub fn duty(duty: &Duty) -> Self {
        Self(format!("duty-{}", duty.label()))
    }

    /// A name as it stands in a store.
    pub fn named(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as the store wants it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for StreamName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A place in a stream: 0, 1, 2 … without gaps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(u64);

impl Revision {
    /// The place of a stream's first event.
    pub const FIRST: Self = Self(0);

    /// From the store's number.
    pub const fn new(revision: u64) -> Self {
        Self(revision)
    }

    /// The store's number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// A place in the whole log. Ordered, not countable: stores leave gaps, and some need two numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Position {
    commit: u64,
    prepare: u64,
}

impl Position {
    /// From a store that counts with one number.
    pub const fn new(position: u64) -> Self {
        Self { commit: position, prepare: position }
    }

    /// From a store that counts with two.
    pub const fn pair(commit: u64, prepare: u64) -> Self {
        Self { commit, prepare }
    }

    /// The first number; the only one in most stores.
    pub const fn commit(self) -> u64 {
        self.commit
    }

    /// The second number.
    pub const fn prepare(self) -> u64 {
        self.prepare
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.commit == self.prepare {
            write!(formatter, "{}", self.commit)
        } else {
            write!(formatter, "{}/{}", self.commit, self.prepare)
        }
    }
}

/// A text that is no position.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is not a position: it is a number, or two with a slash between")]
pub struct NotAPosition(String);

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let (commit, prepare) = text.split_once('/').unwrap_or((text, text));
        match (commit.parse(), prepare.parse()) {
            (Ok(commit), Ok(prepare)) => Ok(Self { commit, prepare }),
            _ => Err(NotAPosition(text.to_owned())),
        }
    }
}

impl Serialize for Position {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_as_it_was_written() {
        for position in [Position::new(0), Position::new(17), Position::pair(9, 4)] {
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        assert!("".parse::<Position>().is_err());
        assert!("1/x".parse::<Position>().is_err());
    }
}
