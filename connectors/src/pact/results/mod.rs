//! What a reply to a person's command says: bytes in; a document for programs and a table for people out.
//!
//! `model` is one for both generations; `read` fills it. Replies of which nothing but their success matters, and those that
//! set up a channel, are passed on as they are.

mod model;
mod read;

use chatledger_projections::event::RecordedReply;
use serde::Serialize;
use serde_json::{Value, json};

use self::model::{Attachment, Channel, Company, Conversation, Job, Listed, Message, Next, Template, Webhook};
use super::call;
use super::wire::replies::{Data, ReplyV1, ReplyV2};
use crate::administration::{Answer, Table, Typing};
use crate::connector::Decoded;
use crate::loose::with_document;

/// Reads the reply to a call that succeeded; the error says what is missing in it.
pub(super) fn answer(call: &str, reply: &RecordedReply) -> Result<Answer, String> {
    if reply.cut {
        return Err("the reply is too long to be read; ask for fewer entries".to_owned());
    }
    let mut decoded = Decoded::default();
    let answer = match call {
        call::CONVERSATIONS_V1 => of_v1(reply, &mut decoded, read::conversations_v1).map(conversations),
        call::SEARCH_CONVERSATIONS_V2 => of_v2(reply, &mut decoded, read::conversations_v2).map(conversations),
        call::OPEN_V1 | call::OPEN_AND_SAY_V1 | call::CONVERSATION_V1 | call::BLOCK_V1 => {
            of_v1(reply, &mut decoded, |data, decoded| {
                read::conversation(data.conversation.0.expect("data.conversation", decoded)?, decoded)
            })
            .map(|found| conversation(&found))
        }
        call::CONVERSATION_V2 | call::UPDATE_CONVERSATION_V2 => of_v2(reply, &mut decoded, |reply, decoded| {
            read::conversation(reply.conversation.0.expect("conversation", decoded)?, decoded)
        })
        .map(|found| conversation(&found)),
        call::LIST_MESSAGES_V1 => of_v1(reply, &mut decoded, read::messages_v1).map(messages),
        call::LIST_MESSAGES_V2 => of_v2(reply, &mut decoded, read::messages_v2).map(messages),
        call::MESSAGE_V2 => of_v2(reply, &mut decoded, |reply, decoded| {
            read::message_v2(reply.message.0.expect("message", decoded)?, decoded)
        })
        .map(|found| single(json!({ "message": found }), message_columns(), message_row(&found))),
        call::SEND_V1 | call::FIRST_MESSAGE_V1 | call::JOB_V1 => {
            of_v1(reply, &mut decoded, read::job).map(|job| job_of(&job))
        }
        call::SEND_V2 | call::FIRST_MESSAGE_V2 => of_v2(reply, &mut decoded, |reply, decoded| {
            read::job_of(reply.message.0.expect("message", decoded)?, decoded)
        })
        .map(|job| job_of(&job)),
        call::UPLOAD_V1 => of_v1(reply, &mut decoded, read::attachment_v1).map(|file| attachment(&file)),
        call::UPLOAD_V2 => of_v2(reply, &mut decoded, |reply, decoded| {
            read::attachment_v2(reply.attachment.0.expect("attachment", decoded)?, decoded)
        })
        .map(|file| attachment(&file)),
        call::CHANNELS_V1 => of_v1(reply, &mut decoded, read::channels_v1).map(channels),
        call::AUTHS_V2 => of_auths(reply, &mut decoded).map(channels),
        call::WEBHOOKS_V2 => of_v2(reply, &mut decoded, read::webhooks).map(webhooks),
        call::CREATE_WEBHOOK_V2 | call::UPDATE_WEBHOOK_V2 => of_v2(reply, &mut decoded, |reply, decoded| {
            read::webhook(reply.webhook.0.expect("webhook", decoded)?, decoded)
        })
        .map(|one| single(json!({ "webhook": one }), WEBHOOK.to_vec(), webhook_row(&one))),
        call::TEMPLATES_V1 => of_v1(reply, &mut decoded, read::templates_v1).map(templates),
        call::TEMPLATES_V2 => of_v2(reply, &mut decoded, read::templates_v2).map(templates),
        call::COMPANIES_V1 => of_v1(reply, &mut decoded, read::companies).map(companies),
        _ => Some(as_it_is(reply)),
    };
    answer.ok_or_else(|| {
        let remark = decoded.remarks.first();
        let what = remark.map_or_else(String::new, |remark| format!(": {} {}", remark.remark.label(), remark.at));
        format!("Pact answered {} with something else than was asked for{what}", reply.status)
    })
}

