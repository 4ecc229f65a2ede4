//! One attempt, from the decision to make it to its outcome. Pure; who calls it does the sending and the recording.
//!
//! The protocol: `AttemptStarted` is on record before anything leaves the house; the request leaves; what comes back,
//! or does not, is sorted by what it proves; `AttemptSettled` is on record. An attempt whose effect is in doubt is
//! followed by whatever the connector says may be done: again, ask first, or leave it to a person.

use std::collections::BTreeMap;
use std::time::Duration;

use chatledger_connectors::connector::{Call, FETCH, Judgement, Known, Reply, Unencodable};
use chatledger_projections::assistance::Reason;
use chatledger_projections::clocks::{Around, Placed, Reading};
use chatledger_projections::content::File;
use chatledger_projections::event::{AttemptSettled, AttemptStarted, RecordedReply};
use chatledger_projections::fact::{Fact, Failure, FailureKind};
use chatledger_projections::files::{Filed, Links, Need, Stored, clean, equipped, next, places};
use chatledger_projections::ids::{ConnectionName, IntentId, ThreadId};
use chatledger_projections::intent::{Intent, SendMessage};
use chatledger_projections::outcome::{AttemptKind, Outcome, Recourse};
use chatledger_projections::time::Timestamp;

use super::circuit::NO_CALL;
use crate::config::Account;
use crate::media::ended::{self, FetchError};
use crate::media::offer::Offer;

/// An attempt that is due.
#[derive(Clone, PartialEq, Debug)]
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
    /// When it was given its place under the limit.
    pub placed_at: Timestamp,
    /// When the intent was raised.
    pub raised_at: Timestamp,
    /// If an earlier attempt may have taken effect: what is known about it.
    pub doubt: Option<Known>,
    /// What was heard of the time around it.
    pub around: Around,
    /// What is known of the message's files, by their places.
    pub files: BTreeMap<u32, Filed>,
    /// Why nobody wants it any more, if so.
    pub unwanted: Option<Reason>,
}

