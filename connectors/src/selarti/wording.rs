//! A client's message as one text that an assistant can understand.
//!
//! Selarti takes text alone (5): a file becomes its address, or a note that there was one. The notes are Russian, the
//! language of Selarti's panel, because a person or a model reads them, and never the client.

use std::fmt::Write as _;

use chatledger_projections::content::{Content, File, FileKind, Part, Quote};

/// How much of a quoted message is repeated: enough to know it again.
const LONGEST_QUOTE: usize = 200;

/// What stands where the rest was cut off.
const CUT: &str = " …";

/// The text, and under it a line for everything else, at most so many signs; `None` if there is nothing to say.
pub(super) fn worded(content: &Content, longest: usize) -> Option<String> {
    let mut text = String::new();
    if let Some(own) = content.text.as_deref().filter(|own| !own.trim().is_empty()) {
        add_line(&mut text, own);
    }
    for part in &content.parts {
        add_part(&mut text, part);
    }
    // A quote alone says nothing.
    if text.trim().is_empty() {
        return None;
    }
    let quoted = content.quote.as_ref().map(quoted).unwrap_or_default();
    Some(cut(&format!("{quoted}{text}"), longest))
}

fn add_part(text: &mut String, part: &Part) {
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
        Part::Template { .. } => {}
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

/// At most so many signs, cut where a line or a word ends if one does in the last half.
///
/// The contract would have a long text split (5); one intent is one call, so it is the assistant alone that does not hear
/// the end, and sees by the mark that there was one.
fn cut(text: &str, longest: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(longest) else { return text.to_owned() };
    let room = longest.saturating_sub(CUT.chars().count());
    let Some((most, _)) = text.char_indices().nth(room).filter(|_| room > 0) else { return text[..end].to_owned() };
    let head = &text[..most];
    let whole = [head.rfind('\n'), head.rfind(char::is_whitespace)].into_iter().flatten().find(|at| *at >= most / 2);
    format!("{}{CUT}", &head[..whole.unwrap_or(most)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: usize = 4000;

    #[test]
    fn plain_text_stays_as_it_is() {
        let text = "  **Привет**\n👍🏽 ";
        assert_eq!(worded(&Content::text(text), LONGEST).as_deref(), Some(text));
    }

    #[test]
    fn a_file_is_named_under_its_caption() {
        let file = File { name: Some("имя.pdf".to_owned()), ..File::of(FileKind::Document) };
        let sent = |url: Option<&str>| Content {
            text: Some("Вот".to_owned()),
            parts: vec![Part::File(File { url: url.map(str::to_owned), ..file.clone() })],
            quote: Some(Quote { text: Some("Договор?".to_owned()), ..Quote::default() }),
        };
        assert_eq!(worded(&sent(None), LONGEST).as_deref(), Some("> Договор?\nВот\n[файл: имя.pdf]"));
        let with_link = worded(&sent(Some("https://files.example/1")), LONGEST);
        assert_eq!(with_link.as_deref(), Some("> Договор?\nВот\n[файл: имя.pdf https://files.example/1]"));
        let voice = Content { parts: vec![Part::File(File::of(FileKind::Voice))], ..Content::default() };
        assert_eq!(worded(&voice, LONGEST).as_deref(), Some("[голосовое сообщение]"));
    }

    #[test]
    fn nothing_is_not_said() {
        let quote = Some(Quote { text: Some("А?".to_owned()), ..Quote::default() });
        for nothing in [Content::default(), Content::text(" \n"), Content { quote, ..Content::default() }] {
            assert_eq!(worded(&nothing, LONGEST), None, "{nothing:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_where_a_word_ends_and_says_so() {
        assert_eq!(worded(&Content::text("один два три"), 12).as_deref(), Some("один два три"));
        assert_eq!(worded(&Content::text("один два три"), 11).as_deref(), Some("один два …"));
        for longest in 1..40 {
            let cut = worded(&Content::text("слово\nи ещё слово".repeat(5)), longest).expect("there are words");
            assert!(cut.chars().count() <= longest, "{longest}: {cut}");
        }
    }
}
