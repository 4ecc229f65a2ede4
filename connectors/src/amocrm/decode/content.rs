//! What a message written in amo says.
//!
//! Takes the inner `message` of a hook; gives its content, part by part, and remarks on what was odd. Whatever is of an
//! unknown kind stays in the content as [`Part::Unsupported`], so that the message is never lost and its author can be
//! told that it did not arrive.

use chatledger_projections::content::{Button, Content, File, FileKind, Part, Quote};
use chatledger_projections::fact::RemarkKind;

use crate::amocrm::{ids, wire};
use crate::connector::Decoded;
use crate::loose::{Field, Loose, Object, Text};

/// The longest word of the platform's that is repeated in a remark or a part.
const LONGEST_WORD: usize = 40;

/// Reads all of it.
pub(super) fn of(message: wire::HookMessage<'_>, decoded: &mut Decoded) -> Content {
    let text = message.text.0.read("message.message.text", decoded).map(Text::into_owned);
    let kind = message.kind.0.expect("message.message.type", decoded);
    let file = Media {
        media: message.media,
        thumbnail: message.thumbnail,
        name: message.file_name,
        size: message.file_size,
        duration: message.media_duration,
        at: "message.message",
    }
    .read(kind.as_deref().map_or(FileKind::Document, |kind| file_kind(kind).unwrap_or(FileKind::Document)), decoded);

    let mut content = Content { text, parts: Vec::new(), quote: None };
    match kind.as_deref() {
        Some("text") | None => content.parts.extend(file.map(Part::File)),
        Some("location") => {
            let part = location(message.location, decoded);
            content.parts.push(part.unwrap_or_else(|| unsupported("location")));
        }
        Some("contact") => {
            let part = contact(message.contact, decoded);
            content.parts.push(part.unwrap_or_else(|| unsupported("contact")));
        }
        Some(kind) if file_kind(kind).is_some() => match file {
            Some(file) => content.parts.push(Part::File(file)),
            None => {
                decoded.remark(RemarkKind::Missing, "message.message.media", "");
                content.parts.push(unsupported(kind));
            }
        },
        Some(unknown) => {
            decoded.remark(RemarkKind::UnknownKind, "message.message.type", word(unknown));
            content.parts.extend(file.map(Part::File));
            content.parts.push(unsupported(unknown));
        }
    }
    forwards(message.forwards, &mut content, decoded);
    markup(message.markup, &mut content, decoded);
    template(message.template, &mut content, decoded);
    content.quote = quote(message.reply_to, decoded);
    if let Some(post) = message.post.0.read("message.message.post", decoded)
        && post.id.is_present()
    {
        decoded.remark(RemarkKind::Ignored, "message.message.post", "an answer to a comment, taken as a message");
    }
    content
}

/// A word of the platform's, short enough to be repeated.
pub(super) fn word(word: &str) -> String {
    word.chars().take(LONGEST_WORD).collect()
}

fn unsupported(kind: &str) -> Part {
    Part::Unsupported { kind: word(kind) }
}

/// The kinds of message that are files (contract, 9.4).
fn file_kind(kind: &str) -> Option<FileKind> {
    Some(match kind {
        "file" => FileKind::Document,
        "video" => FileKind::Video,
        "picture" => FileKind::Picture,
        "voice" => FileKind::Voice,
        "audio" => FileKind::Audio,
        "sticker" => FileKind::Sticker,
        _ => return None,
    })
}

/// The fields of a file, which lie beside others.
struct Media<'a> {
    media: Field<Text<'a>>,
    thumbnail: Field<Text<'a>>,
    name: Field<Text<'a>>,
    size: Field<i64>,
    duration: Field<i64>,
    at: &'static str,
}

impl Media<'_> {
    /// The file, if there is an address. An empty name and a size of zero come even with one (contract, 9.4).
    fn read(self, kind: FileKind, decoded: &mut Decoded) -> Option<File> {
        let mut text = |field: Field<Text<'_>>, key: &str| {
            field.0.read(&format!("{}.{key}", self.at), decoded).map(Text::into_owned)
        };
        let url = text(self.media, "media");
        let thumbnail = text(self.thumbnail, "thumbnail");
        let name = text(self.name, "file_name");
        let size = self.size.0.read(&format!("{}.file_size", self.at), decoded);
        let duration = self.duration.0.read(&format!("{}.media_duration", self.at), decoded);
        Some(File {
            url: Some(url?),
            name,
            size_bytes: size.and_then(|size| u64::try_from(size).ok()).filter(|size| *size > 0),
            duration_s: duration.and_then(|seconds| u32::try_from(seconds).ok()).filter(|seconds| *seconds > 0),
            thumbnail,
            ..File::of(kind)
        })
    }
}

fn location(location: Object<wire::Location>, decoded: &mut Decoded) -> Option<Part> {
    let location = location.0.expect("message.message.location", decoded)?;
    let latitude = location.lat.0.expect("message.message.location.lat", decoded);
    let longitude = location.lon.0.expect("message.message.location.lon", decoded);
    Some(Part::Location { latitude: latitude?, longitude: longitude? })
}

fn contact(contact: Object<wire::ContactCard<'_>>, decoded: &mut Decoded) -> Option<Part> {
    let contact = contact.0.expect("message.message.contact", decoded)?;
    let name = contact.name.0.read("message.message.contact.name", decoded).map(Text::into_owned);
    let phone = contact.phone.0.read("message.message.contact.phone", decoded).map(Text::into_owned);
    (name.is_some() || phone.is_some()).then_some(Part::Contact { name, phone })
}

