//! What only the running engine knows of its connections: told by whoever drives them, read by whoever asks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chatledger_projections::ids::ConnectionName;
use chatledger_projections::time::Timestamp;

use super::answer::Live;

/// A board on which the engine writes how its connections are. Clones are the same board.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<BTreeMap<ConnectionName, Live>>>);

impl Board {
    /// Connections are like this now; of those that are not named, this engine knows nothing.
    pub fn write(&self, connections: BTreeMap<ConnectionName, Live>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = connections;
    }

    /// How a connection is. What the engine told before a quota's span began is no use of that quota any more.
    pub fn read(&self, connection: &ConnectionName, now: Timestamp) -> Option<Live> {
        let mut live = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(connection).cloned()?;
        let silent = u64::try_from(now.since(live.at.0).as_millis()).unwrap_or(u64::MAX);
        live.quotas.iter_mut().filter(|quota| quota.per_ms <= silent).for_each(|quota| quota.used = 0);
        Some(live)
    }
}
