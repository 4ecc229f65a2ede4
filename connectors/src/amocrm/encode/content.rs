//! What a message says, as amo can show it: one text and at most one attachment (contract, 6.1).
//!
//! The first part that amo can attach is attached; every other part becomes a readable line under the text, with its
//! link. Nothing is dropped silently, and a message that says nothing says so. The lines are in Russian, for it is the
//! managers who read them.

use chatledger_projections::content::{Content, File, FileKind, Part, Quote};
use chatledger_projections::files::{Way, clean};
use percent_encoding::percent_decode_str;

use crate::amocrm::wire::requests::{Message, OurContact, OurLocation, OurReplyTo, Quoted};

/// Shown where there is nothing to show.
const NOTHING: &str = "(сообщение без содержания)";

/// The message and, if it answers another, which one.
pub(super) fn of(content: &Content) -> (Message, Option<OurReplyTo<'_>>) {
    let attached = content.parts.iter().position(is_attachable);
    let mut lines: Vec<String> = content.text.iter().filter(|text| !text.is_empty()).cloned().collect();
    let (reply_to, quoted_text) = quote(content.quote.as_ref());
    lines.splice(0..0, quoted_text);
    let says_something = !lines.is_empty();
    for (place, part) in content.parts.iter().enumerate() {
        if Some(place) != attached {
            lines.extend(line(part, says_something));
        }
    }
    let text = lines.join("\n");
    let message = match attached.map(|place| &content.parts[place]) {
        Some(part) => attach(part, text),
        None => Message { kind: "text", text: never_empty(text), ..Message::default() },
    };
    (message, reply_to)
}

/// A text message must say something (contract, 6.1).
pub(super) fn never_empty(text: String) -> String {
    if text.trim().is_empty() { NOTHING.to_owned() } else { text }
}

/// Whether amo has a field for it, and we have what the field demands.
fn is_attachable(part: &Part) -> bool {
    match part {
        Part::File(File { way: Some(Way::Words { .. }), .. }) => false,
        Part::File(file) => file.url.as_deref().is_some_and(|url| !url.is_empty()),
        Part::Location { latitude, longitude } => latitude.is_finite() && longitude.is_finite(),
        Part::Contact { name, phone } => [name, phone].into_iter().flatten().any(|word| !word.is_empty()),
        // What amo's own forwards need is an id that amo knows; a forward from a messenger has none.
        Part::Buttons { .. } | Part::Template { .. } | Part::Forward { .. } | Part::Unsupported { .. } => false,
    }
}

fn attach(part: &Part, text: String) -> Message {
    match part {
        Part::File(file) => Message {
            kind: kind(file.kind),
            text,
            media: file.url.clone(),
            // Demanded for three kinds, harmless for the others (contract, 16).
            file_name: Some(file_name(file)),
            file_size: Some(file.size_bytes.unwrap_or(0)),
            media_duration: file.duration_s,
            ..Message::default()
        },
        Part::Location { latitude, longitude } => Message {
            kind: "location",
            text,
            location: Some(OurLocation { lon: *longitude, lat: *latitude }),
            ..Message::default()
        },
        Part::Contact { name, phone } => {
            let phone = phone.clone().unwrap_or_default();
            let name = name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| phone.clone());
            Message { kind: "contact", text, contact: Some(OurContact { name, phone }), ..Message::default() }
        }
        Part::Buttons { .. } | Part::Template { .. } | Part::Forward { .. } | Part::Unsupported { .. } => {
            Message { kind: "text", text: never_empty(text), ..Message::default() }
        }
    }
}

const fn kind(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Picture => "picture",
        FileKind::Video => "video",
        FileKind::Audio => "audio",
        FileKind::Voice => "voice",
        FileKind::Sticker => "sticker",
        FileKind::Document => "file",
    }
}

/// Its name, else the end of its address, else what it is.
fn file_name(file: &File) -> String {
    if let Some(name) = file.name.as_deref().filter(|name| !name.is_empty()) {
        return clean(&File { name: Some(name.to_owned()), ..File::of(file.kind) }, None);
    }
    let url = file.url.as_deref().unwrap_or_default();
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    let end = path.rsplit_once('/').map_or("", |(_, end)| end);
    let end = percent_decode_str(end).decode_utf8_lossy();
    if end.is_empty() {
        kind(file.kind).to_owned()
    } else {
        clean(&File { name: Some(end.into_owned()), ..File::of(file.kind) }, None)
    }
}

