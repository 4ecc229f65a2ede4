//! What EventStoreDB promises about streams, kept over any log of ours.
//!
//! Takes appends, deletions and reads as the server knows them, decides them by the server's own rules, and keeps the
//! result in an [`EventLog`]. The log underneath decides nothing: each event has an id of its own there, and what the
//! server knows besides (the writer's id, the kind of content, the time) stands before the metadata. Absent are link
//! events, scavenging and transactions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chatledger::log::{Append, EventLog, ExpectedRevision, Following, NewEvent, ReadError, StoredEvent};
use chatledger_projections::ids::EventId;
use chatledger_projections::recorded::{Position, Revision, StreamName};
use serde::{Deserialize, Serialize};
use tokio::runtime::{self, Runtime};
use tokio::sync::Mutex;
use uuid::Uuid;

/// How far apart two positions stand: the real ones are places in a file, so they leave gaps.
pub const STRIDE: u64 = 100;

/// How many events are read at a time.
const PAGE: usize = 256;

/// The number of a stream's last event once it is gone for good; also what hides everything before it.
const GONE: u64 = i64::MAX as u64;

/// The type of the event that says what holds of a stream.
const METADATA: &str = "$metadata";

/// The type of a stream's last event.
const TOMBSTONE: &str = "$streamDeleted";

/// An event as a writer gives it.
#[derive(Clone, Debug)]
pub struct Proposed {
    /// Its id.
    pub id: Uuid,
    /// Its type.
    pub event_type: String,
    /// The kind of its content.
    pub content_type: String,
    /// Its data.
    pub data: Vec<u8>,
    /// What its writer says about it.
    pub metadata: Vec<u8>,
}

/// An event as a reader gets it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Its id.
    pub id: Uuid,
    /// Its stream.
    pub stream: String,
    /// Its number in the stream.
    pub revision: u64,
    /// Its place in the log.
    pub position: u64,
    /// Its type.
    pub event_type: String,
    /// The kind of its content.
    pub content_type: String,
    /// When it was stored, in ticks of 100 ns since 1970.
    pub created: u64,
    /// Its data.
    pub data: Vec<u8>,
    /// What its writer said about it.
    pub metadata: Vec<u8>,
}

/// Where a writer believes a stream's end to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expected {
    /// Anywhere.
    Any,
    /// There is no such stream.
    NoStream,
    /// There is one.
    StreamExists,
    /// Its last event has this number.
    Exact(u64),
}

/// What an append came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// The number of the last event.
    pub revision: Option<u64>,
    /// Its place in the log.
    pub position: Option<u64>,
}

/// Why something was not done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The stream's end is elsewhere.
    WrongExpectedVersion {
        /// Where it is.
        current: Option<u64>,
    },
    /// The stream is gone for good.
    StreamDeleted,
    /// The append is larger than the server takes.
    TooLarge {
        /// The most that it takes.
        limit: usize,
    },
    /// The log underneath did not take it.
    Unavailable(String),
}

/// The streams of a server, or of all nodes of a cluster.
#[derive(Debug)]
pub struct Store {
    log: Arc<dyn EventLog>,
    largest_append: usize,
    streams: Mutex<HashMap<String, Stream>>,
    /// Where appends are made. Not where they are asked for: a server that is killed must not leave one half made, stored in
    /// the log and unknown to the streams.
    hands: Hands,
}

/// A runtime that may be let go of anywhere.
#[derive(Debug)]
struct Hands(Option<Runtime>);

impl Drop for Hands {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[derive(Debug, Default)]
struct Stream {
    events: Vec<(Uuid, u64)>,
    /// From here on the server remembers ids without being told where they should be: what it wrote since it was started.
    remembered_from: usize,
    settings: Settings,
    is_gone: bool,
}

/// What holds of a stream.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Settings {
    #[serde(rename = "$tb", default)]
    truncate_before: u64,
    #[serde(rename = "$maxCount", default)]
    max_count: Option<u64>,
    /// In seconds.
    #[serde(rename = "$maxAge", default)]
    max_age: Option<u64>,
}

/// What the server knows of an event besides what the log underneath keeps.
#[derive(Serialize, Deserialize)]
struct Envelope {
    id: Uuid,
    content_type: String,
    created: u64,
}

