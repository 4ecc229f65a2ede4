//! amoCRM's pairs: hooks and their facts, intents and their requests, replies and their outcomes, signatures.

use chatledger_connectors::amocrm::AmoCrm;
use chatledger_connectors::connector::{
    Connection, Connector, InboundRequest, Rejection, Reply, Request, Secret, Secrets, Webhook,
};
use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::Fact;
use chatledger_projections::ids::ConnectionName;
use chatledger_projections::intent::Intent;
use chatledger_projections::outcome::Outcome;
use chatledger_projections::time::Timestamp;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{assert_snapshot, cases, fixtures};

const PLATFORM: &str = "amocrm";

/// When the replies of the pairs came.
const NOW: Timestamp = Timestamp::from_millis(1_639_660_529_000);

fn connect(settings: &Value) -> Box<dyn Connection> {
    AmoCrm.connect(&ConnectionName::new("amo.main"), settings).expect("the case has good settings")
}

fn with_secret(secret: &str) -> Secrets {
    let mut secrets = Secrets::default();
    secrets.insert("channel_secret", Secret::new(secret));
    secrets
}

fn parse<'a, T: Deserialize<'a>>(name: &str, bytes: &'a [u8]) -> T {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn every_hook_means_what_its_snapshot_says() {
    let folder = fixtures(PLATFORM, "decode");
    for (name, body) in cases(&folder) {
        assert_snapshot(&folder, &name, &AmoCrm.decode(&Webhook { content_type: None, body: &body }));
    }
}

/// An intent and the request that it becomes.
#[derive(Deserialize)]
struct Encoded {
    settings: Value,
    intent: Intent,
    now: Timestamp,
    #[serde(default)]
    secret: String,
    request: Expected,
}

#[derive(Deserialize)]
struct Expected {
    method: String,
    path: String,
    body: Value,
    #[serde(default)]
    headers: Option<Value>,
}

#[test]
fn every_intent_becomes_its_documented_request() {
    for (name, bytes) in cases(&fixtures(PLATFORM, "encode")) {
        let case: Encoded = parse(&name, &bytes);
        let connection = connect(&case.settings);
        let call = connection.encode(&case.intent).unwrap_or_else(|reason| panic!("{name}: {reason}"));
        assert_eq!((call.request.method, &call.request.path), (&*case.request.method, &case.request.path), "{name}");
        assert_eq!(parse::<Value>(&name, &call.request.body), case.request.body, "{name}");
        assert!(call.request.query.is_empty(), "{name}");
        if let Some(headers) = case.request.headers {
            let signed = connection.authorise(call.request, &with_secret(&case.secret), case.now);
            assert_eq!(headers_of(&signed), headers, "{name}");
        }
    }
}

fn headers_of(request: &Request) -> Value {
    request.headers.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.clone()))).collect()
}

/// A reply and what it proves.
#[derive(Deserialize)]
struct Answered {
    call: String,
    reply: RecordedReply,
    outcome: Outcome,
    facts: Vec<Fact>,
}

#[test]
fn every_reply_proves_what_is_documented() {
    let connection = connect(&json!({"scope_id": "c_a", "bot_id": "b"}));
    for (name, bytes) in cases(&fixtures(PLATFORM, "replies")) {
        let case: Answered = parse(&name, &bytes);
        assert_eq!(
            connection.classify(&case.call, Reply::Answered(&case.reply), NOW, std::time::Duration::from_secs(10)),
            case.outcome,
            "{name}"
        );
        assert_eq!(AmoCrm.learn(&case.call, &case.reply).facts, case.facts, "{name}");
    }
}

/// A wish to be connected or not, the request that it becomes, and what the answer tells.
#[derive(Deserialize)]
struct Administered {
    settings: Value,
    wish: String,
    request: Expected,
    reply: RecordedReply,
    learnt: Value,
    oddities: usize,
    facts: Vec<Fact>,
}

#[test]
fn connecting_and_disconnecting_are_asked_and_answered_as_documented() {
    for (name, bytes) in cases(&fixtures(PLATFORM, "administration")) {
        let case: Administered = parse(&name, &bytes);
        let connection = connect(&case.settings);
        let administration = connection.administration().expect("amo is connected by a call");
        let call = match case.wish.as_str() {
            "join" => administration.join(),
            "part" => administration.part(),
            other => panic!("{name}: {other} is no wish"),
        };
        assert_eq!((call.request.method, &call.request.path), (&*case.request.method, &case.request.path), "{name}");
        assert_eq!(parse::<Value>(&name, &call.request.body), case.request.body, "{name}");
        let joined = administration.joined(&call, &case.reply, NOW);
        let learnt = joined
            .settings
            .iter()
            .map(|learnt| json!({"key": learnt.key, "value": learnt.value, "is_configured": learnt.is_configured}));
        assert_eq!(Value::from_iter(learnt), case.learnt, "{name}");
        assert_eq!(joined.oddities.len(), case.oddities, "{name}: {:?}", joined.oddities);
        let decoded = AmoCrm.decode(&Webhook { content_type: None, body: &joined.document.body });
        assert_eq!((decoded.facts, decoded.remarks), (case.facts, vec![]), "{name}");
    }
}

/// The signature vectors, most of them printed by the official documentation.
#[derive(Deserialize)]
struct Vectors {
    secret_requests: String,
    requests: Vec<RequestVector>,
    secret_webhooks: String,
    webhooks: Vec<WebhookVector>,
}

#[derive(Deserialize)]
struct RequestVector {
    name: String,
    method: String,
    path: String,
    date: String,
    content_type: String,
    body: String,
    content_md5: String,
    x_signature: String,
}

#[derive(Deserialize)]
struct WebhookVector {
    name: String,
    body: String,
    x_signature: String,
}

