//! What operators say of held intents. Their word in; a change for the policy, or an anomaly, out.

use crate::change::{Anomaly, AnomalyKind, Change};
use crate::event::IntentRaised;
use crate::held::HeldIntent;
use crate::ids::{IntentId, ThreadId};
use crate::intent::Destination;
use crate::policy::held_intent_retried::at_another_place;

use super::{Moment, State};

impl State {
    /// A held intent is to be tried again, for another receiver if one is given. What cannot go there stays held.
    pub(super) fn retry_held(
        &mut self,
        moment: Moment,
        thread: ThreadId,
        intent: IntentId,
        to: Option<&Destination>,
        changes: &mut Vec<Change>,
    ) {
        let goes_there =
            |to| self.held.get(intent).is_some_and(|held| at_another_place(&held.raised.intent, to).is_some());
        if !to.is_none_or(goes_there) {
            changes.push(not_held(moment, format!("{intent} is not held, or cannot go there")));
            return;
        }
        changes.push(match self.held.release(intent, thread) {
            Some(held) => {
                self.hope_again(&held.raised);
                Change::HeldReleased { held: held.raised, to: to.cloned() }
            }
            None => not_held(moment, format!("{intent} is to be tried again")),
        });
    }

    /// What should have been raised is to be raised, once however often that is said.
    pub(super) fn raise_missed(&mut self, moment: Moment, missed: &IntentRaised, changes: &mut Vec<Change>) {
        let intent = missed.intent_id;
        let is_news = self.attempts.get(intent).is_none() && self.held.get(intent).is_none();
        changes.push(if is_news && self.held.raise_late(intent) {
            Change::MissedFound { missed: Box::new(missed.clone()) }
        } else {
            not_held(moment, format!("{intent} is to be raised, and has been"))
        });
    }

    /// What carries a message is tried again. Of one that went in pieces, every piece that failed must be, before the
    /// whole can arrive.
    fn hope_again(&mut self, raised: &IntentRaised) {
        let Some((index, _)) = raised.carries.as_ref().and_then(|origin| self.delivery.written(origin)) else { return };
        let is_held =
            |held: &HeldIntent| held.raised.carries == raised.carries && held.raised.connection == raised.connection;
        if !self.held.in_order().into_iter().any(|(_, held)| is_held(held)) {
            self.delivery.retried(index);
        }
    }

    /// A held intent is to be held no more.
    pub(super) fn skip_held(&mut self, moment: Moment, thread: ThreadId, intent: IntentId, changes: &mut Vec<Change>) {
        if self.held.release(intent, thread).is_none() {
            changes.push(not_held(moment, format!("{intent} is to be skipped")));
        }
    }
}

fn not_held(moment: Moment, detail: String) -> Change {
    Change::Anomaly(Anomaly { anomaly: AnomalyKind::NotHeld, event: moment.event, connection: None, detail })
}
