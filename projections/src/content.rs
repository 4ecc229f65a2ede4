//! What a message says, in no platform's own words.

use serde::{Deserialize, Serialize};

use crate::files::Way;
use crate::ids::{MessageId, PersonId};

/// The substance of one message. All of it may be empty: a message without content is still a message.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Content {
    /// The text exactly as written; for a file, its caption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Everything that is not text, in the order in which it came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// The message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<Quote>,
}

impl Content {
    /// Only text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    /// A number that two contents share if people see the same in them, and otherwise only by a rare chance. White space
    /// around a text and small pictures of files count for nothing: platforms add both later.
    pub fn mark(&self) -> u64 {
        let mut mark = Mark::default();
        mark.take(self.text.as_deref().unwrap_or_default().trim().as_bytes());
        for part in &self.parts {
            let mut part = part.clone();
            if let Part::File(file) = &mut part {
                file.thumbnail = None;
            }
            mark.take(&serde_json::to_vec(&part).expect("a part is what JSON can say"));
        }
        mark.0
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.text.as_deref().is_none_or(str::is_empty) && self.parts.is_empty()
    }
}

/// The hash of Fowler, Noll and Vo in 64 bits: the same in every build, for it goes into states.
struct Mark(u64);

impl Default for Mark {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Mark {
    fn take(&mut self, bytes: &[u8]) {
        // What ends a field is in no text.
        for byte in bytes.iter().chain(&[0xff]) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// One thing in a message beside its text.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum Part {
    /// A file of any kind.
    File(File),
    /// A place on the map.
    Location {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
    },
    /// Somebody's visiting card.
    Contact {
        /// The name on it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// The number on it, as written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phone: Option<String>,
    },
    /// A keyboard under the text, row by row.
    Buttons {
        /// Rows of buttons.
        rows: Vec<Vec<Button>>,
    },
    /// The text is a template of the platform, already filled in.
    Template {
        /// The platform's or our id of the template.
        id: String,
        /// The values that were filled in, in order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        values: Vec<String>,
    },
    /// Another message, forwarded.
    Forward {
        /// Its text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Its files.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<File>,
    },
    /// Something that we cannot show; said by the platform's own word for it.
    Unsupported {
        /// The platform's word.
        kind: String,
    },
}

/// A file that lies at an address.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct File {
    /// What people would call it.
    pub kind: FileKind,
    /// Where it can be fetched; absent if the platform gave no address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its size in bytes, as claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Its media type, as claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// How long it plays, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<u32>,
    /// A small picture of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
    /// How it goes along; absent as long as that is not decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<Way>,
}

impl File {
    /// A file of which nothing is known but its kind.
    pub const fn of(kind: FileKind) -> Self {
        Self {
            kind,
            url: None,
            name: None,
            size_bytes: None,
            media_type: None,
            duration_s: None,
            thumbnail: None,
            way: None,
        }
    }
}

/// What people would call a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A picture.
    Picture,
    /// A film.
    Video,
    /// Music or another recording.
    Audio,
    /// A recording made by speaking into the messenger.
    Voice,
    /// A sticker.
    Sticker,
    /// Anything else.
    Document,
}

/// One button of a keyboard.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Button {
    /// What stands on it.
    pub text: String,
    /// Where it leads; absent if pressing it says its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The message that another one answers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Quote {
    /// The platform's id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theirs: Option<MessageId>,
    /// Our id of it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<MessageId>,
    /// What it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What one platform knows of a person, or of a bot.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Person {
    /// The platform's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theirs: Option<PersonId>,
    /// Our id there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<PersonId>,
    /// The name shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The telephone number as written there; a number for us only once parsed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The messenger's public name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The electronic mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// A picture's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
}

impl Person {
    /// Takes over from `newer` whatever it knows.
    pub fn learn(&mut self, newer: &Self) {
        fn take<T: Clone + PartialEq>(known: &mut Option<T>, newer: &Option<T>) {
            if newer.is_some() && known != newer {
                known.clone_from(newer);
            }
        }
        take(&mut self.theirs, &newer.theirs);
        take(&mut self.ours, &newer.ours);
        take(&mut self.name, &newer.name);
        take(&mut self.phone, &newer.phone);
        take(&mut self.username, &newer.username);
        take(&mut self.email, &newer.email);
        take(&mut self.avatar, &newer.avatar);
    }
}
