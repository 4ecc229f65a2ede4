//! One transaction of the writer: appends come in one after the other, and what became of each comes out after the flush.
//!
//! Nothing of it is on disk, nobody who follows sees it, and nobody may be answered, before [`OpenTransaction::flush`] has
//! returned. Dropping it undoes it.

use std::time::{Duration, Instant};

use chatledger_projections::ids::EventId;
use chatledger_projections::recorded::{Position, Revision, StreamName};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior};
use uuid::Uuid;

use super::reader::head;
use super::streams::{Key, News, Streams};
use crate::log::expectation::{StreamSoFar, Verdict, judge};
use crate::log::{Append, AppendError, Appended, NewEvent, StoredEvent};

/// What became of an append, and of several in their order.
pub(super) type Answer = Result<Appended, AppendError>;
pub(super) type Answers = Vec<Answer>;

/// A transaction that takes appends in.
pub(super) struct OpenTransaction<'a> {
    transaction: Transaction<'a>,
    streams: &'a mut Streams,
    news: News,
    /// The newest position before it.
    before: Option<Position>,
    written: Written,
}

/// What a transaction did.
pub(super) struct Written {
    /// Of all appends, in order.
    pub(super) answers: Answers,
    /// What is new in the log.
    pub(super) stored: Vec<StoredEvent>,
    pub(super) bytes: u64,
    pub(super) head: Option<Position>,
    /// How long the disk took.
    pub(super) took: Duration,
}

/// Why a transaction did not happen.
pub(super) struct Failure {
    /// Whether it certainly did not.
    pub(super) certain: bool,
    pub(super) cause: rusqlite::Error,
}

impl From<rusqlite::Error> for Failure {
    fn from(cause: rusqlite::Error) -> Self {
        Self { certain: true, cause }
    }
}

impl Failure {
    /// A disk that is full did not take the end of the transaction, without which there is none. Any other failure may
    /// be one of the flush, after which the end may be on disk or not.
    fn at_commit(cause: rusqlite::Error) -> Self {
        Self { certain: cause.sqlite_error_code() == Some(ErrorCode::DiskFull), cause }
    }
}

impl<'a> OpenTransaction<'a> {
    /// Begins. From here on nobody else writes.
    pub(super) fn begin(connection: &'a mut Connection, streams: &'a mut Streams) -> rusqlite::Result<Self> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = head(&transaction)?;
        let (answers, stored) = (Vec::new(), Vec::new());
        let written = Written { answers, stored, bytes: 0, head: before, took: Duration::ZERO };
        Ok(Self { transaction, streams, news: News::default(), before, written })
    }

    /// Decides on an append, and stores its events if it may happen; they are taken out of it.
    pub(super) fn take_in(&mut self, append: &mut Append) -> rusqlite::Result<()> {
        let answer = self.store(append)?;
        self.written.stored.extend(as_stored(&append.stream, std::mem::take(&mut append.events), &answer));
        self.written.answers.push(answer);
        Ok(())
    }

    /// Puts all of it on disk.
    pub(super) fn flush(self) -> Result<Written, Failure> {
        let Self { transaction, streams, mut news, before, mut written } = self;
        if !written.stored.is_empty() {
            let complete = Instant::now();
            streams.settle(&transaction, &mut news, before.map_or(0, Position::commit))?;
            transaction.commit().map_err(Failure::at_commit)?;
            streams.keep(news);
            written.took = complete.elapsed();
        }
        Ok(written)
    }

    fn store(&mut self, append: &Append) -> rusqlite::Result<Answer> {
        let key = Key::of(append.stream.as_str());
        let transaction = &self.transaction;
        let stream = TableStream { transaction, number: self.streams.find(transaction, &self.news, key)? };
        let first = match judge(append, &stream)? {
            Verdict::Answer(appended) => return Ok(Ok(appended)),
            Verdict::Conflict { actual } => {
                return Ok(Err(AppendError::Conflict { stream: append.stream.clone(), actual }));
            }
            Verdict::Store { first } => first,
        };
        let mut insert = transaction.prepare_cached(
            "INSERT INTO events (position, stream, revision, name, id, type, metadata, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        let mut position = self.written.head.map_or(0, Position::commit);
        let mut revision = first;
        let number = stream.number.unwrap_or(position + 1);
        if stream.number.is_none() && !append.events.is_empty() {
            self.news.begin(key, number);
        }
        for event in &append.events {
            position += 1;
            let name = (revision == Revision::FIRST).then_some(append.stream.as_str());
            let id = event.id.as_uuid();
            insert.execute((
                position,
                number,
                revision.as_u64(),
                name,
                id.as_bytes(),
                &event.event_type,
                &event.metadata,
                &event.data,
            ))?;
            revision = revision.next();
        }
        let last = Revision::new(revision.as_u64() - 1);
        self.written.bytes += size(append) as u64;
        self.written.head = Some(Position::new(position));
        Ok(Ok(Appended { last_revision: Some(last), position: self.written.head, already: false }))
    }
}

