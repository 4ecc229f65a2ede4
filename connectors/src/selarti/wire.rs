//! Selarti's documents as they are written.
//!
//! Takes JSON, gives structs of loose fields: an odd value loses only itself. What they mean is not said here.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use crate::loose::{Field, Object, Scalar, Text, WireDocument};

/// The webhook: all twenty parameters of the manual, in its order (6.1). Every one may be missing.
///
/// What becomes of them: `external_chat_id`, `thread_id`, `message_*`, `task_id`, `manager_id`, `title` and `contacts` are
/// parts of the message's fact; the six yes/no values, both addresses and `wh_type` of the report beside it.
/// `channel_id` and `company_id` become parts of no fact: they say only for whom the webhook is meant, `verify` compares
/// them, and nothing is shown differently by them. They stay in the recorded body for whoever needs them.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct Webhook<'a> {
    /// Through which channel the dialogue runs; read by `verify`.
    #[serde(borrow)]
    pub(super) channel_id: Field<Name<'a>>,
    /// Whether the dialogue is closed.
    pub(super) close: Field<YesNo>,
    /// Whose account it is; read by `verify`.
    #[serde(borrow)]
    pub(super) company_id: Field<Name<'a>>,
    /// Number, public name and others, in five shapes (6.5).
    pub(super) contacts: Value,
    /// Our own `chat_id`.
    #[serde(borrow)]
    pub(super) external_chat_id: Field<Name<'a>>,
    /// Whether the client gave a number or the like.
    pub(super) get_contact: Field<YesNo>,
    /// Whether the client showed interest.
    pub(super) interest: Field<YesNo>,
    /// Whether the *client* is a machine; it says nothing of the message's author (11, line 1).
    pub(super) is_bot: Field<YesNo>,
    /// The made-up manager of the task.
    #[serde(borrow)]
    pub(super) manager_id: Field<Name<'a>>,
    /// Selarti's id of the message.
    #[serde(borrow)]
    pub(super) message_id: Field<Name<'a>>,
    /// What was said.
    #[serde(borrow)]
    pub(super) message_text: Field<Text<'a>>,
    /// Who said it: bot, operator or user (6.3).
    #[serde(borrow)]
    pub(super) message_type: Field<Text<'a>>,
    /// Whether the dialogue was handed over; it says nothing of the message's author (11, line 1).
    pub(super) operator: Field<YesNo>,
    /// Where staff can answer.
    #[serde(borrow)]
    pub(super) panel_url: Field<Text<'a>>,
    /// Where one can only look.
    #[serde(borrow)]
    pub(super) share_url: Field<Text<'a>>,
    /// Whether the dialogue succeeded.
    pub(super) success: Field<YesNo>,
    /// The task.
    #[serde(borrow)]
    pub(super) task_id: Field<Name<'a>>,
    /// Selarti's own id of the dialogue.
    #[serde(borrow)]
    pub(super) thread_id: Field<Name<'a>>,
    /// The client's full name.
    #[serde(borrow)]
    pub(super) title: Field<Text<'a>>,
    /// Why it was sent: an opaque word (6.4).
    #[serde(borrow)]
    pub(super) wh_type: Field<Text<'a>>,
}

impl WireDocument for Webhook<'static> {
    type Document<'de> = Webhook<'de>;
}

/// An id: a text, or a number that can be written out without losing a digit (8, step 2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Name<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Scalar<'de> for Name<'a> {
    fn from_text(text: Cow<'de, str>) -> Option<Self> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return None;
        }
        Some(Self(if trimmed.len() == text.len() { text } else { Cow::Owned(trimmed.to_owned()) }))
    }
    fn from_whole(number: i128) -> Option<Self> {
        Some(Self(Cow::Owned(number.to_string())))
    }
    fn from_fraction(number: f64) -> Option<Self> {
        i64::from_fraction(number).map(|whole| Self(Cow::Owned(whole.to_string())))
    }
    fn from_flag(_: bool) -> Option<Self> {
        None
    }
}

/// A yes/no value in any of the forms that Selarti and bubble.io write it (6.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct YesNo(pub(super) bool);

impl<'de> Scalar<'de> for YesNo {
    fn from_text(text: Cow<'de, str>) -> Option<Self> {
        match text.trim().to_lowercase().as_str() {
            "true" | "yes" | "да" | "1" => Some(Self(true)),
            "false" | "no" | "нет" | "0" => Some(Self(false)),
            _ => None,
        }
    }
    fn from_whole(number: i128) -> Option<Self> {
        bool::from_whole(number).map(Self)
    }
    fn from_fraction(_: f64) -> Option<Self> {
        None
    }
    fn from_flag(flag: bool) -> Option<Self> {
        Some(Self(flag))
    }
}

/// Any answer: bubble.io puts an error's text into `message`, or into `body.message` (4.2).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct Reply<'a> {
    #[serde(borrow)]
    pub(super) status: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) message: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) body: Object<Complaint<'a>>,
    #[serde(borrow)]
    pub(super) response: Object<Response<'a>>,
}

impl WireDocument for Reply<'static> {
    type Document<'de> = Reply<'de>;
}

/// What is wrong, one level down.
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct Complaint<'a> {
    #[serde(borrow)]
    pub(super) status: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) message: Field<Text<'a>>,
}

/// What a successful call answers: a token for a key (4.1); ids for a message, if ever (5).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct Response<'a> {
    #[serde(borrow)]
    pub(super) token: Field<Text<'a>>,
    pub(super) expires: Field<i64>,
    #[serde(borrow)]
    pub(super) message_id: Field<Name<'a>>,
    #[serde(borrow)]
    pub(super) thread_id: Field<Name<'a>>,
}
