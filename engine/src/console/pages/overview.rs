//! The overview: what is stuck, how much there is to do, how it goes.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;
use chatledger_projections::recorded::Position;

use super::{Names, dialogue_page};
use crate::console::Console;
use crate::console::calendar::When;
use crate::console::follow::{self, Followed};
use crate::console::frame::{Frame, Place, answered, page};
use crate::console::pages::connections::standing;
use crate::console::plot::{self, Pair, Plot, Stack};
use crate::console::query::address;
use crate::console::visit::{Shown, Visit};
use crate::console::words::{Tone, Words};
use crate::reading::Notice;
use crate::reading::answer::{Minute, Overview};

/// How long something may be under way before it is called stuck, in milliseconds.
const STUCK_AFTER_MS: u64 = 60_000;

/// Every how-manieth minute has its time under it.
const LABEL_EVERY: usize = 10;

#[derive(Template)]
#[template(path = "console/overview.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    /// Where changes are told; absent for the past.
    live: Option<String>,
    again: &'static str,
    tiles: Vec<Tile>,
    traffic: Plot,
    latency: Plot,
    stuck: Vec<Stuck>,
    connections: Vec<Row>,
}

struct Tile {
    href: String,
    number: String,
    words: &'static str,
    tone: Option<Tone>,
}

struct Stuck {
    tone: Tone,
    kind: String,
    href: String,
    name: String,
    words: String,
    since: When,
}

struct Row {
    name: String,
    platform: String,
    tone: Tone,
    words: &'static str,
    in_line: String,
    last_heard: Option<When>,
}

/// The page.
pub async fn show(State(console): State<Console>, visit: Visit) -> Response {
    answered(&visit, made(&console, &visit).await)
}

async fn made(console: &Console, visit: &Visit) -> Shown {
    let w = visit.look.words;
    let frame = Frame::make(console, visit, Place::Overview, w.overview).await?;
    let overview = console.reader.overview(visit.as_of()).await?;
    let got_to = overview.standpoint.position.map(|position| position.to_string()).unwrap_or_default();
    let live = visit.at.is_none().then(|| address("/console/live", [("after", got_to.as_str())]));
    page(&Page {
        w,
        live,
        again: "/console/overview",
        tiles: tiles(&overview, visit),
        traffic: traffic(&overview.minutes, visit),
        latency: latency(&overview.minutes, visit),
        stuck: stuck(console, visit, &overview).await,
        connections: connections(&overview, visit),
        frame,
    })
}

fn tiles(overview: &Overview, visit: &Visit) -> Vec<Tile> {
    let w = visit.look.words;
    let only = |state: &str| visit.link("/console/dialogues", &[("only", state)]);
    let heard: u64 = overview.minutes.iter().map(|minute| minute.received).sum();
    let counts = &overview.threads;
    let tone = |number: u64, tone: Tone| (number > 0).then_some(tone);
    let middle = overview.latency.p50_ms.map_or_else(|| "—".to_owned(), |millis| w.span(millis));
    vec![
        Tile {
            href: visit.link("/console/dialogues", &[]),
            number: w.number(counts.all),
            words: w.dialogues_in_all,
            tone: None,
        },
        Tile { href: only("unanswered"), number: w.number(counts.unanswered), words: w.unanswered_now, tone: None },
        Tile { href: only("under_way"), number: w.number(counts.under_way), words: w.under_way_now, tone: None },
        Tile {
            href: visit.link("/console/held", &[]),
            number: w.number(overview.stuck.held),
            words: w.held_now,
            tone: tone(overview.stuck.held, "bad"),
        },
        Tile {
            href: only("failed"),
            number: w.number(counts.failed),
            words: w.failed_now,
            tone: tone(counts.failed, "bad"),
        },
        Tile { href: visit.link("/console/log", &[]), number: w.number(heard), words: w.heard_in_hour, tone: None },
        Tile { href: visit.link("/console/time", &[]), number: middle, words: w.middle_latency, tone: None },
        Tile {
            href: visit.link("/console/log", &[]),
            number: w.number(overview.remarks + overview.anomalies),
            words: w.oddities,
            tone: tone(overview.anomalies, "warn"),
        },
    ]
}

