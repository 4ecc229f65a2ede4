//! What we write to amojo: structs of exact types, for it takes no number for a text and no text for a number
//! (contract, 2). Optional fields are left out, never `null`.

use serde::Serialize;

/// A request to show a message (contract, 5.4).
#[derive(Serialize)]
pub(in crate::amocrm) struct NewMessage<'a> {
    pub(in crate::amocrm) event_type: &'static str,
    pub(in crate::amocrm) payload: Payload<'a>,
}

/// What is to be shown, and where.
#[derive(Serialize)]
pub(in crate::amocrm) struct Payload<'a> {
    /// Seconds.
    pub(in crate::amocrm) timestamp: i64,
    pub(in crate::amocrm) msec_timestamp: i64,
    pub(in crate::amocrm) msgid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) conversation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) conversation_ref_id: Option<&'a str>,
    pub(in crate::amocrm) silent: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) source: Option<OurSource<'a>>,
    pub(in crate::amocrm) sender: Speaker<'a>,
    /// Never on what the client says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) receiver: Option<Speaker<'a>>,
    pub(in crate::amocrm) message: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) reply_to: Option<OurReplyTo<'a>>,
}

/// A lead source, by our id.
#[derive(Serialize)]
pub(in crate::amocrm) struct OurSource<'a> {
    pub(in crate::amocrm) external_id: &'a str,
}

/// A participant: `id` is ours, `ref_id` is amo's.
#[derive(Serialize)]
pub(in crate::amocrm) struct Speaker<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) ref_id: Option<&'a str>,
    pub(in crate::amocrm) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) avatar: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) profile: Option<Profile<'a>>,
}

/// What goes into the contact.
#[derive(Serialize)]
pub(in crate::amocrm) struct Profile<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) phone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) email: Option<&'a str>,
}

/// What the message says (contract, 6.1): a text and at most one attachment.
#[derive(Serialize, Default)]
pub(in crate::amocrm) struct Message {
    #[serde(rename = "type")]
    pub(in crate::amocrm) kind: &'static str,
    pub(in crate::amocrm) text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) media: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) file_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) file_size: Option<u64>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) media_duration: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) location: Option<OurLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) contact: Option<OurContact>,
}

/// A place on the map.
#[derive(Serialize)]
pub(in crate::amocrm) struct OurLocation {
    pub(in crate::amocrm) lon: f64,
    pub(in crate::amocrm) lat: f64,
}

/// Somebody's visiting card.
#[derive(Serialize)]
pub(in crate::amocrm) struct OurContact {
    pub(in crate::amocrm) name: String,
    pub(in crate::amocrm) phone: String,
}

/// The message that is answered.
#[derive(Serialize)]
pub(in crate::amocrm) struct OurReplyTo<'a> {
    pub(in crate::amocrm) message: Quoted<'a>,
}

/// One of its ids.
#[derive(Serialize)]
pub(in crate::amocrm) struct Quoted<'a> {
    /// amo's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) id: Option<&'a str>,
    /// Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) msgid: Option<&'a str>,
}

/// A request to let a message say something else (contract, 5.5). What is said of people, source and quote is ignored
/// on an edit, and so is left out.
#[derive(Serialize)]
pub(in crate::amocrm) struct EditMessage<'a> {
    pub(in crate::amocrm) event_type: &'static str,
    pub(in crate::amocrm) payload: Edited<'a>,
}

/// Which message, and all that it says now.
#[derive(Serialize)]
pub(in crate::amocrm) struct Edited<'a> {
    /// Seconds.
    pub(in crate::amocrm) timestamp: i64,
    pub(in crate::amocrm) msec_timestamp: i64,
    /// amo's id of the message. Beside `msgid` it would give the message that id of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) id: Option<&'a str>,
    /// Our id of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) msgid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) conversation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) conversation_ref_id: Option<&'a str>,
    pub(in crate::amocrm) message: Message,
}

/// A request to put a reaction under a message, or to take it back (contract, 5.9).
#[derive(Serialize)]
pub(in crate::amocrm) struct React<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) conversation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) conversation_ref_id: Option<&'a str>,
    /// amo's id of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) id: Option<&'a str>,
    /// Our id of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) msgid: Option<&'a str>,
    pub(in crate::amocrm) user: Reacting<'a>,
    /// `react` or `unreact`.
    #[serde(rename = "type")]
    pub(in crate::amocrm) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) emoji: Option<&'a str>,
}

/// Who reacts: a client by our id, a user by amo's.
#[derive(Serialize)]
pub(in crate::amocrm) struct Reacting<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) ref_id: Option<&'a str>,
}

/// A request to show that the client writes (contract, 5.8); both ids are ours.
#[derive(Serialize)]
pub(in crate::amocrm) struct Typing<'a> {
    pub(in crate::amocrm) conversation_id: &'a str,
    pub(in crate::amocrm) sender: Writing<'a>,
    pub(in crate::amocrm) duration_ms: u64,
}

/// Who writes.
#[derive(Serialize)]
pub(in crate::amocrm) struct Writing<'a> {
    pub(in crate::amocrm) id: &'a str,
}

/// A request to connect the channel to an account (contract, 5.1).
#[derive(Serialize)]
pub(in crate::amocrm) struct Connect<'a> {
    pub(in crate::amocrm) account_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) title: Option<&'a str>,
    pub(in crate::amocrm) hook_api_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) is_time_window_disabled: Option<bool>,
}

/// A request to disconnect the channel from an account (contract, 5.2).
#[derive(Serialize)]
pub(in crate::amocrm) struct Disconnect<'a> {
    pub(in crate::amocrm) account_id: &'a str,
}

/// A request to make a chat before anything is said in it (contract, 5.3).
#[derive(Serialize)]
pub(in crate::amocrm) struct CreateChat<'a> {
    pub(in crate::amocrm) conversation_id: &'a str,
    pub(in crate::amocrm) user: Speaker<'a>,
}

/// A request to show where a message stands; which keys it has is a setting (contract, 5.6).
#[derive(Serialize)]
pub(in crate::amocrm) struct DeliveryStatus<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) msgid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) status_code: Option<i8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) delivery_status: Option<i8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) error_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::amocrm) error: Option<&'a str>,
}
