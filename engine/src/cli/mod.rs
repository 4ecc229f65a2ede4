//! The command line: one file for each command, and the only code that prints.
//!
//! What a command is asked for goes to standard output, everything else to standard error. The exit code is 0 if all is
//! well, 2 if what was asked cannot be done as it was asked ([`Failure::Usage`]), and 1 if doing it failed. Whoever
//! stops reading our output ends us quietly.
//!
//! * [`administer`] holds what platforms offer, whichever they are;
//! * [`log_address`] reads what stands behind `--log`; [`output`], [`progress`] and [`failure`] are how commands tell; [`thread`] finds a dialogue by the beginning of its id.

mod account;
mod administer;
mod assistant;
mod backfill;
mod check_config;
mod connect;
mod copy;
mod decode;
mod demo;
mod explain;
mod export;
mod failure;
mod heal;
mod held;
mod import;
mod init;
mod instruct;
mod log;
mod log_address;
mod openapi;
mod output;
mod progress;
mod reconcile;
mod replay;
mod serve;
mod spool;
mod state;
mod story;
mod thread;
mod token;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

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
    Reconcile(reconcile::Reconcile),
    Decode(decode::Decode),
    Replay(replay::Replay),
    State(state::State),
    Explain(explain::Explain),
    Heal(heal::Heal),
    Held(held::Held),
    Assistant(assistant::Assistant),
    Story(story::Story),
    Log(log::Log),
    #[command(name = "openapi")]
    OpenApi(openapi::OpenApi),
    Token(token::Token),
    Spool(spool::Spool),
    Export(export::Export),
    Import(import::Import),
    Copy(copy::Copy),
}

/// Does what was typed.
pub fn main() -> ExitCode {
    let matches = arguments().get_matches();
    let command = administer::typed(&matches).map_or_else(
        || Arguments::from_arg_matches(&matches).map(|arguments| Told::Ours(arguments.command)),
        |command| Ok(Told::Platforms(command)),
    );
    let command = match command {
        Ok(command) => command,
        Err(error) => error.exit(),
    };
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

/// Our own commands, and beside them those that platforms offer.
fn arguments() -> clap::Command {
    Arguments::command().subcommands(administer::subcommands())
}

/// What was typed.
enum Told {
    Ours(Command),
    Platforms(administer::Administer),
}

async fn run(told: Told) -> Result<(), Failure> {
    let command = match told {
        Told::Ours(command) => command,
        Told::Platforms(command) => return command.run().await,
    };
    match command {
        Command::Demo(demo) => demo.run().await,
        Command::Serve(serve) => serve.run().await,
        Command::Init(init) => init.run(),
        Command::CheckConfig(check_config) => check_config.run(),
        Command::Connect(connect) => connect.run().await,
        Command::Disconnect(disconnect) => disconnect.run().await,
        Command::Backfill(backfill) => backfill.run().await,
        Command::Reconcile(reconcile) => reconcile.run().await,
        Command::Decode(decode) => decode.run(),
        Command::Replay(replay) => tokio::task::block_in_place(|| replay.run()),
        Command::State(state) => tokio::task::block_in_place(|| state.run()),
        Command::Explain(explain) => tokio::task::block_in_place(|| explain.run()),
        Command::Assistant(assistant) => assistant.run().await,
        Command::Heal(heal) => heal.run().await,
        Command::Held(held) => held.run().await,
        Command::Story(story) => story.run(),
        Command::Log(log) => log.run().await,
        Command::OpenApi(openapi) => openapi.run(),
        Command::Token(token) => token.run(),
        Command::Spool(spool) => spool.run().await,
        Command::Export(export) => tokio::task::block_in_place(|| export.run()),
        Command::Import(import) => import.run().await,
        Command::Copy(copy) => copy.run().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_contradicts_nothing() {
        arguments().debug_assert();
    }
}
