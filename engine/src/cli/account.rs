//! What commands about one account have in common: the configuration, the account by its name, and the way out.

use std::path::Path;

use chatledger::clock::SystemClock;
use chatledger::config::{Account, Config};
use chatledger::http::Http;
use chatledger::in_force::put_in_force;
use chatledger::log::EventLog;
use chatledger_projections::ids::ConnectionName;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;

/// A configuration and one account of it.
pub struct Chosen {
    pub config: Config,
    pub name: ConnectionName,
    pub http: Http,
}

impl Chosen {
    /// Reads the configuration and finds the account.
    pub fn load(config: &Path, name: &str) -> Result<Self, Failure> {
        let config = Config::load(config).map_err(|invalid| Failure::usage(invalid.to_string()))?;
        let name = ConnectionName::new(name);
        if !config.connections.contains_key(&name) {
            let known: Vec<&str> = config.connections.keys().map(ConnectionName::as_str).collect();
            let known = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
            return Err(Failure::usage(format!("{name}: no such connection in the configuration; known: {known}")));
        }
        let http = Http::new(config.dispatch.connect_timeout, config.dispatch.call_timeout)
            .map_err(|error| Failure::because("calls to the platforms cannot be prepared", &error))?;
        Ok(Self { config, name, http })
    }

    /// Puts the configuration on record where another is in force: what is recorded next is read under it.
    pub async fn put_in_force(&self, log: &dyn EventLog) {
        put_in_force(log, &SystemClock, self.config.recorded(), &CancellationToken::new()).await;
    }

    /// The account.
    pub fn account(&self) -> &Account {
        &self.config.connections[&self.name]
    }
}
