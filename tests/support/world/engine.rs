//! The engine at work in a world: begins, takes in, raises, sets out, settles; in the order and with the patience of
//! the task that does it over a real log.
//!
//! What is done again after the log has refused, and what is not, is written here a second time on purpose, without a
//! runtime: whoever changes the one reads the other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chatledger::config::Accounts;
use chatledger::dispatch::Dispatcher;
use chatledger::dispatch::attempt::{Carriage, Departure, Plan, conclude, conclude_fetch, plan};
use chatledger::log::AppendError;
use chatledger::pipeline::Pipeline;
use chatledger_connectors::connector::{Call, Reply, Secrets};
use chatledger_connectors::simulator::Reaction;
use chatledger_projections::attempts::Standing;
use chatledger_projections::bytes::Bytes;
use chatledger_projections::event::{AttemptSettled, AttemptStarted, Event, IntentRaised, RecordedReply};
use chatledger_projections::fact::{DeliveryState, Failure, FailureKind};
use chatledger_projections::files::Stored;
use chatledger_projections::ids::{ConnectionName, IntentId};
use chatledger_projections::intent::{Intent, ReportDelivery};
use chatledger_projections::outcome::Outcome;
use chatledger_projections::recorded::StreamName;
use chatledger_projections::time::Timestamp;

use super::ledger::Entry;
use super::mutation::Mutation;
use super::{Answer, Errand, Happens, LATENCY, LOG_PAUSE, Lived, PATIENCE, RULES, World};
use crate::ending::{Cause, Made};
use crate::script::Fate;

/// What a crash takes.
pub(super) struct Engine {
    pub(super) pipeline: Pipeline,
    dispatcher: Dispatcher,
    /// How much of the log it has taken in.
    taken: usize,
    /// What it does next.
    phase: Phase,
    /// What is to be appended before it does anything else.
    waiting: VecDeque<Entry>,
    /// The log is left alone until then.
    pausing: Option<Timestamp>,
    /// When it has something to do next.
    pub(super) wake: Option<Timestamp>,
}

/// What an engine does next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Raise what the life before did not come to.
    Outstanding,
    /// Put the configuration in force.
    Configuration,
    /// Give an end to the attempts of the life before.
    Interrupted,
    /// Take in what the log has brought, and raise what follows.
    TakeIn,
    /// Start what is due.
    Depart,
}

impl Engine {
    pub(super) fn new(accounts: &Arc<Accounts>) -> Self {
        Self {
            pipeline: Pipeline::default(),
            dispatcher: Dispatcher::new(accounts.clone(), RULES),
            taken: 0,
            phase: Phase::Outstanding,
            waiting: VecDeque::new(),
            pausing: None,
            wake: None,
        }
    }

    /// Nobody is let in before the configuration is in force.
    pub(super) fn lets_in(&self) -> bool {
        match self.phase {
            Phase::Outstanding | Phase::Configuration => false,
            Phase::Interrupted => self.waiting.is_empty(),
            Phase::TakeIn | Phase::Depart => true,
        }
    }

    pub(super) fn wake_by(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |known| known.min(at)));
    }
}

