//! Chatledger's shell: the log, the way in, the way out. The only crate with a runtime.

pub mod clock;
pub mod config;
pub mod ingress;
pub mod log;
pub mod logging;
pub mod metrics;
