//! What proves that a request is Carrot quest's.
//!
//! A webhook bears the account's token among its fields; there is no signature and no time (6.1). The token is a
//! credential, so it is not recorded: the body is kept byte for byte but for the token's value, which is left empty. A
//! body in base64 cannot be kept with a hole in it, so it is kept as the form that it stood for. Whatever else is in a
//! body with the right token is let in, even rubbish: a refusal would only bring the same bytes again.

use std::borrow::Cow;

use chatledger_projections::ids::ConnectionName;
use percent_encoding::percent_decode;
use serde_json::Value;

use super::form::{self, Opened};
use super::ids;
use super::settings::WEBHOOK_TOKEN;
use super::wire::Shape;
use crate::connector::{Decoded, InboundRequest, Rejection, Secret, Secrets, Verified};
use crate::loose::with_document;

/// Worth keeping: the vendor misspells it, and the reader should see what was claimed.
const CONTENT_TYPE: &str = "content-type";

/// The field that holds the proof.
pub(super) const TOKEN: &str = "token";

/// A shorter token is looked for in its own field only: elsewhere it would be found in innocent words.
const SHORTEST: usize = 8;

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
            emptied(&form, secret)
        }
        Opened::Json(document) => {
            prove(secret, token_in_json(&document))?;
            without_token(&document, secret)
        }
        Opened::Neither => {
            // A form without its type is still a form.
            prove(secret, form::field(request.body, TOKEN))?;
            emptied(request.body, secret)
        }
    };
    let recorded = recorded.ok_or(Rejection::Unproven)?;
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

fn token_in_json(document: &[u8]) -> Option<Cow<'static, str>> {
    // What is odd about it will be remarked when it is decoded.
    let read = |shape: Shape<'_>, _: &mut Decoded| shape.token.get().map(|token| Cow::Owned(token.to_string()));
    with_document::<Shape<'static>, _>(document, &mut Decoded::default(), read).flatten()
}

/// A form with nothing in its token's field, nor in any other whose value bears the token. One that bears it elsewhere
/// gives nothing: neither its bytes nor its token may be recorded.
fn emptied(form: &[u8], secret: &Secret) -> Option<Vec<u8>> {
    let emptied = form::emptied(form, |name, value| name == TOKEN || bears(value.as_bytes(), secret));
    (!bears(&emptied, secret)).then_some(emptied)
}

/// Empties the token where it is written as it is; a document that writes it in another way, or anywhere else, is written
/// anew. One that hides it and cannot be written anew gives nothing, like a form.
fn without_token(document: &[u8], secret: &Secret) -> Option<Vec<u8>> {
    let quoted = format!("\"{}\"", secret.reveal()).into_bytes();
    let mut emptied = Vec::with_capacity(document.len());
    let mut rest = document;
    while let Some((first, others)) = rest.split_first() {
        if rest.starts_with(&quoted) {
            emptied.extend_from_slice(b"\"\"");
            rest = &rest[quoted.len()..];
        } else {
            emptied.push(*first);
            rest = others;
        }
    }
    let is_clean = token_in_json(&emptied).is_none() && !bears(&emptied, secret);
    let unmarked = emptied.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&emptied);
    let Ok(mut read) = serde_json::from_slice::<Value>(unmarked) else { return is_clean.then_some(emptied) };
    if !empty_out(&mut read, secret) && is_clean {
        return Some(emptied);
    }
    read.as_object_mut()?.remove(TOKEN);
    let anew = read.to_string().into_bytes();
    (!bears(&anew, secret)).then_some(anew)
}

/// Whether a text bears the token, as it is or as addresses and forms write it.
fn bears(text: &[u8], secret: &Secret) -> bool {
    let token = secret.reveal().as_bytes();
    if token.len() < SHORTEST {
        return false;
    }
    let contains = |text: &[u8]| text.windows(token.len()).any(|window| window == token);
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    contains(text)
        || contains(&percent_decode(text).collect::<Vec<u8>>())
        || contains(&percent_decode(&spaced).collect::<Vec<u8>>())
}

/// Empties every text that holds the token; says whether there was one.
fn empty_out(document: &mut Value, secret: &Secret) -> bool {
    match document {
        Value::String(text) if bears(text.as_bytes(), secret) => {
            text.clear();
            true
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::Array(items) => items.iter_mut().fold(false, |found, item| empty_out(item, secret) | found),
        Value::Object(fields) => fields.values_mut().fold(false, |found, field| empty_out(field, secret) | found),
    }
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
        let request = InboundRequest { method, tail: "", headers, body };
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
        let repeated = format!("{FORM}&copy=%63q-webhook%2Btoken+1&a=1&url=x?t=cq-webhook%2btoken+1");
        let kept = "conversation=%7B%22id%22%3A+1%7D&type=conversation&token=&copy=&a=1&url=";
        assert_eq!(recorded(repeated.as_bytes()), kept, "the token is nowhere else either");
        let json = format!(r#"{{"a":1.50, "token":"{SECRET}"}}"#);
        assert_eq!(recorded(json.as_bytes()), r#"{"a":1.50, "token":""}"#);
        assert_eq!(recorded(br#"{"a":1,"token":"cq-webhook\u002btoken 1"}"#), r#"{"a":1}"#);
        let elsewhere = format!(r#"{{"a":["cq-webhook\u002btoken 1"],"b":"x{SECRET}","token":"{SECRET}"}}"#);
        assert_eq!(recorded(elsewhere.as_bytes()), r#"{"a":[""],"b":""}"#);
        let hidden = format!("{{\"token\":\"{SECRET}\",\", &token={SECRET}&other=cq-webhook%2Btoken%201");
        let in_a_name = format!("{FORM}&cq-webhook%2Btoken+1=a");
        for body in [hidden, in_a_name] {
            assert_eq!(let_in("POST", body.as_bytes()), Err(Rejection::Unproven), "its bytes cannot be kept: {body}");
        }
        for body in [FORM.to_owned(), json] {
            let verified = let_in("POST", body.as_bytes()).expect("it is authentic");
            assert_eq!(verified.into_headers().len(), 1, "nothing but the content type");
        }
    }

    #[test]
    fn a_repeated_delivery_has_the_same_id_even_under_another_token() {
        let id = |body: &str| let_in("POST", body.as_bytes()).expect("it is authentic").id();
        assert_eq!(id(FORM), id(FORM));
        assert_eq!(id(FORM), id(&FORM.replace("%2B", "%2b")));
        assert_ne!(id(FORM), id(&FORM.replace("A+1", "A+2")));
    }
}
