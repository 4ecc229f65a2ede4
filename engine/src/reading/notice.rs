//! What followers are told: that something changed, where, up to which position. What it is they ask.
//!
//! Notices are gathered for a moment, so that a busy log wakes nobody a thousand times a second. Nobody waits for a
//! follower: one that is too slow misses notices, and is told so.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Bytes;
use chatledger_projections::ids::ThreadId;
use chatledger_projections::recorded::Position;
use serde::Serialize;
use tokio::sync::broadcast;
use utoipa::ToSchema;

/// For how long changes are gathered before followers are told.
pub const GATHERED_FOR: Duration = Duration::from_millis(200);

/// … and so much longer for each that listens …
pub const GATHERED_FOR_EACH: Duration = Duration::from_millis(1);

/// … but no more than this.
pub const GATHERED_AT_MOST: Duration = Duration::from_secs(2);

/// How many dialogues a notice names at most; beyond that it says that there were more.
pub const THREADS_AT_MOST: usize = 256;

/// How many notices wait for a slow follower; the oldest give way, and the follower is told how many.
pub const WAITING_AT_MOST: usize = 64;

/// Something changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Notice {
    /// The last event that it takes in.
    #[schema(value_type = String, example = "1042")]
    pub position: Position,
    /// The dialogues that were touched.
    #[schema(value_type = Vec<String>)]
    pub threads: Vec<ThreadId>,
    /// Whether there were more than could be named.
    pub more_threads: bool,
    /// The types of the events.
    pub kinds: Vec<&'static str>,
    /// The notice as it goes over the wire: made once, however many listen.
    #[serde(skip)]
    frame: OnceLock<Bytes>,
}

impl Notice {
    /// Something changed, up to a position.
    pub const fn new(position: Position, threads: Vec<ThreadId>, more_threads: bool, kinds: Vec<&'static str>) -> Self {
        Self { position, threads, more_threads, kinds, frame: OnceLock::new() }
    }

    /// The notice as a server-sent event.
    pub fn frame(&self) -> Bytes {
        let make = || {
            let data = serde_json::to_string(self).expect("ids, words and a flag serialise");
            Bytes::from(format!("event: changed\nid: {}\ndata: {data}\n\n", self.position))
        };
        self.frame.get_or_init(make).clone()
    }
}

/// What a follower hears next.
#[derive(Clone, Debug)]
pub enum Heard {
    /// Something changed.
    Changed(Arc<Notice>),
    /// So many notices were missed: ask again for whatever is shown.
    Skipped(u64),
    /// There will be no more.
    Ended,
}

/// A follower's ear.
#[derive(Debug)]
pub struct Follower(pub(super) broadcast::Receiver<Arc<Notice>>);

impl Follower {
    /// What comes next.
    pub async fn next(&mut self) -> Heard {
        match self.0.recv().await {
            Ok(notice) => Heard::Changed(notice),
            Err(broadcast::error::RecvError::Lagged(missed)) => Heard::Skipped(missed),
            Err(broadcast::error::RecvError::Closed) => Heard::Ended,
        }
    }
}
