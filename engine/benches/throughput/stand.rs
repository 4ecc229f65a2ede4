//! What the rounds are played on: the real program on a log, the bare handler beside it, and the load before both.
//!
//! Shared by the benchmarks of the way in; where the log lies is theirs to say.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::load;

pub const ROUNDS: usize = 3;

/// Where webhooks are recorded.
pub trait Log {
    /// The log of a round, as the configuration names it.
    fn address(&mut self, round: usize) -> String;

    /// The engine is ready and knows the clients; the load is about to begin.
    fn is_about_to_begin(&mut self) {}
}

/// SQLite logs in a folder, a new one for every round.
pub struct Files<'a>(pub &'a Path);

impl Log for Files<'_> {
    fn address(&mut self, round: usize) -> String {
        format!("sqlite:{}", self.0.join(format!("ingest-{round}.db")).display())
    }
}

/// What is measured.
pub struct Stand<'a> {
    /// The real program.
    pub program: &'a Path,
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

            let (engine, public) = self.serve(folder, &log.address(round));
            load::introduce(public);
            log.is_about_to_begin();
            let figures = load::run(public, &requests);
            drop(engine);
            figures.print("chatledger serve");
            ratios.push(figures.per_second / bare_figures.per_second);
            slowest.push(figures.p99_ms);
        }
        println!("{:>24} {:>12.2}   (median of {ROUNDS} rounds)", "ratio", median(&mut ratios));
        println!("{:>24} {:>12.2}", "p99 ms", median(&mut slowest));
    }

    /// Starts the real engine on a log; gives the address for webhooks once it is ready.
    pub fn serve(&self, folder: &Path, log: &str) -> (Running, SocketAddr) {
        let (public, private) = (free_port(), free_port());
        let config = folder.join("chatledger.toml");
        std::fs::write(&config, load::configuration(public, private, log)).unwrap();
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
        let engine = Running(engine);
        load::wait_until_ready(private);
        (engine, public)
    }
}

/// A child that ends with us.
pub struct Running(pub Child);

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
