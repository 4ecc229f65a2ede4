//! What commands about one account have in common: the configuration, the account by its name, and the way out.

use std::path::Path;

use chatledger::config::{Account, Config};
use chatledger::http::Http;
use chatledger_projections::ids::ConnectionName;

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

    /// The account.
    pub fn account(&self) -> &Account {
        &self.config.connections[&self.name]
    }
}
