//! The machine that asks, against the model that answers.

use std::collections::BTreeSet;

use chatledger_projections::bytes::Bytes;
use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::Fact;
use chatledger_projections::ids::{ConnectionName, EventId};
use serde_json::json;

use super::*;
use crate::carrotquest::CarrotQuest;
use crate::connector::{Connection, Connector, Secret, Secrets, SimulatedAccount, Webhook};
use crate::polling::Document;
use crate::simulator::{Gesture, Simulator};

const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// An app that is polled, and whoever polls it.
struct App {
    connection: Box<dyn Connection>,
    simulator: Box<dyn Simulator>,
    secrets: Secrets,
    now: Timestamp,
    polling: Box<dyn Polling>,
    marked: Option<String>,
    /// What is on record, in order; nothing stands there twice.
    recorded: Vec<(EventId, Vec<u8>)>,
    known: BTreeSet<EventId>,
}

impl App {
    fn new() -> Self {
        let name = ConnectionName::new("carrot.site");
        let settings = json!({ "transport": "polling" });
        let mut secrets = Secrets::default();
        secrets.insert("auth_token", Secret::new("app.1.token"));
        let account = SimulatedAccount { name: &name, settings: &settings, secrets: &secrets };
        let simulator = CarrotQuest.simulator(&account).expect("these settings are right");
        let connection = CarrotQuest.connect(&name, &settings).expect("these settings are right");
        let polling = connection.poll(None).expect("it is polled");
        let (marked, recorded, known) = (None, Vec::new(), BTreeSet::new());
        Self { connection, simulator, secrets, now: START, polling, marked, recorded, known }
    }

    fn writes(&mut self, client: u8, text: &str) {
        self.now = self.now + Duration::from_secs(1);
        let (phone, name) = (format!("7913529290{client}"), format!("Client {client}"));
        let gesture = Gesture::ClientWrites { phone, name, text: text.to_owned() };
        let webhooks = self.simulator.gesture(&gesture, self.now).expect("a client may write");
        assert!(webhooks.is_empty(), "webhooks are not switched on");
    }

    fn answer(&mut self, call: Call) -> RecordedReply {
        // As the quota allows.
        self.now = self.now + Duration::from_millis(250);
        let request = self.connection.authorise(call.request, &self.secrets, self.now);
        let reaction = self.simulator.handle(&request, self.now);
        assert!(reaction.webhooks.is_empty());
        RecordedReply { status: reaction.status, headers: reaction.headers, body: Bytes(reaction.body), cut: false }
    }

    /// One round; gives how many calls it took. With `killed_after`, everything but the record is lost after so many.
    fn round(&mut self, killed_after: Option<usize>) -> usize {
        let mut calls = 0;
        while let Some(call) = self.polling.ask(self.now) {
            if killed_after == Some(calls) {
                self.polling = self.connection.poll(self.marked.as_deref()).expect("it is polled");
                return calls;
            }
            calls += 1;
            let name = call.name;
            let reply = self.answer(call);
            let news = self.polling.take(name, Reply::Answered(&reply), self.now).expect("the model answers");
            self.record(news.documents);
            self.marked = news.through.or_else(|| self.marked.take());
        }
        calls
    }

    fn record(&mut self, documents: Vec<Document>) {
        for document in documents {
            if self.known.insert(document.id()) {
                self.recorded.push((document.id(), document.into_body()));
            }
        }
    }

    /// What the recorded documents mean.
    fn facts(&self) -> Vec<Fact> {
        let decode = |body: &Vec<u8>| {
            let decoded = CarrotQuest.decode(&Webhook { content_type: None, body });
            assert!(decoded.remarks.is_empty(), "{:?}", decoded.remarks);
            decoded.facts
        };
        self.recorded.iter().flat_map(|(_, body)| decode(body)).collect()
    }

    /// What clients said, in the order of the record.
    fn texts(&self) -> Vec<String> {
        let facts = self.facts().into_iter();
        facts
            .filter_map(|fact| match fact {
                Fact::MessageReceived(message) => message.content.text,
                _ => None,
            })
            .collect()
    }
}

#[test]
fn the_first_round_begins_now_and_what_was_said_before_is_no_news() {
    let mut app = App::new();
    app.writes(1, "before");
    app.now = app.now + Duration::from_secs(1);
    assert_eq!(app.round(None), 1);
    assert!(app.recorded.is_empty() && app.marked.is_some());
    app.writes(1, "after");
    app.round(None);
    assert_eq!(app.texts(), ["after"]);
    let seen = app.facts().into_iter().any(|fact| matches!(fact, Fact::ConversationSeen(seen) if seen.phone.is_some()));
    assert!(seen, "the visitor is described before what they say");
}

