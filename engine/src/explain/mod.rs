//! Where a message is now, and why: the chain from what a platform said to what was answered, told from the log.
//!
//! Takes a log and what is asked for, as a person types it; gives an [`Explanation`], a tree in which every line bears its
//! event's position, and what in it does not follow from the log. Nothing is sent and nothing is recorded. The log is
//! folded once where what is asked for is met before what came of it, and again where its beginnings turn out to lie
//! further back; what is remembered grows with what is explained, not with the log.

mod asked;
pub(crate) mod called;
mod derive;
mod find;
mod gather;
mod standing;
mod tree;
mod verify;

use std::collections::BTreeMap;

use chatledger_projections::delivery::Origin;
use chatledger_projections::event::{Event, IntentRaised, OperatorInstructed, RecordedReply, Transport};
use chatledger_projections::fact::{Fact, Failure, Remark};
use chatledger_projections::ids::{ConnectionName, EngineId, EventId, IntentId, ThreadId};
use chatledger_projections::outcome::{AttemptKind, Outcome};
use chatledger_projections::recorded::{Position, Recorded, Revision, StreamName};
use chatledger_projections::time::Timestamp;
use serde::Serialize;

use crate::fold::{FoldError, fold};
use crate::log::{EventLog, codec};
use crate::pipeline::Pipeline;

pub use asked::Asked;
pub use derive::Derived;
pub use standing::Stands;
pub use tree::does;
pub use verify::Doubt;

use find::Finder;
use gather::Gathering;

/// What is explained.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A message, by where it was written.
    Message(Origin),
    /// A dialogue.
    Thread(ThreadId),
    /// An intent that carries nobody's message.
    Intent(IntentId),
    /// Something that stands in the log.
    Event(EventId),
}

/// What was found.
#[derive(Debug)]
pub enum Answer {
    /// It is this.
    Explained(Box<Explanation>),
    /// It may be any of these.
    Several(Vec<Subject>),
    /// There is nothing of the kind.
    Unknown,
}

/// Where something stands, and how it came to that.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Explanation {
    /// What is explained.
    pub subject: Subject,
    /// The last event that was folded.
    pub position: Option<Position>,
    /// Where it stands.
    pub stands: Stands,
    /// The messages of a dialogue, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Said>,
    /// What began it, in the order of the log, each with all that followed.
    pub chain: Vec<Cause>,
    /// What in it does not follow from the log.
    #[serde(skip)]
    pub doubts: Vec<Doubt>,
}

/// A message of a dialogue.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Said {
    /// Where it stands in the log.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Where it was written.
    pub origin: Origin,
    /// Where it stands.
    pub stands: Stands,
}

/// An event from which something follows.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Cause {
    /// Its place in the log.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Its id.
    pub event: EventId,
    /// What it is.
    pub what: What,
    /// The configuration that was in force, by its place in the log.
    pub configuration: Option<Position>,
    /// What was read from it.
    pub facts: Vec<Fact>,
    /// What was odd in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Remark>,
    /// What it changed, by name.
    pub changes: Vec<String>,
    /// What follows from it.
    pub intents: Vec<Meant>,
}

/// What kind of event it is.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A platform said something.
    Webhook {
        /// At which connection.
        connection: ConnectionName,
        /// How it came, and how many bytes its body has; absent if its stream does not have it any more.
        raw: Option<Raw>,
    },
    /// A person told the program what to do.
    Instruction(OperatorInstructed),
    /// Another event, by its type.
    Other(&'static str),
    /// An intent names it as its cause, and the log does not have it before that intent.
    Missing,
}

/// A webhook as it lies in the log.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Raw {
    /// Who reads it: the platform's name.
    pub platform: String,
    /// How it came.
    pub transport: Transport,
    /// How many bytes its body has.
    pub bytes: usize,
}

/// An intent and what came of it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Meant {
    /// Its place in the log.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What was raised, and by which rule.
    pub raised: IntentRaised,
    /// The configuration that was in force when it was decided, by its place in the log.
    pub configuration: Option<Position>,
    /// The attempts at it.
    pub attempts: Vec<Tried>,
    /// What platforms said of it later.
    pub heard: Vec<Cause>,
    /// Where it stands, in words.
    pub stands: String,
    /// What the next attempt would send, if there was none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub would_send: Option<Derived>,
}

/// One attempt.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Tried {
    /// Its place in the log.
    pub position: Position,
    /// When its start was recorded.
    pub started_at: Timestamp,
    /// The how-manieth.
    pub attempt: u32,
    /// What it does.
    pub kind: AttemptKind,
    /// Which of the platform's calls.
    pub call: String,
    /// By which of several engines; absent where there is only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineId>,
    /// What is sent, derived from the intent: requests are not recorded. Absent where nothing can be derived.
    pub request: Option<Derived>,
    /// How it ended, if it did.
    pub ended: Option<Ended>,
}

