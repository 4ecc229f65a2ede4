//! Replies as a person's commands read them: each noun once, with the keys of both generations.
//!
//! The same key may mean two things (`external_id`, 1, line 3); which one is meant, `results` knows by the call.

use serde::Deserialize;

use super::Free;
use crate::loose::{Field, List, Object, Text, WireDocument};

/// Any reply of the first generation.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct ReplyV1<'a> {
    #[serde(borrow)]
    pub(in crate::pact) status: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) data: Object<Data<'a>>,
}

/// What stands in it.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Data<'a> {
    #[serde(borrow)]
    pub(in crate::pact) conversations: List<Object<Conversation<'a>>>,
    #[serde(borrow)]
    pub(in crate::pact) conversation: Object<Conversation<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) messages: List<Object<Message<'a>>>,
    #[serde(borrow)]
    pub(in crate::pact) channels: List<Object<Channel<'a>>>,
    #[serde(borrow)]
    pub(in crate::pact) companies: List<Object<Company<'a>>>,
    #[serde(borrow)]
    pub(in crate::pact) waba_templates: List<Object<Template<'a>>>,
    #[serde(borrow)]
    pub(in crate::pact) next_page: Field<Text<'a>>,
    pub(in crate::pact) external_id: Field<i64>,
    pub(in crate::pact) id: Field<i64>,
    pub(in crate::pact) company_id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) channel: Object<JobChannel<'a>>,
    pub(in crate::pact) conversation_id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) state: Field<Text<'a>>,
    pub(in crate::pact) message_id: Field<i64>,
    pub(in crate::pact) details: Free,
    pub(in crate::pact) created_at: Field<i64>,
}

/// Any reply of the second generation.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct ReplyV2<'a> {
    #[serde(borrow)]
    pub(in crate::pact) conversations: List<Object<Conversation<'a>>>,
    #[serde(borrow)]
    pub(in crate::pact) conversation: Object<Conversation<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) messages: List<Object<Message<'a>>>,
    #[serde(borrow)]
    pub(in crate::pact) message: Object<Message<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) attachment: Object<Attachment<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) auths: List<Object<Channel<'a>>>,
    #[serde(borrow)]
    pub(in crate::pact) webhooks: List<Object<Webhook<'a>>>,
    #[serde(borrow)]
    pub(in crate::pact) webhook: Object<Webhook<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) waba_templates: List<Object<Template<'a>>>,
    pub(in crate::pact) meta: Object<Meta>,
}

/// Where a page stands (8).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Meta {
    pub(in crate::pact) page: Field<i64>,
    pub(in crate::pact) per_page: Field<i64>,
}

/// A conversation (5.1, 9.1).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Conversation<'a> {
    pub(in crate::pact) external_id: Field<i64>,
    pub(in crate::pact) id: Field<i64>,
    pub(in crate::pact) company_id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) name: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) sender_name: Field<Text<'a>>,
    pub(in crate::pact) channel_id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) channel_type: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) provider: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) created_at: Field<Text<'a>>,
    pub(in crate::pact) created_at_timestamp: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) avatar: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) avatar_url: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) sender_external_id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) sender_external_public_id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) sender_phone: Field<Text<'a>>,
    pub(in crate::pact) meta: Free,
    pub(in crate::pact) last_message_at: Field<i64>,
    pub(in crate::pact) last_income_message_at: Field<i64>,
    pub(in crate::pact) bitrix_block_openlines: Field<bool>,
    #[serde(borrow)]
    pub(in crate::pact) last_updated_at: Field<Text<'a>>,
    pub(in crate::pact) last_message_id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) operational_state: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) replied_state: Field<Text<'a>>,
    pub(in crate::pact) group: Field<bool>,
}

/// A message (6.1, 9.2).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Message<'a> {
    #[serde(borrow)]
    pub(in crate::pact) external_id: Field<Text<'a>>,
    pub(in crate::pact) id: Field<i64>,
    pub(in crate::pact) company_id: Field<i64>,
    pub(in crate::pact) conversation_id: Field<i64>,
    pub(in crate::pact) channel_id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) channel_type: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) message: Field<Text<'a>>,
    pub(in crate::pact) income: Field<bool>,
    #[serde(borrow)]
    pub(in crate::pact) created_at: Field<Text<'a>>,
    pub(in crate::pact) created_at_timestamp: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) external_created_at: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) status: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) replied_to_id: Field<Text<'a>>,
    pub(in crate::pact) deleted: Field<bool>,
    pub(in crate::pact) details: Free,
    pub(in crate::pact) reactions: Free,
    pub(in crate::pact) attachments: List<Free>,
}

/// The channel of a job (6.2).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct JobChannel<'a> {
    pub(in crate::pact) id: Field<i64>,
    #[serde(borrow, rename = "type")]
    pub(in crate::pact) kind: Field<Text<'a>>,
}

/// A file that was taken (5.7, 9.3).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Attachment<'a> {
    pub(in crate::pact) id: Field<i64>,
    pub(in crate::pact) message_id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) file_name: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) mime_type: Field<Text<'a>>,
    pub(in crate::pact) size: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) attachment_url: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) preview_url: Field<Text<'a>>,
    pub(in crate::pact) push_to_talk: Field<bool>,
}

/// A channel (4.1, 9.4). What sets it up, as keys to the messenger's account, is not read.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Channel<'a> {
    pub(in crate::pact) external_id: Field<i64>,
    pub(in crate::pact) id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) provider: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) state: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) phone_number: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) username: Field<Text<'a>>,
}

/// An address to which webhooks go (9.5).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Webhook<'a> {
    pub(in crate::pact) id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) url: Field<Text<'a>>,
    pub(in crate::pact) active: Field<bool>,
}

/// A template of WhatsApp Business (7, 9.6).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Template<'a> {
    pub(in crate::pact) id: Field<i64>,
    pub(in crate::pact) company_id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) name: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) waba_id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) body: Field<Text<'a>>,
    pub(in crate::pact) substitutions_count: Field<i64>,
    pub(in crate::pact) position: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) header_content_type: Field<Text<'a>>,
}

/// A company (3).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Company<'a> {
    pub(in crate::pact) external_id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) name: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) phone: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) description: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) webhook_url: Field<Text<'a>>,
}

impl WireDocument for ReplyV1<'static> {
    type Document<'de> = ReplyV1<'de>;
}

impl WireDocument for ReplyV2<'static> {
    type Document<'de> = ReplyV2<'de>;
}
