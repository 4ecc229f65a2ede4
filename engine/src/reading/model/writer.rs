//! Rows on their way into the file: one transaction for each batch of events, so that a reader sees whole events only.

use std::path::{Path, PathBuf};

use chatledger_projections::fact::DeliveryState;
use chatledger_projections::recorded::Position;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::schema;
use crate::reading::answer::{ThreadCounts, ThreadState};
use crate::reading::learn::Learnt;
use crate::reading::row::{OPEN, Row, Seq};

/// The file, for its one writer.
#[derive(Debug)]
pub(in crate::reading) struct Model {
    connection: Connection,
    path: PathBuf,
}

/// The last event of which the file has the rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::reading) struct Last {
    pub seq: Seq,
    pub position: Position,
    pub id: [u8; 16],
}

/// A delivery state as it is kept.
pub(in crate::reading) const fn number_of(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Raised => 1,
        DeliveryState::Sent => 2,
        DeliveryState::Failed => 3,
        DeliveryState::Delivered => 4,
        DeliveryState::Read => 5,
    }
}

/// A dialogue's state as it is kept.
pub(in crate::reading) const fn number_of_thread(state: ThreadState) -> i64 {
    match state {
        ThreadState::Held => 1,
        ThreadState::Failed => 2,
        ThreadState::UnderWay => 3,
        ThreadState::Unanswered => 4,
        ThreadState::Answered => 5,
        ThreadState::Opened => 6,
    }
}

/// In which class an intent is by how many events it was open: those that were open for long are few, so that those that
/// were open at some event are found without looking at all that had ended by then.
pub(in crate::reading) fn span_of(raised: Seq, ended: Seq) -> i64 {
    if ended == OPEN { OPEN_SPAN } else { i64::from(64 - (ended - raised).max(1).leading_zeros()) }
}

/// The class of those that are still open.
pub(in crate::reading) const OPEN_SPAN: i64 = 64;

