//! Sending one request and bringing back what came of it. Decides nothing.

use std::io;
use std::time::Duration;

use chatledger_connectors::connector::{FormPart, Request};
use chatledger_projections::bytes::Bytes;
use chatledger_projections::event::RecordedReply;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::multipart::{Form, Part};
use tokio_util::io::ReaderStream;

use crate::media::store::Store;

/// How much of a reply's body is kept. What goes on beyond it is evidence of nothing that we read.
const BODY_AT_MOST: usize = 64 * 1024;

/// The reply headers that connectors read.
const KEPT_HEADERS: [&str; 3] = ["content-type", "retry-after", "date"];

/// Sends requests; connections are kept and reused.
#[derive(Clone, Debug)]
pub struct Http {
    client: reqwest::Client,
    body_at_most: usize,
}

/// Why there is no reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoReply {
    /// Certainly nothing reached the platform.
    NotSent(String),
    /// Something may have.
    NoAnswer(String),
}

impl Http {
    /// A client with these limits of patience: for making a connection, and for the whole call.
    pub fn new(connect_timeout: Duration, call_timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(connect_timeout)
            .timeout(call_timeout)
            .pool_idle_timeout(Duration::from_secs(60))
            // A platform's API that redirects is a platform's API that is misconfigured.
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .user_agent(concat!("chatledger/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, body_at_most: BODY_AT_MOST })
    }

    /// The same for replies that are shown and not recorded, and may be longer.
    #[must_use]
    pub fn with_replies_up_to(self, bytes: usize) -> Self {
        Self { body_at_most: bytes, ..self }
    }

    /// Sends a request that bears its credentials.
    pub async fn send(&self, base_url: &str, request: Request) -> Result<RecordedReply, NoReply> {
        let url = format!("{base_url}{}", request.target());
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|error| NoReply::NotSent(error.to_string()))?;
        self.send_built(self.client.request(method, url).body(request.body), &request.headers).await
    }

    /// Sends a request whose form has files, within a time of its own: the files are read piece by piece while they go.
    /// A file that is not there any more has gone nowhere.
    pub async fn send_form(
        &self,
        base_url: &str,
        request: Request,
        store: &Store,
        time: Duration,
    ) -> Result<RecordedReply, NoReply> {
        let url = format!("{base_url}{}", request.target());
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|error| NoReply::NotSent(error.to_string()))?;
        let form = form(request.form, store).await.map_err(|_| NoReply::NotSent(GONE.to_owned()))?;
        self.send_built(self.client.request(method, url).timeout(time).multipart(form), &request.headers).await
    }

    async fn send_built(
        &self,
        mut outgoing: reqwest::RequestBuilder,
        headers: &[(&'static str, String)],
    ) -> Result<RecordedReply, NoReply> {
        for (name, value) in headers {
            outgoing = outgoing.header(*name, value);
        }
        let mut answer = outgoing.send().await.map_err(|error| no_reply(&error))?;
        let headers = KEPT_HEADERS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), answer.headers().get(*name)?.to_str().ok()?.to_owned())))
            .collect();
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        let mut cut = false;
        // The status has been said: a body that breaks off is still an answer.
        while let Ok(Some(chunk)) = answer.chunk().await {
            let room = self.body_at_most - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                cut = true;
                break;
            }
        }
        Ok(RecordedReply { status, headers, body: Bytes(body), cut })
    }
}

/// Why a call with a file was not made.
const GONE: &str = "the file is not here any more; it is fetched again";

/// How much of a file is read at a time.
const PIECE: usize = 64 * 1024;

async fn form(parts: Vec<FormPart>, store: &Store) -> io::Result<Form> {
    let mut form = Form::new();
    for part in parts {
        form = match part {
            FormPart::Field { name, value } => form.text(name, value),
            FormPart::File { name, stored, file_name } => {
                // The client writes line breaks as they are, and a part's head would have lines of a stranger's.
                let file_name = file_name.replace(|sign: char| sign.is_control() || sign == '"', "_");
                let file = store.read(&stored.sha256).await?;
                let body = reqwest::Body::wrap_stream(ReaderStream::with_capacity(file, PIECE));
                let mut headers = HeaderMap::new();
                if let Ok(media_type) = HeaderValue::from_str(&stored.media_type) {
                    headers.insert(CONTENT_TYPE, media_type);
                }
                let part = Part::stream_with_length(body, stored.bytes).file_name(file_name).headers(headers);
                form.part(name, part)
            }
        };
    }
    Ok(form)
}

fn no_reply(error: &reqwest::Error) -> NoReply {
    let words = words_of(error);
    if error.is_connect() || error.is_builder() { NoReply::NotSent(words) } else { NoReply::NoAnswer(words) }
}

/// The chain of causes without the address: a path may hold a secret.
fn words_of(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the exchange broke off"
    };
    let mut innermost: &dyn std::error::Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    let is_itself = std::ptr::addr_eq(innermost, std::ptr::from_ref(error));
    if is_itself { kind.to_owned() } else { format!("{kind}: {innermost}") }
}