/// Webhooks and accepted calls, minute by minute.
pub fn traffic(minutes: &[Minute], visit: &Visit) -> Plot {
    let w = visit.look.words;
    let stacks = minutes.iter().enumerate().map(|(index, minute)| {
        let clock = visit.calendar.clock(minute.at.0).shown;
        let title = format!("{clock} — {}: {}, {}: {}", w.received, minute.received, w.accepted, minute.accepted);
        let label = if index % LABEL_EVERY == 0 { clock } else { String::new() };
        Stack { one: minute.received, two: minute.accepted, label, title }
    });
    plot::bars(&stacks.collect::<Vec<_>>())
}

fn latency(minutes: &[Minute], visit: &Visit) -> Plot {
    let w = visit.look.words;
    let pairs = minutes.iter().enumerate().map(|(index, minute)| {
        let clock = visit.calendar.clock(minute.at.0).shown;
        let span = |millis: Option<u64>| millis.map_or_else(|| "—".to_owned(), |millis| w.span(millis));
        let (one, two) = (minute.latency.p50_ms, minute.latency.p95_ms);
        let title = format!("{clock} — {}: {}, {}: {}", w.median, span(one), w.slowest, span(two));
        let label = if index % LABEL_EVERY == 0 { clock } else { String::new() };
        Pair { one: one.map(|millis| millis as f64), two: two.map(|millis| millis as f64), label, title }
    });
    plot::lines(&pairs.collect::<Vec<_>>(), &|millis| w.span(millis as u64))
}

async fn stuck(console: &Console, visit: &Visit, overview: &Overview) -> Vec<Stuck> {
    let w = visit.look.words;
    let (held, open) = (&overview.stuck.longest_held, &overview.stuck.longest_open);
    let threads = held.iter().map(|held| held.thread).chain(open.iter().map(|open| open.thread));
    let names = Names::of(console, visit, threads).await;
    let mut stuck = Vec::new();
    for held in held {
        let what = format!("{} → {}", w.intent(&held.what), held.connection);
        stuck.push(Stuck {
            tone: "bad",
            kind: w.held.to_owned(),
            href: visit.link("/console/held", &[]),
            name: names.name(held.thread),
            words: format!("{what}: {}", held.failure.reason),
            since: visit.calendar.ago(held.held_at.0),
        });
    }
    // The past is measured by its own last event, not by the clock on the wall.
    let then = visit.at.and(overview.standpoint.recorded_at).map_or(visit.calendar.now(), |at| at.0);
    for open in open {
        if u64::try_from(then.since(open.raised_at.0).as_millis()).unwrap_or(u64::MAX) < STUCK_AFTER_MS {
            continue;
        }
        stuck.push(Stuck {
            tone: "warn",
            kind: w.under_way.to_owned(),
            href: dialogue_page(visit, open.thread),
            name: names.name(open.thread),
            words: format!("{} → {}, {}", w.intent(&open.what), open.connection, w.attempts(u64::from(open.attempts))),
            since: visit.calendar.ago(open.raised_at.0),
        });
    }
    stuck
}

fn connections(overview: &Overview, visit: &Visit) -> Vec<Row> {
    let w = visit.look.words;
    let row = |connection: &crate::reading::answer::ConnectionRow| {
        let (words, tone) = standing(connection, w);
        Row {
            name: connection.name.to_string(),
            platform: connection.platform.clone(),
            tone,
            words,
            in_line: w.number(connection.depth.into()),
            last_heard: connection.last_webhook_at.map(|at| visit.calendar.ago(at.0)),
        }
    };
    overview.connections.iter().map(row).collect()
}

/// Tells an open page that anything changed; it asks again by itself.
pub async fn live(State(console): State<Console>, visit: Visit) -> Response {
    let got_to = follow::got_to(&visit.headers, visit.query.get("after"));
    follow::follow(&console, Anything { console: console.clone(), got_to })
}

struct Anything {
    console: Console,
    /// Up to which event the page was made.
    got_to: Option<Position>,
}

impl Followed for Anything {
    async fn news(&mut self, notice: Option<&Notice>) -> Option<Event> {
        let position = match notice {
            Some(notice) => Some(notice.position),
            // What came between the making of the page and now has no notice any more.
            None => self.console.reader.standpoint().await.ok()?.position,
        };
        let position = position.filter(|position| self.got_to.is_none_or(|got_to| got_to < *position))?;
        self.got_to = Some(position);
        Some(Event::default().event("changed").id(position.to_string()).data(position.to_string()))
    }
}
