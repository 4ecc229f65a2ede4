//! Selarti's documented pairs, in `fixtures/contracts/selarti/`.
//!
//! | Folder | A file is | Expected |
//! | --- | --- | --- |
//! | `decode` | a webhook's body, byte for byte | the snapshot beside it: facts and remarks |
//! | `encode` | an intent | the request it becomes, or why it becomes none |
//! | `replies` | a reply to a call | the outcome, and the facts that it teaches |
//! | `sign-in` | the exchange of a key | the token and its life, or the outcome without one |

use std::time::Duration;

use chatledger_connectors::connector::{
    Connection, Connector, Decoded, InboundRequest, Rejection, Reply, Request, Secret, Secrets, SimulatedAccount,
    Webhook,
};
use chatledger_connectors::selarti::Selarti;
use chatledger_projections::bytes::Bytes;
use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::Fact;
use chatledger_projections::ids::{ConnectionName, ConversationId};
use chatledger_projections::intent::Intent;
use chatledger_projections::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{assert_snapshot, cases, fixtures};

const PLATFORM: &str = "selarti";

/// The last part of the webhook address.
const TAIL: &str = "kD83jf02mLq71xZa";

/// The task, channel and company of the samples.
fn settings() -> Value {
    json!({
        "task_id": "1721129985149x478019552540622850",
        "channel_id": "1719304410215x640918273645102938",
        "company_id": "1718876001442x118273645546372819",
    })
}

fn connect(settings: &Value) -> Box<dyn Connection> {
    Selarti.connect(&ConnectionName::new("selarti.main"), settings).expect("the case has good settings")
}

fn with_secret(key: &'static str, secret: &str) -> Secrets {
    let mut secrets = Secrets::default();
    secrets.insert(key, Secret::new(secret));
    secrets
}

fn documents(folder: &str) -> Vec<(String, Value)> {
    let read = |body: Vec<u8>| serde_json::from_slice(&body).expect("the case is JSON");
    cases(&fixtures(PLATFORM, folder)).into_iter().map(|(name, body)| (name, read(body))).collect()
}

fn intent(case: &Value) -> Intent {
    serde_json::from_value(case["intent"].clone()).expect("the case holds an intent")
}

fn reply(case: &Value) -> RecordedReply {
    let reply = &case["reply"];
    RecordedReply {
        status: reply["status"].as_u64().and_then(|status| status.try_into().ok()).expect("a reply has a status"),
        headers: Vec::new(),
        body: Bytes(match &reply["body"] {
            Value::String(text) => text.clone().into_bytes(),
            document => document.to_string().into_bytes(),
        }),
        cut: false,
    }
}

/// The body is as written, and so is the place that it is sent to.
fn assert_sent(base_url: &str, request: &Request, expected: &Value, name: &str) {
    let sent: Value = serde_json::from_slice(&request.body).expect("we write JSON");
    let url = format!("{base_url}{}", request.target());
    assert_eq!(json!({ "method": request.method, "url": url, "body": sent }), *expected, "{name}");
    assert!(request.headers.contains(&("content-type", "application/json".to_owned())), "{name}");
}

fn verify(body: &[u8]) -> Option<Rejection> {
    let headers: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
    let request = InboundRequest { method: "POST", tail: TAIL, query: "", headers: &headers, body };
    connect(&settings()).verify(&request, &with_secret("webhook_secret", TAIL)).err()
}

#[test]
fn webhooks_mean_what_stands_beside_them() {
    let folder = fixtures(PLATFORM, "decode");
    for (name, body) in cases(&folder) {
        assert_snapshot(&folder, &name, &Selarti.decode(&Webhook { content_type: None, body: &body }));
    }
}

#[test]
fn webhooks_are_let_in_unless_they_are_for_another_task() {
    for (name, body) in cases(&fixtures(PLATFORM, "decode")) {
        let expected = (name == "foreign-task").then_some(Rejection::Misdirected);
        assert_eq!(verify(&body), expected, "{name}");
    }
}

