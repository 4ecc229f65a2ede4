//! Several engines on one log: frozen for longer than a lease, killed, with clocks that run differently and a log that fails.
//!
//! Takes a seed, gives what happened and what must not have. The roster is the real one, and so is the log's rule of what may be
//! appended where (`ledger`, beside this). What an engine does between the two (its leave is asked for before the start is recorded,
//! at each try, and again right before the call) stands here a second time, as `live` does it, without a runtime. The lane is a
//! plain row of messages to a platform that knows no id of ours and can be asked: whatever is called twice is seen twice. Absent:
//! webhooks, deciding, several lanes, and a process that is stopped between its last question and the socket (decision 0021).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use chatledger::duties::{Answer, Deed, Moment, Roster, Terms};
use chatledger::log::failing::Fault;
use chatledger::log::{AppendError, ExpectedRevision};
use chatledger_projections::duties::{Arrangement, Duties, Duty};
use chatledger_projections::event::{AttemptSettled, AttemptStarted, Event, IntentRaised};
use chatledger_projections::ids::{ConnectionName, ConversationId, EngineId, EventId, IntentId, ThreadId};
use chatledger_projections::intent::{Intent, LookUpConversation};
use chatledger_projections::outcome::{AttemptKind, Outcome};
use chatledger_projections::recorded::{Recorded, Revision};
use uuid::Uuid;

use super::ledger::{Entry, Ledger};
use super::watch::Complaint;
use super::{BEGINNING, CHANNEL};
use crate::simulation::chance::Chance;

/// A bug planted in what surrounds the roster.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SharedBug {
    /// Leave is asked for before the start is recorded, and not again before the call.
    CallWithoutLeave,
    /// Starts and ends are appended wherever their stream ends.
    AppendAnywhere,
    /// Whoever had the duty once believes in it for ever.
    NeverLetGo,
    /// What another engine has started is taken for over at once.
    DoNotWaitForItsCall,
}

impl SharedBug {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::CallWithoutLeave, Self::AppendAnywhere, Self::NeverLetGo, Self::DoNotWaitForItsCall];

    /// In words, for tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::CallWithoutLeave => "call-without-leave",
            Self::AppendAnywhere => "append-anywhere",
            Self::NeverLetGo => "never-let-go",
            Self::DoNotWaitForItsCall => "do-not-wait-for-its-call",
        }
    }
}

/// What became of such a world.
#[derive(Debug, Default)]
pub struct Shared {
    /// How often what happened.
    pub tally: BTreeMap<&'static str, u64>,
    /// What is wrong with it.
    pub complaint: Option<Complaint>,
    /// What happened, line by line.
    pub chronicle: String,
}

/// How many messages are written in each world, and how long after one another.
const MESSAGES: usize = 12;
const EVERY: Duration = Duration::from_secs(7);

/// Nothing happens between two looks at a world.
const TICK: Duration = Duration::from_millis(50);

const TERMS: Terms = Terms { lease: Duration::from_secs(8), call_timeout: Duration::from_secs(5) };

/// From then on nothing goes wrong any more.
const FAIR_FROM: Duration = Duration::from_secs(90);

/// By then everything must be done.
const END: Duration = Duration::from_secs(300);

/// Lets a world of several engines happen.
pub fn live(seed: u64, bug: Option<SharedBug>) -> Shared {
    let mut chance = Chance::of(seed);
    let count = chance.within(2, 4);
    let mut world = World::new(chance, bug);
    world.engines = (0..count).map(|number| Engine::new(number, &mut world.chance)).collect();
    while world.now < END && world.told.complaint.is_none() && !world.is_done() {
        world.tick();
    }
    if !world.is_done() && world.told.complaint.is_none() {
        world.complain("nothing is left undone", format!("{:?}", world.truth.items));
    }
    world.told
}

struct World {
    now: Duration,
    chance: Chance,
    bug: Option<SharedBug>,
    log: Ledger,
    /// What the whole log says.
    truth: Row,
    seen: usize,
    engines: Vec<Engine>,
    /// Which messages the platform has, in the order in which they came.
    arrived: Vec<usize>,
    /// Requests in the network: when they arrive.
    on_the_way: Vec<(Duration, usize)>,
    told: Shared,
}

