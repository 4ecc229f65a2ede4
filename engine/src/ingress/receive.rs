//! The path of a webhook: read, verify, seal, append, answer.
//!
//! A request comes in; an answer goes out, and if it is 200, the body is in the log or, if there is one, in the spool
//! before it. What it says is never asked, and
//! whoever is refused is not told why. Nothing here logs a path: with some platforms it holds the secret.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use chatledger_connectors::connector::{InboundRequest, Rejection, Verified};
use chatledger_projections::event::{Event, Transport, WebhookReceived};
use chatledger_projections::ids::{ConnectionName, EventId};
use chatledger_projections::recorded::StreamName;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};
use tracing::{debug, error, info, warn};

use super::Readiness;
use super::address::Address;
use super::body::{self, Unread};
use super::peers::Peers;
use crate::clock::Clock;
use crate::config::{Account, Server};
use crate::instructions::Peer;
use crate::log::{Append, AppendError, Appended, EventLog, ExpectedRevision, codec};
use crate::metrics;
use crate::spool::{Spool, Way};

/// How long a request waits for a place, if all are taken. The shortest patience that we know of is amoCRM's, 5 seconds.
const PLACE_WITHIN: Duration = Duration::from_secs(1);

/// One of so many places may be a distrusted peer's.
const SHARE_OF_DISTRUSTED: usize = 8;

/// What is behind the address at which webhooks arrive.
#[derive(Debug)]
pub struct Ingress {
    inlets: HashMap<ConnectionName, Inlet>,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    readiness: Arc<Readiness>,
    spool: Option<BehindLog>,
    max_body: usize,
    request_timeout: Duration,
    places: Places,
    peers: Peers,
    replay_window: Option<Duration>,
}

/// What stands behind the log when it does not take a webhook.
#[derive(Debug)]
struct BehindLog {
    spool: Arc<Spool>,
    /// How long the log may take.
    after: Duration,
}

/// One connection's way in.
struct Inlet {
    name: ConnectionName,
    account: Account,
    counters: metrics::Inlet,
}

impl fmt::Debug for Inlet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Inlet").field("name", &self.name).field("account", &self.account).finish()
    }
}

