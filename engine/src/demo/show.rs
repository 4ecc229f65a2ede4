//! How the demonstration looks: two columns as on two screens, the CRM's on the left and the messenger's on the right.
//!
//! Everything is returned as text; nothing is written here, and nothing is known of what happens.

use std::path::Path;
use std::time::Duration;

use chatledger_connectors::simulator::{Line, LineAuthor};
use serde_json::Value;

use super::proof::Claim;

/// How wide each column is, in signs.
const COLUMN: usize = 38;

/// What stands before everything.
const MARGIN: &str = "  ";

/// How wide a column of a comparison is.
const COMPARED: usize = 26;

/// How the demonstration looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Show {
    /// Whether colours are wanted.
    pub colour: bool,
}

/// Which screen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Screen {
    /// The CRM's.
    Crm,
    /// The messenger's.
    Messenger,
}

/// What a text is, so that it can be told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Style {
    Plain,
    Title,
    Faint,
    Client,
    Company,
    Bot,
    Good,
    Bad,
}

impl Show {
    /// Before the play: what there is, and where its files are while or after it runs.
    pub fn prologue(self, folder: &Path, stays: bool) -> String {
        let title = self.paint(Style::Title, "Chatledger: a demonstration");
        let about = "Five simulated CRM accounts, as many simulated messengers and an assistant run on this machine, and between them \
                     the real engine, which knows nothing of them but what goes over HTTP.";
        let about: String = wrapped(about, 2 * COLUMN).iter().map(|line| format!("{MARGIN}{line}\n")).collect();
        let afterwards = if stays { "" } else { " (until the end; --keep DIR keeps them)" };
        format!("{title}\n\n{about}{MARGIN}Its files: {}{afterwards}\n\n", folder.display())
    }

    /// A scene begins: its number, what it shows, and who stands at either side.
    pub fn scene(self, number: usize, title: &str, shows: &str, crm: &str, messenger: &str) -> String {
        let title = self.paint(Style::Title, &format!("{number}. {title}"));
        let (crm, messenger) = (fitted(crm, COLUMN), fitted(messenger, COLUMN));
        let heads = self.paint(Style::Faint, format!("{crm}  {messenger}").trim_end());
        let rule = self.paint(Style::Faint, &format!("{0}  {0}", "─".repeat(COLUMN)));
        let told: String = wrapped(shows, 2 * COLUMN).iter().map(|line| format!("{MARGIN}{line}\n")).collect();
        format!("\n{title}\n{told}\n{MARGIN}{heads}\n{MARGIN}{rule}\n")
    }

    /// A message appears on a screen.
    pub fn line(self, screen: Screen, line: &Line) -> String {
        let (style, nameless) = match line.author {
            LineAuthor::Client => (Style::Client, "client"),
            LineAuthor::Company => (Style::Company, "manager"),
            LineAuthor::Bot => (Style::Bot, "bot"),
        };
        let name = if line.name.is_empty() { nameless } else { &line.name };
        let ticks = line.status.as_deref().map(|status| format!(" {}", ticks(status))).unwrap_or_default();
        self.cell(screen, style, &format!("{name}: {}{ticks}", line.text))
    }

    /// A message that was shown before stands elsewhere now.
    pub fn status(self, screen: Screen, text: &str, status: &str) -> String {
        let style = if status.starts_with("error") { Style::Bad } else { Style::Faint };
        self.cell(screen, style, &format!("{} {}", ticks(status), quoted(text)))
    }

    /// Something that happens beside the screens.
    pub fn direction(self, text: &str) -> String {
        let lines = wrapped(text, 2 * COLUMN - 2);
        lines
            .iter()
            .enumerate()
            .map(|(place, line)| {
                let mark = if place == 0 { '»' } else { ' ' };
                format!("{MARGIN}{}\n", self.paint(Style::Faint, &format!("{mark} {line}")))
            })
            .collect()
    }

    /// Two documents beside each other, key by key.
    pub fn comparison(self, one: (&str, &Value), other: (&str, &Value)) -> String {
        let (ones, others) = (leaves(one.1), leaves(other.1));
        let mut keys: Vec<&String> = ones.iter().map(|(key, _)| key).collect();
        keys.extend(others.iter().map(|(key, _)| key).filter(|key| !ones.iter().any(|(known, _)| known == *key)));
        let width = keys.iter().map(|key| key.chars().count()).max().unwrap_or_default();
        let head = format!("{}  {}  {}", fitted("", width), fitted(one.0, COMPARED), other.0);
        let mut text = format!("\n{MARGIN}{}\n", self.paint(Style::Title, &head));
        for key in keys {
            let value = |leaves: &[(String, String)]| {
                leaves.iter().find(|(known, _)| known == key).map_or_else(String::new, |(_, value)| value.clone())
            };
            let (left, right) = (value(&ones), value(&others));
            let style = if left == right { Style::Faint } else { Style::Plain };
            let row = format!("{}  {}  {}", fitted(key, width), fitted(&left, COMPARED), cut(&right, COMPARED));
            text.push_str(&format!("{MARGIN}{}\n", self.paint(style, row.trim_end())));
        }
        text.push('\n');
        text
    }

    /// What was proven.
    pub fn proofs(self, claims: &[Claim]) -> String {
        let mut text = format!("\n{}\n\n", self.paint(Style::Title, "The proof"));
        for claim in claims {
            let (style, mark) = if claim.failures.is_empty() { (Style::Good, '✓') } else { (Style::Bad, '✗') };
            text.push_str(&format!("{MARGIN}{} {}\n", self.paint(style, &mark.to_string()), claim.title));
            for line in wrapped(&claim.detail, 2 * COLUMN - 2) {
                text.push_str(&format!("{MARGIN}  {}\n", self.paint(Style::Faint, &line)));
            }
        }
        text
    }

