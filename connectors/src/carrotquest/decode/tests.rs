//! What is hard about these documents: their many shapes, and what must never reach a client.

use chatledger_projections::content::Part as ContentPart;
use chatledger_projections::fact::{Message, NoteKind, Remark};
use serde_json::{Value, json};

use super::kinds::{Fate, PART_TYPES, PartKind};
use super::*;

fn read(document: &Value) -> Decoded {
    decode(&Webhook { content_type: None, body: document.to_string().as_bytes() })
}

fn kinds_of_remarks(decoded: &Decoded) -> Vec<RemarkKind> {
    decoded.remarks.iter().map(|Remark { remark, .. }| *remark).collect()
}

fn message(decoded: &Decoded) -> &Message {
    let found = decoded.facts.iter().find_map(|fact| match fact {
        Fact::MessageReceived(message) | Fact::MessageSent(message) => Some(message),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no message in {decoded:?}"))
}

/// A part with other values for some keys.
fn part_with(kind: &str, more: &Value) -> Value {
    let mut part = json!({ "id": 1, "type": kind, "conversation": 2, "created": 1_748_613_412, "body": "Текст" });
    for (key, value) in more.as_object().expect("an object") {
        part[key] = value.clone();
    }
    part
}

#[test]
fn every_kind_meets_its_fate_by_whatever_way_it_comes() {
    for kind in PART_TYPES {
        for via in ["web_user", "web_panel", "api", "integrations", "system", "vk", ""] {
            let decoded = read(&part_with(kind, &json!({ "sent_via": via })));
            let fate = PartKind::of(kind).expect("the kind is known").fate();
            let told = match &decoded.facts[..] {
                [Fact::MessageReceived(_)] => Fate::Received,
                [Fact::MessageSent(_)] => Fate::Sent,
                [Fact::NoteWritten(_)] => Fate::Noted,
                [] => fate,
                other => panic!("{other:?}"),
            };
            assert_eq!(told, fate, "{kind} {via}");
            let is_told = fate != Fate::StateOnly;
            assert_eq!(decoded.facts.len(), usize::from(is_told), "{kind} {via}");
            assert!(is_told || kinds_of_remarks(&decoded) == [RemarkKind::Ignored], "{kind} {via}");
        }
    }
}

#[test]
fn a_note_never_becomes_a_message_even_changed_or_removed() {
    for more in [
        json!({}),
        json!({ "edited": 1_748_613_413 }),
        json!({ "removed": 1_748_613_413 }),
        json!({ "attachments": [{ "url": "https://a.example/1" }] }),
    ] {
        let decoded = read(&part_with("note", &more));
        assert!(decoded.facts.iter().all(|fact| matches!(fact, Fact::NoteWritten(_))), "{decoded:?}");
    }
}

#[test]
fn a_rating_says_what_is_told_with_it_and_an_empty_note_says_nothing() {
    let decoded =
        read(&part_with("vote", &json!({ "body": "", "meta_data": { "vote": 5, "comment": "быстро", "x": {} } })));
    let [Fact::NoteWritten(note)] = &decoded.facts[..] else { panic!("{decoded:?}") };
    assert_eq!((note.kind, note.content.text.as_deref()), (NoteKind::Rating, Some("comment быстро, vote 5")));
    let decoded = read(&part_with("note", &json!({ "body": null })));
    assert!(decoded.facts.is_empty());
    assert_eq!(kinds_of_remarks(&decoded), [RemarkKind::Ignored]);
}

#[test]
fn a_machine_is_told_from_an_operator() {
    let speaker = |kind: &str, via: &str| message(&read(&part_with(kind, &json!({ "sent_via": via })))).speaker;
    for (kind, via) in
        [("auto_reply", "system"), ("chat_bot_user", "message_chat_bot"), ("reply_admin", "message_auto")]
    {
        assert_eq!(speaker(kind, via), Some(Speaker::Bot), "{kind} {via}");
    }
    for (kind, via) in [("reply_admin", "web_panel"), ("reply_admin", "api"), ("article", "app_ios")] {
        assert_eq!(speaker(kind, via), None, "{kind} {via}");
    }
}

#[test]
fn an_unknown_kind_is_remarked_and_shown_to_nobody() {
    let decoded = read(&part_with("reply_robot", &json!({ "direction": "a2u" })));
    assert!(decoded.facts.is_empty());
    assert_eq!(kinds_of_remarks(&decoded), [RemarkKind::UnknownKind]);
    assert_eq!(decoded.remarks[0].found, "reply_robot");
}

#[test]
fn a_way_that_contradicts_the_kind_is_remarked_and_the_kind_is_believed() {
    let decoded = read(&part_with("reply_admin", &json!({ "sent_via": "web_user" })));
    assert!(matches!(decoded.facts[..], [Fact::MessageSent(_)]));
    assert_eq!(kinds_of_remarks(&decoded), [RemarkKind::Contradiction]);
    let decoded = read(&part_with("reply_user", &json!({ "sent_via": "telegram" })));
    assert!(matches!(decoded.facts[..], [Fact::MessageReceived(_)]));
    assert_eq!(kinds_of_remarks(&decoded), [RemarkKind::UnknownKind]);
}

#[test]
fn ids_are_exact_as_numbers_and_as_texts() {
    for id in [json!(u64::MAX), json!("18446744073709551615")] {
        let decoded = read(&part_with("reply_user", &json!({ "id": id, "conversation": id, "from": id })));
        let message = message(&decoded);
        assert_eq!(message.message.theirs.as_ref().map(ToString::to_string).as_deref(), Some("18446744073709551615"));
        assert_eq!(
            message.conversation.theirs.as_ref().map(ToString::to_string).as_deref(),
            Some("18446744073709551615")
        );
        assert_eq!(message.author.theirs.as_ref().map(ToString::to_string).as_deref(), Some("18446744073709551615"));
    }
    for id in [json!(1.5), json!(-1), json!(0), json!([1]), json!(true)] {
        assert!(read(&part_with("reply_user", &json!({ "id": id }))).facts.is_empty(), "{id}");
    }
}

#[test]
fn an_author_comes_in_five_shapes() {
    let author = |from: Value| message(&read(&part_with("reply_admin", &json!({ "from": from })))).author.clone();
    assert_eq!(
        author(json!({ "id": 7, "name": "Ольга", "type": "admin", "name_internal": "o@example.com" })).name.as_deref(),
        Some("Ольга")
    );
    assert!(author(json!({ "id": 7, "name": "Бот", "type": "message_sender" })).theirs.is_some());
    assert_eq!(author(json!({ "type": "default_admin", "name": "Dmitriy" })).theirs, None);
    assert_eq!(author(json!({})), Person::default());
    assert_eq!(author(Value::Null), Person::default());
    assert_eq!(author(json!(7)).theirs.map(|id| id.to_string()).as_deref(), Some("7"));
}

#[test]
fn a_changed_part_is_told_twice_and_a_removed_one_is_gone() {
    let decoded = read(&part_with("reply_admin", &json!({ "edited": 1_748_613_500.25 })));
    let [Fact::MessageSent(sent), Fact::MessageEdited(edited)] = &decoded.facts[..] else { panic!("{decoded:?}") };
    assert_eq!((&sent.message, &sent.content), (&edited.message, &edited.content));
    let decoded = read(&part_with("reply_user", &json!({ "removed": "2025-05-30T13:50:12", "edited": 1 })));
    assert!(matches!(decoded.facts[..], [Fact::MessageDeleted(_)]), "{decoded:?}");
}

#[test]
fn what_only_seems_removed_is_shown() {
    for removed in [json!(false), json!(0), json!({}), json!("soon")] {
        let decoded = read(&part_with("reply_user", &json!({ "removed": removed })));
        assert!(matches!(decoded.facts[..], [Fact::MessageReceived(_)]), "{removed}");
        assert_eq!(kinds_of_remarks(&decoded), [RemarkKind::OddValue], "{removed}");
    }
}

#[test]
fn letters_become_text_and_chats_stay_as_they_were_typed() {
    let text = |kind: &str, via: &str| {
        let decoded = read(&part_with(kind, &json!({ "sent_via": via, "body": "<b>Да</b>" })));
        message(&decoded).content.text.clone()
    };
    for (kind, via) in
        [("reply_user", "email_user"), ("reply_admin", "message_auto"), ("chat_bot_admin", "message_chat_bot")]
    {
        assert_eq!(text(kind, via).as_deref(), Some("Да"), "{via}");
    }
    for (kind, via) in [
        ("reply_user", "web_user"),
        ("reply_user", "integrations"),
        ("reply_admin", "web_panel"),
        ("reply_admin", "api"),
    ] {
        assert_eq!(text(kind, via).as_deref(), Some("<b>Да</b>"), "{via}");
    }
}

#[test]
fn what_has_no_text_is_still_something() {
    let content = |kind: &str, more: &Value| message(&read(&part_with(kind, more))).content.clone();
    let article =
        content("article", &json!({ "body": "", "body_json": { "title": "Возврат", "url": "https://a.example" } }));
    assert_eq!(article.text.as_deref(), Some("Возврат\nhttps://a.example"));
    for (kind, more) in
        [("article", json!({ "body": null })), ("reply_admin", json!({ "body": "", "body_json": { "blocks": [] } }))]
    {
        assert_eq!(content(kind, &more).parts, [ContentPart::Unsupported { kind: kind.to_owned() }]);
    }
}

#[test]
fn a_conversation_given_whole_is_told_of_before_its_part() {
    let whole = json!({ "id": 2, "user": { "id": 3, "props": { "$name": "Анна", "$phone": "+7 900 000-00-01" } } });
    let decoded = read(&part_with("reply_user", &json!({ "conversation": whole })));
    let [Fact::ConversationSeen(seen), Fact::MessageReceived(_)] = &decoded.facts[..] else { panic!("{decoded:?}") };
    assert_eq!((seen.client.name.as_deref(), seen.phone.as_deref()), (Some("Анна"), Some("79000000001")));
}

#[test]
fn a_client_described_beside_the_part_is_told_of_once_there_is_a_message() {
    let form = |kind: &str| {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("type", "conversation").append_pair("conversation", &part_with(kind, &json!({})).to_string());
        form.append_pair("user", r#"{"id":3,"props":{"$name":"Анна","$email":"anna@example.com"}}"#);
        decode(&Webhook { content_type: None, body: form.finish().as_bytes() })
    };
    assert!(matches!(form("reply_user").facts[..], [Fact::ConversationSeen(_), Fact::MessageReceived(_)]));
    assert!(form("note").facts.is_empty());
}

#[test]
fn whatever_else_comes_is_named() {
    for (body, expected) in [
        ("", RemarkKind::Unreadable),
        ("rubbish", RemarkKind::Unreadable),
        ("type=event&token=", RemarkKind::Ignored),
        ("type=message_webhook", RemarkKind::Ignored),
        ("type=call", RemarkKind::UnknownKind),
        ("type=conversation", RemarkKind::Missing),
        ("type=conversation&conversation=7", RemarkKind::Unreadable),
        ("{}", RemarkKind::UnknownKind),
        (r#"{"meta":{"status":200},"data":[]}"#, RemarkKind::UnknownKind),
        (r#"{"channel":"conversation_read.1","message":{}}"#, RemarkKind::Ignored),
        (r#"{"channel":"new_channel.1","message":{}}"#, RemarkKind::UnknownKind),
        (r#"{"channel":"conversation_reply.1","message":7}"#, RemarkKind::OddValue),
    ] {
        let decoded = decode(&Webhook { content_type: None, body: body.as_bytes() });
        assert!(decoded.facts.is_empty(), "{body}");
        assert_eq!(kinds_of_remarks(&decoded), [expected], "{body}");
    }
}
