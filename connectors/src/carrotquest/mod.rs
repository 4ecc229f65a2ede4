//! Carrot quest, and Dashly, which is the same product under another name: the chat of a site and of its messengers.
//!
//! This file introduces the platform and joins its questions to the files that answer them. Sections named in
//! comments, such as (5.3), are those of the Carrot quest contract. It is a channel here: visitors are clients, and a
//! manager's answer becomes an operator's reply. News come by webhook, or are asked for, or both. Deliberately absent:
//! realtime as a transport (its documents are read all the same), files as uploads, and writing in a user's name.

mod classify;
mod credential;
mod decode;
mod encode;
mod form;
mod history;
mod ids;
mod learn;
mod limits;
mod poll;
mod probe;
mod probe_opened;
mod readable;
mod settings;
mod simulate;
mod verify;
mod wire;

use std::time::Duration;

use chatledger_projections::configuration::Traits;
use chatledger_projections::event::RecordedReply;
use chatledger_projections::files::FileRules;
use chatledger_projections::ids::ConnectionName;
use chatledger_projections::intent::Intent;
use chatledger_projections::outcome::{AttemptKind, Outcome, Recourse};
use chatledger_projections::time::Timestamp;

use crate::connector::{
    Call, Connection, Connector, Decoded, InboundRequest, Judgement, Known, Limit, Rejection, Reply, Request, Secrets,
    Setting, SettingProblem, SimulatedAccount, Unencodable, Verified, Webhook,
};
use crate::errands::History;
use crate::polling::Polling;
use crate::simulator::Simulator;
use settings::{AUTH_TOKEN, Settings};

/// The platform.
#[derive(Clone, Copy, Debug)]
pub struct CarrotQuest;

impl Connector for CarrotQuest {
    fn platform(&self) -> &'static str {
        "carrotquest"
    }

    fn settings(&self) -> &'static [Setting] {
        settings::SETTINGS
    }

    fn secrets(&self) -> &'static [Setting] {
        settings::SECRETS
    }

    fn connect(
        &self,
        name: &ConnectionName,
        settings: &serde_json::Value,
    ) -> Result<Box<dyn Connection>, Vec<SettingProblem>> {
        let settings = Settings::parse(settings)?;
        Ok(Box::new(Account { name: name.clone(), settings }))
    }

    fn decode(&self, webhook: &Webhook<'_>) -> Decoded {
        decode::decode(webhook)
    }

    fn learn(&self, call: &str, reply: &RecordedReply) -> Decoded {
        learn::learn(call, reply)
    }

    fn simulator(&self, account: &SimulatedAccount<'_>) -> Result<Box<dyn Simulator>, Vec<SettingProblem>> {
        simulate::simulator(account)
    }
}

/// One app at Carrot quest.
#[derive(Debug)]
struct Account {
    name: ConnectionName,
    settings: Settings,
}

impl Connection for Account {
    fn traits(&self) -> Traits {
        self.settings.traits()
    }

    fn verify(&self, request: &InboundRequest<'_>, secrets: &Secrets) -> Result<Verified, Rejection> {
        verify::verify(&self.name, request, secrets)
    }

    fn files(&self) -> FileRules {
        limits::files(&self.settings)
    }

    fn history(&self) -> Option<&dyn History> {
        Some(self)
    }

    fn encode(&self, intent: &Intent) -> Result<Call, Unencodable> {
        encode::encode(&self.settings, intent)
    }

    /// The token goes into a header, never into the form or the address, where it is taken, too: those lie in logs (2.2).
    fn authorise(&self, mut request: Request, secrets: &Secrets, _now: Timestamp) -> Request {
        request.headers.push(("accept", "application/json".to_owned()));
        if let Some(token) = secrets.get(AUTH_TOKEN) {
            request.headers.push(("authorization", format!("Token {}", token.reveal())));
        }
        request
    }

