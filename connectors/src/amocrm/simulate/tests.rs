//! The model against our own requests: the owner's four messages, and what amojo refuses.

use chatledger_projections::content::{Button, Content, File, FileKind, Part, Person};
use chatledger_projections::fact::{ConversationKey, DeliveryState, Fact, Failure, FailureKind, Message};
use chatledger_projections::ids::{ConversationId, MessageId, PersonId};
use chatledger_projections::intent::{ClaimConversation, Destination, Intent, ReportDelivery, SendMessage, Speaker};

use proptest::prelude::*;

use super::*;
use crate::amocrm::{AmoCrm, settings};
use crate::connector::{Connection, Connector, InboundRequest, Secrets, SimulatedAccount, Webhook};

const NOW: Timestamp = Timestamp::from_millis(1_695_282_809_904);

struct House {
    secrets: Secrets,
    connection: Box<dyn Connection>,
    amo: Box<dyn Simulator>,
}

impl House {
    fn new() -> Self {
        let name = ConnectionName::new("amo.main");
        let settings = json!({"scope_id": "c0_a0", "bot_id": "bot-0", "manager_id": "manager-0"});
        let mut secrets = Secrets::default();
        secrets.insert(settings::CHANNEL_SECRET, Secret::new("s3cret"));
        let account = SimulatedAccount { name: &name, settings: &settings, secrets: &secrets };
        let amo = AmoCrm.simulator(&account).expect("good settings");
        let connection = AmoCrm.connect(&name, &settings).expect("good settings");
        Self { secrets, connection, amo }
    }

    fn request(&self, intent: &Intent, now: Timestamp) -> Request {
        let call = self.connection.encode(intent).expect("amo can show it");
        self.connection.authorise(call.request, &self.secrets, now)
    }

    fn send(&mut self, intent: &Intent) -> Reaction {
        self.amo.handle(&self.request(intent, NOW), NOW)
    }

    fn manager_writes(&mut self, phone: &str, text: &str) -> Message {
        let gesture =
            Gesture::ManagerWrites { phone: phone.to_owned(), name: "Сергей".to_owned(), text: text.to_owned() };
        let emitted = self.amo.gesture(&gesture, NOW).expect("managers write in a CRM").remove(0);
        let headers: Vec<(&str, &[u8])> =
            emitted.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let request = InboundRequest { method: "POST", tail: &emitted.tail, headers: &headers, body: &emitted.body };
        self.connection.verify(&request, &self.secrets).expect("the hook is authentic");
        let decoded = AmoCrm.decode(&Webhook { content_type: None, body: &emitted.body });
        assert!(decoded.remarks.is_empty(), "{:?}", decoded.remarks);
        match decoded.facts.into_iter().next() {
            Some(Fact::MessageSent(message)) => message,
            other => panic!("a message was sent: {other:?}"),
        }
    }
}

fn from_client(msgid: &str, chat: ConversationKey, client: Person) -> Intent {
    Intent::SendMessage(SendMessage {
        to: Destination::Conversation(chat),
        speaker: Speaker::Client,
        author: client.clone(),
        client,
        ours: MessageId::new(msgid),
        written_at: NOW,
        content: Content::text("добрый день"),
        source: None,
        silent: false,
    })
}

fn client(ours: &str) -> Person {
    Person { ours: Some(PersonId::new(ours)), name: Some("Artyom".to_owned()), ..Person::default() }
}

fn claim(written: &Message, strict: bool) -> Intent {
    let written_client = written.client.clone().expect("the hook names the client");
    Intent::ClaimConversation(ClaimConversation {
        theirs: written.conversation.theirs.clone().expect("the hook names the chat"),
        ours: ConversationId::new("89135292926"),
        client: Person { ours: Some(PersonId::new("89135292926")), ..written_client },
        strict,
        text: "чат связан".to_owned(),
        message: MessageId::new("claim-1"),
        at: NOW,
        source: None,
    })
}

fn ids(reaction: &Reaction) -> Value {
    assert_eq!(reaction.status, 200, "{}", String::from_utf8_lossy(&reaction.body));
    serde_json::from_slice::<Value>(&reaction.body).expect("JSON")["new_message"].take()
}

