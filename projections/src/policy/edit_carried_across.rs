//! A message that was changed on one side says the same on the other.
//!
//! Where a CRM cannot change what it shows, its manager is told in words. A messenger that cannot is asked all the same,
//! so that the refusal and its reason stand on record: a client is not bothered with a second message. What became several
//! messages is changed piece by piece: words for which there is no message yet are told, and a message for which no words
//! are left is taken away.

use crate::change::There;
use crate::configuration::Role;
use crate::content::Content;
use crate::fact::MessageKey;
use crate::intent::{EditMessage, Intent};
use crate::state::State;
use crate::time::Timestamp;

use super::deletion_carried_across::withdrawn;
use super::told_in_words::{self, Told};
use super::{Decision, in_pieces};

pub(super) fn decide(state: &State, there: &There, content: &Content, at: Timestamp) -> Vec<Decision> {
    if told_in_words::must_be(state, there, |can| can.edit) {
        return told_in_words::decide(state, there, at, Told::Edited(content)).into_iter().collect();
    }
    let pieces = in_pieces(state, content.clone(), &there.connection);
    // A client is never told in words.
    let is_crm = state.configuration.role_of(&there.connection) == Some(Role::Crm);
    let mut places = std::iter::once(&there.message).chain(&there.further);
    let mut decisions = Vec::new();
    for (place, piece) in pieces.into_iter().enumerate() {
        match places.next() {
            // The files of the others stand there already.
            Some(_) if place > 0 && piece.text.is_none() => {}
            Some(message) => decisions.extend(edited(state, there, message, piece, at)),
            None if !is_crm => {}
            None => decisions.extend(told_in_words::decide_piece(state, there, at, Told::Edited(&piece), place)),
        }
    }
    decisions.extend(places.flat_map(|message| withdrawn(state, there, message, at)));
    decisions
}

/// A message at its place, saying this. What it answers does not change with it (amoCRM contract, 5.5).
pub(super) fn edited(
    state: &State,
    there: &There,
    message: &MessageKey,
    content: Content,
    at: Timestamp,
) -> Option<Decision> {
    let endpoint = state.bindings.current(there.thread, &there.connection)?;
    let intent = Intent::EditMessage(EditMessage {
        conversation: endpoint.address(),
        message: message.clone(),
        content: Content { quote: None, ..content },
        at,
    });
    let connection = there.connection.clone();
    Some(Decision { policy: "edit_carried_across", connection, thread: there.thread, intent, carries: None })
}
