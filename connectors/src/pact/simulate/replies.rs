//! How a simulated Pact answers, in the words of either generation.

use chatledger_projections::time::Timestamp;
use serde_json::{Value, json};

use super::account::{Account, By, Conversation, Message, Status};
use super::requests::Page;
use crate::pact::settings::Api;
use crate::simulator::{Emitted, Reaction};

impl Reaction {
    /// The same answer, and webhooks on account of the request.
    pub(super) fn with(self, webhooks: Vec<Emitted>) -> Self {
        Self { webhooks, ..self }
    }
}

/// One conversation.
pub(super) fn conversation(api: Api, account: &Account, conversation: usize) -> Reaction {
    let wanted = &account.conversations[conversation];
    answer(
        200,
        &match api {
            Api::V1 => json!({ "status": "ok", "data": { "conversation": conversation_v1(account, wanted) } }),
            Api::V2 => json!({ "conversation": conversation_v2(account, wanted) }),
        },
    )
}

/// The conversations that a text fits: a number or a name (9.1).
pub(super) fn conversations(account: &Account, text: Option<&str>, page: Page) -> Reaction {
    let text = text.unwrap_or_default().trim_start_matches(['+', '@', ' ']).to_lowercase();
    let mut found: Vec<&Conversation> = account
        .conversations
        .iter()
        .filter(|known| known.phone.contains(&text) || known.name.to_lowercase().contains(&text))
        .collect();
    found.sort_by_key(|known| std::cmp::Reverse(known.last_message.map(|(_, at)| at)));
    let entries: Vec<Value> = part(&found, page).iter().map(|known| conversation_v2(account, known)).collect();
    answer(200, &json!({ "meta": meta(&entries, page), "conversations": entries }))
}

/// A page of a conversation's messages.
pub(super) fn messages(api: Api, account: &Account, conversation: usize, page: Page) -> Reaction {
    let mut held: Vec<&Message> =
        account.messages.iter().filter(|message| message.conversation == conversation).collect();
    if page.newest_first {
        held.reverse();
    }
    let shown = part(&held, page);
    answer(
        200,
        &match api {
            Api::V1 => {
                let entries: Vec<Value> = shown.iter().map(|message| message_v1(account, message)).collect();
                let mut data = json!({ "messages": entries });
                // On the last page the key is missing (5.1).
                if held.len() > shown.len() {
                    data["next_page"] = json!("fslkfg2lkdfmlwkmlmw4of94wg34lfkm34lg");
                }
                json!({ "status": "ok", "data": data })
            }
            Api::V2 => {
                let entries: Vec<Value> = shown.iter().map(|message| message_v2(account, message)).collect();
                json!({ "meta": meta(&entries, page), "messages": entries })
            }
        },
    )
}

/// A message that was taken, second generation.
pub(super) fn message(account: &Account, message: usize) -> Reaction {
    answer(200, &json!({ "message": message_v2(account, &account.messages[message]) }))
}

/// A file that was taken (5.7, 9.3).
pub(super) fn file(api: Api, number: i64, file: &str) -> Reaction {
    answer(
        200,
        &match api {
            Api::V1 => json!({ "status": "ok", "data": { "external_id": number } }),
            Api::V2 => json!({ "attachment": { "id": number, "message_id": null, "file_name": file } }),
        },
    )
}

/// A delivery job, first generation (6.2).
pub(super) fn job(account: &Account, conversation: usize, job: i64, now: Timestamp) -> Reaction {
    answer(
        200,
        &json!({ "status": "ok", "data": {
            "id": job,
            "company_id": account.company,
            "channel": { "id": account.channel, "type": account.provider },
            "conversation_id": account.conversations[conversation].id,
            "state": "trying_deliver",
            "message_id": null,
            "details": null,
            "created_at": now.as_seconds(),
        }}),
    )
}

/// The number is none, or the messenger does not know it.
pub(super) fn phone_invalid(api: Api) -> Reaction {
    match api {
        Api::V1 => answer(200, &json!({ "status": "errored", "errors": ["Phone is invalid"] })),
        Api::V2 => error(422, "unprocessable_entity", "Unprocessable Entity", "Phone is invalid"),
    }
}

/// A message names a file that was never given.
pub(super) fn file_unknown(api: Api) -> Reaction {
    match api {
        Api::V1 => answer(200, &json!({ "status": "errored", "errors": ["Attachment not found"] })),
        Api::V2 => error(422, "unprocessable_entity", "Unprocessable Entity", "Attachment not found"),
    }
}

/// The token is missing or wrong.
pub(super) fn unauthorized(api: Api) -> Reaction {
    refusal(api, 401, "unauthorized", "Unauthorized", "No token provided")
}

