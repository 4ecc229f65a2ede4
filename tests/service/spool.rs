//! The log is away: another program holds its file, as a backup or somebody's database browser may. Webhooks go on being
//! taken, also by an engine that is killed and started again meanwhile, and everything is in the log in the end, once.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chatledger::log::EventLog;
use chatledger::log::sqlite::SqliteLog;
use rusqlite::Connection;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::engine::{Ended, Engine, ask, program, replay, run};
use crate::house::{House, Plan, with_secrets};

const ANNA: &str = "79161234567";
const SENDERS: usize = 6;

/// Holds the log's file against every writer, until it is dropped.
struct Held(#[expect(dead_code, reason = "its end is what matters")] Connection);

fn hold(house: &House) -> Held {
    let file = Connection::open(house.folder.path().join("chatledger.db")).unwrap();
    file.busy_timeout(Duration::from_secs(20)).unwrap();
    file.execute_batch("BEGIN EXCLUSIVE").unwrap();
    Held(file)
}

async fn house_with_a_spool() -> Arc<House> {
    let house = House::build(Plan::USUAL).await;
    let mut file = OpenOptions::new().append(true).open(house.folder.path().join("chatledger.toml")).unwrap();
    file.write_all(b"\n[spool]\npath = \"spool\"\nafter = \"300ms\"\n").unwrap();
    Arc::new(house)
}

/// What a sender sent, and whether it was promised that it is kept.
type Sent = Vec<bool>;

/// Sends one webhook after the other, each once.
async fn send(house: Arc<House>, sender: usize, over: Arc<AtomicBool>) -> Sent {
    let mut sent = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let body = format!("{{\"filler\": \"{sender} {}\"}}", sent.len());
        let answer = ask(house.listen, "POST", &house.messenger_path(), &[], body.as_bytes()).await;
        sent.push(answer.is_some_and(|(status, _)| status == 200));
        sleep(Duration::from_millis(15)).await;
    }
    sent
}

/// `spool status`, which needs no secret.
async fn status(house: &House) -> (Ended, Value) {
    let ended = run(house.folder.path(), &["spool", "status", "--folder", "spool", "--json"]).await;
    let document = serde_json::from_str(&ended.output).unwrap_or_default();
    (ended, document)
}

/// `spool drain`: its exit code, what it printed, and its errors.
async fn drain(house: &House) -> (Option<i32>, Value, String) {
    let mut command = program(house.folder.path());
    let output = with_secrets(command.args(["spool", "drain", "--json"])).output().await.unwrap();
    let document = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), document, String::from_utf8(output.stderr).unwrap())
}

async fn until_empty(house: &House, engine: &Engine) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while engine.counted("chatledger_spool_waiting", "").await != Some(0.0) {
        assert!(Instant::now() < deadline, "in vain awaited: an empty spool\n{}", house.tail());
        sleep(Duration::from_millis(50)).await;
    }
}

/// The numbers of each sender's webhooks, as they stand in the log.
async fn in_the_log(house: &House) -> BTreeMap<usize, Vec<usize>> {
    let log = SqliteLog::open_read_only(house.folder.path().join("chatledger.db")).unwrap();
    let mut seen: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for stored in log.read_all(None, 1_000_000).await.unwrap() {
        let Ok(Value::Object(body)) = serde_json::from_slice(&stored.data) else { continue };
        let Some(filler) = body.get("filler").and_then(Value::as_str) else { continue };
        let (sender, number) = filler.split_once(' ').unwrap();
        seen.entry(sender.parse().unwrap()).or_default().push(number.parse().unwrap());
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_log_held_by_another_program_nothing_is_lost_and_nothing_comes_twice_through_kills() {
    let house = house_with_a_spool().await;
    let mut engine = house.start().await;
    house.acquainted(ANNA, "Before the outage.").await;

    let over = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> =
        (0..SENDERS).map(|sender| tokio::spawn(send(Arc::clone(&house), sender, Arc::clone(&over)))).collect();
    sleep(Duration::from_millis(300)).await;
    let held = hold(&house);
    sleep(Duration::from_millis(1500)).await;
    let told = house.tail();
    assert!(told.contains("the log does not take webhooks; they are kept in the spool"), "{told}");
    // The CRM sends a hook once: this one falls into the outage.
    house.manager_writes(ANNA, "During the outage.");
    assert_eq!(house.answer_to(&house.crm.name, "During the outage.").await, Some(200), "{}", house.tail());
    for _ in 0..2 {
        engine.kill().await;
        // It finds a log that takes nothing, not even its configuration, and lets webhooks in all the same.
        engine = house.start().await;
        sleep(Duration::from_millis(700)).await;
    }
    let (ended, seen) = status(&house).await;
    assert_eq!((ended.code, &seen["held"]), (Some(1), &true.into()), "{}", ended.errors);
    assert!(seen["webhooks"].as_u64() > Some(50), "{seen}");
    let (code, _, errors) = drain(&house).await;
    assert!(code == Some(1) && errors.contains("held by another process"), "{code:?} {errors}");

    drop(held);
    // Killed in the middle of passing on, too.
    sleep(Duration::from_millis(400)).await;
    engine.kill().await;
    engine = house.start().await;
    until_empty(&house, &engine).await;
    over.store(true, Ordering::Relaxed);
    let mut sent = Vec::new();
    for sender in senders {
        sent.push(sender.await.unwrap());
    }
    until_empty(&house, &engine).await;
    house.until_stands("During the outage.", "delivered").await;
    house.settled(&engine).await;
    let (ended, seen) = status(&house).await;
    assert_eq!(ended.code, Some(0), "{seen} {}", ended.errors);
    engine.end().await;

    let seen = in_the_log(&house).await;
    for (sender, sent) in sent.iter().enumerate() {
        let seen = &seen[&sender];
        assert!(seen.is_sorted_by(|one, next| one < next), "sender {sender}: out of order or twice: {seen:?}");
        for (number, promised) in sent.iter().enumerate() {
            assert!(
                !promised || seen.binary_search(&number).is_ok(),
                "sender {sender}: {number} was promised and is lost"
            );
        }
    }
    let all = sent.iter().map(Vec::len).sum::<usize>();
    let unanswered = sent.iter().flatten().filter(|promised| !**promised).count();
    println!("{all} webhooks, {unanswered} of them never answered (by an engine that was killed)");
    assert!(all > 300, "there was hardly anything to lose");
    let report = replay(house.folder.path()).await;
    assert_eq!((&report["drift"], &report["intents"]["open"]), (&0.into(), &0.into()), "{report:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_can_be_passed_on_without_an_engine() {
    let house = house_with_a_spool().await;
    let engine = house.start().await;
    let began = Instant::now();
    let held = hold(&house);
    for number in 0..20 {
        let body = format!("{{\"filler\": \"0 {number}\"}}");
        let answer = ask(house.listen, "POST", &house.messenger_path(), &[], body.as_bytes()).await;
        assert_eq!(answer.map(|(status, _)| status), Some(200), "{}", house.tail());
    }
    // Only the first waits for the log; the others find it waiting.
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    engine.kill().await;
    let (code, _, errors) = drain(&house).await;
    assert!(code == Some(1) && errors.contains("does not take what waits in the spool"), "{code:?} {errors}");
    drop(held);
    let (code, drained, errors) = drain(&house).await;
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!((drained["passed_on"].as_u64(), drained["left"].as_u64()), (Some(20), Some(0)), "{drained}");
    assert_eq!(in_the_log(&house).await[&0], (0..20).collect::<Vec<_>>());
}
