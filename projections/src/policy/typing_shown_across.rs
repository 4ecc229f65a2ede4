//! That somebody writes is shown on the other side, where it can be shown, once for each span of writing.
//!
//! It is the one thing that is left out in silence where it cannot be shown: it is over before anybody could act on the
//! reason, and the log would hold little else.

use crate::ids::{ConnectionName, ThreadId};
use crate::intent::{Intent, ShowTyping, Speaker};
use crate::state::State;
use crate::threads::Side;
use crate::time::Timestamp;

use super::Decision;

pub(super) fn decide(
    state: &State,
    thread: ThreadId,
    connection: &ConnectionName,
    side: Side,
    since: Timestamp,
    until: Timestamp,
) -> Option<Decision> {
    let can = state.configuration.connections.get(connection)?.traits.can;
    // A conversation that is only being bound or opened has no name yet under which it could be shown.
    let endpoint = state.bindings.current(thread, connection).filter(|_| can.show_typing)?;
    let (speaker, author) = match side {
        Side::Client => (Speaker::Client, endpoint.client(state.contacts.of(thread))),
        Side::Company => (Speaker::Manager, crate::content::Person::default()),
    };
    let conversation = endpoint.address();
    let intent = Intent::ShowTyping(ShowTyping { conversation, speaker, author, since, until });
    let connection = connection.clone();
    Some(Decision { policy: "typing_shown_across", connection, thread, intent, carries: None })
}
