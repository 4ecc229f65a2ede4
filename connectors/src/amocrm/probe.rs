//! Whether a message that amo refused to take again had come the first time: the question to the chat's history, and the
//! reading of its answer.
//!
//! amo knows a repetition by our `msgid`, so what is in doubt is sent again. How it answers a repeated `msgid` is not known
//! (contract, 7): if it refuses, the first attempt may be the very reason. The history names our id of every message
//! (contract, 5.7), so presence is certain; absence is certain only where the list reaches back beyond the message, and
//! only when amo has had time to show it. A list that does not reach back is turned page by page. What cannot be read or
//! asked for is left to a person.

use std::time::Duration;

use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{ConversationKey, Fact, Failure, FailureKind, MessageKey, SendAcknowledged};
use chatledger_projections::ids::{ConversationId, MessageId, PersonId};
use chatledger_projections::intent::Intent;
use chatledger_projections::outcome::Outcome;
use chatledger_projections::time::Timestamp;
use serde_json::Value;

use super::classify::said;
use super::history::{self, Place};
use super::settings::Settings;
use crate::connector::{Call, Judgement, Known, Reply};
use crate::leafing::Leaf;

/// How many entries are asked for: the message is among the newest, and more might be longer than is kept of an answer.
const ENTRIES: usize = 30;

/// The list that is looked through.
const LIST: &str = "history";

/// How much earlier than the attempt an entry may claim to be: clocks differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5);

/// How long a message may be on its way into the history. amo works asynchronously (contract, 7), and names no time.
const SHOWN_WITHIN: Duration = Duration::from_secs(30);

/// A message of ours that may be in the history.
struct Sought<'a> {
    conversation: &'a ConversationId,
    /// Our id of it.
    ours: &'a MessageId,
    /// The time that it bears.
    written_at: Timestamp,
}

/// The question whether a message stands in its chat; `None` where there is nothing to look for, or no chat is known.
pub(super) fn probe(settings: &Settings, intent: &Intent, known: &Known) -> Option<Call> {
    let sought = sought(intent, known)?;
    Some(history::call(settings, sought.conversation, place(&Leaf::of(known, LIST))))
}

/// Reads the answer.
pub(super) fn judge(intent: &Intent, known: &Known, reply: Reply<'_>, over_for: Duration) -> Judgement {
    let Some(sought) = sought(intent, known) else {
        return left("only messages in a known chat are looked for").into();
    };
    let leaf = Leaf::of(known, LIST);
    let asked = place(&leaf);
    let is_soon = over_for < SHOWN_WITHIN;
    let reply = match reply {
        Reply::Answered(reply) => reply,
        Reply::NotSent(why) | Reply::NoAnswer(why) => return uncertain(why).into(),
    };
    let entries = match reply.status {
        // No such chat, or nothing in it.
        204 => Vec::new(),
        200..=299 if reply.cut => return leaf.cut_off(is_soon, asked.half()),
        200..=299 => match entries(reply) {
            Some(entries) => entries,
            None => return left("the chat's history cannot be read").into(),
        },
        408 | 425 | 429 | 500..=599 => return uncertain(&said(reply)).into(),
        _ => return left(&format!("the chat's history is not shown: {}", said(reply))).into(),
    };
    let is_ours = |entry: &&Value| entry["message"]["client_id"].as_str() == Some(sought.ours.as_str());
    if let Some(found) = entries.iter().find(is_ours) {
        return (Outcome::Accepted, vec![Fact::SendAcknowledged(acknowledged(&sought, found))]).into();
    }
    let since = sought.written_at.min(known.attempted_at) - CLOCKS_DIFFER;
    if is_soon {
        uncertain("no such message in the chat's history yet").into()
    } else if reaches(&entries, asked, since) {
        Outcome::Postponed { until: None, reason: "no such message in the chat's history".to_owned() }.into()
    } else {
        leaf.turned(asked.behind(entries.len()), "the chat's history does not reach back to the message")
    }
}

