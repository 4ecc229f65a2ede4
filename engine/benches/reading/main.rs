//! The read side under load: every question's time over a long history while webhooks come in, and what followers cost.
//!
//! * *building*: how long the rows of 1,000,000 events of 100,000 dialogues take, and how much of the disk;
//! * *questions*: each of the API's and each of the console's pages some hundred times, while 500 signed webhooks a second
//!   come in; the aim is 50 ms at the 99th percentile;
//! * *followers*: webhooks a second at full speed with nobody on the live stream, and with a thousand.
//!
//! Prints tables. Nothing here passes or fails by the clock.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, dead_code)]

#[path = "../throughput/history.rs"]
mod history;
#[path = "../throughput/load.rs"]
mod load;
#[path = "../throughput/stand.rs"]
mod stand;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use stand::{Running, Serving, Stand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const WEBHOOKS_A_SECOND: usize = 500;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |name: &str, default: usize| {
        let place = arguments.iter().position(|argument| argument == name);
        place.and_then(|place| arguments.get(place + 1)?.parse().ok()).unwrap_or(default)
    };
    let (dialogues, times) = (number("--dialogues", 100_000), number("--times", 300));
    let (followers, webhooks) = (number("--followers", 1000), number("--webhooks", 50_000));
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("history.db");
    let events = history::write(&log, dialogues);
    let began = Instant::now();
    let engine = Engine::start(folder.path(), &log);
    engine.wait_until_built(events);
    let file = std::fs::metadata(folder.path().join("history.db-reading")).unwrap().len();
    println!(
        "building: the rows of {events} events of {dialogues} dialogues in {:.1} s from the start,",
        began.elapsed().as_secs_f64()
    );
    println!("          {} MiB beside a log of {} MiB", file >> 20, std::fs::metadata(&log).unwrap().len() >> 20);
    engine.running.print_memory("memory");
    load::introduce(engine.public);
    ask(&engine, times);
    follow(&engine, followers, webhooks);
}