/// The row of messages, as the log has it.
#[derive(Clone, Default)]
struct Row {
    items: Vec<Item>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Item {
    attempts: u32,
    in_flight: Option<(AttemptKind, Option<EngineId>)>,
    in_doubt: bool,
    done: bool,
}

impl Row {
    fn take(&mut self, recorded: &Recorded<Event>) {
        match &recorded.event {
            Event::IntentRaised(_) => self.items.push(Item::default()),
            Event::AttemptStarted(started) => {
                let item = &mut self.items[place(started.intent_id)];
                (item.attempts, item.in_flight) = (started.attempt, Some((started.kind, started.engine)));
            }
            Event::AttemptSettled(settled) => {
                let item = &mut self.items[place(settled.intent_id)];
                item.in_flight = None;
                match (settled.kind, &settled.outcome) {
                    (_, Outcome::Accepted | Outcome::Refused { .. }) => item.done = true,
                    (AttemptKind::Act, Outcome::Uncertain { .. }) => item.in_doubt = true,
                    (AttemptKind::Probe, Outcome::Postponed { .. }) => item.in_doubt = false,
                    (AttemptKind::Act | AttemptKind::Prepare { .. }, Outcome::Postponed { .. })
                    | (AttemptKind::Probe | AttemptKind::Prepare { .. }, Outcome::Uncertain { .. }) => {}
                }
            }
            Event::WebhookReceived(_)
            | Event::ConfigurationApplied(_)
            | Event::OperatorInstructed(_)
            | Event::PolicyAdvanced(_)
            | Event::PollAdvanced(_)
            | Event::Arranged(_) => {}
        }
    }

    /// The first message that is not done.
    fn head(&self) -> Option<(usize, Item)> {
        self.items.iter().copied().enumerate().find(|(_, item)| !item.done)
    }
}

/// Messages are called by their place.
fn name(place: usize) -> IntentId {
    IntentId::from_uuid(Uuid::from_u128(place as u128))
}

fn place(intent: IntentId) -> usize {
    usize::try_from(intent.as_uuid().as_u128()).expect("a row is short")
}

fn duty() -> Duty {
    Duty::lane(&ConnectionName::new(CHANNEL))
}

struct Engine {
    number: u32,
    roster: Roster,
    taken: usize,
    row: Row,
    /// How fast its clock runs, in thousandths.
    rate: u32,
    begun_at: Duration,
    /// It is stopped until then, and does not know.
    frozen_until: Duration,
    /// It was killed, and starts again then.
    dead_until: Option<Duration>,
    drives: bool,
    /// When the call of the attempt that another started is certainly over, by its own clock.
    interrupted: Option<Duration>,
    hand: Hand,
}

/// What an engine has in hand: one attempt.
enum Hand {
    Nothing,
    /// It was given leave, and records the start.
    Starting {
        started: AttemptStarted,
        in_doubt: bool,
        try_at: Duration,
    },
    /// The start is on record.
    Leaving(AttemptStarted),
    /// The request has left.
    Called {
        started: AttemptStarted,
        answered_at: Duration,
        outcome: Outcome,
    },
    /// The end is known, and is not on record.
    Settling {
        settled: AttemptSettled,
        try_at: Duration,
    },
}

impl Engine {
    fn new(number: u32, chance: &mut Chance) -> Self {
        let rate = chance.within(900, 1_100);
        let roster = Roster::new(new_id(chance), format!("place {number}"), TERMS, vec![duty()]);
        let mut engine = Self {
            number,
            roster,
            taken: 0,
            row: Row::default(),
            rate,
            begun_at: Duration::ZERO,
            frozen_until: Duration::ZERO,
            dead_until: None,
            drives: false,
            interrupted: None,
            hand: Hand::Nothing,
        };
        engine.roster.begin(Duties::default(), Moment::default());
        engine.roster.set_willing(true);
        engine
    }

    /// By its own clock.
    fn moment(&self, now: Duration) -> Moment {
        let passed = (now - self.begun_at) * self.rate / 1000;
        Moment { slow: passed, fast: passed }
    }

