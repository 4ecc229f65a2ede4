//! `ready`: whether a running engine can do its work, asked at its private address. For scripts, and for containers, which
//! have no other program to ask with.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chatledger::config::Config;
use chatledger::http::{Http, NoReply};
use chatledger_connectors::connector::Request;
use clap::Args;

use super::CONFIG;
use super::failure::Failure;
use super::output::print;

/// How long one answer may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// How long an engine that is not ready yet is left alone.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Ask a running engine whether it can do its work
///
/// Asks for `/readyz` at its private address. Prints what it says; the exit code is 0 if it is ready, and 1 if it is not or
/// does not answer.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger ready --private 127.0.0.1:8081 --wait 30")]
pub struct Ready {
    /// The configuration that says where it is asked
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where it is asked; without it, where the configuration says
    #[arg(long, value_name = "ADDRESS")]
    private: Option<SocketAddr>,
    /// How many seconds to wait until it is
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
}

impl Ready {
    pub async fn run(self) -> Result<(), Failure> {
        let private = match self.private {
            Some(private) => private,
            None => private_of(self.config.as_deref().unwrap_or(Path::new(CONFIG)))?,
        };
        let http = Http::new(ANSWERED_WITHIN, ANSWERED_WITHIN)
            .map_err(|error| Failure::because("the engine cannot be asked", &error))?;
        let until = Instant::now() + Duration::from_secs(self.wait);
        loop {
            let said = ask(&http, private).await;
            match said {
                Ok(said) => return print(said.trim_end()),
                Err(_) if Instant::now() < until => tokio::time::sleep(LOOK_EVERY).await,
                Err(why) => return Err(Failure::failed(why)),
            }
        }
    }
}

fn private_of(config: &Path) -> Result<SocketAddr, Failure> {
    let config = Config::load(config)
        .map_err(|invalid| Failure::usage(format!("{invalid}\nor give --private, the address to ask at")))?;
    Ok(config.server.private)
}

/// What the engine says, if it is ready; else why it is not.
async fn ask(http: &Http, private: SocketAddr) -> Result<String, String> {
    let request = Request::bare("GET", "/readyz".to_owned(), Vec::new());
    match http.send(&format!("http://{private}"), request).await {
        Ok(reply) => {
            let said = String::from_utf8_lossy(&reply.body.0).into_owned();
            if reply.status == 200 { Ok(said) } else { Err(format!("{private} is not ready: {}", said.trim_end())) }
        }
        Err(NoReply::NotSent(why) | NoReply::NoAnswer(why)) => {
            Err(format!("{private} does not answer ({why}); is `chatledger serve` running there?"))
        }
    }
}
