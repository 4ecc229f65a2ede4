//! Laws of the codec: what was sealed opens as the same, and no bytes of a store can do more than be refused.

use chatledger::log::codec::{CodecError, Part, open, seal, unseal};
use chatledger::log::naming::{event_id, stream_of};
use chatledger::log::{NewEvent, StoredEvent};
use chatledger_projections::bytes::Bytes;
use chatledger_projections::configuration::Configuration;
use chatledger_projections::content::{Content, Part as ContentPart};
use chatledger_projections::duties::{Arrangement, Duty, DutyTaken, EngineEnded, EngineSeen};
use chatledger_projections::event::{
    AttemptSettled, AttemptStarted, Event, Instruction, IntentRaised, OperatorInstructed, PolicyAdvanced, PollAdvanced,
    RecordedReply, Transport, WebhookReceived,
};
use chatledger_projections::fact::{ConversationKey, DeliveryState, MessageKey};
use chatledger_projections::ids::{ConnectionName, ConversationId, EngineId, EventId, IntentId, MessageId, ThreadId};
use chatledger_projections::intent::{
    DeleteMessage, Destination, EditMessage, Intent, LookUpConversation, ReportDelivery, SendMessage, SetReaction,
    ShowTyping, Speaker,
};
use chatledger_projections::outcome::{AttemptKind, Outcome};
use chatledger_projections::recorded::{Position, Revision, StreamName};
use chatledger_projections::time::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

fn stored(new: NewEvent) -> StoredEvent {
    let NewEvent { id, event_type, data, metadata } = new;
    StoredEvent {
        id,
        stream: StreamName::named("webhook-1"),
        revision: Revision::FIRST,
        position: Position::new(17),
        event_type,
        data,
        metadata,
    }
}

fn ids() -> impl Strategy<Value = EventId> {
    any::<[u8; 16]>().prop_map(|bytes| EventId::from_uuid(uuid::Uuid::from_bytes(bytes)))
}

fn intent_ids() -> impl Strategy<Value = IntentId> {
    ids().prop_map(|id| IntentId::from_uuid(id.as_uuid()))
}

fn polled() -> Event {
    Event::PollAdvanced(PollAdvanced { connection: ConnectionName::new("channel"), through: "1".to_owned() })
}

fn webhooks() -> impl Strategy<Value = Event> {
    let transports = prop_oneof![Just(Transport::Webhook), Just(Transport::Poll), Just(Transport::Backfill)];
    (any::<String>(), any::<String>(), transports, vec(any::<(String, String)>(), 0..4), vec(any::<u8>(), 0..200))
        .prop_map(|(connection, platform, transport, headers, body)| {
            let connection = ConnectionName::new(connection);
            Event::WebhookReceived(WebhookReceived { connection, platform, transport, headers, body })
        })
}

fn intents() -> impl Strategy<Value = Intent> {
    let places =
        (proptest::num::f64::NORMAL, proptest::num::f64::ANY.prop_filter("JSON has no other", |x| x.is_finite()));
    prop_oneof![
        any::<String>().prop_map(|id| {
            Intent::LookUpConversation(LookUpConversation { conversation: ConversationId::new(id) })
        }),
        (any::<String>(), any::<Option<String>>()).prop_map(|(id, emoji)| {
            Intent::SetReaction(SetReaction {
                conversation: ConversationKey::theirs(ConversationId::new(id.clone())),
                message: MessageKey { theirs: Some(MessageId::new(id)), ours: None, job: None },
                speaker: Speaker::Manager,
                author: Default::default(),
                emoji,
            })
        }),
        (any::<String>(), any::<i64>()).prop_map(|(text, time)| {
            Intent::EditMessage(EditMessage {
                conversation: ConversationKey::default(),
                message: MessageKey { theirs: None, ours: Some(MessageId::new(text.clone())), job: None },
                content: Content::text(text),
                at: Timestamp::from_millis(time),
            })
        }),
        any::<String>().prop_map(|id| {
            let message = MessageKey { theirs: Some(MessageId::new(id)), ours: None, job: None };
            Intent::DeleteMessage(DeleteMessage { conversation: ConversationKey::default(), message })
        }),
        any::<(i64, i64)>().prop_map(|(since, until)| {
            Intent::ShowTyping(ShowTyping {
                conversation: ConversationKey::default(),
                speaker: Speaker::Client,
                author: Default::default(),
                since: Timestamp::from_millis(since),
                until: Timestamp::from_millis(until),
            })
        }),
        any::<String>().prop_map(|id| {
            Intent::ReportDelivery(ReportDelivery {
                message: MessageId::new(id),
                state: DeliveryState::Read,
                failure: None,
            })
        }),
        (any::<String>(), any::<i64>(), places, any::<bool>()).prop_map(
            |(text, time, (latitude, longitude), silent)| {
                Intent::SendMessage(SendMessage {
                    to: Destination::Conversation(ConversationKey::theirs(ConversationId::new(text.clone()))),
                    speaker: Speaker::Client,
                    author: Default::default(),
                    client: Default::default(),
                    ours: MessageId::new("m"),
                    written_at: Timestamp::from_millis(time),
                    content: Content {
                        text: Some(text),
                        parts: vec![ContentPart::Location { latitude, longitude }],
                        quote: None,
                    },
                    source: None,
                    silent,
                })
            }
        ),
    ]
}