impl Ingress {
    /// The way in for these accounts. Metrics are to be [installed](metrics::install) before.
    pub fn new<'a>(
        accounts: impl IntoIterator<Item = (&'a ConnectionName, &'a Account)>,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        readiness: Arc<Readiness>,
        server: &Server,
    ) -> Self {
        let inlet = |(name, account): (&ConnectionName, &Account)| {
            let counters = metrics::Inlet::of(name);
            (name.clone(), Inlet { name: name.clone(), account: account.clone(), counters })
        };
        Self {
            inlets: accounts.into_iter().map(inlet).collect(),
            log,
            clock,
            readiness,
            spool: None,
            max_body: server.max_body,
            request_timeout: server.request_timeout,
            places: Places::new(server.max_requests),
            peers: Peers::new(server.refusals_per_minute, server.peer_header.clone()),
            replay_window: server.replay_window,
        }
    }

    /// With a spool for what the log has not taken after so long.
    #[must_use]
    pub fn with_spool(mut self, spool: Arc<Spool>, after: Duration) -> Self {
        self.spool = Some(BehindLog { spool, after });
        self
    }

    /// The router for the listener.
    pub fn router(self) -> Router {
        Router::new().fallback(answer).with_state(Arc::new(self))
    }

    async fn receive(&self, inlet: &Inlet, tail: &str, trust: Trust, asked: &Parts, body: &mut Body) -> Answer {
        let Parts { method, headers, uri, .. } = asked;
        if method != Method::POST && !(method == Method::GET && inlet.account.connection.tells_by_get()) {
            return Answer::WrongMethod;
        }
        let began = Instant::now();
        let deadline = began + self.request_timeout;
        // Half of the time is for what the place is taken for.
        let Some(_place) = self.places.take(trust, began + PLACE_WITHIN.min(self.request_timeout / 2)).await else {
            return Answer::Busy;
        };
        let body = match timeout_at(deadline, body::read(body, self.max_body)).await {
            Ok(Ok(body)) => body,
            Ok(Err(Unread::TooLarge)) => return Answer::TooLarge,
            Ok(Err(Unread::BrokenOff)) => return Answer::BrokenOff,
            Err(_) => return Answer::TooSlow,
        };
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let query = uri.query().unwrap_or_default();
        let request = InboundRequest { method: method.as_str(), tail, query, headers: &headers, body: &body };
        match inlet.account.connection.verify(&request, &inlet.account.secrets) {
            Ok(verified) if self.is_stale(&verified) => Answer::Stale,
            Ok(verified) => self.record(inlet, verified, body, deadline).await,
            Err(rejection) => Answer::Rejected(rejection),
        }
    }

    /// Whether it says, under its proof, that it is older than we take. What claims to come from the future is as new as
    /// can be: clocks differ.
    fn is_stale(&self, verified: &Verified) -> bool {
        match (self.replay_window, verified.said_at()) {
            (Some(window), Some(said_at)) => self.clock.now().since(said_at) > window,
            (None, _) | (_, None) => false,
        }
    }

    async fn record(&self, inlet: &Inlet, verified: Verified, body: Vec<u8>, deadline: Instant) -> Answer {
        let id = verified.id();
        let size = body.len();
        let body = verified.body(body);
        let event = Event::WebhookReceived(WebhookReceived {
            connection: inlet.name.clone(),
            platform: inlet.account.connector.platform().to_owned(),
            transport: Transport::Webhook,
            headers: verified.into_headers(),
            body,
        });
        let now = self.clock.now();
        // Sealed again for the spool rather than copied for it: while the log is well, nothing is done twice.
        let seal = || Append {
            stream: StreamName::webhook(id),
            expected: ExpectedRevision::NoStream,
            events: vec![codec::seal(&event, id, now, None, None)],
        };
        let answer = match &self.spool {
            None => self.record_in_log(inlet, id, seal(), deadline).await,
            Some(behind) => self.record_somewhere(inlet, id, seal, behind, deadline).await,
        };
        match answer {
            Answer::Recorded | Answer::AlreadyRecorded | Answer::Spooled => {
                debug!(connection = %inlet.name, event = %id, bytes = size, answer = answer.label(), "webhook received");
            }
            // The log is well; the event is not.
            Answer::TooLarge
            | Answer::NoLog
            | Answer::BrokenOff
            | Answer::TooSlow
            | Answer::Rejected(_)
            | Answer::WrongMethod
            | Answer::Stale
            | Answer::Nowhere
            | Answer::Busy => {}
        }
        answer
    }

    /// The log takes it, or it is not recorded.
    async fn record_in_log(&self, inlet: &Inlet, id: EventId, append: Append, deadline: Instant) -> Answer {
        match timeout_at(deadline, self.log.append(append)).await {
            Ok(answered) => match self.verdict(answered) {
                Ok(answer) => answer,
                Err(error) => {
                    self.readiness.append_failed();
                    error!(connection = %inlet.name, event = %id, error = &error as &dyn Error, "webhook not recorded");
                    Answer::NoLog
                }
            },
            Err(_) => {
                self.readiness.append_failed();
                error!(connection = %inlet.name, event = %id, "webhook not recorded: the log takes too long");
                Answer::NoLog
            }
        }
    }

    /// The log takes it, or the spool does. The log is asked first, unless earlier ones of this connection wait in the
    /// spool; and last, if the spool has no room.
    async fn record_somewhere(
        &self,
        inlet: &Inlet,
        id: EventId,
        seal: impl Fn() -> Append,
        BehindLog { spool, after }: &BehindLog,
        deadline: Instant,
    ) -> Answer {
        match spool.way(&inlet.name, *after).await {
            Way::Log => {}
            Way::Spool => return self.record_in_spool(inlet, id, seal(), spool, deadline).await,
        }
        let mut appending = pin!(self.log.append(seal()));
        let until = deadline.min(Instant::now() + *after);
        match timeout_at(until, &mut appending).await {
            Ok(answered) => match self.verdict(answered) {
                Ok(answer) => answer,
                Err(error) => {
                    warn!(connection = %inlet.name, event = %id, error = &error as &dyn Error, "the log did not take a webhook; it goes to the spool");
                    self.record_in_spool(inlet, id, seal(), spool, deadline).await
                }
            },
            Err(_) => {
                warn!(connection = %inlet.name, event = %id, "the log takes too long over a webhook; it goes to the spool");
                match self.record_in_spool(inlet, id, seal(), spool, deadline).await {
                    // The log is still at it.
                    Answer::NoLog => match timeout_at(deadline, appending).await {
                        Ok(answered) => self.verdict(answered).unwrap_or(Answer::NoLog),
                        Err(_) => Answer::NoLog,
                    },
                    answer => answer,
                }
            }
        }
    }

    async fn record_in_spool(
        &self,
        inlet: &Inlet,
        id: EventId,
        append: Append,
        spool: &Arc<Spool>,
        deadline: Instant,
    ) -> Answer {
        match timeout_at(deadline, spool.keep(&inlet.name, append)).await {
            Ok(Ok(())) => Answer::Spooled,
            Ok(Err(error)) => {
                self.readiness.append_failed();
                error!(connection = %inlet.name, event = %id, error = &error as &dyn Error, "webhook not recorded");
                Answer::NoLog
            }
            Err(_) => {
                self.readiness.append_failed();
                error!(connection = %inlet.name, event = %id, "webhook not recorded: the spool takes too long");
                Answer::NoLog
            }
        }
    }

    /// What the log's answer means for the webhook; an error if the log may not have taken it.
    fn verdict(&self, answered: Result<Appended, AppendError>) -> Result<Answer, AppendError> {
        let answer = match answered {
            Ok(appended) if !appended.already => Answer::Recorded,
            // The same event stands there, or another reading of the same delivery: either way we have it.
            Ok(_) | Err(AppendError::Conflict { .. }) => Answer::AlreadyRecorded,
            Err(AppendError::TooLarge { .. }) => return Ok(Answer::TooLarge),
            Err(error @ (AppendError::Unavailable { .. } | AppendError::Unknown { .. })) => return Err(error),
        };
        self.readiness.append_worked();
        Ok(answer)
    }
}

