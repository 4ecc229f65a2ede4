//! The messages of a conversation, listed page by page (6.1, 9.2): how webhooks that were lost are found again, for Pact
//! gives up after a few tries (10.2).
//!
//! Each entry becomes a document of its own: Pact's entry as it came, in the envelope of the webhook that it would have
//! been, with the conversation that was asked for. What an entry means is read where webhooks are read. Who the client is
//! stands in no entry, nor, in the first generation, who wrote and how its delivery stands.

use chatledger_projections::event::RecordedReply;
use chatledger_projections::ids::ConversationId;
use chatledger_projections::time::Timestamp;
use serde_json::{Value, json};

use super::decode::values::moment;
use super::requests::{self, Stretch};
use super::settings::{Api, Settings};
use super::{Account, ids};
use crate::connector::Call;
use crate::errands::{Document, History, Page};

/// How many entries are asked for at once: the most that the first generation gives is a hundred (5.1), and halves of it
/// are asked for where an answer is longer than is kept.
const PAGE_AT_MOST: i64 = 64;

/// Where a page begins and how long it is, as a cursor: `LENGTH/PLACE`. The place is a number in the second generation and
/// a token of Pact's in the first.
#[derive(Clone)]
pub(super) struct Place {
    size: i64,
    at: Option<String>,
}

impl Place {
    /// The first page, with at most so many entries.
    pub(super) const fn first(size: i64) -> Self {
        Self { size, at: None }
    }

    pub(super) fn of(cursor: Option<&str>) -> Self {
        let read = cursor.and_then(|cursor| {
            let (size, at) = cursor.split_once('/')?;
            let at = Some(at.to_owned()).filter(|at| !at.is_empty());
            Some(Self { size: size.parse().ok().filter(|size| *size > 0)?, at })
        });
        read.unwrap_or(Self::first(PAGE_AT_MOST))
    }

    /// How many entries it holds at most.
    pub(super) const fn size(&self) -> i64 {
        self.size
    }

    fn cursor(&self) -> String {
        format!("{}/{}", self.size, self.at.as_deref().unwrap_or_default())
    }

    /// The number of the page, from one.
    fn number(&self) -> i64 {
        self.at.as_deref().and_then(|at| at.parse().ok()).unwrap_or(1)
    }

    /// The first half of the same stretch; `None` if it is one entry already.
    fn half(&self, api: Api) -> Option<Self> {
        let size = self.size / 2;
        let at = match api {
            Api::V1 => self.at.clone(),
            Api::V2 => Some(((self.number() - 1).saturating_mul(2) + 1).to_string()),
        };
        (size > 0).then_some(Self { size, at })
    }
}

impl History for Account {
    fn page(&self, conversation: &ConversationId, cursor: Option<&str>) -> Call {
        let place = Place::of(cursor);
        let at = match self.settings.api {
            Api::V1 => place.at,
            Api::V2 => Some(place.at.unwrap_or_else(|| "1".to_owned())),
        };
        list(&self.settings, conversation, Place { at, ..place })
    }

    fn read(&self, conversation: &ConversationId, cursor: Option<&str>, reply: &RecordedReply) -> Result<Page, String> {
        let (api, place) = (self.settings.api, Place::of(cursor));
        if reply.cut {
            // Longer than is kept of an answer: less at a time.
            let shorter = place.half(api).ok_or("one message alone is longer than is kept of an answer")?;
            return Ok(Page { next: Some(shorter.cursor()), ..Page::default() });
        }
        let answer: Value = serde_json::from_slice(&reply.body.0).map_err(|_| "the answer is no JSON".to_owned())?;
        let data = match api {
            Api::V1 => &answer["data"],
            Api::V2 => &answer,
        };
        let entries = data["messages"].as_array().ok_or("the answer holds no list of messages")?;
        let mut page = Page { next: next(api, &place, data, entries.len()), ..Page::default() };
        for entry in entries {
            match entry[name_of_id(api)].as_i64() {
                Some(number) => page.documents.push(Document {
                    id: ids::listed(&self.name, conversation, number),
                    written_at: written_at(entry),
                    body: document(api, conversation, entry),
                }),
                None => page.unnamed += 1,
            }
        }
        Ok(page)
    }
}

/// The call for a page of a conversation's messages.
pub(super) fn list(settings: &Settings, conversation: &ConversationId, place: Place) -> Call {
    let (company, id, size) = (settings.company, ids::wire(conversation), Some(place.size));
    match settings.api {
        Api::V1 => {
            // The newest first, so that it is seen when the rest is too old.
            let stretch = Stretch { from: place.at, per: size, sort_direction: Some("desc".to_owned()) };
            requests::v1::messages(company, id, stretch)
        }
        Api::V2 => {
            let page = place.at.as_ref().map(|_| place.number());
            requests::v2::messages(company, id, requests::Page { page, per_page: size })
        }
    }
}

/// The page behind the one that was answered so, or the first half of it where it is longer than is kept of an answer;
/// `None` behind the last.
pub(super) fn behind(api: Api, place: &Place, reply: &RecordedReply) -> Option<String> {
    if reply.cut {
        return place.half(api).map(|half| half.cursor());
    }
    let answer: Value = serde_json::from_slice(&reply.body.0).ok()?;
    let data = match api {
        Api::V1 => &answer["data"],
        Api::V2 => &answer,
    };
    next(api, place, data, data["messages"].as_array()?.len())
}

const fn name_of_id(api: Api) -> &'static str {
    match api {
        Api::V1 => "external_id",
        Api::V2 => "id",
    }
}

