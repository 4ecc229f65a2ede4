//! The files that pages are made with: looks, scripts and the mark, built into the program.
//!
//! Takes a name with a digest of the content in it; gives the bytes, which may be kept for ever, because another content has
//! another name. Nothing is read from a disk, and nothing comes from anybody else's server.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

/// Where the files are shown.
const FOLDER: &str = "/console/assets/";

/// How many hexadecimal digits of a digest stand in a name.
const DIGITS: usize = 12;

/// The addresses of the files, as pages name them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assets {
    /// The looks.
    pub style: String,
    /// What the pages do beyond links and forms.
    pub script: String,
    /// The library that swaps parts of pages.
    pub htmx: String,
    /// Its extension for server-sent events.
    pub events: String,
    /// The small picture of the program.
    pub mark: String,
}

/// One file.
struct Asset {
    /// The name with the digest.
    name: String,
    digest: String,
    media_type: &'static str,
    bytes: &'static [u8],
}

const STYLE: &[u8] = include_bytes!("../../assets/console.css");
const SCRIPT: &[u8] = include_bytes!("../../assets/console.js");
const HTMX: &[u8] = include_bytes!("../../assets/htmx-2.0.11.min.js");
const EVENTS: &[u8] = include_bytes!("../../assets/htmx-sse-2.2.4.min.js");
const MARK: &[u8] = include_bytes!("../../assets/mark.svg");

const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

static FILES: LazyLock<[Asset; 5]> = LazyLock::new(|| {
    [
        asset("console", "css", CSS, STYLE),
        asset("console", "js", JAVASCRIPT, SCRIPT),
        asset("htmx-2.0.11", "js", JAVASCRIPT, HTMX),
        asset("htmx-sse-2.2.4", "js", JAVASCRIPT, EVENTS),
        asset("mark", "svg", SVG, MARK),
    ]
});

static ADDRESSES: LazyLock<Assets> = LazyLock::new(|| {
    let [style, script, htmx, events, mark] = &*FILES;
    let address = |asset: &Asset| format!("{FOLDER}{}", asset.name);
    Assets {
        style: address(style),
        script: address(script),
        htmx: address(htmx),
        events: address(events),
        mark: address(mark),
    }
});

fn asset(stem: &str, ending: &str, media_type: &'static str, bytes: &'static [u8]) -> Asset {
    let digest = hex::encode(Sha256::digest(bytes));
    let name = format!("{stem}-{}.{ending}", &digest[..DIGITS]);
    Asset { name, digest, media_type, bytes }
}

impl Assets {
    /// The addresses; the same for the life of the program.
    pub fn addresses() -> &'static Self {
        &ADDRESSES
    }
}

/// Shows one file; whoever has it already is told so.
pub async fn show(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = FILES.iter().find(|asset| asset.name == name) else {
        return (StatusCode::NOT_FOUND, "no such file\n").into_response();
    };
    let tag = format!("\"{}\"", asset.digest);
    let has_it = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let kept = [
        (header::CONTENT_TYPE, asset.media_type.to_owned()),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
        (header::ETAG, tag),
    ];
    if has_it {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    (kept, asset.bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_shown_under_its_digest_only_and_is_not_sent_twice() {
        let name = Assets::addresses().style.strip_prefix(FOLDER).expect("it lies there").to_owned();
        let shown = show(Path(name.clone()), HeaderMap::new()).await;
        assert_eq!(shown.status(), StatusCode::OK);
        assert_eq!(shown.headers()[header::CONTENT_TYPE], CSS);
        let mut known = HeaderMap::new();
        known.insert(header::IF_NONE_MATCH, shown.headers()[header::ETAG].clone());
        assert_eq!(show(Path(name), known).await.status(), StatusCode::NOT_MODIFIED);
        let other = show(Path("console.css".to_owned()), HeaderMap::new()).await;
        assert_eq!(other.status(), StatusCode::NOT_FOUND);
    }
}
