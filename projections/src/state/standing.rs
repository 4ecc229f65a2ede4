//! Where messages stand: what platforms report of them, and what their writers are told.
//!
//! Reports come in; a change goes out for every rise that somebody may want to hear of. States only rise; see
//! [`crate::delivery`].

use super::State;
use crate::bindings::Unreachable;
use crate::change::Change;
use crate::delivery::{MessageIndex, Rise};
use crate::fact::{DeliveryReported, DeliveryState, Failure, FailureKind, Message};
use crate::ids::ConnectionName;

impl State {
    /// A message of ours comes back, and says where it stands.
    pub(super) fn rise_by(&mut self, index: MessageIndex, message: &Message, changes: &mut Vec<Change>) {
        // A message that failed says so without a reason; the report beside it has one, and people want to hear it.
        if let Some(state) = message.state.filter(|state| *state != DeliveryState::Failed) {
            self.rise(index, state, None, changes);
        }
    }

    pub(super) fn report(
        &mut self,
        connection: &ConnectionName,
        reported: &DeliveryReported,
        changes: &mut Vec<Change>,
    ) {
        let rise = self.delivery.report(connection, &reported.message, reported.state, reported.failure.clone());
        self.tell(rise, changes);
    }

    pub(super) fn rise(
        &mut self,
        index: MessageIndex,
        state: DeliveryState,
        failure: Option<Failure>,
        changes: &mut Vec<Change>,
    ) {
        let rise = self.delivery.rise(index, state, failure);
        self.tell(rise, changes);
    }

    pub(super) fn tell(&self, rise: Option<Rise>, changes: &mut Vec<Change>) {
        if let Some(Rise { thread, origin, state, failure }) = rise {
            changes.push(Change::DeliveryRose { thread, origin, state, failure });
        }
    }
}

impl Unreachable {
    /// What the manager is told.
    pub(super) fn failure(self, typed: Option<&str>) -> Failure {
        let reason = match (self, typed) {
            (Self::NoPhone, None) => "the contact has no phone number to write to".to_owned(),
            (Self::NoPhone, Some(typed)) => format!("{typed:?} is not a phone number that can be written to"),
            (Self::NoMark, _) => {
                "the contact has neither a phone number nor an e-mail address to be found by".to_owned()
            }
            (Self::ClientOnly, _) => "in this messenger only the client can begin a conversation".to_owned(),
        };
        Failure { kind: FailureKind::CannotOpen, reason }
    }
}
