//! A world: the real pipeline and dispatcher between simulated platforms, on one thread and on virtual time.
//!
//! Takes a script, gives what it led to. The engine's parts are the same as at work; only the task that joins them
//! is another, for this one has no runtime: an agenda of what happens when, and a clock that jumps to the next entry.
//! A crash takes everything but the log and the platforms. Absent are sockets, the way in's spool, and a log that
//! refuses: they have tests of their own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use chatledger::config::{Accounts, Config, SecretSource};
use chatledger::dispatch::attempt::{Carriage, Departure, Plan, conclude, conclude_fetch, plan};
use chatledger::dispatch::backoff::Backoff;
use chatledger::dispatch::circuit::CircuitRules;
use chatledger::dispatch::{Dispatcher, Rules};
use chatledger::log::naming;
use chatledger::pipeline::Pipeline;
use chatledger_connectors::connector::{Call, InboundRequest, Pass, Reply, Secrets, SimulatedAccount};
use chatledger_connectors::simulator::{Alteration, Emitted, Gesture, Reaction, Simulator};
use chatledger_projections::bytes::Bytes;
use chatledger_projections::event::{AttemptStarted, Event, IntentRaised, RecordedReply, Transport, WebhookReceived};
use chatledger_projections::files::Stored;
use chatledger_projections::ids::{ConnectionName, EventId, IntentId};
use chatledger_projections::intent::Intent;
use chatledger_projections::recorded::{Position, Recorded, Revision, StreamName};
use chatledger_projections::time::Timestamp;

use crate::ending::{Cause, Ending, Made, Writer, Written};
use crate::script::{CLIENTS, CLIENTS_SIGN, Deed, Fate, Help, Luck, MANAGERS_SIGN, Script, Setting, What, phone};

/// The CRM connection of every world.
pub const CRM: &str = "amo.main";

/// The channel connection of every world.
pub const CHANNEL: &str = "pact.sales";

/// The assistant of the first route, and of those that share it.
pub const ASSISTANT: &str = "selarti.main";

/// Another assistant.
pub const SECOND_ASSISTANT: &str = "selarti.second";

/// When worlds begin; nothing depends on it.
const BEGINNING: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// How long an answer usually takes.
const LATENCY: Duration = Duration::from_millis(80);

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A world in which so much happens never comes to rest.
const RESTLESS: usize = 20_000;

/// How intents are carried out in every world.
pub const RULES: Rules = Rules {
    in_flight: 8,
    give_up_after: Duration::from_secs(24 * 60 * 60),
    backoff: Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(300) },
    circuit: CircuitRules { after: 5, first: Duration::from_secs(5), cap: Duration::from_secs(60) },
};

/// Lets a script happen until everything is at rest.
///
/// # Panics
/// If it never comes to rest, or if the engine does what it must not.
pub fn run(script: &Script) -> Ending {
    let mut world = World::new(script);
    world.happen();
    world.end()
}

/// The configuration of a setting.
pub fn configuration(setting: Setting) -> Config {
    let api = if setting.second_generation { "v2" } else { "v1" };
    let manager_first = if setting.claim { "claim" } else { "remember" };
    let town = town(setting);
    let assistant = if setting.town.assisted { format!("assistant = {ASSISTANT:?}") } else { String::new() };
    let document = format!(
        r#"
        [connections."{CRM}"]
        platform = "amocrm"
        scope_id = "344a5002-f8ca-454d-af3d-396180102ac7_2b13cae0-24f7-4058-b9ad-c13ee05e1b53"
        bot_id = "dd6e40cd-bbd2-42f2-a92e-ce7db79ae6bb"
        channel_secret = {{ env = "CHANNEL_SECRET" }}

        [connections."{CHANNEL}"]
        platform = "pact"
        company_id = 52204
        api = "{api}"
        token = {{ env = "TOKEN" }}
        webhook_secret = {{ env = "WEBHOOK_SECRET" }}

        [routes.sales]
        crm = "{CRM}"
        channel = "{CHANNEL}"
        manager_first = "{manager_first}"
        {assistant}
        {town}
        "#
    );
    Config::parse(&document, &Invented).expect("the world's own configuration is right")
}