fn our_events() -> impl Strategy<Value = Event> {
    let kinds = || {
        prop_oneof![
            Just(AttemptKind::Act),
            Just(AttemptKind::Probe),
            any::<u32>().prop_map(|file| AttemptKind::Prepare { file })
        ]
    };
    let outcomes = prop_oneof![
        Just(Outcome::Accepted),
        (any::<Option<i64>>(), any::<String>())
            .prop_map(|(until, reason)| Outcome::Uncertain { until: until.map(Timestamp::from_millis), reason }),
        any::<(Option<i64>, String)>()
            .prop_map(|(until, reason)| Outcome::Postponed { until: until.map(Timestamp::from_millis), reason }),
    ];
    let replies = (any::<u16>(), vec(any::<(String, String)>(), 0..3), vec(any::<u8>(), 0..100), any::<bool>())
        .prop_map(|(status, headers, body, cut)| RecordedReply { status, headers, body: Bytes(body), cut });
    prop_oneof![
        (intent_ids(), ids(), any::<String>(), intents()).prop_map(|(intent_id, cause, policy, intent)| {
            let connection = ConnectionName::new("amo.main");
            let thread = ThreadId::from_uuid(cause.as_uuid());
            Event::IntentRaised(IntentRaised { intent_id, cause, policy, connection, thread, intent, carries: None })
        }),
        (intent_ids(), any::<u32>(), kinds(), any::<String>(), proptest::option::of(engines())).prop_map(
            |(intent_id, attempt, kind, call, engine)| {
                Event::AttemptStarted(AttemptStarted { intent_id, attempt, kind, call, engine })
            }
        ),
        (intent_ids(), any::<u32>(), kinds(), outcomes, proptest::option::of(replies)).prop_map(
            |(intent_id, attempt, kind, outcome, reply)| {
                let connection = ConnectionName::new("amo.main");
                let (platform, call) = ("amocrm".to_owned(), "new_message".to_owned());
                Event::AttemptSettled(AttemptSettled {
                    findings: Vec::new(),
                    refusal: None,
                    page: None,
                    intent_id,
                    attempt,
                    kind,
                    connection,
                    platform,
                    call,
                    outcome,
                    reply,
                })
            }
        ),
        Just(Event::ConfigurationApplied(Configuration::default())),
        (ids(), any::<String>(), proptest::option::of(any::<String>()), any::<bool>()).prop_map(
            |(id, who, why, on)| {
                Event::OperatorInstructed(instructed(ThreadId::from_uuid(id.as_uuid()), who, why, on))
            }
        ),
        ids().prop_map(|through| Event::PolicyAdvanced(PolicyAdvanced { through })),
        (any::<String>(), any::<String>()).prop_map(|(connection, through)| {
            Event::PollAdvanced(PollAdvanced { connection: ConnectionName::new(connection), through })
        }),
        arrangements().prop_map(Event::Arranged),
    ]
}

fn engines() -> impl Strategy<Value = EngineId> {
    any::<u128>().prop_map(|id| EngineId::from_uuid(uuid::Uuid::from_u128(id)))
}

