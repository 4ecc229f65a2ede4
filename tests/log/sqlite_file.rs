//! What the SQLite file must withstand: other programs, other versions, damage, a second engine, a full disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use chatledger::log::sqlite::SqliteLog;
use chatledger::log::{AppendError, EventLog, NewEvent, OpenError};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::backends::{
    NO_STREAM, alone, append, assert_conflict, assert_stored, event, exact, is_pending, names_in, names_in_log, soon,
};

/// Every file of a folder, byte for byte.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap_or_default())).collect()
}

/// A closed log with some events, and its folder.
async fn closed_log() -> (TempDir, std::path::PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let log = SqliteLog::open(&path).unwrap();
    for number in 0..200 {
        assert_stored(log.append(alone(&number.to_string())).await, 0);
    }
    drop(log);
    (folder, path)
}

/// Neither hand opens the file, and nothing in the folder has changed but for the writer's lock.
fn assert_refused(path: &Path, is_right: impl Fn(&OpenError) -> bool) {
    let folder = path.parent().unwrap();
    let mut before = contents(folder);
    before.remove("log.lock");
    for refusal in [SqliteLog::open(path).unwrap_err(), SqliteLog::open_read_only(path).unwrap_err()] {
        assert!(is_right(&refusal), "{refusal:?}");
    }
    let mut after = contents(folder);
    after.remove("log.lock");
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    assert!(before == after, "nothing was changed");
}

#[tokio::test]
async fn an_empty_file_becomes_a_log() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, b"").unwrap();
    let log = SqliteLog::open(&path).unwrap();
    assert_stored(log.append(alone("1")).await, 0);
}

#[tokio::test]
async fn a_log_that_was_closed_is_one_file_and_its_lock() {
    let (folder, path) = closed_log().await;
    let log = SqliteLog::open(&path).unwrap();
    assert_eq!(names_in_log(&log).await.len(), 200);
    drop(log);
    assert_eq!(contents(folder.path()).into_keys().collect::<Vec<_>>(), ["log", "log.lock"]);
}

#[test]
fn a_missing_log_is_not_made_by_reading() {
    let folder = TempDir::new().unwrap();
    let refusal = SqliteLog::open_read_only(folder.path().join("log")).unwrap_err();
    assert!(matches!(refusal, OpenError::Unavailable { .. }), "{refusal:?}");
    assert!(contents(folder.path()).is_empty());
}

#[test]
fn a_log_in_a_missing_folder_cannot_be_made() {
    let folder = TempDir::new().unwrap();
    let refusal = SqliteLog::open(folder.path().join("none").join("log")).unwrap_err();
    assert!(matches!(refusal, OpenError::Unavailable { .. }), "{refusal:?}");
}

#[test]
fn what_is_no_sqlite_file_is_left_alone() {
    for bytes in [&b"dear diary"[..], b"SQLite format 2\0", &[0; 4096], b"S"] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, bytes).unwrap();
        assert_refused(&path, |refusal| matches!(refusal, OpenError::Foreign { .. }));
        assert_eq!(contents(folder.path()).len(), 1, "not even a lock stands beside it");
    }
}

#[test]
fn a_folder_is_no_log() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    fs::create_dir(&path).unwrap();
    assert_refused(&path, |refusal| matches!(refusal, OpenError::Foreign { .. }));
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE events (id); INSERT INTO events VALUES (1)").unwrap();
    other.close().unwrap();
    assert_refused(&path, |refusal| matches!(refusal, OpenError::Foreign { .. }));
    assert_eq!(contents(folder.path()).len(), 1, "not even a lock stands beside it");
}

#[tokio::test]
async fn a_log_of_a_newer_version_is_left_alone() {
    let (_folder, path) = closed_log().await;
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 7).unwrap();
    newer.close().unwrap();
    assert_refused(&path, |refusal| matches!(refusal, OpenError::Newer { found: 7, known: 1, .. }));
}

