//! Chatledger's shell: the log, the way in, the way out. The only crate with a runtime.

pub mod clock;
pub mod config;
pub mod log;
