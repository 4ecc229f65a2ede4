//! How a command ends when not all is well: one message that names the thing and the remedy, and an exit code.

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use chatledger::live::chain;

/// How a command ended.
#[derive(Debug)]
pub enum Failure {
    /// It cannot be done as it was asked: a missing file, a wrong setting.
    Usage(String),
    /// Doing it failed.
    Failed(String),
    /// Everything is said already; only the exit code is missing.
    Told(u8),
    /// Whoever read our output has enough.
    OutputClosed,
}

/// The exit code for what cannot be done as it was asked; the same as clap's.
pub const USAGE: u8 = 2;
/// The exit code for what failed.
pub const FAILED: u8 = 1;

impl Failure {
    /// It cannot be done as it was asked.
    pub fn usage(words: impl Into<String>) -> Self {
        Self::Usage(words.into())
    }

    /// Doing it failed.
    pub fn failed(words: impl Into<String>) -> Self {
        Self::Failed(words.into())
    }

    /// Doing it failed for this reason, which is told with all its causes.
    pub fn because(words: impl Into<String>, error: &dyn Error) -> Self {
        Self::Failed(format!("{}: {}", words.into(), chain(error)))
    }

    /// Tells it on standard error, and gives the exit code.
    pub fn tell(self) -> ExitCode {
        let (code, words) = match self {
            Self::Usage(words) => (USAGE, words),
            Self::Failed(words) => (FAILED, words),
            Self::Told(code) => return ExitCode::from(code),
            Self::OutputClosed => return ExitCode::SUCCESS,
        };
        // If nobody can be told, the exit code still can.
        let _untold = writeln!(std::io::stderr(), "chatledger: {words}");
        ExitCode::from(code)
    }
}
