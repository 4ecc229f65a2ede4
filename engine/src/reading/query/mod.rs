//! Questions as SQL: rows out of the file, as of a moment.
//!
//! Every question runs in one read transaction, and looks at a bounded number of rows: what cannot be answered within
//! that goes on behind a cursor. A row holds as of a moment if it began by then and had not ended.

pub(super) mod connections;
pub(super) mod events;
pub(super) mod held;
pub(super) mod message;
pub(super) mod overview;
pub(super) mod remarks;
mod search;
pub(super) mod thread;
pub(super) mod threads;
pub(super) mod timeline;

use std::collections::BTreeMap;

use chatledger_projections::ids::{ConnectionName, ThreadId};
use chatledger_projections::recorded::Position;
use chatledger_projections::time::Timestamp;
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::de::DeserializeOwned;

use super::answer::{At, Standpoint};
use super::keep::Head;
use super::model::writer::unsigned;
use super::row::{Number, Seq};
use super::{AsOf, ReadingError, Wanted};

/// How many rows one page looks at, at most.
const LOOKED_AT_MOST: usize = 4000;

/// A moment of the log, in the read model's own count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Moment {
    /// The last event that counts; zero before the first.
    pub seq: Seq,
    /// Its place.
    pub position: Option<Position>,
    /// When it was recorded.
    pub recorded_at: Option<Timestamp>,
    /// The latest time by which anything was recorded.
    pub clock: i64,
    /// Whether nothing is known beyond it.
    pub is_newest: bool,
}

/// A question while it is answered.
pub(super) struct Scene<'a> {
    pub rows: &'a Connection,
    pub moment: Moment,
    pub connections: Names,
}

/// The connections that were ever met, by number.
pub(super) struct Names(BTreeMap<Number, ConnectionName>);

impl Names {
    /// Every name that is in use.
    fn read(rows: &Connection) -> Result<Self, rusqlite::Error> {
        let mut names = rows.prepare_cached("SELECT connection, name FROM connections")?;
        let names = names.query_map([], |row| Ok((row.get(0)?, ConnectionName::new(row.get::<_, String>(1)?))))?;
        names.collect::<Result<_, _>>().map(Self)
    }

    /// A connection's name.
    pub fn name(&self, number: Number) -> ConnectionName {
        self.0.get(&number).cloned().unwrap_or_else(|| ConnectionName::new("(none)"))
    }

    /// A connection's number, if it was ever met.
    pub fn number(&self, name: &ConnectionName) -> Option<Number> {
        self.0.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (Number, &ConnectionName)> {
        self.0.iter().map(|(number, name)| (*number, name))
    }
}

impl<'a> Scene<'a> {
    /// A question as of then.
    pub fn at(rows: &'a Connection, moment: Moment) -> Result<Self, rusqlite::Error> {
        Ok(Self { rows, moment, connections: Names::read(rows)? })
    }

    /// Where answers stand that are told now.
    pub fn standpoint(&self, head: Head) -> Standpoint {
        let Moment { position, recorded_at, .. } = self.moment;
        Standpoint {
            position,
            recorded_at: recorded_at.map(At),
            head: head.position.max(position),
            behind: head.behind,
        }
    }

    /// The moment that is asked about, in time.
    pub fn time(&self, as_of: AsOf, now: Timestamp) -> Timestamp {
        match as_of {
            AsOf::Now => now,
            AsOf::Time(time) => time,
            AsOf::Position(_) => Timestamp::from_millis(self.moment.clock),
        }
    }

    /// Where an event stands.
    pub fn position(&self, seq: Seq) -> Result<Position, rusqlite::Error> {
        self.place(seq).map(|(position, _)| position)
    }

    /// Where an event stands, and when it was recorded.
    pub fn place(&self, seq: Seq) -> Result<(Position, At), rusqlite::Error> {
        let mut place = self.rows.prepare_cached("SELECT committed, prepared, at FROM events WHERE seq = ?1")?;
        let place = place.query_row([seq], |row| Ok((position_in(row, 0, 1)?, at_in(row, 2)?))).optional()?;
        Ok(place.unwrap_or((Position::new(0), At(Timestamp::from_millis(0)))))
    }

    /// A dialogue's id.
    pub fn thread_id(&self, thread: Number) -> Result<ThreadId, rusqlite::Error> {
        let mut id = self.rows.prepare_cached("SELECT id FROM threads WHERE thread = ?1")?;
        id.query_row([thread], |row| thread_in(row, 0))
    }

