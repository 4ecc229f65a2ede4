//! The demonstration: simulated platforms, the real engine, a play of a few scenes, and the proof that all ended well.
//!
//! Everything happens on this machine: the platforms are the connectors' own models behind HTTP on loopback, the engine
//! is a child process with a fresh log. What happens is written to whatever is given; nothing here prints.
//!
//! * [`stage`] hosts simulated platforms, [`engine`] the real engine; both serve the service tests too;
//! * [`set`] makes the folder, the configuration and the cast; [`script`] is the play; [`proof`] reads the log and the
//!   platforms afterwards; [`show`] is how it all looks;
//! * [`playground`]: the same platforms without a play, for whoever starts the engine.

pub mod engine;
pub mod playground;
pub mod proof;
pub mod script;
pub mod set;
pub mod show;
pub mod stage;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use self::script::{Broken, Play};
use self::set::{Set, SetError};
use self::show::Show;

/// How a demonstration is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program whose `serve` is the engine.
    pub executable: PathBuf,
    /// Where its files are, in a folder that is empty or not there yet.
    pub folder: PathBuf,
    /// Whether the folder stays afterwards.
    pub stays: bool,
    /// How long to pause where a reader wants to breathe.
    pub pace: Duration,
    /// Whether colours are wanted.
    pub colour: bool,
}

/// Why there was no demonstration, or none until its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Nothing could be set up.
    #[error(transparent)]
    Set(#[from] SetError),
    /// Nobody could be shown anything.
    #[error("the demonstration cannot be shown")]
    Output(#[from] io::Error),
}

/// How it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// What was not as it should have been; empty if all is proven.
    pub failures: Vec<String>,
}

/// However slow the machine is, the play ends; pauses come on top.
const PLAY_WITHIN: Duration = Duration::from_secs(50);

/// About how many pauses there are.
const PAUSES: u32 = 40;

/// Plays, proves, and tells all of it to `out`.
pub async fn run(options: &Options, out: &mut (dyn Write + Send)) -> Result<Verdict, DemoError> {
    let began = Instant::now();
    let show = Show { colour: options.colour };
    let set = Set::make(&options.executable, &options.folder).await?;
    write!(out, "{}", show.prologue(&set.program.folder, options.stays))?;
    let mut play = Play::new(&set, show, options.pace, out);
    let within = PLAY_WITHIN + options.pace * PAUSES;
    let ended = match tokio::time::timeout(within, play.perform()).await {
        Ok(ended) => ended,
        Err(_) => Err(Broken::NotInTime { awaited: format!("the end of the play, within {} s", within.as_secs()) }),
    };
    // Whatever happened, the engine is gone from here on: the log is all that is left of it.
    let promises = play.leave().await;
    let mut failures = Vec::new();
    match ended {
        Ok(()) => {
            let claims = proof::all(&set, &promises).await;
            write!(out, "{}", show.proofs(&claims))?;
            failures.extend(claims.into_iter().flat_map(|claim| claim.failures));
        }
        Err(Broken::Output(error)) => return Err(error.into()),
        Err(broken) => {
            failures.push(broken.to_string());
            failures.extend(set.engine_log_tail());
        }
    }
    write!(out, "{}", show.epilogue(&failures, began.elapsed(), options.stays.then(|| set.log()).as_deref()))?;
    out.flush()?;
    Ok(Verdict { failures })
}
