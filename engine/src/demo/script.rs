//! The play: what people do at their screens, what goes wrong meanwhile, and what must be seen before it goes on.
//!
//! Works on a [`Set`]; writes the dialogue as it happens. Every wait is bounded, and one that is in vain says what was
//! awaited. What must be true in the end is collected on the way as [`Promises`]; proving it is not done here.

mod site;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use chatledger_connectors::simulator::{Gesture, LineAuthor};
use chatledger_projections::ids::ConnectionName;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::engine::{Engine, EngineError};
use super::set::{Ends, Set};
use super::show::{Screen, Show};
use super::stage::{Fault, Impossible, Stage};

/// How long anything may take to be seen.
const SEEN_WITHIN: Duration = Duration::from_secs(15);

/// How often the screens are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How often in a row nothing must be left to do before all is taken to be done: what has just been recorded shows in
/// the engine's gauges a moment later.
const DONE_LOOKS: usize = 4;

/// How long the engine is missing.
const MISSING_FOR: Duration = Duration::from_millis(900);

/// The owner's note, byte for byte: a manager writes first, the claim, a client's message, a manager's after it.
const NOTE_FIRST: &[u8] = include_bytes!("note/1-from-crm-manager-writes-first.json");
const NOTE_CLAIM: &[u8] = include_bytes!("note/2-to-crm-claim.json");
const NOTE_CLIENT: &[u8] = include_bytes!("note/3-to-crm-client-message.json");
const NOTE_AFTER: &[u8] = include_bytes!("note/4-from-crm-after-claim.json");

/// What must be true in the end.
#[derive(Clone, Debug, Default)]
pub struct Promises {
    /// Every message that anybody wrote.
    pub messages: Vec<Promise>,
    /// The CRM connections at which a chat was claimed, once for each chat.
    pub claims: Vec<ConnectionName>,
    /// The dialogues in which both sides spoke: the CRM is to call each by our id, which is the client's number.
    pub bound: Vec<(ConnectionName, String)>,
    /// The CRM connection of the note, and how its messages begin there.
    pub note: Option<(ConnectionName, String)>,
}

/// A message that is to stand once on each side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Promise {
    /// The two sides.
    pub ends: Ends,
    /// The client's number, international digits.
    pub phone: String,
    /// Who wrote it.
    pub author: LineAuthor,
    /// What it says; no two say the same.
    pub text: String,
    /// Where it is to stand in the CRM; absent for a client's, of which a CRM shows nothing.
    pub status: Option<Status>,
}

/// Where a manager's message is to stand in the CRM.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// It has arrived.
    Delivered,
    /// The client has read it.
    Read,
    /// It cannot arrive, and the manager is told.
    Failed,
}

impl Status {
    /// Whether a screen shows this.
    pub fn is_shown_as(self, shown: &str) -> bool {
        match self {
            Self::Delivered => shown == "delivered",
            Self::Read => shown == "read",
            Self::Failed => shown.starts_with("error"),
        }
    }

    /// As a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "error",
        }
    }
}

/// Why the play broke off.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// Something did not happen.
    #[error("in vain awaited: {awaited}")]
    NotInTime {
        /// What was awaited.
        awaited: String,
    },
    /// A person could not do something.
    #[error(transparent)]
    Impossible(#[from] Impossible),
    /// There is no engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine could not be killed.
    #[error("the engine cannot be killed")]
    Unkillable(#[source] io::Error),
    /// Nobody can be shown anything.
    #[error("the demonstration cannot be shown")]
    Output(#[from] io::Error),
}

/// A play under way.
pub struct Play<'a> {
    set: &'a Set,
    show: Show,
    pace: Duration,
    out: &'a mut (dyn Write + Send),
    engine: Option<Engine>,
    promises: Promises,
    /// Every message that was shown, with the state that was shown last.
    shown: BTreeMap<(Screen, ConnectionName, String), Option<String>>,
    scenes: usize,
}

/// A client as both sides know them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Client {
    /// International digits.
    phone: &'static str,
    /// As somebody typed it into the CRM.
    typed: &'static str,
    name: &'static str,
}

