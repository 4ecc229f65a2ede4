//! The engine at work: follows the log, raises what follows from it, and carries it out.
//!
//! One task owns the pipeline and the dispatcher; everything it knows it knows from the log, its own attempts
//! included. Attempts run beside it, each: start on record, request, reply, end on record. Nothing here decides.
//!
//! Where several engines share the log, each of them folds all of it, and acts only for the [`crate::duties`] that it has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatledger_connectors::connector::{Call, Reply};
use chatledger_projections::change::Change;
use chatledger_projections::configuration::Configuration;
use chatledger_projections::content::File;
use chatledger_projections::duties::Duty;
use chatledger_projections::event::{
    AttemptSettled, AttemptStarted, Event, Happening, IntentRaised, PolicyAdvanced, RecordedReply,
};
use chatledger_projections::ids::{ConnectionName, EngineId, EventId, IntentId};
use chatledger_projections::intent::Intent;
use chatledger_projections::outcome::Outcome;
use chatledger_projections::projection::Projection as _;
use chatledger_projections::recorded::{Position, Revision, StreamName};
use chatledger_projections::time::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::clock::Clock;
use crate::config::{Account, Accounts};
use crate::dispatch::attempt::{Carriage, Departure, Plan, conclude, conclude_fetch, held_back, plan, turned_away};
use crate::dispatch::circuit::Standing;
use crate::dispatch::{Dispatcher, Rules};
use crate::duties::{Duties, Leave};
use crate::fold::{FoldError, fold};
use crate::http::{Http, NoReply};
use crate::in_force::put_in_force;
use crate::ingress::Readiness;
use crate::log::{Append, AppendError, EventLog, ExpectedRevision, StoredEvent, codec, ends_the_order, naming};
use crate::media::Media;
use crate::media::fetch::Credentials;
use crate::metrics;
use crate::passes::Passes;
use crate::pipeline::{Pipeline, Step};
use crate::places::Places;
use crate::poll::Pollers;
use crate::reading::Board;
use crate::redaction::without_secrets;

/// Everything that the engine needs of the outside.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The way out.
    pub http: Http,
    /// The files.
    pub media: Media,
    /// What calls carry at platforms that want it.
    pub passes: Passes,
    /// The configured accounts.
    pub accounts: Arc<Accounts>,
    /// How intents are carried out.
    pub rules: Rules,
    /// How long attempts in flight are waited for at the end.
    pub grace: Duration,
    /// What is told about being ready.
    pub readiness: Arc<Readiness>,
    /// What this engine may do, if it is one of several.
    pub duties: Duties,
    /// Where it writes how its connections are, for whoever asks.
    pub board: Board,
}

/// The engine at work. It has hands; see [`crate::replay`] for one without.
#[derive(Debug)]
pub struct Live {
    surroundings: Surroundings,
    pipeline: Pipeline,
    dispatcher: Dispatcher,
    position: Option<Position>,
    /// Events since the place of deciding was last marked in the log.
    unmarked: usize,
    /// The last mark's revision, once one was looked for.
    marked: Option<Option<Revision>>,
    /// Whether it decided when it last looked.
    deciding: bool,
    /// As which of several engines it drives its lanes.
    engine: Option<EngineId>,
    /// The attempts of others in lanes of ours, and when their calls are certainly over.
    interrupted: BTreeMap<IntentId, Instant>,
}

