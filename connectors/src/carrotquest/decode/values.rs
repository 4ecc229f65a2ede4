//! How single values of Carrot quest's documents are read: moments, telephone numbers, files, buttons, articles.

use std::borrow::Cow;

use chatledger_projections::content::{Button, File, FileKind};
use chatledger_projections::fact::RemarkKind;
use chatledger_projections::time::Timestamp;
use serde_json::Value;

use crate::carrotquest::wire::{Attachment, Free};
use crate::connector::Decoded;
use crate::loose::{Field, Text};

/// A field that holds a moment; an unreadable one is remarked.
pub(in crate::carrotquest) fn moment_at(field: Field<Text<'_>>, at: &str, decoded: &mut Decoded) -> Option<Timestamp> {
    let text = field.0.read(at, decoded)?;
    let read = moment(&text);
    if read.is_none() {
        decoded.remark(RemarkKind::OddValue, at, "a value that is no moment");
    }
    read
}

/// Seconds with or without a fraction, or an ISO date; one without a zone is in UTC (2.4).
pub(in crate::carrotquest) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if let Ok(seconds) = whole.parse::<i64>() {
        let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
        let millis: i64 = digits.parse().ok().filter(|_| fraction.bytes().all(|byte| byte.is_ascii_digit()))?;
        let moment = Timestamp::from_seconds(seconds)?;
        return (seconds > 0).then(|| Timestamp::from_millis(moment.as_millis().saturating_add(millis)));
    }
    let zoned = || text.parse::<jiff::Timestamp>().ok();
    let civil = || jiff::tz::Offset::UTC.to_timestamp(text.parse::<jiff::civil::DateTime>().ok()?).ok();
    zoned().or_else(civil).map(|moment| Timestamp::from_millis(moment.as_millisecond()))
}

/// The digits of a telephone number that certainly is one.
pub(in crate::carrotquest) fn phone_digits(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let is_phone = text.chars().all(|sign| sign.is_ascii_digit() || " +-().\u{a0}".contains(sign));
    (is_phone && (7..=15).contains(&digits.len())).then_some(digits)
}

/// A file (5.6). One of which nothing can be read is still a file.
pub(super) fn file(attachment: Attachment<'_>, at: &str, decoded: &mut Decoded) -> File {
    let url = attachment.url.0.expect(&format!("{at}.url"), decoded).map(Cow::into_owned);
    let media_type = attachment.mime_type.0.read(&format!("{at}.mime_type"), decoded).map(Cow::into_owned);
    let size = attachment.size.0.read(&format!("{at}.size"), decoded);
    File {
        kind: kind_of(media_type.as_deref().unwrap_or_default()),
        url,
        name: attachment.filename.0.read(&format!("{at}.filename"), decoded).map(Cow::into_owned),
        size_bytes: size.and_then(|size| u64::try_from(size).ok()),
        media_type,
        duration_s: None,
        thumbnail: None,
        way: None,
    }
}

fn kind_of(media_type: &str) -> FileKind {
    match media_type.split('/').next() {
        Some("image") => FileKind::Picture,
        Some("video") => FileKind::Video,
        Some("audio") => FileKind::Audio,
        Some(_) | None => FileKind::Document,
    }
}

/// The buttons of a bot. Their inner fields are documented nowhere, so the first that could be meant is taken (5.6).
pub(super) fn buttons(actions: &Free) -> Vec<Vec<Button>> {
    let of_action = |action: &Value| {
        let url = first_text(action, &LINKS).map(str::to_owned);
        let text = first_text(action, &["body", "text", "title", "label", "name"]).map(str::to_owned);
        let text = text.or_else(|| url.clone())?;
        Some(vec![Button { text, url }])
    };
    actions.as_array().into_iter().flatten().filter_map(of_action).collect()
}

/// An article's title and address, where its part has no text of its own (5.3).
pub(super) fn article(body: &Free) -> Option<String> {
    let title = first_text(body, &["title", "name", "header", "text"]);
    let link = first_text(body, &LINKS);
    let words: Vec<&str> = [title, link].into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join("\n"))
}

/// How a client rated a dialogue: every number and text that is told with it, under its own name, for the names are
/// documented nowhere (11).
pub(super) fn rating(told: &Free) -> Option<String> {
    let words: Vec<String> = told
        .as_object()?
        .iter()
        .filter_map(|(name, value)| match value {
            Value::Number(number) => Some(format!("{name} {number}")),
            Value::String(text) if !text.trim().is_empty() => Some(format!("{name} {text}")),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        })
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

const LINKS: [&str; 3] = ["url", "link", "href"];

fn first_text<'a>(object: &'a Value, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| object.get(*key)?.as_str().filter(|text| !text.trim().is_empty()))
}

/// The platform's own word, as it is remarked: cut short.
pub(super) fn word(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_documented_moments_are_read() {
        for (text, millis) in [
            ("1748613412", 1_748_613_412_000),
            ("1684739969.358085", 1_684_739_969_358),
            ("1684739969.3", 1_684_739_969_300),
            ("2025-05-30T13:50:12", 1_748_613_012_000),
            ("2025-05-30T13:50:12Z", 1_748_613_012_000),
        ] {
            assert_eq!(moment(text), Some(Timestamp::from_millis(millis)), "{text}");
        }
        for text in ["0", "-5", "soon", "1.x", "", ".", "9223372036854775807", "2025-13-30T13:50:12"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn an_action_of_any_shape_gives_its_text_or_nothing() {
        let actions = json!([{ "body": "Доставка" }, { "title": "Сайт", "url": "https://a.example" }, { "id": 1 }, 7,
            { "link": "https://b.example" }]);
        let texts: Vec<String> = buttons(&actions).into_iter().flatten().map(|button| button.text).collect();
        assert_eq!(texts, ["Доставка", "Сайт", "https://b.example"]);
        assert!(buttons(&Value::Null).is_empty());
    }

    #[test]
    fn an_article_is_found_in_its_document() {
        let body = json!({ "title": "Возврат", "url": "https://help.example/1" });
        assert_eq!(article(&body).as_deref(), Some("Возврат\nhttps://help.example/1"));
        assert_eq!(article(&json!({})), None);
    }
}