const ANNA: Client = Client { phone: "79161234501", typed: "79161234501", name: "Анна" };
const OLGA: Client = Client { phone: "79161234502", typed: "8 (916) 123-45-02", name: "Ольга" };
const PETR: Client = Client { phone: "79161234503", typed: "89161234503", name: "Пётр" };
/// The client of the note.
const SERGEY: Client = Client { phone: "79135292926", typed: "89135292926", name: "Сергей" };
/// The simulated messenger knows no numbers with such an end.
const NOBODY: Client = Client { phone: "79161234000", typed: "89161234000", name: "Игорь" };

impl<'a> Play<'a> {
    /// A play that has not begun.
    pub fn new(set: &'a Set, show: Show, pace: Duration, out: &'a mut (dyn Write + Send)) -> Self {
        let (promises, shown) = (Promises::default(), BTreeMap::new());
        Self { set, show, pace, out, engine: None, promises, shown, scenes: 0 }
    }

    /// All scenes in order.
    pub async fn perform(&mut self) -> Result<(), Broken> {
        self.start().await?;
        self.client_first().await?;
        self.manager_first_claim().await?;
        self.manager_first_remember().await?;
        self.note().await?;
        self.duplicates().await?;
        self.too_many_requests().await?;
        self.no_answer().await?;
        self.unknown_number().await?;
        self.visitor_of_a_site().await?;
        self.killed().await?;
        self.all_done().await
    }

    /// Ends the engine, whatever happened. Gives what must be true now.
    pub async fn leave(self) -> Promises {
        if let Some(engine) = self.engine {
            // One that is gone already is gone.
            let _gone = engine.kill().await;
        }
        self.promises
    }

    // ---- the scenes ----

    async fn client_first(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("claim");
        self.scene(
            &ends,
            "A client writes first",
            "The CRM gets a chat under our id, which is the client's number. The manager sees where the answer stands.",
        )?;
        self.client_writes(&ends, ANNA, "Здравствуйте! Вы работаете в субботу?").await?;
        self.manager_writes(&ends, ANNA, "Да, с десяти до шести.", Status::Delivered).await?;
        self.all_done().await?;
        self.client_reads(&ends, ANNA).await?;
        self.promises.bound.push((ends.crm, ANNA.phone.to_owned()));
        self.all_done().await
    }

    async fn manager_first_claim(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("claim");
        self.scene(
            &ends,
            "A manager writes first; the route says `claim`",
            "The chat comes with an id that only the CRM knows. A silent message of the bot gives it ours, at once, and \
             the client's answer comes into the same chat.",
        )
        ?;
        let text = "Ольга, ваш заказ готов.";
        self.manager_writes(&ends, OLGA, text, Status::Delivered).await?;
        self.claimed(&ends).await?;
        let answer = "Спасибо! Заеду вечером.";
        self.client_writes(&ends, OLGA, answer).await?;
        self.manager_writes(&ends, OLGA, "Ждём вас до девяти.", Status::Delivered).await?;
        self.same_chat(&ends, text, answer)?;
        self.promises.bound.push((ends.crm, OLGA.phone.to_owned()));
        self.all_done().await
    }

    async fn manager_first_remember(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("remember");
        self.scene(
            &ends,
            "A manager writes first; the route says `remember`",
            "No message of a bot: the CRM's own id is kept, and the client's first answer binds the chat to ours.",
        )?;
        let text = "Пётр, перезвонить вам завтра?";
        self.manager_writes(&ends, PETR, text, Status::Delivered).await?;
        let answer = "Лучше в пятницу.";
        self.client_writes(&ends, PETR, answer).await?;
        self.manager_writes(&ends, PETR, "Договорились.", Status::Delivered).await?;
        self.same_chat(&ends, text, answer)?;
        self.promises.bound.push((ends.crm, PETR.phone.to_owned()));
        self.all_done().await
    }

