//! The console: pages for people, made by the same program, on the private address under `/console`.
//!
//! Takes what the [`Reader`] answers; gives pages that can be read without a script, and live parts where there is one.
//! Whatever platforms and people wrote is escaped by the templates. What an operator decides goes into the log as an
//! instruction, as from the command line; nothing else is written.
//!
//! * [`visit`]: who asks, how they read, as of when; [`frame`]: what every page has around it; [`trouble`]: what is said
//!   instead of a page; [`door`]: signing in and out;
//! * [`pages`]: one file for each; [`follow`]: what reaches an open page by itself;
//! * [`files`]: what people sent along, as far as it lies with us;
//! * [`words`]: all that is said, in each language; [`calendar`]: moments as people read them; [`plot`]: small drawings;
//! * [`assets`]: looks and scripts; [`guard`]: what every answer tells the browser to refuse.

mod assets;
mod calendar;
mod door;
mod files;
mod follow;
mod frame;
mod guard;
mod look;
mod pages;
mod plot;
mod query;
mod trouble;
mod visit;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::api::{Access, Api};
use crate::clock::Clock;
use crate::log::EventLog;
use crate::media::store::Store;
use crate::reading::Reader;

/// What the pages are made from.
#[derive(Clone, Debug)]
pub struct Console {
    /// Answers what is shown.
    pub reader: Reader,
    /// Knows who may look and who may act.
    pub access: Arc<Access>,
    /// Takes what operators decide.
    pub log: Arc<dyn EventLog>,
    /// Tells when they decided it, and how long ago things were.
    pub clock: Arc<dyn Clock>,
    /// How many may follow, together with whoever follows by the API.
    pub followers: Arc<Semaphore>,
    /// Ends what is followed.
    pub end: CancellationToken,
    /// Where files lie.
    pub files: Arc<Store>,
}

impl Console {
    /// A console over the same answers as the API's, for the same people; and what lies in this folder of files.
    pub fn beside(api: &Api, files: Arc<Store>) -> Self {
        let Api { reader, access, log, clock, followers, end } = api.clone();
        Self { reader, access, log, clock, followers, end, files }
    }

    /// The router for the private listener; it must know who asks, see [`crate::instructions::Peer`].
    pub fn router(self) -> Router {
        let overview = get(async || Redirect::to("/console/overview"));
        Router::new()
            .route("/", overview.clone())
            .route("/console", overview.clone())
            .route("/console/", overview)
            .route("/console/overview", get(pages::overview::show))
            .route("/console/dialogues", get(pages::dialogues::list))
            .route("/console/dialogues/{thread}", get(pages::dialogue::show))
            .route("/console/dialogues/{thread}/live", get(pages::dialogue::live))
            .route("/console/message", get(pages::message::show))
            .route("/console/held", get(pages::held::show).post(pages::decide::take))
            .route("/console/time", get(pages::time::show))
            .route("/console/moment", get(pages::time::label))
            .route("/console/log", get(pages::log::show))
            .route("/console/log/live", get(pages::log::live))
            .route("/console/event", get(pages::event::show))
            .route("/console/files/{sha256}", get(files::show))
            .route("/console/connections", get(pages::connections::show))
            .route("/console/help", get(pages::help::show))
            .route("/console/live", get(pages::overview::live))
            .route("/console/prefer", get(door::prefer))
            .route("/console/sign-in", get(door::show).post(door::sign_in))
            .route("/console/sign-out", post(door::sign_out))
            .route("/console/assets/{name}", get(assets::show))
            .route("/console/{*anything}", get(pages::help::nothing))
            .layer(axum::middleware::map_response(guard::tell))
            .with_state(self)
    }
}