fn arrangements() -> impl Strategy<Value = Arrangement> {
    prop_oneof![
        (engines(), any::<String>()).prop_map(|(engine, place)| Arrangement::Seen(EngineSeen { engine, place })),
        (engines(), engines()).prop_map(|(engine, by)| Arrangement::Ended(EngineEnded { engine, by })),
        engines().prop_map(|engine| Arrangement::Taken(DutyTaken { duty: Duty::Deciding, engine })),
        (engines(), "[a-z.]{1,9}").prop_map(|(engine, connection)| {
            let duty = Duty::lane(&ConnectionName::new(connection));
            Arrangement::Taken(DutyTaken { duty, engine })
        }),
    ]
}

fn instructed(thread: ThreadId, who: String, why: Option<String>, on: bool) -> OperatorInstructed {
    let instruction =
        if on { Instruction::SwitchAssistantOn { thread } } else { Instruction::SwitchAssistantOff { thread } };
    OperatorInstructed { who, said_at: Timestamp::from_millis(1), why, instruction }
}

fn types() -> impl Strategy<Value = String> {
    let known = [
        "WebhookReceived",
        "IntentRaised",
        "AttemptStarted",
        "AttemptSettled",
        "ConfigurationApplied",
        "OperatorInstructed",
        "PolicyAdvanced",
        "EngineSeen",
        "EngineEnded",
        "DutyTaken",
    ];
    prop_oneof![proptest::sample::select(known.to_vec()).prop_map(str::to_owned), any::<String>()]
}

fn metadatas() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..100),
        // Nearly right.
        (any::<u8>(), any::<i64>(), any::<String>()).prop_map(|(codec, time, text)| {
            serde_json::json!({ "codec": codec % 3, "recorded_at": time, "connection": text, "headers": [[text, text]] })
                .to_string()
                .into_bytes()
        }),
    ]
}

proptest! {
    #[test]
    fn what_was_sealed_opens_as_the_same(
        event in prop_oneof![webhooks(), our_events()],
        id in ids(),
        time in any::<i64>(),
        cause in proptest::option::of(ids()),
        correlation in proptest::option::of(any::<String>()),
    ) {
        let time = Timestamp::from_millis(time);
        let stored = stored(seal(&event, id, time, cause, correlation.as_deref()));
        let unsealed = unseal(stored.as_ref()).unwrap();
        prop_assert_eq!(unsealed.cause, cause);
        prop_assert_eq!(unsealed.correlation.as_deref(), correlation.as_deref());
        let read_in_place = unsealed.into_recorded();
        let read = open(stored).unwrap();
        prop_assert_eq!(&read, &read_in_place);
        prop_assert_eq!((read.id, read.recorded_at, read.position), (id, time, Position::new(17)));
        prop_assert_eq!(read.event, event);
    }

    #[test]
    fn a_webhook_is_stored_byte_for_byte(event in webhooks(), id in ids()) {
        let Event::WebhookReceived(webhook) = &event else { unreachable!("webhooks() makes webhooks") };
        prop_assert_eq!(&seal(&event, id, Timestamp::default(), None, None).data, &webhook.body);
    }

    #[test]
    fn no_bytes_in_a_store_can_do_more_than_be_refused(
        event_type in types(),
        data in vec(any::<u8>(), 0..100),
        metadata in metadatas(),
    ) {
        let id = EventId::derived(&[b"any"]);
        match open(stored(NewEvent { id, event_type, data, metadata })) {
            Ok(_) => {}
            Err(refusal) => prop_assert!(refusal.to_string().contains("position 17"), "{}", refusal),
        }
    }
}

fn refusal(event_type: &str, data: &[u8], metadata: &str) -> CodecError {
    let id = EventId::derived(&[b"any"]);
    let new = NewEvent { id, event_type: event_type.to_owned(), data: data.to_vec(), metadata: metadata.into() };
    open(stored(new)).unwrap_err()
}

