//! Dialogues as they are listed, and one of them whole.

use chatledger_projections::assistance::Reason;
use chatledger_projections::bindings::Standing;
use chatledger_projections::configuration::Role;
use chatledger_projections::ids::{ConnectionName, ConversationId, PersonId, RouteName, ThreadId};
use chatledger_projections::recorded::Position;
use chatledger_projections::threads::Side;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::At;
use super::schema;

/// A dialogue in a list.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct ThreadRow {
    /// Which.
    #[schema(value_type = uuid::Uuid)]
    pub id: ThreadId,
    /// The route that it runs on.
    #[schema(value_type = String)]
    pub route: RouteName,
    /// What is known of the client.
    pub client: ClientCard,
    /// What it waits for, in a word.
    pub state: ThreadState,
    /// When we first heard of it.
    pub opened_at: At,
    /// When anybody last said anything, else when it was opened; what lists are ordered by.
    pub active_at: At,
    /// The newest message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<LastWord>,
    /// How many messages the client wrote.
    pub from_client: u32,
    /// How many messages the company's side wrote.
    pub from_company: u32,
    /// How many intents of it are not done yet.
    pub open_intents: u32,
    /// How many intents of it wait for a person.
    pub held_intents: u32,
    /// How the route's assistant stands to it, where it had to do with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assistant: Option<AssistantStands>,
    /// Since which event all of this is so.
    #[schema(value_type = String, example = "1042")]
    pub since: Position,
}

/// What a dialogue waits for. Of several, the first in this list holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThreadState {
    /// An intent of it waits for a person.
    Held,
    /// Its newest message did not arrive.
    Failed,
    /// Something of it is under way, or waits for its turn.
    UnderWay,
    /// The client wrote last.
    Unanswered,
    /// The company's side wrote last.
    Answered,
    /// Nothing was said yet.
    Opened,
}

impl ThreadState {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Held, Self::Failed, Self::UnderWay, Self::Unanswered, Self::Answered, Self::Opened];

    /// The state as a word.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Failed => "failed",
            Self::UnderWay => "under_way",
            Self::Unanswered => "unanswered",
            Self::Answered => "answered",
            Self::Opened => "opened",
        }
    }
}

/// What is known of a client.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ClientCard {
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The number: international digits behind a plus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "+79135292926")]
    pub phone: Option<String>,
    /// The messenger's public name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The electronic mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// The newest message of a dialogue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct LastWord {
    /// Which side wrote it.
    #[schema(schema_with = schema::side)]
    pub side: Side,
    /// The beginning of its text; absent if it has none, as a picture without caption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// How an assistant stands to a dialogue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct AssistantStands {
    /// Whether it may speak to the client.
    pub speaks: bool,
    /// Why it is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::silence_reason)]
    pub silent_because: Option<Reason>,
    /// Since when it is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<At>,
}

/// One dialogue, with where it is shown.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct ThreadDetail {
    /// What its list shows.
    #[serde(flatten)]
    pub thread: ThreadRow,
    /// Its faces at connections.
    pub endpoints: Vec<EndpointRow>,
}

/// A dialogue's face at one connection.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct EndpointRow {
    /// Where.
    #[schema(value_type = String)]
    pub connection: ConnectionName,
    /// What that connection is in the dialogue's route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::role)]
    pub role: Option<Role>,
    /// The platform's id of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub theirs: Option<ConversationId>,
    /// Our id of it, where the platform takes ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub ours: Option<ConversationId>,
    /// The platform's id of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub client_theirs: Option<PersonId>,
    /// Our id of the client there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub client_ours: Option<PersonId>,
    /// How firmly it is bound.
    #[schema(schema_with = schema::standing)]
    pub standing: Standing,
    /// How many messages wait for it.
    pub waiting: u32,
}
