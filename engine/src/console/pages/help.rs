//! What the keys and signs mean; and what is said at an address that does not exist.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chatledger_projections::fact::DeliveryState;

use super::rows::{Sign, sign};
use crate::console::Console;
use crate::console::frame::{Frame, Place, answered, instead, page};
use crate::console::trouble::Trouble;
use crate::console::visit::{Shown, Visit};

#[derive(Template)]
#[template(path = "console/help.html")]
struct Page {
    frame: Frame,
    signs: Vec<Sign>,
}

/// The page.
pub async fn show(State(console): State<Console>, visit: Visit) -> Response {
    answered(&visit, made(&console, &visit).await)
}

async fn made(console: &Console, visit: &Visit) -> Shown {
    let w = visit.look.words;
    let states = [
        DeliveryState::Raised,
        DeliveryState::Sent,
        DeliveryState::Delivered,
        DeliveryState::Read,
        DeliveryState::Failed,
    ];
    let signs = states.map(|state| Sign { quiet: false, ..sign(state, w) }).to_vec();
    page(&Page { frame: Frame::make(console, visit, Place::Elsewhere, w.help).await?, signs })
}

/// There is nothing here.
pub async fn nothing(State(_): State<Console>, visit: Visit) -> Response {
    instead(&visit, Trouble::NotFound)
}
