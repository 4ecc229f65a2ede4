//! The model against the connector: what one writes the other reads.

use chatledger_projections::bytes::Bytes;
use chatledger_projections::content::{Content, Person};
use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{ConversationKey, FailureKind};
use chatledger_projections::ids::{ConnectionName, MessageId};
use chatledger_projections::intent::{
    ClientMark, Destination, FindClient, Intent, LookUpConversation, SendMessage, Speaker,
};
use chatledger_projections::outcome::Outcome;
use chatledger_projections::phone::PhoneNumber;

use serde_json::json;

use super::calls::LONGEST_TEXT;
use super::*;
use crate::carrotquest::CarrotQuest;
use crate::connector::{Connection, Connector, InboundRequest, Judgement, Known, Reply, Secrets};

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);
const PHONE: &str = "79135292926";

/// A connection and a simulated account that share their settings.
struct Wired {
    connection: Box<dyn Connection>,
    simulator: Box<dyn Simulator>,
    secrets: Secrets,
}

impl Wired {
    fn new() -> Self {
        let name = ConnectionName::new("carrot.site");
        let settings = json!({});
        let mut secrets = Secrets::default();
        secrets.insert(AUTH_TOKEN, Secret::new("app.1.token"));
        secrets.insert(WEBHOOK_TOKEN, Secret::new("webhook-token"));
        let account = SimulatedAccount { name: &name, settings: &settings, secrets: &secrets };
        let simulator = CarrotQuest.simulator(&account).expect("these settings are right");
        let connection = CarrotQuest.connect(&name, &settings).expect("these settings are right");
        Self { connection, simulator, secrets }
    }

    /// Sends an intent; gives its outcome, what was learnt, and what the webhooks mean.
    fn act(&mut self, intent: &Intent, now: Timestamp) -> (Outcome, Vec<Fact>, Vec<Fact>) {
        let call = self.connection.encode(intent).expect("the intent can be encoded");
        let request = self.connection.authorise(call.request, &self.secrets, now);
        let reaction = self.simulator.handle(&request, now);
        let reply = recorded(&reaction);
        let outcome = self.connection.classify(call.name, Reply::Answered(&reply), now, Duration::from_secs(3600));
        let learnt = CarrotQuest.learn(call.name, &reply);
        assert!(learnt.remarks.is_empty(), "{:?}", learnt.remarks);
        (outcome, learnt.facts, self.heard(reaction.webhooks))
    }

    /// What webhooks mean, as they are recorded.
    fn heard(&self, webhooks: Vec<Emitted>) -> Vec<Fact> {
        let mut facts = Vec::new();
        for emitted in webhooks {
            let inbound =
                InboundRequest { method: "POST", tail: &emitted.tail, query: "", headers: &[], body: &emitted.body };
            let verified = self.connection.verify(&inbound, &self.secrets).expect("the simulator knows the token");
            let body = verified.body(emitted.body.clone());
            assert!(!String::from_utf8_lossy(&body).contains("webhook-token"), "the token is not recorded");
            let decoded = CarrotQuest.decode(&Webhook { content_type: None, body: &body });
            assert!(decoded.remarks.is_empty(), "{:?}", decoded.remarks);
            facts.extend(decoded.facts);
        }
        facts
    }

    fn client_writes(&mut self) -> ConversationKey {
        let (phone, name, text) = (PHONE.to_owned(), "Анна".to_owned(), "Привет & <3 + 1".to_owned());
        let webhooks =
            self.simulator.gesture(&Gesture::ClientWrites { phone, name, text }, NOW).expect("a client may write");
        let heard = self.heard(webhooks);
        let [Fact::MessageReceived(message)] = &heard[..] else { panic!("{heard:?}") };
        assert_eq!(message.content, Content::text("Привет & <3 + 1"));
        message.conversation.clone()
    }
}

fn recorded(reaction: &Reaction) -> RecordedReply {
    let (headers, body) = (reaction.headers.clone(), Bytes(reaction.body.clone()));
    RecordedReply { status: reaction.status, headers, body, cut: false }
}

fn say(conversation: ConversationKey, ours: &str, text: &str) -> Intent {
    Intent::SendMessage(SendMessage {
        to: Destination::Conversation(conversation),
        speaker: Speaker::Manager,
        author: Person::default(),
        client: Person::default(),
        ours: MessageId::new(ours),
        written_at: NOW,
        content: Content::text(text),
        source: None,
        silent: false,
    })
}

