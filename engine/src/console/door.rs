//! The door: signing in with a token, signing out, and choosing how to read.
//!
//! A token is typed once and kept nowhere; the browser gets a session's cookie, which no script can read. Posts are listened
//! to from our own pages only.

use askama::Template;
use axum::extract::{FromRequestParts, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use tracing::{info, warn};

use super::Console;
use super::frame::{Frame, Place, Said, instead};
use super::guard::is_our_own;
use super::look::{self, LANGUAGE, THEME};
use super::query::{LARGEST_FORM, Query};
use super::trouble::Trouble;
use super::visit::Visit;

/// How long a choice of how to read is kept, in seconds: a year.
const KEPT_FOR: u32 = 365 * 24 * 60 * 60;

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct Door {
    frame: Frame,
    to: String,
}

/// Somebody at the door, known or not.
pub struct Guest(Visit);

impl FromRequestParts<Console> for Guest {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, console: &Console) -> Result<Self, Response> {
        let Ok(visit) = Visit::arrive(parts, console);
        Ok(Self(visit))
    }
}

/// The door itself.
pub async fn show(State(console): State<Console>, Guest(visit): Guest) -> Response {
    if console.access.is_open() {
        return Redirect::to("/console/overview").into_response();
    }
    let to = our_own(visit.query.get("to"));
    let said = visit.query.get("out").map(|_| Said { tone: "good", words: visit.look.words.signed_out.to_owned() });
    door(&visit, to, said, StatusCode::OK)
}

fn door(visit: &Visit, to: &str, said: Option<Said>, status: StatusCode) -> Response {
    let frame = Frame { said, ..Frame::bare(visit, Place::Elsewhere, visit.look.words.sign_in) };
    match (Door { frame, to: to.to_owned() }).render() {
        Ok(page) => (status, Html(page)).into_response(),
        Err(error) => instead(visit, error.into()),
    }
}

/// Takes a token and opens a session.
pub async fn sign_in(State(console): State<Console>, Guest(visit): Guest, body: axum::body::Body) -> Response {
    if !is_our_own(&visit.headers) {
        return instead(&visit, Trouble::Foreign);
    }
    let Ok(body) = axum::body::to_bytes(body, LARGEST_FORM).await else { return instead(&visit, Trouble::Misread) };
    let form = Query::read(&body);
    let to = our_own(form.get("to"));
    match console.access.log_in(form.get("token").unwrap_or_default()) {
        Ok((who, cookie)) => {
            info!(who = who.name, role = who.role.label(), "signed in at the console");
            ([(header::SET_COOKIE, cookie)], Redirect::to(to)).into_response()
        }
        Err(_) => {
            warn!("somebody came to the console with a token that nobody has");
            let said = Said { tone: "bad", words: visit.look.words.token_wrong.to_owned() };
            door(&visit, to, Some(said), StatusCode::FORBIDDEN)
        }
    }
}

/// Ends the session.
pub async fn sign_out(State(console): State<Console>, Guest(visit): Guest) -> Response {
    if !is_our_own(&visit.headers) {
        return instead(&visit, Trouble::Foreign);
    }
    let cookie = console.access.log_out(&visit.headers);
    ([(header::SET_COOKIE, cookie)], Redirect::to("/console/sign-in?out=1")).into_response()
}

/// Keeps a choice of how to read, and leads back.
pub async fn prefer(State(_): State<Console>, Guest(visit): Guest) -> Response {
    let kept =
        |name: &str, value: &str, age: u32| format!("{name}={value}; Path=/console; Max-Age={age}; SameSite=Strict");
    let mut response = Redirect::to(our_own(visit.query.get("back"))).into_response();
    let language = visit.query.get("lang").and_then(look::named).map(|words| kept(LANGUAGE, words.code, KEPT_FOR));
    let theme = visit.query.get("theme").map(|name| match look::theme(name) {
        Some(theme) => kept(THEME, theme, KEPT_FOR),
        None => kept(THEME, "", 0),
    });
    for cookie in language.into_iter().chain(theme) {
        if let Ok(cookie) = cookie.parse() {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// A page of ours, or the overview: nobody is led elsewhere from here.
fn our_own(to: Option<&str>) -> &str {
    let is_ours = |to: &&str| {
        let plain = to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        plain && to.starts_with("/console/") && !to.contains("//") && !to.contains("/../")
    };
    to.filter(is_ours).unwrap_or("/console/overview")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_away_from_here() {
        for elsewhere in [
            "https://attacker.example/",
            "//attacker.example/console/",
            "/console//attacker.example",
            "/console/../metrics",
            "/console/\\attacker",
            "/console/a b",
            "/metrics",
            "",
        ] {
            assert_eq!(our_own(Some(elsewhere)), "/console/overview", "{elsewhere}");
        }
        assert_eq!(our_own(Some("/console/log?at=17&q=%D0%B6")), "/console/log?at=17&q=%D0%B6");
    }
}
