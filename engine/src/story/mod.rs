//! Stories: recorded traffic with what we make of it.
//!
//! Takes a folder of requests and replies in the order of their numbers; runs the real pipeline and the real
//! dispatcher on them, on a clock of the story's own and without a socket; gives a text that people can read and a
//! machine can compare. Webhooks are proven and verified as in life: a simulated platform signs them.
//!
//! | File | What happens |
//! | --- | --- |
//! | `NN-from-WHO.http` | the platform sends this webhook |
//! | `NN-reply-from-WHO.http` | the platform answers the oldest call that waits for an answer |
//! | `NN-file.http` | the server of the file that is being fetched answers; in a line: `no answer`, `forbidden address` … |
//! | `NN-polled-from-WHO.http` | we ask the platform for its news, and it answers this |
//! | `NN-found-at-WHO.json` | this document is found there when it is asked for news or for the past |
//! | `NN-wait-TIME.txt` | nothing, for so long (`90s`, `5m`) |
//! | `NN-assistant-on.txt`, `-off.txt` | an operator switches the assistant on or off in the dialogue that the file names, as `thread-1` |
//! | `NN-held-retry.txt` | an operator has everything tried again that is held in the dialogue that the file names |
//! | `NN-restart.txt` | the engine is killed and starts again |
//!
//! `WHO` is a connection (`amo.main`), or what its name begins with (`amo`). A reply may also be one line: `no answer`
//! or `no connection`. The connections and routes stand in the story's `config.toml`, else in the one beside it.

mod folder;
mod page;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chatledger_connectors::connector::{InboundRequest, Reply, SimulatedAccount};
use chatledger_connectors::polling::{Document, News, Polling};
use chatledger_projections::event::{
    AttemptStarted, Event, Instruction, IntentRaised, OperatorInstructed, PollAdvanced, RecordedReply, Transport,
    WebhookReceived,
};
use chatledger_projections::files::Stored;
use chatledger_projections::ids::{ConnectionName, EventId, IntentId, ThreadId};
use chatledger_projections::outcome::AttemptKind;
use chatledger_projections::recorded::{Position, Recorded, Revision, StreamName};
use chatledger_projections::time::Timestamp;

use crate::config::{Account, Accounts, Config};
use crate::dispatch::attempt::{Carriage, Departure, Plan, conclude, conclude_fetch, plan};
use crate::dispatch::backoff::Backoff;
use crate::dispatch::circuit::CircuitRules;
use crate::dispatch::{Dispatcher, Rules};
use crate::log::naming;
use crate::media::ended::FetchError;
use crate::media::offer::Offer;
use crate::pipeline::Pipeline;
use crate::poll::polled;

pub use folder::StoryError;
use folder::{Answer, Happens, Spoken};
use page::Page;

/// A story that was told.
#[derive(Debug)]
pub struct Told {
    /// What happened, for people and for comparing.
    pub text: String,
    /// The log that it left.
    pub log: Vec<Recorded<Event>>,
    /// The state that it led to.
    pub pipeline: Pipeline,
}

/// Tells the story in a folder.
pub fn tell(folder: &Path) -> Result<Told, StoryError> {
    let story = folder::read(folder)?;
    let mut teller = Teller::new(&story.config);
    teller.apply(&story.config);
    for step in story.steps {
        teller.step(step)?;
    }
    teller.end()
}

/// The engine of a story: all its parts, on one thread.
struct Teller {
    accounts: Arc<Accounts>,
    pipeline: Pipeline,
    dispatcher: Dispatcher,
    log: Vec<Recorded<Event>>,
    revisions: HashMap<StreamName, Revision>,
    intents: HashMap<IntentId, IntentRaised>,
    calls: BTreeMap<ConnectionName, VecDeque<Waiting>>,
    fetches: VecDeque<Waiting>,
    offer: Option<Offer>,
    polls: BTreeMap<ConnectionName, Box<dyn Polling>>,
    now: Timestamp,
    page: Page,
}

