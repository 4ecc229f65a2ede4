//! The engine is killed again and again while people write, and nothing of what it promised is lost or said twice.
//!
//! The promise is the answer 200. The CRM sends each hook once, so a hook of which it got no answer may have been taken
//! or not, and the manager's message is seen at most once. The messenger comes again, so all of its webhooks are taken in
//! the end. Both sides are held to *exactly* once: the CRM does not take an id of ours twice, and this messenger can be
//! asked what it has (the second generation's list of messages), so that a send of which nobody knows is looked for
//! before it is made again.
//!
//! `CHATLEDGER_KILLS` says how often (8 unless it is given), `CHATLEDGER_SEED` by which chance.

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chatledger::demo::stage::Fault;
use chatledger::log::sqlite::SqliteLog;
use chatledger_connectors::simulator::LineAuthor;
use chatledger_eventstoredb::{Options, Server, Store};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::engine::replay_of;
use crate::house::{Chance, House, Plan};

const KILLS: u64 = 8;
const SEED: u64 = 20_261_121;

/// In the first four dialogues the client writes first, in the others the manager does.
pub const PHONES: [&str; 6] =
    ["79161230001", "79161230002", "79161230003", "79161230004", "79161230005", "79161230006"];
const CLIENT_FIRST: usize = 4;

/// Something that was written, and whether the engine promised to carry it over.
pub struct Said {
    by_client: bool,
    text: String,
    promised: bool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_promised_is_carried_over_once_however_often_the_engine_is_killed() {
    ordeal(House::build(Plan::USUAL).await, |_| {}).await;
}

/// The same with the log on a server that is killed, too: it keeps what it answered, as a real one does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_promised_is_carried_over_once_however_often_the_engine_and_the_logs_server_are_killed() {
    let folder = TempDir::new().expect("there is room for a folder");
    let kept = SqliteLog::open(folder.path().join("server.db")).expect("the folder can be written to");
    let store = Store::over(Arc::new(kept), 16 * 1024 * 1024).await.expect("an empty log can be read");
    let mut server = Server::start(store, Options::default()).expect("there is a free port");
    let house = House::build_on(Plan::USUAL, &server.connection_string()).await;
    ordeal(house, |round| {
        // In between, under the running engine, as well as in the same moment.
        if round % 2 == 0 {
            server.kill();
        }
        server.restart().expect("its address is still its own");
    })
    .await;
}

/// Kills the engine again and again while people write. `beside` is done between two kills.
async fn ordeal(house: House, mut beside: impl FnMut(u64)) {
    let number = |name: &str, otherwise| env::var(name).map_or(otherwise, |text| text.parse().expect("a number"));
    let (kills, seed) = (number("CHATLEDGER_KILLS", KILLS), number("CHATLEDGER_SEED", SEED));
    println!("CHATLEDGER_KILLS={kills} CHATLEDGER_SEED={seed}");
    let house = Arc::new(house);
    let mut engine = house.start().await;
    let over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..PHONES.len())
        .map(|nth| tokio::spawn(write(Arc::clone(&house), nth, Chance::of(seed + nth as u64), Arc::clone(&over))))
        .collect();

    let mut chance = Chance::of(seed ^ 0xdead);
    for round in 0..kills {
        sleep(Duration::from_millis(50) + chance.up_to_ms(450)).await;
        beside(round);
        sleep(chance.up_to_ms(450)).await;
        engine.kill().await;
        sleep(chance.up_to_ms(300)).await;
        engine = house.start().await;
    }
    sleep(Duration::from_millis(500)).await;
    over.store(true, Ordering::Relaxed);
    let mut dialogues = Vec::new();
    for writer in writers {
        dialogues.push(writer.await.expect("whoever writes comes to an end"));
    }
    house.settled(&engine).await;
    engine.end().await;

    let complaints: Vec<String> =
        PHONES.iter().zip(&dialogues).flat_map(|(phone, said)| complaints(&house, phone, said)).collect();
    assert!(complaints.is_empty(), "seed {seed}: {complaints:#?}\n{}", house.tail());
    let written: Vec<&Said> = dialogues.iter().flatten().collect();
    for at in [&house.crm.name, &house.messenger.name] {
        for line in house.lines(at) {
            let is_somebodys = written.iter().any(|said| said.text == line.text);
            assert!(is_somebodys && line.author != LineAuthor::Bot, "seed {seed}: nobody wrote {line:?}");
        }
    }

    let report = replay_of(house.folder.path(), &house.log).await;
    assert_eq!(replay_of(house.folder.path(), &house.log).await, report, "two replays are not equal");
    assert_eq!(report["drift"], 0, "{report:#}");
    assert_eq!((&report["intents"]["open"], &report["intents"]["outstanding"]), (&0.into(), &0.into()), "{report:#}");
    let lost = written.iter().filter(|said| !said.promised).count();
    println!(
        "{} messages, {lost} of them never promised; attempts {}, anomalies {}",
        written.len(),
        report["attempts"],
        report["anomalies"]
    );
    assert!(written.len() > 20, "there was hardly anything to lose");
}

/// Writes into one dialogue, one after the other, until it is over.
pub async fn write(house: Arc<House>, nth: usize, mut chance: Chance, over: Arc<AtomicBool>) -> Vec<Said> {
    let phone = PHONES[nth];
    let mut said = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let by_client = if said.is_empty() { nth < CLIENT_FIRST } else { chance.below(2) == 0 };
        let text = format!("{} {nth} says {}.", if by_client { "client" } else { "manager" }, said.len());
        // A slow platform has more to lose when the engine is killed.
        for side in [&house.crm, &house.messenger] {
            house.stage.fault(&side.name, Fault::Held(chance.up_to_ms(150))).expect("it is on stage");
        }
        let promised = if by_client {
            house.client_writes(phone, &text);
            house.answer_to(&house.messenger.name, &text).await == Some(200)
        } else {
            house.manager_writes(phone, &text);
            house.answer_to(&house.crm.name, &text).await == Some(200)
        };
        said.push(Said { by_client, text, promised });
        sleep(chance.up_to_ms(250)).await;
    }
    said
}

/// What is not as it should be in one dialogue.
pub fn complaints(house: &House, phone: &str, said: &[Said]) -> Vec<String> {
    let mut complaints = Vec::new();
    for by_client in [true, false] {
        let (seen, at) =
            if by_client { (house.clients_lines(phone), "CRM") } else { (house.managers_lines(phone), "messenger") };
        let of_them: Vec<&Said> = said.iter().filter(|said| said.by_client == by_client).collect();
        for Said { text, promised, .. } in &of_them {
            let times = seen.iter().filter(|seen| *seen == text).count();
            match (promised, times) {
                (true, 1) | (false, 0 | 1) => {}
                (true, _) => complaints.push(format!("{text:?} was promised and stands {times} times in the {at}")),
                (false, _) => complaints.push(format!("{text:?} stands {times} times in the {at}")),
            }
            if !by_client && times == 1 && house.status(text).as_deref() != Some("delivered") {
                complaints.push(format!("{text:?} has arrived and stands at {:?} in the CRM", house.status(text)));
            }
        }
        let expected: Vec<&String> = of_them.iter().map(|said| &said.text).filter(|text| seen.contains(text)).collect();
        if !seen.iter().eq(expected.iter().copied()) {
            complaints.push(format!("in the {at}, {phone} reads {seen:?} instead of {expected:?}"));
        }
    }
    complaints
}
