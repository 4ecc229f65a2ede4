//! The same body without the token that proved it.
//!
//! Takes a body that was let in and the account's token; gives what may be recorded: every other byte as it came, and the
//! token nowhere, in whichever field and in whichever spelling it was written. Only the token goes, never what stands
//! beside it: a message in which somebody repeats the token is still a message.

use std::borrow::Cow;

use serde_json::Value;

use super::form;
use super::verify::{TOKEN, token_in_json};

/// A form without its token: its own field is left empty, and the token is taken out of every other one that holds it.
pub(super) fn taken_out_of_form(form: &[u8], secret: &str) -> Vec<u8> {
    let rewritten = form::rewritten(form, |name, value| match name {
        TOKEN => Some((TOKEN.to_owned(), String::new())),
        _ => match (taken_out_of_text(name, secret), taken_out_of_text(value, secret)) {
            (None, None) => None,
            (new_name, new_value) => {
                Some((new_name.unwrap_or_else(|| name.to_owned()), new_value.unwrap_or_else(|| value.to_owned())))
            }
        },
    });
    // In what is no form a token may stand across what would be a field's name and its value.
    cut_out(&rewritten, secret.as_bytes()).into_owned()
}

/// A document without its token. Where the token is written as it is, its bytes are cut out; where it is spelt in another
/// way, the document is written anew. One that hides it and cannot be written anew gives nothing: neither its bytes nor
/// its token may be recorded.
pub(super) fn taken_out_of_json(document: &[u8], secret: &str) -> Option<Vec<u8>> {
    let cut = cut_out(document, secret.as_bytes());
    let Ok(mut read) = read(document) else {
        return token_in_json(&cut).is_none_or(|token| token.is_empty()).then(|| cut.into_owned());
    };
    take_out_of_value(&mut read, secret);
    let is_same = self::read(&cut).is_ok_and(|cut| cut == read);
    Some(if is_same { cut.into_owned() } else { read.to_string().into_bytes() })
}

/// `None` if the token is not in it.
fn taken_out_of_text(text: &str, secret: &str) -> Option<String> {
    let plain = removed(text, secret);
    let known = plain.as_deref().unwrap_or(text);
    let deeper = match read(known.as_bytes()) {
        Ok(mut document @ (Value::Object(_) | Value::Array(_))) => {
            take_out_of_value(&mut document, secret).then(|| document.to_string())
        }
        Ok(Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_)) | Err(_) => {
            // A field may hold its document in base64; without the token it stands there plainly.
            let opened = form::out_of_base64(known.as_bytes()).and_then(|plain| String::from_utf8(plain).ok());
            opened.filter(|opened| opened != known).and_then(|opened| taken_out_of_text(&opened, secret))
        }
    };
    deeper.or(plain)
}

/// Whether the token was in it.
fn take_out_of_value(value: &mut Value, secret: &str) -> bool {
    match value {
        Value::String(text) => match taken_out_of_text(text, secret) {
            Some(without) => {
                *text = without;
                true
            }
            None => false,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::Array(items) => items.iter_mut().fold(false, |found, item| take_out_of_value(item, secret) | found),
        Value::Object(fields) => {
            let mut found = false;
            *fields = std::mem::take(fields)
                .into_iter()
                .map(|(name, mut field)| {
                    let without = removed(&name, secret);
                    found |= take_out_of_value(&mut field, secret) | without.is_some();
                    (without.unwrap_or(name), field)
                })
                .collect();
            found
        }
    }
}

fn read(document: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice(document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document))
}

/// `None` if there was nothing to remove.
fn removed(text: &str, secret: &str) -> Option<String> {
    match cut_out(text.as_bytes(), secret.as_bytes()) {
        Cow::Borrowed(_) => None,
        Cow::Owned(cut) => Some(String::from_utf8(cut).expect("a whole text cut out of a text leaves a text")),
    }
}

