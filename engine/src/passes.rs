//! Passes: what calls carry instead of a secret, at platforms that exchange the one for the other.
//!
//! Takes an account and gives its secrets with a pass among them that is still good. A pass is asked for when there is
//! none, by one caller at a time while the others wait for it; it lives in memory alone. Neither the exchange nor the pass
//! is ever recorded or logged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chatledger_connectors::connector::{Pass, Reply, Secret, Secrets, SignIn};
use chatledger_projections::event::RecordedReply;
use chatledger_projections::ids::ConnectionName;
use chatledger_projections::outcome::Outcome;
use tracing::{debug, warn};

use crate::clock::Clock;
use crate::config::Account;
use crate::http::{Http, NoReply};
use crate::redaction::without_secrets;

/// The passes of all accounts.
#[derive(Clone, Debug, Default)]
pub struct Passes {
    // The inner lock is held while a pass is asked for, so that a hundred calls ask once.
    of: Arc<Mutex<BTreeMap<ConnectionName, Slot>>>,
}

type Slot = Arc<tokio::sync::Mutex<Option<Pass>>>;

impl Passes {
    /// The account's secrets, with a pass among them if its platform wants one; or the outcome of an attempt that cannot be
    /// made without.
    pub async fn secrets(
        &self,
        name: &ConnectionName,
        account: &Account,
        http: &Http,
        clock: &dyn Clock,
    ) -> Result<Secrets, Outcome> {
        let mut secrets = account.secrets.clone();
        let Some(sign_in) = account.connection.sign_in() else { return Ok(secrets) };
        let slot = self.slot(name);
        let mut slot = slot.lock().await;
        let good = slot.as_ref().filter(|pass| clock.now() < pass.until).cloned();
        let pass = match good {
            Some(pass) => pass,
            None => {
                let pass = ask(sign_in, &account.secrets, http, clock)
                    .await
                    .inspect_err(|outcome| warn!(connection = %name, outcome = outcome.label(), "signing in failed"))?;
                debug!(connection = %name, "signed in");
                slot.insert(pass).clone()
            }
        };
        secrets.insert(pass.key, pass.secret);
        Ok(secrets)
    }

    /// A call that carried these secrets was turned away: their pass is not good any more. A newer one that somebody else
    /// has got meanwhile stays.
    pub async fn spoil(&self, name: &ConnectionName, carried: &Secrets) {
        let slot = self.slot(name);
        let mut slot = slot.lock().await;
        let is_it = |pass: &Pass| carried.get(pass.key).map(Secret::reveal) == Some(pass.secret.reveal());
        if slot.as_ref().is_some_and(is_it) {
            *slot = None;
        }
    }

    fn slot(&self, name: &ConnectionName) -> Slot {
        // Nothing is ever half done within.
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        of.entry(name.clone()).or_default().clone()
    }
}

async fn ask(sign_in: &dyn SignIn, secrets: &Secrets, http: &Http, clock: &dyn Clock) -> Result<Pass, Outcome> {
    let (url, request) = (sign_in.host_url().to_owned(), sign_in.request(secrets));
    let answer: Result<RecordedReply, NoReply> = http.send(&url, request).await;
    let answer = answer.map(|reply| without_secrets(reply, secrets));
    let reply = match &answer {
        Ok(answer) => Reply::Answered(answer),
        Err(NoReply::NotSent(why)) => Reply::NotSent(why),
        Err(NoReply::NoAnswer(why)) => Reply::NoAnswer(why),
    };
    sign_in.pass(reply, clock.now())
}
