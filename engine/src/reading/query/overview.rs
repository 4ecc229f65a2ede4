//! What operators see first, as it was.
//!
//! Traffic and times are differences of counters that only rise, looked up at the borders of minutes: so they are exact as
//! of any event, and no minute is ever counted twice.

use chatledger_projections::ids::IntentId;
use chatledger_projections::time::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::connections::version_at;
use super::{Scene, uuid_in};
use crate::reading::answer::{At, Latency, Minute, OpenRow, ThreadCounts};
use crate::reading::learn::memory::LATENCY_STEPS_MS;
use crate::reading::model::writer::OPEN_SPAN;
use crate::reading::row::{ConnectionVersion, Number, Seq};

/// How many minutes are told.
const MINUTES: i64 = 60;

const MINUTE_MS: i64 = 60_000;

/// How many of what is stuck are named.
pub(in crate::reading) const NAMED_AT_MOST: usize = 10;

/// How many steps there are, with the one behind the last.
const STEPS: usize = LATENCY_STEPS_MS.len() + 1;

/// How many dialogues there were.
pub(in crate::reading) fn counts(scene: &Scene<'_>) -> Result<ThreadCounts, rusqlite::Error> {
    let mut counts = scene.rows.prepare_cached(
        "SELECT everything, held, failed, under_way, unanswered, answered, opened FROM thread_counts
         WHERE since <= ?1 ORDER BY since DESC LIMIT 1",
    )?;
    let counts = counts.query_row([scene.moment.seq], |row| {
        let count = |column| row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or(0));
        Ok(ThreadCounts {
            all: count(0)?,
            held: count(1)?,
            failed: count(2)?,
            under_way: count(3)?,
            unanswered: count(4)?,
            answered: count(5)?,
            opened: count(6)?,
        })
    });
    Ok(counts.optional()?.unwrap_or_default())
}

