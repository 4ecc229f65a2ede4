//! What Selarti's webhooks mean.
//!
//! Takes a body, gives facts and remarks; refuses nothing. One webhook says two things: that a message was written, if it
//! has words and an author, and how the dialogue stands. By which of its types it came (`wh_type`) decides nothing (6.4).

use std::borrow::Cow;
use std::collections::BTreeMap;

use chatledger_projections::content::{Content, Person};
use chatledger_projections::fact::{AssistantReported, ConversationKey, Fact, Message, MessageKey, RemarkKind};
use chatledger_projections::intent::Speaker;

use super::wire::{self, Name, YesNo};
use super::{contacts, ids, mend};
use crate::connector::{Decoded, Webhook};
use crate::loose::{Field, Text, with_document};

/// No word of the platform's is remarked beyond this many signs.
const LONGEST_WORD: usize = 40;

/// What a webhook means.
pub(super) fn decode(webhook: &Webhook<'_>) -> Decoded {
    let mut decoded = Decoded::default();
    // That a body is unreadable is remarked by the reading itself.
    let _ = with_webhook(webhook, &mut decoded, read);
    decoded
}

/// Asks something of a webhook's document; `None` if it is none. What is odd about it is remarked by [`decode`].
pub(super) fn addressed<R>(webhook: &Webhook<'_>, ask: impl Fn(&wire::Webhook<'_>) -> R) -> Option<R> {
    with_webhook(webhook, &mut Decoded::default(), |wire, _| ask(&wire))
}

/// Reads the document as it is, or mended (6.6).
fn with_webhook<R>(
    webhook: &Webhook<'_>,
    decoded: &mut Decoded,
    then: impl Fn(wire::Webhook<'_>, &mut Decoded) -> R,
) -> Option<R> {
    let body = document(webhook);
    let mut first = Decoded::default();
    let read = with_document::<wire::Webhook<'static>, _>(&body, &mut first, &then);
    let mended = if read.is_none() { mend::mended(&body) } else { None };
    if let Some(mended) = mended {
        let mut second = Decoded::default();
        second.remark(RemarkKind::OddValue, "", "control characters inside a text");
        let read = with_document::<wire::Webhook<'static>, _>(&mended, &mut second, &then);
        if read.is_some() {
            *decoded = second;
            return read;
        }
    }
    *decoded = first;
    read
}

/// The body as JSON: a form is a flat object of texts (6, transport). JSON under a form's name is JSON all the same, and a
/// form under no name or another's is a form.
fn document<'a>(webhook: &Webhook<'a>) -> Cow<'a, [u8]> {
    let is_declared = webhook
        .content_type
        .is_some_and(|kind| kind.to_ascii_lowercase().contains("application/x-www-form-urlencoded"));
    let is_object = webhook.body.trim_ascii_start().starts_with(b"{");
    if is_object || !(is_declared || is_form(webhook.body)) {
        return Cow::Borrowed(webhook.body);
    }
    let pairs: BTreeMap<_, _> = form_urlencoded::parse(webhook.body).collect();
    Cow::Owned(serde_json::to_vec(&pairs).expect("texts always serialise"))
}

/// Whether it is a form by what it says: it names the dialogue or the message.
fn is_form(body: &[u8]) -> bool {
    const NAMES: [&str; 4] = ["external_chat_id", "thread_id", "message_id", "message_text"];
    body.is_ascii() && form_urlencoded::parse(body).any(|(key, _)| NAMES.contains(&&*key))
}

