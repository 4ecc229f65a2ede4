//! `import`: a log made of exported lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use chatledger::config::LogAddress;
use chatledger::live::chain;
use chatledger::log::export::{ExportedEvent, from_line};
use chatledger::log::{Append, AppendError, EventLog, ExpectedRevision};
use chatledger_projections::recorded::Revision;
use clap::Args;
use tokio::task::block_in_place;

use super::failure::Failure;
use super::log_address::{Typed, open_to_write};
use super::output::print;
use super::progress::Progress;

/// How many events share a flush at most, and from how many bytes on no more are added.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Append exported events to a log, which is made if there is none
///
/// Each event keeps its id, its stream and its place in it, so importing twice stores nothing twice, and an import that
/// broke off can simply be repeated. A line that is no event, or one that contradicts what stands in the log, ends the
/// import; what came before it is stored.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: chatledger import --log copy.db --input chatledger.jsonl && chatledger replay --log copy.db"
)]
pub struct Import {
    /// The log; no engine may be writing to it
    #[arg(long, value_name = "FILE")]
    log: Typed,
    /// The exported lines; `-` is standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    input: PathBuf,
}

impl Import {
    pub async fn run(self) -> Result<(), Failure> {
        if self.log.0 == LogAddress::Memory {
            return Err(Failure::usage("a log in memory would be gone at the end; give a file"));
        }
        // Opened first: a name that is wrong leaves no empty log behind.
        let input = open(&self.input)?;
        let log = block_in_place(|| open_to_write(&self.log.0))?;
        let imported = import(input, &*log).await;
        block_in_place(|| drop(log));
        let Imported { stored, already } = imported?;
        print(format_args!("{stored} events stored, {already} were there already, in {}", self.log.0))
    }
}

/// How much became of an import.
#[derive(Clone, Copy, Default)]
struct Imported {
    stored: u64,
    already: u64,
}

async fn import(mut input: Box<dyn BufRead + Send>, log: &dyn EventLog) -> Result<Imported, Failure> {
    let mut progress = Progress::of(None, "events");
    let mut imported = Imported::default();
    let mut number = 0;
    loop {
        let (batch, broken) = block_in_place(|| batch(&mut *input, &mut number));
        let is_last = batch.is_empty();
        progress.passed(batch.len() as u64);
        append(batch, log, &mut imported).await?;
        match broken {
            Some(failure) => return Err(imported.then(&failure)),
            None if is_last => return Ok(imported),
            None => {}
        }
    }
}

/// An event and the line that it stands in.
struct Numbered {
    line: u64,
    event: ExportedEvent,
}

/// The next events, up to the first line that is none.
fn batch(input: &mut dyn BufRead, number: &mut u64) -> (Vec<Numbered>, Option<String>) {
    let mut batch = Vec::new();
    let mut bytes = 0;
    let mut line = Vec::new();
    while batch.len() < BATCH && bytes < BATCH_BYTES {
        line.clear();
        match input.read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(read) => bytes += read,
            Err(error) => return (batch, Some(format!("the input cannot be read on after line {number}: {error}"))),
        }
        *number += 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        match read(&line) {
            Ok(event) => batch.push(Numbered { line: *number, event }),
            Err(why) => return (batch, Some(format!("line {number}: {why}; repair it or take it away, and repeat"))),
        }
    }
    (batch, None)
}

fn read(line: &[u8]) -> Result<ExportedEvent, String> {
    let text = std::str::from_utf8(line).map_err(|error| format!("the line is not an exported event: {error}"))?;
    from_line(text).map_err(|error| chain(&error))
}

async fn append(batch: Vec<Numbered>, log: &dyn EventLog, imported: &mut Imported) -> Result<(), Failure> {
    let (lines, appends): (Vec<_>, Vec<_>) = batch
        .into_iter()
        .map(|Numbered { line, event }| {
            let expected = match event.revision {
                Revision::FIRST => ExpectedRevision::NoStream,
                later => ExpectedRevision::Exact(Revision::new(later.as_u64() - 1)),
            };
            let append = Append { stream: event.stream.clone(), expected, events: vec![event.into_new()] };
            (line, append)
        })
        .unzip();
    for (line, answer) in lines.into_iter().zip(log.append_all(appends).await) {
        match answer {
            Ok(appended) if appended.already => imported.already += 1,
            Ok(_) => imported.stored += 1,
            Err(AppendError::Conflict { stream, .. }) => {
                let why = format!("line {line}: something else stands in {stream}; import into a log of its own");
                return Err(imported.then(&why));
            }
            Err(error) => return Err(imported.then(&format!("line {line}: {}", chain(&error)))),
        }
    }
    Ok(())
}

impl Imported {
    /// What was done, and why no more.
    fn then(&self, why: &str) -> Failure {
        Failure::failed(format!("{why} ({} events stored, {} were there already)", self.stored, self.already))
    }
}

fn open(path: &Path) -> Result<Box<dyn BufRead + Send>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = File::open(path).map_err(|error| {
        Failure::usage(format!("{} cannot be read ({error}); name a file, or `-` for standard input", path.display()))
    })?;
    Ok(Box::new(BufReader::new(file)))
}
