//! What proves that a request is Carrot quest's.
//!
//! A webhook bears the account's token among its fields; there is no signature and no time (6.1). The token is a
//! credential, so it is not recorded: the body is kept byte for byte but for the token, wherever it stands. A
//! body in base64 cannot be kept with a hole in it, so it is kept as the form that it stood for. Whatever else is in a
//! body with the right token is let in, even rubbish: a refusal would only bring the same bytes again.

use std::borrow::Cow;

use chatledger_projections::ids::ConnectionName;

use super::form::{self, Opened};
use super::settings::WEBHOOK_TOKEN;
use super::wire::Shape;
use super::{credential, ids};
use crate::connector::{Decoded, InboundRequest, Rejection, Secret, Secrets, Verified};
use crate::loose::with_document;

/// Worth keeping: the vendor misspells it, and the reader should see what was claimed.
const CONTENT_TYPE: &str = "content-type";

/// The field that holds the proof.
pub(super) const TOKEN: &str = "token";

/// Lets in what bears the account's token.
pub(super) fn verify(
    connection: &ConnectionName,
    request: &InboundRequest<'_>,
    secrets: &Secrets,
) -> Result<Verified, Rejection> {
    if request.method != "POST" {
        return Err(Rejection::WrongMethod);
    }
    let secret = secrets.get(WEBHOOK_TOKEN).ok_or(Rejection::Unproven)?;
    let recorded = match form::open(request.body) {
        Opened::Form(form) => {
            prove(secret, form::field(&form, TOKEN))?;
            credential::taken_out_of_form(&form, secret.reveal())
        }
        Opened::Json(document) => {
            prove(secret, token_in_json(&document))?;
            credential::taken_out_of_json(&document, secret.reveal()).ok_or(Rejection::Unproven)?
        }
        Opened::Neither => {
            // A form without its type is still a form.
            prove(secret, form::field(request.body, TOKEN))?;
            credential::taken_out_of_form(request.body, secret.reveal())
        }
    };
    let content_type = request.header(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value).into_owned());
    let headers = content_type.map(|value| (CONTENT_TYPE.to_owned(), value)).into_iter().collect();
    Ok(Verified::new(ids::delivery(connection, &recorded), headers).recording(recorded))
}

fn prove(secret: &Secret, token: Option<Cow<'_, str>>) -> Result<(), Rejection> {
    match token.as_deref() {
        None | Some("") => Err(Rejection::Unproven),
        Some(token) if secret.matches(token.as_bytes()) => Ok(()),
        Some(_) => Err(Rejection::Forged),
    }
}

pub(super) fn token_in_json(document: &[u8]) -> Option<Cow<'static, str>> {
    // What is odd about it will be remarked when it is decoded.
    let read = |shape: Shape<'_>, _: &mut Decoded| shape.token.get().map(|token| Cow::Owned(token.to_string()));
    with_document::<Shape<'static>, _>(document, &mut Decoded::default(), read).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;

    const SECRET: &str = "cq-webhook+token 1";
    const FORM: &str = "conversation=%7B%22id%22%3A+1%7D&type=conversation&token=cq-webhook%2Btoken+1";

    fn let_in(method: &str, body: &[u8]) -> Result<Verified, Rejection> {
        let mut secrets = Secrets::default();
        secrets.insert(WEBHOOK_TOKEN, Secret::new(SECRET));
        let headers: &[(&str, &[u8])] = &[("content-type", b"application/x-www-from-urlencoded"), ("cookie", b"1")];
        let request = InboundRequest { method, tail: "", query: "", headers, body };
        verify(&ConnectionName::new("carrot.site"), &request, &secrets)
    }

    fn recorded(body: &[u8]) -> String {
        let verified = let_in("POST", body).expect("it is authentic");
        String::from_utf8(verified.body(body.to_vec())).expect("it is text")
    }

    #[test]
    fn only_the_token_is_believed() {
        for (body, expected) in [
            ("", Rejection::Unproven),
            ("type=conversation", Rejection::Unproven),
            ("type=conversation&token=", Rejection::Unproven),
            ("type=conversation&token=cq-webhook%2Btoken+2", Rejection::Forged),
            ("type=conversation&token=cq-webhook%2Btoken", Rejection::Forged),
            (r#"{"type":"conversation"}"#, Rejection::Unproven),
            (r#"{"type":"conversation","token":"x"}"#, Rejection::Forged),
            ("rubbish", Rejection::Unproven),
        ] {
            assert_eq!(let_in("POST", body.as_bytes()), Err(expected), "{body}");
        }
        assert_eq!(let_in("GET", FORM.as_bytes()), Err(Rejection::WrongMethod));
        assert!(let_in("POST", FORM.as_bytes()).is_ok());
        assert!(let_in("POST", b"token=cq-webhook%2Btoken+1&rubbish").is_ok());
    }

    #[test]
    fn everything_is_recorded_but_the_token() {
        assert_eq!(recorded(FORM.as_bytes()), "conversation=%7B%22id%22%3A+1%7D&type=conversation&token=");
        assert_eq!(recorded(BASE64_STANDARD.encode(FORM).as_bytes()), recorded(FORM.as_bytes()));
        let json = format!(r#"{{"a":1.50, "token":"{SECRET}"}}"#);
        assert_eq!(recorded(json.as_bytes()), r#"{"a":1.50, "token":""}"#);
        assert_eq!(recorded(br#"{"a":1,"token":"cq-webhook\u002btoken 1"}"#), r#"{"a":1,"token":""}"#);
        let elsewhere = format!("{FORM}&copy=%63q-webhook%2Btoken+1&token=%63q-webhook%2Btoken+1&a=%41");
        assert_eq!(
            recorded(elsewhere.as_bytes()),
            "conversation=%7B%22id%22%3A+1%7D&type=conversation&token=&copy=&token=&a=%41"
        );
        for body in [FORM.to_owned(), json] {
            let verified = let_in("POST", body.as_bytes()).expect("it is authentic");
            assert_eq!(verified.into_headers().len(), 1, "nothing but the content type");
        }
    }

    #[test]
    fn a_body_that_would_bring_the_token_elsewhere_is_known_again_without_it() {
        let id = |body: &str| let_in("POST", body.as_bytes()).expect("it is authentic").id();
        assert_eq!(id(FORM), id(&FORM.replace("%7D", "cq-webhook%2Btoken+1%7D")));
    }

    #[test]
    fn a_repeated_delivery_has_the_same_id_even_under_another_token() {
        let id = |body: &str| let_in("POST", body.as_bytes()).expect("it is authentic").id();
        assert_eq!(id(FORM), id(FORM));
        assert_eq!(id(FORM), id(&FORM.replace("%2B", "%2b")));
        assert_ne!(id(FORM), id(&FORM.replace("A+1", "A+2")));
    }
}
