//! What every page has around it: the ways to the others, the moment that is shown, who looks and how.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use chatledger_projections::recorded::Position;

use super::Console;
use super::assets::Assets;
use super::query::address;
use super::trouble::Trouble;
use super::visit::{Shown, Visit};
use super::words::Words;
use crate::api::Role;
use crate::reading::{AsOf, EventFilter, HeldFilter, Order, Standpoint, Wanted};

/// How many held intents are counted at most; beyond that a page says "more".
const COUNTED_AT_MOST: usize = 99;

/// Which page it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The overview.
    Overview,
    /// Dialogues and what is in them.
    Dialogues,
    /// What is held.
    Held,
    /// The page of moments.
    Time,
    /// The log and its events.
    Log,
    /// The connections.
    Connections,
    /// None of the above.
    Elsewhere,
}

/// The frame of a page.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The language's words.
    pub w: &'static Words,
    /// What the page is called.
    pub title: String,
    /// Which it is.
    pub place: Place,
    /// By which light it is read; absent: as the system does.
    pub theme: Option<&'static str>,
    /// In which zone.
    pub zone: String,
    /// The files it is made with.
    pub assets: &'static Assets,
    /// Who looks, if they signed in.
    pub who: Option<Named>,
    /// The moment that is shown; absent where none is.
    pub moment: Option<Moment>,
    /// After which event, as it stands in addresses.
    pub at: Option<String>,
    /// How many intents are held.
    pub held: Option<String>,
    /// What is said above the content.
    pub said: Option<Said>,
    /// The address of this page, for coming back to it.
    pub here: String,
}

/// Somebody by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    /// The token's name.
    pub name: String,
    /// What they may.
    pub role: &'static str,
}

/// Something said above the content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// How good it is.
    pub tone: &'static str,
    /// What.
    pub words: String,
}

/// The moment that is shown, as the slider has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moment {
    /// Where the slider leads.
    pub path: String,
    /// What stays in the address.
    pub kept: Vec<(String, String)>,
    /// Its lower end.
    pub first: u64,
    /// Its upper end.
    pub last: u64,
    /// Where it stands.
    pub value: u64,
    /// The moment in words.
    pub label: String,
    /// Whether it is a past one.
    pub is_past: bool,
    /// The same page now.
    pub now: String,
    /// The same page one event earlier.
    pub back: Option<String>,
    /// One event later.
    pub on: Option<String>,
}

/// A way to another page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Where it leads.
    pub href: String,
    /// The key that goes there.
    pub key: &'static str,
    /// Its drawing.
    pub icon: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Whether this is it.
    pub is_current: bool,
    /// What waits there.
    pub count: Option<String>,
}

impl Frame {
    /// A frame without a moment: for pages that nothing is read for.
    pub fn bare(visit: &Visit, place: Place, title: impl Into<String>) -> Self {
        let w = visit.look.words;
        let role = match visit.who.role {
            Role::Reader => w.reader,
            Role::Operator => w.operator,
        };
        let pairs = visit.query.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Self {
            w,
            title: title.into(),
            place,
            theme: visit.look.theme,
            zone: visit.calendar.name.clone(),
            assets: Assets::addresses(),
            who: visit.has_signed_in.then(|| Named { name: visit.who.name.clone(), role }),
            moment: None,
            at: visit.at.map(|at| at.to_string()),
            held: None,
            said: None,
            here: address(&visit.path, pairs.filter(|(name, _)| *name != "lang")),
        }
    }

    /// The whole frame, as of the visit's moment.
    pub async fn make(
        console: &Console,
        visit: &Visit,
        place: Place,
        title: impl Into<String>,
    ) -> Result<Self, Trouble> {
        let wanted = Wanted { cursor: None, limit: Some(COUNTED_AT_MOST + 1) };
        let held = console.reader.held(HeldFilter::default(), wanted, visit.as_of()).await?;
        let mut frame = Self::bare(visit, place, title);
        frame.held = match held.items.len() {
            0 => None,
            counted if counted > COUNTED_AT_MOST => Some(format!("{COUNTED_AT_MOST}+")),
            counted => Some(counted.to_string()),
        };
        frame.moment = Some(moment(console, visit, &held.standpoint).await?);
        if held.standpoint.behind > 0 && visit.at.is_none() {
            let words = format!("{}: {}", frame.w.behind, frame.w.number(held.standpoint.behind));
            frame.said = Some(Said { tone: "warn", words });
        }
        Ok(frame)
    }

