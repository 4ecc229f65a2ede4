//! A dialogue's face at one connection: what the conversation and its client are called there, and how firmly.

use serde::{Deserialize, Serialize};
use thin_vec::ThinVec;

use crate::change::Written;
use crate::contacts::Contact;
use crate::content::Person;
use crate::fact::ConversationKey;
use crate::ids::{ConnectionName, ConversationId, PersonId, SourceId};
use crate::time::Timestamp;

/// A dialogue's face at one connection.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Endpoint {
    /// Where.
    pub connection: ConnectionName,
    /// The platform's id of the conversation.
    pub theirs: Option<ConversationId>,
    /// Our id of it, where the platform takes ours. Once given it never changes.
    pub ours: Option<ConversationId>,
    /// Our id of the client, the same in all their chats there; absent while only the chat has one, which then serves.
    pub client_ours: Option<PersonId>,
    /// The platform's id of the client, where it is needed to name the client.
    pub client_theirs: Option<PersonId>,
    /// Whether the platform calls the client by our id.
    pub client_confirmed: bool,
    /// The entrance through which the dialogue runs.
    pub source: Option<SourceId>,
    /// How firmly it is bound.
    pub standing: Standing,
    /// How often it was claimed.
    pub claims: u32,
    /// When it was claimed last.
    pub claimed_at: Option<Timestamp>,
    /// Another id of ours by which the platform calls it.
    pub called: Option<ConversationId>,
    /// Messages that wait for it, in order.
    pub waiting: ThinVec<Written>,
}

/// How firmly a conversation is bound to a dialogue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Only they have a name for it; ours is not known to them.
    Foreign,
    /// A bot's message with our name for it is on its way.
    Claiming,
    /// It is being found or opened.
    Opening,
    /// They took a message under both names, and have not used ours yet.
    Provisional,
    /// Both sides call it the same.
    Confirmed,
}

impl Standing {
    /// The standing as a word, for tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Claiming => "claiming",
            Self::Opening => "opening",
            Self::Provisional => "provisional",
            Self::Confirmed => "confirmed",
        }
    }
}
impl Endpoint {
    pub(super) fn new(connection: &ConnectionName, standing: Standing) -> Self {
        Self {
            connection: connection.clone(),
            theirs: None,
            ours: None,
            client_ours: None,
            client_theirs: None,
            client_confirmed: false,
            source: None,
            standing,
            claims: 0,
            claimed_at: None,
            called: None,
            waiting: ThinVec::new(),
        }
    }

    /// Whether it is this conversation of this connection: two platforms may use one id.
    pub fn is(&self, connection: &ConnectionName, theirs: &ConversationId) -> bool {
        self.connection == *connection && self.theirs.as_ref() == Some(theirs)
    }

    /// How to address it: by our name alone once both sides use it, by both until then.
    pub fn address(&self) -> ConversationKey {
        let both_use_ours = self.standing == Standing::Confirmed && self.ours.is_some();
        ConversationKey { theirs: if both_use_ours { None } else { self.theirs.clone() }, ours: self.ours.clone() }
    }

    /// Our id of the client: their own, else the chat's, for a chat has one client.
    pub fn client_name(&self) -> Option<PersonId> {
        self.client_ours.clone().or_else(|| self.ours.as_ref().map(|ours| PersonId::new(ours.as_str())))
    }

    /// The client as this connection is to know them.
    pub fn client(&self, contact: Option<&Contact>) -> Person {
        let mut client = contact.map(Contact::as_person).unwrap_or_default();
        client.ours = self.client_name();
        client.theirs = if self.client_confirmed { None } else { self.client_theirs.clone() };
        client
    }
}