impl World<'_> {
    /// Reads the log back and begins.
    pub(super) fn start(&mut self) {
        self.agenda.forget_what_was_in_hand();
        let before = std::mem::replace(&mut self.engine, Engine::new(&self.accounts));
        let is_recalled = !self.is(Mutation::ForgetTheCallsBefore);
        let Engine { pipeline, dispatcher, .. } = &mut self.engine;
        let mut differs = false;
        for (place, recorded) in self.log.events.iter().enumerate() {
            let step = pipeline.take(recorded.clone());
            if is_recalled {
                dispatcher.recall(&step, pipeline.state());
            }
            if place + 1 == before.taken {
                differs = pipeline.state().digests() != before.pipeline.state().digests();
            }
        }
        if differs {
            self.watch.complain("a replay is what was lived", format_args!("after {} events", before.taken));
        }
        self.engine.taken = self.log.events.len();
        self.engine.wake = Some(self.now);
        self.open_the_gate();
        if before.taken > 0 {
            self.look_around();
        }
    }

    /// Does what there is to do now.
    pub(super) fn work(&mut self) -> Lived {
        self.engine.wake = None;
        if let Some(until) = self.engine.pausing.filter(|until| self.now < *until) {
            self.engine.wake_by(until);
            return Ok(());
        }
        let has_paused = self.engine.pausing.take().is_some();
        loop {
            if !self.flush()? {
                let later = self.now + LOG_PAUSE;
                self.engine.pausing = Some(later);
                self.engine.wake_by(later);
                return Ok(());
            }
            self.engine.phase = match self.engine.phase {
                Phase::Outstanding => {
                    let lost = self.is(Mutation::LoseTheOutstanding);
                    let outstanding = if lost { Vec::new() } else { self.engine.pipeline.outstanding() };
                    self.raise(outstanding);
                    Phase::Configuration
                }
                Phase::Configuration => {
                    let configuration = self.config.recorded();
                    if self.engine.pipeline.state().configuration != configuration {
                        let event = Event::ConfigurationApplied(configuration);
                        let entry = self.log.at_end_of(StreamName::configuration(), event);
                        self.engine.waiting.push_back(entry);
                    }
                    Phase::Interrupted
                }
                Phase::Interrupted => {
                    let now = self.ours();
                    let ends = self.engine.dispatcher.resume(self.engine.pipeline.state(), now);
                    if !self.is(Mutation::ForgetTheInterrupted) {
                        self.engine.waiting.extend(ends.into_iter().map(Entry::settled));
                    }
                    Phase::TakeIn
                }
                Phase::TakeIn => {
                    self.take_in();
                    Phase::Depart
                }
                Phase::Depart => {
                    self.engine.phase = Phase::TakeIn;
                    // What was stored meanwhile called, and nobody heard it.
                    if has_paused && self.engine.taken < self.log.events.len() {
                        self.engine.wake_by(self.now);
                    }
                    return self.depart_all();
                }
            };
        }
    }

    /// Appends what waits, as far as the log takes it; gives whether that is all of it. A conflict means that it stands
    /// there already. What the log has not taken holds up what comes behind it.
    fn flush(&mut self) -> Result<bool, super::Crash> {
        let mut kept = VecDeque::new();
        while let Some(entry) = self.engine.waiting.pop_front() {
            match self.append(&entry)? {
                Ok(_) | Err(AppendError::Conflict { .. } | AppendError::TooLarge { .. }) => {}
                Err(AppendError::Unknown { .. }) if self.is(Mutation::TrustTheUnknown) => {}
                Err(AppendError::Unavailable { .. } | AppendError::Unknown { .. }) => {
                    kept.push_back(entry);
                    if !self.is(Mutation::RaiseOutOfOrder) {
                        break;
                    }
                }
            }
        }
        kept.append(&mut self.engine.waiting);
        self.engine.waiting = kept;
        Ok(self.engine.waiting.is_empty())
    }

    fn take_in(&mut self) {
        let Engine { pipeline, dispatcher, taken, .. } = &mut self.engine;
        let mut follows = Vec::new();
        for recorded in &self.log.events[*taken..] {
            let step = pipeline.take(recorded.clone());
            dispatcher.see(&step, pipeline.state());
            follows.extend(step.intents.into_iter().map(Arc::unwrap_or_clone));
        }
        *taken = self.log.events.len();
        self.raise(follows);
    }

    fn raise(&mut self, intents: Vec<IntentRaised>) {
        for raised in intents {
            let late = if self.is(Mutation::LetLowerStatusThrough) { late_report(&raised) } else { None };
            self.engine.waiting.push_back(Entry::raised(raised));
            self.engine.waiting.extend(late.map(Entry::raised));
        }
    }

    // ---- attempts ----

    fn depart_all(&mut self) -> Lived {
        let hurry = if self.is(Mutation::HurryTheLimits) { Duration::from_secs(60) } else { Duration::ZERO };
        let now = self.ours() + hurry;
        let mut due = self.engine.dispatcher.due(self.engine.pipeline.state(), now);
        // At the end of time stands what waits for its own end to be seen.
        if let Some(next) = due.next.filter(|next| next.as_millis() < i64::MAX) {
            let sleep = next.since(now).max(Duration::from_millis(1));
            self.engine.wake_by(self.now + sleep);
        }
        if self.is(Mutation::ReleaseTheLaneEarly) {
            let early =
                due.departures.iter().filter_map(|departure| self.next_of_the_same(departure)).collect::<Vec<_>>();
            due.departures.extend(early);
        }
        for departure in due.departures {
            self.depart(departure)?;
        }
        Ok(())
    }

    fn depart(&mut self, departure: Departure) -> Lived {
        let departure =
            if self.is(Mutation::ResendBlindly) { Departure { doubt: None, ..departure } } else { departure };
        let account = &self.accounts[&departure.connection];
        let intent = &self.log.intents[&departure.intent].intent;
        match plan(&departure, intent, account, Carriage::default(), self.ours()) {
            Plan::Elsewhere { class } => match self.engine.dispatcher.permit(departure, class, self.ours()) {
                Some(departure) => self.depart(departure),
                None => {
                    self.engine.wake_by(self.now);
                    Ok(())
                }
            },
            Plan::Call { started, call } => self.set_out(departure, Errand::Call(started, call), false),
            // Every file of this world is there at once.
            Plan::Fetch { started, file, .. } => {
                let sha256 = format!("{:064x}", file.url.as_deref().map_or(0, str::len));
                let stored = Stored { sha256, bytes: 1, media_type: "image/png".to_owned() };
                let settled = conclude_fetch(&departure, &started, account, Ok(stored), self.ours(), PATIENCE);
                self.set_out(departure, Errand::End(started, settled), false)
            }
            Plan::End { started, settled } => self.set_out(departure, Errand::End(started, settled), false),
        }
    }

    /// Puts a start on record, and goes; or waits for the log. `in_doubt`: the log may have it already.
    pub(super) fn set_out(&mut self, departure: Departure, errand: Errand, in_doubt: bool) -> Lived {
        let started = match &errand {
            Errand::Call(started, _) | Errand::End(started, _) => started.clone(),
        };
        let in_doubt = if self.is(Mutation::ForgetTheStart) || self.is(Mutation::CallBeforeTheStart) {
            false
        } else {
            match self.append(&Entry::started(started.clone()))? {
                // It is somebody else's to carry out.
                Ok(appended) if appended.already && !in_doubt => return Ok(()),
                Err(AppendError::Conflict { .. } | AppendError::TooLarge { .. }) => return Ok(()),
                Ok(_) => false,
                Err(AppendError::Unknown { .. }) if self.is(Mutation::TrustTheUnknown) => false,
                Err(AppendError::Unknown { .. }) => return self.set_out_later(departure, errand, true),
                Err(AppendError::Unavailable { .. }) => return self.set_out_later(departure, errand, in_doubt),
            }
        };
        debug_assert!(!in_doubt, "whoever is in doubt waits");
        match errand {
            Errand::Call(started, call) => {
                self.leave(departure, started.clone(), call)?;
                if self.is(Mutation::CallBeforeTheStart) {
                    let _whatever = self.append(&Entry::started(started))?;
                }
                Ok(())
            }
            Errand::End(_, settled) => self.settle(settled),
        }
    }

    /// The call itself; or, if its place was lost meanwhile, as soon as there is another.
    pub(super) fn leave(&mut self, departure: Departure, started: AttemptStarted, call: Call) -> Lived {
        let now = self.ours();
        let permitted = if departure.has_its_place(now) {
            Ok(())
        } else {
            self.engine.dispatcher.permit_call(&departure.connection, call.class, now)
        };
        match permitted {
            Ok(()) => {
                let cause = Cause::Call(Entry::started(started.clone()).id);
                self.call(departure, started, call, cause)
            }
            Err(later) => {
                let wait = later.since(now).max(Duration::from_millis(1));
                self.agenda.enter(self.now + wait, Happens::Leave { departure, started, call });
                Ok(())
            }
        }
    }

    fn set_out_later(&mut self, departure: Departure, errand: Errand, in_doubt: bool) -> Lived {
        self.agenda.enter(self.now + LOG_PAUSE, Happens::SetOut { departure, errand, in_doubt });
        Ok(())
    }

    fn call(&mut self, departure: Departure, started: AttemptStarted, call: Call, cause: Cause) -> Lived {
        let fate = self.script.calls.get(self.attempted).copied().unwrap_or_default();
        self.attempted += 1;
        if fate != Fate::Answered {
            self.count(fate.label());
        }
        let connection = departure.connection.clone();
        self.watch.leaves(departure.intent, call.class, self.now);
        let secrets = self.secrets(&connection);
        let account = &self.accounts[&connection];
        let ours = self.ours();
        let request = account.connection.authorise(call.request, &secrets, ours);
        assert_eq!(account.connection.class_of_call(call.name), Some(call.class), "{} has one class", call.name);
        let arrives = match fate {
            Fate::Answered | Fate::Slow(_) | Fate::AnswerLost | Fate::BrokenAfter | Fate::ResetAfter => true,
            Fate::CallLost
            | Fate::BrokenBefore
            | Fate::NoConnection
            | Fate::TooMany
            | Fate::TooManyFor(_)
            | Fate::ResetBefore => false,
        };
        let platform = self.platforms.get_mut(&connection).expect("every connection has a platform");
        let reaction = arrives.then(|| platform.handle(&request, self.now));
        let status = reaction.as_ref().map(|reaction| reaction.status);
        self.calls.push(Made { connection: connection.clone(), class: call.class, at: self.now, status });
        if let Fate::TooManyFor(seconds) = fate {
            self.watch.wants_rest(departure.intent, self.now + LATENCY + Duration::from_secs(seconds.into()));
        }
        let answer = match (fate, &reaction) {
            (Fate::Answered | Fate::Slow(_), Some(reaction)) => Answer::Reply(self.dated(recorded(reaction))),
            (Fate::BrokenAfter | Fate::BrokenBefore, _) => Answer::Reply(of_the_proxy(502, None)),
            (Fate::TooMany, _) => Answer::Reply(of_the_proxy(429, None)),
            (Fate::TooManyFor(seconds), _) => Answer::Reply(of_the_proxy(429, Some(seconds))),
            (Fate::NoConnection, _) => Answer::NoConnection,
            (Fate::Answered | Fate::Slow(_) | Fate::AnswerLost | Fate::CallLost, _) => Answer::Silence,
            (Fate::ResetAfter | Fate::ResetBefore, _) => Answer::Silence,
        };
        let takes = match (fate, &answer) {
            (Fate::Slow(millis), _) => Duration::from_millis(millis.into()),
            (Fate::ResetAfter | Fate::ResetBefore, _) | (_, Answer::Reply(_) | Answer::NoConnection) => LATENCY,
            (_, Answer::Silence) => PATIENCE,
        };
        if self.look.tells {
            let said = String::from_utf8_lossy(&request.body).into_owned();
            self.tell(format_args!("we call {connection} {} {} {said}: {fate:?}, {answer}", call.name, request.path));
        }
        self.agenda.enter(self.now + takes, Happens::Answer { departure, started, answer });
        if let Some(reaction) = reaction {
            self.emit(&connection, reaction.webhooks, cause);
        }
        self.point()
    }

    /// An account's secrets, with a pass that is good if its platform wants one.
    fn secrets(&mut self, connection: &ConnectionName) -> Secrets {
        let account = &self.accounts[connection];
        let mut secrets = account.secrets.clone();
        let Some(sign_in) = account.connection.sign_in() else { return secrets };
        let good = self.passes.get(connection).filter(|pass| self.now < pass.until).cloned();
        let pass = good.unwrap_or_else(|| {
            let platform = self.platforms.get_mut(connection).expect("every connection has a platform");
            let granted = recorded(&platform.handle(&sign_in.request(&secrets), self.now));
            sign_in.pass(Reply::Answered(&granted), self.now).expect("the key is right")
        });
        self.passes.insert(connection.clone(), pass.clone());
        secrets.insert(pass.key, pass.secret);
        secrets
    }

    pub(super) fn answer(&mut self, departure: &Departure, started: &AttemptStarted, answer: &Answer) -> Lived {
        let account = &self.accounts[&departure.connection];
        let intent: &Intent = &self.log.intents[&departure.intent].intent;
        let reply = match answer {
            Answer::Reply(reply) => Reply::Answered(reply),
            Answer::Silence => Reply::NoAnswer("no answer in time"),
            Answer::NoConnection => Reply::NotSent("no connection"),
        };
        let (carriage, now) = (Carriage::default(), self.ours());
        let settled = conclude(departure, started, intent, account, carriage, reply, now, RULES.give_up_after);
        let settled = self.mutated(settled);
        self.settle(settled)
    }

    /// Puts an end on record, however long that takes: it is known only here.
    pub(super) fn settle(&mut self, settled: AttemptSettled) -> Lived {
        match self.append(&Entry::settled(settled.clone()))? {
            Ok(_) | Err(AppendError::Conflict { .. } | AppendError::TooLarge { .. }) => {}
            Err(AppendError::Unknown { .. }) if self.is(Mutation::TrustTheUnknown) => {}
            Err(_) if self.is(Mutation::LoseTheEnd) => {}
            Err(AppendError::Unavailable { .. } | AppendError::Unknown { .. }) => {
                self.agenda.enter(self.now + LOG_PAUSE, Happens::Settle(settled));
            }
        }
        Ok(())
    }

    /// A reply with the platform's time in whole seconds, as every server sends it.
    fn dated(&self, mut reply: RecordedReply) -> RecordedReply {
        if !self.is(Mutation::BelieveOurClock) {
            reply.headers.push(("date".to_owned(), http_date(self.now)));
        }
        reply
    }

    // ---- planted bugs ----

    fn mutated(&self, settled: AttemptSettled) -> AttemptSettled {
        let Some(mutation) = self.look.mutation else { return settled };
        let outcome = match (mutation, &settled.outcome) {
            (Mutation::UncertainIsRefused, Outcome::Uncertain { reason, until: _ }) => {
                Outcome::Refused { failure: Failure { kind: FailureKind::Other, reason: reason.clone() } }
            }
            (Mutation::UncertainIsAccepted, Outcome::Uncertain { .. }) => Outcome::Accepted,
            (Mutation::ForgetTheWait, Outcome::Postponed { until: Some(_), reason }) => {
                Outcome::Postponed { until: Some(self.ours()), reason: reason.clone() }
            }
            (Mutation::IgnoreEchoes, Outcome::Accepted) => {
                return AttemptSettled { reply: None, findings: Vec::new(), ..settled };
            }
            (_, _) => return settled,
        };
        AttemptSettled { outcome, ..settled }
    }

    /// The intent behind this one in its dialogue, as if that were over.
    fn next_of_the_same(&self, departure: &Departure) -> Option<Departure> {
        let open = self.engine.pipeline.state().attempts.in_order();
        let (intent, open) = open.into_iter().find(|(intent, open)| {
            let is_same = open.thread == departure.thread && open.connection == departure.connection;
            is_same && *intent != departure.intent && open.standing == Standing::Raised
        })?;
        let (attempt, raised_at) = (open.attempts + 1, open.raised_at);
        Some(Departure { intent, attempt, raised_at, doubt: None, ..departure.clone() })
    }
}