/// How an attempt ended.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Ended {
    /// Its place in the log.
    pub position: Position,
    /// When it was recorded.
    pub settled_at: Timestamp,
    /// How.
    pub outcome: Outcome,
    /// What the platform answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<RecordedReply>,
    /// How it refused a repetition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Failure>,
    /// What was learnt from it.
    pub facts: Vec<Fact>,
    /// What it changed, by name.
    pub changes: Vec<String>,
    /// What follows from it.
    pub intents: Vec<Meant>,
}

/// How often a log is folded at most: every further time reaches one event further back in a chain of causes.
const PASSES_AT_MOST: usize = 16;

/// Explains what is asked for, as of the log's end or a position (inclusive). `passed` hears of every event that is
/// folded. Blocks, and needs a runtime to be entered.
pub fn explain(
    log: &dyn EventLog,
    asked: &Asked,
    until: Option<Position>,
    passed: &mut dyn FnMut(),
) -> Result<Answer, FoldError> {
    let mut finder = Finder::new(asked);
    let mut pipeline = Pipeline::default();
    let mut gathering: Option<Gathering> = None;
    let mut position = fold(log, &mut pipeline, None, until, &mut |step, state| {
        passed();
        let first = finder.see(step);
        match (&mut gathering, first) {
            (Some(gathering), _) => gathering.see(step, state),
            (None, Some(origin)) => {
                let mut begun = Gathering::of(Subject::Message(origin), None);
                begun.remember(finder.in_force());
                begun.see(step, state);
                gathering = Some(begun);
            }
            (None, None) => {}
        }
    })?;
    let mut found = finder.found(pipeline.state());
    let subject = match (found.pop_first(), found.is_empty()) {
        (None, _) => return Ok(Answer::Unknown),
        (Some(only), true) => whole(log, only)?,
        (Some(first), false) => return Ok(Answer::Several(std::iter::once(first).chain(found).collect())),
    };
    let mut gathering = match gathering {
        Some(begun) if *begun.subject() == subject => begun,
        Some(_) | None => Gathering::of(subject, Some(pipeline.state())).lacking(),
    };
    for _ in 1..PASSES_AT_MOST {
        let Some(mut again) = gathering.again() else { break };
        pipeline = Pipeline::default();
        position = fold(log, &mut pipeline, None, until, &mut |step, state| {
            passed();
            again.see(step, state);
        })?;
        gathering = again;
    }
    let raws = raws(log, &gathering)?;
    let doubts = verify::doubts(&gathering, &raws, &pipeline);
    let explanation = tree::tree(gathering, &raws, pipeline.state(), position);
    Ok(Answer::Explained(Box::new(Explanation { doubts, ..explanation })))
}

/// An intent that carries a message is told with the message.
fn whole(log: &dyn EventLog, subject: Subject) -> Result<Subject, FoldError> {
    let Subject::Intent(intent) = subject else { return Ok(subject) };
    let Some(recorded) = first_of(log, &StreamName::intent(intent))? else { return Ok(subject) };
    let carries = recorded.event.into_raised().and_then(|raised| raised.carries);
    Ok(carries.map_or(subject, Subject::Message))
}

/// The first event of a stream.
fn first_of(log: &dyn EventLog, stream: &StreamName) -> Result<Option<Recorded<Event>>, FoldError> {
    let read = log.read_stream(stream, Revision::FIRST, 1);
    let stored = tokio::runtime::Handle::current().block_on(read)?.pop();
    Ok(stored.map(codec::open).transpose()?)
}

/// The webhooks among what was gathered, as they lie in the log: their bytes are not carried through the fold.
fn raws(log: &dyn EventLog, gathering: &Gathering) -> Result<BTreeMap<EventId, RawEvent>, FoldError> {
    let mut raws = BTreeMap::new();
    for webhook in gathering.webhooks() {
        let Some(recorded) = first_of(log, &StreamName::webhook(webhook))? else { continue };
        match recorded.event {
            Event::WebhookReceived(webhook) => {
                let raw =
                    Raw { platform: webhook.platform.clone(), transport: webhook.transport, bytes: webhook.body.len() };
                let decoded = crate::pipeline::decode(&webhook.platform, &webhook.headers, &webhook.body);
                raws.insert(recorded.id, RawEvent { raw, facts: decoded.facts });
            }
            // A stream of a webhook with something else in it has no webhook.
            Event::IntentRaised(_)
            | Event::AttemptStarted(_)
            | Event::AttemptSettled(_)
            | Event::ConfigurationApplied(_)
            | Event::OperatorInstructed(_)
            | Event::PolicyAdvanced(_)
            | Event::PollAdvanced(_)
            | Event::Arranged(_) => {}
        }
    }
    Ok(raws)
}

/// A webhook read from its own stream.
struct RawEvent {
    raw: Raw,
    facts: Vec<Fact>,
}
