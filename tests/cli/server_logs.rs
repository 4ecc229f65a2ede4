//! The same history in a file and on a server: every command that reads or carries a log says the same of both.
//!
//! The server is the test server, over a log in memory. A position is the store's own affair, and differs.

use std::sync::Arc;

use chatledger::log::EventLog;
use chatledger::log::memory::MemoryLog;
use chatledger_eventstoredb::{Options, Server, Store};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::logs::folder_with_log_of;
use crate::program::{run, run_with};

const STORY: &str = "manager-writes-first-claim";

/// A folder with `log.db` in it, and a server that holds nothing yet.
struct Both {
    folder: TempDir,
    _server: Server,
    address: String,
}

impl Both {
    fn apart() -> Self {
        let kept: Arc<dyn EventLog> = Arc::new(MemoryLog::new());
        let runtime = Runtime::new().unwrap();
        let store = runtime.block_on(Store::over(kept, 16 * 1024 * 1024)).unwrap();
        let server = Server::start(store, Options::default()).unwrap();
        let address = server.connection_string();
        Self { folder: folder_with_log_of(STORY), _server: server, address }
    }

    /// The server holds the same.
    fn alike() -> Self {
        let both = Self::apart();
        run(both.folder.path(), ["copy", "--from", "log.db", "--to", &both.address]).well();
        both
    }

    /// What a command says of both logs.
    fn say(&self, arguments: &[&str]) -> [String; 2] {
        ["log.db", self.address.as_str()]
            .map(|log| run(self.folder.path(), [arguments, &["--log", log]].concat()).well())
    }
}

/// Without what every store counts for itself, and what no two runs have in common.
fn comparable(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            for own in ["position", "seconds", "events_per_second"] {
                fields.remove(own);
            }
            fields.values_mut().for_each(|field| *field = comparable(field.take()));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| *value = comparable(value.take())),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    value
}

/// All that were printed, one after the other.
fn documents(printed: &str) -> Vec<Value> {
    serde_json::Deserializer::from_str(printed).into_iter().map(|document| comparable(document.unwrap())).collect()
}

#[test]
fn a_log_is_copied_to_a_server_and_back_byte_for_byte_and_a_repetition_brings_nothing() {
    let both = Both::apart();
    let lines = run(both.folder.path(), ["export", "--log", "log.db"]).well();
    let count = lines.lines().count();
    for (from, to) in [("log.db", both.address.as_str()), (both.address.as_str(), "back.db")] {
        for (stored, already) in [(count, 0), (0, count)] {
            let told = run(both.folder.path(), ["copy", "--from", from, "--to", to]).well();
            assert!(told.starts_with(&format!("{stored} events stored, {already} were there already")), "{told}");
            assert!(told.contains(&format!("{count} events are equal byte for byte")), "{told}");
        }
    }
    assert_eq!(run(both.folder.path(), ["export", "--log", "back.db"]).well(), lines);
}

#[test]
fn a_replay_of_both_leads_to_the_same_digests_and_shows_no_drift() {
    let [file, server] = Both::alike().say(&["replay", "--json"]);
    let (file, server) = (documents(&file), documents(&server));
    assert_eq!(server, file);
    assert_eq!((&server[0]["drift"], server[0]["digest"].as_str().unwrap().len()), (&0.into(), 64));
    assert!(server[0]["events"].as_u64().unwrap() > 5, "{server:?}");
}

#[test]
fn the_state_of_both_is_the_same_to_the_last_message() {
    let both = Both::alike();
    let [file, server] = both.say(&["state", "--json"]);
    let now: Value = serde_json::from_str(&server).unwrap();
    assert_eq!(documents(&server), documents(&file));
    let thread = now["threads"][0]["id"].as_str().unwrap();
    let [file, server] = both.say(&["state", "--json", "--thread", thread]);
    assert_eq!(documents(&server), documents(&file));
    assert!(!documents(&server)[0]["threads"][0]["messages"].as_array().unwrap().is_empty());
    // A server's position can be asked for as a file's can.
    let last = now["position"].as_str().unwrap();
    let then = run(both.folder.path(), ["state", "--log", &both.address, "--json", "--at", last]).document();
    assert_eq!(then, now);
}

#[test]
fn both_are_listed_with_the_same_events_from_any_place() {
    let both = Both::alike();
    let [file, server] = both.say(&["log", "--json"]);
    assert_eq!(documents(&server), documents(&file));
    let third: Value = serde_json::from_str(server.lines().nth(2).unwrap()).unwrap();
    let third = third["position"].as_str().unwrap();
    let arguments = ["log", "--log", &both.address, "--json", "--after", third, "--limit", "3"];
    let some = run(both.folder.path(), arguments).well();
    assert_eq!(documents(&some), documents(&file)[3..6]);
    let followed = run(both.folder.path(), [&arguments[..], &["--follow"]].concat()).well();
    assert_eq!(followed, some);
}

#[test]
fn both_are_exported_alike_and_either_takes_in_what_the_other_gave() {
    let both = Both::alike();
    let [file, server] = both.say(&["export"]);
    assert_eq!(documents(&server), documents(&file));
    let other = Both::apart();
    let count = server.lines().count();
    let told = run_with(other.folder.path(), ["import", "--log", &other.address], file.as_bytes()).well();
    assert!(told.starts_with(&format!("{count} events stored, 0 were there already")), "{told}");
    let told = run_with(other.folder.path(), ["import", "--log", "other.db"], server.as_bytes()).well();
    assert!(told.starts_with(&format!("{count} events stored, 0 were there already")), "{told}");
    let [_, again] = other.say(&["export"]);
    assert_eq!(documents(&again), documents(&file));
}
