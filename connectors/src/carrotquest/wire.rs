//! Carrot quest's documents as they are written.
//!
//! Takes JSON, gives structs of loose fields: an odd value loses only itself. Ids are whole numbers up to 2^64−1, as
//! numbers or as texts (2.4), and are never read through a float; where a document may stand instead of an id (5.1) a
//! [`Reference`] takes in either. What the documents mean is not said here.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::loose::{Field, List, Object, Scalar, Text, WireDocument};

/// JSON of no documented shape: `actions`, `body_json` (11).
pub(super) type Free = Value;

/// An id as text: what was sent as a number and what was sent as a text become the same name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Id(pub(super) String);

impl<'de> Scalar<'de> for Id {
    fn from_text(text: Cow<'de, str>) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty() && text != "0").then(|| Self(text.to_owned()))
    }
    /// Zero means "none" (5.1, `channel`), and there is nothing below it (2.3).
    fn from_whole(number: i128) -> Option<Self> {
        (number > 0).then(|| Self(number.to_string()))
    }
    /// A number that has become a fraction has lost its last digits.
    fn from_fraction(_: f64) -> Option<Self> {
        None
    }
    fn from_flag(_: bool) -> Option<Self> {
        None
    }
}

/// An id, or the document that it stands for.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) enum Reference<T> {
    /// Missing, `null` or empty.
    #[default]
    Absent,
    /// Only the id.
    Id(Id),
    /// The document itself.
    Document(Box<T>),
    /// Neither.
    Odd(&'static str),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Reference<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ReferenceVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ReferenceVisitor<T> {
            type Value = Reference<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("anything")
            }
            fn visit_str<E>(self, text: &str) -> Result<Reference<T>, E> {
                Ok(match text.trim() {
                    "" | "0" => Reference::Absent,
                    text => Reference::Id(Id(text.to_owned())),
                })
            }
            fn visit_i64<E>(self, number: i64) -> Result<Reference<T>, E> {
                Ok(whole(number.into()))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Reference<T>, E> {
                Ok(whole(number.into()))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Reference<T>, E> {
                Ok(Reference::Odd("a number with a fraction"))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Reference<T>, E> {
                Ok(Reference::Odd("true or false"))
            }
            fn visit_unit<E>(self) -> Result<Reference<T>, E> {
                Ok(Reference::Absent)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Reference<T>, A::Error> {
                let mut empty = true;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    empty = false;
                }
                Ok(if empty { Reference::Absent } else { Reference::Odd("a list") })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Reference<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|document| Reference::Document(Box::new(document)))
            }
        }

        fn whole<T>(number: i128) -> Reference<T> {
            match number {
                0 => Reference::Absent,
                _ => Id::from_whole(number).map_or(Reference::Odd("a number below zero"), Reference::Id),
            }
        }

        deserializer.deserialize_any(ReferenceVisitor(PhantomData))
    }
}

/// Whether a key is there with anything but `null`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Presence(pub(super) bool);

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<IgnoredAny>::deserialize(deserializer).map(|anything| Self(anything.is_some()))
    }
}

macro_rules! documents {
    ($($name:ident),*) => {$(
        impl WireDocument for $name<'static> {
            type Document<'de> = $name<'de>;
        }
    )*};
}

documents!(Shape, Part, Conversation, User, Webhook, Answer, Created);
documents!(RealtimePart, RealtimeConversation, RealtimeTyping);
documents!(ConversationAnswer, ConversationsAnswer, PartsAnswer, UsersAnswer);

/// The keys by which a JSON document's kind is told.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct Shape<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Field<Text<'a>>,
    /// A webhook's substance; elsewhere the conversation of a part.
    pub(super) conversation: Presence,
    /// Only webhooks have it.
    #[serde(borrow)]
    pub(super) token: Field<Text<'a>>,
    /// An answer's envelope (2.4).
    pub(super) meta: Presence,
    pub(super) data: Free,
    /// A realtime envelope (7.2).
    #[serde(borrow)]
    pub(super) channel: Field<Text<'a>>,
    pub(super) message: Presence,
    /// Only conversations have these (5.6).
    pub(super) part_last: Presence,
    pub(super) parts_count: Presence,
    pub(super) last_update: Presence,
}

/// A webhook whose fields came as JSON rather than as a form.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct Webhook<'a> {
    #[serde(borrow)]
    pub(super) conversation: Object<Part<'a>>,
    #[serde(borrow)]
    pub(super) user: Reference<User<'a>>,
}

/// A realtime message about a part (7.3).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct RealtimePart<'a> {
    #[serde(borrow)]
    pub(super) message: Object<Part<'a>>,
}

/// A realtime message about a conversation (7.3).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct RealtimeConversation<'a> {
    #[serde(borrow)]
    pub(super) message: Object<Conversation<'a>>,
}

/// A realtime message about somebody's typing (7.3).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct RealtimeTyping<'a> {
    #[serde(borrow)]
    pub(super) message: Object<Typing<'a>>,
}

