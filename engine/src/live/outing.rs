//! One attempt on its way out and back: its start on record, the request, the reply, its end on record.
//!
//! Takes a departure whose place under the limits is granted; gives back one whose call falls under another limit than was
//! estimated. Whether it may leave at all is asked once more just before it does: a place, or a duty, is lost by waiting.

use chatledger_connectors::connector::{Call, Reply};
use chatledger_projections::content::File;
use chatledger_projections::duties::Duty;
use chatledger_projections::event::{AttemptSettled, AttemptStarted, Event, IntentRaised, RecordedReply};
use chatledger_projections::ids::EventId;
use chatledger_projections::intent::Intent;
use chatledger_projections::outcome::Outcome;
use chatledger_projections::recorded::{Revision, StreamName};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::record::{append_until_taken, before_attempt, pause, settled_append};
use super::{Surroundings, chain};
use crate::config::Account;
use crate::dispatch::attempt::{Carriage, Departure, Plan, conclude, conclude_fetch, held_back, plan, turned_away};
use crate::duties::Leave;
use crate::http::NoReply;
use crate::log::{Append, AppendError, ExpectedRevision, codec, naming};
use crate::media::Media;
use crate::media::fetch::Credentials;
use crate::places::Places;
use crate::redaction::without_secrets;
/// The status of a call whose pass is not good.
const UNAUTHORISED: u16 = 401;

/// The attempts under way, and what each is given along.
pub(super) struct Attempts {
    /// One whose class was estimated wrongly comes back with the right one.
    pub(super) under_way: JoinSet<Option<Misplaced>>,
    /// It is time to stop: nothing new leaves the house.
    pub(super) stop: CancellationToken,
    /// Nobody waits any longer for what has left it.
    pub(super) halt: CancellationToken,
    /// Where whoever has lost their place asks for another. Kept as long as there are attempts, polled or not.
    pub(super) places: Places,
}

impl Attempts {
    pub(super) fn new(stop: CancellationToken, places: Places) -> Self {
        Self { under_way: JoinSet::new(), stop, halt: CancellationToken::new(), places }
    }
}

