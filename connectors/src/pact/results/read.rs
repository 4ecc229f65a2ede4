//! Bytes in, the one model out: how replies of either generation are read.
//!
//! An entry without an id cannot be used for anything and is left out, with a remark; an odd value loses only itself.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::model::{
    Attachment, Channel, Company, Conversation, Job, JobChannel, Listed, Message, Next, Template, Webhook,
};
use crate::connector::Decoded;
use crate::loose::{Field, List, Object, Text};
use crate::pact::wire::replies::{self, Data, ReplyV2};

fn text(field: Field<Text<'_>>, at: &str, decoded: &mut Decoded) -> Option<String> {
    field.0.read(at, decoded).map(Cow::into_owned)
}

/// All entries of a list that can be read.
fn entries<W, T>(
    list: List<Object<W>>,
    at: &str,
    decoded: &mut Decoded,
    read: impl Fn(W, &mut Decoded) -> Option<T>,
) -> Option<Vec<T>> {
    let list = list.0.expect(at, decoded)?;
    Some(list.into_iter().filter_map(|Object(wire)| read(wire.expect(at, decoded)?, decoded)).collect())
}

/// A list of the first generation: the token is missing, null or empty on the last page (5.1).
fn by_token<W, T>(
    list: List<Object<W>>,
    next_page: Field<Text<'_>>,
    at: &str,
    decoded: &mut Decoded,
    read: impl Fn(W, &mut Decoded) -> Option<T>,
) -> Option<Listed<T>> {
    let next = text(next_page, "next_page", decoded).map(Next::Token);
    Some(Listed { entries: entries(list, at, decoded, read)?, next })
}

/// A list of the second generation: there is another page if this one is as long as pages are (8).
fn by_page<W, T>(
    list: List<Object<W>>,
    meta: Object<replies::Meta>,
    at: &str,
    decoded: &mut Decoded,
    read: impl Fn(W, &mut Decoded) -> Option<T>,
) -> Option<Listed<T>> {
    let came = list.0.get().map_or(0, Vec::len);
    let entries = entries(list, at, decoded, read)?;
    let next = meta.0.read("meta", decoded).and_then(|meta| {
        let size = usize::try_from(meta.per_page.0.read("meta.per_page", decoded)?).ok()?;
        let page = meta.page.0.read("meta.page", decoded).unwrap_or(1);
        (came > 0 && came >= size).then(|| Next::Page(page.saturating_add(1)))
    });
    Some(Listed { entries, next })
}

pub(super) fn conversations_v1(data: Data<'_>, decoded: &mut Decoded) -> Option<Listed<Conversation>> {
    by_token(data.conversations, data.next_page, "conversations", decoded, conversation)
}

pub(super) fn conversations_v2(reply: ReplyV2<'_>, decoded: &mut Decoded) -> Option<Listed<Conversation>> {
    by_page(reply.conversations, reply.meta, "conversations", decoded, conversation)
}

/// Pact's own id is `external_id` in the first generation and `id` in the second; no conversation has both (1, line 3).
pub(super) fn conversation(wire: replies::Conversation<'_>, decoded: &mut Decoded) -> Option<Conversation> {
    let id = wire.external_id.0.read("external_id", decoded).or_else(|| wire.id.0.expect("id", decoded))?;
    let mut read = |field: Field<Text<'_>>, at: &str| text(field, at, decoded);
    let name = read(wire.name, "name").or_else(|| read(wire.sender_name, "sender_name"));
    let channel_type = read(wire.channel_type, "channel_type").or_else(|| read(wire.provider, "provider"));
    let created_at = read(wire.created_at, "created_at");
    let avatar = read(wire.avatar, "avatar").or_else(|| read(wire.avatar_url, "avatar_url"));
    let sender_external_id = read(wire.sender_external_id, "sender_external_id");
    let sender_phone = read(wire.sender_phone, "sender_phone");
    let sender_external_public_id = read(wire.sender_external_public_id, "sender_external_public_id");
    let last_updated_at = read(wire.last_updated_at, "last_updated_at");
    let operational_state = read(wire.operational_state, "operational_state");
    let replied_state = read(wire.replied_state, "replied_state");
    Some(Conversation {
        external_id: id,
        name,
        channel_id: wire.channel_id.0.read("channel_id", decoded),
        channel_type,
        created_at,
        created_at_timestamp: wire.created_at_timestamp.0.read("created_at_timestamp", decoded),
        avatar,
        sender_external_id,
        meta: if wire.meta.is_null() { json!({}) } else { wire.meta },
        last_message_at: wire.last_message_at.0.read("last_message_at", decoded),
        last_income_message_at: wire.last_income_message_at.0.read("last_income_message_at", decoded),
        bitrix_block_openlines: wire.bitrix_block_openlines.0.read("bitrix_block_openlines", decoded),
        sender_phone,
        sender_external_public_id,
        last_updated_at,
        last_message_id: wire.last_message_id.0.read("last_message_id", decoded),
        operational_state,
        replied_state,
        group: wire.group.0.read("group", decoded),
    })
}

