//! The dialogues: which route each runs on, since when, and how much was said.

use serde::{Deserialize, Serialize};

use crate::ids::{RouteName, ThreadId};
use crate::projection::{Digest, Map, Projection};
use crate::time::Timestamp;

/// One dialogue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Thread {
    /// The route that it runs on.
    pub route: RouteName,
    /// When we first heard of it.
    pub opened_at: Timestamp,
    /// When anybody last said anything, by our clock.
    pub last_message_at: Option<Timestamp>,
    /// How many messages the client wrote.
    pub from_client: u32,
    /// How many messages the company's side wrote.
    pub from_company: u32,
}

/// Which side of a dialogue speaks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The client.
    Client,
    /// A manager or a machine.
    Company,
}

/// The projection.
#[derive(Clone, Debug, Default)]
pub struct Threads {
    threads: Map<ThreadId, Thread>,
}

impl Threads {
    /// A dialogue begins; one that is known already goes on.
    pub fn open(&mut self, thread: ThreadId, route: &RouteName, at: Timestamp) {
        self.threads.entry(thread).or_insert_with(|| Thread {
            route: route.clone(),
            opened_at: at,
            last_message_at: None,
            from_client: 0,
            from_company: 0,
        });
    }

    /// Something was said.
    pub fn speak(&mut self, thread: ThreadId, side: Side, at: Timestamp) {
        let Some(thread) = self.threads.get_mut(&thread) else { return };
        thread.last_message_at = thread.last_message_at.max(Some(at));
        match side {
            Side::Client => thread.from_client += 1,
            Side::Company => thread.from_company += 1,
        }
    }

    /// One dialogue.
    pub fn get(&self, thread: ThreadId) -> Option<&Thread> {
        self.threads.get(&thread)
    }

    /// All dialogues, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (ThreadId, &Thread)> {
        self.threads.iter().map(|(id, thread)| (*id, thread))
    }
}

impl Projection for Threads {
    const NAME: &'static str = "threads";
    const VERSION: u32 = 1;

    fn digest(&self) -> Digest {
        Digest::of_entries(Self::NAME, Self::VERSION, self.threads.iter())
    }

    fn len(&self) -> usize {
        self.threads.len()
    }
}
