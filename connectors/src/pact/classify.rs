//! What Pact's replies prove, and what may be done when they prove nothing.
//!
//! Takes a reply, gives one of four outcomes. The statuses are those of 2.4. A server's fault or silence leaves a send
//! in doubt, for Pact knows no idempotency key (17.3); finding or opening a conversation and reading may be repeated.

use std::time::Duration;

use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{Failure, FailureKind};
use chatledger_projections::intent::Intent;
use chatledger_projections::outcome::{Outcome, Recourse};
use chatledger_projections::time::Timestamp;
use serde_json::Value;

use super::learn::{is_errored, names_conversation};
use super::wire::{v1, v2};
use super::{call, failure};
use crate::connector::{Decoded, Reply};
use crate::loose::with_document;
use crate::spoken::retry_after_s;

/// No waiting time that Pact names is believed beyond this (17.2).
const LONGEST_WAIT_S: u64 = 120;

/// Sorts a reply by what it proves.
pub(super) fn classify(call: &str, reply: Reply<'_>, now: Timestamp) -> Outcome {
    let reply = match reply {
        Reply::Answered(reply) => reply,
        Reply::NotSent(reason) => return Outcome::Postponed { until: None, reason: failure::bounded(reason) },
        Reply::NoAnswer(reason) => return in_doubt(call, failure::bounded(reason)),
    };
    match reply.status {
        // A lookup runs; the same call finds its result later (5.2).
        202 if call == call::OPEN_V1 => postponed("202: the number is being looked up"),
        200..300 => taken(call, reply),
        401..=403 => refused(FailureKind::ConnectionOff, reply),
        408 => in_doubt(call, described(reply)),
        429 => Outcome::Postponed { until: waiting_time(reply).map(|wait| now + wait), reason: described(reply) },
        // Our own fault: a method, a form or a place that Pact does not know.
        405 | 406 | 410 | 418 => refused(FailureKind::Internal, reply),
        // Asked for by number, it is the number that is wrong; by id, the conversation is gone (15.8).
        404 => refused(FailureKind::CannotOpen, reply),
        400..500 if matches!(call, call::OPEN_V1 | call::FIRST_MESSAGE_V2) => refused(FailureKind::CannotOpen, reply),
        400..500 => {
            Outcome::Refused { failure: Failure { reason: described(reply), ..failure::of_reason(&why(reply)) } }
        }
        // Any other 5xx is transient; what is below 200 or a redirect is in no contract, and proves as little.
        _ => in_doubt(call, described(reply)),
    }
}

/// What may be done when it is not known whether an attempt took effect.
pub(super) fn recourse(intent: &Intent) -> Recourse {
    match intent {
        // No idempotency key (1, line 8): look for the message first (17.3).
        Intent::SendMessage(_) => Recourse::ProbeFirst,
        // Opening finds what is open already; reading changes nothing.
        Intent::OpenConversation(_) | Intent::FindClient(_) | Intent::LookUpConversation(_) => Recourse::RetrySafely,
        // Never encoded, so never attempted.
        Intent::ClaimConversation(_) | Intent::ReportDelivery(_) => Recourse::AskPerson,
        // What is gone is gone, however often it is asked.
        Intent::DeleteMessage(_) => Recourse::RetrySafely,
        Intent::SetReaction(_) | Intent::EditMessage(_) | Intent::ShowTyping(_) => Recourse::AskPerson,
    }
}

fn taken(call: &str, reply: &RecordedReply) -> Outcome {
    if call::is_v1(call) && is_errored(verdict(reply).as_deref()) {
        let reason = why(reply);
        return Outcome::Refused {
            failure: match call {
                call::OPEN_V1 => failure::of_kind(FailureKind::CannotOpen, &reason),
                _ => failure::of_reason(&reason),
            },
        };
    }
    // These are asked for nothing but a conversation, and may be asked again.
    let asked_for_one = matches!(call, call::OPEN_V1 | call::CONVERSATION_V1 | call::CONVERSATION_V2);
    if asked_for_one && !names_conversation(call, reply) {
        return postponed(&format!("{}: the answer names no conversation", reply.status));
    }
    Outcome::Accepted
}

fn in_doubt(call: &str, reason: String) -> Outcome {
    if call::is_told_by_repetition(call) {
        Outcome::Uncertain { until: None, reason }
    } else {
        Outcome::Postponed { until: None, reason }
    }
}

fn postponed(reason: &str) -> Outcome {
    Outcome::Postponed { until: None, reason: reason.to_owned() }
}

fn refused(kind: FailureKind, reply: &RecordedReply) -> Outcome {
    Outcome::Refused { failure: failure::of_kind(kind, &described(reply)) }
}

/// The status, and whatever the reply says beside it.
pub(super) fn described(reply: &RecordedReply) -> String {
    let why = why(reply);
    if why.is_empty() { reply.status.to_string() } else { format!("{}: {why}", reply.status) }
}

