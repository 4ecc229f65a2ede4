//! A manager writes first to somebody who may be known in the channel: they are looked for by what the CRM knows of them.

use crate::ids::{ConnectionName, ThreadId};
use crate::intent::{ClientMark, FindClient, Intent};

use super::Decision;

pub(super) fn decide(thread: ThreadId, connection: &ConnectionName, by: &ClientMark) -> Decision {
    Decision {
        policy: "client_found_for_manager",
        connection: connection.clone(),
        thread,
        intent: Intent::FindClient(FindClient { by: by.clone() }),
        carries: None,
    }
}
