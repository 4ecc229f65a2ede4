//! Asking accounts for their news: one task for each account that wants to be asked.
//!
//! ```text
//! ask ▶ a place under the limit ▶ send ▶ documents ▶ LOG, like webhooks ▶ LOG, the mark ▶ wait ▶ ask …
//! ```
//!
//! What to ask and what an answer holds, the account's connector says ([`Polling`]); when, how fast, and what is on
//! record is said here. The mark stands in the log behind everything that it covers, so that a new start goes on where
//! the last one was interrupted: what lies between is asked for again, and what is on record already has the same id.
//! Calls take their places under the same limits as the account's own attempts. Nothing here decides anything.
//!
//! Of several engines on one log, the one that drives an account's lane asks it: from the newest mark in the log when it takes
//! the lane over, and not after it has left it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chatledger_connectors::connector::{Call, Reply};
use chatledger_connectors::polling::{Document, News, Polling, Setback};
use chatledger_projections::duties::Duty;
use chatledger_projections::event::{Event, PollAdvanced, Transport, WebhookReceived};
use chatledger_projections::ids::{ConnectionName, EventId, IntentId};
use chatledger_projections::recorded::{Revision, StreamName};
use chatledger_projections::state::State;
use chatledger_projections::time::Timestamp;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::config::Account;
use crate::duties::Leave;
use crate::http::{Http, NoReply};
use crate::live::{Surroundings, chain, last_revision, pause};
use crate::log::{Append, AppendError, ExpectedRevision, codec, naming};
use crate::metrics;
use crate::places::Places;
use crate::redaction::without_secrets;

/// The most of an answer that is listened to: fifty dialogues with everything that is said of each.
const ANSWER_AT_MOST: usize = 8 * 1024 * 1024;

/// After so many answers the mark is put on record although the round goes on: who reads a year back does not begin
/// anew.
const MARK_EVERY: usize = 32;

/// The first round comes soon after the start, but not with all others.
const FIRST_WITHIN: Duration = Duration::from_secs(1);

/// How often the age of the last good round is told.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Those who ask.
#[derive(Debug)]
pub struct Pollers {
    tasks: JoinSet<()>,
    /// What tells the one of a connection to end.
    asking: BTreeMap<ConnectionName, CancellationToken>,
    places: Places,
    stop: CancellationToken,
}

impl Pollers {
    /// Nobody yet. All end when they are told to stop, and when these are no more.
    pub fn new(places: Places, stop: CancellationToken) -> Self {
        Self { tasks: JoinSet::new(), asking: BTreeMap::new(), places, stop }
    }

    /// Starts to ask an account from its mark on, if it wants to be asked, and this engine may.
    pub fn begin(&mut self, surroundings: &Surroundings, state: &State, name: &ConnectionName) {
        self.end(name);
        while let Some(ended) = self.tasks.try_join_next() {
            is_whole(ended);
        }
        let Some(leave) = surroundings.duties.leave(&Duty::lane(name)) else { return };
        let Some(account) = surroundings.accounts.get(name) else { return };
        let known = state.polls.get(name);
        let Some(polling) = account.connection.poll(known.map(|polled| polled.through.as_str())) else { return };
        info!(connection = %name, every_ms = polling.every().as_millis(), "asking for news");
        let stop = self.stop.child_token();
        self.asking.insert(name.clone(), stop.clone());
        let poller = Poller {
            surroundings: surroundings.clone(),
            http: surroundings.http.clone().with_replies_up_to(ANSWER_AT_MOST),
            name: name.clone(),
            account: account.clone(),
            polling,
            marked: known.map(|polled| polled.revision),
            unmarked: None,
            places: self.places.clone(),
            stop,
            leave,
            succeeded: Instant::now(),
            rounds: 0,
        };
        self.tasks.spawn(poller.run());
    }

    /// Asks an account no more.
    pub fn end(&mut self, name: &ConnectionName) {
        if let Some(stop) = self.asking.remove(name) {
            stop.cancel();
        }
    }

    /// Leaves those who ask as much time as is left; they keep nothing that is not on record.
    pub async fn finish(mut self, grace: Duration) {
        self.stop.cancel();
        let ended = tokio::time::timeout(grace, async {
            while let Some(ended) = self.tasks.join_next().await {
                is_whole(ended);
            }
        });
        if ended.await.is_err() {
            warn!(
                left = self.tasks.len(),
                "the grace period is over; the news that are missing are asked for at the next start"
            );
        }
    }
}

/// Tells of one that broke off.
fn is_whole(ended: Result<(), JoinError>) {
    if let Err(broken) = ended {
        error!(error = %broken, "a part of the engine that asks for news broke off");
    }
}

