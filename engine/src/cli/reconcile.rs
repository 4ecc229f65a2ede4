//! `reconcile`: every conversation that the log knows is compared with what the platforms list, and what is missing recorded.
//!
//! The same search as `backfill`, over one connection or all that list their past. Absent: conversations of which the log
//! never heard, and platforms that list nothing.

use std::path::PathBuf;

use chatledger::backfill::known;
use chatledger::config::Config;
use chatledger_projections::ids::ConnectionName;
use chatledger_projections::time::Timestamp;
use clap::{ArgGroup, Args};
use tokio::task::block_in_place;

use super::CONFIG;
use super::account::Chosen;
use super::backfill::{Report, folded, look, moment, tell};
use super::failure::{FAILED, Failure};
use super::log_address::{Typed, open_to_write};
use super::output::{print, print_document};

/// Compare the log with what the platforms list, and record what is missing
///
/// Looks through every conversation that the log knows, at one connection or at all that can list their past, each from when
/// the log first heard of it or from --since on. What is missing is recorded like a webhook, never twice, and carried across by
/// the next `serve`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("which").args(["name", "all"]).required(true),
    after_help = "Example: chatledger reconcile --all --since 2026-03-02T10:00:00Z --dry-run"
)]
pub struct Reconcile {
    /// The connection, as the configuration calls it
    name: Option<String>,
    /// Every connection that can list its past
    #[arg(long)]
    all: bool,
    /// Only what was written from this moment on
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Another log than the configuration names; no engine may be writing to it
    #[arg(long, value_name = "FILE")]
    log: Option<Typed>,
    /// Only tell what would be recorded
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Reconcile {
    pub async fn run(self) -> Result<(), Failure> {
        let names = self.names()?;
        let mut reports: Vec<Report> = Vec::new();
        for name in names {
            let chosen = Chosen::load(&self.config, name.as_str())?;
            let Some(history) = chosen.account().connection.history() else {
                let platform = chosen.account().connector.platform();
                return Err(Failure::usage(format!(
                    "{name}: {platform} lists no past messages, or its connector does not ask for them"
                )));
            };
            let address = self.log.as_ref().map_or(&chosen.config.log, |Typed(address)| address);
            let log = block_in_place(|| open_to_write(address))?;
            if !self.dry_run {
                chosen.put_in_force(&*log).await;
            }
            let state = block_in_place(|| folded(&log))?;
            let wanted = known(&state, &chosen.name, self.since);
            let report = look(&chosen, history, &*log, wanted, self.dry_run).await;
            block_in_place(|| drop(log));
            let report = report?;
            if !self.json {
                print(format_args!("{name}:"))?;
                tell(&report, &address.to_string())?;
            }
            reports.push(report);
        }
        if self.json {
            print_document(&reports)?;
        }
        if reports.iter().all(|report| report.failed.is_empty()) { Ok(()) } else { Err(Failure::Told(FAILED)) }
    }

    /// The connections that are looked at.
    fn names(&self) -> Result<Vec<ConnectionName>, Failure> {
        if let Some(name) = &self.name {
            return Ok(vec![ConnectionName::new(name.as_str())]);
        }
        let config = Config::load(&self.config).map_err(|invalid| Failure::usage(invalid.to_string()))?;
        let lists = config.connections.iter().filter(|(_, account)| account.connection.history().is_some());
        let names: Vec<ConnectionName> = lists.map(|(name, _)| name.clone()).collect();
        if names.is_empty() {
            return Err(Failure::usage(
                "no connection of the configuration lists past messages; there is nothing to compare",
            ));
        }
        Ok(names)
    }
}