    fn is_at_work(&self, now: Duration) -> bool {
        self.dead_until.is_none() && now >= self.frozen_until
    }
}

fn new_id(chance: &mut Chance) -> EngineId {
    EngineId::from_uuid(Uuid::from_u128(u128::from(chance.number()) << 64 | u128::from(chance.number())))
}

const fn postponed() -> Outcome {
    Outcome::Postponed { until: None, reason: String::new() }
}

const fn uncertain() -> Outcome {
    Outcome::Uncertain { until: None, reason: String::new() }
}

fn settled(started: &AttemptStarted, outcome: Outcome) -> AttemptSettled {
    AttemptSettled {
        intent_id: started.intent_id,
        attempt: started.attempt,
        kind: started.kind,
        connection: ConnectionName::new(CHANNEL),
        platform: "pact".to_owned(),
        call: started.call.clone(),
        outcome,
        reply: None,
        findings: Vec::new(),
        refusal: None,
        page: None,
    }
}

impl World {
    fn new(chance: Chance, bug: Option<SharedBug>) -> Self {
        Self {
            now: Duration::ZERO,
            chance,
            bug,
            log: Ledger::default(),
            truth: Row::default(),
            seen: 0,
            engines: Vec::new(),
            arrived: Vec::new(),
            on_the_way: Vec::new(),
            told: Shared::default(),
        }
    }

    fn is_done(&self) -> bool {
        self.truth.items.len() == MESSAGES && self.truth.head().is_none() && self.on_the_way.is_empty()
    }

    fn is(&self, bug: SharedBug) -> bool {
        self.bug == Some(bug)
    }

    fn is_foul(&self) -> bool {
        self.now < FAIR_FROM
    }

    fn tick(&mut self) {
        self.now += TICK;
        if self.truth.items.len() < MESSAGES && self.now >= EVERY * self.truth.items.len() as u32 {
            self.raise(self.truth.items.len());
        }
        let (arrive, later) = self.on_the_way.drain(..).partition(|(at, _)| *at <= self.now);
        self.on_the_way = later;
        for (_, message) in arrive {
            self.arrive(message);
        }
        for number in 0..self.engines.len() {
            // Taken out of the row while it works: what it does, it does to the world.
            let stand_in = Engine::new(u32::MAX, &mut Chance::of(0));
            let mut engine = std::mem::replace(&mut self.engines[number], stand_in);
            self.work(&mut engine);
            self.engines[number] = engine;
        }
        let holders: Vec<u32> = self
            .engines
            .iter()
            .filter(|engine| engine.is_at_work(self.now) && engine.roster.holds(&duty(), engine.moment(self.now)))
            .map(|engine| engine.number)
            .collect();
        if holders.len() > 1 {
            self.complain("a duty is one engine's at a time", format!("engines {holders:?}"));
        }
    }

    fn raise(&mut self, message: usize) {
        let raised = IntentRaised {
            intent_id: name(message),
            cause: EventId::derived(&[b"cause", &message.to_be_bytes()]),
            policy: "test".to_owned(),
            connection: ConnectionName::new(CHANNEL),
            thread: ThreadId::from_uuid(Uuid::from_u128(1)),
            intent: Intent::LookUpConversation(LookUpConversation { conversation: ConversationId::new("1") }),
            carries: None,
        };
        let raised = self.log.append(&Entry::raised(raised), None, BEGINNING + self.now);
        raised.expect("nobody else writes there");
        self.look();
    }

    // ---- one engine ----

    fn work(&mut self, engine: &mut Engine) {
        if let Some(until) = engine.dead_until {
            if self.now < until {
                return;
            }
            self.begin_again(engine);
        }
        if !engine.is_at_work(self.now) {
            return;
        }
        self.take_in(engine);
        engine.roster.set_in_touch(true, engine.moment(self.now));
        self.keep(engine);
        self.arrange(engine);
        self.go_on(engine);
        if self.is_foul() {
            // Where it hurts.
            let is_between = matches!(engine.hand, Hand::Starting { .. } | Hand::Leaving(_));
            let has_called = matches!(engine.hand, Hand::Called { .. });
            if self.chance.is(if is_between { 150 } else { 5 }) {
                engine.frozen_until = self.now + Duration::from_millis(self.chance.within(200, 25_000).into());
                self.tell("frozen", format_args!("engine {} until {:?}", engine.number, engine.frozen_until));
            } else if self.chance.below(if has_called { 100 } else { 1_200 }) == 0 {
                engine.dead_until = Some(self.now + Duration::from_millis(self.chance.within(100, 15_000).into()));
                self.tell("killed", format_args!("engine {}", engine.number));
            }
        }
    }

