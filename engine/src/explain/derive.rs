//! What is derived again from the log: the request of an attempt, and its outcome.
//!
//! Takes a configuration as it was recorded, an attempt as the dispatcher would have it made, and the intent; asks the
//! connector the same questions as when it was made. Credentials are absent: they are not in the log.

use std::collections::BTreeMap;
use std::time::Duration;

use chatledger_connectors as connectors;
use chatledger_connectors::connector::{FormPart, Secrets};
use chatledger_projections::bytes::Bytes;
use chatledger_projections::configuration::Configuration;
use chatledger_projections::event::{AttemptStarted, IntentRaised};
use chatledger_projections::outcome::AttemptKind;
use chatledger_projections::time::Timestamp;
use serde::Serialize;

use crate::config::Account;
use crate::dispatch::attempt::{Carriage, Departure, Plan, plan};
use crate::media::offer::Offer;

/// What an attempt sends, without credentials.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Derived {
    /// A request to the platform.
    Request {
        /// The method.
        method: &'static str,
        /// Where it goes.
        url: String,
        /// The headers, without those that prove who we are.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<&'static str, String>,
        /// The body.
        body: Bytes,
        /// The parts of a form that is sent instead.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        form: Vec<String>,
    },
    /// A file is fetched.
    Fetch {
        /// From where.
        url: String,
    },
    /// Nothing is sent.
    Nothing,
}

/// An account as it was configured, without its secrets: they are not recorded. `None` if it was not configured, or if
/// no connector of this program takes its settings.
pub(super) fn account(configuration: &Configuration, raised: &IntentRaised) -> Option<Account> {
    let recorded = configuration.connections.get(&raised.connection)?;
    let connector = connectors::named(&recorded.platform)?;
    let connection = connector.connect(&raised.connection, &recorded.settings).ok()?;
    let settings = recorded.settings.clone();
    Some(Account { connector, connection: connection.into(), secrets: Secrets::default(), settings })
}

/// How the files of an intent go, as far as the log tells.
pub(super) fn carriage<'a>(
    configuration: &Configuration,
    raised: &IntentRaised,
    offer: Option<&'a Offer>,
) -> Carriage<'a> {
    let source = raised.carries.as_ref().and_then(|origin| configuration.connections.get(&origin.connection));
    Carriage { links: source.map(|source| source.files.links).unwrap_or_default(), offer }
}

/// Stands for whatever links of ours there were: their address and key are no matter of the log's, and only that there
/// are any decides what an attempt does.
pub(super) fn some_offer() -> Offer {
    Offer::new(String::new(), [0; 32], Duration::ZERO)
}

/// What an attempt does if it is made at this moment, whatever class of calls it falls under.
pub(super) fn planned(
    departure: &Departure,
    raised: &IntentRaised,
    account: &Account,
    carriage: Carriage<'_>,
    now: Timestamp,
) -> Plan {
    match plan(departure, &raised.intent, account, carriage, now) {
        Plan::Elsewhere { class } => {
            let departure = Departure { class, ..departure.clone() };
            plan(&departure, &raised.intent, account, carriage, now)
        }
        planned => planned,
    }
}

/// What a recorded attempt sends; `None` if another configuration or another program would be needed to say.
pub(super) fn request(
    configuration: &Configuration,
    raised: &IntentRaised,
    departure: &Departure,
    started: Option<&AttemptStarted>,
    now: Timestamp,
) -> Option<Derived> {
    let account = account(configuration, raised)?;
    let offer = some_offer();
    [None, Some(&offer)].into_iter().find_map(|offer| {
        let carriage = carriage(configuration, raised, offer);
        let planned = planned(departure, raised, &account, carriage, now);
        let is_it = started.is_none_or(|started| does(&planned) == Some((started.kind, &started.call)));
        is_it.then(|| shown(planned, &account)).flatten()
    })
}

/// What a plan does, and by which call.
pub(super) fn does(plan: &Plan) -> Option<(AttemptKind, &str)> {
    match plan {
        Plan::Elsewhere { .. } => None,
        Plan::Call { started, .. } | Plan::Fetch { started, .. } | Plan::End { started, .. } => {
            Some((started.kind, &started.call))
        }
    }
}

fn shown(plan: Plan, account: &Account) -> Option<Derived> {
    match plan {
        Plan::Elsewhere { .. } => None,
        Plan::Call { call, .. } => {
            let url = format!("{}{}", account.connection.base_url(), call.request.target());
            let form = call.request.form.iter().map(|part| match part {
                FormPart::Field { name, value } => format!("{name}: {value}"),
                FormPart::File { name, stored, file_name } => {
                    format!("{name}: the file {file_name:?}, {} bytes of {}", stored.bytes, stored.media_type)
                }
            });
            Some(Derived::Request {
                method: call.request.method,
                url,
                form: form.collect(),
                headers: call.request.headers.into_iter().collect(),
                body: Bytes(call.request.body),
            })
        }
        Plan::Fetch { file, .. } => Some(Derived::Fetch { url: file.url.unwrap_or_default() }),
        Plan::End { .. } => Some(Derived::Nothing),
    }
}
