//! A long history: dialogues of ten events each, made by the real pipeline, written into an SQLite log.
//!
//! In each dialogue a client writes, the message is shown in the CRM, a manager answers, the answer goes out, and in
//! every second one the client writes again.

use std::path::Path;

use chatledger::log::sqlite::SqliteLog;
use chatledger::log::{Append, EventLog, ExpectedRevision, codec, naming};
use chatledger::pipeline::Pipeline;
use chatledger_projections::bytes::Bytes;
use chatledger_projections::configuration::{
    Abilities, ChatId, Claim, Configuration, Connection, FirstContact, ManagerFirst, Route, Tells, Traits,
};
use chatledger_projections::event::{
    AttemptSettled, AttemptStarted, Event, IntentRaised, RecordedReply, Transport, WebhookReceived,
};
use chatledger_projections::files::FileRules;
use chatledger_projections::ids::{ConnectionName, EventId, RouteName};
use chatledger_projections::intent::Intent;
use chatledger_projections::outcome::{AttemptKind, Outcome};
use chatledger_projections::phone::Region;
use chatledger_projections::recorded::{Position, Recorded, Revision, StreamName};
use chatledger_projections::time::Timestamp;

const CRM: &str = "amo.main";
const CHANNEL: &str = "pact.sales";

/// How many appends share a transaction while the history is written.
const BATCH: usize = 2000;

/// Writes the history of so many dialogues; gives how many events it has.
pub fn write(path: &Path, dialogues: usize) -> u64 {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let log = SqliteLog::open(path).unwrap();
        let mut writer = Writer { log, pipeline: Pipeline::default(), batch: Vec::new(), events: 0 };
        writer.record(StreamName::configuration(), None, Event::ConfigurationApplied(configuration())).await;
        for dialogue in 0..dialogues {
            writer.dialogue(dialogue).await;
        }
        writer.flush().await;
        writer.events
    })
}

struct Writer {
    log: SqliteLog,
    pipeline: Pipeline,
    batch: Vec<Append>,
    events: u64,
}

impl Writer {
    async fn dialogue(&mut self, number: usize) {
        let phone = format!("7913{number:07}");
        let conversation = 18_000_000 + number;
        let chat = format!("8bdd3f03-b37e-46d0-ace2-{number:012}");
        self.client_writes(number, 0, &phone, conversation, &chat).await;
        let hook = format!(
            r#"{{"account_id":"2b13cae0-24f7-4058-b9ad-c13ee05e1b53","time":1695282809,"message":{{"receiver":{{"id":"3e056d0f-a553-4d94-9822-{number:012}","client_id":"{phone}","name":"Сергей","phone":"{phone}"}},"sender":{{"id":"3cfae55d-387e-409f-9be4-4baab963ee02","name":""}},"conversation":{{"id":"{chat}","client_id":"{phone}"}},"timestamp":1695282809,"msec_timestamp":1695282809904,"message":{{"id":"c1c59db4-64bd-4589-a7db-{number:012}","type":"text","text":"Здравствуйте, да, есть в наличии, доставим завтра","markup":null,"tag":"","media":"","thumbnail":"","file_name":"","file_size":0}}}}}}"#
        );
        let reply = format!(
            r#"{{"message":{{"id":{id},"external_id":null,"company_id":52204,"conversation_id":{conversation},"contact_id":3,"created_at":"2025-02-13T14:07:51.582Z","external_created_at":"2025-02-13T14:07:51.000Z","income":false,"status":"sent","message":"да","attachments":[]}}}}"#,
            id = 900_000_000 + number
        );
        self.webhook(CRM, "amocrm", hook, "send_v2", &reply).await;
        if number.is_multiple_of(2) {
            self.client_writes(number, 1, &phone, conversation, &chat).await;
        }
    }

    async fn client_writes(&mut self, number: usize, nth: usize, phone: &str, conversation: usize, chat: &str) {
        let id = number * 2 + nth;
        let body = format!(
            r#"{{"event":"create","type":"message","object":{{"id":{id},"external_id":"3EB0{id}","company_id":52204,"conversation_id":{conversation},"contact_id":549645235,"replied_to_id":null,"created_at":"2025-12-09T13:40:23.716Z","external_created_at":"2025-12-09T13:40:23.000Z","income":true,"status":"created","message":"Здравствуйте, сколько стоит доставка?","reactions":[],"details":null,"attachments":[],"contact":{{"id":549645235,"external_id":"{phone}","external_public_id":"{phone}","name":"Сергей","avatar_url":null,"phone":"{phone}"}},"conversation":{{"id":{conversation},"company_id":52204,"sender_name":"Сергей","sender_phone":"{phone}","sender_external_id":"{phone}","provider":"whatsapp","created_at":"2025-12-09T13:40:23.500Z","last_message_id":{id},"operational_state":"open","replied_state":"unreplied","group":false}}}}}}"#
        );
        let reply = format!(
            r#"{{"new_message":{{"conversation_id":"{chat}","sender_id":"3e056d0f-a553-4d94-9822-{number:012}","msgid":"8f1176d7-c357-42b0-b944-{id:012}","ref_id":"pact.sales:{id}"}}}}"#
        );
        self.webhook(CHANNEL, "pact", body, "new_message", &reply).await;
    }

