//! One attempt, from the decision to make it to its outcome. Pure; who calls it does the sending and the recording.
//!
//! The protocol: `AttemptStarted` is on record before anything leaves the house; the request leaves; what comes back,
//! or does not, is sorted by what it proves; `AttemptSettled` is on record. An attempt whose effect is in doubt is
//! followed by whatever the connector says may be done: again, ask first, or leave it to a person.

use std::time::Duration;

use chatledger_connectors::connector::{Call, Known, Reply};
use chatledger_projections::event::{AttemptSettled, AttemptStarted, RecordedReply};
use chatledger_projections::fact::{Fact, Failure, FailureKind};
use chatledger_projections::ids::{ConnectionName, IntentId, ThreadId};
use chatledger_projections::intent::Intent;
use chatledger_projections::outcome::{AttemptKind, Outcome, Recourse};
use chatledger_projections::time::Timestamp;

use super::circuit::NO_CALL;
use crate::config::Account;

/// An attempt that is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Departure {
    /// Of which intent.
    pub intent: IntentId,
    /// In which dialogue.
    pub thread: ThreadId,
    /// At which connection.
    pub connection: ConnectionName,
    /// The how-manieth attempt this will be, from one.
    pub attempt: u32,
    /// The class of calls under whose limit it has its place: an estimate until it is planned.
    pub class: &'static str,
    /// When the intent was raised.
    pub raised_at: Timestamp,
    /// If an earlier attempt may have taken effect: what is known about it.
    pub doubt: Option<Known>,
}

/// What an attempt will do.
#[derive(Clone, PartialEq, Debug)]
pub enum Plan {
    /// Its call falls under the limit of another class than estimated: nothing may be recorded or sent before it has a
    /// place there; see [`crate::dispatch::Dispatcher::permit`].
    Elsewhere {
        /// Which class.
        class: &'static str,
    },
    /// Record that it starts, and make the call.
    Call {
        /// What to record first.
        started: AttemptStarted,
        /// The request, without credentials.
        call: Call,
    },
    /// Nothing can be sent: record the start and the end at once.
    End {
        /// What to record first.
        started: AttemptStarted,
        /// What to record then.
        settled: AttemptSettled,
    },
}

/// Plans an attempt at an intent. `now` is when it would leave the house.
pub fn plan(departure: &Departure, intent: &Intent, account: &Account, now: Timestamp) -> Plan {
    let connection = &account.connection;
    if intent.expires_at().is_some_and(|expires| now >= expires) {
        let reason = "it was over before it could be shown".to_owned();
        return departure.end(AttemptKind::Act, account, Failure { kind: FailureKind::Other, reason });
    }
    let planned = match &departure.doubt {
        None => Ok((AttemptKind::Act, connection.encode(intent))),
        Some(known) => match connection.recourse(intent) {
            Recourse::RetrySafely => Ok((AttemptKind::Act, connection.encode(intent))),
            Recourse::ProbeFirst => match connection.probe(intent, known) {
                Some(call) => Ok((AttemptKind::Probe, Ok(call))),
                None => Err(left_to_a_person()),
            },
            Recourse::ListenFirst if known.heard => return departure.heard(account),
            Recourse::ListenFirst => Ok((AttemptKind::Act, connection.encode(intent))),
            Recourse::AskPerson => Err(left_to_a_person()),
        },
    };
    match planned {
        Ok((_, Ok(call))) if call.class != departure.class => Plan::Elsewhere { class: call.class },
        Ok((kind, Ok(call))) => Plan::Call { started: departure.started(kind, call.name), call },
        Ok((kind, Err(unencodable))) => {
            let failure = Failure { kind: FailureKind::Other, reason: unencodable.reason };
            departure.end(kind, account, failure)
        }
        Err(failure) => departure.end(AttemptKind::Probe, account, failure),
    }
}

/// Sorts what came back from an attempt. `now` is when it came.
pub fn conclude(
    departure: &Departure,
    started: &AttemptStarted,
    intent: &Intent,
    account: &Account,
    reply: Reply<'_>,
    now: Timestamp,
    give_up_after: Duration,
) -> AttemptSettled {
    let tried_for = now.since(departure.raised_at);
    let (outcome, findings) = match started.kind {
        AttemptKind::Act => {
            let outcome = account.connection.classify(&started.call, reply, now, tried_for);
            (if departure.doubt.is_some() { doubted(outcome) } else { outcome }, Vec::new())
        }
        AttemptKind::Probe => {
            let known = departure.doubt.clone().unwrap_or_default();
            account.connection.judge(intent, &known, &started.call, reply, now)
        }
    };
    let outcome = if intent.expires_at().is_some() { tried_once(outcome) } else { outcome };
    let outcome = if tried_for >= give_up_after { given_up(outcome, tried_for) } else { outcome };
    let reply = match reply {
        Reply::Answered(answer) => Some(answer.clone()),
        Reply::NotSent(_) | Reply::NoAnswer(_) => None,
    };
    departure.settled(started, account, outcome, reply, findings)
}

