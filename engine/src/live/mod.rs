//! The engine at work: follows the log, raises what follows from it, and carries it out.
//!
//! One task owns the pipeline and the dispatcher; everything it knows it knows from the log, its own attempts
//! included. Attempts run beside it, each: start on record, request, reply, end on record. Nothing here decides.
//!
//! Where several engines share the log, each of them folds all of it, and acts only for the [`crate::duties`] that it has.
//!
//! [`outing`]: one attempt on its way out and back; [`record`]: what is put on record, and how long that is tried.

mod outing;
mod record;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chatledger_projections::change::Change;
use chatledger_projections::configuration::Configuration;
use chatledger_projections::duties::Duty;
use chatledger_projections::event::{AttemptSettled, Event, Happening, IntentRaised, PolicyAdvanced};
use chatledger_projections::ids::{ConnectionName, EngineId, IntentId};
use chatledger_projections::projection::Projection as _;
use chatledger_projections::recorded::{Position, Revision, StreamName};
use chatledger_projections::time::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use self::outing::{Attempts, Misplaced, Outing};
use self::record::{LOG_PAUSE, append_until_taken, raised_append, settled_append};
pub(crate) use self::record::{last_revision, pause};
use crate::clock::Clock;
use crate::config::Accounts;
use crate::dispatch::attempt::Departure;
use crate::dispatch::circuit::Standing;
use crate::dispatch::{Dispatcher, Rules};
use crate::duties::Duties;
use crate::fold::{FoldError, fold};
use crate::http::Http;
use crate::in_force::put_in_force;
use crate::ingress::Readiness;
use crate::log::{
    Append, AppendError, EventLog, ExpectedRevision, Following, StoredEvent, codec, ends_the_order, naming,
};
use crate::media::Media;
use crate::metrics;
use crate::passes::Passes;
use crate::pipeline::{Pipeline, Step, read_in_place};
use crate::places::Places;
use crate::poll::Pollers;
use crate::reading::Board;
use crate::traces::{Follower, Part, Span, Traces};
use crate::watch::Watch;

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
    /// Who wants to know the ways from webhooks to calls.
    pub traces: Traces,
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
    /// What people want to be warned of.
    watch: Watch,
    /// Makes traces, if anybody wants them.
    follower: Option<Follower>,
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

/// How often it is told how much is left to do, while that is never nothing.
const TELL_EVERY: Duration = Duration::from_millis(100);

impl Live {
    /// Reads the whole history back. Nothing is sent.
    pub async fn resume(surroundings: Surroundings) -> Result<Self, LiveError> {
        let log = surroundings.log.clone();
        let mut dispatcher = Dispatcher::new(surroundings.accounts.clone(), surroundings.rules);
        if surroundings.duties.are_shared() {
            dispatcher.leave_all(surroundings.clock.now());
        }
        let (mut watch, mut follower) = (Watch::default(), surroundings.traces.is_on().then(Follower::default));
        let folded = tokio::task::spawn_blocking(move || {
            let mut pipeline = Pipeline::default();
            let mut dispatcher = dispatcher;
            let position = fold(&*log, &mut pipeline, None, None, &mut |step, state| {
                dispatcher.recall(step, state);
                watch.see(&step.happening);
                if let Some(follower) = &mut follower {
                    follower.learn(step);
                }
            })?;
            Ok::<_, FoldError>((pipeline, dispatcher, position, watch, follower))
        });
        let (pipeline, dispatcher, position, watch, follower) = folded.await??;
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
            watch,
            follower,
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
        let mut told = Instant::now();
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
            if caught_up || told.elapsed() >= TELL_EVERY {
                // Before the lag: whoever reads that there is none reads what is left after all of it.
                self.tell_what_is_left();
                self.tell_how_connections_are();
                metrics::lag(if caught_up { 0 } else { self.behind(&*following).await });
                told = Instant::now();
            }
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
            self.trace_left_behind(&outstanding);
            self.raise(outstanding.into_iter().map(Arc::new).collect(), stop).await;
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
            let unsealed = codec::unseal(stored.as_ref()).map_err(FoldError::from)?;
            let step = self.pipeline.take_in(read_in_place(unsealed));
            self.see(&step);
            self.watch.see(&step.happening);
            self.trace(&step);
            self.see_others(&step, own);
            measure(&step);
            self.position = Some(position);
            self.unmarked += usize::from(!matches!(step.happening.event, Happening::Arranged(_)));
            follows.extend(step.intents);
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
            metrics::quotas(connection, lane.quotas());
        }
        self.watch.tell(self.surroundings.accounts.keys());
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
            self.trace_left_behind(&outstanding);
            self.raise(outstanding.into_iter().map(Arc::new).collect(), stop).await;
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
    async fn raise(&self, intents: Vec<Arc<IntentRaised>>, stop: &CancellationToken) {
        let began = self.surroundings.clock.now();
        let decided =
            self.follower.as_ref().map(|follower| follower.decided(intents.iter().map(|raised| &**raised), began));
        if self.record_raised(intents, stop).await
            && let Some(decided) = decided
        {
            let ended = self.surroundings.clock.now();
            self.surroundings.traces.give(decided.into_iter().map(|span| Span { ended, ..span }).collect());
        }
    }

    /// Puts them on record, all of them in their order; `false` if it was time to stop before.
    async fn record_raised(&self, mut intents: Vec<Arc<IntentRaised>>, stop: &CancellationToken) -> bool {
        // In this order, whatever fails in between: an intent in the log says that everything before its cause was decided.
        // Sealed anew where the log did not take it, rather than copied in case that it does not.
        while !intents.is_empty() {
            let now = self.surroundings.clock.now();
            let appends = intents.iter().map(|raised| raised_append(raised, now)).collect();
            let answers = self.surroundings.log.append_in_order(appends).await;
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
            intents.drain(..done);
            if !intents.is_empty() && !pause(stop).await {
                return false;
            }
        }
        true
    }

    /// Tells of the spans that came to their end with a step, as far as they are this engine's.
    fn trace(&mut self, step: &Step) {
        let Some(follower) = &mut self.follower else { return };
        let drives = |connection: &ConnectionName| self.dispatcher.drives(connection);
        let part = Part { decides: self.deciding, drives: &drives };
        self.surroundings.traces.give(follower.see(step, part, self.surroundings.clock.now()));
    }

    /// Tells of what led to intents that somebody else should have raised and did not.
    fn trace_left_behind(&self, outstanding: &[IntentRaised]) {
        let Some(follower) = &self.follower else { return };
        self.surroundings.traces.give(follower.left_behind(outstanding, self.surroundings.clock.now()));
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
        let outing = Outing { surroundings: self.surroundings.clone(), account, departure, places };
        attempts.under_way.spawn(async move {
            tokio::select! {
                misplaced = outing.run(&stop) => misplaced,
                () = halt.cancelled() => None,
            }
        });
    }

    fn settled(&self, settled: AttemptSettled) -> Append {
        settled_append(settled, self.surroundings.clock.now())
    }

    /// How far the log's end is ahead of what was taken in, in the store's own counting.
    async fn behind(&self, following: &dyn Following) -> u64 {
        let newest = match following.newest() {
            Some(newest) => Some(newest),
            None => {
                self.surroundings.log.read_backwards(1).await.ok().and_then(|newest| Some(newest.first()?.position))
            }
        };
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
