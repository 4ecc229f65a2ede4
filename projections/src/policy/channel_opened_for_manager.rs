//! A manager writes first: the channel's conversation is found or opened by the client's number.

use crate::ids::{ConnectionName, ThreadId};
use crate::intent::{Intent, OpenConversation};
use crate::phone::PhoneNumber;

use super::Decision;

pub(super) fn decide(thread: ThreadId, connection: &ConnectionName, phone: &PhoneNumber) -> Decision {
    Decision {
        policy: "channel_opened_for_manager",
        connection: connection.clone(),
        thread,
        intent: Intent::OpenConversation(OpenConversation { phone: phone.clone() }),
        carries: None,
    }
}