/// One account that is asked.
struct Poller {
    surroundings: Surroundings,
    /// One that listens longer than evidence needs.
    http: Http,
    name: ConnectionName,
    account: Account,
    polling: Box<dyn Polling>,
    /// Where the last mark stands in its stream.
    marked: Option<Revision>,
    /// A newer one that is not on record yet, although all that it covers is.
    unmarked: Option<String>,
    places: Places,
    stop: CancellationToken,
    /// What allows it to ask, if there are several engines.
    leave: Leave,
    /// When the last good round ended; before the first, when we began.
    succeeded: Instant,
    rounds: u64,
}

/// Why a round did not come to its end.
enum Broken {
    /// It is time to stop, or another engine asks.
    Stopped,
    /// Something is wrong, and it is tried again.
    Setback(Setback),
}

impl Poller {
    async fn run(mut self) {
        self.ask_on_and_on().await;
        // What is asked elsewhere from here on has no age here.
        metrics::poll_age(&self.name, Duration::ZERO);
    }

    async fn ask_on_and_on(&mut self) {
        let mut failed: u32 = 0;
        let mut wait = self.share_of(FIRST_WITHIN);
        while self.wait(wait).await {
            self.rounds += 1;
            wait = match self.round().await {
                Ok(()) => {
                    if failed > 0 {
                        info!(connection = %self.name, "news can be asked for again");
                    }
                    failed = 0;
                    self.succeeded = Instant::now();
                    let every = self.polling.every();
                    // Up to a tenth more, never the same: accounts that began together do not stay together.
                    every + self.share_of(every / 10)
                }
                Err(Broken::Stopped) => return,
                Err(Broken::Setback(setback)) => {
                    failed = failed.saturating_add(1);
                    self.after(&setback, failed)
                }
            };
        }
    }

    /// Says what went wrong, and how long to leave it.
    fn after(&self, setback: &Setback, failed: u32) -> Duration {
        metrics::poll_failed(&self.name);
        if setback.needs_person {
            error!(connection = %self.name, reason = setback.reason, failed, "news cannot be asked for until somebody sees to it");
        } else {
            warn!(connection = %self.name, reason = setback.reason, failed, "news could not be asked for; trying again");
        }
        let backoff = &self.surroundings.rules.backoff;
        let now = self.surroundings.clock.now();
        match setback.until {
            Some(until) => until.since(now).min(backoff.cap),
            None if setback.needs_person => backoff.cap,
            None => backoff.delay(self.seed(), failed),
        }
    }

    /// One round: everything that is asked until there is nothing more to ask.
    async fn round(&mut self) -> Result<(), Broken> {
        let mut answers = 0;
        while let Some(call) = self.polling.ask(self.surroundings.clock.now()) {
            // The account's limits are shared with its attempts.
            let has_place = self.places.take(&self.name, call.class, &*self.surroundings.clock, &self.stop).await;
            if !has_place || !self.may() {
                return Err(Broken::Stopped);
            }
            let News { documents, through } = self.ask(call).await?;
            self.record(documents).await?;
            self.unmarked = through.or_else(|| self.unmarked.take());
            answers += 1;
            if answers % MARK_EVERY == 0 {
                self.mark().await?;
            }
        }
        self.mark().await
    }

    /// Whether it is this engine that asks, in this moment.
    fn may(&self) -> bool {
        self.surroundings.duties.is_good(&self.leave)
    }

    async fn ask(&mut self, call: Call) -> Result<News, Broken> {
        let connection = &self.account.connection;
        let clock = &self.surroundings.clock;
        let request = connection.authorise(call.request, &self.account.secrets, clock.now());
        let sent = self.http.send(connection.base_url(), request);
        let answer = tokio::select! {
            () = self.stop.cancelled() => return Err(Broken::Stopped),
            answer = sent => answer.map(|reply| without_secrets(reply, &self.account.secrets)),
        };
        let reply = match &answer {
            Ok(answer) => Reply::Answered(answer),
            Err(NoReply::NotSent(why)) => Reply::NotSent(why),
            Err(NoReply::NoAnswer(why)) => Reply::NoAnswer(why),
        };
        debug!(connection = %self.name, call = call.name, status = answer.as_ref().map_or(0, |reply| reply.status), "asked for news");
        self.polling.take(call.name, reply, clock.now()).map_err(Broken::Setback)
    }

