//! What platforms send, and what somebody sends in their name: webhooks, replies, requests with and without proof.
//!
//! The connectors alone are needed for it.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use chatledger_connectors::connector::{Connection, Connector, InboundRequest, Known, Reply, Secret, Secrets, Webhook};
use chatledger_connectors::{ALL, named};
use chatledger_projections::bytes::Bytes;
use chatledger_projections::content::Content;
use chatledger_projections::event::RecordedReply;
use chatledger_projections::ids::{ConnectionName, ConversationId};
use chatledger_projections::intent::Intent;
use chatledger_projections::time::Timestamp;
use serde_json::{Value, json};

use super::targets::{Target, first_line};

/// Every target of this page.
pub const TARGETS: &[Target] = &[
    Target::new("amocrm-webhook", |input| webhook("amocrm", input)),
    Target::new("amocrm-reply", |input| reply("amocrm", input)),
    Target::new("amocrm-proof", |input| proof("amocrm", input)),
    Target::new("pact-webhook", |input| webhook("pact", input)),
    Target::new("pact-reply", |input| reply("pact", input)),
    Target::new("pact-proof", |input| proof("pact", input)),
    Target::new("selarti-webhook", |input| webhook("selarti", input)),
    Target::new("selarti-reply", |input| reply("selarti", input)),
    Target::new("selarti-proof", |input| proof("selarti", input)),
    Target::new("carrotquest-webhook", |input| webhook("carrotquest", input)),
    Target::new("carrotquest-reply", |input| reply("carrotquest", input)),
    Target::new("carrotquest-proof", |input| proof("carrotquest", input)),
    Target::new("settings", settings),
];

/// The secret of every account. Long and odd enough that only who was told it could come upon it.
pub const SECRET: &str = "kD83jf02mLq71xZa+secret/of every=account";

/// Up to where an account was asked for its news.
const MARK: &str = r#"{"from":1748612000000,"open":1748612900000,"closed":1748612900000}"#;

/// The body under which the one good signature among the seeds stands.
pub const SIGNED: &[u8] = br#"{"account_id":"a0","time":1,"message":{}}"#;

/// Settings with which an account of each platform opens.
pub fn account_settings(platform: &str) -> Value {
    match platform {
        "amocrm" => json!({"scope_id": "c0_a0", "bot_id": "b0"}),
        "pact" => json!({"company_id": 52204}),
        "selarti" => json!({"task_id": "1721129985149x478019552540622850"}),
        "carrotquest" => json!({"transport": "both"}),
        other => panic!("{other} has no settings here"),
    }
}

struct Account {
    connector: &'static dyn Connector,
    connection: Box<dyn Connection>,
    secrets: Secrets,
}

static ACCOUNTS: LazyLock<BTreeMap<&'static str, Account>> = LazyLock::new(|| {
    let open = |connector: &&'static dyn Connector| {
        let platform = connector.platform();
        let name = ConnectionName::new("account.main");
        let connection = connector.connect(&name, &account_settings(platform)).expect("the settings are good");
        let mut secrets = Secrets::default();
        for secret in connector.secrets() {
            secrets.insert(secret.key, Secret::new(SECRET));
        }
        (platform, Account { connector: *connector, connection, secrets })
    };
    ALL.iter().map(open).collect()
});

fn account(platform: &str) -> &'static Account {
    ACCOUNTS.get(platform).expect("every platform of a target is a connector")
}

/// A webhook: the first line is the content type, the rest the body.
fn webhook(platform: &str, input: &[u8]) {
    let (content_type, body) = first_line(input);
    let webhook = Webhook { content_type: Some(content_type).filter(|line| !line.is_empty()), body };
    let connector = account(platform).connector;
    let decoded = connector.decode(&webhook);
    assert_eq!(decoded, connector.decode(&webhook), "decoding twice gives the same");
    // What is read is shown and compared as JSON.
    serde_json::to_vec(&decoded).expect("what was read can be written");
}

