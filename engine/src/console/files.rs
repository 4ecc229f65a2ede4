//! What people sent along, as far as it lies with us: pictures to be seen, anything else to be saved.
//!
//! Takes a digest; gives the file. Strangers wrote what is in it, so its first bytes say whether it is a picture that browsers
//! draw and nothing else; whatever is not is saved, and never opened as a page of ours.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;

use super::Console;
use super::frame::instead;
use super::trouble::Trouble;
use super::visit::Visit;
use crate::media::show;

/// What browsers draw, and never run.
const DRAWN: [&str; 5] = ["image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"];

/// What is saved without being looked into.
const OCTETS: &str = "application/octet-stream";

/// A file is named by what it holds, so it never changes.
const KEPT: HeaderValue = HeaderValue::from_static("private, max-age=86400, immutable");

/// The address of a file.
pub fn address(visit: &Visit, sha256: &str, name: &str) -> String {
    visit.link(&format!("/console/files/{sha256}"), &[("name", name)])
}

/// Whether it is drawn where it is met.
pub fn is_drawn(media_type: &str) -> bool {
    DRAWN.contains(&media_type)
}

/// The file.
pub async fn show(State(console): State<Console>, Path(sha256): Path<String>, visit: Visit) -> Response {
    let seen_as = console.files.seen_as(&sha256).await.filter(|seen| is_drawn(seen));
    let found = match seen_as {
        Some(picture) => show::whole(&console.files, &sha256, picture).await,
        None => show::to_save(&console.files, &sha256, OCTETS, visit.query.get("name").unwrap_or(&sha256)).await,
    };
    let Some(mut response) = found else { return instead(&visit, Trouble::NotFound) };
    response.headers_mut().insert(header::CACHE_CONTROL, KEPT);
    response
}