/// Somebody is typing: an operator or the client.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct Typing<'a> {
    #[serde(borrow)]
    pub(super) admin: Object<Author<'a>>,
    #[serde(borrow)]
    pub(super) user: Reference<User<'a>>,
    #[serde(borrow)]
    pub(super) conversation: Reference<Conversation<'a>>,
}

/// One reply or system record of a dialogue (5.1).
#[derive(Deserialize, Debug, Default, Clone, PartialEq)]
#[serde(default)]
pub(super) struct Part<'a> {
    pub(super) id: Field<Id>,
    #[serde(borrow)]
    pub(super) created: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) edited: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) removed: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) conversation: Reference<Conversation<'a>>,
    #[serde(borrow)]
    pub(super) body: Field<Text<'a>>,
    pub(super) body_json: Free,
    /// What a rating is, among others (5.1).
    pub(super) meta_data: Free,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) from: Reference<Author<'a>>,
    /// In webhooks the client, on operators' parts, too (5.1).
    #[serde(borrow)]
    pub(super) user: Reference<User<'a>>,
    #[serde(borrow)]
    pub(super) sent_via: Field<Text<'a>>,
    pub(super) actions: Free,
    #[serde(borrow)]
    pub(super) external_id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) random_id: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) attachments: List<Object<Attachment<'a>>>,
}

/// Who wrote a part: an Admin, a MessageSender, or a `default_admin` without an id (5.2).
#[derive(Deserialize, Debug, Default, Clone, PartialEq)]
#[serde(default)]
pub(super) struct Author<'a> {
    pub(super) id: Field<Id>,
    #[serde(borrow)]
    pub(super) name: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) avatar: Field<Text<'a>>,
}

/// A file of a part (5.6).
#[derive(Deserialize, Debug, Default, Clone, PartialEq)]
#[serde(default)]
pub(super) struct Attachment<'a> {
    #[serde(borrow)]
    pub(super) filename: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) mime_type: Field<Text<'a>>,
    pub(super) size: Field<i64>,
    #[serde(borrow)]
    pub(super) url: Field<Text<'a>>,
}

/// A dialogue (5.6). All but the id may be missing.
#[derive(Deserialize, Debug, Default, Clone, PartialEq)]
#[serde(default)]
pub(super) struct Conversation<'a> {
    pub(super) id: Field<Id>,
    #[serde(borrow)]
    pub(super) created: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) last_update: Field<Text<'a>>,
    /// The message of the company that opened it, if one did.
    pub(super) message: Presence,
    #[serde(borrow)]
    pub(super) user: Reference<User<'a>>,
    /// The kind of messenger integration; absent for the chat on the site.
    #[serde(borrow)]
    pub(super) external_service: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) part_last: Object<Box<Part<'a>>>,
}

/// A client (4).
#[derive(Deserialize, Debug, Default, Clone, PartialEq)]
#[serde(default)]
pub(super) struct User<'a> {
    pub(super) id: Field<Id>,
    /// When the user was removed or merged into another, as an ISO date.
    #[serde(borrow)]
    pub(super) removed: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) props: Object<Props<'a>>,
}

/// A client's properties that we read. System ones begin with `$` (4).
#[derive(Deserialize, Debug, Default, Clone, PartialEq)]
#[serde(default)]
pub(super) struct Props<'a> {
    #[serde(borrow, rename = "$name")]
    pub(super) name: Field<Text<'a>>,
    #[serde(borrow, rename = "$email")]
    pub(super) email: Field<Text<'a>>,
    #[serde(borrow, rename = "$phone")]
    pub(super) phone: Field<Text<'a>>,
}

/// An answer's verdict (2.4).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub(super) meta: Object<Meta<'a>>,
}

/// What an answer says of itself.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct Meta<'a> {
    pub(super) status: Field<i64>,
    #[serde(borrow)]
    pub(super) error: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) error_message: Field<Text<'a>>,
    /// Version 2: where the next page begins, or `null` (2.6).
    pub(super) next_before_position: Presence,
    /// Version 1.
    pub(super) next_after: Presence,
}

/// The answer to a reply of ours: `data` is the part, of which only the id is certain (3.2).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct Created<'a> {
    #[serde(borrow)]
    pub(super) data: Object<Part<'a>>,
}

/// One conversation.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct ConversationAnswer<'a> {
    #[serde(borrow)]
    pub(super) data: Object<Conversation<'a>>,
}

/// A page of conversations.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct ConversationsAnswer<'a> {
    #[serde(borrow)]
    pub(super) meta: Object<Meta<'a>>,
    #[serde(borrow)]
    pub(super) data: List<Object<Conversation<'a>>>,
}

/// The visitors that a search found (4).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct UsersAnswer<'a> {
    #[serde(borrow)]
    pub(super) data: Object<Users<'a>>,
}

/// The visitors of a page.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct Users<'a> {
    #[serde(borrow)]
    pub(super) users: List<Object<User<'a>>>,
}

/// A page of parts.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct PartsAnswer<'a> {
    #[serde(borrow)]
    pub(super) meta: Object<Meta<'a>>,
    #[serde(borrow)]
    pub(super) data: List<Object<Part<'a>>>,
}
