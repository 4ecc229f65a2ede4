//! What a person asks of an account: to be connected, to be disconnected, to be looked through for what was lost.

use std::path::Path;
use std::sync::Arc;

use chatledger::clock::SystemClock;
use chatledger::demo::stage::{Manners, Place, Stage};
use chatledger_connectors::connector::{Connector, Secret, Secrets, SimulatedAccount};
use chatledger_connectors::simulator::Gesture;
use chatledger_projections::ids::ConnectionName;
use serde_json::json;
use tempfile::TempDir;

use crate::program::{Ended, command};

const AMO: &str = "amo.main";

const SCOPE: &str = "344a5002-f8ca-454d-af3d-396180102ac7_2b13cae0-24f7-4058-b9ad-c13ee05e1b53";

/// A folder with a configuration, and a simulated amoCRM whose hooks reach nobody.
struct House {
    folder: TempDir,
    stage: Stage,
}

impl House {
    async fn new() -> Self {
        let place = Place::reserve().await.unwrap();
        let base_url = place.base_url();
        let name = ConnectionName::new(AMO);
        let settings = json!({"scope_id": SCOPE, "bot_id": "bot-0", "base_url": base_url});
        let mut secrets = Secrets::default();
        secrets.insert("channel_secret", Secret::new("s3cret"));
        let account = SimulatedAccount { name: &name, settings: &settings, secrets: &secrets };
        let model = chatledger_connectors::amocrm::AmoCrm.simulator(&account).unwrap();
        // Port 9 discards: every hook is lost.
        let mut stage = Stage::before("127.0.0.1:9".parse().unwrap(), Arc::new(SystemClock)).unwrap();
        stage.host(name, place, model, Manners::ONCE);
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            r#"
log = "sqlite:chatledger.db"

[connections."amo.main"]
platform = "amocrm"
scope_id = "{SCOPE}"
bot_id = "bot-0"
base_url = "{base_url}"
channel_secret = {{ env = "CHANNEL_SECRET" }}

[connections."pact.sales"]
platform = "pact"
company_id = 52204
api = "v2"
token = {{ env = "TOKEN" }}
webhook_secret = {{ env = "WEBHOOK_SECRET" }}

[routes.sales]
crm = "amo.main"
channel = "pact.sales"
manager_first = "claim"
"#
        );
        std::fs::write(folder.path().join("chatledger.toml"), config).unwrap();
        Self { folder, stage }
    }

    fn manager_writes(&self, text: &str) {
        let (phone, name) = ("79000000001".to_owned(), "Анна".to_owned());
        self.stage
            .gesture(&ConnectionName::new(AMO), &Gesture::ManagerWrites { phone, name, text: text.to_owned() })
            .unwrap();
    }

    fn id_of_the_chat(&self) -> String {
        self.stage.transcript(&ConnectionName::new(AMO)).remove(0).chat_id
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_as("s3cret", arguments).await
    }

    async fn run_as(&self, secret: &str, arguments: &[&str]) -> Ended {
        let mut command = command(self.folder.path());
        let command = command
            .args(arguments)
            .env("CHANNEL_SECRET", secret)
            .env("TOKEN", "t0ken")
            .env("WEBHOOK_SECRET", "w3bhook-secret-of-a-test")
            .env("NO_PROXY", "127.0.0.1");
        let ended = tokio::task::block_in_place(|| command.output()).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: ended.status.code(), output: text(ended.stdout), errors: text(ended.stderr) }
    }
}