#[test]
fn whoever_wants_the_past_gets_it_from_the_moment_that_they_name() {
    let mut app = App::new();
    app.writes(1, "too old");
    app.writes(1, "wanted");
    let since = START + Duration::from_secs(2);
    let settings = json!({ "transport": "both", "poll_since": since.to_string() });
    let connection = CarrotQuest.connect(&ConnectionName::new("carrot.site"), &settings).expect("it is right");
    app.polling = connection.poll(None).expect("it is polled");
    app.round(None);
    assert_eq!(app.texts(), ["wanted"]);
}

#[test]
fn more_than_a_page_of_dialogues_and_of_parts_is_read_and_quiet_rounds_read_nothing_again() {
    let mut app = App::new();
    app.round(None);
    for number in 0..130 {
        app.writes(1, &format!("one {number}"));
    }
    for client in 10..75 {
        app.writes(client, &format!("client {client}"));
    }
    app.round(None);
    let texts = app.texts();
    assert_eq!(texts.len(), 195);
    let first: Vec<String> = (0..130).map(|number| format!("one {number}")).collect();
    assert_eq!(texts[..130], first, "oldest first, over the pages of one dialogue");
    assert_eq!(texts[130..], (10..75).map(|client| format!("client {client}")).collect::<Vec<_>>());
    let recorded = app.recorded.len();
    app.round(None);
    assert_eq!(app.round(None), 2, "two pages of what changed within the overlap; the closed were looked at just now");
    assert_eq!(app.recorded.len(), recorded);
}

#[test]
fn wherever_it_is_killed_nothing_is_lost_and_nothing_is_recorded_twice() {
    for killed_after in 0..16 {
        let mut app = App::new();
        app.round(None);
        for number in 0..60 {
            app.writes(1, &format!("long {number}"));
        }
        for client in 2..8 {
            app.writes(client, &format!("client {client}"));
        }
        app.round(Some(killed_after));
        // More is said while nobody listens; also by somebody who has been read already.
        app.writes(2, "again");
        app.writes(9, "late");
        app.round(Some(3));
        app.round(None);
        app.round(None);
        let mut texts = app.texts();
        assert_eq!(texts.len(), 68, "killed after {killed_after} calls");
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), 68, "killed after {killed_after} calls");
    }
}

#[test]
fn what_is_closed_at_once_is_seen_all_the_same() {
    let mut app = App::new();
    app.round(None);
    app.writes(1, "Спасибо, вопрос решён");
    let id = app.simulator.transcript()[0].chat_id.clone();
    let mut request = Request::bare("POST", format!("/v2/conversations/{id}/close"), Vec::new());
    request.body = b"from_admin=default_admin".to_vec();
    let call = Call { name: "close", class: "send", request };
    assert_eq!(app.answer(call).status, 200);
    app.round(None);
    // At the latest with the next look at the closed ones.
    app.now = app.now + CLOSED_EVERY;
    app.round(None);
    let bodies: Vec<_> = app.recorded.iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect();
    assert!(bodies.iter().any(|body| body.contains("вопрос решён")), "{bodies:?}");
    assert!(bodies.iter().any(|body| body.contains("\"closed\"")), "the closing is on record, too: {bodies:?}");
}

