//! The model against the connector: what one writes the other reads.

use chatledger_projections::bytes::Bytes;
use chatledger_projections::content::{Content, Person};
use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{ConversationKey, DeliveryState, Fact};
use chatledger_projections::ids::{ConnectionName, MessageId};
use chatledger_projections::intent::{Address, Destination, Intent, OpenConversation, SendMessage, Speaker};
use chatledger_projections::outcome::Outcome;
use chatledger_projections::phone::PhoneNumber;
use serde_json::{Value, json};

use super::*;
use crate::connector::{
    Connection, Connector, InboundRequest, Judgement, Known, Reply, Secrets, SimulatedAccount, Webhook,
};
use crate::pact::Pact;

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// A connection and a simulated account that share their settings.
struct Wired {
    connection: Box<dyn Connection>,
    simulator: Box<dyn Simulator>,
    secrets: Secrets,
}

impl Wired {
    fn new(api: &str) -> Self {
        let name = ConnectionName::new("pact.sales");
        let settings = json!({ "company_id": 52204, "api": api });
        let mut secrets = Secrets::default();
        secrets.insert(TOKEN, Secret::new("token-of-the-account"));
        secrets.insert(WEBHOOK_SECRET, Secret::new("kD83jf02mLq71xZa"));
        let account = SimulatedAccount { name: &name, settings: &settings, secrets: &secrets };
        let simulator = Pact.simulator(&account).expect("these settings are right");
        let connection = Pact.connect(&name, &settings).expect("these settings are right");
        Self { connection, simulator, secrets }
    }

    /// Sends an intent; gives its outcome, what was learnt, and what the webhooks mean in the order of their arrival.
    fn act(&mut self, intent: &Intent, now: Timestamp) -> (Outcome, Vec<Fact>, Vec<Fact>) {
        let call = self.connection.encode(intent).expect("the intent can be encoded");
        let request = self.connection.authorise(call.request, &self.secrets, now);
        let reaction = self.simulator.handle(&request, now);
        let reply = recorded(&reaction);
        let outcome =
            self.connection.classify(call.name, Reply::Answered(&reply), now, std::time::Duration::from_secs(3600));
        let learnt = Pact.learn(call.name, &reply);
        assert!(learnt.remarks.is_empty(), "{:?}", learnt.remarks);
        (outcome, learnt.facts, self.heard(reaction.webhooks))
    }

    /// What webhooks mean, in the order of their arrival.
    fn heard(&self, mut webhooks: Vec<Emitted>) -> Vec<Fact> {
        webhooks.sort_by_key(|emitted| emitted.after);
        let mut facts = Vec::new();
        for emitted in webhooks {
            let inbound =
                InboundRequest { method: "POST", tail: &emitted.tail, query: "", headers: &[], body: &emitted.body };
            self.connection.verify(&inbound, &self.secrets).expect("the simulator knows the secret address");
            let decoded = Pact.decode(&Webhook { content_type: None, body: &emitted.body });
            assert!(decoded.remarks.is_empty(), "{:?}", decoded.remarks);
            facts.extend(decoded.facts);
        }
        facts
    }

    fn client_writes(&mut self, phone: &str) -> Vec<Fact> {
        let gesture =
            Gesture::ClientWrites {
                phone: phone.to_owned(), name: "Анна".to_owned(), text: "Привет".to_owned()
            };
        let webhooks = self.simulator.gesture(&gesture, NOW).expect("a client may write");
        self.heard(webhooks)
    }
}

fn recorded(reaction: &Reaction) -> RecordedReply {
    RecordedReply {
        status: reaction.status,
        headers: reaction.headers.clone(),
        body: Bytes(reaction.body.clone()),
        cut: false,
    }
}

fn say(to: Destination, text: &str) -> Intent {
    Intent::SendMessage(SendMessage {
        to,
        speaker: Speaker::Manager,
        author: Person::default(),
        client: Person::default(),
        ours: MessageId::new("m-1"),
        written_at: NOW,
        content: Content::text(text),
        source: None,
        silent: false,
    })
}

fn number(digits: &str) -> PhoneNumber {
    PhoneNumber::international(digits).expect("this is a number")
}

