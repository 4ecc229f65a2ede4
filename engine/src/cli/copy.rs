//! `copy`: a log carried from one store to another, and proof that it is the same.

use std::collections::BTreeMap;

use chatledger::config::LogAddress;
use chatledger::log::EventLog;
use chatledger::log::copy::{Copied, compare, copy};
use chatledger_projections::recorded::Position;
use clap::Args;
use serde::Serialize;
use tokio::task::block_in_place;

use super::failure::{FAILED, Failure};
use super::log_address::{Typed, open_to_read, open_to_write};
use super::output::{Output, print_document};
use super::progress::Progress;
use super::replay::folded;

/// Carry a log from one store to another, byte for byte
///
/// The target is empty, or holds a beginning of the source: a copy that broke off is simply repeated, and nothing is
/// stored twice. A target that holds something else is left as it is. In the end both are compared byte for byte and
/// folded, and the digests of all projections have to be equal. An engine may go on writing to the source: what it wrote
/// until the copy began is copied, and a repetition brings the rest.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger copy --from chatledger.db --to copy.db")]
pub struct Copy {
    /// The log that is copied; it is only read
    #[arg(long, value_name = "ADDRESS")]
    from: Typed,
    /// The log that it is copied into, made if there is none; no engine may be writing to it
    #[arg(long, value_name = "ADDRESS")]
    to: Typed,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    stored: u64,
    already: u64,
    events: u64,
    digest: String,
    /// Projections whose digests are not equal; empty if all is well.
    different: Vec<&'static str>,
}

impl Copy {
    pub async fn run(self) -> Result<(), Failure> {
        let Self { from: Typed(from), to: Typed(to), json } = self;
        if to == LogAddress::Memory {
            return Err(Failure::usage("a log in memory would be gone at the end; give a file"));
        }
        if is_same(&from, &to) {
            return Err(Failure::usage("both are the same log; give another one to copy into"));
        }
        // Opened first: a name that is wrong leaves no empty log behind.
        let source = block_in_place(|| open_to_read(&from))?;
        let target = block_in_place(|| open_to_write(&to))?;
        let report = carry(&*source, &*target, &from, &to).await;
        block_in_place(|| drop((source, target)));
        let report = report?;
        if json { print_document(&report) } else { tell(&report, &to) }?;
        if report.different.is_empty() { Ok(()) } else { Err(Failure::Told(FAILED)) }
    }
}

async fn carry(
    source: &dyn EventLog,
    target: &dyn EventLog,
    from: &LogAddress,
    to: &LogAddress,
) -> Result<Report, Failure> {
    let failed = |error: &dyn std::error::Error| Failure::because(format!("{from} cannot be copied into {to}"), error);
    let newest = source.read_backwards(1).await.map_err(|error| failed(&error))?;
    // An empty source still refuses a target that holds something.
    let until = newest.first().map_or(Position::new(0), |newest| newest.position);
    let mut progress = Progress::of(Some(until.commit()), "events copied");
    let Copied { stored, already } =
        copy(source, target, until, &mut |page| progress.passed(page.stored + page.already))
            .await
            .map_err(|error| failed(&error))?;
    drop(progress);
    let mut progress = Progress::of(Some(stored + already), "events compared");
    let events =
        compare(source, target, until, &mut |page| progress.passed(page)).await.map_err(|error| failed(&error))?;
    drop(progress);
    let (of_source, of_target) = block_in_place(|| {
        let of_source = folded(source, Some(until))?.summary();
        Ok::<_, Failure>((of_source, folded(target, None)?.summary()))
    })?;
    Ok(Report {
        stored,
        already,
        events,
        different: different(&of_source.digests, &of_target.digests),
        digest: of_target.digest.to_string(),
    })
}

/// The projections whose digests are not equal.
fn different<D: PartialEq>(one: &BTreeMap<&'static str, D>, other: &BTreeMap<&'static str, D>) -> Vec<&'static str> {
    one.iter().filter(|(name, digest)| other.get(*name) != Some(digest)).map(|(name, _)| *name).collect()
}

/// One file may have two names.
fn is_same(from: &LogAddress, to: &LogAddress) -> bool {
    match (from, to) {
        (LogAddress::Sqlite(from), LogAddress::Sqlite(to)) => match (from.canonicalize(), to.canonicalize()) {
            (Ok(from), Ok(to)) => from == to,
            _ => from == to,
        },
        (from, to) => from == to,
    }
}

fn tell(report: &Report, to: &LogAddress) -> Result<(), Failure> {
    let Report { stored, already, events, digest, different } = report;
    let mut output = Output::standard();
    output.line(format_args!("{stored} events stored, {already} were there already, in {to}"))?;
    if different.is_empty() {
        output.line(format_args!("{events} events are equal byte for byte, and so are all digests: {digest}"))?;
    } else {
        output.line(format_args!("these projections differ: {}", different.join(", ")))?;
    }
    output.flush()
}