impl Model {
    /// Opens the file: as it is, if it can be gone on with, else empty.
    pub fn open(path: &Path) -> Result<Self, rusqlite::Error> {
        let (connection, _) = schema::open_to_write(path)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Begins anew, with an empty file.
    pub fn begin_anew(self) -> Result<Self, rusqlite::Error> {
        let Self { connection, path } = self;
        // In place: readers have the file open, and are not to go on with one that is no more.
        let tables: Vec<String> = {
            let mut names = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE TABLE %' AND name NOT LIKE 'client\\_words%' ESCAPE '\\'")?;
            let names = names.query_map([], |row| row.get(0))?;
            names.collect::<Result<_, _>>()?
        };
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for table in tables.iter().filter(|table| *table != "about") {
            connection.execute(&format!("DELETE FROM \"{table}\""), [])?;
        }
        connection.execute("INSERT INTO client_words (client_words) VALUES ('delete-all')", [])?;
        connection.execute_batch("COMMIT")?;
        Ok(Self { connection, path })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last event of which the rows are here.
    pub fn last(&self) -> Result<Option<Last>, rusqlite::Error> {
        let last = self.connection.query_row(
            "SELECT seq, committed, prepared, id FROM events ORDER BY seq DESC LIMIT 1",
            [],
            |row| {
                let position = Position::pair(unsigned(row.get(1)?), unsigned(row.get(2)?));
                Ok(Last { seq: row.get(0)?, position, id: row.get(3)? })
            },
        );
        last.optional()
    }

    /// Keeps what a batch of events adds: all of it or nothing.
    pub fn keep(&mut self, batch: &[Learnt]) -> Result<(), rusqlite::Error> {
        let transaction = self.connection.transaction()?;
        for learnt in batch {
            for row in &learnt.rows {
                keep(&transaction, learnt.seq, row)?;
            }
        }
        transaction.commit()
    }
}

/// A number of ours as SQLite keeps it. Those beyond its range order as the largest.
pub(in crate::reading) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The same, read back.
pub(in crate::reading) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn run(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<(), rusqlite::Error> {
    connection.prepare_cached(sql)?.execute(values).map(|_| ())
}

#[allow(clippy::too_many_lines)] // One statement for each kind of row, side by side.
fn keep(into: &Connection, seq: Seq, row: &Row) -> Result<(), rusqlite::Error> {
    match row {
        Row::Event(event) => {
            let threads = (!event.threads.is_empty())
                .then(|| event.threads.iter().map(i64::to_string).collect::<Vec<_>>().join(","));
            run(
                into,
                "INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                params![
                    seq,
                    signed(event.position.commit()),
                    signed(event.position.prepare()),
                    event.id,
                    event.event_type,
                    event.at,
                    event.clock,
                    event.stream,
                    signed(event.revision.as_u64()),
                    event.connection,
                    threads,
                ],
            )
        }
        Row::Touched { thread, seq: touching } => {
            run(into, "INSERT OR IGNORE INTO touched VALUES (?1, ?2, ?3)", params![thread, touching, seq])
        }
        Row::Connection { connection, name } => {
            run(into, "INSERT INTO connections VALUES (?1, ?2)", params![connection, name])
        }
        Row::ConnectionVersion { connection, version } => run(
            into,
            "INSERT INTO connection_versions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                connection,
                seq,
                version.webhooks,
                version.last_webhook_at,
                version.depth,
                version.held,
                version.accepted,
                version.refused,
                version.unsettled,
                version.silent,
                version.silent_since,
            ],
        ),
        Row::Latencies { connection, steps } => {
            run(into, "INSERT INTO latencies VALUES (?1, ?2, ?3)", params![connection, seq, steps])
        }
        Row::Health { connection, document } => {
            run(into, "INSERT INTO healths VALUES (?1, ?2, ?3)", params![connection, seq, document])
        }
        Row::Configuration { document } => {
            run(into, "INSERT INTO configurations VALUES (?1, ?2)", params![seq, document])
        }
        Row::Thread { thread, id } => {
            run(into, "INSERT INTO threads (thread, id, met) VALUES (?1, ?2, ?3)", params![thread, id, seq])
        }
        Row::ThreadOpened { thread, route, opened_at } => run(
            into,
            "UPDATE threads SET route = ?2, opened_at = ?3, since = ?4 WHERE thread = ?1",
            params![thread, route, opened_at, seq],
        ),
        Row::ThreadVersion { thread, before, version } => {
            if let Some(before) = before {
                run(
                    into,
                    "UPDATE thread_versions SET until = ?3 WHERE thread = ?1 AND since = ?2",
                    params![thread, before, seq],
                )?;
            }
            let silence = version.silence.map(|silence| {
                serde_json::to_string(&(silence.reason, silence.since.as_millis()))
                    .expect("a word and a number serialise")
            });
            run(
                into,
                "INSERT INTO thread_versions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                params![
                    thread,
                    seq,
                    OPEN,
                    number_of_thread(version.state),
                    version.active_at,
                    version.last,
                    version.from_client,
                    version.from_company,
                    version.open,
                    version.held,
                    version.helped,
                    silence,
                ],
            )
        }
        Row::Faces { thread, document } => {
            run(into, "INSERT INTO faces VALUES (?1, ?2, ?3)", params![thread, seq, document])
        }
        Row::ShownAt { thread, connection } => {
            run(into, "INSERT OR IGNORE INTO shown_at VALUES (?1, ?2, ?3)", params![thread, connection, seq])
        }
        Row::ThreadCounts(ThreadCounts { all, held, failed, under_way, unanswered, answered, opened }) => run(
            into,
            "INSERT INTO thread_counts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                seq,
                signed(*held),
                signed(*failed),
                signed(*under_way),
                signed(*unanswered),
                signed(*answered),
                signed(*opened),
                signed(*all),
            ],
        ),
        Row::Name { name, what, connection, thread, message } => run(
            into,
            "INSERT OR IGNORE INTO names VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![name, *what as i64, connection, thread, message, seq],
        ),
        Row::ClientName { thread, name } => {
            run(
                into,
                "INSERT INTO client_names (thread, name, since) VALUES (?1, ?2, ?3)",
                params![thread, name, seq],
            )?;
            let number = into.last_insert_rowid();
            let folded = folded(name);
            run(into, "INSERT INTO client_words (rowid, name) VALUES (?1, ?2)", params![number, folded])
        }
        Row::Message(message) => run(
            into,
            "INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                message.message,
                message.thread,
                message.connection,
                message.name,
                message.heard_at,
                seq,
                message.document,
            ],
        ),
        Row::MessageVersion(version) => run(
            into,
            "INSERT INTO message_versions VALUES (?1, ?2, ?3, ?4, ?5)",
            params![version.message, seq, version.at, number_of(version.state), version.rest],
        ),
        Row::Entry { thread, at, ordinal, what, message, body } => run(
            into,
            "INSERT INTO entries VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![thread, at, seq, ordinal, *what as i64, message, body],
        ),
        Row::Intent(intent) => run(
            into,
            "INSERT INTO intents VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                intent.intent,
                intent.id,
                intent.thread,
                intent.connection,
                intent.what,
                intent.policy,
                intent.cause,
                intent.message,
                seq,
                OPEN,
                OPEN_SPAN,
            ],
        ),
        Row::IntentEnded { intent, raised } => run(
            into,
            "UPDATE intents SET ended = ?2, span = ?3 WHERE intent = ?1",
            params![intent, seq, span_of(*raised, seq)],
        ),
        Row::AttemptStarted { intent, attempt, kind, call, engine } => run(
            into,
            "INSERT OR REPLACE INTO attempts (intent, attempt, kind, call, engine, started) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![intent, attempt, kind, call, engine, seq],
        ),
        Row::AttemptSettled { intent, attempt, kind, call, outcome, reason, status } => run(
            into,
            "INSERT INTO attempts (intent, attempt, kind, call, settled, outcome, reason, status)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (intent, attempt) DO UPDATE SET settled = excluded.settled, outcome = excluded.outcome,
                reason = excluded.reason, status = excluded.status WHERE settled IS NULL",
            params![intent, attempt, kind, call, seq, outcome, reason, status],
        ),
        Row::Held(held) => run(
            into,
            "INSERT INTO held VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![held.intent, held.id, held.thread, held.connection, held.message, held.document, seq, OPEN],
        ),
        Row::Released { intent, since: _ } => {
            run(into, "UPDATE held SET until = ?2 WHERE hold = ?1", params![intent, seq])
        }
        Row::RemarkGroup { group, kind, connection, at, found } => run(
            into,
            "INSERT INTO remark_groups VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![group, kind.label(), connection, at, found, seq],
        ),
        Row::Remarked { group, count } => {
            run(into, "INSERT INTO remarked VALUES (?1, ?2, ?3)", params![group, seq, count])
        }
        Row::AnomalyGroup { group, kind, connection } => run(
            into,
            "INSERT INTO anomaly_groups VALUES (?1, ?2, ?3, ?4)",
            params![group, kind.label(), connection, seq],
        ),
        Row::Anomaly { group, count, detail } => {
            run(into, "INSERT INTO anomalies VALUES (?1, ?2, ?3, ?4)", params![group, seq, count, detail])
        }
    }
}

/// A name as it is looked for: SQLite folds letters and takes signs off them, but not this one.
pub(in crate::reading) fn folded(name: &str) -> String {
    name.replace('ё', "е").replace('Ё', "Е")
}
