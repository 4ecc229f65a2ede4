//! One event whole: what it is, what was read from it, and its substance as it is recorded.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use super::{Named, Names, dialogue_page, event_page};
use crate::console::Console;
use crate::console::frame::{Frame, Place, answered, page};
use crate::console::pages::told::document;
use crate::console::trouble::Trouble;
use crate::console::visit::{Shown, Visit};
use crate::console::words::Words;
use crate::reading::answer::EventDetail;
use crate::reading::{AsOf, EventAsked, EventFilter, Order, Wanted};

#[derive(Template)]
#[template(path = "console/event.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    position: String,
    earlier: Option<String>,
    later: Option<String>,
    facts: Vec<Named>,
    parts: Vec<(&'static str, String)>,
}

/// The page.
pub async fn show(State(console): State<Console>, visit: Visit) -> Response {
    answered(&visit, made(&console, &visit).await)
}

async fn made(console: &Console, visit: &Visit) -> Shown {
    let w = visit.look.words;
    let position = visit.query.get("position").and_then(|text| text.parse().ok()).ok_or(Trouble::Misread)?;
    let found = console.reader.event(EventAsked::Position(position)).await?;
    let detail = found.item;
    let title = format!("{} № {position}", w.event);
    let frame = Frame::make(console, visit, Place::Log, title).await?;
    let mut facts: Vec<Named> = vec![
        (w.event, w.event_type(&detail.event.event_type).to_owned(), None),
        (w.recorded_at, visit.calendar.second(detail.event.recorded_at.0).whole, None),
    ];
    if let Some(connection) = &detail.event.connection {
        let log = visit.link("/console/log", &[("connection", connection.as_str())]);
        facts.push((w.connection, connection.to_string(), Some(log)));
    }
    let names = Names::of(console, visit, detail.event.threads.iter().copied()).await;
    for thread in &detail.event.threads {
        facts.push((w.dialogue, names.name(*thread), Some(dialogue_page(visit, *thread))));
    }
    facts.push((w.stream, format!("{} · {}", detail.event.stream, detail.event.revision), None));
    facts.push((w.event_id, detail.event.id.to_string(), None));
    let then = crate::console::query::address("/console/overview", [("at", position.to_string().as_str())]);
    facts.push((w.as_it_was, w.page_then.to_owned(), Some(then)));
    let earlier = beside(console, visit, EventFilter { to: before(&detail), ..newest_first() }).await?;
    let later =
        beside(console, visit, EventFilter { from: after(&detail), order: Order::OldestFirst, ..newest_first() });
    let later = later.await?;
    let position = position.to_string();
    page(&Page { frame, w, position, earlier, later, facts, parts: parts(&detail, w) })
}

fn newest_first() -> EventFilter {
    EventFilter { order: Order::NewestFirst, ..EventFilter::default() }
}

fn before(detail: &EventDetail) -> Option<chatledger_projections::recorded::Position> {
    let position = detail.event.position;
    let prepare = position.prepare().checked_sub(1)?;
    let is_one = position.commit() == position.prepare();
    Some(chatledger_projections::recorded::Position::pair(if is_one { prepare } else { position.commit() }, prepare))
}

fn after(detail: &EventDetail) -> Option<chatledger_projections::recorded::Position> {
    let position = detail.event.position;
    Some(chatledger_projections::recorded::Position::pair(position.commit(), position.prepare().saturating_add(1)))
}

/// The page of the first event that fits.
async fn beside(console: &Console, visit: &Visit, filter: EventFilter) -> Result<Option<String>, Trouble> {
    let wanted = Wanted { cursor: None, limit: Some(1) };
    let found = console.reader.events(filter, wanted, AsOf::Now).await?;
    Ok(found.items.first().map(|event| event_page(visit, event.position)))
}

fn parts(detail: &EventDetail, w: &Words) -> Vec<(&'static str, String)> {
    let mut parts = Vec::new();
    if !detail.facts.is_empty() {
        parts.push((w.facts, document(&Value::Array(detail.facts.clone()))));
    }
    if !detail.remarks.is_empty() {
        parts.push((w.remarks, document(&Value::Array(detail.remarks.clone()))));
    }
    parts.push((w.substance, document(&detail.substance)));
    parts
}
