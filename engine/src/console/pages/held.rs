//! What waits for a person: every held intent with its reason, and the form in which one or many are decided.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::{Names, dialogue_page};
use crate::console::Console;
use crate::console::calendar::When;
use crate::console::frame::{Frame, Place, Said, answered, page};
use crate::console::trouble::Trouble;
use crate::console::visit::{Shown, Visit};
use crate::console::words::Words;
use crate::reading::answer::HeldRow;
use crate::reading::{Cursor, HeldFilter, Wanted};

/// How many a page shows.
const SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "console/held.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    items: Vec<Item>,
    next: Option<String>,
    can_act: bool,
}

struct Item {
    intent: String,
    kind: String,
    connection: String,
    dialogue: String,
    name: String,
    text: Option<String>,
    reason: String,
    in_doubt: bool,
    since: When,
    attempts: String,
    why: String,
}

/// The page.
pub async fn show(State(console): State<Console>, visit: Visit) -> Response {
    answered(&visit, made(&console, &visit).await)
}

async fn made(console: &Console, visit: &Visit) -> Shown {
    let w = visit.look.words;
    let cursor = match visit.query.get("cursor") {
        Some(cursor) => Some(cursor.parse::<Cursor>().map_err(|_| Trouble::Misread)?),
        None => None,
    };
    let wanted = Wanted { cursor, limit: Some(SHOWN) };
    let held = console.reader.held(HeldFilter::default(), wanted, visit.as_of()).await?;
    let names = Names::of(console, visit, held.items.iter().map(|row| row.thread)).await;
    let items = held.items.into_iter().map(|row| item(row, &names, visit)).collect();
    let next = held.next.map(|cursor| visit.link("/console/held", &[("cursor", &cursor.to_string())]));
    let mut frame = Frame::make(console, visit, Place::Held, w.held).await?;
    frame.said = result(visit).or(frame.said);
    page(&Page { frame, w, items, next, can_act: visit.may_act() })
}

fn item(row: HeldRow, names: &Names, visit: &Visit) -> Item {
    let w = visit.look.words;
    let why = match &row.message {
        Some(message) => visit
            .link("/console/message", &[("connection", message.connection.as_str()), ("id", message.message.as_str())]),
        None => super::event_page(visit, row.position),
    };
    Item {
        intent: row.id.to_string(),
        kind: w.intent(&row.what).to_owned(),
        connection: row.connection.to_string(),
        dialogue: dialogue_page(visit, row.thread),
        name: names.name(row.thread),
        text: row.text,
        reason: row.failure.reason,
        in_doubt: row.in_doubt,
        since: visit.calendar.ago(row.held_at.0),
        attempts: w.attempts(row.attempts.into()),
        why,
    }
}

/// What became of the decision that led here; numbers only, so that a made-up address says nothing of its own.
fn result(visit: &Visit) -> Option<Said> {
    let w = visit.look.words;
    let counted =
        |name: &str| visit.query.get(name).and_then(|count| count.parse::<u32>().ok()).filter(|count| *count > 0);
    let said = |tone, words: &str| Some(Said { tone, words: words.to_owned() });
    match visit.query.get("said") {
        Some("none") => return said("warn", w.none_chosen),
        Some("why") => return said("warn", w.no_reason),
        Some("to") => return said("warn", w.no_receiver),
        Some(_) | None => {}
    }
    let done = counted("done");
    let left = [("gone", w.left_gone), ("doubt", w.left_doubt), ("elsewhere", w.left_elsewhere), ("log", w.left_log)];
    let left: Vec<String> =
        left.into_iter().filter_map(|(name, why)| Some(format!("{} — {why}", counted(name)?))).collect();
    let words: Vec<String> = done
        .map(|done| format!("{}: {done}", w.decided))
        .into_iter()
        .chain((!left.is_empty()).then(|| format!("{}: {}", w.not_decided, left.join("; "))))
        .collect();
    let tone = if left.is_empty() { "good" } else { "warn" };
    (!words.is_empty()).then(|| Said { tone, words: words.join(". ") })
}
