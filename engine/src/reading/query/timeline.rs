//! What happened in a dialogue, and messages as they stand.

use chatledger_projections::delivery::Origin;
use chatledger_projections::fact::DeliveryState;
use chatledger_projections::ids::{MessageId, ThreadId};
use chatledger_projections::threads::Side;
use chatledger_projections::time::Timestamp;
use rusqlite::types::FromSqlError;
use rusqlite::{OptionalExtension as _, params};

use super::{LOOKED_AT_MOST, Scene, document, limit_of};
use crate::reading::answer::{At, Entry, Happened, MessageRow, Reaction};
use crate::reading::cursor::{Cursor, Question};
use crate::reading::learn::document::{MessageDocument, StandingDocument};
use crate::reading::row::{EntryKind, Number, Seq};
use crate::reading::{Order, ReadingError, TimelineFilter, Wanted};

/// A page of a timeline, and where the next one begins.
pub(in crate::reading) fn timeline(
    scene: &Scene<'_>,
    thread: ThreadId,
    filter: &TimelineFilter,
    wanted: &Wanted,
    question: &Question,
) -> Result<(Vec<Entry>, Option<Cursor>), ReadingError> {
    let number = super::thread::opened(scene, thread)?;
    let (limit, seq) = (limit_of(wanted), scene.moment.seq);
    let from = match &wanted.cursor {
        Some(cursor) => cursor.open::<3>(question)?.1,
        None => match filter.order {
            // Nothing of then can have happened later.
            Order::NewestFirst => [scene.moment.clock, Seq::MAX, 0],
            Order::OldestFirst => [i64::MIN, 0, 0],
        },
    };
    let sql = match filter.order {
        Order::NewestFirst => {
            "SELECT at, seq, ordinal, what, message, body FROM entries
             WHERE thread = ?1 AND (at, seq, ordinal) < (?2, ?3, ?4) ORDER BY at DESC, seq DESC, ordinal DESC"
        }
        Order::OldestFirst => {
            "SELECT at, seq, ordinal, what, message, body FROM entries
             WHERE thread = ?1 AND (at, seq, ordinal) > (?2, ?3, ?4) ORDER BY at, seq, ordinal"
        }
    };
    let mut entries = scene.rows.prepare_cached(sql)?;
    let mut entries = entries.query(params![number, from[0], from[1], from[2]])?;
    let (mut items, mut looked_at) = (Vec::with_capacity(limit), 0);
    let mut last = from;
    while let Some(row) = entries.next()? {
        if items.len() == limit || looked_at == LOOKED_AT_MOST {
            return Ok((items, Some(Cursor::behind(question, seq, &last))));
        }
        looked_at += 1;
        let (at, known_since, ordinal): (i64, Seq, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        last = [at, known_since, ordinal];
        let is_message = row.get::<_, i64>(3)? == EntryKind::Message as i64;
        if known_since > seq || filter.only_messages && !is_message {
            continue;
        }
        let happened = match (is_message, row.get::<_, Option<Number>>(4)?) {
            (true, Some(message)) => Happened::Message(Box::new(message_row(scene, message)?)),
            (true | false, _) => document(row.get_ref(5)?.as_str().map_err(rusqlite::Error::from)?)?,
        };
        let position = scene.position(known_since)?;
        let id = format!("{position}.{ordinal}");
        items.push(Entry { id, at: At(Timestamp::from_millis(at)), position, happened });
    }
    Ok((items, None))
}

/// A message as it stood then.
pub(in crate::reading) fn message_row(scene: &Scene<'_>, message: Number) -> Result<MessageRow, rusqlite::Error> {
    let mut written =
        scene.rows.prepare_cached("SELECT thread, connection, name, document FROM messages WHERE message = ?1")?;
    let (thread, key, written) = written.query_row([message], |row| {
        let connection = scene.connections.name(row.get(1)?);
        let key = Origin { connection, message: MessageId::new(row.get::<_, String>(2)?) };
        Ok((row.get(0)?, key, document::<MessageDocument>(row.get_ref(3)?.as_str()?)?))
    })?;
    let mut version = scene.rows.prepare_cached(
        "SELECT at, state, rest FROM message_versions WHERE message = ?1 AND since <= ?2 ORDER BY since DESC LIMIT 1",
    )?;
    let (at, state, rest) = version.query_row(params![message, scene.moment.seq], |row| {
        Ok((row.get::<_, i64>(0)?, state_of(row.get(1)?)?, standing(row.get_ref(2)?.as_str_or_null()?)?))
    })?;
    let since = since_of_state(scene, message, state)?.unwrap_or(at);
    let MessageDocument { side, written_at, author, by_machine, claimed_at, content } = written;
    let reactions = rest.reactions.into_iter().map(|(side, emoji)| {
        let side = if side == "client" { Side::Client } else { Side::Company };
        Reaction { side, emoji }
    });
    Ok(MessageRow {
        key,
        thread: scene.thread_id(thread)?,
        side,
        written_at,
        author,
        by_machine,
        claimed_at: claimed_at.map(|at| At(Timestamp::from_millis(at))),
        edited: rest.content.is_some(),
        content: rest.content.map_or(content, |content| *content),
        removed: rest.removed,
        reactions: reactions.collect(),
        state,
        state_since: At(Timestamp::from_millis(since)),
        failure: rest.failure,
        shown: rest.shown,
    })
}

/// Since when a message stood in the state in which it stood then: what became of it since may be something else.
fn since_of_state(scene: &Scene<'_>, message: Number, state: DeliveryState) -> Result<Option<i64>, rusqlite::Error> {
    let mut versions = scene.rows.prepare_cached(
        "SELECT at, state FROM message_versions WHERE message = ?1 AND since <= ?2 ORDER BY since DESC LIMIT 50",
    )?;
    let mut versions = versions.query(params![message, scene.moment.seq])?;
    let mut since = None;
    while let Some(row) = versions.next()? {
        if state_of(row.get(1)?)? != state {
            break;
        }
        since = Some(row.get(0)?);
    }
    Ok(since)
}

/// What became of a message.
pub(in crate::reading) fn standing(rest: Option<&str>) -> Result<StandingDocument, rusqlite::Error> {
    rest.map_or_else(|| Ok(StandingDocument::default()), document)
}

/// A delivery state, read back.
pub(in crate::reading) fn state_of(number: i64) -> Result<DeliveryState, rusqlite::Error> {
    match number {
        1 => Ok(DeliveryState::Raised),
        2 => Ok(DeliveryState::Sent),
        3 => Ok(DeliveryState::Failed),
        4 => Ok(DeliveryState::Delivered),
        5 => Ok(DeliveryState::Read),
        other => Err(FromSqlError::OutOfRange(other).into()),
    }
}

/// The beginning of what a message said then, and who said it.
pub(in crate::reading) fn said(
    scene: &Scene<'_>,
    message: Number,
) -> Result<Option<(Side, Option<String>)>, rusqlite::Error> {
    let mut written = scene.rows.prepare_cached("SELECT document FROM messages WHERE message = ?1")?;
    let written = written.query_row([message], |row| document::<MessageDocument>(row.get_ref(0)?.as_str()?));
    let Some(written) = written.optional()? else { return Ok(None) };
    let mut version = scene.rows.prepare_cached(
        "SELECT rest FROM message_versions WHERE message = ?1 AND since <= ?2 ORDER BY since DESC LIMIT 1",
    )?;
    let rest = version
        .query_row(params![message, scene.moment.seq], |row| standing(row.get_ref(0)?.as_str_or_null()?))
        .optional()?
        .unwrap_or_default();
    let content = rest.content.map_or(written.content, |content| *content);
    Ok(Some((written.side, crate::reading::learn::snippet(&content))))
}