    async fn note(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("note");
        self.scene(
            &ends,
            "The four messages of the note",
            "The two recorded hooks arrive byte for byte; what the engine sends is laid beside what the note sent.",
        )?;
        let first = said_in(NOTE_FIRST);
        self.say(&ends, NOTE_FIRST, SERGEY, &first).await?;
        self.claimed(&ends).await?;
        let claim = self.set.config.routes.values().find(|route| route.crm == ends.crm).map(|route| &route.claim.text);
        self.compare(&ends, claim.map_or("", String::as_str), NOTE_CLAIM)?;
        let answer = said_in(NOTE_CLIENT);
        self.client_writes(&ends, SERGEY, &answer).await?;
        self.compare(&ends, &answer, NOTE_CLIENT)?;
        self.say(&ends, NOTE_AFTER, SERGEY, &said_in(NOTE_AFTER)).await?;
        self.direct(
            "These bytes call the chat by the note's spelling of the number, with an 8. The engine keeps its own, with \
             a 7, for one number in two spellings is one client; and it notes that it saw another.",
        )?;
        self.manager_writes(&ends, SERGEY, "Всё верно: чат один.", Status::Delivered).await?;
        self.same_chat(&ends, &first, &answer)?;
        self.promises.bound.push((ends.crm.clone(), SERGEY.phone.to_owned()));
        self.promises.note = Some((ends.crm, first));
        self.all_done().await
    }

    async fn duplicates(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("note");
        self.scene(
            &ends,
            "Webhooks arrive twice",
            "Both platforms send their last webhook again, byte for byte. Both are told 200, and nothing follows.",
        )?;
        for at in [&ends.crm, &ends.channel] {
            self.set.stage.repeat(at)?;
            self.until(&format!("{at} has repeated its last webhook"), |stage| {
                stage.sent(at).last().is_some_and(|sent| sent.done)
            })
            .await?;
            let status = self.set.stage.sent(at).last().and_then(|sent| sent.status);
            let answer = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            self.direct(&format!("{at} sends its last webhook again: {answer}"))?;
        }
        self.all_done().await
    }

    async fn too_many_requests(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("remember");
        self.scene(
            &ends,
            "The CRM has had enough: 429",
            "Other programs have used up the account's quota. The message waits as long as the CRM asks, and goes.",
        )?;
        let before = self.set.stage.exchanges(&ends.crm).len();
        self.set.stage.fault(&ends.crm, Fault::Crowded)?;
        self.client_writes(&ends, PETR, "А можно утром?").await?;
        self.tell_exchanges(&ends.crm, before)?;
        self.all_done().await
    }

    async fn no_answer(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("remember");
        self.scene(
            &ends,
            "The messenger takes a message and never answers",
            "Sending again could show it twice: this messenger does not know our ids. So the engine asks first, finds \
             the message there, and does not send it again.",
        )?;
        let before = self.set.stage.exchanges(&ends.channel).len();
        self.set.stage.fault(&ends.channel, Fault::Swallowed)?;
        let text = "Хорошо, тогда в девять.";
        self.manager_writes(&ends, PETR, text, Status::Delivered).await?;
        self.manager_is_answered(&ends, PETR, text).await?;
        self.tell_exchanges(&ends.channel, before)?;
        self.all_done().await
    }

    async fn unknown_number(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("remember");
        self.scene(
            &ends,
            "A number that the messenger does not know",
            "The message cannot arrive. The manager is told so in the CRM, with the reason.",
        )?;
        self.manager_writes(&ends, NOBODY, "Игорь, добрый день!", Status::Failed).await?;
        self.all_done().await
    }

