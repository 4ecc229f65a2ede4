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

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chatledger::fold::fold;
use chatledger::log::sqlite::SqliteLog;
use chatledger::pipeline::Pipeline;
use rusqlite::Connection;

/// The program's own, for both sides of the comparison.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 3;

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
    if !arguments.iter().any(|argument| argument == "--no-ingest") {
        println!("ingest: {webhooks} signed webhooks a round over {} connections", load::CONNECTIONS);
        ingest("on this disk", folder.path(), webhooks);
        // Without a disk that has to be waited for, what remains is our own work.
        if let Ok(memory) = tempfile::tempdir_in("/dev/shm") {
            ingest("on a disk in memory", memory.path(), webhooks);
        }
    }
    if !arguments.iter().any(|argument| argument == "--no-replay") {
        let log = folder.path().join("history.db");
        let began = Instant::now();
        let events = history::write(&log, dialogues);
        println!("\n{events} events of {dialogues} dialogues written in {:.1} s", began.elapsed().as_secs_f64());
        replay(&log);
        memory(folder.path(), &log);
    }
}

fn ingest(place: &str, folder: &Path, webhooks: usize) {
    println!("\n{:>24} {:>12} {:>10} {:>10} {:>10}", place, "webhooks/s", "p50 ms", "p99 ms", "worst ms");
    let mut ratios = Vec::new();
    let mut slowest = Vec::new();
    for round in 0..ROUNDS {
        let requests = load::requests(webhooks, round);
        let port = free_port();
        let bare = Running(
            Command::new(std::env::current_exe().unwrap()).args(["--bare", &port.port().to_string()]).spawn().unwrap(),
        );
        wait_for(port);
        let bare_figures = load::run(port, &requests);
        drop(bare);
        bare_figures.print("bare handler");

        let log = folder.join(format!("ingest-{round}.db"));
        let (engine, public) = serve(folder, &log);
        load::introduce(public);
        let figures = load::run(public, &requests);
        drop(engine);
        figures.print("chatledger serve");
        ratios.push(figures.per_second / bare_figures.per_second);
        slowest.push(figures.p99_ms);
    }
    println!("{:>24} {:>12.2}   (median of {ROUNDS} rounds)", "ratio", median(&mut ratios));
    println!("{:>24} {:>12.2}", "p99 ms", median(&mut slowest));
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

fn memory(folder: &Path, log: &Path) {
    let began = Instant::now();
    let (engine, _) = serve(folder, log);
    let resident = status(engine.0.id(), "VmRSS");
    let most = status(engine.0.id(), "VmHWM");
    println!(
        "\nmemory of `chatledger serve` after reading the history back ({:.1} s until ready)",
        began.elapsed().as_secs_f64()
    );
    println!("{:>24} {:>12.0} MiB   at most {most:.0} MiB", "resident", resident);
}

/// Starts the real engine on a log; gives the address for webhooks once it is ready.
fn serve(folder: &Path, log: &Path) -> (Running, SocketAddr) {
    let (public, private) = (free_port(), free_port());
    let config = folder.join("chatledger.toml");
    std::fs::write(&config, load::configuration(public, private, log)).unwrap();
    let engine = Command::new(env!("CARGO_BIN_EXE_chatledger"))
        .args(["serve", "--config"])
        .arg(&config)
        .env("BENCH_CHANNEL_SECRET", load::CHANNEL_SECRET)
        .env("BENCH_TOKEN", "token-of-the-benchmark")
        .env("BENCH_WEBHOOK_SECRET", load::WEBHOOK_SECRET)
        .env("CHATLEDGER_LOG", "error")
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let engine = Running(engine);
    load::wait_until_ready(private);
    (engine, public)
}

/// A child that ends with us.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn wait_for(address: SocketAddr) {
    let began = Instant::now();
    while std::net::TcpStream::connect(address).is_err() {
        assert!(began.elapsed() < Duration::from_secs(10), "nobody listens at {address}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A figure of `/proc/PID/status`, in MiB.
fn status(pid: u32, key: &str) -> f64 {
    let status = std::fs::read_to_string(PathBuf::from(format!("/proc/{pid}/status"))).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    let kibibytes: f64 = line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(f64::NAN);
    kibibytes / 1024.0
}

#[allow(clippy::cast_precision_loss)]
fn per_second(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