    /// After it was killed: everything is read back, and nothing is in hand.
    fn begin_again(&mut self, engine: &mut Engine) {
        let gone = engine.roster.engine();
        let mut again = Engine::new(engine.number, &mut self.chance);
        again.begun_at = self.now;
        let mut known = Duties::default();
        for recorded in &self.log.events {
            if let Event::Arranged(arrangement) = &recorded.event {
                known.arrange(arrangement, recorded.revision, recorded.recorded_at);
            }
            again.row.take(recorded);
        }
        again.taken = self.log.events.len();
        again.roster.begin(known, again.moment(self.now));
        // Whether it knows that nobody else goes on in its place: its spool has a lock, or it has no spool.
        if self.chance.is(500) {
            again.roster.succeed([gone]);
        }
        *engine = again;
        self.tell("started again", format_args!("engine {}", engine.number));
    }

    fn take_in(&mut self, engine: &mut Engine) {
        let moment = engine.moment(self.now);
        for recorded in &self.log.events[engine.taken..] {
            engine.row.take(recorded);
            match &recorded.event {
                Event::Arranged(arrangement) => {
                    engine.roster.see(arrangement, recorded.revision, recorded.recorded_at, moment);
                }
                // Its lane was taken from it in between: it will not call, or its call is over by then.
                Event::AttemptStarted(started) if engine.drives && started.engine != Some(engine.roster.engine()) => {
                    engine.interrupted = Some(moment.slow + TERMS.call_timeout);
                }
                Event::AttemptSettled(_) => engine.interrupted = None,
                Event::AttemptStarted(_)
                | Event::IntentRaised(_)
                | Event::WebhookReceived(_)
                | Event::ConfigurationApplied(_)
                | Event::OperatorInstructed(_)
                | Event::PolicyAdvanced(_)
                | Event::PollAdvanced(_) => {}
            }
        }
        engine.taken = self.log.events.len();
    }

    /// Appends what the roster says, as the keeper does.
    fn keep(&mut self, engine: &mut Engine) {
        let Some(deed) = engine.roster.next(engine.moment(self.now)) else { return };
        let (arrangement, expected) = match &deed {
            Deed::BeginAnew => {
                let id = new_id(&mut self.chance);
                self.tell("begun anew", format_args!("engine {}", engine.number));
                return engine.roster.begin_anew(id);
            }
            Deed::Sign { seen, revision } => {
                let before = revision.as_u64().checked_sub(1);
                let expected =
                    before.map_or(ExpectedRevision::NoStream, |last| ExpectedRevision::Exact(Revision::new(last)));
                (Arrangement::Seen(seen.clone()), expected)
            }
            Deed::End { ended, last } => (Arrangement::Ended(ended.clone()), ExpectedRevision::Exact(*last)),
            Deed::Take { taken, last } => {
                let expected = last.map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
                (Arrangement::Taken(taken.clone()), expected)
            }
        };
        let answer = match self.append(&Entry::arranged(arrangement, expected)) {
            Ok(_) => Answer::Taken,
            Err(AppendError::Conflict { .. }) => Answer::Conflict,
            Err(AppendError::Unknown { .. } | AppendError::Unavailable { .. } | AppendError::TooLarge { .. }) => {
                Answer::Unknown
            }
        };
        engine.roster.answered(&deed, answer, engine.moment(self.now));
        self.take_in(engine);
    }