/// Which part of the chat's history is asked for.
fn place(leaf: &Leaf<'_>) -> Place {
    leaf.cursor().map_or(Place { offset: 0, limit: ENTRIES }, |cursor| Place::of(Some(cursor)))
}

fn sought<'a>(intent: &'a Intent, known: &'a Known) -> Option<Sought<'a>> {
    match intent {
        Intent::SendMessage(send) => {
            Some(Sought { conversation: known.conversation.as_ref()?, ours: &send.ours, written_at: send.written_at })
        }
        Intent::ClaimConversation(claim) => {
            Some(Sought { conversation: &claim.theirs, ours: &claim.message, written_at: claim.at })
        }
        // These leave no entry (contract, 5.7).
        Intent::OpenConversation(_)
        | Intent::ReportDelivery(_)
        | Intent::LookUpConversation(_)
        | Intent::FindClient(_)
        | Intent::SetReaction(_)
        | Intent::EditMessage(_)
        | Intent::DeleteMessage(_)
        | Intent::ShowTyping(_) => None,
    }
}

/// A list that holds what is no message proves nothing: what is unreadable might be ours.
fn entries(reply: &RecordedReply) -> Option<Vec<Value>> {
    let mut answer: Value = serde_json::from_slice(&reply.body.0).ok()?;
    let Value::Array(entries) = answer.get_mut("messages")?.take() else { return None };
    entries.iter().all(|entry| entry["message"].is_object()).then_some(entries)
}

/// Whether everything written since then must be in the list: it is the whole, or it runs from new to old and ends
/// before that time.
fn reaches(entries: &[Value], asked: Place, since: Timestamp) -> bool {
    if entries.len() < asked.limit {
        return true;
    }
    let times: Option<Vec<Timestamp>> = entries.iter().map(history::written_at).collect();
    times.is_some_and(|times| {
        let runs_from_new_to_old = times.first() > times.last() && times.is_sorted_by(|newer, older| newer >= older);
        runs_from_new_to_old && times.last().is_some_and(|oldest| *oldest < since)
    })
}

fn acknowledged(sought: &Sought<'_>, entry: &Value) -> SendAcknowledged {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    SendAcknowledged {
        message: MessageKey {
            theirs: text(&entry["message"]["id"]).map(MessageId::new),
            ours: Some(sought.ours.clone()),
            job: None,
        },
        conversation: ConversationKey::theirs(sought.conversation.clone()),
        author: text(&entry["sender"]["id"]).map(PersonId::new),
        receiver: text(&entry["receiver"]["id"]).map(PersonId::new),
        state: None,
    }
}

fn uncertain(reason: &str) -> Outcome {
    Outcome::Uncertain { until: None, reason: reason.to_owned() }
}

/// Asking again would teach nothing more.
fn left(reason: &str) -> Outcome {
    Outcome::Refused { failure: Failure { kind: FailureKind::Internal, reason: reason.to_owned() } }
}

#[cfg(test)]
mod tests {
    use chatledger_projections::bytes::Bytes;
    use chatledger_projections::content::{Content, Person};
    use chatledger_projections::intent::{Destination, SendMessage, Speaker};
    use serde_json::json;

    use super::*;

    const ATTEMPTED: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn intent() -> Intent {
        Intent::SendMessage(SendMessage {
            to: Destination::Conversation(ConversationKey::default()),
            speaker: Speaker::Client,
            author: Person::default(),
            client: Person::default(),
            ours: MessageId::new("pact.sales:1"),
            written_at: ATTEMPTED,
            content: Content::default(),
            source: None,
            silent: false,
        })
    }

    fn known() -> Known {
        Known { conversation: Some(ConversationId::new("chat")), attempted_at: ATTEMPTED, ..Known::default() }
    }

    fn judged(status: u16, body: &Value, after: u64) -> Judgement {
        let body = Bytes(if body.is_null() { Vec::new() } else { body.to_string().into_bytes() });
        let reply = RecordedReply { status, headers: Vec::new(), body, cut: false };
        judge(&intent(), &known(), Reply::Answered(&reply), Duration::from_secs(after))
    }

