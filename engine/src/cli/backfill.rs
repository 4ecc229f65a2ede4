//! `backfill`: messages whose webhooks never came are looked for at the platform and put on record.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use chatledger::backfill::{Found, Kept, Wanted, known, list, record};
use chatledger::clock::SystemClock;
use chatledger::errand::Errand;
use chatledger::fold::fold;
use chatledger::live::chain;
use chatledger::log::EventLog;
use chatledger::pipeline::Pipeline;
use chatledger_connectors::errands::History;
use chatledger_projections::ids::ConversationId;
use chatledger_projections::state::State;
use chatledger_projections::time::Timestamp;
use clap::{ArgGroup, Args};
use serde::Serialize;
use tokio::task::block_in_place;

use super::CONFIG;
use super::account::Chosen;
use super::failure::{FAILED, Failure};
use super::log_address::{Typed, open_to_write};
use super::output::{Output, plain, print_document};
use super::progress::Progress;

/// Look for messages whose webhooks never came, and put them on record
///
/// Lists the conversations that the log knows, or only the one that is named, and records every message written since
/// then that it finds, like a webhook. Nothing is recorded twice, and a message whose webhook did come changes nothing. What
/// is new is carried across by the next `serve`, so mind the time: what somebody else has carried before would be carried
/// again. Without --since, a conversation is looked through from when the log first heard of it.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("what").args(["chat", "since"]).required(true).multiple(true),
    after_help = "Example: chatledger backfill amo.main --since 2026-03-02T10:00:00Z --dry-run"
)]
pub struct Backfill {
    /// The connection, as the configuration calls it
    name: String,
    /// Only this conversation, by the platform's id
    #[arg(long, value_name = "ID")]
    chat: Option<String>,
    #[command(flatten)]
    search: Search,
}

/// How the past is searched, and how that is told.
#[derive(Debug, Args)]
pub(super) struct Search {
    /// Only what was written from this moment on
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(super) since: Option<Timestamp>,
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    pub(super) config: PathBuf,
    /// Another log than the configuration names; no engine may be writing to it
    #[arg(long, value_name = "FILE")]
    log: Option<Typed>,
    /// Only tell what would be recorded
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
}

/// A moment as people and machines write it.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let read: Result<jiff::Timestamp, _> = text.parse();
    read.map(|moment| Timestamp::from_millis(moment.as_millisecond()))
        .map_err(|_| "write a moment with its zone, such as 2026-03-02T10:00:00Z".to_owned())
}

#[derive(Serialize, Default)]
pub(super) struct Report {
    connection: String,
    conversations: usize,
    /// Messages that the platform lists.
    listed: usize,
    /// Those before the wanted time, or without a time.
    older: usize,
    /// Entries without an id, which cannot be recorded once.
    unnamed: usize,
    /// Put on record now; with --dry-run, what would be tried.
    recorded: usize,
    already: usize,
    dry_run: bool,
    /// Conversations that could not be listed, each with the reason.
    pub(super) failed: Vec<Failed>,
}

#[derive(Serialize)]
pub(super) struct Failed {
    conversation: String,
    reason: String,
}

impl Backfill {
    pub async fn run(self) -> Result<(), Failure> {
        let found = self.search.through(&self.name, |chosen, state| self.wanted(chosen, state)).await?;
        if self.search.json {
            print_document(&found.report)?;
        } else {
            tell(&found)?;
        }
        if found.report.failed.is_empty() { Ok(()) } else { Err(Failure::Told(FAILED)) }
    }

    /// Which conversations, and since when.
    fn wanted(&self, chosen: &Chosen, state: &State) -> Result<Vec<Wanted>, Failure> {
        let all = known(state, &chosen.name, self.search.since);
        let Some(chat) = &self.chat else { return Ok(all) };
        let of_the_chat: Vec<Wanted> = all.into_iter().filter(|wanted| wanted.conversation.as_str() == chat).collect();
        match (of_the_chat.is_empty(), self.search.since) {
            (false, _) => Ok(of_the_chat),
            (true, Some(since)) => Ok(vec![Wanted { conversation: ConversationId::new(chat.as_str()), since }]),
            (true, None) => Err(Failure::usage(format!(
                "{}: the log does not know the conversation {chat:?}, so it cannot tell since when it is ours; give --since",
                chosen.name
            ))),
        }
    }
}

