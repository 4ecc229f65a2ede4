//! Pact's documented pairs, in `fixtures/contracts/pact/`.
//!
//! | Folder | A file is | Expected |
//! | --- | --- | --- |
//! | `decode` | a webhook's body, byte for byte | the snapshot beside it: facts and remarks |
//! | `sequences` | a time line of webhooks and requests | the snapshot beside it, a step after the other |
//! | `encode` | an intent | the request it becomes, or why it becomes none |
//! | `probes` | an intent in doubt and what is known of it | the request that asks |
//! | `replies` | a reply to a call | the outcome, and the facts that it teaches |
//! | `judgements` | the answer to a probe | the outcome, and the facts that go with it |

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use chatledger_connectors::connector::{
    Connection, Connector, Decoded, InboundRequest, Known, Reply, Secret, Secrets, Webhook,
};
use chatledger_connectors::pact::Pact;
use chatledger_projections::bytes::Bytes;
use chatledger_projections::event::RecordedReply;
use chatledger_projections::ids::{ConnectionName, ConversationId, MessageId};
use chatledger_projections::intent::Intent;
use chatledger_projections::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::assert_becomes;

const CALLS: [&str; 10] = [
    "send_v1",
    "send_v2",
    "first_message_v2",
    "open_v1",
    "conversation_v1",
    "conversation_v2",
    "list_messages_v1",
    "list_messages_v2",
    "search_conversations_v2",
    "delete_messages_v2",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/contracts/pact").join(name)
}

/// The cases of a folder with their names, in the order of the names.
fn cases(name: &str) -> Vec<(String, Vec<u8>)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder(name))
        .expect("the folder of fixtures exists")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json" || extension == "txt"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no cases in {name}");
    let named = |path: PathBuf| {
        let stem = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        (stem, fs::read(&path).expect("a fixture can be read"))
    };
    paths.into_iter().map(named).collect()
}

fn documents(name: &str) -> Vec<(String, Value)> {
    let read = |body: Vec<u8>| serde_json::from_slice(&body).expect("the case is JSON");
    cases(name).into_iter().map(|(name, body)| (name, read(body))).collect()
}

fn decode(body: &[u8]) -> Decoded {
    Pact.decode(&Webhook { content_type: Some("application/json"), body })
}

fn account(settings: &Value) -> Box<dyn Connection> {
    Pact.connect(&ConnectionName::new("pact.sales"), settings).expect("the case's settings are right")
}

fn intent(case: &Value) -> Intent {
    serde_json::from_value(case["intent"].clone()).expect("the case holds an intent")
}

