//! amojo's documents, as they are.
//!
//! Hooks and replies are read into structs of [`loose`](crate::loose) fields, because `null`, `""`, `0` and "absent"
//! all occur for the same field (contract, 9.4); what we write is in [`requests`]. Mind the names (contract, 1.1):
//! in requests `id` is ours and `ref_id` is amo's; in hooks `id` is amo's and `client_id` is ours; in replies `msgid` is
//! amo's and `ref_id` is ours.

pub(super) mod requests;

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::loose::{Field, List, Object, Text, WireDocument};

/// A hook of either version (contract, 9.3 and 9.8).
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Hook<'a> {
    #[serde(borrow)]
    pub(super) message: Object<MessageHook<'a>>,
    #[serde(borrow)]
    pub(super) action: Object<Action<'a>>,
    /// Only in documents that were listed: one message of a chat (contract, 5.7).
    #[serde(borrow)]
    pub(super) history: Object<Listed<'a>>,
    /// Only in documents of our own making: what came of connecting or disconnecting.
    #[serde(borrow)]
    pub(super) connection: Object<ConnectionAnswer<'a>>,
    /// Seconds.
    pub(super) time: Field<i64>,
    /// Only in version 1: our id of the client, as a text.
    #[serde(borrow)]
    pub(super) receiver: Field<Text<'a>>,
    /// Only in version 1: our id of the chat.
    #[serde(borrow)]
    pub(super) conversation_id: Field<Text<'a>>,
}

impl WireDocument for Hook<'_> {
    type Document<'de> = Hook<'de>;
}

/// One entry of a chat's history, with the chat that was asked for: the entry itself does not name it.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Listed<'a> {
    #[serde(borrow)]
    pub(super) conversation: Object<Conversation<'a>>,
    /// Like a hook's message, but for the chat; `receiver` is absent on what a client said.
    #[serde(borrow)]
    pub(super) entry: Object<MessageHook<'a>>,
}

/// Which call was answered.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ConnectionAnswer<'a> {
    #[serde(borrow)]
    pub(super) call: Field<Text<'a>>,
}

/// Somebody wrote in the CRM (contract, 9.4).
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct MessageHook<'a> {
    #[serde(borrow)]
    pub(super) conversation: Object<Conversation<'a>>,
    #[serde(borrow)]
    pub(super) source: Object<Source<'a>>,
    #[serde(borrow)]
    pub(super) sender: Object<Participant<'a>>,
    #[serde(borrow)]
    pub(super) receiver: Object<Participant<'a>>,
    /// Seconds.
    pub(super) timestamp: Field<i64>,
    pub(super) msec_timestamp: Field<i64>,
    #[serde(borrow)]
    pub(super) message: Object<HookMessage<'a>>,
}

/// A chat: amo's id, and ours once bound.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Conversation<'a> {
    #[serde(borrow)]
    pub(super) id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) client_id: Field<Text<'a>>,
}

/// A lead source.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Source<'a> {
    #[serde(borrow)]
    pub(super) external_id: Field<Text<'a>>,
}

/// A client, a user or a bot.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Participant<'a> {
    #[serde(borrow)]
    pub(super) id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) client_id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) phone: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) email: Field<Text<'a>>,
    /// In no documentation; read because nothing is lost by it.
    #[serde(borrow)]
    pub(super) username: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) avatar: Field<Text<'a>>,
}

/// What was written. `tag` is unused by amo; `media_group_id` only joins messages that are complete by themselves.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct HookMessage<'a> {
    #[serde(borrow)]
    pub(super) id: Field<Text<'a>>,
    /// Only in histories: our id of a message that we put there.
    #[serde(borrow)]
    pub(super) client_id: Field<Text<'a>>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) text: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) media: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) thumbnail: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) file_name: Field<Text<'a>>,
    pub(super) file_size: Field<i64>,
    /// Seconds; not in the documentation's table, but sent.
    pub(super) media_duration: Field<i64>,
    pub(super) location: Object<Location>,
    #[serde(borrow)]
    pub(super) contact: Object<ContactCard<'a>>,
    #[serde(borrow)]
    pub(super) markup: Object<Markup<'a>>,
    #[serde(borrow)]
    pub(super) template: Object<Template<'a>>,
    #[serde(borrow)]
    pub(super) reply_to: Object<ReplyTo<'a>>,
    #[serde(borrow)]
    pub(super) forwards: Object<Forwards<'a>>,
    /// The post under which a comment is answered.
    #[serde(borrow)]
    pub(super) post: Object<Post<'a>>,
}

/// A place on the map.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Location {
    pub(super) lon: Field<f64>,
    pub(super) lat: Field<f64>,
}

/// Somebody's visiting card.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ContactCard<'a> {
    #[serde(borrow)]
    pub(super) name: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) phone: Field<Text<'a>>,
}

/// A keyboard, or WhatsApp's list (contract, 9.5).
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Markup<'a> {
    #[serde(borrow)]
    pub(super) buttons: List<List<Object<Button<'a>>>>,
    #[serde(borrow)]
    pub(super) list_message: Object<ListMessage<'a>>,
}

/// A button; pressing one without address says its text.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Button<'a> {
    #[serde(borrow)]
    pub(super) text: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) url: Field<Text<'a>>,
}

/// WhatsApp's list of answers.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ListMessage<'a> {
    #[serde(borrow)]
    pub(super) header: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) body: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) footer: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) sections: List<Object<Section<'a>>>,
}

/// A part of WhatsApp's list.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Section<'a> {
    #[serde(borrow)]
    pub(super) rows: List<Object<Row<'a>>>,
}

