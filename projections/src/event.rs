//! What stands in the log: what was said to us, and what we did. Nothing in between.

use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;
use crate::configuration::Configuration;
use crate::duties::Arrangement;
use crate::fact::{Fact, Failure};
use crate::ids::{ConnectionName, EngineId, EventId, IntentId, ThreadId};
use crate::intent::{Destination, Intent};
use crate::outcome::{AttemptKind, Outcome};
use crate::time::Timestamp;

/// A recorded event's substance.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// A platform said something.
    WebhookReceived(WebhookReceived),
    /// We mean to make something true.
    IntentRaised(IntentRaised),
    /// A try is about to leave the house.
    AttemptStarted(AttemptStarted),
    /// A try came to an end.
    AttemptSettled(AttemptSettled),
    /// Other connections and routes are in force from here.
    ConfigurationApplied(Configuration),
    /// A person told the program what to do.
    OperatorInstructed(OperatorInstructed),
    /// Everything up to and including an event has been decided.
    PolicyAdvanced(PolicyAdvanced),
    /// All news of a connection up to a mark was asked for, and is on record.
    PollAdvanced(PollAdvanced),
    /// An engine says who does what.
    Arranged(Arrangement),
}

impl Event {
    /// The event's type as it stands in the log.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::WebhookReceived(_) => "WebhookReceived",
            Self::IntentRaised(_) => "IntentRaised",
            Self::AttemptStarted(_) => "AttemptStarted",
            Self::AttemptSettled(_) => "AttemptSettled",
            Self::ConfigurationApplied(_) => "ConfigurationApplied",
            Self::OperatorInstructed(_) => "OperatorInstructed",
            Self::PolicyAdvanced(_) => "PolicyAdvanced",
            Self::PollAdvanced(_) => "PollAdvanced",
            Self::Arranged(arrangement) => arrangement.label(),
        }
    }

    /// The intent, if this says that one was raised.
    pub fn into_raised(self) -> Option<IntentRaised> {
        match self {
            Self::IntentRaised(raised) => Some(raised),
            Self::WebhookReceived(_)
            | Self::AttemptStarted(_)
            | Self::AttemptSettled(_)
            | Self::ConfigurationApplied(_)
            | Self::OperatorInstructed(_)
            | Self::PolicyAdvanced(_)
            | Self::PollAdvanced(_)
            | Self::Arranged(_) => None,
        }
    }
}

/// One authenticated inbound request, verbatim.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookReceived {
    /// At which connection.
    pub connection: ConnectionName,
    /// Who reads it: the platform's name.
    pub platform: String,
    /// How it came.
    pub transport: Transport,
    /// The headers that the connector chose; never credentials.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

/// How a document came to us.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// The platform sent it.
    Webhook,
    /// We asked for news.
    Poll,
    /// We asked for the past.
    Backfill,
}

/// We mean to make something true.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct IntentRaised {
    /// The intent's id: derived from its cause.
    pub intent_id: IntentId,
    /// The event that it follows from.
    pub cause: EventId,
    /// The rule that decided.
    pub policy: String,
    /// Where it is to become true.
    pub connection: ConnectionName,
    /// The dialogue that it belongs to.
    pub thread: ThreadId,
    /// What is to become true.
    pub intent: Intent,
    /// Where the message that it carries came from: connection and their id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carries: Option<crate::delivery::Origin>,
}

/// A try is about to leave the house.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AttemptStarted {
    /// Of which intent.
    pub intent_id: IntentId,
    /// The how-manieth try, from one.
    pub attempt: u32,
    /// What it does.
    pub kind: AttemptKind,
    /// Which of the platform's calls.
    pub call: String,
    /// By which of several engines; absent where there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineId>,
}

/// A try came to an end.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AttemptSettled {
    /// Of which intent.
    pub intent_id: IntentId,
    /// The how-manieth try.
    pub attempt: u32,
    /// What it did.
    pub kind: AttemptKind,
    /// At which connection.
    pub connection: ConnectionName,
    /// Who reads the reply: the platform's name.
    pub platform: String,
    /// Which of the platform's calls.
    pub call: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The reply, verbatim but bounded and without credentials; absent if none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<RecordedReply>,
    /// What a probe concluded from the reply and from what was known then. Like the outcome it is a judgement made at
    /// the time, not a reading of the bytes, and therefore recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Fact>,
    /// How the platform refused a repetition of what may have been done already. The outcome is uncertain then: the
    /// platform is asked whether the first attempt is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Failure>,
    /// Where a question goes on that one page of a list did not answer: the next page, as its connector calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

