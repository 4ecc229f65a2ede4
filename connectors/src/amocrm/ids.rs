//! amo's names of things: the only place where they are made and read.
//!
//! Two webhooks are the same delivery if the same connection gets the same bytes: every hook's body carries amo's id of
//! the message or the second in which it was made, so two equal greetings still differ.

use chatledger_projections::ids::{ConnectionName, ConversationId, EventId, MessageId, PersonId, SourceId};

use crate::loose::Text;

/// One channel connected to one account, as it stands in paths: the channel's id, `_`, the account's amojo_id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Scope {
    text: String,
    /// Where the underscore is that parts channel and account.
    parted_at: usize,
}

impl Scope {
    /// Reads a scope id; its signs must be fit for a path.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fit_for_a_path = |sign: u8| sign.is_ascii_alphanumeric() || matches!(sign, b'-' | b'_' | b'.');
        let parted_at = text.rfind('_')?;
        let both_are_there = parted_at > 0 && parted_at + 1 < text.len();
        (both_are_there && text.bytes().all(fit_for_a_path)).then(|| Self { text: text.to_owned(), parted_at })
    }

    /// The whole of it.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The channel's id.
    pub(super) fn channel(&self) -> &str {
        &self.text[..self.parted_at]
    }

    /// The account's amojo_id, as hooks give it in `account_id`.
    pub(super) fn account(&self) -> &str {
        &self.text[self.parted_at + 1..]
    }
}

/// The id of a delivery: see the first lines of this file.
pub(super) fn delivery(connection: &ConnectionName, body: &[u8]) -> EventId {
    EventId::derived(&[connection.as_str().as_bytes(), body])
}

/// The id of a message that was listed: the same however often, and on whichever page, it is found. The hook of the same
/// message has another; that they are one message is known by amo's id of it.
pub(super) fn listed(connection: &ConnectionName, chat: &ConversationId, message: &str) -> EventId {
    let parts = [connection.as_str(), "history", chat.as_str(), message];
    EventId::derived(&parts.map(str::as_bytes))
}

/// Under which id of ours the bot speaks; always the same, for a new one would be a new participant (contract, 17).
pub(super) fn our_bot(connection: &ConnectionName) -> String {
    format!("{connection}:bot")
}

/// Under which id of ours the one manager speaks who stands for all.
pub(super) fn our_manager(connection: &ConnectionName) -> String {
    format!("{connection}:manager")
}

/// A chat's id.
pub(super) fn conversation(id: Text<'_>) -> ConversationId {
    ConversationId::new(id)
}

/// A message's id.
pub(super) fn message(id: Text<'_>) -> MessageId {
    MessageId::new(id)
}

/// The id of a client, a user or a bot.
pub(super) fn person(id: Text<'_>) -> PersonId {
    PersonId::new(id)
}

/// A lead source's id.
pub(super) fn source(id: Text<'_>) -> SourceId {
    SourceId::new(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_channel_and_an_account() {
        let scope = Scope::parse("344a5002-f8ca_52e591f7-c98f").expect("a scope");
        assert_eq!((scope.channel(), scope.account()), ("344a5002-f8ca", "52e591f7-c98f"));
        for wrong in ["", "_", "a_", "_b", "ab", "a_b/c", "a_b c", "a_б"] {
            assert_eq!(Scope::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_same_bytes_at_another_connection_are_another_delivery() {
        let (one, other) = (ConnectionName::new("amo.one"), ConnectionName::new("amo.other"));
        assert_eq!(delivery(&one, b"{}"), delivery(&one, b"{}"));
        assert_ne!(delivery(&one, b"{}"), delivery(&other, b"{}"));
        assert_ne!(delivery(&one, b"{}"), delivery(&one, b"{ }"));
    }
}
