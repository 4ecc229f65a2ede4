//! The intents that came to no good end, kept until a person has decided: refused by a platform, or given up by us.
//!
//! Takes ends of attempts and what operators say; gives what is to be raised again. Nothing leaves by itself, and nothing
//! is decided here. Held *messages*, which may be our own doing coming back, are another matter: see [`crate::echoes`].

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::event::IntentRaised;
use crate::fact::Failure;
use crate::ids::{IntentId, ThreadId};
use crate::projection::{Digest, Map, Projection};
use crate::time::Timestamp;

/// An intent that waits for a person.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct HeldIntent {
    /// The intent as it was raised.
    #[serde(serialize_with = "by_its_parts")]
    pub raised: Arc<IntentRaised>,
    /// Since when.
    pub held_at: Timestamp,
    /// How many attempts were made.
    pub attempts: u32,
    /// Why it did not come to a good end.
    pub failure: Failure,
    /// Whether an earlier attempt may have done it all the same: made again, it may be there twice.
    pub in_doubt: bool,
}

/// The projection.
#[derive(Clone, Debug, Default)]
pub struct HeldIntents {
    held: Map<IntentId, HeldIntent>,
    /// How many were held ever, and how many of those an operator has settled.
    ever: u64,
    /// What an operator has had raised that should have been long before, by the ids that it would have had.
    raised_late: BTreeSet<IntentId>,
}

impl HeldIntents {
    /// An intent came to no good end.
    pub fn hold(&mut self, held: HeldIntent) {
        self.ever += 1;
        self.held.insert(held.raised.intent_id, held);
    }

    /// A held intent.
    pub fn get(&self, intent: IntentId) -> Option<&HeldIntent> {
        self.held.get(&intent)
    }

    /// An operator has decided on it: it is held no more. `None` if it is not held in this dialogue.
    pub fn release(&mut self, intent: IntentId, thread: ThreadId) -> Option<HeldIntent> {
        self.held.get(&intent).filter(|held| held.raised.thread == thread)?;
        self.held.remove(&intent)
    }

    /// What was never raised is raised now; `false` if it was before.
    pub fn raise_late(&mut self, intent: IntentId) -> bool {
        self.raised_late.insert(intent)
    }

    /// All held intents, the longest held first.
    pub fn in_order(&self) -> Vec<(IntentId, &HeldIntent)> {
        let mut held: Vec<_> = self.held.iter().map(|(id, held)| (*id, held)).collect();
        held.sort_unstable_by_key(|(id, held)| (held.held_at, *id));
        held
    }

    /// How many intents were ever held.
    pub const fn ever(&self) -> u64 {
        self.ever
    }
}

impl Projection for HeldIntents {
    const NAME: &'static str = "held";
    const VERSION: u32 = 2;

    fn digest(&self) -> Digest {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Entry<'a> {
            Held(&'a IntentId, &'a HeldIntent),
            Late(&'a IntentId),
        }
        let held = self.held.iter().map(|(id, held)| Entry::Held(id, held));
        Digest::of_entries(Self::NAME, Self::VERSION, held.chain(self.raised_late.iter().map(Entry::Late)))
    }

    fn len(&self) -> usize {
        self.held.len()
    }
}

fn by_its_parts<S: Serializer>(raised: &Arc<IntentRaised>, serializer: S) -> Result<S::Ok, S::Error> {
    IntentRaised::serialize(raised, serializer)
}