/// Why the engine could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The history cannot be folded.
    #[error("the history cannot be read back")]
    Fold(#[from] FoldError),
    /// The log cannot be followed.
    #[error("the log cannot be followed")]
    Follow(#[from] crate::log::ReadError),
    /// Folding the history broke off.
    #[error("reading the history back was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// How many events are taken in before what follows from them is recorded. They share a flush with the webhooks that
/// wait meanwhile, which is why it is not more: nobody who waits for an answer should wait for a thousand others.
const BATCH: usize = 128;

/// After so many events from which nothing followed, the log is told that they were decided.
const MARK_EVERY: usize = 1024;

/// The status of a call whose pass is not good.
const UNAUTHORISED: u16 = 401;

/// How long the log is left alone after it refused.
const LOG_PAUSE: Duration = Duration::from_millis(250);

impl Live {
    /// Reads the whole history back. Nothing is sent.
    pub async fn resume(surroundings: Surroundings) -> Result<Self, LiveError> {
        let log = surroundings.log.clone();
        let mut dispatcher = Dispatcher::new(surroundings.accounts.clone(), surroundings.rules);
        if surroundings.duties.are_shared() {
            dispatcher.leave_all(surroundings.clock.now());
        }
        let folded = tokio::task::spawn_blocking(move || {
            let mut pipeline = Pipeline::default();
            let mut dispatcher = dispatcher;
            let position = fold(&*log, &mut pipeline, None, None, &mut |step, state| dispatcher.recall(step, state))?;
            Ok::<_, FoldError>((pipeline, dispatcher, position))
        });
        let (pipeline, dispatcher, position) = folded.await??;
        info!(events = pipeline.taken().events, drift = pipeline.taken().drift, "history read back");
        surroundings.duties.begin(&pipeline.state().duties);
        Ok(Self {
            surroundings,
            pipeline,
            dispatcher,
            position,
            unmarked: 0,
            marked: None,
            deciding: false,
            engine: None,
            interrupted: BTreeMap::new(),
        })
    }

    /// Works until told to stop; then finishes what is in flight, within the grace period.
    pub async fn run(mut self, configuration: Configuration, stop: CancellationToken) -> Result<(), LiveError> {
        if self.surroundings.duties.are_shared() {
            self.compare(&configuration);
        } else {
            self.begin(configuration.clone(), &stop).await;
            self.deciding = true;
        }
        let mut following = self.surroundings.log.follow(self.position).await?;
        let (places, mut places_wanted) = Places::new();
        let mut attempts = Attempts::new(stop.clone(), places.clone());
        let mut pollers = Pollers::new(places, stop.child_token());
        if !self.surroundings.duties.are_shared() {
            for connection in self.surroundings.accounts.keys() {
                pollers.begin(&self.surroundings, self.pipeline.state(), connection);
            }
        }
        loop {
            // Also under a load that never lets the log come to an end.
            while let Some(ended) = attempts.under_way.try_join_next() {
                self.see_off(ended, &mut attempts);
            }
            let caught_up = following.is_caught_up();
            self.surroundings.duties.set_in_touch(caught_up);
            self.arrange(&mut pollers, &stop).await;
            let wake = self.depart(&mut attempts);
            // That everything was taken in, the log may say without another event.
            let wake = if caught_up { wake } else { Some(wake.map_or(LOG_PAUSE, |wake| wake.min(LOG_PAUSE))) };
            self.surroundings.readiness.set_caught_up(caught_up);
            // Before the lag: whoever reads that there is none reads what is left after all of it.
            self.tell_what_is_left();
            self.tell_how_connections_are();
            metrics::lag(if caught_up { 0 } else { self.behind().await });
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                batch = following.next(BATCH) => match batch {
                    Ok(batch) => self.take(batch, &configuration, &stop).await?,
                    Err(unreadable) => {
                        warn!(error = %chain(&unreadable), "the log cannot be read; trying again");
                        self.surroundings.readiness.set_caught_up(false);
                        self.surroundings.duties.set_in_touch(false);
                        tokio::time::sleep(LOG_PAUSE).await;
                        following = self.surroundings.log.follow(self.position).await?;
                    }
                },
                Some(ended) = attempts.under_way.join_next(), if !attempts.under_way.is_empty() => {
                    self.see_off(ended, &mut attempts);
                }
                Some(wanted) = places_wanted.recv() => {
                    let now = self.surroundings.clock.now();
                    let permitted = self.dispatcher.permit_call(&wanted.connection, wanted.class, now);
                    // Whoever asked may have been told to stop meanwhile.
                    let _gone = wanted.answer.send(permitted);
                }
                () = self.surroundings.duties.changed() => {}
                () = sleep_for(wake) => {}
            }
        }
        self.surroundings.readiness.set_caught_up(false);
        pollers.finish(self.surroundings.grace).await;
        self.finish(attempts).await;
        Ok(())
    }

    /// What must stand in the log before anything else happens: what the last run left undone, and what is in force.
    async fn begin(&mut self, configuration: Configuration, stop: &CancellationToken) {
        let outstanding = self.pipeline.outstanding();
        if !outstanding.is_empty() {
            info!(intents = outstanding.len(), "raising what the last run did not come to");
            self.raise(outstanding, stop).await;
        }
        put_in_force(&*self.surroundings.log, &*self.surroundings.clock, configuration, stop).await;
        let ends = self.dispatcher.resume(self.pipeline.state(), self.surroundings.clock.now());
        if !ends.is_empty() {
            warn!(attempts = ends.len(), "attempts of the last run have no end on record; they are uncertain");
        }
        let appends: Vec<_> = ends.into_iter().map(|settled| self.settled(settled)).collect();
        self.append(appends, stop).await;
    }

    /// Takes in what the log brings, and records what follows from it.
    async fn take(
        &mut self,
        batch: Vec<StoredEvent>,
        own: &Configuration,
        stop: &CancellationToken,
    ) -> Result<(), LiveError> {
        let mut follows = Vec::new();
        for stored in batch {
            let position = stored.position;
            let recorded = codec::open(stored).map_err(FoldError::from)?;
            let step = self.pipeline.take(recorded);
            self.see(&step);
            self.see_others(&step, own);
            measure(&step);
            self.position = Some(position);
            self.unmarked += usize::from(!matches!(step.happening.event, Happening::Arranged(_)));
            follows.extend(step.intents.into_iter().map(Arc::unwrap_or_clone));
        }
        if !self.deciding {
            // The pipeline keeps what follows until the log shows that another engine has raised it.
        } else if !follows.is_empty() {
            self.unmarked = 0;
            self.raise(follows, stop).await;
        } else if self.unmarked >= MARK_EVERY {
            self.mark(stop).await;
        }
        Ok(())
    }

    /// Tells how much is left to do, by whomever: an engine that stands by shows it, too.
    fn tell_what_is_left(&self) {
        let state = self.pipeline.state();
        metrics::held(state.held.len());
        metrics::unraised(self.pipeline.outstanding_count());
        for (connection, lane) in self.dispatcher.lanes() {
            metrics::lane_depth(connection, state.attempts.depth(connection));
            metrics::circuit(connection, lane.circuit().standing());
        }
    }

    /// Writes how the connections are whose lanes are driven here.
    fn tell_how_connections_are(&self) {
        let now = self.surroundings.clock.now();
        let driven = self.dispatcher.lanes().filter(|(connection, _)| self.dispatcher.drives(connection));
        self.surroundings.board.write(driven.map(|(connection, lane)| (connection.clone(), lane.told(now))).collect());
    }

    /// Takes in what other engines on the same log did.
    fn see_others(&mut self, step: &Step, own: &Configuration) {
        let duties = &self.surroundings.duties;
        if !duties.are_shared() {
            return;
        }
        duties.see(&step.happening);
        match &step.happening.event {
            Happening::Configured(_) => self.compare(own),
            Happening::Started(started) if started.engine != duties.engine() => {
                let open = self.pipeline.state().attempts.get(started.intent_id);
                if open.is_some_and(|open| self.dispatcher.drives(&open.connection)) {
                    // Its lane was taken from it in between: it will not call, or its call is over by then.
                    let over = Instant::now() + duties.call_is_over_after();
                    self.interrupted.insert(started.intent_id, over);
                }
            }
            Happening::Settled { settled, .. } => {
                self.interrupted.remove(&settled.intent_id);
            }
            Happening::Advanced(_) => self.marked = Some(Some(step.happening.revision)),
            Happening::Observed { .. }
            | Happening::Raised(_)
            | Happening::Started(_)
            | Happening::Instructed(_)
            | Happening::Polled(_)
            | Happening::Arranged(_) => {}
        }
    }

    /// An engine whose configuration is not the one in force keeps its hands off everything but webhooks.
    fn compare(&self, own: &Configuration) {
        let in_force = &self.pipeline.state().configuration;
        let same = self.surroundings.duties.set_in_force(own, in_force);
        let was_same = !self.surroundings.readiness.set_outdated(!same);
        if was_same == same {
            return;
        }
        if same {
            info!("the configuration of this engine is in force again");
        } else {
            error!(
                "another engine has put another configuration in force; this one only lets webhooks in from here on; \
                 start it again with the same configuration"
            );
        }
    }

    /// Takes lanes over and leaves them, begins to decide, and ends what other engines left open, as its duties are now.
    async fn arrange(&mut self, pollers: &mut Pollers, stop: &CancellationToken) {
        let duties = self.surroundings.duties.clone();
        if !duties.are_shared() {
            return;
        }
        let now = self.surroundings.clock.now();
        let engine = duties.engine();
        if std::mem::replace(&mut self.engine, engine) != engine {
            // The one that it was is no more, and its attempts have no leave, although it may have all duties again.
            self.dispatcher.leave_all(now);
            self.surroundings.accounts.keys().for_each(|connection| pollers.end(connection));
            self.deciding = false;
        }
        let accounts = Arc::clone(&self.surroundings.accounts);
        for connection in accounts.keys() {
            let duty = Duty::lane(connection);
            let may = duties.may(&duty);
            match (may, self.dispatcher.drives(connection)) {
                (true, false) => {
                    self.take_over(connection, now, &duties);
                    pollers.begin(&self.surroundings, self.pipeline.state(), connection);
                }
                (false, true) => {
                    info!(%connection, "its lane is left to other engines");
                    self.dispatcher.leave(connection, now);
                    pollers.end(connection);
                }
                (true, true) | (false, false) => {}
            }
        }
        let may_decide = duties.may(&Duty::Deciding);
        let begins = may_decide && !self.deciding;
        self.deciding = may_decide;
        if begins {
            let outstanding = self.pipeline.outstanding();
            info!(intents = outstanding.len(), "deciding from here on");
            self.raise(outstanding, stop).await;
        }
        self.end_interrupted(stop).await;
    }

    fn take_over(&mut self, connection: &ConnectionName, now: Timestamp, duties: &Duties) {
        let state = self.pipeline.state();
        let without_end = self.dispatcher.take_over(connection, state, now);
        let open = self.dispatcher.lanes().find(|(name, _)| *name == connection).map_or(0, |(_, lane)| lane.depth());
        info!(%connection, open, in_flight_elsewhere = without_end.len(), "its lane is driven here from here on");
        metrics::taken_over(&Duty::lane(connection));
        let over = Instant::now() + duties.call_is_over_after();
        for intent in without_end {
            let interrupted = self.dispatcher.interrupted(intent, state, now);
            let is_harmless = interrupted.is_some_and(|interrupted| interrupted.is_harmless);
            self.interrupted.insert(intent, if is_harmless { Instant::now() } else { over });
        }
    }

    /// Records the ends of attempts whose engine is no more, once their calls are certainly over.
    async fn end_interrupted(&mut self, stop: &CancellationToken) {
        let now = Instant::now();
        let over: Vec<_> =
            self.interrupted.iter().filter(|(_, over)| **over <= now).map(|(intent, _)| *intent).collect();
        let mut ends = Vec::new();
        let at = self.surroundings.clock.now();
        for intent in over {
            self.interrupted.remove(&intent);
            let state = self.pipeline.state();
            let is_ours = state.attempts.get(intent).is_some_and(|open| self.dispatcher.drives(&open.connection));
            if let Some(interrupted) = self.dispatcher.interrupted(intent, state, at).filter(|_| is_ours) {
                ends.push(self.settled(interrupted.settled));
            }
        }
        if !ends.is_empty() {
            warn!(attempts = ends.len(), "attempts of another engine have no end on record; they are uncertain");
            self.append(ends, stop).await;
        }
    }

    /// Tells the dispatcher, and people if a platform is left alone from here on, or no longer.
    fn see(&mut self, step: &Step) {
        let settled_at = match &step.happening.event {
            Happening::Settled { settled, .. } => Some(&settled.connection),
            Happening::Observed { .. }
            | Happening::Raised(_)
            | Happening::Started(_)
            | Happening::Configured(_)
            | Happening::Instructed(_)
            | Happening::Advanced(_)
            | Happening::Polled(_)
            | Happening::Arranged(_) => None,
        };
        let before = settled_at.and_then(|connection| self.dispatcher.circuit(connection));
        self.dispatcher.see(step, self.pipeline.state());
        let after = settled_at.and_then(|connection| self.dispatcher.circuit(connection));
        if let (Some(connection), Some(before), Some(after)) = (settled_at, before, after) {
            match (before.standing(), after.standing()) {
                (Standing::Closed | Standing::HalfOpen, Standing::Open { until }) => {
                    let (calls, _) = after.silence();
                    warn!(%connection, calls, %until, "the platform does not answer; it is left alone until then");
                }
                (Standing::Open { .. } | Standing::HalfOpen, Standing::Closed) => {
                    info!(%connection, "the platform answers again");
                }
                (Standing::Closed, Standing::Closed | Standing::HalfOpen)
                | (Standing::Open { .. }, Standing::Open { .. } | Standing::HalfOpen)
                | (Standing::HalfOpen, Standing::HalfOpen) => {}
            }
        }
    }

    /// Records intents. One that is on record already was raised by an earlier life of ours.
    async fn raise(&self, intents: Vec<IntentRaised>, stop: &CancellationToken) {
        let now = self.surroundings.clock.now();
        let append = |raised: IntentRaised| {
            let (cause, thread) = (raised.cause, raised.thread.to_string());
            let stream = StreamName::intent(raised.intent_id);
            let event = Event::IntentRaised(raised);
            let id = naming::event_id(&event, Revision::FIRST).expect("an intent's id is derived");
            let sealed = codec::seal(&event, id, now, Some(cause), Some(&thread));
            Append { stream, expected: ExpectedRevision::NoStream, events: vec![sealed] }
        };
        // In this order, whatever fails in between: an intent in the log says that everything before its cause was decided.
        append_in_order_until_taken(&*self.surroundings.log, intents.into_iter().map(append).collect(), stop).await;
    }

    /// Tells the log that everything so far was decided.
    async fn mark(&mut self, stop: &CancellationToken) {
        let Some(through) = self.pipeline.settled_through() else { return };
        self.unmarked = 0;
        let stream = StreamName::policy();
        if self.marked.is_none() {
            self.marked = last_revision(&*self.surroundings.log, &stream).await;
        }
        let Some(last) = self.marked else { return };
        let event = Event::PolicyAdvanced(PolicyAdvanced { through });
        let (expected, revision) = match last {
            Some(last) => (ExpectedRevision::Exact(last), last.next()),
            None => (ExpectedRevision::NoStream, Revision::FIRST),
        };
        let id = naming::event_id(&event, revision).expect("a mark's id is derived");
        let sealed = codec::seal(&event, id, self.surroundings.clock.now(), None, None);
        self.append(vec![Append { stream, expected, events: vec![sealed] }], stop).await;
        self.marked = Some(Some(revision));
    }

    /// Appends until the log has taken all of it, or has said that it stands there already.
    async fn append(&self, appends: Vec<Append>, stop: &CancellationToken) {
        append_until_taken(&*self.surroundings.log, appends, stop).await;
    }

    /// Starts whatever is due. Gives how long to wait for the next.
    fn depart(&mut self, attempts: &mut Attempts) -> Option<Duration> {
        let now = self.surroundings.clock.now();
        let due = self.dispatcher.due(self.pipeline.state(), now);
        for departure in due.departures {
            self.attempt(departure, attempts);
        }
        let next = due.next.map(|next| next.since(now).max(Duration::from_millis(1)));
        let over = self.interrupted.values().min().map(|over| over.saturating_duration_since(Instant::now()));
        next.into_iter().chain(over).min()
    }

    /// An attempt has come to its end, or has not gone out because its call falls under another limit than estimated.
    fn see_off(&mut self, ended: Result<Option<Misplaced>, tokio::task::JoinError>, attempts: &mut Attempts) {
        match ended {
            Ok(None) => {}
            Ok(Some((departure, class))) => {
                let now = self.surroundings.clock.now();
                if let Some(departure) = self.dispatcher.permit(departure, class, now) {
                    self.attempt(departure, attempts);
                }
            }
            Err(broken) if broken.is_panic() => {
                error!("an attempt broke off; it will be found in the log as uncertain at the next start");
            }
            Err(_) => {}
        }
    }

    fn attempt(&self, departure: Departure, attempts: &mut Attempts) {
        let Some(account) = self.surroundings.accounts.get(&departure.connection).cloned() else { return };
        let places = attempts.places.clone();
        let (stop, halt) = (attempts.stop.clone(), attempts.halt.clone());
        let errand = Errand { surroundings: self.surroundings.clone(), account, departure, places };
        attempts.under_way.spawn(async move {
            tokio::select! {
                misplaced = errand.run(&stop) => misplaced,
                () = halt.cancelled() => None,
            }
        });
    }

    fn settled(&self, settled: AttemptSettled) -> Append {
        settled_append(settled, self.surroundings.clock.now())
    }

    /// How far the log's end is ahead of what was taken in, in the store's own counting.
    async fn behind(&self) -> u64 {
        let newest =
            self.surroundings.log.read_backwards(1).await.ok().and_then(|newest| Some(newest.first()?.position));
        let taken = self.position.map_or(0, Position::commit);
        newest.map_or(0, |newest| newest.commit().saturating_sub(taken))
    }

    async fn finish(&mut self, attempts: Attempts) {
        let Attempts { mut under_way, halt, .. } = attempts;
        let in_flight = under_way.len();
        if in_flight > 0 {
            info!(in_flight, "stopping; waiting for the attempts in flight");
        }
        let ended =
            tokio::time::timeout(self.surroundings.grace, async { while under_way.join_next().await.is_some() {} });
        if ended.await.is_err() {
            warn!(
                left = under_way.len(),
                "the grace period is over; what is in flight will be uncertain at the next start"
            );
            halt.cancel();
        }
        if self.unmarked > 0 && self.deciding {
            let expired = CancellationToken::new();
            expired.cancel();
            self.mark(&expired).await;
        }
    }
}

/// The attempts under way, and what each is given along.
struct Attempts {
    /// One whose class was estimated wrongly comes back with the right one.
    under_way: JoinSet<Option<Misplaced>>,
    /// It is time to stop: nothing new leaves the house.
    stop: CancellationToken,
    /// Nobody waits any longer for what has left it.
    halt: CancellationToken,
    /// Where whoever has lost their place asks for another. Kept as long as there are attempts, polled or not.
    places: Places,
}

impl Attempts {
    fn new(stop: CancellationToken, places: Places) -> Self {
        Self { under_way: JoinSet::new(), stop, halt: CancellationToken::new(), places }
    }
}

type Misplaced = (Departure, &'static str);

/// One attempt on its way out and back.
struct Errand {
    surroundings: Surroundings,
    account: Account,
    departure: Departure,
    places: Places,
}

impl Errand {
    /// Gives the attempt back, untouched, if its call falls under the limit of another class than estimated.
    async fn run(mut self, stop: &CancellationToken) -> Option<Misplaced> {
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

/// Counts what a step brought, once, where it is taken in.
fn measure(step: &Step) {
    for remark in &step.remarks {
        metrics::remarked(remark.remark);
    }
    for change in &step.changes {
        if let Change::Anomaly(anomaly) = change {
            metrics::anomaly(anomaly.anomaly);
            warn!(kind = anomaly.anomaly.label(), event = %anomaly.event, detail = anomaly.detail, "anomaly");
        }
    }
    match &step.happening.event {
        Happening::Raised(raised) => metrics::raised(&raised.connection, &raised.intent),
        Happening::Settled { settled, .. } => metrics::settled(&settled.connection, &settled.outcome),
        Happening::Observed { .. }
        | Happening::Started(_)
        | Happening::Configured(_)
        | Happening::Instructed(_)
        | Happening::Advanced(_)
        | Happening::Polled(_)
        | Happening::Arranged(_) => {}
    }
}

/// The revision of an intent's stream before an attempt: one event for the intent, two for each attempt.
fn before_attempt(attempt: u32) -> Revision {
    Revision::new(u64::from(attempt.saturating_sub(1)) * 2)
}

fn settled_append(settled: AttemptSettled, now: Timestamp) -> Append {
    let stream = StreamName::intent(settled.intent_id);
    let revision = before_attempt(settled.attempt).next();
    let event = Event::AttemptSettled(settled);
    let id = naming::event_id(&event, revision.next()).expect("an attempt's id is derived");
    let sealed = codec::seal(&event, id, now, None, None);
    Append { stream, expected: ExpectedRevision::Exact(revision), events: vec![sealed] }
}

/// Appends until the log has taken everything, in order; a conflict means that it stands there already. What the log has
/// not taken holds up what comes behind it: of two messages of a dialogue the second is never raised before the first, and
/// an intent on record says that everything before its cause was decided. Told to stop, it tries once more and leaves the
/// rest to the next start, which finds it undone.
async fn append_until_taken(log: &dyn EventLog, appends: Vec<Append>, stop: &CancellationToken) {
    let mut left = appends;
    while !left.is_empty() {
        let answers = log.append_in_order(left.clone()).await;
        let taken = answers.iter().take_while(|answer| !ends_the_order(answer)).count();
        for answer in answers {
            match answer {
                Ok(_) => {}
                Err(AppendError::Conflict { stream, .. }) => debug!(%stream, "on record already"),
                Err(too_large @ AppendError::TooLarge { .. }) => {
                    error!(error = %chain(&too_large), "this can never be recorded");
                }
                Err(error @ (AppendError::Unavailable { .. } | AppendError::Unknown { .. })) => {
                    warn!(error = %chain(&error), "the log does not take this; trying again");
                }
            }
        }
        left.drain(..taken);
        if !left.is_empty() && !pause(stop).await {
            return;
        }
    }
}

/// A stream's last revision: `None` if the log does not say, `Some(None)` if there is no such stream.
pub(crate) async fn last_revision(log: &dyn EventLog, stream: &StreamName) -> Option<Option<Revision>> {
    let mut last = None;
    loop {
        let from = last.map_or(Revision::FIRST, Revision::next);
        match log.read_stream(stream, from, BATCH).await.ok()?.last() {
            Some(event) => last = Some(event.revision),
            None => return Some(last),
        }
    }
}

/// The same, and nothing is stored before what stands before it.
async fn append_in_order_until_taken(log: &dyn EventLog, appends: Vec<Append>, stop: &CancellationToken) {
    let mut left = appends;
    while !left.is_empty() {
        let answers = log.append_in_order(left.clone()).await;
        let mut done = answers.len();
        if let Some(answer) = answers.last().filter(|answer| ends_the_order(answer)) {
            done -= 1;
            if let Err(error) = answer {
                warn!(error = %chain(error), "the log does not take this; trying again");
            }
        }
        for answer in answers {
            match answer {
                Err(too_large @ AppendError::TooLarge { .. }) => {
                    error!(error = %chain(&too_large), "this can never be recorded");
                }
                Err(AppendError::Conflict { stream, .. }) => debug!(%stream, "on record already"),
                Ok(_) | Err(AppendError::Unavailable { .. } | AppendError::Unknown { .. }) => {}
            }
        }
        left.drain(..done);
        if !left.is_empty() && !pause(stop).await {
            return;
        }
    }
}

/// Leaves the log alone for a moment; `false` if it is time to stop.
pub(crate) async fn pause(stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(LOG_PAUSE) => true,
    }
}

async fn sleep_for(wake: Option<Duration>) {
    match wake {
        Some(wake) => tokio::time::sleep(wake).await,
        None => std::future::pending().await,
    }
}

/// An error with all its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use chatledger_projections::event::PolicyAdvanced;
    use chatledger_projections::time::Timestamp;

    use super::*;
    use crate::log::failing::{Failing, Fault};
    use crate::log::memory::MemoryLog;

    #[tokio::test]
    async fn what_the_log_refuses_holds_up_what_comes_behind_it() {
        let log = Failing::new(Arc::new(MemoryLog::new()));
        let append = |name: &str| {
            let through = EventId::derived(&[name.as_bytes()]);
            let event = Event::PolicyAdvanced(PolicyAdvanced { through });
            let sealed = codec::seal(&event, through, Timestamp::from_millis(0), None, None);
            Append { stream: StreamName::named(name), expected: ExpectedRevision::NoStream, events: vec![sealed] }
        };
        for fault in [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer] {
            log.fail_next(fault);
        }
        append_until_taken(&log, ["one", "two", "three"].map(append).into(), &CancellationToken::new()).await;
        let order: Vec<String> = log
            .read_all(None, 9)
            .await
            .expect("it can be read")
            .into_iter()
            .map(|event| event.stream.to_string())
            .collect();
        assert_eq!(order, ["one", "two", "three"]);
    }
}