/// Every question, while webhooks come in.
fn ask(engine: &Engine, times: usize) {
    let stop = Arc::new(AtomicBool::new(false));
    let (sent, slowest) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let sender = {
        let (stop, sent, slowest, public) = (stop.clone(), sent.clone(), slowest.clone(), engine.public);
        let requests = load::requests(WEBHOOKS_A_SECOND * 240, 7);
        std::thread::spawn(move || send_at_pace(public, &requests, &stop, &sent, &slowest))
    };
    let mut asker = Asker::to(engine.private);
    let head: u64 = asker.ask("/api/v1/standpoint")["position"].as_str().unwrap().parse().unwrap();
    let some_thread = |asker: &mut Asker, number: usize| {
        let phone = format!("7913{number:07}");
        let found = asker.ask(&format!("/api/v1/threads?search=%2B{phone}"));
        found["items"][0]["id"].as_str().unwrap().to_owned()
    };
    let threads: Vec<String> = (0..50).map(|number| some_thread(&mut asker, number * 97)).collect();
    let past = |nth: usize| head * (nth as u64 % 9 + 1) / 10;
    let (began, sent_before) = (Instant::now(), sent.load(Ordering::Relaxed));
    println!(
        "\n{:>34} {:>9} {:>9} {:>9}   with {WEBHOOKS_A_SECOND} webhooks/s",
        "question", "p50 ms", "p99 ms", "worst ms"
    );
    let mut question = |name: &str, path: &dyn Fn(usize) -> String| {
        let mut took: Vec<Duration> = (0..times)
            .map(|nth| {
                let path = path(nth);
                let began = Instant::now();
                asker.get(&path);
                began.elapsed()
            })
            .collect();
        took.sort_unstable();
        let at = |share: usize| took[(took.len() * share / 100).min(took.len() - 1)].as_secs_f64() * 1000.0;
        println!("{name:>34} {:>9.2} {:>9.2} {:>9.2}", at(50), at(99), at(100));
    };
    question("threads", &|_| "/api/v1/threads".to_owned());
    question("threads, then", &|nth| format!("/api/v1/threads?as_of={}", past(nth)));
    question("threads, in two states", &|_| "/api/v1/threads?state=held,unanswered".to_owned());
    question("threads, in a state, then", &|nth| format!("/api/v1/threads?state=unanswered&as_of={}", past(nth)));
    question("search by phone", &|nth| format!("/api/v1/threads?search=8%20(913)%20{:07}", nth * 31));
    question("search by a name of all", &|_| "/api/v1/threads?search=%D1%81%D0%B5%D1%80%D0%B3".to_owned());
    question("search by an id", &|nth| format!("/api/v1/threads?search={}", 18_000_000 + nth * 31));
    question("thread", &|nth| format!("/api/v1/threads/{}", threads[nth % threads.len()]));
    question("timeline", &|nth| format!("/api/v1/threads/{}/timeline", threads[nth % threads.len()]));
    question("timeline, then", &|nth| {
        format!("/api/v1/threads/{}/timeline?as_of={}", threads[nth % threads.len()], past(nth))
    });
    question("message", &|nth| format!("/api/v1/messages/pact.sales:{}", nth * 62));
    question("explanation", &|nth| format!("/api/v1/messages/pact.sales:{}/explanation", nth * 62));
    question("held", &|_| "/api/v1/held".to_owned());
    question("connections", &|_| "/api/v1/connections".to_owned());
    question("remarks", &|_| "/api/v1/remarks".to_owned());
    question("events", &|_| "/api/v1/events".to_owned());
    question("events of a type, then", &|nth| format!("/api/v1/events?type=IntentRaised&as_of={}", past(nth)));
    question("event", &|nth| format!("/api/v1/events/{}", past(nth) + nth as u64));
    question("overview", &|_| "/api/v1/overview".to_owned());
    question("overview, then", &|nth| format!("/api/v1/overview?as_of={}", past(nth)));
    question("page: overview", &|_| "/console/overview".to_owned());
    question("page: overview, then", &|nth| format!("/console/overview?at={}", past(nth)));
    question("page: dialogues", &|_| "/console/dialogues".to_owned());
    question("page: dialogues, then", &|nth| format!("/console/dialogues?at={}", past(nth)));
    question("page: dialogue", &|nth| format!("/console/dialogues/{}", threads[nth % threads.len()]));
    question("page: dialogue, then", &|nth| {
        format!("/console/dialogues/{}?at={}", threads[nth % threads.len()], past(nth))
    });
    question("page: message", &|nth| format!("/console/message?connection=pact.sales&id={}", nth * 62));
    question("page: held", &|_| "/console/held".to_owned());
    question("page: connections", &|_| "/console/connections".to_owned());
    question("page: log", &|_| "/console/log".to_owned());
    question("page: log of a kind, then", &|nth| format!("/console/log?kind=IntentRaised&at={}", past(nth)));
    question("page: event", &|nth| format!("/console/event?position={}", past(nth) + nth as u64));
    question("page: time", &|_| "/console/time".to_owned());
    let (sent, took) = (sent.load(Ordering::Relaxed) - sent_before, began.elapsed().as_secs_f64());
    stop.store(true, Ordering::Relaxed);
    sender.join().unwrap();
    println!(
        "{:>34} {:.0} webhooks/s came in, the slowest took {} ms",
        "meanwhile",
        sent as f64 / took,
        slowest.load(Ordering::Relaxed)
    );
    let behind = asker.ask("/api/v1/standpoint")["behind"].clone();
    println!("{:>34} {behind} events behind the log at the end", "and the rows were");
}

