//! The stage itself: models are reached over HTTP, webhooks go out with manners, and faults happen once each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chatledger::clock::SystemClock;
use chatledger::demo::stage::{Fault, Manners, Place, Stage};
use chatledger::http::{Http, NoReply};
use chatledger_connectors::connector::Request;
use chatledger_connectors::simulator::{Emitted, Gesture, Line, Reaction, Simulator};
use chatledger_projections::ids::ConnectionName;
use chatledger_projections::time::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A platform that repeats what it is told, tells of it in a webhook, and bears three requests.
struct Parrot {
    heard: usize,
}

impl Simulator for Parrot {
    fn handle(&mut self, request: &Request, _: Timestamp) -> Reaction {
        self.heard += 1;
        let status = if self.heard > 3 { 429 } else { 200 };
        let seen = format!("{} {} {:?} {:?}", request.method, request.path, request.query, header(request, "x-proof"));
        Reaction {
            status,
            headers: vec![("x-heard".to_owned(), self.heard.to_string())],
            body: seen.into_bytes(),
            webhooks: vec![self.say(request.body.clone())],
        }
    }

    fn gesture(&mut self, _: &Gesture, _: Timestamp) -> Result<Vec<Emitted>, String> {
        Err("parrots have no hands".to_owned())
    }

    fn say(&mut self, body: Vec<u8>) -> Emitted {
        let headers = vec![("x-proof".to_owned(), "p".to_owned())];
        Emitted { after: Duration::ZERO, tail: "a b/c".to_owned(), headers, body }
    }

    fn transcript(&self) -> Vec<Line> {
        Vec::new()
    }
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

/// An engine that takes no webhook until it has refused so many, and notes the first line of each.
async fn reluctant(refusals: usize) -> (std::net::SocketAddr, Arc<AtomicUsize>, Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, lines) = (Arc::new(AtomicUsize::new(0)), Arc::new(std::sync::Mutex::new(Vec::new())));
    let (counted, noted) = (Arc::clone(&asked), Arc::clone(&lines));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 4096];
            let read = stream.read(&mut buffer).await.unwrap();
            let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
            noted.lock().unwrap().push(text.lines().next().unwrap_or_default().to_owned());
            let status = if counted.fetch_add(1, Ordering::SeqCst) < refusals { "503 Busy" } else { "200 OK" };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (address, asked, lines)
}

async fn parrot(ingress: std::net::SocketAddr, manners: Manners) -> (Stage, ConnectionName, String, Http) {
    let (place, name) = (Place::reserve().await.unwrap(), ConnectionName::new("parrot.main"));
    let address = place.base_url();
    let mut stage = Stage::before(ingress, Arc::new(SystemClock)).unwrap();
    stage.host(name.clone(), place, Box::new(Parrot { heard: 0 }), manners);
    let patience = Duration::from_millis(400);
    (stage, name, address, Http::new(patience, patience).unwrap())
}

fn request(body: &str) -> Request {
    let query = vec![("q".to_owned(), "ж&".to_owned())];
    let mut request = Request::bare("POST", "/a/%D0%B6".to_owned(), query);
    request.headers.push(("x-proof", "mine".to_owned()));
    request.body = body.as_bytes().to_vec();
    request
}

async fn until(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "in vain awaited");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_the_model_as_it_was_sent_and_its_answer_comes_back() {
    let (ingress, _, lines) = reluctant(0).await;
    let (stage, name, address, http) = parrot(ingress, Manners::ONCE).await;
    let reply = http.send(&address, request("hello")).await.unwrap();
    let expected = r#"POST /a/%D0%B6 [("q", "ж&")] Some("mine")"#;
    assert_eq!((reply.status, String::from_utf8(reply.body.0).unwrap().as_str()), (200, expected));
    until(|| stage.is_quiet()).await;
    assert_eq!(lines.lock().unwrap().as_slice(), ["POST /hooks/parrot.main/a%20b/c HTTP/1.1"]);
    assert_eq!(stage.exchanges(&name)[0].request.body, b"hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_sent_as_often_as_manners_allow() {
    for (retries, tries, status) in [(0, 1, Some(503)), (5, 3, Some(200)), (1, 2, Some(503))] {
        let (ingress, asked, _) = reluctant(2).await;
        let manners = Manners { retries, pause: Duration::from_millis(5) };
        let (stage, name, _, _) = parrot(ingress, manners).await;
        stage.say(&name, b"news").unwrap();
        assert!(!stage.is_quiet());
        until(|| stage.is_quiet()).await;
        let sent = stage.sent(&name).remove(0);
        assert_eq!((sent.tries, sent.status, asked.load(Ordering::SeqCst)), (tries, status, tries as usize));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_happen_once_each_in_order() {
    let (ingress, _, _) = reluctant(0).await;
    let (stage, name, address, http) = parrot(ingress, Manners::ONCE).await;
    let refusal = Reaction { status: 500, headers: Vec::new(), body: b"no".to_vec(), webhooks: Vec::new() };
    for fault in [Fault::Swallowed, Fault::Answered(refusal), Fault::Held(Duration::from_millis(50)), Fault::Crowded] {
        stage.fault(&name, fault).unwrap();
    }
    assert!(!stage.is_quiet(), "faults wait");
    let silence = http.send(&address, request("1")).await;
    assert!(matches!(silence, Err(NoReply::NoAnswer(_))), "{silence:?}");
    for expected in [500, 200, 429] {
        assert_eq!(http.send(&address, request("2")).await.unwrap().status, expected);
    }
    let seen: Vec<(u16, bool)> =
        stage.exchanges(&name).iter().map(|exchange| (exchange.status, exchange.swallowed)).collect();
    assert_eq!(seen, [(200, true), (500, false), (200, false), (429, false)], "what is swallowed was done");
    until(|| stage.is_quiet()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_said() {
    let (ingress, _, _) = reluctant(0).await;
    let (stage, name, _, _) = parrot(ingress, Manners::ONCE).await;
    let gesture = Gesture::ClientReads { phone: "79161234567".to_owned() };
    let nobody = ConnectionName::new("nobody");
    assert_eq!(stage.gesture(&nobody, &gesture).unwrap_err().to_string(), "nobody plays nobody");
    assert_eq!(stage.gesture(&name, &gesture).unwrap_err().to_string(), "at parrot.main: parrots have no hands");
    assert_eq!(stage.repeat(&name).unwrap_err().to_string(), "parrot.main has not sent any webhook yet");
}