pub(super) fn messages_v1(data: Data<'_>, decoded: &mut Decoded) -> Option<Listed<Message>> {
    by_token(data.messages, data.next_page, "messages", decoded, message_v1)
}

pub(super) fn messages_v2(reply: ReplyV2<'_>, decoded: &mut Decoded) -> Option<Listed<Message>> {
    by_page(reply.messages, reply.meta, "messages", decoded, message_v2)
}

fn message_v1(mut wire: replies::Message<'_>, decoded: &mut Decoded) -> Option<Message> {
    let id = std::mem::take(&mut wire.external_id).0.expect("external_id", decoded)?.trim().parse().ok()?;
    Some(message(wire, id, None, decoded))
}

pub(super) fn message_v2(mut wire: replies::Message<'_>, decoded: &mut Decoded) -> Option<Message> {
    let id = wire.id.0.expect("id", decoded)?;
    let messengers = text(std::mem::take(&mut wire.external_id), "external_id", decoded);
    Some(message(wire, id, messengers, decoded))
}

fn message(wire: replies::Message<'_>, id: i64, messenger_id: Option<String>, decoded: &mut Decoded) -> Message {
    let empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
    let in_messenger = text(wire.external_created_at, "external_created_at", decoded);
    Message {
        external_id: id,
        channel_id: wire.channel_id.0.read("channel_id", decoded),
        channel_type: text(wire.channel_type, "channel_type", decoded),
        message: text(wire.message, "message", decoded),
        income: wire.income.0.read("income", decoded),
        // The messenger's time orders them (9.2).
        created_at: in_messenger.or_else(|| text(wire.created_at, "created_at", decoded)),
        created_at_timestamp: wire.created_at_timestamp.0.read("created_at_timestamp", decoded),
        attachments: wire.attachments.0.read("attachments", decoded).unwrap_or_default(),
        conversation_id: wire.conversation_id.0.read("conversation_id", decoded),
        status: text(wire.status, "status", decoded),
        messenger_id,
        replied_to_id: text(wire.replied_to_id, "replied_to_id", decoded),
        deleted: wire.deleted.0.read("deleted", decoded).filter(|deleted| *deleted),
        reactions: if empty(&wire.reactions) { Value::Null } else { wire.reactions },
        details: wire.details,
    }
}

/// The job that a send of the first generation is (6.2).
pub(super) fn job(data: Data<'_>, decoded: &mut Decoded) -> Option<Job> {
    let id = data.id.0.read("id", decoded);
    let message_id = data.message_id.0.read("message_id", decoded);
    if id.is_none() && message_id.is_none() {
        return None;
    }
    let channel = data.channel.0.read("channel", decoded).map(|channel| JobChannel {
        id: channel.id.0.read("channel.id", decoded),
        kind: text(channel.kind, "channel.type", decoded),
    });
    Some(Job {
        id,
        company_id: data.company_id.0.read("company_id", decoded),
        channel,
        conversation_id: data.conversation_id.0.read("conversation_id", decoded),
        state: text(data.state, "state", decoded),
        message_id,
        details: data.details,
        created_at: data.created_at.0.read("created_at", decoded).map_or(Value::Null, Value::from),
    })
}

/// The same of a message of the second generation.
pub(super) fn job_of(wire: replies::Message<'_>, decoded: &mut Decoded) -> Option<Job> {
    let company_id = wire.company_id.0.get().copied();
    let message = message_v2(wire, decoded)?;
    Some(Job {
        id: None,
        company_id,
        channel: None,
        conversation_id: message.conversation_id,
        state: message.status,
        message_id: Some(message.external_id),
        details: message.details,
        created_at: message.created_at.map_or(Value::Null, Value::from),
    })
}

