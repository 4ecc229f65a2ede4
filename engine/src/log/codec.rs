//! Between our events and what a store keeps. The only place that knows what stored bytes mean.
//!
//! A webhook's data is its body, byte for byte; what we noted about it stands in the metadata. The data of all other
//! events is their JSON. The time of recording is ours and stands in the metadata too, not in a column of some store, so
//! that a copy of a log is the same log. `codec` numbers this agreement: sealed payloads or a chain of hashes would be
//! another number.

use std::borrow::Cow;

use chatledger_projections::duties::Arrangement;
use chatledger_projections::event::{Event, IntentRaised, Transport, WebhookReceived};
use chatledger_projections::ids::{ConnectionName, EventId};
use chatledger_projections::recorded::{Position, Recorded, Revision, StreamName};
use chatledger_projections::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{NewEvent, StoredEvent, StoredEventRef};

/// The agreement that this program writes, and the newest that it reads.
pub const CODEC: u32 = 1;

/// The types of the events that there are most of, as [`Event::label`] calls them.
pub(crate) const WEBHOOK_RECEIVED: &str = "WebhookReceived";
const INTENT_RAISED: &str = "IntentRaised";

/// An event read from a store's own page, with what was noted about it.
#[derive(Clone, PartialEq, Debug)]
pub struct Unsealed<'a> {
    /// Its id.
    pub id: EventId,
    /// Its stream.
    pub stream: &'a str,
    /// Its place in the stream.
    pub revision: Revision,
    /// Its place in the log.
    pub position: Position,
    /// When we recorded it, by our own clock.
    pub recorded_at: Timestamp,
    /// The event that it follows from.
    pub cause: Option<EventId>,
    /// The dialogue that it belongs to.
    pub correlation: Option<Cow<'a, str>>,
    /// What it says.
    pub event: UnsealedEvent<'a>,
}

/// An event's substance; of a webhook, the bytes are still the store's.
#[derive(Clone, PartialEq, Debug)]
pub enum UnsealedEvent<'a> {
    /// A platform said something.
    Webhook(UnsealedWebhook<'a>),
    /// One of our own events.
    Ours(Box<Event>),
}

/// A webhook in the store's own page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnsealedWebhook<'a> {
    /// At which connection.
    pub connection: Cow<'a, str>,
    /// Who reads it: the platform's name.
    pub platform: Cow<'a, str>,
    /// How it came.
    pub transport: Transport,
    /// The headers that the connector chose.
    pub headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// Why a stored event cannot be read. The log is not read on past it: what follows may depend on it.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// There is no such event as far as this program knows.
    #[error(
        "the event at position {position} is a {event_type:?}, which this version of Chatledger does not know; update the program"
    )]
    UnknownType {
        /// Where it stands.
        position: Position,
        /// What it is called.
        event_type: String,
    },
    /// A newer program wrote it.
    #[error(
        "the event at position {position} was sealed by a newer version of Chatledger (codec {found}, this one reads {CODEC}); update the program"
    )]
    Newer {
        /// Where it stands.
        position: Position,
        /// Its codec.
        found: u32,
    },
    /// Its bytes are not what any version of us wrote.
    #[error(
        "the {part} of the event at position {position} ({event_type}) cannot be read; restore the log from a copy, or export it, repair the line, and import it"
    )]
    Unreadable {
        /// Where it stands.
        position: Position,
        /// What it is called.
        event_type: String,
        /// Which part.
        part: Part,
        /// What is wrong with it.
        #[source]
        cause: serde_json::Error,
    },
}

/// A part of a stored event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// Its substance.
    Data,
    /// What is said about it.
    Metadata,
}

impl std::fmt::Display for Part {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Data => "data",
            Self::Metadata => "metadata",
        })
    }
}

/// Makes an event ready for the store.
pub fn seal(
    event: &Event,
    id: EventId,
    recorded_at: Timestamp,
    cause: Option<EventId>,
    correlation: Option<&str>,
) -> NewEvent {
    let webhook = match event {
        Event::WebhookReceived(webhook) => Some(webhook),
        Event::IntentRaised(_)
        | Event::AttemptStarted(_)
        | Event::AttemptSettled(_)
        | Event::ConfigurationApplied(_)
        | Event::OperatorInstructed(_)
        | Event::PolicyAdvanced(_)
        | Event::PollAdvanced(_)
        | Event::Arranged(_) => None,
    };
    let data = match event {
        Event::WebhookReceived(webhook) => webhook.body.clone(),
        Event::IntentRaised(raised) => data(raised),
        Event::AttemptStarted(started) => data(started),
        Event::AttemptSettled(settled) => data(settled),
        Event::ConfigurationApplied(configuration) => data(configuration),
        Event::OperatorInstructed(instructed) => data(instructed),
        Event::PolicyAdvanced(advanced) => data(advanced),
        Event::PollAdvanced(advanced) => data(advanced),
        Event::Arranged(arrangement) => data(arrangement),
    };
    let metadata = metadata(recorded_at, cause, correlation, webhook);
    NewEvent { id, event_type: event.label().to_owned(), data, metadata }
}