/// The further accounts and routes of a setting, and the assistants.
fn town(setting: Setting) -> String {
    let town = setting.town;
    let manager_first = if setting.claim { "claim" } else { "remember" };
    let mut document = String::new();
    let mut add = |text: String| document.push_str(&text);
    let mut assistants = BTreeSet::new();
    assistants.extend(town.assisted.then_some(ASSISTANT));
    for route in 1..town.routes() {
        let house = town.house(route).expect("there are so many");
        let (crm, channel) = (crm_of(setting, route), channel_of(setting, route));
        if !house.shares_crm {
            add(format!(
                "[connections.{crm:?}]\nplatform = \"amocrm\"\nbot_id = \"bot-{route}\"\n\
                 scope_id = \"344a5002-f8ca-454d-af3d-00000000000{route}_2b13cae0-24f7-4058-b9ad-00000000000{route}\"\n\
                 channel_secret = {{ env = \"CHANNEL_SECRET_{route}\" }}\n"
            ));
        }
        add(match house.website {
            true => format!(
                "[connections.{channel:?}]\nplatform = \"carrotquest\"\nauth_token = {{ env = \"AUTH_TOKEN_{route}\" }}\n\
                 webhook_token = {{ env = \"WEBHOOK_TOKEN_{route}\" }}\n"
            ),
            false => format!(
                "[connections.{channel:?}]\nplatform = \"pact\"\ncompany_id = 6000{route}\napi = \"v2\"\n\
                 token = {{ env = \"TOKEN_{route}\" }}\nwebhook_secret = {{ env = \"WEBHOOK_SECRET_{route}\" }}\n"
            ),
        });
        add(format!("[routes.r{route}]\ncrm = {crm:?}\nchannel = {channel:?}\nmanager_first = \"{manager_first}\"\n"));
        if house.shares_crm {
            add(format!("source = \"entrance-{route}\"\nchat_id = \"route_and_phone\"\n"));
        }
        if let Some(assistant) = assistant_of(setting, route) {
            assistants.insert(assistant);
            add(format!("assistant = {assistant:?}\n"));
        }
    }
    for (number, assistant) in assistants.into_iter().enumerate() {
        add(format!(
            "[connections.{assistant:?}]\nplatform = \"selarti\"\ntask_id = \"1721129985149x{number}\"\n\
             api_key = {{ env = \"API_KEY_{number}\" }}\nwebhook_secret = {{ env = \"ASSISTANT_SECRET_{number}\" }}\n"
        ));
    }
    document
}

/// The CRM connection of a route.
pub fn crm_of(setting: Setting, route: u8) -> String {
    match setting.town.house(route) {
        Some(house) if !house.shares_crm => format!("amo.r{route}"),
        Some(_) | None => CRM.to_owned(),
    }
}

/// The channel connection of a route.
pub fn channel_of(setting: Setting, route: u8) -> String {
    match setting.town.house(route) {
        Some(house) if house.website => format!("carrot.r{route}"),
        Some(_) => format!("pact.r{route}"),
        None => CHANNEL.to_owned(),
    }
}

/// The assistant connection of a route, if it has one.
pub fn assistant_of(setting: Setting, route: u8) -> Option<&'static str> {
    match setting.town.house(route) {
        None => setting.town.assisted.then_some(ASSISTANT),
        Some(house) => match house.assistant? {
            Help::TheFirst => setting.town.assisted.then_some(ASSISTANT),
            Help::TheSecond => Some(SECOND_ASSISTANT),
        },
    }
}

/// The secrets of a world: it has none.
struct Invented;

impl SecretSource for Invented {
    fn variable(&self, name: &str) -> Option<String> {
        Some(format!("{}-of-a-world", name.to_lowercase()))
    }