/// A call that waits for its answer.
struct Waiting {
    departure: Departure,
    started: AttemptStarted,
}

/// When stories begin; nothing depends on it but what is printed.
const BEGINNING: Timestamp = Timestamp::from_millis(1_695_282_800_000);

/// How much time passes from one step to the next.
const PACE: Duration = Duration::from_secs(1);

const RULES: Rules = Rules {
    in_flight: 8,
    give_up_after: Duration::from_secs(24 * 60 * 60),
    backoff: Backoff { first: Duration::from_secs(2), cap: Duration::from_secs(300) },
    circuit: CircuitRules { after: 5, first: Duration::from_secs(5), cap: Duration::from_secs(60) },
};

impl Teller {
    fn new(config: &Config) -> Self {
        let accounts = Arc::new(config.connections.clone());
        Self {
            dispatcher: Dispatcher::new(accounts.clone(), RULES),
            accounts,
            pipeline: Pipeline::default(),
            log: Vec::new(),
            revisions: HashMap::new(),
            intents: HashMap::new(),
            calls: BTreeMap::new(),
            fetches: VecDeque::new(),
            offer: offer(config),
            polls: BTreeMap::new(),
            now: BEGINNING,
            page: Page::default(),
        }
    }

    fn apply(&mut self, config: &Config) {
        let event = Event::ConfigurationApplied(config.recorded());
        self.record(StreamName::configuration(), event);
    }

    fn step(&mut self, step: folder::Step) -> Result<(), StoryError> {
        self.now = self.now + PACE;
        match step.happens {
            Happens::Webhook { from, spoken } => {
                self.page.heading(&step.name, &format!("{from} says"));
                self.receive(&step.name, &from, &spoken)?;
            }
            Happens::Found { at, body } => {
                self.page.heading(&step.name, &format!("a document is found at {at}"));
                self.find(&step.name, &at, body)?;
            }
            Happens::Reply { from, answer } => {
                self.page.heading(&step.name, &format!("{from} answers"));
                self.answer(&step.name, &from, answer)?;
            }
            Happens::File(ended) => {
                self.page.heading(&step.name, "the file's server answers");
                self.fetched(&step.name, ended)?;
            }
            Happens::Polled { from, answer } => {
                self.page.heading(&step.name, &format!("{from} is asked for news"));
                self.poll(&step.name, &from, answer)?;
            }
            Happens::Wait(time) => {
                self.now = self.now + time;
                self.page.heading(&step.name, "time passes");
            }
            Happens::Instruct { on, thread } => {
                self.page.heading(&step.name, &format!("an operator switches the assistant {}", on_or_off(on)));
                let thread = self.dialogue(&step.name, thread)?;
                self.instruct(if on {
                    Instruction::SwitchAssistantOn { thread }
                } else {
                    Instruction::SwitchAssistantOff { thread }
                });
            }
            Happens::Retry { thread } => {
                self.page.heading(&step.name, "an operator has tried again what is held");
                let thread = self.dialogue(&step.name, thread)?;
                let held: Vec<IntentId> = {
                    let held = self.pipeline.state().held.in_order().into_iter();
                    held.filter(|(_, held)| held.raised.thread == thread).map(|(intent, _)| intent).collect()
                };
                for intent in held {
                    self.instruct(Instruction::RetryHeld { thread, intent, to: None });
                }
            }
            Happens::Restart => {
                self.page.heading(&step.name, "the engine is killed and starts again");
                self.restart(&step.name)?;
            }
        }
        self.depart();
        Ok(())
    }

    fn dialogue(&self, step: &str, name: String) -> Result<ThreadId, StoryError> {
        self.page.thread(&name).ok_or_else(|| StoryError::NoThread { step: step.to_owned(), thread: name })
    }

