//! What a simulated platform is: requests in; replies, webhooks and a transcript out. Pure, as everything here.
//!
//! The same models serve the demonstration (over real HTTP on loopback), the service tests and the deterministic
//! simulation. They follow the contracts: own ids, quotas, refusals, idempotency or its absence.

use std::time::Duration;

use chatledger_projections::time::Timestamp;
use serde::Serialize;

use crate::connector::Request;

/// A model of one account at a platform.
pub trait Simulator: Send {
    /// Answers one of our requests, as the platform would.
    fn handle(&mut self, request: &Request, now: Timestamp) -> Reaction;

    /// Lets a person do something in the platform's own windows; gives the webhooks that follow, or why it cannot be.
    fn gesture(&mut self, gesture: &Gesture, now: Timestamp) -> Result<Vec<Emitted>, String>;

    /// Sends these recorded bytes as a webhook of its own, with its proof. A model may learn from them, so that what they
    /// tell of is there when it is spoken of again.
    fn say(&mut self, body: Vec<u8>) -> Emitted;

    /// Everything that people see there, oldest first.
    fn transcript(&self) -> Vec<Line>;
}

/// How a simulated platform answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reaction {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// What it sends to us on account of the request.
    pub webhooks: Vec<Emitted>,
}

/// A webhook that a simulated platform sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Emitted {
    /// How long after its cause.
    pub after: Duration,
    /// What follows the connection's name in the path.
    pub tail: String,
    /// The headers, with the platform's proof among them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Something that a person does in the platform's own windows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Gesture {
    /// A client writes to the company.
    ClientWrites {
        /// The client's number, international digits.
        phone: String,
        /// The client's name.
        name: String,
        /// What is written.
        text: String,
    },
    /// A manager writes in the CRM into the chat with this number, which is made if there is none.
    ManagerWrites {
        /// The number as the CRM has it.
        phone: String,
        /// The contact's name as the CRM has it.
        name: String,
        /// What is written.
        text: String,
    },
    /// A manager writes in the messenger's own app, past the CRM.
    AppWrites {
        /// The client's number, international digits.
        phone: String,
        /// What is written.
        text: String,
    },
    /// The client reads everything that has been delivered.
    ClientReads {
        /// The client's number, international digits.
        phone: String,
    },
    /// Something is done in a dialogue that is no new message: in a CRM by a manager, elsewhere by the client.
    Alters {
        /// The client's number, international digits.
        phone: String,
        /// What is done.
        alteration: Alteration,
    },
}

/// What people do to messages that are there, and before one is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Alteration {
    /// Their own newest message says something else.
    Edits {
        /// What it says now.
        text: String,
    },
    /// Their own newest message is taken back.
    Deletes,
    /// They react to the other side's newest message, or take their reaction back.
    Reacts {
        /// The reaction; absent if it is taken back.
        emoji: Option<String>,
    },
    /// They begin to write.
    Types,
}

/// One message as people see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Line {
    /// The client's number, international digits, or the platform's id of the chat if there is none.
    pub chat: String,
    /// The platform's id of the chat.
    pub chat_id: String,
    /// Who is shown as the author.
    pub author: LineAuthor,
    /// The author's name as shown.
    pub name: String,
    /// What it says.
    pub text: String,
    /// The platform's id of the message.
    pub id: String,
    /// Where its delivery stands there, in our words; absent if the platform shows none.
    pub status: Option<String>,
    /// The reactions under it, in the order in which they came.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<String>,
}

/// Who is shown as the author of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineAuthor {
    /// The client.
    Client,
    /// Somebody of the company.
    Company,
    /// The integration's bot.
    Bot,
}
