//! A stage for simulated platforms: models that know no sockets, behind real HTTP on this machine's loopback.
//!
//! Requests of an engine come in and are answered by the model at whose address they arrive; whatever webhooks the model
//! sends go out to the engine after their delay, and again if it does not take them, as far as the platform's manners
//! allow. Faults happen on demand, and everything that was said is kept. What a scene is about, or whether it went
//! well, is not known here: the demonstration and the service tests share this stage.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Query, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chatledger_connectors::connector::{FormPart, Request};
use chatledger_connectors::simulator::{Emitted, Gesture, Line, Reaction, Simulator};
use chatledger_projections::files::Stored;
use chatledger_projections::ids::ConnectionName;
use chatledger_projections::time::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpListener;
use tokio_util::io::ReaderStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::clock::Clock;

/// The most of a request's body that a platform listens to.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// How long an answer that never comes is withheld; whoever still waits then finds the connection broken.
const SWALLOWED_FOR: Duration = Duration::from_secs(120);

/// How long a platform waits for the engine to take a webhook. The least patient one that we know waits so long.
const WEBHOOK_PATIENCE: Duration = Duration::from_secs(5);

/// How many calls other programs make at most to use up an account's quota.
const CROWD_AT_MOST: usize = 1_000;

/// What of a path's segment goes over the wire as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Simulated platforms behind HTTP, and the engine that they send their webhooks to.
#[derive(Debug)]
pub struct Stage {
    houses: BTreeMap<ConnectionName, Arc<House>>,
    outside: Arc<Outside>,
    /// With the stage, its listeners and its webhooks end.
    _curtain: DropGuard,
}

/// An address on loopback, taken before it is known who will answer there: an account's settings name it.
#[derive(Debug)]
pub struct Place {
    listener: TcpListener,
    address: SocketAddr,
}

/// How a platform sends its webhooks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Manners {
    /// How often it tries again if the engine does not take one.
    pub retries: u32,
    /// How long it waits before it does.
    pub pause: Duration,
}

/// Something that goes wrong with the next request to a platform.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Other programs use up the account's quota first, so that the model refuses the request by its own rules.
    Crowded,
    /// The platform does what is asked, and its answer is never heard.
    Swallowed,
    /// The platform does what is asked, and answers late.
    Held(Duration),
    /// Nothing is done, and this is answered.
    Answered(Reaction),
}

/// A request to a platform, and how it was answered.
#[derive(Clone, PartialEq, Debug)]
pub struct Exchange {
    /// When it came.
    pub at: Timestamp,
    /// What was asked.
    pub request: Request,
    /// What the model answered, whether or not anybody heard it.
    pub status: u16,
    /// Whether the answer was swallowed.
    pub swallowed: bool,
}

/// A webhook of a platform, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    /// The webhook.
    pub webhook: Emitted,
    /// How often it was sent.
    pub tries: u32,
    /// How the engine answered last; absent if it did not.
    pub status: Option<u16>,
    /// Whether the platform is done with it.
    pub done: bool,
}

/// A file as it lies at a platform.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lying {
    /// What it holds.
    pub content: Held,
    /// What it is said to be.
    pub media_type: &'static str,
}

/// What a lying file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    /// So many bytes of a pattern, so that the largest takes no room.
    Pattern(u64),
    /// These bytes.
    Bytes(&'static [u8]),
}

impl Lying {
    /// What stands at a place of the pattern.
    pub const fn byte_at(place: u64) -> u8 {
        (place % 251) as u8
    }

    fn shown(&self) -> Response {
        let (body, length) = match self.content {
            Held::Pattern(bytes) => {
                let pattern = Pattern { place: 0, bytes };
                (Body::from_stream(ReaderStream::with_capacity(pattern, PIECE)), bytes)
            }
            Held::Bytes(bytes) => (Body::from(bytes), bytes.len() as u64),
        };
        let mut response = Response::new(body);
        response.headers_mut().insert("content-type", HeaderValue::from_static(self.media_type));
        response.headers_mut().insert("content-length", length.into());
        response
    }
}

/// How much of a lying file goes at a time.
const PIECE: usize = 64 * 1024;

/// The bytes of a lying file, made when they are read.
struct Pattern {
    place: u64,
    bytes: u64,
}

