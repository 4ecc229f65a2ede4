//! How a file goes across: what a platform wants of files, and what is to be done next for a message that has some.
//!
//! Takes a message, the rules of the platform that it goes to, and what is known of its files; gives the next thing to
//! do ([`next`]) and, once nothing is left to do, the message as it is to be written there ([`equipped`]). Nothing here
//! fetches, keeps or sends, and nothing is left out in silence: a file that does not go along stands in the message as
//! words with its link, or the message fails with the reason, and its author hears it.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::content::{Content, File, FileKind, Part};
use crate::fact::{Failure, FailureKind};
use crate::ids::FileId;
use crate::intent::{SendMessage, Speaker};

mod names;
mod pieces;
mod texts;

pub use names::{clean, ending_of};
pub use pieces::pieces;
pub(crate) use texts::{fitting, signs};

/// How a platform wants files and long texts, and how it gives files. Stated by its connector, and recorded with the
/// configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FileRules {
    /// How it wants them.
    #[serde(default)]
    pub wants: Wants,
    /// The largest it takes, in bytes; absent if nobody knows of a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// The endings of names that it takes, in lower case without a dot; empty if it takes any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endings: Vec<String>,
    /// Which files may bear a text.
    #[serde(default)]
    pub captions: Captions,
    /// How long the links live under which it shows files to us.
    #[serde(default)]
    pub links: Links,
    /// The most signs that the text of one message may have, as UTF-16 counts them; a longer one becomes several messages.
    /// Absent if nobody knows of a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_text: Option<NonZeroU32>,
}

/// How a platform wants files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wants {
    /// Not at all: only words and a link.
    #[default]
    Words,
    /// A link under which it fetches the file itself.
    Link,
    /// The bytes, along with the message.
    Bytes,
    /// The bytes in a call of their own, before the message, which then names the file by the platform's id.
    Upload,
    /// A link in a call of its own, before the message, which then names the file by the platform's id.
    UploadByLink,
}

/// Which files may bear a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Captions {
    /// Every file.
    #[default]
    All,
    /// Pictures and films; beside any other file the text is a message of its own.
    Pictures,
    /// None: the text is always a message of its own.
    Never,
}

/// How long the links live under which a platform shows files to us.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Links {
    /// As long as anybody may want them.
    #[default]
    Lasting,
    /// They may run out, or nobody says that they do not: whoever may need the file later keeps it.
    Passing,
}

/// A file that lies with us, named by what it holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stored {
    /// The digest of its bytes: 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// What its first bytes say that it is, else what its server claimed.
    pub media_type: String,
}

/// What is known of one file of a message that is on its way.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Filed {
    /// It lies with us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<Stored>,
    /// The platform has it, and calls it so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<FileId>,
    /// It cannot be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Failure>,
}

/// How a file goes along with its message. No intent has it: it is put in when the intent is carried out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// As bytes that lie with us.
    Stored(Stored),
    /// By the id that the platform gave it.
    Taken(FileId),
    /// Not as a file: words and its link stand for it.
    Words {
        /// Why, if it is not the platform's own way.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
}

/// What is to be done next for a message with files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Need {
    /// This file is to be fetched and kept.
    Fetch {
        /// Its place among the message's files, from zero.
        file: u32,
    },
    /// The platform is to be given this file.
    Upload {
        /// Its place among the message's files, from zero.
        file: u32,
    },
    /// Nothing: the message can be sent.
    Nothing,
    /// The message cannot be sent as it was meant, and its author is told.
    Refuse(Failure),
}

/// A link under which we ourselves show a file that lies with us, where we can.
pub type Show<'a> = &'a dyn Fn(&Stored, &File) -> Option<String>;

/// What is to be done next. `keeps` says whether the file must lie with us even where a link would do: the link it came
/// under may run out, and we have an address to show it at.
pub fn next(send: &SendMessage, rules: &FileRules, keeps: bool, known: &BTreeMap<u32, Filed>) -> Need {
    for (place, file) in places(&send.content) {
        let filed = known.get(&place).cloned().unwrap_or_default();
        if filed.taken.is_some() {
            continue;
        }
        match fate(file, rules, &filed) {
            Fate::Words => {}
            Fate::Lost(failure) if is_told(send, rules) => return Need::Refuse(failure),
            Fate::Lost(_) => {}
            Fate::Goes => {
                let is_here = filed.stored.is_some();
                match rules.wants {
                    Wants::Words => {}
                    Wants::Link if keeps && !is_here => return Need::Fetch { file: place },
                    Wants::Link => {}
                    Wants::Bytes | Wants::Upload if !is_here => return Need::Fetch { file: place },
                    Wants::Bytes => {}
                    Wants::Upload | Wants::UploadByLink => return Need::Upload { file: place },
                }
            }
        }
    }
    Need::Nothing
}

