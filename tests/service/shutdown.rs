//! The engine is asked to end while calls are under way, and started again.

use std::time::Duration;

use crate::engine::replay;
use crate::house::{House, Plan};

const PHONES: [&str; 3] = ["79161230001", "79161230002", "79161230003"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_under_way_come_to_their_end_and_nothing_is_left_to_the_next_start() {
    let house = House::build(Plan { call_timeout: "30s", grace: "15s", ..Plan::USUAL }).await;
    let mut engine = house.start().await;
    for phone in PHONES {
        house.acquainted(phone, &format!("{phone} is here.")).await;
    }
    house.settled(&engine).await;
    let asked = house.stage.exchanges(&house.crm.name).len();
    house.crm.door.mute().await;
    for phone in PHONES {
        house.client_is_taken(phone, &format!("{phone} waits.")).await;
    }
    house.quiet().await;
    house
        .until("three calls that wait for their answers", || {
            house.stage.exchanges(&house.crm.name).len() == asked + PHONES.len()
        })
        .await;

    engine.terminate().await;
    house.until("the engine's word that it stops", || engine.said().contains("attempts in flight")).await;
    assert!(engine.is_alive(), "it did not wait for what is under way");
    house.crm.door.open().await;
    let (status, took) = engine.ended().await;
    assert_eq!(status.code(), Some(0), "{}", house.tail());
    assert!(took < Duration::from_secs(15), "it took the whole grace: {took:?}");
    let report = replay(house.folder.path()).await;
    assert_eq!(report["attempts"].get("uncertain"), None, "{report:#}");
    assert_eq!((&report["intents"]["open"], &report["intents"]["outstanding"]), (&0.into(), &0.into()), "{report:#}");

    let again = house.start().await;
    house.settled(&again).await;
    assert_eq!(house.stage.exchanges(&house.crm.name).len(), asked + PHONES.len(), "something was done again");
    again.end().await;
    assert_eq!(replay(house.folder.path()).await, report, "a start with nothing to do has written something");
    for phone in PHONES {
        assert_eq!(house.clients_lines(phone), [format!("{phone} is here."), format!("{phone} waits.")]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_comes_to_its_end_is_in_doubt_at_the_next_start_and_not_done_twice() {
    let house = House::build(Plan { call_timeout: "60s", grace: "1s", ..Plan::USUAL }).await;
    let mut engine = house.start().await;
    let [phone, ..] = PHONES;
    house.acquainted(phone, "I am here.").await;
    house.settled(&engine).await;
    let waiting = |asked: (usize, usize)| {
        let count = |at| house.stage.exchanges(at).len();
        (count(&house.crm.name) - asked.0, count(&house.messenger.name) - asked.1)
    };
    let asked = waiting((0, 0));
    house.crm.door.mute().await;
    house.messenger.door.mute().await;
    house.client_is_taken(phone, "I wait.").await;
    house.manager_writes(phone, "So do we.");
    house
        .until("a call to each platform that waits for its answer", || {
            let (crm, messenger) = waiting(asked);
            crm >= 1 && messenger >= 1
        })
        .await;

    engine.terminate().await;
    let (status, took) = engine.ended().await;
    assert_eq!(status.code(), Some(0), "{}", house.tail());
    assert!(took < Duration::from_secs(10), "the grace is a second, and it took {took:?}");
    let report = replay(house.folder.path()).await;
    assert!(report["intents"]["open"].as_u64() >= Some(2), "{report:#}");

    house.crm.door.open().await;
    house.messenger.door.open().await;
    let again = house.start().await;
    house.until_stands("So do we.", "delivered").await;
    house.settled(&again).await;
    assert_eq!(house.clients_lines(phone), ["I am here.", "I wait."]);
    assert_eq!(house.managers_lines(phone), ["So do we."]);
    again.end().await;
    let report = replay(house.folder.path()).await;
    assert!(report["attempts"]["uncertain"].as_u64() >= Some(2), "{report:#}");
    assert_eq!((&report["drift"], &report["intents"]["open"]), (&0.into(), &0.into()), "{report:#}");
}
