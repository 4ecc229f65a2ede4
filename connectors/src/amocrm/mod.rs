//! amoCRM and Kommo: the Chats API of a custom channel ("amojo", version 2).
//!
//! Hooks and replies come in, facts go out; intents come in, signed requests go out. Everything the contract marks as
//! documented or observed is cited here as "contract" with its section. Deliberately absent: the CRM's own API (`/api/v4`),
//! for a chat finds its contact by the client's number (contract, 5.4), and comments under posts, for they have no place
//! in a dialogue with one client.

mod administration;
mod classify;
mod decode;
mod encode;
mod history;
mod ids;
mod limits;
mod probe;
mod settings;
mod sign;
mod simulate;
mod verify;
mod wire;

use std::time::Duration;

use chatledger_projections::configuration::{Abilities, FirstContact, Tells, Traits};
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
use crate::errands::{Administration, History};
use crate::simulator::Simulator;
use settings::Settings;

/// The platform's name.
const PLATFORM: &str = "amocrm";

/// A message shown in amo: the client's, a manager's from the messenger's own app, or the bot's.
const NEW_MESSAGE: &str = "new_message";

/// Where a message of amo's stands in the messenger.
const DELIVERY_STATUS: &str = "delivery_status";

/// A message of ours says something else.
const EDIT_MESSAGE: &str = "edit_message";

/// A reaction under a message.
const REACT: &str = "react";

/// The client is writing.
const TYPING: &str = "typing";

/// The channel is connected to the account.
const CONNECT: &str = "connect";

/// The channel is disconnected from the account.
const DISCONNECT: &str = "disconnect";

/// The messages of a chat.
const HISTORY: &str = "history";

/// A chat before its first message.
const CREATE_CHAT: &str = "create_chat";

/// The connector to amoCRM and Kommo.
#[derive(Clone, Copy, Debug)]
pub struct AmoCrm;

/// One channel connected to one account: what amo calls a scope.
#[derive(Debug)]
struct Account {
    name: ConnectionName,
    settings: Settings,
}

impl Connector for AmoCrm {
    fn platform(&self) -> &'static str {
        PLATFORM
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
        decode::hook(webhook.body)
    }

    fn learn(&self, call: &str, reply: &RecordedReply) -> Decoded {
        decode::reply(call, reply)
    }

    fn simulator(&self, account: &SimulatedAccount<'_>) -> Result<Box<dyn Simulator>, Vec<SettingProblem>> {
        let settings = Settings::parse(account.settings)?;
        let secret = settings::channel_secret(account.secrets).ok_or_else(|| vec![settings::secret_is_missing()])?;
        Ok(Box::new(simulate::Amo::new(account.name, &settings, secret)))
    }
}

impl Connection for Account {
    fn traits(&self) -> Traits {
        // There is no call that takes a message away (contract, 14.6).
        let can = Abilities { react: true, edit: true, delete: false, show_typing: true, find_usernames: false };
        Traits {
            first_contact: FirstContact::WriteUnderOurId,
            can_look_up: false,
            wants_delivery: true,
            can,
            tells: Tells::USUAL,
        }
    }

    fn verify(&self, request: &InboundRequest<'_>, secrets: &Secrets) -> Result<Verified, Rejection> {
        verify::hook(&self.name, &self.settings.scope, request, settings::channel_secret(secrets))
    }

    fn files(&self) -> FileRules {
        limits::files()
    }

    fn encode(&self, intent: &Intent) -> Result<Call, Unencodable> {
        encode::intent(&self.name, &self.settings, intent)
    }

    fn authorise(&self, request: Request, secrets: &Secrets, now: Timestamp) -> Request {
        sign::request(request, settings::channel_secret(secrets), now)
    }

    fn administration(&self) -> Option<&dyn Administration> {
        Some(self)
    }

    fn history(&self) -> Option<&dyn History> {
        Some(self)
    }

    fn classify(&self, call: &str, reply: Reply<'_>, now: Timestamp, tried_for: Duration) -> Outcome {
        classify::reply(call, reply, now, tried_for)
    }

    fn recourse(&self, intent: &Intent) -> Recourse {
        classify::recourse(intent)
    }

    fn probe(&self, intent: &Intent, known: &Known) -> Option<Call> {
        probe::probe(&self.settings, intent, known)
    }

    fn judge(&self, intent: &Intent, known: &Known, _: &str, reply: Reply<'_>, now: Timestamp) -> Judgement {
        probe::judge(intent, known, reply, now)
    }

    fn class_of(&self, _: &'static str, _: AttemptKind) -> &'static str {
        // One limit for all: what amojo counts by is unknown.
        limits::CALLS
    }

    fn class_of_call(&self, _: &str) -> Option<&'static str> {
        Some(limits::CALLS)
    }

    fn limits(&self) -> Vec<Limit> {
        limits::of(self.settings.calls_per_second)
    }

    fn base_url(&self) -> &str {
        &self.settings.base_url
    }
}