    /// Takes the lane over, or leaves it.
    fn arrange(&mut self, engine: &mut Engine) {
        let moment = engine.moment(self.now);
        let may = engine.roster.holds(&duty(), moment) || (self.is(SharedBug::NeverLetGo) && engine.drives);
        if may && !engine.drives {
            self.tell("taken over", format_args!("engine {}", engine.number));
            let in_flight = engine.row.head().and_then(|(_, item)| item.in_flight);
            engine.interrupted = in_flight.map(|(kind, _)| match kind {
                AttemptKind::Probe | AttemptKind::Prepare { .. } => moment.slow,
                AttemptKind::Act => moment.slow + TERMS.call_timeout,
            });
        }
        engine.drives = may;
        if !may {
            engine.interrupted = None;
        }
        let over = engine.interrupted.filter(|over| *over <= moment.slow || self.is(SharedBug::DoNotWaitForItsCall));
        if let (Some(_), Some((message, item))) = (over, engine.row.head())
            && let Some((kind, of)) = item.in_flight
        {
            let started = started(message, item.attempts, kind, of);
            let _again_in_the_next_moment = self.append(&Entry::settled(settled(&started, uncertain())));
            self.take_in(engine);
        }
    }

    fn is_good(&self, engine: &Engine, leave: Option<EngineId>) -> bool {
        let holds = engine.roster.holds(&duty(), engine.moment(self.now)) && Some(engine.roster.engine()) == leave;
        holds || self.is(SharedBug::NeverLetGo)
    }

    /// The next step of what it has in hand. Between any two steps it may be frozen.
    fn go_on(&mut self, engine: &mut Engine) {
        engine.hand = match std::mem::replace(&mut engine.hand, Hand::Nothing) {
            Hand::Nothing => match engine.row.head() {
                Some((message, item)) if engine.drives && item.in_flight.is_none() => {
                    let kind = if item.in_doubt { AttemptKind::Probe } else { AttemptKind::Act };
                    let started = started(message, item.attempts + 1, kind, Some(engine.roster.engine()));
                    if self.is_good(engine, started.engine) {
                        Hand::Starting { started, in_doubt: false, try_at: self.now }
                    } else {
                        Hand::Nothing
                    }
                }
                Some(_) | None => Hand::Nothing,
            },
            Hand::Starting { started, in_doubt, try_at } if self.now < try_at => {
                Hand::Starting { started, in_doubt, try_at }
            }
            Hand::Starting { started, .. } => {
                let entry = self.entry(Entry::started(started.clone()));
                match self.append(&entry) {
                    Ok(_) => Hand::Leaving(started),
                    Err(AppendError::Conflict { .. } | AppendError::TooLarge { .. }) => Hand::Nothing,
                    // Before it tries again it asks again.
                    Err(AppendError::Unknown { .. } | AppendError::Unavailable { .. })
                        if !self.is_good(engine, started.engine) =>
                    {
                        Hand::Nothing
                    }
                    Err(AppendError::Unknown { .. } | AppendError::Unavailable { .. }) => {
                        Hand::Starting { started, in_doubt: true, try_at: self.now + super::LOG_PAUSE }
                    }
                }
            }
            Hand::Leaving(started) => {
                if self.is(SharedBug::CallWithoutLeave) || self.is_good(engine, started.engine) {
                    self.call(engine.number, started)
                } else {
                    let outcome = match started.kind {
                        AttemptKind::Act | AttemptKind::Prepare { .. } => postponed(),
                        AttemptKind::Probe => uncertain(),
                    };
                    self.tell("call not made", format_args!("by engine {}", engine.number));
                    Hand::Settling { settled: settled(&started, outcome), try_at: self.now }
                }
            }
            Hand::Called { started, answered_at, outcome } if self.now < answered_at => {
                Hand::Called { started, answered_at, outcome }
            }
            Hand::Called { started, outcome, .. } => {
                Hand::Settling { settled: settled(&started, outcome), try_at: self.now }
            }
            Hand::Settling { settled, try_at } if self.now < try_at => Hand::Settling { settled, try_at },
            Hand::Settling { settled, .. } => {
                let entry = self.entry(Entry::settled(settled.clone()));
                match self.append(&entry) {
                    Ok(_) | Err(AppendError::Conflict { .. } | AppendError::TooLarge { .. }) => Hand::Nothing,
                    Err(AppendError::Unknown { .. } | AppendError::Unavailable { .. }) => {
                        Hand::Settling { settled, try_at: self.now + super::LOG_PAUSE }
                    }
                }
            }
        };
        self.take_in(engine);
    }

