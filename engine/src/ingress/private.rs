//! What operators and their machines ask: whether we live, whether we can work, and what was counted.
//!
//! Not for the world: it stands at an address of its own.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use chatledger_projections::recorded::StreamName;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

use super::Readiness;
use crate::duties::Duties;
use crate::log::{Append, EventLog, ExpectedRevision};
use crate::metrics::Page;
use crate::spool::{Outlook, Spool};

/// How long the log may take to show that it is there.
const LOG_ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// How often measurements are folded.
const FOLDED_EVERY: Duration = Duration::from_secs(5);

/// What is behind the private address.
#[derive(Clone, Debug)]
pub struct Private {
    /// Asked whether it can be read and appended to.
    pub log: Arc<dyn EventLog>,
    /// What stands behind the log for webhooks, if anything does.
    pub spool: Option<Arc<Spool>>,
    /// What everybody else says.
    pub readiness: Arc<Readiness>,
    /// What this engine does, if it is one of several.
    pub duties: Duties,
    /// What was counted.
    pub page: Page,
}

impl Private {
    /// The router for the listener.
    pub fn router(self) -> Router {
        Router::new()
            .route("/healthz", get(async || "alive\n"))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(self)
    }
}

/// Folds measurements until told to stop, so that they do not pile up where nobody scrapes.
pub async fn keep_folding(page: Page, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(FOLDED_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => page.fold(),
        }
    }
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    /// Why not.
    reasons: Vec<&'static str>,
    /// What is not as it should be, although webhooks are safe.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    degraded: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spool: Option<Outlook>,
    /// Of several engines: what this one does beside letting webhooks in. Without any it stands by, and is as ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    duties: Option<Vec<String>>,
}

/// Without its log an engine is not ready; but one whose spool keeps webhooks must not be cut off from them by whoever
/// asks here before forwarding a request. It is ready, and tells what is wrong.
async fn readyz(State(private): State<Private>) -> impl IntoResponse {
    let mut reasons = private.readiness.reasons();
    let mut log_is_away = false;
    if !matches!(timeout(LOG_ANSWERS_WITHIN, private.log.read_backwards(1)).await, Ok(Ok(_))) {
        reasons.push("the log cannot be read");
        log_is_away = true;
    }
    if !matches!(timeout(LOG_ANSWERS_WITHIN, private.log.append(nothing())).await, Ok(Ok(_))) {
        reasons.push("the log cannot be appended to");
        log_is_away = true;
    }
    let mut degraded: Vec<_> = private.readiness.outdated().into_iter().collect();
    let spool = private.spool.as_ref().map(|spool| spool.outlook());
    if let Some(spool) = &spool {
        if spool.has_room && !private.readiness.is_stopping() && (log_is_away || spool.waiting > 0) {
            degraded.append(&mut reasons);
        }
        if spool.waiting > 0 {
            degraded.push("webhooks wait in the spool");
        }
        if spool.unreadable_segments > 0 {
            degraded.push("a segment of the spool cannot be read");
        }
    }
    let ready = reasons.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let duties = private.duties.held().map(|held| held.iter().map(|duty| duty.label().to_owned()).collect());
    (status, Json(Ready { ready, reasons, degraded, spool, duties }))
}

/// An append that goes all the way and stores nothing: only its expectation is checked.
fn nothing() -> Append {
    Append { stream: StreamName::named("readiness-main"), expected: ExpectedRevision::NoStream, events: Vec::new() }
}

async fn metrics(State(private): State<Private>) -> impl IntoResponse {
    // Told as they are now: an engine that was stopped and goes on is not to show what it had.
    private.duties.measure();
    // The version of Prometheus's text format.
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], private.page.render())
}
