//! Carrot quest's ids: where they are made, and the only place where they are read again.
//!
//! Two deliveries are the same delivery if their bodies are equal byte for byte at the same connection, but for the
//! token that proves them.
//!
//! A webhook that was not answered is repeated with the same bytes (6.1), and every part bears an id of its own, so
//! equal greetings are not merged. Not the part's id itself: the same part is told of again when it was changed. The
//! token is left out because it may be renewed between a delivery and its repetition.

use chatledger_projections::ids::{ConnectionName, ConversationId, EventId, MessageId, PersonId};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::wire::Id;

/// The id of a delivery; `body` is without its token.
pub(super) fn delivery(connection: &ConnectionName, body: &[u8]) -> EventId {
    EventId::derived(&[b"carrotquest", connection.as_str().as_bytes(), body])
}

/// A Conversation's `id`, a part's `conversation`.
pub(super) fn conversation(id: Id) -> ConversationId {
    ConversationId::new(id.0)
}

/// A part's `id`.
pub(super) fn message(id: Id) -> MessageId {
    MessageId::new(id.0)
}

/// A user's `id`. Operators and senders are other name spaces, and are kept apart by a mark.
pub(super) fn user(id: Id) -> PersonId {
    PersonId::new(id.0)
}

/// An Admin's or a MessageSender's `id`.
pub(super) fn operator(id: &Id) -> PersonId {
    PersonId::new(format!("operator:{}", id.0))
}

/// The number by which a reply of ours is known before its answer comes: the same at every attempt, never zero, for
/// zero means "none" (7.4); within 31 bits, for whether the 32 have a sign is not said.
pub(super) fn random_id(ours: &MessageId) -> u32 {
    let derived = EventId::derived(&[b"carrotquest random_id", ours.as_str().as_bytes()]).as_uuid();
    let [first, second, third, fourth, ..] = *derived.as_bytes();
    (u32::from_be_bytes([first, second, third, fourth]) & 0x7fff_ffff).max(1)
}

/// A conversation as a part of a path.
pub(super) fn in_path(conversation: &ConversationId) -> String {
    utf8_percent_encode(conversation.as_str(), NON_ALPHANUMERIC).to_string()
}

/// A user as a part of a path.
pub(super) fn user_in_path(user: &PersonId) -> String {
    utf8_percent_encode(user.as_str(), NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_leave_its_place_in_a_path() {
        assert_eq!(in_path(&ConversationId::new("../1?a=b")), "%2E%2E%2F1%3Fa%3Db");
        assert_eq!(in_path(&ConversationId::new("1976000000000000881")), "1976000000000000881");
    }

    #[test]
    fn a_user_and_an_operator_of_the_same_number_are_two_people() {
        assert_ne!(user(Id("139001".to_owned())), operator(&Id("139001".to_owned())));
    }

    #[test]
    fn the_same_message_has_the_same_random_id_and_never_none() {
        for number in 0..2_000 {
            let ours = MessageId::new(format!("amo.main:{number}"));
            assert_eq!(random_id(&ours), random_id(&ours));
            assert!((1..=0x7fff_ffff).contains(&random_id(&ours)));
        }
    }
}
