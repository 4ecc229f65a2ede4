//! A log carried to another store: broken off at any append, and repeated.

use std::sync::Arc;

use chatledger::log::copy::{Copied, CopyError, compare, copy};
use chatledger::log::failing::{Failing, Fault};
use chatledger::log::memory::MemoryLog;
use chatledger::log::sqlite::SqliteLog;
use chatledger::log::{Append, EventLog, NewEvent};
use chatledger_projections::recorded::Position;
use tempfile::TempDir;

use crate::backends::{NO_STREAM, alone, append, event, exact, names_in_log};

/// More than two pages, streams of one and of many events, and bytes that are no text.
async fn source() -> (MemoryLog, Position) {
    let log = MemoryLog::new();
    for number in 0..1300_u32 {
        let name = number.to_string();
        let appended = match number.checked_sub(1000) {
            None => log.append(alone(&name)).await,
            Some(0) => log.append(append("long", NO_STREAM, &[&name])).await,
            Some(later) => {
                let bytes = NewEvent { data: vec![0xff, later as u8, 0], metadata: vec![b' '], ..event(&name) };
                log.append(Append { events: vec![bytes], ..append("long", exact(u64::from(later) - 1), &[]) }).await
            }
        };
        assert!(appended.is_ok());
    }
    let newest = log.read_backwards(1).await.unwrap()[0].position;
    (log, newest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_breaks_off_anywhere_is_repeated_and_stores_nothing_twice() {
    let (source, newest) = source().await;
    let target = Failing::new(Arc::new(MemoryLog::new()));
    let mut tries = 0;
    loop {
        // Each try comes some hundred events further, and its end is of every kind.
        target.fail_after(180, [Fault::Refuse, Fault::LoseAnswer, Fault::LoseRequest][tries % 3]);
        match copy(&source, &target, newest, &mut |_| {}).await {
            Ok(copied) => {
                assert_eq!(copied.stored + copied.already, 1300);
                break;
            }
            Err(CopyError::NotStored { .. }) => tries += 1,
            Err(other) => panic!("{other}"),
        }
        assert!(matches!(compare(&source, &target, newest, &mut |_| {}).await, Err(CopyError::Lacking { .. })));
    }
    assert!(tries > 5, "it broke off only {tries} times");
    assert_eq!(compare(&source, &target, newest, &mut |_| {}).await.unwrap(), 1300);
    let read = async |log: &dyn EventLog| log.read_all(None, 10_000).await.unwrap();
    assert_eq!(read(&target).await, read(&source).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_ends_where_it_was_told_to_and_a_repetition_brings_what_came_since() {
    let (source, newest) = source().await;
    let folder = TempDir::new().unwrap();
    let target = SqliteLog::open(folder.path().join("copy")).unwrap();
    let copied = copy(&source, &target, Position::new(700), &mut |_| {}).await.unwrap();
    assert_eq!(copied, Copied { stored: 700, already: 0 });
    assert_eq!(names_in_log(&target).await.len(), 700);
    let copied = copy(&source, &target, newest, &mut |_| {}).await.unwrap();
    assert_eq!(copied, Copied { stored: 600, already: 700 });
    assert_eq!(compare(&source, &target, newest, &mut |_| {}).await.unwrap(), 1300);
    let narrower = copy(&source, &target, Position::new(700), &mut |_| {}).await;
    assert!(matches!(narrower, Err(CopyError::Longer { .. })), "{narrower:?}");
}

#[tokio::test]
async fn one_byte_that_differs_is_found() {
    let (source, newest) = source().await;
    let target = MemoryLog::new();
    copy(&source, &target, Position::new(1298), &mut |_| {}).await.unwrap();
    let other = NewEvent { data: vec![0xff, 0x2a, 0], metadata: b"  ".to_vec(), ..event("1298") };
    let appended = target.append(Append { events: vec![other], ..append("long", exact(297), &[]) }).await;
    assert!(appended.is_ok());
    let found = copy(&source, &target, newest, &mut |_| {}).await;
    assert!(matches!(found, Err(CopyError::Different { .. })), "{found:?}");
}
