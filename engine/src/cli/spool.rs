//! `spool`: what waits for the log, and passing it on by hand.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chatledger::clock::{Clock, SystemClock};
use chatledger::config::{self, Config};
use chatledger::in_force::put_in_force;
use chatledger::live::chain;
use chatledger::spool::{self, Contents, Passed, SpoolError};
use clap::{Args, Subcommand};
use serde::Serialize;
use tokio::task::block_in_place;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::CONFIG;
use super::failure::{FAILED, Failure};
use super::log_address::open_to_write;
use super::output::{Output, print_document};
use super::progress::Progress;

/// How long the log may take over the configuration: as long as its writer waits for others, and some.
const LOG_ANSWERS_WITHIN: Duration = Duration::from_secs(15);

/// Webhooks that wait because the log did not take them
#[derive(Debug, Args)]
pub struct Spool {
    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, Subcommand)]
enum Question {
    Status(Status),
    Drain(Drain),
}

/// Show what waits in the spool
///
/// Also beside a running engine, which tells more exactly at /readyz and in its metrics: what it has passed on is counted
/// here until the file that it stood in is done. The exit code is 0 if there is nothing, and 1 if webhooks wait, lie
/// aside, or cannot be read.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger spool status || mail -s 'webhooks wait' operator")]
struct Status {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// The spool's folder itself: then no configuration is read, and none of its secrets is needed
    #[arg(long, value_name = "FOLDER", conflicts_with = "config")]
    folder: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Pass on what waits in the spool, without an engine
///
/// A running engine does it by itself, and holds the spool meanwhile. The configuration is put in force first, as at an
/// engine's start. The exit code is 0 if the spool is empty in the end, and 1 if it is not.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger spool drain --config /etc/chatledger.toml")]
struct Drain {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Spool {
    pub async fn run(self) -> Result<(), Failure> {
        match self.question {
            Question::Status(status) => status.run().await,
            Question::Drain(drain) => drain.run().await,
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    spool: String,
    #[serde(flatten)]
    contents: &'a Contents,
    oldest_seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<u64>,
}

impl Status {
    async fn run(self) -> Result<(), Failure> {
        let (path, max_bytes) = match &self.folder {
            Some(folder) if !folder.is_dir() => {
                return Err(Failure::usage(format!("{}: there is no such folder", folder.display())));
            }
            Some(folder) => (folder.clone(), None),
            None => load(&self.config).map(|(_, settings)| (settings.path, Some(settings.limits.max_bytes)))?,
        };
        let contents = spool::look(&path).await.map_err(|error| failed(&error))?;
        let oldest = contents.oldest.map(|oldest| SystemClock.now().since(oldest)).unwrap_or_default();
        let report = Report {
            spool: path.display().to_string(),
            contents: &contents,
            oldest_seconds: oldest.as_secs(),
            max_bytes,
        };
        if self.json { print_document(&report) } else { tell(&report) }?;
        if contents.is_empty() { Ok(()) } else { Err(Failure::Told(FAILED)) }
    }
}

fn tell(report: &Report<'_>) -> Result<(), Failure> {
    let Report { spool, contents, oldest_seconds, max_bytes } = report;
    let Contents { held, webhooks, bytes, oldest, segments, unreadable, set_aside } = contents;
    let mut output = Output::standard();
    output.line(format_args!("spool       {spool}"))?;
    let by = if *held { "a running engine, which passes on what waits" } else { "nobody" };
    output.line(format_args!("held by     {by}"))?;
    output.line(format_args!("webhooks    {webhooks}, in {segments} files"))?;
    match max_bytes {
        Some(most) => output.line(format_args!("bytes       {bytes} of {most}"))?,
        None => output.line(format_args!("bytes       {bytes}"))?,
    }
    if let Some(oldest) = oldest {
        output.line(format_args!("oldest      {oldest}, {oldest_seconds} s ago"))?;
    }
    if *set_aside > 0 {
        output.line(format_args!("set aside   {set_aside}: no log would take them; see set-aside.db there"))?;
    }
    for segment in unreadable {
        output.line(format_args!("unreadable  {segment}"))?;
    }
    output.flush()
}

#[derive(Serialize)]
struct Drained {
    #[serde(flatten)]
    passed: Passed,
    left: u64,
    unreadable_segments: usize,
}

impl Drain {
    async fn run(self) -> Result<(), Failure> {
        let (config, settings) = load(&self.config)?;
        if !settings.path.exists() {
            return self.tell(&Drained { passed: Passed::default(), left: 0, unreadable_segments: 0 });
        }
        // The spool first: whoever holds it has most likely the log in hand, too.
        let spool = spool::Spool::open(&settings.path, settings.limits, Arc::new(SystemClock)).await;
        let spool = spool.map_err(|error| match error {
            SpoolError::InUse { .. } => Failure::failed(format!("{error}; to do it by hand, stop that engine first")),
            SpoolError::Unavailable { .. } => failed(&error),
        })?;
        let before = spool.outlook();
        let log = block_in_place(|| open_to_write(&config.log))?;
        let stop = CancellationToken::new();
        timeout(LOG_ANSWERS_WITHIN, put_in_force(&*log, &SystemClock, config.recorded(), &stop)).await.map_err(
            |_| {
                let log = config.log.to_string();
                Failure::failed(format!(
                    "{log} does not take anything now; what waits stays in the spool, try again later"
                ))
            },
        )?;
        spool.release();
        let mut passed = Passed::default();
        let mut progress = Progress::of(Some(before.waiting), "webhooks");
        let ended = spool
            .pass_on(&*log, &stop, &mut |more| {
                progress.passed(more.passed_on + more.already + more.set_aside);
                passed += more;
            })
            .await;
        drop(progress);
        let after = spool.outlook();
        block_in_place(|| drop((spool, log)));
        let Passed { passed_on, already, set_aside: _ } = passed;
        ended.map_err(|error| {
            let done = passed_on + already;
            let left = after.waiting;
            Failure::failed(format!("{}: {} ({done} webhooks are in the log, {left} wait)", config.log, chain(&error)))
        })?;
        let drained = Drained { passed, left: after.waiting, unreadable_segments: after.unreadable_segments };
        self.tell(&drained)
    }

    fn tell(&self, drained: &Drained) -> Result<(), Failure> {
        let Drained { passed: Passed { passed_on, already, set_aside }, left, unreadable_segments } = drained;
        if self.json {
            print_document(drained)?;
        } else {
            let mut output = Output::standard();
            output.line(format_args!("{passed_on} webhooks passed on, {already} were in the log already"))?;
            if *set_aside > 0 {
                output.line(format_args!("{set_aside} set aside: no log would take them; see set-aside.db there"))?;
            }
            if *unreadable_segments > 0 {
                output
                    .line(format_args!("{unreadable_segments} files cannot be read: see `chatledger spool status`"))?;
            }
            output.flush()?;
        }
        if *left == 0 && *unreadable_segments == 0 && *set_aside == 0 { Ok(()) } else { Err(Failure::Told(FAILED)) }
    }
}

fn load(path: &std::path::Path) -> Result<(Config, config::Spool), Failure> {
    let config = Config::load(path).map_err(|invalid| Failure::usage(invalid.to_string()))?;
    match config.spool.clone() {
        Some(settings) => Ok((config, settings)),
        None => Err(Failure::usage(format!(
            "{} names no spool; an SQLite log has one only if `spool.path` names a folder",
            path.display()
        ))),
    }
}

fn failed(error: &SpoolError) -> Failure {
    Failure::failed(chain(error))
}
