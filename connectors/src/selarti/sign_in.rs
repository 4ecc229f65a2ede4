//! How Selarti is shown that we are us: a key is exchanged for a token, and calls carry the token (4.1).
//!
//! Takes secrets and answers, gives requests and a pass. When a pass is asked for is the shell's business.

use std::time::Duration;

use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::FailureKind;
use chatledger_projections::outcome::Outcome;
use chatledger_projections::time::Timestamp;
use serde::Serialize;

use super::classify::{described, refused};
use super::settings::API_KEY;
use super::wire;
use crate::connector::{Decoded, Pass, Reply, Request, Secret, Secrets};
use crate::loose::with_document;
use crate::spoken::bounded;

/// Where a token is asked for; of all paths the only one that was seen in use (4.1).
pub(super) const PATH: &str = "/api/1.1/wf/auth";

/// Under which key the pass lies among the secrets. Nobody configures it.
pub(super) const TOKEN: &str = "token";

/// How long a token is believed at most, whatever it says of itself (4.1).
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

/// How long a token is believed that says nothing of itself (4.1).
const UNSAID: Duration = Duration::from_secs(30 * 60);

/// The key for a token.
#[derive(Serialize)]
struct Auth<'a> {
    key: &'a str,
}

/// The request for a token.
pub(super) fn request(secrets: &Secrets) -> Request {
    let key = secrets.get(API_KEY).map(Secret::reveal).unwrap_or_default();
    Request::json("POST", PATH.to_owned(), &Auth { key })
}

/// Reads the answer.
pub(super) fn pass(reply: Reply<'_>, now: Timestamp) -> Result<Pass, Outcome> {
    let reply = match reply {
        Reply::Answered(reply) => reply,
        // Nothing of ours was said yet, so nothing is in doubt.
        Reply::NotSent(reason) | Reply::NoAnswer(reason) => {
            return Err(Outcome::Postponed { until: None, reason: bounded(reason) });
        }
    };
    match reply.status {
        200..300 => token(reply, now).ok_or_else(|| Outcome::Postponed {
            until: None,
            reason: format!("{}: the answer to the sign-in holds no token", reply.status),
        }),
        408 | 429 | 500..600 => Err(Outcome::Postponed { until: None, reason: described(reply) }),
        // A wrong key is answered with 400 (4.2).
        _ => Err(refused(FailureKind::ConnectionOff, reply)),
    }
}

/// The token's form is not looked at: it holds signs that no token should (4.1).
fn token(reply: &RecordedReply, now: Timestamp) -> Option<Pass> {
    let mut unheard = Decoded::default();
    with_document::<wire::Reply<'static>, _>(&reply.body.0, &mut unheard, |reply, _| {
        let response = reply.response.get()?;
        let token = response.token.get()?.trim();
        // A header takes nothing else, and a token that cannot be shown is none.
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let said = response.expires.get().and_then(|seconds| u64::try_from(*seconds).ok()).map(Duration::from_secs);
        let lives = said.filter(|said| !said.is_zero()).map_or(UNSAID, |said| said.min(LONGEST));
        Some(Pass { key: TOKEN, secret: Secret::new(token), until: now + lives })
    })
    .flatten()
}

/// Adds the token; without one Selarti says so with 401.
pub(super) fn authorise(mut request: Request, secrets: &Secrets) -> Request {
    if let Some(token) = secrets.get(TOKEN) {
        request.headers.push(("authorization", format!("Bearer {}", token.reveal())));
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatledger_projections::bytes::Bytes;

    fn answered(status: u16, body: &str) -> Result<Pass, Outcome> {
        let body = Bytes(body.as_bytes().to_vec());
        pass(Reply::Answered(&RecordedReply { status, headers: Vec::new(), body, cut: false }), Timestamp::default())
    }

    #[test]
    fn a_token_lives_as_long_as_it_says_and_never_longer_than_half_a_day() {
        for (expires, seconds) in [
            ("60", 60),
            (r#""60""#, 60),
            ("31536000", 43_200),
            ("0", 1_800),
            ("-5", 1_800),
            ("null", 1_800),
            ("[]", 1_800),
        ] {
            let body = format!(r#"{{"status":"success","response":{{"token":"bus|1x1|2x2","expires":{expires}}}}}"#);
            let pass = answered(200, &body).expect("there is a token");
            assert_eq!((pass.secret.reveal(), pass.key), ("bus|1x1|2x2", TOKEN));
            assert_eq!(pass.until, Timestamp::from_millis(seconds * 1_000), "{expires}");
        }
    }

    #[test]
    fn without_a_token_it_is_said_what_that_means() {
        for (status, body) in
            [(200, ""), (200, "{}"), (200, "{\"response\":{\"token\":\"a\\nb\"}}"), (503, ""), (429, "")]
        {
            assert!(matches!(answered(status, body), Err(Outcome::Postponed { .. })), "{status} {body}");
        }
        for status in [400, 401, 404] {
            assert!(matches!(answered(status, ""), Err(Outcome::Refused { .. })), "{status}");
        }
        let silent = pass(Reply::NoAnswer("timed out"), Timestamp::default());
        assert!(matches!(silent, Err(Outcome::Postponed { .. })));
    }

    #[test]
    fn the_key_goes_into_the_sign_in_and_the_token_into_a_header() {
        let mut secrets = Secrets::default();
        secrets.insert(API_KEY, Secret::new("k3y"));
        secrets.insert(TOKEN, Secret::new("t0ken"));
        assert_eq!(request(&secrets).body, br#"{"key":"k3y"}"#);
        let call = Request::json("POST", "/api/1.1/wf/x".to_owned(), &Auth { key: "" });
        let authorised = authorise(call.clone(), &secrets);
        assert_eq!(authorised.headers.last(), Some(&("authorization", "Bearer t0ken".to_owned())));
        assert_eq!((authorised.target(), authorised.body), (call.target(), call.body));
    }
}
