//! Where every message stands at the other side.

use serde::{Deserialize, Serialize};

use crate::ids::{ConnectionName, MessageId};

/// Where a message came from: which connection, and what it is called there.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Origin {
    /// At which connection it was written.
    pub connection: ConnectionName,
    /// What that platform calls it.
    pub message: MessageId,
}