/// The end of an attempt whose call could not be made, because the platform gave no pass for it. Nothing was sent.
pub fn turned_away(
    departure: &Departure,
    started: &AttemptStarted,
    account: &Account,
    outcome: Outcome,
    now: Timestamp,
    give_up_after: Duration,
) -> AttemptSettled {
    let tried_for = now.since(departure.raised_at);
    // A question that could not be asked leaves open what it was to find out.
    let outcome = match (started.kind, outcome) {
        (AttemptKind::Probe, Outcome::Postponed { reason, .. }) => Outcome::Uncertain { reason },
        (_, outcome) if departure.doubt.is_some() => doubted(outcome),
        (_, outcome) => outcome,
    };
    let outcome = if tried_for >= give_up_after { given_up(outcome, tried_for) } else { outcome };
    departure.settled(started, account, outcome, None, Vec::new())
}

/// The end of an attempt that the engine itself did not live to see.
pub fn interrupted(departure: &Departure, started: &AttemptStarted, account: &Account) -> AttemptSettled {
    let reason = "the engine stopped before an answer came".to_owned();
    departure.settled(started, account, Outcome::Uncertain { reason }, None, Vec::new())
}

/// What is neither done nor refused for too long is given up, visibly.
fn given_up(outcome: Outcome, tried_for: Duration) -> Outcome {
    let reason = match outcome {
        Outcome::Accepted | Outcome::Refused { .. } => return outcome,
        Outcome::Postponed { reason, .. } => reason,
        Outcome::Uncertain { reason } => format!("{reason}; it may have been done"),
    };
    let reason = format!("given up after {} minutes: {reason}", tried_for.as_secs() / 60);
    Outcome::Refused { failure: Failure { kind: FailureKind::Internal, reason } }
}

/// What passes by itself is not tried a second time, whatever became of the first.
fn tried_once(outcome: Outcome) -> Outcome {
    let reason = match outcome {
        Outcome::Accepted | Outcome::Refused { .. } => return outcome,
        Outcome::Postponed { reason, .. } | Outcome::Uncertain { reason } => reason,
    };
    let reason = format!("not tried again, for it is soon over: {reason}");
    Outcome::Refused { failure: Failure { kind: FailureKind::Other, reason } }
}

/// A refusal after an attempt that may have been accepted may only mean that the platform has it already; how amoCRM
/// answers a repeated message id is not known (contract, 7). People are told both.
fn doubted(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Refused { failure: Failure { kind, reason } } => {
            let reason = format!("{reason}; but an earlier attempt, of which no answer came, may have been accepted");
            Outcome::Refused { failure: Failure { kind, reason } }
        }
        Outcome::Accepted | Outcome::Postponed { .. } | Outcome::Uncertain { .. } => outcome,
    }
}

fn left_to_a_person() -> Failure {
    let reason =
        "the platform did not say whether it took this, and cannot be asked; look there before sending it again";
    Failure { kind: FailureKind::Internal, reason: reason.to_owned() }
}

impl Departure {
    /// The record of the start of this attempt.
    pub fn started(&self, kind: AttemptKind, call: &str) -> AttemptStarted {
        AttemptStarted { intent_id: self.intent, attempt: self.attempt, kind, call: call.to_owned(), engine: None }
    }

    fn end(&self, kind: AttemptKind, account: &Account, failure: Failure) -> Plan {
        let started = self.started(kind, NO_CALL);
        let settled = self.settled(&started, account, Outcome::Refused { failure }, None, Vec::new());
        Plan::End { started, settled }
    }

    /// What was in doubt has been heard back: it was done.
    fn heard(&self, account: &Account) -> Plan {
        let started = self.started(AttemptKind::Probe, "none");
        let settled = self.settled(&started, account, Outcome::Accepted, None, Vec::new());
        Plan::End { started, settled }
    }

    fn settled(
        &self,
        started: &AttemptStarted,
        account: &Account,
        outcome: Outcome,
        reply: Option<RecordedReply>,
        findings: Vec<Fact>,
    ) -> AttemptSettled {
        AttemptSettled {
            intent_id: self.intent,
            attempt: self.attempt,
            kind: started.kind,
            connection: self.connection.clone(),
            platform: account.connector.platform().to_owned(),
            call: started.call.clone(),
            outcome,
            reply,
            findings,
        }
    }
}