/// What a search came to, and in which log.
pub(super) struct Searched {
    pub(super) report: Report,
    address: String,
}

impl Search {
    /// Searches the past of one connection: the conversations that are `wanted` of those that the log knows.
    pub(super) async fn through(
        &self,
        name: &str,
        wanted: impl FnOnce(&Chosen, &State) -> Result<Vec<Wanted>, Failure>,
    ) -> Result<Searched, Failure> {
        let chosen = Chosen::load(&self.config, name)?;
        let account = chosen.account();
        let Some(history) = account.connection.history() else {
            let platform = account.connector.platform();
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
        let wanted = wanted(&chosen, &state)?;
        let report = look(&chosen, history, &*log, wanted, self.dry_run).await;
        block_in_place(|| drop(log));
        Ok(Searched { report: report?, address: address.to_string() })
    }
}

/// Looks conversations through, and puts on record what is new; with `dry_run`, only counts it.
async fn look(
    chosen: &Chosen,
    history: &dyn History,
    log: &dyn EventLog,
    wanted: Vec<Wanted>,
    dry_run: bool,
) -> Result<Report, Failure> {
    let mut report = Report { connection: chosen.name.to_string(), dry_run, ..Report::default() };
    let mut errand = Errand::new(chosen.account(), &chosen.http, &SystemClock);
    let mut progress = Progress::of(Some(wanted.len() as u64), "conversations");
    let mut seen = BTreeSet::new();
    for wanted in wanted {
        if !seen.insert(wanted.conversation.clone()) {
            continue;
        }
        report.conversations += 1;
        match list(&mut errand, history, &wanted).await {
            Ok((documents, Found { listed, older, unnamed })) => {
                report.listed += listed;
                report.older += older;
                report.unnamed += unnamed;
                let Kept { recorded, already } = if dry_run {
                    Kept { recorded: documents.len(), already: 0 }
                } else {
                    let kept = record(log, &SystemClock, &chosen.name, chosen.account(), documents).await;
                    kept.map_err(|why| Failure::failed(format!("the log does not take what was found: {why}")))?
                };
                report.recorded += recorded;
                report.already += already;
            }
            Err(reason) => {
                report.failed.push(Failed { conversation: wanted.conversation.to_string(), reason: plain(&reason) })
            }
        }
        progress.step();
    }
    Ok(report)
}

/// Tells people what was found.
pub(super) fn tell(Searched { report, address }: &Searched) -> Result<(), Failure> {
    let mut output = Output::standard();
    let Report { conversations, listed, older, unnamed, recorded, already, dry_run, .. } = report;
    output.line(format_args!("{conversations} conversations, {listed} messages listed, {older} of them older"))?;
    if *unnamed > 0 {
        output.line(format_args!("{unnamed} entries have no id, and were left out"))?;
    }
    output.line(if *dry_run {
        format!("{recorded} messages would be put on record, unless they are; nothing was written")
    } else {
        format!("{recorded} messages put on record, {already} were already, in {address}")
    })?;
    for Failed { conversation, reason } in &report.failed {
        output.line(format_args!("{conversation}: {reason}"))?;
    }
    output.flush()
}

/// The state that a log leads to.
fn folded(log: &Arc<dyn EventLog>) -> Result<State, Failure> {
    let mut pipeline = Pipeline::default();
    fold(&**log, &mut pipeline, None, None, &mut |_, _| {})
        .map_err(|error| Failure::failed(format!("the log cannot be folded: {}", chain(&error))))?;
    Ok(pipeline.state().clone())
}
