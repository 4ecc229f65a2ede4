//! What Carrot quest's replies prove, and what may be done when they prove nothing.
//!
//! Takes a reply, gives one of four outcomes. The verdict stands in the body: `meta.status` is believed where it and
//! the HTTP status disagree (2.4), and errors are told apart by name first (2.5), for an unknown user is a 400, too. A
//! server's fault, silence or a page that is no verdict leaves a message in doubt: nothing says that a `random_id` is
//! taken only once (7.4). Reading may always be repeated.

use std::time::Duration;

use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{Failure, FailureKind};
use chatledger_projections::intent::Intent;
use chatledger_projections::outcome::{Outcome, Recourse};
use chatledger_projections::time::Timestamp;

use super::call;
use super::learn;
use super::wire;
use crate::connector::{Decoded, Reply};
use crate::loose::{Field, Text, with_document};

/// No waiting time is believed beyond this: the platform documents none, and a lane must not sleep for a day.
const LONGEST_WAIT_S: u64 = 120;

/// As much of a reason as a person reads.
const LONGEST_REASON: usize = 300;

/// Sorts a reply by what it proves.
pub(super) fn classify(call: &str, reply: Reply<'_>, now: Timestamp) -> Outcome {
    let reply = match reply {
        Reply::Answered(reply) => reply,
        Reply::NotSent(reason) => return Outcome::Postponed { until: None, reason: bounded(reason) },
        Reply::NoAnswer(reason) => return in_doubt(call, bounded(reason)),
    };
    let verdict = Verdict::of(reply);
    match verdict.error.as_deref() {
        Some("AuthenticationFailed" | "PermissionDenied") => return refused(FailureKind::ConnectionOff, &verdict),
        // No such user (2.5).
        Some("LookupError") => return refused(FailureKind::CannotOpen, &verdict),
        Some("MethodNotAllowed") => return refused(FailureKind::Internal, &verdict),
        // It is so already, which is all that was wanted (2.5).
        Some("ConversationTagAlreadyAssigned" | "ConversationTagIsNotAssigned") => return Outcome::Accepted,
        Some("BadRequest") => return refused(FailureKind::Other, &verdict),
        // How long a text may be is documented nowhere: whoever hears this says it in smaller pieces (11).
        Some("ReplyTooBig") => return refused(FailureKind::TooLong, &verdict),
        Some(_) | None => {}
    }
    match verdict.status {
        200..300 => taken(call, reply, &verdict),
        401 | 403 => refused(FailureKind::ConnectionOff, &verdict),
        404 | 410 => refused(FailureKind::CannotOpen, &verdict),
        405 | 406 | 415 => refused(FailureKind::Internal, &verdict),
        408 => in_doubt(call, verdict.described()),
        429 => Outcome::Postponed { until: waiting_time(reply).map(|wait| now + wait), reason: verdict.described() },
        400..500 => refused(FailureKind::Other, &verdict),
        // Any other 5xx is transient; what is below 200 or a redirect is in no contract, and proves as little.
        _ => in_doubt(call, verdict.described()),
    }
}

/// What may be done when it is not known whether an attempt took effect.
pub(super) fn recourse(intent: &Intent) -> Recourse {
    match intent {
        // Read the newest parts or dialogues first, repeat only if it is absent (7.4).
        Intent::SendMessage(_) => Recourse::ProbeFirst,
        // Reading changes nothing.
        Intent::LookUpConversation(_) | Intent::FindClient(_) => Recourse::RetrySafely,
        // Never encoded, so never attempted.
        Intent::OpenConversation(_) | Intent::ClaimConversation(_) | Intent::ReportDelivery(_) => Recourse::AskPerson,
        Intent::SetReaction(_) | Intent::EditMessage(_) | Intent::DeleteMessage(_) => Recourse::AskPerson,
        // Over before anybody could ask.
        Intent::ShowTyping(_) => Recourse::AskPerson,
    }
}

/// What a reply says of itself.
pub(super) struct Verdict {
    /// `meta.status`, or else the HTTP status.
    status: u16,
    /// Whether the body has a verdict at all; a page of HTML has none.
    is_spoken: bool,
    error: Option<String>,
    message: Option<String>,
}

impl Verdict {
    /// Reads it; a body without one leaves the HTTP status.
    pub(super) fn of(reply: &RecordedReply) -> Self {
        let read = |answer: wire::Answer<'_>, decoded: &mut Decoded| {
            let meta = answer.meta.0.read("meta", decoded)?;
            let text = |field: &Field<Text<'_>>| field.get().map(ToString::to_string);
            let status = meta.status.get().and_then(|status| u16::try_from(*status).ok());
            Some((status, text(&meta.error), text(&meta.error_message)))
        };
        let meta = with_document::<wire::Answer<'static>, _>(&reply.body.0, &mut Decoded::default(), read).flatten();
        let (status, error, message) = meta.unwrap_or_default();
        let spoken = status.filter(|status| (100..600).contains(status));
        Self { status: spoken.unwrap_or(reply.status), is_spoken: spoken.is_some(), error, message }
    }

    /// Whether it says that what was asked is done.
    pub(super) fn is_yes(&self) -> bool {
        (200..300).contains(&self.status) && self.error.is_none()
    }

    /// The status, and whatever the reply says beside it.
    pub(super) fn described(&self) -> String {
        let words: Vec<&str> = [self.error.as_deref(), self.message.as_deref()].into_iter().flatten().collect();
        if words.is_empty() {
            self.status.to_string()
        } else {
            bounded(&format!("{}: {}", self.status, words.join(", ")))
        }
    }
}

