//! `heal`: what should have happened and did not, and what would put it right.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chatledger::clock::{Clock, SystemClock};
use chatledger::heal::{Diagnosis, Finding, Remedy, Since, diagnose};
use chatledger::live::chain;
use chatledger_projections::event::Instruction;
use chatledger_projections::ids::EventId;
use chatledger_projections::recorded::Position;
use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use tokio::task::block_in_place;

use super::backfill::moment;
use super::failure::Failure;
use super::instruct::{Instructed, instruct, places, said};
use super::log_address::{Typed, open_to_read};
use super::output::{Output, plain, print_document};

/// What the program ends with when there is something to heal: it is neither well nor a failure.
const ILL: u8 = 3;

/// Compare what should have happened with what did
///
/// Folds the log by the present rules and tells what follows from it and is not done: never decided, never attempted, without
/// an end, not told to the CRM, refused and held. Nothing is sent and nothing is written, unless --apply is given: then what
/// was missed is put on record as an operator's instruction, and the next or running `serve` carries it out. What went out
/// under another rule than the present is told and left alone. The exit code is 0 if there is nothing to heal, and 3 if there is.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger heal --since 2026-03-02T10:00:00Z --config /etc/chatledger.toml")]
pub struct Heal {
    /// From this moment or this position on: 2026-03-02T10:00:00Z, or 4711
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Since,
    /// Put on record what has to be said for it to be done
    #[arg(long)]
    apply: bool,
    /// With --apply: have what was refused tried again, too, unless it may have been done
    #[arg(long, requires = "apply")]
    held: bool,
    /// What is younger than so many seconds is on its way, and not looked at
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
    /// Who says so; else whoever is signed in at this machine
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// Why, for whoever reads the log
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// The configuration, which says where the log is and where a running engine is asked
    #[arg(long, value_name = "FILE", conflicts_with = "log")]
    config: Option<PathBuf>,
    /// The log, where no configuration is at hand
    #[arg(long, value_name = "FILE")]
    log: Option<Typed>,
    /// The private address of the running engine, if the configuration does not say it
    #[arg(long, value_name = "ADDRESS")]
    private: Option<SocketAddr>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// A position is a number, or two; anything else is a moment.
fn since(text: &str) -> Result<Since, String> {
    if let Ok(position) = text.parse::<Position>() {
        return Ok(Since::Position(position));
    }
    moment(text).map(Since::Moment).map_err(|remedy| format!("{remedy}, or a position"))
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    diagnosis: &'a Diagnosis,
    /// How much of it wants healing, what was applied now not counted.
    ills: usize,
    /// What was put on record.
    applied: Vec<Applied>,
}

#[derive(Serialize)]
struct Applied {
    intent: String,
    instruction: &'static str,
    event: EventId,
    by: &'static str,
}

impl Heal {
    pub async fn run(self) -> Result<(), Failure> {
        let (address, private) = places(self.config.as_deref(), self.log.as_ref(), self.private)?;
        let log = block_in_place(|| open_to_read(&address))?;
        let recent = SystemClock.now() - Duration::from_secs(self.patience);
        let diagnosis = block_in_place(|| diagnose(&*log, self.since, recent))
            .map_err(|error| Failure::failed(format!("the log cannot be folded: {}", chain(&error))))?;
        let mut applied = Vec::new();
        if self.apply {
            for (finding, instruction) in diagnosis.findings.iter().filter_map(|finding| self.wanted(finding)) {
                let why = Some(self.why.as_deref().unwrap_or("heal"));
                let instructed = said(self.who.as_deref(), why, instruction.clone());
                let Instructed { event, by } = instruct(&address, private, &*log, instructed).await?;
                let intent = finding.intent.to_string();
                applied.push(Applied { intent, instruction: instruction.label(), event, by });
            }
        }
        block_in_place(|| drop(log));
        let ills = diagnosis.ills() - applied.len();
        self.tell(&Report { diagnosis: &diagnosis, ills, applied })?;
        if ills == 0 { Ok(()) } else { Err(Failure::Told(ILL)) }
    }

    /// What is to be said of a finding, if it is to be healed now.
    fn wanted<'a>(&self, finding: &'a Finding) -> Option<(&'a Finding, &'a Instruction)> {
        let is_wanted = match finding.remedy {
            Remedy::Instruction => true,
            Remedy::Again => self.held,
            Remedy::ByItself | Remedy::Person | Remedy::Nothing => false,
        };
        finding.instruction.as_ref().filter(|_| is_wanted).map(|instruction| (finding, instruction))
    }

    fn tell(&self, report: &Report<'_>) -> Result<(), Failure> {
        if self.json {
            return print_document(report);
        }
        let Report { diagnosis, ills, applied } = report;
        let mut output = Output::standard();
        if !diagnosis.findings.is_empty() {
            let mut table = Table::new();
            table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
            table.set_header(["what", "intent", "kind", "at", "dialogue", "since", "remedy", "known"]);
            for finding in &diagnosis.findings {
                table.add_row([
                    finding.ill.label().to_owned(),
                    finding.intent.to_string(),
                    finding.kind.to_owned(),
                    finding.connection.to_string(),
                    finding.thread.to_string(),
                    finding.since.to_string(),
                    finding.remedy.label().to_owned(),
                    plain(&finding.detail),
                ]);
            }
            output.line(table)?;
        }
        for Applied { intent, instruction, event, by } in applied {
            output.line(format_args!("{instruction} {intent}; recorded by {by} as {event}"))?;
        }
        let Diagnosis { events, messages, .. } = diagnosis;
        output.line(format_args!("{events} events looked at, {messages} of them webhooks; {ills} to heal"))?;
        output.flush()
    }
}
