//! The two signatures of amojo: of our requests, and of its hooks.
//!
//! Both are HMAC-SHA1 under the channel's secret *as text* (contract, 4 and 9.2). A request's covers method, digest,
//! type, date and path, and is good for fifteen minutes; a hook's covers the body and nothing else.

use chatledger_projections::time::Timestamp;
use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;

use crate::connector::{Request, Secret};

/// The only content type that amojo takes, without a charset (contract, 4.1).
pub(super) const CONTENT_TYPE: &str = "application/json";

/// The headers that make a request authentic, in the order in which they are signed and sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Proof {
    /// MD5 of the body, lower-case hex.
    pub(super) content_md5: String,
    /// The moment of signing.
    pub(super) date: String,
    /// The signature, lower-case hex.
    pub(super) signature: String,
}

/// Adds date, digest and signature. Without a secret the request stays unsigned, and amo says so.
pub(super) fn request(mut request: Request, secret: Option<&Secret>, now: Timestamp) -> Request {
    request.headers.retain(|(name, _)| !matches!(*name, "date" | "content-type" | "content-md5" | "x-signature"));
    let Some(secret) = secret else { return request };
    // The query is not signed (contract, 4.2).
    let proof = prove(secret, request.method, &request.path, &request.body, date(now));
    request.headers.extend([
        ("date", proof.date),
        ("content-type", CONTENT_TYPE.to_owned()),
        ("content-md5", proof.content_md5),
        ("x-signature", proof.signature),
    ]);
    request
}

/// The proof of a request that bears this date.
pub(super) fn prove(secret: &Secret, method: &str, path: &str, body: &[u8], date: String) -> Proof {
    let content_md5 = hex::encode(Md5::digest(body));
    let mut mac = keyed(secret);
    mac.update([method, &content_md5, CONTENT_TYPE, &date, path].join("\n").as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    Proof { content_md5, date, signature }
}

/// Whether a hook's body bears this signature: as it is, or without the white space around it. Three public clients
/// trim before hashing, so some hooks must have been signed that way (contract, 9.2).
pub(super) fn proves_hook(secret: &Secret, signature: &[u8], body: &[u8]) -> bool {
    // Reads upper-case hex, too.
    let Ok(signature) = hex::decode(signature.trim_ascii()) else { return false };
    let is_signed = |bytes: &[u8]| keyed(secret).chain_update(bytes).verify_slice(&signature).is_ok();
    let trimmed = body.trim_ascii();
    // Nothing but the length of what was sent, which its sender knows, decides whether there is a second look.
    if trimmed.len() == body.len() { is_signed(body) } else { is_signed(body) | is_signed(trimmed) }
}

/// The signature that amo puts on a hook.
pub(super) fn hook(secret: &Secret, body: &[u8]) -> String {
    hex::encode(keyed(secret).chain_update(body).finalize().into_bytes())
}

/// RFC 2822 in universal time, as `Thu, 16 Dec 2021 13:15:29 +0000`.
pub(super) fn date(now: Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// Reads a date of RFC 2822 or of HTTP (`GMT`).
pub(super) fn read_date(text: &str) -> Option<Timestamp> {
    let moment = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    Some(Timestamp::from_millis(moment.as_millisecond()))
}

fn keyed(secret: &Secret) -> Hmac<Sha1> {
    Hmac::new_from_slice(secret.reveal().as_bytes()).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_reads_back_as_it_was_written() {
        let moment = Timestamp::from_millis(1_639_660_529_379);
        assert_eq!(date(moment), "Thu, 16 Dec 2021 13:15:29 +0000");
        assert_eq!(read_date(&date(moment)), Timestamp::from_seconds(1_639_660_529));
        assert_eq!(read_date("Thu, 16 Dec 2021 13:15:29 GMT"), Timestamp::from_seconds(1_639_660_529));
        assert_eq!(read_date("yesterday"), None);
        assert_eq!(date(Timestamp::from_millis(i64::MAX)), "Thu, 01 Jan 1970 00:00:00 +0000");
    }

    #[test]
    fn a_request_is_signed_once_however_often_it_is_authorised() {
        let secret = Secret::new("secret");
        let bare = Request::json("POST", "/v2/origin/custom/c_a".to_owned(), &serde_json::json!({}));
        let signed = request(bare, Some(&secret), Timestamp::from_millis(0));
        let names: Vec<&str> = signed.headers.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["date", "content-type", "content-md5", "x-signature"]);
        assert_eq!(request(signed.clone(), Some(&secret), Timestamp::from_millis(0)), signed);
    }
}