    fn instruct(&mut self, instruction: Instruction) {
        let (who, said_at) = ("olga".to_owned(), self.now);
        let event = Event::OperatorInstructed(OperatorInstructed { who, said_at, why: None, instruction });
        let id = naming::event_id(&event, Revision::FIRST).expect("an instruction's id is derived");
        self.record_as(id, naming::stream_of(&event, id), event);
    }

    /// The way in, without the socket.
    fn receive(&mut self, step: &str, from: &ConnectionName, spoken: &Spoken) -> Result<(), StoryError> {
        let account = self.accounts.get(from).ok_or_else(|| StoryError::unknown(step, from.as_str()))?;
        let simulated = SimulatedAccount { name: from, settings: &account.settings, secrets: &account.secrets };
        let mut platform =
            account.connector.simulator(&simulated).map_err(|_| StoryError::unknown(step, from.as_str()))?;
        let emitted = platform.say(spoken.body.clone());
        let mut headers = emitted.headers;
        if let Some(content_type) = spoken.header("content-type") {
            headers.retain(|(name, _)| name != "content-type");
            headers.push(("content-type".to_owned(), content_type.to_owned()));
        }
        let borrowed: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let request = InboundRequest {
            method: spoken.method,
            tail: &emitted.tail,
            query: &spoken.query,
            headers: &borrowed,
            body: &emitted.body,
        };
        match account.connection.verify(&request, &account.secrets) {
            Ok(verified) => {
                let id = verified.id();
                let stream = StreamName::webhook(id);
                if self.revisions.contains_key(&stream) {
                    self.page.line("already recorded: the same delivery came before");
                    return Ok(());
                }
                let webhook = WebhookReceived {
                    connection: from.clone(),
                    platform: account.connector.platform().to_owned(),
                    transport: Transport::Webhook,
                    body: verified.body(emitted.body),
                    headers: verified.into_headers(),
                };
                self.record_as(id, stream, Event::WebhookReceived(webhook));
            }
            Err(rejection) => self.page.line(&format!("turned away: {rejection}")),
        }
        Ok(())
    }

    /// What no webhook brought. It needs no proof: we fetched it ourselves.
    fn find(&mut self, step: &str, at: &ConnectionName, body: Vec<u8>) -> Result<(), StoryError> {
        let account = self.accounts.get(at).ok_or_else(|| StoryError::unknown(step, at.as_str()))?;
        let id = EventId::derived(&[at.as_str().as_bytes(), b"found", &body]);
        let stream = StreamName::webhook(id);
        if self.revisions.contains_key(&stream) {
            self.page.line("already recorded: the same document was found before");
            return Ok(());
        }
        let webhook = WebhookReceived {
            connection: at.clone(),
            platform: account.connector.platform().to_owned(),
            transport: Transport::Poll,
            body,
            headers: Vec::new(),
        };
        self.record_as(id, stream, Event::WebhookReceived(webhook));
        Ok(())
    }

    /// What a call of ours brings back.
    fn answer(&mut self, step: &str, from: &ConnectionName, answer: Answer) -> Result<(), StoryError> {
        let waiting = self.calls.get_mut(from).and_then(VecDeque::pop_front);
        let Waiting { departure, started } = waiting.ok_or_else(|| StoryError::nothing_waits(step, from.as_str()))?;
        let account = &self.accounts[from];
        let raised = &self.intents[&departure.intent];
        let (intent, carriage) = (&raised.intent, self.carriage(raised));
        let recorded: Option<RecordedReply> = match &answer {
            Answer::Reply(reply) => Some(reply.clone()),
            Answer::Silence | Answer::Unreached => None,
        };
        let reply = match (&answer, &recorded) {
            (Answer::Unreached, _) => Reply::NotSent("no connection"),
            (Answer::Reply(_), Some(reply)) => Reply::Answered(reply),
            (Answer::Silence | Answer::Reply(_), _) => Reply::NoAnswer("no answer in time"),
        };
        let settled = conclude(&departure, &started, intent, account, carriage, reply, self.now, RULES.give_up_after);
        self.page.settled(&settled);
        self.record(StreamName::intent(departure.intent), Event::AttemptSettled(settled));
        Ok(())
    }

