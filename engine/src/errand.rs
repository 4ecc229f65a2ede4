//! A call that a person asks for, outside of any dialogue: made within the account's limits, and again if it may help.
//!
//! Takes a call, gives the platform's answer or says why there is none. Decides and records nothing; intents are carried
//! out by [`crate::dispatch`], which this never touches.

use std::time::Duration;

use chatledger_connectors::connector::{Call, Reply};
use chatledger_projections::event::RecordedReply;
use chatledger_projections::outcome::Outcome;
use chatledger_projections::time::Timestamp;

use crate::clock::Clock;
use crate::config::Account;
use crate::dispatch::limits::Limits;
use crate::http::{Http, NoReply};
use crate::redaction::without_secrets;

/// How often a call is made before it is given up.
const ATTEMPTS: u32 = 5;

/// The pause before the second attempt; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// A person waits for it: no longer than this at once, whatever the platform asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Makes calls to one account.
#[derive(Debug)]
pub struct Errand<'a> {
    account: &'a Account,
    http: &'a Http,
    clock: &'a dyn Clock,
    limits: Limits,
}

/// Why a call brought nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Fruitless {
    /// What the platform or the network said.
    pub reason: String,
    /// The status of the last answer, if there was one.
    pub status: Option<u16>,
}

impl<'a> Errand<'a> {
    /// For one account.
    pub fn new(account: &'a Account, http: &'a Http, clock: &'a dyn Clock) -> Self {
        Self { account, http, clock, limits: Limits::new(&account.connection.limits()) }
    }

    /// Makes a call that may be made twice without harm, until it is accepted, refused, or tried often enough.
    pub async fn run(&mut self, call: &Call) -> Result<RecordedReply, Fruitless> {
        let began = self.clock.now();
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let (outcome, reply) = self.attempt(call, began).await;
            let status = reply.as_ref().map(|reply| reply.status);
            let (reason, until) = match (outcome, reply) {
                (Outcome::Accepted, Some(reply)) => return Ok(reply),
                (Outcome::Accepted, None) => ("no answer came".to_owned(), None),
                (Outcome::Refused { failure }, _) => return Err(Fruitless { reason: failure.reason, status }),
                (Outcome::Postponed { until, reason } | Outcome::Uncertain { until, reason }, _) => (reason, until),
            };
            if attempt == ATTEMPTS {
                return Err(Fruitless { reason: format!("tried {ATTEMPTS} times: {reason}"), status });
            }
            let asked_for = until.map_or(Duration::ZERO, |until| until.since(self.clock.now()));
            tokio::time::sleep(pause.max(asked_for).min(LONGEST_PAUSE)).await;
            pause *= 2;
            attempt += 1;
        }
    }

    async fn attempt(&mut self, call: &Call, began: Timestamp) -> (Outcome, Option<RecordedReply>) {
        while let Err(later) = self.limits.permit(call.class, self.clock.now()) {
            tokio::time::sleep(later.since(self.clock.now()).max(Duration::from_millis(1))).await;
        }
        let connection = &self.account.connection;
        let request = connection.authorise(call.request.clone(), &self.account.secrets, self.clock.now());
        let answer = self.http.send(connection.base_url(), request).await;
        let answer = answer.map(|reply| without_secrets(reply, &self.account.secrets));
        let now = self.clock.now();
        let reply = match &answer {
            Ok(answer) => Reply::Answered(answer),
            Err(NoReply::NotSent(why)) => Reply::NotSent(why),
            Err(NoReply::NoAnswer(why)) => Reply::NoAnswer(why),
        };
        (connection.classify(call.name, reply, now, now.since(began)), answer.ok())
    }
}
