//! Where each stream begins: the index of stream names, kept half in memory so that it costs little to keep.
//!
//! Almost every stream is new and has a name like no other, so an index in the file would be changed in a hundred places
//! by a hundred appends, and each place is a page to write. Here names that are new stay in memory; when there are enough
//! of them they *settle* into the file in order of their keys, at each flush twice as many as came newly, so that those of
//! one flush lie beside each other. What has not settled is found again by reading the end of the log: everything after
//! `settled.through`.
//!
//! Takes names and positions within the writer's transactions, gives positions. Absent: uniqueness of names beyond one
//! process, which the writer's lock gives.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use sha2::{Digest, Sha256};

/// How many names gather in memory before they settle. More would make an opening slower, for that many streams are read
/// back at most twice over; fewer would spread those of one flush over more pages.
const GATHER: usize = 64 * 1024;

/// Writes a name down. One of an earlier life may be there already: that life ended before it could say so.
const SETTLE: &str = "INSERT INTO streams (key, position) VALUES (?1, ?2) ON CONFLICT DO NOTHING";

/// Notes up to where all names are written down.
const SETTLED: &str = "UPDATE settled SET through = ?1";

/// A stream's name, by which it is looked up: half a SHA-256 of it, in which no two names ever meet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Key([u8; 16]);

impl Hash for Key {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        hasher.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    }
}

/// A key is a digest: a part of it is as good a hash as there is.
#[derive(Clone, Copy, Default, Debug)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Keys write one number; whatever else came would only be hashed badly.
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// Where streams begin, by their keys.
type Beginnings = HashMap<Key, u64, BuildHasherDefault<AsItIs>>;

impl Key {
    /// The key of a name.
    pub(super) fn of(name: &str) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&Sha256::digest(name)[..16]);
        Self(key)
    }
}

/// The positions of all streams' first events: those in memory, and a way to the others.
#[derive(Debug)]
pub(super) struct Streams {
    gathering: Beginnings,
    /// What is being written down, and what of it was; let go of when all of it was.
    settling: Beginnings,
    /// What of it was not, last in the order of keys first.
    unwritten: Vec<(Key, u64)>,
    /// Everything up to here is in `settling` or in the file.
    gathering_after: u64,
    /// How many gather before they settle.
    gather: usize,
}

/// What one transaction adds; made part of the whole only when it is on disk.
#[derive(Debug, Default)]
pub(super) struct News {
    begun: Beginnings,
    settled: usize,
}

impl Streams {
    /// Reads back what had not settled. If that is much, it settles now: otherwise an engine that is started again and again
    /// would read more back each time.
    pub(super) fn open(connection: &mut Connection) -> rusqlite::Result<Self> {
        Self::open_gathering(connection, GATHER)
    }

    fn open_gathering(connection: &mut Connection, gather: usize) -> rusqlite::Result<Self> {
        let mut streams = Self::unsettled(connection, gather)?;
        if streams.gathering.len() >= gather {
            match streams.settle_all(connection) {
                Ok(newest) => {
                    streams.gathering.clear();
                    streams.gathering_after = newest;
                }
                // On a full disk, say. What is in memory serves as well.
                Err(error) => tracing::warn!(%error, "the names of new streams could not be written down"),
            }
        }
        Ok(streams)
    }

    fn settle_all(&self, connection: &mut Connection) -> rusqlite::Result<u64> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let newest = transaction.query_row("SELECT max(position) FROM events", [], |row| row.get(0))?;
        {
            let mut insert = transaction.prepare(SETTLE)?;
            for (key, position) in in_order(&self.gathering) {
                insert.execute((&key.0, position))?;
            }
            transaction.execute(SETTLED, [newest])?;
        }
        transaction.commit()?;
        Ok(newest)
    }

    fn unsettled(connection: &Connection, gather: usize) -> rusqlite::Result<Self> {
        let (gathering, settling) = (Beginnings::default(), Beginnings::default());
        let mut streams = Self { gathering, settling, unwritten: Vec::new(), gathering_after: 0, gather };
        let mut unsettled = connection.prepare(
            "SELECT position, name FROM events WHERE position > (SELECT through FROM settled) AND name IS NOT NULL",
        )?;
        let mut rows = unsettled.query([])?;
        while let Some(row) = rows.next()? {
            let name = row.get_ref(1)?.as_str()?;
            streams.gathering.insert(Key::of(name), row.get::<_, i64>(0)?.unsigned_abs());
        }
        streams.gathering_after = connection.query_row("SELECT through FROM settled", [], |row| row.get(0))?;
        Ok(streams)
    }

    /// Where a stream begins, if it has begun.
    pub(super) fn find(&self, transaction: &Transaction<'_>, news: &News, key: Key) -> rusqlite::Result<Option<u64>> {
        let in_memory = [&news.begun, &self.gathering, &self.settling].into_iter().find_map(|part| part.get(&key));
        match in_memory {
            Some(position) => Ok(Some(*position)),
            None => settled(transaction, key),
        }
    }

    /// Puts names into the file, neighbours beside each other: twice as many as the transaction has begun streams, so that
    /// all have settled long before as many have gathered again. `newest` is the last position that the transaction does
    /// not add.
    pub(super) fn settle(
        &mut self,
        transaction: &Transaction<'_>,
        news: &mut News,
        newest: u64,
    ) -> rusqlite::Result<()> {
        if self.unwritten.is_empty() && self.gathering.len() >= self.gather {
            // Nothing of it is lost if the transaction fails: these are only two names for one set.
            std::mem::swap(&mut self.settling, &mut self.gathering);
            self.unwritten = in_order(&self.settling);
            self.unwritten.reverse();
            if self.gathering_after > 0 {
                transaction.prepare_cached(SETTLED)?.execute([self.gathering_after])?;
            }
            self.gathering_after = newest;
        }
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let mut insert = transaction.prepare_cached(SETTLE)?;
        for (key, position) in self.unwritten.iter().rev().take(2 * news.begun.len()) {
            insert.execute((&key.0, position))?;
            news.settled += 1;
        }
        Ok(())
    }

    /// The transaction is on disk: what it added is so.
    pub(super) fn keep(&mut self, news: News) {
        self.unwritten.truncate(self.unwritten.len() - news.settled);
        if self.unwritten.is_empty() {
            self.settling.clear();
        }
        self.gathering.extend(news.begun);
    }
}