impl AsyncRead for Pattern {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let left = usize::try_from(self.bytes - self.place).unwrap_or(usize::MAX);
        for _ in 0..left.min(buffer.remaining()) {
            buffer.put_slice(&[Lying::byte_at(self.place)]);
            self.place += 1;
        }
        Poll::Ready(Ok(()))
    }
}

/// Why a person could not do something.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Impossible {
    /// There is no such connection on stage.
    #[error("nobody plays {connection}")]
    NotOnStage {
        /// Which was meant.
        connection: ConnectionName,
    },
    /// The model says no.
    #[error("at {connection}: {why}")]
    Refused {
        /// Where.
        connection: ConnectionName,
        /// Why.
        why: String,
    },
    /// There is nothing to repeat yet.
    #[error("{connection} has not sent any webhook yet")]
    NothingSent {
        /// Where.
        connection: ConnectionName,
    },
}

/// What all platforms share.
struct Outside {
    clock: Arc<dyn Clock>,
    /// Where the engine takes webhooks.
    ingress: SocketAddr,
    client: reqwest::Client,
    ended: CancellationToken,
}

/// One platform at its address.
struct House {
    name: ConnectionName,
    manners: Manners,
    outside: Arc<Outside>,
    inside: Mutex<Inside>,
}

struct Inside {
    simulator: Box<dyn Simulator>,
    faults: VecDeque<Fault>,
    exchanges: Vec<Exchange>,
    sent: Vec<Sent>,
    files: BTreeMap<String, Lying>,
}

impl Place {
    /// Takes a free port.
    pub async fn reserve() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address as an account's settings name it. It has no path: there are platforms that sign theirs.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Manners {
    /// A webhook is sent once and never again.
    pub const ONCE: Self = Self { retries: 0, pause: Duration::ZERO };
}

impl Stage {
    /// An empty stage before an engine whose webhooks arrive at this address.
    pub fn before(ingress: SocketAddr, clock: Arc<dyn Clock>) -> Result<Self, reqwest::Error> {
        // Whatever proxy the machine has: everything here stays on the machine.
        let client = reqwest::Client::builder().no_proxy().timeout(WEBHOOK_PATIENCE).build()?;
        let ended = CancellationToken::new();
        let outside = Arc::new(Outside { clock, ingress, client, ended: ended.clone() });
        Ok(Self { houses: BTreeMap::new(), outside, _curtain: ended.drop_guard() })
    }

    /// Lets a model answer at a place under a connection's name.
    pub fn host(&mut self, name: ConnectionName, place: Place, simulator: Box<dyn Simulator>, manners: Manners) {
        let inside = Inside {
            simulator,
            faults: VecDeque::new(),
            exchanges: Vec::new(),
            sent: Vec::new(),
            files: BTreeMap::new(),
        };
        let outside = self.outside.clone();
        let house = Arc::new(House { name: name.clone(), manners, outside, inside: Mutex::new(inside) });
        // Files are counted, not held.
        let router = Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(house.clone());
        let ended = self.outside.ended.clone();
        tokio::spawn(async move {
            let serving = axum::serve(place.listener, router);
            tokio::select! {
                // It ends only with its task.
                _ = serving.into_future() => {}
                () = ended.cancelled() => {}
            }
        });
        self.houses.insert(name, house);
    }

    /// Lets a person do something in a platform's own windows.
    pub fn gesture(&self, at: &ConnectionName, gesture: &Gesture) -> Result<(), Impossible> {
        let house = self.house(at)?;
        let now = self.outside.clock.now();
        let emitted = house.inside().simulator.gesture(gesture, now);
        let emitted = emitted.map_err(|why| Impossible::Refused { connection: at.clone(), why })?;
        house.send_all(emitted);
        Ok(())
    }

    /// Lets a platform send recorded bytes as a webhook of its own.
    pub fn say(&self, at: &ConnectionName, body: &[u8]) -> Result<(), Impossible> {
        let house = self.house(at)?;
        let emitted = house.inside().simulator.say(body.to_vec());
        house.send_all(vec![emitted]);
        Ok(())
    }

    /// Lets a platform send its last webhook once more, byte for byte.
    pub fn repeat(&self, at: &ConnectionName) -> Result<(), Impossible> {
        let house = self.house(at)?;
        let last = house.inside().sent.last().map(|sent| Emitted { after: Duration::ZERO, ..sent.webhook.clone() });
        let last = last.ok_or_else(|| Impossible::NothingSent { connection: at.clone() })?;
        house.send_all(vec![last]);
        Ok(())
    }

