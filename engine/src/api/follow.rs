//! Following: a stream of server-sent events, one for each gathered change.
//!
//! A follower that comes again with `Last-Event-ID` is told at once which dialogues were touched meanwhile. Nobody waits
//! for a follower: one that is too slow is told that it missed something, and asks again for whatever it shows.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chatledger_projections::ids::ThreadId;
use chatledger_projections::recorded::Position;
use futures_util::stream::unfold;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::Api;
use super::parameters::Parameters;
use super::problem::Problem;
use super::questions::thread_id;
use crate::reading::{Follower, Heard, Notice, ReadingError};

/// How often a silent stream shows that it lives, so that no proxy takes it for dead.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

/// Over how many missed events a returning follower is told what was touched; beyond that it is told to ask for everything.
const MADE_UP_AT_MOST: usize = 5_000;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

struct Following {
    follower: Follower,
    only: Option<ThreadId>,
    first: Option<Bytes>,
    end: CancellationToken,
    _place: OwnedSemaphorePermit,
}

/// Follow what happens: one server-sent event `changed` for each gathered change, its id the position
#[utoipa::path(get, path = "/follow", tag = "reading", params(
    ("thread" = Option<uuid::Uuid>, Query, description = "Only what touches this dialogue."),
    ("Last-Event-ID" = Option<String>, Header, description = "The last position that was heard: what came since is told first."),
), responses(
    (status = 200, body = String, content_type = "text/event-stream",
     description = "`event: changed` with a notice as data; `event: skipped` when changes were missed."),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = "5XX", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn follow(
    State(api): State<Api>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(query.as_deref())?;
    let only = parameters.text("thread")?.map(|text| thread_id(&text)).transpose()?;
    parameters.finish()?;
    let heard = heard_up_to(&headers)?;
    let place = std::sync::Arc::clone(&api.followers).try_acquire_owned();
    let place = place.map_err(|_| Problem::crowded("as many follow as may; raise `reading.followers`"))?;
    // First the ear, then the past: nothing falls in between.
    let follower = api.reader.follow().ok_or(ReadingError::Off)?;
    let first = match heard {
        Some(position) => made_up(&api, position, only).await?,
        None => Some(Bytes::from_static(b": following\n\n")),
    };
    let following = Following { follower, only, first, end: api.end.clone(), _place: place };
    let stream = unfold(following, |mut following| async move {
        let frame = following.next().await?;
        Some((Ok::<_, std::convert::Infallible>(frame), following))
    });
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy that gathers answers would keep what is to be seen at once.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

impl Following {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            tokio::select! {
                biased;
                () = self.end.cancelled() => return None,
                heard = self.follower.next() => match heard {
                    Heard::Changed(notice) => {
                        let concerns = self.only.is_none_or(|only| notice.threads.contains(&only) || notice.more_threads);
                        if concerns {
                            return Some(notice.frame());
                        }
                    }
                    Heard::Skipped(missed) => return Some(skipped(missed)),
                    Heard::Ended => return None,
                },
                () = tokio::time::sleep(ALIVE_EVERY) => return Some(Bytes::from_static(b": alive\n\n")),
            }
        }
    }
}

fn heard_up_to(headers: &HeaderMap) -> Result<Option<Position>, Problem> {
    let Some(value) = headers.get(&LAST_EVENT_ID) else { return Ok(None) };
    let position = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    position.map(Some).ok_or_else(|| Problem::bad_value("last-event-id", "it is not a position, such as 1042"))
}

/// What a returning follower missed.
async fn made_up(api: &Api, position: Position, only: Option<ThreadId>) -> Result<Option<Bytes>, Problem> {
    let standpoint = api.reader.standpoint().await?;
    let Some(newest) = standpoint.position.filter(|newest| *newest > position) else { return Ok(None) };
    let Some(threads) = api.reader.touched_since(position, MADE_UP_AT_MOST).await? else {
        return Ok(Some(skipped(0)));
    };
    if only.is_some_and(|only| !threads.contains(&only)) {
        return Ok(None);
    }
    let notice = Notice::new(newest, threads, false, Vec::new());
    Ok(Some(notice.frame()))
}

/// Says that changes were missed; how many notices, where that is known.
fn skipped(notices: u64) -> Bytes {
    Bytes::from(format!("event: skipped\ndata: {{\"notices\":{notices}}}\n\n"))
}