const SCOPE: &str = "344a5002-f8ca-454d-af3d-396180102ac7_52e591f7-c98f-4255-8495-827210138c81";

fn vectors() -> Vectors {
    let mut cases = cases(&fixtures(PLATFORM, "verify"));
    let (name, bytes) = cases.remove(0);
    parse(&name, &bytes)
}

#[test]
fn every_documented_request_is_signed_as_documented() {
    let vectors = vectors();
    let connection = connect(&json!({"scope_id": SCOPE, "bot_id": "b"}));
    let moments = [
        ("Wed, 15 Dec 2021 23:12:55 +0000", 1_639_609_975),
        ("Wed, 15 Dec 2021 23:59:28 +0000", 1_639_612_768),
        ("Thu, 16 Dec 2021 13:15:29 +0000", 1_639_660_529),
        ("Thu, 16 Dec 2021 16:01:21 +0000", 1_639_670_481),
        ("Thu, 16 Dec 2021 12:58:40 +0000", 1_639_659_520),
        ("Thu, 16 Dec 2021 16:30:00 +0000", 1_639_672_200),
    ];
    for vector in vectors.requests {
        let (_, seconds) = moments.iter().find(|(date, _)| *date == vector.date).expect("a known moment");
        let method = ["POST", "GET", "DELETE"].into_iter().find(|known| *known == vector.method).expect("a method");
        let mut request = Request::bare(method, vector.path, vec![("limit".to_owned(), "50".to_owned())]);
        request.body = vector.body.into_bytes();
        let now = Timestamp::from_seconds(*seconds).expect("a moment");
        let signed = connection.authorise(request, &with_secret(&vectors.secret_requests), now);
        let expected = json!({
            "date": vector.date, "content-type": vector.content_type, "content-md5": vector.content_md5,
            "x-signature": vector.x_signature,
        });
        assert_eq!(headers_of(&signed), expected, "{}", vector.name);
    }
}

#[test]
fn every_documented_hook_is_let_in_and_none_with_another_signature() {
    let vectors = vectors();
    let connection = connect(&json!({"scope_id": SCOPE, "bot_id": "b"}));
    let secrets = with_secret(&vectors.secret_webhooks);
    let mut ids = std::collections::BTreeSet::new();
    for vector in &vectors.webhooks {
        let verdict = |signature: &str| {
            let headers: [(&str, &[u8]); 2] =
                [("content-type", b"application/json"), ("x-signature", signature.as_bytes())];
            let body = vector.body.as_bytes();
            let request = InboundRequest { method: "POST", tail: SCOPE, query: "", headers: &headers, body };
            connection.verify(&request, &secrets)
        };
        let verified = verdict(&vector.x_signature).unwrap_or_else(|why| panic!("{}: {why}", vector.name));
        assert_eq!(verdict(&vector.x_signature.to_uppercase()).as_ref(), Ok(&verified), "{}", vector.name);
        ids.insert(verified.id());
        let headers = verified.into_headers();
        assert_eq!(headers, [("content-type".to_owned(), "application/json".to_owned())], "{}", vector.name);
        assert_eq!(verdict(&"0".repeat(40)), Err(Rejection::Forged), "{}", vector.name);
    }
    assert_eq!(
        ids.len(),
        2,
        "all but one are the same delivery: they differ in white space and in what of it was signed"
    );
}

/// Any JSON of a small size.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,10}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
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

/// Reads bytes in every way that foreign bytes are read; something must always be said about a hook.
fn read_in_every_way(bytes: &[u8]) {
    let decoded = AmoCrm.decode(&Webhook { content_type: None, body: bytes });
    assert!(!(decoded.facts.is_empty() && decoded.remarks.is_empty()), "a hook passed unheard");
    let connection = connect(&json!({"scope_id": SCOPE, "bot_id": "b"}));
    let headers: [(&str, &[u8]); 1] = [("x-signature", bytes)];
    let request = InboundRequest { method: "POST", tail: SCOPE, query: "", headers: &headers, body: bytes };
    assert!(connection.verify(&request, &with_secret("s")).is_err());
    for status in [200, 400, 403, 429, 502] {
        let reply = RecordedReply {
            status,
            headers: vec![("retry-after".to_owned(), String::from_utf8_lossy(bytes).into_owned())],
            body: chatledger_projections::bytes::Bytes(bytes.to_vec()),
            cut: false,
        };
        for call in ["new_message", "delivery_status", "another"] {
            AmoCrm.learn(call, &reply);
            connection.classify(call, Reply::Answered(&reply), NOW, std::time::Duration::from_secs(10));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_in_every_way(&bytes);
    }

    #[test]
    fn arbitrary_documents_are_survived(document in any_json()) {
        read_in_every_way(document.to_string().as_bytes());
    }

    #[test]
    fn changed_samples_are_survived(sample in any::<prop::sample::Index>(), place in 0..40_usize, by in any_json()) {
        let samples = cases(&fixtures(PLATFORM, "decode"));
        let (name, bytes) = &samples[sample.index(samples.len())];
        let mut document: Value = parse(name, bytes);
        replace(&mut document, &mut place.clone(), &by);
        read_in_every_way(document.to_string().as_bytes());
    }

    #[test]
    fn cut_and_scratched_samples_are_survived(
        sample in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(), scratch in any::<u8>(),
    ) {
        let samples = cases(&fixtures(PLATFORM, "decode"));
        let (_, bytes) = &samples[sample.index(samples.len())];
        let at = cut.index(bytes.len());
        read_in_every_way(&bytes[..at]);
        let mut scratched = bytes.clone();
        scratched[at] = scratch;
        read_in_every_way(&scratched);
    }
}
