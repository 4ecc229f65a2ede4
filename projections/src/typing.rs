//! Who is being shown as writing, and until when.
//!
//! Platforms repeat every few seconds that somebody is still writing. One that lasts is not news: it is told again only
//! when the last telling has run out, so that the log grows by one attempt for each span, not for each webhook.

use std::time::Duration;

use crate::ids::{ConnectionName, ThreadId};
use crate::projection::{Digest, Map, Projection};
use crate::time::Timestamp;

/// For how long writing is shown if the platform does not say (amoCRM contract, 5.8).
const LASTS: Duration = Duration::from_secs(5);

/// For how long it is shown at most, whatever a platform's clock says.
const LASTS_AT_MOST: Duration = Duration::from_secs(10);

/// The projection: by dialogue and by where they write.
#[derive(Clone, Debug, Default)]
pub struct Typing {
    shown: Map<(ThreadId, ConnectionName), Timestamp>,
}

impl Typing {
    /// Somebody writes. Until when it is to be shown; `None` if it is over already, or is being shown.
    pub fn begin(
        &mut self,
        thread: ThreadId,
        connection: &ConnectionName,
        claimed: Option<Timestamp>,
        at: Timestamp,
    ) -> Option<Timestamp> {
        let until = claimed.unwrap_or(at + LASTS).min(at + LASTS_AT_MOST);
        let place = (thread, connection.clone());
        let is_shown = self.shown.get(&place).is_some_and(|shown| *shown > at);
        if until <= at || is_shown {
            return None;
        }
        self.shown.insert(place, until);
        Some(until)
    }
}

impl Projection for Typing {
    const NAME: &'static str = "typing";
    const VERSION: u32 = 1;

    fn digest(&self) -> Digest {
        Digest::of_entries(Self::NAME, Self::VERSION, self.shown.iter())
    }

    fn len(&self) -> usize {
        self.shown.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ConversationId, RouteName};

    #[test]
    fn one_that_lasts_is_told_once_and_one_that_is_over_never() {
        let connection = ConnectionName::new("amo.main");
        let thread = ThreadId::first_seen(&RouteName::new("sales"), &connection, &ConversationId::new("1"));
        let second = |seconds: u64| Timestamp::from_millis(0) + Duration::from_secs(seconds);
        let mut typing = Typing::default();
        assert_eq!(typing.begin(thread, &connection, None, second(10)), Some(second(15)));
        assert_eq!(typing.begin(thread, &connection, Some(second(18)), second(13)), None);
        assert_eq!(typing.begin(thread, &connection, Some(second(20)), second(15)), Some(second(20)));
        assert_eq!(typing.begin(thread, &connection, Some(second(25)), second(30)), None);
        assert_eq!(typing.begin(thread, &connection, Some(second(9_000)), second(30)), Some(second(40)));
    }
}
