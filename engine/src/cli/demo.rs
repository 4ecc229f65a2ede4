//! `demo`: the play with simulated platforms and the real engine, shown as it happens.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use chatledger::demo::set::SetError;
use chatledger::demo::{self, DemoError, Options};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::failure::{FAILED, Failure};

/// What programs that are ended by Ctrl-C end with: 128 and the signal's number.
const INTERRUPTED: u8 = 130;

/// Show what the program does, with simulated platforms, and prove that it did
///
/// Simulated CRMs and messengers run on this machine, and between them the real engine on a fresh log. Clients and
/// managers write; webhooks come twice, calls are refused or never answered, and the engine is killed. In the end
/// everything is proven from what the platforms show and from the log. Takes less than a minute, needs no network, and
/// ends with exit code 1 if anything is not as it should be.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger demo --keep /tmp/demo && chatledger replay --log /tmp/demo/chatledger.db")]
pub struct Demo {
    /// The folder for its files, which stays afterwards; without it, they vanish
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// How long to pause after each message, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 150, value_parser = clap::value_parser!(u64).range(0..=5_000))]
    pace: u64,
}

impl Demo {
    pub async fn run(self) -> Result<(), Failure> {
        let executable = std::env::current_exe()
            .map_err(|error| Failure::because("the program cannot find itself to start its engine", &error))?;
        let temporary = match &self.keep {
            Some(_) => None,
            None => Some(Temporary::make()?),
        };
        let stays = self.keep.is_some();
        let folder = self.keep.or_else(|| temporary.as_ref().map(|temporary| temporary.0.clone())).unwrap_or_default();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let options = Options {
            executable,
            folder,
            stays,
            pace: Duration::from_millis(self.pace),
            colour: io::stdout().is_terminal() && !no_colour,
        };
        let mut terminate =
            signal(SignalKind::terminate()).map_err(|error| Failure::because("signals cannot be heard", &error))?;
        let mut out = io::stdout();
        // Whichever way it ends: the engine ends with the play.
        let ended = tokio::select! {
            ended = demo::run(&options, &mut out) => ended,
            _ = tokio::signal::ctrl_c() => return Err(Failure::Told(INTERRUPTED)),
            _ = terminate.recv() => return Err(Failure::Told(INTERRUPTED)),
        };
        match ended {
            Ok(verdict) if verdict.failures.is_empty() => Ok(()),
            Ok(_) => Err(Failure::Told(FAILED)),
            Err(DemoError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::OutputClosed),
            Err(error @ DemoError::Set(SetError::NotEmpty(_))) => Err(Failure::usage(error.to_string())),
            Err(error) => Err(Failure::because("the demonstration broke off", &error)),
        }
    }
}

/// A folder that vanishes with its owner.
struct Temporary(PathBuf);

impl Temporary {
    fn make() -> Result<Self, Failure> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let name = format!("chatledger-demo-{}-{}", std::process::id(), now.as_nanos());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)
            .map_err(|error| Failure::because(format!("{} cannot be made", path.display()), &error))?;
        Ok(Self(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What stays is in the folder for such things.
        let _left = std::fs::remove_dir_all(&self.0);
    }
}
