//! The connections: how each is, what waits for it, how its quotas are used; and which belong together.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chatledger_projections::configuration::Role;

use crate::console::Console;
use crate::console::frame::{Frame, Place, answered, page};
use crate::console::visit::{Shown, Visit};
use crate::console::words::{Tone, Words};
use crate::reading::answer::{ConnectionRow, SpoolStands};

#[derive(Template)]
#[template(path = "console/connections.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    cards: Vec<Card>,
    routes: Vec<(String, String, String, String)>,
}

struct Card {
    name: String,
    tone: Tone,
    words: String,
    facts: Vec<(String, String)>,
    log: Option<String>,
}

/// The page.
pub async fn show(State(console): State<Console>, visit: Visit) -> Response {
    answered(&visit, made(&console, &visit).await)
}

async fn made(console: &Console, visit: &Visit) -> Shown {
    let w = visit.look.words;
    let frame = Frame::make(console, visit, Place::Connections, w.connections).await?;
    let connections = console.reader.connections(visit.as_of()).await?;
    let mut cards: Vec<Card> = connections.items.iter().map(|connection| card(connection, visit)).collect();
    cards.extend(connections.spool.as_ref().map(|spool| spool_card(spool, w)));
    page(&Page { frame, w, cards, routes: routes(&connections.items) })
}

/// How a connection is, in a word, and how good that is.
pub fn standing(connection: &ConnectionRow, w: &Words) -> (&'static str, Tone) {
    let by_its_word = connection.health.as_ref().map(|health| w.health(health.health));
    if let Some(standing) = by_its_word.filter(|(_, tone)| *tone != "good") {
        return standing;
    }
    if connection.live.as_ref().is_some_and(|live| live.circuit != "closed") {
        return (w.left_alone, "warn");
    }
    if connection.silence.is_some() {
        return (w.silent, "bad");
    }
    if by_its_word.is_none() && connection.webhooks == 0 && connection.accepted == 0 {
        return (w.not_known, "");
    }
    (w.works, "good")
}

fn card(connection: &ConnectionRow, visit: &Visit) -> Card {
    let w = visit.look.words;
    let (words, tone) = standing(connection, w);
    let mut facts = vec![(w.platform.to_owned(), connection.platform.clone())];
    if let Some(role) = connection.role {
        let routes: Vec<&str> = connection.routes.iter().map(|route| route.as_str()).collect();
        facts.push((w.role.to_owned(), format!("{} · {}", w.role_of(role), routes.join(", "))));
    }
    let heard = connection.last_webhook_at.map_or(w.never.to_owned(), |at| visit.calendar.ago(at.0).shown);
    facts.push((w.webhooks.to_owned(), format!("{} · {heard}", w.number(connection.webhooks))));
    for (name, count) in [
        (w.accepted, connection.accepted),
        (w.outcome_refused, connection.refused),
        (w.unsettled, connection.unsettled),
    ] {
        facts.push((name.to_owned(), w.number(count)));
    }
    facts.push((w.waiting_there.to_owned(), w.number(connection.depth.into())));
    facts.push((w.held.to_owned(), w.number(connection.held.into())));
    if let Some(health) = &connection.health {
        facts.push((w.own_word.to_owned(), health.word.clone()));
    }
    if let Some(silence) = &connection.silence {
        let since = visit.calendar.ago(silence.since.0).shown;
        facts.push((w.silent.to_owned(), format!("{} · {since}", w.attempts(silence.calls.into()))));
    }
    if let Some(live) = &connection.live {
        facts.push((w.in_flight.to_owned(), w.number(live.in_flight.into())));
        if let Some(until) = live.open_until {
            facts.push((w.left_alone.to_owned(), visit.calendar.second(until.0).shown));
        }
        for quota in &live.quotas {
            let used = format!("{} / {} · {}", quota.used, quota.calls, w.span(quota.per_ms));
            facts.push((format!("{} {}", w.quota, quota.class), used));
        }
    }
    let log = Some(visit.link("/console/log", &[("connection", connection.name.as_str())]));
    Card { name: connection.name.to_string(), tone, words: words.to_owned(), facts, log }
}

/// The spool stands beside the connections: what waits there is theirs.
fn spool_card(spool: &SpoolStands, w: &Words) -> Card {
    let tone = match (spool.has_room, spool.waiting) {
        (false, _) => "bad",
        (true, 0) => "good",
        (true, _) => "warn",
    };
    let facts = vec![
        (w.spool_takes.to_owned(), format!("{} / {}", w.bytes(spool.bytes), w.bytes(spool.max_bytes))),
        (w.spool_room.to_owned(), if spool.has_room { w.yes } else { w.no }.to_owned()),
    ];
    let words = format!("{} {}", w.number(spool.waiting), w.spool_waiting);
    Card { name: w.spool.to_owned(), tone, words, facts, log: None }
}

/// Each route with its connections, told from theirs.
fn routes(connections: &[ConnectionRow]) -> Vec<(String, String, String, String)> {
    let mut names: Vec<_> = connections.iter().flat_map(|connection| &connection.routes).collect();
    names.sort_unstable();
    names.dedup();
    let of = |route, role| {
        let fits = |connection: &&ConnectionRow| connection.role == Some(role) && connection.routes.contains(route);
        connections.iter().find(fits).map_or_else(|| "—".to_owned(), |connection| connection.name.to_string())
    };
    let row = |route| {
        let [crm, channel, assistant] = [Role::Crm, Role::Channel, Role::Assistant].map(|role| of(route, role));
        (route.to_string(), crm, channel, assistant)
    };
    names.into_iter().map(row).collect()
}