fn read(wire: wire::Webhook<'_>, decoded: &mut Decoded) {
    let conversation = ConversationKey {
        theirs: name(wire.thread_id, "thread_id", decoded).map(ids::conversation),
        ours: name(wire.external_chat_id, "external_chat_id", decoded).map(ids::conversation),
    };
    if conversation == ConversationKey::default() {
        // Neither name is known: it belongs to nobody (8, step 3).
        decoded.remark(RemarkKind::Missing, "external_chat_id", "");
        return;
    }
    let id = name(wire.message_id, "message_id", decoded);
    let client = client(wire.title, &wire.contacts, decoded);
    let manager = name(wire.manager_id, "manager_id", decoded);
    let words = wire.message_text.0.read("message_text", decoded).filter(|words| !words.trim().is_empty());
    let speaker = speaker(wire.message_type, words.is_some(), decoded);
    // No time is said but the one inside the message's id (6.1).
    let at = id.as_deref().and_then(ids::made_at);
    let message = id.as_deref().map(ids::message);
    let source = name(wire.task_id, "task_id", decoded).map(ids::source);

    if let (Some(speaker), Some(words)) = (speaker, words) {
        if message.is_none() {
            decoded.remark(RemarkKind::Missing, "message_id", "");
        }
        let written = |author: Person, of: Option<Person>| Message {
            conversation: conversation.clone(),
            message: MessageKey { theirs: message.clone(), ours: None, job: None },
            author,
            speaker: Some(speaker),
            client: of,
            source: source.clone(),
            written_at: at,
            content: Content::text(words.clone()),
            state: None,
        };
        let of = (client != Person::default()).then(|| client.clone());
        decoded.fact(match speaker {
            Speaker::Client => Fact::MessageReceived(written(client.clone(), None)),
            Speaker::Bot => Fact::MessageSent(written(author(ids::assistant(manager.as_deref())), of)),
            Speaker::Manager => Fact::MessageSent(written(author(ids::operator()), of)),
        });
    }
    let mut yes_no = |field: Field<YesNo>, at: &str| field.0.read(at, decoded).map(|YesNo(yes)| yes);
    let (handed_over, closed) = (yes_no(wire.operator, "operator"), yes_no(wire.close, "close"));
    let (succeeded, interested) = (yes_no(wire.success, "success"), yes_no(wire.interest, "interest"));
    let (contact_given, client_is_machine) = (yes_no(wire.get_contact, "get_contact"), yes_no(wire.is_bot, "is_bot"));
    let mut text = |field: Field<Text<'_>>, at: &str| field.0.read(at, decoded).map(Cow::into_owned);
    let (desk_url, view_url) = (text(wire.panel_url, "panel_url"), text(wire.share_url, "share_url"));
    let word = text(wire.wh_type, "wh_type");
    decoded.fact(Fact::AssistantReported(AssistantReported {
        conversation,
        message,
        speaker,
        client,
        handed_over,
        closed,
        succeeded,
        interested,
        contact_given,
        client_is_machine,
        desk_url,
        view_url,
        word,
        at,
    }));
}

fn name<'a>(field: Field<Name<'a>>, at: &str, decoded: &mut Decoded) -> Option<Cow<'a, str>> {
    field.0.read(at, decoded).map(|Name(name)| name)
}

/// The client, by whatever is said of them: the heading is their full name (6.1), unless their contacts name them too.
fn client(title: Field<Text<'_>>, contacts: &serde_json::Value, decoded: &mut Decoded) -> Person {
    let mut client = contacts::read(contacts, decoded);
    let title = title.0.read("title", decoded).map(|title| title.trim().to_owned()).filter(|title| !title.is_empty());
    client.name = client.name.or(title);
    client
}

fn author(theirs: chatledger_projections::ids::PersonId) -> Person {
    Person { theirs: Some(theirs), ..Person::default() }
}

