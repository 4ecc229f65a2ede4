//! The rate limits of one connection: may this call leave now, and if not, when?
//!
//! A pure state machine on a clock that is set by whoever asks. It is strict: no window of a quota's length, wherever
//! one lays it, ever holds more calls than the quota allows (bursts included), which `governor` alone does not promise.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chatledger_connectors::connector::{Limit, Quota};
use chatledger_projections::time::Timestamp;
use governor::clock::{Clock, Reference};
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota as Rate, RateLimiter};

/// The limits of one connection, by class of call.
#[derive(Debug)]
pub struct Limits {
    classes: BTreeMap<&'static str, Vec<Limiter>>,
}

impl Limits {
    /// Limits that allow exactly these quotas.
    pub fn new(limits: &[Limit]) -> Self {
        let limiters = |limit: &Limit| (limit.class, limit.quotas.iter().map(Limiter::new).collect());
        Self { classes: limits.iter().map(limiters).collect() }
    }

    /// Takes a place for a call of this class, under all its quotas at once, or says when there will be one.
    /// A class without a quota is free.
    pub fn permit(&mut self, class: &str, now: Timestamp) -> Result<(), Timestamp> {
        let Some(limiters) = self.classes.get_mut(class) else { return Ok(()) };
        limiters.iter_mut().for_each(|limiter| limiter.pay(now));
        // Asking takes; so nobody is asked before all are certain to say yes.
        match limiters.iter().map(|limiter| limiter.open_from).max() {
            Some(open) if open > now => Err(open),
            Some(_) | None => limiters.iter_mut().try_for_each(|limiter| limiter.take(now)),
        }
    }

    /// How each quota is used: the class, how many calls it allows in which span, and how many were made in the last one.
    pub fn used(&self, now: Timestamp) -> impl Iterator<Item = (&'static str, u32, Duration, u32)> {
        self.classes.iter().flat_map(move |(class, limiters)| {
            limiters.iter().map(move |limiter| (*class, limiter.owed_at_most, limiter.per, limiter.used(now)))
        })
    }

    /// A call was made at this moment or earlier, permitted or not: it takes a place in any case.
    pub fn recall(&mut self, class: &str, at: Timestamp) {
        for limiter in self.classes.get_mut(class).into_iter().flatten() {
            limiter.recall(at);
        }
    }
}

/// One quota, enforced by the generic cell rate algorithm.
struct Limiter {
    rate: RateLimiter<NotKeyed, InMemoryState, MovedClock, StateInformationMiddleware>,
    clock: MovedClock,
    /// The time between two calls once the burst is spent.
    interval: Duration,
    /// From when on a call is certain to be allowed, if none is owed.
    open_from: Timestamp,
    /// Calls that were made and have not been given their place yet: it comes before any new one.
    owed: u32,
    /// Older calls than these are out of sight of any window.
    owed_at_most: u32,
    /// The span of the quota.
    per: Duration,
    /// When the last calls were made, as many as a span may hold: for people, and for nothing else.
    made: VecDeque<Timestamp>,
}

impl Limiter {
    fn new(quota: &Quota) -> Self {
        // With a burst b and an interval t, a window of length w holds at most b + ceil(w / t) - 1 calls; that is n
        // for t = w / (n - b + 1). Rounded up to whole milliseconds, which only makes it stricter.
        let gaps = u128::from(quota.calls.get() - quota.burst.get() + 1);
        let interval =
            Duration::from_millis(u64::try_from(quota.per.as_millis().div_ceil(gaps)).unwrap_or(u64::MAX).max(1));
        let rate = Rate::with_period(interval).expect("the interval is at least a millisecond");
        let clock = MovedClock::default();
        let limiter = RateLimiter::direct_with_clock(rate.allow_burst(quota.burst), clock.clone());
        let open_from = Timestamp::from_millis(i64::MIN);
        let owed_at_most = quota.calls.get();
        let (per, made) = (quota.per, VecDeque::new());
        Self { rate: limiter.with_middleware(), clock, interval, open_from, owed: 0, owed_at_most, per, made }
    }

