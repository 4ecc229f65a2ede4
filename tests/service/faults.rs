//! Platforms that are away, busy, slow or silent; and requests that nobody should send.

use chatledger::demo::stage::Fault;
use chatledger_projections::ids::ConnectionName;

use crate::engine::{Engine, ask, replay};
use crate::house::{House, Plan};

const ANNA: &str = "79161234567";
const BORIS: &str = "79167654321";

const REFUSED: &str = "chatledger_webhooks_refused_total";
const RECORDED: &str = "chatledger_webhooks_recorded_total";

fn texts(of: &str, count: usize) -> Vec<String> {
    (1..=count).map(|nth| format!("{of} says {nth}.")).collect()
}

/// What was asked of a platform and answered so.
fn answered(house: &House, at: &ConnectionName, status: u16) -> usize {
    house.stage.exchanges(at).iter().filter(|exchange| exchange.status == status).count()
}

async fn ended_well(house: &House, engine: Engine) -> serde_json::Value {
    house.settled(&engine).await;
    engine.end().await;
    let report = replay(house.folder.path()).await;
    let left = (&report["drift"], &report["intents"]["open"], &report["intents"]["outstanding"]);
    assert_eq!(left, (&0.into(), &0.into(), &0.into()), "{report:#}");
    report
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn platforms_that_were_away_get_everything_in_order_when_they_are_back() {
    let house = House::build(Plan::USUAL).await;
    let engine = house.start().await;
    for phone in [ANNA, BORIS] {
        house.acquainted(phone, &format!("{phone} is here.")).await;
    }
    house.settled(&engine).await;
    house.crm.door.shut().await;
    house.messenger.door.shut().await;
    let clients: Vec<Vec<String>> = ["Anna", "Boris"].map(|name| texts(name, 4)).into();
    let managers: Vec<Vec<String>> = ["To Anna", "To Boris"].map(|name| texts(name, 4)).into();
    for nth in 0..4 {
        for (dialogue, phone) in [ANNA, BORIS].into_iter().enumerate() {
            house.client_is_taken(phone, &clients[dialogue][nth]).await;
            house.manager_writes(phone, &managers[dialogue][nth]);
            assert_eq!(house.answer_to(&house.crm.name, &managers[dialogue][nth]).await, Some(200));
        }
    }
    let tried = async |at: &str| {
        engine.counted("chatledger_attempts_settled_total", &format!("connection=\"{at}\",outcome=\"postponed\"")).await
    };
    for at in ["crm", "messenger"] {
        let mut tries = None;
        for _ in 0..500 {
            tries = tried(at).await;
            if tries > Some(3.0) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert!(tries > Some(3.0), "in vain awaited: calls to {at} that nobody answers; {tries:?}");
    }
    assert_eq!((house.clients_lines(ANNA).len(), house.managers_lines(BORIS).len()), (1, 0));

    house.messenger.door.open().await;
    house.crm.door.open().await;
    for (dialogue, phone) in [ANNA, BORIS].into_iter().enumerate() {
        house.until_shown(&house.crm.name, &clients[dialogue][3]).await;
        house.until_stands(&managers[dialogue][3], "delivered").await;
        let greeting = format!("{phone} is here.");
        assert_eq!(house.clients_lines(phone), [std::slice::from_ref(&greeting), &clients[dialogue]].concat());
        assert_eq!(house.managers_lines(phone), managers[dialogue]);
    }
    let report = ended_well(&house, engine).await;
    assert_eq!(report["attempts"].get("uncertain"), None, "what was refused a connection is not in doubt: {report:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_busy_platform_turns_away_goes_later_and_once() {
    let house = House::build(Plan::USUAL).await;
    let engine = house.start().await;
    house.acquainted(ANNA, "Is anybody there?").await;
    house.settled(&engine).await;
    // The model lets the quota's whole span pass; a real one says how long, and so does this one.
    let busy = || {
        let headers = vec![("retry-after".to_owned(), "1".to_owned())];
        Fault::Answered(chatledger_connectors::simulator::Reaction {
            status: 429,
            headers,
            body: Vec::new(),
            webhooks: Vec::new(),
        })
    };
    for _ in 0..2 {
        house.stage.fault(&house.messenger.name, busy()).unwrap();
        house.stage.fault(&house.crm.name, busy()).unwrap();
    }
    house.stage.fault(&house.crm.name, Fault::Crowded).unwrap();
    let (asked, told) = (texts("A client", 3), texts("A manager", 3));
    for (asked, told) in asked.iter().zip(&told) {
        house.client_is_taken(ANNA, asked).await;
        house.manager_writes(ANNA, told);
        assert_eq!(house.answer_to(&house.crm.name, told).await, Some(200));
    }
    house.until_shown(&house.crm.name, &asked[2]).await;
    house.until_stands(&told[2], "delivered").await;
    assert_eq!(house.clients_lines(ANNA)[1..], asked);
    assert_eq!(house.managers_lines(ANNA), told);
    assert_eq!((answered(&house, &house.messenger.name, 429), answered(&house, &house.crm.name, 429)), (2, 3));
    let report = ended_well(&house, engine).await;
    assert_eq!(report["attempts"].get("uncertain"), None, "{report:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_and_never_answered_is_not_done_again() {
    let house = House::build(Plan { call_timeout: "700ms", ..Plan::USUAL }).await;
    let engine = house.start().await;
    house.acquainted(ANNA, "Good morning.").await;
    house.settled(&engine).await;
    house.stage.fault(&house.messenger.name, Fault::Swallowed).unwrap();
    house.manager_writes(ANNA, "A parcel is on its way.");
    house.until_stands("A parcel is on its way.", "delivered").await;
    house.stage.fault(&house.crm.name, Fault::Swallowed).unwrap();
    house.client_is_taken(ANNA, "It has come.").await;
    // A first message to a number: there is no conversation yet that could be looked into.
    house.stage.fault(&house.messenger.name, Fault::Swallowed).unwrap();
    house.manager_writes(BORIS, "Yours, too.");
    house.until_stands("Yours, too.", "delivered").await;
    house.settled(&engine).await;
    assert_eq!(house.managers_lines(ANNA), ["A parcel is on its way."]);
    assert_eq!(house.managers_lines(BORIS), ["Yours, too."]);
    assert_eq!(house.clients_lines(ANNA), ["Good morning.", "It has come."]);
    let report = ended_well(&house, engine).await;
    assert!(report["attempts"]["uncertain"].as_u64() >= Some(3), "{report:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_proven_and_of_a_fair_size_is_recorded() {
    let house = House::build(Plan::USUAL).await;
    let engine = house.start().await;
    let post = async |path: &str, headers: &[(&str, &str)], body: &[u8]| {
        ask(house.listen, "POST", path, headers, body).await.map(|(status, _)| status)
    };
    let messenger = house.messenger_path();
    let crm = "/hooks/crm/7d0ab2a1-93c4-4b39-a1d8-55a6c5a6c7a3_b0e9be8c-26b6-4a2a-8cf5-19f1f2a60f11";
    let forged = [("x-signature", "937412e33dcf97afc61c9e3d572857694f1d95c2")];
    let large = vec![b' '; 64 * 1024 + 1];
    for (what, path, headers, body, status) in [
        ("a wrong secret", "/hooks/messenger/nobodyCanGuessThis1235", &[][..], &b"{}"[..], 403),
        ("no secret", "/hooks/messenger", &[], b"{}", 401),
        ("a wrong signature", crm, &forged, b"{}", 403),
        ("no signature", crm, &[], b"{}", 401),
        ("too large a body", &messenger, &[], &large, 413),
        ("a connection that there is not", "/hooks/nobody/secret", &[], b"{}", 404),
        ("another path", "/", &[], b"{}", 404),
    ] {
        assert_eq!(post(path, headers, body).await, Some(status), "{what}");
    }
    assert_eq!(ask(house.listen, "GET", &messenger, &[], b"").await.map(|(status, _)| status), Some(405));
    assert_eq!(engine.counted(RECORDED, "").await, Some(0.0));
    assert_eq!(engine.counted(REFUSED, "").await, Some(6.0));
    assert_eq!(engine.counted("chatledger_requests_nowhere_total", "").await, Some(2.0));

    // Rubbish with a good proof may be tomorrow's language: kept, remarked, and in nobody's way.
    assert_eq!(post(&messenger, &[], b"\xff not JSON").await, Some(200));
    house.stage.say(&house.crm.name, b"[\"not\", \"a\", \"hook\"]").unwrap();
    assert_eq!(house.answer_to(&house.crm.name, "not").await, Some(200));
    house.acquainted(ANNA, "I mean what I say.").await;
    house.settled(&engine).await;
    assert!(engine.counted("chatledger_remarks_total", "").await >= Some(2.0), "{}", engine.metrics().await);
    let report = ended_well(&house, engine).await;
    let webhooks = report["events_by_type"]["WebhookReceived"].as_u64();
    let sent = house.stage.sent(&house.messenger.name).len() + house.stage.sent(&house.crm.name).len() + 1;
    assert_eq!(webhooks, u64::try_from(sent).ok(), "what was refused is not in the log: {report:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_again_is_answered_and_changes_nothing() {
    let house = House::build(Plan::USUAL).await;
    let engine = house.start().await;
    house.acquainted(ANNA, "Hello?").await;
    house.manager_writes(ANNA, "Good evening.");
    house.until_stands("Good evening.", "delivered").await;
    house.settled(&engine).await;
    let recorded = engine.counted(RECORDED, "").await;
    let (crm, messenger) = (house.lines(&house.crm.name), house.lines(&house.messenger.name));
    for at in [&house.crm.name, &house.messenger.name] {
        for _ in 0..3 {
            house.stage.repeat(at).unwrap();
            house.quiet().await;
            assert_eq!(house.stage.sent(at).last().and_then(|sent| sent.status), Some(200));
        }
    }
    house.settled(&engine).await;
    assert_eq!(engine.counted("chatledger_webhooks_duplicate_total", "").await, Some(6.0));
    assert_eq!(engine.counted(RECORDED, "").await, recorded);
    assert_eq!((house.lines(&house.crm.name), house.lines(&house.messenger.name)), (crm, messenger));
    ended_well(&house, engine).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_are_answered_while_no_platform_answers() {
    let house = House::build(Plan { call_timeout: "30s", ..Plan::USUAL }).await;
    let engine = house.start().await;
    house.acquainted(ANNA, "First of all.").await;
    house.settled(&engine).await;
    house.crm.door.mute().await;
    house.messenger.door.mute().await;
    let asked = house.stage.exchanges(&house.crm.name).len();
    let (clients, managers) = (texts("A client", 20), texts("A manager", 20));
    // Each is answered before the door opens: what is measured is the order, not the time.
    for (client, manager) in clients.iter().zip(&managers) {
        house.client_is_taken(ANNA, client).await;
        house.manager_writes(ANNA, manager);
        assert_eq!(house.answer_to(&house.crm.name, manager).await, Some(200));
    }
    house
        .until("a call to the CRM that waits for its answer", || house.stage.exchanges(&house.crm.name).len() > asked)
        .await;
    let settled = engine.counted("chatledger_attempts_settled_total", "").await;
    assert_eq!(settled, Some(1.0), "an attempt has ended although nobody answered");
    assert!(engine.is_ready().await, "an engine is ready although its platforms are not");
    house.crm.door.open().await;
    house.messenger.door.open().await;
    house.until_shown(&house.crm.name, &clients[19]).await;
    house.until_stands(&managers[19], "delivered").await;
    assert_eq!(house.clients_lines(ANNA)[1..], clients);
    assert_eq!(house.managers_lines(ANNA), managers);
    let report = ended_well(&house, engine).await;
    assert_eq!(report["attempts"].get("uncertain"), None, "{report:#}");
}