/// What of the surroundings decides how files go.
#[derive(Clone, Copy, Debug, Default)]
pub struct Carriage<'a> {
    /// How long the links live under which the files came.
    pub links: Links,
    /// Where we show files ourselves, if anywhere.
    pub offer: Option<&'a Offer>,
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
    /// Record that it starts, and fetch a file; nothing is sent.
    Fetch {
        /// What to record first.
        started: AttemptStarted,
        /// Which file.
        file: File,
        /// The largest that its receiver takes, in bytes.
        most: Option<u64>,
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
pub fn plan(departure: &Departure, intent: &Intent, account: &Account, carriage: Carriage<'_>, now: Timestamp) -> Plan {
    let connection = &account.connection;
    if intent.expires_at().is_some_and(|expires| now >= expires) {
        let reason = "it was over before it could be shown".to_owned();
        return departure.end(AttemptKind::Act, account, Failure { kind: FailureKind::Other, reason });
    }
    // What may have been done already is brought to an end as ever: it is there, or it is not.
    if let (Some(reason), None) = (departure.unwanted, &departure.doubt) {
        let reason = format!("not sent, for the assistant is silent here: {}", reason.label());
        return departure.end(AttemptKind::Act, account, Failure { kind: FailureKind::Other, reason });
    }
    let equipped = departure.equipped(intent, account, carriage);
    let intent = &equipped;
    let planned = match &departure.doubt {
        None => act(departure, intent, account, carriage),
        Some(known) => match connection.recourse(intent) {
            Recourse::RetrySafely if known.refusal.is_some() => match connection.probe(intent, known) {
                Some(call) => Step::Call(AttemptKind::Probe, Ok(call)),
                None => Step::End(AttemptKind::Probe, left_to_a_person()),
            },
            Recourse::RetrySafely => act(departure, intent, account, carriage),
            Recourse::ProbeFirst => match connection.probe(intent, known) {
                Some(call) => Step::Call(AttemptKind::Probe, Ok(call)),
                None => Step::End(AttemptKind::Probe, left_to_a_person()),
            },
            Recourse::ListenFirst if known.heard => return departure.heard(account),
            Recourse::ListenFirst => act(departure, intent, account, carriage),
            Recourse::AskPerson => Step::End(AttemptKind::Probe, left_to_a_person()),
        },
    };
    match planned {
        Step::Call(_, Ok(call)) if call.class != departure.class => Plan::Elsewhere { class: call.class },
        Step::Call(kind, Ok(call)) => Plan::Call { started: departure.started(kind, call.name), call },
        Step::Call(kind, Err(unencodable)) => {
            let failure = Failure { kind: FailureKind::Other, reason: unencodable.reason };
            departure.end(kind, account, failure)
        }
        Step::Fetch(place, file, most) => {
            Plan::Fetch { started: departure.started(AttemptKind::Prepare { file: place }, FETCH), file, most }
        }
        Step::End(kind, failure) => departure.end(kind, account, failure),
    }
}

/// What an attempt does, before it is looked at whether it has a place.
enum Step {
    Call(AttemptKind, Result<Call, Unencodable>),
    Fetch(u32, File, Option<u64>),
    End(AttemptKind, Failure),
}

/// The next step towards making an intent true: a file is fetched, or given to the platform, or the message is sent.
fn act(departure: &Departure, intent: &Intent, account: &Account, carriage: Carriage<'_>) -> Step {
    let connection = &account.connection;
    let Some(message) = intent.message() else { return Step::Call(AttemptKind::Act, connection.encode(intent)) };
    let rules = connection.files();
    match next(message, &rules, carriage.keeps(), &departure.files) {
        Need::Nothing => Step::Call(AttemptKind::Act, connection.encode(intent)),
        Need::Refuse(failure) => Step::End(AttemptKind::Act, failure),
        Need::Fetch { file: place } => match file_at(message, place) {
            Some(file) => Step::Fetch(place, file.clone(), rules.max_bytes),
            None => Step::Call(AttemptKind::Act, connection.encode(intent)),
        },
        Need::Upload { file: place } => match file_at(message, place) {
            Some(file) => Step::Call(AttemptKind::Prepare { file: place }, connection.upload(message, file)),
            None => Step::Call(AttemptKind::Act, connection.encode(intent)),
        },
    }
}

pub(crate) fn file_at(message: &SendMessage, place: u32) -> Option<&File> {
    places(&message.content).find(|(known, _)| *known == place).map(|(_, file)| file)
}

/// Sorts what came of fetching a file. `now` is when it came or did not.
pub fn conclude_fetch(
    departure: &Departure,
    started: &AttemptStarted,
    account: &Account,
    ended: Result<Stored, FetchError>,
    now: Timestamp,
    patience: Duration,
) -> AttemptSettled {
    let (outcome, findings) = ended::sort(ended, departure.attempt, now.since(departure.raised_at), patience);
    departure.settled(started, account, outcome, None, findings)
}

/// Sorts what came back from an attempt. `now` is when it came.
#[allow(clippy::too_many_arguments)] // One attempt's whole situation; a struct for it would be used once.
pub fn conclude(
    departure: &Departure,
    started: &AttemptStarted,
    intent: &Intent,
    account: &Account,
    carriage: Carriage<'_>,
    reply: Reply<'_>,
    now: Timestamp,
    give_up_after: Duration,
) -> AttemptSettled {
    let tried_for = now.since(departure.raised_at);
    let (outcome, findings, refusal, page) = match started.kind {
        AttemptKind::Act => {
            let outcome = account.connection.classify(&started.call, reply, now, tried_for);
            let can_be_asked = |known: &Known| account.connection.probe(intent, known).is_some();
            let (outcome, refusal) = match &departure.doubt {
                Some(known) => looked_into(outcome, can_be_asked(known)),
                None => (outcome, None),
            };
            (outcome, Vec::new(), refusal, None)
        }
        AttemptKind::Prepare { .. } => {
            (prepared(account.connection.classify(&started.call, reply, now, tried_for)), Vec::new(), None, None)
        }
        AttemptKind::Probe => {
            let intent = &departure.equipped(intent, account, carriage);
            let mut known = departure.doubt.clone().unwrap_or_default();
            let reading = read_clock(reply, now);
            let Placed { earliest, over_for } = departure.around.placed(known.attempted_at, now, reading.as_ref());
            // From here on by the platform's clock.
            known.attempted_at = earliest;
            let Judgement { outcome, facts, page } =
                account.connection.judge(intent, &known, &started.call, reply, over_for);
            // What is learnt of the message is one thing, how the platform wants to be asked another.
            let as_call = account.connection.classify(&started.call, reply, now, tried_for);
            let page = page.or_else(|| still_to_read(known.page, &as_call));
            (rested(unanswerable(outcome, known.refusal), &as_call), facts, None, page)
        }
    };
    let outcome = if intent.expires_at().is_some() { tried_once(outcome) } else { outcome };
    let is_ready = matches!((started.kind, &outcome), (AttemptKind::Prepare { .. }, Outcome::Accepted));
    let outcome = if tried_for >= give_up_after && !is_ready { given_up(outcome, tried_for) } else { outcome };
    let reply = match reply {
        Reply::Answered(answer) => Some(answer.clone()),
        Reply::NotSent(_) | Reply::NoAnswer(_) => None,
    };
    let refusal = refusal.filter(|_| !outcome.is_final());
    let page = page.filter(|_| !outcome.is_final());
    AttemptSettled { refusal, page, ..departure.settled(started, account, outcome, reply, findings) }
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
        (AttemptKind::Probe, Outcome::Postponed { until, reason }) => Outcome::Uncertain { until, reason },
        (_, outcome) if departure.doubt.is_some() => doubted(outcome),
        (_, outcome) => outcome,
    };
    let outcome = if tried_for >= give_up_after { given_up(outcome, tried_for) } else { outcome };
    departure.settled(started, account, outcome, None, Vec::new())
}

