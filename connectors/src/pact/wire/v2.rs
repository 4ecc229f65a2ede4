//! Documents of the second generation: `{"event", "type", "object"}` in webhooks, the object under its own key in
//! replies, `{"errors"}` when something is wrong.
//!
//! Pact's own ids are called `id` here; `external_id` is the messenger's (1, line 3).

use serde::Deserialize;

use super::{Attachments, Free};
use crate::loose::{Field, List, Object, Text, WireDocument};

macro_rules! document {
    ($($(#[$doc:meta])* $name:ident { $key:ident: $object:ident })*) => {$(
        $(#[$doc])*
        #[derive(Deserialize, Debug, Default)]
        #[serde(default)]
        pub(in crate::pact) struct $name<'a> {
            #[serde(borrow)]
            pub(in crate::pact) $key: Object<$object<'a>>,
        }

        impl WireDocument for $name<'static> {
            type Document<'de> = $name<'de>;
        }
    )*};
}

document! {
    /// `message`, every event.
    MessageWebhook { object: Message }
    /// `conversation`, every event.
    ConversationWebhook { object: Conversation }
    /// `auth`, every event.
    AuthWebhook { object: Auth }
    /// The reply to a send.
    MessageReply { message: Message }
    /// The reply with one conversation.
    ConversationReply { conversation: Conversation }
}

/// A message (9.2), in webhooks of newer times with its contact and its conversation (10.6).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Message<'a> {
    pub(in crate::pact) id: Field<i64>,
    /// The messenger's own name for it; null until the messenger has answered.
    #[serde(borrow)]
    pub(in crate::pact) external_id: Field<Text<'a>>,
    pub(in crate::pact) conversation_id: Field<i64>,
    pub(in crate::pact) contact_id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) replied_to_id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) created_at: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) external_created_at: Field<Text<'a>>,
    pub(in crate::pact) income: Field<bool>,
    #[serde(borrow)]
    pub(in crate::pact) status: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) message: Field<Text<'a>>,
    pub(in crate::pact) reactions: Free,
    pub(in crate::pact) details: Free,
    #[serde(borrow)]
    pub(in crate::pact) attachments: Attachments<'a>,
    pub(in crate::pact) deleted: Field<bool>,
    #[serde(borrow)]
    pub(in crate::pact) contact: Object<Contact<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) conversation: Object<Conversation<'a>>,
}

/// Who wrote a message. Only the company's people have an `internal_id`.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Contact<'a> {
    pub(in crate::pact) id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) internal_id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) external_public_id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) name: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) avatar_url: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) phone: Field<Text<'a>>,
}

/// A conversation (9.1).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Conversation<'a> {
    pub(in crate::pact) id: Field<i64>,
    #[serde(borrow)]
    pub(in crate::pact) sender_name: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) sender_phone: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) sender_external_id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) sender_external_public_id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) provider: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) avatar_url: Field<Text<'a>>,
    pub(in crate::pact) group: Field<bool>,
}

/// A channel as the second generation calls it (9.4). What sets it up (`qr`, `code`, addresses) is not read.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Auth<'a> {
    #[serde(borrow)]
    pub(in crate::pact) state: Field<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::pact) updated_at: Field<Text<'a>>,
}

/// The reply with messages.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct MessagesReply<'a> {
    #[serde(borrow)]
    pub(in crate::pact) messages: List<Object<Message<'a>>>,
    pub(in crate::pact) meta: Object<Meta>,
}

impl WireDocument for MessagesReply<'static> {
    type Document<'de> = MessagesReply<'de>;
}

/// The reply with conversations.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct ConversationsReply<'a> {
    #[serde(borrow)]
    pub(in crate::pact) conversations: List<Object<Conversation<'a>>>,
    pub(in crate::pact) meta: Object<Meta>,
}

impl WireDocument for ConversationsReply<'static> {
    type Document<'de> = ConversationsReply<'de>;
}

/// Where a page stands. `entries_count` is not to be trusted (8), and not read.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Meta {
    pub(in crate::pact) per_page: Field<i64>,
}

/// What went wrong (2.4).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Errors<'a> {
    #[serde(borrow)]
    pub(in crate::pact) errors: List<Object<Error<'a>>>,
}

impl WireDocument for Errors<'static> {
    type Document<'de> = Errors<'de>;
}

/// One thing that went wrong.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::pact) struct Error<'a> {
    #[serde(borrow)]
    pub(in crate::pact) detail: Field<Text<'a>>,
}
