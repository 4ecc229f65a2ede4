//! The model against the connector: what one writes the other reads.

use chatledger_projections::bytes::Bytes;
use chatledger_projections::content::{Content, Person};
use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{AssistantReported, ConversationKey, Fact, FailureKind, Message};
use chatledger_projections::ids::{ConnectionName, ConversationId, MessageId};
use chatledger_projections::intent::{Destination, Intent, SendMessage, Speaker};
use chatledger_projections::outcome::Outcome;

use super::*;
use crate::connector::{Connection, Connector, InboundRequest, Reply, Secrets, Webhook};
use crate::selarti::Selarti;

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// A connection and a simulated account that share their settings.
struct Wired {
    connection: Box<dyn Connection>,
    simulator: Box<dyn Simulator>,
    secrets: Secrets,
}

impl Wired {
    fn new(more: &Value) -> Self {
        let name = ConnectionName::new("selarti.main");
        let mut settings = json!({ "task_id": "1721129985149x478019552540622850" });
        for (key, value) in more.as_object().into_iter().flatten() {
            settings[key] = value.clone();
        }
        let mut secrets = Secrets::default();
        secrets.insert(API_KEY, Secret::new("key-from-the-panel"));
        secrets.insert(WEBHOOK_SECRET, Secret::new("kD83jf02mLq71xZa"));
        let account = SimulatedAccount { name: &name, settings: &settings, secrets: &secrets };
        let simulator = Selarti.simulator(&account).expect("these settings are right");
        let connection = Selarti.connect(&name, &settings).expect("these settings are right");
        Self { connection, simulator, secrets }
    }

    fn signed_in() -> Self {
        let mut wired = Self::new(&json!({}));
        wired.sign_in(NOW).expect("the key is right");
        wired
    }

    /// What the shell does when it has no pass.
    fn sign_in(&mut self, now: Timestamp) -> Result<Timestamp, Outcome> {
        let sign_in = self.connection.sign_in().expect("Selarti wants a pass");
        let reply = recorded(&self.simulator.handle(&sign_in.request(&self.secrets), now));
        let pass = sign_in.pass(Reply::Answered(&reply), now)?;
        self.secrets.insert(pass.key, pass.secret);
        Ok(pass.until)
    }

    /// Sends a client's words; gives the outcome, and what the webhooks mean in the order of their arrival.
    fn say(&mut self, chat: &str, text: &str, now: Timestamp) -> (Outcome, Vec<Fact>) {
        let call = self.connection.encode(&client_says(chat, text)).expect("the intent can be encoded");
        let request = self.connection.authorise(call.request, &self.secrets, now);
        let reaction = self.simulator.handle(&request, now);
        let reply = recorded(&reaction);
        let outcome = self.connection.classify(call.name, Reply::Answered(&reply), now, Duration::ZERO);
        let learnt = Selarti.learn(call.name, &reply);
        assert!(learnt.facts.is_empty() && learnt.remarks.is_empty(), "{learnt:?}");
        (outcome, self.heard(reaction.webhooks))
    }

    fn heard(&self, mut webhooks: Vec<Emitted>) -> Vec<Fact> {
        webhooks.sort_by_key(|emitted| emitted.after);
        let mut facts = Vec::new();
        for emitted in webhooks {
            let inbound =
                InboundRequest { method: "POST", tail: &emitted.tail, query: "", headers: &[], body: &emitted.body };
            self.connection.verify(&inbound, &self.secrets).expect("the simulator knows the secret address");
            let decoded = Selarti.decode(&Webhook { content_type: None, body: &emitted.body });
            assert!(decoded.remarks.is_empty(), "{:?}", decoded.remarks);
            facts.extend(decoded.facts);
        }
        facts
    }
}

fn recorded(reaction: &Reaction) -> RecordedReply {
    let Reaction { status, headers, body, .. } = reaction.clone();
    RecordedReply { status, headers, body: Bytes(body), cut: false }
}

fn client_says(chat: &str, text: &str) -> Intent {
    let client = Person { name: Some("Анна".to_owned()), username: Some("anna".to_owned()), ..Person::default() };
    Intent::SendMessage(SendMessage {
        to: Destination::Conversation(ConversationKey { theirs: None, ours: Some(ConversationId::new(chat)) }),
        speaker: Speaker::Client,
        author: client.clone(),
        client,
        ours: MessageId::new("m-1"),
        written_at: NOW,
        content: Content::text(text),
        source: None,
        silent: false,
    })
}