/// The message as it is to be written: each file with the way it goes.
pub fn equipped(send: &SendMessage, rules: &FileRules, known: &BTreeMap<u32, Filed>, show: Show<'_>) -> SendMessage {
    let mut send = send.clone();
    let mut place = 0;
    for part in &mut send.content.parts {
        let Part::File(file) = part else { continue };
        let filed = known.get(&place).cloned().unwrap_or_default();
        place += 1;
        file.way = match (fate(file, rules, &filed), filed) {
            (_, Filed { taken: Some(id), .. }) => Some(Way::Taken(id)),
            (Fate::Words, _) => Some(Way::Words { why: None }),
            (Fate::Lost(failure), _) => Some(Way::Words { why: Some(failure.reason) }),
            (Fate::Goes, Filed { stored: Some(stored), .. }) => {
                file.size_bytes = Some(stored.bytes);
                match rules.wants {
                    Wants::Link | Wants::UploadByLink => {
                        if let Some(link) = show(&stored, file) {
                            file.url = Some(link);
                        }
                        file.media_type = Some(stored.media_type);
                        None
                    }
                    Wants::Words | Wants::Bytes | Wants::Upload => {
                        file.media_type = Some(stored.media_type.clone());
                        Some(Way::Stored(stored))
                    }
                }
            }
            (Fate::Goes, Filed { stored: None, .. }) => None,
        };
    }
    send
}

/// Whether a message has files that a platform with these rules is to be given.
pub fn has_files(content: &Content) -> bool {
    places(content).next().is_some()
}

/// The files of a message with their places, from zero. What lies in a forwarded message is told in words.
pub fn places(content: &Content) -> impl Iterator<Item = (u32, &File)> {
    let files = content.parts.iter().filter_map(|part| match part {
        Part::File(file) => Some(file),
        Part::Location { .. }
        | Part::Contact { .. }
        | Part::Buttons { .. }
        | Part::Template { .. }
        | Part::Forward { .. }
        | Part::Unsupported { .. } => None,
    });
    (0..).zip(files)
}

/// What becomes of a file, as far as is known.
enum Fate {
    /// It goes along as a file.
    Goes,
    /// The platform takes no such file.
    Words,
    /// It cannot be had, or is more than the platform takes.
    Lost(Failure),
}

fn fate(file: &File, rules: &FileRules, filed: &Filed) -> Fate {
    if rules.wants == Wants::Words {
        return Fate::Words;
    }
    if let Some(failure) = &filed.missing {
        return Fate::Lost(failure.clone());
    }
    let Some(url) = file.url.as_deref().filter(|url| !url.is_empty()) else {
        return Fate::Lost(lost("the file has no address"));
    };
    if !is_web_address(url) {
        return Fate::Lost(lost("the file's address is not one of the web"));
    }
    let bytes = filed.stored.as_ref().map_or(file.size_bytes, |stored| Some(stored.bytes));
    if let (Some(most), Some(bytes)) = (rules.max_bytes, bytes)
        && bytes > most
    {
        let reason = format!("the file has {}, and at most {} are taken", megabytes(bytes), megabytes(most));
        return Fate::Lost(lost(&reason));
    }
    if !rules.endings.is_empty() && !is_taken(file, rules, filed) {
        return Fate::Words;
    }
    Fate::Goes
}

/// The name says what it is; a name without an ending gets one by what the file is, once that is known.
fn is_taken(file: &File, rules: &FileRules, filed: &Filed) -> bool {
    let claimed = file.media_type.as_deref();
    let media_type = filed.stored.as_ref().map(|stored| stored.media_type.as_str()).or(claimed);
    match ending_of(file, media_type) {
        Some(ending) => rules.endings.contains(&ending),
        // To be fetched first; what it is then decides.
        None => filed.stored.is_none(),
    }
}

/// Whether whoever wrote the message hears that it failed: a manager whose message goes to a client. What a client sent
/// is shown to the manager in any case, with words for what is lost.
const fn is_told(send: &SendMessage, rules: &FileRules) -> bool {
    match (send.speaker, rules.wants) {
        (Speaker::Client, _) | (_, Wants::Link | Wants::Words) => false,
        (Speaker::Manager | Speaker::Bot, Wants::Bytes | Wants::Upload | Wants::UploadByLink) => true,
    }
}

fn is_web_address(url: &str) -> bool {
    let is = |scheme: &str| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    (is("http://") || is("https://")) && !url.chars().any(|sign| sign.is_control() || sign == ' ')
}

/// A size as people say it, in millions of bytes with one digit behind the point.
pub fn megabytes(bytes: u64) -> String {
    if bytes < 100_000 {
        return format!("{bytes} bytes");
    }
    let tenths = bytes.div_ceil(100_000);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

/// A failure of a file.
pub fn lost(reason: &str) -> Failure {
    Failure { kind: FailureKind::Other, reason: reason.to_owned() }
}

/// Whether a text under this file belongs to it.
pub(crate) const fn bears_text(kind: FileKind, captions: Captions) -> bool {
    match (captions, kind) {
        (Captions::All, _) | (Captions::Pictures, FileKind::Picture | FileKind::Video) => true,
        (Captions::Pictures, FileKind::Audio | FileKind::Voice | FileKind::Sticker | FileKind::Document)
        | (Captions::Never, _) => false,
    }
}

#[cfg(test)]
mod tests;