    fn file(&self, _: &Path) -> io::Result<String> {
        Err(io::Error::new(io::ErrorKind::NotFound, "a world's secrets are variables"))
    }
}

struct World<'a> {
    script: &'a Script,
    config: Config,
    accounts: Arc<Accounts>,
    passes: BTreeMap<ConnectionName, Pass>,
    platforms: BTreeMap<ConnectionName, Box<dyn Simulator>>,
    log: Log,
    engine: Engine,
    agenda: Agenda,
    now: Timestamp,
    /// Appends and calls so far.
    points: u16,
    crashes: usize,
    calls: Vec<Made>,
    attempted: usize,
    webhooks: usize,
    causes: BTreeMap<EventId, Cause>,
    written: Vec<Written>,
    unsaid: Vec<Written>,
    withdrawn: Vec<u8>,
    reacted: Vec<u8>,
    chronicle: String,
}

/// The log, in memory, with what an append must know.
#[derive(Default)]
struct Log {
    events: Vec<Recorded<Event>>,
    revisions: HashMap<StreamName, Revision>,
    intents: HashMap<IntentId, IntentRaised>,
}

/// What a crash takes.
struct Engine {
    pipeline: Pipeline,
    dispatcher: Dispatcher,
    /// How much of the log it has taken in.
    taken: usize,
    /// When it has something to do next.
    wake: Option<Timestamp>,
}

/// What happens when; of the same moment, what was entered first.
#[derive(Default)]
struct Agenda {
    entries: BTreeMap<(Timestamp, u64), Happens>,
    entered: u64,
}

enum Happens {
    Deed(Deed),
    Webhook { from: ConnectionName, emitted: Emitted, cause: Cause },
    Answer { departure: Departure, started: AttemptStarted, answer: Answer },
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
    fn new(script: &'a Script) -> Self {
        let config = configuration(script.setting);
        let accounts = Arc::new(config.connections.clone());
        let simulated = |(name, account): (&ConnectionName, &chatledger::config::Account)| {
            let own = SimulatedAccount { name, settings: &account.settings, secrets: &account.secrets };
            (name.clone(), account.connector.simulator(&own).expect("the settings were checked before"))
        };
        Self {
            script,
            platforms: accounts.iter().map(simulated).collect(),
            engine: Engine::new(&accounts),
            config,
            accounts,
            passes: BTreeMap::new(),
            log: Log::default(),
            agenda: Agenda::default(),
            now: BEGINNING,
            points: 0,
            crashes: 0,
            calls: Vec::new(),
            attempted: 0,
            webhooks: 0,
            causes: BTreeMap::new(),
            written: Vec::new(),
            unsaid: Vec::new(),
            withdrawn: Vec::new(),
            reacted: Vec::new(),
            chronicle: String::new(),
        }
    }