/// Who said what, and the standing after it.
fn told(facts: &[Fact]) -> Vec<(&Message, &AssistantReported)> {
    facts
        .chunks(2)
        .map(|pair| match pair {
            [Fact::MessageReceived(message) | Fact::MessageSent(message), Fact::AssistantReported(report)] => {
                (message, report)
            }
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_clients_words_come_back_and_are_answered() {
    let mut wired = Wired::signed_in();
    let (outcome, facts) = wired.say("amo-8bdd3f03", "Сколько стоит доставка?", NOW);
    assert_eq!(outcome, Outcome::Accepted);
    let told = told(&facts);
    let [(echo, heard), (answer, after)] = told[..] else { panic!("{told:?}") };
    assert!(matches!(facts[0], Fact::MessageReceived(_)), "an echo is the client's");
    assert_eq!(echo.conversation.ours, Some(ConversationId::new("amo-8bdd3f03")));
    assert_eq!(echo.content, Content::text("Сколько стоит доставка?"));
    assert_eq!((heard.speaker, heard.interested), (Some(Speaker::Client), Some(false)));
    assert_eq!((after.speaker, after.interested), (Some(Speaker::Bot), Some(true)));
    assert_eq!(answer.conversation, echo.conversation);
    assert_eq!(answer.client.as_ref().and_then(|client| client.name.as_deref()), Some("Анна"));
    assert_eq!(echo.written_at, Some(NOW));
    assert_eq!(wired.simulator.transcript().len(), 2);
}

#[test]
fn the_assistant_is_silent_after_it_handed_over_and_the_operator_speaks() {
    let mut wired = Wired::signed_in();
    let (_, facts) = wired.say("7", "Позовите оператора", NOW);
    let standings: Vec<_> = told(&facts).iter().map(|(_, report)| report.handed_over).collect();
    assert_eq!(standings, [Some(false), Some(true)]);
    let (outcome, facts) = wired.say("7", "Вы здесь?", NOW);
    assert_eq!(outcome, Outcome::Accepted);
    assert_eq!(told(&facts).len(), 1, "only the echo comes");

    let written =
        Gesture::AppWrites { phone: "7".to_owned(), text: "Здравствуйте, это Пётр".to_owned() };
    let webhooks = wired.simulator.gesture(&written, NOW).expect("an operator may write");
    let facts = wired.heard(webhooks);
    let told = told(&facts);
    assert_eq!(told[0].1.speaker, Some(Speaker::Manager));
    assert!(matches!(facts[0], Fact::MessageSent(_)));
}

#[test]
fn a_closed_dialogue_hears_and_says_nothing() {
    let mut wired = Wired::signed_in();
    let (_, facts) = wired.say("7", "До свидания", NOW);
    assert_eq!(told(&facts).last().map(|(_, report)| report.closed), Some(Some(true)));
    let (_, facts) = wired.say("7", "Ау", NOW);
    assert_eq!(told(&facts).len(), 1);
}

#[test]
fn a_number_in_the_words_becomes_the_clients() {
    let mut wired = Wired::signed_in();
    let (_, facts) = wired.say("7", "Мой телефон +7 900 000-00-01", NOW);
    let (_, report) = told(&facts)[1];
    assert_eq!((report.contact_given, report.succeeded), (Some(true), Some(true)));
    assert_eq!(report.client.phone.as_deref(), Some("+79000000001"));
}

#[test]
fn the_same_words_twice_are_two_messages() {
    let mut wired = Wired::signed_in();
    wired.say("7", "Привет", NOW);
    wired.say("7", "Привет", NOW);
    let transcript = wired.simulator.transcript();
    assert_eq!(transcript.iter().filter(|line| line.text == "Привет").count(), 2);
    assert!(transcript.iter().all(|line| line.chat_id == transcript[0].chat_id), "one dialogue");
}

#[test]
fn a_pass_is_asked_for_and_runs_out() {
    let mut wired = Wired::new(&json!({}));
    assert!(matches!(wired.say("7", "Привет", NOW).0, Outcome::Postponed { .. }), "there is no token yet");
    let until = wired.sign_in(NOW).expect("the key is right");
    assert_eq!(wired.say("7", "Привет", NOW).0, Outcome::Accepted);
    assert!(matches!(wired.say("7", "Привет", until).0, Outcome::Postponed { .. }));
    wired.sign_in(until).expect("the key is right");
    assert_eq!(wired.say("7", "Привет", until).0, Outcome::Accepted);

    wired.secrets.insert(API_KEY, Secret::new("wrong"));
    let Err(Outcome::Refused { failure }) = wired.sign_in(NOW) else { panic!("the key is wrong") };
    assert_eq!(failure.kind, FailureKind::ConnectionOff);
    assert_eq!(failure.reason, "400: error, Invalid key");
}

#[test]
fn what_is_missing_or_ill_typed_is_refused() {
    let mut wired = Wired::signed_in();
    let mut status = |body: Value, path: &str, method: &'static str| {
        let request = Request::json(method, path.to_owned(), &body);
        wired.simulator.handle(&wired.connection.authorise(request, &wired.secrets, NOW), NOW).status
    };
    let task = "1721129985149x478019552540622850";
    let path = "/api/1.1/wf/send_external_message";
    assert_eq!(status(json!({ "task": task, "chat_id": "7", "text": "ок" }), path, "POST"), 200);
    assert_eq!(status(json!({ "task": task, "text": "ок" }), path, "POST"), 400);
    assert_eq!(status(json!({ "task": task, "chat_id": 7, "text": "ок" }), path, "POST"), 400);
    assert_eq!(status(json!({ "task": task, "chat_id": "7", "text": "" }), path, "POST"), 400);
    assert_eq!(status(json!({ "task": "1x1", "chat_id": "7", "text": "ок" }), path, "POST"), 404);
    assert_eq!(status(json!({}), "/api/1.1/wf/add_target", "POST"), 404);
    assert_eq!(status(json!({}), path, "PUT"), 405);
}

#[test]
fn an_installation_with_other_names_and_numbers_is_spoken_to_in_its_way() {
    let settings = json!({ "key_text": "message", "key_username": "", "key_task": "", "chat_id_as_number": true });
    let mut wired = Wired::new(&settings);
    wired.sign_in(NOW).expect("the key is right");
    let (outcome, facts) = wired.say("79000000001", "Привет", NOW);
    assert_eq!(outcome, Outcome::Accepted);
    assert_eq!(told(&facts)[0].0.conversation.ours, Some(ConversationId::new("79000000001")));
    let intent = client_says("amo-1", "Привет");
    assert!(wired.connection.encode(&intent).is_err(), "the id is no number");
}
