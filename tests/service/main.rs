//! The whole service: the real program on a log of its own, between simulated platforms over real HTTP, while things
//! go wrong.
//!
//! ```text
//! people ──▶ stage (models) ◀──▶ door ◀──▶ `chatledger serve` ──▶ log in a folder that vanishes
//! ```
//!
//! * [`house`]: one engine and its two platforms, what people do there, and what must be seen; [`engine`]: the process;
//!   [`door`]: the way to a platform, which can be shut;
//! * [`engines`]: several on one log; [`files`]: they cross, whole, in little memory;
//! * [`kills`], [`faults`], [`shutdown`], [`disk`], [`spool`], [`held`], [`heal`], [`circuit`], [`crowd`]: what goes wrong;
//!   [`unreachable`]: platforms that are not who they should be; [`polling`]: a site that has to be asked; [`stage`]: the
//!   platforms' stage itself; [`passes`]: what some calls must carry; [`traces`]: what a collector is told;
//!   [`demo`]: the demonstration, to its end.

mod circuit;
mod crowd;
mod demo;
mod disk;
mod door;
mod engine;
mod engines;
mod faults;
mod files;
mod heal;
mod held;
mod house;
mod kills;
mod passes;
mod polling;
mod shutdown;
mod spool;
mod stage;
mod traces;
mod unreachable;
