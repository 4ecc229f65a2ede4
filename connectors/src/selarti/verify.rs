//! What proves that a request is Selarti's.
//!
//! Selarti signs nothing (6), so the proof is a secret in the address that we gave it: its last part, or the parameter
//! `secret` behind the question mark. What came there is let in, even rubbish: nothing is sent twice. Only what names another
//! company, channel or task is not ours. How Selarti speaks is not documented: it may post a document, or ask by GET with
//! everything in the address; then what stands there is recorded as the form that it is, without the secret.

use std::borrow::Cow;

use chatledger_projections::ids::ConnectionName;

use super::settings::{Settings, WEBHOOK_SECRET};
use super::wire::{self, Name};
use super::{decode, ids};
use crate::connector::{InboundRequest, Rejection, Secret, Secrets, Verified, Webhook};
use crate::loose::Field;

/// Worth keeping: how the body is to be read depends on it (6, transport).
const CONTENT_TYPE: &str = "content-type";

/// What stands in an address.
const FORM: &str = "application/x-www-form-urlencoded";

/// The parameter that may bear the secret.
const SECRET_PARAMETER: &str = "secret";

/// Lets in what came to the secret address and is meant for this account.
pub(super) fn verify(
    connection: &ConnectionName,
    settings: &Settings,
    request: &InboundRequest<'_>,
    secrets: &Secrets,
) -> Result<Verified, Rejection> {
    let secret = proof(request, secrets)?;
    let said = parameters(request.query, secret);
    // A body says it all, if there is one.
    let in_address = !said.is_empty() && request.body.trim_ascii().is_empty();
    let (body, content_type) = if in_address {
        (said.as_bytes(), Some(FORM.to_owned()))
    } else {
        let content_type = request.header(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value).into_owned());
        (request.body, content_type)
    };
    let webhook = Webhook { content_type: content_type.as_deref(), body };
    // What cannot be read names nobody else.
    if decode::addressed(&webhook, |wire| is_for_another(settings, wire)) == Some(true) {
        return Err(Rejection::Misdirected);
    }
    let headers = content_type.map(|value| (CONTENT_TYPE.to_owned(), value)).into_iter().collect();
    let verified = Verified::new(ids::delivery(connection, body), headers);
    Ok(if in_address { verified.recording(said.into_bytes()) } else { verified })
}

/// The secret by which a request is known, if it bears it at one of the two places.
fn proof<'a>(request: &InboundRequest<'_>, secrets: &'a Secrets) -> Result<&'a Secret, Rejection> {
    if !matches!(request.method, "POST" | "GET") {
        return Err(Rejection::WrongMethod);
    }
    let secret = secrets.get(WEBHOOK_SECRET).ok_or(Rejection::Unproven)?;
    let in_query = form_urlencoded::parse(request.query.as_bytes()).filter(|(key, _)| key == SECRET_PARAMETER);
    let in_path = (!request.tail.is_empty()).then_some(Cow::Borrowed(request.tail));
    let borne: Vec<Cow<'_, str>> = in_path.into_iter().chain(in_query.map(|(_, value)| value)).collect();
    if borne.is_empty() {
        return Err(Rejection::Unproven);
    }
    if borne.iter().any(|text| secret.matches(text.as_bytes())) { Ok(secret) } else { Err(Rejection::Forged) }
}

/// What an address says behind its question mark, as it was written, without the secret under whatever name it stands.
fn parameters(query: &str, secret: &Secret) -> String {
    let is_no_secret = |pair: &&str| {
        let mut read = form_urlencoded::parse(pair.as_bytes());
        read.next().is_some_and(|(key, value)| {
            key != SECRET_PARAMETER && ![key, value].iter().any(|word| word.contains(secret.reveal()))
        })
    };
    query.split('&').filter(is_no_secret).collect::<Vec<_>>().join("&")
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
        let_in_with(method, tail, "", body)
    }

    fn let_in_with(method: &str, tail: &str, query: &str, body: &[u8]) -> Result<Verified, Rejection> {
        let settings = json!({ "task_id": "1x1", "company_id": "2x2", "channel_id": "3x3" });
        let settings = Settings::parse(&settings).expect("these settings are right");
        let mut secrets = Secrets::default();
        secrets.insert(WEBHOOK_SECRET, Secret::new(TAIL));
        let headers: &[(&str, &[u8])] = &[("content-type", b"application/json"), ("cookie", b"1")];
        verify(
            &ConnectionName::new("selarti.main"),
            &settings,
            &InboundRequest { method, tail, query, headers, body },
            &secrets,
        )
    }

    #[test]
    fn only_the_secret_address_is_believed() {
        assert_eq!(let_in("POST", "", b"{}"), Err(Rejection::Unproven));
        assert_eq!(let_in("POST", "kD83jf02mLq71xZb", b"{}"), Err(Rejection::Forged));
        assert_eq!(let_in("PUT", TAIL, b"{}"), Err(Rejection::WrongMethod));
        assert_eq!(let_in_with("GET", "", "message_id=1", b""), Err(Rejection::Unproven));
        assert_eq!(let_in_with("GET", "", "secret=kD83jf02mLq71xZb", b""), Err(Rejection::Forged));
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

    #[test]
    fn the_secret_may_stand_behind_the_question_mark_and_is_not_recorded() {
        let query = format!("message_text=a%20b&secret={TAIL}&thread_id=t&x={TAIL}");
        for (method, tail) in [("GET", ""), ("GET", TAIL), ("POST", "")] {
            let verified = let_in_with(method, tail, &query, b"").expect("the secret is right");
            assert_eq!(verified.body(Vec::new()), b"message_text=a%20b&thread_id=t", "{method}");
            assert_eq!(verified.into_headers(), [(CONTENT_TYPE.to_owned(), FORM.to_owned())]);
        }
        let posted = let_in_with("POST", "", &format!("secret={TAIL}"), b"{}").expect("the secret is right");
        assert_eq!(posted.body(b"{}".to_vec()), b"{}");
        assert_eq!(posted.id(), let_in("POST", TAIL, b"{}").expect("so it is here").id(), "one delivery");
        let foreign = format!("task_id=1x2&secret={TAIL}");
        assert_eq!(let_in_with("GET", "", &foreign, b""), Err(Rejection::Misdirected));
    }
}
