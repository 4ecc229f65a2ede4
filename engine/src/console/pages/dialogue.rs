//! One dialogue, both sides of it as people see them, and followed while it goes on.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::response::sse::Event;
use chatledger_projections::delivery::Origin;
use chatledger_projections::ids::ThreadId;
use chatledger_projections::recorded::Position;

use super::people::{self, List};
use super::rows::{self, Row, Written};
use super::{Chip, name_of};
use crate::console::Console;
use crate::console::follow::{self, Followed};
use crate::console::frame::{Frame, Place, answered, instead, page};
use crate::console::query::address;
use crate::console::trouble::Trouble;
use crate::console::visit::{Shown, Visit};
use crate::console::words::Words;
use crate::reading::answer::{Entry, ThreadDetail};
use crate::reading::{AsOf, Cursor, MessageAsked, Notice, ReadingError, TimelineFilter, Wanted};

/// How many entries of a timeline a page asks for; steps of deliveries are among them.
const ENTRIES: usize = 200;

/// How many edited messages of a page are asked for what they said at first.
const FIRST_TEXTS: usize = 20;

/// How far back an open page is kept as it is: older messages change seldom, and loading the page shows it.
const FOLLOWED_BACK: usize = 120;

#[derive(Template)]
#[template(path = "console/dialogue.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    list: List,
    chat: Chat,
    arrived: bool,
    swap: Option<&'static str>,
}

struct Chat {
    name: String,
    phone: Option<String>,
    sides: Vec<Face>,
    chips: Vec<Chip>,
    log: String,
    live: Option<String>,
    earlier: Option<String>,
    rows: Vec<Row>,
}

struct Face {
    role: &'static str,
    connection: String,
    standing: Option<&'static str>,
    words: String,
}

/// The page.
pub async fn show(State(console): State<Console>, Path(thread): Path<String>, visit: Visit) -> Response {
    answered(&visit, made(&console, &visit, &thread).await)
}

async fn made(console: &Console, visit: &Visit, thread: &str) -> Shown {
    let w = visit.look.words;
    let thread = rows::thread_named(thread).ok_or(Trouble::NotFound)?;
    let found = console.reader.thread(thread, visit.as_of()).await?;
    let (standpoint, detail) = (found.standpoint, found.item);
    let name = name_of(&detail.thread.client, w);
    let cursor = match visit.query.get("before") {
        Some(cursor) => Some(cursor.parse::<Cursor>().map_err(|_| Trouble::Misread)?),
        None => None,
    };
    let is_end = cursor.is_none();
    let (rows, next) = told(console, visit, thread, &name, cursor, visit.as_of()).await?;
    let path = format!("/console/dialogues/{thread}");
    let earlier = next.map(|next| visit.link(&path, &[("before", &next.to_string())]));
    let got_to = standpoint.position.map(|position| position.to_string()).unwrap_or_default();
    let live = (is_end && visit.at.is_none()).then(|| address(&format!("{path}/live"), [("after", got_to.as_str())]));
    let chat = chat(&detail, visit, Chat { earlier, live, rows, name, ..Chat::empty() });
    let frame = Frame::make(console, visit, Place::Dialogues, chat.name.clone()).await?;
    let list = people::list(console, visit, Some(thread)).await?;
    page(&Page { frame, w, list, chat, arrived: false, swap: None })
}

impl Chat {
    const fn empty() -> Self {
        Self {
            name: String::new(),
            phone: None,
            sides: Vec::new(),
            chips: Vec::new(),
            log: String::new(),
            live: None,
            earlier: None,
            rows: Vec::new(),
        }
    }
}

fn chat(detail: &ThreadDetail, visit: &Visit, told: Chat) -> Chat {
    let w = visit.look.words;
    let thread = &detail.thread;
    let mut chips = Vec::new();
    let (words, tone) = w.thread_state(thread.state);
    chips.push(Chip { tone, words: words.to_owned() });
    if let Some(assistant) = &thread.assistant {
        let because = assistant.silent_because.map(|reason| format!(": {}", w.silence(reason))).unwrap_or_default();
        let (tone, words) = if assistant.speaks { ("accent", w.assistant_speaks) } else { ("", w.assistant_silent) };
        chips.push(Chip { tone, words: format!("{words}{because}") });
    }
    let sides = detail.endpoints.iter().map(|endpoint| Face {
        role: endpoint.role.map_or(w.connection, |role| w.role_of(role)),
        connection: endpoint.connection.to_string(),
        standing: Some(w.standing(endpoint.standing)),
        words: endpoint.theirs.as_ref().map(ToString::to_string).unwrap_or_default(),
    });
    let log = visit.link("/console/log", &[("q", &thread.id.to_string())]);
    Chat { phone: thread.client.phone.clone(), sides: sides.collect(), chips, log, ..told }
}

