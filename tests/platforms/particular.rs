//! What only one platform has: every error code, call, type of part, way and parameter that its contract names.

use std::collections::BTreeSet;

use chatledger_connectors::connector::{Connector, Decoded, Webhook};
use chatledger_connectors::{carrotquest, pact};
use chatledger_projections::fact::{DeliveryState, Failure, FailureKind, RemarkKind};
use chatledger_projections::ids::MessageId;
use chatledger_projections::intent::{Intent, ReportDelivery};
use serde_json::{Value, json};

use crate::shown::calls_of;
use crate::{Column, pairs, table};

pub const ABOUT_AMO: &str = "What amoCRM is told when a message of its manager does not reach the client.";

pub const ABOUT_PACT: &str = "Each call of both generations that the contract names; *bridge* means that an intent, a file of one, or a \
question after one becomes it (in WhatsApp), *command* that a person has it made (`chatledger pact --help`).";

pub const ABOUT_PARTS: &str = "What a message part of this type means when a webhook brings it. A type that is not here is remarked, and nothing \
follows from it.";

pub const ABOUT_WAYS: &str = "A way never decides what becomes of a part, for it may lie; but it may contradict the type, which is remarked. Shown for the \
client's and for an operator's reply.";

pub const ABOUT_SELARTI: &str = "What of a message of the assistant changes when the parameter is another, and whether one for another account is let in.";

pub fn amo_errors(columns: &[Column]) -> String {
    let amo = columns.iter().find(|column| column.connector.platform() == "amocrm").expect("amoCRM has a column");
    let kinds = [
        (FailureKind::ConversationDeleted, "the client deleted the conversation"),
        (FailureKind::ConnectionOff, "the connection is switched off or not paid for"),
        (FailureKind::Internal, "something broke on the way"),
        (FailureKind::CannotOpen, "no conversation can be opened, as with an unknown number"),
        (FailureKind::TooLong, "it is too long for the messenger, in pieces, too"),
        (FailureKind::Other, "anything else"),
    ];
    let row = |(kind, means): (FailureKind, &str)| {
        let failure = Some(Failure { kind, reason: "…".to_owned() });
        let report = ReportDelivery { message: MessageId::new("a-1"), state: DeliveryState::Failed, failure };
        let call = amo.account().encode(&Intent::ReportDelivery(report)).expect("amoCRM takes reports");
        let body: Value = serde_json::from_slice(&call.request.body).expect("we write JSON");
        vec![means.to_owned(), body["error_code"].to_string(), body["status_code"].to_string()]
    };
    table(&["Failure", "`error_code`", "`status_code`"], &kinds.into_iter().map(row).collect::<Vec<_>>())
}

pub fn pact_calls(columns: &[Column]) -> String {
    let pacts: Vec<&Column> = columns.iter().filter(|column| column.connector.platform() == "pact").collect();
    let bridge: BTreeSet<&str> = pacts.iter().flat_map(|column| calls_of(&*column.account())).collect();
    let row = |call: pact::CallFacts| {
        vec![
            format!("`{}`", call.name),
            call.class.to_owned(),
            if call.is_told_by_repetition { "not without a look" } else { "without harm" }.to_owned(),
            if bridge.contains(call.name) { "bridge, command" } else { "command" }.to_owned(),
        ]
    };
    let rows: Vec<_> = pact::calls().map(row).collect();
    table(&["Call", "Quota", "A second try", "Used by"], &rows)
}

/// The fields of a webhook as the form in which it is recorded, without its proof.
pub fn form(document: &Value) -> Vec<u8> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (key, value) in document.as_object().into_iter().flatten().filter(|(key, _)| *key != "token") {
        form.append_pair(key, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    form.finish().into_bytes()
}

/// What facts and remarks there are, in words.
fn said(decoded: &Decoded) -> String {
    let name = |fact: &chatledger_projections::fact::Fact| {
        serde_json::to_value(fact).expect("facts can be written")["fact"].as_str().unwrap_or_default().to_owned()
    };
    let facts = decoded.facts.iter().map(name);
    let remarks = decoded.remarks.iter().map(|remark| {
        let label = remark.remark.label();
        if remark.found.is_empty() { format!("remark {label}") } else { format!("remark {label}: {}", remark.found) }
    });
    let all: Vec<String> = facts.chain(remarks).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join("; ") }
}

/// What the documented webhook of a client's reply means with a part of another type, sent in another way.
fn part(kind: &str, way: &str) -> String {
    let (_, sample) = pairs("carrotquest", "decode")
        .into_iter()
        .find(|(name, _)| name == "inbound-chat-user-reply")
        .expect("a client's reply is documented");
    let mut webhook: Value = serde_json::from_slice(&sample).expect("it is JSON");
    let changed = change(&mut webhook, kind, way);
    assert!(changed, "the sample has a part with a type and a way");
    let decoded = carrotquest::CarrotQuest.decode(&Webhook { content_type: None, body: &form(&webhook) });
    let unread = decoded.remarks.iter().any(|remark| remark.remark == RemarkKind::Unreadable);
    assert!(!unread, "the changed sample is still a webhook");
    said(&decoded)
}

