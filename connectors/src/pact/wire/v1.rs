//! Documents of the first generation: `{"type", "event", "data"}` in webhooks, `{"status", "data"}` in replies.
//!
//! Pact's own ids are called `external_id` here (1, line 3).

use serde::Deserialize;

use super::{Attachments, Free, Location};
use crate::loose::{Field, List, Object, Text, WireDocument};

macro_rules! webhook {
    ($($(#[$doc:meta])* $name:ident of $data:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Deserialize, Debug, Default)]
        #[serde(default)]
        pub(in crate::pact) struct $name<'a> {
            #[serde(borrow)]
            pub(in crate::pact) data: Object<$data<'a>>,
        }

        impl WireDocument for $name<'static> {
            type Document<'de> = $name<'de>;
        }
    )*};
}

webhook! {
    /// `message` and `group_message`, every event.
    MessageWebhook of Message;
    /// `job` / `executed`.
    JobWebhook of ExecutedJob;
    /// `conversation` and `group_conversation`.
    ConversationWebhook of Conversation;
    /// `group_conversation_contact` / `new`.
    GroupContactWebhook of GroupContact;
    /// `system`.
    SystemWebhook of System;
}

/// A message in a webhook (10.3, 10.5) or in a list (6.1).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Message<'a> {
    pub(in crate::pact) external_id: Field<i64>,
    /// In groups the author's phone; elsewhere unexplained, and not used.
    #[serde(borrow)]
    pub(in crate::pact) external_public_id: Field<Text<'a>>,
    pub(in crate::pact) conversation_id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) message: Field<Text<'a>>,
    pub(in crate::pact) location: Location,
    pub(in crate::pact) income: Field<bool>,
    #[serde(borrow)]
    pub(in crate::pact) created_at: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) created_at_timestamp: Field<Text<'a>>,
    pub(in crate::pact) ack: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) attachments: Attachments<'a>,
    pub(in crate::pact) job_id: Field<i64>,
}

/// A finished delivery job in a webhook.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct ExecutedJob<'a> {
    pub(in crate::pact) id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) result: Field<Text<'a>>,
    pub(in crate::pact) message_id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) date: Field<Text<'a>>,
    pub(in crate::pact) reason: Free,
}

/// A conversation in a webhook (`avatar_url`) or in a reply (`avatar`).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Conversation<'a> {
    pub(in crate::pact) external_id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) name: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) avatar: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) avatar_url: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) channel: Object<Channel<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) channel_type: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) sender_external_id: Field<Text<'a>>,
}

/// The channel of a conversation or message.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Channel<'a> {
    #[serde(borrow, rename = "type")]
    pub(in crate::pact) kind: Field<Text<'a>>,
}

/// Somebody wrote in a group for the first time.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct GroupContact<'a> {
    pub(in crate::pact) conversation_id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) channel_type: Field<Text<'a>>,
}

/// A channel's own state.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct System<'a> {
    #[serde(borrow)]
    pub(in crate::pact) message: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) date: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) date_timestamp: Field<Text<'a>>,
}

/// Any reply: `status` is a word, and may say `errored` under a status of 200 (2.3).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Verdict<'a> {
    #[serde(borrow)]
    pub(in crate::pact) status: Field<Text<'a>>,
}

impl WireDocument for Verdict<'static> {
    type Document<'de> = Verdict<'de>;
}

/// The reply to a send: a delivery job.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct SendReply<'a> {
    #[serde(borrow)]
    pub(in crate::pact) status: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) data: Object<Job<'a>>,
}

impl WireDocument for SendReply<'static> {
    type Document<'de> = SendReply<'de>;
}

/// A delivery job (6.2).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Job<'a> {
    pub(in crate::pact) id: Field<i64>,
    pub(in crate::pact) conversation_id: Field<i64>,
    pub(in crate::pact) message_id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) details: Object<JobDetails<'a>>,
}

/// How a delivery job ended; absent while it runs.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct JobDetails<'a> {
    #[serde(borrow)]
    pub(in crate::pact) result: Field<Text<'a>>,
}

/// The reply with one conversation: create (5.2) and details (5.4).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct ConversationReply<'a> {
    #[serde(borrow)]
    pub(in crate::pact) status: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) data: Object<ConversationData<'a>>,
}

impl WireDocument for ConversationReply<'static> {
    type Document<'de> = ConversationReply<'de>;
}

/// The wrapper around a conversation.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct ConversationData<'a> {
    #[serde(borrow)]
    pub(in crate::pact) conversation: Object<Conversation<'a>>,
}

/// The reply with messages (6.1).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct MessagesReply<'a> {
    #[serde(borrow)]
    pub(in crate::pact) status: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) data: Object<MessagesData<'a>>,
}

impl WireDocument for MessagesReply<'static> {
    type Document<'de> = MessagesReply<'de>;
}

/// The wrapper around a page of messages. On the last page the token's key is missing.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct MessagesData<'a> {
    #[serde(borrow)]
    pub(in crate::pact) messages: List<Object<Message<'a>>>,
    #[serde(borrow)]
    pub(in crate::pact) next_page: Field<Text<'a>>,
}
