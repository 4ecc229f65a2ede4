//! What reaches an open page by itself: server-sent events, one stream for each page that is looked at.
//!
//! Takes notices that something changed; asks what it is now, and sends what differs from what the page has. A browser that
//! lost its stream comes again and says how far it got. Streams end with the program, and count as one connection each.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chatledger_projections::recorded::Position;
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;

use super::Console;
use crate::reading::{Follower, Heard, Notice};

/// A word in the silence, so that proxies do not take a quiet stream for a dead one.
const BREATH: Duration = Duration::from_secs(15);

/// What a page that is followed needs to be told.
pub trait Followed: Send + 'static {
    /// What differs from what the page has. `notice` is what is known to have changed; without one anything may have.
    fn news(&mut self, notice: Option<&Notice>) -> impl Future<Output = Option<Event>> + Send;
}

struct Following<F> {
    followed: F,
    follower: Follower,
    end: tokio_util::sync::CancellationToken,
    has_begun: bool,
    _place: OwnedSemaphorePermit,
}

/// Follows until the reader leaves or the program ends.
pub fn follow(console: &Console, followed: impl Followed) -> Response {
    let Some(follower) = console.reader.follow() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let Ok(place) = Arc::clone(&console.followers).try_acquire_owned() else {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    };
    let following = Following { followed, follower, end: console.end.clone(), has_begun: false, _place: place };
    let events = stream::unfold(following, |mut following| async move {
        let event = following.next().await?;
        Some((Ok::<_, Infallible>(event), following))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(BREATH)).into_response()
}

impl<F: Followed> Following<F> {
    async fn next(&mut self) -> Option<Event> {
        // What happened between the making of the page and now.
        if !self.has_begun {
            self.has_begun = true;
            if let Some(event) = self.followed.news(None).await {
                return Some(event);
            }
        }
        loop {
            let heard = tokio::select! {
                () = self.end.cancelled() => return None,
                heard = self.follower.next() => heard,
            };
            let news = match heard {
                Heard::Changed(notice) => self.followed.news(Some(&notice)).await,
                Heard::Skipped(_) => self.followed.news(None).await,
                Heard::Ended => return None,
            };
            if news.is_some() {
                return news;
            }
        }
    }
}

/// How far a page got: what the browser says when it comes again, else what stands in the address.
pub fn got_to(headers: &HeaderMap, asked: Option<&str>) -> Option<Position> {
    let again = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    again.or(asked).and_then(|position| position.parse().ok())
}