fn known(case: &Value) -> Known {
    let known = &case["known"];
    Known {
        conversation: known["conversation"].as_str().map(ConversationId::new),
        accounted: known["accounted"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(MessageId::new)
            .collect(),
        heard: false,
        attempted_at: Timestamp::from_millis(known["attempted_at"].as_i64().unwrap_or_default()),
        refusal: None,
        page: known["page"].as_str().map(str::to_owned),
    }
}

fn reply(case: &Value) -> RecordedReply {
    let reply = &case["reply"];
    let headers = reply["headers"].as_object().into_iter().flatten();
    RecordedReply {
        status: reply["status"].as_u64().and_then(|status| status.try_into().ok()).expect("a reply has a status"),
        headers: headers.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect(),
        body: Bytes(match &reply["body"] {
            Value::String(text) => text.clone().into_bytes(),
            document => document.to_string().into_bytes(),
        }),
        cut: false,
    }
}

fn snapshot(folder_name: &str, name: &str, value: &Value) {
    insta::with_settings!({
        snapshot_path => folder(folder_name),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_json_snapshot!(name, value);
    });
}

#[test]
fn webhooks_mean_what_stands_beside_them() {
    for (name, body) in cases("decode") {
        snapshot("decode", &name, &json!(decode(&body)));
    }
}

#[test]
fn every_step_of_a_sequence_means_what_stands_beside_it() {
    for (name, sequence) in documents("sequences") {
        let steps = sequence["steps"].as_array().expect("a sequence has steps");
        let webhooks = steps.iter().filter(|step| step["kind"] == "webhook");
        let read =
            |step: &Value| json!({ "at_ms": step["at_ms"], "means": decode(step["body"].to_string().as_bytes()) });
        snapshot("sequences", &name, &webhooks.map(read).collect());
    }
}

#[test]
fn intents_become_their_requests() {
    for (name, case) in documents("encode") {
        let account = account(&case["settings"]);
        match account.encode(&intent(&case)) {
            Ok(call) => assert_becomes(&CALLS, &*account, &call, &case["request"], &name),
            Err(unencodable) => assert_eq!(json!(unencodable.reason), case["unencodable"], "{name}"),
        }
    }
}

#[test]
fn intents_in_doubt_become_their_questions() {
    for (name, case) in documents("probes") {
        let account = account(&case["settings"]);
        let call = account.probe(&intent(&case), &known(&case)).expect("there is something to ask");
        assert_becomes(&CALLS, &*account, &call, &case["request"], &name);
    }
}

#[test]
fn replies_prove_and_teach_what_stands_with_them() {
    let account = account(&json!({ "company_id": 1 }));
    for (name, case) in documents("replies") {
        let call = case["call"].as_str().expect("a case names its call");
        let reply = reply(&case);
        let outcome = account.classify(
            call,
            Reply::Answered(&reply),
            Timestamp::from_millis(0),
            std::time::Duration::from_secs(3600),
        );
        let learnt = Pact.learn(call, &reply);
        assert_eq!(
            json!({ "outcome": outcome, "facts": learnt.facts }),
            json!({ "outcome": case["outcome"], "facts": case["facts"] }),
            "{name}"
        );
        assert!(learnt.remarks.is_empty(), "{name}: {:?}", learnt.remarks);
    }
}

#[test]
fn answers_to_probes_are_judged_as_stands_with_them() {
    for (name, case) in documents("judgements") {
        let call = case["call"].as_str().expect("a case names its call");
        let now = Timestamp::from_millis(case["now"].as_i64().expect("a case names its moment"));
        let reply = reply(&case);
        let judged =
            account(&case["settings"]).judge(&intent(&case), &known(&case), call, Reply::Answered(&reply), now);
        assert_eq!(
            json!({ "outcome": judged.outcome, "facts": judged.facts, "page": judged.page }),
            json!({ "outcome": case["outcome"], "facts": case["facts"], "page": case["page"] }),
            "{name}"
        );
    }
}

/// A body of the fixtures with a few bytes changed, removed or repeated.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = cases("decode").into_iter().map(|(_, body)| body).collect();
    for (_, case) in documents("replies").into_iter().chain(documents("judgements")) {
        bodies.push(reply(&case).body.0);
    }
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 0..6);
    (prop::sample::select(bodies), changes).prop_map(|(mut body, changes)| {
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

/// An intent into a conversation, one to a number, and one that is never in doubt.
static INTENTS: LazyLock<Vec<Intent>> = LazyLock::new(|| {
    let of_case = |folder: &str, name: &str| {
        intent(&documents(folder).into_iter().find(|(known, _)| known == name).expect("there is such a case").1)
    };
    vec![
        of_case("judgements", "v2-found"),
        of_case("judgements", "v2-search-found"),
        of_case("encode", "v2-conversation-get"),
    ]
});

/// Asks every question that takes foreign bytes. None may panic.
fn ask_everything(body: &[u8]) {
    let account = account(&json!({ "company_id": 1 }));
    let mut secrets = Secrets::default();
    secrets.insert("webhook_secret", Secret::new("kD83jf02mLq71xZa"));
    let request = InboundRequest {
        method: "POST",
        tail: "kD83jf02mLq71xZa",
        query: "",
        headers: &[("content-type", body)],
        body,
    };
    account.verify(&request, &secrets).expect("everything at the secret address is let in");
    let decoded = decode(body);
    assert!(!decoded.facts.is_empty() || !decoded.remarks.is_empty(), "nothing is passed over in silence");
    for status in [200, 202, 400, 401, 404, 429, 500] {
        let reply = RecordedReply { status, headers: Vec::new(), body: Bytes(body.to_vec()), cut: false };
        for call in CALLS {
            account.classify(
                call,
                Reply::Answered(&reply),
                Timestamp::from_millis(0),
                std::time::Duration::from_secs(3600),
            );
            Pact.learn(call, &reply);
            for intent in INTENTS.iter() {
                account.judge(intent, &Known::default(), call, Reply::Answered(&reply), Timestamp::from_millis(0));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_halt_nothing(body in prop::collection::vec(any::<u8>(), 0..200)) {
        ask_everything(&body);
    }

    #[test]
    fn damaged_documents_halt_nothing(body in mutated()) {
        ask_everything(&body);
    }
}
