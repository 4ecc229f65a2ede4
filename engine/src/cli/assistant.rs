//! `assistant`: switches a route's assistant on or off in one dialogue.
//!
//! The log says whether there is such a dialogue and an assistant to it; the instruction goes into the log. Where a running
//! engine writes to that log, it is asked to do it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chatledger::clock::{Clock, SystemClock};
use chatledger::config::{Config, LogAddress};
use chatledger::http::{Http, NoReply};
use chatledger::instructions::{self, NotTaken, Taken};
use chatledger::live::chain;
use chatledger::log::sqlite::SqliteLog;
use chatledger::log::{EventLog, OpenError};
use chatledger_connectors::connector::Request;
use chatledger_projections::event::{Instruction, OperatorInstructed};
use chatledger_projections::ids::{ConnectionName, EventId, ThreadId};
use chatledger_projections::recorded::{Revision, StreamName};
use clap::{Args, ValueEnum};
use serde::Serialize;
use tokio::task::block_in_place;

use super::CONFIG;
use super::failure::Failure;
use super::log_address::{Typed, open_to_read, words};
use super::output::{print, print_document};
use super::replay::folded;
use super::thread;

/// How long the running engine may take over an instruction.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// Give a dialogue back to the route's assistant, or take it away from it
///
/// Off, the assistant is not given what the client writes there, and what it still says goes to nobody, until it is switched
/// on: neither its own word nor the route's `resume_after` ends that. On, it speaks, also where a manager's word had
/// silenced it. The instruction stands in the log. It works beside a running `serve` too, which is asked at its private
/// address, from this machine only.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger assistant off 6d0f --config /etc/chatledger.toml --why \"a complaint\"")]
pub struct Assistant {
    /// What the assistant is to be there
    #[arg(value_name = "on|off")]
    switch: Switch,
    /// The dialogue; the beginning of its id is enough if no other begins so
    thread: String,
    /// The configuration, which says where the log is and where a running engine is asked
    #[arg(long, value_name = "FILE", conflicts_with = "log")]
    config: Option<PathBuf>,
    /// The log, where no configuration is at hand
    #[arg(long, value_name = "FILE")]
    log: Option<Typed>,
    /// The private address of the running engine, if the configuration does not say it
    #[arg(long, value_name = "ADDRESS")]
    private: Option<SocketAddr>,
    /// Who says so; else whoever is signed in at this machine
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// Why, for whoever reads the log
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl Switch {
    const fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    thread: ThreadId,
    assistant: &'static str,
    /// Where it is.
    connection: &'a ConnectionName,
    /// The event in the log.
    event: EventId,
    /// Who appended it: this program, or the running engine.
    by: &'static str,
}

impl Assistant {
    pub async fn run(self) -> Result<(), Failure> {
        let (address, private) = self.places()?;
        let log = block_in_place(|| open_to_read(&address))?;
        let (thread, connection) = block_in_place(|| self.dialogue(&*log))?;
        let instructed = self.instructed(thread);
        let (taken, by) = match block_in_place(|| open(&address))? {
            Some(log) => (record(&*log, instructed).await?, "this program"),
            None => (ask(private, &instructed).await?, "the running engine"),
        };
        stands_in(&*log, taken.event, &address).await?;
        let (assistant, event) = (self.switch.word(), taken.event);
        if self.json {
            return print_document(&Report { thread, assistant, connection: &connection, event, by });
        }
        print(format_args!("{connection} is {assistant} in {thread}; recorded by {by} as {event}"))
    }

    /// Where the log is, and where a running engine is asked.
    fn places(&self) -> Result<(LogAddress, Option<SocketAddr>), Failure> {
        if let Some(Typed(log)) = &self.log {
            return Ok((log.clone(), self.private));
        }
        let path = self.config.clone().unwrap_or_else(|| CONFIG.into());
        let config = Config::load(&path).map_err(|invalid| {
            Failure::usage(format!("{invalid}\nor give --log, and --private beside a running engine"))
        })?;
        Ok((config.log, self.private.or(Some(config.server.private))))
    }