impl Store {
    /// Serves a log from what is in it. An empty one gets the events that a new server writes for itself.
    pub async fn over(log: Arc<dyn EventLog>, largest_append: usize) -> Result<Arc<Self>, ReadError> {
        let hands = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let hands = Hands(Some(hands.map_err(|error| ReadError::Unavailable(error.into()))?));
        let store = Arc::new(Self { log, largest_append, streams: Mutex::default(), hands });
        let mut after = None;
        loop {
            let page = store.log.read_all(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.position);
            let mut streams = store.streams.lock().await;
            for kept in page.iter().filter_map(kept) {
                note(&mut streams, &kept);
            }
        }
        if after.is_none() {
            let own = Proposed {
                id: Uuid::from_u128(1),
                event_type: "$UserCreated".to_owned(),
                content_type: "application/json".to_owned(),
                data: br#"{"loginName":"admin"}"#.to_vec(),
                metadata: Vec::new(),
            };
            let written = store.append("$user-admin", Expected::NoStream, vec![own]).await;
            written.map_err(|refusal| ReadError::Unavailable(format!("{refusal:?}").into()))?;
        }
        for stream in store.streams.lock().await.values_mut() {
            stream.remembered_from = stream.events.len();
        }
        Ok(store)
    }

    /// Appends to a stream, by the server's rules. It is made to its end, although nobody may wait for that any more.
    pub async fn append(
        self: &Arc<Self>,
        name: &str,
        expected: Expected,
        events: Vec<Proposed>,
    ) -> Result<Written, Refusal> {
        let (store, name) = (Arc::clone(self), name.to_owned());
        let hands = self.hands.0.as_ref().expect("they are there as long as the store is");
        let made = hands.spawn(async move { store.append_to_the_end(&name, expected, events).await });
        made.await.unwrap_or_else(|broken| Err(Refusal::Unavailable(broken.to_string())))
    }

