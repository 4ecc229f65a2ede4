//! What the rounds are played on: the real program on a log, the bare handler beside it, and the load before both.
//!
//! Shared by the benchmarks of the way in; where the log lies is theirs to say.

// Each benchmark uses a part of it.
#![allow(dead_code)]

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::load;

pub const ROUNDS: usize = 5;

/// Where webhooks are recorded.
pub trait Log {
    /// The log of a round, as the configuration names it.
    fn address(&mut self, round: usize) -> String;

    /// The engine is ready and knows the clients; the load is about to begin.
    fn is_about_to_begin(&mut self) {}
}

/// SQLite logs in a folder, a new one for every round; the one before is removed.
pub struct Files<'a>(pub &'a Path);

impl Log for Files<'_> {
    fn address(&mut self, _round: usize) -> String {
        let log = self.0.join("ingest.db");
        for companion in ["", "-wal", "-shm", "-reading", "-reading-wal", "-reading-shm"] {
            let mut file = log.clone().into_os_string();
            file.push(companion);
            let _absent = std::fs::remove_file(file);
        }
        format!("sqlite:{}", log.display())
    }
}

/// What is measured.
pub struct Stand<'a> {
    /// The real program.
    pub program: &'a Path,
    /// Whether it keeps a read side: a second fold of everything, beside the way in.
    pub is_read: bool,
}

/// The real program at work.
pub struct Serving {
    /// The process; it ends with this.
    pub running: Running,
    /// Where webhooks go.
    pub public: SocketAddr,
    /// Where operators ask.
    pub private: SocketAddr,
}

impl Stand<'_> {
    /// Webhooks a second into a log, beside the bare handler.
    pub fn ingest(&self, place: &str, folder: &Path, webhooks: usize, log: &mut dyn Log) {
        println!("\n{:>24} {:>12} {:>10} {:>10} {:>10}", place, "webhooks/s", "p50 ms", "p99 ms", "worst ms");
        let mut ratios = Vec::new();
        let mut slowest = Vec::new();
        for round in 0..ROUNDS {
            let requests = load::requests(webhooks, round);
            let port = free_port();
            let bare = Running(
                Command::new(std::env::current_exe().unwrap())
                    .args(["--bare", &port.port().to_string()])
                    .spawn()
                    .unwrap(),
            );
            wait_for(port);
            let bare_figures = load::run(port, &requests);
            drop(bare);
            bare_figures.print("bare handler");

            let engine = self.serve(folder, &log.address(round));
            load::introduce(engine.public);
            log.is_about_to_begin();
            let figures = load::run(engine.public, &requests);
            drop(engine);
            figures.print("chatledger serve");
            ratios.push(figures.per_second / bare_figures.per_second);
            slowest.push(figures.p99_ms);
        }
        println!("{:>24} {:>12.2}   (median of {ROUNDS} rounds)", "ratio", median(&mut ratios));
        println!("{:>24} {:>12.2}", "p99 ms", median(&mut slowest));
    }

    /// Starts the real engine on a log, and waits until it is ready.
    pub fn serve(&self, folder: &Path, log: &str) -> Serving {
        let (public, private) = (free_port(), free_port());
        let config = folder.join("chatledger.toml");
        std::fs::write(&config, load::configuration(public, private, log, self.is_read)).unwrap();
        let engine = Command::new(self.program)
            .current_dir(folder)
            .args(["serve", "--config"])
            .arg(&config)
            .env("BENCH_CHANNEL_SECRET", load::CHANNEL_SECRET)
            .env("BENCH_TOKEN", "token-of-the-benchmark")
            .env("BENCH_WEBHOOK_SECRET", load::WEBHOOK_SECRET)
            .env("CHATLEDGER_LOG", "error")
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let running = Running(engine);
        load::wait_until_ready(private);
        Serving { running, public, private }
    }
}

/// A child that ends with us.
pub struct Running(pub Child);

impl Running {
    /// Prints what it holds, and what it held at most.
    pub fn print_memory(&self, when: &str) {
        let (resident, most) = (status(self.0.id(), "VmRSS"), status(self.0.id(), "VmHWM"));
        println!("{:>24} {resident:>12.0} MiB   at most {most:.0} MiB", when);
    }
}

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

pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A figure of `/proc/PID/status`, in MiB.
fn status(pid: u32, key: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    let kibibytes: f64 = line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(f64::NAN);
    kibibytes / 1024.0
}
