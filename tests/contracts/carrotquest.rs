//! Carrot quest's documented pairs, in `fixtures/contracts/carrotquest/`; its README says what lies where.

use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;
use std::time::Duration;

use chatledger_connectors::carrotquest::CarrotQuest;
use chatledger_connectors::connector::{
    Connection, Connector, Decoded, InboundRequest, Known, Reply, Secret, Secrets, Webhook,
};
use chatledger_projections::bytes::Bytes;
use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::Fact;
use chatledger_projections::ids::{ConnectionName, ConversationId, MessageId};
use chatledger_projections::intent::Intent;
use chatledger_projections::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{assert_becomes, assert_snapshot, cases, fixtures, written};

const PLATFORM: &str = "carrotquest";

/// Our calls, and one that we never make.
const CALLS: [&str; 9] = [
    "reply",
    "set_typing",
    "first_message",
    "users",
    "users_conversations",
    "conversation",
    "conversations",
    "parts",
    "another",
];

const FOLDERS: [&str; 7] = ["decode", "encode", "probes", "replies", "judgements", "polls", "unmade"];

/// The token of every sample.
const TOKEN: &str = "cq-webhook-token-example";

fn documents(folder: &str) -> Vec<(String, Value)> {
    let read = |name: &str, body: &[u8]| serde_json::from_slice(body).unwrap_or_else(|error| panic!("{name}: {error}"));
    cases(&fixtures(PLATFORM, folder)).into_iter().map(|(name, body)| (name.clone(), read(&name, &body))).collect()
}

fn account(settings: &Value) -> Box<dyn Connection> {
    CarrotQuest.connect(&ConnectionName::new("carrot.site"), settings).expect("the case's settings are right")
}

fn secrets() -> Secrets {
    let mut secrets = Secrets::default();
    secrets.insert("webhook_token", Secret::new(TOKEN));
    secrets
}

fn intent(case: &Value) -> Intent {
    serde_json::from_value(case["intent"].clone()).expect("the case holds an intent")
}