/// Makes a webhook ready for the store, as [`seal`] does, without copying its body.
pub fn seal_webhook(webhook: WebhookReceived, id: EventId, recorded_at: Timestamp) -> NewEvent {
    let metadata = metadata(recorded_at, None, None, Some(&webhook));
    NewEvent { id, event_type: WEBHOOK_RECEIVED.to_owned(), data: webhook.body, metadata }
}

/// Makes an intent ready for the store, as [`seal`] does, with its cause and the dialogue that it belongs to.
pub fn seal_raised(raised: &IntentRaised, id: EventId, recorded_at: Timestamp) -> NewEvent {
    let metadata = metadata(recorded_at, Some(raised.cause), Some(&raised.thread.to_string()), None);
    NewEvent { id, event_type: INTENT_RAISED.to_owned(), data: data(raised), metadata }
}

fn metadata(
    recorded_at: Timestamp,
    cause: Option<EventId>,
    correlation: Option<&str>,
    webhook: Option<&WebhookReceived>,
) -> Vec<u8> {
    let headers = webhook.map_or(&[][..], |webhook| &webhook.headers);
    let metadata = Metadata {
        codec: CODEC,
        recorded_at,
        cause,
        correlation: correlation.map(Text::from),
        connection: webhook.map(|webhook| Text::from(webhook.connection.as_str())),
        platform: webhook.map(|webhook| Text::from(webhook.platform.as_str())),
        transport: webhook.map(|webhook| webhook.transport),
        headers: headers.iter().map(|(name, value)| (Text::from(name.as_str()), Text::from(value.as_str()))).collect(),
    };
    json(&metadata, METADATA_ROOM)
}

fn data(event: &impl Serialize) -> Vec<u8> {
    json(event, DATA_ROOM)
}

/// Reads a stored event.
pub fn open(stored: StoredEvent) -> Result<Recorded<Event>, CodecError> {
    let unsealed = unseal(stored.as_ref())?;
    let recorded_at = unsealed.recorded_at;
    let event = match unsealed.event {
        UnsealedEvent::Ours(event) => *event,
        // The body is moved, not copied.
        UnsealedEvent::Webhook(webhook) => {
            let received = webhook.without_body();
            Event::WebhookReceived(WebhookReceived { body: stored.data, ..received })
        }
    };
    Ok(Recorded {
        id: stored.id,
        stream: stored.stream,
        revision: stored.revision,
        position: stored.position,
        recorded_at,
        event,
    })
}

/// Reads a stored event where it lies: for scans of whole logs.
pub fn unseal(stored: StoredEventRef<'_>) -> Result<Unsealed<'_>, CodecError> {
    let reader = Reader { stored };
    // The type first: its remedy is the same, and the metadata of an unknown type may be anything.
    let event_type = reader.event_type()?;
    let metadata = reader.metadata()?;
    let ours = |event| UnsealedEvent::Ours(Box::new(event));
    let event = match event_type {
        EventType::WebhookReceived => UnsealedEvent::Webhook(UnsealedWebhook {
            connection: reader.present(metadata.connection, "connection")?.0,
            platform: reader.present(metadata.platform, "platform")?.0,
            transport: reader.present(metadata.transport, "transport")?,
            headers: metadata.headers.into_iter().map(|(name, value)| (name.0, value.0)).collect(),
            body: stored.data,
        }),
        EventType::IntentRaised => ours(Event::IntentRaised(reader.data()?)),
        EventType::AttemptStarted => ours(Event::AttemptStarted(reader.data()?)),
        EventType::AttemptSettled => ours(Event::AttemptSettled(reader.data()?)),
        EventType::ConfigurationApplied => ours(Event::ConfigurationApplied(reader.data()?)),
        EventType::OperatorInstructed => ours(Event::OperatorInstructed(reader.data()?)),
        EventType::PolicyAdvanced => ours(Event::PolicyAdvanced(reader.data()?)),
        EventType::PollAdvanced => ours(Event::PollAdvanced(reader.data()?)),
        EventType::EngineSeen => ours(Event::Arranged(Arrangement::Seen(reader.data()?))),
        EventType::EngineEnded => ours(Event::Arranged(Arrangement::Ended(reader.data()?))),
        EventType::DutyTaken => ours(Event::Arranged(Arrangement::Taken(reader.data()?))),
    };
    Ok(Unsealed {
        id: stored.id,
        stream: stored.stream,
        revision: stored.revision,
        position: stored.position,
        recorded_at: metadata.recorded_at,
        cause: metadata.cause,
        correlation: metadata.correlation.map(|text| text.0),
        event,
    })
}

/// When an event was recorded, if its metadata can be read at all: for lists and exports that show what they can.
pub fn recorded_at(stored: StoredEventRef<'_>) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Time {
        recorded_at: Timestamp,
    }
    serde_json::from_slice::<Time>(stored.metadata).ok().map(|time| time.recorded_at)
}