#[test]
fn the_owners_four_messages_end_as_in_the_note() {
    let mut house = House::new();
    let first = house.manager_writes("89135292926", "start");
    assert_eq!(first.conversation.ours, None);
    let acknowledged = house.send(&claim(&first, false));
    let chat = first.conversation.theirs.as_ref().expect("amo's id").as_str().to_owned();
    assert_eq!(ids(&acknowledged)["conversation_id"], json!(chat));
    let by_our_id = ConversationKey { theirs: None, ours: Some(ConversationId::new("89135292926")) };
    let shown = house.send(&from_client("m-1", by_our_id, client("89135292926")));
    assert_eq!(ids(&shown)["conversation_id"], json!(chat));
    let second = house.manager_writes("+7 913 529-29-26", "как так");
    assert_eq!(second.conversation.ours, Some(ConversationId::new("89135292926")));
    // As in the note's fourth message: the chat is bound, the client is not.
    let (before, after) = (first.client.expect("a client"), second.client.expect("a client"));
    assert_eq!((before.theirs, after.ours), (after.theirs, None));
    let chats: std::collections::BTreeSet<String> =
        house.amo.transcript().into_iter().map(|line| line.chat_id).collect();
    assert_eq!(chats.len(), 1, "everything stands in one chat");
}

#[test]
fn the_strict_claim_binds_the_client_too() {
    let mut house = House::new();
    let first = house.manager_writes("89135292926", "start");
    let named = ids(&house.send(&claim(&first, true)));
    let client = first.client.expect("a client");
    assert_eq!(named["receiver_id"], json!(client.theirs.expect("amo's id").as_str()));
    assert_eq!(named["sender_id"], json!("bot-0"));
    let second = house.manager_writes("89135292926", "как так");
    assert_eq!(second.client.and_then(|client| client.ours), Some(PersonId::new("89135292926")));
}

#[test]
fn the_clients_first_answer_binds_chat_and_client() {
    let mut house = House::new();
    let first = house.manager_writes("89135292926", "start");
    let chat = ConversationKey { ours: Some(ConversationId::new("our-chat")), ..first.conversation.clone() };
    let answering = Person { theirs: first.client.and_then(|known| known.theirs), ..client("our-client") };
    house.send(&from_client("m-1", chat.clone(), answering));
    let second = house.manager_writes("89135292926", "спасибо");
    assert_eq!(second.conversation, chat);
    assert_eq!(second.client.and_then(|client| client.ours), Some(PersonId::new("our-client")));
}

#[test]
fn an_unbound_answer_opens_a_second_chat() {
    let mut house = House::new();
    let first = house.manager_writes("89135292926", "start");
    let by_our_id = ConversationKey { theirs: None, ours: Some(ConversationId::new("our-chat")) };
    let named = ids(&house.send(&from_client("m-1", by_our_id, client("our-client"))));
    assert_ne!(named["conversation_id"], json!(first.conversation.theirs.expect("amo's id").as_str()));
}

#[test]
fn a_repeated_message_is_shown_once() {
    let mut house = House::new();
    let chat = ConversationKey { theirs: None, ours: Some(ConversationId::new("our-chat")) };
    let intent = from_client("m-1", chat, client("our-client"));
    let (once, twice) = (ids(&house.send(&intent)), ids(&house.send(&intent)));
    assert_eq!(once, twice);
    assert_eq!(house.amo.transcript().len(), 1);
}

#[test]
fn a_status_is_seen_under_the_managers_message() {
    let mut house = House::new();
    let message = house.manager_writes("89135292926", "start").message.theirs.expect("amo's id");
    let report = |state, failure| Intent::ReportDelivery(ReportDelivery { message: message.clone(), state, failure });
    let failure = Failure { kind: FailureKind::Other, reason: "нет WhatsApp".to_owned() };
    for (intent, seen) in [
        (report(DeliveryState::Delivered, None), "delivered"),
        (report(DeliveryState::Read, None), "read"),
        (report(DeliveryState::Failed, Some(failure)), "error 905: нет WhatsApp"),
    ] {
        assert_eq!(house.send(&intent).status, 200);
        assert_eq!(house.amo.transcript()[0].status.as_deref(), Some(seen));
    }
    let unknown = Intent::ReportDelivery(ReportDelivery {
        message: MessageId::new("unknown"),
        state: DeliveryState::Read,
        failure: None,
    });
    assert_eq!(house.send(&unknown).status, 404);
}

