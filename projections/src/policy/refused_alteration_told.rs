//! What the CRM refused to change, to take away or to show under a message is told to its managers in words.

use crate::change::{Refused, There};
use crate::state::State;
use crate::time::Timestamp;

use super::Decision;
use super::told_in_words::{self, Told};

pub(super) fn decide(state: &State, there: &There, refused: &Refused, at: Timestamp) -> Option<Decision> {
    let told = match refused {
        // Where nothing can be taken away, the edit was a deletion; see `deletion_carried_across`.
        Refused::Edit { content } if content.text.as_deref() == Some(told_in_words::DELETED) => Told::Deleted,
        Refused::Edit { content } => Told::Edited(content),
        Refused::Deletion => Told::Deleted,
        Refused::Reaction { side, emoji } => Told::Reacted { side: *side, emoji: emoji.as_deref() },
    };
    let decision = told_in_words::decide(state, there, at, told)?;
    Some(Decision { policy: "refused_alteration_told", ..decision })
}