/// Forwarded messages; an id alone says nothing that could be shown, so it is remarked.
fn forwards(forwards: Object<wire::Forwards<'_>>, content: &mut Content, decoded: &mut Decoded) {
    let at = "message.message.forwards.messages";
    let Some(forwards) = forwards.0.read("message.message.forwards", decoded) else { return };
    for embedded in forwards.messages.0.read(at, decoded).unwrap_or_default() {
        let Some(embedded) = embedded.0.read(at, decoded) else { continue };
        let kind = embedded.kind.0.read("message.message.forwards.messages.type", decoded);
        let text = embedded.text.0.read("message.message.forwards.messages.text", decoded).map(Text::into_owned);
        let file = Media {
            media: embedded.media,
            thumbnail: embedded.thumbnail,
            name: embedded.file_name,
            size: embedded.file_size,
            duration: Field(Loose::Absent),
            at,
        }
        .read(kind.as_deref().and_then(file_kind).unwrap_or(FileKind::Document), decoded);
        if text.is_none() && file.is_none() {
            decoded.remark(RemarkKind::Missing, at, "text and media");
            content.parts.push(unsupported("forward"));
        } else {
            content.parts.push(Part::Forward { text, files: file.into_iter().collect() });
        }
    }
}

/// A keyboard, or WhatsApp's list: its rows become buttons, and its own words the text where there is no other.
fn markup(markup: Object<wire::Markup<'_>>, content: &mut Content, decoded: &mut Decoded) {
    let Some(markup) = markup.0.read("message.message.markup", decoded) else { return };
    let mut rows = Vec::new();
    for row in markup.buttons.0.read("message.message.markup.buttons", decoded).unwrap_or_default() {
        let row = row.0.read("message.message.markup.buttons", decoded).unwrap_or_default();
        let row: Vec<Button> = row.into_iter().filter_map(|button| read_button(button, decoded)).collect();
        rows.extend((!row.is_empty()).then_some(row));
    }
    if let Some(list) = markup.list_message.0.read("message.message.markup.list_message", decoded) {
        rows.extend(list_message(list, content, decoded));
    }
    if !rows.is_empty() {
        content.parts.push(Part::Buttons { rows });
    }
}

fn read_button(button: Object<wire::Button<'_>>, decoded: &mut Decoded) -> Option<Button> {
    let button = button.0.read("message.message.markup.buttons", decoded)?;
    let text = button.text.0.expect("message.message.markup.buttons.text", decoded)?.into_owned();
    let url = button.url.0.read("message.message.markup.buttons.url", decoded).map(Text::into_owned);
    Some(Button { text, url })
}

/// Comes only through WhatsApp sources, which we have none of (contract, 9.5): shown as well as other messengers can.
fn list_message(list: wire::ListMessage<'_>, content: &mut Content, decoded: &mut Decoded) -> Vec<Vec<Button>> {
    let at = "message.message.markup.list_message";
    let words: Vec<Text<'_>> =
        [list.header, list.body, list.footer].into_iter().filter_map(|field| field.0.read(at, decoded)).collect();
    match &content.text {
        None if !words.is_empty() => content.text = Some(words.join("\n")),
        None => {}
        Some(_) => decoded.remark(RemarkKind::Ignored, at, "its header, body and footer: the message has a text"),
    }
    let mut rows = Vec::new();
    for section in list.sections.0.read(at, decoded).unwrap_or_default() {
        let section = section.0.read(at, decoded).unwrap_or_default();
        for row in section.rows.0.read(at, decoded).unwrap_or_default() {
            let title = row.0.read(at, decoded).and_then(|row| row.title.0.read(at, decoded));
            rows.extend(title.map(|title| vec![Button { text: title.into_owned(), url: None }]));
        }
    }
    rows
}

/// The text is final already; the template is told for messengers that want it by name (contract, 9.6).
fn template(template: Object<wire::Template<'_>>, content: &mut Content, decoded: &mut Decoded) {
    let Some(template) = template.0.read("message.message.template", decoded) else { return };
    let ours = template.external_id.0.read("message.message.template.external_id", decoded);
    let theirs = template.id.0.read("message.message.template.id", decoded);
    let Some(id) = ours.or(theirs) else {
        decoded.remark(RemarkKind::Missing, "message.message.template.id", "");
        return;
    };
    let params = template.params.0.read("message.message.template.params", decoded).unwrap_or_default();
    let mut values = Vec::with_capacity(params.len());
    for param in params {
        let Some(param) = param.0.read("message.message.template.params", decoded) else { continue };
        // An empty value still keeps its place.
        let value = param.value.0.read("message.message.template.params.value", decoded).unwrap_or_default();
        values.push(value.into_owned());
    }
    content.parts.push(Part::Template { id: id.into_owned(), values });
}

fn quote(reply_to: Object<wire::ReplyTo<'_>>, decoded: &mut Decoded) -> Option<Quote> {
    let mut reply_to = reply_to.0.read("message.message.reply_to", decoded)?;
    let is_bare = reply_to.id.is_present() || reply_to.msgid.is_present() || reply_to.text.is_present();
    let wrapped = std::mem::take(&mut reply_to.message);
    let quoted = if is_bare && !wrapped.is_present() {
        wire::Embedded { id: reply_to.id, msgid: reply_to.msgid, text: reply_to.text, ..wire::Embedded::default() }
    } else {
        wrapped.0.expect("message.message.reply_to.message", decoded)?
    };
    let theirs = quoted.id.0.read("message.message.reply_to.message.id", decoded).map(ids::message);
    let ours = quoted.msgid.0.read("message.message.reply_to.message.msgid", decoded).map(ids::message);
    let text = quoted.text.0.read("message.message.reply_to.message.text", decoded).map(Text::into_owned);
    (theirs.is_some() || ours.is_some() || text.is_some()).then_some(Quote { theirs, ours, text })
}