    /// Lets something go wrong with the next request to a platform; faults wait in line, one for each request.
    pub fn fault(&self, at: &ConnectionName, fault: Fault) -> Result<(), Impossible> {
        self.house(at)?.inside().faults.push_back(fault);
        Ok(())
    }

    /// Everything that people see at a platform, oldest first; nothing if it is not on stage.
    pub fn transcript(&self, at: &ConnectionName) -> Vec<Line> {
        self.look(at, |inside| inside.simulator.transcript())
    }

    /// The requests that came to a platform, oldest first.
    pub fn exchanges(&self, at: &ConnectionName) -> Vec<Exchange> {
        self.look(at, |inside| inside.exchanges.clone())
    }

    /// The webhooks of a platform, in the order in which they were due to be sent, as far as their time has come.
    pub fn sent(&self, at: &ConnectionName) -> Vec<Sent> {
        self.look(at, |inside| inside.sent.clone())
    }

    /// Lays a file under a path of a platform's own address.
    pub fn lay(&self, at: &ConnectionName, path: &str, lying: Lying) -> Result<(), Impossible> {
        self.house(at)?.inside().files.insert(path.to_owned(), lying);
        Ok(())
    }

    /// Who is on stage.
    pub fn names(&self) -> impl Iterator<Item = &ConnectionName> {
        self.houses.keys()
    }

    /// Whether no platform has a webhook left to send and no fault waits.
    pub fn is_quiet(&self) -> bool {
        self.houses.values().all(|house| {
            let inside = house.inside();
            inside.faults.is_empty() && inside.sent.iter().all(|sent| sent.done)
        })
    }

    fn house(&self, at: &ConnectionName) -> Result<&Arc<House>, Impossible> {
        self.houses.get(at).ok_or_else(|| Impossible::NotOnStage { connection: at.clone() })
    }

    fn look<T: Default>(&self, at: &ConnectionName, look: impl FnOnce(&Inside) -> T) -> T {
        self.houses.get(at).map(|house| look(&house.inside())).unwrap_or_default()
    }
}

impl House {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        // A model that panicked shows what it had until then.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lying(&self, path: &str) -> Option<Lying> {
        self.inside().files.get(path).cloned()
    }

    /// Lets the model answer, with whatever goes wrong.
    fn handle(self: &Arc<Self>, request: Request) -> (Reaction, Option<Fault>) {
        let now = self.outside.clock.now();
        let mut inside = self.inside();
        let fault = inside.faults.pop_front();
        let reaction = match &fault {
            None | Some(Fault::Swallowed | Fault::Held(_)) => inside.simulator.handle(&request, now),
            Some(Fault::Crowded) => {
                crowd(&mut *inside.simulator, now);
                inside.simulator.handle(&request, now)
            }
            Some(Fault::Answered(reaction)) => reaction.clone(),
        };
        let swallowed = fault == Some(Fault::Swallowed);
        inside.exchanges.push(Exchange { at: now, request, status: reaction.status, swallowed });
        drop(inside);
        self.send_all(reaction.webhooks.clone());
        (reaction, fault)
    }

    fn send_all(self: &Arc<Self>, emitted: Vec<Emitted>) {
        for webhook in emitted {
            let mut inside = self.inside();
            inside.sent.push(Sent { webhook: webhook.clone(), tries: 0, status: None, done: false });
            let index = inside.sent.len() - 1;
            drop(inside);
            let house = self.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = house.send(index, webhook) => {}
                    () = house.outside.ended.cancelled() => {}
                }
            });
        }
    }

    /// Sends one webhook until the engine has taken it, or as often as manners allow.
    async fn send(&self, index: usize, webhook: Emitted) {
        tokio::time::sleep(webhook.after).await;
        for left in (0..=self.manners.retries).rev() {
            let status = self.post(&webhook).await;
            let taken = status.is_some_and(|status| (200..300).contains(&status));
            let done = taken || left == 0;
            if let Some(sent) = self.inside().sent.get_mut(index) {
                sent.tries += 1;
                sent.status = status;
                sent.done = done;
            }
            if done {
                return;
            }
            tokio::time::sleep(self.manners.pause).await;
        }
    }

    async fn post(&self, webhook: &Emitted) -> Option<u16> {
        let mut url = format!("http://{}/hooks/{}", self.outside.ingress, encoded(self.name.as_str()));
        for segment in webhook.tail.split('/').filter(|segment| !segment.is_empty()) {
            url.push('/');
            url.push_str(&encoded(segment));
        }
        let mut request = self.outside.client.post(url).body(webhook.body.clone());
        for (name, value) in &webhook.headers {
            request = request.header(name, value);
        }
        // An engine that is not there is what retries are for.
        request.send().await.ok().map(|answer| answer.status().as_u16())
    }
}

