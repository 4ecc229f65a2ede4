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
