//! Which connections there are and which belong together, as it stands in the log: without secrets.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::files::FileRules;
use crate::ids::{ConnectionName, RouteName, SourceId};
use crate::phone::Region;

/// Everything about the outside that folds and policies depend on.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Configuration {
    /// The configured accounts.
    pub connections: BTreeMap<ConnectionName, Connection>,
    /// What is joined to what.
    pub routes: BTreeMap<RouteName, Route>,
}

/// One configured account at a platform.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Connection {
    /// Which connector reads and writes it.
    pub platform: String,
    /// What the connector says can be done there.
    pub traits: Traits,
    /// How it wants and gives files.
    #[serde(default)]
    pub files: FileRules,
    /// The connector's own settings, without secrets.
    pub settings: serde_json::Value,
}

/// What can be done at a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Traits {
    /// How a dialogue is begun from our side.
    pub first_contact: FirstContact,
    /// Whether its messages say who the client is; otherwise the conversation must be looked up.
    pub can_look_up: bool,
    /// Whether it wants to know where its messages stand.
    pub wants_delivery: bool,
    /// What can be done there to a message after it was shown, and beside messages.
    #[serde(default)]
    pub can: Abilities,
    /// What is told of what is said there beside people's words.
    #[serde(default)]
    pub tells: Tells,
}

/// What is told to the CRM of what is said at a connection beside its people's words and the client's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Tells {
    /// What the platform's own machines say to the client.
    #[serde(default = "yes")]
    pub machines: bool,
    /// What is noted for the company's people alone.
    #[serde(default)]
    pub notes: bool,
}

const fn yes() -> bool {
    true
}

impl Tells {
    /// All that the client is told, and nothing else.
    pub const USUAL: Self = Self { machines: true, notes: false };
}

impl Default for Tells {
    fn default() -> Self {
        Self::USUAL
    }
}

/// What can be done at a connection beside showing messages. What is not said is not possible.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools)] // Independent abilities; no combination of them is a state.
pub struct Abilities {
    /// Reactions can be put under messages.
    #[serde(default)]
    pub react: bool,
    /// What a message says can be changed.
    #[serde(default)]
    pub edit: bool,
    /// A message can be taken away.
    #[serde(default)]
    pub delete: bool,
    /// It can be shown that somebody is writing.
    #[serde(default)]
    pub show_typing: bool,
    /// A client is found by a public name, too, and not by a number alone.
    #[serde(default)]
    pub find_usernames: bool,
}

impl Abilities {
    /// Nothing but messages.
    pub const NONE: Self = Self { react: false, edit: false, delete: false, show_typing: false, find_usernames: false };
}

/// How a dialogue is begun from our side.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstContact {
    /// A conversation is found or opened by number, then written to.
    OpenThenSend,
    /// The first message goes to the number and opens the conversation.
    SendToPhone,
    /// Writing under a new id of ours opens the conversation.
    WriteUnderOurId,
    /// The client is looked for among those whom the platform knows, by number or by address; whoever is found is
    /// written to, and that opens the conversation.
    FindThenSend,
    /// Only the client can begin.
    ClientOnly,
}

/// Which connections belong together, and their rules.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Route {
    /// Where managers work.
    pub crm: ConnectionName,
    /// Where clients write.
    pub channel: ConnectionName,
    /// Who answers clients beside the managers, if anybody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assistant: Option<Assistant>,
    /// The entrance of the CRM that belongs to this route; absent: any that no other route has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceId>,
    /// What to do when a manager writes first.
    pub manager_first: ManagerFirst,
    /// How the CRM's numbers without a country code are meant.
    pub region: Region,
    /// What our id of a client's conversation in the CRM is made of.
    pub chat_id: ChatId,
    /// The remedy `claim`: its message and manner.
    pub claim: Claim,
}

/// The assistant of a route, and the rules for it. One connection may assist several routes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Assistant {
    /// Where it is.
    pub connection: ConnectionName,
    /// Whether it takes only whole numbers for our id of a dialogue.
    #[serde(default)]
    pub numbered: bool,
    /// After how long of the managers' silence it speaks again by itself, in milliseconds; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_after_ms: Option<u64>,
    /// How managers are told what has come to be so.
    pub notes: Notes,
}

