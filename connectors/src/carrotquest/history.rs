//! The parts of one dialogue, listed page by page (3.1): how webhooks that were lost are found again.
//!
//! Each part becomes the same document, under the same id, as when the app is asked for its news, so whoever does both
//! records nothing twice. What a part means is read where webhooks are read; who the visitor is, is looked up.

use chatledger_projections::event::RecordedReply;
use chatledger_projections::ids::ConversationId;

use super::Account;
use super::poll::{behind, list_parts, page, place};
use crate::connector::Call;
use crate::errands::{History, Page};

impl History for Account {
    fn page(&self, conversation: &ConversationId, cursor: Option<&str>) -> Call {
        let (size, at) = place(cursor);
        list_parts(&self.settings, conversation, at, size)
    }

    fn read(&self, _: &ConversationId, cursor: Option<&str>, reply: &RecordedReply) -> Result<Page, String> {
        if reply.cut {
            // Longer than is kept of an answer: less at a time.
            let half = behind(cursor, reply).ok_or("one part alone is longer than is kept of an answer")?;
            return Ok(Page { next: Some(half), ..Page::default() });
        }
        let listed = page::Page::of(&reply.body.0).ok_or("the answer is no list")?;
        Ok(Page {
            next: behind(cursor, reply),
            documents: listed.parts(&self.name).map(page::Piece::into_listed).collect(),
            unnamed: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use chatledger_projections::bytes::Bytes;
    use chatledger_projections::ids::ConnectionName;
    use serde_json::{Value, json};

    use crate::carrotquest::CarrotQuest;
    use crate::connector::Connector;
    use chatledger_projections::event::RecordedReply;
    use chatledger_projections::ids::ConversationId;

    #[test]
    fn a_page_names_the_next_and_one_that_was_cut_is_asked_for_in_halves() {
        let connection = CarrotQuest.connect(&ConnectionName::new("carrot.site"), &json!({})).expect("good settings");
        let history = connection.history().expect("Carrot quest lists parts");
        let conversation = ConversationId::new("1976000000000000881");
        let next = |cursor: Option<&str>, cut, body: Value| {
            let body = Bytes(body.to_string().into_bytes());
            let reply = RecordedReply { status: 200, headers: Vec::new(), body, cut };
            history.read(&conversation, cursor, &reply).map(|page| page.next)
        };
        let page = |next: Value| json!({ "meta": { "next_before_position": next }, "data": [{ "id": "1" }] });
        assert_eq!(next(None, false, page(json!(17))), Ok(Some("50/17".to_owned())));
        assert_eq!(next(Some("50/17"), false, page(json!(null))), Ok(None));
        assert_eq!(next(Some("50/17"), false, page(json!(17))), Ok(None), "a circle has no end");
        assert_eq!(next(Some("50/17"), true, json!(null)), Ok(Some("25/17".to_owned())));
        assert!(next(Some("1/17"), true, json!(null)).is_err());
        assert!(next(None, false, json!({})).is_err());
    }
}
