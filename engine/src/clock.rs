//! The present moment.

use chatledger_projections::time::Timestamp;

/// Whoever knows the time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Now.
    fn now(&self) -> Timestamp;
}
