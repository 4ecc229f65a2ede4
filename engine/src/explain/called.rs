//! What a message is called: by each platform, by us, and by the jobs that make it.
//!
//! Takes facts and intents; gives the names in them. Which of them are one message's is not decided here.

use chatledger_projections::delivery::Origin;
use chatledger_projections::fact::{Fact, MessageKey};
use chatledger_projections::ids::{ConnectionName, JobId, MessageId};
use chatledger_projections::intent::Intent;

/// One name of a message at a connection.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Called {
    /// The platform's id.
    Theirs(ConnectionName, MessageId),
    /// Our id.
    Ours(ConnectionName, MessageId),
    /// A delivery job.
    Job(ConnectionName, JobId),
}

impl Called {
    /// The name under which a message was written.
    pub(super) fn origin(origin: &Origin) -> Self {
        Self::Theirs(origin.connection.clone(), origin.message.clone())
    }
}

/// All names in a key.
pub(super) fn names(connection: &ConnectionName, key: &MessageKey) -> Vec<Called> {
    let MessageKey { theirs, ours, job } = key;
    let theirs = theirs.iter().map(|id| Called::Theirs(connection.clone(), id.clone()));
    let ours = ours.iter().map(|id| Called::Ours(connection.clone(), id.clone()));
    let job = job.iter().map(|id| Called::Job(connection.clone(), id.clone()));
    theirs.chain(ours).chain(job).collect()
}

/// The message that a fact is about.
pub(crate) fn key_of(fact: &Fact) -> Option<MessageKey> {
    match fact {
        Fact::MessageReceived(message) | Fact::MessageSent(message) => Some(message.message.clone()),
        Fact::MessageEdited(edited) => Some(edited.message.clone()),
        Fact::MessageDeleted(deleted) => Some(deleted.message.clone()),
        Fact::MessageNamed(named) => Some(theirs(&named.message)),
        Fact::ReactionChanged(reaction) => Some(reaction.message.clone()),
        Fact::ShownWithoutReaction(shown) => Some(shown.message.clone()),
        Fact::NoteWritten(note) => Some(theirs(&note.note)),
        Fact::DeliveryReported(report) => Some(report.message.clone()),
        Fact::SendAcknowledged(acknowledged) => Some(acknowledged.message.clone()),
        Fact::AssistantReported(report) => report.message.as_ref().map(theirs),
        Fact::TypingStarted(_)
        | Fact::ConversationSeen(_)
        | Fact::ConversationNotFound { .. }
        | Fact::ClientFound { .. }
        | Fact::ConnectionChanged(_)
        | Fact::FileFetched { .. }
        | Fact::FileMissing { .. }
        | Fact::FileTaken { .. }
        | Fact::AddressProbed => None,
    }
}

/// The message that a fact brings, if it brings one.
pub(super) const fn written_in(fact: &Fact) -> Option<&MessageKey> {
    match fact {
        Fact::MessageReceived(message) | Fact::MessageSent(message) => Some(&message.message),
        Fact::MessageEdited(_)
        | Fact::MessageDeleted(_)
        | Fact::MessageNamed(_)
        | Fact::ReactionChanged(_)
        | Fact::ShownWithoutReaction(_)
        | Fact::NoteWritten(_)
        | Fact::DeliveryReported(_)
        | Fact::SendAcknowledged(_)
        | Fact::AssistantReported(_)
        | Fact::TypingStarted(_)
        | Fact::ConversationSeen(_)
        | Fact::ConversationNotFound { .. }
        | Fact::ClientFound { .. }
        | Fact::ConnectionChanged(_)
        | Fact::FileFetched { .. }
        | Fact::FileMissing { .. }
        | Fact::FileTaken { .. }
        | Fact::AddressProbed => None,
    }
}

/// The message of theirs that an intent is about without carrying it.
pub(crate) fn key_of_intent(intent: &Intent) -> Option<MessageKey> {
    match intent {
        Intent::ReportDelivery(report) => Some(theirs(&report.message)),
        Intent::SetReaction(set) => Some(set.message.clone()),
        Intent::EditMessage(edit) => Some(edit.message.clone()),
        Intent::DeleteMessage(delete) => Some(delete.message.clone()),
        Intent::SendMessage(_)
        | Intent::OpenConversation(_)
        | Intent::FindClient(_)
        | Intent::ClaimConversation(_)
        | Intent::LookUpConversation(_)
        | Intent::ShowTyping(_) => None,
    }
}

fn theirs(message: &MessageId) -> MessageKey {
    MessageKey { theirs: Some(message.clone()), ..MessageKey::default() }
}