#[tokio::test]
async fn a_log_that_was_cut_off_is_left_alone() {
    let (_folder, path) = closed_log().await;
    let whole = fs::read(&path).unwrap();
    for length in [17, 99, 100, 4096, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert_refused(&path, |refusal| matches!(refusal, OpenError::Damaged { .. }));
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(names_in_log(&SqliteLog::open(&path).unwrap()).await.len(), 200);
}

#[tokio::test]
async fn a_log_whose_first_page_is_overwritten_is_left_alone() {
    let (_folder, path) = closed_log().await;
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..4096].fill(0x55);
    fs::write(&path, &bytes).unwrap();
    assert_refused(&path, |refusal| matches!(refusal, OpenError::Damaged { .. }));
}

#[tokio::test]
async fn a_log_without_its_guards_is_left_alone() {
    let (_folder, path) = closed_log().await;
    let tampered = Connection::open(&path).unwrap();
    tampered.execute_batch("DROP TRIGGER events_are_never_removed").unwrap();
    tampered.close().unwrap();
    assert_refused(&path, |refusal| matches!(refusal, OpenError::Damaged { .. }));
}

#[test]
fn a_write_ahead_file_without_its_log_is_not_taken_for_a_new_log() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    fs::write(folder.path().join("log-wal"), b"the newest events").unwrap();
    assert_refused(&path, |refusal| matches!(refusal, OpenError::Damaged { .. }));
}

#[tokio::test]
async fn damage_that_shows_only_in_reading_is_told_and_never_read_as_events() {
    let (_folder, path) = closed_log().await;
    let mut bytes = fs::read(&path).unwrap();
    let pages = bytes.len() / 4096;
    // Every page but the first and the last ones, in which the schema and the newest events stand.
    bytes[2 * 4096..(pages - 2) * 4096].fill(0x55);
    fs::write(&path, &bytes).unwrap();
    match SqliteLog::open(&path) {
        Err(refusal) => assert!(matches!(refusal, OpenError::Damaged { .. }), "{refusal:?}"),
        Ok(log) => assert!(log.read_all(None, usize::MAX).await.is_err()),
    }
}

#[test]
fn the_table_refuses_to_change_or_remove_what_was_appended() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let log = SqliteLog::open(&path).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_stored(runtime.block_on(log.append(append("a", NO_STREAM, &["1", "2"]))), 1);
    let raw = Connection::open(&path).unwrap();
    for statement in [
        "UPDATE events SET data = x'00'",
        "UPDATE events SET name = 'b' WHERE revision = 0",
        "UPDATE events SET position = position + 10",
        "DELETE FROM events",
        "DELETE FROM events WHERE revision = 1",
    ] {
        let refusal = raw.execute(statement, []).unwrap_err();
        assert_eq!(refusal.to_string(), "the log is append-only", "{statement}");
    }
    assert_eq!(runtime.block_on(names_in(&log, "a")), ["1", "2"]);
}

#[test]
fn the_table_can_be_read_with_a_database_browser() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let log = SqliteLog::open(&path).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_stored(runtime.block_on(log.append(append("a", NO_STREAM, &["1", "2"]))), 1);
    let raw = Connection::open(&path).unwrap();
    let row: (String, u64, String) = raw
        .query_row("SELECT stream, revision, data FROM readable ORDER BY position DESC", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(row, ("a".to_owned(), 1, "2".to_owned()));
}

#[tokio::test]
async fn one_engine_at_a_time_writes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let first = SqliteLog::open(&path).unwrap();
    let refusal = SqliteLog::open(&path).unwrap_err();
    assert!(matches!(refusal, OpenError::InUse { .. }), "{refusal:?}");
    #[cfg(unix)]
    {
        let other_name = folder.path().join("other name");
        std::os::unix::fs::symlink(&path, &other_name).unwrap();
        assert!(matches!(SqliteLog::open(&other_name), Err(OpenError::InUse { .. })));
    }
    assert_stored(first.append(alone("1")).await, 0);
    drop(first);
    assert_eq!(names_in_log(&SqliteLog::open(&path).unwrap()).await, ["1"]);
}

