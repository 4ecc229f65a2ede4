//! What happened in a dialogue, entry by entry.

use chatledger_projections::assistance::{News, Reason, Return};
use chatledger_projections::bindings::Standing;
use chatledger_projections::configuration::Role;
use chatledger_projections::content::Content;
use chatledger_projections::delivery::Origin;
use chatledger_projections::event::Instruction;
use chatledger_projections::fact::{DeliveryState, Failure};
use chatledger_projections::files::Stored;
use chatledger_projections::ids::{ConnectionName, IntentId, ThreadId};
use chatledger_projections::recorded::Position;
use chatledger_projections::threads::Side;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::At;
use super::schema;

/// One entry of a dialogue's timeline.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Entry {
    /// Its name within the dialogue; the same in every answer.
    #[schema(example = "1042.0")]
    pub id: String,
    /// When it happened, by our clock: a message when we heard of it.
    pub at: At,
    /// The event by which it came to be known in this dialogue.
    #[schema(value_type = String, example = "1042")]
    pub position: Position,
    /// What happened.
    #[serde(flatten)]
    pub happened: Happened,
}

/// What happened in a dialogue.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Happened {
    /// Somebody said something.
    Message(Box<MessageRow>),
    /// A message stands otherwise at the other side.
    Delivery {
        /// Which, by where it was written.
        #[schema(value_type = MessageKeySchema)]
        message: Origin,
        /// Where it stands.
        #[schema(schema_with = schema::delivery_state)]
        state: DeliveryState,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<FailureSchema>)]
        failure: Option<Failure>,
    },
    /// A message says something else.
    Edited {
        /// Which.
        #[schema(value_type = MessageKeySchema)]
        message: Origin,
        /// What it says now.
        #[schema(value_type = Object)]
        content: Content,
    },
    /// A message was taken away.
    Removed {
        /// Which.
        #[schema(value_type = MessageKeySchema)]
        message: Origin,
    },
    /// A file of a message was fetched, and lies with us for as long as there is room for it.
    FileKept {
        /// Of which message.
        #[schema(value_type = MessageKeySchema)]
        message: Origin,
        /// Where it came from: the file's `url` in the message.
        url: String,
        /// What it is.
        #[schema(value_type = StoredSchema)]
        stored: Stored,
    },
    /// Another reaction stands under a message, or none any more.
    Reacted {
        /// Which message.
        #[schema(value_type = MessageKeySchema)]
        message: Origin,
        /// Which side reacted.
        #[schema(schema_with = schema::side)]
        side: Side,
        /// The reaction; absent if it was taken back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        emoji: Option<String>,
    },
    /// We said something of our own where managers work: a note, or a claim's words.
    Note {
        /// Where.
        #[schema(value_type = String)]
        connection: ConnectionName,
        /// By which intent.
        #[schema(value_type = uuid::Uuid)]
        intent: IntentId,
        /// By which rule.
        policy: String,
        /// What it says.
        text: String,
    },
    /// The assistant wrote while it was to be silent; nobody was shown it.
    Withheld {
        /// What, by where it was written.
        #[schema(value_type = MessageKeySchema)]
        message: Origin,
        /// What it said, if that is still known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// The assistant is silent from here on.
    AssistantFellSilent {
        /// Why.
        #[schema(schema_with = schema::silence_reason)]
        because: Reason,
    },
    /// The assistant may speak again.
    AssistantSpeaksAgain {
        /// Why.
        #[schema(value_type = String)]
        because: Return,
    },
    /// By the assistant's word, something has come to be so.
    AssistantTold {
        /// What.
        #[schema(value_type = Vec<String>)]
        news: Vec<News>,
    },
    /// A conversation and the dialogue are joined, or more firmly than before.
    Bound {
        /// Where.
        #[schema(value_type = String)]
        connection: ConnectionName,
        /// How firmly.
        #[schema(schema_with = schema::standing)]
        standing: Standing,
    },
    /// An intent of the dialogue is held until a person decides.
    Held {
        /// Which.
        #[schema(value_type = uuid::Uuid)]
        intent: IntentId,
        /// Where it was to become true.
        #[schema(value_type = String)]
        connection: ConnectionName,
        /// What it is.
        what: String,
        /// Why.
        reason: String,
    },
    /// An operator told the program what to do.
    Instructed {
        /// Who.
        who: String,
        /// Why, in their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// What is to be done.
        #[schema(value_type = Object)]
        instruction: Instruction,
    },
}

/// A message, with where it stands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct MessageRow {
    /// What it is called where it was written.
    #[schema(value_type = MessageKeySchema)]
    pub key: Origin,
    /// In which dialogue.
    #[schema(value_type = uuid::Uuid)]
    pub thread: ThreadId,
    /// Which side wrote it.
    #[schema(schema_with = schema::side)]
    pub side: Side,
    /// What the connection at which it was written is in the dialogue's route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::role)]
    pub written_at: Option<Role>,
    /// Who wrote it, as far as the platform says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Whether a machine wrote it.
    #[serde(default)]
    pub by_machine: bool,
    /// When it was written, as the platform claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<At>,
    /// What it says now.
    #[schema(value_type = Object)]
    pub content: Content,
    /// Whether it said something else before.
    #[serde(default)]
    pub edited: bool,
    /// Whether it was taken away.
    #[serde(default)]
    pub removed: bool,
    /// The reactions under it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
    /// Where it stands at the other side.
    #[schema(schema_with = schema::delivery_state)]
    pub state: DeliveryState,
    /// Since when it stands so.
    pub state_since: At,
    /// Why it failed, while it stands so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<FailureSchema>)]
    pub failure: Option<Failure>,
    /// Where it was shown, and what it is called there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<MessageKeySchema>)]
    pub shown: Vec<Origin>,
}

/// A reaction under a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Reaction {
    /// Which side reacted.
    #[schema(schema_with = schema::side)]
    pub side: Side,
    /// The reaction.
    pub emoji: String,
}

/// What a message is called at a connection, for OpenAPI: [`Origin`] describes itself to nobody.
#[derive(ToSchema)]
#[schema(as = MessageKey)]
#[allow(dead_code)] // Only its description is used.
pub struct MessageKeySchema {
    /// At which connection.
    connection: String,
    /// What it is called there.
    message: String,
}

/// A file that lies with us, for OpenAPI: [`Stored`] describes itself to nobody.
#[derive(ToSchema)]
#[schema(as = Stored)]
#[allow(dead_code)] // Only its description is used.
pub struct StoredSchema {
    /// The digest of its bytes: 64 lower-case hexadecimal digits.
    sha256: String,
    /// How many bytes it has.
    bytes: u64,
    /// What it is.
    media_type: String,
}

/// Why a message will not arrive, for OpenAPI: [`Failure`] describes itself to nobody.
#[derive(ToSchema)]
#[schema(as = Failure)]
#[allow(dead_code)] // Only its description is used.
pub struct FailureSchema {
    /// Of what kind.
    #[schema(schema_with = schema::failure_kind)]
    kind: String,
    /// For people, as the platform or we put it.
    reason: String,
}
