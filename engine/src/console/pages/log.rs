//! The log: browsed, filtered, followed.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;
use chatledger_projections::ids::{ConnectionName, EventId, ThreadId};
use chatledger_projections::recorded::Position;

use super::{Names, dialogue_page, event_page};
use crate::console::Console;
use crate::console::calendar::When;
use crate::console::follow::{self, Followed};
use crate::console::frame::{Frame, Place, answered, page};
use crate::console::query::address;
use crate::console::trouble::Trouble;
use crate::console::visit::{Shown, Visit};
use crate::console::words::Words;
use crate::reading::answer::EventRow;
use crate::reading::{AsOf, Cursor, EventAsked, EventFilter, Notice, Order, ReadingError, Wanted};

/// How many events a page shows.
const SHOWN: usize = 50;

/// The types that can be chosen, as the log has them.
const KINDS: [&str; 8] = [
    "WebhookReceived",
    "IntentRaised",
    "AttemptStarted",
    "AttemptSettled",
    "OperatorInstructed",
    "ConfigurationApplied",
    "PolicyAdvanced",
    "PollAdvanced",
];

#[derive(Template)]
#[template(path = "console/log.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    kinds: Vec<(&'static str, &'static str, bool)>,
    connections: Vec<(String, bool)>,
    asked: String,
    live: Option<String>,
    newer: Option<String>,
    older: Option<String>,
    events: Vec<Line>,
}

/// A line of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The event's page.
    pub href: String,
    /// Its place.
    pub position: String,
    /// When it was recorded.
    pub when: When,
    /// What it is.
    pub kind: String,
    /// The connection that it is about.
    pub connection: String,
    /// What it is about.
    pub words: String,
    /// The dialogue that it touched.
    pub dialogue: Option<String>,
    /// Whether it has just come.
    pub arrived: bool,
}

#[derive(Template)]
#[template(path = "console/events.html")]
struct Lines {
    w: &'static Words,
    events: Vec<Line>,
}

/// The page. What names an event leads to that.
pub async fn show(State(console): State<Console>, visit: Visit) -> Response {
    if let Some(event) = visit.query.get("q").and_then(event_named)
        && let Ok(found) = console.reader.event(event).await
    {
        let to = event_page(&visit, found.item.event.position);
        return axum::response::IntoResponse::into_response(axum::response::Redirect::to(&to));
    }
    answered(&visit, made(&console, &visit).await)
}

async fn made(console: &Console, visit: &Visit) -> Shown {
    let w = visit.look.words;
    let frame = Frame::make(console, visit, Place::Log, w.log).await?;
    let filter = filter(visit);
    let cursor = match visit.query.get("cursor") {
        Some(cursor) => Some(cursor.parse::<Cursor>().map_err(|_| Trouble::Misread)?),
        None => None,
    };
    let is_first = cursor.is_none();
    let wanted = Wanted { cursor, limit: Some(SHOWN) };
    let found = console.reader.events(filter.clone(), wanted, visit.as_of()).await?;
    let known = console.reader.connections(visit.as_of()).await?;
    let chosen = |name: &str| filter.connection.as_ref().is_some_and(|chosen| chosen.as_str() == name);
    let connections = known.items.iter().map(|item| (item.name.to_string(), chosen(item.name.as_str()))).collect();
    let kinds = KINDS.map(|kind| (kind, w.event_type(kind), filter.event_type.as_deref() == Some(kind)));
    let kept: Vec<(&str, &str)> =
        ["kind", "connection", "q"].into_iter().filter_map(|name| Some((name, visit.query.get(name)?))).collect();
    let older = found.next.map(|cursor| {
        let cursor = cursor.to_string();
        visit.link("/console/log", &kept.iter().copied().chain([("cursor", cursor.as_str())]).collect::<Vec<_>>())
    });
    let newer = (!is_first).then(|| visit.link("/console/log", &kept));
    let got_to = found.standpoint.position.map(|position| position.to_string()).unwrap_or_default();
    let live = (is_first && visit.at.is_none())
        .then(|| address("/console/log/live", kept.iter().copied().chain([("after", got_to.as_str())])));
    let events = lines(console, visit, &found.items, false).await;
    let asked = visit.query.get("q").unwrap_or_default().to_owned();
    page(&Page { frame, w, kinds: kinds.to_vec(), connections, asked, live, newer, older, events })
}

fn filter(visit: &Visit) -> EventFilter {
    let thread = visit.query.get("q").and_then(|text| text.parse().ok()).map(ThreadId::from_uuid);
    EventFilter {
        order: Order::NewestFirst,
        from: None,
        to: None,
        event_type: visit.query.get("kind").map(str::to_owned),
        connection: visit.query.get("connection").map(ConnectionName::new),
        thread,
    }
}

/// An event by its place or its id. An id may be a dialogue's as well; then there is no such event.
fn event_named(text: &str) -> Option<EventAsked> {
    if let Ok(id) = text.parse() {
        return Some(EventAsked::Id(EventId::from_uuid(id)));
    }
    text.trim_start_matches(['№', '#', '@', ' ']).parse().ok().map(EventAsked::Position)
}

/// Events as lines; each dialogue by its client's name.
pub async fn lines(console: &Console, visit: &Visit, events: &[EventRow], arrived: bool) -> Vec<Line> {
    let w = visit.look.words;
    let names = Names::of(console, visit, events.iter().filter_map(|event| event.threads.first().copied())).await;
    let line = |event: &EventRow| {
        let thread = event.threads.first().copied();
        Line {
            href: event_page(visit, event.position),
            position: event.position.to_string(),
            when: visit.calendar.second(event.recorded_at.0),
            kind: w.event_type(&event.event_type).to_owned(),
            connection: event.connection.as_ref().map(ToString::to_string).unwrap_or_default(),
            words: thread.map_or_else(|| event.stream.clone(), |thread| names.name(thread)),
            dialogue: thread.map(|thread| dialogue_page(visit, thread)),
            arrived,
        }
    };
    events.iter().map(line).collect()
}

/// Tells an open page what was recorded since.
pub async fn live(State(console): State<Console>, visit: Visit) -> Response {
    let got_to = follow::got_to(&visit.headers, visit.query.get("after"));
    let filter = filter(&visit);
    follow::follow(&console, Tail { console: console.clone(), visit, filter, got_to })
}

/// The end of the log as somebody has it open.
struct Tail {
    console: Console,
    visit: Visit,
    filter: EventFilter,
    got_to: Option<Position>,
}

impl Followed for Tail {
    async fn news(&mut self, _: Option<&Notice>) -> Option<Event> {
        self.told().await.unwrap_or_default()
    }
}

impl Tail {
    async fn told(&mut self) -> Result<Option<Event>, ReadingError> {
        self.visit.calendar = self.visit.calendar.at(self.console.clock.now());
        let from = self.got_to.map(|position| Position::pair(position.commit(), position.prepare().saturating_add(1)));
        let filter = EventFilter { from, ..self.filter.clone() };
        let wanted = Wanted { cursor: None, limit: Some(SHOWN) };
        let found = self.console.reader.events(filter, wanted, AsOf::Now).await?;
        let Some(newest) = found.items.first().map(|event| event.position) else { return Ok(None) };
        self.got_to = Some(newest);
        let events = lines(&self.console, &self.visit, &found.items, true).await;
        let html = Lines { w: self.visit.look.words, events }.render().unwrap_or_default();
        Ok(Some(Event::default().event("events").id(newest.to_string()).data(html)))
    }
}
