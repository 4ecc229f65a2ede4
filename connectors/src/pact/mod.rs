//! Pact: an aggregator of messengers (WhatsApp, Telegram, MAX and others), in both generations of its interface.
//!
//! This file introduces the platform and joins its questions to the files that answer them. Sections named in
//! comments, such as (10.6), are those of the Pact contract. Files are uploaded before the message in
//! which they stand. Channels, templates and company settings are not touched at all.

mod classify;
mod decode;
mod encode;
mod failure;
mod ids;
mod learn;
mod limits;
mod probe;
mod readable;
mod settings;
mod simulate;
mod upload;
mod verify;
mod wire;

use std::time::Duration;

use chatledger_projections::configuration::Traits;
use chatledger_projections::content::File;
use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::Fact;
use chatledger_projections::files::FileRules;
use chatledger_projections::ids::ConnectionName;
use chatledger_projections::intent::{Intent, SendMessage};
use chatledger_projections::outcome::{AttemptKind, Outcome, Recourse};
use chatledger_projections::time::Timestamp;

use crate::connector::{
    Call, Connection, Connector, Decoded, InboundRequest, Known, Limit, Rejection, Reply, Request, Secrets, Setting,
    SettingProblem, SimulatedAccount, Unencodable, Verified, Webhook,
};
use crate::simulator::Simulator;
use settings::{Settings, TOKEN};

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

    fn judge(
        &self,
        intent: &Intent,
        known: &Known,
        call: &str,
        reply: Reply<'_>,
        now: Timestamp,
    ) -> (Outcome, Vec<Fact>) {
        probe::judge(&self.settings, intent, known, call, reply, now)
    }

    fn class_of(&self, intent: &'static str, kind: AttemptKind) -> &'static str {
        match (kind, intent) {
            (AttemptKind::Act, "look_up_conversation") => limits::CONVERSATIONS,
            (AttemptKind::Act, _) => limits::SEND,
            (AttemptKind::Probe, _) => limits::MESSAGES,
            (AttemptKind::Prepare { .. }, _) => limits::FILES,
        }
    }

    fn class_of_call(&self, call: &str) -> Option<&'static str> {
        call::class(call)
    }

    fn limits(&self) -> Vec<Limit> {
        limits::limits(&self.settings)
    }

    fn base_url(&self) -> &str {
        &self.settings.base_url
    }
}

/// What our calls are named; replies are read by these names.
mod call {
    /// Into a conversation, first generation: answered with a job.
    pub(super) const SEND_V1: &str = "send_v1";
    /// Into a conversation, second generation: answered with the message.
    pub(super) const SEND_V2: &str = "send_v2";
    /// To a number, second generation.
    pub(super) const FIRST_MESSAGE_V2: &str = "first_message_v2";
    /// Find or open a conversation by number, first generation.
    pub(super) const OPEN_V1: &str = "open_v1";
    /// A file, first generation: answered with its number.
    pub(super) const UPLOAD_V1: &str = "upload_v1";
    /// A file, second generation: answered with its number.
    pub(super) const UPLOAD_V2: &str = "upload_v2";
    /// One conversation, first generation.
    pub(super) const CONVERSATION_V1: &str = "conversation_v1";
    /// One conversation, second generation.
    pub(super) const CONVERSATION_V2: &str = "conversation_v2";
    /// A conversation's newest messages, first generation.
    pub(super) const LIST_MESSAGES_V1: &str = "list_messages_v1";
    /// A conversation's messages, second generation.
    pub(super) const LIST_MESSAGES_V2: &str = "list_messages_v2";
    /// The conversations with a number, second generation.
    pub(super) const SEARCH_CONVERSATIONS_V2: &str = "search_conversations_v2";

    /// The quota that a call falls under (17.1).
    pub(super) fn class(call: &str) -> Option<&'static str> {
        match call {
            SEND_V1 | SEND_V2 | FIRST_MESSAGE_V2 | OPEN_V1 => Some(super::limits::SEND),
            UPLOAD_V1 | UPLOAD_V2 => Some(super::limits::FILES),
            CONVERSATION_V1 | CONVERSATION_V2 | SEARCH_CONVERSATIONS_V2 => Some(super::limits::CONVERSATIONS),
            LIST_MESSAGES_V1 | LIST_MESSAGES_V2 => Some(super::limits::MESSAGES),
            _ => None,
        }
    }

    /// Whether a second try might say something twice to a client.
    pub(super) fn speaks(call: &str) -> bool {
        matches!(call, SEND_V1 | SEND_V2 | FIRST_MESSAGE_V2)
    }

    /// Whether it belongs to the first generation, whose replies bear a verdict of their own (2.3).
    pub(super) fn is_v1(call: &str) -> bool {
        matches!(call, SEND_V1 | OPEN_V1 | UPLOAD_V1 | CONVERSATION_V1 | LIST_MESSAGES_V1)
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