/// The intents that were open the longest, and how many there were in all.
pub(in crate::reading) fn open(scene: &Scene<'_>) -> Result<(u64, Vec<OpenRow>), rusqlite::Error> {
    let seq = scene.moment.seq;
    let mut count = 0;
    for (connection, _) in scene.connections.iter() {
        count += u64::try_from(version_at(scene, connection, seq)?.depth).unwrap_or(0);
    }
    // Of those that were open over about so many events, only the ones that were raised within twice as many before can
    // have been open then.
    let mut found: Vec<(Seq, Number)> = Vec::new();
    let mut by_span = scene.rows.prepare_cached(
        "SELECT raised, intent FROM intents
         WHERE span = ?1 AND raised > ?2 AND raised <= ?3 AND ended > ?3 ORDER BY raised LIMIT ?4",
    )?;
    let named = i64::try_from(NAMED_AT_MOST).unwrap_or(i64::MAX);
    for span in (1..=OPEN_SPAN).rev() {
        let reach = if span >= 62 { i64::MAX } else { 1 << span };
        // Those of shorter spans were raised later.
        if found.len() >= NAMED_AT_MOST && found.iter().all(|(raised, _)| *raised <= seq.saturating_sub(reach)) {
            break;
        }
        let rows = by_span
            .query_map(params![span, seq.saturating_sub(reach), seq, named], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for row in rows {
            found.push(row?);
        }
        found.sort_unstable();
        found.truncate(NAMED_AT_MOST);
    }
    let open = found.into_iter().map(|(_, intent)| open_row(scene, intent)).collect::<Result<_, _>>()?;
    Ok((count, open))
}

fn open_row(scene: &Scene<'_>, intent: Number) -> Result<OpenRow, rusqlite::Error> {
    let mut row =
        scene.rows.prepare_cached("SELECT id, what, connection, thread, raised FROM intents WHERE intent = ?1")?;
    let (id, what, connection, thread, raised) = row.query_row([intent], |row| {
        let id = IntentId::from_uuid(uuid_in(row, 0)?);
        Ok((id, row.get(1)?, row.get(2)?, row.get(3)?, row.get::<_, Seq>(4)?))
    })?;
    let mut attempts = scene
        .rows
        .prepare_cached("SELECT count(*) FROM attempts WHERE intent = ?1 AND coalesce(started, settled) <= ?2")?;
    let attempts = attempts.query_row(params![intent, scene.moment.seq], |row| row.get(0))?;
    let (position, raised_at) = scene.place(raised)?;
    let (connection, thread) = (scene.connections.name(connection), scene.thread_id(thread)?);
    Ok(OpenRow { id, what, connection, thread, raised_at, position, attempts })
}

/// Everything that is counted, of all connections together.
#[derive(Clone, Copy, Default)]
struct Counted {
    received: i64,
    accepted: i64,
    refused: i64,
    unsettled: i64,
    steps: [i64; STEPS],
}

/// The traffic of the hour before a moment, minute by minute, and how long messages took in it.
pub(in crate::reading) fn traffic(
    scene: &Scene<'_>,
    now: Timestamp,
) -> Result<(Vec<Minute>, Latency), rusqlite::Error> {
    let end = now.as_millis();
    let first = end.div_euclid(MINUTE_MS).saturating_sub(MINUTES - 1);
    let before = counted(scene, seq_before(scene, first.saturating_mul(MINUTE_MS))?)?;
    let (mut last, mut minutes) = (before, Vec::new());
    for minute in first..first.saturating_add(MINUTES) {
        let begin = minute.saturating_mul(MINUTE_MS);
        let now = counted(scene, seq_before(scene, begin.saturating_add(MINUTE_MS))?)?;
        let rose = |one: i64, other: i64| u64::try_from(other - one).unwrap_or(0);
        minutes.push(Minute {
            at: At(Timestamp::from_millis(begin)),
            received: rose(last.received, now.received),
            accepted: rose(last.accepted, now.accepted),
            refused: rose(last.refused, now.refused),
            unsettled: rose(last.unsettled, now.unsettled),
            latency: latency(&last.steps, &now.steps),
        });
        last = now;
    }
    Ok((minutes, latency(&before.steps, &last.steps)))
}

/// The last event before a time, not beyond the moment that is asked about.
fn seq_before(scene: &Scene<'_>, time: i64) -> Result<Seq, rusqlite::Error> {
    let mut last =
        scene.rows.prepare_cached("SELECT seq FROM events WHERE clock < ?1 ORDER BY clock DESC, seq DESC LIMIT 1")?;
    let last: Option<Seq> = last.query_row([time], |row| row.get(0)).optional()?;
    Ok(last.unwrap_or(0).min(scene.moment.seq))
}

fn counted(scene: &Scene<'_>, seq: Seq) -> Result<Counted, rusqlite::Error> {
    let mut all = Counted::default();
    let mut latencies = scene.rows.prepare_cached(
        "SELECT steps FROM latencies WHERE connection = ?1 AND since <= ?2 ORDER BY since DESC LIMIT 1",
    )?;
    for (connection, _) in scene.connections.iter() {
        let ConnectionVersion { webhooks, accepted, refused, unsettled, .. } = version_at(scene, connection, seq)?;
        all.received += webhooks;
        all.accepted += accepted;
        all.refused += refused;
        all.unsettled += unsettled;
        let steps: Option<String> = latencies.query_row(params![connection, seq], |row| row.get(0)).optional()?;
        for (sum, step) in all.steps.iter_mut().zip(steps.as_deref().unwrap_or_default().split(',')) {
            *sum += step.parse::<i64>().unwrap_or(0);
        }
    }
    Ok(all)
}

/// How long those took that were counted between two looks.
fn latency(before: &[i64; STEPS], after: &[i64; STEPS]) -> Latency {
    let counts: Vec<u64> =
        after.iter().zip(before).map(|(after, before)| u64::try_from(after - before).unwrap_or(0)).collect();
    let count: u64 = counts.iter().sum();
    let percentile = |of_hundred: u64| {
        // The smallest step at whose end so many have come.
        let wanted = (count * of_hundred).div_ceil(100).max(1);
        let mut so_far = 0;
        let step = counts.iter().position(|step| {
            so_far += step;
            so_far >= wanted
        });
        // What took longer than the last step took at least so long.
        step.map(|step| LATENCY_STEPS_MS[step.min(LATENCY_STEPS_MS.len() - 1)])
    };
    Latency { count, p50_ms: percentile(50), p95_ms: percentile(95), p99_ms: percentile(99) }
}