    /// A webhook, and everything that follows from it, accepted at once.
    async fn webhook(&mut self, connection: &str, platform: &str, body: String, call: &str, reply: &str) {
        let id = EventId::derived(&[connection.as_bytes(), body.as_bytes()]);
        let webhook = WebhookReceived {
            connection: ConnectionName::new(connection),
            platform: platform.to_owned(),
            transport: Transport::Webhook,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.into_bytes(),
        };
        let raised = self.record(StreamName::webhook(id), Some(id), Event::WebhookReceived(webhook)).await;
        for raised in raised {
            self.carry_out(raised, call, reply).await;
        }
    }

    async fn carry_out(&mut self, raised: IntentRaised, call: &str, reply: &str) {
        let (intent_id, connection) = (raised.intent_id, raised.connection.clone());
        assert!(matches!(raised.intent, Intent::SendMessage(_)));
        let platform = if connection.as_str() == CRM { "amocrm" } else { "pact" };
        let stream = StreamName::intent(intent_id);
        let kind = AttemptKind::Act;
        let started = AttemptStarted { intent_id, attempt: 1, kind, call: call.to_owned(), engine: None };
        let reply = RecordedReply {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: Bytes(reply.as_bytes().to_vec()),
            cut: false,
        };
        let settled = AttemptSettled {
            intent_id,
            attempt: 1,
            kind,
            connection,
            platform: platform.to_owned(),
            call: call.to_owned(),
            outcome: Outcome::Accepted,
            reply: Some(reply),
            findings: Vec::new(),
            refusal: None,
            page: None,
        };
        let events = [Event::IntentRaised(raised), Event::AttemptStarted(started), Event::AttemptSettled(settled)];
        for (revision, event) in (0..).zip(events) {
            let follows = Box::pin(self.append(stream.clone(), revision, None, event)).await;
            assert!(follows.is_empty(), "nothing follows from these");
        }
    }

    async fn record(&mut self, stream: StreamName, id: Option<EventId>, event: Event) -> Vec<IntentRaised> {
        self.append(stream, 0, id, event).await
    }

    async fn append(
        &mut self,
        stream: StreamName,
        revision: u64,
        id: Option<EventId>,
        event: Event,
    ) -> Vec<IntentRaised> {
        self.events += 1;
        let revision = Revision::new(revision);
        let id = id.or_else(|| naming::event_id(&event, revision)).unwrap();
        let recorded_at = Timestamp::from_millis(1_765_000_000_000 + i64::try_from(self.events).unwrap());
        let expected = match revision.as_u64() {
            0 => ExpectedRevision::NoStream,
            after => ExpectedRevision::Exact(Revision::new(after - 1)),
        };
        let sealed = codec::seal(&event, id, recorded_at, None, None);
        self.batch.push(Append { stream: stream.clone(), expected, events: vec![sealed] });
        if self.batch.len() >= BATCH {
            self.flush().await;
        }
        let position = Position::new(self.events);
        let taken = self.pipeline.take(Recorded { id, stream, revision, position, recorded_at, event });
        taken.intents.into_iter().map(std::sync::Arc::unwrap_or_clone).collect()
    }

    async fn flush(&mut self) {
        for answer in self.log.append_all(std::mem::take(&mut self.batch)).await {
            answer.unwrap();
        }
    }
}

fn configuration() -> Configuration {
    let connection = |platform: &str, first_contact, can_look_up, wants_delivery| Connection {
        platform: platform.to_owned(),
        traits: Traits { first_contact, can_look_up, wants_delivery, can: Abilities::NONE, tells: Tells::USUAL },
        files: FileRules::default(),
        settings: serde_json::json!({}),
    };
    let route = Route {
        crm: ConnectionName::new(CRM),
        channel: ConnectionName::new(CHANNEL),
        assistant: None,
        source: None,
        manager_first: ManagerFirst::Remember,
        region: Region::RUSSIA,
        chat_id: ChatId::Phone,
        claim: Claim { text: String::new(), strict: true, again_after_ms: 600_000, at_most: 3 },
    };
    Configuration {
        connections: [
            (ConnectionName::new(CRM), connection("amocrm", FirstContact::WriteUnderOurId, false, true)),
            (ConnectionName::new(CHANNEL), connection("pact", FirstContact::SendToPhone, true, false)),
        ]
        .into(),
        routes: [(RouteName::new("sales"), route)].into(),
    }
}
