//! The list of dialogues alone.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::people::{self, List};
use crate::console::Console;
use crate::console::frame::{Frame, Place, answered, page};
use crate::console::visit::{Shown, Visit};
use crate::console::words::Words;

#[derive(Template)]
#[template(path = "console/dialogues.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    list: List,
}

/// The page.
pub async fn list(State(console): State<Console>, visit: Visit) -> Response {
    answered(&visit, made(&console, &visit).await)
}

async fn made(console: &Console, visit: &Visit) -> Shown {
    let w = visit.look.words;
    let frame = Frame::make(console, visit, Place::Dialogues, w.dialogues).await?;
    let list = people::list(console, visit, None).await?;
    page(&Page { frame, w, list })
}