    /// Puts documents on record, in order, however long the log takes.
    async fn record(&self, documents: Vec<Document>) -> Result<(), Broken> {
        let now = self.surroundings.clock.now();
        let mut left: Vec<Append> = documents.into_iter().map(|document| self.append(document, now)).collect();
        while !left.is_empty() {
            let answers = self.surroundings.log.append_all(left.clone()).await;
            let mut again = Vec::new();
            for (append, answer) in left.into_iter().zip(answers) {
                match answer {
                    Ok(appended) if !appended.already => metrics::polled(&self.name),
                    // It stands there, from this start or from another.
                    Ok(_) | Err(AppendError::Conflict { .. }) => {}
                    Err(too_large @ AppendError::TooLarge { .. }) => {
                        error!(connection = %self.name, error = %chain(&too_large), "this can never be recorded");
                    }
                    Err(error @ (AppendError::Unavailable { .. } | AppendError::Unknown { .. })) => {
                        warn!(connection = %self.name, error = %chain(&error), "the log does not take this; trying again");
                        again.push(append);
                    }
                }
            }
            left = again;
            if !left.is_empty() && !pause(&self.stop).await {
                return Err(Broken::Stopped);
            }
        }
        Ok(())
    }

    fn append(&self, document: Document, now: Timestamp) -> Append {
        let id = document.id();
        let event = polled(&self.name, &self.account, document);
        let sealed = codec::seal(&event, id, now, None, None);
        Append { stream: StreamName::webhook(id), expected: ExpectedRevision::NoStream, events: vec![sealed] }
    }

    /// Puts the newest mark on record, if there is one. Only what it covers may stand before it.
    async fn mark(&mut self) -> Result<(), Broken> {
        let Some(through) = self.unmarked.take() else { return Ok(()) };
        let stream = StreamName::poll(&self.name);
        let event = Event::PollAdvanced(PollAdvanced { connection: self.name.clone(), through });
        loop {
            // Whoever asks now begins at the mark that there is, and marks what it finds itself.
            if !self.may() {
                return Err(Broken::Stopped);
            }
            let (expected, revision) = match self.marked {
                Some(last) => (ExpectedRevision::Exact(last), last.next()),
                None => (ExpectedRevision::NoStream, Revision::FIRST),
            };
            let id = naming::event_id(&event, revision).expect("a mark's id is derived");
            let sealed = codec::seal(&event, id, self.surroundings.clock.now(), None, None);
            let append = Append { stream: stream.clone(), expected, events: vec![sealed] };
            match self.surroundings.log.append(append).await {
                Ok(_) => {
                    self.marked = Some(revision);
                    return Ok(());
                }
                Err(AppendError::TooLarge { .. }) => return Ok(()),
                // Somebody else did before us, and was late with it: ours comes behind theirs, for it is as true.
                Err(AppendError::Conflict { .. }) => {
                    warn!(connection = %self.name, "another engine asks for the same news");
                    if let Some(last) = last_revision(&*self.surroundings.log, &stream).await {
                        self.marked = last;
                    }
                }
                Err(error @ (AppendError::Unavailable { .. } | AppendError::Unknown { .. })) => {
                    warn!(connection = %self.name, error = %chain(&error), "the log does not take the mark; trying again");
                }
            }
            if !pause(&self.stop).await {
                return Err(Broken::Stopped);
            }
        }
    }

    /// Waits, and tells meanwhile how old the last good round is; `false` if it is time to stop.
    async fn wait(&self, wait: Duration) -> bool {
        let deadline = Instant::now() + wait;
        loop {
            metrics::poll_age(&self.name, self.succeeded.elapsed());
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return !self.stop.is_cancelled();
            }
            tokio::select! {
                () = self.stop.cancelled() => return false,
                () = tokio::time::sleep(left.min(TOLD_EVERY)) => {}
            }
        }
    }

    /// A part of a time, another one in each round and for each connection; chance that can be repeated.
    fn share_of(&self, whole: Duration) -> Duration {
        let (high, low) = self.seed().as_uuid().as_u64_pair();
        let thousandth = u32::try_from((high ^ low) % 1000).expect("it is below a thousand");
        whole / 1000 * thousandth
    }

    fn seed(&self) -> IntentId {
        let derived = EventId::derived(&[b"poll", self.name.as_str().as_bytes(), &self.rounds.to_be_bytes()]);
        IntentId::from_uuid(derived.as_uuid())
    }
}

/// A polled document as it stands in the log: like a webhook, but for its transport.
pub fn polled(name: &ConnectionName, account: &Account, document: Document) -> Event {
    Event::WebhookReceived(WebhookReceived {
        connection: name.clone(),
        platform: account.connector.platform().to_owned(),
        transport: Transport::Poll,
        headers: Vec::new(),
        body: document.into_body(),
    })
}
