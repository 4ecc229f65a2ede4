//! What a follower tells of a webhook, a question that takes two attempts, and what follows from its answer.

use std::sync::Arc;

use chatledger_projections::event::AttemptStarted;
use chatledger_projections::ids::ConversationId;
use chatledger_projections::intent::{Intent, LookUpConversation};
use chatledger_projections::recorded::{Position, Revision, StreamName};
use uuid::Uuid;

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn lane() -> ConnectionName {
    ConnectionName::new("crm.main")
}

fn raised(cause: EventId) -> IntentRaised {
    IntentRaised {
        intent_id: IntentId::derived(cause, "policy", 0),
        cause,
        policy: "policy".to_owned(),
        connection: lane(),
        thread: ThreadId::from_uuid(Uuid::from_u128(1)),
        intent: Intent::LookUpConversation(LookUpConversation { conversation: ConversationId::new("1") }),
        carries: None,
    }
}

fn settled(intent_id: IntentId, attempt: u32, outcome: Outcome) -> Happening {
    let settled = AttemptSettled {
        intent_id,
        attempt,
        kind: AttemptKind::Act,
        connection: lane(),
        platform: "fake".to_owned(),
        call: "look_up".to_owned(),
        outcome,
        refusal: None,
        page: None,
        reply: None,
        findings: Vec::new(),
    };
    Happening::Settled { settled, facts: Vec::new() }
}

fn started(intent_id: IntentId, attempt: u32) -> Happening {
    let (kind, call) = (AttemptKind::Act, "look_up".to_owned());
    Happening::Started(AttemptStarted { intent_id, attempt, kind, call, engine: None })
}

fn step(id: EventId, millis: i64, event: Happening, follows: &[IntentRaised]) -> Step {
    let happening = Recorded {
        id,
        stream: StreamName::named("any"),
        revision: Revision::FIRST,
        position: Position::new(1),
        recorded_at: at(millis),
        event,
    };
    let intents = follows.iter().cloned().map(Arc::new).collect();
    Step { happening, remarks: Vec::new(), changes: Vec::new(), intents }
}

/// A webhook, a question that takes two attempts, and what follows from its answer.
fn story() -> (EventId, EventId, Vec<Step>) {
    let webhook = EventId::derived(&[b"a webhook"]);
    let answer = EventId::derived(&[b"an answer"]);
    let other = |name: &[u8]| EventId::derived(&[name]);
    let (question, message) = (raised(webhook), raised(answer));
    let (first, second) = (question.intent_id, message.intent_id);
    let observed = Happening::Observed { connection: lane(), facts: Vec::new() };
    let postponed = Outcome::Postponed { until: None, reason: "busy".to_owned() };
    let steps = vec![
        step(webhook, 10, observed, std::slice::from_ref(&question)),
        step(other(b"1"), 20, Happening::Raised(question), &[]),
        step(other(b"2"), 30, started(first, 1), &[]),
        step(other(b"3"), 40, settled(first, 1, postponed), &[]),
        step(other(b"4"), 70, started(first, 2), &[]),
        step(answer, 80, settled(first, 2, Outcome::Accepted), std::slice::from_ref(&message)),
        step(other(b"5"), 90, Happening::Raised(message), &[]),
        step(other(b"6"), 95, started(second, 1), &[]),
        step(other(b"7"), 99, settled(second, 1, Outcome::Accepted), &[]),
    ];
    (webhook, answer, steps)
}

const ALL: Part<'static> = Part { decides: true, drives: &|_| true };

#[test]
fn what_follows_from_an_answer_stays_in_the_trace_of_the_webhook() {
    let (webhook, answer, steps) = story();
    let mut follower = Follower::default();
    let spans: Vec<Span> = steps.iter().flat_map(|step| follower.see(step, ALL, at(100))).collect();
    let told: Vec<_> = spans.iter().map(|span| (span.name.as_str(), span.began, span.ended)).collect();
    let (wait, call) = ("wait for crm.main", "look_up_conversation crm.main");
    assert_eq!(
        told,
        [
            ("webhook crm.main", at(10), at(100)),
            (wait, at(20), at(30)),
            (call, at(30), at(40)),
            // Since the end of the first attempt.
            (wait, at(40), at(70)),
            (call, at(70), at(80)),
            (wait, at(90), at(95)),
            (call, at(95), at(99)),
        ]
    );
    assert!(spans.iter().all(|span| span.trace == TraceId::of(webhook)), "{spans:#?}");
    let last = spans.last().expect("there are spans");
    assert_eq!(last.parent, Some(SpanId::decided(answer)));
    let decided = follower.decided(&[raised(answer)], at(85));
    let attempt = SpanId::attempted(raised(webhook).intent_id, 2);
    assert_eq!((decided[0].trace, decided[0].parent), (TraceId::of(webhook), Some(attempt)));
}

#[test]
fn wherever_an_engine_is_replaced_the_next_tells_the_rest_by_the_same_names() {
    let (_, _, steps) = story();
    let mut whole = Follower::default();
    let told: Vec<Span> = steps.iter().flat_map(|step| whole.see(step, ALL, at(100))).collect();
    for cut in 0..=steps.len() {
        let (mut before, mut after) = (Follower::default(), Follower::default());
        let mut spans: Vec<Span> = steps[..cut].iter().flat_map(|step| before.see(step, ALL, at(100))).collect();
        steps[..cut].iter().for_each(|step| after.learn(step));
        spans.extend(steps[cut..].iter().flat_map(|step| after.see(step, ALL, at(100))));
        assert_eq!(spans, told, "cut at {cut}");
    }
}

#[test]
fn of_two_engines_one_tells_each_span() {
    let (_, _, steps) = story();
    let decides = Part { decides: true, drives: &|_| false };
    let drives = Part { decides: false, drives: &|_| true };
    let mut tellers = [Follower::default(), Follower::default(), Follower::default()];
    let [all, one, other] = &mut tellers;
    for step in &steps {
        let mut shared = one.see(step, decides, at(100));
        shared.extend(other.see(step, drives, at(100)));
        assert_eq!(all.see(step, ALL, at(100)), shared);
    }
}

#[test]
fn what_is_remembered_is_bounded_and_the_oldest_is_forgotten_first() {
    let mut bounded = Bounded::of(2);
    for key in [1, 2, 2, 3] {
        bounded.insert(key, key);
    }
    assert_eq!((bounded.get(&1), bounded.get(&2), bounded.get(&3)), (None, Some(&2), Some(&3)));
    assert_eq!(bounded.known.len(), bounded.order.len());
}
