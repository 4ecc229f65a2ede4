//! What operators have done, whichever way they say it: by the read API or in the console.
//!
//! Takes who, what and why; looks at what is so now, and puts it on record, or says why not. Whether somebody may act at all is
//! asked before, where they are known ([`crate::api::Access`]); what it means is decided from the log, like everything else.

use chatledger_projections::event::{Instruction, OperatorInstructed};
use chatledger_projections::ids::{EventId, IntentId, ThreadId};
use chatledger_projections::intent::Destination;
use chatledger_projections::policy::held_intent_retried::at_another_place;
use chatledger_projections::recorded::{Revision, StreamName};
use tracing::{info, warn};

use crate::clock::Clock;
use crate::instructions;
use crate::live::chain;
use crate::log::{EventLog, codec};
use crate::reading::answer::HeldRow;
use crate::reading::{AsOf, HeldFilter, Reader, ReadingError, Wanted};

/// How long a reason may be, in signs.
pub const LONGEST_WHY: usize = 1000;

/// Where acts are looked at and recorded.
#[derive(Clone, Copy, Debug)]
pub struct Acts<'a> {
    /// Knows what is held.
    pub reader: &'a Reader,
    /// Takes the act.
    pub log: &'a dyn EventLog,
    /// Tells when it was said.
    pub clock: &'a dyn Clock,
}

/// Who acts, and why.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// Who.
    pub who: &'a str,
    /// Why, for whoever reads the log.
    pub why: &'a str,
}

/// What is to become of a held intent.
#[derive(Clone, PartialEq, Debug)]
pub enum Wish {
    /// It is tried again.
    Again {
        /// For this receiver, if for another.
        to: Option<Destination>,
        /// Also if an earlier attempt may have done it.
        may_double: bool,
    },
    /// It is left as it is.
    Skipped,
}

/// Why an act is not on record.
#[derive(Debug)]
pub enum NotActed {
    /// What it is about is not there, or cannot be read.
    Reading(ReadingError),
    /// An earlier attempt may have done it, and nobody allowed for that.
    InDoubt,
    /// The intent is of a kind that cannot go to that receiver.
    NoOtherPlace {
        /// What it is, in a word.
        what: String,
    },
    /// The reason is missing or too long.
    Why,
    /// The log does not take it.
    NotRecorded,
}

impl From<ReadingError> for NotActed {
    fn from(error: ReadingError) -> Self {
        Self::Reading(error)
    }
}

impl Acts<'_> {
    /// Decides about a held intent.
    pub async fn decide(&self, said: Said<'_>, intent: IntentId, wish: &Wish) -> Result<EventId, NotActed> {
        let held = self.held(intent).await?.ok_or(ReadingError::NotFound { what: "intent" })?;
        let thread = held.thread;
        let instruction = match wish {
            Wish::Skipped => Instruction::SkipHeld { thread, intent },
            Wish::Again { may_double: false, .. } if held.in_doubt => return Err(NotActed::InDoubt),
            Wish::Again { to, .. } => {
                if let Some(to) = to
                    && !self.can_go(intent, to).await?
                {
                    return Err(NotActed::NoOtherPlace { what: held.what });
                }
                Instruction::RetryHeld { thread, intent, to: to.clone() }
            }
        };
        self.record(said, instruction).await
    }

    /// Gives a dialogue to the route's assistant, or takes it away.
    pub async fn switch_assistant(&self, said: Said<'_>, thread: ThreadId, on: bool) -> Result<EventId, NotActed> {
        self.reader.thread(thread, AsOf::Now).await?;
        let instruction =
            if on { Instruction::SwitchAssistantOn { thread } } else { Instruction::SwitchAssistantOff { thread } };
        self.record(said, instruction).await
    }

    /// An intent, if it is held now.
    pub async fn held(&self, intent: IntentId) -> Result<Option<HeldRow>, ReadingError> {
        let filter = HeldFilter { intent: Some(intent), ..HeldFilter::default() };
        let found = self.reader.held(filter, Wanted { cursor: None, limit: Some(1) }, AsOf::Now).await?;
        Ok(found.items.into_iter().next())
    }

    /// Whether a held intent can go to another receiver: as it was raised, by its own stream.
    async fn can_go(&self, intent: IntentId, to: &Destination) -> Result<bool, ReadingError> {
        let stored = self.log.read_stream(&StreamName::intent(intent), Revision::FIRST, 1).await;
        let stored = stored.map_err(|error| ReadingError::Log(error.into()))?;
        let recorded = stored.into_iter().next().and_then(|stored| codec::open(stored).ok());
        let raised = recorded.and_then(|recorded| recorded.event.into_raised());
        Ok(raised.is_some_and(|raised| at_another_place(&raised.intent, to).is_some()))
    }

    async fn record(&self, said: Said<'_>, instruction: Instruction) -> Result<EventId, NotActed> {
        let why = said.why.trim();
        if why.is_empty() || why.chars().count() > LONGEST_WHY {
            return Err(NotActed::Why);
        }
        info!(who = said.who, instruction = instruction.label(), thread = %instruction.thread(), "instructed");
        let (who, why) = (said.who.to_owned(), Some(why.to_owned()));
        let instructed = OperatorInstructed { who, said_at: self.clock.now(), why, instruction };
        match instructions::record(self.log, self.clock, instructed).await {
            Ok(taken) => Ok(taken.event),
            Err(error) => {
                warn!(error = %chain(&error), "an instruction is not on record");
                Err(NotActed::NotRecorded)
            }
        }
    }
}
