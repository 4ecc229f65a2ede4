//! The seam: whoever answers people asks here.
//!
//! Takes questions, from any number of tasks; answers each in one read transaction on one of a few connections of its own,
//! beside the one that writes. Beyond those, questions wait their turn.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chatledger_projections::delivery::Origin;
use chatledger_projections::event::Event;
use chatledger_projections::ids::ThreadId;
use chatledger_projections::recorded::Position;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::cursor::Question;
use super::keep::{Head, Progress};
use super::live::Board;
use super::model::schema::open_to_read;
use super::query::{self, Scene};
use super::row::Seq;
use super::slice::Slice;
use super::{
    Answer, AsOf, Connections, Entry, EventAsked, EventDetail, EventFilter, EventRow, Follower, HeldFilter, HeldRow,
    MessageAsked, MessageDelivery, Overview, Page, ReadingError, RemarkFilter, Remarks, Standpoint, ThreadDetail,
    ThreadFilter, ThreadRow, TimelineFilter, Wanted,
};
use crate::clock::Clock;
use crate::explain::{self, Asked};
use crate::fold::FoldError;
use crate::log::{EventLog, codec};
use crate::pipeline;
use crate::reading::answer::{ClientCard, Stuck};
use crate::spool::Spool;

/// How many questions are answered at once. They compute, so that more would only make each slower.
const AT_ONCE: usize = 4;

/// How many events of a dialogue an explanation is made of, at most.
const EXPLAINED_AT_MOST: usize = 5_000;

/// Answers what is asked. Clones answer from the same rows.
#[derive(Clone, Debug)]
pub struct Reader(Option<Arc<Inner>>);

/// Everything that answers are made of.
#[derive(Debug)]
struct Inner {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    turns: Arc<Semaphore>,
    progress: Arc<Progress>,
    surroundings: Surroundings,
}

/// What a reader asks beside its rows.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The log, for what is told whole.
    pub log: Arc<dyn EventLog>,
    /// What "now" is.
    pub clock: Arc<dyn Clock>,
    /// What only the running engine knows.
    pub board: Board,
    /// What stands behind the log for webhooks, if anything does.
    pub spool: Option<Arc<Spool>>,
}

impl Reader {
    /// A reader that answers nothing: the read side is switched off.
    pub const fn off() -> Self {
        Self(None)
    }

    pub(super) fn new(path: &Path, progress: Arc<Progress>, surroundings: Surroundings) -> Self {
        let (path, idle, turns) = (path.to_owned(), Mutex::default(), Arc::new(Semaphore::new(AT_ONCE)));
        Self(Some(Arc::new(Inner { path, idle, turns, progress, surroundings })))
    }

    /// Whether the read side is switched on.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Where answers stand now.
    pub async fn standpoint(&self) -> Result<Standpoint, ReadingError> {
        self.ask(AsOf::Now, |scene, head| Ok(scene.standpoint(head))).await
    }

    /// Where answers stand as of then.
    pub async fn standpoint_of(&self, as_of: AsOf) -> Result<Standpoint, ReadingError> {
        self.ask(as_of, |scene, head| Ok(scene.standpoint(head))).await
    }

    /// Dialogues, the last active first; of those that a search finds, the ones found by a number or an id first, then the
    /// ones whose name was learnt last.
    pub async fn threads(
        &self,
        filter: ThreadFilter,
        wanted: Wanted,
        as_of: AsOf,
    ) -> Result<Page<ThreadRow>, ReadingError> {
        // "For two hours" is another time on every page; it is the same question.
        let question =
            Question::of("threads", &ThreadFilter { quiet_since: None, active_since: None, ..filter.clone() });
        self.page(as_of, wanted, question, move |scene, wanted, question| {
            query::threads::threads(scene, &filter, wanted, question)
        })
        .await
    }

    /// One dialogue.
    pub async fn thread(&self, thread: ThreadId, as_of: AsOf) -> Result<Answer<ThreadDetail>, ReadingError> {
        self.answer(as_of, move |scene| query::thread::thread(scene, thread)).await
    }

    /// The clients of dialogues, as far as these had begun.
    pub async fn clients(
        &self,
        threads: BTreeSet<ThreadId>,
        as_of: AsOf,
    ) -> Result<HashMap<ThreadId, ClientCard>, ReadingError> {
        self.ask(as_of, move |scene, _| Ok(query::thread::clients(scene, &threads)?)).await
    }

