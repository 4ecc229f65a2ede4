//! The way in over a log that is away, slow or refusing, with a spool behind it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chatledger::log::EventLog;
use chatledger::log::failing::Fault;
use chatledger::log::memory::MemoryLog;
use chatledger::log::sqlite::SqliteLog;
use chatledger::spool::{Passed, Spool, SpoolError, look};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::house::{House, SECRET};
use crate::wire::Wire;

const SPOOLED: &str = "chatledger_spool_kept_total";
const RECORDED: &str = "chatledger_webhooks_recorded_total";

impl House {
    async fn bodies(&self) -> Vec<String> {
        let recorded = self.recorded().await;
        recorded.into_iter().map(|(_, webhook)| String::from_utf8(webhook.body).unwrap()).collect()
    }

    async fn pass_on(&self) -> Passed {
        let mut passed = Passed::default();
        let stop = CancellationToken::new();
        self.spool().pass_on(&*self.log, &stop, &mut |more| passed += more).await.unwrap();
        passed
    }

    async fn readyz(&self) -> (u16, Value) {
        let reply = self.ask("/readyz").await;
        (reply.status, serde_json::from_str(&reply.body).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_log_refuses_is_kept_and_passed_on_in_order_and_once() {
    let folder = TempDir::new().unwrap();
    let house = House::with_spool("kept", folder.path(), "").await;
    assert_eq!(house.deliver(b"0").await.status, 200);
    house.log.fail_from_now_on(Some(Fault::Refuse));
    for body in [b"1", b"2", b"3", b"2"] {
        assert_eq!(house.deliver(body).await.status, 200);
    }
    assert_eq!(house.bodies().await, ["0"]);
    assert_eq!((house.counted(SPOOLED, "").await, house.counted(RECORDED, "").await), (3, 5));
    // The log is back, and what comes now comes behind what waits.
    house.log.fail_from_now_on(None);
    assert_eq!(house.deliver(b"4").await.status, 200);
    assert_eq!(house.bodies().await, ["0"]);
    // An answer that is lost on the way makes nothing double.
    house.log.fail_next(Fault::LoseAnswer);
    let stop = CancellationToken::new();
    assert!(house.spool().pass_on(&*house.log, &stop, &mut |_| {}).await.is_err());
    assert_eq!(house.pass_on().await, Passed { passed_on: 3, already: 1, set_aside: 0 });
    assert_eq!(house.bodies().await, ["0", "1", "2", "3", "4"]);
    assert_eq!(house.deliver(b"5").await.status, 200);
    assert_eq!(house.bodies().await.last().map(String::as_str), Some("5"));
    assert!(look(folder.path()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_hangs_costs_the_first_webhook_its_patience_and_the_next_nothing() {
    let folder = TempDir::new().unwrap();
    let house = House::with_spool("hangs", folder.path(), "").await;
    house.log.fail_from_now_on(Some(Fault::Hang));
    let began = Instant::now();
    assert_eq!(house.deliver(b"first").await.status, 200);
    assert!(began.elapsed() >= Duration::from_millis(50));
    for nth in 0..20 {
        // Only the first was given to the log: it has stored it, and said nothing.
        assert_eq!(house.deliver(format!("{nth}").as_bytes()).await.status, 200);
    }
    assert_eq!(house.bodies().await, ["first"]);
    house.log.fail_from_now_on(None);
    assert_eq!(house.pass_on().await, Passed { passed_on: 20, already: 1, set_aside: 0 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_keeps_webhooks_is_ready_and_says_what_is_wrong() {
    let folder = TempDir::new().unwrap();
    let house = House::with_spool("ready", folder.path(), "").await;
    house.readiness.set_caught_up(true);
    let (status, well) = house.readyz().await;
    assert_eq!((status, &well["ready"], &well["spool"]["waiting"]), (200, &true.into(), &0.into()), "{well}");
    house.log.fail_from_now_on(Some(Fault::Refuse));
    assert_eq!(house.deliver(b"kept").await.status, 200);
    house.clock.advance(Duration::from_secs(90));
    let (status, away) = house.readyz().await;
    assert_eq!((status, &away["ready"]), (200, &true.into()), "{away}");
    assert_eq!(
        away["degraded"],
        serde_json::json!(["the log cannot be appended to", "webhooks wait in the spool"]),
        "{away}"
    );
    assert_eq!((&away["spool"]["waiting"], &away["spool"]["oldest_seconds"]), (&1.into(), &90.into()), "{away}");
    // At its end it takes nothing more, spool or not.
    house.readiness.set_stopping();
    assert_eq!(house.readyz().await.0, 503);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_that_is_full_or_too_old_promises_nothing() {
    let folder = TempDir::new().unwrap();
    let house = House::with_spool("full", folder.path(), "max_bytes = \"4 MiB\"\nmax_age = \"1h\"").await;
    house.log.fail_from_now_on(Some(Fault::Refuse));
    let mut kept = 0;
    while house.deliver(&[&[b'0' + kept][..], &vec![b'x'; 150_000]].concat()).await.status == 200 {
        kept += 1;
        assert!(kept < 200, "it is never full");
    }
    assert!(kept > 3, "it held only {kept}");
    while house.deliver(&[&[b'0' + kept][..], &vec![b'x'; 20_000]].concat()).await.status == 200 {
        kept += 1;
        assert!(kept < 200, "it is never full");
    }
    let (status, full) = house.readyz().await;
    assert_eq!((status, &full["spool"]["has_room"]), (503, &false.into()), "{full}");
    house.log.fail_from_now_on(None);
    assert_eq!(house.pass_on().await.passed_on, u64::from(kept));
    house.log.fail_from_now_on(Some(Fault::Refuse));
    assert_eq!(house.deliver(b"there is room again").await.status, 200);
    house.clock.advance(Duration::from_secs(3601));
    assert_eq!(house.deliver(b"too late").await.status, 503);
    house.log.fail_from_now_on(None);
    assert_eq!(house.pass_on().await.passed_on, 1);
    assert_eq!(house.deliver(b"and again").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_it_is_released_nothing_goes_past_the_spool() {
    let folder = TempDir::new().unwrap();
    let folder_text = folder.path().display();
    let house = House::with("held", &format!("[spool]\npath = \"{folder_text}\"")).await;
    assert_eq!(house.deliver(b"before the configuration").await.status, 200);
    assert!(house.bodies().await.is_empty());
    house.spool().release();
    assert_eq!(house.pass_on().await.passed_on, 1);
    assert_eq!(house.deliver(b"after it").await.status, 200);
    assert_eq!(house.bodies().await, ["before the configuration", "after it"]);
}

/// Each sender waits for its answer before it sends the next, as a platform that cares for order does; the log goes away
/// and comes back in every manner meanwhile. An hour of outage is two seconds here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_log_away_under_load_no_webhook_is_lost_none_comes_twice_and_each_sender_keeps_its_order() {
    const SENDERS: usize = 12;
    let folder = TempDir::new().unwrap();
    let house = Arc::new(House::with_spool("outage", folder.path(), "").await);
    house.passes_on();
    let over = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (house, over) = (Arc::clone(&house), Arc::clone(&over));
            tokio::spawn(async move {
                let mut wire = Wire::to(house.public).await;
                let mut sent = 0_u32;
                while !over.load(Ordering::Relaxed) {
                    let body = format!("{sender} {sent}");
                    let reply = wire.post(&house.path(), &[("x-proof", SECRET)], body.as_bytes()).await;
                    assert_eq!(reply.status, 200, "{body}");
                    sent += 1;
                    if sent.is_multiple_of(7) {
                        sleep(Duration::from_millis(3)).await;
                    }
                }
                sent
            })
        })
        .collect();
    let outages = [Fault::Refuse, Fault::LoseAnswer, Fault::Refuse, Fault::LoseRequest];
    for fault in outages {
        sleep(Duration::from_millis(200)).await;
        house.log.fail_from_now_on(Some(fault));
        sleep(Duration::from_millis(500)).await;
        house.log.fail_from_now_on(None);
    }
    // Under the same load it must come to its end: whoever comes at the last lap goes to the log.
    let deadline = Instant::now() + Duration::from_secs(30);
    while house.spool().outlook().waiting > 0 || house.spool().outlook().bytes > 0 {
        assert!(Instant::now() < deadline, "the spool is never left: {:?}", house.spool().outlook());
        sleep(Duration::from_millis(1)).await;
    }
    over.store(true, Ordering::Relaxed);
    let mut sent = BTreeMap::new();
    for (sender, task) in senders.into_iter().enumerate() {
        sent.insert(sender, task.await.unwrap());
    }
    while house.spool().outlook().waiting > 0 {
        sleep(Duration::from_millis(10)).await;
    }
    let mut seen: BTreeMap<usize, u32> = BTreeMap::new();
    for body in house.bodies().await {
        let (sender, number) = body.split_once(' ').unwrap();
        let next = seen.entry(sender.parse().unwrap()).or_default();
        assert_eq!(number.parse::<u32>().unwrap(), *next, "sender {sender} is out of order");
        *next += 1;
    }
    assert_eq!(seen, sent);
    let spooled = house.counted(SPOOLED, "").await;
    println!("{} webhooks, {spooled} of them through the spool", sent.values().sum::<u32>());
    assert!(spooled > 100, "hardly anything went through the spool: {spooled}");
}

async fn after(house: House) {
    house.stop.cancel();
    house.served.await.unwrap();
}

/// Opens a house as soon as the one before has let go of the folder.
async fn next(name: &str, folder: &TempDir) -> House {
    let deadline = Instant::now() + Duration::from_secs(10);
    while look(folder.path()).await.unwrap().held {
        assert!(Instant::now() < deadline, "the spool is never let go of");
        sleep(Duration::from_millis(5)).await;
    }
    House::with_spool(name, folder.path(), "").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_what_waited_comes_before_what_comes_now() {
    let folder = TempDir::new().unwrap();
    let house = House::with_spool("restarted", folder.path(), "").await;
    house.log.fail_from_now_on(Some(Fault::Refuse));
    for body in [b"1", b"2"] {
        assert_eq!(house.deliver(body).await.status, 200);
    }
    after(house).await;
    let house = next("restarted", &folder).await;
    assert_eq!(house.deliver(b"3").await.status, 200);
    assert!(house.bodies().await.is_empty(), "something has overtaken what waited");
    house.log.fail_from_now_on(None);
    assert_eq!(house.pass_on().await.passed_on, 3);
    assert_eq!(house.bodies().await, ["1", "2", "3"]);
    assert!(look(folder.path()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_has_one_holder() {
    let folder = TempDir::new().unwrap();
    let house = House::with_spool("holder", folder.path(), "").await;
    let settings = house.config.spool.clone().unwrap();
    let second = Spool::open(folder.path(), settings.limits, Arc::clone(&house.clock) as _).await;
    assert!(matches!(second, Err(SpoolError::InUse { .. })), "{second:?}");
    assert!(look(folder.path()).await.unwrap().held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_that_cannot_be_read_is_told_of_and_left_and_hinders_nobody() {
    let folder = TempDir::new().unwrap();
    let house = House::with_spool("damaged", folder.path(), "").await;
    house.log.fail_from_now_on(Some(Fault::Refuse));
    assert_eq!(house.deliver(b"lost to a bad disk").await.status, 200);
    after(house).await;
    let house = next("damaged", &folder).await;
    assert_eq!(house.spool().outlook().waiting, 1);
    after(house).await;
    let mut entries = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let segment = entries.find(|path| path.to_str().unwrap().ends_with(".segment.db")).unwrap();
    while look(folder.path()).await.unwrap().held {
        sleep(Duration::from_millis(5)).await;
    }
    let mut bytes = std::fs::read(&segment).unwrap();
    for byte in bytes.iter_mut().skip(4096) {
        *byte = byte.wrapping_mul(31).wrapping_add(7);
    }
    std::fs::write(&segment, &bytes).unwrap();

    let house = next("damaged", &folder).await;
    house.readiness.set_caught_up(true);
    assert_eq!(house.deliver(b"this one goes to the log").await.status, 200);
    assert_eq!(house.bodies().await, ["this one goes to the log"]);
    let (status, told) = house.readyz().await;
    assert_eq!((status, &told["degraded"]), (200, &serde_json::json!(["a segment of the spool cannot be read"])));
    let seen = look(folder.path()).await.unwrap();
    assert!(!seen.is_empty() && seen.unreadable.len() == 1, "{seen:?}");
    assert!(std::fs::read(&segment).unwrap() == bytes, "it was changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_log_would_take_is_set_aside_and_the_next_goes_on() {
    let folder = TempDir::new().unwrap();
    let house = House::with_spool("aside", folder.path(), "").await;
    house.log.fail_from_now_on(Some(Fault::Refuse));
    for body in [&b"small"[..], &[b'x'; 5000], b"small too"] {
        assert_eq!(house.deliver(body).await.status, 200);
    }
    let narrow = MemoryLog::with_largest_event(2000);
    let mut passed = Passed::default();
    house.spool().pass_on(&narrow, &CancellationToken::new(), &mut |more| passed += more).await.unwrap();
    assert_eq!(passed, Passed { passed_on: 2, already: 0, set_aside: 1 });
    let seen = look(folder.path()).await.unwrap();
    assert_eq!((seen.webhooks, seen.set_aside), (0, 1), "{seen:?}");
    let aside = SqliteLog::open_read_only(folder.path().join("set-aside.db")).unwrap();
    assert_eq!(aside.read_all(None, 10).await.unwrap()[0].data, [b'x'; 5000]);
}
