//! `story`: what the engine makes of a story, in the same words as its `expected.snap`.

use std::path::PathBuf;

use chatledger::live::chain;
use chatledger::story::{StoryError, tell};
use clap::Args;

use super::failure::Failure;
use super::output::print;

/// Tell a story: recorded traffic, and what the engine makes of it
///
/// The folder holds webhooks and replies in the order of their numbers: `01-from-amo.http`, `02-reply-from-pact.http`,
/// `03-wait-90s.txt`, `04-restart.txt`. The real rules run on them, on a clock of the story's own; nothing is sent.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger story fixtures/stories/manager-writes-first-claim")]
pub struct Story {
    /// The story's folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Story {
    pub fn run(self) -> Result<(), Failure> {
        let told = tell(&self.folder).map_err(|error| match error {
            StoryError::Forgetful { .. } => Failure::failed(chain(&error)),
            StoryError::Unreadable { .. }
            | StoryError::Empty { .. }
            | StoryError::Config(_)
            | StoryError::Unclear { .. }
            | StoryError::Malformed { .. }
            | StoryError::Unknown { .. }
            | StoryError::NothingWaits { .. } => Failure::usage(chain(&error)),
        })?;
        print(told.text.trim_end())
    }
}
