//! Somebody wrote in a conversation that we know nothing of: ask whose it is before showing it to a manager.

use crate::ids::{ConnectionName, ConversationId, ThreadId};
use crate::intent::{Intent, LookUpConversation};

use super::Decision;

pub(super) fn decide(thread: ThreadId, connection: &ConnectionName, conversation: &ConversationId) -> Decision {
    Decision {
        policy: "unknown_conversation_looked_up",
        connection: connection.clone(),
        thread,
        intent: Intent::LookUpConversation(LookUpConversation { conversation: conversation.clone() }),
        carries: None,
    }
}
