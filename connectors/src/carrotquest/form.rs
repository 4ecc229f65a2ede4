//! How a webhook's fields are written: as a form, as base64 of a form, or as JSON.
//!
//! Takes a body, gives its fields by name. The help page speaks of base64, its own example and running code of plain
//! forms (6.1, quirks): both are read, whatever the header says. What the fields mean is not said here.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// A body, opened.
pub(super) enum Opened<'a> {
    /// A form, perhaps out of base64.
    Form(Cow<'a, [u8]>),
    /// JSON, perhaps out of base64.
    Json(Cow<'a, [u8]>),
    /// Neither.
    Neither,
}

/// Opens a body.
pub(super) fn open(body: &[u8]) -> Opened<'_> {
    if let Some(opened) = look(Cow::Borrowed(body)) {
        return opened;
    }
    out_of_base64(body).and_then(|plain| look(Cow::Owned(plain))).unwrap_or(Opened::Neither)
}

fn look(body: Cow<'_, [u8]>) -> Option<Opened<'_>> {
    let unmarked = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body);
    if unmarked.trim_ascii_start().starts_with(b"{") {
        Some(Opened::Json(body))
    } else if field(&body, "type").is_some() {
        Some(Opened::Form(body))
    } else {
        None
    }
}

/// The first field of this name.
pub(super) fn field<'a>(form: &'a [u8], name: &str) -> Option<Cow<'a, str>> {
    form_urlencoded::parse(form).find(|(known, _)| known == name).map(|(_, value)| value)
}

/// A field that holds a document: its JSON, perhaps out of base64.
pub(super) fn document<'a>(form: &'a [u8], name: &str) -> Option<Cow<'a, [u8]>> {
    let text = field(form, name)?;
    let is_document = text.trim_start().starts_with('{');
    let encoded = if is_document { None } else { out_of_base64(text.as_bytes()) };
    Some(match (encoded, text) {
        (Some(plain), _) => Cow::Owned(plain),
        (None, Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
        (None, Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
    })
}

/// The same form with some fields written anew: `anew` takes a field's name and value, and gives what is to stand there
/// instead, if anything. Every other byte stays as it came.
pub(super) fn rewritten(form: &[u8], anew: impl Fn(&str, &str) -> Option<(String, String)>) -> Vec<u8> {
    let field = |pair: &[u8]| {
        let (name, value) = form_urlencoded::parse(pair).next()?;
        let (new_name, new_value) = anew(&name, &value)?;
        let written = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let end = pair.iter().position(|byte| *byte == b'=');
        let key = &pair[..end.unwrap_or(pair.len())];
        let key = if new_name == name { Cow::Borrowed(key) } else { Cow::Owned(written(&new_name).into_bytes()) };
        let equals: &[u8] = if end.is_some() { b"=" } else { b"" };
        Some([&key, equals, written(&new_value).as_bytes()].concat())
    };
    let kept: Vec<Cow<'_, [u8]>> =
        form.split(|byte| *byte == b'&').map(|pair| field(pair).map_or(Cow::Borrowed(pair), Cow::Owned)).collect();
    kept.join(&b'&')
}

/// Either alphabet, with or without padding and line breaks; a form has turned its pluses into spaces.
pub(super) fn out_of_base64(text: &[u8]) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let written: Vec<u8> = text
        .trim_ascii()
        .iter()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .map(|byte| match byte {
            b' ' | b'-' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    LENIENT.decode(written).ok().filter(|plain| !plain.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

    #[test]
    fn base64_is_opened_whole_or_in_one_field() {
        let document = r#"{"body":"Ищу >>> ???"}"#;
        let form = format!("type=conversation&conversation={document}");
        for written in [BASE64_STANDARD.encode(&form), BASE64_URL_SAFE_NO_PAD.encode(&form)] {
            let Opened::Form(opened) = open(written.as_bytes()) else { panic!("{written}") };
            assert_eq!(*opened, *form.as_bytes());
        }
        // Not escaped on the way: the plus has become a space.
        let form = format!("conversation={}&type=conversation", BASE64_STANDARD.encode(document));
        assert_eq!(super::document(form.as_bytes(), "conversation").as_deref(), Some(document.as_bytes()));
    }

    #[test]
    fn only_the_meant_fields_are_written_anew_and_every_other_byte_stays() {
        let form = b"conversation=%7b%7D+&&type=conversation&token=se%63ret&tok%65n=x&tokens=1&token";
        let expected = b"conversation=%7b%7D+&&type=conversation&token=&tok%65n=&tokens=1&token";
        let emptied = |name: &str, _: &str| (name == "token").then(|| (name.to_owned(), String::new()));
        assert_eq!(rewritten(form, emptied), expected);
    }

    #[test]
    fn what_is_neither_is_neither() {
        for body in [&b""[..], b"rubbish", b"a=b", b"\xff\xfe", b"[1]"] {
            assert!(matches!(open(body), Opened::Neither));
        }
    }
}