    /// What happened in a dialogue.
    pub async fn timeline(
        &self,
        thread: ThreadId,
        filter: TimelineFilter,
        wanted: Wanted,
        as_of: AsOf,
    ) -> Result<Page<Entry>, ReadingError> {
        let question = Question::of("timeline", &(thread, &filter));
        self.page(as_of, wanted, question, move |scene, wanted, question| {
            query::timeline::timeline(scene, thread, &filter, wanted, question)
        })
        .await
    }

    /// Where a message is, and how it came to that.
    pub async fn message(&self, asked: MessageAsked, as_of: AsOf) -> Result<Answer<MessageDelivery>, ReadingError> {
        self.answer(as_of, move |scene| query::message::message(scene, &asked)).await
    }

    /// The same as a tree in which every line bears its event's position, as `chatledger explain --json` tells it.
    pub async fn explanation(
        &self,
        asked: MessageAsked,
        as_of: AsOf,
    ) -> Result<Answer<serde_json::Value>, ReadingError> {
        let found = self.answer(as_of, move |scene| {
            let message = query::message::number(scene, &asked)?;
            let key = query::message::key_of(scene, message)?;
            let events = query::message::events_of_thread(scene, message, EXPLAINED_AT_MOST + 1)?;
            if events.len() > EXPLAINED_AT_MOST {
                let told = format!(
                    "more than {EXPLAINED_AT_MOST} events touched its dialogue; ask `chatledger explain`, which has time"
                );
                return Err(ReadingError::TooMuch(told));
            }
            Ok((key, behind(scene, &events)?))
        });
        let Answer { standpoint, item: (key, behind) } = found.await?;
        let inner = self.inner()?;
        let slice = Slice::read(Arc::clone(&inner.surroundings.log), &behind).await.map_err(FoldError::from)?;
        let item = tokio::task::spawn_blocking(move || {
            let asked = Asked::typed(&format!("{}:{}", key.connection, key.message));
            let answer = explain::explain(&slice, &asked, None, &mut || {})?;
            Ok::<_, FoldError>(explained(answer, &key))
        });
        let item = item.await.map_err(|_| ReadingError::Interrupted)??;
        let item = item.ok_or(ReadingError::NotFound { what: "message" })?;
        Ok(Answer { standpoint, item })
    }

    /// The intents that wait for a person, the longest held first.
    pub async fn held(&self, filter: HeldFilter, wanted: Wanted, as_of: AsOf) -> Result<Page<HeldRow>, ReadingError> {
        let question = Question::of("held", &filter);
        self.page(as_of, wanted, question, move |scene, wanted, question| {
            query::held::held(scene, &filter, wanted, question)
        })
        .await
    }

    /// The connections.
    pub async fn connections(&self, as_of: AsOf) -> Result<Connections, ReadingError> {
        let Surroundings { clock, board, spool, .. } = self.inner()?.surroundings.clone();
        let asked_at = clock.now();
        let mut connections = self
            .ask(as_of, move |scene, head| {
                let now = scene.time(as_of, asked_at);
                let items = query::connections::connections(scene, now)?;
                Ok(Connections { standpoint: scene.standpoint(head), items, spool: None })
            })
            .await?;
        if as_of == AsOf::Now {
            connections.spool = spool.map(|spool| spool.outlook().into());
            for connection in &mut connections.items {
                connection.live = board.read(&connection.name, asked_at);
            }
        }
        Ok(connections)
    }

    /// What was odd in what platforms sent, and what should not have happened.
    pub async fn remarks(&self, filter: RemarkFilter, as_of: AsOf) -> Result<Remarks, ReadingError> {
        self.ask(as_of, move |scene, head| {
            let remarks = query::remarks::remarks(scene, &filter)?;
            let anomalies = query::remarks::anomalies(scene, &filter)?;
            Ok(Remarks { standpoint: scene.standpoint(head), remarks, anomalies })
        })
        .await
    }

    /// Events by their place.
    pub async fn events(
        &self,
        filter: EventFilter,
        wanted: Wanted,
        as_of: AsOf,
    ) -> Result<Page<EventRow>, ReadingError> {
        let question = Question::of("events", &filter);
        self.page(as_of, wanted, question, move |scene, wanted, question| {
            query::events::events(scene, &filter, wanted, question)
        })
        .await
    }

