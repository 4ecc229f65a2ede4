//! One thing to make true at a platform, imperative.
//!
//! An intent says all that its request needs: with the connection's settings it can be encoded next year as today.
//! Whatever must be learnt first (a conversation's id, say) is a question of its own, and the intent waits for it
//! in state, not in the queue.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::content::{Content, Person};
use crate::fact::{ConversationKey, DeliveryState, Failure, MessageKey};
use crate::ids::{ConversationId, MessageId, PersonId, SourceId};
use crate::phone::PhoneNumber;
use crate::time::Timestamp;
use crate::username::Username;

/// One thing to make true at a platform.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "intent")]
pub enum Intent {
    /// Show a message there.
    SendMessage(SendMessage),
    /// Find the conversation with a client, or open one, without saying anything.
    OpenConversation(OpenConversation),
    /// Ask which of the platform's people has a number or an address.
    FindClient(FindClient),
    /// Give a conversation of theirs an id of ours, by a silent message of the bot.
    ClaimConversation(ClaimConversation),
    /// Say where a message of theirs stands at the other side.
    ReportDelivery(ReportDelivery),
    /// Ask who the client of a conversation is.
    LookUpConversation(LookUpConversation),
    /// Put a reaction under a message, or take it back.
    SetReaction(SetReaction),
    /// Let a message say something else.
    EditMessage(EditMessage),
    /// Take a message away.
    DeleteMessage(DeleteMessage),
    /// Show that somebody is writing.
    ShowTyping(ShowTyping),
}

/// The key under which an intent says of what kind it is.
const KIND: &str = "intent";

/// The kinds, as they are written.
const KINDS: [&str; 10] = [
    "SendMessage",
    "OpenConversation",
    "FindClient",
    "ClaimConversation",
    "ReportDelivery",
    "LookUpConversation",
    "SetReaction",
    "EditMessage",
    "DeleteMessage",
    "ShowTyping",
];

/// What serde would derive keeps a copy of everything until it has found the kind. Here the kind is written first, and
/// what follows is read where it stands, which takes half the time; a history has many intents. Where the kind is not
/// first, as in a document that somebody else has written, it is looked for.
impl<'de> Deserialize<'de> for Intent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByKind;

        impl<'de> Visitor<'de> for ByKind {
            type Value = Intent;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object with the key intent")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Intent, A::Error> {
                let Some(first) = map.next_key::<Cow<'de, str>>()? else { return Err(A::Error::missing_field(KIND)) };
                if first == KIND {
                    let kind: Cow<'de, str> = map.next_value()?;
                    return Intent::of_kind(&kind, MapAccessDeserializer::new(map));
                }
                let mut rest = serde_json::Map::new();
                let mut kind = None;
                let mut key = first.into_owned();
                loop {
                    if key == KIND {
                        kind = Some(map.next_value::<String>()?);
                    } else {
                        rest.insert(key, map.next_value()?);
                    }
                    match map.next_key()? {
                        Some(next) => key = next,
                        None => break,
                    }
                }
                let kind = kind.ok_or_else(|| A::Error::missing_field(KIND))?;
                Intent::of_kind(&kind, serde_json::Value::Object(rest)).map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_map(ByKind)
    }
}

impl Intent {
    /// An intent of a kind, from what is said about it.
    fn of_kind<'de, D: Deserializer<'de>>(kind: &str, said: D) -> Result<Self, D::Error> {
        match kind {
            "SendMessage" => SendMessage::deserialize(said).map(Self::SendMessage),
            "OpenConversation" => OpenConversation::deserialize(said).map(Self::OpenConversation),
            "FindClient" => FindClient::deserialize(said).map(Self::FindClient),
            "ClaimConversation" => ClaimConversation::deserialize(said).map(Self::ClaimConversation),
            "ReportDelivery" => ReportDelivery::deserialize(said).map(Self::ReportDelivery),
            "LookUpConversation" => LookUpConversation::deserialize(said).map(Self::LookUpConversation),
            "SetReaction" => SetReaction::deserialize(said).map(Self::SetReaction),
            "EditMessage" => EditMessage::deserialize(said).map(Self::EditMessage),
            "DeleteMessage" => DeleteMessage::deserialize(said).map(Self::DeleteMessage),
            "ShowTyping" => ShowTyping::deserialize(said).map(Self::ShowTyping),
            unknown => Err(D::Error::unknown_variant(unknown, &KINDS)),
        }
    }
}

