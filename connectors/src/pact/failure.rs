//! Why a message will not arrive, out of whatever Pact or a messenger wrote about it.
//!
//! Reasons come as a word, a sentence or a messenger's own error document of any shape (11.3). Takes them, gives a kind
//! and one short text for people.

use chatledger_projections::fact::{Failure, FailureKind};
use serde_json::Value;

pub(super) use crate::spoken::bounded;

/// Where a document says what is wrong, the most telling first.
const TELLING: [&str; 8] = ["reason", "detail", "message", "title", "details", "description", "text", "error"];

/// A failure with a kind made out of its reason's words.
pub(super) fn of_reason(reason: &str) -> Failure {
    Failure { kind: kind(reason), reason: bounded(reason) }
}

/// A failure of a certain kind.
pub(super) fn of_kind(kind: FailureKind, reason: &str) -> Failure {
    Failure { kind, reason: bounded(reason) }
}

/// The first text in a free document that says more than that it failed.
pub(super) fn first_text(document: &Value) -> Option<&str> {
    match document {
        Value::String(text) => Some(text.as_str()).filter(|text| says_something(text)),
        Value::Array(elements) => elements.iter().find_map(first_text),
        Value::Object(entries) => {
            let telling = TELLING.iter().filter_map(|key| entries.get(*key));
            telling.chain(entries.values()).find_map(first_text)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// The result itself is no reason for it.
fn says_something(text: &str) -> bool {
    !matches!(text.trim(), "" | "NOT DELIVERED" | "DELIVERED")
}

/// Reasons are undocumented but for a few (6.4, 11.3); what they say of the number means that nothing can be opened.
fn kind(reason: &str) -> FailureKind {
    const NO_SUCH_CLIENT: [&str; 7] = [
        "contact is not present",
        "phone is invalid",
        "undeliverable",
        "not registered",
        "not exist",
        "not found",
        "no whatsapp",
    ];
    const SWITCHED_OFF: [&str; 5] = ["integration", "disabled", "channel is", "not paid", "payment"];
    let reason = reason.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if has(&NO_SUCH_CLIENT) {
        FailureKind::CannotOpen
    } else if has(&SWITCHED_OFF) {
        FailureKind::ConnectionOff
    } else {
        FailureKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_messengers_own_words_are_found_wherever_they_stand() {
        let details = json!({"result": "NOT DELIVERED", "internal_reason": {"errors": [
            {"code": 131_026, "error_data": {"details": "Message Undeliverable."}, "message": "Message undeliverable"}
        ]}});
        assert_eq!(first_text(&details), Some("Message undeliverable"));
        assert_eq!(first_text(&json!("Contact is not present")), Some("Contact is not present"));
        assert_eq!(first_text(&json!({"result": "NOT DELIVERED", "code": 7})), None);
        assert_eq!(first_text(&Value::Null), None);
    }

    #[test]
    fn a_reason_tells_its_kind() {
        for (reason, expected) in [
            ("Contact is not present", FailureKind::CannotOpen),
            ("Message undeliverable", FailureKind::CannotOpen),
            ("Integration is down", FailureKind::ConnectionOff),
            ("Message was rejected by external system", FailureKind::Other),
        ] {
            assert_eq!(of_reason(reason).kind, expected, "{reason}");
        }
    }
}
