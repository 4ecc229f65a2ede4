//! Connections from the world, bounded in number and patience. A socket in; requests go to a router.
//!
//! Every limit has an answer: for a connection beyond the limit a silent one gives up its place, or it waits; one that is
//! silent too long between requests, or takes too long over a request's headers, is closed; too many or too long headers
//! are answered with 431 by hyper. HTTP/1.1 only: whoever gives us an HTTPS address has a proxy, and proxies speak it to what is behind them.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::guests::{Guest, Guests};
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
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    // Dropping it ends whatever is left.
    let mut connections = JoinSet::new();
    let mut guests = Guests::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    while connections.len() >= limits.connections && !stop.is_cancelled() {
                        make_room(&mut connections, &mut guests).await;
                    }
                    let guest = Guest::new(network(peer.ip()));
                    let serving =
                        serve_one(stream, Peer(peer), Arc::clone(&guest), router.clone(), limits.idle, stop.clone());
                    guests.came(connections.spawn(serving).id(), guest);
                }
                Err(error) => rest(&error).await,
            },
            Some(ended) = connections.join_next_with_id() => guests.left(task_of(&ended)),
        }
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.grace, all_ended).await.is_err() {
        warn!(connections = connections.len(), "requests were still in hand when the listener stopped");
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

async fn serve_one(
    stream: TcpStream,
    peer: Peer,
    guest: Arc<Guest>,
    router: Router,
    idle: Duration,
    stop: CancellationToken,
) {
    // An answer is one small packet; waiting to fill it would only delay it.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "a connection ended before it began");
        return;
    }
    let router = TowerToHyperService::new(router);
    let leave = guest.leave.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let in_hand = guest.speaks();
        request.extensions_mut().insert(peer);
        let answering = router.call(request);
        async move {
            let answer: Response = answering.await?;
            // Until the last of the answer has gone: a file takes its time.
            Ok::<_, Infallible>(answer.map(|body| {
                body.map_err(move |error| {
                    let _in_hand = &in_hand;
                    error
                })
            }))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Also counts while a connection is kept alive and nothing comes.
        .header_read_timeout(idle)
        .max_headers(MOST_HEADERS)
        .max_buf_size(MOST_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = leave.cancelled() => {
            debug!("a silent connection gave up its place");
            return;
        }
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Scanners, health checks of proxies and lost networks: nothing that anybody could act upon.
        debug!(%error, "a connection ended badly");
    }
}

async fn rest(error: &io::Error) {
    warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(AFTER_FAILED_ACCEPT).await;
}
