//! What people ask of a small world over HTTP, and what they get or why not.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chatledger::api::access::{NewToken, TokenDigest};
use chatledger::api::{Access, Api, Role};
use chatledger::clock::{Clock as _, SystemClock};
use chatledger::explain::{self, Asked};
use chatledger::ingress::{Limits, serve};
use chatledger::log::memory::MemoryLog;
use chatledger::log::{Append, EventLog, ExpectedRevision, codec};
use chatledger::reading::{self, AsOf, Board, MessageAsked, Place, Reader, Surroundings, ThreadFilter, Wanted};
use chatledger_projections::delivery::Origin;
use chatledger_projections::event::Event;
use chatledger_projections::ids::ThreadId;
use chatledger_projections::recorded::{Recorded, Revision};
use chatledger_tests::logs;
use chatledger_tests::script::{Script, Troubles};
use chatledger_tests::world;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

/// A log with these events, as a store has it.
async fn stored(log: &[Recorded<Event>]) -> Arc<MemoryLog> {
    let store = Arc::new(MemoryLog::new());
    append(&store, log).await;
    store
}

async fn append(store: &MemoryLog, log: &[Recorded<Event>]) {
    for Recorded { id, stream, revision, recorded_at, event, .. } in log {
        let expected = match revision.as_u64().checked_sub(1) {
            None => ExpectedRevision::NoStream,
            Some(before) => ExpectedRevision::Exact(Revision::new(before)),
        };
        let events = vec![codec::seal(event, *id, *recorded_at, None, None)];
        store.append(Append { stream: stream.clone(), expected, events }).await.expect("it is as it was");
    }
}

/// A read side at work over a log, and what ends it.
struct Reading {
    reader: Reader,
    stop: CancellationToken,
    following: Option<std::thread::JoinHandle<()>>,
}

impl Reading {
    fn start(log: &Arc<MemoryLog>, place: &Place) -> Self {
        let (log, clock) = (Arc::clone(log) as Arc<dyn EventLog>, Arc::new(SystemClock));
        let surroundings = Surroundings { log, clock, board: Board::default(), spool: None };
        let stop = CancellationToken::new();
        let (reader, following) = reading::start(place, surroundings, stop.clone()).expect("a thread");
        Self { reader, stop, following: Some(following) }
    }

