//! A test server that speaks EventStoreDB's protocol and serves any log of ours.

pub mod protocol;
