//! What platforms say, without what we said to prove ourselves. A reply in, the same reply without our secrets out.
//!
//! Some servers repeat a request's headers in their error pages, and a reply is recorded as it came, for ever. So every
//! secret that a call could have carried is looked for in its reply, in the writings that texts, JSON and addresses have,
//! before anybody reads it. A signature is no secret: it proves one request, and only for a while.

use std::borrow::Cow;

use chatledger_connectors::connector::Secrets;
use chatledger_projections::bytes::Bytes;
use chatledger_projections::event::RecordedReply;
use memchr::memmem;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

/// Stands where a secret stood. It fits into JSON, into a page and into an address.
pub const MARK: &str = "secret-removed";

/// Shorter texts are not looked for: they would be found in innocent ones. No platform gives out shorter secrets, and our
/// own must be longer.
const SHORTEST: usize = 8;

/// The reply without these secrets.
pub fn without_secrets(mut reply: RecordedReply, secrets: &Secrets) -> RecordedReply {
    for secret in secrets.all().map(|secret| secret.reveal()).filter(|secret| secret.len() >= SHORTEST) {
        for writing in writings(secret) {
            if let Some(clean) = replaced(&reply.body.0, writing.as_bytes()) {
                reply.body = Bytes(clean);
            }
            for (_, value) in &mut reply.headers {
                if value.contains(&*writing) {
                    *value = value.replace(&*writing, MARK);
                }
            }
        }
    }
    reply
}

/// How a secret may be written: as it is, in JSON with and without a mark before slashes, in an address, in a form.
fn writings(secret: &str) -> Vec<Cow<'_, str>> {
    let json = serde_json::to_string(secret).expect("a text can always be written");
    let json = json[1..json.len() - 1].to_owned();
    let address = percent_encode(secret.as_bytes(), NON_ALPHANUMERIC).to_string();
    let mut writings = vec![
        Cow::Borrowed(secret),
        Cow::Owned(json.replace('/', "\\/")),
        Cow::Owned(address.to_lowercase()),
        Cow::Owned(address.replace("%2D", "-").replace("%2E", ".").replace("%5F", "_").replace("%7E", "~")),
        Cow::Owned(address.replace("%20", "+").replace("%2D", "-").replace("%2E", ".").replace("%5F", "_")),
        Cow::Owned(json),
        Cow::Owned(address),
    ];
    writings.sort();
    writings.dedup();
    writings
}

/// The text with every occurrence of a part replaced by the mark; `None` if there is none.
fn replaced(text: &[u8], part: &[u8]) -> Option<Vec<u8>> {
    let mut clean: Option<Vec<u8>> = None;
    let mut kept_to = 0;
    for at in memmem::find_iter(text, part) {
        let clean = clean.get_or_insert_with(Vec::new);
        clean.extend_from_slice(&text[kept_to..at]);
        clean.extend_from_slice(MARK.as_bytes());
        kept_to = at + part.len();
    }
    let mut clean = clean?;
    clean.extend_from_slice(&text[kept_to..]);
    Some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatledger_connectors::connector::Secret;

    #[test]
    fn a_secret_is_found_in_every_writing_and_nothing_else_is_touched() {
        let mut secrets = Secrets::default();
        secrets.insert("token", Secret::new("k/9 \"x+y-z.0123"));
        secrets.insert("short", Secret::new("a"));
        let clean = |body: &str| {
            let headers = vec![("content-type".to_owned(), body.replace(|sign: char| sign.is_control(), ""))];
            let reply = RecordedReply { status: 401, headers, body: Bytes(body.as_bytes().to_vec()), cut: false };
            let reply = without_secrets(reply, &secrets);
            assert_eq!(reply.headers[0].1.as_bytes(), reply.body.0, "headers are no exception");
            String::from_utf8(reply.body.0).expect("it is text")
        };
        for body in [
            "before k/9 \"x+y-z.0123 after",
            "before k/9 \\\"x+y-z.0123 after",
            "before k\\/9 \\\"x+y-z.0123 after",
            "before k%2F9%20%22x%2By-z.0123 after",
            "before k%2F9+%22x%2By-z.0123 after",
            "before k%2f9%20%22x%2by%2dz%2e0123 after",
        ] {
            assert_eq!(clean(body), "before secret-removed after", "{body}");
        }
        assert_eq!(clean("a banana, and k/9 \"x+y-z.012"), "a banana, and k/9 \"x+y-z.012");
        assert_eq!(clean(&"k/9 \"x+y-z.0123".repeat(2)), MARK.repeat(2));
    }
}