#[test]
fn a_visitor_is_looked_up_and_answered_and_the_echo_bears_the_answers_name() {
    let mut wired = Wired::new();
    let conversation = wired.client_writes();
    let theirs = conversation.theirs.clone().expect("the conversation has a name");
    assert!(theirs.as_str().parse::<u64>().expect("it is a number") > 1 << 53);
    let look_up = Intent::LookUpConversation(LookUpConversation { conversation: theirs });
    let (outcome, learnt, _) = wired.act(&look_up, NOW);
    assert_eq!(outcome, Outcome::Accepted);
    let [Fact::ConversationSeen(seen)] = &learnt[..] else { panic!("{learnt:?}") };
    assert_eq!((seen.phone.as_deref(), seen.client.name.as_deref()), (Some(PHONE), Some("Анна")));

    let (outcome, learnt, heard) = wired.act(&say(conversation, "m-1", "Здравствуйте!"), NOW);
    assert_eq!(outcome, Outcome::Accepted);
    let [Fact::SendAcknowledged(acknowledged)] = &learnt[..] else { panic!("{learnt:?}") };
    let [Fact::MessageSent(echo)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!(echo.message, acknowledged.message);
    assert_eq!(wired.simulator.transcript().len(), 2);
}

#[test]
fn an_operator_answers_in_the_panel_but_never_begins() {
    let mut wired = Wired::new();
    let written = Gesture::AppWrites { phone: PHONE.to_owned(), text: "Перезвоню".to_owned() };
    wired.simulator.gesture(&written, NOW).expect_err("only the client can begin");
    wired.client_writes();
    let webhooks = wired.simulator.gesture(&written, NOW).expect("an operator may answer");
    assert!(matches!(wired.heard(webhooks)[..], [Fact::MessageSent(_)]));
}

#[test]
fn a_message_of_which_nothing_was_heard_is_found_and_a_lost_one_is_not() {
    let mut wired = Wired::new();
    let conversation = wired.client_writes();
    let sent = say(conversation.clone(), "m-1", "Добрый день");
    let lost = say(conversation, "m-2", "Добрый день");
    wired.act(&sent, NOW);
    let later = NOW + Duration::from_secs(300);
    let known = Known { attempted_at: NOW, ..Known::default() };
    for (intent, expected) in [(&sent, "accepted"), (&lost, "postponed")] {
        let call = wired.connection.probe(intent, &known).expect("there is something to ask");
        let request = wired.connection.authorise(call.request, &wired.secrets, later);
        let reply = recorded(&wired.simulator.handle(&request, later));
        let Judgement { outcome, facts, .. } =
            wired.connection.judge(intent, &known, call.name, Reply::Answered(&reply), later);
        assert_eq!(outcome.label(), expected, "{outcome:?}");
        assert_eq!(facts.len(), usize::from(expected == "accepted"));
        let soon = wired.connection.judge(intent, &known, call.name, Reply::Answered(&reply), NOW).outcome;
        assert_eq!(soon.label(), if expected == "accepted" { "accepted" } else { "uncertain" });
    }
}

#[test]
fn what_the_platform_refuses_the_model_refuses() {
    let mut wired = Wired::new();
    let conversation = wired.client_writes();
    let call = wired.connection.encode(&say(conversation.clone(), "m-1", "x")).expect("it can be encoded");
    assert_eq!(wired.simulator.handle(&call.request, NOW).status, 401);
    let mut document = wired.connection.authorise(call.request, &wired.secrets, NOW);
    document.body = br#"{"body":"x"}"#.to_vec();
    assert_eq!(wired.simulator.handle(&document, NOW).status, 400);
    document.body = b"from_admin=139001".to_vec();
    assert_eq!(wired.simulator.handle(&document, NOW).status, 400);

    let (outcome, ..) = wired.act(&say(conversation.clone(), "m-2", &"ы".repeat(LONGEST_TEXT + 1)), NOW);
    assert!(matches!(&outcome, Outcome::Refused { failure } if failure.reason.starts_with("400: ReplyTooBig")));
    let nowhere = ConversationKey::theirs(chatledger_projections::ids::ConversationId::new("7"));
    let (outcome, ..) = wired.act(&say(nowhere, "m-3", "x"), NOW);
    assert!(matches!(&outcome, Outcome::Refused { failure } if failure.kind == FailureKind::CannotOpen));
}

#[test]
fn too_many_calls_are_put_off() {
    let mut wired = Wired::new();
    let conversation = wired.client_writes();
    for number in 0..CALLS_A_SECOND {
        let (outcome, ..) = wired.act(&say(conversation.clone(), &format!("m-{number}"), "x"), NOW);
        assert_eq!(outcome, Outcome::Accepted);
    }
    let (outcome, ..) = wired.act(&say(conversation, "m-9", "x"), NOW);
    assert!(matches!(outcome, Outcome::Postponed { until: Some(until), .. } if until == NOW + Duration::from_secs(1)));
}

#[test]
fn ids_are_numbers_unless_texts_are_asked_for_and_read_alike() {
    let mut wired = Wired::new();
    let conversation = wired.client_writes().theirs.expect("the conversation has a name");
    let look_up = Intent::LookUpConversation(LookUpConversation { conversation });
    let mut call = wired.connection.encode(&look_up).expect("it can be encoded");
    let mut learnt = Vec::new();
    for _ in 0..2 {
        let request = wired.connection.authorise(call.request.clone(), &wired.secrets, NOW);
        let reply = recorded(&wired.simulator.handle(&request, NOW));
        learnt.push((CarrotQuest.learn(call.name, &reply).facts, reply));
        call.request.query.clear();
    }
    assert_ne!(learnt[0].1.body, learnt[1].1.body);
    assert_eq!(learnt[0].0, learnt[1].0);
}

#[test]
fn what_was_recorded_without_its_token_can_be_said_again() {
    let mut wired = Wired::new();
    let part = json!({ "id": "5", "type": "reply_user", "conversation": "6", "from": "7", "body": "a&b" }).to_string();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("type", "conversation").append_pair("token", "").append_pair("conversation", &part);
    let emitted = wired.simulator.say(form.finish().into_bytes());
    assert!(matches!(wired.heard(vec![emitted])[..], [Fact::MessageReceived(_)]));
    let conversation = chatledger_projections::ids::ConversationId::new("6");
    let (outcome, ..) = wired.act(&Intent::LookUpConversation(LookUpConversation { conversation }), NOW);
    assert_eq!(outcome, Outcome::Accepted);
}

/// Who is known by a number.
fn find(phone: &str) -> Intent {
    let phone = PhoneNumber::international(phone).expect("it is a number");
    Intent::FindClient(FindClient { by: ClientMark::Phone(phone) })
}

#[test]
fn a_visitor_is_found_by_number_and_written_to_first_and_nobody_else_is() {
    let mut wired = Wired::new();
    wired.client_writes();
    let (outcome, learnt, _) = wired.act(&find("79000000001"), NOW);
    assert_eq!((outcome, learnt), (Outcome::Accepted, Vec::new()));
    let (_, learnt, _) = wired.act(&find(PHONE), NOW);
    let [Fact::ClientFound { client }] = &learnt[..] else { panic!("{learnt:?}") };

    let to_client = |client| match say(ConversationKey::default(), "m-1", "Добрый день") {
        Intent::SendMessage(message) => Intent::SendMessage(SendMessage { to: Destination::Client(client), ..message }),
        other => other,
    };
    let first = to_client(client.theirs.clone().expect("the visitor has a name"));
    let (outcome, learnt, heard) = wired.act(&first, NOW);
    assert_eq!(outcome, Outcome::Accepted);
    let [Fact::SendAcknowledged(said)] = &learnt[..] else { panic!("{learnt:?}") };
    let [Fact::MessageSent(echo)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!((&echo.conversation, said.message.theirs.as_ref()), (&said.conversation, None));

    // Had its answer not been heard, it would be found; what was never said is not.
    let later = NOW + Duration::from_secs(300);
    let known = Known { attempted_at: NOW, ..Known::default() };
    let lost = match first.clone() {
        Intent::SendMessage(message) => {
            Intent::SendMessage(SendMessage { content: Content::text("Never said"), ..message })
        }
        other => other,
    };
    for (intent, attempted_at, expected) in
        [(&first, NOW, "accepted"), (&lost, NOW, "uncertain"), (&lost, later - Duration::from_secs(60), "postponed")]
    {
        let known = Known { attempted_at, ..known.clone() };
        let call = wired.connection.probe(intent, &known).expect("there is something to ask");
        assert_eq!(wired.connection.class_of_call(call.name), Some(call.class));
        let request = wired.connection.authorise(call.request, &wired.secrets, later);
        let reply = recorded(&wired.simulator.handle(&request, later));
        let Judgement { outcome, facts, .. } =
            wired.connection.judge(intent, &known, call.name, Reply::Answered(&reply), later);
        assert_eq!(outcome.label(), expected, "{outcome:?}");
        assert_eq!(facts.len(), usize::from(expected == "accepted"));
    }

    let nobody = to_client(chatledger_projections::ids::PersonId::new("7"));
    let (outcome, ..) = wired.act(&nobody, later);
    assert!(matches!(&outcome, Outcome::Refused { failure } if failure.kind == FailureKind::CannotOpen), "{outcome:?}");
}

#[test]
fn every_call_of_the_model_refuses_what_the_platform_refuses() {
    let mut wired = Wired::new();
    let id = wired.client_writes().theirs.expect("the conversation has a name");
    let conversation = format!("/v2/conversations/{id}");
    let mut now = NOW;
    let mut asked = |method: &'static str, path: &str, query: &[(&str, &str)], body: &str| {
        now = now + Duration::from_secs(1);
        let query = query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let mut request =
            wired.connection.authorise(Request::bare(method, path.to_owned(), query), &wired.secrets, now);
        request.body = body.as_bytes().to_vec();
        let reaction = wired.simulator.handle(&request, now);
        let answer: serde_json::Value = serde_json::from_slice(&reaction.body).expect("answers are JSON");
        assert_eq!(answer["meta"]["status"], reaction.status, "the envelope repeats the status");
        (reaction.status, answer["meta"]["error"].as_str().unwrap_or_default().to_owned())
    };
    let yes = (200, String::new());
    let no = |status: u16, name: &str| (status, name.to_owned());
    for (method, tail, body, expected) in [
        ("POST", "reply", "body=x&from_admin=somebody", no(400, "BadRequest")),
        ("POST", "reply", "body=x&random_id=many", no(400, "BadRequest")),
        ("POST", "reply", "body=x&type=shout", no(400, "BadRequest")),
        ("POST", "assign", "admin=819", no(400, "BadRequest")),
        ("POST", "assign", "admin=819&from_admin=912", yes.clone()),
        ("POST", "assign", "admin=819&from_admin=912", yes.clone()),
        ("POST", "tag", "tag=a,b&from_admin=912", no(400, "BadRequest")),
        ("POST", "tag", "tag=a&from_admin=912", yes.clone()),
        ("POST", "tag", "tag=a&from_admin=912", no(400, "ConversationTagAlreadyAssigned")),
        ("DELETE", "tag", "tag=a&from_admin=912", yes.clone()),
        ("DELETE", "tag", "tag=a&from_admin=912", no(400, "ConversationTagIsNotAssigned")),
        ("POST", "settyping", "body=x", no(400, "BadRequest")),
        ("POST", "settyping", "body=x&from_admin=912", yes.clone()),
        ("POST", "close", "", no(400, "BadRequest")),
        ("POST", "close", "from_admin=default_admin", yes.clone()),
        ("GET", "close", "", no(405, "MethodNotAllowed")),
        ("POST", "reopen", "", no(404, "NotFound")),
    ] {
        assert_eq!(asked(method, &format!("{conversation}/{tail}"), &[], body), expected, "{method} {tail} {body}");
    }
    let list = "/v2/apps/$self_app/conversations";
    assert_eq!(asked("GET", list, &[("paginate_count", "51")], ""), no(400, "BadRequest"));
    assert_eq!(asked("GET", list, &[("paginate_position", "soon")], ""), no(400, "BadRequest"));
    assert_eq!(asked("GET", "/v2/apps/17/conversations", &[], ""), no(403, "PermissionDenied"));
    assert_eq!(asked("GET", "/v2/apps/$self_app/users", &[("filters", "phone")], ""), no(400, "BadRequest"));
    assert_eq!(asked("GET", "/v2/users/17", &[], ""), no(400, "LookupError"));
    assert_eq!(asked("GET", "/v2/users/17/conversations", &[], ""), no(400, "LookupError"));
    assert_eq!(asked("POST", "/v2/users/17/startconversation", &[], "body=x"), no(400, "LookupError"));
    assert_eq!(
        asked("POST", "/v2/users/tg-1/sendmessage", &[("by_user_id", "true")], "body=x"),
        no(400, "LookupError")
    );
    // A question that makes a user, and the first message of one whom an integration names (4, 3.4).
    assert_eq!(asked("GET", "/v2/users/tg-1", &[("by_user_id", "true")], ""), yes);
    assert_eq!(asked("POST", "/v2/users/tg-1/sendmessage", &[("by_user_id", "true")], "body=x"), yes);
    assert_eq!(asked("POST", "/v2/users/tg-2/startconversation", &[("by_user_id", "true")], "body=x"), yes);
}