/// A report that comes after a later one.
fn late_report(raised: &IntentRaised) -> Option<IntentRaised> {
    let Intent::ReportDelivery(report) = &raised.intent else { return None };
    (report.state == DeliveryState::Read).then(|| {
        let report = ReportDelivery { state: DeliveryState::Delivered, ..report.clone() };
        let intent_id = IntentId::derived(raised.cause, "late", 0);
        IntentRaised { intent_id, intent: Intent::ReportDelivery(report), ..raised.clone() }
    })
}

fn recorded(reaction: &Reaction) -> RecordedReply {
    let body = Bytes(reaction.body.clone());
    RecordedReply { status: reaction.status, headers: reaction.headers.clone(), body, cut: false }
}

/// A moment as HTTP writes it.
fn http_date(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_second(at.as_seconds()).expect("a world's moments can be written");
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&moment).expect("so it can")
}

/// What something between us and the platform answers.
fn of_the_proxy(status: u16, wait_seconds: Option<u8>) -> RecordedReply {
    let mut headers = vec![("content-type".to_owned(), "text/html".to_owned())];
    headers.extend(wait_seconds.map(|seconds| ("retry-after".to_owned(), seconds.to_string())));
    RecordedReply { status, headers, body: Bytes(b"<html>sorry</html>".to_vec()), cut: false }
}
