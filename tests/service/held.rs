//! What a platform refuses is held until an operator has decided: beside a running engine, and without one.

use std::time::Duration;

use chatledger::demo::stage::Fault;
use chatledger_connectors::simulator::Reaction;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::engine::{Ended, Engine, ask, replay, run};
use crate::house::{House, Plan};

const ANNA: &str = "79161234567";

/// A platform that will not, and says so.
fn refusal() -> Fault {
    Fault::Answered(Reaction { status: 400, headers: Vec::new(), body: b"{}".to_vec(), webhooks: Vec::new() })
}

/// `held` with these arguments, on the house's log; a running engine is asked where it listens.
async fn held(house: &House, arguments: &[&str]) -> (Ended, Value) {
    let private = house.private.to_string();
    let place = ["--log", "chatledger.db", "--private", &private, "--json"];
    let ended = run(house.folder.path(), &[&["held"], arguments, &place].concat()).await;
    let document = serde_json::from_str(&ended.output).unwrap_or_default();
    (ended, document)
}

/// A platform that takes it, and whose answer is lost.
const UNHEARD: Fault = Fault::Swallowed;

async fn until_held(house: &House, engine: &Engine, intents: f64) {
    let deadline = Instant::now() + Duration::from_secs(45);
    while engine.counted("chatledger_held_intents", "").await != Some(intents) {
        assert!(Instant::now() < deadline, "in vain awaited: {intents} held intents\n{}", house.tail());
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_held_and_tried_again_or_skipped_when_an_operator_says_so() {
    let house = House::build(Plan::USUAL).await;
    let engine = house.start().await;
    house.acquainted(ANNA, "Hello.").await;
    house.settled(&engine).await;
    for (nth, text) in ["Refused at first.", "Never mind this one."].into_iter().enumerate() {
        house.stage.fault(&house.messenger.name, refusal()).unwrap();
        house.manager_writes(ANNA, text);
        until_held(&house, &engine, nth as f64 + 1.0).await;
    }
    assert!(house.managers_lines(ANNA).is_empty());
    let (ended, list) = held(&house, &["list"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let [first, second] = list.as_array().unwrap().as_slice() else { panic!("two are held: {list}") };
    assert_eq!(first["raised"]["intent"]["content"]["text"], "Refused at first.", "{first}");
    assert_eq!((&first["in_doubt"], first["attempts"].as_u64()), (&false.into(), Some(1)), "{first}");
    let name = |held: &Value| held["intent"].as_str().unwrap().to_owned();

    // Where they cannot go, and what there is not, is told at once.
    let (ended, _) = held(&house, &["retry", "zzz"]).await;
    assert!(ended.code == Some(2) && ended.errors.contains("no held intent"), "{}", ended.errors);
    let (ended, _) = held(&house, &["edit-target", &name(first), "--phone", "12"]).await;
    assert!(ended.code == Some(2) && ended.errors.contains("country code"), "{}", ended.errors);

    let (ended, told) = held(&house, &["retry", &name(first), "--who", "olga", "--why", "it is paid now"]).await;
    assert_eq!((ended.code, &told["by"]), (Some(0), &"the running engine".into()), "{}", ended.errors);
    house.until("at the messenger: what was refused", || house.managers_lines(ANNA) == ["Refused at first."]).await;
    until_held(&house, &engine, 1.0).await;
    house.until_stands("Refused at first.", "delivered").await;
    house.settled(&engine).await;
    engine.end().await;

    let (ended, told) = held(&house, &["skip", &name(second), "--who", "olga"]).await;
    assert_eq!((ended.code, &told["by"]), (Some(0), &"this program".into()), "{}", ended.errors);
    let (_, list) = held(&house, &["list"]).await;
    assert_eq!(list, Value::Array(Vec::new()));
    let (ended, _) = held(&house, &["skip", &name(second)]).await;
    assert_eq!(ended.code, Some(2), "it is held no more");

    // It is all in the log, and a new life does nothing of it again.
    let engine = house.start().await;
    house.settled(&engine).await;
    engine.end().await;
    assert_eq!(house.managers_lines(ANNA), ["Refused at first."]);
    let report = replay(house.folder.path()).await;
    assert_eq!((&report["drift"], &report["intents"]["open"]), (&0.into(), &0.into()), "{report:#}");
    assert_eq!(report["events_by_type"]["OperatorInstructed"], 2, "{report:#}");
    let exported = run(house.folder.path(), &["export", "--log", "chatledger.db"]).await;
    assert!(exported.output.contains("olga") && exported.output.contains("it is paid now"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_goes_to_another_receiver_if_the_operator_names_one() {
    const BORIS: &str = "79167654321";
    let house = House::build(Plan::USUAL).await;
    let engine = house.start().await;
    house.acquainted(ANNA, "Hello.").await;
    house.settled(&engine).await;
    house.stage.fault(&house.messenger.name, refusal()).unwrap();
    house.manager_writes(ANNA, "To your new number.");
    until_held(&house, &engine, 1.0).await;
    let (_, list) = held(&house, &["list"]).await;
    let intent = list[0]["intent"].as_str().unwrap().to_owned();
    let word = ["--who", "olga", "--why", "the client has moved"];
    let (ended, told) =
        held(&house, &[&["edit-target", &intent, "--phone", "+7 916 765-43-21"], &word[..]].concat()).await;
    assert_eq!((ended.code, &told["by"]), (Some(0), &"the running engine".into()), "{}", ended.errors);
    house.until("at the new number: what was refused", || house.managers_lines(BORIS) == ["To your new number."]).await;
    assert!(house.managers_lines(ANNA).is_empty(), "it went to the old number, too");
    until_held(&house, &engine, 0.0).await;
    house.settled(&engine).await;
    engine.end().await;
    let report = replay(house.folder.path()).await;
    assert_eq!((&report["drift"], &report["intents"]["open"]), (&0.into(), &0.into()), "{report:#}");
}

/// An operator with a token, who speaks to the read API.
struct Operator<'a> {
    house: &'a House,
    token: String,
}

impl<'a> Operator<'a> {
    /// Writes a new token into the configuration; the engine is not running yet.
    async fn is_let_in(house: &'a House, name: &str) -> Self {
        let made = run(house.folder.path(), &["token", "new", name, "--role", "operator", "--json"]).await;
        let made: Value = serde_json::from_str(&made.output).unwrap();
        let config = house.folder.path().join("chatledger.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let access = format!("\n[access.tokens.{name}]\nrole = \"operator\"\nsha256 = {}\n", made["sha256"]);
        std::fs::write(&config, text + &access).unwrap();
        Self { house, token: format!("Bearer {}", made["token"].as_str().unwrap()) }
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let headers = [("authorization", self.token.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let (status, body) = ask(self.house.private, method, path, &headers, &body).await.expect("it answers");
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    /// What is held, when so much is.
    async fn until_holds(&self, held: usize) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(45);
        loop {
            let (status, page) = self.ask("GET", "/api/v1/held", &Value::Null).await;
            let items = page["items"].as_array().cloned().unwrap_or_default();
            if (status, items.len()) == (200, held) {
                return items;
            }
            assert!(Instant::now() < deadline, "in vain awaited: {held} held intents: {page:#}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_with_a_token_decides_over_http_about_what_is_held() {
    const BORIS: &str = "79167654321";
    let house = House::build(Plan { call_timeout: "700ms", ..Plan::USUAL }).await;
    let olga = Operator::is_let_in(&house, "olga").await;
    let engine = house.start().await;
    house.acquainted(ANNA, "Hello.").await;
    house.settled(&engine).await;
    for (nth, text) in ["Again.", "Elsewhere.", "Never mind."].into_iter().enumerate() {
        house.stage.fault(&house.messenger.name, refusal()).unwrap();
        house.manager_writes(ANNA, text);
        olga.until_holds(nth + 1).await;
    }
    for fault in [UNHEARD, refusal(), refusal()] {
        house.stage.fault(&house.crm.name, fault).unwrap();
    }
    house.client_is_taken(ANNA, "Are you there?").await;
    let held = olga.until_holds(4).await;
    let texts: Vec<_> = held.iter().map(|held| held["text"].as_str().unwrap_or_default()).collect();
    assert_eq!(texts, ["Again.", "Elsewhere.", "Never mind.", "Are you there?"], "the longest held first");
    let path = |nth: usize, act: &str| format!("/api/v1/held/{}/{act}", held[nth]["id"].as_str().unwrap());

    // What is in doubt is not done again by one careless word, and nothing goes where it cannot.
    let (status, problem) = olga.ask("POST", &path(3, "retry"), &json!({"why": "he asks"})).await;
    assert_eq!((status, &problem["field"]), (409, &json!("may_double")), "{problem}");
    let (status, problem) = olga.ask("POST", &path(1, "edit-target"), &json!({"why": "moved", "phone": "12"})).await;
    assert_eq!((status, &problem["field"]), (400, &json!("phone")), "{problem}");
    let (status, problem) = olga.ask("POST", &path(0, "skip"), &json!({"why": " "})).await;
    assert_eq!((status, &problem["field"]), (400, &json!("why")), "{problem}");
    olga.until_holds(4).await;

    for (path, body) in [
        (path(0, "retry"), json!({"why": "it is paid now"})),
        (path(1, "edit-target"), json!({"why": "the client has moved", "phone": "+7 916 765-43-21"})),
        (path(2, "skip"), json!({"why": "said by phone"})),
        (path(3, "retry"), json!({"why": "nobody sees it there", "may_double": true})),
    ] {
        let (status, done) = olga.ask("POST", &path, &body).await;
        assert_eq!((status, &done["who"]), (200, &json!("olga")), "{path}: {done}");
    }
    house.until("at the messenger: what is tried again", || house.managers_lines(ANNA) == ["Again."]).await;
    house.until("at the new number: what goes there", || house.managers_lines(BORIS) == ["Elsewhere."]).await;
    olga.until_holds(0).await;
    let (status, problem) = olga.ask("POST", &path(2, "retry"), &json!({"why": "after all"})).await;
    assert_eq!(status, 404, "it is held no more: {problem}");
    house.settled(&engine).await;
    engine.end().await;
    assert_eq!(house.clients_lines(ANNA), ["Hello.", "Are you there?"], "this platform knows our id");
    let report = replay(house.folder.path()).await;
    assert_eq!((&report["drift"], &report["intents"]["open"]), (&0.into(), &0.into()), "{report:#}");
    assert_eq!(report["events_by_type"]["OperatorInstructed"], 4, "{report:#}");
}

/// The CRM takes a message and is not heard; refuses it when it comes again; and does not show its history either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_can_find_out_is_held_as_in_doubt_and_never_sent_again_by_itself() {
    let house = House::build(Plan { call_timeout: "700ms", ..Plan::USUAL }).await;
    let engine = house.start().await;
    house.acquainted(ANNA, "Hello.").await;
    house.settled(&engine).await;
    for fault in [UNHEARD, refusal(), refusal()] {
        house.stage.fault(&house.crm.name, fault).unwrap();
    }
    let asked = house.stage.exchanges(&house.crm.name).len();
    house.client_is_taken(ANNA, "Are you there?").await;
    until_held(&house, &engine, 1.0).await;
    let (_, list) = held(&house, &["list"]).await;
    let reason = list[0]["failure"]["reason"].as_str().unwrap_or_default();
    assert_eq!(list[0]["in_doubt"], true, "{list:#}");
    assert!(reason.contains("may have been accepted") && reason.contains("history"), "{reason}");
    sleep(Duration::from_secs(3)).await;
    assert_eq!(house.stage.exchanges(&house.crm.name).len(), asked + 3, "it was tried again by itself");

    let intent = list[0]["intent"].as_str().unwrap().to_owned();
    let (ended, _) = held(&house, &["retry", &intent]).await;
    assert!(ended.code == Some(2) && ended.errors.contains("--may-double"), "{}", ended.errors);
    let (ended, _) = held(&house, &["retry", &intent, "--may-double", "--who", "olga"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    until_held(&house, &engine, 0.0).await;
    house.settled(&engine).await;
    engine.end().await;
    assert_eq!(house.clients_lines(ANNA), ["Hello.", "Are you there?"], "this platform knows our id");
}