/// Uses up an account's quota, as far as the model counts requests of strangers.
fn crowd(simulator: &mut dyn Simulator, now: Timestamp) {
    let strangers = Request::bare("GET", "/".to_owned(), Vec::new());
    for _ in 0..CROWD_AT_MOST {
        if simulator.handle(&strangers, now).status == StatusCode::TOO_MANY_REQUESTS.as_u16() {
            return;
        }
    }
}

/// One request to a platform, from the wire to the model and back.
async fn answer(State(house): State<Arc<House>>, request: axum::extract::Request) -> Response {
    if let Some(lying) = house.lying(request.uri().path()) {
        return lying.shown();
    }
    let (parts, body) = request.into_parts();
    let is_form = parts.headers.get("content-type").is_some_and(|value| value.as_bytes().starts_with(b"multipart/"));
    let (body, form) = if is_form {
        match form(&parts, body).await {
            Ok(form) => (Vec::new(), form),
            Err(refused) => return refused,
        }
    } else {
        match axum::body::to_bytes(body, LARGEST_BODY).await {
            Ok(body) => (body.to_vec(), Vec::new()),
            Err(_) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        }
    };
    let Some(method) = METHODS.into_iter().find(|known| *known == parts.method.as_str()) else {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    };
    let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map(|Query(query)| query).unwrap_or_default();
    let headers = parts.headers.iter().filter_map(|(name, value)| {
        Some((interned(name.as_str())?, String::from_utf8_lossy(value.as_bytes()).into_owned()))
    });
    let headers = headers.collect();
    let request = Request { method, path: parts.uri.path().to_owned(), query, headers, body, form };
    let (reaction, fault) = house.handle(request);
    match fault {
        Some(Fault::Swallowed) => tokio::time::sleep(SWALLOWED_FOR).await,
        Some(Fault::Held(late)) => tokio::time::sleep(late).await,
        None | Some(Fault::Crowded | Fault::Answered(_)) => {}
    }
    let mut response = Response::builder().status(reaction.status);
    for (name, value) in &reaction.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reaction.body)).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// Reads a form; its files are only counted and hashed, piece by piece.
async fn form(parts: &axum::http::request::Parts, body: Body) -> Result<Vec<FormPart>, Response> {
    let whole = axum::extract::Request::from_parts(parts.clone(), body);
    let mut read = Multipart::from_request(whole, &()).await.map_err(IntoResponse::into_response)?;
    let mut form = Vec::new();
    let broken = |error: axum::extract::multipart::MultipartError| error.into_response();
    while let Some(mut field) = read.next_field().await.map_err(broken)? {
        let Some(name) = field.name().and_then(interned) else { continue };
        let Some(file_name) = field.file_name().map(str::to_owned) else {
            form.push(FormPart::Field { name, value: field.text().await.map_err(broken)? });
            continue;
        };
        let media_type = field.content_type().unwrap_or_default().to_owned();
        let (mut digest, mut bytes) = (Sha256::new(), 0);
        while let Some(piece) = field.chunk().await.map_err(broken)? {
            digest.update(&piece);
            bytes += piece.len() as u64;
        }
        let stored = Stored { sha256: hex::encode(digest.finalize()), bytes, media_type };
        form.push(FormPart::File { name, stored, file_name });
    }
    Ok(form)
}

/// The methods that requests of ours have.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// How many names of headers are kept at most; what goes beyond it is a header that no model reads.
const NAMES_AT_MOST: usize = 128;

/// The same name, kept for ever: a request names its headers by constants, and these came over the wire.
fn interned(name: &str) -> Option<&'static str> {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return Some(known);
    }
    (names.len() < NAMES_AT_MOST).then(|| {
        let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
        names.insert(kept);
        kept
    })
}

fn encoded(segment: &str) -> String {
    utf8_percent_encode(segment, SEGMENT).to_string()
}

impl std::fmt::Debug for Outside {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Outside").field("ingress", &self.ingress).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for House {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("House")
            .field("name", &self.name)
            .field("manners", &self.manners)
            .finish_non_exhaustive()
    }
}
