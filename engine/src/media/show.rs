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
    let Some(mut response) = to_save(&window.store, &shown.sha256, &shown.media_type, &name).await else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// A file to be saved under a name; `None` if it is no longer here.
pub(crate) async fn to_save(store: &Store, sha256: &str, media_type: &str, name: &str) -> Option<Response> {
    let mut response = whole(store, sha256, media_type).await?;
    let disposition = format!("attachment; filename*=UTF-8''{}", utf8_percent_encode(name, ATTRIBUTE));
    let attachment = HeaderValue::from_static("attachment");
    let disposition = HeaderValue::from_str(&disposition).unwrap_or(attachment);
    response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    Some(response)
}

/// A file, piece by piece; `None` if it is no longer here.
pub(crate) async fn whole(store: &Store, sha256: &str, media_type: &str) -> Option<Response> {
    let file = store.read(sha256).await.ok()?;
    let bytes = file.metadata().await.ok()?.len();
    let mut response = Response::new(Body::from_stream(ReaderStream::with_capacity(file, PIECE)));
    let headers = response.headers_mut();
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(media_type).unwrap_or(octets));
    headers.insert(header::CONTENT_LENGTH, bytes.into());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Some(response)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::{Method, Request};
    use chatledger_projections::files::Stored;
    use chatledger_projections::time::Timestamp;
    use tower::ServiceExt as _;

    use super::*;
    use crate::clock::ManualClock;

    const NOW: Timestamp = Timestamp::from_millis(1_695_282_809_904);

    struct House {
        _folder: tempfile::TempDir,
        offer: Arc<Offer>,
        stored: Stored,
        router: Router,
    }

    /// A file that its server called a page, lying in a store that is shown.
    async fn house() -> House {
        let folder = tempfile::tempdir().expect("there is room");
        let store = Arc::new(Store::open(folder.path(), 1_000_000).expect("the folder is new"));
        let mut incoming = store.begin().await.expect("there is room");
        incoming.write(b"<script>alert(1)</script>").await.expect("there is room");
        let stored = store.finish(incoming, Some("text/html")).await.expect("there is room");
        let offer = Arc::new(Offer::new(String::new(), [3; 32], Duration::from_secs(60)));
        let router = router(offer.clone(), store, Arc::new(ManualClock::at(NOW)));
        House { _folder: folder, offer, stored, router }
    }

    async fn ask(house: &House, method: Method, path: &str) -> Response {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("it is a request");
        house.router.clone().oneshot(request).await.expect("it always answers")
    }

    #[tokio::test]
    async fn whoever_has_a_link_gets_the_file_to_save_and_not_to_run() {
        let house = house().await;
        let link = house.offer.link(&house.stored, "Счёт №1.html", NOW);
        for method in [Method::GET, Method::HEAD] {
            let shown = ask(&house, method.clone(), &link).await;
            assert_eq!(shown.status(), StatusCode::OK);
            let header =
                |name: &str| shown.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            assert_eq!((header("content-type"), header("content-length")), ("text/html", "25"));
            assert_eq!(header("x-content-type-options"), "nosniff");
            let name = "attachment; filename*=UTF-8''%D0%A1%D1%87%D1%91%D1%82%20%E2%84%961.html";
            assert_eq!(header("content-disposition"), name);
            assert!(header("content-security-policy").contains("sandbox"));
            let body = axum::body::to_bytes(shown.into_body(), 1000).await.expect("it comes to its end");
            assert_eq!(body.is_empty(), method == Method::HEAD);
        }
    }

    #[tokio::test]
    async fn nobody_else_gets_anything() {
        let house = house().await;
        let link = house.offer.link(&house.stored, "a", NOW);
        let old = house.offer.link(&house.stored, "a", NOW - Duration::from_secs(61));
        let gone = house.offer.link(&Stored { sha256: "0".repeat(64), ..house.stored.clone() }, "a", NOW);
        let path = format!("/media/{}/a", house.stored.sha256);
        for (method, path, status) in [
            (Method::GET, old.as_str(), 404),
            (Method::GET, gone.as_str(), 404),
            (Method::GET, path.as_str(), 404),
            (Method::GET, "/media/..%2f..%2flink.key/a", 404),
            (Method::POST, link.as_str(), 405),
        ] {
            assert_eq!(ask(&house, method, path).await.status(), status, "{path}");
        }
    }
}