/// An answer in WhatsApp's list.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    pub(super) title: Field<Text<'a>>,
}

/// The template that the text was made from (contract, 9.6).
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Template<'a> {
    /// A number, read as the text that writes it.
    #[serde(borrow)]
    pub(super) id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) external_id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) params: List<Object<Param<'a>>>,
}

/// One filled-in marker of a template.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Param<'a> {
    #[serde(borrow)]
    pub(super) value: Field<Text<'a>>,
}

/// The message that is answered: in a wrapper, or, as one of Kommo's pages has it, without (contract, 16).
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ReplyTo<'a> {
    #[serde(borrow)]
    pub(super) message: Object<Embedded<'a>>,
    #[serde(borrow)]
    pub(super) id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) msgid: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) text: Field<Text<'a>>,
}

/// The messages that are forwarded; today never more than one.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Forwards<'a> {
    #[serde(borrow)]
    pub(super) messages: List<Object<Embedded<'a>>>,
}

/// A message inside another.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Embedded<'a> {
    /// amo's id.
    #[serde(borrow)]
    pub(super) id: Field<Text<'a>>,
    /// Our id.
    #[serde(borrow)]
    pub(super) msgid: Field<Text<'a>>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) text: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) media: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) thumbnail: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) file_name: Field<Text<'a>>,
    pub(super) file_size: Field<i64>,
}

/// A post in a social network.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Post<'a> {
    #[serde(borrow)]
    pub(super) id: Field<Text<'a>>,
}

/// Something that is not a message (contract, 9.7).
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Action<'a> {
    #[serde(borrow)]
    pub(super) typing: Object<Typing<'a>>,
    #[serde(borrow)]
    pub(super) reaction: Object<Reaction<'a>>,
    /// Beside `typing` in the documentation's table, inside it in its example.
    #[serde(borrow)]
    pub(super) user: Object<Participant<'a>>,
}

/// A user of the CRM is writing.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Typing<'a> {
    #[serde(borrow)]
    pub(super) user: Object<Participant<'a>>,
    #[serde(borrow)]
    pub(super) conversation: Object<Conversation<'a>>,
    /// Seconds.
    pub(super) expired_at: Field<i64>,
}

/// A user of the CRM reacted to a message.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Reaction<'a> {
    /// Since September 2023.
    #[serde(borrow)]
    pub(super) message: Object<ReactedMessage<'a>>,
    /// Before: amo's id of the message.
    #[serde(borrow)]
    pub(super) msgid: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) user: Object<Participant<'a>>,
    #[serde(borrow)]
    pub(super) conversation: Object<Conversation<'a>>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) emoji: Field<Text<'a>>,
}

/// The message that was reacted to.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ReactedMessage<'a> {
    #[serde(borrow)]
    pub(super) id: Field<Text<'a>>,
    /// Ours; absent if it was written in amo.
    #[serde(borrow)]
    pub(super) client_id: Field<Text<'a>>,
}

/// The answer to a new chat (contract, 5.3).
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct CreatedChat<'a> {
    #[serde(borrow)]
    pub(super) id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) user: Object<ChatUser<'a>>,
}

impl WireDocument for CreatedChat<'_> {
    type Document<'de> = CreatedChat<'de>;
}

/// The client of a new chat. One printed answer has number and address beside the name, another in a profile.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ChatUser<'a> {
    #[serde(borrow)]
    pub(super) id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) client_id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) avatar: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) phone: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) email: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) profile: Object<ClientProfile<'a>>,
}

/// Number and address.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ClientProfile<'a> {
    #[serde(borrow)]
    pub(super) phone: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) email: Field<Text<'a>>,
}

/// The answer to a new message (contract, 5.4).
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct NewMessageAnswer<'a> {
    #[serde(borrow)]
    pub(super) new_message: Object<NewMessageIds<'a>>,
}

impl WireDocument for NewMessageAnswer<'_> {
    type Document<'de> = NewMessageAnswer<'de>;
}

/// What amo calls what we sent. Here `msgid` is amo's id and `ref_id` is ours.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct NewMessageIds<'a> {
    #[serde(borrow)]
    pub(super) conversation_id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) sender_id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) receiver_id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) msgid: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) ref_id: Field<Text<'a>>,
}

/// What is said about an error; not documented, read where it is there (contract, 7).
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ErrorAnswer<'a> {
    #[serde(borrow)]
    pub(super) error_description: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) error_type: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) detail: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) title: Field<Text<'a>>,
}

impl WireDocument for ErrorAnswer<'_> {
    type Document<'de> = ErrorAnswer<'de>;
}

/// The keys of an object, for telling people what an unknown document is about.
#[derive(Default)]
pub(super) struct Keys(pub(super) Vec<String>);

impl Keys {
    /// How many keys are told at most, and how long each may be.
    const MOST: usize = 6;
    const LONGEST: usize = 40;
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeysVisitor;
        impl<'de> Visitor<'de> for KeysVisitor {
            type Value = Keys;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Keys::default();
                while let Some((key, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                    if keys.0.len() < Keys::MOST {
                        keys.0.push(key.chars().take(Keys::LONGEST).collect());
                    }
                }
                Ok(keys)
            }
        }
        deserializer.deserialize_map(KeysVisitor)
    }
}

impl WireDocument for Keys {
    type Document<'de> = Self;
}

/// Only the keys of a hook's action.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ActionKeys {
    pub(super) action: Object<Keys>,
}

impl WireDocument for ActionKeys {
    type Document<'de> = Self;
}
