//! The model against our own requests: the owner's four messages, and what amojo refuses.

use chatledger_projections::content::{Button, Content, File, FileKind, Part, Person};
use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{ConversationKey, DeliveryState, Fact, Failure, FailureKind, Message, MessageKey};
use chatledger_projections::ids::{ConversationId, MessageId, PersonId};
use chatledger_projections::intent::{
    ClaimConversation, DeleteMessage, Destination, EditMessage, Intent, ReportDelivery, SendMessage, SetReaction,
    ShowTyping, Speaker,
};

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
        let request =
            InboundRequest { method: "POST", tail: &emitted.tail, query: "", headers: &headers, body: &emitted.body };
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
    let with = |name: &str, value: &str| {
        let mut request = good.clone();
        let header = request.headers.iter_mut().find(|(known, _)| *known == name).expect("it is signed");
        header.1 = value.to_owned();
        request
    };
    let capital = with("content-md5", &proof_of(&good, "content-md5").to_uppercase());
    let elsewhere = house.connection.authorise(
        Request { path: "/v2/origin/custom/c1_a0".to_owned(), ..good.clone() },
        &house.secrets,
        NOW,
    );
    let day = Duration::from_secs(24 * 60 * 60);
    for (request, now, status) in [
        (&unsigned, NOW, 403),
        (&tampered, NOW, 403),
        (&capital, NOW, 403),
        (&with("content-md5", "d41d8cd98f00b204e9800998ecf8427e"), NOW, 403),
        (&with("date", "Thu, 21 Sep 2023 07:53:30 +0000"), NOW, 403),
        (&with("date", "yesterday"), NOW, 403),
        (&with("content-type", "application/json; charset=utf-8"), NOW, 403),
        (&with("x-signature", &"0".repeat(40)), NOW, 403),
        (&good, NOW + day, 403),
        (&elsewhere, NOW, 404),
        (&changed(&body.replace("\"our-client\"", "17")), NOW, 400),
        (&changed(&body.replace("1695282809904", "\"1695282809904\"")), NOW, 400),
        (&changed(&body.replace("\"silent\":false", "\"silent\":\"no\"")), NOW, 400),
        (&changed(&body.replace("\"msgid\":\"m-1\",", "")), NOW, 400),
        (&changed(&body.replace("new_message", "old_message")), NOW, 400),
        (&changed(&body.replace("\"type\":\"text\"", "\"type\":\"poll\"")), NOW, 400),
        (&changed("nonsense"), NOW, 400),
    ] {
        let mut amo = House::new().amo;
        assert_eq!(amo.handle(request, now).status, status, "{}", String::from_utf8_lossy(&request.body));
        assert!(amo.transcript().is_empty());
    }
    let statuses: Vec<u16> = (0..8).map(|_| house.amo.handle(&good, NOW).status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 429]);
}