/// A part in words; nothing only where the text says it already.
fn line(part: &Part, says_something: bool) -> Option<String> {
    Some(match part {
        Part::File(file) => file_in_words(file),
        Part::Location { latitude, longitude } => format!("Место на карте: {latitude}, {longitude}"),
        Part::Contact { name, phone } => {
            let known = [name, phone].into_iter().flatten().map(String::as_str);
            let known: Vec<&str> = known.filter(|word| !word.is_empty()).collect();
            if known.is_empty() {
                "(контакт без имени и номера)".to_owned()
            } else {
                format!("Контакт: {}", known.join(", "))
            }
        }
        Part::Buttons { rows } => {
            let buttons = rows.iter().flatten().enumerate().map(|(place, button)| match &button.url {
                Some(url) => format!("{}. {}: {url}", place + 1, button.text),
                None => format!("{}. {}", place + 1, button.text),
            });
            buttons.collect::<Vec<_>>().join("\n")
        }
        // The text is the template filled in.
        Part::Template { .. } if says_something => return None,
        Part::Template { id, values } if values.is_empty() => format!("Шаблон {id}"),
        Part::Template { id, values } => format!("Шаблон {id}: {}", values.join(", ")),
        Part::Forward { text, files } => {
            let mut lines = vec!["Пересланное сообщение:".to_owned()];
            lines.extend(text.clone());
            lines.extend(files.iter().map(file_in_words));
            lines.join("\n")
        }
        Part::Unsupported { kind } if kind.is_empty() => "(это вложение показать нельзя)".to_owned(),
        Part::Unsupported { kind } => format!("(вложение «{kind}» показать нельзя)"),
    })
}

fn file_in_words(file: &File) -> String {
    let name = file_name(file);
    let words = match file.url.as_deref().filter(|url| !url.is_empty()) {
        Some(url) => format!("{name}: {url}"),
        None => format!("(файл «{name}» без ссылки)"),
    };
    match &file.way {
        Some(Way::Words { why: Some(why) }) => format!("{words}\n(файл не передан: {why})"),
        Some(Way::Words { why: None } | Way::Stored(_) | Way::Taken(_)) | None => words,
    }
}

/// By amo's id if it is known, else by ours, else in words: a full copy would need a time that we do not have
/// (contract, 6.5).
fn quote(quote: Option<&Quote>) -> (Option<OurReplyTo<'_>>, Option<String>) {
    let Some(quote) = quote else { return (None, None) };
    let quoted = match (&quote.theirs, &quote.ours) {
        (Some(theirs), _) => Quoted { id: Some(theirs.as_str()), msgid: None },
        (None, Some(ours)) => Quoted { id: None, msgid: Some(ours.as_str()) },
        (None, None) => {
            let text = quote.text.as_deref().filter(|text| !text.is_empty());
            return (None, text.map(|text| format!("> {}", text.replace('\n', "\n> "))));
        }
    };
    (Some(OurReplyTo { message: quoted }), None)
}

#[cfg(test)]
mod tests {
    use chatledger_projections::content::Button;

    use super::*;

    fn shown(text: Option<&str>, parts: Vec<Part>) -> Message {
        of(&Content { text: text.map(str::to_owned), parts, quote: None }).0
    }

    fn picture(url: &str) -> Part {
        Part::File(File { url: Some(url.to_owned()), ..File::of(FileKind::Picture) })
    }

    #[test]
    fn the_first_file_is_attached_and_the_others_are_linked() {
        let message =
            shown(Some("два фото"), vec![picture("https://e.com/1.jpg"), picture("https://e.com/%D1%84.jpg?x=1")]);
        assert_eq!((message.kind, message.media.as_deref()), ("picture", Some("https://e.com/1.jpg")));
        assert_eq!(message.text, "два фото\nф.jpg: https://e.com/%D1%84.jpg?x=1");
        assert_eq!((message.file_name.as_deref(), message.file_size), (Some("1.jpg"), Some(0)));
    }

    #[test]
    fn nothing_is_dropped_silently() {
        let rows = vec![vec![
            Button { text: "Да".to_owned(), url: None },
            Button { text: "Сайт".to_owned(), url: Some("https://e.com".to_owned()) },
        ]];
        let nameless = File { name: Some("договор.pdf".to_owned()), ..File::of(FileKind::Document) };
        let forward = Part::Forward { text: Some("привет".to_owned()), files: vec![nameless.clone()] };
        let parts = vec![
            Part::Buttons { rows },
            Part::File(nameless),
            forward,
            Part::Unsupported { kind: "poll".to_owned() },
            Part::Template { id: "t".to_owned(), values: vec!["1".to_owned()] },
            Part::Location { latitude: f64::NAN, longitude: 0.0 },
        ];
        let message = shown(None, parts);
        assert_eq!(message.kind, "text");
        assert_eq!(
            message.text,
            "1. Да\n2. Сайт: https://e.com\n(файл «договор.pdf» без ссылки)\nПересланное сообщение:\nпривет\n\
             (файл «договор.pdf» без ссылки)\n(вложение «poll» показать нельзя)\nШаблон t: 1\nМесто на карте: NaN, 0"
        );
    }

    #[test]
    fn a_message_that_says_nothing_says_so() {
        assert_eq!(shown(None, vec![]).text, NOTHING);
        assert_eq!(shown(Some("  "), vec![]).text, NOTHING);
        assert_eq!(shown(None, vec![Part::Buttons { rows: vec![] }]).text, NOTHING);
    }

    #[test]
    fn a_quote_without_an_id_is_shown_in_words() {
        let quote = Quote { text: Some("раз\nдва".to_owned()), ..Quote::default() };
        let content = Content { text: Some("три".to_owned()), parts: vec![], quote: Some(quote) };
        let (message, reply_to) = of(&content);
        assert!(reply_to.is_none());
        assert_eq!(message.text, "> раз\n> два\nтри");
    }
}