impl Assistant {
    /// After how long of the managers' silence it speaks again by itself.
    pub fn resume_after(&self) -> Option<Duration> {
        self.resume_after_ms.map(Duration::from_millis)
    }
}

/// How managers are told what an assistant says of a dialogue. An empty text means that they are not told.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Notes {
    /// An operator is to take over.
    pub handed_over: String,
    /// The dialogue is at its end.
    pub closed: String,
    /// The dialogue came to what it was meant for.
    pub succeeded: String,
    /// The client showed interest.
    pub interested: String,
    /// The client gave a number, an address or the like; they stand behind it.
    pub contact_given: String,
    /// The client seems to be a machine.
    pub client_is_machine: String,
    /// An answer does not reach the client; the reason stands behind it.
    pub undelivered: String,
    /// Where people can answer at the assistant's desk; the address stands behind it.
    pub desk: String,
    /// Where people can only read; the address stands behind it.
    pub view: String,
}

/// The two remedies for a conversation whose id only the CRM knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManagerFirst {
    /// Keep the CRM's id, use it from then on, and bind with the client's first answer.
    Remember,
    /// Give the conversation an id of ours at once, by a silent message of the bot.
    Claim,
}

/// What our id of a client's conversation in the CRM is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatId {
    /// The client's number, as in the owner's note.
    Phone,
    /// The route's name and the client's number: for several routes into one CRM account.
    RouteAndPhone,
}

/// How a conversation is claimed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claim {
    /// What the bot says; people see it, so keep it short.
    pub text: String,
    /// Whether the client is bound along with the chat (amoCRM contract, 10.4).
    pub strict: bool,
    /// How long to wait for the CRM to use our id before claiming again, in milliseconds.
    pub again_after_ms: u64,
    /// How many claims are made for one chat at most.
    pub at_most: u32,
}

impl Claim {
    /// How long to wait for the CRM to use our id before claiming again.
    pub const fn again_after(&self) -> Duration {
        Duration::from_millis(self.again_after_ms)
    }
}

/// What a connection is in a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Where managers work.
    Crm,
    /// Where clients write.
    Channel,
    /// Who answers clients beside the managers.
    Assistant,
}

impl Configuration {
    /// The route of a conversation at a CRM connection: the one with this source, else the one without any.
    pub fn route_of_crm(&self, crm: &ConnectionName, source: Option<&SourceId>) -> Option<(&RouteName, &Route)> {
        let of_this_crm = || self.routes.iter().filter(|(_, route)| route.crm == *crm);
        of_this_crm()
            .find(|(_, route)| source.is_some() && route.source.as_ref() == source)
            .or_else(|| of_this_crm().find(|(_, route)| route.source.is_none()))
            // A single route takes everything: the account's default source may change under us.
            .or_else(|| of_this_crm().next().filter(|_| of_this_crm().count() == 1))
    }

    /// The route of a conversation at a channel connection.
    pub fn route_of_channel(&self, channel: &ConnectionName) -> Option<(&RouteName, &Route)> {
        self.routes.iter().find(|(_, route)| route.channel == *channel)
    }

    /// What a connection is in whichever route it belongs to.
    pub fn role_of(&self, connection: &ConnectionName) -> Option<Role> {
        self.routes.values().find_map(|route| {
            if route.crm == *connection {
                Some(Role::Crm)
            } else if route.channel == *connection {
                Some(Role::Channel)
            } else if route.assistant.as_ref().is_some_and(|assistant| assistant.connection == *connection) {
                Some(Role::Assistant)
            } else {
                None
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_was_recorded_before_there_were_abilities_has_none() {
        let recorded = r#"{"first_contact":"client_only","can_look_up":true,"wants_delivery":false}"#;
        let traits: Traits = serde_json::from_str(recorded).expect("it stands in a log");
        assert_eq!(traits.can, Abilities::NONE);
    }
}
