//! Connections from the world, bounded in number and patience. A socket in; requests go through a door.
//!
//! Every limit has an answer: for a connection beyond the limit a silent one gives up its place, or it waits; one that is
//! silent too long between requests, or takes too long over a request's headers, is closed; too many or too long headers
//! are answered with 431 by hyper. HTTP/1.1 only: whoever gives us an HTTPS address has a proxy, and proxies speak it to what is behind them.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Request;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::door::Door;
use super::guests::{Guest, Guests, InHand};
use super::peers::network;
use crate::instructions::Peer;

/// The most headers of a request; more is answered with 431.
const MOST_HEADERS: usize = 64;

/// The most bytes that a request's headers take, and of its body that are read at a time.
const MOST_HEADER_BYTES: usize = 64 * 1024;

/// The wait after an accept that failed, as for want of file descriptors: trying at once would only burn the processor.
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// How soon a newcomer looks again for somebody who is silent, when everybody has a request in hand.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How often within the time that one may be silent it is looked who was; but not more often than this.
const LOOKS: u32 = 16;
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(20);

/// What a listener puts up with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How many connections are open at once.
    pub connections: usize,
    /// How long one may be silent.
    pub idle: Duration,
    /// How long requests in hand may take to finish once the listener is to stop.
    pub grace: Duration,
}

/// Serves until told to stop; then accepts no more, lets the requests in hand finish within the grace, and returns.
pub async fn serve(listener: TcpListener, door: impl Into<Door>, limits: Limits, stop: CancellationToken) {
    let door = door.into();
    // Dropping it ends whatever is left.
    let mut connections = JoinSet::new();
    let mut guests = Guests::default();
    let mut looks = looks(limits.idle);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    while connections.len() >= limits.connections && !stop.is_cancelled() {
                        make_room(&mut connections, &mut guests).await;
                    }
                    let guest = Guest::new(network(peer.ip()));
                    let (farewell, end) = oneshot::channel();
                    let serving = serve_one(stream, Peer(peer), Arc::clone(&guest), door.clone(), end);
                    guests.came(connections.spawn(serving), guest, farewell);
                }
                Err(error) => rest(&error).await,
            },
            Some(ended) = connections.join_next_with_id() => guests.left(task_of(&ended)),
            _ = looks.tick() => see_to_the_silent(&mut guests, limits.idle),
        }
    }
    drop(listener);
    guests.say_farewell();
    let all_ended = async {
        loop {
            tokio::select! {
                ended = connections.join_next_with_id() => match ended {
                    Some(ended) => guests.left(task_of(&ended)),
                    None => break,
                },
                _ = looks.tick() => see_to_the_silent(&mut guests, limits.idle),
            }
        }
    };
    if tokio::time::timeout(limits.grace, all_ended).await.is_err() {
        warn!(connections = connections.len(), "requests were still in hand when the listener stopped");
    }
}

/// The times at which it is looked who is silent.
fn looks(idle: Duration) -> Interval {
    let mut looks = tokio::time::interval((idle / LOOKS).max(LOOK_AT_MOST_EVERY));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

fn see_to_the_silent(guests: &mut Guests, idle: Duration) {
    let connections = guests.ask_the_silent_to_leave(Instant::now(), idle);
    if connections > 0 {
        debug!(connections, "silent for too long");
    }
}

/// Sees off who has left; if that is nobody, asks silent ones to leave, and waits a moment.
async fn make_room(connections: &mut JoinSet<()>, guests: &mut Guests) {
    let before = connections.len();
    while let Some(ended) = connections.try_join_next_with_id() {
        guests.left(task_of(&ended));
    }
    if connections.len() < before {
        return;
    }
    guests.ask_some_to_leave(Instant::now());
    if let Ok(Some(ended)) = tokio::time::timeout(LOOK_AGAIN, connections.join_next_with_id()).await {
        guests.left(task_of(&ended));
    }
}

fn task_of(ended: &Result<(Id, ()), JoinError>) -> Id {
    ended.as_ref().map_or_else(JoinError::id, |(task, ())| *task)
}

async fn serve_one(stream: TcpStream, peer: Peer, guest: Arc<Guest>, door: Door, mut end: oneshot::Receiver<()>) {
    // An answer is one small packet; waiting to fill it would only delay it.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "a connection ended before it began");
        return;
    }
    let service = service_fn(|request: Request<Incoming>| {
        let in_hand = guest.speaks();
        let answering = door.answer(request, peer);
        async move {
            let answer = answering.await;
            // Until the last of the answer has gone: a file takes its time.
            Ok::<_, Infallible>(answer.map(|body| Going { body, _in_hand: in_hand }))
        }
    });
    // Who is silent, before a request or within its headers, is seen to by the listener.
    let connection = http1::Builder::new()
        .max_headers(MOST_HEADERS)
        .max_buf_size(MOST_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = &mut connection => ended,
        // Whether it was asked or the listener is no more.
        _ = &mut end => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Scanners, health checks of proxies and lost networks: nothing that anybody could act upon.
        debug!(%error, "a connection ended badly");
    }
}

/// An answer on its way; the request is in hand for as long.
struct Going<B> {
    body: B,
    _in_hand: InHand,
}

impl<B: Body + Unpin> Body for Going<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

async fn rest(error: &io::Error) {
    warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(AFTER_FAILED_ACCEPT).await;
}