impl Intent {
    /// The intent's kind as a word, for counters, logs and tables.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::SendMessage(_) => "send_message",
            Self::OpenConversation(_) => "open_conversation",
            Self::FindClient(_) => "find_client",
            Self::ClaimConversation(_) => "claim_conversation",
            Self::ReportDelivery(_) => "report_delivery",
            Self::LookUpConversation(_) => "look_up_conversation",
            Self::SetReaction(_) => "set_reaction",
            Self::EditMessage(_) => "edit_message",
            Self::DeleteMessage(_) => "delete_message",
            Self::ShowTyping(_) => "show_typing",
        }
    }

    /// The message that it shows, if it shows one.
    pub const fn message(&self) -> Option<&SendMessage> {
        match self {
            Self::SendMessage(message) => Some(message),
            Self::OpenConversation(_)
            | Self::FindClient(_)
            | Self::ClaimConversation(_)
            | Self::ReportDelivery(_)
            | Self::LookUpConversation(_)
            | Self::SetReaction(_)
            | Self::EditMessage(_)
            | Self::DeleteMessage(_)
            | Self::ShowTyping(_) => None,
        }
    }

    /// From when on there is no use in it: it is attempted once and before that moment, or not at all. `None` for
    /// everything that stays true.
    pub const fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::ShowTyping(typing) => Some(typing.until),
            Self::SendMessage(_)
            | Self::OpenConversation(_)
            | Self::FindClient(_)
            | Self::ClaimConversation(_)
            | Self::ReportDelivery(_)
            | Self::LookUpConversation(_)
            | Self::SetReaction(_)
            | Self::EditMessage(_)
            | Self::DeleteMessage(_) => None,
        }
    }
}

/// Show a message there.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SendMessage {
    /// To whom.
    pub to: Destination,
    /// In whose name.
    pub speaker: Speaker,
    /// The author, as far as the platform should know.
    pub author: Person,
    /// The client of the conversation; the same person as the author if the client speaks.
    pub client: Person,
    /// Our id of the message, the same at every attempt.
    pub ours: MessageId,
    /// When it was written.
    pub written_at: Timestamp,
    /// What it says.
    pub content: Content,
    /// The entrance through which the dialogue runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceId>,
    /// Whether nobody is to be notified.
    #[serde(default)]
    pub silent: bool,
}

/// Where a message goes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// Into a conversation that has a name there.
    Conversation(ConversationKey),
    /// To a number, opening the conversation with this message.
    Phone(PhoneNumber),
    /// To somebody whom the platform knows by this id, opening the conversation with this message.
    Client(PersonId),
    /// To somebody's public name in the messenger, opening the conversation with this message.
    Username(Username),
}

impl Destination {
    /// Whether the message opens the conversation.
    pub const fn opens(&self) -> bool {
        match self {
            Self::Conversation(_) => false,
            Self::Phone(_) | Self::Username(_) | Self::Client(_) => true,
        }
    }
}

impl From<Address> for Destination {
    fn from(address: Address) -> Self {
        match address {
            Address::Phone(phone) => Self::Phone(phone),
            Address::Username(username) => Self::Username(username),
        }
    }
}

/// By what a client is found with whom there is no conversation yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// By their number.
    Phone(PhoneNumber),
    /// By their public name in the messenger.
    Username(Username),
}

/// In whose name a message is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The client.
    Client,
    /// A manager, or whoever speaks for the company.
    Manager,
    /// A machine.
    Bot,
}

/// Find the conversation with a client, or open one, without saying anything.
///
/// Stored as `{"phone": …}`, as it was before there were other addresses, or as `{"username": …}`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "StoredAddress", into = "StoredAddress")]
pub struct OpenConversation {
    /// By what the client is found.
    pub address: Address,
}

/// How an address is written beside the other keys of an intent.
#[derive(Serialize, Deserialize)]
struct StoredAddress {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone: Option<PhoneNumber>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    username: Option<Username>,
}

impl TryFrom<StoredAddress> for OpenConversation {
    type Error = &'static str;

    fn try_from(stored: StoredAddress) -> Result<Self, Self::Error> {
        let address = match (stored.phone, stored.username) {
            (Some(phone), None) => Address::Phone(phone),
            (None, Some(username)) => Address::Username(username),
            (Some(_), Some(_)) => return Err("both a phone and a username"),
            (None, None) => return Err("neither a phone nor a username"),
        };
        Ok(Self { address })
    }
}

impl From<OpenConversation> for StoredAddress {
    fn from(open: OpenConversation) -> Self {
        match open.address {
            Address::Phone(phone) => Self { phone: Some(phone), username: None },
            Address::Username(username) => Self { phone: None, username: Some(username) },
        }
    }
}

/// Ask which of the platform's people has a number or an address.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FindClient {
    /// What they are known by.
    pub by: ClientMark,
}

/// What a client is known by at more than one platform.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientMark {
    /// Their number.
    Phone(PhoneNumber),
    /// Their electronic mail address, as it was written.
    Email(String),
}