/// How much of a store's limit an append takes.
pub(super) fn size(append: &Append) -> usize {
    append.events.iter().map(NewEvent::size).sum()
}

/// What an append put into the log, which is nothing if it was refused or stood there already.
fn as_stored(stream: &StreamName, events: Vec<NewEvent>, answer: &Answer) -> impl Iterator<Item = StoredEvent> {
    let last = match answer {
        Ok(Appended { last_revision: Some(revision), position: Some(position), already: false }) => {
            Some((revision.as_u64(), position.commit()))
        }
        Ok(_) | Err(_) => None,
    };
    let from_last = (0..events.len() as u64).rev();
    events.into_iter().zip(from_last).filter_map(move |(event, from_last)| {
        let (revision, position) = last?;
        Some(StoredEvent {
            id: event.id,
            stream: stream.clone(),
            revision: Revision::new(revision - from_last),
            position: Position::new(position - from_last),
            event_type: event.event_type,
            data: event.data,
            metadata: event.metadata,
        })
    })
}

/// A stream in the table.
struct TableStream<'a> {
    transaction: &'a Transaction<'a>,
    /// The position of its first event.
    number: Option<u64>,
}

impl StreamSoFar for TableStream<'_> {
    type Error = rusqlite::Error;

    fn last(&self) -> rusqlite::Result<Option<Revision>> {
        let Some(number) = self.number else { return Ok(None) };
        let mut last =
            self.transaction.prepare_cached("SELECT max(revision) FROM events WHERE stream = ?1 AND revision > 0")?;
        let last: Option<u64> = last.query_row([number], |row| row.get(0))?;
        Ok(Some(last.map_or(Revision::FIRST, Revision::new)))
    }

    fn at(&self, revision: Revision) -> rusqlite::Result<Option<(EventId, Position)>> {
        let Some(number) = self.number else { return Ok(None) };
        let found = |row: &rusqlite::Row<'_>| {
            Ok((EventId::from_uuid(Uuid::from_bytes(row.get(0)?)), Position::new(row.get(1)?)))
        };
        if revision == Revision::FIRST {
            let mut at = self.transaction.prepare_cached("SELECT id, position FROM events WHERE position = ?1")?;
            return at.query_row([number], found).optional();
        }
        let mut at = self
            .transaction
            .prepare_cached("SELECT id, position FROM events WHERE stream = ?1 AND revision = ?2 AND revision > 0")?;
        at.query_row((number, revision.as_u64()), found).optional()
    }

    fn holds(&self, id: EventId) -> rusqlite::Result<bool> {
        let Some(number) = self.number else { return Ok(false) };
        if self.at(Revision::FIRST)?.is_some_and(|(first, _)| first == id) {
            return Ok(true);
        }
        let mut holds =
            self.transaction.prepare_cached("SELECT 1 FROM events WHERE stream = ?1 AND id = ?2 AND revision > 0")?;
        holds.exists((number, id.as_uuid().as_bytes()))
    }
}
