//! Places under an account's limits, for calls that the dispatcher does not hand out: those that ask for news, and those
//! that lost their place while the log did not take their start.
//!
//! Whoever wants one asks the task that owns the limits, and asks again when it was told to. Nothing here counts.

use std::time::Duration;

use chatledger_projections::ids::ConnectionName;
use chatledger_projections::time::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// How many wishes for a place wait at most; then those who wish do.
const WANTED_AT_MOST: usize = 64;

/// Someone wants a place for a call, under the limit of its class.
#[derive(Debug)]
pub struct PlaceWanted {
    /// At which connection.
    pub connection: ConnectionName,
    /// Of which class.
    pub class: &'static str,
    /// Whether there is one now, or when to ask again.
    pub answer: oneshot::Sender<Result<(), Timestamp>>,
}

/// Where places are asked for.
#[derive(Clone, Debug)]
pub struct Places(mpsc::Sender<PlaceWanted>);

impl Places {
    /// Where to ask, and where the one who owns the limits hears of it.
    pub fn new() -> (Self, mpsc::Receiver<PlaceWanted>) {
        let (wanted, heard) = mpsc::channel(WANTED_AT_MOST);
        (Self(wanted), heard)
    }

    /// Waits for a place; `false` if it is time to stop, or nobody gives places any more.
    pub async fn take(
        &self,
        connection: &ConnectionName,
        class: &'static str,
        clock: &dyn Clock,
        stop: &CancellationToken,
    ) -> bool {
        let permitted = async {
            loop {
                let (answer, answered) = oneshot::channel();
                self.0.send(PlaceWanted { connection: connection.clone(), class, answer }).await.ok()?;
                match answered.await.ok()? {
                    Ok(()) => return Some(()),
                    Err(later) => {
                        tokio::time::sleep(later.since(clock.now()).max(Duration::from_millis(1))).await;
                    }
                }
            }
        };
        tokio::select! {
            // Told to stop, it does not take a place that happens to be free.
            biased;
            () = stop.cancelled() => false,
            permitted = permitted => permitted.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[tokio::test]
    async fn whoever_is_told_to_wait_asks_again_then_and_not_before() {
        let (places, mut wanted) = Places::new();
        let stop = CancellationToken::new();
        let pact = ConnectionName::new("pact.sales");
        let asking = places.take(&pact, "send", &SystemClock, &stop);
        let giving = async {
            let first = wanted.recv().await.expect("it is wanted");
            assert_eq!((&first.connection, first.class), (&pact, "send"));
            let open = SystemClock.now() + Duration::from_millis(30);
            first.answer.send(Err(open)).expect("it is waited for");
            let second = wanted.recv().await.expect("it is wanted again");
            let asked_at = SystemClock.now();
            second.answer.send(Ok(())).expect("it is waited for");
            (open, asked_at)
        };
        let (taken, (open, asked_at)) = tokio::join!(asking, giving);
        assert!(taken && asked_at >= open, "{asked_at} is before {open}");
    }

    #[tokio::test]
    async fn nobody_waits_for_a_place_once_it_is_time_to_stop() {
        let (places, _wanted) = Places::new();
        let stop = CancellationToken::new();
        stop.cancel();
        assert!(!places.take(&ConnectionName::new("pact.sales"), "send", &SystemClock, &stop).await);
    }

    #[tokio::test]
    async fn nobody_waits_for_a_place_that_nobody_gives() {
        let (places, wanted) = Places::new();
        drop(wanted);
        let stop = CancellationToken::new();
        assert!(!places.take(&ConnectionName::new("pact.sales"), "send", &SystemClock, &stop).await);
    }
}
