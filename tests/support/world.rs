//! A world: the real pipeline and dispatcher between simulated platforms, on one thread and on virtual time.
//!
//! Takes a script, gives what it led to. The engine's parts are the same as at work; only the task that joins them
//! is another, for this one has no runtime: an agenda of what happens when, and a clock that jumps to the next entry.
//! A crash takes everything but the log, the spool and the platforms. Absent are sockets and disks.
//!
//! * [`town`]: a company's accounts and routes; `people`: what people and platforms do, and the way in;
//! * `engine`: the engine at work, on a `ledger` that fails when the script says so;
//! * [`shared`]: several engines beside each other on one log;
//! * [`watch`]: whoever looks on and complains; [`mutation`]: bugs planted on purpose.

mod engine;
mod ledger;
pub mod mutation;
mod people;
pub mod shared;
pub mod town;
pub mod watch;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use chatledger::config::{Accounts, Config};
use chatledger::dispatch::Rules;
use chatledger::dispatch::attempt::Departure;
use chatledger::dispatch::backoff::Backoff;
use chatledger::dispatch::circuit::CircuitRules;
use chatledger::log::failing::Fault;
use chatledger::log::{AppendError, Appended};
use chatledger::spool::gate::Gate;
use chatledger_connectors::connector::{Call, Pass, SimulatedAccount};
use chatledger_connectors::simulator::{Emitted, Simulator};
use chatledger_projections::event::{AttemptSettled, AttemptStarted, Event, RecordedReply};
use chatledger_projections::ids::{ConnectionName, EventId};
use chatledger_projections::time::Timestamp;

use crate::ending::{Cause, Ending, Made, Mark, Written};
use crate::script::{Deed, Script, Setting};

use engine::Engine;
use ledger::{Entry, Ledger};
use mutation::Mutation;
pub use town::{ASSISTANT, CHANNEL, CRM, SECOND_ASSISTANT, assistant_of, channel_of, configuration, crm_of};
use watch::Watch;

/// When worlds begin; nothing depends on it.
const BEGINNING: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// How long an answer usually takes.
const LATENCY: Duration = Duration::from_millis(80);

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a log that has refused is left alone, as the engine does.
const LOG_PAUSE: Duration = Duration::from_millis(250);

/// How long whoever knocks waits before a door that is still closed.
const DOOR_PAUSE: Duration = Duration::from_secs(1);

/// A world in which so much happens for each deed never comes to rest.
const RESTLESS: usize = 1_500;

/// After so many deeds it is looked at what people see; also after each crash.
const LOOK_EVERY: usize = 64;

/// How intents are carried out in every world.
pub const RULES: Rules = Rules {
    in_flight: 8,
    give_up_after: Duration::from_secs(24 * 60 * 60),
    backoff: Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(300) },
    circuit: CircuitRules { after: 5, first: Duration::from_secs(5), cap: Duration::from_secs(60) },
};

/// How a world is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Whether a chronicle is kept.
    pub tells: bool,
    /// Whether it ends with the first complaint, or when it turns out never to come to rest.
    pub stops: bool,
    /// Whether the log is sealed and opened again in the end, as a store would.
    pub reads_back: bool,
    /// A bug to plant.
    pub mutation: Option<Mutation>,
}

/// Lets a script happen until everything is at rest.
///
/// # Panics
/// If it never comes to rest, or if the engine does what it must not.
pub fn run(script: &Script) -> Ending {
    let ending = run_under(script, Look { tells: true, stops: false, reads_back: false, mutation: None });
    let complaints: Vec<String> = ending.watched.iter().map(ToString::to_string).collect();
    assert!(complaints.is_empty(), "{}\n{script:?}{}", complaints.join("\n"), ending.chronicle);
    ending
}

/// Lets a script happen, looked at in this way. What was found stands in the ending.
pub fn run_under(script: &Script, look: Look) -> Ending {
    let mut world = World::new(script, look);
    world.happen();
    world.end()
}

