//! The page of moments: the slider, the hour before, what was so then; and a moment's words for the slider on every page.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use super::Named;
use super::log::{self, Line};
use super::overview::traffic;
use crate::console::Console;
use crate::console::frame::{Frame, Place, Said, answered, page};
use crate::console::plot::Plot;
use crate::console::query::address;
use crate::console::visit::{Shown, Visit};
use crate::console::words::Words;
use crate::reading::{AsOf, EventFilter, Order, Wanted};

/// How many events before the moment are shown.
const EVENTS: usize = 20;

#[derive(Template)]
#[template(path = "console/time.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    activity: Plot,
    typed: String,
    moment_words: String,
    facts: Vec<Named>,
    events: Vec<Line>,
}

/// The page. A moment that was typed as a date leads to the event that was the last by then.
pub async fn show(State(console): State<Console>, visit: Visit) -> Response {
    let typed = visit.query.get("at").filter(|_| visit.at.is_none()).map(str::to_owned);
    let Some(typed) = typed else { return answered(&visit, made(&console, &visit, None).await) };
    let Some(moment) = visit.calendar.typed(&typed) else {
        return answered(&visit, made(&console, &visit, Some(typed)).await);
    };
    match console.reader.standpoint_of(AsOf::Time(moment)).await {
        Ok(found) => {
            let position = found.position.map_or_else(|| "0".to_owned(), |position| position.to_string());
            Redirect::to(&address("/console/time", [("at", position.as_str())])).into_response()
        }
        Err(error) => answered(&visit, Err(error.into())),
    }
}

async fn made(console: &Console, visit: &Visit, misread: Option<String>) -> Shown {
    let w = visit.look.words;
    let mut frame = Frame::make(console, visit, Place::Time, w.time).await?;
    if misread.is_some() {
        frame.said = Some(Said { tone: "warn", words: w.no_moment.to_owned() });
    }
    let overview = console.reader.overview(visit.as_of()).await?;
    let filter = EventFilter { order: Order::NewestFirst, ..EventFilter::default() };
    let wanted = Wanted { cursor: None, limit: Some(EVENTS) };
    let events = console.reader.events(filter, wanted, visit.as_of()).await?;
    let events = log::lines(console, visit, &events.items, false).await;
    let link = |path: &str, pairs: &[(&str, &str)]| Some(visit.link(path, pairs));
    let counts = &overview.threads;
    let only = |state: &'static str| link("/console/dialogues", &[("only", state)]);
    let facts = vec![
        (w.dialogues, w.number(counts.all), link("/console/dialogues", &[])),
        (w.state_unanswered, w.number(counts.unanswered), only("unanswered")),
        (w.state_under_way, w.number(counts.under_way), only("under_way")),
        (w.state_failed, w.number(counts.failed), only("failed")),
        (w.held, w.number(overview.stuck.held), link("/console/held", &[])),
        (w.connections, w.number(overview.connections.len() as u64), link("/console/connections", &[])),
        (w.overview, w.page_then.to_owned(), link("/console/overview", &[])),
    ];
    let moment_words = frame.moment.as_ref().map(|moment| moment.label.clone()).unwrap_or_default();
    let activity = traffic(&overview.minutes, visit);
    page(&Page { frame, w, activity, typed: misread.unwrap_or_default(), moment_words, facts, events })
}

/// The words of a moment, while the slider moves.
pub async fn label(State(console): State<Console>, visit: Visit) -> Response {
    match console.reader.standpoint_of(visit.as_of()).await {
        Ok(found) => visit.moment_words(&found).into_response(),
        Err(error) => answered(&visit, Err(error.into())),
    }
}