impl AttemptSettled {
    /// Whether the intent ends here.
    pub const fn ends_intent(&self) -> bool {
        match (self.kind, &self.outcome) {
            // A file is ready; the message is still to be sent.
            (AttemptKind::Prepare { .. }, Outcome::Accepted) => false,
            (AttemptKind::Prepare { .. } | AttemptKind::Act | AttemptKind::Probe, outcome) => outcome.is_final(),
        }
    }
}

/// A platform's answer as evidence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordedReply {
    /// The HTTP status.
    pub status: u16,
    /// The headers that the connector reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body, up to the bound.
    pub body: Bytes,
    /// Whether the body went on beyond the bound.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// A person told the program what to do.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OperatorInstructed {
    /// Who, as the machine knows them.
    pub who: String,
    /// When they said it, by the clock of the machine at which they sat. Folds go by the time of recording.
    pub said_at: Timestamp,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What is to be done.
    pub instruction: Instruction,
}

/// What a person can tell the program to do.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Instruction {
    /// The assistant of a dialogue is to speak again.
    SwitchAssistantOn {
        /// Which dialogue.
        thread: ThreadId,
    },
    /// The assistant of a dialogue is to be silent until it is switched on.
    SwitchAssistantOff {
        /// Which dialogue.
        thread: ThreadId,
    },
    /// A held intent is to be tried again.
    RetryHeld {
        /// In which dialogue.
        thread: ThreadId,
        /// Which intent.
        intent: IntentId,
        /// For which receiver, if not for the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Destination>,
    },
    /// What should have been raised, and was not, is to be raised.
    RaiseMissed {
        /// In which dialogue.
        thread: ThreadId,
        /// What, under the id that it would have had.
        missed: Box<IntentRaised>,
    },
    /// A held intent is to be left as it is, and to be held no more.
    SkipHeld {
        /// In which dialogue.
        thread: ThreadId,
        /// Which intent.
        intent: IntentId,
    },
}

impl Instruction {
    /// The instruction's kind as a word, for tables.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::SwitchAssistantOn { .. } => "switch_assistant_on",
            Self::SwitchAssistantOff { .. } => "switch_assistant_off",
            Self::RetryHeld { .. } => "retry_held",
            Self::RaiseMissed { .. } => "raise_missed",
            Self::SkipHeld { .. } => "skip_held",
        }
    }

    /// The dialogue that it is about.
    pub const fn thread(&self) -> ThreadId {
        match self {
            Self::SwitchAssistantOn { thread }
            | Self::SwitchAssistantOff { thread }
            | Self::RetryHeld { thread, .. }
            | Self::RaiseMissed { thread, .. }
            | Self::SkipHeld { thread, .. } => *thread,
        }
    }
}

/// Everything up to and including an event has been decided.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PolicyAdvanced {
    /// The last decided event.
    pub through: EventId,
}

/// All news of a connection up to a mark was asked for, and is on record. Whoever asks next begins there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PollAdvanced {
    /// At which connection.
    pub connection: ConnectionName,
    /// The mark; only the connection's connector reads it.
    pub through: String,
}

/// What a fold takes in: a recorded event with the facts that were read from its bytes.
#[derive(Clone, PartialEq, Debug)]
pub enum Happening {
    /// A platform said something, and this is what it means.
    Observed {
        /// At which connection.
        connection: ConnectionName,
        /// What it means.
        facts: Vec<Fact>,
    },
    /// We mean to make something true.
    Raised(IntentRaised),
    /// A try is about to leave the house.
    Started(AttemptStarted),
    /// A try came to an end, and this is what the answer means.
    Settled {
        /// Which try, and how it ended.
        settled: AttemptSettled,
        /// What was learnt from the reply.
        facts: Vec<Fact>,
    },
    /// Other connections and routes are in force from here.
    Configured(Configuration),
    /// A person told the program what to do.
    Instructed(OperatorInstructed),
    /// Everything up to and including an event has been decided.
    Advanced(PolicyAdvanced),
    /// All news of a connection up to a mark is on record.
    Polled(PollAdvanced),
    /// An engine says who does what.
    Arranged(Arrangement),
}

impl Happening {
    /// What was learnt, if it is something of which one learns.
    pub fn facts(&self) -> &[Fact] {
        match self {
            Self::Observed { facts, .. } | Self::Settled { facts, .. } => facts,
            Self::Raised(_)
            | Self::Started(_)
            | Self::Configured(_)
            | Self::Instructed(_)
            | Self::Advanced(_)
            | Self::Polled(_)
            | Self::Arranged(_) => &[],
        }
    }
}
