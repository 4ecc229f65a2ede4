//! The messages of a chat, listed page by page (contract, 5.7): how hooks that were lost are found again, for amo sends
//! each only once.
//!
//! Each entry becomes a document of its own: amo's entry as it came, with the chat that was asked for around it. What an
//! entry means is read where hooks are read. Edits, reactions, statuses, buttons and quotes are in no entry.

use chatledger_projections::event::RecordedReply;
use chatledger_projections::ids::ConversationId;
use chatledger_projections::time::Timestamp;
use percent_encoding::utf8_percent_encode;
use serde_json::{Value, json};

use super::encode::{SEGMENT, base_path};
use super::limits::CALLS;
use super::settings::Settings;
use super::{Account, HISTORY, ids};
use crate::connector::{Call, Request};
use crate::errands::{Document, History, Page};

/// amo gives no more entries at once (contract, 5.7).
const PAGE_AT_MOST: usize = 50;

/// Where a page begins and how long it is, as a cursor: `OFFSET/LENGTH`.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) offset: usize,
    pub(super) limit: usize,
}

impl Place {
    pub(super) fn of(cursor: Option<&str>) -> Self {
        let read = cursor.and_then(|cursor| {
            let (offset, limit) = cursor.split_once('/')?;
            Some(Self { offset: offset.parse().ok()?, limit: limit.parse().ok()? })
        });
        read.unwrap_or(Self { offset: 0, limit: PAGE_AT_MOST })
    }

    fn cursor(self) -> String {
        format!("{}/{}", self.offset, self.limit)
    }

    /// The first half of the same stretch, where the whole is longer than is kept of an answer; `None` if it is one entry.
    pub(super) fn half(self) -> Option<String> {
        let limit = self.limit / 2;
        (limit > 0).then(|| Self { limit, ..self }.cursor())
    }

    /// The page behind this one, of which so many entries came. The last page may be exactly full: then the next is empty.
    pub(super) fn behind(self, came: usize) -> Option<String> {
        (came >= self.limit).then(|| Self { offset: self.offset + came, ..self }.cursor())
    }
}

impl History for Account {
    fn page(&self, conversation: &ConversationId, cursor: Option<&str>) -> Call {
        call(&self.settings, conversation, Place::of(cursor))
    }

    fn read(&self, conversation: &ConversationId, cursor: Option<&str>, reply: &RecordedReply) -> Result<Page, String> {
        let place = Place::of(cursor);
        // No such chat, or nothing in it.
        if reply.status == 204 {
            return Ok(Page::default());
        }
        if reply.cut {
            // Longer than is kept of an answer: less at a time.
            let shorter = place.half().ok_or("one message alone is longer than is kept of an answer")?;
            return Ok(Page { next: Some(shorter), ..Page::default() });
        }
        let answer: Value = serde_json::from_slice(&reply.body.0).map_err(|_| "the answer is no JSON".to_owned())?;
        let entries = answer.get("messages").and_then(Value::as_array).ok_or("the answer holds no list of messages")?;
        let mut page = Page::default();
        for entry in entries {
            match entry["message"]["id"].as_str().filter(|id| !id.is_empty()) {
                Some(message) => page.documents.push(Document {
                    id: ids::listed(&self.name, conversation, message),
                    written_at: written_at(entry),
                    body: self.document(conversation, entry),
                }),
                None => page.unnamed += 1,
            }
        }
        page.next = place.behind(entries.len());
        Ok(page)
    }
}

impl Account {
    fn document(&self, conversation: &ConversationId, entry: &Value) -> Vec<u8> {
        let document = json!({
            "account_id": self.settings.scope.account(),
            "history": {"conversation": {"id": conversation.as_str()}, "entry": entry},
        });
        document.to_string().into_bytes()
    }
}

/// The call for a part of a chat's history.
pub(super) fn call(settings: &Settings, conversation: &ConversationId, place: Place) -> Call {
    let Place { offset, limit } = place;
    let chat = utf8_percent_encode(conversation.as_str(), SEGMENT);
    let path = format!("{}/chats/{chat}/history", base_path(settings));
    let query = vec![("offset".to_owned(), offset.to_string()), ("limit".to_owned(), limit.to_string())];
    Call { name: HISTORY, class: CALLS, request: Request::bare("GET", path, query) }
}

/// When an entry was written, as it claims.
pub(super) fn written_at(entry: &Value) -> Option<Timestamp> {
    let millis = entry["msec_timestamp"].as_i64().filter(|millis| *millis > 0).map(Timestamp::from_millis);
    millis.or_else(|| entry["timestamp"].as_i64().filter(|seconds| *seconds > 0).and_then(Timestamp::from_seconds))
}

#[cfg(test)]
mod tests {
    use chatledger_projections::bytes::Bytes;
    use chatledger_projections::ids::ConnectionName;

    use super::*;
    use crate::amocrm::AmoCrm;
    use crate::connector::{Connection, Connector};

    fn connection() -> Box<dyn Connection> {
        let settings = json!({"scope_id": "c0_a0", "bot_id": "bot-0"});
        AmoCrm.connect(&ConnectionName::new("amo.main"), &settings).expect("good settings")
    }

    fn reply(status: u16, cut: bool, body: &Value) -> RecordedReply {
        RecordedReply { status, headers: Vec::new(), body: Bytes(body.to_string().into_bytes()), cut }
    }

    fn entries(count: usize) -> Value {
        let entry = |number: usize| json!({"timestamp": 1_596_470_953, "message": {"id": format!("m-{number}")}});
        json!({"messages": (0..count).map(entry).collect::<Vec<_>>()})
    }

    #[test]
    fn a_full_page_has_another_after_it_and_one_that_was_cut_is_asked_for_in_halves() {
        let connection = connection();
        let history = connection.history().expect("amo lists messages");
        let chat = ConversationId::new("chat/1");
        assert_eq!(
            history.page(&chat, None).request.target(),
            "/v2/origin/custom/c0_a0/chats/chat%2F1/history?offset=0&limit=50"
        );
        let next =
            |cursor: Option<&str>, reply: RecordedReply| history.read(&chat, cursor, &reply).map(|page| page.next);
        assert_eq!(next(None, reply(200, false, &entries(50))), Ok(Some("50/50".to_owned())));
        assert_eq!(next(Some("50/50"), reply(200, false, &entries(3))), Ok(None));
        assert_eq!(next(Some("50/50"), reply(204, false, &json!(null))), Ok(None));
        assert_eq!(next(Some("50/50"), reply(200, true, &json!(null))), Ok(Some("50/25".to_owned())));
        assert!(next(Some("50/1"), reply(200, true, &json!(null))).is_err());
        assert!(next(None, reply(200, false, &json!({"messages": 1}))).is_err());
    }

    #[test]
    fn the_same_message_is_the_same_document_wherever_it_is_listed() {
        let connection = connection();
        let history = connection.history().expect("amo lists messages");
        let read = |chat: &str, count| {
            let page = history.read(&ConversationId::new(chat), None, &reply(200, false, &entries(count)));
            page.expect("a page").documents.remove(0).id
        };
        assert_eq!(read("chat", 1), read("chat", 7));
        assert_ne!(read("chat", 1), read("another", 1));
    }
}
