//! A site's chat that sends no webhooks: the engine asks, is killed while it asks, and goes on where the log says.
//!
//! Everything that visitors write stands in the CRM once and in its order, whether it was written while an engine ran,
//! while none did, or while one was being killed; and what managers answer stands in the site's chat once.

use std::time::Duration;

use chatledger_connectors::simulator::LineAuthor;
use tokio::time::sleep;

use crate::engine::{Engine, replay};
use crate::house::{Chance, House, Plan};

const PHONES: [&str; 3] = ["79161230001", "79161230002", "79161230003"];

const KILLS: usize = 5;

const SEED: u64 = 20_261_121;

/// Somebody has asked, and knows from where on to ask.
async fn asked(house: &House) {
    house.until("a question for news", || !house.stage.exchanges(&house.messenger.name).is_empty()).await;
    // The mark is on record a moment after the answer.
    sleep(Duration::from_millis(300)).await;
}

fn visitor_writes(house: &House, phone: &str, said: &mut Vec<(String, String)>) {
    let text = format!("visitor {phone} says {}.", said.len());
    house.client_writes(phone, &text);
    said.push((phone.to_owned(), text));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_visitors_write_is_found_once_however_often_the_engine_is_killed_while_it_asks() {
    let house = House::build(Plan::POLLED).await;
    house.client_writes(PHONES[0], "before our time");
    let mut engine = house.start().await;
    asked(&house).await;
    // So that it is certainly after the moment at which we began; the platform tells it in whole seconds.
    sleep(Duration::from_secs(1)).await;

    let mut chance = Chance::of(SEED);
    let mut said = Vec::new();
    for _ in 0..KILLS {
        for phone in PHONES {
            visitor_writes(&house, phone, &mut said);
        }
        sleep(chance.up_to_ms(2_500)).await;
        engine.kill().await;
        // Nobody listens.
        visitor_writes(&house, PHONES[1], &mut said);
        engine = house.start().await;
    }
    for (_, text) in &said {
        house.until_shown(&house.crm.name, text).await;
    }
    house.settled(&engine).await;

    for phone in PHONES {
        let expected: Vec<&String> = said.iter().filter(|(by, _)| by == phone).map(|(_, text)| text).collect();
        let before = (phone == PHONES[0]).then_some("before our time");
        let shown = house.clients_lines(phone);
        let shown: Vec<&String> = shown.iter().filter(|text| Some(text.as_str()) != before).collect();
        assert_eq!(shown, expected, "{phone}\n{}", house.tail());
    }

    // A manager answers, and the answer, which is found as a part of the dialogue, is not taken for news.
    house.manager_writes(PHONES[2], "A manager answers.");
    house.until_shown(&house.messenger.name, "A manager answers.").await;
    visitor_writes(&house, PHONES[2], &mut said);
    house.until_shown(&house.crm.name, &said.last().expect("somebody wrote").1).await;
    house.settled(&engine).await;
    assert_eq!(house.managers_lines(PHONES[2]), ["A manager answers."]);
    let in_crm = house.lines(&house.crm.name).into_iter().filter(|line| line.text == "A manager answers.");
    assert_eq!(in_crm.map(|line| line.author).collect::<Vec<_>>(), [LineAuthor::Company]);

    is_measured(&engine).await;
    engine.end().await;
    let report = replay(house.folder.path()).await;
    assert_eq!(report["drift"], 0, "{report:#}");
    assert_eq!((&report["intents"]["open"], &report["intents"]["outstanding"]), (&0.into(), &0.into()), "{report:#}");
}

/// How old the last good round is stands on the page of metrics, and it is young.
async fn is_measured(engine: &Engine) {
    let age = engine.counted("chatledger_poll_age_seconds", "messenger").await.expect("it stands there");
    assert!(age < 30.0, "{age}");
    let documents = engine.counted("chatledger_polled_documents_total", "messenger").await.expect("it stands there");
    assert!(documents >= 1.0, "{documents}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_is_away_is_asked_again_and_an_engine_that_asks_ends_when_it_is_told_to() {
    let house = House::build(Plan::POLLED).await;
    let engine = house.start().await;
    asked(&house).await;
    sleep(Duration::from_secs(1)).await;
    house.messenger.door.shut().await;
    house.client_writes(PHONES[0], "while nobody could ask");
    let failed = async || engine.counted("chatledger_polls_failed_total", "messenger").await.unwrap_or(0.0);
    for _ in 0..500 {
        if failed().await >= 2.0 {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    assert!(failed().await >= 2.0, "nobody noticed\n{}", house.tail());
    house.messenger.door.open().await;
    house.until_shown(&house.crm.name, "while nobody could ask").await;
    engine.end().await;
}