    /// How many calls were made in the last span.
    fn used(&self, now: Timestamp) -> u32 {
        let in_span = self.made.iter().rev().take_while(|made| now.since(**made) < self.per).count();
        u32::try_from(in_span).unwrap_or(u32::MAX)
    }

    fn recall(&mut self, at: Timestamp) {
        self.pay(at);
        if self.owed > 0 || self.take(at).is_err() {
            self.owed = (self.owed + 1).min(self.owed_at_most);
        }
    }

    /// Gives what is owed its places, each at the earliest moment there was one.
    fn pay(&mut self, now: Timestamp) {
        while self.owed > 0 && self.open_from <= now {
            if self.take(self.open_from).is_ok() {
                self.owed -= 1;
            }
        }
    }

    fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.clock.set(now);
        match self.rate.check() {
            Ok(snapshot) => {
                let spent = snapshot.remaining_burst_capacity() == 0;
                self.open_from = if spent { now + self.interval } else { now };
                if self.made.len() >= self.owed_at_most as usize {
                    self.made.pop_front();
                }
                self.made.push_back(now);
                Ok(())
            }
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.clock.now());
                // Whole milliseconds, rounded up: asking a moment too early would only ask again.
                self.open_from = now + wait + Duration::from_micros(999);
                Err(self.open_from)
            }
        }
    }
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut limiter = formatter.debug_struct("Limiter");
        limiter.field("interval", &self.interval).field("open_from", &self.open_from).finish_non_exhaustive()
    }
}

/// A clock that shows what it was last set to. It never goes back: a clock that does must not open a window anew.
#[derive(Clone, Debug, Default)]
struct MovedClock(Arc<AtomicU64>);

impl MovedClock {
    fn set(&self, now: Timestamp) {
        let nanos = u64::try_from(now.as_millis()).unwrap_or(0).saturating_mul(1_000_000);
        self.0.fetch_max(nanos, Ordering::Relaxed);
    }
}

impl Clock for MovedClock {
    type Instant = Moment;

    fn now(&self) -> Moment {
        Moment(self.0.load(Ordering::Relaxed))
    }
}

/// Nanoseconds since 1970, as `governor` wants its moments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Moment(u64);

impl std::ops::Add<Nanos> for Moment {
    type Output = Self;

    fn add(self, later: Nanos) -> Self {
        Self(self.0.saturating_add(later.into()))
    }
}

impl Reference for Moment {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn busiest_window(sent: &[i64], window: i64) -> usize {
        sent.iter()
            .map(|start| sent.iter().filter(|at| (*start..*start + window).contains(at)).count())
            .max()
            .unwrap_or(0)
    }

    /// Asks as eagerly as can be: at once, and again at the very moment that was named.
    fn drain(limits: &mut Limits, from: i64, calls: usize, pauses: &[i64]) -> Vec<i64> {
        let mut now = from;
        let mut sent = Vec::new();
        for pause in pauses.iter().copied().chain(std::iter::repeat(0)).take(calls) {
            now += pause;
            while let Err(later) = limits.permit("send", Timestamp::from_millis(now)) {
                assert!(later.as_millis() > now, "waiting makes progress");
                now = later.as_millis();
            }
            sent.push(now);
        }
        sent
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_calls_than_a_quota_allows(
            (calls, burst) in (1_u32..40).prop_flat_map(|calls| (Just(calls), 1..=calls)),
            per_ms in 50_u64..70_000,
            from in 0_i64..2_000_000_000_000,
            pauses in proptest::collection::vec(0_i64..5_000, 0..120),
        ) {
            let per = Duration::from_millis(per_ms);
            let second = Quota::at_most(5, Duration::from_secs(1), 2);
            let quotas = vec![Quota::at_most(calls, per, burst), second];
            let mut limits = Limits::new(&[Limit { class: "send", quotas }]);
            let sent = drain(&mut limits, from, 150, &pauses);
            prop_assert!(busiest_window(&sent, i64::try_from(per_ms).expect("it is small")) <= calls as usize);
            prop_assert!(busiest_window(&sent, 1000) <= 5);
        }
    }

