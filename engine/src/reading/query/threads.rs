//! Lists of dialogues: the last active first, or what a search finds.

use std::collections::BTreeSet;

use rusqlite::types::Value;
use rusqlite::{CachedStatement, OptionalExtension as _, Rows, params, params_from_iter};

use super::search::{called, words};
use super::thread::{Version, faces, row, version, version_of};
use super::{LOOKED_AT_MOST, Scene, limit_of};
use crate::reading::answer::{ThreadRow, ThreadState};
use crate::reading::cursor::{Cursor, Question};
use crate::reading::model::writer::number_of_thread;
use crate::reading::row::Number;
use crate::reading::{ReadingError, ThreadFilter, Wanted};

/// A page of dialogues, and where the next one begins.
pub(in crate::reading) fn threads(
    scene: &Scene<'_>,
    filter: &ThreadFilter,
    wanted: &Wanted,
    question: &Question,
) -> Result<(Vec<ThreadRow>, Option<Cursor>), ReadingError> {
    let Some(fit) = Fit::of(scene, filter) else { return Ok((Vec::new(), None)) };
    match filter.search.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => found(scene, text, &fit, wanted, question),
        None => listed(scene, &fit, wanted, question),
    }
}

/// Which dialogues fit, apart from a search.
struct Fit<'a> {
    filter: &'a ThreadFilter,
    connection: Option<Number>,
    states: BTreeSet<ThreadState>,
}

impl<'a> Fit<'a> {
    /// `None` if nothing can: the connection was never met.
    fn of(scene: &Scene<'_>, filter: &'a ThreadFilter) -> Option<Self> {
        let connection = match &filter.connection {
            Some(name) => Some(scene.connections.number(name)?),
            None => None,
        };
        Some(Self { filter, connection, states: filter.states.iter().copied().collect() })
    }

