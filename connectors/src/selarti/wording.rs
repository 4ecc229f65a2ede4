//! A client's message as one text that an assistant can understand.
//!
//! Selarti takes text alone (5): a file becomes its address, or a note that there was one. The notes are Russian, the
//! language of Selarti's panel, because a person or a model reads them, and never the client.

use std::fmt::Write as _;

use chatledger_projections::content::{Content, File, FileKind, Part, Quote};

/// How much of a quoted message is repeated: enough to know it again.
const LONGEST_QUOTE: usize = 200;

/// The text, and under it a line for everything else; `None` if there is nothing to say. That it is not too long was seen
/// to before: what is becomes several messages; see [`super::limits::files`].
pub(super) fn worded(content: &Content) -> Option<String> {
    let mut text = String::new();
    let own = content.text.as_deref().filter(|own| !own.trim().is_empty());
    if let Some(own) = own {
        add_line(&mut text, own);
    }
    let has_own = own.is_some();
    for part in &content.parts {
        add_part(&mut text, part, has_own);
    }
    // A quote alone says nothing.
    if text.trim().is_empty() {
        return None;
    }
    let quoted = content.quote.as_ref().map(quoted).unwrap_or_default();
    Some(format!("{quoted}{text}"))
}

fn add_part(text: &mut String, part: &Part, has_own: bool) {
    match part {
        Part::File(file) => add_file(text, file),
        Part::Location { latitude, longitude } => add_line(text, &format!("[место: {latitude}, {longitude}]")),
        Part::Contact { name, phone } => add_line(text, &note("контакт", [name.as_deref(), phone.as_deref()])),
        Part::Buttons { rows } => {
            for button in rows.iter().flatten() {
                add_line(text, &note("кнопка", [Some(&*button.text), button.url.as_deref()]));
            }
        }
        // The text is the template already filled in.
        Part::Template { .. } if has_own => {}
        Part::Template { id, values } => {
            add_line(text, &note("шаблон", [Some(id.as_str()), Some(&*values.join(", "))]))
        }
        Part::Forward { text: forwarded, files } => {
            add_line(text, &note("пересланное сообщение", [forwarded.as_deref(), None]));
            for file in files {
                add_file(text, file);
            }
        }
        Part::Unsupported { kind } => add_line(text, &format!("[{kind}]")),
    }
}

fn add_file(text: &mut String, file: &File) {
    let kind = match file.kind {
        FileKind::Picture => "изображение",
        FileKind::Video => "видео",
        FileKind::Audio => "аудио",
        FileKind::Voice => "голосовое сообщение",
        FileKind::Sticker => "стикер",
        FileKind::Document => "файл",
    };
    add_line(text, &note(kind, [file.name.as_deref(), file.url.as_deref()]));
}

fn add_line(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

/// `[файл: имя.pdf https://…]`, as in 5; the words that are not known are left out.
fn note(kind: &str, words: [Option<&str>; 2]) -> String {
    let mut note = format!("[{kind}");
    for (number, word) in words.into_iter().flatten().filter(|word| !word.is_empty()).enumerate() {
        let before = if number == 0 { ":" } else { "" };
        write!(note, "{before} {word}").expect("a string takes everything");
    }
    note.push(']');
    note
}

/// A quoted message in words, as people do in letters: Selarti has no other way to name one.
fn quoted(quote: &Quote) -> String {
    let words: String = quote.text.as_deref().unwrap_or_default().chars().take(LONGEST_QUOTE).collect();
    words.lines().map(|line| format!("> {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_as_it_is() {
        let text = "  **Привет**\n👍🏽 ";
        assert_eq!(worded(&Content::text(text)).as_deref(), Some(text));
    }

    #[test]
    fn a_file_is_named_under_its_caption() {
        let file = File { name: Some("имя.pdf".to_owned()), ..File::of(FileKind::Document) };
        let sent = |url: Option<&str>| Content {
            text: Some("Вот".to_owned()),
            parts: vec![Part::File(File { url: url.map(str::to_owned), ..file.clone() })],
            quote: Some(Quote { text: Some("Договор?".to_owned()), ..Quote::default() }),
        };
        assert_eq!(worded(&sent(None)).as_deref(), Some("> Договор?\nВот\n[файл: имя.pdf]"));
        let with_link = worded(&sent(Some("https://files.example/1")));
        assert_eq!(with_link.as_deref(), Some("> Договор?\nВот\n[файл: имя.pdf https://files.example/1]"));
        let voice = Content { parts: vec![Part::File(File::of(FileKind::Voice))], ..Content::default() };
        assert_eq!(worded(&voice).as_deref(), Some("[голосовое сообщение]"));
    }

    #[test]
    fn a_template_is_said_by_its_text_or_else_named() {
        let template = Part::Template { id: "hello".to_owned(), values: vec!["Анна".to_owned(), "5".to_owned()] };
        let alone = Content { parts: vec![template], ..Content::default() };
        assert_eq!(worded(&alone).as_deref(), Some("[шаблон: hello Анна, 5]"));
        assert_eq!(worded(&Content { text: Some("Привет".to_owned()), ..alone }).as_deref(), Some("Привет"));
    }

    #[test]
    fn nothing_is_not_said() {
        let quote = Some(Quote { text: Some("А?".to_owned()), ..Quote::default() });
        for nothing in [Content::default(), Content::text(" \n"), Content { quote, ..Content::default() }] {
            assert_eq!(worded(&nothing), None, "{nothing:?}");
        }
    }
}
