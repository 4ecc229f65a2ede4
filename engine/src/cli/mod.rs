//! The command line: one file for each command, and the only code that prints.
//!
//! What a command is asked for goes to standard output, everything else to standard error. The exit code is 0 if all is
//! well, 2 if what was asked cannot be done as it was asked ([`Failure::Usage`]), and 1 if doing it failed. Whoever
//! stops reading our output ends us quietly.
//!
//! * [`log_address`] reads what stands behind `--log`; [`output`], [`progress`] and [`failure`] are how commands tell.

mod account;
mod backfill;
mod check_config;
mod connect;
mod decode;
mod demo;
mod export;
mod failure;
mod import;
mod init;
mod log;
mod log_address;
mod output;
mod progress;
mod replay;
mod serve;
mod state;
mod story;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;

/// The file that a configuration is expected in.
const CONFIG: &str = "chatledger.toml";

/// Carries chats between a CRM and messengers, and keeps a ledger that proves what happened.
#[derive(Debug, Parser)]
#[command(
    name = "chatledger",
    version,
    arg_required_else_help = true,
    after_help = "To begin: `chatledger init`, edit chatledger.toml, `chatledger check-config`, `chatledger serve`."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Serve(serve::Serve),
    Init(init::Init),
    CheckConfig(check_config::CheckConfig),
    Connect(connect::Connect),
    Disconnect(connect::Disconnect),
    Backfill(backfill::Backfill),
    Decode(decode::Decode),
    Replay(replay::Replay),
    State(state::State),
    Story(story::Story),
    Log(log::Log),
    Export(export::Export),
    Import(import::Import),
}

/// Does what was typed.
pub fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::failed(format!("the program cannot start its threads: {error}")).tell(),
    };
    let ended = runtime.block_on(run(command));
    // A thread that still reads a log must not keep a program that has ended.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo(demo) => demo.run().await,
        Command::Serve(serve) => serve.run().await,
        Command::Init(init) => init.run(),
        Command::CheckConfig(check_config) => check_config.run(),
        Command::Connect(connect) => connect.run().await,
        Command::Disconnect(disconnect) => disconnect.run().await,
        Command::Backfill(backfill) => backfill.run().await,
        Command::Decode(decode) => decode.run(),
        Command::Replay(replay) => tokio::task::block_in_place(|| replay.run()),
        Command::State(state) => tokio::task::block_in_place(|| state.run()),
        Command::Story(story) => story.run(),
        Command::Log(log) => log.run().await,
        Command::Export(export) => tokio::task::block_in_place(|| export.run()),
        Command::Import(import) => import.run().await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_contradicts_nothing() {
        Arguments::command().debug_assert();
    }
}
