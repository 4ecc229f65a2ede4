//! What our own events and their streams are called: derived from what they say, never random, so that saying a thing
//! twice names it once.
//!
//! Takes an event, gives its id or its stream. A webhook's id is absent here: its connector knows which deliveries are
//! the same delivery, and says so when it verifies the request.

use chatledger_projections::duties::Arrangement;
use chatledger_projections::event::{Event, IntentRaised};
use chatledger_projections::ids::{EngineId, EventId, IntentId};
use chatledger_projections::outcome::AttemptKind;
use chatledger_projections::recorded::{Revision, StreamName};
use sha2::{Digest, Sha256};

/// The id of one of our own events that is to stand at a revision of its stream; `None` for a webhook.
pub fn event_id(event: &Event, revision: Revision) -> Option<EventId> {
    match event {
        Event::WebhookReceived(_) => None,
        Event::IntentRaised(IntentRaised { intent_id, .. }) => Some(raised(*intent_id)),
        Event::AttemptStarted(started) => {
            let (intent, number) = (started.intent_id.as_uuid(), started.attempt.to_be_bytes());
            let mut parts = vec![intent.as_bytes().as_slice(), &number, kind(started.kind), b"started"];
            // Of several engines, one must know its own start from another's.
            let engine = started.engine.map(|engine: EngineId| engine.as_uuid());
            parts.extend(engine.as_ref().map(|engine| engine.as_bytes().as_slice()));
            Some(EventId::derived(&parts))
        }
        Event::AttemptSettled(settled) => Some(EventId::derived(&[
            settled.intent_id.as_uuid().as_bytes(),
            &settled.attempt.to_be_bytes(),
            kind(settled.kind),
            b"settled",
        ])),
        // The revision belongs to the name: going back to an earlier configuration is news.
        Event::ConfigurationApplied(configuration) => {
            let content = serde_json::to_vec(configuration).expect("a configuration has only text for keys");
            let digest = Sha256::digest(content);
            Some(EventId::derived(&[b"configuration", &revision.as_u64().to_be_bytes(), &digest]))
        }
        // Who said it, when and what: the same said again a moment later is another event.
        Event::OperatorInstructed(instructed) => {
            let content = serde_json::to_vec(instructed).expect("an instruction has only text for keys");
            Some(EventId::derived(&[b"operator", &Sha256::digest(content)]))
        }
        Event::PolicyAdvanced(advanced) => Some(EventId::derived(&[b"policy", advanced.through.as_uuid().as_bytes()])),
        // The revision belongs to the name: a mark may come again, as when the settings begin anew.
        Event::PollAdvanced(advanced) => Some(EventId::derived(&[
            b"poll",
            advanced.connection.as_str().as_bytes(),
            &revision.as_u64().to_be_bytes(),
            advanced.through.as_bytes(),
        ])),
        // An engine says the same again and again: each time is one.
        Event::Arranged(Arrangement::Seen(seen)) => {
            Some(EventId::derived(&[b"seen", seen.engine.as_uuid().as_bytes(), &revision.as_u64().to_be_bytes()]))
        }
        Event::Arranged(Arrangement::Ended(ended)) => {
            Some(EventId::derived(&[b"ended", ended.engine.as_uuid().as_bytes(), ended.by.as_uuid().as_bytes()]))
        }
        Event::Arranged(Arrangement::Taken(taken)) => Some(EventId::derived(&[
            b"taken",
            taken.duty.label().as_bytes(),
            taken.engine.as_uuid().as_bytes(),
            &revision.as_u64().to_be_bytes(),
        ])),
    }
}

/// The id of the event that raises an intent.
pub fn raised(intent: IntentId) -> EventId {
    EventId::derived(&[intent.as_uuid().as_bytes(), b"raised"])
}

/// The stream in which an event stands. `id` is the event's own.
pub fn stream_of(event: &Event, id: EventId) -> StreamName {
    match event {
        Event::WebhookReceived(_) => StreamName::webhook(id),
        Event::IntentRaised(raised) => StreamName::intent(raised.intent_id),
        Event::AttemptStarted(started) => StreamName::intent(started.intent_id),
        Event::AttemptSettled(settled) => StreamName::intent(settled.intent_id),
        Event::ConfigurationApplied(_) => StreamName::configuration(),
        Event::OperatorInstructed(_) => StreamName::operator(id),
        Event::PolicyAdvanced(_) => StreamName::policy(),
        Event::PollAdvanced(advanced) => StreamName::poll(&advanced.connection),
        Event::Arranged(Arrangement::Seen(seen)) => StreamName::engine(seen.engine),
        Event::Arranged(Arrangement::Ended(ended)) => StreamName::engine(ended.engine),
        Event::Arranged(Arrangement::Taken(taken)) => StreamName::duty(&taken.duty),
    }
}

/// A probe of an attempt bears the attempt's number, so the number alone would name two events.
const fn kind(kind: AttemptKind) -> &'static [u8] {
    match kind {
        AttemptKind::Act => b"act",
        AttemptKind::Probe => b"probe",
        AttemptKind::Prepare { .. } => b"prepare",
    }
}
