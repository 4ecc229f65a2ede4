//! What a simulated Pact sends to us, in the generation that the account is set to.

use chatledger_projections::time::Timestamp;
use serde_json::{Value, json};

use super::account::{Account, By, COMPANY, Message, Status};
use super::replies::{conversation_v2, message_v2};
use crate::pact::settings::{Api, Settings};

/// A conversation is new.
pub(super) fn conversation_made(settings: &Settings, account: &Account, conversation: usize) -> Vec<u8> {
    let made = &account.conversations[conversation];
    body(&match settings.api {
        Api::V1 => json!({ "type": "conversation", "event": "new", "data": {
            "external_id": made.id,
            "name": made.name,
            "avatar_url": null,
            "channel_id": account.channel,
            "channel_type": account.provider,
            "created_at": spoken(made.created_at),
            "created_at_timestamp": made.created_at.as_seconds(),
            "last_message_at": null,
            "last_income_message_at": null,
            "sender_external_id": made.sender(),
        }}),
        Api::V2 => json!({ "event": "create", "type": "conversation", "object": conversation_v2(account, made) }),
    })
}

/// The second generation tells of every new message that its conversation has moved (10.6); the first one does not.
pub(super) fn conversation_moved(settings: &Settings, account: &Account, conversation: usize) -> Option<Vec<u8>> {
    match settings.api {
        Api::V1 => None,
        Api::V2 => {
            let object = conversation_v2(account, &account.conversations[conversation]);
            Some(body(&json!({ "event": "update", "type": "conversation", "object": object })))
        }
    }
}

/// A message is there.
pub(super) fn message_made(settings: &Settings, account: &Account, message: usize) -> Vec<u8> {
    let made = &account.messages[message];
    body(&match settings.api {
        Api::V1 => {
            let mut data = json!({
                "external_id": made.id,
                "external_public_id": null,
                "channel_id": account.channel,
                "channel_type": account.provider,
                "channel": { "id": account.channel, "type": account.provider },
                "conversation_id": account.conversations[made.conversation].id,
                "message": made.text,
                "location": {},
                "income": made.by == By::Client,
                "created_at": spoken(made.at),
                "created_at_timestamp": made.at.as_seconds(),
                "ack": if made.by == By::Client { 0 } else { made.status.ack() },
                "attachments": [],
            });
            if let By::Api { job } = made.by {
                data["job_id"] = json!(job);
            }
            json!({ "type": "message", "event": "new", "data": data })
        }
        Api::V2 => json!({ "event": "create", "type": "message", "object": whole_message(account, made) }),
    })
}

/// A message of the company stands elsewhere now. In the first generation a failure has no such news.
pub(super) fn status_moved(settings: &Settings, account: &Account, message: usize) -> Option<Vec<u8>> {
    let moved = &account.messages[message];
    match settings.api {
        Api::V1 => (moved.status != Status::Error).then(|| {
            body(&json!({ "type": "message", "event": "ack", "data": {
                "external_id": moved.id,
                "channel": { "id": account.channel, "type": account.provider },
                "conversation_id": account.conversations[moved.conversation].id,
                "ack": moved.status.ack(),
            }}))
        }),
        Api::V2 => {
            let object = whole_message(account, moved);
            Some(body(&json!({ "event": "update", "type": "message", "object": object })))
        }
    }
}

/// A delivery job has come to its good end; what was written in the app has none.
pub(super) fn job_done(message: &Message, now: Timestamp) -> Option<Vec<u8>> {
    match message.by {
        By::Client | By::App => None,
        By::Api { job } => Some(body(&json!({ "type": "job", "event": "executed", "data": {
            "id": job,
            "result": "DELIVERED",
            "message_id": message.id,
            "date": now.as_seconds() + 1,
        }}))),
    }
}

/// A delivery job has failed: the only news of it (6.3).
pub(super) fn job_failed(job: i64, now: Timestamp) -> Vec<u8> {
    body(&json!({ "type": "job", "event": "executed", "data": {
        "id": job,
        "result": "NOT DELIVERED",
        "message_id": null,
        "date": now.as_seconds() + 2,
        "reason": "Contact is not present",
    }}))
}

/// With its contact and its conversation, as since August 2025 (10.6).
fn whole_message(account: &Account, message: &Message) -> Value {
    let conversation = &account.conversations[message.conversation];
    let mut object = message_v2(account, message);
    object["contact"] = match message.by {
        By::Client => json!({
            "id": object["contact_id"],
            "external_id": conversation.sender(),
            "external_public_id": conversation.client(),
            "name": conversation.name,
            "avatar_url": null,
            "phone": Some(&conversation.phone).filter(|phone| !phone.is_empty()),
        }),
        By::App | By::Api { .. } => {
            json!({ "id": 3, "internal_id": 812, "name": COMPANY, "avatar_url": null, "phone": null })
        }
    };
    object["conversation"] = conversation_v2(account, conversation);
    object
}

/// `2017-11-11 12:45:53 UTC`, as the first generation's webhooks write it (2.5).
fn spoken(moment: Timestamp) -> String {
    let written = moment.to_string();
    match (written.get(..10), written.get(11..19)) {
        (Some(date), Some(time)) => format!("{date} {time} UTC"),
        (_, _) => written,
    }
}

fn body(document: &Value) -> Vec<u8> {
    document.to_string().into_bytes()
}
