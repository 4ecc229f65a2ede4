//! What proves that a request is amo's.
//!
//! Takes a request that reached our address; gives it an id and the headers to record, or says why not. Whether the
//! body makes sense is not asked: rubbish with a good signature is let in, for amo sends every hook only once.

use chatledger_projections::ids::ConnectionName;
use chatledger_projections::time::Timestamp;
use serde::Deserialize;

use super::ids::{self, Scope};
use super::sign;
use crate::connector::{Decoded, InboundRequest, Rejection, Secret, Verified};
use crate::loose::{self, Field, Text, WireDocument};

/// Decides on one request. Without a secret nothing can be proven.
pub(super) fn hook(
    connection: &ConnectionName,
    scope: &Scope,
    request: &InboundRequest<'_>,
    secret: Option<&Secret>,
) -> Result<Verified, Rejection> {
    if request.method != "POST" {
        return Err(Rejection::WrongMethod);
    }
    let signature = request.header("x-signature").filter(|signature| !signature.trim_ascii().is_empty());
    let (Some(signature), Some(secret)) = (signature, secret) else {
        return Err(Rejection::Unproven);
    };
    if !sign::proves_hook(secret, signature, request.body) {
        return Err(Rejection::Forged);
    }
    let addressed = read(request.body);
    // The secret is the channel's, and a channel may be connected to many accounts: the signature does not tell them
    // apart, the path and the body do (contract, 9.2).
    if request.tail != scope.as_str() || addressed.account.is_some_and(|account| account != scope.account()) {
        return Err(Rejection::Misdirected);
    }
    let content_type = request.header("content-type").map(|value| String::from_utf8_lossy(value).into_owned());
    let headers = content_type.map(|value| ("content-type".to_owned(), value)).into_iter().collect();
    // White space around the body is not signed, so it makes no other delivery: who has caught one hook could else send it
    // again and again, each time as a new one.
    let id = ids::delivery(connection, request.body.trim_ascii());
    Ok(Verified::new(id, headers).said_at_proven(addressed.sent_at))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Addressed<'a> {
    #[serde(borrow)]
    account_id: Field<Text<'a>>,
    time: Field<i64>,
}

impl WireDocument for Addressed<'_> {
    type Document<'de> = Addressed<'de>;
}

/// What a body says of itself, as far as it can be read and does.
#[derive(Default)]
struct Said {
    account: Option<String>,
    /// When the hook was made (contract, 9.3); the signature covers it.
    sent_at: Option<Timestamp>,
}

fn read(body: &[u8]) -> Said {
    // What is odd about the body will be remarked when it is decoded.
    let mut unheard = Decoded::default();
    let read = loose::with_document::<Addressed<'_>, _>(body, &mut unheard, |addressed, _| Said {
        account: addressed.account_id.get().map(|account| account.clone().into_owned()),
        sent_at: addressed.time.get().copied().and_then(Timestamp::from_seconds),
    });
    read.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "f2d7f8704eff95087ed45b23ba99c0b5aac8278e";
    const HOOK: &[u8] = br#"{"account_id":"a0","time":1}"#;

    struct Attempt<'a> {
        method: &'a str,
        tail: &'a str,
        signature: Option<String>,
        body: &'a [u8],
    }

    fn signed(body: &[u8]) -> Attempt<'_> {
        let signature = Some(sign::hook(&Secret::new(SECRET), body));
        Attempt { method: "POST", tail: "c0_a0", signature, body }
    }

    fn verdict(attempt: &Attempt<'_>) -> Result<Verified, Rejection> {
        let signature = attempt.signature.as_deref().map(|signature| ("x-signature", signature.as_bytes()));
        let headers: Vec<(&str, &[u8])> = signature.into_iter().chain([("authorization", &b"x"[..])]).collect();
        let Attempt { method, tail, body, .. } = *attempt;
        let scope = Scope::parse("c0_a0").expect("a scope");
        let request = InboundRequest { method, tail, query: "", headers: &headers, body };
        hook(&ConnectionName::new("amo.main"), &scope, &request, Some(&Secret::new(SECRET)))
    }

    #[test]
    fn only_a_proven_request_for_this_scope_is_let_in() {
        let rejection = |attempt: Attempt<'_>| verdict(&attempt).err();
        assert_eq!(rejection(signed(HOOK)), None);
        assert_eq!(rejection(Attempt { method: "GET", ..signed(HOOK) }), Some(Rejection::WrongMethod));
        assert_eq!(rejection(Attempt { signature: None, ..signed(HOOK) }), Some(Rejection::Unproven));
        assert_eq!(rejection(Attempt { signature: Some(" ".to_owned()), ..signed(HOOK) }), Some(Rejection::Unproven));
        for wrong in ["00", "nonsense", "937412e33dcf97afc61c9e3d572857694f1d95c2"] {
            let attempt = Attempt { signature: Some(wrong.to_owned()), ..signed(HOOK) };
            assert_eq!(rejection(attempt), Some(Rejection::Forged), "{wrong}");
        }
        assert_eq!(rejection(Attempt { tail: "c0_a1", ..signed(HOOK) }), Some(Rejection::Misdirected));
        assert_eq!(rejection(Attempt { tail: "", ..signed(HOOK) }), Some(Rejection::Misdirected));
        assert_eq!(rejection(signed(br#"{"account_id":"a1"}"#)), Some(Rejection::Misdirected));
    }

    #[test]
    fn rubbish_with_a_good_signature_is_let_in() {
        for body in [&b""[..], b"nonsense", b"\xff\xfe", b"[1,2]", br#"{"account_id":{}}"#, br#"{"receiver":"v1"}"#] {
            assert!(verdict(&signed(body)).is_ok(), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn white_space_that_nobody_signed_makes_no_other_delivery() {
        let id = |body: &[u8]| {
            let signature = Some(sign::hook(&Secret::new(SECRET), HOOK));
            verdict(&Attempt { method: "POST", tail: "c0_a0", signature, body }).expect("the signature is good").id()
        };
        for body in [&b" {\"account_id\":\"a0\",\"time\":1}"[..], b"{\"account_id\":\"a0\",\"time\":1}\n\n"] {
            assert_eq!(id(body), id(HOOK), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn the_time_that_is_signed_along_is_told() {
        let told = |body: &[u8]| verdict(&signed(body)).expect("the signature is good").said_at();
        assert_eq!(told(HOOK), Some(Timestamp::from_millis(1000)));
        for body in [&b"nonsense"[..], b"{}", br#"{"time":"soon"}"#, br#"{"time":9223372036854775807}"#] {
            assert_eq!(told(body), None, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn without_a_secret_nothing_is_proven() {
        let headers = [("x-signature", &b"00"[..])];
        let request = InboundRequest { method: "POST", tail: "c0_a0", query: "", headers: &headers, body: HOOK };
        let scope = Scope::parse("c0_a0").expect("a scope");
        assert_eq!(hook(&ConnectionName::new("amo.main"), &scope, &request, None), Err(Rejection::Unproven));
    }
}
