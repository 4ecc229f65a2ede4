//! Fetching one file: a link in, a file on disk out, or why not.
//!
//! The link was written by a stranger. So: only http and https; only addresses of the open internet, looked at when a
//! name is resolved (the very addresses that are then connected to, so that a second answer of the name's server cannot
//! change them), once more when the connection stands, and again at every redirect; no proxy that would resolve for us;
//! limits on size, counted and not believed, and on time; nothing is unpacked; nothing is held but one piece.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chatledger_projections::files::Stored;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode};
use tokio::sync::Semaphore;
use url::{Host, Url};

use super::addresses::Allowed;
use super::ended::FetchError;
use super::store::{Incoming, Store};

/// How often a link may lead on.
const REDIRECTS_AT_MOST: usize = 5;

/// How long a link may be.
const LONGEST_LINK: usize = 16 * 1024;

/// How files are fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The largest file, in bytes.
    pub max_bytes: u64,
    /// How long one file may take, from the first question to the last byte.
    pub time: Duration,
    /// How long making a connection may take.
    pub connect: Duration,
    /// How many files come at once; more wait for a place.
    pub at_once: usize,
}

/// The addresses of a name.
#[async_trait]
pub trait Names: Send + Sync {
    /// Asks for them.
    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// As the system resolves names.
#[derive(Clone, Copy, Debug)]
pub struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Headers that prove us to a platform, for its own host alone.
#[derive(Clone)]
pub struct Credentials {
    home: Url,
    headers: HeaderMap,
}

impl Credentials {
    /// For the host of this address. Nothing if there are none, or if the address is none.
    pub fn of(base_url: &str, headers: &[(&'static str, String)]) -> Option<Self> {
        let home = Url::parse(base_url).ok()?;
        let headers = headers.iter().map(|(name, value)| {
            let mut value = HeaderValue::from_str(value).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::from_static(name), value))
        });
        let headers = headers.collect::<Option<HeaderMap>>()?;
        (!headers.is_empty()).then_some(Self { home, headers })
    }