    /// What a fetch brings.
    fn fetched(&mut self, step: &str, ended: Result<Stored, FetchError>) -> Result<(), StoryError> {
        let waiting = self.fetches.pop_front();
        let Waiting { departure, started } =
            waiting.ok_or_else(|| StoryError::NothingFetched { step: step.to_owned() })?;
        let account = &self.accounts[&departure.connection];
        let settled = conclude_fetch(&departure, &started, account, ended, self.now, PATIENCE);
        self.page.settled(&settled);
        self.record(StreamName::intent(departure.intent), Event::AttemptSettled(settled));
        Ok(())
    }

    /// How the files of an intent go.
    fn carriage(&self, raised: &IntentRaised) -> Carriage<'_> {
        let source = raised.carries.as_ref().and_then(|origin| self.accounts.get(&origin.connection));
        let links = source.map(|source| source.connection.files().links).unwrap_or_default();
        Carriage { links, offer: self.offer.as_ref() }
    }

    /// Asks for news, one question, and records what the answer brings.
    fn poll(&mut self, step: &str, from: &ConnectionName, answer: Answer) -> Result<(), StoryError> {
        let not_polled = || StoryError::NotPolled { step: step.to_owned(), who: from.to_string() };
        let account = self.accounts.get(from).cloned().ok_or_else(not_polled)?;
        let mut polling = match self.polls.remove(from) {
            Some(polling) => polling,
            None => {
                let known = self.pipeline.state().polls.get(from).map(|polled| polled.through.clone());
                account.connection.poll(known.as_deref()).ok_or_else(not_polled)?
            }
        };
        // A round that is over has said so; the next one begins.
        let call = polling.ask(self.now).or_else(|| polling.ask(self.now)).ok_or_else(not_polled)?;
        self.page.request(&call);
        let reply = match &answer {
            Answer::Reply(reply) => Reply::Answered(reply),
            Answer::Silence => Reply::NoAnswer("no answer in time"),
            Answer::Unreached => Reply::NotSent("no connection"),
        };
        match polling.take(call.name, reply, self.now) {
            Ok(News { documents, through }) => {
                for document in documents {
                    self.record_polled(from, &account, document);
                }
                if let Some(through) = through {
                    self.page.line(&format!("asked through {through}"));
                    let advanced = PollAdvanced { connection: from.clone(), through };
                    self.record(StreamName::poll(from), Event::PollAdvanced(advanced));
                }
            }
            Err(setback) => self.page.line(&format!("setback: {}", setback.reason)),
        }
        self.polls.insert(from.clone(), polling);
        Ok(())
    }

    fn record_polled(&mut self, from: &ConnectionName, account: &Account, document: Document) {
        let id = document.id();
        let stream = StreamName::webhook(id);
        if self.revisions.contains_key(&stream) {
            self.page.line("already recorded: it was asked for before");
            return;
        }
        self.page.line("a document is recorded");
        self.record_as(id, stream, polled(from, account, document));
    }

    /// Makes every attempt that is due, up to the point where an answer is waited for.
    fn depart(&mut self) {
        loop {
            let mut departures = VecDeque::from(self.dispatcher.due(self.pipeline.state(), self.now).departures);
            if departures.is_empty() {
                return;
            }
            while let Some(departure) = departures.pop_front() {
                let account = &self.accounts[&departure.connection];
                let raised = &self.intents[&departure.intent];
                let intent = &raised.intent;
                let stream = StreamName::intent(departure.intent);
                match plan(&departure, intent, account, self.carriage(raised), self.now) {
                    // Where there is no place, it is due again later.
                    Plan::Elsewhere { class } => departures.extend(self.dispatcher.permit(departure, class, self.now)),
                    Plan::Call { started, call } => {
                        let label = intent.label();
                        self.page.call(&departure, &started, label, &call);
                        self.record(stream, Event::AttemptStarted(started.clone()));
                        let waiting = Waiting { departure: departure.clone(), started };
                        self.calls.entry(departure.connection).or_default().push_back(waiting);
                    }
                    Plan::Fetch { started, file, .. } => {
                        self.page.fetch(&departure, &started, &file);
                        self.record(stream, Event::AttemptStarted(started.clone()));
                        self.fetches.push_back(Waiting { departure, started });
                    }
                    Plan::End { started, settled } => {
                        self.record(stream.clone(), Event::AttemptStarted(started));
                        self.page.settled(&settled);
                        self.record(stream, Event::AttemptSettled(settled));
                    }
                }
            }
        }
    }

    /// A kill takes everything but the log.
    fn restart(&mut self, step: &str) -> Result<(), StoryError> {
        self.calls.clear();
        self.fetches.clear();
        self.polls.clear();
        let before = self.pipeline.state().digests();
        let mut pipeline = Pipeline::default();
        let mut dispatcher = Dispatcher::new(self.accounts.clone(), RULES);
        for recorded in &self.log {
            let taken = pipeline.take(recorded.clone());
            dispatcher.recall(&taken, pipeline.state());
        }
        if pipeline.state().digests() != before {
            return Err(StoryError::Forgetful { step: step.to_owned() });
        }
        self.pipeline = pipeline;
        self.dispatcher = dispatcher;
        for settled in self.dispatcher.resume(self.pipeline.state(), self.now) {
            self.page.settled(&settled);
            self.record(StreamName::intent(settled.intent_id), Event::AttemptSettled(settled));
        }
        Ok(())
    }

    fn end(mut self) -> Result<Told, StoryError> {
        self.page.closing(self.pipeline.state());
        let mut again = Pipeline::default();
        for recorded in &self.log {
            again.take(recorded.clone());
        }
        if again.state().digests() != self.pipeline.state().digests() || again.taken().drift != 0 {
            return Err(StoryError::Forgetful { step: "the end".to_owned() });
        }
        Ok(Told { text: self.page.finish(), log: self.log, pipeline: self.pipeline })
    }

    fn record(&mut self, stream: StreamName, event: Event) {
        let revision = self.revisions.get(&stream).map_or(Revision::FIRST, |last| last.next());
        let id = naming::event_id(&event, revision).expect("only webhooks bring their own id");
        self.record_as(id, stream, event);
    }

    /// Appends to the story's log and takes it in, with all that follows.
    fn record_as(&mut self, id: EventId, stream: StreamName, event: Event) {
        let revision = self.revisions.get(&stream).map_or(Revision::FIRST, |last| last.next());
        self.revisions.insert(stream.clone(), revision);
        let position = Position::new(self.log.len() as u64 + 1);
        let recorded = Recorded { id, stream, revision, position, recorded_at: self.now, event };
        self.log.push(recorded.clone());
        let step = self.pipeline.take(recorded);
        self.dispatcher.see(&step, self.pipeline.state());
        self.page.step(&step);
        for raised in step.intents.into_iter().map(Arc::unwrap_or_clone) {
            let stream = StreamName::intent(raised.intent_id);
            if self.revisions.contains_key(&stream) {
                continue;
            }
            self.page.raised(&raised);
            self.intents.insert(raised.intent_id, raised.clone());
            self.record(stream, Event::IntentRaised(raised));
        }
    }
}

const fn on_or_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// What an attempt does, as it is printed.
const fn does(kind: AttemptKind) -> &'static str {
    match kind {
        AttemptKind::Probe => "asks about",
        AttemptKind::Act => "attempts",
        AttemptKind::Prepare { .. } => "makes a file ready for",
    }
}

/// How long a file is tried whose server cannot be reached.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// Links of ours under the story's own address, if it has one; their key is known to everybody.
fn offer(config: &Config) -> Option<Offer> {
    let public_url = config.media.public_url.clone()?;
    Some(Offer::new(public_url, [7; 32], config.media.link_lifetime))
}