    fn happen(&mut self) {
        let mut at = BEGINNING;
        for deed in &self.script.deeds {
            at = at + Duration::from_millis(deed.after.into());
            self.agenda.enter(at, Happens::Deed(deed.clone()));
        }
        self.start();
        for steps in 0.. {
            assert!(steps < RESTLESS, "this world never comes to rest:\n{:?}{}", self.script, self.chronicle);
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
                self.act(&deed);
                Ok(())
            }
            Happens::Webhook { from, emitted, cause } => self.receive(&from, emitted, cause),
            Happens::Answer { departure, started, answer } => self.answer(&departure, &started, &answer),
        }
    }

    // ---- people and platforms ----

    fn act(&mut self, deed: &Deed) {
        self.tell(format_args!("{deed}"));
        let (client, number, name) = (deed.client, phone(deed.client), format!("Client {}", deed.client));
        let text = deed.what.text(client).unwrap_or_default();
        let altered = |alteration| Gesture::Alters { phone: phone(client), alteration };
        let (setting, route) = (self.script.setting, client / CLIENTS);
        let (crm, channel) = (crm_of(setting, route), channel_of(setting, route));
        let by_manager = matches!(deed.what, What::ManagerWrites(_) | What::ManagerReacts | What::ManagerTypes);
        if by_manager && !setting.town.managers_write_to(client) {
            return;
        }
        let (at, by, gesture) = match &deed.what {
            What::ClientWrites(_) => {
                let gesture = Gesture::ClientWrites { phone: number, name, text: text.clone() };
                (channel, Some(Writer::Client), gesture)
            }
            What::ManagerWrites(_) => {
                let gesture = Gesture::ManagerWrites { phone: number, name, text: text.clone() };
                (crm, Some(Writer::Manager), gesture)
            }
            What::AppWrites(_) => {
                let gesture = Gesture::AppWrites { phone: number, text: text.clone() };
                (channel, Some(Writer::App), gesture)
            }
            What::ClientReads => (channel, None, Gesture::ClientReads { phone: number }),
            What::ClientEdits(_) => (channel, None, altered(Alteration::Edits { text: text.clone() })),
            What::ClientDeletes => (channel, None, altered(Alteration::Deletes)),
            What::ClientReacts => (channel, None, altered(Alteration::Reacts { emoji: Some(CLIENTS_SIGN.to_owned()) })),
            What::ManagerReacts => (crm, None, altered(Alteration::Reacts { emoji: Some(MANAGERS_SIGN.to_owned()) })),
            What::ManagerTypes => (crm, None, altered(Alteration::Types)),
            What::CrmBabbles(bytes) => return self.babble(&crm, client, bytes),
            What::ChannelBabbles(bytes) => return self.babble(&channel, client, bytes),
        };
        let from = ConnectionName::new(at);
        let platform = self.platforms.get_mut(&from).expect("both platforms are there");
        // Who has not written cannot read, and what is not there cannot be altered; nothing else is ever refused.
        let Ok(emitted) = platform.gesture(&gesture, self.now) else { return };
        let newest = self.written.iter().rposition(|known| known.client == client && known.by == Writer::Client);
        match (&deed.what, newest) {
            (What::ClientEdits(_), Some(newest)) => {
                self.unsaid.push(self.written[newest].clone());
                self.written[newest].text = text;
            }
            (What::ClientDeletes, Some(newest)) => {
                let gone = self.written.remove(newest);
                self.unsaid.push(gone);
                self.withdrawn.push(client);
            }
            (What::ClientReacts, _) => self.reacted.push(client),
            (_, _) => self.written.extend(by.map(|by| Written { client, by, text })),
        }
        self.emit(&from, emitted, Cause::Deed(client));
    }

    fn babble(&mut self, at: &str, client: u8, bytes: &[u8]) {
        let from = ConnectionName::new(at);
        let platform = self.platforms.get_mut(&from).expect("every connection has a platform");
        let emitted = platform.say(bytes.to_vec());
        self.emit(&from, vec![emitted], Cause::Deed(client));
    }

    fn emit(&mut self, from: &ConnectionName, emitted: Vec<Emitted>, cause: Cause) {
        for emitted in emitted {
            let luck = self.script.webhooks.get(self.webhooks).copied().unwrap_or_default();
            self.webhooks += 1;
            let at = self.now + emitted.after;
            let mut enter =
                |at, emitted| self.agenda.enter(at, Happens::Webhook { from: from.clone(), emitted, cause });
            match luck {
                Luck::OnTime => enter(at, emitted),
                Luck::Late(late) => enter(at + Duration::from_millis(late.into()), emitted),
                Luck::Twice(late) => {
                    enter(at, emitted.clone());
                    enter(at + Duration::from_millis(late.into()), emitted);
                }
            }
        }
    }

    // ---- the way in ----

    fn receive(&mut self, from: &ConnectionName, emitted: Emitted, cause: Cause) -> Lived {
        let account = &self.accounts[from];
        let headers: Vec<(&str, &[u8])> =
            emitted.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let request = InboundRequest { method: "POST", tail: &emitted.tail, headers: &headers, body: &emitted.body };
        let verified = match account.connection.verify(&request, &account.secrets) {
            Ok(verified) => verified,
            // What speaks of another account is turned away at the door.
            Err(rejection) => {
                self.tell(format_args!("{from} is turned away: {rejection}"));
                return Ok(());
            }
        };
        let (id, platform) = (verified.id(), account.connector.platform().to_owned());
        let stream = StreamName::webhook(id);
        if self.log.revisions.contains_key(&stream) {
            self.tell(format_args!("{from} repeats a delivery"));
            return Ok(());
        }
        let body = verified.body(emitted.body);
        let (connection, headers) = (from.clone(), verified.into_headers());
        self.tell(format_args!("{from} says {}", String::from_utf8_lossy(&body)));
        self.causes.insert(id, cause);
        let transport = Transport::Webhook;
        let event = Event::WebhookReceived(WebhookReceived { connection, platform, transport, headers, body });
        self.append_as(id, stream, event)
    }

    // ---- the engine at work ----

    /// Reads the log back and begins, as often as it takes.
    fn start(&mut self) {
        while let Err(Crash) = self.begin() {}
    }

    /// Everything that the engine does between its start and its work.
    fn begin(&mut self) -> Lived {
        self.agenda.forget_answers();
        self.engine = Engine::new(&self.accounts);
        let Engine { pipeline, dispatcher, .. } = &mut self.engine;
        for recorded in &self.log.events {
            let step = pipeline.take(recorded.clone());
            dispatcher.recall(&step, pipeline.state());
        }
        self.engine.taken = self.log.events.len();
        self.engine.wake = Some(self.now);
        self.raise(self.engine.pipeline.outstanding())?;
        let configuration = self.config.recorded();
        if self.engine.pipeline.state().configuration != configuration {
            self.append(StreamName::configuration(), Event::ConfigurationApplied(configuration))?;
        }
        for settled in self.engine.dispatcher.resume(self.engine.pipeline.state()) {
            self.append(StreamName::intent(settled.intent_id), Event::AttemptSettled(settled))?;
        }
        Ok(())
    }

    /// Takes in what the log has brought, raises what follows, and starts what is due.
    fn work(&mut self) -> Lived {
        self.engine.wake = None;
        let Engine { pipeline, dispatcher, taken, .. } = &mut self.engine;
        let mut follows = Vec::new();
        for recorded in &self.log.events[*taken..] {
            let step = pipeline.take(recorded.clone());
            dispatcher.see(&step, pipeline.state());
            follows.extend(step.intents.into_iter().map(std::sync::Arc::unwrap_or_clone));
        }
        *taken = self.log.events.len();
        self.raise(follows)?;
        let due = self.engine.dispatcher.due(self.engine.pipeline.state(), self.now);
        // At the end of time stands what waits for its own end to be seen.
        if let Some(next) = due.next.filter(|next| next.as_millis() < i64::MAX) {
            self.engine.wake_by(next);
        }
        for departure in due.departures {
            self.depart(departure)?;
        }
        Ok(())
    }

    fn raise(&mut self, intents: Vec<IntentRaised>) -> Lived {
        for raised in intents {
            let stream = StreamName::intent(raised.intent_id);
            if !self.log.revisions.contains_key(&stream) {
                self.append(stream, Event::IntentRaised(raised))?;
            }
        }
        Ok(())
    }

    fn depart(&mut self, departure: Departure) -> Lived {
        let account = &self.accounts[&departure.connection];
        let intent = &self.log.intents[&departure.intent].intent;
        let stream = StreamName::intent(departure.intent);
        match plan(&departure, intent, account, Carriage::default(), self.now) {
            Plan::Elsewhere { class } => match self.engine.dispatcher.permit(departure, class, self.now) {
                Some(departure) => self.depart(departure),
                None => {
                    self.engine.wake_by(self.now);
                    Ok(())
                }
            },
            Plan::Call { started, call } => {
                self.append(stream, Event::AttemptStarted(started.clone()))?;
                let cause = Cause::Call(self.log.events.last().expect("it was just appended").id);
                self.call(departure, started, call, cause)
            }
            // Every file of this world is there at once.
            Plan::Fetch { started, file, .. } => {
                let sha256 = format!("{:064x}", file.url.as_deref().map_or(0, str::len));
                let stored = Stored { sha256, bytes: 1, media_type: "image/png".to_owned() };
                let settled = conclude_fetch(&departure, &started, account, Ok(stored), self.now, PATIENCE);
                self.append(stream.clone(), Event::AttemptStarted(started))?;
                self.append(stream, Event::AttemptSettled(settled))
            }
            Plan::End { started, settled } => {
                self.append(stream.clone(), Event::AttemptStarted(started))?;
                self.append(stream, Event::AttemptSettled(settled))
            }
        }
    }

    fn call(&mut self, departure: Departure, started: AttemptStarted, call: Call, cause: Cause) -> Lived {
        let fate = self.script.calls.get(self.attempted).copied().unwrap_or_default();
        self.attempted += 1;
        let connection = departure.connection.clone();
        let account = self.accounts[&connection].clone();
        let secrets = self.secrets(&connection);
        let request = account.connection.authorise(call.request, &secrets, self.now);
        assert_eq!(account.connection.class_of_call(call.name), Some(call.class), "{} has one class", call.name);
        let arrives = match fate {
            Fate::Answered | Fate::Slow(_) | Fate::AnswerLost | Fate::BrokenAfter => true,
            Fate::CallLost | Fate::BrokenBefore | Fate::NoConnection | Fate::TooMany => false,
        };
        let platform = self.platforms.get_mut(&connection).expect("every connection has a platform");
        let reaction = arrives.then(|| platform.handle(&request, self.now));
        let status = reaction.as_ref().map(|reaction| reaction.status);
        self.calls.push(Made { connection: connection.clone(), class: call.class, at: self.now, status });
        let answer = match (fate, &reaction) {
            (Fate::Answered | Fate::Slow(_), Some(reaction)) => Answer::Reply(recorded(reaction)),
            (Fate::BrokenAfter | Fate::BrokenBefore, _) => Answer::Reply(of_the_proxy(502)),
            (Fate::TooMany, _) => Answer::Reply(of_the_proxy(429)),
            (Fate::NoConnection, _) => Answer::NoConnection,
            (Fate::Answered | Fate::Slow(_) | Fate::AnswerLost | Fate::CallLost, _) => Answer::Silence,
        };
        let takes = match (fate, &answer) {
            (Fate::Slow(millis), _) => Duration::from_millis(millis.into()),
            (_, Answer::Reply(_) | Answer::NoConnection) => LATENCY,
            (_, Answer::Silence) => PATIENCE,
        };
        let said = String::from_utf8_lossy(&request.body).into_owned();
        self.tell(format_args!("we call {connection} {} {} {said}: {fate:?}, {answer}", call.name, request.path));
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

    fn answer(&mut self, departure: &Departure, started: &AttemptStarted, answer: &Answer) -> Lived {
        let account = &self.accounts[&departure.connection];
        let intent: &Intent = &self.log.intents[&departure.intent].intent;
        let reply = match answer {
            Answer::Reply(reply) => Reply::Answered(reply),
            Answer::Silence => Reply::NoAnswer("no answer in time"),
            Answer::NoConnection => Reply::NotSent("no connection"),
        };
        let settled =
            conclude(departure, started, intent, account, Carriage::default(), reply, self.now, RULES.give_up_after);
        self.append(StreamName::intent(departure.intent), Event::AttemptSettled(settled))
    }

    // ---- the log ----

    fn append(&mut self, stream: StreamName, event: Event) -> Lived {
        let id = naming::event_id(&event, self.log.next(&stream)).expect("only webhooks bring their own id");
        self.append_as(id, stream, event)
    }

    fn append_as(&mut self, id: EventId, stream: StreamName, event: Event) -> Lived {
        self.tell(format_args!("  {}", Brief(&event)));
        self.log.append(id, stream, event, self.now);
        let lag = self.script.lags.get(self.log.events.len()).copied().unwrap_or_default();
        self.engine.wake_by(self.now + Duration::from_millis(lag.into()));
        self.point()
    }

    /// A place where the engine may be killed.
    fn point(&mut self) -> Lived {
        let here = self.points;
        self.points = self.points.saturating_add(1);
        if self.script.crashes.contains(&here) {
            self.crashes += 1;
            self.tell(format_args!("the engine is killed"));
            return Err(Crash);
        }
        Ok(())
    }

    fn tell(&mut self, line: fmt::Arguments<'_>) {
        let since = self.now.since(BEGINNING).as_millis();
        writeln!(self.chronicle, "{since:>8} {line}").expect("a text takes everything");
    }

    fn end(self) -> Ending {
        let transcript = |at: &str| self.platforms[&ConnectionName::new(at)].transcript();
        let transcripts = self.platforms.iter().map(|(name, platform)| (name.clone(), platform.transcript())).collect();
        Ending {
            transcripts,
            crm: transcript(CRM),
            channel: transcript(CHANNEL),
            log: self.log.events,
            pipeline: self.engine.pipeline,
            causes: self.causes,
            written: self.written,
            unsaid: self.unsaid,
            withdrawn: self.withdrawn,
            reacted: self.reacted,
            calls: self.calls,
            crashes: self.crashes,
            chronicle: self.chronicle,
        }
    }
}

