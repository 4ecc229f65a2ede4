//! What people want to be warned of and nobody else keeps: when each connection last said something, and since when the
//! oldest intent of each waits.
//!
//! Takes the steps of the log, those of the past included, so that a restart forgets nothing; gives moments, from which
//! whoever scrapes reckons ages. Whatever an age were told as would stand still while nothing happens, which is the very
//! time when it matters.

use std::collections::{BTreeMap, HashMap};

use chatledger_projections::event::Happening;
use chatledger_projections::ids::{ConnectionName, IntentId};
use chatledger_projections::recorded::Recorded;
use chatledger_projections::time::Timestamp;

use crate::metrics;

/// Knows when connections were heard, and what waits.
#[derive(Debug, Default)]
pub struct Watch {
    heard: BTreeMap<ConnectionName, Timestamp>,
    open: HashMap<IntentId, (ConnectionName, u64)>,
    /// Of each connection, what waits, in the order of raising.
    waiting: BTreeMap<ConnectionName, BTreeMap<u64, Timestamp>>,
    raised: u64,
}

impl Watch {
    /// Takes in a step of the log.
    pub fn see(&mut self, happening: &Recorded<Happening>) {
        let at = happening.recorded_at;
        match &happening.event {
            Happening::Observed { connection, .. } => {
                let heard = self.heard.entry(connection.clone()).or_insert(at);
                // What waited in a spool comes to the log later than what did not.
                *heard = (*heard).max(at);
            }
            Happening::Raised(raised) => {
                self.raised += 1;
                self.open.insert(raised.intent_id, (raised.connection.clone(), self.raised));
                self.waiting.entry(raised.connection.clone()).or_default().insert(self.raised, at);
            }
            Happening::Settled { settled, .. } if settled.ends_intent() => {
                if let Some((connection, place)) = self.open.remove(&settled.intent_id)
                    && let Some(waiting) = self.waiting.get_mut(&connection)
                {
                    waiting.remove(&place);
                }
            }
            Happening::Settled { .. }
            | Happening::Started(_)
            | Happening::Configured(_)
            | Happening::Instructed(_)
            | Happening::Advanced(_)
            | Happening::Polled(_)
            | Happening::Arranged(_) => {}
        }
    }

    /// When a connection last said something, by our clock.
    pub fn heard(&self, connection: &ConnectionName) -> Option<Timestamp> {
        self.heard.get(connection).copied()
    }

    /// Since when the oldest intent of a connection waits that is not done.
    pub fn oldest(&self, connection: &ConnectionName) -> Option<Timestamp> {
        self.waiting.get(connection)?.values().next().copied()
    }

    /// Puts it on the page of metrics.
    pub fn tell<'a>(&self, connections: impl IntoIterator<Item = &'a ConnectionName>) {
        for connection in connections {
            metrics::heard(connection, self.heard(connection));
            metrics::oldest_intent(connection, self.oldest(connection));
        }
    }
}

#[cfg(test)]
mod tests {
    use chatledger_projections::event::{AttemptSettled, IntentRaised};
    use chatledger_projections::ids::{ConversationId, EventId, ThreadId};
    use chatledger_projections::intent::{Intent, LookUpConversation};
    use chatledger_projections::outcome::{AttemptKind, Outcome};
    use chatledger_projections::recorded::{Position, Revision, StreamName};

    use super::*;

    fn at(seconds: i64, event: Happening) -> Recorded<Happening> {
        Recorded {
            id: EventId::derived(&[&seconds.to_be_bytes()]),
            stream: StreamName::named("any"),
            revision: Revision::FIRST,
            position: Position::new(1),
            recorded_at: Timestamp::from_millis(seconds * 1000),
            event,
        }
    }

    fn raised(nth: u32) -> (IntentId, Happening) {
        let cause = EventId::derived(&[b"cause"]);
        let intent_id = IntentId::derived(cause, "policy", nth);
        let raised = IntentRaised {
            intent_id,
            cause,
            policy: "policy".to_owned(),
            connection: ConnectionName::new("pact.sales"),
            thread: ThreadId::from_uuid(uuid::Uuid::from_u128(1)),
            intent: Intent::LookUpConversation(LookUpConversation { conversation: ConversationId::new("1") }),
            carries: None,
        };
        (intent_id, Happening::Raised(raised))
    }

    fn settled(intent_id: IntentId, outcome: Outcome) -> Happening {
        let settled = AttemptSettled {
            intent_id,
            attempt: 1,
            kind: AttemptKind::Act,
            connection: ConnectionName::new("pact.sales"),
            platform: "pact".to_owned(),
            call: "conversation_v2".to_owned(),
            outcome,
            refusal: None,
            page: None,
            reply: None,
            findings: Vec::new(),
        };
        Happening::Settled { settled, facts: Vec::new() }
    }

    #[test]
    fn the_oldest_intent_is_the_one_that_was_raised_first_and_is_not_done() {
        let mut watch = Watch::default();
        let sales = ConnectionName::new("pact.sales");
        assert_eq!(watch.oldest(&sales), None);
        let ((one, first), (two, second)) = (raised(1), raised(2));
        watch.see(&at(10, first));
        watch.see(&at(20, second));
        watch.see(&at(30, settled(one, Outcome::Postponed { until: None, reason: "busy".to_owned() })));
        assert_eq!(watch.oldest(&sales), Timestamp::from_seconds(10));
        watch.see(&at(40, settled(one, Outcome::Accepted)));
        assert_eq!(watch.oldest(&sales), Timestamp::from_seconds(20));
        watch.see(&at(50, settled(two, Outcome::Accepted)));
        assert_eq!(watch.oldest(&sales), None);
    }

    #[test]
    fn a_webhook_from_the_spool_does_not_make_a_connection_seem_silent() {
        let mut watch = Watch::default();
        let crm = ConnectionName::new("amo.main");
        for seconds in [50, 20] {
            watch.see(&at(seconds, Happening::Observed { connection: crm.clone(), facts: Vec::new() }));
        }
        assert_eq!(watch.heard(&crm), Timestamp::from_seconds(50));
        assert_eq!(watch.heard(&ConnectionName::new("pact.sales")), None);
    }
}
