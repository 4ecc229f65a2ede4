//! What happened at a platform, in our words, past tense.
//!
//! Connectors make facts of webhooks and of replies; folds take them in. A fact carries the time that the platform
//! *claims*; when we heard of it stands on the recorded event. Facts are never stored: a decoder that learns to read
//! better reads the same bytes again.

use serde::{Deserialize, Serialize};

use crate::content::{Content, Person};
use crate::files::Stored;
use crate::ids::{ConversationId, FileId, JobId, MessageId, PersonId, SourceId};
use crate::intent::Speaker;
use crate::time::Timestamp;

/// One thing that happened at a platform.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "fact")]
pub enum Fact {
    /// The client wrote to the company.
    MessageReceived(Message),
    /// Somebody wrote to the client on the company's side: a manager, a bot, or we ourselves.
    MessageSent(Message),
    /// A message says something else now.
    MessageEdited(MessageEdited),
    /// A message is gone.
    MessageDeleted(MessageDeleted),
    /// The platform said what the messenger itself calls a message.
    MessageNamed(MessageNamed),
    /// Somebody put a reaction under a message, or took it back.
    ReactionChanged(ReactionChanged),
    /// A platform that shows messages anew, rather than telling what changed, showed one without a reaction of the client's.
    ShownWithoutReaction(ShownWithoutReaction),
    /// The company's people, or the platform, noted something beside the dialogue; the client does not see it.
    NoteWritten(NoteWritten),
    /// Somebody is writing.
    TypingStarted(TypingStarted),
    /// The platform says where a message of ours stands.
    DeliveryReported(DeliveryReported),
    /// The platform described a conversation and its client.
    ConversationSeen(ConversationSeen),
    /// There is no such conversation, or the platform would not show it.
    ConversationNotFound {
        /// The conversation that was asked for.
        conversation: ConversationKey,
    },
    /// The platform knows somebody with the number or the address that we asked for.
    ClientFound {
        /// Who it is.
        client: Person,
    },
    /// The platform took a message of ours and said what it calls it.
    SendAcknowledged(SendAcknowledged),
    /// The connection's own state at the platform changed.
    ConnectionChanged(ConnectionChanged),
    /// An assistant said how it stood with a dialogue.
    AssistantReported(AssistantReported),
    /// A file of a message on its way lies with us.
    FileFetched {
        /// What it is.
        stored: Stored,
    },
    /// A file of a message on its way cannot be had.
    FileMissing {
        /// Why.
        failure: Failure,
    },
    /// The platform took a file and said what it calls it.
    FileTaken {
        /// What it calls it.
        id: FileId,
    },
    /// The platform tried whether our address answers.
    AddressProbed,
}

/// What a conversation is called at one connection, by them and by us.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct ConversationKey {
    /// The platform's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theirs: Option<ConversationId>,
    /// Our id, where the platform takes ours and knows it already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<ConversationId>,
}

impl ConversationKey {
    /// Only the platform's id is known.
    pub const fn theirs(theirs: ConversationId) -> Self {
        Self { theirs: Some(theirs), ours: None }
    }
}

/// What a message is called at one connection.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct MessageKey {
    /// The platform's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theirs: Option<MessageId>,
    /// Our id, where the platform takes ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<MessageId>,
    /// The delivery job that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
}

/// A message as one platform shows it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Message {
    /// Where it stands.
    pub conversation: ConversationKey,
    /// What it is called.
    pub message: MessageKey,
    /// Who wrote it.
    pub author: Person,
    /// In whose name, where the platform says more than on which side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<Speaker>,
    /// The client of the conversation, where the platform says so and the client is not the author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Person>,
    /// The entrance through which the dialogue runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceId>,
    /// When it was written, as claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_at: Option<Timestamp>,
    /// What it says.
    pub content: Content,
    /// Where its delivery stands, as claimed along with it. A failure is believed only from a report, which says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<DeliveryState>,
}

/// A message says something else now.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MessageEdited {
    /// Where it stands.
    pub conversation: ConversationKey,
    /// Which message.
    pub message: MessageKey,
    /// What it says now.
    pub content: Content,
    /// When, as claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
}

/// A message is gone.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MessageDeleted {
    /// Where it stood.
    pub conversation: ConversationKey,
    /// Which message.
    pub message: MessageKey,
}

/// The platform said what the messenger itself calls a message: another name for the same, by which it is quoted there.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MessageNamed {
    /// The platform's id.
    pub message: MessageId,
    /// The messenger's.
    pub also: MessageId,
}

/// Somebody put a reaction under a message, or took it back.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReactionChanged {
    /// Where the message stands.
    pub conversation: ConversationKey,
    /// Which message.
    pub message: MessageKey,
    /// Who reacted.
    pub author: Person,
    /// On which side they stand, if the platform tells; else a CRM's people are the company's, and a messenger's the
    /// client, unless the company's side is known to have reacted so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<Speaker>,
    /// The reaction; absent if it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
}

/// A message was shown anew, and no reaction of the client's under it.
///
/// Whether one was taken back can be told only by whoever knows what stood there, and what else the showing had to tell: it
/// may have been meant for that, and be older than the reaction.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ShownWithoutReaction {
    /// Where the message stands.
    pub conversation: ConversationKey,
    /// Which message.
    pub message: MessageKey,
    /// How far it had come by then, if further than a message that was just written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<DeliveryState>,
}

/// Something was noted beside a dialogue, for the company's people alone.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NoteWritten {
    /// Beside which.
    pub conversation: ConversationKey,
    /// What the note is called.
    pub note: MessageId,
    /// Of what kind it is.
    pub kind: NoteKind,
    /// Who wrote it.
    #[serde(default)]
    pub author: Person,
    /// What it says; never empty.
    pub content: Content,
    /// When it was written, as claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_at: Option<Timestamp>,
}