    fn classify(&self, call: &str, reply: Reply<'_>, now: Timestamp, _tried_for: Duration) -> Outcome {
        classify::classify(call, reply, now)
    }

    fn recourse(&self, intent: &Intent) -> Recourse {
        classify::recourse(intent)
    }

    fn probe(&self, intent: &Intent, known: &Known) -> Option<Call> {
        probe::probe(&self.settings, intent, known)
    }

    fn judge(&self, intent: &Intent, known: &Known, call: &str, reply: Reply<'_>, now: Timestamp) -> Judgement {
        probe::judge(intent, known, call, reply, now)
    }

    fn class_of_call(&self, call: &str) -> Option<&'static str> {
        match call {
            call::REPLY | call::FIRST_MESSAGE | call::SET_TYPING => Some(limits::SEND),
            call::USERS | call::USERS_CONVERSATIONS | call::CONVERSATION | call::CONVERSATIONS | call::PARTS => {
                Some(limits::READ)
            }
            _ => None,
        }
    }

    fn class_of(&self, intent: &'static str, kind: AttemptKind) -> &'static str {
        match (kind, intent) {
            (AttemptKind::Act, "look_up_conversation" | "find_client") | (AttemptKind::Probe, _) => limits::READ,
            (AttemptKind::Act | AttemptKind::Prepare { .. }, _) => limits::SEND,
        }
    }

    fn limits(&self) -> Vec<Limit> {
        limits::limits(&self.settings)
    }

    fn problems_with(&self, secrets: &Secrets) -> Vec<SettingProblem> {
        self.settings.problems_with(secrets)
    }

    fn poll(&self, through: Option<&str>) -> Option<Box<dyn Polling>> {
        let is_asked = self.settings.transport.is_polled();
        is_asked.then(|| Box::new(poll::Rounds::new(&self.name, &self.settings, through)) as Box<dyn Polling>)
    }

    fn base_url(&self) -> &str {
        &self.settings.base_url
    }
}

/// Every documented type of a message part, in the platform's words.
pub fn part_types() -> impl Iterator<Item = &'static str> {
    decode::kinds::PART_TYPES.into_iter()
}

/// Every documented way in which a part is sent (`sent_via`), in the platform's words.
pub fn ways() -> impl Iterator<Item = &'static str> {
    decode::kinds::WAYS.into_iter()
}

/// What our calls are named; replies are read by these names.
mod call {
    /// An operator's reply.
    pub(super) const REPLY: &str = "reply";
    /// That an operator is typing.
    pub(super) const SET_TYPING: &str = "set_typing";
    /// The first message to a visitor.
    pub(super) const FIRST_MESSAGE: &str = "first_message";
    /// The app's visitors.
    pub(super) const USERS: &str = "users";
    /// The conversations of one visitor.
    pub(super) const USERS_CONVERSATIONS: &str = "users_conversations";
    /// One conversation.
    pub(super) const CONVERSATION: &str = "conversation";
    /// The conversations of the app.
    pub(super) const CONVERSATIONS: &str = "conversations";
    /// A conversation's newest parts.
    pub(super) const PARTS: &str = "parts";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::Secret;

    #[test]
    fn the_token_goes_into_a_header_and_nowhere_else() {
        let settings = serde_json::json!({});
        let account = CarrotQuest.connect(&ConnectionName::new("carrot.site"), &settings).expect("nothing is enough");
        let mut secrets = Secrets::default();
        secrets.insert(AUTH_TOKEN, Secret::new("app.1.t0ken"));
        let request = Request::bare("GET", "/v2/conversations/1".to_owned(), Vec::new());
        let authorised = account.authorise(request.clone(), &secrets, Timestamp::default());
        assert_eq!(authorised.headers.iter().filter(|(_, value)| value.contains("t0ken")).count(), 1);
        assert!(authorised.headers.contains(&("authorization", "Token app.1.t0ken".to_owned())));
        assert_eq!((authorised.target(), authorised.body), (request.target(), request.body));
    }
}