fn states(facts: &[Fact]) -> Vec<DeliveryState> {
    let state = |fact: &Fact| match fact {
        Fact::DeliveryReported(report) => Some(report.state),
        _ => None,
    };
    facts.iter().filter_map(state).collect()
}

fn conversation_in(facts: &[Fact]) -> ConversationKey {
    let key = |fact: &Fact| match fact {
        Fact::ConversationSeen(seen) => Some(seen.conversation.clone()),
        _ => None,
    };
    facts.iter().find_map(key).expect("a conversation was seen")
}

#[test]
fn a_first_message_opens_a_conversation_and_arrives() {
    let mut wired = Wired::new("v2");
    let intent = say(Destination::Phone(number("79135292926")), "Здравствуйте!");
    let (outcome, learnt, heard) = wired.act(&intent, NOW);
    assert_eq!(outcome, Outcome::Accepted);
    let [Fact::SendAcknowledged(acknowledged)] = &learnt[..] else { panic!("{learnt:?}") };
    assert_eq!(acknowledged.state, Some(DeliveryState::Sent));
    assert_eq!(acknowledged.conversation, conversation_in(&heard));
    assert_eq!(states(&heard), [DeliveryState::Delivered]);
    assert_eq!(wired.simulator.transcript()[0].status.as_deref(), Some("delivered"));
}

#[test]
fn a_first_message_to_a_number_without_the_messenger_fails_later() {
    let mut wired = Wired::new("v2");
    let (outcome, _, heard) = wired.act(&say(Destination::Phone(number("79135292000")), "Здравствуйте!"), NOW);
    assert_eq!(outcome, Outcome::Accepted);
    assert_eq!(states(&heard), [DeliveryState::Failed]);
}

#[test]
fn the_first_generation_opens_then_sends_by_a_job() {
    let mut wired = Wired::new("v1");
    let open = Intent::OpenConversation(OpenConversation { address: Address::Phone(number("79135292926")) });
    let (outcome, learnt, _) = wired.act(&open, NOW);
    assert_eq!(outcome, Outcome::Accepted);
    let (_, again, webhooks) = wired.act(&open, NOW + Duration::from_secs(2));
    assert_eq!(learnt, again);
    assert!(webhooks.is_empty(), "finding is not opening");

    let conversation = conversation_in(&learnt);
    let (outcome, learnt, heard) =
        wired.act(&say(Destination::Conversation(conversation), "Здравствуйте!"), NOW + Duration::from_secs(4));
    assert_eq!(outcome, Outcome::Accepted);
    let [Fact::SendAcknowledged(acknowledged)] = &learnt[..] else { panic!("{learnt:?}") };
    let [Fact::MessageSent(sent), Fact::DeliveryReported(done), Fact::DeliveryReported(arrived)] = &heard[..] else {
        panic!("{heard:?}");
    };
    assert_eq!(sent.message.job, acknowledged.message.job);
    assert_eq!((&done.message.job, &done.message.theirs), (&sent.message.job, &sent.message.theirs));
    assert_eq!(arrived.state, DeliveryState::Delivered);

    let (outcome, ..) = wired.act(
        &Intent::OpenConversation(OpenConversation { address: Address::Phone(number("79135292000")) }),
        NOW + Duration::from_secs(6),
    );
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
}

#[test]
fn a_client_and_a_telephone_speak_and_read() {
    for api in ["v1", "v2"] {
        let mut wired = Wired::new(api);
        let heard = wired.client_writes("79135292926");
        assert!(conversation_in(&heard).theirs.is_some());
        assert!(heard.iter().any(|fact| matches!(fact, Fact::MessageReceived(_))), "{heard:?}");

        let written = Gesture::AppWrites { phone: "79135292926".to_owned(), text: "Перезвоню".to_owned() };
        let webhooks = wired.simulator.gesture(&written, NOW).expect("a telephone may write");
        let heard = wired.heard(webhooks);
        let sent = heard.iter().find_map(|fact| match fact {
            Fact::MessageSent(message) => Some(message),
            _ => None,
        });
        assert_eq!(sent.expect("a message was sent").message.job, None);

        let reads = Gesture::ClientReads { phone: "79135292926".to_owned() };
        let webhooks = wired.simulator.gesture(&reads, NOW).expect("a client may read");
        assert_eq!(states(&wired.heard(webhooks)), [DeliveryState::Read], "{api}");
        assert!(wired.simulator.gesture(&reads, NOW).expect("a client may read").is_empty(), "everything is read");
    }
}