    /// A page of ours, as of the same moment.
    pub fn link(&self, path: &str) -> String {
        address(path, self.at.as_deref().map(|at| ("at", at)))
    }

    /// Where a choice of how to read is made, and which leads back here.
    pub fn prefer(&self, name: &str, value: &str) -> String {
        address("/console/prefer", [(name, value), ("back", &self.here)])
    }

    /// The ways to the other pages.
    pub fn entries(&self) -> [Entry; 6] {
        let w = self.w;
        [
            (Place::Overview, "/console/overview", "o", "overview", w.overview),
            (Place::Dialogues, "/console/dialogues", "d", "dialogues", w.dialogues),
            (Place::Held, "/console/held", "h", "held", w.held),
            (Place::Time, "/console/time", "t", "time", w.time),
            (Place::Log, "/console/log", "l", "log", w.log),
            (Place::Connections, "/console/connections", "c", "connections", w.connections),
        ]
        .map(|(place, path, key, icon, name)| Entry {
            href: self.link(path),
            key,
            icon,
            name,
            is_current: place == self.place,
            count: self.held.clone().filter(|_| place == Place::Held),
        })
    }
}

/// The slider: it counts in the log's own numbers, of which there need not be every one.
async fn moment(console: &Console, visit: &Visit, standpoint: &Standpoint) -> Result<Moment, Trouble> {
    let last = standpoint.head.or(standpoint.position).map_or(0, Position::commit);
    let value = standpoint.position.map_or(0, Position::commit);
    let is_past = visit.at.is_some();
    let label = visit.moment_words(standpoint);
    let kept: Vec<(String, String)> =
        visit.query.0.iter().filter(|(name, _)| !matches!(name.as_str(), "at" | "lang" | "cursor")).cloned().collect();
    let here = |at: Option<String>| {
        let pairs = kept.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        address(&visit.path, pairs.chain(at.as_deref().map(|at| ("at", at))))
    };
    let back = standpoint.position.filter(|position| position.commit() > 0);
    let back = back.map(|position| here(Some((position.commit() - 1).to_string())));
    let on = match standpoint.position.filter(|_| is_past) {
        Some(position) => next_after(console, position).await?.map(|next| here(Some(next.to_string()))),
        None => None,
    };
    Ok(Moment { path: visit.path.clone(), first: 0, last, value, label, is_past, now: here(None), back, on, kept })
}

/// The event behind a position.
async fn next_after(console: &Console, position: Position) -> Result<Option<Position>, Trouble> {
    let from = Some(Position::new(position.commit() + 1));
    let filter = EventFilter { order: Order::OldestFirst, from, ..EventFilter::default() };
    let page = console.reader.events(filter, Wanted { cursor: None, limit: Some(1) }, AsOf::Now).await?;
    Ok(page.items.first().map(|event| event.position))
}

#[derive(Template)]
#[template(path = "console/message.html")]
struct Message<'a> {
    frame: Frame,
    words: &'a str,
}

/// Writes a page.
pub fn page(template: &impl Template) -> Shown {
    Ok(Html(template.render()?))
}

/// The page that was made, or what is said instead.
pub fn answered(visit: &Visit, shown: Shown) -> Response {
    match shown {
        Ok(page) => page.into_response(),
        Err(trouble) => instead(visit, trouble),
    }
}

/// What is said instead of a page.
pub fn instead(visit: &Visit, trouble: Trouble) -> Response {
    let (title, words) = trouble.told(visit.look.words);
    let message = Message { frame: Frame::bare(visit, Place::Elsewhere, title), words };
    match message.render() {
        Ok(page) => (trouble.status(), Html(page)).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, title).into_response(),
    }
}
