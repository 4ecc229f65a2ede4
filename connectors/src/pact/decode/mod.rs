//! What Pact's webhooks mean.
//!
//! Takes a body, gives facts and remarks; refuses nothing (12.1). Both generations may come to one address, and may
//! tell of the same message (15.1): here they are only told apart, `v1` and `v2` read them.

mod v1;
mod v2;
pub(super) mod values;

use chatledger_projections::fact::{Fact, RemarkKind};

use super::wire::Envelope;
use crate::connector::{Decoded, Webhook};
use crate::loose::with_document;

pub(super) use v1::conversation_seen as conversation_seen_v1;
pub(super) use v2::{conversation_seen as conversation_seen_v2, delivery_state};

/// What a webhook means.
pub(super) fn decode(webhook: &Webhook<'_>) -> Decoded {
    let mut decoded = Decoded::default();
    if is_form(webhook) {
        decode_form(webhook.body, &mut decoded);
        return decoded;
    }
    let kind = with_document::<Envelope<'static>, _>(webhook.body, &mut decoded, |envelope, decoded| {
        Kind::of(envelope, decoded)
    });
    // What is odd about the document as a whole is remarked by the second reading again.
    if let Some(Kind::V1 { .. } | Kind::V2 { .. }) = &kind {
        decoded.remarks.clear();
    }
    match kind {
        Some(Kind::V1 { kind, event }) => v1::decode(&kind, &event, webhook.body, &mut decoded),
        Some(Kind::V2 { kind, event }) => v2::decode(&kind, &event, webhook.body, &mut decoded),
        Some(Kind::Probe) => decoded.fact(Fact::AddressProbed),
        Some(Kind::Unknown { found }) => decoded.remark(RemarkKind::UnknownKind, "", found),
        // The reading has remarked why it is no document.
        None => {}
    }
    decoded
}

/// What a document is.
enum Kind {
    /// The first generation's.
    V1 { kind: String, event: String },
    /// The second generation's.
    V2 { kind: String, event: String },
    /// Pact tries whether our address answers (10.1).
    Probe,
    /// None of these.
    Unknown { found: String },
}

impl Kind {
    /// Tells the formats apart as in 13: by their substance, and by the event where the substance is missing.
    fn of(envelope: Envelope<'_>, decoded: &mut Decoded) -> Self {
        let kind = envelope.kind.0.read("type", decoded).unwrap_or_default().into_owned();
        let event = envelope.event.0.read("event", decoded).unwrap_or_default().into_owned();
        if envelope.object.0 {
            Self::V2 { kind, event }
        } else if envelope.data.0 {
            Self::V1 { kind, event }
        } else if kind.is_empty() && envelope.source.is_present() && envelope.operation.is_present() {
            Self::Probe
        } else {
            match event.as_str() {
                "create" | "update" | "delete" => Self::V2 { kind, event },
                "new" | "ack" | "executed" => Self::V1 { kind, event },
                _ => Self::Unknown { found: values::name_of_kind(&kind, &event) },
            }
        }
    }
}

/// For one day in 2019 the probe was documented as a form (10.1).
fn is_form(webhook: &Webhook<'_>) -> bool {
    let declared = webhook.content_type.is_some_and(|kind| kind.contains("application/x-www-form-urlencoded"));
    webhook.body.starts_with(b"source=") || (declared && webhook.body.starts_with(b"operation="))
}