/// Only `data.external_id`: a number within a conversation's wrapper is the conversation's (5.7).
pub(super) fn attachment_v1(data: Data<'_>, decoded: &mut Decoded) -> Option<Attachment> {
    let external_id = data.external_id.0.expect("external_id", decoded)?;
    Some(Attachment {
        external_id,
        file_name: None,
        mime_type: None,
        size: None,
        attachment_url: None,
        preview_url: None,
        push_to_talk: None,
    })
}

pub(super) fn attachment_v2(wire: replies::Attachment<'_>, decoded: &mut Decoded) -> Option<Attachment> {
    Some(Attachment {
        external_id: wire.id.0.expect("id", decoded)?,
        file_name: text(wire.file_name, "file_name", decoded),
        mime_type: text(wire.mime_type, "mime_type", decoded),
        size: wire.size.0.read("size", decoded),
        attachment_url: text(wire.attachment_url, "attachment_url", decoded),
        preview_url: text(wire.preview_url, "preview_url", decoded),
        push_to_talk: wire.push_to_talk.0.read("push_to_talk", decoded),
    })
}

pub(super) fn channels_v1(data: Data<'_>, decoded: &mut Decoded) -> Option<Listed<Channel>> {
    by_token(data.channels, data.next_page, "channels", decoded, channel)
}

pub(super) fn channels_v2(reply: ReplyV2<'_>, decoded: &mut Decoded) -> Option<Listed<Channel>> {
    by_page(reply.auths, reply.meta, "auths", decoded, channel)
}

fn channel(wire: replies::Channel<'_>, decoded: &mut Decoded) -> Option<Channel> {
    Some(Channel {
        external_id: wire.external_id.0.read("external_id", decoded).or_else(|| wire.id.0.expect("id", decoded))?,
        provider: text(wire.provider, "provider", decoded),
        state: text(wire.state, "state", decoded),
        phone_number: text(wire.phone_number, "phone_number", decoded),
        username: text(wire.username, "username", decoded),
    })
}

pub(super) fn webhooks(reply: ReplyV2<'_>, decoded: &mut Decoded) -> Option<Listed<Webhook>> {
    by_page(reply.webhooks, reply.meta, "webhooks", decoded, webhook)
}

pub(super) fn webhook(wire: replies::Webhook<'_>, decoded: &mut Decoded) -> Option<Webhook> {
    Some(Webhook {
        id: wire.id.0.expect("id", decoded)?,
        url: text(wire.url, "url", decoded),
        active: wire.active.0.read("active", decoded),
    })
}

pub(super) fn templates_v1(data: Data<'_>, decoded: &mut Decoded) -> Option<Listed<Template>> {
    by_token(data.waba_templates, data.next_page, "waba_templates", decoded, template)
}

pub(super) fn templates_v2(reply: ReplyV2<'_>, decoded: &mut Decoded) -> Option<Listed<Template>> {
    by_page(reply.waba_templates, reply.meta, "waba_templates", decoded, template)
}

fn template(wire: replies::Template<'_>, decoded: &mut Decoded) -> Option<Template> {
    Some(Template {
        id: wire.id.0.expect("id", decoded)?,
        company_id: wire.company_id.0.read("company_id", decoded),
        name: text(wire.name, "name", decoded),
        waba_id: text(wire.waba_id, "waba_id", decoded),
        body: text(wire.body, "body", decoded),
        substitutions_count: wire.substitutions_count.0.read("substitutions_count", decoded),
        position: wire.position.0.read("position", decoded),
        header_content_type: text(wire.header_content_type, "header_content_type", decoded),
    })
}

pub(super) fn companies(data: Data<'_>, decoded: &mut Decoded) -> Option<Listed<Company>> {
    by_token(data.companies, data.next_page, "companies", decoded, |wire, decoded| {
        Some(Company {
            external_id: wire.external_id.0.expect("external_id", decoded)?,
            name: text(wire.name, "name", decoded),
            phone: text(wire.phone, "phone", decoded),
            description: text(wire.description, "description", decoded),
            webhook_url: text(wire.webhook_url, "webhook_url", decoded),
        })
    })
}