fn of_v1<T>(
    reply: &RecordedReply,
    decoded: &mut Decoded,
    read: impl FnOnce(Data<'_>, &mut Decoded) -> Option<T>,
) -> Option<T> {
    with_document::<ReplyV1<'static>, _>(&reply.body.0, decoded, |reply, decoded| {
        read(reply.data.0.expect("data", decoded)?, decoded)
    })
    .flatten()
}

fn of_v2<T>(
    reply: &RecordedReply,
    decoded: &mut Decoded,
    read: impl FnOnce(ReplyV2<'_>, &mut Decoded) -> Option<T>,
) -> Option<T> {
    with_document::<ReplyV2<'static>, _>(&reply.body.0, decoded, read).flatten()
}

/// The wrapper around channels is inferred; a bare list is taken, too (9.4).
fn of_auths(reply: &RecordedReply, decoded: &mut Decoded) -> Option<Listed<Channel>> {
    match serde_json::from_slice::<Value>(&reply.body.0) {
        Ok(Value::Array(auths)) => {
            let wrapped = json!({ "auths": auths }).to_string();
            with_document::<ReplyV2<'static>, _>(wrapped.as_bytes(), decoded, read::channels_v2).flatten()
        }
        Ok(_) | Err(_) => of_v2(reply, decoded, read::channels_v2),
    }
}

// ---- what people and programs are shown ----

const CONVERSATION: [&str; 7] = ["id", "name", "phone", "messenger", "channel", "last message", "state"];
const WEBHOOK: [&str; 3] = ["id", "active", "address"];

fn conversations(listed: Listed<Conversation>) -> Answer {
    let rows = listed.entries.iter().map(conversation_row).collect();
    list("conversations", &listed, CONVERSATION.to_vec(), rows)
}

fn conversation(found: &Conversation) -> Answer {
    single(json!({ "conversation": found }), CONVERSATION.to_vec(), conversation_row(found))
}

fn conversation_row(found: &Conversation) -> Vec<String> {
    let client = found.sender_phone.as_ref().or(found.sender_external_id.as_ref());
    let last = found.last_updated_at.clone().or_else(|| found.last_message_at.map(moment));
    let state = [found.operational_state.as_deref(), found.replied_state.as_deref()];
    vec![
        found.external_id.to_string(),
        found.name.clone().unwrap_or_default(),
        client.cloned().unwrap_or_default(),
        found.channel_type.clone().unwrap_or_default(),
        number(found.channel_id),
        last.unwrap_or_default(),
        state.into_iter().flatten().collect::<Vec<_>>().join(", "),
    ]
}

fn messages(listed: Listed<Message>) -> Answer {
    let rows = listed.entries.iter().map(message_row).collect();
    list("messages", &listed, message_columns(), rows)
}

fn message_columns() -> Vec<&'static str> {
    vec!["id", "written", "by", "status", "messenger's id", "text"]
}

fn message_row(found: &Message) -> Vec<String> {
    let by = match found.income {
        Some(true) => "client",
        Some(false) => "company",
        None => "",
    };
    let mut text = found.message.clone().unwrap_or_default();
    for file in &found.attachments {
        let address = file.get("attachment_url").or_else(|| file.get("url")).and_then(Value::as_str);
        text = format!("{text} [{}]", address.unwrap_or("a file")).trim_start().to_owned();
    }
    let status = if found.deleted == Some(true) { Some("deleted") } else { found.status.as_deref() };
    vec![
        found.external_id.to_string(),
        found.created_at.clone().or_else(|| found.created_at_timestamp.map(moment)).unwrap_or_default(),
        by.to_owned(),
        status.unwrap_or_default().to_owned(),
        found.messenger_id.clone().unwrap_or_default(),
        text,
    ]
}

fn job_of(job: &Job) -> Answer {
    let document = json!({ "status": "ok", "data": job });
    let details = super::failure::first_text(&job.details).unwrap_or_default().to_owned();
    let channel = job.channel.as_ref().and_then(|channel| channel.id);
    let row = vec![
        number(job.id),
        number(job.message_id),
        number(job.conversation_id),
        number(channel),
        job.state.clone().unwrap_or_default(),
        details,
    ];
    let columns = vec!["job", "message", "conversation", "channel", "state", "details"];
    Answer { document, table: Table { columns, rows: vec![row] }, next: None }
}

fn attachment(file: &Attachment) -> Answer {
    let columns = vec!["id", "name", "type", "bytes", "address"];
    let row = vec![
        file.external_id.to_string(),
        file.file_name.clone().unwrap_or_default(),
        file.mime_type.clone().unwrap_or_default(),
        number(file.size),
        file.attachment_url.clone().unwrap_or_default(),
    ];
    let document = json!({ "status": "ok", "data": file });
    Answer { document, table: Table { columns, rows: vec![row] }, next: None }
}

