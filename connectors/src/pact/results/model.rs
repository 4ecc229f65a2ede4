//! What Pact's replies hold, in one model for both generations.
//!
//! Written out, it has the shape of the vendor's own libraries' results, which is that of the first generation: whoever reads
//! `data.conversations[0].external_id` need not know which generation was asked. Keys that only one generation has are left
//! out where they are not known; those that the libraries' documents always show stand there as `null`.

use serde::Serialize;
use serde_json::Value;

/// A part of a list.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::pact) struct Listed<T> {
    /// Its entries.
    pub(in crate::pact) entries: Vec<T>,
    /// How to ask for the next part.
    pub(in crate::pact) next: Option<Next>,
}

/// How to ask for the next part of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::pact) enum Next {
    /// By this token, first generation.
    Token(String),
    /// By this page's number, second generation.
    Page(i64),
}

/// A conversation.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(in crate::pact) struct Conversation {
    pub(in crate::pact) external_id: i64,
    pub(in crate::pact) name: Option<String>,
    pub(in crate::pact) channel_id: Option<i64>,
    pub(in crate::pact) channel_type: Option<String>,
    pub(in crate::pact) created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) created_at_timestamp: Option<i64>,
    pub(in crate::pact) avatar: Option<String>,
    pub(in crate::pact) sender_external_id: Option<String>,
    pub(in crate::pact) meta: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) last_message_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) last_income_message_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) bitrix_block_openlines: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) sender_phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) sender_external_public_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) last_updated_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) last_message_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) operational_state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) replied_state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) group: Option<bool>,
}

/// A message.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(in crate::pact) struct Message {
    pub(in crate::pact) external_id: i64,
    pub(in crate::pact) channel_id: Option<i64>,
    pub(in crate::pact) channel_type: Option<String>,
    pub(in crate::pact) message: Option<String>,
    pub(in crate::pact) income: Option<bool>,
    pub(in crate::pact) created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) created_at_timestamp: Option<i64>,
    pub(in crate::pact) attachments: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) conversation_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) status: Option<String>,
    /// The messenger's own id, by which it is quoted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) messenger_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) replied_to_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) deleted: Option<bool>,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub(in crate::pact) reactions: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub(in crate::pact) details: Value,
}

/// Where a send stands: a job of the first generation, or the message of the second.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(in crate::pact) struct Job {
    /// The job; the second generation has none.
    pub(in crate::pact) id: Option<i64>,
    pub(in crate::pact) company_id: Option<i64>,
    pub(in crate::pact) channel: Option<JobChannel>,
    pub(in crate::pact) conversation_id: Option<i64>,
    pub(in crate::pact) state: Option<String>,
    pub(in crate::pact) message_id: Option<i64>,
    pub(in crate::pact) details: Value,
    pub(in crate::pact) created_at: Value,
}

/// The channel of a job.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(in crate::pact) struct JobChannel {
    pub(in crate::pact) id: Option<i64>,
    #[serde(rename = "type")]
    pub(in crate::pact) kind: Option<String>,
}

/// A file that was taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(in crate::pact) struct Attachment {
    pub(in crate::pact) external_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) file_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) mime_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) size: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) attachment_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) preview_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) push_to_talk: Option<bool>,
}

/// A channel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(in crate::pact) struct Channel {
    pub(in crate::pact) external_id: i64,
    pub(in crate::pact) provider: Option<String>,
    /// Only the second generation says it (4.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) phone_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) username: Option<String>,
}

/// An address to which webhooks go.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(in crate::pact) struct Webhook {
    pub(in crate::pact) id: i64,
    pub(in crate::pact) url: Option<String>,
    pub(in crate::pact) active: Option<bool>,
}

/// A template of WhatsApp Business.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(in crate::pact) struct Template {
    pub(in crate::pact) id: i64,
    pub(in crate::pact) company_id: Option<i64>,
    pub(in crate::pact) name: Option<String>,
    pub(in crate::pact) waba_id: Option<String>,
    pub(in crate::pact) body: Option<String>,
    pub(in crate::pact) substitutions_count: Option<i64>,
    pub(in crate::pact) position: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pact) header_content_type: Option<String>,
}

/// A company.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(in crate::pact) struct Company {
    pub(in crate::pact) external_id: i64,
    pub(in crate::pact) name: Option<String>,
    pub(in crate::pact) phone: Option<String>,
    pub(in crate::pact) description: Option<String>,
    pub(in crate::pact) webhook_url: Option<String>,
}