    async fn killed(&mut self) -> Result<(), Broken> {
        let ends = self.set.ends("remember");
        let other = self.set.ends("claim");
        self.scene(
            &ends,
            "The engine is killed",
            "With SIGKILL, after the messenger took a message and before it could answer. Meanwhile a client writes at \
             the other messenger, which finds nobody and tries again. A new engine finds all of it in the log.",
        )?;
        let before = self.set.stage.exchanges(&ends.channel).len();
        self.set.stage.fault(&ends.channel, Fault::Swallowed)?;
        let written = "И захватите, пожалуйста, паспорт.";
        self.manager_begins(&ends, PETR, written, Status::Delivered)?;
        let at = ends.channel.clone();
        self.until("the messenger has taken the message, unanswered", move |stage| {
            stage.exchanges(&at).iter().skip(before).any(|exchange| exchange.swallowed)
        })
        .await?;
        if let Some(engine) = self.engine.take() {
            engine.kill().await.map_err(Broken::Unkillable)?;
        }
        self.news()?;
        self.direct("The engine is killed.")?;
        let meanwhile = "А в воскресенье?";
        self.client_begins(&other, ANNA, meanwhile)?;
        let missing_until = Instant::now() + MISSING_FOR;
        while Instant::now() < missing_until {
            self.news()?;
            sleep(LOOK_EVERY).await;
        }
        self.start().await?;
        self.manager_is_answered(&ends, PETR, written).await?;
        self.client_is_heard(&other, meanwhile).await?;
        self.tell_exchanges(&ends.channel, before)?;
        self.manager_writes(&other, ANNA, "В воскресенье отдыхаем.", Status::Delivered).await?;
        self.all_done().await?;
        self.client_reads(&ends, PETR).await?;
        self.all_done().await
    }

    // ---- what people do ----

    /// A client writes, and a manager sees it.
    async fn client_writes(&mut self, ends: &Ends, client: Client, text: &str) -> Result<(), Broken> {
        self.client_begins(ends, client, text)?;
        self.client_is_heard(ends, text).await
    }

    fn client_begins(&mut self, ends: &Ends, client: Client, text: &str) -> Result<(), Broken> {
        self.promise(ends, client, LineAuthor::Client, text, None);
        let (phone, name, written) = (client.phone.to_owned(), client.name.to_owned(), text.to_owned());
        self.set.stage.gesture(&ends.channel, &Gesture::ClientWrites { phone, name, text: written })?;
        self.news()
    }

    async fn client_is_heard(&mut self, ends: &Ends, text: &str) -> Result<(), Broken> {
        self.until_shown(&ends.crm, text).await?;
        self.breathe().await
    }

    /// A manager writes, and the messenger shows it. Where it stands is heard of later; [`Self::all_done`] waits for it.
    async fn manager_writes(&mut self, ends: &Ends, to: Client, text: &str, status: Status) -> Result<(), Broken> {
        self.manager_begins(ends, to, text, status)?;
        self.until_shown(&ends.channel, text).await?;
        self.breathe().await
    }

    fn manager_begins(&mut self, ends: &Ends, to: Client, text: &str, status: Status) -> Result<(), Broken> {
        self.promise(ends, to, LineAuthor::Company, text, Some(status));
        let (phone, name, written) = (to.typed.to_owned(), to.name.to_owned(), text.to_owned());
        self.set.stage.gesture(&ends.crm, &Gesture::ManagerWrites { phone, name, text: written })?;
        self.news()
    }

    /// The manager sees where the message stands.
    async fn manager_is_answered(&mut self, ends: &Ends, to: Client, text: &str) -> Result<(), Broken> {
        self.until_status(ends, to.phone, text).await?;
        self.breathe().await
    }

    /// A client reads everything, and the managers see it.
    async fn client_reads(&mut self, ends: &Ends, client: Client) -> Result<(), Broken> {
        let mut texts = Vec::new();
        for promise in &mut self.promises.messages {
            let is_meant = promise.ends == *ends && promise.phone == client.phone;
            if is_meant && promise.status == Some(Status::Delivered) {
                promise.status = Some(Status::Read);
                texts.push(promise.text.clone());
            }
        }
        self.set.stage.gesture(&ends.channel, &Gesture::ClientReads { phone: client.phone.to_owned() })?;
        for text in texts {
            self.until_status(ends, client.phone, &text).await?;
        }
        self.breathe().await
    }

