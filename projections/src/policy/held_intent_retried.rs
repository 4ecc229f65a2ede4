//! What was held is tried again because an operator says so, as it was or at another place.
//!
//! It is a new intent, with an id of its own and the operator's word as its cause; what it says, and our id of the message,
//! are the same, so that a platform which honours that id does nothing twice.

use crate::event::IntentRaised;
use crate::intent::{Address, Destination, Intent};

use super::Decision;

pub(super) fn decide(held: &IntentRaised, to: Option<&Destination>) -> Option<Decision> {
    Some(Decision {
        policy: "held_intent_retried",
        connection: held.connection.clone(),
        thread: held.thread,
        intent: match to {
            Some(to) => at_another_place(&held.intent, to)?,
            None => held.intent.clone(),
        },
        carries: held.carries.clone(),
    })
}

/// The same intent for another receiver; `None` if it has none that a person could name.
pub fn at_another_place(intent: &Intent, to: &Destination) -> Option<Intent> {
    match (intent, to) {
        (Intent::SendMessage(send), to) => {
            let mut send = send.clone();
            send.to = to.clone();
            Some(Intent::SendMessage(send))
        }
        (Intent::OpenConversation(open), Destination::Phone(phone)) => {
            let mut open = open.clone();
            open.address = Address::Phone(phone.clone());
            Some(Intent::OpenConversation(open))
        }
        (Intent::OpenConversation(open), Destination::Username(username)) => {
            let mut open = open.clone();
            open.address = Address::Username(username.clone());
            Some(Intent::OpenConversation(open))
        }
        (Intent::OpenConversation(_), Destination::Conversation(_) | Destination::Client(_))
        | (
            Intent::FindClient(_)
            | Intent::ClaimConversation(_)
            | Intent::ReportDelivery(_)
            | Intent::LookUpConversation(_)
            | Intent::SetReaction(_)
            | Intent::EditMessage(_)
            | Intent::DeleteMessage(_)
            | Intent::ShowTyping(_),
            _,
        ) => None,
    }
}