    /// The same scheme, host and port: a neighbour under the same name is somebody else.
    fn fit(&self, url: &Url) -> bool {
        self.home.origin() == url.origin()
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// Fetches files.
#[derive(Debug)]
pub struct Fetcher {
    client: reqwest::Client,
    allowed: Allowed,
    limits: Limits,
    places: Semaphore,
}

impl Fetcher {
    /// A fetcher that asks only `allowed` addresses, under the names that `names` knows.
    pub fn new(limits: Limits, allowed: Allowed, names: Arc<dyn Names>) -> Result<Self, reqwest::Error> {
        let guard = Guard { names, allowed: allowed.clone() };
        let client = reqwest::Client::builder()
            .dns_resolver(Arc::new(guard))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(limits.connect)
            // No connection is kept: the next file lies elsewhere, and is to be asked for anew.
            .pool_max_idle_per_host(0)
            .http1_only()
            .user_agent(concat!("chatledger/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, allowed, limits, places: Semaphore::new(limits.at_once) })
    }

    /// How files are fetched.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Fetches a file into the store. `most` is what its receiver takes at most, in bytes.
    pub async fn fetch(
        &self,
        link: &str,
        most: Option<u64>,
        credentials: Option<&Credentials>,
        store: &Store,
    ) -> Result<Stored, FetchError> {
        // It is closed never.
        let Ok(_place) = self.places.acquire().await else { return Err(FetchError::TooSlow) };
        let most = most.map_or(self.limits.max_bytes, |most| most.min(self.limits.max_bytes));
        match tokio::time::timeout(self.limits.time, self.bring(link, most, credentials, store)).await {
            Ok(ended) => ended,
            Err(_) => Err(FetchError::TooSlow),
        }
    }

    async fn bring(
        &self,
        link: &str,
        most: u64,
        credentials: Option<&Credentials>,
        store: &Store,
    ) -> Result<Stored, FetchError> {
        let response = self.ask(link, credentials).await?;
        if let Some(packed) = response.headers().get(header::CONTENT_ENCODING)
            && packed.as_bytes() != b"identity"
        {
            return Err(FetchError::Packed);
        }
        // A claim is enough to turn away, and never enough to let in.
        if response.content_length().is_some_and(|claimed| claimed > most) {
            return Err(FetchError::TooLarge(most));
        }
        let claimed = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let claimed = claimed.map(str::to_owned);
        let incoming = store.begin().await.map_err(|error| disk(&error))?;
        let incoming = pour(response, incoming, most).await?;
        store.finish(incoming, claimed.as_deref()).await.map_err(|error| disk(&error))
    }

    /// Asks for a link and follows where it leads; gives an answer of 200.
    async fn ask(&self, link: &str, credentials: Option<&Credentials>) -> Result<Response, FetchError> {
        if link.len() > LONGEST_LINK {
            return Err(FetchError::Address);
        }
        let mut url = Url::parse(link).map_err(|_| FetchError::Address)?;
        for _ in 0..=REDIRECTS_AT_MOST {
            self.check(&url)?;
            let mut request = self.client.get(url.clone()).header(header::ACCEPT_ENCODING, "identity");
            if let Some(credentials) = credentials.filter(|credentials| credentials.fit(&url)) {
                request = request.headers(credentials.headers.clone());
            }
            let response = request.send().await.map_err(|error| why(&error))?;
            // Whatever resolved the name, this is who answered.
            if response.remote_addr().is_none_or(|address| !self.allowed.permits(address.ip())) {
                return Err(FetchError::Forbidden);
            }
            match response.status() {
                StatusCode::OK => return Ok(response),
                status if status.is_redirection() => {
                    let next = response.headers().get(header::LOCATION).and_then(|next| next.to_str().ok());
                    let next = next.ok_or(FetchError::Status(status.as_u16()))?;
                    url = url.join(next).map_err(|_| FetchError::Address)?;
                }
                status => return Err(FetchError::Status(status.as_u16())),
            }
        }
        Err(FetchError::Redirects(REDIRECTS_AT_MOST))
    }

    /// What can be seen of a link before anybody is asked. A host that is a number is never resolved, so it is judged here.
    fn check(&self, url: &Url) -> Result<(), FetchError> {
        let is_plain =
            matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
        let address = match url.host() {
            Some(_) if !is_plain => return Err(FetchError::Address),
            None => return Err(FetchError::Address),
            Some(Host::Domain(_)) => return Ok(()),
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
        };
        if self.allowed.permits(address) { Ok(()) } else { Err(FetchError::Forbidden) }
    }
}

/// Takes a body in, piece by piece.
async fn pour(mut response: Response, mut incoming: Incoming, most: u64) -> Result<Incoming, FetchError> {
    while let Some(piece) = response.chunk().await.map_err(|error| why(&error))? {
        if incoming.bytes() + piece.len() as u64 > most {
            return Err(FetchError::TooLarge(most));
        }
        incoming.write(&piece).await.map_err(|error| disk(&error))?;
    }
    Ok(incoming)
}

fn disk(error: &io::Error) -> FetchError {
    FetchError::Disk(error.kind().to_string())
}

fn why(error: &reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(known) = cause {
        if known.is::<NotOpen>() {
            return FetchError::Forbidden;
        }
        cause = known.source();
    }
    if error.is_timeout() {
        FetchError::TooSlow
    } else if error.is_connect() {
        FetchError::Unreached
    } else if error.is_builder() {
        FetchError::Address
    } else {
        FetchError::BrokenOff
    }
}

/// Resolves names, and gives only what may be connected to.
struct Guard {
    names: Arc<dyn Names>,
    allowed: Allowed,
}

/// A name has an address that is not the open internet.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not on the open internet")]
struct NotOpen;

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, allowed) = (self.names.clone(), self.allowed.clone());
        Box::pin(async move {
            let found = names.addresses(name.as_str()).await?;
            // One that is not open is enough: who mixes them does not mean well.
            if found.iter().any(|address| !allowed.permits(*address)) {
                return Err(NotOpen.into());
            }
            let found: Vec<SocketAddr> = found.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
