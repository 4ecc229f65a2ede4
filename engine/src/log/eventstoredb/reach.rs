//! One server as everything here reaches it: who we are, what our streams are called there, and one call with a deadline
//! of our own.

use std::time::Instant;

use chatledger_projections::ids::EventId;
use chatledger_projections::recorded::{Position, Revision, StreamName};
use eventstore::{Client, RecordedEvent};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::timeout;

use super::answer::{Health, NoAnswer, Proof, sort};
use super::credentials::Credentials;
use super::known::Known;
use super::slot::{NoClient, Slot};
use super::timing::Timing;
use crate::log::StoredEvent;

/// How many calls are under way at once. A server takes a hundred on one connection and lets further ones wait unseen.
const CALLS_AT_ONCE: usize = 64;

/// The highest number that the server can count to; what is beyond, it takes for something else.
pub(super) const HIGHEST: u64 = i64::MAX as u64;

/// One server.
#[derive(Debug)]
pub(super) struct Reach {
    pub(super) prefix: String,
    /// Ours, whose debugging form shows no password; the client's does.
    pub(super) credentials: Option<Credentials>,
    pub(super) timing: Timing,
    /// For calls, which come and go.
    pub(super) calls: Slot,
    /// For subscriptions, which stay: they must not take the calls' places on their connection.
    pub(super) subscriptions: Slot,
    pub(super) known: Known,
    /// Filled once the log's end has been looked at.
    pub(super) begun: OnceCell<()>,
    turns: Semaphore,
}

impl Reach {
    pub(super) fn new(
        prefix: String,
        credentials: Option<Credentials>,
        timing: Timing,
        settings: &eventstore::ClientSettings,
    ) -> Self {
        Self {
            prefix,
            credentials,
            timing,
            calls: Slot::new(settings.clone(), timing),
            subscriptions: Slot::new(settings.clone(), timing),
            known: Known::default(),
            begun: OnceCell::new(),
            turns: Semaphore::new(CALLS_AT_ONCE),
        }
    }

    /// Makes one call, once, with the deadline that the client itself does not keep.
    pub(super) async fn call<T, F, Fut>(&self, call: F) -> Result<T, Proof>
    where
        F: FnOnce(Client) -> Fut,
        Fut: Future<Output = eventstore::Result<T>>,
    {
        let _turn = self.turns.acquire().await.expect("nobody closes it");
        let lease = self.calls.lease().await.map_err(no_client)?;
        match timeout(self.timing.answer, call(lease.client)).await {
            Ok(Ok(answer)) => {
                self.calls.went(lease.generation, Health::Sound);
                Ok(answer)
            }
            Ok(Err(error)) => {
                let (proof, health) = sort(error);
                self.calls.went(lease.generation, health);
                Err(proof)
            }
            Err(_) => {
                self.calls.went(lease.generation, Health::Doubtful);
                Err(Proof::Unknown(NoAnswer.into()))
            }
        }
    }

    /// What one of our streams is called at the server.
    pub(super) fn name_of(&self, stream: &StreamName) -> String {
        format!("{}{stream}", self.prefix)
    }

    /// An event of ours as the port gives it; `None` if it stands in a stream that is not ours.
    pub(super) fn stored(&self, event: &RecordedEvent) -> Option<StoredEvent> {
        let stream = event.stream_id.strip_prefix(&self.prefix)?;
        Some(StoredEvent {
            id: EventId::from_uuid(event.id),
            stream: StreamName::named(stream),
            revision: Revision::new(event.revision),
            position: Position::pair(event.position.commit, event.position.prepare),
            event_type: event.event_type.clone(),
            data: event.data.to_vec(),
            metadata: event.custom_metadata.to_vec(),
        })
    }
}

/// Nothing was sent, and may be later; but an old server stays old.
pub(super) fn no_client(none: NoClient) -> Proof {
    match none {
        NoClient::TooOld(_) => Proof::Refused(none.into()),
        NoClient::Unreachable(_) | NoClient::Lately => Proof::NotDone(none.into()),
    }
}

/// A request's repetitions: until its patience is at an end, with growing pauses.
pub(super) struct Repetition {
    until: Instant,
    pauses: Box<dyn Iterator<Item = std::time::Duration> + Send>,
}

impl Repetition {
    pub(super) fn new(timing: &Timing) -> Self {
        Self { until: Instant::now() + timing.patience, pauses: Box::new(timing.pauses()) }
    }

    /// Begins anew: something was achieved.
    pub(super) fn renew(&mut self, timing: &Timing) {
        *self = Self::new(timing);
    }

    /// Waits before the next try; `false` if there is none.
    pub(super) async fn pause(&mut self) -> bool {
        let pause = self.pauses.next().unwrap_or_default();
        if Instant::now() + pause >= self.until {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }
}
