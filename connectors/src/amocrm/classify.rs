//! What amojo's replies prove (contract, 7), and what may be done when they prove nothing.
//!
//! Takes a reply to one of our calls; gives one of the four outcomes. The shape of amojo's error bodies is not
//! documented, so only the status decides; the body is read for a few words to people, and never trusted to be JSON.
//!
//! One rule of the contract needs more than one reply and so cannot live here: *any 4xx on a retry whose first attempt
//! is uncertain means "maybe accepted"*, for how amo answers a repeated `msgid` is unknown. Whoever knows the attempts
//! looks into the chat's history then; see [`super::probe`].

use std::time::Duration;

use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{Failure, FailureKind};
use chatledger_projections::intent::Intent;
use chatledger_projections::outcome::{Outcome, Recourse};
use chatledger_projections::time::Timestamp;

use super::wire::ErrorAnswer;
use super::{DELIVERY_STATUS, EDIT_MESSAGE, REACT, sign};
use crate::connector::{Decoded, Reply};
use crate::loose;

/// How much of a reply is repeated to people.
const LONGEST_REASON: usize = 300;

/// No platform's word makes us wait longer than a day: by then a person should have looked.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long amo may need to know its own message: it works asynchronously (contract, 7: "retry over about a minute").
const LEARNS_WITHIN: Duration = Duration::from_secs(60);

/// Within this time a refused signature is signed anew, once or twice: a clock may have been set (contract, 7).
const SIGNED_ANEW_WITHIN: Duration = Duration::from_secs(5);

/// Sorts a reply by what it proves.
pub(super) fn reply(call: &str, reply: Reply<'_>, now: Timestamp, tried_for: Duration) -> Outcome {
    match reply {
        Reply::Answered(reply) => answered(call, reply, now, tried_for),
        Reply::NotSent(why) => Outcome::Postponed { until: None, reason: bounded(why) },
        Reply::NoAnswer(why) => Outcome::Uncertain { reason: bounded(why) },
    }
}

fn answered(call: &str, reply: &RecordedReply, now: Timestamp, tried_for: Duration) -> Outcome {
    let refused = |kind| Outcome::Refused { failure: Failure { kind, reason: said(reply) } };
    let postponed = |until| Outcome::Postponed { until, reason: said(reply) };
    match reply.status {
        // An unreadable body changes nothing: amo took it, we only do not learn its id (contract, 7).
        200..=299 => Outcome::Accepted,
        // The documentation knows no redirects: this is another host than amojo.
        300..=399 => refused(FailureKind::ConnectionOff),
        400 => refused(FailureKind::Other),
        401 | 402 => refused(FailureKind::ConnectionOff),
        // The proxy blocks our address for a while; amojo itself was not asked.
        403 if is_html(reply) => postponed(waiting_time(reply, now)),
        403 if tried_for < SIGNED_ANEW_WITHIN => postponed(None),
        // Clock, secret, or the channel was disconnected: nothing that another try would mend.
        403 => refused(FailureKind::ConnectionOff),
        404 if is_about_a_message(call) && tried_for < LEARNS_WITHIN => postponed(None),
        404 if is_about_a_message(call) => refused(FailureKind::Other),
        // The scope is unknown: the channel has to be connected again.
        404 => refused(FailureKind::ConnectionOff),
        408 | 425 | 429 => postponed(waiting_time(reply, now)),
        401..=499 => refused(FailureKind::Other),
        _ => Outcome::Uncertain { reason: said(reply) },
    }
}

/// Whether a 404 may mean that amo does not know its own message yet.
fn is_about_a_message(call: &str) -> bool {
    matches!(call, DELIVERY_STATUS | REACT | EDIT_MESSAGE)
}

/// What may be done about an uncertain attempt: amo does not take a `msgid` twice, and a status is the same however
/// often it is reported (contract, 5.4 and 5.6).
pub(super) const fn recourse(intent: &Intent) -> Recourse {
    match intent {
        Intent::SendMessage(_) | Intent::ClaimConversation(_) | Intent::ReportDelivery(_) => Recourse::RetrySafely,
        // A chat that is there is given back as it is; what a message says, and whether a reaction stands, is the same
        // however often it is said (contract, 5.3, 5.5, 5.9).
        Intent::OpenConversation(_) | Intent::EditMessage(_) | Intent::SetReaction(_) => Recourse::RetrySafely,
        // Over before anybody could ask.
        Intent::ShowTyping(_) => Recourse::AskPerson,
        // Never encoded, so never attempted.
        Intent::FindClient(_) | Intent::LookUpConversation(_) | Intent::DeleteMessage(_) => Recourse::RetrySafely,
    }
}

/// `Retry-After`, in seconds or as a date.
fn waiting_time(reply: &RecordedReply, now: Timestamp) -> Option<Timestamp> {
    let value = header(reply, "retry-after")?.trim();
    let until = match value.parse::<u64>() {
        Ok(seconds) => now + Duration::from_secs(seconds),
        Err(_) => sign::read_date(value)?,
    };
    Some(until.clamp(now, now + LONGEST_WAIT))
}