fn decode_form(body: &[u8], decoded: &mut Decoded) {
    let value = |key: &str| form_urlencoded::parse(body).find(|(name, _)| name == key).map(|(_, value)| value);
    if value("source").as_deref() == Some("pact.im") && value("operation").as_deref() == Some("test") {
        decoded.fact(Fact::AddressProbed);
    } else {
        decoded.remark(RemarkKind::Unreadable, "", "a form");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatledger_projections::fact::{DeliveryState, Remark};

    fn read(body: &str) -> Decoded {
        decode(&Webhook { content_type: None, body: body.as_bytes() })
    }

    fn kinds_of_remarks(decoded: &Decoded) -> Vec<RemarkKind> {
        decoded.remarks.iter().map(|Remark { remark, .. }| *remark).collect()
    }

    #[test]
    fn the_probe_is_understood_in_both_its_forms() {
        for body in [r#"{"source":"pact.im","operation":"test"}"#, "source=pact.im&operation=test"] {
            assert_eq!(read(body).facts, [Fact::AddressProbed], "{body}");
        }
        assert_eq!(kinds_of_remarks(&read("source=elsewhere&operation=test")), [RemarkKind::Unreadable]);
    }

    #[test]
    fn a_missing_substance_loses_only_itself() {
        for body in [
            r#"{"type":"message","event":"new"}"#,
            r#"{"type":"message","event":"new","data":null}"#,
            r#"{"type":"message","event":"create","object":null}"#,
            r#"{"type":"message","event":"create","object":[]}"#,
        ] {
            let decoded = read(body);
            assert!(decoded.facts.is_empty(), "{body}");
            assert_eq!(kinds_of_remarks(&decoded), [RemarkKind::Missing], "{body}");
        }
        let decoded = read(r#"{"type":"message","event":"create","object":"text"}"#);
        assert_eq!(kinds_of_remarks(&decoded), [RemarkKind::OddValue]);
    }

    #[test]
    fn an_empty_key_of_one_generation_does_not_hide_the_other() {
        let decoded = read(r#"{"type":"message","event":"ack","object":null,"data":{"external_id":1,"ack":2}}"#);
        assert!(matches!(decoded.facts[..], [Fact::DeliveryReported(_)]), "{decoded:?}");
    }

    #[test]
    fn unknown_kinds_are_remarked_by_their_name() {
        for (body, found) in [
            (r#"{"type":"call","event":"missed","data":{}}"#, "call/missed"),
            (r#"{"type":"contact","event":"create","object":{"id":1}}"#, "contact/create"),
            (r#"{"type":"message","event":"pinned","object":{"id":1}}"#, "message/pinned"),
            ("{}", "no type"),
        ] {
            let decoded = read(body);
            assert!(decoded.facts.is_empty());
            assert_eq!(decoded.remarks.len(), 1, "{decoded:?}");
            assert_eq!(
                (decoded.remarks[0].remark, decoded.remarks[0].found.as_str()),
                (RemarkKind::UnknownKind, found)
            );
        }
    }

    #[test]
    fn who_wrote_is_guessed_from_what_only_one_side_has() {
        let is_sent = |body: &str| matches!(read(body).facts.last(), Some(Fact::MessageSent(_)));
        let v1 = |more: &str| {
            format!(r#"{{"type":"message","event":"new","data":{{"external_id":1,"conversation_id":2{more}}}}}"#)
        };
        let v2 = |more: &str| {
            format!(r#"{{"type":"message","event":"create","object":{{"id":1,"conversation_id":2{more}}}}}"#)
        };
        assert!(is_sent(&v1(r#","job_id":7"#)));
        assert!(!is_sent(&v1(r#","job_id":7,"income":true"#)));
        assert!(is_sent(&v2(r#","contact":{"internal_id":812}"#)));
        assert!(is_sent(&v2(r#","status":"sent""#)));
        assert!(is_sent(&v2(r#","delivery":true,"income":"0""#)));
        // Rather show our own words twice than lose a client's.
        for body in [v1(""), v2("")] {
            let decoded = read(&body);
            assert!(matches!(decoded.facts[..], [Fact::MessageReceived(_)]), "{decoded:?}");
            assert_eq!(kinds_of_remarks(&decoded), [RemarkKind::Missing]);
        }
    }

    #[test]
    fn an_error_says_why_and_a_late_one_too() {
        for event in ["create", "update"] {
            let decoded = read(&format!(
                r#"{{"type":"message","event":"{event}","object":{{"id":1,"conversation_id":2,"income":false,
                    "status":"error","details":{{"result":"NOT DELIVERED","x":{{"title":"Message undeliverable"}}}}}}}}"#
            ));
            let [Fact::MessageSent(message), Fact::DeliveryReported(report)] = &decoded.facts[..] else {
                panic!("{decoded:?}");
            };
            assert_eq!(message.state, Some(DeliveryState::Failed));
            assert_eq!(report.state, DeliveryState::Failed);
            assert_eq!(report.failure.as_ref().map(|failure| failure.reason.as_str()), Some("Message undeliverable"));
        }
    }

    #[test]
    fn the_marks_of_a_document_are_remarked_once() {
        let decoded = read("\u{feff}{\"type\":\"message\",\"event\":\"ack\",\"data\":{\"external_id\":1,\"ack\":2}} x");
        assert_eq!(kinds_of_remarks(&decoded), [RemarkKind::OddValue]);
        assert_eq!(decoded.facts.len(), 1);
    }
}