fn taken(call: &str, reply: &RecordedReply, verdict: &Verdict) -> Outcome {
    if call == call::REPLY && !learn::names_message(reply) {
        let why = if verdict.is_spoken { "the answer names no message" } else { "the answer holds no verdict" };
        return in_doubt(call, format!("{}: {why}", verdict.status));
    }
    if call == call::FIRST_MESSAGE && !learn::names_opened(reply) {
        return in_doubt(call, format!("{}: the answer names no conversation", verdict.status));
    }
    if call == call::USERS && !learn::lists_users(reply) {
        let reason = format!("{}: the answer is no list of visitors", verdict.status);
        return Outcome::Postponed { until: None, reason };
    }
    if call == call::CONVERSATION && !learn::names_conversation(reply) {
        let reason = format!("{}: the answer names no conversation", verdict.status);
        return Outcome::Postponed { until: None, reason };
    }
    Outcome::Accepted
}

fn in_doubt(call: &str, reason: String) -> Outcome {
    if matches!(call, call::REPLY | call::FIRST_MESSAGE) {
        Outcome::Uncertain { until: None, reason }
    } else {
        Outcome::Postponed { until: None, reason }
    }
}

fn refused(kind: FailureKind, verdict: &Verdict) -> Outcome {
    Outcome::Refused { failure: Failure { kind, reason: verdict.described() } }
}

/// A `Retry-After` in seconds, if there is one; nothing is documented (2.5).
fn waiting_time(reply: &RecordedReply) -> Option<Duration> {
    let (_, value) = reply.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
    let digits = value.trim();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // More digits than a number holds are still a very long wait.
    is_number.then(|| Duration::from_secs(digits.parse().unwrap_or(u64::MAX).min(LONGEST_WAIT_S)))
}

/// At most so much as a person reads.
pub(super) fn bounded(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatledger_projections::bytes::Bytes;

    fn answered(call: &str, status: u16, body: &str) -> Outcome {
        let body = Bytes(body.as_bytes().to_vec());
        let reply = RecordedReply { status, headers: Vec::new(), body, cut: false };
        classify(call, Reply::Answered(&reply), Timestamp::from_millis(1_000))
    }

    #[test]
    fn silence_leaves_only_a_reply_in_doubt() {
        let silent = |call| classify(call, Reply::NoAnswer("timed out"), Timestamp::default());
        assert!(matches!(silent(call::REPLY), Outcome::Uncertain { .. }));
        assert!(matches!(silent(call::CONVERSATION), Outcome::Postponed { .. }));
        for status in [408, 500, 502, 503, 599, 302] {
            assert!(matches!(answered(call::REPLY, status, "<html>"), Outcome::Uncertain { .. }), "{status}");
            assert!(matches!(answered(call::CONVERSATION, status, ""), Outcome::Postponed { .. }), "{status}");
        }
        let unsent = classify(call::REPLY, Reply::NotSent("refused"), Timestamp::default());
        assert!(matches!(unsent, Outcome::Postponed { .. }));
    }

    #[test]
    fn the_verdict_in_the_body_is_believed_before_the_status() {
        let error = r#"{"meta":{"status":401,"error":"AuthenticationFailed"},"data":{}}"#;
        let Outcome::Refused { failure } = answered(call::REPLY, 200, error) else { panic!("it is refused") };
        assert_eq!(failure.kind, FailureKind::ConnectionOff);
        let taken = r#"{"meta":{"status":200},"data":{"id":"1"}}"#;
        assert_eq!(answered(call::REPLY, 400, taken), Outcome::Accepted);
        // A status of its own invention is no verdict.
        assert!(matches!(answered(call::REPLY, 502, r#"{"meta":{"status":7}}"#), Outcome::Uncertain { .. }));
    }

    #[test]
    fn a_reply_without_a_message_is_in_doubt_and_a_lookup_without_a_conversation_is_asked_again() {
        for body in ["", "<html>", "{}", r#"{"meta":{"status":200},"data":{}}"#, r#"{"meta":{"status":200},"data":[]}"#]
        {
            assert!(matches!(answered(call::REPLY, 200, body), Outcome::Uncertain { .. }), "{body}");
            assert!(matches!(answered(call::CONVERSATION, 200, body), Outcome::Postponed { .. }), "{body}");
        }
    }

    #[test]
    fn what_will_never_be_taken_is_refused_with_its_kind() {
        for (status, error, expected) in [
            (400, "BadRequest", FailureKind::Other),
            (400, "ReplyTooBig", FailureKind::Other),
            (400, "LookupError", FailureKind::CannotOpen),
            (400, "SomethingNew", FailureKind::Other),
            (403, "PermissionDenied", FailureKind::ConnectionOff),
            (404, "NotFound", FailureKind::CannotOpen),
            (405, "MethodNotAllowed", FailureKind::Internal),
        ] {
            let body =
                format!(r#"{{"meta":{{"status":{status},"error":"{error}","error_message":"why"}},"data":{{}}}}"#);
            let Outcome::Refused { failure } = answered(call::REPLY, status, &body) else { panic!("{error}") };
            assert_eq!((failure.kind, failure.reason), (expected, format!("{status}: {error}, why")));
        }
    }

    #[test]
    fn a_named_waiting_time_is_kept_but_not_for_ever() {
        for (value, until) in [
            ("2", Some(3_000)),
            ("86400", Some(121_000)),
            ("99999999999999999999999", Some(121_000)),
            ("soon", None),
            ("", None),
        ] {
            let headers = vec![("Retry-After".to_owned(), value.to_owned())];
            let reply = RecordedReply { status: 429, headers, body: Bytes(Vec::new()), cut: false };
            let outcome = classify(call::REPLY, Reply::Answered(&reply), Timestamp::from_millis(1_000));
            let Outcome::Postponed { until: named, .. } = outcome else { panic!("{value}") };
            assert_eq!(named, until.map(Timestamp::from_millis), "{value}");
        }
    }
}