#[test]
fn an_answer_that_is_none_gives_the_round_up_and_the_next_begins_anew() {
    let mut app = App::new();
    app.round(None);
    app.writes(1, "Здравствуйте");
    for (status, body, needs_person) in [
        (429, r#"{"meta":{"status":429,"error":"TooManyRequests"},"data":{}}"#, false),
        (401, r#"{"meta":{"status":401,"error":"AuthenticationFailed"},"data":{}}"#, true),
        (403, r#"{"meta":{"status":403,"error":"PermissionDenied"},"data":{}}"#, true),
        (502, "<html>", false),
        (200, "<html>", false),
        (200, r#"{"meta":{"status":200},"data":{}}"#, false),
        (200, r#"{"meta":{"status":200}}"#, false),
    ] {
        let call = app.polling.ask(app.now).expect("a round begins");
        assert_eq!(call.name, call::CONVERSATIONS, "after {status} {body}");
        let headers = vec![("retry-after".to_owned(), "7".to_owned())];
        let reply = RecordedReply { status, headers, body: Bytes(body.as_bytes().to_vec()), cut: false };
        let setback = app.polling.take(call.name, Reply::Answered(&reply), app.now).expect_err(body);
        assert_eq!(setback.needs_person, needs_person, "{status} {body}");
        assert_eq!(setback.until.is_some(), status == 429);
    }
    for reply in [Reply::NotSent("no connection"), Reply::NoAnswer("no answer in time")] {
        let call = app.polling.ask(app.now).expect("a round begins");
        app.polling.take(call.name, reply, app.now).expect_err("there is no answer");
    }
    app.round(None);
    assert_eq!(app.texts(), ["Здравствуйте"]);
}

/// The answer to a list, as the model does not write it.
fn listed(elements: &serde_json::Value) -> RecordedReply {
    let body = json!({ "meta": { "status": 200, "next_before_position": null }, "data": elements }).to_string();
    RecordedReply { status: 200, headers: Vec::new(), body: Bytes(body.into_bytes()), cut: false }
}

fn polled(app: &mut App, answers: &[serde_json::Value]) -> Vec<String> {
    let mut bodies = Vec::new();
    for answer in answers {
        let call = app.polling.ask(app.now).expect("there is a question");
        let reply = listed(answer);
        let news = app.polling.take(call.name, Reply::Answered(&reply), app.now).expect("it is a list");
        bodies
            .extend(news.documents.into_iter().map(|document| String::from_utf8(document.into_body()).expect("text")));
    }
    bodies
}

#[test]
fn a_part_that_was_changed_is_told_again_and_an_unchanged_old_one_is_not() {
    let mut app = App::new();
    let at = START.as_seconds();
    let settings = json!({ "transport": "polling", "poll_since": (START - Duration::from_secs(10_000)).to_string() });
    let connection = CarrotQuest.connect(&ConnectionName::new("carrot.site"), &settings).expect("it is right");
    app.polling = connection.poll(None).expect("it is polled");
    let part = |id: &str, created: i64, edited: Option<i64>, removed: Option<i64>| {
        json!({ "id": id, "type": "reply_user", "conversation": "1", "body": id, "created": created,
            "edited": edited, "removed": removed })
    };
    let dialogue = |changed: i64| json!([{ "id": 1, "last_update": changed, "user": { "id": 7 } }]);
    let old = || part("10", at - 5_000, None, None);
    let first = [dialogue(at), json!([part("11", at, None, None), old()]), json!([])];
    assert_eq!(polled(&mut app, &first).len(), 2);
    assert!(app.polling.ask(app.now).is_none());
    let again = [dialogue(at + 100), json!([part("11", at, Some(at + 50), None), old()])];
    assert!(polled(&mut app, &again)[0].contains(&format!("\"edited\":{}", at + 50)));
    assert!(app.polling.ask(app.now).is_none());
    let gone = [dialogue(at + 200), json!([part("10", at - 5_000, None, Some(at + 150))])];
    assert!(polled(&mut app, &gone)[0].contains(&format!("\"removed\":{}", at + 150)));
}

#[test]
fn what_only_the_company_said_to_a_visitor_who_is_silent_is_left_alone_and_oddities_are_kept() {
    let mut app = App::new();
    app.round(None);
    let at = app.now.as_seconds() + 5;
    let hidden = json!({ "id": 5, "last_update": at, "message": 2804, "replied": false });
    let odd = json!({ "last_update": at, "secret": "who knows" });
    let documents = polled(&mut app, &[json!([hidden, odd, 17])]);
    assert_eq!(documents.len(), 2, "{documents:?}");
    for document in documents {
        let decoded = CarrotQuest.decode(&Webhook { content_type: None, body: document.as_bytes() });
        assert!(decoded.facts.is_empty() && !decoded.remarks.is_empty(), "{document}");
    }
}

#[test]
fn a_cursor_goes_back_byte_for_byte() {
    let mut app = App::new();
    app.round(None);
    let call = app.polling.ask(app.now).expect("there is a question");
    let cursor = "[1748613000.358085, 11604060043246306140]";
    let at = app.now.as_seconds() + 5;
    let body = format!(
        r#"{{"meta":{{"status":200,"next_before_position":{cursor}}},"data":[{{"id":1,"last_update":{at},"user":1}}]}}"#
    );
    let reply = RecordedReply { status: 200, headers: Vec::new(), body: Bytes(body.into_bytes()), cut: false };
    app.polling.take(call.name, Reply::Answered(&reply), app.now).expect("it is a list");
    let next = app.polling.ask(app.now).expect("there is another page");
    assert!(next.request.query.contains(&("paginate_position".to_owned(), cursor.to_owned())));
}
