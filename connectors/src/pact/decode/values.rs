//! How single values of Pact's documents are read: dates, numbers of telephones, pictures, files, places.

use std::borrow::Cow;

use chatledger_projections::content::{Content, File, FileKind, Part};
use chatledger_projections::fact::RemarkKind;
use chatledger_projections::time::Timestamp;
use percent_encoding::percent_decode_str;

use crate::connector::Decoded;
use crate::loose::{Field, Object, Text};
use crate::pact::settings::PACT;
use crate::pact::wire::{Attachment, Attachments, Location};

/// The first of several fields that can be read as a moment; the unreadable ones are remarked (12.1, 8).
pub(in crate::pact) fn first_moment<const N: usize>(
    fields: [(&str, Field<Text<'_>>); N],
    decoded: &mut Decoded,
) -> Option<Timestamp> {
    fields.into_iter().find_map(|(at, field)| {
        let text = field.0.read(at, decoded)?;
        let read = moment(&text);
        if read.is_none() {
            decoded.remark(RemarkKind::OddValue, at, "a text that is no date");
        }
        read
    })
}

/// Whole seconds, an ISO date, or `2018-12-5 15:05:14 UTC` with or without zeros before single digits (2.5).
pub(in crate::pact) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        // Zero means "never" (2.5).
        return (seconds > 0).then(|| Timestamp::from_seconds(seconds)).flatten();
    }
    text.parse::<jiff::Timestamp>()
        .ok()
        .or_else(|| spoken_moment(text))
        .map(|moment| Timestamp::from_millis(moment.as_millisecond()))
}

fn spoken_moment(text: &str) -> Option<jiff::Timestamp> {
    let (date, time) = text.strip_suffix("UTC")?.trim_end().split_once(' ')?;
    let [year, month, day] = three_numbers(date, '-')?;
    let [hour, minute, second] = three_numbers(time.trim(), ':')?;
    let small = |number: i16| i8::try_from(number).ok();
    let civil =
        jiff::civil::DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0);
    jiff::tz::Offset::UTC.to_timestamp(civil.ok()?).ok()
}

fn three_numbers(text: &str, between: char) -> Option<[i16; 3]> {
    let mut numbers = text.split(between).map(|number| number.parse::<i16>().ok());
    let three = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(three)
}

/// The digits of a telephone number, however written (12.1, 14); `None` for what is too short or too long for one.
pub(in crate::pact) fn phone_digits(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let is_phone = text.chars().all(|sign| sign.is_ascii_digit() || " +-().\u{a0}".contains(sign));
    (is_phone && (7..=15).contains(&digits.len())).then_some(digits)
}

/// The messenger's id of a client, where it is their telephone number (5.1, 9.1).
pub(in crate::pact) fn phone_of_sender(messenger: Option<&str>, sender: &str) -> Option<String> {
    matches!(messenger, Some("whatsapp" | "whatsapp_business")).then(|| phone_digits(sender)).flatten()
}

/// A client's public name: not every messenger has one, and some repeat the number instead.
pub(in crate::pact) fn username(text: &str) -> Option<String> {
    let name = text.trim_start_matches('@');
    (!name.is_empty() && phone_digits(text).is_none()).then(|| name.to_owned())
}

/// A client's picture, unless it only says that there is none: samples hold `/avatars/original/missing.png` and texts
/// that are no address at all.
pub(in crate::pact) fn picture(text: &str) -> Option<String> {
    address(text).filter(|address| !address.ends_with("/missing.png"))
}

/// An address, absolute or relative to Pact's own (5.1).
fn address(text: &str) -> Option<String> {
    if text.starts_with("https://") || text.starts_with("http://") {
        Some(text.to_owned())
    } else if text.starts_with('/') && !text.starts_with("//") {
        Some(format!("{PACT}{text}"))
    } else {
        None
    }
}

/// A document's kind as it is remarked: Pact's words, cut short.
pub(super) fn name_of_kind(kind: &str, event: &str) -> String {
    let word = |text: &str| text.chars().take(40).collect::<String>();
    match (kind, event) {
        ("", "") => "no type".to_owned(),
        ("", event) => word(event),
        (kind, "") => word(kind),
        (kind, event) => format!("{}/{}", word(kind), word(event)),
    }
}

/// The substance of a message. All of it may be missing: it is a message all the same (12.1, 11).
pub(super) fn content(
    text: Option<Cow<'_, str>>,
    attachments: Attachments<'_>,
    location: Location,
    decoded: &mut Decoded,
) -> Content {
    let mut parts = Vec::new();
    for (number, Object(attachment)) in attachments.0.read("attachments", decoded).into_iter().flatten().enumerate() {
        if let Some(attachment) = attachment.read(&format!("attachments[{number}]"), decoded) {
            parts.push(Part::File(file(attachment, decoded)));
        } else {
            // A file of which nothing can be read is still a file.
            parts.push(Part::File(File::of(FileKind::Document)));
        }
    }
    parts.extend(place(location, decoded));
    Content { text: text.map(Cow::into_owned), parts, quote: None }
}

