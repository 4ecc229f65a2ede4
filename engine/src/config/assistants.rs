//! The assistant of a route: which connection it is, when it speaks again, and how managers are told what it says.
//!
//! Takes the route's `assistant` and its section `assistance`. A section without an assistant is a problem, for whoever
//! writes rules believes that they hold.

use std::time::Duration;

use chatledger_projections::configuration::{Assistant, Notes};

use super::connections::Connections;
use super::document::{Entry, Value};
use super::problem::{Problem, Wrong};
use super::routes::connection;
use super::section::{Section, path};
use super::value::duration;

/// The longest wording of a note: managers see it in the midst of a dialogue.
const LONGEST_NOTE: usize = 200;

/// What managers are told if nothing is said of it; `config.default.toml` shows the same, and a test compares them.
pub(super) fn default_notes() -> Notes {
    let text = str::to_owned;
    Notes {
        handed_over: text("Ассистент передаёт диалог оператору"),
        closed: text("Ассистент закрыл диалог"),
        succeeded: text("Диалог успешен"),
        interested: text("Клиент проявил интерес"),
        contact_given: text("Клиент оставил контакты"),
        client_is_machine: text("Похоже, что вместо клиента пишет робот"),
        undelivered: text("Ответ ассистента не доставлен клиенту"),
        desk: text("Ответить в кабинете ассистента"),
        view: text("Только посмотреть"),
    }
}

/// Reads what a route says of its assistant. `None` if it has none.
pub(super) fn read(route: &mut Section<'_>, route_path: &str, connections: &Connections) -> Option<Assistant> {
    let is_named = route.has("assistant");
    let named = route.optional("assistant", |value| {
        let (name, account) = connection(value, connections)?;
        if account.is_some_and(|account| !account.connection.is_assistant()) {
            return Err(Wrong::new("its platform is no assistant", "name a connection that answers clients by itself"));
        }
        Ok((name, account.is_some_and(|account| account.connection.takes_only_numbers())))
    });
    let rules = route.take("assistance");
    if let Some(rules) = rules.as_ref().filter(|_| !is_named) {
        route.problems().push(Problem {
            line: Some(rules.line),
            key: path(route_path, "assistance"),
            value: None,
            reason: "the route has no assistant".to_owned(),
            remedy: "write assistant = \"NAME\" in the route, or take this section away".to_owned(),
        });
    }
    let (resume_after_ms, notes) = assistance(path(route_path, "assistance"), rules, route.problems());
    let (connection, numbered) = named?;
    Some(Assistant { connection, numbered, resume_after_ms, notes })
}

fn assistance(path: String, entry: Option<Entry>, problems: &mut Vec<Problem>) -> (Option<u64>, Notes) {
    let mut section = Section::of(path.clone(), entry, problems);
    let month = Duration::from_secs(30 * 24 * 60 * 60);
    let resume_after = section.optional("resume_after", duration(Duration::from_secs(1)..=month));
    let notes = section.take("notes");
    section.finish();
    let notes = read_notes(super::section::path(&path, "notes"), notes, problems);
    (resume_after.and_then(|after| u64::try_from(after.as_millis()).ok()), notes)
}

fn read_notes(path: String, entry: Option<Entry>, problems: &mut Vec<Problem>) -> Notes {
    let default = default_notes();
    let mut section = Section::of(path, entry, problems);
    let mut one = |key, default| section.optional(key, note).unwrap_or(default);
    let notes = Notes {
        handed_over: one("handed_over", default.handed_over),
        closed: one("closed", default.closed),
        succeeded: one("succeeded", default.succeeded),
        interested: one("interested", default.interested),
        contact_given: one("contact_given", default.contact_given),
        client_is_machine: one("client_is_machine", default.client_is_machine),
        undelivered: one("undelivered", default.undelivered),
        desk: one("desk", default.desk),
        view: one("view", default.view),
    };
    section.finish();
    notes
}

/// A wording; an empty one means that the note is not wanted.
fn note(value: &Value) -> Result<String, Wrong> {
    let remedy = format!("write at most {LONGEST_NOTE} signs in quotes, or \"\" for no such note");
    match value {
        Value::Text(text) if text.chars().count() <= LONGEST_NOTE => Ok(text.clone()),
        Value::Text(_) => Err(Wrong::new("it is too long", remedy)),
        other => Err(Wrong::new(format!("it is {}, not a text", other.kind()), remedy)),
    }
}