    /// The dialogue that is meant, and the assistant that helps there.
    fn dialogue(&self, log: &dyn EventLog) -> Result<(ThreadId, ConnectionName), Failure> {
        let replay = folded(log, None)?;
        let state = replay.state();
        let thread = thread::only(&state.threads, &self.thread)?;
        let route = state.route_of(thread);
        let assistant = route.and_then(|(_, route)| route.assistant.as_ref()).ok_or_else(|| {
            let name = route.map_or_else(|| "a route that is no longer configured".to_owned(), |(name, _)| name.to_string());
            Failure::usage(format!(
                "the dialogue {thread} runs on {name}, which has no assistant; write `assistant` in the route, and start the engine once"
            ))
        })?;
        Ok((thread, assistant.connection.clone()))
    }

    fn instructed(&self, thread: ThreadId) -> OperatorInstructed {
        let instruction = match self.switch {
            Switch::On => Instruction::SwitchAssistantOn { thread },
            Switch::Off => Instruction::SwitchAssistantOff { thread },
        };
        let signed_in = || ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
        let who = self.who.clone().or_else(signed_in).unwrap_or_else(|| "unknown".to_owned());
        OperatorInstructed { who, said_at: SystemClock.now(), why: self.why.clone(), instruction }
    }
}

/// Opens the log for writing; `None` if another program writes to it.
fn open(address: &LogAddress) -> Result<Option<Arc<dyn EventLog>>, Failure> {
    match address {
        LogAddress::Memory => {
            Err(Failure::usage("a log in memory belongs to the program that made it; give the file of a log"))
        }
        LogAddress::Sqlite(path) => match SqliteLog::open(path) {
            Ok(log) => Ok(Some(Arc::new(log))),
            Err(OpenError::InUse { .. }) => Ok(None),
            Err(error) => Err(Failure::failed(chain(&error))),
        },
    }
}

async fn record(log: &dyn EventLog, instructed: OperatorInstructed) -> Result<Taken, Failure> {
    let recorded = instructions::record(log, &SystemClock, instructed).await;
    recorded.map_err(|error| Failure::because("the instruction cannot be recorded", &error))
}

/// Hands the instruction to the engine that writes to the log.
async fn ask(private: Option<SocketAddr>, instructed: &OperatorInstructed) -> Result<Taken, Failure> {
    let private = private.ok_or_else(|| {
        Failure::usage("a running engine writes to this log; give its --config, or its --private address")
    })?;
    let http = Http::new(ANSWERED_WITHIN, ANSWERED_WITHIN)
        .map_err(|error| Failure::because("the running engine cannot be asked", &error))?;
    let request = Request::json("POST", instructions::PATH.to_owned(), instructed);
    let reply = http.send(&format!("http://{private}"), request).await.map_err(|error| {
        let (NoReply::NotSent(why) | NoReply::NoAnswer(why)) = error;
        Failure::failed(format!(
            "a running engine writes to this log, and does not answer at {private} ({why}); give its --private address"
        ))
    })?;
    match (reply.status, serde_json::from_slice(&reply.body.0)) {
        (200, Ok(taken)) => Ok(taken),
        (status, _) => {
            let said = serde_json::from_slice::<NotTaken>(&reply.body.0).map(|said| format!(": {}", said.reason));
            let said = said.unwrap_or_default();
            Err(Failure::failed(format!("{private} does not take the instruction (HTTP {status}{said})")))
        }
    }
}

/// Whoever took the instruction has put it into the log that was meant, and not into another.
async fn stands_in(log: &dyn EventLog, event: EventId, address: &LogAddress) -> Result<(), Failure> {
    let stream = StreamName::operator(event);
    match log.read_stream(&stream, Revision::FIRST, 1).await {
        Ok(events) if !events.is_empty() => Ok(()),
        Ok(_) => Err(Failure::failed(format!(
            "the engine at the private address took the instruction, but not into {}: it writes to another log; give the --private address of the engine that writes to this one",
            words(address)
        ))),
        Err(error) => Err(Failure::because("the log cannot be read back", &error)),
    }
}
