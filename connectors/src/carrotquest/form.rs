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

/// The same form with nothing in the fields whose name and value are meant; every other byte stays as it came.
pub(super) fn emptied(form: &[u8], is_meant: impl Fn(&str, &str) -> bool) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    for pair in form.split(|byte| *byte == b'&') {
        let is_it = form_urlencoded::parse(pair).next().is_some_and(|(name, value)| is_meant(&name, &value));
        let key = pair.iter().position(|byte| *byte == b'=').map_or(pair, |end| &pair[..=end]);
        kept.push(if is_it { key } else { pair });
    }
    kept.join(&b'&')
}

/// Either alphabet, with or without padding and line breaks; a form has turned its pluses into spaces.
fn out_of_base64(text: &[u8]) -> Option<Vec<u8>> {
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
    fn only_the_named_field_is_emptied_and_every_other_byte_stays() {
        let form = b"conversation=%7b%7D+&&type=conversation&token=se%63ret&tok%65n=x&tokens=1&token";
        let expected = b"conversation=%7b%7D+&&type=conversation&token=&tok%65n=&tokens=1&token";
        assert_eq!(emptied(form, |name, _| name == "token"), expected);
    }

    #[test]
    fn what_is_neither_is_neither() {
        for body in [&b""[..], b"rubbish", b"a=b", b"\xff\xfe", b"[1]"] {
            assert!(matches!(open(body), Opened::Neither));
        }
    }
}
