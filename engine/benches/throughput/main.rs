//! Throughput and memory, each beside a bare baseline in the same run.
//!
//! * *ingest*: signed webhooks a second through the real `chatledger serve` on an SQLite log, beside a bare axum handler
//!   that reads the body and answers 200, with the same 64 connections;
//! * *replay*: folded events a second, beside a bare SQLite scan of the same file that only parses the bodies;
//! * *memory*: what `serve` holds after reading back 1,000,000 events of 100,000 dialogues.
//!
//! Prints a table and the ratios. Nothing here passes or fails by the clock.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

mod history;
mod load;
mod stand;

use std::path::Path;
use std::time::{Duration, Instant};

use chatledger::fold::fold;
use chatledger::log::sqlite::SqliteLog;
use chatledger::pipeline::Pipeline;
use rusqlite::Connection;

use stand::{Files, ROUNDS, Stand, median};

/// The program's own, for both sides of the comparison.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [first, port] = arguments.as_slice()
        && first == "--bare"
    {
        return load::serve_bare(port.parse().unwrap());
    }
    let number = |name: &str, default: usize| {
        let place = arguments.iter().position(|argument| argument == name);
        place.and_then(|place| arguments.get(place + 1)?.parse().ok()).unwrap_or(default)
    };
    let webhooks = number("--webhooks", 100_000);
    let dialogues = number("--dialogues", 100_000);
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_chatledger"));
    let stand = Stand { program, is_read: false };
    if !arguments.iter().any(|argument| argument == "--no-ingest") {
        println!("ingest: {webhooks} signed webhooks a round over {} connections", load::CONNECTIONS);
        stand.ingest("on this disk", folder.path(), webhooks, &mut Files(folder.path()));
        let read = Stand { program, is_read: true };
        read.ingest("with the read side", folder.path(), webhooks, &mut Files(folder.path()));
        // Without a disk that has to be waited for, what remains is our own work.
        if let Ok(memory) = tempfile::tempdir_in("/dev/shm") {
            stand.ingest("on a disk in memory", memory.path(), webhooks, &mut Files(memory.path()));
        }
    }
    if !arguments.iter().any(|argument| argument == "--no-replay") {
        let log = folder.path().join("history.db");
        let began = Instant::now();
        let events = history::write(&log, dialogues);
        println!("\n{events} events of {dialogues} dialogues written in {:.1} s", began.elapsed().as_secs_f64());
        replay(&log);
        memory(&stand, folder.path(), &log);
    }
}

fn replay(log: &Path) {
    println!("\nreplay");
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let (events, bare) = bare_scan(log);
        let sqlite = SqliteLog::open_read_only(log).unwrap();
        let mut pipeline = Pipeline::default();
        let began = Instant::now();
        fold(&sqlite, &mut pipeline, None, None, &mut |_, _| {}).unwrap();
        let folded = began.elapsed();
        assert_eq!(pipeline.taken().events, events);
        let (bare, folded) = (per_second(events, bare), per_second(events, folded));
        println!("{:>24} {bare:>12.0} events/s   folded {folded:>12.0} events/s", "bare scan");
        ratios.push(folded / bare);
    }
    println!("{:>24} {:>12.2}   (median of {ROUNDS} rounds)", "ratio", median(&mut ratios));
}

/// The file's rows in order, every body parsed as JSON, and nothing else.
fn bare_scan(log: &Path) -> (u64, Duration) {
    let connection = Connection::open(log).unwrap();
    let began = Instant::now();
    let mut statement = connection.prepare("SELECT data FROM events ORDER BY position").unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut events = 0_u64;
    while let Some(row) = rows.next().unwrap() {
        let data = row.get_ref(0).unwrap().as_blob().unwrap();
        let value: serde_json::Value = serde_json::from_slice(data).unwrap();
        std::hint::black_box(value);
        events += 1;
    }
    (events, began.elapsed())
}

fn memory(stand: &Stand<'_>, folder: &Path, log: &Path) {
    let began = Instant::now();
    let engine = stand.serve(folder, &format!("sqlite:{}", log.display()));
    println!("\nmemory of `chatledger serve` that has read the history back");
    engine.running.print_memory(&format!("ready, after {:.1} s", began.elapsed().as_secs_f64()));
    // What reading back took for a while is given back by and by, while there is something to do.
    for _ in 0..3 {
        load::introduce(engine.public);
        std::thread::sleep(Duration::from_secs(1));
    }
    engine.running.print_memory("at work");
}

#[allow(clippy::cast_precision_loss)]
fn per_second(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