/// Asks what happened, and tells it.
async fn told(
    console: &Console,
    visit: &Visit,
    thread: ThreadId,
    client: &str,
    cursor: Option<Cursor>,
    as_of: AsOf,
) -> Result<(Vec<Row>, Option<Cursor>), ReadingError> {
    let wanted = Wanted { cursor, limit: Some(ENTRIES) };
    let found = console.reader.timeline(thread, TimelineFilter::default(), wanted, as_of).await?;
    let mut entries = found.items;
    entries.reverse();
    let first_texts = first_texts(console, &entries).await;
    Ok((rows::rows(visit, client, &entries, &first_texts), found.next))
}

/// What edited messages said when they came.
async fn first_texts(console: &Console, entries: &[Entry]) -> HashMap<Origin, String> {
    let mut first = HashMap::new();
    for (key, entry) in rows::edited(entries).take(FIRST_TEXTS) {
        let then = console.reader.message(MessageAsked::At(key.clone()), AsOf::Position(entry.position)).await;
        if let Ok(text) = then.map(|then| then.item.message.content.text).map(Option::unwrap_or_default) {
            first.insert(key.clone(), text);
        }
    }
    first
}

/// Tells an open page what is new in the dialogue.
pub async fn live(State(console): State<Console>, Path(thread): Path<String>, visit: Visit) -> Response {
    let Some(thread) = rows::thread_named(&thread) else { return instead(&visit, Trouble::NotFound) };
    let got_to = follow::got_to(&visit.headers, visit.query.get("after"));
    let followed = Dialogue { console: console.clone(), visit, thread, got_to, has: None };
    follow::follow(&console, followed)
}

/// A dialogue that somebody has open.
struct Dialogue {
    console: Console,
    visit: Visit,
    thread: ThreadId,
    /// Up to which event the page was made.
    got_to: Option<Position>,
    /// What the page has, by names; absent until it was looked up.
    has: Option<HashMap<String, Row>>,
}

impl Followed for Dialogue {
    async fn news(&mut self, notice: Option<&Notice>) -> Option<Event> {
        let is_about = notice.is_none_or(|notice| notice.more_threads || notice.threads.contains(&self.thread));
        if !is_about {
            return None;
        }
        self.told().await.unwrap_or_default()
    }
}

impl Dialogue {
    async fn told(&mut self) -> Result<Option<Event>, ReadingError> {
        let then = match (self.has.take(), self.got_to) {
            (Some(has), _) => has,
            (None, Some(position)) => self.rows(AsOf::Position(position)).await?.1.into_iter().map(named).collect(),
            (None, None) => HashMap::new(),
        };
        let (position, now) = self.rows(AsOf::Now).await?;
        let html = self.differing(&then, &now);
        self.has = Some(now.into_iter().map(named).collect());
        if html.is_empty() {
            return Ok(None);
        }
        let id = position.map(|position| position.to_string()).unwrap_or_default();
        Ok(Some(Event::default().event("rows").id(id).data(html)))
    }

    async fn rows(&mut self, as_of: AsOf) -> Result<(Option<Position>, Vec<Row>), ReadingError> {
        // What is said to be so long ago moves on with the clock, and so does the name of a day.
        self.visit.calendar = self.visit.calendar.at(self.console.clock.now());
        let found = self.console.reader.thread(self.thread, as_of).await?;
        let client = name_of(&found.item.thread.client, self.visit.look.words);
        let (mut rows, _) = told(&self.console, &self.visit, self.thread, &client, None, as_of).await?;
        rows.drain(..rows.len().saturating_sub(FOLLOWED_BACK));
        Ok((found.standpoint.position, rows))
    }

    /// The rows that are new or otherwise, written so that each finds its place by itself.
    fn differing(&self, then: &HashMap<String, Row>, now: &[Row]) -> String {
        let w = self.visit.look.words;
        let mut html = String::new();
        for row in now {
            let known = then.get(row.key());
            let written = match known {
                Some(known) if known == row => continue,
                Some(_) => Written { row, w, swap: Some("true"), arrived: false }.render(),
                None => Written { row, w, swap: None, arrived: true }
                    .render()
                    .map(|row| format!("<ol hx-swap-oob=\"beforeend:#bubbles\">{row}</ol>")),
            };
            html.push_str(&written.unwrap_or_default());
        }
        html
    }
}

fn named(row: Row) -> (String, Row) {
    (row.key().to_owned(), row)
}