impl News {
    /// A stream begins at a position.
    pub(super) fn begin(&mut self, key: Key, position: u64) {
        match self.begun.entry(key) {
            Entry::Vacant(vacant) => drop(vacant.insert(position)),
            Entry::Occupied(_) => debug_assert!(false, "a stream begins once"),
        }
    }
}

fn in_order(beginnings: &Beginnings) -> Vec<(Key, u64)> {
    let mut in_order: Vec<_> = beginnings.iter().map(|(key, position)| (*key, *position)).collect();
    in_order.sort_unstable();
    in_order
}

/// Where a stream begins, for whoever does not write: in the file's index, or else at the end of the log.
pub(super) fn beginning(connection: &Connection, name: &str) -> rusqlite::Result<Option<u64>> {
    if let Some(position) = settled(connection, Key::of(name))? {
        return Ok(Some(position));
    }
    connection
        .prepare_cached("SELECT position FROM events WHERE position > (SELECT through FROM settled) AND name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

fn settled(connection: &Connection, key: Key) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached("SELECT position FROM streams WHERE key = ?1")?
        .query_row([&key.0], |row| row.get(0))
        .optional()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::log::sqlite::schema;

    /// An empty log's tables, without a file.
    fn tables() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(schema::SCHEMA).unwrap();
        connection
    }

    /// Begins these streams in one transaction, which is kept or undone.
    fn begin(connection: &mut Connection, streams: &mut Streams, names: &[String], kept: bool) {
        let transaction = connection.transaction().unwrap();
        let newest: Option<u64> =
            transaction.query_row("SELECT max(position) FROM events", [], |row| row.get(0)).unwrap();
        let newest = newest.unwrap_or(0);
        let mut news = News::default();
        let mut position = newest;
        for name in names {
            if streams.find(&transaction, &news, Key::of(name)).unwrap().is_some() {
                continue;
            }
            position += 1;
            transaction
                .execute(
                    "INSERT INTO events (position, stream, revision, name, id, type, metadata, data)
                     VALUES (?1, ?1, 0, ?2, zeroblob(16), 'Noted', x'', x'')",
                    (position, name),
                )
                .unwrap();
            news.begin(Key::of(name), position);
        }
        streams.settle(&transaction, &mut news, newest).unwrap();
        if kept {
            transaction.commit().unwrap();
            streams.keep(news);
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Begin(Vec<u16>),
        Fail(Vec<u16>),
        Reopen,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let names = || prop::collection::vec(0u16..500, 1..20);
        let step =
            prop_oneof![8 => names().prop_map(Step::Begin), 1 => names().prop_map(Step::Fail), 1 => Just(Step::Reopen)];
        prop::collection::vec(step, 1..40)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_stream_is_found_where_it_begins_however_far_its_name_has_settled(steps in steps(), gather in 1usize..40) {
            let mut connection = tables();
            let mut streams = Streams::open_gathering(&mut connection, gather).unwrap();
            for step in steps {
                let named = |numbers: Vec<u16>| numbers.iter().map(|number| format!("stream-{number}")).collect::<Vec<_>>();
                match step {
                    Step::Begin(names) => begin(&mut connection, &mut streams, &named(names), true),
                    Step::Fail(names) => begin(&mut connection, &mut streams, &named(names), false),
                    Step::Reopen => streams = Streams::open_gathering(&mut connection, gather).unwrap(),
                }
            }

            let transaction = connection.transaction().unwrap();
            for number in 0u16..500 {
                let name = format!("stream-{number}");
                let truth: Option<u64> = transaction
                    .query_row("SELECT min(position) FROM events WHERE name = ?1", [&name], |row| row.get(0))
                    .unwrap();
                let twice: u64 = transaction
                    .query_row("SELECT count(*) FROM events WHERE name = ?1", [&name], |row| row.get(0))
                    .unwrap();
                prop_assert!(twice <= 1, "{name} begins {twice} times");
                prop_assert_eq!(streams.find(&transaction, &News::default(), Key::of(&name)).unwrap(), truth);
                prop_assert_eq!(beginning(&transaction, &name).unwrap(), truth);
            }
            // What is in memory is bounded: two gatherings and the streams of one transaction.
            prop_assert!(streams.gathering.len() + streams.settling.len() <= 2 * gather + 80);
        }
    }
}
