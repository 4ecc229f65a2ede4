//! How a simulated Pact answers, in the words of either generation.

use chatledger_projections::time::Timestamp;
use serde_json::{Value, json};

use super::account::{Account, By, Conversation, Message, Status};
use super::desk::File;
use super::requests::{Page, token};
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

/// All conversations, by their numbers (5.1).
pub(super) fn conversations_v1(account: &Account, page: Page) -> Reaction {
    let mut all: Vec<&Conversation> = account.conversations.iter().collect();
    if page.newest_first {
        all.reverse();
    }
    let shown = part(&all, page).iter().map(|known| conversation_v1(account, known)).collect();
    stretch("conversations", shown, all.len(), page)
}

/// A part of a list of the first generation; on the last one the token's key is missing (5.1).
pub(super) fn stretch(key: &str, entries: Vec<Value>, all: usize, page: Page) -> Reaction {
    let end = page.skipped.saturating_add(entries.len());
    let mut data = json!({ key: entries });
    if end < all {
        data["next_page"] = json!(token(end));
    }
    answer(200, &json!({ "status": "ok", "data": data }))
}

/// A part of a list of the second generation.
pub(super) fn numbered(key: &str, entries: &[Value], page: Page) -> Reaction {
    answer(200, &json!({ key: part(entries, page), "meta": meta(part(entries, page), page) }))
}

/// A document of its own.
pub(super) fn document(status: u16, document: &Value) -> Reaction {
    answer(status, document)
}

/// Nothing at all.
pub(super) fn empty(status: u16) -> Reaction {
    Reaction { status, headers: Vec::new(), body: Vec::new(), webhooks: Vec::new() }
}

/// A conversation with everything that is known of it (5.6).
pub(super) fn rich_conversation(account: &Account, conversation: usize) -> Reaction {
    let known = &account.conversations[conversation];
    let mut rich = conversation_v1(account, known);
    rich["bitrix_block_openlines"] = json!(known.blocked);
    rich["last_message_at"] = json!(known.last_message.map_or(0, |(_, at)| at.as_seconds()));
    rich["last_income_message_at"] = json!(0);
    answer(200, &json!({ "status": "ok", "data": { "conversation": rich } }))
}

/// The conversations that a text fits: a number or a name (9.1).
pub(super) fn conversations(account: &Account, text: Option<&str>, page: Page) -> Reaction {
    let text = text.unwrap_or_default().trim_start_matches(['+', '@', ' ']).to_lowercase();
    let mut found: Vec<&Conversation> = account
        .conversations
        .iter()
        .filter(|known| {
            let is_named = |name: &str| name.to_lowercase().contains(&text);
            known.phone.contains(&text) || is_named(&known.name) || known.username.as_deref().is_some_and(is_named)
        })
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
                return stretch("messages", entries, held.len(), page);
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

/// A delivery job, first generation (6.2).
pub(super) fn job(account: &Account, conversation: Option<usize>, job: i64, now: Timestamp) -> Reaction {
    // A job that is done says what it made (6.4).
    let (state, message, details) = match account.desk.jobs.get(&job) {
        None => ("trying_deliver", None, Value::Null),
        Some(None) => ("trying_deliver", None, json!({ "result": "NOT DELIVERED" })),
        Some(Some(made)) => ("delivered", Some(account.messages[*made].id), json!({ "result": "DELIVERED" })),
    };
    answer(
        200,
        &json!({ "status": "ok", "data": {
            "id": job,
            "company_id": account.company,
            "channel": { "id": account.channel, "type": account.provider },
            "conversation_id": conversation.map(|conversation| account.conversations[conversation].id),
            "state": state,
            "message_id": message,
            "details": details,
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

/// Something is missing, or is not as it should be.
pub(super) fn invalid(api: Api, detail: &str) -> Reaction {
    match api {
        Api::V1 => answer(422, &json!({ "status": "errored", "errors": [detail] })),
        Api::V2 => error(422, "unprocessable_entity", "Unprocessable Entity", detail),
    }
}

/// There is no such call; it is answered by what stands before either generation.
pub(super) fn no_such_call(api: Api) -> Reaction {
    match api {
        Api::V1 => answer(404, &json!({ "error": NO_SUCH_CALL })),
        Api::V2 => error(404, "not_found", "Not Found", NO_SUCH_CALL),
    }
}

/// Says that a call is not known, and not that the thing it asks for is not there.
const NO_SUCH_CALL: &str = "No route matches";

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
    let start = page.skipped.min(entries.len());
    let end = start.saturating_add(page.size).min(entries.len());
    &entries[start..end]
}

fn meta(entries: &[Value], page: Page) -> Value {
    json!({ "page": page.skipped / page.size.max(1) + 1, "entries_count": entries.len(), "per_page": page.size })
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
        "sender_external_id": conversation.sender(),
        "meta": {},
    })
}

/// A conversation as the second generation shows it everywhere (9.1).
pub(super) fn conversation_v2(account: &Account, conversation: &Conversation) -> Value {
    json!({
        "id": conversation.id,
        "company_id": account.company,
        "sender_name": conversation.name,
        "sender_phone": Some(&conversation.phone).filter(|phone| !phone.is_empty()),
        "sender_external_id": conversation.sender(),
        "sender_external_public_id": conversation.client(),
        "provider": account.provider,
        "avatar_url": "https://api.pact.im/avatars/original/missing.png",
        "created_at": conversation.created_at.to_string(),
        "last_updated_at": conversation.last_message.map(|(_, at)| at.to_string()),
        "last_message_id": conversation.last_message.map(|(id, _)| id),
        "operational_state": if conversation.archived { "archived" } else { "open" },
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
        "attachments": files(account, message).map(|file| json!({ "external_id": file.id })).collect::<Vec<_>>(),
    })
}

pub(super) fn files<'a>(account: &'a Account, message: &'a Message) -> impl Iterator<Item = &'a File> {
    account.desk.files.iter().filter(|file| message.attachments.contains(&file.id))
}

/// A message as the second generation shows it everywhere (9.2).
pub(super) fn message_v2(account: &Account, message: &Message) -> Value {
    let income = message.by == By::Client;
    let client = 540_000_000 + i64::try_from(message.conversation).unwrap_or(0);
    json!({
        "id": message.id,
        "external_id": message.messengers_id(),
        "company_id": account.company,
        "conversation_id": account.conversations[message.conversation].id,
        "contact_id": if income { client } else { 3 },
        "replied_to_id": message.replied_to,
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
        "deleted": message.deleted,
        "attachments": files(account, message).map(File::shown_v2).collect::<Vec<_>>(),
    })
}
