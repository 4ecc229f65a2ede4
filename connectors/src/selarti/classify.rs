//! What Selarti's replies prove, and what may be done when they prove nothing.
//!
//! Takes a reply, gives one of four outcomes. The statuses are bubble.io's (4.2). There is no idempotency key and no call
//! that reads, so silence leaves a send in doubt until its words come back in the feed, or do not.

use std::time::Duration;

use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{Failure, FailureKind};
use chatledger_projections::intent::Intent;
use chatledger_projections::outcome::{Outcome, Recourse};
use chatledger_projections::time::Timestamp;

use super::wire;
use crate::connector::{Decoded, Reply};
use crate::loose::with_document;
use crate::spoken::{bounded, retry_after_s};

/// A pass that ran out is replaced within this time; a call that is turned away for longer is turned away for good (4.1).
const SIGNED_IN_WITHIN: Duration = Duration::from_secs(120);

/// What a client says is repeated by a webhook within this time, or was not heard (5).
pub(super) const ECHOED_WITHIN: Duration = Duration::from_secs(15);

/// No waiting time that is named is believed beyond this.
const LONGEST_WAIT_S: u64 = 120;

/// Sorts a reply by what it proves.
pub(super) fn classify(_call: &str, reply: Reply<'_>, now: Timestamp, tried_for: Duration) -> Outcome {
    let reply = match reply {
        Reply::Answered(reply) => reply,
        Reply::NotSent(reason) => return Outcome::Postponed { until: None, reason: bounded(reason) },
        Reply::NoAnswer(reason) => return Outcome::Uncertain { until: None, reason: bounded(reason) },
    };
    match reply.status {
        200..300 => taken(reply),
        // The pass ran out; the next try carries a new one.
        401 if tried_for < SIGNED_IN_WITHIN => postponed(reply),
        401..=403 => refused(FailureKind::ConnectionOff, reply),
        408 => Outcome::Uncertain { until: None, reason: described(reply) },
        429 => Outcome::Postponed { until: waiting_time(reply).map(|wait| now + wait), reason: described(reply) },
        // A key, a type, a path or an id that Selarti does not know: our request or our settings are wrong.
        400..500 => refused(FailureKind::Internal, reply),
        // To be tried again (4.2; 5), though nothing proves that the workflow had not begun: an assistant that hears a
        // question twice does less harm than one that never hears it.
        500..600 => postponed(reply),
        // What is below 200 or a redirect is in no contract, and proves nothing.
        _ => Outcome::Uncertain { until: None, reason: described(reply) },
    }
}

/// What may be done when it is not known whether an attempt took effect.
pub(super) fn recourse(intent: &Intent) -> Recourse {
    match intent {
        // No idempotency key, and no call to ask by (5; 7); but the feed of all messages repeats the words (5).
        Intent::SendMessage(_) => Recourse::ListenFirst,
        // Never encoded, so never attempted.
        Intent::OpenConversation(_)
        | Intent::FindClient(_)
        | Intent::ClaimConversation(_)
        | Intent::ReportDelivery(_)
        | Intent::LookUpConversation(_)
        | Intent::SetReaction(_)
        | Intent::EditMessage(_)
        | Intent::DeleteMessage(_)
        | Intent::ShowTyping(_) => Recourse::AskPerson,
    }
}

/// A body that says nothing is a good answer (4.2); one that says "error" is none, whatever the status.
fn taken(reply: &RecordedReply) -> Outcome {
    let word = read(reply, |reply| reply.status.get().map(|word| word.to_lowercase()));
    match word.as_deref() {
        None | Some("success" | "ok") => Outcome::Accepted,
        Some(_) => refused(FailureKind::Other, reply),
    }
}

fn postponed(reply: &RecordedReply) -> Outcome {
    Outcome::Postponed { until: None, reason: described(reply) }
}

pub(super) fn refused(kind: FailureKind, reply: &RecordedReply) -> Outcome {
    Outcome::Refused { failure: Failure { kind, reason: described(reply) } }
}