impl Unsealed<'_> {
    /// The same event, owned.
    pub fn into_recorded(self) -> Recorded<Event> {
        Recorded {
            id: self.id,
            stream: StreamName::named(self.stream),
            revision: self.revision,
            position: self.position,
            recorded_at: self.recorded_at,
            event: match self.event {
                UnsealedEvent::Ours(event) => *event,
                UnsealedEvent::Webhook(webhook) => {
                    let body = webhook.body.to_vec();
                    Event::WebhookReceived(WebhookReceived { body, ..webhook.without_body() })
                }
            },
        }
    }
}

impl UnsealedWebhook<'_> {
    fn without_body(self) -> WebhookReceived {
        WebhookReceived {
            connection: ConnectionName::new(&*self.connection),
            platform: self.platform.into_owned(),
            transport: self.transport,
            headers: self.headers.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
            body: Vec::new(),
        }
    }
}

/// What is said about an event. `$causationId` and `$correlationId` are EventStoreDB's own words, so that its
/// projections understand them.
#[derive(Serialize, Deserialize)]
struct Metadata<'a> {
    codec: u32,
    recorded_at: Timestamp,
    #[serde(rename = "$causationId", default, skip_serializing_if = "Option::is_none")]
    cause: Option<EventId>,
    #[serde(rename = "$correlationId", default, borrow, skip_serializing_if = "Option::is_none")]
    correlation: Option<Text<'a>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    connection: Option<Text<'a>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    platform: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transport: Option<Transport>,
    #[serde(default, borrow, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(Text<'a>, Text<'a>)>,
}

/// A text that is borrowed where JSON allows it; serde borrows a `Cow` only if it is asked to where the `Cow` stands.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

/// The types that this program knows.
#[derive(Clone, Copy)]
enum EventType {
    WebhookReceived,
    IntentRaised,
    AttemptStarted,
    AttemptSettled,
    ConfigurationApplied,
    OperatorInstructed,
    PolicyAdvanced,
    PollAdvanced,
    EngineSeen,
    EngineEnded,
    DutyTaken,
}

struct Reader<'a> {
    stored: StoredEventRef<'a>,
}

impl<'a> Reader<'a> {
    fn event_type(&self) -> Result<EventType, CodecError> {
        match self.stored.event_type {
            WEBHOOK_RECEIVED => Ok(EventType::WebhookReceived),
            INTENT_RAISED => Ok(EventType::IntentRaised),
            "AttemptStarted" => Ok(EventType::AttemptStarted),
            "AttemptSettled" => Ok(EventType::AttemptSettled),
            "ConfigurationApplied" => Ok(EventType::ConfigurationApplied),
            "OperatorInstructed" => Ok(EventType::OperatorInstructed),
            "PolicyAdvanced" => Ok(EventType::PolicyAdvanced),
            "PollAdvanced" => Ok(EventType::PollAdvanced),
            "EngineSeen" => Ok(EventType::EngineSeen),
            "EngineEnded" => Ok(EventType::EngineEnded),
            "DutyTaken" => Ok(EventType::DutyTaken),
            unknown => Err(CodecError::UnknownType { position: self.stored.position, event_type: unknown.to_owned() }),
        }
    }

    fn metadata(&self) -> Result<Metadata<'a>, CodecError> {
        #[derive(Deserialize)]
        struct Age {
            codec: u32,
        }
        let newer = |found| CodecError::Newer { position: self.stored.position, found };
        match parsed::<Metadata<'a>>(self.stored.metadata) {
            Ok(metadata) if metadata.codec <= CODEC => Ok(metadata),
            Ok(metadata) => Err(newer(metadata.codec)),
            // A newer agreement may have changed everything but its number.
            Err(cause) => match serde_json::from_slice::<Age>(self.stored.metadata) {
                Ok(age) if age.codec > CODEC => Err(newer(age.codec)),
                Ok(_) | Err(_) => Err(self.unreadable(Part::Metadata, cause)),
            },
        }
    }

    fn data<T: DeserializeOwned>(&self) -> Result<T, CodecError> {
        parsed(self.stored.data).map_err(|cause| self.unreadable(Part::Data, cause))
    }

    fn present<T>(&self, value: Option<T>, name: &'static str) -> Result<T, CodecError> {
        value.ok_or_else(|| self.unreadable(Part::Metadata, serde::de::Error::missing_field(name)))
    }

    fn unreadable(&self, part: Part, cause: serde_json::Error) -> CodecError {
        CodecError::Unreadable {
            position: self.stored.position,
            event_type: self.stored.event_type.to_owned(),
            part,
            cause,
        }
    }
}

/// Reads a document. That it is text is looked at once for all of it, rather than for each of its parts.
fn parsed<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, serde_json::Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(text),
        // It says where it is not.
        Err(_) => serde_json::from_slice(bytes),
    }
}

/// Room for most of what is written: an intent or a settled attempt, and what is noted about an event.
const DATA_ROOM: usize = 1024;
const METADATA_ROOM: usize = 256;

fn json(value: &impl Serialize, room: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(room);
    serde_json::to_writer(&mut bytes, value).expect("our own types always serialise: their maps have text for keys");
    bytes
}