struct World<'a> {
    script: &'a Script,
    look: Look,
    /// How the company has set things up by now.
    setting: Setting,
    config: Config,
    accounts: Arc<Accounts>,
    passes: BTreeMap<ConnectionName, Pass>,
    platforms: BTreeMap<ConnectionName, Box<dyn Simulator>>,
    log: Ledger,
    spool: VecDeque<Entry>,
    gate: Gate,
    /// How many of those in the spool an earlier life left there.
    left_behind: usize,
    engine: Engine,
    agenda: Agenda,
    watch: Watch,
    /// The time as it is.
    now: Timestamp,
    /// By how many milliseconds our clock is ahead of it.
    skew: i64,
    /// Appends and calls so far.
    points: u16,
    crashes: usize,
    deeds: usize,
    marks: Vec<Mark>,
    calls: Vec<Made>,
    attempted: usize,
    webhooks: usize,
    appends: u32,
    causes: BTreeMap<EventId, Cause>,
    written: Vec<Written>,
    unsaid: Vec<Written>,
    lost: Vec<Written>,
    withdrawn: Vec<u8>,
    reacted: Vec<u8>,
    tally: BTreeMap<&'static str, u64>,
    chronicle: String,
}

/// What happens when; of the same moment, what was entered first.
#[derive(Default)]
struct Agenda {
    entries: BTreeMap<(Timestamp, u64), Happens>,
    entered: u64,
}

enum Happens {
    Deed(Deed),
    Webhook {
        from: ConnectionName,
        emitted: Emitted,
        cause: Cause,
        delivery: u64,
    },
    Answer {
        departure: Departure,
        started: AttemptStarted,
        answer: Answer,
    },
    /// The log did not take a start, or did not say so.
    SetOut {
        departure: Departure,
        errand: Errand,
        in_doubt: bool,
    },
    /// A call has lost its place under a limit while its start waited for the log, and was told to ask again.
    Leave {
        departure: Departure,
        started: AttemptStarted,
        call: Call,
    },
    /// The log did not take an end.
    Settle(AttemptSettled),
    /// The spool is passed on.
    PassOn,
    /// Our clock is set, by so many milliseconds.
    ClockSet(i32),
    /// The company changes its mind, and starts the engine anew.
    Change,
}

/// What an attempt does once its start is on record.
#[derive(Clone)]
enum Errand {
    Call(AttemptStarted, Call),
    End(AttemptStarted, AttemptSettled),
}

enum Answer {
    Reply(RecordedReply),
    Silence,
    NoConnection,
}

/// The engine was killed.
struct Crash;

type Lived = Result<(), Crash>;

impl<'a> World<'a> {
    fn new(script: &'a Script, look: Look) -> Self {
        let config = configuration(script.setting);
        let accounts = Arc::new(config.connections.clone());
        let simulated = |(name, account): (&ConnectionName, &chatledger::config::Account)| {
            let own = SimulatedAccount { name, settings: &account.settings, secrets: &account.secrets };
            (name.clone(), account.connector.simulator(&own).expect("the settings were checked before"))
        };
        Self {
            script,
            look,
            setting: script.setting,
            platforms: accounts.iter().map(simulated).collect(),
            engine: Engine::new(&accounts),
            watch: Watch::new(&accounts),
            config,
            accounts,
            passes: BTreeMap::new(),
            log: Ledger::default(),
            spool: VecDeque::new(),
            gate: Gate::default(),
            left_behind: 0,
            agenda: Agenda::default(),
            now: BEGINNING,
            skew: 0,
            points: 0,
            crashes: 0,
            deeds: 0,
            marks: Vec::new(),
            calls: Vec::new(),
            attempted: 0,
            webhooks: 0,
            appends: 0,
            causes: BTreeMap::new(),
            written: Vec::new(),
            unsaid: Vec::new(),
            lost: Vec::new(),
            withdrawn: Vec::new(),
            reacted: Vec::new(),
            tally: BTreeMap::new(),
            chronicle: String::new(),
        }
    }

