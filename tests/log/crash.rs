//! What is left when the process is killed in the middle of writing: everything that was answered, and no half of
//! anything.
//!
//! The test starts its own program again as a child that appends as fast as it can and tells what was answered.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use chatledger::log::sqlite::SqliteLog;
use chatledger::log::{EventLog, OpenError};
use tempfile::TempDir;

use crate::backends::{NO_STREAM, append, assert_stored, exact, names_in, names_in_log};

const LOG_OF_THE_CHILD: &str = "CHATLEDGER_TEST_CHILD_LOG";
const WRITERS: usize = 8;
const BATCH: u64 = 3;

/// How many answers are awaited before each kill: few and many, so that some kills meet a fresh write-ahead file.
const KILLS_AFTER: [usize; 4] = [1, 40, 7, 150];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_engine_leaves_all_that_it_answered_and_nothing_torn() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let mut answered = Vec::new();
    for answers in KILLS_AFTER {
        let mut child = start_child(&path);
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut told = 0;
        let mut line = String::new();
        while told < answers {
            line.clear();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the child goes on until it is killed");
            told += usize::from(note(&line, &mut answered));
        }
        assert!(matches!(SqliteLog::open(&path), Err(OpenError::InUse { .. })), "the child still writes");
        child.kill().unwrap();
        child.wait().unwrap();
        // What it told before it died counts too; a last line may be torn, an answer is a whole line.
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        for line in rest.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            note(line, &mut answered);
        }
        examine(&path, &answered).await;
    }
    let log = SqliteLog::open(&path).unwrap();
    let before = names_in_log(&log).await.len();
    assert_stored(log.append(append("after all that", NO_STREAM, &["1"])).await, 0);
    assert_eq!(names_in_log(&log).await.len(), before + 1);
}

fn start_child(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["crash::the_child_that_is_killed", "--exact", "--nocapture"])
        .env(LOG_OF_THE_CHILD, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Notes an answer that the child tells; whatever else it prints is no answer.
fn note(line: &str, answered: &mut Vec<(String, u64)>) -> bool {
    let Some(answer) = line.trim_end().strip_prefix("answered ") else { return false };
    let (stream, last) = answer.rsplit_once(' ').unwrap();
    answered.push((stream.to_owned(), last.parse().unwrap()));
    true
}

async fn examine(path: &Path, answered: &[(String, u64)]) {
    let log = SqliteLog::open(path).unwrap();
    for (stream, last) in answered {
        let names = names_in(&log, stream).await;
        assert!(names.len() as u64 > *last, "{stream} is there up to {last}");
    }
    let mut in_streams = 0;
    for writer in 0..WRITERS {
        let names = names_in(&log, &format!("writer-{writer}")).await;
        assert_eq!(names.len() as u64 % BATCH, 0, "no batch is torn");
        for (number, name) in names.iter().enumerate() {
            assert_eq!(*name, format!("{writer} {number}"));
        }
        in_streams += names.len();
    }
    assert_eq!(names_in_log(&log).await.len(), in_streams);
}

/// Does nothing unless it is the child.
#[test]
fn the_child_that_is_killed() {
    let Some(path) = std::env::var_os(LOG_OF_THE_CHILD) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let log = Arc::new(SqliteLog::open(path).unwrap());
        let writers: Vec<_> =
            (0..WRITERS).map(|writer| tokio::spawn(write_for_ever(Arc::clone(&log), writer))).collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

async fn write_for_ever(log: Arc<SqliteLog>, writer: usize) {
    let name = format!("writer-{writer}");
    // Takes up where the child before it was killed.
    let mut next = names_in(&*log, &name).await.len() as u64;
    loop {
        let names: Vec<_> = (next..next + BATCH).map(|number| format!("{writer} {number}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let expected = next.checked_sub(1).map_or(NO_STREAM, exact);
        next += BATCH;
        assert_stored(log.append(append(&name, expected, &names)).await, next - 1);
        println!("answered {name} {}", next - 1);
    }
}
