//! A message as one text that a client can read: for what is no text, an address or a sign that stands for it.
//!
//! A file that goes along as a file needs no words; nothing else of a message is left out in silence. Signs instead of
//! words, because we do not know the client's language.

use std::fmt::Write as _;

use chatledger_projections::content::{Content, File, Part, Quote};
use chatledger_projections::files::Way;

/// Stands for a message in which there is nothing.
const NOTHING: &str = "…";

/// How much of a quoted message is repeated: enough to know it again.
const LONGEST_QUOTE: usize = 200;

/// The text, and under it a line for everything else; empty only if a file goes along and says it all. `is_named` says which quoted messages the platform is
/// told by name, so that their words need not be repeated.
pub(crate) fn readable(content: &Content, is_named: impl Fn(&Quote) -> bool) -> String {
    let mut text = String::new();
    if let Some(quote) = content.quote.as_ref().filter(|quote| !is_named(quote)) {
        add_quote(&mut text, quote);
    }
    if let Some(own) = content.text.as_deref().filter(|own| !own.is_empty()) {
        add_line(&mut text, own);
    }
    for part in &content.parts {
        match part {
            Part::File(file) => add_file(&mut text, file),
            Part::Location { latitude, longitude } => add_line(&mut text, &format!("📍 {latitude}, {longitude}")),
            Part::Contact { name, phone } => add_line(&mut text, &marked("👤", [name.as_deref(), phone.as_deref()])),
            Part::Buttons { rows } => {
                for button in rows.iter().flatten() {
                    add_line(&mut text, &marked("▸", [Some(button.text.as_str()), button.url.as_deref()]));
                }
            }
            // The text is the template already filled in.
            Part::Template { .. } => {}
            Part::Forward { text: forwarded, files } => {
                add_line(&mut text, &marked("↪", [forwarded.as_deref(), None]));
                for file in files {
                    add_file(&mut text, file);
                }
            }
            Part::Unsupported { kind } => add_line(&mut text, &format!("[{kind}]")),
        }
    }
    if text.trim().is_empty() && !goes_along(content) { NOTHING.to_owned() } else { text }
}

/// A quoted message that the messenger cannot be told by name is quoted in words, as people do in letters.
fn add_quote(text: &mut String, quote: &Quote) {
    let Some(words) = quote.text.as_deref() else { return };
    for line in words.chars().take(LONGEST_QUOTE).collect::<String>().lines() {
        add_line(text, &format!("> {line}"));
    }
}

/// Whether a file goes along as a file.
pub(crate) fn goes_along(content: &Content) -> bool {
    content.parts.iter().any(|part| matches!(part, Part::File(File { way: Some(Way::Stored(_) | Way::Taken(_)), .. })))
}

fn add_file(text: &mut String, file: &File) {
    match &file.way {
        Some(Way::Stored(_) | Way::Taken(_)) => {}
        Some(Way::Words { why: Some(why) }) => {
            add_line(text, &marked("📎", [file.name.as_deref(), file.url.as_deref()]));
            add_line(text, &format!("({why})"));
        }
        Some(Way::Words { why: None }) | None => {
            add_line(text, &marked("📎", [file.name.as_deref(), file.url.as_deref()]));
        }
    }
}

fn add_line(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

fn marked(mark: &str, words: [Option<&str>; 2]) -> String {
    let mut line = mark.to_owned();
    for word in words.into_iter().flatten().filter(|word| !word.is_empty()) {
        write!(line, " {word}").expect("a string takes everything");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatledger_projections::content::FileKind;

    fn nothing_is_named(_: &Quote) -> bool {
        false
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        assert_eq!(readable(&Content::text("  Привет\n👍🏽 "), nothing_is_named), "  Привет\n👍🏽 ");
    }

    #[test]
    fn everything_beside_the_text_stands_under_it() {
        let file = File {
            url: Some("https://files.example/1.pdf".to_owned()),
            name: Some("Счёт.pdf".to_owned()),
            ..File::of(FileKind::Document)
        };
        let content = Content {
            text: Some("Вот".to_owned()),
            parts: vec![
                Part::File(file),
                Part::Location { latitude: 55.75, longitude: 37.5 },
                Part::Contact { name: Some("Анна".to_owned()), phone: None },
                Part::Unsupported { kind: "poll".to_owned() },
            ],
            quote: None,
        };
        let expected = "Вот\n📎 Счёт.pdf https://files.example/1.pdf\n📍 55.75, 37.5\n👤 Анна\n[poll]";
        assert_eq!(readable(&content, nothing_is_named), expected);
    }

    #[test]
    fn nothing_is_shown_as_something() {
        assert_eq!(readable(&Content::default(), nothing_is_named), NOTHING);
        assert_eq!(
            readable(
                &Content { parts: vec![Part::File(File::of(FileKind::Picture))], ..Content::default() },
                nothing_is_named
            ),
            "📎"
        );
    }
}