#[test]
fn what_amojo_refuses_the_model_refuses() {
    let chat = ConversationKey { theirs: None, ours: Some(ConversationId::new("our-chat")) };
    let intent = from_client("m-1", chat, client("our-client"));
    let mut house = House::new();
    let good = house.request(&intent, NOW);
    let changed = |body: &str| {
        let request = Request { body: body.as_bytes().to_vec(), ..good.clone() };
        House::new().connection.authorise(request, &house.secrets, NOW)
    };
    let body = String::from_utf8(good.body.clone()).expect("JSON is UTF-8");
    let unsigned =
        Request { headers: good.headers.iter().filter(|(name, _)| *name != "date").cloned().collect(), ..good.clone() };
    let tampered = Request { body: body.replace("добрый", "злой").into_bytes(), ..good.clone() };
    let elsewhere = house.connection.authorise(
        Request { path: "/v2/origin/custom/c1_a0".to_owned(), ..good.clone() },
        &house.secrets,
        NOW,
    );
    let day = Duration::from_secs(24 * 60 * 60);
    for (request, now, status) in [
        (&unsigned, NOW, 403),
        (&tampered, NOW, 403),
        (&good, NOW + day, 403),
        (&elsewhere, NOW, 404),
        (&changed(&body.replace("\"our-client\"", "17")), NOW, 400),
        (&changed(&body.replace("1695282809904", "\"1695282809904\"")), NOW, 400),
        (&changed("nonsense"), NOW, 400),
    ] {
        let mut amo = House::new().amo;
        assert_eq!(amo.handle(request, now).status, status, "{}", String::from_utf8_lossy(&request.body));
        assert!(amo.transcript().is_empty());
    }
    let statuses: Vec<u16> = (0..8).map(|_| house.amo.handle(&good, NOW).status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 429]);
}

fn any_word() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[ a-zа-я/?#%.:]{0,12}")
}

fn any_file() -> impl Strategy<Value = File> {
    let kind = prop::sample::select(vec![
        FileKind::Picture,
        FileKind::Video,
        FileKind::Audio,
        FileKind::Voice,
        FileKind::Sticker,
        FileKind::Document,
    ]);
    (kind, any_word(), any_word(), any::<Option<u32>>(), any::<Option<u32>>()).prop_map(
        |(kind, url, name, size, duration_s)| File {
            url,
            name,
            size_bytes: size.map(u64::from),
            duration_s,
            ..File::of(kind)
        },
    )
}

fn any_part() -> impl Strategy<Value = Part> {
    prop_oneof![
        any_file().prop_map(Part::File),
        any::<(f64, f64)>().prop_map(|(latitude, longitude)| Part::Location { latitude, longitude }),
        (any_word(), any_word()).prop_map(|(name, phone)| Part::Contact { name, phone }),
        any_word().prop_map(|url| Part::Buttons { rows: vec![vec![Button { text: "да".to_owned(), url }]] }),
        any_word().prop_map(|id| Part::Template { id: id.unwrap_or_default(), values: Vec::new() }),
        (any_word(), prop::collection::vec(any_file(), 0..2)).prop_map(|(text, files)| Part::Forward { text, files }),
        any_word().prop_map(|kind| Part::Unsupported { kind: kind.unwrap_or_default() }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_said_is_encoded_as_amojo_takes_it(
        text in any_word(),
        parts in prop::collection::vec(any_part(), 0..4),
        speaker in prop::sample::select(vec![Speaker::Client, Speaker::Manager, Speaker::Bot]),
        name in any_word(),
    ) {
        let mut house = House::new();
        let known = Person { name, ..client("our-client") };
        let intent = Intent::SendMessage(SendMessage {
            to: Destination::Conversation(ConversationKey { theirs: None, ours: Some(ConversationId::new("our-chat")) }),
            speaker,
            author: Person::default(),
            client: known,
            ours: MessageId::new("m-1"),
            written_at: NOW,
            content: Content { text, parts, quote: None },
            source: None,
            silent: false,
        });
        let reaction = house.send(&intent);
        prop_assert_eq!(reaction.status, 200, "{}", String::from_utf8_lossy(&reaction.body));
        prop_assert!(house.amo.transcript().iter().all(|line| !line.text.is_empty()));
    }
}

#[test]
fn a_spoken_hook_leaves_its_chat_behind() {
    let mut house = House::new();
    let hook = json!({
        "account_id": "a0", "time": 1_695_282_809,
        "message": {
            "receiver": {"id": "their-client", "name": "Сергей", "phone": "89135292926"},
            "sender": {"id": "their-manager", "name": ""},
            "source": {"external_id": "their-source"},
            "conversation": {"id": "their-chat"},
            "timestamp": 1_695_282_809, "msec_timestamp": 1_695_282_809_904_i64,
            "message": {"id": "their-message", "type": "text", "text": "start"},
        },
    });
    for _ in 0..2 {
        house.amo.say(hook.to_string().into_bytes());
    }
    for no_hook in ["", "[]", r#"{"message":{}}"#, r#"{"message":{"conversation":{"id":7}}}"#] {
        house.amo.say(no_hook.as_bytes().to_vec());
    }
    let shown = house.amo.transcript();
    assert_eq!(shown.len(), 1, "said twice, it is there once: {shown:?}");
    assert_eq!((shown[0].chat.as_str(), shown[0].text.as_str()), ("79135292926", "start"));
    // The next message of a manager goes into the chat that the hook told of.
    let next = house.manager_writes("89135292926", "и ещё");
    assert_eq!(next.conversation.theirs.as_ref().map(|id| id.as_str()), Some("their-chat"));
}