    fn happen(&mut self) {
        let mut at = BEGINNING;
        for deed in &self.script.deeds {
            at = at + Duration::from_millis(deed.after.into());
            self.agenda.enter(at, Happens::Deed(deed.clone()));
        }
        let moment = |after: u32| BEGINNING + Duration::from_millis(after.into());
        for (after, by) in &self.script.clock {
            self.agenda.enter(moment(*after), Happens::ClockSet(*by));
        }
        for after in &self.script.changes {
            self.agenda.enter(moment(*after), Happens::Change);
        }
        self.start();
        let most = RESTLESS * (16 + self.script.deeds.len());
        for steps in 0.. {
            if steps > most {
                self.watch.complain("every world comes to rest", format_args!("not after {steps} steps"));
                return;
            }
            if self.look.stops && !self.watch.complaints().is_empty() {
                return;
            }
            let next = match (self.agenda.next(), self.engine.wake) {
                (Some(entry), Some(wake)) => entry.min(wake),
                (Some(next), None) | (None, Some(next)) => next,
                (None, None) => return,
            };
            self.now = self.now.max(next);
            let lived = match self.agenda.due(self.now) {
                Some(happens) => self.take(happens),
                None => self.work(),
            };
            if let Err(Crash) = lived {
                self.start();
            }
        }
    }

    fn take(&mut self, happens: Happens) -> Lived {
        match happens {
            Happens::Deed(deed) => {
                self.marks.push(self.mark());
                self.act(&deed);
                self.deeds += 1;
                if self.deeds.is_multiple_of(LOOK_EVERY) {
                    self.look_around();
                }
                Ok(())
            }
            Happens::Webhook { from, emitted, cause, delivery } => self.receive(&from, emitted, cause, delivery),
            Happens::Answer { departure, started, answer } => self.answer(&departure, &started, &answer),
            Happens::SetOut { departure, errand, in_doubt } => self.set_out(departure, errand, in_doubt),
            Happens::Leave { departure, started, call } => self.leave(departure, started, call),
            Happens::Settle(settled) => self.settle(settled),
            Happens::PassOn => self.pass_on(),
            Happens::ClockSet(by) => {
                self.skew += i64::from(by);
                self.count(if by < 0 { "clock set back" } else { "clock set ahead" });
                self.tell(format_args!("our clock is set by {by} ms"));
                self.watch.clock_was_set();
                // Whoever sleeps, sleeps on; whoever looks at the clock sees another time.
                Ok(())
            }
            Happens::Change => {
                self.tell(format_args!("the company changes its mind"));
                self.count("configuration changed");
                self.setting.claim = !self.setting.claim;
                self.config = configuration(self.setting);
                Err(Crash)
            }
        }
    }

    fn mark(&self) -> Mark {
        Mark {
            calls: self.attempted,
            webhooks: self.webhooks,
            events: self.log.events.len(),
            points: self.points,
            appends: self.appends,
        }
    }

    /// The time by our clock.
    fn ours(&self) -> Timestamp {
        Timestamp::from_millis(self.now.as_millis() + self.skew)
    }

    // ---- the log ----

    /// Asks the log to take something, and tells the engine that there may be news.
    fn append(&mut self, entry: &Entry) -> Result<Result<Appended, AppendError>, Crash> {
        let number = self.appends;
        self.appends += 1;
        let fault = if self.is_disk_full() { Some(Fault::Refuse) } else { self.script.appends.get(&number).copied() };
        if let Some(fault) = fault {
            self.count(label(fault));
            self.tell(format_args!("  {}: {}", label(fault), Brief(&entry.event)));
        }
        let (before, now) = (self.log.events.len(), self.ours());
        let answer = self.log.append(entry, fault, now);
        if self.log.events.len() > before {
            self.tell(format_args!("  {}", Brief(&entry.event)));
            self.watch.stored(&self.log.events[before]);
            let lag = self.script.lags.get(self.log.events.len()).copied().unwrap_or_default();
            self.engine.wake_by(self.now + Duration::from_millis(lag.into()));
        }
        self.point()?;
        Ok(answer)
    }

    fn is_disk_full(&self) -> bool {
        let since = self.now.since(BEGINNING).as_millis();
        let is_within =
            |(from, long): &(u32, u32)| (u128::from(*from)..u128::from(*from) + u128::from(*long)).contains(&since);
        self.script.full_disk.iter().any(is_within)
    }