/// The page behind this one. The first generation names it (5.1); in the second there is one as long as pages are full, as
/// long as the answer says that they are (8).
fn next(api: Api, place: &Place, data: &Value, came: usize) -> Option<String> {
    let at = match api {
        Api::V1 => match &data["next_page"] {
            Value::String(token) if !token.is_empty() => token.clone(),
            Value::Number(token) => token.to_string(),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        },
        Api::V2 => {
            let size = data["meta"]["per_page"].as_i64().filter(|size| *size > 0).unwrap_or(place.size);
            let is_full = came > 0 && i64::try_from(came).is_ok_and(|came| came >= size.min(place.size));
            if !is_full {
                return None;
            }
            place.number().saturating_add(1).to_string()
        }
    };
    // A token that leads back to itself leads nowhere.
    (came > 0 && place.at.as_ref() != Some(&at)).then(|| Place { size: place.size, at: Some(at) }.cursor())
}

/// The webhook that the message would have been.
fn document(api: Api, conversation: &ConversationId, entry: &Value) -> Vec<u8> {
    let mut entry = entry.clone();
    if let Some(fields) = entry.as_object_mut()
        && fields.get("conversation_id").is_none_or(Value::is_null)
    {
        let id = conversation.as_str();
        fields.insert("conversation_id".to_owned(), id.parse::<i64>().map_or_else(|_| json!(id), |id| json!(id)));
    }
    let document = match api {
        Api::V1 => json!({ "type": "message", "event": "new", "data": entry }),
        Api::V2 => json!({ "type": "message", "event": "create", "object": entry }),
    };
    document.to_string().into_bytes()
}

fn written_at(entry: &Value) -> Option<Timestamp> {
    let text = |key: &str| entry[key].as_str().and_then(moment);
    let seconds = || entry["created_at_timestamp"].as_i64().filter(|seconds| *seconds > 0);
    text("external_created_at").or_else(|| text("created_at")).or_else(|| seconds().and_then(Timestamp::from_seconds))
}

#[cfg(test)]
mod tests {
    use chatledger_projections::bytes::Bytes;
    use chatledger_projections::ids::ConnectionName;

    use super::*;
    use crate::connector::{Connection, Connector};
    use crate::pact::Pact;

    fn connection(api: &str) -> Box<dyn Connection> {
        let settings = json!({ "company_id": 7, "api": api });
        Pact.connect(&ConnectionName::new("pact.sales"), &settings).expect("good settings")
    }

    fn reply(cut: bool, body: &Value) -> RecordedReply {
        RecordedReply { status: 200, headers: Vec::new(), body: Bytes(body.to_string().into_bytes()), cut }
    }

    fn entries(key: &str, count: usize) -> Value {
        (1..=count).map(|number| json!({ key: number, "created_at": "2023-09-21T07:54:10.000Z" })).collect()
    }

    #[test]
    fn pages_of_the_second_generation_go_on_while_they_are_full_and_are_halved_when_they_are_too_long() {
        let connection = connection("v2");
        let history = connection.history().expect("Pact lists messages");
        let conversation = ConversationId::new("8741");
        let next = |cursor: Option<&str>, reply| history.read(&conversation, cursor, &reply).map(|page| page.next);
        let page = |count, size| json!({ "messages": entries("id", count), "meta": { "per_page": size } });
        assert_eq!(next(None, reply(false, &page(64, 64))), Ok(Some("64/2".to_owned())));
        assert_eq!(next(Some("64/2"), reply(false, &page(3, 64))), Ok(None));
        assert_eq!(
            next(Some("64/2"), reply(false, &page(25, 25))),
            Ok(Some("64/3".to_owned())),
            "pages may be smaller"
        );
        assert_eq!(next(None, reply(false, &page(0, 64))), Ok(None));
        assert_eq!(next(Some("64/3"), reply(true, &json!(null))), Ok(Some("32/5".to_owned())));
        assert!(next(Some("1/5"), reply(true, &json!(null))).is_err());
        assert!(next(None, reply(false, &json!({ "messages": 1 }))).is_err());
    }

    #[test]
    fn pages_of_the_first_generation_go_on_where_pact_says() {
        let connection = connection("v1");
        let history = connection.history().expect("Pact lists messages");
        let conversation = ConversationId::new("8741");
        let next = |cursor: Option<&str>, reply| history.read(&conversation, cursor, &reply).map(|page| page.next);
        let page = |next: Value| json!({ "data": { "messages": entries("external_id", 2), "next_page": next } });
        assert_eq!(next(None, reply(false, &page(json!("a/b")))), Ok(Some("64/a/b".to_owned())));
        assert_eq!(next(Some("64/a/b"), reply(false, &page(json!("a/b")))), Ok(None), "a circle has no end");
        assert_eq!(next(Some("64/a/b"), reply(false, &page(json!(null)))), Ok(None));
        assert_eq!(next(Some("64/a/b"), reply(true, &json!(null))), Ok(Some("32/a/b".to_owned())));
    }

    #[test]
    fn the_same_message_is_the_same_document_and_one_without_a_number_is_counted() {
        let connection = connection("v2");
        let history = connection.history().expect("Pact lists messages");
        let read =
            |chat: &str, body: Value| history.read(&ConversationId::new(chat), None, &reply(false, &body)).unwrap();
        let one = read("8741", json!({ "messages": [{ "id": 1 }] }));
        assert_eq!(
            one.documents[0].id,
            read("8741", json!({ "messages": [{ "id": 1, "status": "read" }] })).documents[0].id
        );
        assert_ne!(one.documents[0].id, read("8742", json!({ "messages": [{ "id": 1 }] })).documents[0].id);
        assert_eq!(read("8741", json!({ "messages": [{ "message": "?" }] })).unnamed, 1);
    }
}