/// The status, and whatever the reply says beside it: in `body.message`, in `message`, or in no JSON at all (4.2).
pub(super) fn described(reply: &RecordedReply) -> String {
    let said = read(reply, |reply| {
        let inner = reply.body.get();
        let message = inner.and_then(|inner| inner.message.get()).or_else(|| reply.message.get());
        let word = inner.and_then(|inner| inner.status.get()).or_else(|| reply.status.get());
        match (word, message) {
            (Some(word), Some(message)) => Some(format!("{word}, {message}")),
            (Some(text), None) | (None, Some(text)) => Some(text.clone().into_owned()),
            (None, None) => None,
        }
    });
    match said {
        Some(said) => bounded(&format!("{}: {said}", reply.status)),
        None => reply.status.to_string(),
    }
}

fn read<R>(reply: &RecordedReply, ask: impl Fn(&wire::Reply<'_>) -> Option<R>) -> Option<R> {
    let mut unheard = Decoded::default();
    with_document::<wire::Reply<'static>, _>(&reply.body.0, &mut unheard, |reply, _| ask(&reply)).flatten()
}

/// A `Retry-After` in seconds; none is promised (4.2).
fn waiting_time(reply: &RecordedReply) -> Option<Duration> {
    retry_after_s(reply).map(|seconds| Duration::from_secs(seconds.min(LONGEST_WAIT_S)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selarti::SEND;
    use chatledger_projections::bytes::Bytes;

    fn answered_after(tried_for: Duration, status: u16, body: &str) -> Outcome {
        let headers = vec![("retry-after".to_owned(), "9999".to_owned())];
        let reply = RecordedReply { status, headers, body: Bytes(body.as_bytes().to_vec()), cut: false };
        classify(SEND, Reply::Answered(&reply), Timestamp::from_millis(1_000), tried_for)
    }

    fn answered(status: u16, body: &str) -> Outcome {
        answered_after(Duration::ZERO, status, body)
    }

    #[test]
    fn whatever_is_answered_with_200_is_taken_unless_it_says_otherwise() {
        for body in ["", "{}", r#"{"status":"success"}"#, r#"{"status":"success","response":{}}"#, "[]", "<html>"] {
            assert_eq!(answered(200, body), Outcome::Accepted, "{body}");
        }
        assert!(matches!(answered(200, r#"{"status":"error","message":"no"}"#), Outcome::Refused { .. }));
    }

    #[test]
    fn a_pass_that_ran_out_is_a_reason_to_wait_and_not_for_ever() {
        assert!(matches!(answered_after(Duration::ZERO, 401, ""), Outcome::Postponed { .. }));
        let Outcome::Refused { failure } = answered_after(SIGNED_IN_WITHIN, 401, "") else { panic!("it is refused") };
        assert_eq!(failure.kind, FailureKind::ConnectionOff);
    }

    #[test]
    fn an_errors_text_is_found_in_both_its_places() {
        for (body, reason) in [
            (
                r#"{"statusCode":400,"body":{"status":"MISSING_DATA","message":"no chat_id"}}"#,
                "400: MISSING_DATA, no chat_id",
            ),
            (r#"{"status":"error","message":"Invalid key"}"#, "400: error, Invalid key"),
            (r#"{"message":"wrong"}"#, "400: wrong"),
            ("<html>", "400"),
        ] {
            let Outcome::Refused { failure } = answered(400, body) else { panic!("{body}") };
            assert_eq!((failure.kind, failure.reason.as_str()), (FailureKind::Internal, reason));
        }
    }

    #[test]
    fn only_silence_leaves_a_send_in_doubt() {
        let silent = classify(SEND, Reply::NoAnswer("timed out"), Timestamp::default(), Duration::ZERO);
        assert!(matches!(silent, Outcome::Uncertain { .. }));
        let unsent = classify(SEND, Reply::NotSent("no route"), Timestamp::default(), Duration::ZERO);
        assert!(matches!(unsent, Outcome::Postponed { .. }));
        for status in [500, 502, 503, 504] {
            assert!(matches!(answered(status, "<html>"), Outcome::Postponed { until: None, .. }), "{status}");
        }
        let Outcome::Postponed { until, .. } = answered(429, "") else { panic!("it is postponed") };
        assert_eq!(until, Some(Timestamp::from_millis(121_000)));
        for status in [404, 405] {
            assert!(matches!(answered(status, ""), Outcome::Refused { .. }), "{status}");
        }
    }
}