    /// A recorded hook arrives: a manager wrote this to the client.
    async fn say(&mut self, ends: &Ends, body: &[u8], to: Client, text: &str) -> Result<(), Broken> {
        self.promise(ends, to, LineAuthor::Company, text, Some(Status::Delivered));
        self.set.stage.say(&ends.crm, body)?;
        self.until_shown(&ends.channel, text).await?;
        self.breathe().await
    }

    fn promise(&mut self, ends: &Ends, client: Client, author: LineAuthor, text: &str, status: Option<Status>) {
        let (ends, phone, text) = (ends.clone(), client.phone.to_owned(), text.to_owned());
        self.promises.messages.push(Promise { ends, phone, author, text, status });
    }

    // ---- what must be seen ----

    async fn until_shown(&mut self, at: &ConnectionName, text: &str) -> Result<(), Broken> {
        let awaited = format!("at {at}: a message {text:?}");
        self.until(&awaited, |stage| stage.transcript(at).iter().any(|line| line.text == text)).await
    }

    async fn until_status(&mut self, ends: &Ends, phone: &str, text: &str) -> Result<(), Broken> {
        let promised = self
            .promises
            .messages
            .iter()
            .find(|promise| promise.ends == *ends && promise.phone == phone && promise.text == text);
        let Some(status) = promised.and_then(|promise| promise.status) else { return Ok(()) };
        let awaited = format!("at {}: {text:?} stands at {:?}", ends.crm, status.word());
        let is_shown = |stage: &Stage| {
            let lines = stage.transcript(&ends.crm);
            let shown = lines.iter().find(|line| line.text == text).and_then(|line| line.status.as_deref());
            shown.is_some_and(|shown| status.is_shown_as(shown))
        };
        self.until(&awaited, is_shown).await
    }

    /// The bot has claimed one more chat.
    async fn claimed(&mut self, ends: &Ends) -> Result<(), Broken> {
        self.promises.claims.push(ends.crm.clone());
        let claims = self.promises.claims.iter().filter(|at| **at == ends.crm).count();
        let at = ends.crm.clone();
        self.until(&format!("at {at}: the bot's message that claims the chat"), |stage| {
            stage.transcript(&at).iter().filter(|line| line.author == LineAuthor::Bot).count() >= claims
        })
        .await
    }

    /// Two messages stand in one chat of the CRM.
    fn same_chat(&mut self, ends: &Ends, one: &str, other: &str) -> Result<(), Broken> {
        let lines = self.set.stage.transcript(&ends.crm);
        let chat = |text: &str| lines.iter().find(|line| line.text == text).map(|line| line.chat_id.clone());
        match (chat(one), chat(other)) {
            (Some(one), Some(other)) if one == other => self.direct(&format!("All of it stands in one chat: {one}")),
            (one, other) => Err(Broken::NotInTime {
                awaited: format!("one chat at {} for both sides; they are in {one:?} and {other:?}", ends.crm),
            }),
        }
    }

