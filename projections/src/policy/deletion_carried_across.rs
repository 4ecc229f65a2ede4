//! A message that was taken away on one side is gone on the other, with every piece that it became there.
//!
//! A CRM that can change messages but not take them away shows in its place that it is gone (amoCRM contract, 14.6);
//! one that can do neither is told in words. A messenger is asked in any case; see [`super::edit_carried_across`].

use crate::change::There;
use crate::content::Content;
use crate::fact::MessageKey;
use crate::intent::{DeleteMessage, Intent};
use crate::state::State;
use crate::time::Timestamp;

use super::Decision;
use super::edit_carried_across::edited;
use super::told_in_words::{self, Told};

pub(super) fn decide(state: &State, there: &There, at: Timestamp) -> Vec<Decision> {
    let cannot = |ability: fn(&crate::configuration::Abilities) -> bool| told_in_words::must_be(state, there, ability);
    if cannot(|can| can.delete) && cannot(|can| can.edit) {
        return told_in_words::decide(state, there, at, Told::Deleted).into_iter().collect();
    }
    let messages = std::iter::once(&there.message).chain(&there.further);
    messages.flat_map(|message| withdrawn(state, there, message, at)).collect()
}

/// One message taken away, or changed into a note that it is gone.
pub(super) fn withdrawn(state: &State, there: &There, message: &MessageKey, at: Timestamp) -> Option<Decision> {
    let policy = "deletion_carried_across";
    if told_in_words::must_be(state, there, |can| can.delete) {
        let gone = Content::text(told_in_words::DELETED);
        return Some(Decision { policy, ..edited(state, there, message, gone, at)? });
    }
    let endpoint = state.bindings.current(there.thread, &there.connection)?;
    let intent = Intent::DeleteMessage(DeleteMessage { conversation: endpoint.address(), message: message.clone() });
    Some(Decision { policy, connection: there.connection.clone(), thread: there.thread, intent, carries: None })
}
