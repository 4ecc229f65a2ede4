//! What proves that a request is Selarti's.
//!
//! Selarti signs nothing (6), so the proof is the unguessable last part of the address that we gave it. What came there is
//! let in, even rubbish: nothing is sent twice. Only what names another company, channel or task is not ours.

use chatledger_projections::ids::ConnectionName;

use super::settings::{Settings, WEBHOOK_SECRET};
use super::wire::{self, Name};
use super::{decode, ids};
use crate::connector::{InboundRequest, Rejection, Secrets, Verified, Webhook};
use crate::loose::Field;

/// Worth keeping: how the body is to be read depends on it (6, transport).
const CONTENT_TYPE: &str = "content-type";

/// Lets in what came to the secret address and is meant for this account.
pub(super) fn verify(
    connection: &ConnectionName,
    settings: &Settings,
    request: &InboundRequest<'_>,
    secrets: &Secrets,
) -> Result<Verified, Rejection> {
    request.came_to_secret_address(secrets, WEBHOOK_SECRET)?;
    let content_type = request.header(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value).into_owned());
    let webhook = Webhook { content_type: content_type.as_deref(), body: request.body };
    // What cannot be read names nobody else.
    if decode::addressed(&webhook, |wire| is_for_another(settings, wire)) == Some(true) {
        return Err(Rejection::Misdirected);
    }
    let headers = content_type.map(|value| (CONTENT_TYPE.to_owned(), value)).into_iter().collect();
    Ok(Verified::new(ids::delivery(connection, request.body), headers))
}

/// Whether it names another than is configured; what is not configured is not compared (6).
fn is_for_another(settings: &Settings, wire: &wire::Webhook<'_>) -> bool {
    let differs = |named: &Field<Name<'_>>, expected: Option<&str>| {
        let named = named.get().map(|Name(name)| &**name);
        named.is_some() && expected.is_some() && named != expected
    };
    differs(&wire.task_id, Some(&settings.task))
        || differs(&wire.channel_id, settings.channel.as_deref())
        || differs(&wire.company_id, settings.company.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::Secret;
    use serde_json::json;

    const TAIL: &str = "kD83jf02mLq71xZa";

    fn let_in(method: &str, tail: &str, body: &[u8]) -> Result<Verified, Rejection> {
        let settings = json!({ "task_id": "1x1", "company_id": "2x2", "channel_id": "3x3" });
        let settings = Settings::parse(&settings).expect("these settings are right");
        let mut secrets = Secrets::default();
        secrets.insert(WEBHOOK_SECRET, Secret::new(TAIL));
        let headers: &[(&str, &[u8])] = &[("content-type", b"application/json"), ("cookie", b"1")];
        verify(
            &ConnectionName::new("selarti.main"),
            &settings,
            &InboundRequest { method, tail, headers, body },
            &secrets,
        )
    }

    #[test]
    fn only_the_secret_address_is_believed() {
        assert_eq!(let_in("POST", "", b"{}"), Err(Rejection::Unproven));
        assert_eq!(let_in("POST", "kD83jf02mLq71xZb", b"{}"), Err(Rejection::Forged));
        assert_eq!(let_in("GET", TAIL, b"{}"), Err(Rejection::WrongMethod));
        let verified = let_in("POST", TAIL, b"{}").expect("it is the secret address");
        assert_eq!(verified.into_headers(), [("content-type".to_owned(), "application/json".to_owned())]);
    }

    #[test]
    fn what_is_for_another_account_is_not_let_in() {
        for foreign in [r#"{"task_id":"1x2"}"#, r#"{"company_id":"1x2"}"#, r#"{"channel_id":"1x2"}"#] {
            assert_eq!(let_in("POST", TAIL, foreign.as_bytes()), Err(Rejection::Misdirected), "{foreign}");
        }
        let broken = b"{\"task_id\":\"1x2\",\"message_text\":\"a\nb\"}";
        assert_eq!(let_in("POST", TAIL, broken), Err(Rejection::Misdirected));
        for own in [r#"{"task_id":"1x1","company_id":"2x2","channel_id":"3x3"}"#, r#"{"task_id":null}"#, "", "{", "[]"]
        {
            assert!(let_in("POST", TAIL, own.as_bytes()).is_ok(), "{own}");
        }
    }

    #[test]
    fn a_repeated_delivery_has_the_same_id() {
        let id = |body: &[u8]| let_in("POST", TAIL, body).expect("it is authentic").id();
        assert_eq!(id(b"{\"a\":1}"), id(b"{\"a\":1}"));
        assert_ne!(id(b"{\"a\":1}"), id(b"{\"a\":2}"));
    }
}
