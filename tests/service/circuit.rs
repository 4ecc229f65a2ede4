//! A platform that is away for long is left alone: calls thin out, one at a time tries, and its first answer lets
//! everything out again.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::engine::{Engine, replay};
use crate::house::{House, Plan};

const PHONES: [&str; 8] = [
    "79161230011",
    "79161230012",
    "79161230013",
    "79161230014",
    "79161230015",
    "79161230016",
    "79161230017",
    "79161230018",
];

/// What the gauge says of a platform that is called as it comes.
const CLOSED: f64 = 0.0;

/// How long the platform is watched while it is away.
const WATCHED: Duration = Duration::from_secs(6);

/// How many calls to the messenger came to nothing.
async fn in_vain(engine: &Engine) -> f64 {
    let words = "connection=\"messenger\",outcome=\"postponed\"";
    engine.counted("chatledger_attempts_settled_total", words).await.unwrap_or(0.0)
}

async fn circuit(engine: &Engine) -> f64 {
    engine.counted("chatledger_circuit_open", "connection=\"messenger\"").await.unwrap_or(f64::NAN)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_is_away_for_long_is_tried_by_one_call_at_a_time_and_gets_everything_when_it_is_back() {
    let house = House::build(Plan::USUAL).await;
    let mut engine = house.start().await;
    for phone in PHONES {
        house.acquainted(phone, &format!("{phone} is here.")).await;
    }
    house.settled(&engine).await;
    assert_eq!(circuit(&engine).await, CLOSED);
    house.messenger.door.shut().await;
    let texts = |phone: &str| -> Vec<String> { (1..=2).map(|nth| format!("To {phone}, {nth}.")).collect() };
    for phone in PHONES {
        for text in texts(phone) {
            house.manager_writes(phone, &text);
            assert_eq!(house.answer_to(&house.crm.name, &text).await, Some(200));
        }
    }
    let deadline = Instant::now() + Duration::from_secs(45);
    while circuit(&engine).await == CLOSED {
        assert!(Instant::now() < deadline, "in vain awaited: that the platform is left alone\n{}", house.tail());
        sleep(Duration::from_millis(20)).await;
    }
    // The pause has grown to its cap of a second.
    sleep(Duration::from_secs(2)).await;
    let before = in_vain(&engine).await;
    sleep(WATCHED).await;
    let tries = in_vain(&engine).await - before;
    // Eight dialogues on schedules of their own would try at least every two seconds each.
    let alone = WATCHED.as_secs_f64() / 2.0 * PHONES.len() as f64;
    let thinned = WATCHED.as_secs_f64() + 2.0;
    assert!(tries >= 1.0, "it is never tried");
    assert!(tries <= thinned && thinned < alone, "{tries} tries in {WATCHED:?}\n{}", house.tail());

    // A new life knows what the old one knew.
    engine.kill().await;
    engine = house.start().await;
    let deadline = Instant::now() + Duration::from_secs(45);
    while circuit(&engine).await == CLOSED {
        assert!(Instant::now() < deadline, "the new life has forgotten\n{}", house.tail());
        sleep(Duration::from_millis(20)).await;
    }
    let before = in_vain(&engine).await;
    sleep(Duration::from_secs(3)).await;
    let tries = in_vain(&engine).await - before;
    assert!(tries <= 5.0, "the new life tries {tries} times in three seconds\n{}", house.tail());

    house.messenger.door.open().await;
    for phone in PHONES {
        house.until_stands(&texts(phone)[1], "delivered").await;
        assert_eq!(house.managers_lines(phone), texts(phone), "each once and in order");
    }
    house.settled(&engine).await;
    assert_eq!(circuit(&engine).await, CLOSED, "an answer closes it");
    engine.end().await;
    let report = replay(house.folder.path()).await;
    assert_eq!((&report["drift"], &report["intents"]["open"]), (&0.into(), &0.into()), "{report:#}");
    assert_eq!(report["attempts"].get("refused"), None, "{report:#}");
}
