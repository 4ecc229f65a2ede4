//! The load: signed webhooks of the seed's size, over raw keep-alive connections, and what they are compared with.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatledger_connectors::connector::{Connector, Secret, Secrets, SimulatedAccount};
use chatledger_projections::ids::ConnectionName;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

pub const CONNECTIONS: usize = 64;
pub const CHANNEL_SECRET: &str = "5a44c5dff55f3c15a4cce8d7c4cc27e207c7e189";
pub const WEBHOOK_SECRET: &str = "webhook-secret-of-the-benchmark";

const ACCOUNT: &str = "2b13cae0-24f7-4058-b9ad-c13ee05e1b53";

/// How many clients the load is spread over.
const CLIENTS: usize = 1000;

fn settings() -> serde_json::Value {
    serde_json::json!({
        "scope_id": format!("344a5002-f8ca-454d-af3d-396180102ac7_{ACCOUNT}"),
        "bot_id": "dd6e40cd-bbd2-42f2-a92e-ce7db79ae6bb",
    })
}

/// The configuration of the engine under load, with the read side or without it. Its platforms cannot be reached.
pub fn configuration(public: SocketAddr, private: SocketAddr, log: &str, is_read: bool) -> String {
    format!(
        r#"
log = "{log}"
[reading]
enabled = {is_read}

[server]
listen = "{public}"
private = "{private}"
[connections."amo.main"]
platform = "amocrm"
scope_id = "344a5002-f8ca-454d-af3d-396180102ac7_{ACCOUNT}"
bot_id = "dd6e40cd-bbd2-42f2-a92e-ce7db79ae6bb"
base_url = "http://127.0.0.1:9"
channel_secret = {{ env = "BENCH_CHANNEL_SECRET" }}
[connections."pact.sales"]
platform = "pact"
company_id = 52204
base_url = "http://127.0.0.1:9"
token = {{ env = "BENCH_TOKEN" }}
webhook_secret = {{ env = "BENCH_WEBHOOK_SECRET" }}
[routes.sales]
crm = "amo.main"
channel = "pact.sales"
manager_first = "remember"
"#
    )
}

fn phone(client: usize) -> String {
    format!("7913{:07}", 5_000_000 + client)
}

/// Makes the clients known, so that every webhook of the load leads to one intent.
pub fn introduce(public: SocketAddr) {
    let mut stream = BufReader::new(TcpStream::connect(public).unwrap());
    for client in 0..CLIENTS {
        let phone = phone(client);
        let body = format!(
            r#"{{"event":"create","type":"conversation","object":{{"id":{id},"company_id":52204,"sender_name":"Сергей","sender_phone":"{phone}","sender_external_id":"{phone}","provider":"whatsapp","created_at":"2023-09-21T07:53:00.500Z","last_message_id":{client},"operational_state":"open","replied_state":"initialized","group":false}}}}"#,
            id = 18_000_000 + client
        );
        let request = http(&format!("/hooks/pact.sales/{WEBHOOK_SECRET}"), &[], body.as_bytes());
        stream.get_mut().write_all(&request).unwrap();
        assert_eq!(answer(&mut stream), 200);
    }
}

/// Signed webhooks, no two of them the same.
pub fn requests(count: usize, round: usize) -> Arc<Vec<Vec<u8>>> {
    let name = ConnectionName::new("amo.main");
    let settings = settings();
    let mut secrets = Secrets::default();
    secrets.insert("channel_secret", Secret::new(CHANNEL_SECRET));
    let connector: &dyn Connector = chatledger_connectors::named("amocrm").unwrap();
    let account = SimulatedAccount { name: &name, settings: &settings, secrets: &secrets };
    let mut platform = connector.simulator(&account).unwrap();
    let mut request = |number: usize| {
        let client = number % CLIENTS;
        let body = format!(
            r#"{{"account_id":"{ACCOUNT}","time":1695282809,"message":{{"receiver":{{"id":"3e056d0f-a553-4d94-9822-{client:012}","name":"Сергей","phone":"{phone}"}},"sender":{{"id":"3cfae55d-387e-409f-9be4-4baab963ee02","name":""}},"source":{{"external_id":"c218c790-9be5-4dba-99f8-cbe2b408df25"}},"conversation":{{"id":"8bdd3f03-b37e-46d0-ace2-{client:012}"}},"timestamp":1695282809,"msec_timestamp":1695282809904,"message":{{"id":"c1c59db4-64bd-4589-{round:04}-{number:012}","type":"text","text":"start","markup":null,"tag":"","media":"","thumbnail":"","file_name":"","file_size":0}}}}}}"#,
            phone = phone(client)
        );
        // The model learns from what it says; a fresh one has less to look through.
        if number.is_multiple_of(200) {
            platform = connector.simulator(&account).unwrap();
        }
        let emitted = platform.say(body.into_bytes());
        http(&format!("/hooks/amo.main/{}", emitted.tail), &emitted.headers, &emitted.body)
    };
    Arc::new((0..count).map(&mut request).collect())
}