/// A reply: the first line is the call and the status, the rest the body. It is read in every way in which replies are.
fn reply(platform: &str, input: &[u8]) {
    let (line, body) = first_line(input);
    let (call, status) = line.split_once(' ').unwrap_or((line, "200"));
    let headers =
        vec![("content-type".to_owned(), "application/json".to_owned()), ("retry-after".to_owned(), status.to_owned())];
    let status = status.parse().unwrap_or(200);
    let reply = RecordedReply { status, headers, body: Bytes(body.to_vec()), cut: status == 206 };
    let Account { connector, connection, secrets } = account(platform);
    let now = Timestamp::from_millis(1_767_225_600_000);

    let learnt = connector.learn(call, &reply);
    assert_eq!(learnt, connector.learn(call, &reply), "reading a reply twice gives the same");
    let answered = Reply::Answered(&reply);
    let outcome = connection.classify(call, answered, now, Duration::from_secs(60));
    serde_json::to_vec(&(learnt, outcome)).expect("what was read can be written");
    let _answer = connection.answer(call, &reply);
    let known = Known { conversation: Some(ConversationId::new("18650001")), ..Known::default() };
    for intent in &*INTENTS {
        let _judged = connection.judge(intent, &known, call, answered, now);
    }
    if let Some(mut polling) = connection.poll(Some(MARK)) {
        // The same answer to the list of dialogues, and to what was said in them.
        for _ in 0..4 {
            if polling.ask(now).is_none() {
                break;
            }
            let Ok(news) = polling.take(call, answered, now) else { break };
            for document in news.documents {
                let _decoded = connector.decode(&Webhook { content_type: None, body: &document.into_body() });
            }
        }
    }
    if let Some(history) = connection.history() {
        let conversation = ConversationId::new("8b1a1828-fc4a-4874-9469-15e0d847570f");
        let _page = history.read(&conversation, Some("50"), &reply);
    }
    if let Some(administration) = connection.administration() {
        let _joined = administration.joined(&administration.join(), &reply, now);
        let _parted = administration.joined(&administration.part(), &reply, now);
    }
    if let Some(sign_in) = connection.sign_in() {
        let _request = sign_in.request(secrets);
        let _pass = sign_in.pass(answered, now);
    }
}

/// Intents whose attempts are looked into.
static INTENTS: LazyLock<Vec<Intent>> = LazyLock::new(|| {
    let to = json!({"conversation": {"theirs": "18650001"}});
    let said = json!({"intent": "SendMessage", "to": to, "speaker": "manager", "author": {}, "client": {},
        "ours": "m-1", "written_at": 1_748_613_900_000_i64, "content": Content::text("Добрый день")});
    vec![serde_json::from_value(said).expect("it is an intent")]
});

/// A request to the ingress: method and tail, headers, an empty line, the body.
fn proof(platform: &str, input: &[u8]) {
    let (line, mut rest) = first_line(input);
    let (method, tail) = line.split_once(' ').unwrap_or((line, ""));
    let mut headers = Vec::new();
    loop {
        let (header, after) = first_line(rest);
        rest = after;
        let Some((name, value)) = header.split_once(": ") else { break };
        headers.push((name, value.as_bytes()));
    }
    let body = rest;
    let Account { connector, connection, secrets } = account(platform);
    let (tail, query) = tail.split_once('?').unwrap_or((tail, ""));
    let request = InboundRequest { method, tail, query, headers: &headers, body };
    let Ok(verified) = connection.verify(&request, secrets) else { return };
    let proven = match platform {
        "amocrm" => body.trim_ascii() == SIGNED,
        "pact" => tail == SECRET,
        "selarti" => tail == SECRET || contains(&percent_decoded(query.as_bytes()), SECRET.as_bytes()),
        // Its proof may be written in many ways in the body, which ones is its own matter.
        _ => true,
    };
    assert!(proven && (method == "POST" || connection.tells_by_get()), "it was let in without proof");
    let recorded = verified.body(body.to_vec());
    let headers = verified.into_headers();
    // Where the body bears the proof, nothing that is recorded may bear it, however it was written.
    if platform == "carrotquest" {
        let decoded = percent_decoded(&recorded);
        for text in [&recorded, &decoded] {
            assert!(!contains(text, SECRET.as_bytes()), "the proof would be recorded");
        }
        if let Ok(document) = serde_json::from_slice::<Value>(&recorded) {
            assert!(!names_secret(&document), "the proof would be recorded in another writing");
        }
    }
    let recorded_type = headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.as_str());
    let _decoded = connector.decode(&Webhook { content_type: recorded_type, body: &recorded });
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, others)) = rest.split_first() {
        let hex = others.get(..2).and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                rest = &others[2..];
            }
            (b'+', _) => {
                decoded.push(b' ');
                rest = others;
            }
            (other, _) => {
                decoded.push(*other);
                rest = others;
            }
        }
    }
    decoded
}

fn names_secret(document: &Value) -> bool {
    match document {
        Value::String(text) => text.contains(SECRET),
        Value::Array(items) => items.iter().any(names_secret),
        Value::Object(fields) => fields.iter().any(|(key, value)| key.contains(SECRET) || names_secret(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Settings as an old log or a hand-written configuration may hold them: the first line is the platform.
fn settings(input: &[u8]) {
    let (platform, document) = first_line(input);
    let (Some(connector), Ok(document)) = (named(platform), serde_json::from_slice::<Value>(document)) else { return };
    let Ok(connection) = connector.connect(&ConnectionName::new("account.main"), &document) else { return };
    // An account that opened can be asked everything.
    let _asked = (connection.traits(), connection.limits(), connection.base_url());
    for intent in &*INTENTS {
        let _call = connection.encode(intent);
        let _probe = connection.probe(intent, &Known::default());
    }
}
