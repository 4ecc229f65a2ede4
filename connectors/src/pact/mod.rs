//! Pact: an aggregator of messengers (WhatsApp, Telegram, MAX and others), in both generations of its interface.
//!
//! This file introduces the platform and joins its questions to the files that answer them. Sections named in
//! comments, such as (10.6), are those of the Pact contract. Files are uploaded before the message in which they stand.
//! Channels, templates and company settings are touched only by a person's `commands`, which use the same `requests`.

mod call;
mod classify;
mod commands;
mod decode;
mod encode;
mod failure;
mod history;
mod ids;
mod learn;
mod limits;
mod probe;
mod readable;
mod requests;
mod results;
mod settings;
mod simulate;
mod upload;
mod verify;
mod wire;

use std::time::Duration;

use chatledger_projections::configuration::Traits;
use chatledger_projections::content::File;
use chatledger_projections::event::RecordedReply;
use chatledger_projections::files::FileRules;
use chatledger_projections::ids::ConnectionName;
use chatledger_projections::intent::{Intent, SendMessage};
use chatledger_projections::outcome::{AttemptKind, Outcome, Recourse};
use chatledger_projections::time::Timestamp;

use crate::administration::{Answer, Command, Given, Misuse};
use crate::connector::{
    Call, Connection, Connector, Decoded, InboundRequest, Judgement, Known, Limit, Rejection, Reply, Request, Secrets,
    Setting, SettingProblem, SimulatedAccount, Unencodable, Verified, Webhook,
};
use crate::errands::History;
use crate::simulator::Simulator;
use settings::{Settings, TOKEN};

pub use call::{CallFacts, calls};

/// The platform.
#[derive(Clone, Copy, Debug)]
pub struct Pact;

impl Connector for Pact {
    fn platform(&self) -> &'static str {
        "pact"
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

    fn commands(&self) -> &'static [Command] {
        commands::COMMANDS
    }

    fn simulator(&self, account: &SimulatedAccount<'_>) -> Result<Box<dyn Simulator>, Vec<SettingProblem>> {
        simulate::simulator(account)
    }
}

/// One company at Pact, seen through one messenger.
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
        upload::rules()
    }

    fn upload(&self, message: &SendMessage, file: &File) -> Result<Call, Unencodable> {
        upload::upload(&self.settings, message, file)
    }

    fn history(&self) -> Option<&dyn History> {
        Some(self)
    }

    fn encode(&self, intent: &Intent) -> Result<Call, Unencodable> {
        encode::encode(&self.settings, intent)
    }

    /// The token goes into a header, never into the address: addresses lie in logs (2.1).
    fn authorise(&self, mut request: Request, secrets: &Secrets, _now: Timestamp) -> Request {
        request.headers.push(("accept", "application/json".to_owned()));
        if let Some(token) = secrets.get(TOKEN) {
            request.headers.push(("x-private-api-token", token.reveal().to_owned()));
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
        probe::judge(&self.settings, intent, known, call, reply, now)
    }

    fn class_of(&self, intent: &'static str, kind: AttemptKind) -> &'static str {
        match (kind, intent) {
            (AttemptKind::Act, "look_up_conversation") => limits::CONVERSATIONS,
            (AttemptKind::Act, _) => limits::SEND,
            (AttemptKind::Probe, _) => limits::MESSAGES,
            (AttemptKind::Prepare { .. }, _) => limits::UPLOADS,
        }
    }

    fn class_of_call(&self, call: &str) -> Option<&'static str> {
        call::class(call)
    }

    fn limits(&self) -> Vec<Limit> {
        limits::limits(&self.settings)
    }

    fn administer(&self, command: &Command, given: &Given) -> Result<Call, Misuse> {
        commands::call(&self.settings, command.noun, command.verb, given)
    }

    fn answer(&self, call: &str, reply: &RecordedReply) -> Result<Answer, String> {
        results::answer(call, reply)
    }

    fn base_url(&self) -> &str {
        &self.settings.base_url
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::Secret;

    #[test]
    fn the_token_goes_into_a_header_and_nowhere_else() {
        let settings = serde_json::json!({ "company_id": 52204 });
        let account = Pact.connect(&ConnectionName::new("pact.sales"), &settings).expect("these settings are right");
        let mut secrets = Secrets::default();
        secrets.insert(TOKEN, Secret::new("t0ken"));
        let request = Request::json("POST", "/api/p2/messages".to_owned(), &settings);
        let authorised = account.authorise(request.clone(), &secrets, Timestamp::default());
        assert_eq!(authorised.headers.iter().filter(|(_, value)| value.contains("t0ken")).count(), 1);
        assert!(authorised.headers.contains(&("x-private-api-token", "t0ken".to_owned())));
        assert_eq!((authorised.target(), authorised.body), (request.target(), request.body));
    }
}