/// The kinds of notes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// Somebody of the company wrote it for the others.
    Note,
    /// The client rated the dialogue.
    Rating,
    /// The platform said it by itself.
    Service,
}

/// Somebody is writing.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TypingStarted {
    /// Where.
    pub conversation: ConversationKey,
    /// Who.
    pub author: Person,
    /// On which side they stand, if the platform tells; else a CRM's people are the company's, a messenger's the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<Speaker>,
    /// Until when it may be shown, as claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// The platform says where a message of ours stands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DeliveryReported {
    /// Where the message stands, if said.
    #[serde(default)]
    pub conversation: ConversationKey,
    /// Which message: by its id, by its job, or by both (which then belong together).
    pub message: MessageKey,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// When, as claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// The platform described a conversation and its client.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ConversationSeen {
    /// Which conversation.
    pub conversation: ConversationKey,
    /// Its client.
    pub client: Person,
    /// The client's number as the messenger knows it: international, digits only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The messenger in which it is held, in the platform's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messenger: Option<String>,
    /// Whether it has more than one client.
    #[serde(default)]
    pub group: bool,
}

/// The platform took a message of ours and said what it calls it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct SendAcknowledged {
    /// What it calls the message, or the job that will make it.
    pub message: MessageKey,
    /// What it calls the conversation.
    #[serde(default)]
    pub conversation: ConversationKey,
    /// Whom it took for the author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<PersonId>,
    /// Whom it took for the receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver: Option<PersonId>,
    /// Where its delivery stands already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<DeliveryState>,
}

/// The connection's own state at the platform changed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ConnectionChanged {
    /// What can be expected of it now.
    pub health: ConnectionHealth,
    /// The platform's own word.
    pub word: String,
    /// When, as claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// What can be expected of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionHealth {
    /// It works.
    Up,
    /// It does not work until a person does something.
    Down,
    /// It is being set up, or tries to come back by itself.
    Recovering,
}

/// An assistant said how it stood with a dialogue.
///
/// These are standings at one moment, not happenings (Selarti contract, 7): the same one is said again with every message,
/// and only who remembers the one before can tell what came to be. What was not said is absent and changes nothing.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct AssistantReported {
    /// Which dialogue.
    pub conversation: ConversationKey,
    /// The message at which it was so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// Who wrote that message: the client, a person in the assistant's stead, or the assistant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<Speaker>,
    /// What is known of the client there.
    #[serde(default)]
    pub client: Person,
    /// Whether an operator has taken over and the assistant is silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_over: Option<bool>,
    /// Whether the dialogue is at its end and the assistant is silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<bool>,
    /// Whether the dialogue came to what it was meant for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succeeded: Option<bool>,
    /// Whether the client showed interest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interested: Option<bool>,
    /// Whether the client gave a number, an address or the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_given: Option<bool>,
    /// Whether the client was found to be a machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_is_machine: Option<bool>,
    /// Where staff can read the dialogue and answer in it; never for the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desk_url: Option<String>,
    /// Where the dialogue can only be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view_url: Option<String>,
    /// Why the platform told of it, in its own word; nothing may be decided by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// When it was so, as claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// Where one message stands at the other side. A lattice: it only rises, and two reports join to the higher.
///
/// `Failed` lies between `Sent` and `Delivered`: an error after "sent" is a failure, a later receipt proves it wrong,
/// and an error after a receipt is not believed (Pact contract, 11.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// We mean to send it.
    Raised,
    /// The platform took it.
    Sent,
    /// It will not arrive.
    Failed,
    /// It arrived.
    Delivered,
    /// It was seen.
    Read,
}

impl DeliveryState {
    /// The state as a word, for tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }

    /// Of two reports, what is so.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        self.max(other)
    }
}

/// Why a message will not arrive.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// Of what kind.
    pub kind: FailureKind,
    /// For people, as the platform or we put it.
    pub reason: String,
}

/// The kinds of failure that a CRM tells apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The client deleted the conversation.
    ConversationDeleted,
    /// The connection is switched off or not paid for.
    ConnectionOff,
    /// Something broke on the way.
    Internal,
    /// It says more than the platform takes in one message.
    TooLong,
    /// There is no conversation and none can be opened, as with a number that the messenger does not know.
    CannotOpen,
    /// Anything else.
    Other,
}

/// What a decoder could not read or found odd. For people; never fatal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Remark {
    /// Of what kind.
    pub remark: RemarkKind,
    /// Where in the document, as a path such as `message.message.type`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub at: String,
    /// What was found there: its shape or the platform's word, never a person's data.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub found: String,
}

/// What is odd about a document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemarkKind {
    /// It is no document at all.
    Unreadable,
    /// It is of a kind that we do not know.
    UnknownKind,
    /// Something that is always there is not.
    Missing,
    /// A value is of another type than documented, or out of range.
    OddValue,
    /// Its parts contradict each other.
    Contradiction,
    /// It is of a generation that the platform has given up.
    Deprecated,
    /// It was understood, and nothing follows from it, on purpose.
    Ignored,
}

impl RemarkKind {
    /// The kind as a word, for counters and tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::UnknownKind => "unknown_kind",
            Self::Missing => "missing",
            Self::OddValue => "odd_value",
            Self::Contradiction => "contradiction",
            Self::Deprecated => "deprecated",
            Self::Ignored => "ignored",
        }
    }
}