impl Log {
    fn next(&self, stream: &StreamName) -> Revision {
        self.revisions.get(stream).map_or(Revision::FIRST, |last| last.next())
    }

    /// # Panics
    /// If an attempt is not recorded where it belongs: two have been started at once, or one ended twice.
    fn append(&mut self, id: EventId, stream: StreamName, event: Event, now: Timestamp) {
        let revision = self.next(&stream);
        let expected = match &event {
            Event::WebhookReceived(_) | Event::IntentRaised(_) => Some(0),
            Event::AttemptStarted(started) => Some(u64::from(started.attempt) * 2 - 1),
            Event::AttemptSettled(settled) => Some(u64::from(settled.attempt) * 2),
            Event::OperatorInstructed(_) => Some(0),
            Event::ConfigurationApplied(_) | Event::PolicyAdvanced(_) | Event::PollAdvanced(_) | Event::Arranged(_) => {
                None
            }
        };
        let place = revision.as_u64();
        assert!(expected.is_none_or(|expected| expected == place), "{stream} is at {place}: {}", Brief(&event));
        if let Event::IntentRaised(raised) = &event {
            self.intents.insert(raised.intent_id, raised.clone());
        }
        self.revisions.insert(stream.clone(), revision);
        let position = Position::new(self.events.len() as u64 + 1);
        self.events.push(Recorded { id, stream, revision, position, recorded_at: now, event });
    }
}

impl Engine {
    fn new(accounts: &Arc<Accounts>) -> Self {
        let dispatcher = Dispatcher::new(accounts.clone(), RULES);
        Self { pipeline: Pipeline::default(), dispatcher, taken: 0, wake: None }
    }

    fn wake_by(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
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

    /// Whoever waited for an answer is gone.
    fn forget_answers(&mut self) {
        self.entries.retain(|_, happens| !matches!(happens, Happens::Answer { .. }));
    }
}

fn recorded(reaction: &Reaction) -> RecordedReply {
    let body = Bytes(reaction.body.clone());
    RecordedReply { status: reaction.status, headers: reaction.headers.clone(), body, cut: false }
}

/// What something between us and the platform answers.
fn of_the_proxy(status: u16) -> RecordedReply {
    let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
    RecordedReply { status, headers, body: Bytes(b"<html>sorry</html>".to_vec()), cut: false }
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