/// Answers one request, counts it, and says what it was if it was not recorded.
async fn answer(State(ingress): State<Arc<Ingress>>, request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    let connected = parts.extensions.get::<Peer>().map(|Peer(address)| address.ip());
    let peer = connected.and_then(|connected| ingress.peers.of(connected, &parts.headers));
    let distrusted = peer.and_then(|peer| ingress.peers.distrusted_for(peer, Instant::now()));
    let trust = distrusted.map_or(Trust::Usual, |left| Trust::Spent { left });
    let found = Address::of(parts.uri.path())
        .and_then(|address| ingress.inlets.get(&*address.connection).map(|inlet| (inlet, address.tail)));
    let answer = match &found {
        Some((inlet, tail)) => {
            let answer = ingress.receive(inlet, tail, trust, &parts, &mut body).await;
            match answer {
                Answer::Recorded | Answer::Spooled => inlet.counters.recorded(),
                Answer::AlreadyRecorded => inlet.counters.duplicate(),
                Answer::Rejected(_)
                | Answer::TooLarge
                | Answer::TooSlow
                | Answer::BrokenOff
                | Answer::WrongMethod
                | Answer::Nowhere
                | Answer::Stale
                | Answer::Busy
                | Answer::NoLog => {
                    inlet.counters.refused(answer.label());
                    // A distrusted peer was told often enough what is wrong, and so was the log.
                    if trust == Trust::Usual || !answer.is_the_senders_fault() {
                        info!(connection = %inlet.name, reason = answer.label(), "request refused");
                    }
                }
            }
            answer
        }
        None => {
            metrics::nowhere();
            Answer::Nowhere
        }
    };
    if answer.is_the_senders_fault() {
        if let Some(peer) = peer {
            ingress.peers.refused(peer, Instant::now());
        }
        if let Trust::Spent { left } = trust {
            metrics::distrusted();
            return slow_down(left);
        }
    }
    // Who asks first whether to send is not to send.
    if answer.leaves_body() && !parts.headers.contains_key(header::EXPECT) {
        body::hear_out(&mut body).await;
    }
    answer.response()
}

/// The answer to a refused request of a distrusted peer.
fn slow_down(left: Duration) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(left.as_secs() + 1));
    response
}

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    /// It is on disk.
    Recorded,
    /// It was on disk already.
    AlreadyRecorded,
    /// It is on disk, in the spool.
    Spooled,
    /// It is not the platform's.
    Rejected(Rejection),
    /// It is larger than we take.
    TooLarge,
    /// It took longer than we wait.
    TooSlow,
    /// Its body did not come to an end.
    BrokenOff,
    /// Webhooks are posted.
    WrongMethod,
    /// There is no such address.
    Nowhere,
    /// There are too many in hand.
    Busy,
    /// It is older than we take.
    Stale,
    /// Neither the log nor a spool took it, or said so.
    NoLog,
}

