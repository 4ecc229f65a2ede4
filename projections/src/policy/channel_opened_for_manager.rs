//! A manager writes first: the channel's conversation is found or opened by the client's number or public name.

use crate::ids::{ConnectionName, ThreadId};
use crate::intent::{Address, Intent, OpenConversation};

use super::Decision;

pub(super) fn decide(thread: ThreadId, connection: &ConnectionName, address: &Address) -> Decision {
    Decision {
        policy: "channel_opened_for_manager",
        connection: connection.clone(),
        thread,
        intent: Intent::OpenConversation(OpenConversation { address: address.clone() }),
        carries: None,
    }
}