fn header<'a>(reply: &'a RecordedReply, name: &str) -> Option<&'a str> {
    reply.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn is_html(reply: &RecordedReply) -> bool {
    let declared = header(reply, "content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
    declared || reply.body.0.trim_ascii_start().starts_with(b"<")
}

/// The reply in one line for people.
pub(super) fn said(reply: &RecordedReply) -> String {
    let body = reply.body.0.trim_ascii();
    let words = if body.is_empty() {
        None
    } else if is_html(reply) {
        Some("a web page of the proxy".to_owned())
    } else {
        described(body).or_else(|| Some(String::from_utf8_lossy(body).into_owned()))
    };
    match words {
        Some(words) => bounded(&format!("amoCRM answered {}: {words}", reply.status)),
        None => format!("amoCRM answered {} without a word", reply.status),
    }
}

/// The error's own words, under the keys that public clients read.
fn described(body: &[u8]) -> Option<String> {
    let mut unheard = Decoded::default();
    loose::with_document::<ErrorAnswer<'_>, _>(body, &mut unheard, |error, _| {
        let words = [&error.error_description, &error.detail, &error.title, &error.error_type];
        words.into_iter().find_map(|field| field.get().map(|word| word.clone().into_owned()))
    })?
}

fn bounded(text: &str) -> String {
    let printable = text.chars().map(|sign| if sign.is_control() { ' ' } else { sign });
    let mut cut: String = printable.clone().take(LONGEST_REASON).collect();
    if printable.count() > LONGEST_REASON {
        cut.pop();
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use chatledger_projections::bytes::Bytes;

    use super::*;
    use crate::amocrm::NEW_MESSAGE;

    const NOW: Timestamp = Timestamp::from_millis(1_639_660_529_000);

    const LONG: Duration = Duration::from_secs(3600);

    fn outcome(call: &str, status: u16, headers: &[(&str, &str)], body: &str) -> Outcome {
        outcome_after(LONG, call, status, headers, body)
    }

    fn outcome_after(tried_for: Duration, call: &str, status: u16, headers: &[(&str, &str)], body: &str) -> Outcome {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let recorded = RecordedReply { status, headers, body: Bytes(body.into()), cut: false };
        reply(call, Reply::Answered(&recorded), NOW, tried_for)
    }

    fn refused_as(outcome: &Outcome) -> Option<FailureKind> {
        match outcome {
            Outcome::Refused { failure } => Some(failure.kind),
            Outcome::Accepted | Outcome::Postponed { .. } | Outcome::Uncertain { .. } => None,
        }
    }

    #[test]
    fn each_status_is_sorted_by_what_it_proves() {
        for (call, status, label) in [
            (NEW_MESSAGE, 200, "accepted"),
            (DELIVERY_STATUS, 204, "accepted"),
            (NEW_MESSAGE, 302, "refused"),
            (NEW_MESSAGE, 400, "refused"),
            (NEW_MESSAGE, 401, "refused"),
            (NEW_MESSAGE, 403, "refused"),
            (NEW_MESSAGE, 404, "refused"),
            (DELIVERY_STATUS, 404, "refused"),
            (NEW_MESSAGE, 408, "postponed"),
            (NEW_MESSAGE, 413, "refused"),
            (NEW_MESSAGE, 425, "postponed"),
            (NEW_MESSAGE, 429, "postponed"),
            (NEW_MESSAGE, 500, "uncertain"),
            (NEW_MESSAGE, 502, "uncertain"),
            (NEW_MESSAGE, 100, "uncertain"),
        ] {
            assert_eq!(outcome(call, status, &[], "").label(), label, "{call} {status}");
        }
        assert_eq!(reply(NEW_MESSAGE, Reply::NotSent("no route"), NOW, LONG).label(), "postponed");
        assert_eq!(reply(NEW_MESSAGE, Reply::NoAnswer("timed out"), NOW, LONG).label(), "uncertain");
    }

    #[test]
    fn what_may_mend_itself_is_tried_again_for_a_while() {
        let at_first = |call, status| outcome_after(Duration::from_secs(1), call, status, &[], "").label();
        assert_eq!(at_first(DELIVERY_STATUS, 404), "postponed");
        assert_eq!(at_first(NEW_MESSAGE, 403), "postponed");
        assert_eq!(at_first(NEW_MESSAGE, 404), "refused");
    }

    #[test]
    fn a_blocked_address_is_told_from_a_refused_signature() {
        assert_eq!(outcome(NEW_MESSAGE, 403, &[("Content-Type", "text/html; charset=utf-8")], "").label(), "postponed");
        assert_eq!(outcome(NEW_MESSAGE, 403, &[], " <html></html>").label(), "postponed");
        let refused = outcome(NEW_MESSAGE, 403, &[("content-type", "application/json")], "{}");
        assert_eq!(refused_as(&refused), Some(FailureKind::ConnectionOff));
    }

    #[test]
    fn a_named_waiting_time_is_kept_within_a_day() {
        let until = |value: &str| match outcome(NEW_MESSAGE, 429, &[("Retry-After", value)], "") {
            Outcome::Postponed { until, .. } => until.map(|until| until.since(NOW).as_secs()),
            other => panic!("{other:?}"),
        };
        assert_eq!(until("7"), Some(7));
        assert_eq!(until("Thu, 16 Dec 2021 13:16:29 GMT"), Some(60));
        assert_eq!(until("Thu, 16 Dec 2020 13:16:29 GMT"), None, "that was a Wednesday");
        assert_eq!(until("Wed, 16 Dec 2020 13:16:29 GMT"), Some(0));
        assert_eq!(until("99999999999999"), Some(86_400));
        assert_eq!(until("soon"), None);
    }

    #[test]
    fn reasons_are_short_and_in_one_line() {
        let said = |body: &str| match outcome(NEW_MESSAGE, 400, &[], body) {
            Outcome::Refused { failure } => failure.reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(said(r#"{"error_description":"text is required"}"#), "amoCRM answered 400: text is required");
        assert_eq!(said(""), "amoCRM answered 400 without a word");
        assert_eq!(said("bad\r\nrequest"), "amoCRM answered 400: bad  request");
        let long = said(&"я".repeat(1000));
        assert_eq!(long.chars().count(), 300);
        assert!(long.ends_with('…'));
    }
}
