//! Intents that waited for a person.

use chatledger_projections::ids::IntentId;
use chatledger_projections::time::Timestamp;
use rusqlite::{Row, params};

use super::{LOOKED_AT_MOST, Scene, document, limit_of, uuid_in};
use crate::reading::answer::{At, HeldRow};
use crate::reading::cursor::{Cursor, Question};
use crate::reading::learn::document::HeldDocument;
use crate::reading::row::{Number, Seq};
use crate::reading::{HeldFilter, ReadingError, Wanted};

/// What every question about held intents selects, in the order in which [`row`] takes it apart.
macro_rules! held {
    ($rest:literal) => {
        concat!("SELECT hold, id, thread, connection, document, since, until FROM held ", $rest)
    };
}

/// A page of held intents, the longest held first, and where the next one begins.
pub(in crate::reading) fn held(
    scene: &Scene<'_>,
    filter: &HeldFilter,
    wanted: &Wanted,
    question: &Question,
) -> Result<(Vec<HeldRow>, Option<Cursor>), ReadingError> {
    let seq = scene.moment.seq;
    let connection = match &filter.connection {
        Some(name) => match scene.connections.number(name) {
            Some(number) => Some(number),
            None => return Ok((Vec::new(), None)),
        },
        None => None,
    };
    let [from] = match &wanted.cursor {
        Some(cursor) => cursor.open::<1>(question)?.1,
        None => [-1],
    };
    let thread = match filter.thread {
        Some(id) => match scene.thread_number(id)? {
            Some(number) => Some(number),
            None => return Ok((Vec::new(), None)),
        },
        None => None,
    };
    let intent = filter.intent.map(|intent| intent.as_uuid().into_bytes());
    // As it is now, only what is held now is looked at.
    let sql = match (&intent, thread, scene.moment.is_newest) {
        (Some(_), _, _) => held!("WHERE id = ?3 AND hold > ?1 ORDER BY hold"),
        (None, Some(_), _) => held!("WHERE thread = ?2 AND hold > ?1 ORDER BY hold"),
        (None, None, true) => held!("WHERE until = 9223372036854775807 AND hold > ?1 ORDER BY hold"),
        (None, None, false) => held!("WHERE hold > ?1 ORDER BY hold"),
    };
    let mut rows = scene.rows.prepare_cached(sql)?;
    rows.raw_bind_parameter(1, from)?;
    if rows.parameter_count() > 1 {
        rows.raw_bind_parameter(2, thread)?;
    }
    if rows.parameter_count() > 2 {
        rows.raw_bind_parameter(3, intent)?;
    }
    let mut rows = rows.raw_query();
    let (limit, mut items, mut looked_at, mut last) = (limit_of(wanted), Vec::new(), 0, from);
    while let Some(one) = rows.next()? {
        if items.len() == limit || looked_at == LOOKED_AT_MOST {
            return Ok((items, Some(Cursor::behind(question, seq, &[last]))));
        }
        let (since, until): (Seq, Seq) = (one.get(5)?, one.get(6)?);
        if since > seq {
            break;
        }
        looked_at += 1;
        last = one.get(0)?;
        let fits = until > seq
            && connection.is_none_or(|wanted| one.get::<_, Number>(3) == Ok(wanted))
            && thread.is_none_or(|wanted| one.get::<_, Number>(2) == Ok(wanted));
        if fits {
            items.push(row(scene, one)?);
        }
    }
    Ok((items, None))
}

/// The longest held, up to so many.
pub(in crate::reading) fn longest(scene: &Scene<'_>, at_most: usize) -> Result<Vec<HeldRow>, rusqlite::Error> {
    let sql = if scene.moment.is_newest {
        held!("WHERE until = 9223372036854775807 ORDER BY hold")
    } else {
        held!("ORDER BY hold")
    };
    let mut rows = scene.rows.prepare_cached(sql)?;
    let mut rows = rows.query([])?;
    let (mut items, mut looked_at) = (Vec::new(), 0);
    while let Some(one) = rows.next()? {
        let (since, until): (Seq, Seq) = (one.get(5)?, one.get(6)?);
        if since > scene.moment.seq || items.len() == at_most || looked_at == LOOKED_AT_MOST {
            break;
        }
        looked_at += 1;
        if until > scene.moment.seq {
            items.push(row(scene, one)?);
        }
    }
    Ok(items)
}

fn row(scene: &Scene<'_>, row: &Row<'_>) -> Result<HeldRow, rusqlite::Error> {
    let HeldDocument { what, carries, text, held_at, attempts, failure, in_doubt } =
        document(row.get_ref(4)?.as_str()?)?;
    Ok(HeldRow {
        id: IntentId::from_uuid(uuid_in(row, 1)?),
        what,
        connection: scene.connections.name(row.get(3)?),
        thread: scene.thread_id(row.get(2)?)?,
        message: carries,
        text,
        held_at: At(Timestamp::from_millis(held_at)),
        position: scene.position(row.get(5)?)?,
        attempts,
        failure,
        in_doubt,
    })
}

/// How many were held then.
pub(in crate::reading) fn count(scene: &Scene<'_>) -> Result<u64, rusqlite::Error> {
    let mut held = 0_i64;
    for (connection, _) in scene.connections.iter() {
        let mut version = scene.rows.prepare_cached(
            "SELECT held FROM connection_versions WHERE connection = ?1 AND since <= ?2 ORDER BY since DESC LIMIT 1",
        )?;
        let mut version = version.query(params![connection, scene.moment.seq])?;
        if let Some(row) = version.next()? {
            held += row.get::<_, i64>(0)?;
        }
    }
    Ok(u64::try_from(held).unwrap_or(0))
}