fn channels(listed: Listed<Channel>) -> Answer {
    let row = |channel: &Channel| {
        let account = channel.phone_number.clone().or_else(|| channel.username.clone());
        vec![
            channel.external_id.to_string(),
            channel.provider.clone().unwrap_or_default(),
            channel.state.clone().unwrap_or_default(),
            account.unwrap_or_default(),
        ]
    };
    let rows = listed.entries.iter().map(row).collect();
    list("channels", &listed, vec!["id", "messenger", "state", "account"], rows)
}

fn webhooks(listed: Listed<Webhook>) -> Answer {
    let rows = listed.entries.iter().map(webhook_row).collect();
    list("webhooks", &listed, WEBHOOK.to_vec(), rows)
}

fn webhook_row(webhook: &Webhook) -> Vec<String> {
    let active = webhook.active.map_or("", |active| if active { "yes" } else { "no" });
    vec![webhook.id.to_string(), active.to_owned(), webhook.url.clone().unwrap_or_default()]
}

fn templates(listed: Listed<Template>) -> Answer {
    let row = |template: &Template| {
        vec![
            template.id.to_string(),
            template.name.clone().unwrap_or_default(),
            template.waba_id.clone().unwrap_or_default(),
            number(template.substitutions_count),
            template.body.clone().unwrap_or_default(),
        ]
    };
    let rows = listed.entries.iter().map(row).collect();
    list("waba_templates", &listed, vec!["id", "name", "waba id", "gaps", "text"], rows)
}

fn companies(listed: Listed<Company>) -> Answer {
    let row = |company: &Company| {
        vec![
            company.external_id.to_string(),
            company.name.clone().unwrap_or_default(),
            company.phone.clone().unwrap_or_default(),
            company.webhook_url.clone().unwrap_or_default(),
        ]
    };
    let rows = listed.entries.iter().map(row).collect();
    list("companies", &listed, vec!["id", "name", "phone", "webhooks at"], rows)
}

fn list<T: Serialize>(key: &str, listed: &Listed<T>, columns: Vec<&'static str>, rows: Vec<Vec<String>>) -> Answer {
    let mut data = json!({ key: listed.entries });
    // The key is missing on the last page (5.1).
    let next = listed.next.as_ref().map(|next| match next {
        Next::Token(token) => {
            data["next_page"] = json!(token);
            ("from", Typing::Text(token.clone()))
        }
        Next::Page(page) => {
            data["next_page"] = json!(page.to_string());
            ("page", Typing::Whole(*page))
        }
    });
    Answer { document: json!({ "status": "ok", "data": data }), table: Table { columns, rows }, next }
}

fn single(data: Value, columns: Vec<&'static str>, row: Vec<String>) -> Answer {
    Answer { document: json!({ "status": "ok", "data": data }), table: Table { columns, rows: vec![row] }, next: None }
}

/// A reply that is its own result; one without a body says only that it is done.
fn as_it_is(reply: &RecordedReply) -> Answer {
    let document = match serde_json::from_slice::<Value>(&reply.body.0) {
        Ok(document) => document,
        Err(_) if reply.body.0.is_empty() => json!({ "status": "ok" }),
        Err(_) => json!({ "status": "ok", "text": String::from_utf8_lossy(&reply.body.0) }),
    };
    let mut rows = Vec::new();
    flatten("", &document, &mut rows);
    Answer { document, table: Table { columns: vec!["key", "value"], rows }, next: None }
}

/// Every value of a document with its path. Replies are as deep as their parser lets them be, which is not deep.
fn flatten(path: &str, value: &Value, rows: &mut Vec<Vec<String>>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| flatten(&below(key), value, rows)),
        Value::Array(entries) => {
            entries.iter().enumerate().for_each(|(place, value)| flatten(&below(&place.to_string()), value, rows));
        }
        Value::Null => rows.push(vec![path.to_owned(), String::new()]),
        Value::String(text) => rows.push(vec![path.to_owned(), text.clone()]),
        Value::Bool(_) | Value::Number(_) => rows.push(vec![path.to_owned(), value.to_string()]),
    }
}

fn number(number: Option<i64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

/// Zero means never (2.5).
fn moment(seconds: i64) -> String {
    let moment = (seconds > 0).then(|| chatledger_projections::time::Timestamp::from_seconds(seconds)).flatten();
    moment.map(|moment| moment.to_string()).unwrap_or_default()
}