    /// Nothing is left to do, neither for the platforms nor for the engine.
    async fn all_done(&mut self) -> Result<(), Broken> {
        let deadline = Instant::now() + SEEN_WITHIN;
        let mut looks = 0;
        loop {
            self.news()?;
            let left = match &self.engine {
                Some(engine) => engine.left_to_do().await,
                None => None,
            };
            let done = self.set.stage.is_quiet() && left == Some(0.0);
            looks = if done { looks + 1 } else { 0 };
            if looks >= DONE_LOOKS {
                return self.breathe().await;
            }
            if Instant::now() >= deadline {
                let left = left.map_or_else(|| "the engine does not say".to_owned(), |left| left.to_string());
                let awaited = format!("the end of everything that is to be done (left to the engine: {left})");
                return Err(Broken::NotInTime { awaited });
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn until(&mut self, awaited: &str, mut holds: impl FnMut(&Stage) -> bool) -> Result<(), Broken> {
        let deadline = Instant::now() + SEEN_WITHIN;
        loop {
            self.news()?;
            if holds(&self.set.stage) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(Broken::NotInTime { awaited: awaited.to_owned() });
            }
            sleep(LOOK_EVERY).await;
        }
    }

    // ---- what is shown ----

    async fn start(&mut self) -> Result<(), Broken> {
        let began = Instant::now();
        self.engine = Some(self.set.program.start().await?);
        let took = began.elapsed().as_millis();
        self.direct(&format!("The engine is started, and ready after {took} ms."))
    }

    fn scene(&mut self, ends: &Ends, title: &str, shows: &str) -> Result<(), Broken> {
        self.scenes += 1;
        let head = |at: &ConnectionName| format!("{at} ({})", self.set.platform(at));
        let text = self.show.scene(self.scenes, title, shows, &head(&ends.crm), &head(&ends.channel));
        self.tell(&text)
    }

    /// Shows every message that is new on any screen, and every one that stands elsewhere now.
    fn news(&mut self) -> Result<(), Broken> {
        let mut told = String::new();
        for at in self.set.stage.names() {
            let screen = match self.set.config.connections.get(at) {
                Some(account) if account.connection.traits().wants_delivery => Screen::Crm,
                Some(_) | None => Screen::Messenger,
            };
            for line in self.set.stage.transcript(at) {
                let key = (screen, at.clone(), line.id.clone());
                match self.shown.get(&key) {
                    None => told.push_str(&self.show.line(screen, &line)),
                    Some(shown) if *shown == line.status => continue,
                    Some(_) => {
                        let status = line.status.as_deref().unwrap_or_default();
                        told.push_str(&self.show.status(screen, &line.text, status));
                    }
                }
                self.shown.insert(key, line.status);
            }
        }
        if told.is_empty() { Ok(()) } else { self.tell(&told) }
    }

    /// What a platform was asked since, and what it answered.
    fn tell_exchanges(&mut self, at: &ConnectionName, since: usize) -> Result<(), Broken> {
        let told: Vec<String> = self
            .set
            .stage
            .exchanges(at)
            .iter()
            .skip(since)
            .map(|exchange| {
                let answer =
                    if exchange.swallowed { "done, no answer".to_owned() } else { exchange.status.to_string() };
                format!("{} → {answer}", exchange.request.method)
            })
            .collect();
        self.direct(&format!("{at} was asked: {}", told.join(", ")))
    }

    /// Lays what was sent with this text beside what the note sent.
    fn compare(&mut self, ends: &Ends, text: &str, note: &[u8]) -> Result<(), Broken> {
        let exchanges = self.set.stage.exchanges(&ends.crm);
        let says_it = |body: &[u8]| String::from_utf8_lossy(body).contains(text);
        let sent = exchanges.iter().rev().map(|exchange| &exchange.request.body).find(|body| says_it(body));
        let read = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap_or_default();
        let Some(sent) = sent else {
            return Err(Broken::NotInTime { awaited: format!("at {}: a request that says {text:?}", ends.crm) });
        };
        let compared = self.show.comparison(("the note", &read(note)), ("the engine", &read(sent)));
        self.tell(&compared)
    }

    fn direct(&mut self, text: &str) -> Result<(), Broken> {
        let text = self.show.direction(text);
        self.tell(&text)
    }

    fn tell(&mut self, text: &str) -> Result<(), Broken> {
        self.out.write_all(text.as_bytes())?;
        Ok(self.out.flush()?)
    }

    async fn breathe(&mut self) -> Result<(), Broken> {
        let until = Instant::now() + self.pace;
        loop {
            self.news()?;
            if Instant::now() >= until {
                return Ok(());
            }
            sleep(LOOK_EVERY.min(self.pace)).await;
        }
    }
}

/// What a recorded document says to people: the first text in it under that very key, wherever it stands.
fn said_in(document: &[u8]) -> String {
    fn find(value: &Value) -> Option<&str> {
        match value {
            Value::Object(object) => {
                object.get("text").and_then(Value::as_str).or_else(|| object.values().find_map(find))
            }
            Value::Array(array) => array.iter().find_map(find),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }
    let document = serde_json::from_slice(document).unwrap_or_default();
    find(&document).unwrap_or_default().to_owned()
}