    /// The call leaves. Whoever looks on knows what the log says now.
    fn call(&mut self, number: u32, started: AttemptStarted) -> Hand {
        let message = place(started.intent_id);
        self.tell("called", format_args!("{:?} of message {message} by engine {number}", started.kind));
        let item = self.truth.items[message];
        if (item.attempts, item.in_flight) != (started.attempt, Some((started.kind, started.engine))) {
            self.complain("a start is on record before its call", format!("attempt {} of {message}", started.attempt));
        }
        if self.truth.head().is_some_and(|(head, _)| head != message) {
            self.complain("a dialogue keeps its order", format!("message {message}"));
        }
        let answered_at = self.now + Duration::from_millis(self.chance.within(50, 900).into());
        let silent_until = self.now + TERMS.call_timeout;
        match started.kind {
            AttemptKind::Probe => {
                let outcome = if self.arrived.contains(&message) { Outcome::Accepted } else { postponed() };
                Hand::Called { started, answered_at, outcome }
            }
            AttemptKind::Act | AttemptKind::Prepare { .. } => {
                let is_foul = self.is_foul();
                if is_foul && self.chance.is(100) {
                    return Hand::Called { started, answered_at: silent_until, outcome: uncertain() };
                }
                // It may be under way as long as anybody would wait for it.
                let is_slow = is_foul && self.chance.is(150);
                let takes = if is_slow { self.chance.within(500, 4_900) } else { self.chance.within(1, 49) };
                self.on_the_way.push((self.now + Duration::from_millis(takes.into()), message));
                if is_slow {
                    Hand::Called { started, answered_at: silent_until, outcome: uncertain() }
                } else {
                    Hand::Called { started, answered_at, outcome: Outcome::Accepted }
                }
            }
        }
    }

    fn arrive(&mut self, message: usize) {
        self.tell("arrived", format_args!("message {message}"));
        if self.arrived.contains(&message) {
            self.complain("nothing is seen twice, and nothing that nobody wrote", format!("message {message}"));
        }
        if self.arrived.last().is_some_and(|last| *last > message) {
            self.complain("a dialogue keeps its order", format!("message {message} behind {:?}", self.arrived));
        }
        self.arrived.push(message);
    }

    // ---- the log ----

    fn entry(&self, entry: Entry) -> Entry {
        if self.is(SharedBug::AppendAnywhere) { self.log.at_end_of(entry.stream, entry.event) } else { entry }
    }

    fn append(&mut self, entry: &Entry) -> Result<chatledger::log::Appended, AppendError> {
        let fault = (self.is_foul() && self.chance.is(30))
            .then(|| self.chance.one_of(&[Fault::Refuse, Fault::LoseAnswer, Fault::LoseRequest]));
        if let Some(fault) = fault {
            self.tell(super::label(fault), format_args!("{}", entry.stream));
        }
        let answer = self.log.append(entry, fault, BEGINNING + self.now);
        self.look();
        answer
    }

    fn look(&mut self) {
        while let Some(recorded) = self.log.events.get(self.seen) {
            self.truth.take(recorded);
            self.seen += 1;
            let line = format!("{:>7} {}\n", self.now.as_millis(), super::Brief(&recorded.event));
            self.told.chronicle.push_str(&line);
        }
    }

    fn tell(&mut self, what: &'static str, detail: std::fmt::Arguments<'_>) {
        *self.told.tally.entry(what).or_default() += 1;
        writeln!(self.told.chronicle, "{:>7} {what}: {detail}", self.now.as_millis()).expect("a text takes everything");
    }

    fn complain(&mut self, rule: &'static str, detail: String) {
        self.told.complaint.get_or_insert(Complaint { rule, detail });
    }
}

fn started(message: usize, attempt: u32, kind: AttemptKind, engine: Option<EngineId>) -> AttemptStarted {
    AttemptStarted { intent_id: name(message), attempt, kind, call: "send_v1".to_owned(), engine }
}
