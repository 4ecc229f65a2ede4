//! `assistant`: switches a route's assistant on or off in one dialogue.
//!
//! The log says whether there is such a dialogue and an assistant to it; the instruction goes into the log. Where a running
//! engine writes to that log, it is asked to do it.

use std::net::SocketAddr;
use std::path::PathBuf;

use chatledger::log::EventLog;
use chatledger_projections::event::{Instruction, OperatorInstructed};
use chatledger_projections::ids::{ConnectionName, EventId, ThreadId};
use clap::{Args, ValueEnum};
use serde::Serialize;
use tokio::task::block_in_place;

use super::failure::Failure;
use super::instruct::{Instructed, instruct, places, said};
use super::log_address::{Typed, open_to_read};
use super::output::{print, print_document};
use super::replay::folded;
use super::thread;

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
        let (address, private) = places(self.config.as_deref(), self.log.as_ref(), self.private)?;
        let log = block_in_place(|| open_to_read(&address))?;
        let (thread, connection) = block_in_place(|| self.dialogue(&*log))?;
        let instructed = self.instructed(thread);
        let Instructed { event, by } = instruct(&address, private, &*log, instructed).await?;
        let assistant = self.switch.word();
        if self.json {
            return print_document(&Report { thread, assistant, connection: &connection, event, by });
        }
        print(format_args!("{connection} is {assistant} in {thread}; recorded by {by} as {event}"))
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
        said(self.who.as_deref(), self.why.as_deref(), instruction)
    }
}
