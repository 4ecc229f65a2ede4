//! A reaction under a message on one side stands under it on the other.
//!
//! A CRM that shows no reactions is told in words. A messenger is asked in any case; see [`super::edit_carried_across`].

use crate::change::There;
use crate::intent::{Intent, SetReaction, Speaker};
use crate::state::State;
use crate::threads::Side;
use crate::time::Timestamp;

use super::Decision;
use super::told_in_words::{self, Told};

pub(super) fn decide(state: &State, there: &There, side: Side, emoji: Option<&str>, at: Timestamp) -> Option<Decision> {
    if told_in_words::must_be(state, there, |can| can.react) {
        return told_in_words::decide(state, there, at, Told::Reacted { side, emoji });
    }
    let endpoint = state.bindings.current(there.thread, &there.connection)?;
    let (speaker, author) = match side {
        Side::Client => (Speaker::Client, endpoint.client(state.contacts.of(there.thread))),
        // Who of the company it was on the other side means nothing here.
        Side::Company => (Speaker::Manager, crate::content::Person::default()),
    };
    let intent = Intent::SetReaction(SetReaction {
        conversation: endpoint.address(),
        message: there.message.clone(),
        speaker,
        author,
        emoji: emoji.map(str::to_owned),
    });
    let connection = there.connection.clone();
    Some(Decision { policy: "reaction_carried_across", connection, thread: there.thread, intent, carries: None })
}
