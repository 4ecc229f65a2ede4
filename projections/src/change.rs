//! What a fold changed, for policies to decide upon.
//!
//! A change is told once, in the event that made it so: however often a platform repeats itself, a second arrival
//! changes nothing and therefore causes nothing. Changes are not stored; folding again tells them again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::assistance::{News, Reason, Return};
use crate::content::{Content, Person};
use crate::delivery::Origin;
use crate::event::IntentRaised;
use crate::fact::{DeliveryState, Failure, FailureKind, Message, MessageKey, NoteWritten};
use crate::ids::{ConnectionName, ConversationId, EventId, MessageId, PersonId, ThreadId};
use crate::intent::{Address, ClientMark, Destination};
use crate::threads::Side;
use crate::time::Timestamp;

/// Something that is so since this event.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "change")]
pub enum Change {
    /// A dialogue began.
    ThreadOpened {
        /// Which.
        thread: ThreadId,
    },
    /// A client's message is to be shown in the CRM.
    ClientWrote(Written),
    /// A manager's message is to go to a conversation of the channel.
    ManagerWrote(Written),
    /// A manager's message is to go to a number or a public name, and opens the conversation there.
    ManagerWroteFirst {
        /// The message.
        written: Written,
        /// By what the client is found.
        address: Address,
    },
    /// A manager's message is to go to somebody whom the channel knows, and opens the conversation there.
    ManagerWroteToClient {
        /// The message.
        written: Written,
        /// The channel's id of the client.
        client: PersonId,
    },
    /// A message that the company's side wrote past the CRM is to be shown there.
    AppWrote(Written),
    /// A client's message is to be given to the assistant.
    AssistantAsked(Written),
    /// The assistant, or a person at its desk, wrote to the client.
    AssistantWrote(Written),
    /// The assistant wrote to the client while it was to be silent; nobody is shown it.
    AnswerWithheld {
        /// In which dialogue.
        thread: ThreadId,
        /// What it wrote, by where it was written.
        origin: Origin,
    },
    /// What the assistant wrote waits for its turn, and is not to go to the client any more.
    AnswerUnwanted {
        /// In which dialogue.
        thread: ThreadId,
        /// What it wrote, by where it was written.
        origin: Origin,
    },
    /// The assistant is to be silent in a dialogue.
    AssistantFellSilent {
        /// Which.
        thread: ThreadId,
        /// Why.
        reason: Reason,
    },
    /// The assistant may speak again in a dialogue.
    AssistantSpeaksAgain {
        /// Which.
        thread: ThreadId,
        /// Why.
        because: Return,
    },
    /// By the assistant's word something has come to be so that managers want to know.
    AssistantToldNews {
        /// In which dialogue.
        thread: ThreadId,
        /// Where.
        connection: ConnectionName,
        /// What, in a fixed order.
        news: Vec<News>,
        /// What is known of the client there.
        #[serde(skip)]
        client: Person,
        /// The event that brought it.
        #[serde(skip)]
        event: EventId,
    },
    /// A conversation of the channel is to be found or opened; messages wait for it.
    ChannelWanted {
        /// For which dialogue.
        thread: ThreadId,
        /// Where.
        connection: ConnectionName,
        /// By what the client is found.
        address: Address,
    },
    /// The client is to be found among those whom the channel knows; messages wait for that.
    ClientWanted {
        /// For which dialogue.
        thread: ThreadId,
        /// Where.
        connection: ConnectionName,
        /// What they are known by.
        by: ClientMark,
    },
    /// A conversation that only the CRM can name is to be given an id of ours.
    ClaimWanted {
        /// For which dialogue.
        thread: ThreadId,
        /// Where.
        connection: ConnectionName,
        /// The CRM's id of it.
        theirs: ConversationId,
        /// The how-manieth claim of this conversation, from one.
        ordinal: u32,
    },
    /// Nobody knows who the client of a conversation is; messages wait for it.
    ConversationUnknown {
        /// The dialogue that it will be, unless it turns out to be another's.
        thread: ThreadId,
        /// Where.
        connection: ConnectionName,
        /// The platform's id of it.
        conversation: ConversationId,
    },
    /// A conversation and a dialogue are joined, or more firmly than before.
    Bound {
        /// Which dialogue.
        thread: ThreadId,
        /// Where.
        connection: ConnectionName,
        /// How firmly.
        standing: crate::bindings::Standing,
    },
    /// A message stands better, or worse, than before.
    DeliveryRose {
        /// In which dialogue.
        thread: ThreadId,
        /// Which message, by where it was written.
        origin: Origin,
        /// Where it stands.
        state: DeliveryState,
        /// Why it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// A platform refused a message as it was, and it can be said otherwise.
    MessageRefused {
        /// What was refused, as it was raised.
        #[serde(skip)]
        refused: Arc<IntentRaised>,
        /// Why.
        why: FailureKind,
    },
    /// An operator wants a held intent to be tried again.
    HeldReleased {
        /// The intent as it was raised.
        #[serde(skip)]
        held: Arc<IntentRaised>,
        /// For which receiver, if not for the same.
        #[serde(skip)]
        to: Option<Destination>,
    },
    /// An operator wants something to be raised that should have been and was not.
    MissedFound {
        /// What, as it would have been raised.
        #[serde(skip)]
        missed: Box<IntentRaised>,
    },
    /// A message says something else, and shall say so on the other side.
    MessageAltered {
        /// Which message, over there.
        there: There,
        /// What it says now.
        #[serde(skip)]
        content: Box<Content>,
        /// When it was changed, as claimed, else when we heard of it.
        at: Timestamp,
    },
    /// Something was noted beside a dialogue, for the company's people.
    NoteHeard {
        /// Beside which.
        thread: ThreadId,
        /// Where.
        connection: ConnectionName,
        /// What.
        #[serde(skip)]
        note: Box<NoteWritten>,
    },
    /// A message is gone, and shall be gone on the other side.
    MessageWithdrawn {
        /// Which message, over there.
        there: There,
        /// When we heard of it.
        at: Timestamp,
    },
    /// Another reaction stands under a message, or none any more, and shall on the other side.
    ReactionSet {
        /// Which message, over there.
        there: There,
        /// Which side reacted.
        side: Side,
        /// The reaction.
        #[serde(skip_serializing_if = "Option::is_none")]
        emoji: Option<String>,
        /// When we heard of it.
        at: Timestamp,
    },
    /// An alteration of a message that is not known yet, or that is not on the other side yet, is kept until it is.
    AlterationKept {
        /// Where it was altered.
        connection: ConnectionName,
        /// What it is called there.
        message: MessageId,
    },
    /// A platform refused to alter a message.
    AlterationRefused {
        /// Which message, over there.
        there: There,
        /// What it refused.
        #[serde(flatten)]
        refused: Refused,
        /// When.
        at: Timestamp,
    },
    /// Somebody began to write, and it may be shown on the other side.
    TypingBegan {
        /// In which dialogue.
        thread: ThreadId,
        /// Where it may be shown.
        connection: ConnectionName,
        /// Which side writes.
        side: Side,
        /// Since when.
        since: Timestamp,
        /// Until when it is worth showing.
        until: Timestamp,
    },
    /// A webhook was our own doing coming back.
    EchoHeard {
        /// Where.
        connection: ConnectionName,
        /// The platform's id of the message.
        message: MessageId,
    },
    /// A webhook that may be our own doing is kept until that is known.
    EchoSuspected {
        /// Where.
        connection: ConnectionName,
        /// In which dialogue.
        thread: ThreadId,
    },
    /// Something that should not have happened did; for people.
    Anomaly(Anomaly),
}

/// A message that is to be carried across.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Written {
    /// In which dialogue.
    pub thread: ThreadId,
    /// Where it was written.
    pub origin: Origin,
    /// When we heard of it; what stands in for a missing time.
    #[serde(skip)]
    pub heard_at: Timestamp,
    /// The message itself.
    #[serde(skip)]
    pub message: Box<Message>,
}

