//! One configured account, ready for use: its connector, its parsed settings and its secrets.

use std::collections::BTreeMap;
use std::sync::Arc;

use chatledger_connectors::connector::{Connection, Connector, Secrets};
use chatledger_projections::ids::ConnectionName;

/// One configured account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its platform's connector.
    pub connector: &'static dyn Connector,
    /// The account itself.
    pub connection: Arc<dyn Connection>,
    /// Its secrets.
    pub secrets: Secrets,
    /// Its settings, without secrets.
    pub settings: serde_json::Value,
}

/// All configured accounts.
pub type Accounts = BTreeMap<ConnectionName, Account>;