    proptest! {
        #[test]
        fn what_is_recalled_too_late_takes_its_place_all_the_same(
            (calls, burst) in (1_u32..40).prop_flat_map(|calls| (Just(calls), 1..=calls)),
            per_ms in 50_u64..70_000,
            before in 1_usize..80,
            pauses in proptest::collection::vec(0_i64..5_000, 0..40),
            lasts in proptest::collection::vec(0_i64..15_000, 80),
        ) {
            let quotas = vec![Quota::at_most(calls, Duration::from_millis(per_ms), burst)];
            let limits = || Limits::new(&[Limit { class: "send", quotas: quotas.clone() }]);
            let mut sent = drain(&mut limits(), 1_000_000, before, &pauses);
            // All that is known after a restart is when each call was over.
            let mut over: Vec<i64> = sent.iter().zip(&lasts).map(|(at, lasts)| at + lasts).collect();
            over.sort_unstable();
            let mut again = limits();
            over.iter().for_each(|at| again.recall("send", Timestamp::from_millis(*at)));
            sent.extend(drain(&mut again, *over.last().expect("some were sent"), 60, &[]));
            prop_assert!(busiest_window(&sent, i64::try_from(per_ms).expect("it is small")) <= calls as usize);
        }
    }

    #[test]
    fn a_smaller_quota_forgives_what_a_larger_one_allowed() {
        let quotas = vec![Quota::at_most(5, Duration::from_secs(10), 1)];
        let mut limits = Limits::new(&[Limit { class: "send", quotas }]);
        for at in 0..10_000 {
            limits.recall("send", Timestamp::from_millis(1_000_000 + at));
        }
        let sent = drain(&mut limits, 1_010_000, 1, &[]);
        assert!(sent[0] <= 1_022_000, "{sent:?}");
    }

    #[test]
    fn a_quota_is_used_up_before_it_makes_anybody_wait_long() {
        let quotas = vec![Quota::at_most(30, Duration::from_secs(60), 3), Quota::at_most(5, Duration::from_secs(1), 3)];
        let mut limits = Limits::new(&[Limit { class: "send", quotas }]);
        let sent = drain(&mut limits, 0, 300, &[]);
        let took = sent.last().expect("some were sent") - sent[0];
        // 300 calls at 30 a minute take ten minutes at best.
        assert!(took <= 660_000 + 60_000, "{took} ms");
    }

    #[test]
    fn what_is_told_of_a_quota_is_what_was_made_in_its_last_span() {
        let mut limits =
            Limits::new(&[Limit { class: "send", quotas: vec![Quota::at_most(3, Duration::from_secs(1), 2)] }]);
        let used = |limits: &Limits, now| limits.used(Timestamp::from_millis(now)).map(|(.., used)| used).sum::<u32>();
        assert_eq!(used(&limits, 0), 0);
        drain(&mut limits, 10_000, 2, &[]);
        assert_eq!((used(&limits, 10_000), used(&limits, 10_999), used(&limits, 11_000)), (2, 2, 0));
    }

    #[test]
    fn a_class_without_a_quota_is_free() {
        let mut limits = Limits::new(&[]);
        for _ in 0..1000 {
            assert!(limits.permit("read", Timestamp::from_millis(5)).is_ok());
        }
    }

    #[test]
    fn a_clock_that_goes_back_opens_no_window_anew() {
        let quotas = vec![Quota::at_most(1, Duration::from_secs(10), 1)];
        let mut limits = Limits::new(&[Limit { class: "send", quotas }]);
        assert!(limits.permit("send", Timestamp::from_millis(100_000)).is_ok());
        assert!(limits.permit("send", Timestamp::from_millis(50_000)).is_err());
    }
}
