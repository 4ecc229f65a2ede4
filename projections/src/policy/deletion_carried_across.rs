//! A message that was taken away on one side is gone on the other.
//!
//! A CRM that can change messages but not take them away shows in its place that it is gone (amoCRM contract, 14.6);
//! one that can do neither is told in words. A messenger is asked in any case; see [`super::edit_carried_across`].

use crate::change::There;
use crate::content::Content;
use crate::intent::{DeleteMessage, Intent};
use crate::state::State;
use crate::time::Timestamp;

use super::Decision;
use super::edit_carried_across::edited;
use super::told_in_words::{self, Told};

pub(super) fn decide(state: &State, there: &There, at: Timestamp) -> Option<Decision> {
    let policy = "deletion_carried_across";
    if told_in_words::must_be(state, there, |can| can.delete) {
        if !told_in_words::must_be(state, there, |can| can.edit) {
            return Some(Decision { policy, ..edited(state, there, Content::text(told_in_words::DELETED), at)? });
        }
        return told_in_words::decide(state, there, at, Told::Deleted);
    }
    let endpoint = state.bindings.current(there.thread, &there.connection)?;
    let intent =
        Intent::DeleteMessage(DeleteMessage { conversation: endpoint.address(), message: there.message.clone() });
    Some(Decision { policy, connection: there.connection.clone(), thread: there.thread, intent, carries: None })
}
