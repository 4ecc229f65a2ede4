//! Pact's documents as they are written, misspellings and all.
//!
//! Takes JSON, gives structs of loose fields: an odd value loses only itself. Which generation a document belongs to
//! is seen from its envelope alone; `v1` and `v2` hold the documents of each,
//! `replies` those that only a person asks for. What they mean is not said here.

pub(super) mod replies;
pub(super) mod v1;
pub(super) mod v2;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::loose::{Field, List, Object, Text, WireDocument};

/// What every webhook body may have at its top; enough to tell what it is (13).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) event: Field<Text<'a>>,
    /// The second generation's substance.
    pub(super) object: Presence,
    /// The first generation's substance.
    pub(super) data: Presence,
    /// Only in the probe of our address.
    #[serde(borrow)]
    pub(super) source: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) operation: Field<Text<'a>>,
}

impl WireDocument for Envelope<'static> {
    type Document<'de> = Envelope<'de>;
}

/// Whether a key holds anything at all; `null` is nothing (12.1, 7).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Presence(pub(super) bool);

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<serde::de::IgnoredAny>::deserialize(deserializer).map(|anything| Self(anything.is_some()))
    }
}

/// A file beside a message: v1 `{external_id, url}`, v2 9.3. Keys of both are read in both (12.1, 12).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct Attachment<'a> {
    #[serde(borrow)]
    pub(super) url: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) attachment_url: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) preview_url: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) file_name: Field<Text<'a>>,
    #[serde(borrow)]
    pub(super) mime_type: Field<Text<'a>>,
    pub(super) size: Field<i64>,
    pub(super) push_to_talk: Field<bool>,
    /// Width by height; null for what is no picture.
    pub(super) aspect_ratio: Field<f64>,
}

/// The files of a message.
pub(super) type Attachments<'a> = List<Object<Attachment<'a>>>;

/// A place on the map: its inner keys are undocumented, so all of them are kept that may be numbers (12.1, 13).
pub(super) type Location = Object<BTreeMap<String, Field<f64>>>;

/// JSON of no documented shape: `details`, `reactions`, a job's `reason` (11.3, 19.7).
pub(super) type Free = Value;