/// The end of an attempt whose call was not made although its start is on record: the engine was told to stop while the
/// call waited for a further place. Nothing was sent.
pub fn held_back(departure: &Departure, started: &AttemptStarted, account: &Account) -> AttemptSettled {
    let reason = "the engine stopped before the call could leave".to_owned();
    let outcome = match started.kind {
        AttemptKind::Act | AttemptKind::Prepare { .. } => Outcome::Postponed { until: None, reason },
        // What it was to find out is as open as before.
        AttemptKind::Probe => Outcome::Uncertain { until: None, reason },
    };
    let started = AttemptStarted { call: NO_CALL.to_owned(), ..started.clone() };
    departure.settled(&started, account, outcome, None, Vec::new())
}

/// The end of an attempt that the engine itself did not live to see.
pub fn interrupted(departure: &Departure, started: &AttemptStarted, account: &Account) -> AttemptSettled {
    let reason = "the engine stopped before an answer came".to_owned();
    let outcome = match started.kind {
        AttemptKind::Act | AttemptKind::Probe => Outcome::Uncertain { until: None, reason },
        AttemptKind::Prepare { .. } => Outcome::Postponed { until: None, reason },
    };
    departure.settled(started, account, outcome, None, Vec::new())
}

/// What the answer itself says of the time.
fn read_clock(reply: Reply<'_>, now: Timestamp) -> Option<Reading> {
    match reply {
        Reply::Answered(answer) => Reading::of(answer, now),
        Reply::NotSent(_) | Reply::NoAnswer(_) => None,
    }
}

/// A page that was not shown for want of time is asked for again; what the platform does not know any more is looked for from
/// the first page on.
fn still_to_read(page: Option<String>, as_call: &Outcome) -> Option<String> {
    match as_call {
        Outcome::Postponed { .. } | Outcome::Uncertain { .. } => page,
        Outcome::Accepted | Outcome::Refused { .. } => None,
    }
}

/// What is neither done nor refused for too long is given up, visibly.
fn given_up(outcome: Outcome, tried_for: Duration) -> Outcome {
    let reason = match outcome {
        Outcome::Accepted | Outcome::Refused { .. } => return outcome,
        Outcome::Postponed { reason, .. } => reason,
        Outcome::Uncertain { reason, until: _ } => format!("{reason}; it may have been done"),
    };
    let reason = format!("given up after {} minutes: {reason}", tried_for.as_secs() / 60);
    Outcome::Refused { failure: Failure { kind: FailureKind::Internal, reason } }
}

/// A question that was too much for the platform is asked again when it said, not before.
fn rested(outcome: Outcome, as_call: &Outcome) -> Outcome {
    match (outcome, as_call) {
        (Outcome::Uncertain { until: None, reason }, Outcome::Postponed { until, .. }) => {
            Outcome::Uncertain { until: *until, reason }
        }
        (outcome, _) => outcome,
    }
}

/// A file given twice is seen by nobody: what is not known is done again.
fn prepared(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Uncertain { until, reason } => Outcome::Postponed { until, reason },
        Outcome::Accepted | Outcome::Refused { .. } | Outcome::Postponed { .. } => outcome,
    }
}

/// What passes by itself is not tried a second time, whatever became of the first.
fn tried_once(outcome: Outcome) -> Outcome {
    let reason = match outcome {
        Outcome::Accepted | Outcome::Refused { .. } => return outcome,
        Outcome::Postponed { reason, .. } | Outcome::Uncertain { reason, .. } => reason,
    };
    let reason = format!("not tried again, for it is soon over: {reason}");
    Outcome::Refused { failure: Failure { kind: FailureKind::Other, reason } }
}