#[tokio::test]
async fn one_may_read_beside_the_engine_but_not_write() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let engine = SqliteLog::open(&path).unwrap();
    assert_stored(engine.append(alone("1")).await, 0);
    let beside = SqliteLog::open_read_only(&path).unwrap();
    assert_eq!(names_in_log(&beside).await, ["1"]);
    let refused = beside.append(alone("2")).await;
    assert!(matches!(refused, Err(AppendError::Unavailable { .. })), "{refused:?}");

    let mut following = beside.follow(None).await.unwrap();
    assert_eq!(following.next(10).await.unwrap().len(), 1);
    assert!(following.is_caught_up());
    assert!(is_pending(following.next(10)).await);
    assert_stored(engine.append(alone("3")).await, 0);
    assert_eq!(soon(following.next(10)).await.unwrap()[0].data, b"3");
}

#[tokio::test]
async fn a_closed_log_can_be_read_without_writing() {
    let (_folder, path) = closed_log().await;
    let before = fs::read(&path).unwrap();
    let log = SqliteLog::open_read_only(&path).unwrap();
    assert_eq!(names_in_log(&log).await.len(), 200);
    drop(log);
    assert!(before == fs::read(&path).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_with_a_database_browser_only_makes_the_engine_wait() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let log = SqliteLog::open(&path).unwrap();
    let person = Connection::open(&path).unwrap();
    person.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(is_pending(log.append(alone("1"))).await);
    person.execute_batch("ROLLBACK").unwrap();
    // The dropped call was carried out all the same; asking again tells so.
    assert!(soon(log.append(alone("1"))).await.is_ok());
    assert_eq!(names_in_log(&log).await, ["1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_everything_of_a_flush_and_is_left_behind_when_there_is_room() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let log = SqliteLog::open(&path).unwrap();
    let large = |name: &str| {
        let mut append = alone(name);
        append.events.push(NewEvent { data: vec![b'x'; 100_000], ..event("large") });
        append
    };
    assert_stored(log.append(append("a", NO_STREAM, &["1"])).await, 0);
    log.limit_pages(1).await;
    let answers = log
        .append_all(vec![append("a", exact(0), &["2"]), append("a", exact(5), &["6"]), large("3"), alone("4")])
        .await;
    for answer in answers {
        // The conflict too: it was found beside what is now undone.
        assert!(matches!(answer, Err(AppendError::Unavailable { .. })), "{answer:?}");
    }
    assert!(matches!(log.append(large("3")).await, Err(AppendError::Unavailable { .. })));
    assert_eq!(names_in_log(&log).await, ["1"]);
    let mut following = log.follow(None).await.unwrap();
    assert_eq!(following.next(10).await.unwrap().len(), 1);
    assert!(is_pending(following.next(10)).await);

    log.limit_pages(1_000_000).await;
    assert_stored(log.append(append("a", exact(0), &["2"])).await, 1);
    assert_conflict(log.append(append("a", exact(5), &["6"])).await, Some(1));
    assert_stored(log.append(large("3")).await, 1);
    assert_eq!(soon(following.next(10)).await.unwrap()[0].data, b"2");
    drop((log, following));
    assert_eq!(names_in(&SqliteLog::open(&path).unwrap(), "a").await, ["1", "2"]);
}

#[tokio::test]
async fn a_log_may_stand_under_any_name() {
    let folder = TempDir::new().unwrap();
    for name in ["наш журнал", "100%?immutable=0#x", "a b&c"] {
        let path = folder.path().join(name);
        assert_stored(SqliteLog::open(&path).unwrap().append(alone("1")).await, 0);
        assert_eq!(names_in_log(&SqliteLog::open(&path).unwrap()).await, ["1"]);
        assert!(path.is_file());
    }
}