    /// Whether a dialogue is one of those that are asked for.
    fn fits(&self, scene: &Scene<'_>, version: &Version) -> Result<bool, rusqlite::Error> {
        let quiet = self.filter.quiet_since.is_none_or(|since| version.active_at <= since.as_millis());
        let active = self.filter.active_since.is_none_or(|since| version.active_at >= since.as_millis());
        let in_state = self.states.is_empty() || self.states.contains(&version.state);
        if !(version.holds(scene) && quiet && active && in_state) {
            return Ok(false);
        }
        if let Some(connection) = self.connection {
            let mut shown = scene
                .rows
                .prepare_cached("SELECT 1 FROM shown_at WHERE thread = ?1 AND connection = ?2 AND since <= ?3")?;
            if !shown.exists(params![version.thread, connection, scene.moment.seq])? {
                return Ok(false);
            }
        }
        if let Some(route) = &self.filter.route {
            let mut on = scene.rows.prepare_cached("SELECT 1 FROM threads WHERE thread = ?1 AND route = ?2")?;
            if !on.exists(params![version.thread, route.as_str()])? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn item(scene: &Scene<'_>, version: &Version) -> Result<ThreadRow, rusqlite::Error> {
    let faces = faces(scene, version.thread)?;
    row(scene, version, faces)
}

/// One way through the versions, the last active first.
struct Way<'stmt> {
    rows: Rows<'stmt>,
    next: Option<Version>,
}

impl<'stmt> Way<'stmt> {
    fn begin(
        statement: &'stmt mut CachedStatement<'_>,
        state: Option<ThreadState>,
        from: [i64; 2],
    ) -> Result<Self, rusqlite::Error> {
        let mut values: Vec<Value> = vec![from[0].into(), from[1].into()];
        values.extend(state.map(|state| Value::from(number_of_thread(state))));
        let mut way = Self { rows: statement.query(params_from_iter(values))?, next: None };
        way.step()?;
        Ok(way)
    }

    fn step(&mut self) -> Result<Option<Version>, rusqlite::Error> {
        let next = self.rows.next()?.map(Version::read).transpose()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    fn key(&self) -> Option<(i64, Number)> {
        self.next.as_ref().map(|version| (version.active_at, version.thread))
    }
}

/// All that fit, the last active first.
fn listed(
    scene: &Scene<'_>,
    fit: &Fit<'_>,
    wanted: &Wanted,
    question: &Question,
) -> Result<(Vec<ThreadRow>, Option<Cursor>), ReadingError> {
    let from = match &wanted.cursor {
        Some(cursor) => cursor.open::<2>(question)?.1,
        None => {
            let quiet = fit.filter.quiet_since.map_or(i64::MAX, |since| since.as_millis());
            // Nothing of then can have happened later.
            [quiet.min(scene.moment.clock), i64::MAX]
        }
    };
    // As it is now, only what holds now is looked at; else all versions are, newest first, and those are passed over that
    // did not hold then.
    let sql = match (scene.moment.is_newest, fit.states.is_empty()) {
        (true, true) => version!(
            "WHERE until = 9223372036854775807 AND (active_at, thread) < (?1, ?2) ORDER BY active_at DESC, thread DESC"
        ),
        (true, false) => version!(
            "WHERE until = 9223372036854775807 AND state = ?3 AND (active_at, thread) < (?1, ?2)
             ORDER BY active_at DESC, thread DESC"
        ),
        (false, true) => version!("WHERE (active_at, thread) < (?1, ?2) ORDER BY active_at DESC, thread DESC"),
        (false, false) => {
            version!("WHERE state = ?3 AND (active_at, thread) < (?1, ?2) ORDER BY active_at DESC, thread DESC")
        }
    };
    let states: Vec<Option<ThreadState>> =
        if fit.states.is_empty() { vec![None] } else { fit.states.iter().copied().map(Some).collect() };
    let mut statements = Vec::with_capacity(states.len());
    for _ in &states {
        statements.push(scene.rows.prepare_cached(sql)?);
    }
    let mut ways = Vec::with_capacity(states.len());
    for (statement, state) in statements.iter_mut().zip(states) {
        ways.push(Way::begin(statement, state, from)?);
    }
    let (limit, mut items, mut looked_at, mut last) = (limit_of(wanted), Vec::new(), 0, from);
    while let Some(way) = ways.iter_mut().filter(|way| way.next.is_some()).max_by_key(|way| way.key()) {
        let is_whole = items.len() == limit || looked_at >= LOOKED_AT_MOST;
        // Several versions of one dialogue may have the same key; a page ends behind all of them.
        if is_whole && way.key() != Some((last[0], last[1])) {
            return Ok((items, Some(Cursor::behind(question, scene.moment.seq, &last))));
        }
        let Some(version) = way.step()? else { break };
        if fit.filter.active_since.is_some_and(|since| version.active_at < since.as_millis()) {
            break;
        }
        looked_at += 1;
        last = [version.active_at, version.thread];
        if fit.fits(scene, &version)? {
            items.push(item(scene, &version)?);
        }
    }
    Ok((items, None))
}

/// What a search finds: by number or id first, then by words, the name that was learnt last first.
fn found(
    scene: &Scene<'_>,
    text: &str,
    fit: &Fit<'_>,
    wanted: &Wanted,
    question: &Question,
) -> Result<(Vec<ThreadRow>, Option<Cursor>), ReadingError> {
    let [stage, from] = match &wanted.cursor {
        Some(cursor) => cursor.open::<2>(question)?.1,
        None => [0, i64::MAX],
    };
    let (limit, seq) = (limit_of(wanted), scene.moment.seq);
    let called = called(scene, text)?;
    let mut items = Vec::new();
    if stage == 0 {
        for thread in called.iter().rev().filter(|thread| **thread < from) {
            if items.len() == limit {
                return Ok((items, Some(Cursor::behind(question, seq, &[0, thread + 1]))));
            }
            if let Some(version) = version_of(scene, *thread)?
                && fit.fits(scene, &version)?
            {
                items.push(item(scene, &version)?);
            }
        }
    }
    let Some(words) = words(text) else { return Ok((items, None)) };
    let from = if stage == 0 { i64::MAX } else { from };
    let mut named = scene.rows.prepare_cached(
        "SELECT rowid FROM client_words WHERE client_words MATCH ?1 AND rowid < ?2 ORDER BY rowid DESC",
    )?;
    let mut named = named.query(params![words, from])?;
    let (mut looked_at, mut last) = (0, from);
    while let Some(name) = named.next()? {
        if items.len() == limit || looked_at == LOOKED_AT_MOST {
            return Ok((items, Some(Cursor::behind(question, seq, &[1, last]))));
        }
        looked_at += 1;
        let number: i64 = name.get(0)?;
        last = number;
        let Some(thread) = thread_of_name(scene, number)? else { continue };
        if called.contains(&thread) || is_named_later(scene, thread, number, &words)? {
            continue;
        }
        if let Some(version) = version_of(scene, thread)?
            && fit.fits(scene, &version)?
        {
            items.push(item(scene, &version)?);
        }
    }
    Ok((items, None))
}

/// Whose name it is, if it was known by then.
fn thread_of_name(scene: &Scene<'_>, number: i64) -> Result<Option<Number>, rusqlite::Error> {
    let mut thread = scene.rows.prepare_cached("SELECT thread FROM client_names WHERE number = ?1 AND since <= ?2")?;
    thread.query_row(params![number, scene.moment.seq], |row| row.get(0)).optional()
}

/// Whether a later name of the same dialogue fits, too: then it was found by that one already.
fn is_named_later(scene: &Scene<'_>, thread: Number, number: i64, words: &str) -> Result<bool, rusqlite::Error> {
    let mut later = scene
        .rows
        .prepare_cached("SELECT number FROM client_names WHERE thread = ?1 AND number > ?2 AND since <= ?3 LIMIT 20")?;
    let later = later.query_map(params![thread, number, scene.moment.seq], |row| row.get::<_, i64>(0))?;
    let mut fits =
        scene.rows.prepare_cached("SELECT 1 FROM client_words WHERE client_words MATCH ?1 AND rowid = ?2")?;
    for number in later {
        if fits.exists(params![words, number?])? {
            return Ok(true);
        }
    }
    Ok(false)
}