/// A refusal after an attempt that may have been accepted may only mean that the platform has it already; how amoCRM
/// answers a repeated message id is not known (contract, 7). Where the platform can be asked, it is asked next; but not
/// while it refuses us altogether, for then it answers no question either.
fn looked_into(outcome: Outcome, can_be_asked: bool) -> (Outcome, Option<Failure>) {
    match outcome {
        Outcome::Refused { failure } if failure.kind != FailureKind::ConnectionOff && can_be_asked => {
            let reason = format!("{}; it is asked whether an earlier attempt was taken", failure.reason);
            (Outcome::Uncertain { until: None, reason }, Some(failure))
        }
        outcome => (doubted(outcome), None),
    }
}

/// A question that can never be answered leaves both to a person: the refusal, and what may have been done before it.
fn unanswerable(outcome: Outcome, refusal: Option<Failure>) -> Outcome {
    match (outcome, refusal) {
        (Outcome::Refused { failure: unknown }, Some(refusal)) => {
            let Failure { kind, reason } = in_doubt(refusal);
            let reason = format!("{reason}, and that cannot be found out: {}", unknown.reason);
            Outcome::Refused { failure: Failure { kind, reason } }
        }
        (outcome, _) => outcome,
    }
}

fn in_doubt(Failure { kind, reason }: Failure) -> Failure {
    let reason = format!("{reason}; but an earlier attempt, of which no answer came, may have been accepted");
    Failure { kind, reason }
}

/// Where nobody can be asked, people are told both.
fn doubted(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Refused { failure } => Outcome::Refused { failure: in_doubt(failure) },
        Outcome::Accepted | Outcome::Postponed { .. } | Outcome::Uncertain { .. } => outcome,
    }
}

fn left_to_a_person() -> Failure {
    let reason =
        "the platform did not say whether it took this, and cannot be asked; look there before sending it again";
    Failure { kind: FailureKind::Internal, reason: reason.to_owned() }
}

impl Carriage<'_> {
    /// Whether a file must lie with us even where a link would do.
    fn keeps(&self) -> bool {
        self.offer.is_some() && self.links == Links::Passing
    }
}

/// How long after it was given its place a call may still leave. A start is on record within milliseconds; while the log
/// refuses, it may take minutes, and whoever waited must not leave together with all who waited and all who come after.
const PLACE_IS_KEPT: Duration = Duration::from_millis(100);

impl Departure {
    /// Whether a call that leaves now still has the place that it was given under the limit. If not, it needs a further
    /// one, though its start is on record.
    pub fn has_its_place(&self, now: Timestamp) -> bool {
        now.since(self.placed_at) <= PLACE_IS_KEPT
    }

    /// The intent with the way each of its files goes.
    fn equipped(&self, intent: &Intent, account: &Account, carriage: Carriage<'_>) -> Intent {
        let show = |stored: &Stored, file: &File| {
            let name = clean(file, Some(&stored.media_type));
            carriage.offer.map(|offer| offer.link(stored, &name, self.raised_at))
        };
        match intent.message() {
            Some(message) => Intent::SendMessage(equipped(message, &account.connection.files(), &self.files, &show)),
            None => intent.clone(),
        }
    }

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
        let started = self.started(AttemptKind::Probe, NO_CALL);
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
            refusal: None,
            page: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_call_that_waited_for_the_log_has_lost_its_place() {
        let placed_at = Timestamp::from_millis(1_000_000);
        let departure = Departure {
            intent: IntentId::from_uuid(Uuid::from_u128(1)),
            thread: ThreadId::from_uuid(Uuid::from_u128(2)),
            connection: ConnectionName::new("pact.sales"),
            attempt: 1,
            class: "send",
            placed_at,
            raised_at: placed_at,
            unwanted: None,
            doubt: None,
            around: Around::default(),
            files: BTreeMap::new(),
        };
        assert!(departure.has_its_place(placed_at) && departure.has_its_place(placed_at + PLACE_IS_KEPT));
        assert!(!departure.has_its_place(placed_at + PLACE_IS_KEPT + Duration::from_millis(1)));
    }

    #[test]
    fn a_question_keeps_the_wait_that_the_platform_named() {
        let until = Some(Timestamp::from_millis(1_000_000));
        let unanswered = Outcome::Uncertain { until: None, reason: "429".to_owned() };
        let busy = Outcome::Postponed { until, reason: "429".to_owned() };
        assert_eq!(rested(unanswered, &busy), Outcome::Uncertain { until, reason: "429".to_owned() });
        assert_eq!(rested(Outcome::Accepted, &busy), Outcome::Accepted, "what was found is found");
    }
}