/// Without any occurrence, even one that the cuts themselves would make.
fn cut_out<'a>(text: &'a [u8], part: &[u8]) -> Cow<'a, [u8]> {
    let mut kept = Cow::Borrowed(text);
    if part.is_empty() {
        return kept;
    }
    while let Some((at, length)) = (0..kept.len()).find_map(|at| Some((at, spelt(&kept[at..], part)?))) {
        kept = Cow::Owned([&kept[..at], &kept[at + length..]].concat());
    }
    kept
}

/// How many bytes a text begins with that are this part, each byte of it written as it is or as addresses and forms do.
fn spelt(text: &[u8], part: &[u8]) -> Option<usize> {
    let Some((first, others)) = part.split_first() else { return Some(0) };
    // What is written as it is may itself look like the beginning of an escape: both readings are followed.
    lengths(text, *first).filter_map(|length| Some(length + spelt(&text[length..], others)?)).max()
}

/// With how many bytes a text may begin that are this one.
fn lengths(text: &[u8], byte: u8) -> impl Iterator<Item = usize> {
    let plain = text.first().is_some_and(|first| *first == byte || (*first, byte) == (b'+', b' '));
    let escaped = text.strip_prefix(b"%").and_then(|rest| rest.get(..2)).and_then(|digits| {
        let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
        let digits = std::str::from_utf8(digits).ok().filter(|_| is_hex)?;
        u8::from_str_radix(digits, 16).ok()
    });
    plain.then_some(1).into_iter().chain((escaped == Some(byte)).then_some(3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;

    const SECRET: &str = "cq-webhook+token 1";

    #[test]
    fn a_form_has_the_token_in_no_field_and_keeps_all_else() {
        let without = |form: &str| String::from_utf8(taken_out_of_form(form.as_bytes(), SECRET)).unwrap();
        for (form, expected) in [
            ("type=a&token=cq-webhook%2Btoken+1&token=other", "type=a&token=&token="),
            ("token=x&copy=%63q-webhook%2Btoken+1&a=%41", "token=&copy=&a=%41"),
            ("url=x%3Ft%3Dcq-webhook%2btoken+1%26y", "url=x%3Ft%3D%26y"),
            ("cq-webhook%2Btoken+1=y&b", "=y&b"),
            (
                "conversation=%7B%22body%22%3A%22cq-webhook%5Cu002btoken+1%22%7D",
                "conversation=%7B%22body%22%3A%22%22%7D",
            ),
        ] {
            assert_eq!(without(form), expected, "{form}");
        }
        let encoded = BASE64_STANDARD.encode(format!(r#"{{"id":1,"token":"{SECRET}"}}"#));
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("conversation", &encoded).finish();
        assert_eq!(without(&form), "conversation=%7B%22id%22%3A1%2C%22token%22%3A%22%22%7D");
    }

    #[test]
    fn a_document_has_the_token_nowhere_and_keeps_all_else() {
        let without =
            |document: &str| String::from_utf8(taken_out_of_json(document.as_bytes(), SECRET).unwrap()).unwrap();
        for (document, expected) in [
            (r#"{"a":1.50, "token":"cq-webhook+token 1"}"#, r#"{"a":1.50, "token":""}"#),
            (r#"{"a":1,"token":"cq-webhook\u002btoken 1"}"#, r#"{"a":1,"token":""}"#),
            (r#"{"a":["is cq-webhook\u002btoken 1 it?"]}"#, r#"{"a":["is  it?"]}"#),
            (r#"{"a":"cq-webcq-webhook+token 1hook+token 1"}"#, r#"{"a":""}"#),
            (r#"{"cq-webhook+token 1":1}"#, r#"{"":1}"#),
            (r#"{"a":"x?t=cq-webhook%2btoken+1&y"}"#, r#"{"a":"x?t=&y"}"#),
            (r#"{"a": broken, &t=cq%2Dwebhook%2Btoken%201&y"#, r#"{"a": broken, &t=&y"#),
        ] {
            assert_eq!(without(document), expected, "{document}");
        }
    }

    #[test]
    fn a_cut_never_makes_another_document() {
        // The token's first sign is the end of an escape.
        assert_eq!(taken_out_of_json(br#"{"a":"\nabc","b":"nabc"}"#, "nabc").unwrap(), br#"{"a":"\nabc","b":""}"#);
    }
}
