//! Events by their place.

use chatledger_projections::ids::{EventId, ThreadId};
use chatledger_projections::recorded::{Position, Revision};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension as _, Row, params, params_from_iter};

use super::{LOOKED_AT_MOST, Scene, at_in, limit_of, position_in, uuid_in};
use crate::reading::answer::EventRow;
use crate::reading::cursor::{Cursor, Question};
use crate::reading::model::writer::{signed, unsigned};
use crate::reading::row::{Number, Seq};
use crate::reading::{EventAsked, EventFilter, Order, ReadingError, Wanted};

/// What every question about events selects, in the order in which [`row`] takes it apart.
const COLUMNS: &str = "seq, committed, prepared, id, type, at, stream, revision, connection, threads";

/// A page of events, and where the next one begins.
pub(in crate::reading) fn events(
    scene: &Scene<'_>,
    filter: &EventFilter,
    wanted: &Wanted,
    question: &Question,
) -> Result<(Vec<EventRow>, Option<Cursor>), ReadingError> {
    let seq = scene.moment.seq;
    let first = filter.from.map_or(Ok(1), |from| seq_from(scene, from))?;
    let last = filter.to.map_or(Ok(seq), |to| seq_to(scene, to))?.min(seq);
    let connection = match &filter.connection {
        Some(name) => match scene.connections.number(name) {
            Some(number) => Some(number),
            None => return Ok((Vec::new(), None)),
        },
        None => None,
    };
    let thread = match filter.thread {
        Some(thread) => match scene.thread_number(thread)? {
            Some(number) => Some(number),
            None => return Ok((Vec::new(), None)),
        },
        None => None,
    };
    let (mut first, mut last) = (first, last);
    if let Some(cursor) = &wanted.cursor {
        let [behind] = cursor.open::<1>(question)?.1;
        match filter.order {
            Order::NewestFirst => last = last.min(behind.saturating_sub(1)),
            Order::OldestFirst => first = first.max(behind.saturating_add(1)),
        }
    }
    // By whatever leaves the fewest; the rest is looked at row by row.
    let mut values: Vec<Value> = vec![first.into(), last.into()];
    let of_which = match (thread, connection, &filter.event_type) {
        (Some(thread), _, _) => {
            values.extend([thread.into(), seq.into()]);
            "events.seq IN (SELECT seq FROM touched WHERE thread = ?3 AND since <= ?4 AND seq BETWEEN ?1 AND ?2)"
        }
        (None, Some(connection), _) => {
            values.push(connection.into());
            "connection = ?3"
        }
        (None, None, Some(event_type)) => {
            values.push(event_type.clone().into());
            "type = ?3"
        }
        (None, None, None) => "TRUE",
    };
    let direction = match filter.order {
        Order::NewestFirst => "DESC",
        Order::OldestFirst => "ASC",
    };
    let sql = if thread.is_some() {
        format!(
            "SELECT {} FROM touched CROSS JOIN events ON events.seq = touched.seq
             WHERE touched.thread = ?3 AND touched.since <= ?4 AND touched.seq BETWEEN ?1 AND ?2
             ORDER BY touched.seq {direction}",
            COLUMNS.replace("seq,", "events.seq,")
        )
    } else {
        format!("SELECT {COLUMNS} FROM events WHERE {of_which} AND seq BETWEEN ?1 AND ?2 ORDER BY seq {direction}")
    };
    let mut rows = scene.rows.prepare_cached(&sql)?;
    let mut rows = rows.query(params_from_iter(values))?;
    let (limit, mut items, mut looked_at, mut behind) = (limit_of(wanted), Vec::new(), 0, 0);
    while let Some(one) = rows.next()? {
        if items.len() == limit || looked_at == LOOKED_AT_MOST {
            return Ok((items, Some(Cursor::behind(question, seq, &[behind]))));
        }
        looked_at += 1;
        behind = one.get(0)?;
        let fits = connection.is_none_or(|wanted| one.get::<_, Option<Number>>(8) == Ok(Some(wanted)))
            && filter.event_type.as_ref().is_none_or(|wanted| one.get::<_, String>(4).as_ref() == Ok(wanted));
        if fits {
            items.push(row(scene, one)?);
        }
    }
    Ok((items, None))
}

/// One event, by its place or by its id.
pub(in crate::reading) fn event(scene: &Scene<'_>, asked: EventAsked) -> Result<(Seq, EventRow), ReadingError> {
    let read = |row: &Row<'_>| Ok((row.get::<_, Seq>(0)?, self::row(scene, row)?));
    let found = match asked {
        EventAsked::Position(position) => {
            let sql = format!("SELECT {COLUMNS} FROM events WHERE committed = ?1 AND prepared = ?2");
            let mut event = scene.rows.prepare_cached(&sql)?;
            event.query_row(params![signed(position.commit()), signed(position.prepare())], read).optional()?
        }
        EventAsked::Id(id) => {
            let sql = format!("SELECT {COLUMNS} FROM events WHERE id = ?1 ORDER BY seq LIMIT 1");
            let mut event = scene.rows.prepare_cached(&sql)?;
            event.query_row(params![id.as_uuid().into_bytes()], read).optional()?
        }
    };
    found.ok_or(ReadingError::NotFound { what: "event" })
}

fn row(scene: &Scene<'_>, row: &Row<'_>) -> Result<EventRow, rusqlite::Error> {
    let threads: Option<String> = row.get(9)?;
    let threads = threads.as_deref().unwrap_or_default().split(',').filter_map(|number| number.parse().ok());
    let threads: Vec<ThreadId> = threads.map(|number| scene.thread_id(number)).collect::<Result<_, _>>()?;
    Ok(EventRow {
        position: position_in(row, 1, 2)?,
        id: EventId::from_uuid(uuid_in(row, 3)?),
        event_type: row.get(4)?,
        recorded_at: at_in(row, 5)?,
        stream: row.get(6)?,
        revision: Revision::new(unsigned(row.get(7)?)),
        connection: row.get::<_, Option<Number>>(8)?.map(|number| scene.connections.name(number)),
        threads,
    })
}

/// The first event at a position or behind it.
fn seq_from(scene: &Scene<'_>, position: Position) -> Result<Seq, rusqlite::Error> {
    let mut first = scene.rows.prepare_cached(
        "SELECT seq FROM events WHERE (committed, prepared) >= (?1, ?2) ORDER BY committed, prepared LIMIT 1",
    )?;
    let first = first.query_row(params![signed(position.commit()), signed(position.prepare())], |row| row.get(0));
    Ok(first.optional()?.unwrap_or(Seq::MAX))
}

/// The last event at a position or before it.
fn seq_to(scene: &Scene<'_>, position: Position) -> Result<Seq, rusqlite::Error> {
    let mut last = scene.rows.prepare_cached(
        "SELECT seq FROM events WHERE (committed, prepared) <= (?1, ?2) ORDER BY committed DESC, prepared DESC LIMIT 1",
    )?;
    let last = last.query_row(params![signed(position.commit()), signed(position.prepare())], |row| row.get(0));
    Ok(last.optional()?.unwrap_or(0))
}