impl Answer {
    /// The answer as a word, for counters and logs.
    const fn label(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::AlreadyRecorded => "already_recorded",
            Self::Spooled => "spooled",
            Self::Rejected(rejection) => rejection.label(),
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::BrokenOff => "broken_off",
            Self::WrongMethod => "wrong_method",
            Self::Nowhere => "nowhere",
            Self::Stale => "stale",
            Self::Busy => "busy",
            Self::NoLog => "no_log",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            // Exactly 200: with some platforms, 201, 202 and 204 count as failures.
            Self::Recorded | Self::AlreadyRecorded | Self::Spooled => StatusCode::OK,
            Self::Rejected(Rejection::Unproven) => StatusCode::UNAUTHORIZED,
            Self::Rejected(Rejection::Forged | Rejection::Misdirected) | Self::Stale => StatusCode::FORBIDDEN,
            Self::Rejected(Rejection::WrongMethod) | Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenOff => StatusCode::BAD_REQUEST,
            Self::Nowhere => StatusCode::NOT_FOUND,
            Self::Busy | Self::NoLog => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Whether the body may not have been read to its end although its sender deserves an answer.
    const fn leaves_body(self) -> bool {
        match self {
            Self::TooLarge | Self::WrongMethod | Self::Nowhere => true,
            // With too many in hand, listening would keep us busy.
            Self::Busy | Self::TooSlow | Self::BrokenOff => false,
            Self::Recorded | Self::AlreadyRecorded | Self::Spooled | Self::Rejected(_) | Self::Stale | Self::NoLog => {
                false
            }
        }
    }

    /// Whether it counts against whoever sent it.
    const fn is_the_senders_fault(self) -> bool {
        match self {
            Self::Rejected(_)
            | Self::TooLarge
            | Self::TooSlow
            | Self::BrokenOff
            | Self::WrongMethod
            | Self::Nowhere
            | Self::Stale => true,
            Self::Recorded | Self::AlreadyRecorded | Self::Spooled | Self::Busy | Self::NoLog => false,
        }
    }

    fn response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        match self {
            Self::Recorded | Self::AlreadyRecorded | Self::Spooled => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                *response.body_mut() = Body::from("{}");
            }
            Self::Rejected(Rejection::WrongMethod) | Self::WrongMethod => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            // Those in hand take moments; a log that is away takes longer.
            Self::Busy => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::NoLog => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            Self::Rejected(Rejection::Unproven | Rejection::Forged | Rejection::Misdirected)
            | Self::TooLarge
            | Self::TooSlow
            | Self::BrokenOff
            | Self::Stale
            | Self::Nowhere => {}
        }
        response
    }
}

/// How many requests are in hand. When all places are taken, the next request waits a moment for one, for there are
/// platforms that do not ask twice, and is then answered with 503.
#[derive(Debug)]
struct Places {
    all: Semaphore,
    /// How many of them distrusted peers take at most.
    distrusted: Semaphore,
}

impl Places {
    fn new(all: usize) -> Self {
        Self { all: Semaphore::new(all), distrusted: Semaphore::new((all / SHARE_OF_DISTRUSTED).max(1)) }
    }

    /// A place until it is dropped, if there is one in time.
    async fn take(&self, trust: Trust, until: Instant) -> Option<Place<'_>> {
        let taking = async {
            let share = match trust {
                Trust::Usual => None,
                Trust::Spent { .. } => Some(self.distrusted.acquire().await.ok()?),
            };
            Some(Place { _share: share, _place: self.all.acquire().await.ok()? })
        };
        timeout_at(until, taking).await.ok()?
    }
}

/// One request in hand.
struct Place<'a> {
    _share: Option<SemaphorePermit<'a>>,
    _place: SemaphorePermit<'a>,
}

/// What is thought of whoever sent a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Trust {
    /// No worse than of others.
    Usual,
    /// It was refused too often.
    Spent {
        /// For how long this is held against it.
        left: Duration,
    },
}
