//! `connect` and `disconnect`: an account is joined to its platform, or parted from it.

use std::path::PathBuf;

use chatledger::backfill;
use chatledger::clock::Clock as _;
use chatledger::clock::SystemClock;
use chatledger::errand::Errand;
use chatledger_connectors::errands::{Administration, Joined, Learnt};
use clap::Args;
use serde::Serialize;
use tokio::task::block_in_place;

use super::CONFIG;
use super::account::Chosen;
use super::failure::{FAILED, Failure};
use super::log_address::{Typed, open_to_write};
use super::output::{Output, plain, print_document};

/// Join an account to its platform, so that it sends webhooks
///
/// Asks the platform with the account's secrets, and tells what of its answer belongs into the configuration. It may be
/// repeated without harm, and has to be whenever the integration was switched off there and on again. With --log, the
/// answer is put on record. The exit code is 1 if the platform refused, or if the configuration says otherwise than it.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger connect amo.main --config chatledger.toml")]
pub struct Connect {
    #[command(flatten)]
    asked: Asked,
}

/// Part an account from its platform, so that it sends no more webhooks
///
/// What is on record stays. With --log, the platform's answer is put on record, too.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger disconnect amo.main --config chatledger.toml")]
pub struct Disconnect {
    #[command(flatten)]
    asked: Asked,
}

#[derive(Debug, Args)]
struct Asked {
    /// The connection, as the configuration calls it
    name: String,
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// A log to put the answer on record in; no engine may be writing to it
    #[arg(long, value_name = "FILE")]
    log: Option<Typed>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What is asked of the platform.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Join,
    Part,
}

#[derive(Serialize)]
struct Report<'a> {
    connection: &'a str,
    platform: &'static str,
    connected: bool,
    settings: Vec<Told<'a>>,
    oddities: &'a [String],
    recorded: bool,
}

#[derive(Serialize)]
struct Told<'a> {
    key: &'static str,
    value: &'a str,
    configured: bool,
}

impl Connect {
    pub async fn run(self) -> Result<(), Failure> {
        self.asked.run(Wish::Join).await
    }
}

impl Disconnect {
    pub async fn run(self) -> Result<(), Failure> {
        self.asked.run(Wish::Part).await
    }
}

impl Asked {
    async fn run(self, wish: Wish) -> Result<(), Failure> {
        let chosen = Chosen::load(&self.config, &self.name)?;
        let account = chosen.account();
        let platform = account.connector.platform();
        let Some(administration) = account.connection.administration() else {
            return Err(Failure::usage(format!(
                "{}: {platform} is joined in its own windows, not by a call; `chatledger check-config` tells the \
                 address to enter there",
                chosen.name
            )));
        };
        // Opened first: a log that cannot be written is told before anything is changed at the platform.
        let log = match &self.log {
            Some(Typed(address)) => Some(block_in_place(|| open_to_write(address))?),
            None => None,
        };
        let joined = ask(&chosen, administration, wish).await?;
        let recorded = match &log {
            Some(log) => {
                chosen.put_in_force(&**log).await;
                let kept =
                    backfill::record(&**log, &SystemClock, &chosen.name, account, vec![joined.document.clone()]).await;
                kept.map_err(|why| {
                    Failure::failed(format!("{} has agreed, but that could not be recorded: {why}", chosen.name))
                })?;
                true
            }
            None => false,
        };
        block_in_place(|| drop(log));
        self.tell(&chosen, platform, wish, &joined, recorded)
    }

    fn tell(
        &self,
        chosen: &Chosen,
        platform: &'static str,
        wish: Wish,
        joined: &Joined,
        recorded: bool,
    ) -> Result<(), Failure> {
        let name = chosen.name.as_str();
        let as_configured = |setting: &Learnt| setting.is_configured;
        if self.json {
            let told = |setting: &'_ Learnt| (setting.key, setting.value.clone(), setting.is_configured);
            let settings: Vec<_> = joined.settings.iter().map(told).collect();
            let settings =
                settings.iter().map(|(key, value, configured)| Told { key, value, configured: *configured }).collect();
            let connected = wish == Wish::Join;
            print_document(&Report {
                connection: name,
                platform,
                connected,
                settings,
                oddities: &joined.oddities,
                recorded,
            })?;
        } else {
            let mut output = Output::standard();
            let is = match wish {
                Wish::Join => "connected",
                Wish::Part => "disconnected",
            };
            output.line(format_args!("{name} is {is}"))?;
            for setting in &joined.settings {
                let Learnt { key, value, is_configured } = setting;
                let value = plain(value);
                output.line(if *is_configured {
                    format!("{key} = {value:?}, as configured")
                } else {
                    format!("{key} = {value:?}: put this line into [connections.{name:?}]")
                })?;
            }
            for oddity in &joined.oddities {
                output.line(format_args!("odd: {}", plain(oddity)))?;
            }
            output.flush()?;
        }
        let all_well = joined.oddities.is_empty() && joined.settings.iter().all(as_configured);
        if all_well { Ok(()) } else { Err(Failure::Told(FAILED)) }
    }
}

async fn ask(chosen: &Chosen, administration: &dyn Administration, wish: Wish) -> Result<Joined, Failure> {
    let call = match wish {
        Wish::Join => administration.join(),
        Wish::Part => administration.part(),
    };
    let reply = Errand::new(chosen.account(), &chosen.http, &SystemClock).run(&call).await;
    let reply = reply.map_err(|fruitless| {
        let remedy = match fruitless.status {
            Some(status) => administration.remedy(status),
            None => "check the network and the connection's `base_url`",
        };
        Failure::failed(format!("{}: {}; {remedy}", chosen.name, plain(&fruitless.reason)))
    })?;
    Ok(administration.joined(&call, &reply, SystemClock.now()))
}