#[test]
fn intents_become_their_requests() {
    for (name, mut case) in documents("encode") {
        let account = connect(&case["settings"]);
        match account.encode(&intent(&case)) {
            Ok(call) => {
                assert!(account.limits().iter().any(|limit| limit.class == call.class), "{name}: no limit");
                let expected = case["request"].as_object_mut().expect("the case expects a request");
                let authorization = expected.remove("authorization");
                assert_sent(account.base_url(), &call.request, &case["request"], &name);
                if let Some(bearer) = authorization.as_ref().and_then(Value::as_str) {
                    let token = bearer.strip_prefix("Bearer ").expect("a token is borne");
                    let sent = account.authorise(call.request, &with_secret("token", token), Timestamp::default());
                    assert!(sent.headers.contains(&("authorization", bearer.to_owned())), "{name}");
                }
            }
            Err(unencodable) => assert_eq!(json!(unencodable.reason), case["unencodable"], "{name}"),
        }
    }
}

#[test]
fn replies_prove_and_teach_what_stands_with_them() {
    let account = connect(&settings());
    for (name, case) in documents("replies") {
        let call = case["call"].as_str().expect("a case names its call");
        let tried_for = Duration::from_secs(case["tried_for_s"].as_u64().expect("a case says how long it was tried"));
        let reply = reply(&case);
        let outcome = account.classify(call, Reply::Answered(&reply), Timestamp::default(), tried_for);
        let learnt = Selarti.learn(call, &reply);
        assert_eq!(
            json!({ "outcome": outcome, "facts": learnt.facts }),
            json!({ "outcome": case["outcome"], "facts": case["facts"] }),
            "{name}"
        );
        assert!(learnt.remarks.is_empty(), "{name}: {:?}", learnt.remarks);
    }
}

#[test]
fn a_key_is_exchanged_for_a_token_as_stands_with_it() {
    let account = connect(&settings());
    let sign_in = account.sign_in().expect("Selarti wants a token");
    for (name, case) in documents("sign-in") {
        let secrets = with_secret("api_key", case["api_key"].as_str().expect("a case has a key"));
        assert_sent(sign_in.host_url(), &sign_in.request(&secrets), &case["request"], &name);
        match sign_in.pass(Reply::Answered(&reply(&case)), Timestamp::default()) {
            Ok(pass) => {
                let lives_s = pass.until.as_seconds();
                assert_eq!(json!({ "token": pass.secret.reveal(), "lives_s": lives_s }), case["pass"], "{name}");
            }
            Err(outcome) => assert_eq!(json!(outcome), case["outcome"], "{name}"),
        }
    }
}

/// A sample with one of its values replaced.
fn replaced() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::collection::vec(".{0,6}", 0..3).prop_map(Value::from),
        prop::collection::btree_map("[a-z]{1,8}", any::<u8>(), 0..3).prop_map(|map| json!(map)),
    ];
    let sample: Value = serde_json::from_slice(&samples().remove(0)).expect("the first sample is JSON");
    let keys: Vec<String> = sample.as_object().expect("a sample is an object").keys().cloned().collect();
    (prop::sample::select(keys), leaf).prop_map(move |(key, value)| {
        let mut sample = sample.clone();
        sample[key] = value;
        sample.to_string().into_bytes()
    })
}

/// A body of the fixtures with a few bytes changed, removed or repeated.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 0..6);
    (prop::sample::select(samples()), changes).prop_map(|(mut body, changes)| {
        for (place, byte, change) in changes {
            if body.is_empty() {
                break;
            }
            let place = place.index(body.len());
            match change {
                0 => body[place] = byte,
                1 => drop(body.remove(place)),
                2 => body.truncate(place),
                _ => body.insert(place, byte),
            }
        }
        body
    })
}

/// Webhooks first, then answers.
fn samples() -> Vec<Vec<u8>> {
    let webhooks = cases(&fixtures(PLATFORM, "decode")).into_iter().map(|(_, body)| body);
    let answers = ["replies", "sign-in"].into_iter().flat_map(documents).map(|(_, case)| reply(&case).body.0);
    webhooks.chain(answers).collect()
}

