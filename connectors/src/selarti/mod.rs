//! Selarti: an artificial assistant that answers clients, and hands a dialogue to an operator when it should.
//!
//! This file introduces the platform and joins its questions to the files that answer them. Sections named in
//! comments, such as (6.1), are those of the Selarti contract. A client's words are given to Selarti; what it or its
//! operators answer comes back by webhook, with how the dialogue stands. Deliberately absent: files (Selarti takes none),
//! outbound tasks, and telling Selarti to be silent, for which it has no call (7).
//!
//! Its role in a route is the assistant's: what a client writes in the channel becomes its one call, and a dialogue is
//! known there by our id of it. One account may assist several routes.

mod classify;
mod contacts;
mod decode;
mod encode;
mod ids;
mod learn;
mod limits;
mod mend;
mod settings;
mod sign_in;
mod simulate;
mod verify;
mod wire;
mod wording;

use std::time::Duration;

use chatledger_projections::configuration::{Abilities, FirstContact, Tells, Traits};
use chatledger_projections::event::RecordedReply;
use chatledger_projections::files::FileRules;
use chatledger_projections::ids::ConnectionName;
use chatledger_projections::intent::Intent;
use chatledger_projections::outcome::{AttemptKind, Outcome, Recourse};
use chatledger_projections::time::Timestamp;

use crate::connector::{
    Call, Connection, Connector, Decoded, InboundRequest, Judgement, Known, Limit, Pass, Rejection, Reply, Request,
    Secrets, Setting, SettingProblem, SignIn, SimulatedAccount, Unencodable, Verified, Webhook,
};
use crate::simulator::Simulator;
use settings::Settings;

/// The one call that intents become: "send external message" (5).
const SEND: &str = "send_external_message";

/// The platform.
#[derive(Clone, Copy, Debug)]
pub struct Selarti;

impl Connector for Selarti {
    fn platform(&self) -> &'static str {
        "selarti"
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

/// One task at Selarti.
#[derive(Debug)]
struct Account {
    name: ConnectionName,
    settings: Settings,
}

impl Connection for Account {
    /// An assistant answers; it neither opens dialogues by number nor hears where its words stand.
    fn traits(&self) -> Traits {
        let can = Abilities::NONE;
        Traits {
            first_contact: FirstContact::ClientOnly,
            can_look_up: false,
            wants_delivery: false,
            can,
            tells: Tells::USUAL,
        }
    }

    fn is_assistant(&self) -> bool {
        true
    }

    fn takes_only_numbers(&self) -> bool {
        self.settings.chat_id_as_number
    }

    /// By what method it tells us is not documented (6, transport).
    fn tells_by_get(&self) -> bool {
        true
    }

    fn verify(&self, request: &InboundRequest<'_>, secrets: &Secrets) -> Result<Verified, Rejection> {
        verify::verify(&self.name, &self.settings, request, secrets)
    }

    fn files(&self) -> FileRules {
        limits::files(&self.settings)
    }

    fn encode(&self, intent: &Intent) -> Result<Call, Unencodable> {
        encode::encode(&self.settings, intent)
    }

    fn authorise(&self, request: Request, secrets: &Secrets, _now: Timestamp) -> Request {
        sign_in::authorise(request, secrets)
    }

    fn sign_in(&self) -> Option<&dyn SignIn> {
        Some(self)
    }

    fn classify(&self, call: &str, reply: Reply<'_>, now: Timestamp, tried_for: Duration) -> Outcome {
        classify::classify(call, reply, now, tried_for)
    }

    fn recourse(&self, intent: &Intent) -> Recourse {
        classify::recourse(intent)
    }

    fn tells_within(&self) -> Duration {
        classify::ECHOED_WITHIN
    }

    fn probe(&self, _: &Intent, _: &Known) -> Option<Call> {
        // Selarti has no call that reads (7).
        None
    }

    fn judge(&self, _: &Intent, _: &Known, _: &str, _: Reply<'_>, _: Timestamp) -> Judgement {
        Outcome::Uncertain { until: None, reason: "Selarti cannot be asked".to_owned() }.into()
    }

    fn class_of(&self, _: &'static str, _: AttemptKind) -> &'static str {
        limits::CALLS
    }

    fn class_of_call(&self, _: &str) -> Option<&'static str> {
        Some(limits::CALLS)
    }

    fn limits(&self) -> Vec<Limit> {
        limits::of(&self.settings)
    }

    fn base_url(&self) -> &str {
        &self.settings.base_url
    }
}

impl SignIn for Account {
    fn host_url(&self) -> &str {
        &self.settings.auth_url
    }

    fn request(&self, secrets: &Secrets) -> Request {
        sign_in::request(secrets)
    }

    fn pass(&self, reply: Reply<'_>, now: Timestamp) -> Result<Pass, Outcome> {
        sign_in::pass(reply, now)
    }
}
