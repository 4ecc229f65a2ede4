//! Messages that were heard of and belong to no dialogue yet: what they said, and with which event they came.
//!
//! The fold keeps them until it knows their dialogue, and tells no change then that says all of them again.

use std::collections::VecDeque;

use chatledger_projections::delivery::Origin;
use chatledger_projections::fact::Message;
use chatledger_projections::projection::Map;
use chatledger_projections::threads::Side;

use crate::reading::row::Seq;

/// How many are remembered; beyond that the oldest gives way, and is shown without its words should it be placed after all.
const AT_MOST: usize = 8192;

/// A message that was heard of.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// With which event.
    pub seq: Seq,
    /// When.
    pub at: i64,
    /// On which side it was written.
    pub side: Side,
    /// What it said.
    pub message: Box<Message>,
}

/// The messages.
#[derive(Debug, Default)]
pub(super) struct Unplaced {
    heard: Map<Origin, Heard>,
    in_order: VecDeque<Origin>,
}

impl Unplaced {
    /// Remembers a message; the first hearing counts.
    pub fn remember(&mut self, origin: Origin, heard: Heard) {
        if self.heard.contains_key(&origin) {
            return;
        }
        if self.in_order.len() >= AT_MOST
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.heard.remove(&oldest);
        }
        self.in_order.push_back(origin.clone());
        self.heard.insert(origin, heard);
    }

    /// A message was placed.
    pub fn take(&mut self, origin: &Origin) -> Option<Heard> {
        let heard = self.heard.remove(origin)?;
        self.in_order.retain(|waiting| waiting != origin);
        Some(heard)
    }
}
