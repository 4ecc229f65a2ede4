//! How one attempt ended. Four answers, one of them "we do not know".

use serde::{Deserialize, Serialize};

use crate::fact::Failure;
use crate::time::Timestamp;

/// How one attempt ended.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The platform took it: it is true now.
    Accepted,
    /// The platform will not take it, however often it is asked.
    Refused {
        /// Why.
        failure: Failure,
    },
    /// Nothing happened there; it may be tried again.
    Postponed {
        /// Not before this moment, if the platform named one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// Why, for people.
        reason: String,
    },
    /// It may have happened or not.
    Uncertain {
        /// What is known, for people.
        reason: String,
    },
}

impl Outcome {
    /// The outcome as a word, for counters, logs and tables.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused { .. } => "refused",
            Self::Postponed { .. } => "postponed",
            Self::Uncertain { .. } => "uncertain",
        }
    }

    /// Whether the intent ends here.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Accepted | Self::Refused { .. } => true,
            Self::Postponed { .. } | Self::Uncertain { .. } => false,
        }
    }
}

/// What an attempt does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptKind {
    /// It makes the intent true.
    Act,
    /// It asks whether an uncertain attempt did.
    Probe,
    /// It makes a file of the message ready: fetches it, or gives it to the platform. Nobody sees anything of that, so
    /// its effect is never in doubt, and "accepted" means that the next step may be made.
    Prepare {
        /// The file's place among the message's files, from zero.
        file: u32,
    },
}

/// What may be done when it is not known whether an attempt took effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recourse {
    /// Try again: the platform knows our id and will not do it twice.
    RetrySafely,
    /// Ask the platform whether it is done, then decide.
    ProbeFirst,
    /// It tells of it by itself, if it is done: once that time has passed without a word, try again.
    ListenFirst,
    /// Only a person can tell.
    AskPerson,
}