/// Who wrote, by the words of 6.3; `None` if nobody did, or nobody whom we know.
fn speaker(kind: Field<Text<'_>>, has_words: bool, decoded: &mut Decoded) -> Option<Speaker> {
    let Some(kind) = kind.0.read("message_type", decoded) else {
        if has_words {
            decoded.remark(RemarkKind::Missing, "message_type", "");
        }
        return None;
    };
    match kind.trim().to_lowercase().as_str() {
        "bot" | "бот" | "ai" | "assistant" => Some(Speaker::Bot),
        "operator" | "оператор" | "manager" | "admin" => Some(Speaker::Manager),
        "user" | "пользователь" | "client" => Some(Speaker::Client),
        // Rather said to nobody than to the wrong one.
        other => {
            decoded.remark(
                RemarkKind::UnknownKind,
                "message_type",
                other.chars().take(LONGEST_WORD).collect::<String>(),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(content_type: &str, body: &str) -> Decoded {
        decode(&Webhook { content_type: Some(content_type), body: body.as_bytes() })
    }

    fn read(body: &str) -> Decoded {
        read_as("application/json", body)
    }

    fn report(decoded: &Decoded) -> &AssistantReported {
        let Some(Fact::AssistantReported(report)) = decoded.facts.last() else { panic!("{decoded:?}") };
        report
    }

    #[test]
    fn who_wrote_is_said_in_two_languages() {
        let of = |word: &str| {
            read(&format!(r#"{{"thread_id":"t","message_id":"m","message_text":"!","message_type":"{word}"}}"#))
        };
        for word in ["bot", "Бот ", "AI", "assistant", "operator", "ОПЕРАТОР", "manager", "admin"] {
            assert!(matches!(of(word).facts[0], Fact::MessageSent(_)), "{word}");
        }
        for word in ["user", "Пользователь", "client"] {
            assert!(matches!(of(word).facts[0], Fact::MessageReceived(_)), "{word}");
        }
        let decoded = of("system");
        assert!(matches!(decoded.facts[..], [Fact::AssistantReported(_)]), "{decoded:?}");
        assert_eq!(decoded.remarks[0].remark, RemarkKind::UnknownKind);
    }

    #[test]
    fn yes_and_no_are_read_in_every_form_and_anything_else_is_unknown() {
        let of = |value: &str| read(&format!(r#"{{"thread_id":"t","operator":{value}}}"#));
        for yes in ["true", "1", r#""true""#, r#"" Yes ""#, r#""ДА""#, r#""1""#] {
            assert_eq!(report(&of(yes)).handed_over, Some(true), "{yes}");
        }
        for no in ["false", "0", r#""false""#, r#""no""#, r#""Нет""#, r#""0""#] {
            assert_eq!(report(&of(no)).handed_over, Some(false), "{no}");
        }
        for unknown in ["null", r#""""#, r#""maybe""#, "7", "[]", "{}"] {
            assert_eq!(report(&of(unknown)).handed_over, None, "{unknown}");
        }
        assert_eq!(report(&read(r#"{"thread_id":"t"}"#)).handed_over, None);
    }

    #[test]
    fn a_number_for_an_id_loses_no_digit() {
        let of = |value: &str| read(&format!(r#"{{"external_chat_id":{value},"thread_id":"t"}}"#));
        let ours = |decoded: &Decoded| report(decoded).conversation.ours.as_ref().map(|id| id.as_str().to_owned());
        assert_eq!(ours(&of("123456789")).as_deref(), Some("123456789"));
        assert_eq!(ours(&of("123456789.0")).as_deref(), Some("123456789"));
        assert_eq!(ours(&of("9007199254740993")).as_deref(), Some("9007199254740993"));
        let too_long = of("123456789012345678901234");
        assert_eq!(ours(&too_long), None);
        assert_eq!(too_long.remarks[0].at, "external_chat_id");
    }

    #[test]
    fn a_form_says_the_same_as_json() {
        let json =
            r#"{"external_chat_id":"7","message_id":"m","message_text":"a\nb","message_type":"bot","close":"да"}"#;
        let form = "external_chat_id=7&message_id=m&message_text=a%0Ab&message_type=bot&close=%D0%B4%D0%B0";
        assert_eq!(read_as("application/x-www-form-urlencoded; charset=utf-8", form), read(json));
        assert_eq!(read_as("application/x-www-form-urlencoded", json), read(json));
        assert_eq!(read_as("text/plain", json), read(json));
        assert_eq!(read_as("text/plain", form), read(json));
        assert_eq!(decode(&Webhook { content_type: None, body: form.as_bytes() }), read(json));
    }

    #[test]
    fn a_dialogue_without_a_name_belongs_to_nobody() {
        let decoded = read(r#"{"message_id":"m","message_text":"!","message_type":"bot","external_chat_id":" "}"#);
        assert!(decoded.facts.is_empty());
        assert!(decoded.remarks.iter().any(|remark| remark.remark == RemarkKind::Missing));
    }

    #[test]
    fn a_broken_body_is_mended_or_said_to_be_broken() {
        let decoded =
            read("{\"thread_id\":\"t\",\"message_type\":\"bot\",\"message_id\":\"m\",\"message_text\":\"a\nb\"}");
        let [Fact::MessageSent(message), Fact::AssistantReported(_)] = &decoded.facts[..] else {
            panic!("{decoded:?}")
        };
        assert_eq!(message.content, Content::text("a\nb"));
        assert_eq!(decoded.remarks.len(), 1);
        let decoded = read("{\"thread_id\":\"t\",\"message_text\":\"he said \"yes\"\n\"}");
        assert!(decoded.facts.is_empty());
        assert_eq!(decoded.remarks[0].remark, RemarkKind::Unreadable);
    }
}
