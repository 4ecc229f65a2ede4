//! `story`: what the engine makes of recorded traffic.

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use super::output::Output;

/// Show what the engine makes of recorded traffic: facts, changes, intents, and the exact requests it would send
///
/// A story is a folder of requests and replies as they came, numbered in their order; webhooks `NN-from-WHO.http`,
/// answers `NN-reply-from-WHO.http`. It is told on a clock of its own, and nothing is sent.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger story fixtures/stories/manager-writes-first-claim")]
pub struct Story {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Story {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.folder.display();
        if !self.folder.is_dir() {
            return Err(Failure::usage(format!("{folder}: there is no such folder; give the folder of a story")));
        }
        let told = chatledger::story::tell(&self.folder)
            .map_err(|error| Failure::because(format!("the story in {folder} cannot be told"), &error))?;
        let mut output = Output::standard();
        output.text(&told.text)?;
        output.flush()
    }
}
