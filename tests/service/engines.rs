//! Several engines on one log: whichever is killed or stopped, the others take over within seconds, and nothing is lost or said
//! twice. An engine that was only stopped, for longer than its lease, goes on without starting anything.
//!
//! `CHATLEDGER_SEED` says by which chance; the times of taking over are printed.

use std::collections::BTreeMap;
use std::env;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chatledger::config::System;
use chatledger::log::EventLog;
use chatledger::log::address::LogAddress;
use chatledger::log::codec;
use chatledger::log::memory::MemoryLog;
use chatledger_eventstoredb::{Options, Server, Store};
use chatledger_projections::duties::Arrangement;
use chatledger_projections::event::Event;
use chatledger_projections::ids::{EngineId, IntentId};
use chatledger_projections::outcome::Outcome;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use crate::engine::{Engine, ask, replay_of, run};
use crate::house::{Chance, House, Plan, Post};
use crate::kills::{PHONES, complaints, write};

const SEED: u64 = 20_261_122;

/// What each engine has while it is the one that acts: both lanes, and deciding.
const DUTIES: f64 = 3.0;

/// What stands before the engines and gives each connection to the next of them that is up, as a proxy does.
struct Porter {
    posts: Vec<SocketAddr>,
    up: Vec<AtomicBool>,
    next: AtomicUsize,
}

impl Porter {
    async fn at(address: SocketAddr, posts: &[Post]) -> Arc<Self> {
        let listener = TcpListener::bind(address).await.expect("the address is free");
        let up = posts.iter().map(|_| AtomicBool::new(true)).collect();
        let posts = posts.iter().map(|post| post.listen).collect();
        let porter = Arc::new(Self { posts, up, next: AtomicUsize::new(0) });
        let serving = Arc::clone(&porter);
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let Some(post) = serving.choose() else { continue };
                tokio::spawn(async move {
                    if let Ok(mut to) = TcpStream::connect(post).await {
                        // Whoever is cut off sees it.
                        let _ended = copy_bidirectional(&mut from, &mut to).await;
                    }
                });
            }
        });
        porter
    }

    fn choose(&self) -> Option<SocketAddr> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let all = (first..first + self.posts.len()).map(|place| place % self.posts.len());
        all.into_iter().find(|place| self.up[*place].load(Ordering::Relaxed)).map(|place| self.posts[place])
    }

    fn set(&self, place: usize, up: bool) {
        self.up[place].store(up, Ordering::Relaxed);
    }
}

/// How many duties an engine has by its own word.
async fn duties(engine: &Engine) -> f64 {
    engine.counted("chatledger_lease_owned", "").await.unwrap_or(0.0)
}

/// Who has all duties, of those that are there; `None` if nobody has.
async fn owner(engines: &[Option<Engine>], but: Option<usize>) -> Option<usize> {
    for (place, engine) in engines.iter().enumerate() {
        if let Some(engine) = engine.as_ref().filter(|_| Some(place) != but)
            && duties(engine).await >= DUTIES
        {
            return Some(place);
        }
    }
    None
}

