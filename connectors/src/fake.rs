//! A connector without a platform, for tests of what surrounds connectors.
//!
//! It asks for one secret, believes whoever shows it in the header `x-proof`, and reads nothing. Only in builds with the
//! feature `fake`, and never in [`crate::ALL`]. It lives here because nobody outside may make a [`Verified`].

use chatledger_projections::configuration::{Abilities, FirstContact, Tells, Traits};
use chatledger_projections::event::RecordedReply;
use chatledger_projections::ids::{ConnectionName, EventId};
use chatledger_projections::intent::Intent;
use chatledger_projections::outcome::{AttemptKind, Outcome, Recourse};
use chatledger_projections::time::Timestamp;
use serde_json::Value;

use crate::connector::{
    Call, Connection, Connector, Decoded, InboundRequest, Judgement, Known, Limit, Rejection, Reply, Request, Secrets,
    Setting, SettingProblem, SimulatedAccount, Unencodable, Verified, Webhook,
};
use crate::simulator::Simulator;

/// The platform's name.
pub const PLATFORM: &str = "fake";

/// The key of its one secret.
pub const WEBHOOK_SECRET: &str = "webhook_secret";

/// What a body may begin with that is not recorded, as if it were a credential.
pub const CREDENTIAL: &[u8] = b"credential;";

const SETTINGS: &[Setting] = &[
    Setting { key: "account", about: "What follows the name in the path.", example: "\"a1\"", required: true },
    Setting {
        key: "role",
        about: "What it is: \"crm\", \"channel\" or \"assistant\".",
        example: "\"channel\"",
        required: false,
    },
];

const SECRETS: &[Setting] = &[Setting {
    key: WEBHOOK_SECRET,
    about: "What proves that a request is its own.",
    example: "\"k3v9…\"",
    required: true,
}];

/// The connector.
#[derive(Clone, Copy, Debug)]
pub struct Fake;

#[derive(Debug)]
struct Account {
    name: ConnectionName,
    path: String,
    is_crm: bool,
    is_assistant: bool,
}

impl Connector for Fake {
    fn platform(&self) -> &'static str {
        PLATFORM
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn secrets(&self) -> &'static [Setting] {
        SECRETS
    }

    fn connect(&self, name: &ConnectionName, settings: &Value) -> Result<Box<dyn Connection>, Vec<SettingProblem>> {
        let mut problems = Vec::new();
        let path = settings["account"].as_str().map(str::to_owned);
        if path.is_none() {
            problems.push(problem("account", "it is not a text", "give what follows the name in the path"));
        }
        let role = settings.get("role").map_or(Some("channel"), Value::as_str);
        if !matches!(role, Some("crm" | "channel" | "assistant")) {
            problems.push(problem(
                "role",
                "it is neither \"crm\" nor \"channel\" nor \"assistant\"",
                "write one of them",
            ));
        }
        match path {
            Some(path) if problems.is_empty() => {
                let (is_crm, is_assistant) = (role == Some("crm"), role == Some("assistant"));
                Ok(Box::new(Account { name: name.clone(), path, is_crm, is_assistant }))
            }
            Some(_) | None => Err(problems),
        }
    }

    fn decode(&self, _: &Webhook<'_>) -> Decoded {
        Decoded::default()
    }

    fn learn(&self, _: &str, _: &RecordedReply) -> Decoded {
        Decoded::default()
    }

    fn simulator(&self, _: &SimulatedAccount<'_>) -> Result<Box<dyn Simulator>, Vec<SettingProblem>> {
        Err(vec![problem("platform", "there is no such platform", "simulate another")])
    }
}

impl Connection for Account {
    fn traits(&self) -> Traits {
        let can = Abilities::NONE;
        Traits {
            first_contact: FirstContact::WriteUnderOurId,
            can_look_up: false,
            wants_delivery: self.is_crm,
            can,
            tells: Tells::USUAL,
        }
    }

    fn is_assistant(&self) -> bool {
        self.is_assistant
    }

    fn verify(&self, request: &InboundRequest<'_>, secrets: &Secrets) -> Result<Verified, Rejection> {
        let proof = request.header("x-proof").ok_or(Rejection::Unproven)?;
        if !secrets.get(WEBHOOK_SECRET).is_some_and(|secret| secret.matches(proof)) {
            return Err(Rejection::Forged);
        }
        if request.tail != self.path {
            return Err(Rejection::Misdirected);
        }
        let content_type = request.header("content-type").map(|value| String::from_utf8_lossy(value).into_owned());
        let headers = content_type.map(|value| ("content-type".to_owned(), value)).into_iter().collect();
        let sent_at = request.header("x-sent-at").and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        let verified = Verified::new(EventId::derived(&[self.name.as_str().as_bytes(), request.body]), headers)
            .said_at_proven(sent_at.map(Timestamp::from_millis));
        Ok(match request.body.strip_prefix(CREDENTIAL) {
            Some(rest) => verified.recording(rest.to_vec()),
            None => verified,
        })
    }

    fn encode(&self, _: &Intent) -> Result<Call, Unencodable> {
        Err(Unencodable { reason: "there is nobody there".to_owned() })
    }

    fn authorise(&self, request: Request, _: &Secrets, _: Timestamp) -> Request {
        request
    }

    fn classify(&self, _: &str, _: Reply<'_>, _: Timestamp, _: std::time::Duration) -> Outcome {
        Outcome::Uncertain { until: None, reason: "there is nobody there".to_owned() }
    }

    fn recourse(&self, _: &Intent) -> Recourse {
        Recourse::AskPerson
    }

    fn probe(&self, _: &Intent, _: &Known) -> Option<Call> {
        None
    }

    fn judge(&self, _: &Intent, _: &Known, _: &str, _: Reply<'_>, _: Timestamp) -> Judgement {
        Outcome::Uncertain { until: None, reason: "there is nobody there".to_owned() }.into()
    }

    fn class_of(&self, _: &'static str, _: AttemptKind) -> &'static str {
        "any"
    }

    fn class_of_call(&self, _: &str) -> Option<&'static str> {
        Some("any")
    }

    fn limits(&self) -> Vec<Limit> {
        Vec::new()
    }

    fn base_url(&self) -> &str {
        "http://127.0.0.1:9"
    }
}

fn problem(key: &str, reason: &str, remedy: &str) -> SettingProblem {
    SettingProblem { key: key.to_owned(), reason: reason.to_owned(), remedy: remedy.to_owned() }
}
