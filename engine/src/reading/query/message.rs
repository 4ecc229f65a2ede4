//! Where one message was, how it came to that, and what was tried for it.

use std::collections::BTreeSet;

use chatledger_projections::delivery::Origin;
use chatledger_projections::ids::{ConnectionName, EngineId, EventId, IntentId, MessageId};
use chatledger_projections::time::Timestamp;
use rusqlite::types::FromSqlError;
use rusqlite::{OptionalExtension as _, params};

use super::timeline::{message_row, standing, state_of};
use super::{Scene, uuid_in};
use crate::reading::answer::{At, AttemptRow, DeliveryStep, IntentRow, MessageDelivery};
use crate::reading::row::{Named, Number, Seq};
use crate::reading::{MessageAsked, ReadingError};

/// How many steps and intents of one message are told; no message has so many.
const TOLD_AT_MOST: usize = 500;

/// How many messages a name may be before nobody would look through them.
const AMONG_AT_MOST: i64 = 20;

/// The message that is asked for, if it was known by then.
pub(in crate::reading) fn number(scene: &Scene<'_>, asked: &MessageAsked) -> Result<Number, ReadingError> {
    let (name, connection) = match asked {
        MessageAsked::At(Origin { connection, message }) => (message.as_str(), Some(connection)),
        MessageAsked::Called(text) => typed(scene, text),
    };
    let unknown = ReadingError::NotFound { what: "message" };
    let connection = match connection {
        Some(connection) => match scene.connections.number(connection) {
            Some(number) => Some(number),
            None => return Err(unknown),
        },
        None => None,
    };
    let mut named = scene.rows.prepare_cached(
        "SELECT DISTINCT message FROM names
         WHERE name = ?1 AND what = ?2 AND since <= ?3 AND message >= 0 AND (?4 IS NULL OR connection = ?4) LIMIT ?5",
    )?;
    let values = params![name, Named::Message as i64, scene.moment.seq, connection, AMONG_AT_MOST];
    let found: BTreeSet<Number> = named.query_map(values, |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (None, _) => Err(unknown),
        (Some(only), None) => Ok(only),
        (Some(first), Some(second)) => {
            let all = [first, second].into_iter().chain(found);
            let among = all.map(|message| key_of(scene, message)).collect::<Result<_, _>>()?;
            Err(ReadingError::Ambiguous { among })
        }
    }
}

/// A name alone, or behind its connection and a colon.
fn typed<'a>(scene: &'a Scene<'_>, text: &'a str) -> (&'a str, Option<&'a ConnectionName>) {
    let behind = text.split_once(':').and_then(|(connection, id)| {
        scene.connections.iter().find(|(_, name)| name.as_str() == connection).map(|(_, name)| (id, Some(name)))
    });
    behind.unwrap_or((text, None))
}

/// What a message is called where it was written.
pub(in crate::reading) fn key_of(scene: &Scene<'_>, message: Number) -> Result<Origin, rusqlite::Error> {
    let mut key = scene.rows.prepare_cached("SELECT connection, name FROM messages WHERE message = ?1")?;
    key.query_row([message], |row| {
        let connection = scene.connections.name(row.get(0)?);
        Ok(Origin { connection, message: MessageId::new(row.get::<_, String>(1)?) })
    })
}