    /// Waits until everything in the log is in the rows.
    async fn is_up_with(&self, log: &MemoryLog) {
        let newest = log.read_backwards(1).await.expect("it can be read").first().map(|event| event.position);
        let caught_up = async {
            loop {
                let stands = self.reader.standpoint().await;
                if stands.is_ok_and(|stands| stands.position == newest && stands.behind == 0) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(ANSWERED_WITHIN, caught_up).await.expect("the rows come up with the log");
    }

    fn end(mut self) {
        self.stop.cancel();
        let ended = self.following.take().map(|following| tokio::task::block_in_place(|| following.join()));
        assert!(ended.is_some_and(|ended| ended.is_ok()));
    }
}

/// The API at an address of its own.
struct Desk {
    address: SocketAddr,
    reader: NewToken,
    operator: NewToken,
    stop: CancellationToken,
}

async fn desk(log: &Arc<MemoryLog>, reader: &Reader, with_tokens: bool) -> Desk {
    let (reads, acts) = (NewToken::make().expect("chance"), NewToken::make().expect("chance"));
    let digest = |role, token: &NewToken| TokenDigest { role, sha256: token.sha256 };
    let mut tokens = BTreeMap::new();
    if with_tokens {
        tokens.insert("grafana".to_owned(), digest(Role::Reader, &reads));
        tokens.insert("olga".to_owned(), digest(Role::Operator, &acts));
    }
    let stop = CancellationToken::new();
    let api = Api {
        reader: reader.clone(),
        access: Arc::new(Access::new(tokens)),
        log: Arc::clone(log) as Arc<dyn EventLog>,
        clock: Arc::new(SystemClock),
        followers: Arc::new(Semaphore::new(2)),
        end: stop.clone(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let limits = Limits { connections: 16, idle: ANSWERED_WITHIN, grace: Duration::ZERO };
    tokio::spawn(serve(listener, api.router(), limits, stop.clone()));
    Desk { address, reader: reads, operator: acts, stop }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What was answered.
#[derive(Debug)]
struct Answered {
    status: u16,
    head: String,
    body: Value,
}

impl Desk {
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answered {
        let mut stream = TcpStream::connect(self.address).await.expect("somebody listens");
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| *name == "host") {
            request.push_str(&format!("host: {}\r\n", self.address));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("\r\n{body}"));
        stream.write_all(request.as_bytes()).await.expect("it listens");
        let mut answer = Vec::new();
        let read = tokio::time::timeout(ANSWERED_WITHIN, stream.read_to_end(&mut answer)).await;
        read.expect("it answers").expect("it answers whole");
        let answer = String::from_utf8(answer).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answered { status, head: head.to_owned(), body: serde_json::from_str(body).unwrap_or(Value::Null) }
    }

    async fn get(&self, path: &str) -> Answered {
        let token = format!("Bearer {}", self.reader.text);
        self.ask("GET", path, &[("authorization", &token)], "").await
    }

    async fn act(&self, path: &str, body: &Value) -> Answered {
        let token = format!("Bearer {}", self.operator.text);
        let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
        self.ask("POST", path, &headers, &body.to_string()).await
    }
}

fn small_world() -> Vec<Recorded<Event>> {
    world::run(&Script::from_seed(11, Troubles::NONE)).log
}

async fn first_thread(reader: &Reader) -> ThreadId {
    let page = reader.threads(ThreadFilter::default(), Wanted::default(), AsOf::Now).await.expect("a page");
    page.items.first().expect("somebody wrote").id
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_shows_a_token_and_only_an_operator_acts() {
    let log = stored(&small_world()).await;
    let reading = Reading::start(&log, &Place::Forgotten);
    reading.is_up_with(&log).await;
    let desk = desk(&log, &reading.reader, true).await;
    for (headers, status) in [
        (vec![], 401),
        (vec![("authorization", "Bearer clt_0000")], 401),
        (vec![("authorization", "Basic b2xnYTpwdw==")], 401),
        (vec![("cookie", "chatledger_session=0000")], 401),
    ] {
        let answered = desk.ask("GET", "/api/v1/threads", &headers, "").await;
        assert_eq!((answered.status, answered.body["field"].as_str()), (status, Some("authorization")), "{headers:?}");
        assert!(answered.head.contains("application/problem+json"), "{}", answered.head);
    }
    assert_eq!(desk.get("/api/v1/threads").await.status, 200);
    let thread = first_thread(&reading.reader).await;
    let path = format!("/api/v1/threads/{thread}/assistant");
    let (token, wish) = (format!("Bearer {}", desk.reader.text), json!({"on": false, "why": "a complaint"}));
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    assert_eq!(desk.ask("POST", &path, &headers, &wish.to_string()).await.status, 403, "a reader does not act");
    let token = format!("Bearer {}", desk.operator.text);
    let foreign =
        [("authorization", token.as_str()), ("content-type", "application/json"), ("origin", "https://evil.example")];
    let answered = desk.ask("POST", &path, &foreign, &wish.to_string()).await;
    assert_eq!((answered.status, answered.body["field"].as_str()), (403, Some("origin")));
    let before = log.read_backwards(1).await.expect("it can be read")[0].position;
    let answered = desk.act(&path, &wish).await;
    assert_eq!((answered.status, answered.body["who"].as_str()), (200, Some("olga")));
    let recorded = codec::open(log.read_all(Some(before), 2).await.expect("it can be read").remove(0)).expect("ours");
    let Event::OperatorInstructed(said) = recorded.event else { panic!("{recorded:?}") };
    assert_eq!((said.who.as_str(), said.why.as_deref()), ("olga", Some("a complaint")));
    assert!(SystemClock.now().since(said.said_at) < ANSWERED_WITHIN);
    reading.is_up_with(&log).await;
    let told = desk.get(&format!("/api/v1/threads/{thread}/timeline?limit=2")).await;
    assert_eq!(told.body["items"][1]["kind"], "instructed", "and the assistant fell silent by it: {told:?}");
    reading.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tokens_this_machine_reads_under_its_own_name_and_nobody_acts() {
    let log = stored(&small_world()).await;
    let reading = Reading::start(&log, &Place::Forgotten);
    reading.is_up_with(&log).await;
    let desk = desk(&log, &reading.reader, false).await;
    assert_eq!(desk.ask("GET", "/api/v1/threads", &[], "").await.status, 200);
    let answered = desk.ask("GET", "/api/v1/threads", &[("host", "attacker.example:8081")], "").await;
    assert_eq!((answered.status, answered.body["field"].as_str()), (403, Some("host")), "a name of the world's");
    let path = format!("/api/v1/threads/{}/assistant", first_thread(&reading.reader).await);
    let headers = [("content-type", "application/json")];
    assert_eq!(desk.ask("POST", &path, &headers, r#"{"on":false,"why":"x"}"#).await.status, 403);
    reading.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_gets_a_problem_that_names_it() {
    let log = stored(&small_world()).await;
    let reading = Reading::start(&log, &Place::Forgotten);
    reading.is_up_with(&log).await;
    let desk = desk(&log, &reading.reader, true).await;
    let thread = first_thread(&reading.reader).await;
    let page = desk.get("/api/v1/events?limit=1").await.body;
    let cursor = page["next"].as_str().expect("there are more events").to_owned();
    let nobody = "00000000-0000-0000-0000-000000000000";
    for (path, status, field) in [
        ("/api/v1/threads?limit=0".to_owned(), 400, Some("limit")),
        ("/api/v1/threads?state=lost".to_owned(), 400, Some("state")),
        ("/api/v1/threads?serach=anna".to_owned(), 400, Some("serach")),
        ("/api/v1/threads?as_of=then".to_owned(), 400, Some("as_of")),
        ("/api/v1/threads?quiet_since=-2h".to_owned(), 400, Some("quiet_since")),
        (format!("/api/v1/threads?cursor={cursor}"), 400, Some("cursor")),
        (format!("/api/v1/events?limit=1&type=IntentRaised&cursor={cursor}"), 400, Some("cursor")),
        ("/api/v1/events?cursor=%00".to_owned(), 400, Some("cursor")),
        ("/api/v1/events?type=Anything".to_owned(), 400, Some("type")),
        ("/api/v1/events/nothing".to_owned(), 400, Some("event")),
        ("/api/v1/events/99999999".to_owned(), 404, Some("event")),
        ("/api/v1/threads/nobody".to_owned(), 400, Some("thread")),
        (format!("/api/v1/threads/{nobody}"), 404, Some("thread")),
        (format!("/api/v1/threads/{thread}?as_of=0"), 404, Some("thread")),
        (format!("/api/v1/threads/{thread}/timeline?order=up"), 400, Some("order")),
        ("/api/v1/messages/nobody".to_owned(), 404, Some("message")),
        (format!("/api/v1/held/{nobody}"), 404, Some("intent")),
        ("/api/v1/remarks?remark=funny".to_owned(), 400, Some("remark")),
        ("/api/v1/follow?thread=x".to_owned(), 400, Some("thread")),
        ("/api/v1/nowhere".to_owned(), 404, None),
        ("/api/v2/threads".to_owned(), 404, None),
    ] {
        let answered = desk.get(&path).await;
        assert_eq!((answered.status, answered.body["field"].as_str()), (status, field), "{path}: {answered:?}");
        assert!(answered.head.contains("application/problem+json"), "{path}: {}", answered.head);
    }
    let retry = format!("/api/v1/held/{nobody}/retry");
    for (path, body, status, field) in [
        (&retry, json!({"why": "x"}), 404, "intent"),
        (&retry, json!({}), 422, "body"),
        (&retry, json!({"why": "x", "wyh": 1}), 422, "body"),
        (&format!("/api/v1/held/{nobody}/edit-target"), json!({"why": "x"}), 400, "phone"),
        (&format!("/api/v1/threads/{thread}/assistant"), json!({"on": true, "why": " "}), 400, "why"),
    ] {
        let answered = desk.act(path, &body).await;
        assert_eq!((answered.status, answered.body["field"].as_str()), (status, Some(field)), "{path} {body}");
    }
    let token = format!("Bearer {}", desk.reader.text);
    let answered = desk.ask("DELETE", "/api/v1/threads", &[("authorization", &token)], "").await;
    assert!(answered.head.contains("application/problem+json"), "{answered:?}");
    let answered =
        desk.ask("GET", "/api/v1/follow", &[("authorization", &token), ("last-event-id", "yesterday")], "").await;
    assert_eq!((answered.status, answered.body["field"].as_str()), (400, Some("last-event-id")));
    reading.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_stands_behind_the_question_mark_is_answered_or_refused() {
    let log = stored(&small_world()).await;
    let reading = Reading::start(&log, &Place::Forgotten);
    reading.is_up_with(&log).await;
    let desk = desk(&log, &reading.reader, true).await;
    let pieces =
        ["search", "=", "&", "%ff", "%00", "as_of", "9/", "-1", "%22'", "cursor", "eyJ", "limit", "*", "%D0", "x"];
    let mut seed = 7_usize;
    for _ in 0..150 {
        let mut query = String::new();
        for _ in 0..seed % 9 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            query.push_str(pieces[(seed >> 33) % pieces.len()]);
        }
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let answered = desk.get(&format!("/api/v1/threads?{query}")).await;
        assert!([200, 400].contains(&answered.status), "{query}: {answered:?}");
        assert!(answered.status == 200 || answered.body["field"].is_string(), "{query}: {answered:?}");
    }
    reading.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_hears_what_changed_and_what_it_missed() {
    let world = small_world();
    let (before, after) = world.split_at(world.len() / 2);
    let log = stored(before).await;
    let reading = Reading::start(&log, &Place::Forgotten);
    reading.is_up_with(&log).await;
    let desk = desk(&log, &reading.reader, true).await;
    let follow = async |last: Option<&str>| {
        let mut stream = TcpStream::connect(desk.address).await.expect("somebody listens");
        let last = last.map(|last| format!("last-event-id: {last}\r\n")).unwrap_or_default();
        let token = &desk.reader.text;
        let request =
            format!("GET /api/v1/follow HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n{last}\r\n");
        stream.write_all(request.as_bytes()).await.expect("it listens");
        stream
    };
    let hears = async |stream: &mut TcpStream, word: &str| {
        let mut heard = String::new();
        let mut buffer = [0; 4096];
        let listening = async {
            while !heard.contains(word) {
                let read = stream.read(&mut buffer).await.expect("it goes on");
                assert!(read > 0, "it ended after {heard}");
                heard.push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        };
        tokio::time::timeout(ANSWERED_WITHIN, listening).await.unwrap_or_else(|_| panic!("{word} was not heard"));
        heard
    };
    let mut follower = follow(None).await;
    hears(&mut follower, ": following").await;
    append(&log, after).await;
    let newest = log.read_backwards(1).await.expect("it can be read")[0].position;
    let heard = hears(&mut follower, &format!("id: {newest}\n")).await;
    assert!(heard.contains("event: changed") && heard.contains("\"threads\""), "{heard}");
    let mut returned = follow(Some("1")).await;
    hears(&mut returned, &format!("id: {newest}\n")).await;
    let mut third = follow(None).await;
    hears(&mut third, "503").await;
    reading.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_restart_it_goes_on_and_over_another_log_it_begins_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::File(folder.path().join("rows.db"));
    let world = small_world();
    let (before, after) = world.split_at(world.len() / 2);
    let log = stored(before).await;
    let first = Reading::start(&log, &place);
    first.is_up_with(&log).await;
    first.end();
    append(&log, after).await;
    let second = Reading::start(&log, &place);
    second.is_up_with(&log).await;
    let is = crate::asking::everything(&second.reader, AsOf::Position(world.last().expect("events").position)).await;
    second.end();
    let at_once = crate::asking::fed(&folder.path().join("other.db"), &logs::renumbered(world));
    let last = at_once.reader().standpoint().await.expect("a standpoint").position.expect("events");
    assert_eq!(is, crate::asking::everything(at_once.reader(), AsOf::Position(last)).await);
    let other = logs::renumbered(world::run(&Script::from_seed(5, Troubles::NONE)).log);
    let log = stored(&other).await;
    let third = Reading::start(&log, &place);
    third.is_up_with(&log).await;
    let is = crate::asking::everything(&third.reader, AsOf::Position(other.last().expect("events").position)).await;
    third.end();
    let at_once = crate::asking::fed(&folder.path().join("third.db"), &other);
    let last = other.last().expect("events").position;
    assert_eq!(is, crate::asking::everything(at_once.reader(), AsOf::Position(last)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_explained_by_its_dialogue_as_by_the_whole_log() {
    for seed in [3, 11, 19] {
        let log = stored(&world::run(&Script::from_seed(seed, Troubles::WEATHER)).log).await;
        let reading = Reading::start(&log, &Place::Forgotten);
        reading.is_up_with(&log).await;
        for key in messages(&reading.reader).await {
            let told = reading.reader.explanation(MessageAsked::At(key.clone()), AsOf::Now).await;
            let told = told.unwrap_or_else(|error| panic!("{key:?}: {error}")).item;
            let whole = {
                let (log, asked) = (Arc::clone(&log), Asked::typed(&format!("{}:{}", key.connection, key.message)));
                let explained = move || explain::explain(&*log, &asked, None, &mut || {});
                tokio::task::spawn_blocking(explained).await.expect("it ends").expect("it can be read")
            };
            let explain::Answer::Explained(whole) = whole else { panic!("{key:?}: {whole:?}") };
            let whole = serde_json::to_value(&whole).expect("it serialises");
            assert_eq!((&told["stands"], &told["chain"]), (&whole["stands"], &whole["chain"]), "seed {seed}, {key:?}");
        }
        reading.end();
    }
}

async fn messages(reader: &Reader) -> Vec<Origin> {
    let mut keys = Vec::new();
    let threads = reader.threads(ThreadFilter::default(), Wanted::default(), AsOf::Now).await.expect("a page").items;
    for thread in threads {
        let wanted = Wanted { cursor: None, limit: Some(200) };
        let entries = reader.timeline(thread.id, reading::TimelineFilter::default(), wanted, AsOf::Now).await;
        for entry in entries.expect("a page").items {
            if let reading::answer::Happened::Message(message) = entry.happened {
                keys.push(message.key);
            }
        }
    }
    keys
}

#[test]
fn every_word_of_the_core_stands_in_the_description() {
    use chatledger::reading::answer::schema::*;
    use chatledger_projections::change::AnomalyKind;
    use chatledger_projections::fact::{DeliveryState, RemarkKind};
    use serde::de::DeserializeOwned;
    fn are_read<T: DeserializeOwned>(words: &[&str]) {
        for word in words {
            assert!(serde_json::from_value::<T>((*word).into()).is_ok(), "{word}");
        }
    }
    are_read::<DeliveryState>(DELIVERY_STATES);
    are_read::<RemarkKind>(REMARK_KINDS);
    are_read::<AnomalyKind>(ANOMALY_KINDS);
    are_read::<chatledger_projections::threads::Side>(SIDES);
    are_read::<chatledger_projections::configuration::Role>(ROLES);
    are_read::<chatledger_projections::bindings::Standing>(STANDINGS);
    are_read::<chatledger_projections::fact::FailureKind>(FAILURE_KINDS);
    are_read::<chatledger_projections::fact::ConnectionHealth>(CONNECTION_HEALTHS);
    are_read::<chatledger_projections::assistance::Reason>(SILENCE_REASONS);
    // Whoever adds a kind to the core adds its word, or this does not know it.
    for state in [DeliveryState::Raised, DeliveryState::Sent, DeliveryState::Failed, DeliveryState::Delivered] {
        assert!(DELIVERY_STATES.contains(&state.label()));
    }
    let description = serde_json::to_value(chatledger::api::description()).expect("it serialises");
    assert_eq!(description["openapi"], "3.1.0");
    assert!(description["paths"].as_object().is_some_and(|paths| paths.len() >= 18));
}

#[test]
fn two_that_were_given_one_file_do_not_share_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path: &Path = folder.path();
    let place = Place::File(path.join("rows.db"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (one, other) = (stored(&small_world()).await, stored(&small_world()[..3]).await);
        let first = Reading::start(&one, &place);
        first.is_up_with(&one).await;
        let second = Reading::start(&other, &place);
        second.is_up_with(&other).await;
        first.is_up_with(&one).await;
        second.end();
        first.end();
    });
}
