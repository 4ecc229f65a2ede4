//! An operator's word on its way into the log: appended by this program, or handed to the engine that writes there.

use std::net::SocketAddr;
use std::path::Path;
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
use chatledger_projections::ids::EventId;
use chatledger_projections::recorded::{Revision, StreamName};
use tokio::task::block_in_place;

use super::CONFIG;
use super::failure::Failure;
use super::log_address::{Typed, open_to_write};

/// How long the running engine may take over an instruction.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// An instruction is on record.
pub struct Instructed {
    /// As which event.
    pub event: EventId,
    /// Who appended it: this program, or the running engine.
    pub by: &'static str,
}

/// Puts an instruction on record. `log` is the same log, open for reading.
pub async fn instruct(
    address: &LogAddress,
    private: Option<SocketAddr>,
    log: &dyn EventLog,
    instructed: OperatorInstructed,
) -> Result<Instructed, Failure> {
    let (taken, by) = match block_in_place(|| open(address))? {
        Some(log) => (record(&*log, instructed).await?, "this program"),
        None => (ask(private, &instructed).await?, "the running engine"),
    };
    stands_in(log, taken.event, address).await?;
    Ok(Instructed { event: taken.event, by })
}

/// Where the log is, and where a running engine is asked.
pub fn places(
    config: Option<&Path>,
    log: Option<&Typed>,
    private: Option<SocketAddr>,
) -> Result<(LogAddress, Option<SocketAddr>), Failure> {
    if let Some(Typed(log)) = log {
        return Ok((log.clone(), private));
    }
    let config = Config::load(config.unwrap_or(Path::new(CONFIG))).map_err(|invalid| {
        Failure::usage(format!("{invalid}\nor give --log, and --private beside a running engine"))
    })?;
    Ok((config.log, private.or(Some(config.server.private))))
}

/// What is said now, by whoever is named or else signed in at this machine.
pub fn said(who: Option<&str>, why: Option<&str>, instruction: Instruction) -> OperatorInstructed {
    let signed_in = || ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let who = who.map(str::to_owned).or_else(signed_in).unwrap_or_else(|| "unknown".to_owned());
    OperatorInstructed { who, said_at: SystemClock.now(), why: why.map(str::to_owned), instruction }
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
        // A server takes what is written beside the engine; the instruction has a stream of its own.
        LogAddress::EventStoreDb(_) => open_to_write(address).map(Some),
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
            address
        ))),
        Err(error) => Err(Failure::because("the log cannot be read back", &error)),
    }
}