#[test]
fn a_refusal_says_which_event_and_what_to_do() {
    let right = r#"{"codec":1,"recorded_at":5}"#;
    let unknown = refusal("MessagePraised", b"{}", right);
    assert!(matches!(&unknown, CodecError::UnknownType { .. }), "{unknown:?}");
    assert!(unknown.to_string().contains("MessagePraised") && unknown.to_string().contains("update the program"));

    for metadata in [r#"{"codec":2,"recorded_at":5}"#, r#"{"codec":2,"recorded_at":"by then a text"}"#] {
        let newer = refusal("PolicyAdvanced", b"{}", metadata);
        assert!(matches!(newer, CodecError::Newer { found: 2, .. }), "{newer:?}");
    }
    for metadata in ["", "[]", "null", r#"{"codec":1}"#, r#"{"codec":-1,"recorded_at":5}"#] {
        let unreadable = refusal("PolicyAdvanced", b"{}", metadata);
        assert!(matches!(unreadable, CodecError::Unreadable { part: Part::Metadata, .. }), "{unreadable:?}");
    }
    let unreadable = refusal("PolicyAdvanced", b"{}", right);
    assert!(matches!(unreadable, CodecError::Unreadable { part: Part::Data, .. }), "{unreadable:?}");
    let unreadable = refusal("WebhookReceived", b"body", right);
    assert!(matches!(unreadable, CodecError::Unreadable { part: Part::Metadata, .. }), "{unreadable:?}");
}

#[test]
fn what_a_newer_version_adds_to_the_metadata_is_passed_over() {
    let event = Event::PolicyAdvanced(PolicyAdvanced { through: EventId::derived(&[b"any"]) });
    let mut new = seal(&event, EventId::derived(&[b"id"]), Timestamp::from_millis(5), None, None);
    new.metadata = br#"{"codec":1,"recorded_at":5,"weather":{"wind":["north"]}}"#.to_vec();
    assert_eq!(open(stored(new)).unwrap().event, event);
}

#[test]
fn the_names_of_our_own_events_are_fixed_and_different() {
    let intent_id = IntentId::derived(EventId::derived(&[b"cause"]), "policy", 0);
    let call = || "new_message".to_owned();
    let started =
        |attempt, kind| Event::AttemptStarted(AttemptStarted { intent_id, attempt, kind, call: call(), engine: None });
    let settled = |attempt, kind| {
        Event::AttemptSettled(AttemptSettled {
            findings: Vec::new(),
            refusal: None,
            page: None,
            intent_id,
            attempt,
            kind,
            connection: ConnectionName::new("amo.main"),
            platform: "amocrm".to_owned(),
            call: call(),
            outcome: Outcome::Accepted,
            reply: None,
        })
    };
    let configuration = Event::ConfigurationApplied(Configuration::default());
    let events = [
        (started(1, AttemptKind::Act), 1),
        (settled(1, AttemptKind::Act), 2),
        (started(1, AttemptKind::Probe), 3),
        (settled(1, AttemptKind::Probe), 4),
        (started(1, AttemptKind::Prepare { file: 0 }), 5),
        (settled(1, AttemptKind::Prepare { file: 0 }), 6),
        (started(2, AttemptKind::Act), 5),
        (configuration.clone(), 0),
        (configuration, 1),
        (Event::PolicyAdvanced(PolicyAdvanced { through: EventId::derived(&[b"cause"]) }), 0),
        (
            Event::OperatorInstructed(instructed(
                ThreadId::from_uuid(intent_id.as_uuid()),
                "olga".to_owned(),
                None,
                true,
            )),
            0,
        ),
        (
            Event::OperatorInstructed(instructed(
                ThreadId::from_uuid(intent_id.as_uuid()),
                "olga".to_owned(),
                None,
                false,
            )),
            0,
        ),
        (polled(), 0),
        (polled(), 1),
    ];
    let named: Vec<_> =
        events.iter().map(|(event, revision)| event_id(event, Revision::new(*revision)).unwrap()).collect();
    let again: Vec<_> =
        events.iter().map(|(event, revision)| event_id(event, Revision::new(*revision)).unwrap()).collect();
    assert_eq!(named, again);
    for (place, id) in named.iter().enumerate() {
        assert!(!named[..place].contains(id));
        // Which revision an attempt's event gets is no part of its name: a second start is the same start.
    }
    let by = |number| {
        let engine = Some(EngineId::from_uuid(uuid::Uuid::from_u128(number)));
        let kind = AttemptKind::Act;
        Event::AttemptStarted(AttemptStarted { intent_id, attempt: 1, kind, call: call(), engine })
    };
    let of = |event: &Event| event_id(event, Revision::new(1)).unwrap();
    assert_eq!(of(&by(1)), of(&by(1)));
    assert!(of(&by(1)) != of(&by(2)) && of(&by(1)) != named[0], "an engine cannot tell its own start from another's");
    assert_eq!(stream_of(&events[0].0, named[0]), StreamName::intent(intent_id));
    assert_eq!(stream_of(&events[7].0, named[7]), StreamName::configuration());
}
