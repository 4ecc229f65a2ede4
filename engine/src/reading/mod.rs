//! The read side: what operators and auditors ask, answered in milliseconds, as it is now or as it was at any position.
//!
//! Takes the log, as one more follower of it, and keeps rows in a file of its own beside it; gives answers. It never writes
//! to the log, nothing waits for it, and what it keeps can be thrown away at any time: it is made again from the log.
//!
//! * [`asked`] and [`answer`] are what goes in and what comes out of a [`Reader`]; [`cursor`] pages; [`notice`] tells
//!   followers; [`live`] has what only the running engine knows;
//! * [`start`] puts it to work: [`keep`] follows the log on a thread of its own, [`learn`] says which [`row`]s an event adds,
//!   [`model`] is the file that keeps them, [`query`] asks it; [`mod@slice`] is the part of a log that one dialogue depends on.
//!
//! **Every row remembers the event since which it holds**, so "as of then" is a condition and not a replay.

pub mod answer;
pub mod asked;
pub mod cursor;
mod keep;
mod learn;
pub mod live;
mod model;
pub mod notice;
mod query;
mod reader;
mod row;
mod slice;
mod start;

pub use answer::{
    Answer, Connections, Entry, EventDetail, EventRow, HeldRow, MessageDelivery, Overview, Page, Remarks, Standpoint,
    ThreadDetail, ThreadRow,
};
pub use asked::{
    AsOf, EventAsked, EventFilter, HeldFilter, MessageAsked, Order, RemarkFilter, ThreadFilter, TimelineFilter, Wanted,
};
pub use cursor::{Cursor, NotACursor};
pub use live::Board;
pub use notice::{Follower, Heard, Notice};
pub use reader::{Reader, Surroundings};
pub use start::{Fed, Place, start};

use chatledger_projections::delivery::Origin;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadingError {
    /// The read side is switched off.
    #[error("the read side is switched off; set `enabled = true` in the section [reading], and start the engine again")]
    Off,
    /// There is nothing of that name, or there was not yet.
    #[error("there is no such {what}, as of then")]
    NotFound {
        /// What was asked for: `thread`, `message`, `event`.
        what: &'static str,
    },
    /// A name is several messages' at several connections.
    #[error("several messages are called so; name the connection, too")]
    Ambiguous {
        /// Which.
        among: Vec<Origin>,
    },
    /// The cursor cannot be used.
    #[error("{0}")]
    Cursor(#[from] NotACursor),
    /// What is to be told would be too much for one answer.
    #[error("{0}")]
    TooMuch(String),
    /// The rows are not kept up with the log.
    #[error("the read model is out of order: {0}")]
    Trouble(String),
    /// The log cannot be read, or not understood.
    #[error(transparent)]
    Log(#[from] crate::fold::FoldError),
    /// The read model's own file cannot be read.
    #[error("the read model cannot be read now")]
    Model(#[source] rusqlite::Error),
    /// Answering broke off, as at the end of the program.
    #[error("answering broke off")]
    Interrupted,
}
