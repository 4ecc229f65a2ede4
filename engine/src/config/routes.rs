//! The routes of the document, and whether they can be: that each connection exists and can be what its route wants.

use std::collections::BTreeMap;
use std::time::Duration;

use chatledger_projections::configuration::{ChatId, Claim, ManagerFirst, Route};
use chatledger_projections::ids::{ConnectionName, RouteName, SourceId};
use chatledger_projections::phone::Region;

use super::assistants;
use super::connections::{Account, Connections, problem_of_name, subsections};
use super::document::{Entry, Value};
use super::problem::{Problem, Wrong};
use super::section::{Section, path};
use super::value::{choice, count, duration, flag, text};

/// The longest text of a claim: people see it in every claimed chat.
const LONGEST_CLAIM: usize = 200;

/// What holds for a claim of which nothing is said; `config.default.toml` shows the same, and a test compares them.
pub(super) fn default_claim() -> Claim {
    Claim { text: "Чат подключён".to_owned(), strict: true, again_after_ms: 10 * 60 * 1000, at_most: 3 }
}

/// Reads the section `routes`, and adds what is odd about routes and connections together to `warnings`.
pub(super) fn read(
    section: Option<Entry>,
    connections: &Connections,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) -> BTreeMap<RouteName, Route> {
    let mut sited = Vec::new();
    for (name, entry) in subsections("routes", section, problems) {
        let path = path("routes", &name);
        match problem_of_name(&name, &path, entry.line) {
            Some(problem) => problems.push(problem),
            None if !matches!(entry.value, Value::Table(_)) => {
                // Said once, and not that all its settings are missing too.
                Section::of(path, Some(entry), problems).finish();
            }
            None => sited.extend(route(RouteName::new(name), path, entry, connections, problems)),
        }
    }
    refuse_sharing(&sited, problems);
    warn(&sited, connections, warnings);
    sited.into_iter().map(|sited| (sited.name, sited.route)).collect()
}

/// A route and where the connections stand in it.
struct Sited {
    name: RouteName,
    path: String,
    crm_line: Option<usize>,
    channel_line: Option<usize>,
    route: Route,
}

fn route(
    name: RouteName,
    path: String,
    entry: Entry,
    connections: &Connections,
    problems: &mut Vec<Problem>,
) -> Option<Sited> {
    let mut section = Section::of(path.clone(), Some(entry), problems);
    let crm_line = section.line_of("crm");
    let channel_line = section.line_of("channel");
    let crm = section.required("crm", "name the connection where managers work", |value| {
        let (name, account) = not_assistant(value, connections)?;
        if account.is_some_and(|account| !account.connection.traits().wants_delivery) {
            return Err(Wrong::new("its platform is a messenger, not a CRM", "name a connection where managers work"));
        }
        Ok(name)
    });
    let channel = section.required("channel", "name the connection where clients write", |value| {
        let (name, account) = not_assistant(value, connections)?;
        if account.is_some_and(|account| account.connection.traits().wants_delivery) {
            return Err(Wrong::new("its platform is a CRM, not a messenger", "name a connection where clients write"));
        }
        Ok(name)
    });
    let assistant = assistants::read(&mut section, &path, connections);
    let source = section.optional("source", text).map(SourceId::new);
    let manager_first = section.required(
        "manager_first",
        "write \"remember\" (keep the CRM's id) or \"claim\" (give the chat ours by a silent message of the bot)",
        choice(&[("remember", ManagerFirst::Remember), ("claim", ManagerFirst::Claim)]),
    );
    let region = section.optional("region", region).unwrap_or(Region::RUSSIA);
    let chat_id = section
        .optional("chat_id", choice(&[("phone", ChatId::Phone), ("route_and_phone", ChatId::RouteAndPhone)]))
        .unwrap_or(ChatId::Phone);
    let claim_entry = section.take("claim");
    section.finish();
    let claim = claim(super::section::path(&path, "claim"), claim_entry, problems);
    let (crm, channel, manager_first) = (crm?, channel?, manager_first?);
    let route = Route { crm, channel, assistant, source, manager_first, region, chat_id, claim };
    Some(Sited { name, path, crm_line, channel_line, route })
}

fn claim(path: String, entry: Option<Entry>, problems: &mut Vec<Problem>) -> Claim {
    let default = default_claim();
    let mut section = Section::of(path, entry, problems);
    let text = section.optional("text", |value| {
        let text = text(value)?;
        if text.chars().count() > LONGEST_CLAIM {
            return Err(Wrong::new("it is too long", format!("write at most {LONGEST_CLAIM} signs: people see it")));
        }
        Ok(text)
    });
    let strict = section.optional("strict", flag);
    let day = Duration::from_secs(24 * 60 * 60);
    let again_after = section.optional("again_after", duration(Duration::from_secs(1)..=30 * day));
    let at_most = section.optional("at_most", count(1..=100));
    section.finish();
    Claim {
        text: text.unwrap_or(default.text),
        strict: strict.unwrap_or(default.strict),
        again_after_ms: again_after
            .and_then(|again_after| u64::try_from(again_after.as_millis()).ok())
            .unwrap_or(default.again_after_ms),
        at_most: at_most.unwrap_or(default.at_most),
    }
}

