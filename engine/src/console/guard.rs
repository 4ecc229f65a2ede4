//! What every answer tells the browser to refuse, and which posts are not listened to.
//!
//! Takes answers and requests' headers; adds headers, or says no. Nothing here knows who asks.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;

/// Only our own looks, scripts, pictures and streams; nothing inline, nothing framed, no form that leads elsewhere.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const TOLD: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: with that, a browser hides from us, too, where a form was sent from.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// Adds what the browser is told; a page is kept by nobody.
pub async fn tell(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in TOLD {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether a post came from a page of ours: the browser says from where, and that is whom it asks. A browser that says
/// nothing is not listened to, for there is none that would not.
pub fn is_our_own(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let from = text(header::ORIGIN).and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    let crosses = text(HeaderName::from_static("sec-fetch-site")).is_some_and(|site| site != "same-origin");
    !crosses && from.is_some() && from == text(header::HOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&'static str, &'static str)]) -> bool {
        let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        is_our_own(&pairs.collect())
    }

    #[test]
    fn only_a_page_of_ours_may_post() {
        let host = ("host", "127.0.0.1:8081");
        assert!(asked(&[host, ("origin", "http://127.0.0.1:8081")]));
        assert!(asked(&[host, ("origin", "https://127.0.0.1:8081"), ("sec-fetch-site", "same-origin")]));
        for origin in ["http://attacker.example", "null", "http://127.0.0.1:8082", "127.0.0.1:8081", ""] {
            assert!(!asked(&[host, ("origin", origin)]), "{origin}");
        }
        assert!(!asked(&[host]));
        assert!(!asked(&[host, ("origin", "http://127.0.0.1:8081"), ("sec-fetch-site", "cross-site")]));
    }
}
