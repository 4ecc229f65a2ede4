//! Passes: asked for once however many calls want one, again when they are spoilt, and never where nobody wants one.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use chatledger::clock::SystemClock;
use chatledger::config::{Config, SecretSource};
use chatledger::demo::stage::{Fault, Manners, Place, Stage};
use chatledger::http::Http;
use chatledger::passes::Passes;
use chatledger_connectors::connector::{Secret, Secrets, SimulatedAccount};
use chatledger_connectors::simulator::Reaction;
use chatledger_projections::ids::ConnectionName;
use chatledger_projections::outcome::Outcome;
use tokio::task::JoinSet;

struct Keys;

impl SecretSource for Keys {
    fn variable(&self, name: &str) -> Option<String> {
        Some(format!("{}-of-a-test", name.to_lowercase()))
    }

    fn file(&self, _: &std::path::Path) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

async fn staged() -> (Stage, Config, ConnectionName) {
    let place = Place::reserve().await.unwrap();
    let document = format!(
        "[connections.assistant]\nplatform = \"selarti\"\ntask_id = \"1x1\"\nbase_url = {:?}\n\
         api_key = {{ env = \"KEY\" }}\nwebhook_secret = {{ env = \"WEBHOOK_SECRET\" }}\n",
        place.base_url()
    );
    let config = Config::parse(&document, &Keys).unwrap();
    let name = ConnectionName::new("assistant");
    let account = &config.connections[&name];
    let simulated = SimulatedAccount { name: &name, settings: &account.settings, secrets: &account.secrets };
    let simulator = account.connector.simulator(&simulated).unwrap();
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let mut stage = Stage::before(nobody, Arc::new(SystemClock)).unwrap();
    stage.host(name.clone(), place, simulator, Manners::ONCE);
    (stage, config, name)
}

fn http() -> Http {
    Http::new(Duration::from_secs(5), Duration::from_secs(5)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_ask_for_one_pass_and_a_spoilt_one_is_replaced_once() {
    let (stage, config, name) = staged().await;
    let (account, passes, http) = (&config.connections[&name], Passes::default(), http());
    let mut many = JoinSet::new();
    for _ in 0..20 {
        let (name, account, passes, http) = (name.clone(), account.clone(), passes.clone(), http.clone());
        many.spawn(async move { passes.secrets(&name, &account, &http, &SystemClock).await.unwrap() });
    }
    let all = many.join_all().await;
    let token = |secrets: &Secrets| secrets.get("token").map(Secret::reveal).map(str::to_owned);
    let first = &all[0];
    assert!(all.iter().all(|secrets| token(secrets) == token(first) && token(secrets).is_some()));
    assert_eq!(stage.exchanges(&name).len(), 1, "one exchange for all of them");

    passes.spoil(&name, first).await;
    let second = passes.secrets(&name, account, &http, &SystemClock).await.unwrap();
    assert_ne!(token(&second), token(first));
    // A call that was slow to be turned away spoils nothing that is newer.
    passes.spoil(&name, first).await;
    assert_eq!(token(&passes.secrets(&name, account, &http, &SystemClock).await.unwrap()), token(&second));
    assert_eq!(stage.exchanges(&name).len(), 2);
    assert!(!format!("{passes:?}").contains(&token(&second).unwrap()), "a pass is not shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_pass_the_outcome_says_what_that_means() {
    let (stage, config, name) = staged().await;
    let (account, passes, http) = (&config.connections[&name], Passes::default(), http());
    for (status, refused) in [(503, false), (429, false), (400, true)] {
        let reaction = Reaction { status, headers: Vec::new(), body: b"{}".to_vec(), webhooks: Vec::new() };
        stage.fault(&name, Fault::Answered(reaction)).unwrap();
        let outcome = passes.secrets(&name, account, &http, &SystemClock).await.unwrap_err();
        assert_eq!(matches!(outcome, Outcome::Refused { .. }), refused, "{status}: {outcome:?}");
    }
    assert!(passes.secrets(&name, account, &http, &SystemClock).await.is_ok(), "the next call asks again");
}
