//! How long the adapter waits for what. The client keeps no deadline of its own, so every wait of ours is one of these.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

/// How long the adapter waits for what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// For one answer: to an append, or for the next event of a read. Above the server's own two seconds for a write.
    pub answer: Duration,
    /// For a node to be found and connected.
    pub connect: Duration,
    /// For a request as a whole, with all its repetitions: after it the caller is told. Below the five seconds that a
    /// platform waits for us.
    pub patience: Duration,
    /// For a sign of life from a subscription that reads history.
    pub silence: Duration,
    /// For news from a subscription that has none: after it, it is made anew from our own place. It costs little, and it
    /// ends a subscription that the server has forgotten.
    pub renewal: Duration,
    /// Before something is tried again, at first.
    pub first_pause: Duration,
    /// Before something is tried again, at most.
    pub longest_pause: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            answer: Duration::from_millis(2500),
            connect: Duration::from_millis(2500),
            patience: Duration::from_millis(4500),
            silence: Duration::from_secs(10),
            renewal: Duration::from_secs(20),
            first_pause: Duration::from_millis(20),
            longest_pause: Duration::from_secs(2),
        }
    }
}

impl Timing {
    /// The pauses between repetitions, for ever, no two programs in step.
    pub(super) fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        ExponentialBuilder::new()
            .with_min_delay(self.first_pause)
            .with_max_delay(self.longest_pause)
            .with_factor(2.0)
            .with_jitter()
            .without_max_times()
            .build()
    }
}