/// A message's delivery.
pub(in crate::reading) fn message(scene: &Scene<'_>, asked: &MessageAsked) -> Result<MessageDelivery, ReadingError> {
    let number = number(scene, asked)?;
    let mut known =
        scene.rows.prepare_cached("SELECT heard_at, since FROM messages WHERE message = ?1 AND since <= ?2")?;
    let known = known.query_row(params![number, scene.moment.seq], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (heard_at, since) = known.ok_or(ReadingError::NotFound { what: "message" })?;
    Ok(MessageDelivery {
        message: message_row(scene, number)?,
        position: scene.position(since)?,
        heard_at: At(Timestamp::from_millis(heard_at)),
        steps: steps(scene, number)?,
        intents: intents(scene, number)?,
    })
}

/// The states that a message came through.
fn steps(scene: &Scene<'_>, message: Number) -> Result<Vec<DeliveryStep>, rusqlite::Error> {
    let mut versions = scene.rows.prepare_cached(
        "SELECT since, at, state, rest FROM message_versions WHERE message = ?1 AND since <= ?2 ORDER BY since",
    )?;
    let mut versions = versions.query(params![message, scene.moment.seq])?;
    let mut steps: Vec<DeliveryStep> = Vec::new();
    while let Some(row) = versions.next()? {
        let state = state_of(row.get(2)?)?;
        let failure = standing(row.get_ref(3)?.as_str_or_null()?)?.failure;
        let is_news = steps.last().is_none_or(|last| (last.state, &last.failure) != (state, &failure));
        if is_news && steps.len() < TOLD_AT_MOST {
            let (position, at) = (scene.position(row.get(0)?)?, At(Timestamp::from_millis(row.get(1)?)));
            steps.push(DeliveryStep { position, at, state, failure });
        }
    }
    Ok(steps)
}

/// What was meant to be done about a message.
fn intents(scene: &Scene<'_>, message: Number) -> Result<Vec<IntentRow>, rusqlite::Error> {
    let mut intents = scene.rows.prepare_cached(
        "SELECT intent, id, what, connection, thread, policy, cause, raised, ended FROM intents
         WHERE message = ?1 AND raised <= ?2 ORDER BY raised, intent LIMIT ?3",
    )?;
    let mut intents = intents.query(params![message, scene.moment.seq, TOLD_AT_MOST as i64])?;
    let mut told = Vec::new();
    while let Some(row) = intents.next()? {
        let intent: Number = row.get(0)?;
        let ended: Seq = row.get(8)?;
        let (position, raised_at) = scene.place(row.get(7)?)?;
        told.push(IntentRow {
            id: IntentId::from_uuid(uuid_in(row, 1)?),
            what: row.get(2)?,
            connection: scene.connections.name(row.get(3)?),
            thread: scene.thread_id(row.get(4)?)?,
            policy: row.get(5)?,
            cause: EventId::from_uuid(uuid_in(row, 6)?),
            position,
            raised_at,
            ended: if ended <= scene.moment.seq { Some(scene.position(ended)?) } else { None },
            attempts: attempts(scene, intent)?,
        });
    }
    Ok(told)
}

/// The attempts at an intent.
fn attempts(scene: &Scene<'_>, intent: Number) -> Result<Vec<AttemptRow>, rusqlite::Error> {
    let mut attempts = scene.rows.prepare_cached(
        "SELECT attempt, kind, call, engine, started, settled, outcome, reason, status FROM attempts
         WHERE intent = ?1 AND coalesce(started, settled) <= ?2 ORDER BY attempt LIMIT ?3",
    )?;
    let mut attempts = attempts.query(params![intent, scene.moment.seq, TOLD_AT_MOST as i64])?;
    let mut told = Vec::new();
    while let Some(row) = attempts.next()? {
        let settled: Option<Seq> = row.get::<_, Option<Seq>>(5)?.filter(|settled| *settled <= scene.moment.seq);
        let started: Option<Seq> = row.get(4)?;
        let (started, started_at) = scene.place(started.or(settled).unwrap_or(0))?;
        let ended = settled.map(|settled| scene.place(settled)).transpose()?;
        let engine = row.get::<_, Option<String>>(3)?.map(|engine| engine.parse()).transpose();
        let engine = engine.map_err(|error: uuid::Error| FromSqlError::Other(Box::new(error)))?;
        told.push(AttemptRow {
            attempt: row.get(0)?,
            kind: row.get(1)?,
            call: row.get(2)?,
            engine: engine.map(EngineId::from_uuid),
            started,
            started_at,
            settled: ended.map(|(position, _)| position),
            settled_at: ended.map(|(_, at)| at),
            outcome: if settled.is_some() { row.get(6)? } else { None },
            reason: if settled.is_some() { row.get(7)? } else { None },
            status: if settled.is_some() { row.get(8)? } else { None },
        });
    }
    Ok(told)
}

/// The events that touched a message's dialogue by then, in order, as their places; not more than `at_most`.
pub(in crate::reading) fn events_of_thread(
    scene: &Scene<'_>,
    message: Number,
    at_most: usize,
) -> Result<Vec<Seq>, rusqlite::Error> {
    let mut thread = scene.rows.prepare_cached("SELECT thread FROM messages WHERE message = ?1")?;
    let thread: Number = thread.query_row([message], |row| row.get(0))?;
    let mut events =
        scene.rows.prepare_cached("SELECT seq FROM touched WHERE thread = ?1 AND since <= ?2 ORDER BY seq LIMIT ?3")?;
    let limit = i64::try_from(at_most).unwrap_or(i64::MAX);
    let events = events.query_map(params![thread, scene.moment.seq, limit], |row| row.get(0))?;
    events.collect()
}