    /// The number of a dialogue that was heard of by then.
    pub fn thread_number(&self, thread: ThreadId) -> Result<Option<Number>, rusqlite::Error> {
        let mut number = self.rows.prepare_cached("SELECT thread FROM threads WHERE id = ?1 AND met <= ?2")?;
        number.query_row(params![thread.to_string(), self.moment.seq], |row| row.get(0)).optional()
    }
}

/// The moment that is asked about.
pub(super) fn moment(rows: &Connection, as_of: AsOf) -> Result<Moment, rusqlite::Error> {
    let newest: Seq =
        rows.prepare_cached("SELECT coalesce(max(seq), 0) FROM events")?.query_row([], |row| row.get(0))?;
    let seq = match as_of {
        AsOf::Now => newest,
        AsOf::Position(position) => {
            let mut last = rows.prepare_cached(
                "SELECT seq FROM events WHERE (committed, prepared) <= (?1, ?2)
                 ORDER BY committed DESC, prepared DESC LIMIT 1",
            )?;
            let place = params![
                super::model::writer::signed(position.commit()),
                super::model::writer::signed(position.prepare())
            ];
            last.query_row(place, |row| row.get(0)).optional()?.unwrap_or(0)
        }
        AsOf::Time(time) => {
            let mut last =
                rows.prepare_cached("SELECT seq FROM events WHERE clock <= ?1 ORDER BY clock DESC, seq DESC LIMIT 1")?;
            last.query_row([time.as_millis()], |row| row.get(0)).optional()?.unwrap_or(0)
        }
    };
    moment_of(rows, seq, newest)
}

/// The moment that a cursor carries.
pub(super) fn moment_again(rows: &Connection, seq: Seq) -> Result<Moment, rusqlite::Error> {
    let newest: Seq =
        rows.prepare_cached("SELECT coalesce(max(seq), 0) FROM events")?.query_row([], |row| row.get(0))?;
    moment_of(rows, seq.clamp(0, newest), newest)
}

fn moment_of(rows: &Connection, seq: Seq, newest: Seq) -> Result<Moment, rusqlite::Error> {
    let is_newest = seq == newest;
    let mut event = rows.prepare_cached("SELECT committed, prepared, at, clock FROM events WHERE seq = ?1")?;
    let found = event.query_row([seq], |row| {
        let recorded_at = Some(at_in(row, 2)?.0);
        Ok(Moment { seq, position: Some(position_in(row, 0, 1)?), recorded_at, clock: row.get(3)?, is_newest })
    });
    let before_all = Moment { seq: 0, position: None, recorded_at: None, clock: i64::MIN, is_newest };
    Ok(found.optional()?.unwrap_or(before_all))
}

/// How many rows a page has.
pub(super) fn limit_of(wanted: &Wanted) -> usize {
    wanted.limit.unwrap_or(super::asked::USUAL_LIMIT).clamp(1, super::asked::LARGEST_LIMIT)
}

fn position_in(row: &Row<'_>, committed: usize, prepared: usize) -> Result<Position, rusqlite::Error> {
    Ok(Position::pair(unsigned(row.get(committed)?), unsigned(row.get(prepared)?)))
}

fn at_in(row: &Row<'_>, column: usize) -> Result<At, rusqlite::Error> {
    Ok(At(Timestamp::from_millis(row.get(column)?)))
}

fn thread_in(row: &Row<'_>, column: usize) -> Result<ThreadId, rusqlite::Error> {
    let text: String = row.get(column)?;
    let id = text.parse().map_err(|error| FromSqlError::Other(Box::new(error)))?;
    Ok(ThreadId::from_uuid(id))
}

fn uuid_in(row: &Row<'_>, column: usize) -> Result<uuid::Uuid, rusqlite::Error> {
    Ok(uuid::Uuid::from_bytes(row.get(column)?))
}

/// Reads a row's document; one that we did not write is no row of ours.
fn document<T: DeserializeOwned>(text: &str) -> Result<T, rusqlite::Error> {
    serde_json::from_str(text).map_err(|error| FromSqlError::Other(Box::new(error)).into())
}

/// Reads a word of the core back from a label.
fn word<T: DeserializeOwned>(label: String) -> Result<T, rusqlite::Error> {
    serde_json::from_value(serde_json::Value::String(label))
        .map_err(|error| FromSqlError::Other(Box::new(error)).into())
}

impl From<rusqlite::Error> for ReadingError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Model(error)
    }
}
