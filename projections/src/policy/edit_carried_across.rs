//! A message that was changed on one side says the same on the other.
//!
//! Where a CRM cannot change what it shows, its manager is told in words. A messenger that cannot is asked all the same,
//! so that the refusal and its reason stand on record: a client is not bothered with a second message.

use crate::change::There;
use crate::content::Content;
use crate::intent::{EditMessage, Intent};
use crate::state::State;
use crate::time::Timestamp;

use super::told_in_words::{self, Told};
use super::{Decision, in_pieces};

pub(super) fn decide(state: &State, there: &There, content: &Content, at: Timestamp) -> Option<Decision> {
    if told_in_words::must_be(state, there, |can| can.edit) {
        return told_in_words::decide(state, there, at, Told::Edited(content));
    }
    Some(Decision { policy: "edit_carried_across", ..edited(state, there, content.clone(), at)? })
}

/// The message at its place, saying this. What it answers does not change with it (amoCRM contract, 5.5). Of what went in
/// several messages the first bears the words; the files of the others stand there already.
pub(super) fn edited(state: &State, there: &There, content: Content, at: Timestamp) -> Option<Decision> {
    let endpoint = state.bindings.current(there.thread, &there.connection)?;
    let content = in_pieces(state, content, &there.connection).into_iter().next()?;
    let intent = Intent::EditMessage(EditMessage {
        conversation: endpoint.address(),
        message: there.message.clone(),
        content: Content { quote: None, ..content },
        at,
    });
    let connection = there.connection.clone();
    Some(Decision { policy: "edit_carried_across", connection, thread: there.thread, intent, carries: None })
}
