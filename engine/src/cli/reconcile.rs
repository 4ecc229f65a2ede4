//! `reconcile`: every conversation that the log knows is compared with what the platforms list, and what is missing recorded.
//!
//! The same search as `backfill`, over one connection or all that list their past. Absent: conversations of which the log
//! never heard, and platforms that list nothing.

use chatledger::backfill::known;
use chatledger::config::Config;
use chatledger_projections::ids::ConnectionName;
use chatledger_projections::state::State;
use clap::{ArgGroup, Args};

use super::account::Chosen;
use super::backfill::{Search, tell};
use super::failure::{FAILED, Failure};
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
    #[command(flatten)]
    search: Search,
}

impl Reconcile {
    pub async fn run(self) -> Result<(), Failure> {
        let mut reports = Vec::new();
        for name in self.names()? {
            let since = self.search.since;
            let all = |chosen: &Chosen, state: &State| Ok(known(state, &chosen.name, since));
            let found = self.search.through(name.as_str(), all).await?;
            if !self.search.json {
                print(format_args!("{name}:"))?;
                tell(&found)?;
            }
            reports.push(found.report);
        }
        if self.search.json {
            print_document(&reports)?;
        }
        if reports.iter().all(|report| report.failed.is_empty()) { Ok(()) } else { Err(Failure::Told(FAILED)) }
    }

    /// The connections that are looked at.
    fn names(&self) -> Result<Vec<ConnectionName>, Failure> {
        if let Some(name) = &self.name {
            return Ok(vec![ConnectionName::new(name.as_str())]);
        }
        let config = Config::load(&self.search.config).map_err(|invalid| Failure::usage(invalid.to_string()))?;
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
