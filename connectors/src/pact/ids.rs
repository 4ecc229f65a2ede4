//! Pact's ids: where they are made, and the only place where they are read again.
//!
//! Two deliveries are the same delivery if their bodies are equal byte for byte at the same connection.
//!
//! Pact names no delivery and repeats a lost one with the same bytes (10.2, duplicates). Everything that could be said
//! twice and meant twice bears an id or a time of its own, so equal greetings are not merged; probes and empty bodies
//! are, and lose nothing by it.
//!
//! Numbers of the first and of the second generation are one number space (1, line 4), so a conversation or message
//! has one name whichever format brought it.

use chatledger_projections::ids::{ConnectionName, ConversationId, EventId, JobId, MessageId, PersonId};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Marks a messenger's own message id, which must never be taken for Pact's number.
const MESSENGERS_OWN: &str = "messenger:";

/// The id of a delivery.
pub(super) fn delivery(connection: &ConnectionName, body: &[u8]) -> EventId {
    EventId::derived(&[b"pact", connection.as_str().as_bytes(), body])
}

/// A message that was found by listing its conversation: the same whenever it is listed.
pub(super) fn listed(connection: &ConnectionName, conversation: &ConversationId, number: i64) -> EventId {
    let parts = [connection.as_str(), conversation.as_str(), &number.to_string()];
    let [connection, conversation, number] = parts.map(str::as_bytes);
    EventId::derived(&[b"pact listed message", connection, conversation, number])
}

/// v1 `conversation_id` and a conversation's `external_id`; v2 `conversation_id` and a conversation's `id`.
pub(super) fn conversation(number: i64) -> ConversationId {
    ConversationId::new(number.to_string())
}

/// v1 a message's `external_id`; v2 a message's `id`.
pub(super) fn message(number: i64) -> MessageId {
    MessageId::new(number.to_string())
}

/// v1 `job_id` of a message, `id` of a job.
pub(super) fn job(number: i64) -> JobId {
    JobId::new(number.to_string())
}

/// v2 `contact_id` of a message, `id` of a contact.
pub(super) fn person(number: i64) -> PersonId {
    PersonId::new(number.to_string())
}

/// v2 `replied_to_id`: the messenger's id of a message, which is another name space than Pact's own (1, line 3).
pub(super) fn messengers_message(theirs: &str) -> MessageId {
    MessageId::new(format!("{MESSENGERS_OWN}{theirs}"))
}

/// The messenger's id as `replied_to_id` takes it; `None` for Pact's own ids, which it does not take.
pub(super) fn replied_to(message: &MessageId) -> Option<&str> {
    message.as_str().strip_prefix(MESSENGERS_OWN)
}

/// Pact's own number of a message, where requests want a number; `None` for the messenger's ids.
pub(super) fn number_of_message(message: &MessageId) -> Option<i64> {
    message.as_str().parse().ok()
}

/// A conversation as requests name it.
pub(super) fn wire(conversation: &ConversationId) -> &str {
    conversation.as_str()
}

/// An id as a part of a path, which it cannot leave.
pub(super) fn text_in_path(id: &str) -> String {
    utf8_percent_encode(id, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_messengers_id_is_never_taken_for_pacts_number() {
        assert_ne!(messengers_message("34577"), message(34577));
        assert_eq!(replied_to(&messengers_message("34577")), Some("34577"));
        assert_eq!(replied_to(&message(34577)), None);
    }

    #[test]
    fn an_id_cannot_leave_its_place_in_a_path() {
        assert_eq!(text_in_path("../1?a=b"), "%2E%2E%2F1%3Fa%3Db");
        assert_eq!(text_in_path(wire(&conversation(18_642_847))), "18642847");
    }

    #[test]
    fn the_same_bytes_at_two_connections_are_two_deliveries() {
        let (sales, support) = (ConnectionName::new("pact.sales"), ConnectionName::new("pact.support"));
        assert_eq!(delivery(&sales, b"{}"), delivery(&sales, b"{}"));
        assert_ne!(delivery(&sales, b"{}"), delivery(&support, b"{}"));
        assert_ne!(delivery(&sales, b"{}"), delivery(&sales, b"{} "));
    }
}
