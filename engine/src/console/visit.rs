//! One visit: who asks, how they read, as of when, and what else stands in the address.
//!
//! Takes a request's head. Whoever is not known is led to the door; without any token only this machine is let in, and only
//! under a name of its own, so that no page of the world's reads here through somebody's browser.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use chatledger_projections::recorded::Position;

use super::Console;
use super::calendar::Calendar;
use super::look::Look;
use super::query::{Query, address};
use super::trouble::Trouble;
use crate::api::{Role, Who};
use crate::instructions::{Peer, is_this_machine};
use crate::reading::{AsOf, Standpoint};

/// One visit of somebody who may look.
#[derive(Clone, Debug)]
pub struct Visit {
    /// How they read.
    pub look: Look,
    /// Who they are.
    pub who: Who,
    /// Whether they had to sign in.
    pub has_signed_in: bool,
    /// The address without its query.
    pub path: String,
    /// The address's query.
    pub query: Query,
    /// After which event they look; `None`: as it is now.
    pub at: Option<Position>,
    /// Moments as they read them.
    pub calendar: Calendar,
    /// The request's headers.
    pub headers: HeaderMap,
}

impl Visit {
    /// As of when they look.
    pub const fn as_of(&self) -> AsOf {
        match self.at {
            Some(position) => AsOf::Position(position),
            None => AsOf::Now,
        }
    }

    /// Whether they may decide: an operator, about what is so now.
    pub fn may_act(&self) -> bool {
        self.who.role == Role::Operator && self.at.is_none()
    }

    /// Where an answer stands, in words.
    pub fn moment_words(&self, standpoint: &Standpoint) -> String {
        match (standpoint.recorded_at, standpoint.position) {
            (Some(at), Some(position)) => format!("{} · № {position}", self.calendar.second(at.0).shown),
            (_, _) => self.look.words.before_the_log.to_owned(),
        }
    }

    /// A page of ours, as of the same moment.
    pub fn link(&self, path: &str, pairs: &[(&str, &str)]) -> String {
        let at = self.at.map(|at| at.to_string());
        let at = at.as_deref().map(|at| ("at", at));
        address(path, pairs.iter().copied().chain(at))
    }
}

impl FromRequestParts<Console> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let Ok(mut visit) = Self::arrive(parts, console);
        if console.access.is_open() && !is_of_this_machine(parts) {
            return Err(turned_away());
        }
        visit.has_signed_in = !console.access.is_open();
        match console.access.who(&parts.headers) {
            Ok(who) => visit.who = who,
            Err(_) => return Err(to_the_door(parts)),
        }
        Ok(visit)
    }
}

impl Visit {
    /// Everything but who it is.
    pub fn arrive(parts: &Parts, console: &Console) -> Result<Self, Infallible> {
        let query = Query::read(parts.uri.query().unwrap_or_default().as_bytes());
        let look = Look::of(&parts.headers, &query.0);
        let calendar = Calendar::new(&look.zone, look.words, console.clock.now());
        let at = query.get("at").and_then(|at| at.parse().ok());
        let calendar = calendar.of_the_past(at.is_some());
        let who = Who { name: String::new(), role: Role::Reader };
        let (path, headers) = (parts.uri.path().to_owned(), parts.headers.clone());
        Ok(Self { look, who, has_signed_in: false, path, query, at, calendar, headers })
    }
}

fn is_of_this_machine(parts: &Parts) -> bool {
    let peer = parts.extensions.get::<Peer>();
    peer.is_some_and(|Peer(peer)| peer.ip().to_canonical().is_loopback()) && is_this_machine(&parts.headers)
}

fn turned_away() -> Response {
    let words = "Without tokens the console is for this machine only. Make one with `chatledger token new NAME`.\n";
    (StatusCode::FORBIDDEN, words).into_response()
}

/// A page leads to the door and back again; a part of a page makes the whole page do so.
fn to_the_door(parts: &Parts) -> Response {
    let wanted = parts.uri.path_and_query().map_or("/console/overview", |wanted| wanted.as_str());
    let is_part = parts.headers.contains_key("hx-request");
    let is_stream = parts.headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes() == b"text/event-stream");
    if is_part || is_stream {
        return (StatusCode::UNAUTHORIZED, [("hx-redirect", "/console/sign-in")]).into_response();
    }
    Redirect::to(&address("/console/sign-in", [("to", wanted)])).into_response()
}

/// A page, or what is said instead.
pub type Shown = Result<Html<String>, Trouble>;
