//! `assistant`: what operators say stands in the log, whoever writes to it, and nothing else does.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chatledger::clock::SystemClock;
use chatledger::ingress::{self, Limits};
use chatledger::instructions::Instructions;
use chatledger::log::sqlite::SqliteLog;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::logs::folder_with_log_of;
use crate::program::run;

/// A story whose only dialogue has an assistant.
const STORY: &str = "assistant-answers";

fn dialogue(folder: &Path) -> Value {
    run(folder, ["state", "--log", "log.db", "--json"]).document()["threads"][0].clone()
}

fn silence(folder: &Path) -> Value {
    dialogue(folder)["assistant"]["silence"]["reason"].clone()
}

#[test]
fn an_assistant_is_switched_off_and_on_and_the_log_says_by_whom() {
    let folder = folder_with_log_of(STORY);
    let thread = dialogue(folder.path())["id"].as_str().unwrap().to_owned();
    assert_eq!(silence(folder.path()), Value::Null);
    let off = ["assistant", "off", &thread[..5], "--log", "log.db", "--who", "olga", "--why", "a complaint", "--json"];
    let report = run(folder.path(), off).document();
    assert_eq!((report["assistant"].as_str(), report["by"].as_str()), (Some("off"), Some("this program")));
    assert_eq!(report["thread"].as_str(), Some(&*thread));
    assert_eq!(silence(folder.path()), "switched_off");
    let shown = run(folder.path(), ["state", "--log", "log.db", "--thread", &thread]).well();
    assert!(shown.contains("is silent since ") && shown.contains("switched off"), "{shown}");
    let events = run(folder.path(), ["log", "--log", "log.db", "--json"]).well();
    let last: Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
    assert_eq!((last["type"].as_str(), last["id"].as_str()), (Some("OperatorInstructed"), report["event"].as_str()));
    assert_eq!((last["event"]["who"].as_str(), last["event"]["why"].as_str()), (Some("olga"), Some("a complaint")));

    let told = run(folder.path(), ["assistant", "on", &thread, "--log", "log.db"]).well();
    assert!(told.contains("selarti.main is on in "), "{told}");
    assert_eq!(silence(folder.path()), Value::Null);
    let replay = run(folder.path(), ["replay", "--log", "log.db", "--json"]).document();
    assert_eq!((&replay["drift"], &replay["intents"]["outstanding"]), (&0.into(), &0.into()));
}

#[test]
fn what_cannot_be_switched_is_named_with_the_remedy() {
    let folder = folder_with_log_of(STORY);
    let assistant = |arguments: &[&str]| run(folder.path(), [&["assistant"], arguments].concat());
    assistant(&["off", "nowhere", "--log", "log.db"]).refused(2, &["no thread's id begins with \"nowhere\"", "state"]);
    assistant(&["off", "1", "--log", "missing.db"]).refused(2, &["missing.db: there is no such log"]);
    assistant(&["off", "1", "--log", "memory:"]).refused(2, &["a log in memory"]);
    assistant(&["off", "1"]).refused(2, &["chatledger.toml", "or give --log"]);
    assert_eq!(assistant(&["maybe", "1", "--log", "log.db"]).code, Some(2));
    let bare = folder_with_log_of("client-writes-first");
    let thread = dialogue(bare.path())["id"].as_str().unwrap().to_owned();
    run(bare.path(), ["assistant", "off", &thread, "--log", "log.db"])
        .refused(2, &["runs on sales, which has no assistant", "write `assistant` in the route"]);
}

#[test]
fn beside_a_running_engine_the_engine_is_asked() {
    let folder = folder_with_log_of(STORY);
    tokio::runtime::Runtime::new().unwrap().block_on(is_asked(&folder));
}

async fn is_asked(folder: &TempDir) {
    let path = folder.path().to_owned();
    let thread = dialogue(&path)["id"].as_str().unwrap().to_owned();
    // Whoever holds the log and listens at the private address is a running engine, as far as the command can tell.
    let log = Arc::new(SqliteLog::open(path.join("log.db")).unwrap());
    run(&path, ["assistant", "off", &thread, "--log", "log.db"])
        .refused(2, &["a running engine writes to this log", "--private"]);
    run(&path, ["assistant", "off", &thread, "--log", "log.db", "--private", "127.0.0.1:1"])
        .refused(1, &["does not answer at 127.0.0.1:1"]);

    let (listener, other) = (bound().await, bound().await);
    let (address, elsewhere) = (listener.local_addr().unwrap().to_string(), other.local_addr().unwrap().to_string());
    let limits = Limits { connections: 4, idle: Duration::from_secs(5), grace: Duration::from_secs(1) };
    let stop = CancellationToken::new();
    let router = |log| Instructions { log, clock: Arc::new(SystemClock) }.router();
    let serving = tokio::spawn(ingress::serve(listener, router(log.clone()), limits, stop.clone()));
    let stranger = Arc::new(SqliteLog::open(path.join("other.db")).unwrap());
    let wrong = tokio::spawn(ingress::serve(other, router(stranger), limits, stop.clone()));

    let off = |address: &str| {
        let arguments = ["assistant", "off", &thread, "--log", "log.db", "--private", address, "--json"];
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let path = path.clone();
        tokio::task::spawn_blocking(move || run(&path, arguments))
    };
    off(&elsewhere).await.unwrap().refused(1, &["but not into sqlite:log.db", "another log"]);
    assert_eq!(silence(&path), Value::Null);
    let report = off(&address).await.unwrap().document();
    assert_eq!(report["by"], "the running engine");
    assert_eq!(silence(&path), "switched_off");
    stop.cancel();
    serving.await.unwrap();
    wrong.await.unwrap();
}

async fn bound() -> tokio::net::TcpListener {
    tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap()
}