    /// One event whole.
    pub async fn event(&self, asked: EventAsked) -> Result<Answer<EventDetail>, ReadingError> {
        let found = self.answer(AsOf::Now, move |scene| {
            let (seq, event) = query::events::event(scene, asked)?;
            Ok((event, behind(scene, &[seq])?.pop().flatten()))
        });
        let Answer { standpoint, item: (event, after) } = found.await?;
        let stored = self.inner()?.surroundings.log.read_all(after, 1).await.map_err(FoldError::from)?;
        let stored = stored.into_iter().next().filter(|stored| stored.position == event.position);
        let stored = stored.ok_or(ReadingError::NotFound { what: "event" })?;
        let recorded = codec::open(stored).map_err(FoldError::from)?;
        let substance = substance(&recorded.event);
        let (_, happening, remarks) = pipeline::read(recorded).into_parts();
        let (facts, remarks) =
            (happening.event.facts().iter().map(value).collect(), remarks.iter().map(value).collect());
        Ok(Answer { standpoint, item: EventDetail { event, facts, remarks, substance } })
    }

    /// What operators see first.
    pub async fn overview(&self, as_of: AsOf) -> Result<Overview, ReadingError> {
        let Surroundings { clock, board, spool, .. } = self.inner()?.surroundings.clone();
        let asked_at = clock.now();
        let mut overview = self
            .ask(as_of, move |scene, head| {
                let now = scene.time(as_of, asked_at);
                let (open, longest_open) = query::overview::open(scene)?;
                let longest_held = query::held::longest(scene, query::overview::NAMED_AT_MOST)?;
                let (minutes, latency) = query::overview::traffic(scene, now)?;
                let (remarks, anomalies) = query::remarks::totals(scene)?;
                Ok(Overview {
                    standpoint: scene.standpoint(head),
                    threads: query::overview::counts(scene)?,
                    stuck: Stuck { held: query::held::count(scene)?, longest_held, open, longest_open },
                    connections: query::connections::connections(scene, now)?,
                    spool: None,
                    minutes,
                    latency,
                    remarks,
                    anomalies,
                })
            })
            .await?;
        if as_of == AsOf::Now {
            overview.spool = spool.map(|spool| spool.outlook().into());
            for connection in &mut overview.connections {
                connection.live = board.read(&connection.name, asked_at);
            }
        }
        Ok(overview)
    }

    /// The dialogues that were touched behind a position, up to the newest event; `None` if more than `at_most` events
    /// stand there, so that whoever asks had better ask for everything again.
    pub async fn touched_since(
        &self,
        position: Position,
        at_most: usize,
    ) -> Result<Option<Vec<ThreadId>>, ReadingError> {
        self.ask(AsOf::Now, move |scene, _| {
            let from = query::moment(scene.rows, AsOf::Position(position))?.seq;
            let many = Seq::try_from(at_most).unwrap_or(Seq::MAX);
            if scene.moment.seq - from > many {
                return Ok(None);
            }
            let mut threads = BTreeSet::new();
            let mut touched = scene.rows.prepare_cached("SELECT threads FROM events WHERE seq > ?1")?;
            let mut touched = touched.query([from])?;
            while let Some(row) = touched.next()? {
                let numbers: Option<String> = row.get(0)?;
                for number in numbers.unwrap_or_default().split(',').filter_map(|number| number.parse().ok()) {
                    threads.insert(scene.thread_id(number)?);
                }
            }
            Ok(Some(threads.into_iter().collect()))
        })
        .await
    }

    /// Tells of changes from here on. `None` if the read side is switched off.
    pub fn follow(&self) -> Option<Follower> {
        self.0.as_ref().map(|inner| Follower(inner.progress.subscribe()))
    }

    fn inner(&self) -> Result<&Arc<Inner>, ReadingError> {
        self.0.as_ref().ok_or(ReadingError::Off)
    }

    /// Asks for one thing.
    async fn answer<T: Send + 'static>(
        &self,
        as_of: AsOf,
        ask: impl FnOnce(&Scene<'_>) -> Result<T, ReadingError> + Send + 'static,
    ) -> Result<Answer<T>, ReadingError> {
        self.ask(as_of, |scene, head| Ok(Answer { item: ask(scene)?, standpoint: scene.standpoint(head) })).await
    }

    /// Asks for a page. With a cursor, the moment is the first page's.
    async fn page<T: Send + 'static>(
        &self,
        as_of: AsOf,
        wanted: Wanted,
        question: Question,
        ask: impl FnOnce(&Scene<'_>, &Wanted, &Question) -> Result<(Vec<T>, Option<super::Cursor>), ReadingError>
        + Send
        + 'static,
    ) -> Result<Page<T>, ReadingError> {
        let then = wanted.cursor.as_ref().map(|cursor| cursor.moment(&question)).transpose()?;
        self.ask_at(as_of, then, move |scene, head| {
            let (items, next) = ask(scene, &wanted, &question)?;
            Ok(Page { standpoint: scene.standpoint(head), items, next })
        })
        .await
    }