/// Asks every question that takes foreign bytes. None may panic.
fn ask_everything(body: &[u8]) {
    let account = connect(&settings());
    let verdict = verify(body);
    assert!(matches!(verdict, None | Some(Rejection::Misdirected)), "{verdict:?}");
    for content_type in [None, Some("application/json"), Some("application/x-www-form-urlencoded")] {
        let decoded = Selarti.decode(&Webhook { content_type, body });
        assert!(!decoded.facts.is_empty() || !decoded.remarks.is_empty(), "nothing is passed over in silence");
    }
    let sign_in = account.sign_in().expect("Selarti wants a token");
    for status in [200, 400, 401, 404, 429, 500] {
        let headers = vec![("retry-after".to_owned(), String::from_utf8_lossy(body).into_owned())];
        let reply = RecordedReply { status, headers, body: Bytes(body.to_vec()), cut: false };
        let answered = Reply::Answered(&reply);
        account.classify("send_external_message", answered, Timestamp::default(), Duration::ZERO);
        Selarti.learn("send_external_message", &reply);
        // What it takes for a token must fit into a header.
        if let Ok(pass) = sign_in.pass(answered, Timestamp::default()) {
            assert!(pass.secret.reveal().bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}

/// Says something to a simulated Selarti, and reads what comes back of it first: the feed's own copy.
fn echo(chat: &str, text: &str) -> Decoded {
    let (name, settings) = (ConnectionName::new("selarti.main"), settings());
    let mut secrets = with_secret("webhook_secret", TAIL);
    secrets.insert("api_key", Secret::new("key"));
    let account = SimulatedAccount { name: &name, settings: &settings, secrets: &secrets };
    let mut simulator = Selarti.simulator(&account).expect("the account can be simulated");
    let connection = connect(&settings);
    let now = Timestamp::from_millis(1_732_612_250_000);

    let sign_in = connection.sign_in().expect("Selarti wants a token");
    let granted = simulator.handle(&sign_in.request(&secrets), now);
    let granted = RecordedReply { status: granted.status, headers: vec![], body: Bytes(granted.body), cut: false };
    let pass = sign_in.pass(Reply::Answered(&granted), now).expect("the key is right");
    secrets.insert(pass.key, pass.secret);

    let (_, case) = documents("encode").into_iter().find(|(name, _)| name == "file-with-caption").expect("a case");
    let mut intent = case["intent"].clone();
    intent["to"]["conversation"]["ours"] = chat.into();
    intent["content"] = json!({ "text": text });
    let call = connection.encode(&serde_json::from_value(intent).expect("an intent")).expect("it can be said");
    let webhooks = simulator.handle(&connection.authorise(call.request, &secrets, now), now).webhooks;
    let first = webhooks.first().expect("the feed tells of all messages");
    assert_eq!(verify(&first.body), None);
    Selarti.decode(&Webhook { content_type: None, body: &first.body })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_halt_nothing(body in prop::collection::vec(any::<u8>(), 0..200)) {
        ask_everything(&body);
    }

    #[test]
    fn damaged_documents_halt_nothing(body in damaged()) {
        ask_everything(&body);
    }

    #[test]
    fn what_a_client_says_comes_back_in_the_same_words_under_our_id(chat in "[A-Za-z0-9_-]{1,64}", text in "\\PC{0,40}[^\\s\\pC]") {
        let echo = echo(&chat, &text);
        prop_assert!(echo.remarks.is_empty(), "{:?}", echo.remarks);
        let Some(Fact::MessageReceived(message)) = echo.facts.first() else { panic!("{echo:?}") };
        prop_assert_eq!(message.conversation.ours.as_ref().map(ConversationId::as_str), Some(&*chat));
        prop_assert_eq!(message.content.text.as_deref(), Some(&*text));
    }

    #[test]
    fn any_value_anywhere_loses_only_itself(body in replaced()) {
        ask_everything(&body);
        let decoded = Selarti.decode(&Webhook { content_type: None, body: &body });
        prop_assert!(!decoded.facts.is_empty(), "a webhook has two names of its dialogue, and both cannot be lost");
    }
}
