//! `export`: a log as lines of JSON, byte for byte.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use chatledger::live::chain;
use chatledger::log::export::{ExportedEvent, to_line};
use chatledger::log::{EventLog, StoredEventRef};
use clap::Args;

use super::failure::Failure;
use super::log_address::{Typed, open_to_read};
use super::output::Output;
use super::progress::Progress;
use super::replay::length;

/// How many events are read at a time.
const PAGE: usize = 1024;

/// Write a log as lines of JSON, one event a line, byte for byte
///
/// The engine may go on writing to the log meanwhile. `chatledger import` makes the same log of it again. What clients
/// wrote is in it: keep it as you keep the log.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger export --log chatledger.db | gzip > chatledger.jsonl.gz")]
pub struct Export {
    /// The log
    #[arg(long, value_name = "FILE")]
    log: Typed,
    /// Where to write it; `-` is standard output. A file that exists is not overwritten
    #[arg(long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

impl Export {
    pub fn run(self) -> Result<(), Failure> {
        let log = open_to_read(&self.log.0)?;
        if self.output == Path::new("-") {
            let mut output = Output::standard();
            write_all(&*log, &mut |line| output.line(line))?;
            return output.flush();
        }
        to_file(&*log, &self.output)
    }
}

/// Writes under another name first, so that what stands under this one is whole.
fn to_file(log: &dyn EventLog, path: &Path) -> Result<(), Failure> {
    let name = path.display();
    if path.try_exists().unwrap_or(true) {
        return Err(Failure::usage(format!("{name} exists and is left as it is; name another file, or remove it")));
    }
    let mut partial = path.as_os_str().to_owned();
    partial.push(".part");
    let partial = PathBuf::from(partial);
    let cannot = |error: io::Error| Failure::because(format!("{name} cannot be written"), &error);
    let mut file = BufWriter::new(File::create(&partial).map_err(cannot)?);
    let written = write_all(log, &mut |line| writeln!(file, "{line}").map_err(cannot)).and_then(|events| {
        file.flush()
            .and_then(|()| file.get_ref().sync_all())
            .and_then(|()| fs::rename(&partial, path))
            .map_err(cannot)?;
        Ok(events)
    });
    match written {
        Ok(events) => super::output::print(format_args!("{events} events are in {name}")),
        Err(failure) => {
            // What is there is of no use; that it could not be removed is told by its name.
            let _left = fs::remove_file(&partial);
            Err(failure)
        }
    }
}

fn write_all(log: &dyn EventLog, write: &mut dyn FnMut(&str) -> Result<(), Failure>) -> Result<u64, Failure> {
    let mut progress = Progress::of(length(log), "events");
    let mut events = 0;
    let mut broken = None;
    let mut each = |stored: StoredEventRef<'_>| match write(&to_line(&ExportedEvent::from(stored.to_owned()))) {
        Ok(()) => {
            events += 1;
            progress.passed(1);
            ControlFlow::Continue(())
        }
        Err(failure) => {
            broken = Some(failure);
            ControlFlow::Break(())
        }
    };
    log.scan(None, PAGE, &mut each).map_err(|error| Failure::failed(chain(&error)))?;
    broken.map_or(Ok(events), Err)
}
