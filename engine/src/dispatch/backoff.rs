//! How long to wait before the next attempt: longer each time, up to a cap, never twice the same.
//!
//! Pure: the jitter comes from the intent's own id, so that a replayed schedule is the same schedule and a thousand
//! intents that failed together do not come back together.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use chatledger_projections::ids::IntentId;

/// A schedule of delays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// The shortest first delay.
    pub first: Duration,
    /// What no delay exceeds by more than its jitter.
    pub cap: Duration,
}

impl Backoff {
    /// The delay after this many failed attempts (from one): exponential, with up to as much again of jitter.
    pub fn delay(&self, intent: IntentId, failed: u32) -> Duration {
        let (high, low) = intent.as_uuid().as_u64_pair();
        let schedule = ExponentialBuilder::new()
            .with_min_delay(self.first)
            .with_max_delay(self.cap)
            .with_factor(2.0)
            .with_jitter()
            .with_jitter_seed(high ^ low ^ u64::from(failed))
            .without_max_times();
        // Beyond this many doublings the cap has long been reached.
        let nth = usize::try_from(failed.clamp(1, 64) - 1).expect("it is at most 63");
        schedule.build().nth(nth).unwrap_or(self.cap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn delays_grow_up_to_the_cap_and_differ_between_intents() {
        let backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(60) };
        let one = IntentId::from_uuid(Uuid::from_u128(1));
        let other = IntentId::from_uuid(Uuid::from_u128(2));
        for failed in 1..100 {
            let delay = backoff.delay(one, failed);
            let doubled = Duration::from_secs(1_u64 << u64::from(failed - 1).min(6)).min(Duration::from_secs(60));
            assert!(delay >= doubled && delay <= doubled * 2, "{failed}: {delay:?}");
            assert_eq!(delay, backoff.delay(one, failed));
        }
        assert_ne!(backoff.delay(one, 3), backoff.delay(other, 3));
    }
}