/// A message as it stands on the other side of where it was altered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct There {
    /// In which dialogue.
    pub thread: ThreadId,
    /// At which connection.
    pub connection: ConnectionName,
    /// What it is called there.
    pub message: MessageKey,
    /// What the further messages are called there that it became, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<MessageKey>,
}

/// An alteration that a platform refused.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "refused", rename_all = "snake_case")]
pub enum Refused {
    /// To let a message say this.
    Edit {
        /// What it should have said.
        #[serde(skip)]
        content: Box<Content>,
    },
    /// To take a message away.
    Deletion,
    /// To put a reaction under a message, or to take it back.
    Reaction {
        /// Which side reacted.
        side: Side,
        /// The reaction.
        #[serde(skip_serializing_if = "Option::is_none")]
        emoji: Option<String>,
    },
}

/// Something that should not have happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Anomaly {
    /// What.
    pub anomaly: AnomalyKind,
    /// At which event.
    #[serde(skip)]
    pub event: EventId,
    /// At which connection, if at any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionName>,
    /// What exactly: ids and words, no person's data.
    pub detail: String,
}

/// The kinds of things that should not happen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnomalyKind {
    /// A webhook of a connection that belongs to no route.
    NoRoute,
    /// A message that names no conversation.
    NoConversation,
    /// A message without an id: a repetition of it could not be told.
    NoMessageId,
    /// The CRM names a conversation by another id of ours than the one we gave.
    OtherIdInForce,
    /// A claim made a second chat instead of naming the first.
    SecondChat,
    /// The CRM does not use the id we gave, however often we gave it.
    ClaimIgnored,
    /// A reply said nothing that its call should teach.
    NothingLearnt,
    /// An attempt of an intent that was never raised.
    UnknownIntent,
    /// A conversation that turned out to be another dialogue's.
    Rebound,
    /// An assistant or a person speaks of a dialogue that nobody knows.
    UnknownDialogue,
    /// An operator speaks of an intent that is not held, or cannot go where they say, or has been raised already.
    NotHeld,
    /// A configuration without a connection that the log still speaks of.
    UnknownConnection,
    /// An alteration of a message that never came to the other side.
    NeverShown,
}

impl AnomalyKind {
    /// The kind as a word, for counters and tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NoRoute => "no_route",
            Self::NoConversation => "no_conversation",
            Self::NoMessageId => "no_message_id",
            Self::OtherIdInForce => "other_id_in_force",
            Self::SecondChat => "second_chat",
            Self::ClaimIgnored => "claim_ignored",
            Self::NothingLearnt => "nothing_learnt",
            Self::UnknownIntent => "unknown_intent",
            Self::Rebound => "rebound",
            Self::UnknownDialogue => "unknown_dialogue",
            Self::NotHeld => "not_held",
            Self::UnknownConnection => "unknown_connection",
            Self::NeverShown => "never_shown",
        }
    }
}
