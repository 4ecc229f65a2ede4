//! Bodies that are almost JSON, made JSON.
//!
//! bubble.io puts values into a template; where its author did not ask for it to be safe, a line break in a message stands
//! in the body as it is (6.6). Takes such a body, gives one with the line breaks escaped. Quotes that break it are not
//! mended: where a text ends could only be guessed.

use std::borrow::Cow;

/// The body with the control characters inside its texts escaped; `None` if there are none.
pub(super) fn mended(body: &[u8]) -> Option<Vec<u8>> {
    let mut mended = Vec::with_capacity(body.len() + 16);
    let (mut in_text, mut escaped, mut changed) = (false, false, false);
    for &byte in body {
        if in_text && byte < 0x20 {
            // A backslash before it escapes nothing that JSON knows; it belongs to the words.
            if escaped {
                mended.push(b'\\');
            }
            mended.extend_from_slice(written(byte).as_bytes());
            (escaped, changed) = (false, true);
            continue;
        }
        match byte {
            b'"' if !escaped => in_text = !in_text,
            _ => {}
        }
        escaped = in_text && byte == b'\\' && !escaped;
        mended.push(byte);
    }
    changed.then_some(mended)
}

/// How JSON writes a control character.
fn written(byte: u8) -> Cow<'static, str> {
    match byte {
        b'\n' => "\\n".into(),
        b'\r' => "\\r".into(),
        b'\t' => "\\t".into(),
        _ => format!("\\u{byte:04x}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn read(body: &str) -> Option<Value> {
        mended(body.as_bytes()).and_then(|mended| serde_json::from_slice(&mended).ok())
    }

    #[test]
    fn line_breaks_in_texts_are_escaped_and_those_between_are_not_touched() {
        let text = |body| read(body).map(|value| value["t"].as_str().unwrap_or_default().to_owned());
        assert_eq!(text("{\n\t\"t\": \"a\nb\tc\u{1}\"\r\n}").as_deref(), Some("a\nb\tc\u{1}"));
        assert_eq!(text("{\"t\": \"a\\\"\n\\\\\"}").as_deref(), Some("a\"\n\\"));
        assert_eq!(text("{\"t\": \"a\\\nb\"}").as_deref(), Some("a\\\nb"));
        assert_eq!(mended(b"{\n\"t\": 1\n}"), None);
    }

    #[test]
    fn a_quote_that_breaks_the_body_is_not_mended() {
        assert_eq!(read("{\"t\": \"he said \"yes\"\nand left\"}"), None);
    }
}
