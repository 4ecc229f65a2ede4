//! What the tests share: a small world in which the real engine meets simulated platforms, on a clock of its own.
//!
//! ```text
//! seed ──▶ script ──▶ world ──▶ log, transcripts, calls, chronicle
//! ```
//!
//! * [`script`]: what people do, and what goes wrong, as plain data that can be printed, shrunk and written by hand;
//! * [`world`]: the pipeline, the dispatcher, the accounts and the platforms, on one thread and on virtual time;
//! * [`ending`]: what a world leaves behind, and whether people see what they should;
//! * [`logs`]: the logs of all stories, and folding them;
//! * [`simulation`]: many worlds from one seed, their weather, and the verdict on them;
//! * [`program`]: the real binary, for tests that start it.

pub mod ending;
pub mod logs;
pub mod program;
pub mod script;
pub mod simulation;
pub mod world;

pub use program::chatledger;
