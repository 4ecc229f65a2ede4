//! One page of a list: its elements as they lie there, byte for byte, and the little that must be known of each.
//!
//! Nothing is interpreted that can be left to the reader of the recorded documents. What cannot even be told apart
//! becomes a document of its own all the same, so that its reader may say what is odd about it.

use std::borrow::Cow;

use chatledger_projections::ids::{ConnectionName, EventId};
use chatledger_projections::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::carrotquest::decode::values::moment;
use crate::polling::Document;

/// A page.
pub(super) struct Page<'a> {
    elements: Vec<&'a RawValue>,
    /// Where the next page begins, as it stands there; absent on the last one.
    pub(super) next: Option<&'a str>,
}

/// An element of a list of dialogues.
pub(super) enum Listed {
    /// A dialogue with its last change.
    Changed(Changed),
    /// The company opened it, and no visitor has answered: no operator sees it (3.4, 7.3).
    Unanswered,
    /// Whatever it is.
    Odd(String),
}

/// A dialogue and when it last changed.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) conversation: String,
    /// When; absent if nobody can tell.
    pub(super) at: Option<Timestamp>,
    /// The same as it was written, to know this very change again.
    pub(super) written: String,
    /// What is said of its visitor, if there is anything but the id.
    visitor: Option<String>,
}

/// One part of a dialogue.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) created: Option<Timestamp>,
    /// Whether it is not any more as it was.
    changed: bool,
    document: Document,
}

impl<'a> Page<'a> {
    /// Reads an answer (2.4, 2.6); `None` if it holds no list.
    pub(super) fn of(body: &'a [u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Answer<'a> {
            #[serde(borrow, default)]
            meta: Option<Meta<'a>>,
            #[serde(borrow)]
            data: &'a RawValue,
        }
        #[derive(Deserialize)]
        struct Meta<'a> {
            #[serde(borrow, default)]
            next_before_position: Option<&'a RawValue>,
            #[serde(borrow, default)]
            next_after: Option<&'a RawValue>,
        }
        let answer: Answer<'a> = serde_json::from_slice(body).ok()?;
        let next = answer.meta.and_then(|meta| meta.next_before_position.or(meta.next_after));
        let is_cursor = |next: &&str| *next != "null";
        Some(Self {
            elements: serde_json::from_str(answer.data.get()).ok()?,
            next: next.map(RawValue::get).filter(is_cursor),
        })
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    pub(super) fn dialogues(&self) -> impl Iterator<Item = Listed> {
        self.elements.iter().map(|element| Changed::of(element.get()))
    }

    pub(super) fn parts(&self, connection: &ConnectionName) -> impl Iterator<Item = Piece> {
        self.elements.iter().map(move |element| Piece::of(connection, element.get()))
    }
}

impl Changed {
    fn of(element: &str) -> Listed {
        let dialogue: Value = serde_json::from_str(element).unwrap_or_default();
        let Some(conversation) = text(&dialogue["id"]) else { return Listed::Odd(element.to_owned()) };
        if dialogue["replied"] == false && !dialogue["message"].is_null() {
            return Listed::Unanswered;
        }
        let written = text(&dialogue["last_update"]).or_else(|| text(&dialogue["part_last"]["created"]));
        let written = written.unwrap_or_default().into_owned();
        Listed::Changed(Self {
            conversation: conversation.into_owned(),
            at: moment(&written),
            written,
            visitor: visitor(&dialogue),
        })
    }

    /// What is to be recorded of it: its visitor before its parts, and those oldest first. `from` is where our time
    /// begins; behind `boundary` only what was changed is told again.
    pub(super) fn documents(
        &self,
        connection: &ConnectionName,
        mut pieces: Vec<Piece>,
        from: Timestamp,
        boundary: Timestamp,
    ) -> Vec<Document> {
        pieces.retain(|piece| {
            piece.created.is_none_or(|created| created >= from && (piece.changed || created >= boundary))
        });
        // They came newest first; of one moment, the order of the list is kept.
        pieces.reverse();
        pieces.sort_by_key(|piece| piece.created);
        let visitor = self.visitor.as_ref().filter(|_| !pieces.is_empty()).map(|visitor| {
            // Not its last change: the same visitor is described once.
            let id = EventId::derived(&[
                b"carrotquest polled conversation",
                connection.as_str().as_bytes(),
                self.conversation.as_bytes(),
                visitor.as_bytes(),
            ]);
            Document::new(id, visitor.clone().into_bytes())
        });
        visitor.into_iter().chain(pieces.into_iter().map(|piece| piece.document)).collect()
    }
}

impl Piece {
    /// A part is the same part as long as it was not changed: its id names it together with its changes.
    fn of(connection: &ConnectionName, element: &str) -> Self {
        let part: Value = serde_json::from_str(element).unwrap_or_default();
        let written = |key: &str| text(&part[key]).unwrap_or_default();
        let (edited, removed) = (written("edited"), written("removed"));
        let document = match text(&part["id"]) {
            Some(id) => {
                let parts = [connection.as_str(), &id, &edited, &removed];
                let [connection, id, edited, removed] = parts.map(str::as_bytes);
                let id = EventId::derived(&[b"carrotquest polled part", connection, id, edited, removed]);
                Document::new(id, element.as_bytes().to_vec())
            }
            None => odd(connection, element.to_owned()),
        };
        let changed = moment(&edited).is_some() || moment(&removed).is_some();
        Self { created: moment(&written("created")), changed, document }
    }
}

/// An element that is not what its list should hold.
pub(super) fn odd(connection: &ConnectionName, element: String) -> Document {
    let id = EventId::derived(&[b"carrotquest polled", connection.as_str().as_bytes(), element.as_bytes()]);
    Document::new(id, element.into_bytes())
}

/// What a dialogue says of its visitor, as a dialogue by itself; `None` if it tells no more than the parts do. Then the
/// dialogue will be looked up. Left out is what was said, for the parts tell that in their order, and whatever changes
/// with every step on the site, for otherwise each step would be a document.
fn visitor(dialogue: &Value) -> Option<String> {
    let user = &dialogue["user"];
    let kept: Map<String, Value> = ["$name", "$email", "$phone"]
        .into_iter()
        .filter(|key| text(&user["props"][*key]).is_some())
        .map(|key| (key.to_owned(), user["props"][key].clone()))
        .collect();
    let described = json!({
        "id": dialogue["id"],
        // By this key a reader knows a dialogue.
        "parts_count": 0,
        "external_service": dialogue["external_service"],
        "user": { "id": user["id"], "props": kept },
    });
    (!described["user"]["props"].as_object()?.is_empty()).then(|| described.to_string())
}

/// A date as HTTP writes it.
pub(super) fn date(written: &str) -> Option<Timestamp> {
    let moment = jiff::fmt::rfc2822::parse(written).ok()?;
    Some(Timestamp::from_millis(moment.timestamp().as_millisecond()))
}

/// A text, or a number as it was written; nothing for what is empty.
fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(Cow::Borrowed(text.trim())),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