    fn entry(ours: &str, seconds_before: i64) -> Value {
        let time = ATTEMPTED.as_millis() - seconds_before * 1000;
        json!({"msec_timestamp": time, "sender": {"id": "s"}, "message": {"id": "amo-1", "client_id": ours}})
    }

    #[test]
    fn our_id_in_the_history_proves_that_the_first_attempt_was_taken() {
        let Judgement { outcome, facts, .. } =
            judged(200, &json!({"messages": [entry("other", 0), entry("pact.sales:1", 1)]}), 1);
        assert_eq!(outcome, Outcome::Accepted);
        let [Fact::SendAcknowledged(said)] = facts.as_slice() else { panic!("{facts:?}") };
        assert_eq!(said.message.theirs, Some(MessageId::new("amo-1")));
        assert_eq!(said.conversation.theirs, Some(ConversationId::new("chat")));
    }

    #[test]
    fn absence_is_certain_only_in_a_list_that_reaches_back_and_after_a_while() {
        let label = |status, body: &Value, after| judged(status, body, after).outcome.label();
        let few = json!({"messages": [entry("other", 9)]});
        assert_eq!((label(200, &few, 5), label(200, &few, 60)), ("uncertain", "postponed"));
        assert_eq!((label(204, &Value::Null, 5), label(204, &Value::Null, 60)), ("uncertain", "postponed"));
        let full = |span: i64| json!({"messages": (0..30).map(|nth| entry("other", nth * span)).collect::<Vec<_>>()});
        assert_eq!((label(200, &full(60), 60), label(200, &full(0), 60)), ("postponed", "uncertain"));
    }

    #[test]
    fn a_list_that_does_not_reach_back_is_turned_page_by_page_once_the_message_would_be_shown() {
        let newest = json!({"messages": (0..30).map(|nth| entry("other", -60 - nth)).collect::<Vec<_>>()});
        assert_eq!(judged(200, &newest, 5).page, None, "what is shown late is shown on the first page");
        let known = Known { page: judged(200, &newest, 60).page, ..known() };
        assert_eq!(known.page.as_deref(), Some("history/1/30/30"));
        let settings = json!({
            "scope_id": "344a5002-f8ca-454d-af3d-396180102ac7_2b13cae0-24f7-4058-b9ad-c13ee05e1b53",
            "bot_id": "dd6e40cd-bbd2-42f2-a92e-ce7db79ae6bb",
        });
        let settings = Settings::parse(&settings).expect("these settings are right");
        let call = probe(&settings, &intent(), &known).expect("it is asked");
        assert!(call.request.query.contains(&("offset".to_owned(), "30".to_owned())));
        let judge = |cut: bool, body: &Value| {
            let body = Bytes(body.to_string().into_bytes());
            let reply = RecordedReply { status: 200, headers: Vec::new(), body, cut };
            judge(&intent(), &known, Reply::Answered(&reply), Duration::from_secs(60))
        };
        let older = |ours: &str| json!({"messages": [entry(ours, 0), entry("other", 60)]});
        assert_eq!(judge(false, &older("pact.sales:1")).outcome, Outcome::Accepted);
        assert_eq!(judge(false, &older("other")).outcome.label(), "postponed");
        assert_eq!(judge(true, &older("other")).page.as_deref(), Some("history/2/30/15"), "less at a time");
    }

    #[test]
    fn what_cannot_be_asked_or_read_is_left_to_a_person_and_what_may_pass_is_asked_again() {
        for (status, label) in [(400, "refused"), (403, "refused"), (429, "uncertain"), (502, "uncertain")] {
            assert_eq!(judged(status, &Value::Null, 60).outcome.label(), label, "{status}");
        }
        assert_eq!(judged(200, &json!({"messages": 1}), 60).outcome.label(), "refused");
        assert_eq!(judged(200, &json!({"messages": [1]}), 60).outcome.label(), "refused");
    }
}