    async fn ask<T: Send + 'static>(
        &self,
        as_of: AsOf,
        ask: impl FnOnce(&Scene<'_>, Head) -> Result<T, ReadingError> + Send + 'static,
    ) -> Result<T, ReadingError> {
        self.ask_at(as_of, None, ask).await
    }

    /// Asks on a thread that may wait, in one read transaction.
    async fn ask_at<T: Send + 'static>(
        &self,
        as_of: AsOf,
        then: Option<Seq>,
        ask: impl FnOnce(&Scene<'_>, Head) -> Result<T, ReadingError> + Send + 'static,
    ) -> Result<T, ReadingError> {
        let inner = Arc::clone(self.inner()?);
        if let Some(trouble) = inner.progress.trouble() {
            return Err(ReadingError::Trouble(trouble));
        }
        let turn = Arc::clone(&inner.turns).acquire_owned().await.map_err(|_| ReadingError::Interrupted)?;
        let asked = tokio::task::spawn_blocking(move || {
            // Held by the thread, for it goes on even if nobody waits any more.
            let _turn = turn;
            // Before the rows, so that rows are never behind what is said of them.
            let head = inner.progress.head();
            let mut rows = inner.take()?;
            let transaction = rows.transaction()?;
            let moment = match then {
                Some(seq) => query::moment_again(&transaction, seq)?,
                None => query::moment(&transaction, as_of)?,
            };
            let answer = ask(&Scene::at(&transaction, moment)?, head);
            transaction.finish()?;
            inner.give_back(rows);
            answer
        });
        asked.await.map_err(|_| ReadingError::Interrupted)?
    }
}

impl Inner {
    fn take(&self) -> Result<Connection, rusqlite::Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| open_to_read(&self.path), Ok)
    }

    fn give_back(&self, rows: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(rows);
    }
}

/// Behind which events others stand: from there, a log gives them as the next.
fn behind(scene: &Scene<'_>, events: &[Seq]) -> Result<Vec<Option<Position>>, ReadingError> {
    let mut configurations = scene.rows.prepare_cached("SELECT since FROM configurations WHERE since <= ?1")?;
    let configurations = configurations.query_map([scene.moment.seq], |row| row.get(0))?;
    let mut all: BTreeSet<Seq> = events.iter().copied().collect();
    if events.len() > 1 {
        for configuration in configurations {
            all.insert(configuration?);
        }
    }
    let before = |seq: Seq| if seq <= 1 { Ok(None) } else { scene.position(seq - 1).map(Some) };
    Ok(all.into_iter().map(before).collect::<Result<_, _>>()?)
}

/// What was explained, as JSON.
fn explained(answer: explain::Answer, key: &Origin) -> Option<serde_json::Value> {
    match answer {
        explain::Answer::Explained(explanation) => Some(value(&explanation)),
        // It was asked for by its whole name; whatever else bears it is something else.
        explain::Answer::Several(_) | explain::Answer::Unknown => {
            tracing::debug!(connection = %key.connection, "a message is not explained by its dialogue's events");
            None
        }
    }
}

fn value(document: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(document).unwrap_or_default()
}

/// What an event says, as JSON.
fn substance(event: &Event) -> serde_json::Value {
    match event {
        Event::WebhookReceived(webhook) => {
            let body: serde_json::Value = serde_json::from_slice(&webhook.body)
                .unwrap_or_else(|_| String::from_utf8_lossy(&webhook.body).into_owned().into());
            serde_json::json!({
                "connection": webhook.connection,
                "platform": webhook.platform,
                "transport": webhook.transport,
                "headers": webhook.headers,
                "body": body,
            })
        }
        Event::IntentRaised(raised) => value(raised),
        Event::AttemptStarted(started) => value(started),
        Event::AttemptSettled(settled) => value(settled),
        Event::ConfigurationApplied(configuration) => value(configuration),
        Event::OperatorInstructed(instructed) => value(instructed),
        Event::PolicyAdvanced(advanced) => value(advanced),
        Event::PollAdvanced(advanced) => value(advanced),
        Event::Arranged(arrangement) => value(arrangement),
    }
}