fn known(case: &Value) -> Known {
    let known = &case["known"];
    let accounted = known["accounted"].as_array().into_iter().flatten();
    Known {
        conversation: known["conversation"].as_str().map(ConversationId::new),
        accounted: accounted.filter_map(Value::as_str).map(MessageId::new).collect(),
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

/// A sample as it went over the wire: exact bytes, the form of a webhook's fields, or the document itself.
fn on_the_wire(sample: &Value) -> Vec<u8> {
    if let Some(bytes) = sample["raw_body"].as_str() {
        return bytes.as_bytes().to_vec();
    }
    if sample.get("token").is_none() {
        return sample.to_string().into_bytes();
    }
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (key, value) in sample.as_object().into_iter().flatten() {
        form.append_pair(key, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    form.finish().into_bytes()
}

/// What is recorded of a document: a webhook goes through the door, everything else we asked for ourselves.
fn recorded(sample: &Value) -> Vec<u8> {
    let came = on_the_wire(sample);
    if !String::from_utf8_lossy(&came).contains(TOKEN) {
        return came;
    }
    let request = InboundRequest { method: "POST", tail: "", query: "", headers: &[], body: &came };
    let verified = account(&json!({})).verify(&request, &secrets()).expect("the sample bears its token");
    verified.body(came)
}

fn decode(body: &[u8]) -> Decoded {
    CarrotQuest.decode(&Webhook { content_type: None, body })
}

#[test]
fn every_sample_has_its_pairs_and_every_pair_is_told_of() {
    let readme = fs::read_to_string(fixtures(PLATFORM, "README.md")).expect("the README can be read");
    let mut told = BTreeSet::new();
    let mut samples = 0;
    for row in readme.lines().filter(|row| row.starts_with("| `") && row.contains(".json` |")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let sample = cells[1].trim_matches('`');
        let pairs: Vec<&str> = cells[2].split(',').map(|pair| pair.trim().trim_matches('`')).collect();
        assert!(pairs.iter().all(|pair| !pair.is_empty()), "{sample} has no pair");
        for pair in pairs {
            assert!(fixtures(PLATFORM, pair).is_file(), "{sample}: there is no {pair}");
            told.insert(pair.to_owned());
        }
        samples += 1;
    }
    assert_eq!(samples, 67, "as many samples as the vendor's traffic holds");
    for folder in FOLDERS {
        for (name, _) in documents(folder) {
            let pair = format!("{folder}/{name}.json");
            let is_of_our_making = name.starts_with("constructed-") || matches!(folder, "judgements" | "probes");
            assert!(told.contains(&pair) || is_of_our_making, "no sample is said to belong to {pair}");
        }
    }
}

#[test]
fn documents_mean_what_stands_beside_them() {
    let folder = fixtures(PLATFORM, "decode");
    for (name, sample) in documents("decode") {
        assert_snapshot(&folder, &name, &decode(&recorded(&sample)));
    }
}

#[test]
fn no_token_is_recorded_and_a_wrong_one_is_turned_away() {
    let mut webhooks = 0;
    for (name, sample) in documents("decode") {
        let came = on_the_wire(&sample);
        if !String::from_utf8_lossy(&came).contains(TOKEN) {
            continue;
        }
        webhooks += 1;
        let recorded = recorded(&sample);
        assert!(!String::from_utf8_lossy(&recorded).contains(TOKEN), "{name}");
        assert_eq!(recorded.len() + TOKEN.len(), came.len(), "{name}: nothing but the token is missing");
        let forged = String::from_utf8_lossy(&came).replace(TOKEN, "cq-webhook-token-exampld");
        let request = InboundRequest { method: "POST", tail: "", query: "", headers: &[], body: forged.as_bytes() };
        assert!(account(&json!({})).verify(&request, &secrets()).is_err(), "{name}");
        assert_eq!(decode(&recorded), decode(&came), "{name}: the token means nothing to the reader");
    }
    assert!(webhooks > 15, "most of the samples are webhooks");
}

#[test]
fn notes_are_never_messages() {
    for (name, sample) in documents("decode") {
        if !name.contains("note") {
            continue;
        }
        let facts = decode(&recorded(&sample)).facts;
        let is_note = facts.iter().all(|fact| matches!(fact, Fact::NoteWritten(_)));
        assert!(is_note && !facts.is_empty(), "{name}: {facts:?}");
    }
}

#[test]
fn the_echo_of_a_reply_bears_the_name_that_its_answer_gave() {
    let of = |folder: &str, name: &str| {
        documents(folder).into_iter().find(|(known, _)| known == name).expect("there is such a case").1
    };
    let heard = decode(&recorded(&of("decode", "inbound-chat-own-api-echo"))).facts;
    let learnt = CarrotQuest.learn("reply", &reply(&of("replies", "reply-as-admin"))).facts;
    let ([Fact::MessageSent(echo)], [Fact::SendAcknowledged(acknowledged)]) = (&heard[..], &learnt[..]) else {
        panic!("{heard:?} {learnt:?}");
    };
    assert_eq!(echo.message, acknowledged.message);
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
fn what_is_never_asked_for_says_why() {
    let made: BTreeSet<String> =
        documents("encode").iter().filter_map(|(_, case)| Some(path_of(case["request"]["path"].as_str()?))).collect();
    for (name, case) in documents("unmade") {
        assert!(case["why"].as_str().is_some_and(|why| !why.is_empty()), "{name}");
        let request = &case["request"];
        let path = path_of(request["url"].as_str().expect("a sample has an address"));
        let is_note = request["body"]["type"] == "note";
        assert!(is_note || !made.contains(&path), "{name}: {path} is asked for after all");
    }
}

/// A path without its version, its query and its numbers.
fn path_of(url: &str) -> String {
    let path = url.split('?').next().unwrap_or_default().trim_start_matches("https://api.carrotquest.io");
    let parts = path.split('/').filter(|part| !part.is_empty()).skip(1);
    parts
        .map(|part| if part.bytes().all(|byte| byte.is_ascii_digit()) { "…" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

#[test]
fn replies_prove_and_teach_what_stands_with_them() {
    let account = account(&json!({}));
    for (name, case) in documents("replies") {
        let call = case["call"].as_str().expect("a case names its call");
        let reply = reply(&case);
        let (now, tried_for) = (Timestamp::from_millis(0), Duration::from_secs(3600));
        let outcome = account.classify(call, Reply::Answered(&reply), now, tried_for);
        let learnt = CarrotQuest.learn(call, &reply);
        assert_eq!(
            json!({ "outcome": outcome, "facts": learnt.facts }),
            json!({ "outcome": case["outcome"], "facts": case["facts"] }),
            "{name}"
        );
        assert!(learnt.remarks.iter().all(|_| name.contains("html")), "{name}: {:?}", learnt.remarks);
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

#[test]
fn answers_to_the_questions_for_news_bring_what_stands_beside_them() {
    let folder = fixtures(PLATFORM, "polls");
    for (name, case) in documents("polls") {
        let account = account(&case["settings"]);
        let mut polling = account.poll(case["through"].as_str()).expect("the case's account is polled");
        let now = Timestamp::from_millis(case["now"].as_i64().expect("a case names its moment"));
        let mut told = Vec::new();
        for answer in case["answers"].as_array().expect("a case holds answers") {
            let call = polling.ask(now).or_else(|| polling.ask(now)).expect("there is always a next round");
            assert!(account.limits().iter().any(|limit| limit.class == call.class), "{name}: {} is free", call.class);
            assert_eq!(account.class_of_call(call.name), Some(call.class), "{name}: {} is not recalled", call.name);
            let asked = written(&call.request);
            let reply = reply(&json!({ "reply": answer }));
            told.push(match polling.take(call.name, Reply::Answered(&reply), now) {
                Ok(news) => {
                    let bodies = news.documents.into_iter().map(|document| {
                        serde_json::from_slice::<Value>(&document.into_body()).expect("documents of a list are JSON")
                    });
                    json!({ "asked": asked, "documents": bodies.collect::<Vec<_>>(), "through": news.through })
                }
                Err(setback) => json!({
                    "asked": asked, "setback": setback.reason, "until": setback.until,
                    "needs_person": setback.needs_person,
                }),
            });
        }
        assert_snapshot(&folder, &name, &told);
    }
}

/// Everything that came, as it is recorded.
static BODIES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let documents_read = documents("decode").into_iter().map(|(_, sample)| recorded(&sample));
    let replies = documents("replies").into_iter().chain(documents("judgements")).map(|(_, case)| reply(&case).body.0);
    documents_read.chain(replies).collect()
});

/// A body of the fixtures with a few bytes changed, removed or repeated.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 0..6);
    (prop::sample::select(&BODIES[..]), changes).prop_map(|(mut body, changes)| {
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

/// Any JSON of a small size.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "<[a-z/& ='\"#;]{0,16}>.{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_$]{1,10}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Puts another value into one place of a document, counted in its own order.
fn replace(document: &mut Value, place: &mut usize, by: &Value) {
    if *place == 0 {
        *document = by.clone();
    }
    *place = place.wrapping_sub(1);
    match document {
        Value::Object(entries) => entries.values_mut().for_each(|inner| replace(inner, place, by)),
        Value::Array(elements) => elements.iter_mut().for_each(|inner| replace(inner, place, by)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An intent that may be in doubt, and one that never is.
static INTENTS: LazyLock<Vec<Intent>> = LazyLock::new(|| {
    let cases = documents("judgements").into_iter().take(1).chain(documents("encode"));
    cases.map(|(_, case)| intent(&case)).collect()
});

/// Asks every question that takes foreign bytes. None may panic, and none may pass anything over in silence.
fn ask_everything(body: &[u8]) {
    let polled = account(&json!({ "transport": "polling", "poll_since": "2020-01-01T00:00:00Z" }));
    for steps in 1..4 {
        let mut polling = polled.poll(None).expect("it is polled");
        for _ in 0..steps {
            let Some(call) = polling.ask(Timestamp::from_millis(0)) else { break };
            let reply = RecordedReply { status: 200, headers: Vec::new(), body: Bytes(body.to_vec()), cut: false };
            // Whether it is an answer is another question.
            let _ = polling.take(call.name, Reply::Answered(&reply), Timestamp::from_millis(0));
        }
    }
    let account = account(&json!({}));
    let request = InboundRequest { method: "POST", tail: "", query: "", headers: &[("content-type", body)], body };
    // Whether it is let in is another question; the recorded samples have no token.
    let _ = account.verify(&request, &secrets());
    let decoded = decode(body);
    assert!(!decoded.facts.is_empty() || !decoded.remarks.is_empty(), "a document passed unheard");
    for status in [200, 400, 401, 404, 429, 500] {
        let headers = vec![("retry-after".to_owned(), String::from_utf8_lossy(body).into_owned())];
        let reply = RecordedReply { status, headers, body: Bytes(body.to_vec()), cut: false };
        for call in CALLS {
            account.classify(call, Reply::Answered(&reply), Timestamp::from_millis(0), Duration::from_secs(3600));
            CarrotQuest.learn(call, &reply);
        }
        for intent in INTENTS.iter() {
            account.judge(intent, &Known::default(), "parts", Reply::Answered(&reply), Timestamp::from_millis(0));
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
    fn arbitrary_documents_halt_nothing(document in any_json()) {
        ask_everything(document.to_string().as_bytes());
    }

    #[test]
    fn damaged_documents_halt_nothing(body in mutated()) {
        ask_everything(&body);
    }

    #[test]
    fn changed_samples_halt_nothing(sample in any::<prop::sample::Index>(), place in 0..60_usize, by in any_json()) {
        let samples = documents("decode");
        let (_, mut sample) = samples[sample.index(samples.len())].clone();
        replace(&mut sample, &mut place.clone(), &by);
        ask_everything(&on_the_wire(&sample));
    }

    #[test]
    fn whatever_bears_the_token_is_let_in_and_recorded_without_it(
        rest in prop::collection::vec(any::<u8>(), 0..80).prop_filter("a token of its own", |rest| !rest.starts_with(b"{")),
    ) {
        let mut body = format!("token={TOKEN}&").into_bytes();
        body.extend(rest);
        let request = InboundRequest { method: "POST", tail: "", query: "", headers: &[], body: &body };
        let verified = account(&json!({})).verify(&request, &secrets()).expect("it bears the token");
        let recorded = verified.body(body.clone());
        prop_assert_eq!(&recorded[..7], b"token=&");
    }
}