pub(super) type Misplaced = (Departure, &'static str);

/// One attempt on its way out and back.
pub(super) struct Outing {
    pub(super) surroundings: Surroundings,
    pub(super) account: Account,
    pub(super) departure: Departure,
    pub(super) places: Places,
}

impl Outing {
    /// Gives the attempt back, untouched, if its call falls under the limit of another class than estimated.
    pub(super) async fn run(mut self, stop: &CancellationToken) -> Option<Misplaced> {
        let (raised, at) = self.intent(stop).await?;
        let IntentRaised { intent, carries, .. } = raised;
        let source = carries.and_then(|origin| self.surroundings.accounts.get(&origin.connection).cloned());
        self.forget_lost_files();
        let carriage = carriage(&self.surroundings.media, source.as_ref());
        match plan(&self.departure, &intent, &self.account, carriage, self.surroundings.clock.now()) {
            Plan::Elsewhere { class } => return Some((self.departure, class)),
            Plan::Call { started, call } => {
                if let Some(leave) = self.start(&started, at, stop).await {
                    if self.may_leave(call.class, stop).await {
                        self.make(&intent, &started, call, carriage, &leave).await;
                    } else {
                        self.settle(held_back(&self.departure, &started, &self.account)).await;
                    }
                }
            }
            Plan::Fetch { started, file, most } => {
                if self.start(&started, at, stop).await.is_some() {
                    self.fetch(&started, &file, most, source.as_ref()).await;
                }
            }
            Plan::End { started, settled } => {
                if self.start(&started, at, stop).await.is_some() {
                    self.settle(settled).await;
                }
            }
        }
        None
    }

    /// The intent itself: the queue holds only its name.
    async fn intent(&self, stop: &CancellationToken) -> Option<(IntentRaised, EventId)> {
        let stream = StreamName::intent(self.departure.intent);
        loop {
            match self.surroundings.log.read_stream(&stream, Revision::FIRST, 1).await {
                Ok(events) => {
                    let recorded = events.into_iter().next().and_then(|stored| codec::open(stored).ok())?;
                    let Event::IntentRaised(raised) = recorded.event else { return None };
                    return Some((raised, recorded.id));
                }
                Err(unreadable) => {
                    warn!(intent = %self.departure.intent, error = %chain(&unreadable), "an intent cannot be read")
                }
            }
            if !pause(stop).await {
                return None;
            }
        }
    }

    /// Whoever waited long for the log has lost their place under the limit, and waits for another; `false` if it is time
    /// to stop before there is one.
    async fn may_leave(&self, class: &'static str, stop: &CancellationToken) -> bool {
        let clock = &*self.surroundings.clock;
        self.departure.has_its_place(clock.now())
            || self.places.take(&self.departure.connection, class, clock, stop).await
    }

    /// Puts the start on record; `None` if it must not go out.
    async fn start(&self, started: &AttemptStarted, raised: EventId, stop: &CancellationToken) -> Option<Leave> {
        let duties = &self.surroundings.duties;
        let leave = duties.leave(&Duty::lane(&self.departure.connection))?;
        let event = Event::AttemptStarted(AttemptStarted { engine: leave.engine(), ..started.clone() });
        let revision = before_attempt(started.attempt);
        let id = naming::event_id(&event, revision.next()).expect("an attempt's id is derived");
        let thread = self.departure.thread.to_string();
        let mut in_doubt = false;
        loop {
            if stop.is_cancelled() || !duties.is_good(&leave) {
                return None;
            }
            // Sealed anew each time: what is in doubt later is looked for from the time of its start on.
            let sealed = codec::seal(&event, id, self.surroundings.clock.now(), Some(raised), Some(&thread));
            let stream = StreamName::intent(started.intent_id);
            let append = Append { stream, expected: ExpectedRevision::Exact(revision), events: vec![sealed] };
            match self.surroundings.log.append(append).await {
                // Stored by somebody else under the same name: it is theirs to carry out. Where there are several engines,
                // the name holds which of them it is.
                Ok(appended) if appended.already && !in_doubt && leave.engine().is_none() => return None,
                Ok(_) => return Some(leave),
                Err(AppendError::Conflict { .. }) => {
                    debug!(intent = %started.intent_id, attempt = started.attempt, "someone else carries this out");
                    return None;
                }
                Err(AppendError::TooLarge { .. }) => return None,
                Err(AppendError::Unknown { .. }) => in_doubt = true,
                Err(AppendError::Unavailable { .. }) => {}
            }
            if !pause(stop).await {
                return None;
            }
        }
    }

    /// What is no longer in the store is to be fetched again, unless the platform has it already.
    fn forget_lost_files(&mut self) {
        let store = &self.surroundings.media.store;
        for filed in self.departure.files.values_mut() {
            if filed.taken.is_none() && filed.stored.as_ref().is_some_and(|stored| !store.has(stored)) {
                filed.stored = None;
            }
        }
    }

    async fn fetch(&self, started: &AttemptStarted, file: &File, most: Option<u64>, source: Option<&Account>) {
        let media = &self.surroundings.media;
        let credentials = source.and_then(|source| {
            Credentials::of(source.connection.base_url(), &source.connection.file_credentials(&source.secrets))
        });
        let link = file.url.as_deref().unwrap_or_default();
        let ended = media.fetcher.fetch(link, most, credentials.as_ref(), &media.store).await;
        let label = ended.as_ref().map_or("not fetched", |_| "fetched");
        info!(intent = %started.intent_id, attempt = started.attempt, ended = label, "file");
        let now = self.surroundings.clock.now();
        self.settle(conclude_fetch(&self.departure, started, &self.account, ended, now, media.patience)).await;
    }

    async fn make(&self, intent: &Intent, started: &AttemptStarted, call: Call, carriage: Carriage<'_>, leave: &Leave) {
        let answer = self.send(call, leave).await;
        let now = self.surroundings.clock.now();
        let give_up_after = self.surroundings.rules.give_up_after;
        let settled = match &answer {
            Ok(answer) => {
                let reply = match answer {
                    Ok(answer) => Reply::Answered(answer),
                    Err(NoReply::NotSent(why)) => Reply::NotSent(why),
                    Err(NoReply::NoAnswer(why)) => Reply::NoAnswer(why),
                };
                conclude(&self.departure, started, intent, &self.account, carriage, reply, now, give_up_after)
            }
            Err(outcome) => turned_away(&self.departure, started, &self.account, outcome.clone(), now, give_up_after),
        };
        info!(
            intent = %settled.intent_id,
            kind = intent.label(),
            connection = %settled.connection,
            call = settled.call,
            attempt = settled.attempt,
            outcome = settled.outcome.label(),
            "attempt settled"
        );
        self.settle(settled).await;
    }

    /// The call itself, with its credentials; or the outcome of one that could not be made for want of them. A pass that is
    /// not good any more is replaced, and the call made once more: what was turned away has done nothing.
    async fn send(&self, call: Call, leave: &Leave) -> Result<Result<RecordedReply, NoReply>, Outcome> {
        let Surroundings { http, media, clock, passes, duties, .. } = &self.surroundings;
        let (name, account) = (&self.departure.connection, &self.account);
        let mut again = true;
        loop {
            let secrets = passes.secrets(name, account, http, &**clock).await?;
            // The last moment: appending and signing in take their time, and a process can be stopped anywhere in between.
            if !duties.is_good(leave) {
                let reason = "another engine drives this connection now; the call was not made".to_owned();
                return Err(Outcome::Postponed { until: None, reason });
            }
            let request = account.connection.authorise(call.request.clone(), &secrets, clock.now());
            let answer = if request.form.is_empty() {
                http.send(account.connection.base_url(), request).await
            } else {
                let time = media.fetcher.limits().time;
                http.send_form(account.connection.base_url(), request, &media.store, time).await
            };
            let is_turned_away = matches!(&answer, Ok(reply) if reply.status == UNAUTHORISED);
            if !is_turned_away || !again || account.connection.sign_in().is_none() {
                return Ok(answer.map(|reply| without_secrets(reply, &secrets)));
            }
            passes.spoil(name, &secrets).await;
            again = false;
        }
    }

    /// Puts the end on record, however long that takes: it is known only here.
    async fn settle(&self, settled: AttemptSettled) {
        let append = settled_append(settled, self.surroundings.clock.now());
        append_until_taken(&*self.surroundings.log, vec![append], &CancellationToken::new()).await;
    }
}

/// How the files of a message go that came from this account.
fn carriage<'a>(media: &'a Media, source: Option<&Account>) -> Carriage<'a> {
    let links = source.map(|source| source.connection.files().links).unwrap_or_default();
    Carriage { links, offer: media.offer.as_deref() }
}
