//! What a simulated Carrot quest writes: answers in their envelope, parts, conversations, webhooks.

use chatledger_projections::time::Timestamp;
use serde_json::{Value, json};

use super::account::{Account, By, Part, Visitor};
use crate::simulator::Reaction;

/// The name that stands beside what the company says.
pub(super) const OPERATOR: &str = "Ольга";

/// A yes in its envelope (2.4).
pub(super) fn answer(data: &Value, more: Option<(&str, Value)>, ids: Ids) -> Reaction {
    let mut meta = json!({ "status": 200 });
    if let Some((key, value)) = more {
        meta[key] = value;
    }
    reaction(200, Vec::new(), &json!({ "meta": meta, "data": ids.write(data) }))
}

/// A no in its envelope, by its name (2.5).
pub(super) fn error(status: u16, name: &str, message: &str) -> Reaction {
    let meta = json!({ "status": status, "error": name, "error_message": message });
    reaction(status, Vec::new(), &json!({ "meta": meta, "data": {} }))
}

/// Too many calls; how long to wait is a guess of the contract's (2.5).
pub(super) fn too_many(seconds: u64) -> Reaction {
    let meta = json!({ "status": 429, "error": "TooManyRequests", "error_message": "Too many requests" });
    let headers = vec![("retry-after".to_owned(), seconds.to_string())];
    reaction(429, headers, &json!({ "meta": meta, "data": {} }))
}

fn reaction(status: u16, mut headers: Vec<(String, String)>, body: &Value) -> Reaction {
    headers.push(("content-type".to_owned(), "application/json".to_owned()));
    Reaction { status, headers, body: body.to_string().into_bytes(), webhooks: Vec::new() }
}

/// How ids are written: as numbers, unless texts were asked for (2.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ids {
    Numbers,
    Texts,
}

impl Ids {
    const KEYS: [&str; 5] = ["id", "conversation", "part_group", "from", "user"];

    /// The same document with its ids written so; inside it they are texts.
    fn write(self, document: &Value) -> Value {
        match (self, document) {
            (Self::Texts, document) => document.clone(),
            (Self::Numbers, Value::Array(elements)) => elements.iter().map(|element| self.write(element)).collect(),
            (Self::Numbers, Value::Object(entries)) => {
                let written = entries.iter().map(|(key, value)| {
                    let number = value.as_str().and_then(|text| text.parse::<u64>().ok());
                    let number = number.filter(|_| Self::KEYS.contains(&key.as_str()));
                    (key.clone(), number.map_or_else(|| self.write(value), Value::from))
                });
                Value::Object(written.collect())
            }
            (Self::Numbers, other) => other.clone(),
        }
    }
}

/// A part as every document shows it (5.1).
pub(super) fn part(account: &Account, part: &Part) -> Value {
    let dialogue = &account.dialogues[part.dialogue];
    let visitor = &account.visitors[dialogue.visitor];
    json!({
        "id": part.id,
        "created": part.at.as_seconds(),
        "edited": part.edited.map(Timestamp::as_seconds),
        "removed": part.removed.map(Timestamp::as_seconds),
        "conversation": dialogue.id,
        "part_group": dialogue.id,
        "body": part.text,
        "body_json": {},
        "direction": if part.by == By::User { "u2a" } else { "a2u" },
        "type": part.by.kind(),
        "from": match &part.by {
            By::User => json!(visitor.id),
            By::Admin(admin) | By::Note(admin) | By::Record(_, admin) => json!({ "id": admin, "name": OPERATOR, "type": "admin" }),
        },
        "sent_via": part.sent_via,
        "meta_data": {},
        "reply_type": "text",
        "actions": null,
        "external_id": part.external_id,
    })
}

/// A dialogue with its visitor (5.6).
pub(super) fn conversation(account: &Account, number: usize) -> Value {
    let dialogue = &account.dialogues[number];
    let mut parts = account.parts.iter().filter(|part| part.dialogue == number);
    let count = parts.clone().count();
    json!({
        "id": dialogue.id,
        "created": dialogue.created_at.as_seconds(),
        "user": user(&account.visitors[dialogue.visitor]),
        "closed": dialogue.closed,
        "replied": dialogue.replied,
        "message": dialogue.message,
        "type": "popup_chat",
        "parts_count": count,
        "last_update": fraction(dialogue.last_update),
        "external_service": null,
        "external_id": null,
        "tags": dialogue.tags,
        "assignee": dialogue.assignee.as_ref().map(|admin| json!({ "id": admin, "name": OPERATOR, "type": "admin" })),
        "channel": null,
        "part_last": parts.next_back().map(|last| part(account, last)),
    })
}

/// A visitor with their properties (4).
pub(super) fn user(visitor: &Visitor) -> Value {
    let mut props = json!({});
    for (key, value) in [("$name", &visitor.name), ("$phone", &visitor.phone), ("$email", &visitor.email)] {
        if !value.is_empty() {
            props[key] = json!(value);
        }
    }
    json!({ "id": visitor.id, "user_id": visitor.user_id, "removed": null, "presence": "offline", "props": props })
}

/// A moment with its fraction, as lists by date write it (2.6).
pub(super) fn fraction(moment: Timestamp) -> Value {
    let millis = moment.as_millis();
    // A number that JSON writes as it stands here.
    serde_json::from_str(&format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))).unwrap_or_default()
}

/// A part as a webhook bears it: with the visitor and how the dialogue stands (5.1).
pub(super) fn told(account: &Account, number: usize) -> Value {
    let told = &account.parts[number];
    let dialogue = &account.dialogues[told.dialogue];
    let mut document = part(account, told);
    document["user"] = json!(account.visitors[dialogue.visitor].id);
    document["random_id"] = json!(told.random_id);
    document["conversation_closed"] = json!(dialogue.closed);
    document["conversation_tags"] = json!(dialogue.tags);
    document["conversation_last_update"] = json!(dialogue.last_update.as_seconds());
    document["channel"] = Value::Null;
    document["assignee"] = Value::Null;
    document
}