/// `{}` and `null` mean that there is none; anything else is a place, even if we cannot read where (12.1, 13).
fn place(location: Location, decoded: &mut Decoded) -> Option<Part> {
    let location = location.0.read("location", decoded)?;
    if location.is_empty() {
        return None;
    }
    let degrees = |names: &[&str]| names.iter().find_map(|name| location.get(*name)?.get().copied());
    match (degrees(&["latitude", "lat"]), degrees(&["longitude", "lng", "lon"])) {
        (Some(latitude), Some(longitude)) => Some(Part::Location { latitude, longitude }),
        (_, _) => {
            decoded.remark(RemarkKind::OddValue, "location", "an object without coordinates");
            Some(Part::Unsupported { kind: "location".to_owned() })
        }
    }
}

fn file(attachment: Attachment<'_>, decoded: &mut Decoded) -> File {
    let new_address = attachment.attachment_url.0.read("attachments.attachment_url", decoded);
    let old_address = attachment.url.0.read("attachments.url", decoded);
    let url = new_address.or(old_address).and_then(|text| address(&text));
    let name = attachment
        .file_name
        .0
        .read("attachments.file_name", decoded)
        .map(Cow::into_owned)
        .or_else(|| url.as_deref().and_then(last_segment));
    let claimed = attachment.mime_type.0.read("attachments.mime_type", decoded).map(Cow::into_owned);
    let spoken = attachment.push_to_talk.0.read("attachments.push_to_talk", decoded) == Some(true);
    let by_name = name.as_deref().and_then(type_by_extension);
    // Claimed types are wrong now and then (9.3, 15.9), so the name's ending says what kind of file it is.
    let media_type = by_name.or(claimed.as_deref()).unwrap_or_default();
    // No field says so, but stickers come as square pictures of this type (15.9), and nothing else does.
    let is_square = attachment.aspect_ratio.0.read("attachments.aspect_ratio", decoded) == Some(1.0);
    let kind = match media_type {
        _ if spoken => FileKind::Voice,
        "image/webp" if is_square => FileKind::Sticker,
        media_type => kind_by_type(media_type),
    };
    if url.is_none() {
        decoded.remark(RemarkKind::Missing, "attachments.attachment_url", "");
    }
    File {
        kind,
        url,
        name,
        size_bytes: attachment.size.0.read("attachments.size", decoded).and_then(|size| u64::try_from(size).ok()),
        media_type: Some(claimed.or(by_name.map(str::to_owned)).unwrap_or_else(|| OCTETS.to_owned())),
        duration_s: None,
        thumbnail: attachment.preview_url.0.read("attachments.preview_url", decoded).and_then(|text| address(&text)),
        way: None,
    }
}

/// The type of a file of which nothing is known (12.1, 12).
const OCTETS: &str = "application/octet-stream";

/// The name of a file without one is the end of its address (12.1, 12).
fn last_segment(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?;
    let segment = path.rsplit('/').next().filter(|segment| !segment.is_empty())?;
    Some(percent_decode_str(segment).decode_utf8_lossy().into_owned())
}

fn kind_by_type(media_type: &str) -> FileKind {
    match media_type.split('/').next() {
        Some("image") => FileKind::Picture,
        Some("video") => FileKind::Video,
        Some("audio") => FileKind::Audio,
        Some(_) | None => FileKind::Document,
    }
}

/// The media type that the ending of a name stands for.
pub(in crate::pact) fn type_by_extension(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "heic" => "image/heic",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "3gp" => "video/3gpp",
        "webm" => "video/webm",
        "mp3" => "audio/mpeg",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "m4a" => "audio/mp4",
        "wav" => "audio/wav",
        "amr" => "audio/amr",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "doc" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls" => "application/vnd.ms-excel",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "zip" => "application/zip",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_documented_dates_are_read() {
        for (text, millis) in [
            ("1603118584", 1_603_118_584_000),
            ("2017-04-25T18:30:23.076Z", 1_493_145_023_076),
            ("2024-01-15T10:30:00Z", 1_705_314_600_000),
            ("2017-11-11 12:45:53 UTC", 1_510_404_353_000),
            ("2018-12-5 15:05:14 UTC", 1_544_022_314_000),
        ] {
            assert_eq!(moment(text), Some(Timestamp::from_millis(millis)), "{text}");
        }
        for text in ["0", "-5", "soon", "2018-13-05 15:05:14 UTC", "2018-12-05 15:05 UTC", "9223372036854775807"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_of_telephones_are_compared_by_digits() {
        assert_eq!(phone_digits("+7 900 000-00-09").as_deref(), Some("79000000009"));
        assert_eq!(phone_digits("120363148147828952"), None);
        assert_eq!(phone_digits("anna_79000000009"), None);
        assert_eq!(phone_of_sender(Some("telegram_personal"), "1102184313"), None);
        assert_eq!(username("@anna_k").as_deref(), Some("anna_k"));
        assert_eq!(username("+79001234567"), None);
    }

    #[test]
    fn a_placeholder_is_no_picture() {
        assert_eq!(picture("/avatars/original/missing.png"), None);
        assert_eq!(picture("path to file"), None);
        assert_eq!(picture("/avatars/1.png").as_deref(), Some("https://api.pact.im/avatars/1.png"));
        assert_eq!(picture("//elsewhere.example/1.png"), None);
    }

    #[test]
    fn a_files_name_is_the_end_of_its_address() {
        assert_eq!(last_segment("https://cdn.pact.im/a/%D0%B0.ogg?x=/1").as_deref(), Some("а.ogg"));
        assert_eq!(last_segment("https://cdn.pact.im/"), None);
    }
}