    /// After the proof. Its last line says how it ended; before it, where the log is, if it stays.
    pub fn epilogue(self, failures: &[String], took: Duration, log: Option<&Path>) -> String {
        let took = format!("{:.1} s", took.as_secs_f64());
        if failures.is_empty() {
            let look =
                log.map(|log| format!("\n{MARGIN}Look for yourself: chatledger replay --log {}\n", log.display()));
            let proven = self.paint(Style::Good, &format!("All is proven, in {took}."));
            return format!("{}\n{proven}\n", look.unwrap_or_default());
        }
        let mut text = format!("\n{}\n\n", self.paint(Style::Bad, "This is not as it should be:"));
        for failure in failures {
            text.push_str(&format!("{MARGIN}{} {failure}\n", self.paint(Style::Bad, "✗")));
        }
        text.push_str(&format!("\n{}\n", self.paint(Style::Bad, &format!("Not proven, after {took}."))));
        text
    }

    fn cell(self, screen: Screen, style: Style, text: &str) -> String {
        let indent = match screen {
            Screen::Crm => String::new(),
            Screen::Messenger => " ".repeat(COLUMN + 2),
        };
        let continued = |place: usize| if place == 0 { "" } else { "  " };
        wrapped(text, COLUMN - 2)
            .iter()
            .enumerate()
            .map(|(place, line)| format!("{MARGIN}{indent}{}{}\n", continued(place), self.paint(style, line)))
            .collect()
    }

    fn paint(self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Plain => "0",
            Style::Title => "1",
            Style::Faint => "2",
            Style::Client => "32",
            Style::Company => "36",
            Style::Bot => "33",
            Style::Good => "1;32",
            Style::Bad => "1;31",
        };
        if self.colour && style != Style::Plain { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A delivery state as messengers draw it; what is no state stays as it is.
fn ticks(status: &str) -> String {
    match status {
        "sent" => "✓".to_owned(),
        "delivered" => "✓✓".to_owned(),
        "read" => "✓✓ read".to_owned(),
        other => format!("✗ {other}"),
    }
}

/// The beginning of a text in quotation marks, enough to know it again.
fn quoted(text: &str) -> String {
    format!("«{}»", cut(text, 22))
}

/// At most so many signs.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Exactly so many signs.
fn fitted(text: &str, width: usize) -> String {
    let text = cut(text, width);
    format!("{text}{}", " ".repeat(width.saturating_sub(text.chars().count())))
}

/// Lines of at most so many signs, broken between words where that is possible.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let fits = lines.last().is_some_and(|line| line.chars().count() + 1 + word.chars().count() <= width);
        match lines.last_mut().filter(|_| fits) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(cut(word, width)),
        }
    }
    lines
}

/// Every value of a document with the path to it, in the document's order.
fn leaves(document: &Value) -> Vec<(String, String)> {
    fn collect(path: &str, value: &Value, leaves: &mut Vec<(String, String)>) {
        let under = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match value {
            Value::Object(object) => object.iter().for_each(|(key, value)| collect(&under(key), value, leaves)),
            Value::Array(array) => {
                array.iter().enumerate().for_each(|(place, value)| collect(&under(&place.to_string()), value, leaves));
            }
            Value::String(text) => leaves.push((path.to_owned(), text.clone())),
            Value::Null | Value::Bool(_) | Value::Number(_) => leaves.push((path.to_owned(), value.to_string())),
        }
    }
    let mut found = Vec::new();
    collect("", document, &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(author: LineAuthor, text: &str, status: Option<&str>) -> Line {
        Line {
            chat: "79161234567".to_owned(),
            chat_id: "1".to_owned(),
            author,
            name: "Анна".to_owned(),
            text: text.to_owned(),
            id: "2".to_owned(),
            status: status.map(str::to_owned),
            reactions: Vec::new(),
        }
    }

    #[test]
    fn each_screen_has_its_column_and_long_texts_stay_in_it() {
        let show = Show { colour: false };
        let text = "слово ".repeat(20);
        for (screen, indent) in [(Screen::Crm, 2), (Screen::Messenger, COLUMN + 4)] {
            let shown = show.line(screen, &line(LineAuthor::Client, &text, Some("read")));
            for line in shown.lines() {
                assert!(line.starts_with(&" ".repeat(indent)), "{line:?}");
                assert!(line.chars().count() <= indent + COLUMN, "{line:?}");
            }
            assert!(shown.trim_end().ends_with("✓✓ read"), "{shown}");
        }
    }

    #[test]
    fn colours_are_used_only_where_they_are_wanted() {
        let failures = ["something".to_owned()];
        for colour in [false, true] {
            let show = Show { colour };
            let all = [
                show.scene(1, "title", "what it shows", "crm", "messenger"),
                show.line(Screen::Crm, &line(LineAuthor::Bot, "text", None)),
                show.epilogue(&failures, Duration::ZERO, None),
            ];
            for text in all {
                assert_eq!(text.contains('\x1b'), colour, "{text:?}");
            }
        }
    }

    #[test]
    fn a_comparison_has_a_row_for_each_key_of_either_side() {
        let (one, other) = (serde_json::json!({"a": {"b": 1}, "c": "x"}), serde_json::json!({"c": "y", "d": null}));
        let shown = Show { colour: false }.comparison(("one", &one), ("other", &other));
        for key in ["a.b", "c", "d"] {
            assert!(shown.lines().any(|line| line.trim_start().starts_with(key)), "{key}: {shown}");
        }
    }
}