/// Give a conversation of theirs an id of ours, by a silent message of the bot.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClaimConversation {
    /// Their id.
    pub theirs: ConversationId,
    /// The id that it shall have.
    pub ours: ConversationId,
    /// The client: their id and the id that we give.
    pub client: Person,
    /// Whether the bot speaks under an id of its own and the client is named by their id too, so that the client is
    /// bound along with the chat (amoCRM contract, 10.4, stricter variant); otherwise exactly as in the owner's note.
    pub strict: bool,
    /// What the bot says; people see it.
    pub text: String,
    /// Our id of the bot's message.
    pub message: MessageId,
    /// The time that the message bears.
    pub at: Timestamp,
    /// The entrance through which the dialogue runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceId>,
}

/// Say where a message of theirs stands at the other side.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReportDelivery {
    /// Their id of the message.
    pub message: MessageId,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// Ask who the client of a conversation is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LookUpConversation {
    /// Their id of the conversation.
    pub conversation: ConversationId,
}

/// Put a reaction under a message, or take it back.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SetReaction {
    /// Where the message stands.
    pub conversation: ConversationKey,
    /// Which message, as it is called there.
    pub message: MessageKey,
    /// In whose name.
    pub speaker: Speaker,
    /// Who reacts, as far as the platform should know.
    pub author: Person,
    /// The reaction; absent if it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
}

/// Let a message say something else.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EditMessage {
    /// Where the message stands.
    pub conversation: ConversationKey,
    /// Which message, as it is called there.
    pub message: MessageKey,
    /// All that it says now.
    pub content: Content,
    /// When it was changed.
    pub at: Timestamp,
}

/// Take a message away.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DeleteMessage {
    /// Where the message stands.
    pub conversation: ConversationKey,
    /// Which message, as it is called there.
    pub message: MessageKey,
}

/// Show that somebody is writing.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ShowTyping {
    /// Where.
    pub conversation: ConversationKey,
    /// On which side.
    pub speaker: Speaker,
    /// Who writes, as far as the platform should know.
    pub author: Person,
    /// Since when.
    pub since: Timestamp,
    /// Until when it is worth showing.
    pub until: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_of_before_there_were_usernames_is_still_read() {
        let stored = r#"{"intent":"OpenConversation","phone":"79135292926"}"#;
        let intent: Intent = serde_json::from_str(stored).unwrap();
        let phone = PhoneNumber::international("79135292926").unwrap();
        assert_eq!(intent, Intent::OpenConversation(OpenConversation { address: Address::Phone(phone) }));
        assert_eq!(serde_json::to_string(&intent).unwrap(), stored);
    }

    #[test]
    fn an_intent_is_read_wherever_its_kind_stands() {
        for (first, elsewhere) in [
            (
                r#"{"intent":"LookUpConversation","conversation":"c1"}"#,
                r#"{"conversation":"c1","more":[1,{"a":null}],"intent":"LookUpConversation"}"#,
            ),
            (
                r#"{"intent":"EditMessage","conversation":{"theirs":"c1"},"message":{"theirs":"m1"},"content":{"text":"a\"b","parts":[{"part":"location","latitude":54.1,"longitude":0.1}]},"at":17}"#,
                r#"{"at":17,"message":{"theirs":"m1"},"intent":"EditMessage","conversation":{"theirs":"c1"},"content":{"parts":[{"latitude":54.1,"longitude":0.1,"part":"location"}],"text":"a\"b"}}"#,
            ),
        ] {
            let read: Intent = serde_json::from_str(first).unwrap();
            assert_eq!(serde_json::from_str::<Intent>(elsewhere).unwrap(), read);
            assert_eq!(serde_json::from_value::<Intent>(serde_json::from_str(first).unwrap()).unwrap(), read);
            assert_eq!(serde_json::from_slice::<Intent>(&serde_json::to_vec(&read).unwrap()).unwrap(), read);
        }
    }

    #[test]
    fn every_kind_is_read_by_the_name_under_which_it_is_written() {
        for kind in KINDS {
            let error = serde_json::from_str::<Intent>(&format!(r#"{{"intent":"{kind}"}}"#)).unwrap_err().to_string();
            assert!(!error.contains("unknown variant"), "{kind}: {error}");
        }
        for (text, why) in [
            ("{}", "missing field `intent`"),
            (r#"{"a":1}"#, "missing field `intent`"),
            (r#"{"intent":"Dance"}"#, "unknown variant `Dance`"),
            (r#"{"a":1,"intent":"Dance"}"#, "unknown variant `Dance`"),
            ("[]", "an object with the key intent"),
        ] {
            let error = serde_json::from_str::<Intent>(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn an_address_is_one_thing_or_the_other() {
        let stored = r#"{"intent":"OpenConversation","username":"anna_k"}"#;
        let intent: Intent = serde_json::from_str(stored).unwrap();
        assert_eq!(serde_json::to_string(&intent).unwrap(), stored);
        for neither in [
            r#"{"intent":"OpenConversation"}"#,
            r#"{"intent":"OpenConversation","phone":"79135292926","username":"anna_k"}"#,
        ] {
            assert!(serde_json::from_str::<Intent>(neither).is_err(), "{neither}");
        }
    }
}