/// Signed webhooks at an even pace over a few connections.
fn send_at_pace(
    public: SocketAddr,
    requests: &[Vec<u8>],
    stop: &AtomicBool,
    sent: &AtomicUsize,
    slowest: &AtomicUsize,
) {
    const SENDERS: usize = 16;
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            scope.spawn(move || {
                let mut stream = BufReader::new(TcpStream::connect(public).unwrap());
                stream.get_ref().set_nodelay(true).unwrap();
                let began = Instant::now();
                for (nth, request) in requests.iter().skip(sender).step_by(SENDERS).enumerate() {
                    let due = Duration::from_secs_f64((nth * SENDERS + sender) as f64 / WEBHOOKS_A_SECOND as f64);
                    std::thread::sleep(due.saturating_sub(began.elapsed()));
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let asked = Instant::now();
                    stream.get_mut().write_all(request).unwrap();
                    assert_eq!(answer(&mut stream).0, 200);
                    slowest.fetch_max(asked.elapsed().as_millis() as usize, Ordering::Relaxed);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
}

/// Webhooks a second at full speed, with and without followers, in turn.
fn follow(engine: &Engine, followers: usize, webhooks: usize) {
    println!("\n{:>24} {:>12} {:>10} {:>10} {:>10}", "the way in", "webhooks/s", "p50 ms", "p99 ms", "worst ms");
    for round in 0..5 {
        load::run(engine.public, &load::requests(webhooks, 20 + round * 2)).print("nobody follows");
        engine.wait_until_caught_up();
        let heard = Arc::new(AtomicUsize::new(0));
        let streams: Vec<TcpStream> = (0..followers).map(|_| engine.follower()).collect();
        let ears = listen(&streams, &heard);
        load::run(engine.public, &load::requests(webhooks, 21 + round * 2)).print(&format!("{followers} follow"));
        engine.wait_until_caught_up();
        streams.iter().for_each(|stream| stream.shutdown(std::net::Shutdown::Both).unwrap_or_default());
        ears.join().unwrap();
        println!("{:>24} {:>12} bytes of notices", "they heard", heard.load(Ordering::Relaxed));
    }
}

/// One thread reads what all followers are told, a few of them at a time.
fn listen(streams: &[TcpStream], heard: &Arc<AtomicUsize>) -> std::thread::JoinHandle<()> {
    let streams: Vec<TcpStream> = streams.iter().map(|stream| stream.try_clone().unwrap()).collect();
    let heard = Arc::clone(heard);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut ears = tokio::task::JoinSet::new();
            for stream in streams {
                stream.set_nonblocking(true).unwrap();
                let mut stream = tokio::net::TcpStream::from_std(stream).unwrap();
                let heard = Arc::clone(&heard);
                ears.spawn(async move {
                    let mut buffer = vec![0; 16 * 1024];
                    while let Ok(read) = tokio::io::AsyncReadExt::read(&mut stream, &mut buffer).await {
                        if read == 0 {
                            return;
                        }
                        heard.fetch_add(read, Ordering::Relaxed);
                    }
                });
            }
            ears.join_all().await;
        });
    })
}

struct Engine {
    running: Running,
    public: SocketAddr,
    private: SocketAddr,
}

impl Engine {
    fn start(folder: &Path, log: &Path) -> Self {
        let stand = Stand { program: Path::new(env!("CARGO_BIN_EXE_chatledger")), is_read: true };
        let Serving { running, public, private } = stand.serve(folder, &format!("sqlite:{}", log.display()));
        Self { running, public, private }
    }

    fn wait_until_built(&self, events: u64) {
        let mut asker = Asker::to(self.private);
        loop {
            let stands = asker.ask("/api/v1/standpoint");
            let position: u64 = stands["position"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
            if position >= events {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn wait_until_caught_up(&self) {
        let mut asker = Asker::to(self.private);
        while asker.ask("/api/v1/standpoint")["behind"] != 0 {
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn follower(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.private).unwrap();
        stream.write_all(b"GET /api/v1/follow HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        stream
    }
}

/// Asks over one connection.
struct Asker(BufReader<TcpStream>);

impl Asker {
    fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    /// Asks the API.
    fn ask(&mut self, path: &str) -> Value {
        serde_json::from_slice(&self.get(path)).unwrap()
    }

    fn get(&mut self, path: &str) -> Vec<u8> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let (status, body) = answer(&mut self.0);
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        body
    }
}

fn answer(stream: &mut BufReader<TcpStream>) -> (u16, Vec<u8>) {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let mut length = 0;
    loop {
        line.clear();
        if stream.read_line(&mut line).unwrap() == 0 || line.trim_end().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (status, body)
}