/// How many events of a log were found by asking for the past.
fn backfilled(log: &Path) -> usize {
    let lines = crate::program::run(log.parent().unwrap(), ["export", "--log", log.to_str().unwrap()]).well();
    lines.lines().filter(|line| line.contains(r#"\"transport\":\"backfill\""#)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_connected_and_its_answer_compared_with_the_configuration() {
    let house = House::new().await;
    let words = house.run(&["connect", AMO]).await.well();
    assert_eq!(words, format!("amo.main is connected\nscope_id = \"{SCOPE}\", as configured\n"));
    let told = house.run(&["connect", AMO, "--json", "--log", "a.db"]).await.document();
    let settings = json!([{"key": "scope_id", "value": SCOPE, "configured": true}]);
    assert_eq!((&told["connected"], &told["settings"], &told["recorded"]), (&json!(true), &settings, &json!(true)));
    let words = house.run(&["disconnect", AMO, "--log", "a.db"]).await.well();
    assert_eq!(words, "amo.main is disconnected\n");
    let replay = house.run(&["replay", "--log", "a.db", "--json"]).await.document();
    let events = json!({"ConfigurationApplied": 1, "WebhookReceived": 2});
    assert_eq!((&replay["events_by_type"], &replay["anomalies"]), (&events, &json!({})), "{replay}");
    house.manager_writes("кто здесь");
    assert!(house.stage.sent(&ConnectionName::new(AMO)).is_empty(), "no hook after that");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_with_what_to_do_about_it_and_without_the_secret() {
    let house = House::new().await;
    let refused = house.run_as("wr0ng", &["connect", AMO]).await;
    refused.refused(1, &["amo.main", "403", "channel_secret", "clock"]);
    assert!(!refused.errors.contains("wr0ng"), "{}", refused.errors);
    house.run(&["connect", "amo.other"]).await.refused(2, &["amo.other", "no such connection", "amo.main"]);
    house.run(&["connect", "pact.sales"]).await.refused(2, &["pact.sales", "pact"]);
    house.run(&["backfill", AMO]).await.refused(2, &["--chat", "--since"]);
    house.run(&["backfill", AMO, "--since", "yesterday"]).await.refused(2, &["2026-03-02T10:00:00Z"]);
    let unknown = house.run(&["backfill", AMO, "--chat", "c-1"]).await;
    unknown.refused(2, &["c-1", "--since"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_is_put_on_record_once() {
    let house = House::new().await;
    house.manager_writes("первое");
    house.manager_writes("второе");
    let chat = house.id_of_the_chat();
    let wanted = ["backfill", AMO, "--chat", &chat, "--since", "2020-01-01T00:00:00Z", "--json"];
    let dry = house.run(&[&wanted[..], &["--dry-run"]].concat()).await.document();
    assert_eq!((&dry["recorded"], &dry["dry_run"]), (&json!(2), &json!(true)));
    let first = house.run(&wanted).await.document();
    assert_eq!((&first["recorded"], &first["already"], &first["listed"]), (&json!(2), &json!(0), &json!(2)));
    let again = house.run(&wanted).await.document();
    assert_eq!((&again["recorded"], &again["already"]), (&json!(0), &json!(2)));
    let log = house.folder.path().join("chatledger.db");
    assert_eq!(backfilled(&log), 2);
    // The log knows the chat now, and since when.
    let known = house.run(&["backfill", AMO, "--chat", &chat, "--json"]).await.document();
    assert_eq!((&known["listed"], &known["recorded"]), (&json!(2), &json!(0)));
    // Everything that the log knows is compared, at one connection or at all that list their past.
    house.manager_writes("третье");
    let dry =
        house.run(&["reconcile", "--all", "--dry-run", "--since", "2020-01-01T00:00:00Z", "--json"]).await.document();
    assert_eq!((&dry[0]["connection"], &dry[0]["recorded"]), (&json!(AMO), &json!(3)), "{dry}");
    for (recorded, already) in [(1, 2), (0, 3)] {
        let found = house.run(&["reconcile", AMO, "--since", "2020-01-01T00:00:00Z", "--json"]).await.document();
        let told = (&found[0]["conversations"], &found[0]["recorded"], &found[0]["already"]);
        assert_eq!(told, (&json!(1), &json!(recorded), &json!(already)), "{found}");
    }
    assert_eq!(backfilled(&log), 3);
    house.run(&["reconcile"]).await.refused(2, &["--all"]);
    house.run(&["reconcile", "pact.sales"]).await.refused(2, &["pact.sales", "lists no past messages"]);
    let state = house.run(&["state", "--log", "chatledger.db", "--json"]).await.document();
    assert_eq!(state["threads"][0]["messages"].as_array().map(Vec::len), Some(3), "{state}");
    let future = ["backfill", AMO, "--chat", &chat, "--since", "2199-01-01T00:00:00Z"];
    let words = house.run(&future).await.well();
    assert!(
        words.starts_with("1 conversations, 3 messages listed, 3 of them older\n0 messages put on record"),
        "{words}"
    );
}