    async fn append_to_the_end(
        &self,
        name: &str,
        expected: Expected,
        events: Vec<Proposed>,
    ) -> Result<Written, Refusal> {
        let size: usize =
            events.iter().map(|event| event.data.len() + event.metadata.len() + event.event_type.len()).sum();
        if size > self.largest_append {
            return Err(Refusal::TooLarge { limit: self.largest_append });
        }
        let mut streams = self.streams.lock().await;
        let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
        if let Some(written) = judge(streams.get(name), expected, &ids)? {
            return Ok(written);
        }
        let was_hidden = streams.get(name).is_some_and(|stream| stream.settings.truncate_before == GONE);
        let written = self.store(&mut streams, name, events).await?;
        if was_hidden {
            // What comes after a deletion can be read again, what was before it cannot.
            let first = written.revision.map_or(0, |last| last + 1 - ids.len() as u64);
            let settings = format!(r#"{{"$tb":{first}}}"#);
            self.store(&mut streams, &format!("$${name}"), vec![metadata(settings)]).await?;
        }
        Ok(written)
    }

    /// Hides everything in a stream. What is appended later goes on counting.
    pub async fn delete(&self, name: &str, expected: Expected) -> Result<Option<u64>, Refusal> {
        let mut streams = self.streams.lock().await;
        self.check(&streams, name, expected)?;
        let settings = format!(r#"{{"$tb":{GONE}}}"#);
        Ok(self.store(&mut streams, &format!("$${name}"), vec![metadata(settings)]).await?.position)
    }

    /// Ends a stream for good.
    pub async fn tombstone(&self, name: &str, expected: Expected) -> Result<Option<u64>, Refusal> {
        let mut streams = self.streams.lock().await;
        self.check(&streams, name, expected)?;
        let event = Proposed { event_type: TOMBSTONE.to_owned(), ..metadata(String::new()) };
        Ok(self.store(&mut streams, name, vec![event]).await?.position)
    }

    fn check(&self, streams: &HashMap<String, Stream>, name: &str, expected: Expected) -> Result<(), Refusal> {
        let stream = streams.get(name);
        let current = last(stream);
        if stream.is_some_and(|stream| stream.is_gone) {
            return Err(Refusal::StreamDeleted);
        }
        let is_right = match expected {
            Expected::Any => true,
            Expected::NoStream => current.is_none(),
            Expected::StreamExists => current.is_some(),
            Expected::Exact(revision) => current == Some(revision),
        };
        if is_right { Ok(()) } else { Err(Refusal::WrongExpectedVersion { current }) }
    }

    async fn store(
        &self,
        streams: &mut HashMap<String, Stream>,
        name: &str,
        events: Vec<Proposed>,
    ) -> Result<Written, Refusal> {
        let current = last(streams.get(name));
        let Some(extra) = events.len().checked_sub(1) else {
            return Ok(Written { revision: current, position: None });
        };
        let first = current.map_or(0, |current| current + 1);
        let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let created = u64::try_from(created.as_nanos() / 100).unwrap_or(u64::MAX);
        let sealed = (first..).zip(&events).map(|(revision, event)| {
            let envelope = Envelope { id: event.id, content_type: event.content_type.clone(), created };
            let mut noted = serde_json::to_vec(&envelope).expect("an envelope has only text for keys");
            noted.push(b'\n');
            noted.extend(&event.metadata);
            NewEvent {
                id: EventId::derived(&[name.as_bytes(), &revision.to_be_bytes()]),
                event_type: event.event_type.clone(),
                data: event.data.clone(),
                metadata: noted,
            }
        });
        let append = Append {
            stream: StreamName::named(name),
            expected: current.map_or(ExpectedRevision::NoStream, |last| ExpectedRevision::Exact(Revision::new(last))),
            events: sealed.collect(),
        };
        let appended = self.log.append(append).await.map_err(|error| Refusal::Unavailable(error.to_string()))?;
        let end = appended.position.map_or(0, Position::commit);
        for (index, event) in (0_u64..).zip(events) {
            let revision = first + index;
            // Positions underneath follow each other within one append.
            let position = (end - extra as u64 + index) * STRIDE;
            let kept = Kept {
                id: event.id,
                stream: name.to_owned(),
                revision,
                position,
                event_type: event.event_type,
                content_type: event.content_type,
                created,
                data: event.data,
                metadata: event.metadata,
            };
            note(streams, &kept);
        }
        Ok(Written { revision: Some(first + extra as u64), position: Some(end * STRIDE) })
    }

    /// The numbers of a stream's events that can be read, or why there are none.
    pub async fn readable(&self, name: &str) -> Result<Option<(u64, u64)>, Refusal> {
        let streams = self.streams.lock().await;
        let Some(stream) = streams.get(name) else { return Ok(None) };
        if stream.is_gone {
            return Err(Refusal::StreamDeleted);
        }
        let Some(last) = last(Some(stream)) else { return Ok(None) };
        let counted = stream.settings.max_count.map_or(0, |count| (last + 1).saturating_sub(count));
        let first = stream.settings.truncate_before.max(counted);
        Ok((first <= last).then_some((first, last)))
    }

    /// Whether an event of a stream is too old to be read in it.
    pub async fn is_too_old(&self, kept: &Kept) -> bool {
        let age = self.streams.lock().await.get(&kept.stream).and_then(|stream| stream.settings.max_age);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        age.is_some_and(|age| kept.created / 10_000_000 + age < now)
    }

    /// Events of a stream from a number on.
    pub async fn in_stream(&self, name: &str, from: u64, count: usize) -> Result<Vec<Kept>, ReadError> {
        let events = self.log.read_stream(&StreamName::named(name), Revision::new(from), count).await?;
        Ok(events.iter().filter_map(kept).collect())
    }

    /// Events of the log after a place.
    pub async fn after(&self, position: Option<u64>, count: usize) -> Result<Vec<Kept>, ReadError> {
        let events = self.log.read_all(below(position), count).await?;
        Ok(events.iter().filter_map(kept).collect())
    }

    /// The newest events of the log, newest first.
    pub async fn newest(&self, count: usize) -> Result<Vec<Kept>, ReadError> {
        Ok(self.log.read_backwards(count).await?.iter().filter_map(kept).collect())
    }

    /// Follows the log after a place.
    pub async fn follow(&self, position: Option<u64>) -> Result<Box<dyn Following>, ReadError> {
        self.log.follow(below(position)).await
    }
}

/// The place underneath after which everything stands behind a place of ours.
fn below(position: Option<u64>) -> Option<Position> {
    position.map(|position| position / STRIDE).filter(|position| *position > 0).map(Position::new)
}

fn metadata(json: String) -> Proposed {
    Proposed {
        id: Uuid::new_v4(),
        event_type: METADATA.to_owned(),
        content_type: "application/json".to_owned(),
        data: json.into_bytes(),
        metadata: Vec::new(),
    }
}

/// An event of the log underneath as the server shows it.
pub fn kept(stored: &StoredEvent) -> Option<Kept> {
    let end = stored.metadata.iter().position(|byte| *byte == b'\n')?;
    let envelope: Envelope = serde_json::from_slice(&stored.metadata[..end]).ok()?;
    Some(Kept {
        id: envelope.id,
        stream: stored.stream.as_str().to_owned(),
        revision: if stored.event_type == TOMBSTONE { GONE } else { stored.revision.as_u64() },
        position: stored.position.commit() * STRIDE,
        event_type: stored.event_type.clone(),
        content_type: envelope.content_type,
        created: envelope.created,
        data: stored.data.clone(),
        metadata: stored.metadata[end + 1..].to_vec(),
    })
}

fn note(streams: &mut HashMap<String, Stream>, kept: &Kept) {
    let stream = streams.entry(kept.stream.clone()).or_default();
    stream.events.push((kept.id, kept.position));
    stream.is_gone |= kept.event_type == TOMBSTONE;
    if let Some(about) = kept.stream.strip_prefix("$$").filter(|_| kept.event_type == METADATA) {
        // Whatever is no metadata changes nothing.
        if let Ok(settings) = serde_json::from_slice(&kept.data) {
            streams.entry(about.to_owned()).or_default().settings = settings;
        }
    }
}

fn last(stream: Option<&Stream>) -> Option<u64> {
    stream.and_then(|stream| (stream.events.len() as u64).checked_sub(1))
}

/// Decides on an append as the server does: `Some` if it is stored already, or is only a question.
fn judge(stream: Option<&Stream>, expected: Expected, ids: &[Uuid]) -> Result<Option<Written>, Refusal> {
    let current = last(stream);
    let Some(stream) = stream.filter(|_| current.is_some()) else {
        return match expected {
            Expected::Any | Expected::NoStream => Ok(None),
            Expected::StreamExists | Expected::Exact(_) => Err(Refusal::WrongExpectedVersion { current }),
        };
    };
    if stream.is_gone {
        return Err(Refusal::StreamDeleted);
    }
    let wrong = Err(Refusal::WrongExpectedVersion { current });
    let is_hidden = stream.settings.truncate_before == GONE;
    let anywhere = || {
        // Only what the server happens to remember.
        let found = ids.first().and_then(|id| {
            stream.events.iter().enumerate().skip(stream.remembered_from).find(|(_, (known, _))| known == id)
        });
        match found {
            None => Ok(None),
            Some((place, _)) => stored_at(stream, place, ids).map_or(Err(()), |written| Ok(Some(written))),
        }
    };
    let answer = match expected {
        Expected::Any => anywhere(),
        Expected::StreamExists if is_hidden => return wrong,
        Expected::StreamExists => anywhere(),
        Expected::NoStream => match stored_at(stream, 0, ids) {
            Some(written) if !ids.is_empty() => Ok(Some(written)),
            _ if is_hidden => Ok(None),
            _ => Err(()),
        },
        Expected::Exact(revision) if Some(revision) == current => Ok(None),
        Expected::Exact(revision) => {
            let place = usize::try_from(revision).ok().and_then(|revision| revision.checked_add(1));
            match place.and_then(|place| stored_at(stream, place, ids)) {
                Some(written) if !ids.is_empty() => Ok(Some(written)),
                _ => Err(()),
            }
        }
    };
    answer.or(wrong)
}

/// Whether exactly these ids stand from a place on.
fn stored_at(stream: &Stream, place: usize, ids: &[Uuid]) -> Option<Written> {
    let there = stream.events.get(place..place.checked_add(ids.len())?)?;
    let is_same = there.iter().map(|(id, _)| id).eq(ids);
    is_same.then(|| Written {
        revision: (place as u64 + ids.len() as u64).checked_sub(1),
        position: there.last().map(|(_, position)| *position),
    })
}
