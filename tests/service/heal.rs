//! What should have happened and did not is found in the log, and done once an operator has said so.

use std::fs;

use serde_json::Value;

use crate::engine::{Ended, replay, run};
use crate::house::{House, Plan};

const ANNA: &str = "79161234567";

/// `heal` of everything in the house's log.
async fn heal(house: &House, arguments: &[&str]) -> (Ended, Value) {
    let private = house.private.to_string();
    let place = ["--since", "0", "--patience", "0", "--log", "chatledger.db", "--private", &private, "--json"];
    let ended = run(house.folder.path(), &[&["heal"], arguments, &place].concat()).await;
    let document = serde_json::from_str(&ended.output).unwrap_or_default();
    (ended, document)
}

/// Takes everything about the intents of these kinds out of the log, as if nobody had ever decided them.
async fn forget(house: &House, kinds: &[&str]) -> usize {
    let folder = house.folder.path();
    let exported = run(folder, &["export", "--log", "chatledger.db"]).await;
    assert_eq!(exported.code, Some(0), "{}", exported.errors);
    let mut streams = Vec::new();
    for line in exported.output.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        // The substance stands in the line as text, its quotation marks escaped.
        if event["type"] == "IntentRaised" && kinds.iter().any(|kind| line.contains(kind)) {
            streams.push(event["stream"].as_str().expect("an event has a stream").to_owned());
        }
    }
    let is_kept = |line: &&str| !streams.iter().any(|stream| line.contains(stream.as_str()));
    let kept: Vec<&str> = exported.output.lines().filter(is_kept).collect();
    fs::write(folder.join("kept.jsonl"), kept.join("\n") + "\n").unwrap();
    for file in ["chatledger.db", "chatledger.db-wal", "chatledger.db-shm"] {
        let _absent = fs::remove_file(folder.join(file));
    }
    let imported = run(folder, &["import", "--log", "chatledger.db", "--input", "kept.jsonl"]).await;
    assert_eq!(imported.code, Some(0), "{}", imported.errors);
    streams.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_never_raised_is_found_and_carried_out_once_an_operator_says_so() {
    let house = House::build(Plan::USUAL).await;
    let engine = house.start().await;
    house.acquainted(ANNA, "Hello.").await;
    house.manager_writes(ANNA, "Good morning.");
    house.until_stands("Good morning.", "delivered").await;
    house.client_is_taken(ANNA, "Good evening.").await;
    house.until_shown(&house.crm.name, "Good evening.").await;
    house.settled(&engine).await;
    engine.end().await;
    let (ended, told) = heal(&house, &[]).await;
    assert_eq!((ended.code, &told["ills"]), (Some(0), &0.into()), "{told:#}\n{}", ended.errors);
    assert_eq!(told["findings"], Value::Array(Vec::new()), "{told:#}");

    let forgotten = forget(&house, &["ReportDelivery"]).await;
    assert_eq!(forgotten, 1, "one message was delivered");
    let (ended, told) = heal(&house, &[]).await;
    assert_eq!((ended.code, &told["ills"]), (Some(3), &1.into()), "{told:#}\n{}", ended.errors);
    assert_eq!(
        (&told["findings"][0]["ill"], &told["findings"][0]["kind"]),
        (&"missed".into(), &"report_delivery".into())
    );
    assert_eq!(
        replay(house.folder.path()).await["events_by_type"].get("OperatorInstructed"),
        None,
        "nothing is written"
    );
    let shown = run(house.folder.path(), &["heal", "--since", "0", "--patience", "0", "--log", "chatledger.db"]).await;
    assert!(shown.output.contains("missed") && shown.output.contains("--apply"), "{}", shown.output);

    // Beside a running engine, which does nothing of it by itself.
    let engine = house.start().await;
    house.settled(&engine).await;
    let asked = house.stage.exchanges(&house.crm.name).len();
    let (ended, told) = heal(&house, &["--apply", "--who", "olga", "--why", "the log was restored"]).await;
    assert_eq!((ended.code, &told["applied"][0]["by"]), (Some(0), &"the running engine".into()), "{}", ended.errors);
    house.until("a report to the CRM", || house.stage.exchanges(&house.crm.name).len() == asked + 1).await;
    house.settled(&engine).await;
    let (ended, told) = heal(&house, &["--apply"]).await;
    assert_eq!((ended.code, &told["applied"]), (Some(0), &Value::Array(Vec::new())), "it is healed: {told:#}");
    engine.end().await;

    let report = replay(house.folder.path()).await;
    assert_eq!(report["events_by_type"]["OperatorInstructed"], 1, "{report:#}");
    assert_eq!((&report["intents"]["open"], &report["intents"]["outstanding"]), (&0.into(), &0.into()), "{report:#}");
    assert_eq!(house.stage.exchanges(&house.crm.name).len(), asked + 1, "it was told once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_in_the_log_while_nothing_runs_is_told_and_done_by_the_next_start() {
    let house = House::build(Plan::USUAL).await;
    let engine = house.start().await;
    house.acquainted(ANNA, "Hello.").await;
    house.settled(&engine).await;
    house.messenger.door.shut().await;
    for text in ["First.", "Second."] {
        house.manager_writes(ANNA, text);
        assert_eq!(house.answer_to(&house.crm.name, text).await, Some(200));
    }
    engine.kill().await;
    let (ended, told) = heal(&house, &[]).await;
    assert_eq!(ended.code, Some(3), "{told:#}\n{}", ended.errors);
    let remedies: Vec<&Value> = told["findings"].as_array().unwrap().iter().map(|found| &found["remedy"]).collect();
    assert!(remedies.len() >= 2 && remedies.iter().all(|remedy| *remedy == "by_itself"), "{told:#}");
    house.messenger.door.open().await;
    let engine = house.start().await;
    house.until_stands("Second.", "delivered").await;
    house.settled(&engine).await;
    engine.end().await;
    let (ended, told) = heal(&house, &[]).await;
    assert_eq!(ended.code, Some(0), "{told:#}");
}