    /// A place where the engine may be killed.
    fn point(&mut self) -> Lived {
        let here = self.points;
        self.points = self.points.saturating_add(1);
        if self.script.crashes.contains(&here) {
            self.crashes += 1;
            self.count("engine killed");
            self.tell(format_args!("the engine is killed"));
            return Err(Crash);
        }
        Ok(())
    }

    // ---- what is told of it ----

    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn tell(&mut self, line: fmt::Arguments<'_>) {
        if self.look.tells {
            let since = self.now.since(BEGINNING).as_millis();
            writeln!(self.chronicle, "{since:>8} {line}").expect("a text takes everything");
        }
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.look.mutation == Some(mutation)
    }

    fn end(self) -> Ending {
        let transcripts: BTreeMap<_, _> =
            self.platforms.iter().map(|(name, platform)| (name.clone(), platform.transcript())).collect();
        let of = |at: &str| transcripts[&ConnectionName::new(at)].clone();
        Ending {
            crm: of(CRM),
            channel: of(CHANNEL),
            transcripts,
            read_back: if self.look.reads_back { self.log.read_back() } else { Vec::new() },
            log: self.log.events,
            pipeline: self.engine.pipeline,
            causes: self.causes,
            written: self.written,
            unsaid: self.unsaid,
            lost: self.lost,
            withdrawn: self.withdrawn,
            reacted: self.reacted,
            calls: self.calls,
            attempted: self.attempted,
            crashes: self.crashes,
            marks: self.marks,
            tally: self.tally,
            watched: self.watch.complaints().to_vec(),
            chronicle: self.chronicle,
        }
    }
}

/// What befell an append, in a word or two, for tables.
const fn label(fault: Fault) -> &'static str {
    match fault {
        Fault::Refuse => "append refused",
        Fault::LoseAnswer | Fault::Hang => "append stored, answer lost",
        Fault::LoseRequest => "append lost, nobody can tell",
    }
}

impl Agenda {
    fn enter(&mut self, at: Timestamp, happens: Happens) {
        self.entries.insert((at, self.entered), happens);
        self.entered += 1;
    }

    fn next(&self) -> Option<Timestamp> {
        self.entries.keys().next().map(|(at, _)| *at)
    }

    fn due(&mut self, now: Timestamp) -> Option<Happens> {
        let entry = self.entries.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// Whoever waited for an answer is gone, and whatever was to be done again.
    fn forget_what_was_in_hand(&mut self) {
        self.entries.retain(|_, happens| match happens {
            Happens::Deed(_) | Happens::Webhook { .. } | Happens::ClockSet(_) | Happens::Change => true,
            Happens::Answer { .. }
            | Happens::SetOut { .. }
            | Happens::Leave { .. }
            | Happens::Settle(_)
            | Happens::PassOn => false,
        });
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(reply) => write!(formatter, "{} {}", reply.status, String::from_utf8_lossy(&reply.body.0)),
            Self::Silence => formatter.write_str("no answer"),
            Self::NoConnection => formatter.write_str("no connection"),
        }
    }
}

/// An event in a line.
struct Brief<'a>(&'a Event);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Event::WebhookReceived(webhook) => write!(formatter, "received from {}", webhook.connection),
            Event::IntentRaised(raised) => {
                let (intent, policy) = (raised.intent_id, &raised.policy);
                write!(formatter, "raised {intent} {policy} in {} at {}", raised.thread, raised.connection)
            }
            Event::AttemptStarted(started) => {
                let AttemptStarted { intent_id, attempt, kind, call, engine: _ } = started;
                write!(formatter, "started {intent_id} attempt {attempt} {kind:?} {call}")
            }
            Event::AttemptSettled(settled) => {
                write!(formatter, "settled {} attempt {} {:?}", settled.intent_id, settled.attempt, settled.outcome)
            }
            Event::ConfigurationApplied(_) => formatter.write_str("configured"),
            Event::OperatorInstructed(instructed) => write!(formatter, "instructed {}", instructed.instruction.label()),
            Event::PolicyAdvanced(advanced) => write!(formatter, "decided through {}", advanced.through),
            Event::PollAdvanced(advanced) => {
                write!(formatter, "{} asked through {}", advanced.connection, advanced.through)
            }
            Event::Arranged(arrangement) => formatter.write_str(arrangement.label()),
        }
    }
}
