//! The explanation of one message: beside its dialogue in short, and whole on a page of its own.

use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use chatledger_projections::delivery::Origin;
use chatledger_projections::ids::{ConnectionName, MessageId};

use super::told::{self, Told};
use crate::console::Console;
use crate::console::frame::{Frame, Place, instead, page};
use crate::console::trouble::Trouble;
use crate::console::visit::{Shown, Visit};
use crate::console::words::Words;
use crate::reading::{MessageAsked, ReadingError};

#[derive(Template)]
#[template(path = "console/explanation.html")]
struct Page {
    frame: Frame,
    w: &'static Words,
    told: Told,
}

#[derive(Template)]
#[template(path = "console/sheet.html")]
struct Sheet {
    w: &'static Words,
    told: Told,
}

/// The page, or its short form for the side of another.
pub async fn show(State(console): State<Console>, visit: Visit) -> Response {
    let shown = match visit.query.get("sheet") {
        Some(_) => sheet(&console, &visit).await,
        None => whole(&console, &visit).await,
    };
    match shown {
        Ok(page) => page.into_response(),
        Err(trouble) => instead(&visit, trouble),
    }
}

async fn sheet(console: &Console, visit: &Visit) -> Shown {
    let w = visit.look.words;
    let found = console.reader.message(asked(visit)?, visit.as_of()).await?;
    Ok(Html(Sheet { w, told: told::in_short(&found.item, visit) }.render()?))
}

async fn whole(console: &Console, visit: &Visit) -> Shown {
    let w = visit.look.words;
    let frame = Frame::make(console, visit, Place::Dialogues, w.explanation).await?;
    let found = console.reader.message(asked(visit)?, visit.as_of()).await?;
    let short = told::in_short(&found.item, visit);
    let told = match console.reader.explanation(asked(visit)?, visit.as_of()).await {
        Ok(explained) => told::whole(short, &explained.item, visit),
        // What can be told in short is told, also where the whole would be too much.
        Err(ReadingError::TooMuch(_) | ReadingError::NotFound { .. } | ReadingError::Ambiguous { .. }) => short,
        Err(error) => return Err(error.into()),
    };
    page(&Page { frame, w, told })
}

fn asked(visit: &Visit) -> Result<MessageAsked, Trouble> {
    let id = visit.query.get("id").ok_or(Trouble::Misread)?;
    Ok(match visit.query.get("connection") {
        Some(connection) => {
            MessageAsked::At(Origin { connection: ConnectionName::new(connection), message: MessageId::new(id) })
        }
        None => MessageAsked::Called(id.to_owned()),
    })
}
