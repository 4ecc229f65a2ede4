//! The play: what people do at their screens, what goes wrong meanwhile, and what must be seen before it goes on.
//!
//! Works on a [`Set`]; writes the dialogue as it happens. Every wait is bounded, and one that is in vain says what was
//! awaited. What must be true in the end is collected on the way as [`Promises`]; proving it is not done here.
//!
//! * [`scenes`] holds the scenes and their order, and says how to add one; [`cast`] is who plays;
//! * [`doing`] is what people do, [`seeing`] what must be seen, [`telling`] what the audience is shown.

mod cast;
mod doing;
mod scenes;
mod seeing;
mod telling;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use chatledger_connectors::simulator::LineAuthor;
use chatledger_projections::ids::ConnectionName;

use super::engine::{Engine, EngineError};
use super::set::{Ends, Set};
use super::show::{Screen, Show};
use super::stage::Impossible;

/// What must be true in the end.
#[derive(Clone, Debug, Default)]
pub struct Promises {
    /// Every message that anybody wrote.
    pub messages: Vec<Promise>,
    /// The CRM connections at which a chat was claimed, once for each chat.
    pub claims: Vec<ConnectionName>,
    /// The CRM connections at which the bot was to note something, each with how the note begins.
    pub notes: Vec<(ConnectionName, String)>,
    /// The dialogues in which both sides spoke: the CRM is to call each by our id, which is the client's number.
    pub bound: Vec<(ConnectionName, String)>,
    /// The CRM connection of the note, and how its messages begin there.
    pub note: Option<(ConnectionName, String)>,
}

/// A message that is to stand once on each side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Promise {
    /// The two sides.
    pub ends: Ends,
    /// The client's number, international digits.
    pub phone: String,
    /// Who wrote it; what a bot wrote, an assistant did, and the client sees it as the company's.
    pub author: LineAuthor,
    /// What it says; no two say the same.
    pub text: String,
    /// Where it is to stand in the CRM; absent for a client's, of which a CRM shows nothing.
    pub status: Option<Status>,
}

/// Where a manager's message is to stand in the CRM.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// It has arrived.
    Delivered,
    /// The client has read it.
    Read,
    /// It cannot arrive, and the manager is told.
    Failed,
}

impl Status {
    /// Whether a screen shows this.
    pub fn is_shown_as(self, shown: &str) -> bool {
        match self {
            Self::Delivered => shown == "delivered",
            Self::Read => shown == "read",
            Self::Failed => shown.starts_with("error"),
        }
    }

    /// As a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "error",
        }
    }
}

/// Why the play broke off.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// Something did not happen.
    #[error("in vain awaited: {awaited}")]
    NotInTime {
        /// What was awaited.
        awaited: String,
    },
    /// A person could not do something.
    #[error(transparent)]
    Impossible(#[from] Impossible),
    /// There is no engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine could not be killed.
    #[error("the engine cannot be killed")]
    Unkillable(#[source] io::Error),
    /// Nobody can be shown anything.
    #[error("the demonstration cannot be shown")]
    Output(#[from] io::Error),
}

/// A play under way.
pub struct Play<'a> {
    set: &'a Set,
    show: Show,
    pace: Duration,
    out: &'a mut (dyn Write + Send),
    engine: Option<Engine>,
    promises: Promises,
    /// Every message that was shown, with the state that was shown last.
    shown: BTreeMap<(Screen, ConnectionName, String), Option<String>>,
    scenes: usize,
}

impl<'a> Play<'a> {
    /// A play that has not begun.
    pub fn new(set: &'a Set, show: Show, pace: Duration, out: &'a mut (dyn Write + Send)) -> Self {
        let (promises, shown) = (Promises::default(), BTreeMap::new());
        Self { set, show, pace, out, engine: None, promises, shown, scenes: 0 }
    }

    /// Ends the engine, whatever happened. Gives what must be true now.
    pub async fn leave(self) -> Promises {
        if let Some(engine) = self.engine {
            // One that is gone already is gone.
            let _gone = engine.kill().await;
        }
        self.promises
    }
}