/// A connection by name. One that exists but has problems of its own is not complained of again.
pub(super) fn connection<'a>(
    value: &Value,
    connections: &'a Connections,
) -> Result<(ConnectionName, Option<&'a Account>), Wrong> {
    let name = ConnectionName::new(text(value)?);
    if !connections.named.contains_key(&name) {
        let remedy = match connections.named.keys().map(|known| format!("{:?}", known.as_str())).collect::<Vec<_>>() {
            known if known.is_empty() => format!("write a section [connections.{:?}]", name.as_str()),
            known => format!("name one of {}, or write a section for it", known.join(", ")),
        };
        return Err(Wrong::new("there is no such connection", remedy));
    }
    let account = connections.opened.get(&name);
    Ok((name, account))
}

/// A connection that can be a side of a route: an assistant, which answers clients itself, helps and is no side.
fn not_assistant<'a>(
    value: &Value,
    connections: &'a Connections,
) -> Result<(ConnectionName, Option<&'a Account>), Wrong> {
    let (name, account) = connection(value, connections)?;
    if account.is_some_and(|account| account.connection.is_assistant()) {
        return Err(Wrong::new(
            "its platform is an assistant, neither a CRM nor a messenger",
            "name it as the route's `assistant`, and a CRM or a messenger here",
        ));
    }
    Ok((name, account))
}

fn region(value: &Value) -> Result<Region, Wrong> {
    Region::parse(&text(value)?)
        .ok_or_else(|| Wrong::new("there is no such country code", "write two letters, such as \"RU\" or \"KZ\""))
}

/// Two routes must not claim the same: nobody could say to which of them a message belongs.
fn refuse_sharing(routes: &[Sited], problems: &mut Vec<Problem>) {
    for (index, later) in routes.iter().enumerate() {
        for earlier in &routes[..index] {
            if later.route.channel == earlier.route.channel {
                problems.push(Problem {
                    line: later.channel_line,
                    key: path(&later.path, "channel"),
                    value: Some(format!("{:?}", later.route.channel.as_str())),
                    reason: format!("the route {} has this channel already", earlier.name),
                    remedy: "give each route a channel of its own".to_owned(),
                });
            }
            if later.route.crm == earlier.route.crm && later.route.source == earlier.route.source {
                let (reason, remedy) = match &later.route.source {
                    Some(_) => ("has this source of the same CRM already", "give each route a source of its own"),
                    None => ("belongs to the same CRM and has no source either", "give one of them a source at least"),
                };
                problems.push(Problem {
                    line: later.crm_line,
                    key: path(&later.path, "source"),
                    value: later.route.source.as_ref().map(|source| format!("{:?}", source.as_str())),
                    reason: format!("the route {} {reason}", earlier.name),
                    remedy: remedy.to_owned(),
                });
            }
        }
    }
}

fn warn(routes: &[Sited], connections: &Connections, warnings: &mut Vec<Problem>) {
    for (name, line) in &connections.named {
        let is_in = |route: &Route| {
            let assists = route.assistant.as_ref().is_some_and(|assistant| assistant.connection == *name);
            route.crm == *name || route.channel == *name || assists
        };
        if !routes.iter().any(|sited| is_in(&sited.route)) {
            warnings.push(Problem {
                line: Some(*line),
                key: path("connections", name.as_str()),
                value: None,
                reason: "it belongs to no route: its webhooks are recorded, and nothing follows from them".to_owned(),
                remedy: "name it in a route, or take it away".to_owned(),
            });
        }
    }
    for (index, later) in routes.iter().enumerate() {
        let named_alike = |earlier: &&Sited| {
            earlier.route.crm == later.route.crm
                && earlier.route.chat_id == ChatId::Phone
                && later.route.chat_id == ChatId::Phone
        };
        if let Some(earlier) = routes[..index].iter().find(named_alike) {
            warnings.push(Problem {
                line: later.crm_line,
                key: path(&later.path, "chat_id"),
                value: Some("\"phone\"".to_owned()),
                reason: format!("a client of both this route and {} has one chat in the CRM for both", earlier.name),
                remedy: "write chat_id = \"route_and_phone\" in both".to_owned(),
            });
        }
    }
}
