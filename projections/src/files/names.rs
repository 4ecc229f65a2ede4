//! What a file is called where it goes. A foreign name in, a harmless one out; and the ending that tells what it is.
//!
//! A name comes from outside: it may hold paths, signs that turn the writing direction, or a million letters. What
//! goes on is one short line that names no place.

use crate::content::{File, FileKind};

/// The longest name, in bytes: what file systems and multipart forms take without trouble.
const LONGEST_NAME: usize = 120;

/// The longest ending that is taken for one.
const LONGEST_ENDING: usize = 8;

/// A file's name as it may be shown and written elsewhere; never empty, without places, control signs and signs that
/// turn the writing direction. One without an ending gets the one that belongs to `media_type`.
pub fn clean(file: &File, media_type: Option<&str>) -> String {
    let raw = file.name.as_deref().unwrap_or_default();
    let last = raw.rsplit('\\').next().unwrap_or_default();
    // A path is left behind; a slash in "No. 12/2026" is only written otherwise.
    let is_path = last.starts_with('/') || last.contains("..");
    let last = if is_path { last.rsplit('/').next().unwrap_or_default() } else { last };
    let harmless = last.chars().filter(|sign| !is_harmful(*sign));
    let kept: String = harmless.map(|sign| if sign == '/' { '_' } else { sign }).collect();
    let kept = kept.trim_matches(|sign: char| sign.is_whitespace() || sign == '.');
    let (stem, ending) = match kept.rsplit_once('.') {
        Some((stem, ending)) if is_ending(ending) && !stem.is_empty() => (stem, Some(ending.to_owned())),
        Some(_) | None => (kept, media_type.and_then(usual_ending).map(str::to_owned)),
    };
    let stem = if stem.is_empty() { kind_word(file.kind) } else { stem };
    match ending {
        Some(ending) => format!("{}.{ending}", cut(stem, LONGEST_NAME - ending.len() - 1)),
        None => cut(stem, LONGEST_NAME).to_owned(),
    }
}

/// The ending of a file's name in lower case, else the one that belongs to its type.
pub fn ending_of(file: &File, media_type: Option<&str>) -> Option<String> {
    let name = file.name.as_deref().unwrap_or_default();
    let own = name.rsplit_once('.').map(|(_, ending)| ending.trim()).filter(|ending| is_ending(ending));
    own.map(str::to_lowercase).or_else(|| media_type.and_then(usual_ending).map(str::to_owned))
}

fn is_ending(text: &str) -> bool {
    (1..=LONGEST_ENDING).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Control signs, and signs that are not seen but change how others are: a name may not pass for another.
fn is_harmful(sign: char) -> bool {
    sign.is_control()
        || matches!(
            sign,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '"' | '<' | '>' | '|' | ':' | '*' | '?'
        )
}

fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

const fn kind_word(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Picture => "picture",
        FileKind::Video => "video",
        FileKind::Audio => "audio",
        FileKind::Voice => "voice",
        FileKind::Sticker => "sticker",
        FileKind::Document => "file",
    }
}

/// The ending that files of a type usually have; only of types that messengers carry.
const USUAL_ENDINGS: [(&str, &str); 28] = [
    ("image/jpeg", "jpg"),
    ("image/jpg", "jpg"),
    ("image/png", "png"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
    ("image/heif", "heic"),
    ("image/heic", "heic"),
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("video/webm", "webm"),
    ("audio/mpeg", "mp3"),
    ("audio/ogg", "ogg"),
    ("application/ogg", "ogg"),
    ("audio/opus", "opus"),
    ("audio/mp4", "m4a"),
    ("audio/m4a", "m4a"),
    ("audio/wav", "wav"),
    ("audio/x-wav", "wav"),
    ("application/pdf", "pdf"),
    ("application/zip", "zip"),
    ("application/vnd.rar", "rar"),
    ("application/msword", "doc"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("text/plain", "txt"),
    ("text/csv", "csv"),
    ("text/vcard", "vcf"),
];

fn usual_ending(media_type: &str) -> Option<&'static str> {
    let plain = media_type.split(';').next().unwrap_or_default().trim();
    USUAL_ENDINGS.iter().find(|(known, _)| *known == plain).map(|(_, ending)| *ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> String {
        clean(&File { name: Some(name.to_owned()), ..File::of(FileKind::Picture) }, Some("image/jpeg"))
    }

    #[test]
    fn a_name_names_no_place_and_hides_nothing() {
        for (name, expected) in [
            ("Договор №1.pdf", "Договор №1.pdf"),
            ("../../etc/passwd", "passwd.jpg"),
            ("C:\\windows\\a.EXE", "a.EXE"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            ("a\r\nContent-Type: x\0.png", "aContent-Type x.png"),
            ("..", "picture.jpg"),
            (".jpg", "jpg.jpg"),
            ("", "picture.jpg"),
            ("Договор №12/2026.pdf", "Договор №12_2026.pdf"),
            ("/a/", "picture.jpg"),
            ("/tmp/x.png", "x.png"),
            ("say \"hi\".png", "say hi.png"),
        ] {
            assert_eq!(named(name), expected, "{name:?}");
        }
    }

    #[test]
    fn a_million_letters_become_a_short_name_with_its_ending() {
        let name = named(&format!("{}.pdf", "ж".repeat(500_000)));
        assert!(name.len() <= LONGEST_NAME && name.starts_with('ж'), "{name}");
        let name = named(&"x".repeat(1_000_000));
        assert!(name.len() <= LONGEST_NAME && name.ends_with(".jpg"), "{name}");
    }
}
