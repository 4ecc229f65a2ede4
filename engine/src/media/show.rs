//! The address under which files are shown: `/media/{token}/{name}`. A link of ours in, the file out, piece by piece.
//!
//! Whoever has a link may have the file, and nobody else: a wrong one and one that ran out are answered as if there were
//! nothing. What is shown was written by strangers, so a browser saves it and never runs it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_util::io::ReaderStream;

use super::offer::Offer;
use super::store::Store;
use crate::clock::Clock;

/// What stands as it is in a name's encoded form (RFC 8187).
const ATTRIBUTE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How much of a file is read at a time.
const PIECE: usize = 64 * 1024;

struct Window {
    offer: Arc<Offer>,
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
}

/// The router for the listener at which webhooks arrive, too.
pub fn router(offer: Arc<Offer>, store: Arc<Store>, clock: Arc<dyn Clock>) -> Router {
    Router::new().route("/media/{token}/{name}", get(show)).with_state(Arc::new(Window { offer, store, clock }))
}

/// Answers HEAD, too: the body is left out then.
async fn show(State(window): State<Arc<Window>>, Path((token, name)): Path<(String, String)>) -> Response {
    let Some(shown) = window.offer.read(&token, window.clock.now()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Ok(file) = window.store.read(&shown.sha256).await else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Ok(known) = file.metadata().await else { return StatusCode::NOT_FOUND.into_response() };
    let mut response = Response::new(Body::from_stream(ReaderStream::with_capacity(file, PIECE)));
    let headers = response.headers_mut();
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(&shown.media_type).unwrap_or(octets));
    headers.insert(header::CONTENT_LENGTH, known.len().into());
    let disposition = format!("attachment; filename*=UTF-8''{}", utf8_percent_encode(&name, ATTRIBUTE));
    let attachment = HeaderValue::from_static("attachment");
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&disposition).unwrap_or(attachment));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
