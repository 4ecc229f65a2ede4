//! What proves that a request is Pact's.
//!
//! Pact signs nothing and names no sender (10.2), so the proof is the unguessable last part of the address that we
//! gave it. Whatever comes there is let in, even rubbish: a refusal would only bring the same bytes again (12.1, 1).

use chatledger_projections::ids::ConnectionName;

use super::ids;
use super::settings::WEBHOOK_SECRET;
use crate::connector::{InboundRequest, Rejection, Secrets, Verified};

/// Worth keeping: the probe of our address once came as a form (10.1).
const CONTENT_TYPE: &str = "content-type";

/// Lets in what came to the secret address.
pub(super) fn verify(
    connection: &ConnectionName,
    request: &InboundRequest<'_>,
    secrets: &Secrets,
) -> Result<Verified, Rejection> {
    request.came_to_secret_address(secrets, WEBHOOK_SECRET)?;
    let content_type = request.header(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value).into_owned());
    let headers = content_type.map(|value| (CONTENT_TYPE.to_owned(), value)).into_iter().collect();
    Ok(Verified::new(ids::delivery(connection, request.body), headers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::Secret;

    fn let_in(method: &str, tail: &str, body: &[u8]) -> Result<Verified, Rejection> {
        let mut secrets = Secrets::default();
        secrets.insert(WEBHOOK_SECRET, Secret::new("kD83jf02mLq71xZa"));
        let headers: &[(&str, &[u8])] = &[("content-type", b"application/json"), ("cookie", b"1")];
        let request = InboundRequest { method, tail, query: "", headers, body };
        verify(&ConnectionName::new("pact.sales"), &request, &secrets)
    }

    #[test]
    fn only_the_secret_address_is_believed() {
        assert_eq!(let_in("POST", "", b"{}"), Err(Rejection::Unproven));
        assert_eq!(let_in("POST", "kD83jf02mLq71xZb", b"{}"), Err(Rejection::Forged));
        assert_eq!(let_in("POST", "kD83jf02mLq71xZ", b"{}"), Err(Rejection::Forged));
        assert_eq!(let_in("GET", "kD83jf02mLq71xZa", b"{}"), Err(Rejection::WrongMethod));
        assert!(let_in("POST", "kD83jf02mLq71xZa", b"{}").is_ok());
    }

    #[test]
    fn whatever_comes_to_the_secret_address_is_let_in() {
        for body in [&b""[..], b"rubbish", b"\xff\xfe", b"{\"source\":\"pact.im\",\"operation\":\"test\"}"] {
            let verified = let_in("POST", "kD83jf02mLq71xZa", body).expect("everything authentic is let in");
            assert_eq!(verified.into_headers(), [("content-type".to_owned(), "application/json".to_owned())]);
        }
    }

    #[test]
    fn a_repeated_delivery_has_the_same_id() {
        let id = |body: &[u8]| let_in("POST", "kD83jf02mLq71xZa", body).expect("it is authentic").id();
        assert_eq!(id(b"{\"a\":1}"), id(b"{\"a\":1}"));
        assert_ne!(id(b"{\"a\":1}"), id(b"{\"a\":2}"));
    }
}
