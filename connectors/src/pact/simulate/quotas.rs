//! Pact's quotas from Pact's side: how many calls of a class came in any span of time.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chatledger_projections::time::Timestamp;

use crate::connector::Limit;
use crate::pact::limits::limits;
use crate::pact::settings::Settings;

/// The calls of late, by class.
pub(super) struct Quotas {
    limits: Vec<Limit>,
    calls: BTreeMap<&'static str, VecDeque<Timestamp>>,
}

impl Quotas {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { limits: limits(settings), calls: BTreeMap::new() }
    }

    /// Counts a call, or says after how many seconds another one may come. What is turned away is not counted.
    pub(super) fn take(&mut self, class: &'static str, now: Timestamp) -> Result<(), u64> {
        let Some(limit) = self.limits.iter().find(|limit| limit.class == class) else { return Ok(()) };
        let calls = self.calls.entry(class).or_default();
        let longest = limit.quotas.iter().map(|quota| quota.per).max().unwrap_or_default();
        while calls.front().is_some_and(|call| now.since(*call) >= longest) {
            calls.pop_front();
        }
        for quota in &limit.quotas {
            // The call that must be out of sight before another one may come.
            let nth = calls.len().checked_sub(quota.calls.get() as usize).and_then(|nth| calls.get(nth));
            let wait = nth.map_or(Duration::ZERO, |call| quota.per.saturating_sub(now.since(*call)));
            if !wait.is_zero() {
                return Err(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
            }
        }
        calls.push_back(now);
        Ok(())
    }
}