/// The telling text of an error document of either generation; the first one's are undocumented, and may be no JSON.
fn why(reply: &RecordedReply) -> String {
    match serde_json::from_slice::<Value>(&reply.body.0) {
        Ok(document) => {
            let errors = document.get("errors").filter(|errors| !errors.is_null());
            failure::first_text(errors.unwrap_or(&document)).map(failure::bounded).unwrap_or_default()
        }
        Err(_) => failure::bounded(&String::from_utf8_lossy(&reply.body.0)),
    }
}

fn verdict(reply: &RecordedReply) -> Option<String> {
    with_document::<v1::Verdict<'static>, _>(&reply.body.0, &mut Decoded::default(), |verdict, _| {
        verdict.status.get().map(|word| word.clone().into_owned())
    })
    .flatten()
}

/// "Please wait for 50 seconds", else a `Retry-After` in seconds, else nothing (17.2).
fn waiting_time(reply: &RecordedReply) -> Option<Duration> {
    let spoken = with_document::<v2::Errors<'static>, _>(&reply.body.0, &mut Decoded::default(), |reply, _| {
        let errors = reply.errors.get()?;
        errors.iter().find_map(|error| first_whole(error.get()?.detail.get()?))
    })
    .flatten();
    let in_header = || retry_after_s(reply);
    spoken.or_else(in_header).map(|seconds| Duration::from_secs(seconds.min(LONGEST_WAIT_S)))
}

fn first_whole(text: &str) -> Option<u64> {
    let digits: String =
        text.chars().skip_while(|sign| !sign.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    // More digits than a number holds are still a very long wait.
    (!digits.is_empty()).then(|| digits.parse().unwrap_or(u64::MAX))
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
    fn silence_leaves_only_a_send_in_doubt() {
        for call in [call::SEND_V1, call::SEND_V2, call::FIRST_MESSAGE_V2] {
            assert!(matches!(
                classify(call, Reply::NoAnswer("timed out"), Timestamp::default()),
                Outcome::Uncertain { .. }
            ));
            for status in [408, 500, 502, 503, 599, 302] {
                assert!(matches!(answered(call, status, ""), Outcome::Uncertain { .. }), "{call} {status}");
            }
            assert!(matches!(
                classify(call, Reply::NotSent("refused"), Timestamp::default()),
                Outcome::Postponed { .. }
            ));
        }
        for call in [call::OPEN_V1, call::CONVERSATION_V1, call::CONVERSATION_V2] {
            assert!(matches!(
                classify(call, Reply::NoAnswer("timed out"), Timestamp::default()),
                Outcome::Postponed { .. }
            ));
            assert!(matches!(answered(call, 503, ""), Outcome::Postponed { .. }));
        }
    }

    #[test]
    fn a_named_waiting_time_is_kept_but_not_for_ever() {
        let body = |detail: &str| format!(r#"{{"errors":[{{"detail":"{detail}"}}]}}"#);
        for (body, until) in [
            (body("Please wait for 50 seconds"), Some(51_000)),
            (body("Please wait for 86400 seconds"), Some(121_000)),
            (body("Please wait for 99999999999999999999999 seconds"), Some(121_000)),
            (body("Please wait"), None),
            (String::new(), None),
        ] {
            let Outcome::Postponed { until: named, .. } = answered(call::SEND_V2, 429, &body) else {
                panic!("{body}");
            };
            assert_eq!(named, until.map(Timestamp::from_millis), "{body}");
        }
    }

    #[test]
    fn what_pact_will_never_take_is_refused_with_its_kind() {
        for (call, status, expected) in [
            (call::SEND_V2, 401, FailureKind::ConnectionOff),
            (call::SEND_V2, 402, FailureKind::ConnectionOff),
            (call::SEND_V1, 403, FailureKind::ConnectionOff),
            (call::SEND_V2, 404, FailureKind::CannotOpen),
            (call::FIRST_MESSAGE_V2, 422, FailureKind::CannotOpen),
            (call::OPEN_V1, 400, FailureKind::CannotOpen),
            (call::SEND_V2, 422, FailureKind::Other),
            (call::SEND_V2, 406, FailureKind::Internal),
        ] {
            let Outcome::Refused { failure } = answered(call, status, "") else { panic!("{call} {status}") };
            assert_eq!(failure.kind, expected, "{call} {status}");
        }
    }

    #[test]
    fn an_error_under_a_status_of_200_is_an_error() {
        let body = r#"{"status":"errored","errors":["Phone is invalid"]}"#;
        for call in [call::OPEN_V1, call::SEND_V1] {
            let Outcome::Refused { failure } = answered(call, 200, body) else { panic!("{call}") };
            assert_eq!((failure.kind, failure.reason.as_str()), (FailureKind::CannotOpen, "Phone is invalid"));
        }
        assert_eq!(answered(call::SEND_V2, 200, ""), Outcome::Accepted);
        assert!(matches!(answered(call::OPEN_V1, 202, ""), Outcome::Postponed { .. }));
    }
}
