//! Selarti's ids: where they are made, and the only place where they are read again.
//!
//! Two deliveries are the same delivery if their bodies are equal byte for byte at the same connection.
//!
//! Selarti names no delivery and is not known to repeat one (6). A message told of twice, by two integrations, comes with
//! another `wh_type` (6.4): two deliveries of one message, which its `message_id` makes one again.
//!
//! A dialogue has two names: `thread_id` is Selarti's, `chat_id` is ours and comes back as `external_chat_id` (3). No
//! message bears an id of ours; ours are known again by the dialogue and the words (8, step 7).

use chatledger_projections::ids::{ConnectionName, ConversationId, EventId, MessageId, PersonId, SourceId};
use chatledger_projections::time::Timestamp;

/// Stands for an assistant whose manager is not named.
const ASSISTANT: &str = "assistant";

/// Stands for whoever writes in Selarti's panel: people there have no names in webhooks (6.1).
const OPERATOR: &str = "operator";

/// The id of a delivery.
pub(super) fn delivery(connection: &ConnectionName, body: &[u8]) -> EventId {
    EventId::derived(&[b"selarti", connection.as_str().as_bytes(), body])
}

/// `thread_id` and `external_chat_id`; `chat_id` when sent.
pub(super) fn conversation(id: impl AsRef<str>) -> ConversationId {
    ConversationId::new(id.as_ref())
}

/// `message_id`.
pub(super) fn message(id: impl AsRef<str>) -> MessageId {
    MessageId::new(id.as_ref())
}

/// `task_id`: the entrance through which a dialogue runs.
pub(super) fn source(id: impl AsRef<str>) -> SourceId {
    SourceId::new(id.as_ref())
}

/// `manager_id`: the made-up manager in whose name the assistant of a task speaks.
pub(super) fn assistant(manager: Option<&str>) -> PersonId {
    PersonId::new(manager.unwrap_or(ASSISTANT))
}

/// Whoever writes in the panel.
pub(super) fn operator() -> PersonId {
    PersonId::new(OPERATOR)
}

/// When the thing was made that bears this id: bubble.io's ids begin with the milliseconds, then an `x` (3).
pub(super) fn made_at(id: &str) -> Option<Timestamp> {
    let (millis, rest) = id.split_once('x')?;
    let is_bubbles = millis.len() == 13 && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    // A sign would be read as a number, too.
    (is_bubbles && millis.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| millis.parse().ok().map(Timestamp::from_millis))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_bubbles_tells_when_it_was_made() {
        let made = made_at("1732612250010x300000000000079190");
        assert_eq!(made, Some(Timestamp::from_millis(1_732_612_250_010)));
        for other in ["", "x", "1732612250010x", "173261225001x3", "1732612250010x3a", "+732612250010x3", "42"] {
            assert_eq!(made_at(other), None, "{other}");
        }
    }

    #[test]
    fn the_same_bytes_at_two_connections_are_two_deliveries() {
        let (sales, support) = (ConnectionName::new("selarti.sales"), ConnectionName::new("selarti.support"));
        assert_eq!(delivery(&sales, b"{}"), delivery(&sales, b"{}"));
        assert_ne!(delivery(&sales, b"{}"), delivery(&support, b"{}"));
    }

    #[test]
    fn a_person_in_the_panel_is_not_the_assistant() {
        assert_ne!(operator(), assistant(None));
        assert_eq!(assistant(Some("1719305127734x902837465564738291")).as_str(), "1719305127734x902837465564738291");
    }
}
