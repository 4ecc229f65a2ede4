//! One dialogue as it stood.

use std::collections::{BTreeSet, HashMap};

use chatledger_projections::assistance::Reason;
use chatledger_projections::ids::{RouteName, ThreadId};
use chatledger_projections::time::Timestamp;
use rusqlite::types::FromSqlError;
use rusqlite::{OptionalExtension as _, Row, params};

use super::timeline::said;
use super::{Scene, document};
use crate::reading::ReadingError;
use crate::reading::answer::{AssistantStands, At, ClientCard, LastWord, ThreadDetail, ThreadRow, ThreadState};
use crate::reading::learn::document::FacesDocument;
use crate::reading::row::{Number, Seq};

/// A version of a dialogue, as it lies in the file.
pub(in crate::reading) struct Version {
    pub thread: Number,
    pub since: Seq,
    pub until: Seq,
    pub state: ThreadState,
    pub active_at: i64,
    last: Option<Number>,
    from_client: u32,
    from_company: u32,
    open: u32,
    held: u32,
    assistant: Option<AssistantStands>,
}

/// What every question about versions selects, in the order in which [`Version::read`] takes it apart.
macro_rules! version {
    ($rest:literal) => {
        concat!(
            "SELECT thread, since, until, state, active_at, last, from_client, from_company, open, held, helped, silence ",
            "FROM thread_versions ",
            $rest
        )
    };
}
pub(super) use version;

impl Version {
    pub fn read(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        let silence: Option<(Reason, i64)> = row.get_ref(11)?.as_str_or_null()?.map(document).transpose()?;
        let helped: bool = row.get(10)?;
        let assistant = helped.then(|| AssistantStands {
            speaks: silence.is_none(),
            silent_because: silence.map(|(reason, _)| reason),
            silent_since: silence.map(|(_, since)| At(Timestamp::from_millis(since))),
        });
        Ok(Self {
            thread: row.get(0)?,
            since: row.get(1)?,
            until: row.get(2)?,
            state: state_of(row.get(3)?)?,
            active_at: row.get(4)?,
            last: row.get(5)?,
            from_client: row.get(6)?,
            from_company: row.get(7)?,
            open: row.get(8)?,
            held: row.get(9)?,
            assistant,
        })
    }

    /// Whether it held then.
    pub const fn holds(&self, scene: &Scene<'_>) -> bool {
        self.since <= scene.moment.seq && self.until > scene.moment.seq
    }
}

fn state_of(number: i64) -> Result<ThreadState, rusqlite::Error> {
    let at = usize::try_from(number - 1).ok().and_then(|place| ThreadState::ALL.get(place));
    at.copied().ok_or_else(|| FromSqlError::OutOfRange(number).into())
}

/// The number of a dialogue that had begun by then.
pub(in crate::reading) fn opened(scene: &Scene<'_>, thread: ThreadId) -> Result<Number, ReadingError> {
    number_of(scene, thread)?.ok_or(ReadingError::NotFound { what: "thread" })
}

fn number_of(scene: &Scene<'_>, thread: ThreadId) -> Result<Option<Number>, rusqlite::Error> {
    let mut number = scene.rows.prepare_cached("SELECT thread FROM threads WHERE id = ?1 AND since <= ?2")?;
    number.query_row(params![thread.to_string(), scene.moment.seq], |row| row.get(0)).optional()
}

/// How a dialogue stood, if it had begun.
pub(in crate::reading) fn version_of(scene: &Scene<'_>, thread: Number) -> Result<Option<Version>, rusqlite::Error> {
    let mut version =
        scene.rows.prepare_cached(version!("WHERE thread = ?1 AND since <= ?2 ORDER BY since DESC LIMIT 1"))?;
    version.query_row(params![thread, scene.moment.seq], Version::read).optional()
}

/// One dialogue.
pub(in crate::reading) fn thread(scene: &Scene<'_>, thread: ThreadId) -> Result<ThreadDetail, ReadingError> {
    let number = opened(scene, thread)?;
    let version = version_of(scene, number)?.ok_or(ReadingError::NotFound { what: "thread" })?;
    let faces = faces(scene, number)?;
    let endpoints = faces.endpoints.clone();
    Ok(ThreadDetail { thread: row(scene, &version, faces)?, endpoints })
}

/// A dialogue's client and faces.
pub(in crate::reading) fn faces(scene: &Scene<'_>, thread: Number) -> Result<FacesDocument, rusqlite::Error> {
    let mut faces = scene
        .rows
        .prepare_cached("SELECT document FROM faces WHERE thread = ?1 AND since <= ?2 ORDER BY since DESC LIMIT 1")?;
    let faces = faces.query_row(params![thread, scene.moment.seq], |row| document(row.get_ref(0)?.as_str()?));
    Ok(faces.optional()?.unwrap_or_default())
}

/// The clients of dialogues; those that had not begun are absent.
pub(in crate::reading) fn clients(
    scene: &Scene<'_>,
    threads: &BTreeSet<ThreadId>,
) -> Result<HashMap<ThreadId, ClientCard>, rusqlite::Error> {
    let mut clients = HashMap::with_capacity(threads.len());
    for thread in threads {
        if let Some(number) = number_of(scene, *thread)? {
            clients.insert(*thread, faces(scene, number)?.client);
        }
    }
    Ok(clients)
}

/// A dialogue in a list.
pub(in crate::reading) fn row(
    scene: &Scene<'_>,
    version: &Version,
    faces: FacesDocument,
) -> Result<ThreadRow, rusqlite::Error> {
    let mut opened = scene.rows.prepare_cached("SELECT id, route, opened_at FROM threads WHERE thread = ?1")?;
    let (id, route, opened_at) = opened.query_row([version.thread], |row| {
        let opened_at = row.get::<_, Option<i64>>(2)?.unwrap_or_default();
        Ok((super::thread_in(row, 0)?, row.get::<_, Option<String>>(1)?.unwrap_or_default(), opened_at))
    })?;
    let last = match version.last {
        Some(message) => said(scene, message)?.map(|(side, text)| LastWord { side, text }),
        None => None,
    };
    Ok(ThreadRow {
        id,
        route: RouteName::new(route),
        client: faces.client,
        state: version.state,
        opened_at: At(Timestamp::from_millis(opened_at)),
        active_at: At(Timestamp::from_millis(version.active_at)),
        last,
        from_client: version.from_client,
        from_company: version.from_company,
        open_intents: version.open,
        held_intents: version.held,
        assistant: version.assistant,
        since: scene.position(version.since)?,
    })
}