fn http(path: &str, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut request = format!("POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut request = request.into_bytes();
    request.extend_from_slice(body);
    request
}

/// What a round of load came to.
pub struct Figures {
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub worst_ms: f64,
}

impl Figures {
    pub fn print(&self, name: &str) {
        let Self { per_second, p50_ms, p99_ms, worst_ms } = self;
        println!("{name:>24} {per_second:>12.0} {p50_ms:>10.2} {p99_ms:>10.2} {worst_ms:>10.2}");
    }
}

/// Sends every request once, over all connections at a time, each waiting for its answer.
pub fn run(address: SocketAddr, requests: &Arc<Vec<Vec<u8>>>) -> Figures {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let count = requests.len();
    let began = Instant::now();
    let mut latencies: Vec<Duration> = runtime.block_on(async {
        let mut senders = tokio::task::JoinSet::new();
        for connection in 0..CONNECTIONS {
            let requests = requests.clone();
            senders.spawn(async move { send_all(address, &requests, connection).await });
        }
        senders.join_all().await.into_iter().flatten().collect()
    });
    let took = began.elapsed();
    assert_eq!(latencies.len(), count);
    latencies.sort_unstable();
    let at = |share: f64| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
        let index = ((count as f64 * share) as usize).min(count - 1);
        latencies[index].as_secs_f64() * 1000.0
    };
    #[allow(clippy::cast_precision_loss)]
    let per_second = count as f64 / took.as_secs_f64();
    Figures { per_second, p50_ms: at(0.5), p99_ms: at(0.99), worst_ms: at(1.0) }
}

async fn send_all(address: SocketAddr, requests: &[Vec<u8>], connection: usize) -> Vec<Duration> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut stream = tokio::io::BufReader::new(stream);
    let mut latencies = Vec::new();
    let mut line = String::new();
    for request in requests.iter().skip(connection).step_by(CONNECTIONS) {
        let began = Instant::now();
        stream.get_mut().write_all(request).await.unwrap();
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        assert!(line.starts_with("HTTP/1.1 200"), "{line}");
        let mut length = 0;
        loop {
            line.clear();
            stream.read_line(&mut line).await.unwrap();
            let header = line.trim_end();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        latencies.push(began.elapsed());
    }
    latencies
}

/// The baseline: reads the body, answers 200, remembers nothing.
pub fn serve_bare(port: u16) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let handler = axum::routing::post(|body: axum::body::Bytes| async move {
            std::hint::black_box(body.len());
            "{}"
        });
        let router = axum::Router::new().route("/hooks/{connection}/{*tail}", handler);
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        axum::serve(listener, router).await.unwrap();
    });
}

/// Waits until the engine says that it is ready.
pub fn wait_until_ready(private: SocketAddr) {
    let began = Instant::now();
    loop {
        let ready = TcpStream::connect(private).ok().map(|stream| {
            let mut stream = BufReader::new(stream);
            let request = b"GET /readyz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n";
            stream.get_mut().write_all(request).is_ok() && answer(&mut stream) == 200
        });
        if ready == Some(true) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(180), "the engine does not become ready");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn answer(stream: &mut BufReader<TcpStream>) -> u16 {
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
    status
}