/// The company is another one.
pub(super) fn forbidden(api: Api) -> Reaction {
    refusal(api, 403, "forbidden", "Forbidden", "Access denied")
}

/// There is no such thing.
pub(super) fn not_found(api: Api) -> Reaction {
    refusal(api, 404, "not_found", "Not Found", "Resource not found")
}

/// The quota is used up.
pub(super) fn too_many(api: Api, seconds: u64) -> Reaction {
    let detail = format!("Please wait for {seconds} seconds");
    refusal(api, 429, "too_many_requests", "Too many requests error", &detail)
}

/// The first generation's refusals are undocumented; the samples are empty.
fn refusal(api: Api, status: u16, code: &str, title: &str, detail: &str) -> Reaction {
    match api {
        Api::V1 => Reaction { status, headers: Vec::new(), body: Vec::new(), webhooks: Vec::new() },
        Api::V2 => error(status, code, title, detail),
    }
}

fn error(status: u16, code: &str, title: &str, detail: &str) -> Reaction {
    answer(status, &json!({ "errors": [{ "status": status, "code": code, "title": title, "detail": detail }] }))
}

fn answer(status: u16, body: &Value) -> Reaction {
    let headers = vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
    Reaction { status, headers, body: body.to_string().into_bytes(), webhooks: Vec::new() }
}

fn part<T>(entries: &[T], page: Page) -> &[T] {
    let start = page.size.saturating_mul(page.number - 1).min(entries.len());
    let end = start.saturating_add(page.size).min(entries.len());
    &entries[start..end]
}

fn meta(entries: &[Value], page: Page) -> Value {
    json!({ "page": page.number, "entries_count": entries.len(), "per_page": page.size })
}

fn conversation_v1(account: &Account, conversation: &Conversation) -> Value {
    json!({
        "external_id": conversation.id,
        "name": conversation.name,
        "channel_id": account.channel,
        "channel_type": account.provider,
        "created_at": conversation.created_at.to_string(),
        "created_at_timestamp": conversation.created_at.as_seconds(),
        "avatar": "/avatars/original/missing.png",
        "sender_external_id": conversation.phone,
        "meta": {},
    })
}

/// A conversation as the second generation shows it everywhere (9.1).
pub(super) fn conversation_v2(account: &Account, conversation: &Conversation) -> Value {
    json!({
        "id": conversation.id,
        "company_id": account.company,
        "sender_name": conversation.name,
        "sender_phone": conversation.phone,
        "sender_external_id": conversation.phone,
        "sender_external_public_id": conversation.phone,
        "provider": account.provider,
        "avatar_url": "https://api.pact.im/avatars/original/missing.png",
        "created_at": conversation.created_at.to_string(),
        "last_updated_at": conversation.last_message.map(|(_, at)| at.to_string()),
        "last_message_id": conversation.last_message.map(|(id, _)| id),
        "operational_state": "open",
        "replied_state": if conversation.answered { "replied" } else { "unreplied" },
        "group": false,
    })
}

fn message_v1(account: &Account, message: &Message) -> Value {
    json!({
        "external_id": message.id,
        "channel_id": account.channel,
        "channel_type": account.provider,
        "message": message.text,
        "income": message.by == By::Client,
        "created_at": message.at.to_string(),
        "created_at_timestamp": message.at.as_seconds(),
        "attachments": [],
    })
}

/// A message as the second generation shows it everywhere (9.2).
pub(super) fn message_v2(account: &Account, message: &Message) -> Value {
    let income = message.by == By::Client;
    let client = 540_000_000 + i64::try_from(message.conversation).unwrap_or(0);
    json!({
        "id": message.id,
        // The messenger names it when it has it.
        "external_id": (income || message.status > Status::Sent).then(|| format!("3EB0{:X}", message.id)),
        "company_id": account.company,
        "conversation_id": account.conversations[message.conversation].id,
        "contact_id": if income { client } else { 3 },
        "replied_to_id": null,
        "created_at": message.at.to_string(),
        "external_created_at": message.at.to_string(),
        "income": income,
        "status": if income { "created" } else { message.status.word() },
        "message": message.text,
        "reactions": [],
        "details": (message.status == Status::Error).then(|| json!({
            "result": "NOT DELIVERED",
            "internal_reason": { "errors": [{
                "code": 131_026,
                "title": "Message undeliverable",
                "message": "Message undeliverable",
                "error_data": { "details": "Message Undeliverable." },
            }]},
        })),
        "delivery": false,
        "deleted": false,
        "attachments": [],
    })
}