fn proof_of(request: &Request, name: &str) -> String {
    request.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

/// A house in which a client and a manager have each said something: amo's ids of both messages.
fn spoken() -> (House, ConversationKey, MessageId, MessageId) {
    let mut house = House::new();
    let chat = ConversationKey { theirs: None, ours: Some(ConversationId::new("our-chat")) };
    let person = Person { phone: Some("79135292926".to_owned()), ..client("our-client") };
    let named = ids(&house.send(&from_client("m-1", chat.clone(), person)));
    let clients = MessageId::new(named["msgid"].as_str().expect("amo's id"));
    let managers = house.manager_writes("79135292926", "сейчас").message.theirs.expect("amo's id");
    (house, chat, clients, managers)
}

fn key(theirs: Option<&MessageId>, ours: Option<&str>) -> MessageKey {
    MessageKey { theirs: theirs.cloned(), ours: ours.map(MessageId::new), job: None }
}

#[test]
fn an_edit_is_seen_in_the_place_of_what_was_said() {
    let (mut house, chat, _, _) = spoken();
    let edit = |message| {
        Intent::EditMessage(EditMessage {
            conversation: chat.clone(),
            message,
            content: Content::text("добрый вечер"),
            at: NOW,
        })
    };
    assert_eq!(house.send(&edit(key(None, Some("m-1")))).status, 200);
    let shown = house.amo.transcript();
    assert!(shown.iter().any(|line| line.text == "добрый вечер"), "{shown:?}");
    assert_eq!(shown.len(), 2, "it is no third message");
    assert_eq!(house.send(&edit(key(None, Some("unknown")))).status, 404);
}

#[test]
fn a_reaction_stands_until_it_is_taken_back() {
    let (mut house, chat, clients, managers) = spoken();
    let react = |message: &MessageId, speaker, emoji: Option<&str>| {
        Intent::SetReaction(SetReaction {
            conversation: chat.clone(),
            message: key(Some(message), None),
            speaker,
            author: client("our-client"),
            emoji: emoji.map(str::to_owned),
        })
    };
    let unknown = MessageId::new("unknown");
    for (intent, status, seen) in [
        (react(&managers, Speaker::Client, Some("😍")), 200, ["добрый день", "сейчас 😍"]),
        (react(&clients, Speaker::Manager, Some("👍")), 200, ["добрый день 👍", "сейчас 😍"]),
        (react(&managers, Speaker::Client, Some("🙏")), 200, ["добрый день 👍", "сейчас 🙏"]),
        (react(&managers, Speaker::Client, None), 200, ["добрый день 👍", "сейчас"]),
        (react(&unknown, Speaker::Client, Some("👍")), 404, ["добрый день 👍", "сейчас"]),
    ] {
        assert_eq!(house.send(&intent).status, status, "{intent:?}");
        let shown = |line: Line| [vec![line.text], line.reactions].concat().join(" ");
        let shown: Vec<String> = house.amo.transcript().into_iter().map(shown).collect();
        assert_eq!(shown, seen, "{intent:?}");
    }
}

#[test]
fn typing_is_shown_only_in_a_chat_that_bears_an_id_of_ours() {
    let (mut house, chat, _, _) = spoken();
    let typing = |conversation: ConversationKey, speaker| {
        let until = NOW + Duration::from_secs(5);
        Intent::ShowTyping(ShowTyping { conversation, speaker, author: client("our-client"), since: NOW, until })
    };
    assert_eq!(house.send(&typing(chat.clone(), Speaker::Client)).status, 204);
    let unknown = ConversationKey { theirs: None, ours: Some(ConversationId::new("unknown")) };
    assert_eq!(house.send(&typing(unknown, Speaker::Client)).status, 404);
    for refused in [
        typing(chat.clone(), Speaker::Manager),
        typing(ConversationKey::theirs(ConversationId::new("amo's")), Speaker::Client),
    ] {
        assert!(house.connection.encode(&refused).is_err(), "{refused:?}");
    }
    let delete = Intent::DeleteMessage(DeleteMessage { conversation: chat, message: key(None, Some("m-1")) });
    let reason = house.connection.encode(&delete).expect_err("amo has no such call").reason;
    assert_eq!(reason, "amoCRM does not let us take a message back");
}

#[test]
fn after_disconnecting_no_hook_comes_until_it_is_connected_again() {
    let mut house = House::new();
    let wish = |house: &mut House, call: crate::connector::Call| {
        let request = house.connection.authorise(call.request, &house.secrets, NOW);
        house.amo.handle(&request, NOW).status
    };
    let administration = |house: &House, join: bool| {
        let administration = house.connection.administration().expect("amo is connected by a call");
        if join { administration.join() } else { administration.part() }
    };
    let writes = Gesture::ManagerWrites {
        phone: "79135292926".to_owned(),
        name: "Анна".to_owned(),
        text: "кто здесь".to_owned(),
    };
    let part = administration(&house, false);
    assert_eq!(wish(&mut house, part), 200);
    assert_eq!(house.amo.gesture(&writes, NOW).map(|hooks| hooks.len()), Ok(0));
    let join = administration(&house, true);
    assert_eq!(wish(&mut house, join), 200);
    assert_eq!(house.amo.gesture(&writes, NOW).map(|hooks| hooks.len()), Ok(1));
}

#[test]
fn what_was_lost_is_found_in_the_history_as_it_would_have_come() {
    let (mut house, _, _, managers) = spoken();
    let said = house.manager_writes("79135292926", "потеряно");
    let chat = said.conversation.theirs.clone().expect("amo's id");
    let history = house.connection.history().expect("amo lists messages");
    let call = history.page(&chat, None);
    let request = house.connection.authorise(call.request, &house.secrets, NOW);
    let reaction = house.amo.handle(&request, NOW);
    let reply = RecordedReply {
        status: reaction.status,
        headers: reaction.headers,
        body: chatledger_projections::bytes::Bytes(reaction.body),
        cut: false,
    };
    let page = history.read(&chat, None, &reply).expect("a page");
    assert_eq!((page.documents.len(), page.next), (3, None));
    let facts: Vec<Fact> = page
        .documents
        .iter()
        .flat_map(|document| AmoCrm.decode(&Webhook { content_type: None, body: &document.body }).facts)
        .collect();
    let ids: Vec<_> = facts
        .iter()
        .map(|fact| match fact {
            Fact::MessageSent(message) => message.message.theirs.clone(),
            other => panic!("only what managers wrote is news: {other:?}"),
        })
        .collect();
    assert_eq!(ids, [said.message.theirs.clone(), Some(managers)]);
    assert!(
        matches!(&facts[0], Fact::MessageSent(found) if found.content == said.content && found.client == said.client)
    );
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