/// Waits until all duties are somebody's again; different engines may have them.
async fn until_taken(engines: &[Option<Engine>], but: Option<usize>, house: &House) -> Duration {
    let began = Instant::now();
    loop {
        let mut sum = 0.0;
        for (_, engine) in engines.iter().enumerate().filter(|(place, _)| Some(*place) != but) {
            if let Some(engine) = engine {
                sum += duties(engine).await;
            }
        }
        if sum >= DUTIES {
            return began.elapsed();
        }
        assert!(began.elapsed() < Duration::from_secs(30), "in vain awaited: a new owner\n{}", house.tail());
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_three_engines_any_may_be_killed_or_stopped_and_nothing_is_lost_or_said_twice() {
    let seed = env::var("CHATLEDGER_SEED").map_or(SEED, |text| text.parse().expect("a number"));
    println!("CHATLEDGER_SEED={seed}");
    let kept: Arc<dyn EventLog> = Arc::new(MemoryLog::new());
    let store = Store::over(Arc::clone(&kept), 16 * 1024 * 1024).await.expect("an empty log can be read");
    let server = Server::start(store, Options::default()).expect("there is a free port");
    let house = Arc::new(House::build_on(Plan::USUAL, &server.connection_string()).await);
    let mut posts = Vec::new();
    for nth in 0..3 {
        posts.push(house.another(nth).await);
    }
    let porter = Porter::at(house.listen, &posts).await;
    let mut engines = Vec::new();
    for post in &posts {
        engines.push(Some(house.start_at(post).await));
    }
    until_taken(&engines, None, &house).await;
    let over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..PHONES.len())
        .map(|nth| tokio::spawn(write(Arc::clone(&house), nth, Chance::of(seed + nth as u64), Arc::clone(&over))))
        .collect();

    let mut chance = Chance::of(seed ^ 0xdead);
    for round in 0..4 {
        sleep(Duration::from_millis(700) + chance.up_to_ms(800)).await;
        // The one that has most; with luck, all.
        let mut most = (0, -1.0);
        for (place, engine) in engines.iter().enumerate() {
            let has = duties(engine.as_ref().expect("all run between two rounds")).await;
            if has > most.1 {
                most = (place, has);
            }
        }
        let (place, has) = most;
        if round % 2 == 0 {
            porter.set(place, false);
            engines[place].take().expect("it runs").kill().await;
            let took = until_taken(&engines, Some(place), &house).await;
            println!("killed with {has} duties: taken over after {took:?}");
            assert!(took < Duration::from_secs(15), "{took:?}");
            engines[place] = Some(house.start_at(&posts[place]).await);
        } else {
            porter.set(place, false);
            let stopped = engines[place].as_ref().expect("it runs");
            stopped.signal("-STOP").await;
            let took = until_taken(&engines, Some(place), &house).await;
            println!("stopped with {has} duties: taken over after {took:?}");
            assert!(took < Duration::from_secs(15), "{took:?}");
            sleep(Duration::from_millis(500)).await;
            let stopped = engines[place].as_ref().expect("it runs");
            stopped.signal("-CONT").await;
            assert!(is_ready_soon(stopped).await, "it does not come to itself\n{}", house.tail());
            assert!(duties(stopped).await < DUTIES, "it believes to have what others have");
        }
        porter.set(place, true);
    }
    sleep(Duration::from_millis(500)).await;
    over.store(true, Ordering::Relaxed);
    let mut dialogues = Vec::new();
    for writer in writers {
        dialogues.push(writer.await.expect("whoever writes comes to an end"));
    }
    for engine in engines.iter().flatten() {
        house.settled(engine).await;
    }
    let state = run(house.folder.path(), &["state", "--log", &house.log, "--json"]).await;
    assert_eq!(state.code, Some(0), "{}", state.errors);
    let state: serde_json::Value = serde_json::from_str(&state.output).expect("a report is JSON");
    let manned: Vec<_> =
        state["duties"].as_array().expect("engines share it").iter().map(|duty| &duty["duty"]).collect();
    assert_eq!(manned, ["(deciding)", "crm", "messenger"]);
    assert!(state["duties"][1]["place"].as_str().is_some_and(|place| place.contains("process")), "{state:#}");

    // One that ends well leaves its duties at once: the rest needs no lease for them.
    let place = owner(&engines, None).await;
    let ending = engines[place.unwrap_or(0)].take().expect("it runs");
    let began = Instant::now();
    ending.end().await;
    until_taken(&engines, None, &house).await;
    println!("ended with all duties: {}, taken over {:?} after it was asked to end", place.is_some(), began.elapsed());
    for engine in engines.into_iter().flatten() {
        engine.end().await;
    }

    let complaints: Vec<String> =
        PHONES.iter().zip(&dialogues).flat_map(|(phone, said)| complaints(&house, phone, said)).collect();
    assert!(complaints.is_empty(), "seed {seed}: {complaints:#?}\n{}", house.tail());
    let report = replay_of(house.folder.path(), &house.log).await;
    assert_eq!(report["drift"], 0, "{report:#}");
    assert_eq!((&report["intents"]["open"], &report["intents"]["outstanding"]), (&0.into(), &0.into()), "{report:#}");
    let (written, engines) = (dialogues.iter().flatten().count(), nobody_acted_after_their_end(&house.log).await);
    println!("{written} messages, {engines} lives of engines; attempts {}", report["attempts"]);
    assert!(written > 20 && engines >= 4, "there was hardly anything to lose");
}

/// Whoever went on after its end was on record made no call. Gives how many engines there were.
async fn nobody_acted_after_their_end(log: &str) -> usize {
    let address = LogAddress::typed(log).expect("it is an address");
    let log = address.open_to_read(&System).expect("the server runs");
    let mut ended: BTreeMap<EngineId, bool> = BTreeMap::new();
    let mut late: BTreeMap<IntentId, (u32, EngineId)> = BTreeMap::new();
    for stored in log.read_all(None, 1_000_000).await.expect("the server runs") {
        let recorded = codec::open(stored).expect("this version wrote it");
        match recorded.event {
            Event::Arranged(Arrangement::Seen(seen)) => {
                assert!(!ended.insert(seen.engine, false).unwrap_or(false), "an engine lives on after its end");
            }
            Event::Arranged(Arrangement::Ended(over)) => {
                ended.insert(over.engine, true);
            }
            Event::AttemptStarted(started) => {
                let engine = started.engine.expect("engines that share a log say who they are");
                if ended.get(&engine).copied().unwrap_or(true) {
                    late.insert(started.intent_id, (started.attempt, engine));
                }
            }
            Event::AttemptSettled(settled) => {
                let Some((attempt, engine)) = late.remove(&settled.intent_id) else { continue };
                let was_not_made = match &settled.outcome {
                    Outcome::Postponed { reason, .. } | Outcome::Uncertain { reason, .. } => {
                        reason.contains("was not made") || reason.contains("stopped before")
                    }
                    Outcome::Accepted | Outcome::Refused { .. } => false,
                };
                assert!(was_not_made, "{engine} made attempt {attempt} after its end: {:?}", settled.outcome);
            }
            Event::WebhookReceived(_)
            | Event::IntentRaised(_)
            | Event::ConfigurationApplied(_)
            | Event::OperatorInstructed(_)
            | Event::PolicyAdvanced(_)
            | Event::PollAdvanced(_)
            | Event::Arranged(Arrangement::Taken(_)) => {}
        }
    }
    ended.len()
}

async fn is_ready_soon(engine: &Engine) -> bool {
    for _ in 0..500 {
        if engine.is_ready().await {
            return true;
        }
        sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_whose_configuration_is_not_in_force_only_lets_webhooks_in_and_says_so() {
    let kept: Arc<dyn EventLog> = Arc::new(MemoryLog::new());
    let store = Store::over(kept, 16 * 1024 * 1024).await.expect("an empty log can be read");
    let server = Server::start(store, Options::default()).expect("there is a free port");
    let house = House::build_on(Plan::USUAL, &server.connection_string()).await;
    let (old, new) = (house.another(0).await, house.another(1).await);
    let file = house.folder.path().join(&new.config);
    let text = std::fs::read_to_string(&file).expect("it was written");
    std::fs::write(&file, text.replace("\"remember\"", "\"claim\"")).expect("the folder can be written to");
    let first = [Some(house.start_at(&old).await)];
    until_taken(&first, None, &house).await;
    let second = [Some(house.start_at(&new).await)];
    let took = until_taken(&second, None, &house).await;
    println!("with another configuration: taken over after {took:?}");
    let [Some(first)] = first else { unreachable!("it was put there") };
    assert_eq!(duties(&first).await.to_string(), "0");
    for _ in 0..500 {
        if first.said().contains("another configuration in force") {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    assert!(first.said().contains("another configuration in force"), "{}", first.said());
    let (status, page) = ask(old.private, "GET", "/readyz", &[], b"").await.expect("it runs");
    // It takes webhooks as well as any; so it is ready, and says what is wrong.
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("another configuration in force") && page.contains("\"duties\":[]"), "{page}");
    let [Some(second)] = second else { unreachable!("it was put there") };
    let (_, page) = ask(new.private, "GET", "/readyz", &[], b"").await.expect("it runs");
    assert!(page.contains("\"duties\":[\"(deciding)\",\"crm\",\"messenger\"]"), "{page}");
    first.end().await;
    second.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_engines_one_asks_for_news_and_when_it_is_killed_another_goes_on_from_its_mark() {
    let kept: Arc<dyn EventLog> = Arc::new(MemoryLog::new());
    let store = Store::over(kept, 16 * 1024 * 1024).await.expect("an empty log can be read");
    let server = Server::start(store, Options::default()).expect("there is a free port");
    let house = House::build_on(Plan::POLLED, &server.connection_string()).await;
    let posts = [house.another(0).await, house.another(1).await];
    let mut engines = [Some(house.start_at(&posts[0]).await), None];
    until_taken(&engines, None, &house).await;
    engines[1] = Some(house.start_at(&posts[1]).await);
    house.until("a question for news", || !house.stage.exchanges(&house.messenger.name).is_empty()).await;
    // So that it is certainly after the moment at which we began; the platform tells it in whole seconds.
    sleep(Duration::from_millis(1300)).await;

    let mut said = Vec::new();
    for round in 0..3 {
        for phone in &PHONES[..2] {
            let text = format!("visitor {phone} says {round}.");
            house.client_writes(phone, &text);
            said.push((*phone, text));
        }
        for (_, text) in &said {
            house.until_shown(&house.crm.name, text).await;
        }
        let owner = owner(&engines, None).await.expect("somebody has all duties");
        let asking = engines[owner].as_ref().expect("it runs");
        assert!(asking.counted("chatledger_polled_documents_total", "").await.is_some_and(|documents| documents > 0.0));
        let standing_by = engines[1 - owner].as_ref().expect("it runs");
        assert_eq!(standing_by.counted("chatledger_polled_documents_total", "").await, None, "two ask the same");
        if round < 2 {
            engines[owner].take().expect("it runs").kill().await;
            // Nobody asks in this moment.
            let text = format!("visitor {} says something meanwhile, {round}.", PHONES[0]);
            house.client_writes(PHONES[0], &text);
            said.push((PHONES[0], text));
            until_taken(&engines, Some(owner), &house).await;
            engines[owner] = Some(house.start_at(&posts[owner]).await);
        }
    }
    for engine in engines.iter().flatten() {
        house.settled(engine).await;
    }
    for phone in &PHONES[..2] {
        let expected: Vec<&String> = said.iter().filter(|(by, _)| by == phone).map(|(_, text)| text).collect();
        assert_eq!(house.clients_lines(phone).iter().collect::<Vec<_>>(), expected, "{phone}\n{}", house.tail());
    }
    for engine in engines.into_iter().flatten() {
        engine.end().await;
    }
    let report = replay_of(house.folder.path(), &house.log).await;
    assert_eq!(report["drift"], 0, "{report:#}");
    assert_eq!((&report["intents"]["open"], &report["intents"]["outstanding"]), (&0.into(), &0.into()), "{report:#}");
}

/// With a lease of ten seconds, as is usual. Nobody else would take over before that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_starts_again_where_it_was_killed_does_not_wait_for_its_own_silence() {
    let kept: Arc<dyn EventLog> = Arc::new(MemoryLog::new());
    let store = Store::over(kept, 16 * 1024 * 1024).await.expect("an empty log can be read");
    let server = Server::start(store, Options::default()).expect("there is a free port");
    let house = House::build_on(Plan::USUAL, &server.connection_string()).await;
    let mut engines = [Some(house.start().await)];
    for round in 0..3 {
        until_taken(&engines, None, &house).await;
        engines[0].take().expect("it runs").kill().await;
        engines[0] = Some(house.start().await);
        let took = until_taken(&engines, None, &house).await;
        println!("killed and started again, {round}: has all duties {took:?} after it was ready");
        assert!(took < Duration::from_secs(5), "{took:?}\n{}", house.tail());
    }
    let [Some(engine)] = engines else { unreachable!("it was put there") };
    engine.end().await;
}
