//! `replay`: a whole log folded, and what it led to.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Instant;

use chatledger::log::EventLog;
use chatledger::pipeline::Step;
use chatledger::replay::{self, Summary};
use chatledger_projections::recorded::Position;
use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::log_address::{Typed, open_to_read};
use super::output::{Output, print_document};
use super::progress::Progress;

/// Fold a whole log, and show what it led to
///
/// Every event is decoded and every rule applied again. It cannot send, and it does not write to the log. Two replays of
/// one log end in the same digests; where the present rules would decide otherwise than the log shows, `drift` says how
/// often.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger replay --log chatledger.db --json | jq .digest")]
pub struct Replay {
    /// The log
    #[arg(long, value_name = "FILE")]
    log: Typed,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    summary: Summary,
    seconds: f64,
    events_per_second: u64,
}

impl Replay {
    pub fn run(self) -> Result<(), Failure> {
        let log = open_to_read(&self.log.0)?;
        let began = Instant::now();
        let replay = folded(&*log, None)?;
        let seconds = began.elapsed().as_secs_f64();
        let summary = replay.summary();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rate"
        )]
        let events_per_second = (summary.events as f64 / seconds.max(1e-9)) as u64;
        let report = Report { summary, seconds, events_per_second };
        if self.json { print_document(&report) } else { tell(&report) }
    }
}

/// Folds a log up to a position or its end, showing how far it has come.
pub fn folded(log: &dyn EventLog, until: Option<Position>) -> Result<replay::Replay, Failure> {
    folded_beside(log, until, &mut |_| {})
}

/// The same, showing every step to somebody else, too.
pub fn folded_beside(
    log: &dyn EventLog,
    until: Option<Position>,
    each: &mut dyn FnMut(&Step),
) -> Result<replay::Replay, Failure> {
    let mut progress = Progress::of(until.map(Position::commit).or_else(|| length(log)), "events");
    let mut each = |step: &Step| {
        progress.passed(1);
        each(step);
    };
    replay::Replay::of(log, until, &mut each).map_err(|error| Failure::because("the log cannot be replayed", &error))
}

/// About how many events there are, as far as positions tell.
pub fn length(log: &dyn EventLog) -> Option<u64> {
    let newest = tokio::runtime::Handle::current().block_on(log.read_backwards(1)).ok()?;
    newest.first().map(|newest| newest.position.commit())
}

fn tell(report: &Report) -> Result<(), Failure> {
    let Summary {
        position,
        events,
        events_by_type,
        facts,
        remarks,
        anomalies,
        threads,
        messages,
        intents,
        attempts,
        drift,
        digests,
        digest,
    } = &report.summary;
    let mut output = Output::standard();
    let mut row = |name: &str, value: &dyn Display| output.line(format_args!("{name:<13} {value}"));
    let last = position.map_or_else(|| "none".to_owned(), |position| position.to_string());
    row("events", &format_args!("{events}, the last at position {last}"))?;
    row("", &counts(events_by_type))?;
    row("facts", facts)?;
    row("remarks", &counts(remarks))?;
    row("anomalies", &counts(anomalies))?;
    row("threads", threads)?;
    row("messages", &counts(messages))?;
    row(
        "intents",
        &format_args!("raised {}, open {}, outstanding {}", intents.raised, intents.open, intents.outstanding),
    )?;
    row("attempts", &counts(attempts))?;
    row("drift", drift)?;
    row("time", &format_args!("{:.3} s, {} events per second", report.seconds, report.events_per_second))?;
    row("digests", &"")?;
    for (name, digest) in digests {
        row("", &format_args!("{digest}  {name}"))?;
    }
    row("digest", digest)?;
    output.flush()
}

/// How often each, in one line.
pub fn counts<K: Display>(counts: &BTreeMap<K, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}
