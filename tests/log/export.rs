//! Laws of exported lines: a log goes out and comes back byte for byte, and a line stays the line that it was.

use chatledger::log::StoredEvent;
use chatledger::log::export::{ExportedEvent, from_line, to_line};
use chatledger_projections::ids::EventId;
use chatledger_projections::recorded::{Position, Revision, StreamName};
use proptest::collection::vec;
use proptest::prelude::*;

fn payloads() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..100), any::<String>().prop_map(String::into_bytes)]
}

fn stored_events() -> impl Strategy<Value = StoredEvent> {
    (any::<String>(), any::<(u64, u64, u64)>(), any::<[u8; 16]>(), any::<String>(), payloads(), payloads()).prop_map(
        |(stream, (commit, prepare, revision), id, event_type, data, metadata)| StoredEvent {
            id: EventId::from_uuid(uuid::Uuid::from_bytes(id)),
            stream: StreamName::named(stream),
            revision: Revision::new(revision),
            position: Position::pair(commit, prepare),
            event_type,
            data,
            metadata,
        },
    )
}

proptest! {
    #[test]
    fn an_event_goes_out_and_comes_back_byte_for_byte(stored in stored_events()) {
        let line = to_line(&ExportedEvent::from(stored.clone()));
        prop_assert!(!line.contains('\n'));
        let back = from_line(&line).unwrap();
        prop_assert_eq!(&to_line(&back), &line);
        prop_assert_eq!(back.into_stored(), stored);
    }

    #[test]
    fn no_line_can_do_more_than_be_refused(line in any::<String>()) {
        prop_assert!(from_line(&line).is_err());
    }
}

#[test]
fn a_line_can_be_read_by_people() {
    let stored = StoredEvent {
        id: EventId::from_uuid(uuid::Uuid::nil()),
        stream: StreamName::named("webhook-1"),
        revision: Revision::FIRST,
        position: Position::new(9),
        event_type: "WebhookReceived".to_owned(),
        data: "Здравствуйте".into(),
        metadata: br#"{"codec":1,"recorded_at":0}"#.to_vec(),
    };
    assert_eq!(
        to_line(&stored.into()),
        r#"{"position":"9","stream":"webhook-1","revision":0,"id":"00000000-0000-0000-0000-000000000000","type":"WebhookReceived","recorded_at":"1970-01-01T00:00:00.000Z","metadata":"{\"codec\":1,\"recorded_at\":0}","data":"Здравствуйте"}"#
    );
}