/// Gives the part in a document another type and way, wherever it stands.
fn change(document: &mut Value, kind: &str, way: &str) -> bool {
    match document {
        Value::Object(object) if object.contains_key("sent_via") => {
            object.insert("type".to_owned(), json!(kind));
            object.insert("sent_via".to_owned(), json!(way));
            true
        }
        Value::Object(object) => object.values_mut().map(|inner| change(inner, kind, way)).fold(false, |a, b| a | b),
        Value::Array(list) => list.iter_mut().map(|inner| change(inner, kind, way)).fold(false, |a, b| a | b),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

pub fn carrot_parts() -> String {
    let way = |kind: &str| if kind == "reply_user" { "web_user" } else { "web_panel" };
    let kinds = carrotquest::part_types().chain(["a_new_type"]);
    table(&["`type`", "Means"], &kinds.map(|kind| vec![format!("`{kind}`"), part(kind, way(kind))]).collect::<Vec<_>>())
}

pub fn carrot_ways() -> String {
    let ways = carrotquest::ways().chain(["telegram"]);
    let row = |way: &str| vec![format!("`{way}`"), part("reply_user", way), part("reply_admin", way)];
    table(&["`sent_via`", "`reply_user`", "`reply_admin`"], &ways.map(row).collect::<Vec<_>>())
}

pub fn selarti_parameters() -> String {
    let (_, body) = pairs("selarti", "decode")
        .into_iter()
        .find(|(name, _)| name == "seed-all-fields")
        .expect("the owner's sample has all parameters");
    let whole: Value = serde_json::from_slice(&body).expect("it is JSON");
    let selarti = chatledger_connectors::named("selarti").expect("it is one of the platforms");
    let settings = json!({
        "task_id": whole["task_id"], "company_id": whole["company_id"], "channel_id": whole["channel_id"],
    });
    let name = chatledger_projections::ids::ConnectionName::new("selarti.example");
    let account = selarti.connect(&name, &settings).expect("the page's own settings are right");
    let secret = "a-secret-of-sixteen-signs";
    let mut secrets = chatledger_connectors::connector::Secrets::default();
    secrets.insert("webhook_secret", chatledger_connectors::connector::Secret::new(secret));
    let is_let_in = |document: &Value| {
        let body = document.to_string().into_bytes();
        let headers: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
        let request = chatledger_connectors::connector::InboundRequest {
            method: "POST",
            tail: secret,
            query: "",
            headers: &headers,
            body: &body,
        };
        account.verify(&request, &secrets).is_ok()
    };
    assert!(is_let_in(&whole), "the sample itself is let in");
    let decode = |document: &Value| {
        let body = document.to_string().into_bytes();
        json!(selarti.decode(&Webhook { content_type: None, body: &body }))
    };
    let row = |key: &String| {
        // Of what is empty or false, another value shows what it changes.
        let mut other = whole.clone();
        match &whole[key] {
            Value::Bool(flag) => other[key] = json!(!flag),
            Value::Object(inner) => {
                other[key] = inner.keys().map(|key| (key.clone(), json!("79135292926"))).collect();
            }
            Value::String(_) if key == "message_type" => other[key] = json!("user"),
            Value::String(text) => other[key] = json!(format!("{text}0")),
            Value::Null | Value::Number(_) | Value::Array(_) => {}
        }
        let mut changed = BTreeSet::new();
        differences(&decode(&whole), &decode(&other), "", &mut changed);
        let changes = match changed.len() {
            0 => "nothing: it is kept with the webhook".to_owned(),
            _ => changed.into_iter().collect::<Vec<_>>().join(", "),
        };
        let door = if is_let_in(&other) { "" } else { "no, if it is set in the account" };
        vec![format!("`{key}`"), changes, door.to_owned()]
    };
    let keys = whole.as_object().expect("it is an object").keys();
    table(&["Parameter", "Another value changes", "Let in with another"], &keys.map(row).collect::<Vec<_>>())
}

/// At which keys two documents differ.
fn differences(one: &Value, other: &Value, path: &str, found: &mut BTreeSet<String>) {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                differences(&one[key], &other[key], key, found);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                found.insert(format!("`{path}`"));
            }
            for (a, b) in a.iter().zip(b) {
                differences(a, b, path, found);
            }
        }
        (one, other) if one != other => drop(found.insert(format!("`{path}`"))),
        (_, _) => {}
    }
}