#[test]
fn a_message_of_which_nothing_was_heard_is_found_and_a_lost_one_is_not() {
    for api in ["v1", "v2"] {
        let mut wired = Wired::new(api);
        let conversation = conversation_in(&wired.client_writes("79135292926"));
        let sent = say(Destination::Conversation(conversation.clone()), "Добрый день");
        let lost = say(Destination::Conversation(conversation), "Потеряно");
        wired.act(&sent, NOW);
        let later = NOW + Duration::from_secs(300);
        let known = Known { attempted_at: NOW, ..Known::default() };
        for (intent, expected) in [(&sent, "accepted"), (&lost, "postponed")] {
            let call = wired.connection.probe(intent, &known).expect("there is something to ask");
            let request = wired.connection.authorise(call.request, &wired.secrets, later);
            let reply = recorded(&wired.simulator.handle(&request, later));
            let Judgement { outcome, facts, .. } =
                wired.connection.judge(intent, &known, call.name, Reply::Answered(&reply), later);
            assert_eq!(outcome.label(), expected, "{api} {outcome:?}");
            assert_eq!(facts.len(), usize::from(expected == "accepted"));
        }
    }
}

#[test]
fn the_same_send_twice_is_two_messages() {
    let mut wired = Wired::new("v2");
    let intent = say(Destination::Phone(number("79135292926")), "Здравствуйте!");
    wired.act(&intent, NOW);
    wired.act(&intent, NOW + Duration::from_secs(1));
    assert_eq!(wired.simulator.transcript().len(), 2);
}

#[test]
fn a_used_up_quota_names_the_time_to_wait() {
    let mut wired = Wired::new("v2");
    let intent = say(Destination::Phone(number("79135292926")), "Здравствуйте!");
    for sent in 0..5 {
        assert_eq!(wired.act(&intent, NOW + Duration::from_millis(sent)).0, Outcome::Accepted);
    }
    let (outcome, ..) = wired.act(&intent, NOW + Duration::from_millis(100));
    let Outcome::Postponed { until, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(until, Some(NOW + Duration::from_millis(1_100)));
    for sent in 0..25 {
        assert_eq!(wired.act(&intent, NOW + Duration::from_millis(1_000 + 500 * sent)).0, Outcome::Accepted);
    }
    let (outcome, ..) = wired.act(&intent, NOW + Duration::from_secs(20));
    assert!(matches!(outcome, Outcome::Postponed { until: Some(until), .. } if until == NOW + Duration::from_secs(60)));
}

#[test]
fn a_wrong_token_and_a_wrong_company_are_refused() {
    let mut wired = Wired::new("v2");
    let call =
        wired.connection.encode(&say(Destination::Phone(number("79135292926")), "x")).expect("it can be encoded");
    assert_eq!(wired.simulator.handle(&call.request, NOW).status, 401);
    let mut other = wired.connection.authorise(call.request, &wired.secrets, NOW);
    other.body = json!({ "company_id": 1, "provider": "whatsapp", "phone": "79135292926" }).to_string().into_bytes();
    let refused = wired.simulator.handle(&other, NOW);
    assert_eq!(refused.status, 403);
    let body: Value = serde_json::from_slice(&refused.body).expect("an error is a document");
    assert_eq!(body["errors"][0]["code"], "forbidden");
}

#[test]
fn old_clients_ways_of_writing_are_understood() {
    let mut wired = Wired::new("v1");
    let request = Request {
        method: "POST",
        path: "/p1//companies/52204/conversations/".to_owned(),
        query: vec![("private_api_token".to_owned(), "token-of-the-account".to_owned())],
        headers: vec![("content-type", "application/json".to_owned())],
        body: br#"{"provider":"whatsapp","phone":"79250000001"}"#.to_vec(),
        form: Vec::new(),
    };
    assert_eq!(wired.simulator.handle(&request, NOW).status, 200);
}
