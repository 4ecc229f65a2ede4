//! The read API over HTTP, on the private address: who asks, what they ask, and what they get or why not.
//!
//! * [`access`]: who may what.

pub mod access;

pub use access::{Access, Denied, Role, Who};
