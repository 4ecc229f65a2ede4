//! Where a manager's message stands is told to the CRM: delivered, read, or failed and why.
//!
//! Only rises are told, so the CRM hears each state once and never a lower one after a higher.

use crate::delivery::Origin;
use crate::fact::{DeliveryState, Failure};
use crate::ids::ThreadId;
use crate::intent::{Intent, ReportDelivery};
use crate::state::State;

use super::Decision;

pub(super) fn decide(
    state: &State,
    thread: ThreadId,
    origin: &Origin,
    stands: DeliveryState,
    failure: Option<&Failure>,
) -> Option<Decision> {
    match stands {
        DeliveryState::Failed | DeliveryState::Delivered | DeliveryState::Read => {}
        // The CRM assumes "sent" by itself and has no call for it (amoCRM contract, 5.6).
        DeliveryState::Raised | DeliveryState::Sent => return None,
    }
    let wants =
        state.configuration.connections.get(&origin.connection).is_some_and(|known| known.traits.wants_delivery);
    wants.then(|| Decision {
        policy: "delivery_reported_to_crm",
        connection: origin.connection.clone(),
        thread,
        intent: Intent::ReportDelivery(ReportDelivery {
            message: origin.message.clone(),
            state: stands,
            failure: failure.cloned(),
        }),
        carries: None,
    })
}
