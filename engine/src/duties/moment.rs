//! A moment on two clocks of this machine, neither of which is ever compared with another machine's.
//!
//! Who gives way counts on the one that may run fast, who takes over on the one that may not: so each errs to the safe side.

use std::time::{Duration, Instant, SystemTime};

/// How long this process has run, told twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Moment {
    /// By the monotonic clock, which stands still while the machine sleeps: never more than has passed.
    pub slow: Duration,
    /// With whatever the wall clock has gone ahead of it meanwhile: a machine that slept, or was kept as an image, has lost
    /// its duties without noticing, and its monotonic clock does not say so.
    pub fast: Duration,
}

/// Reads both.
#[derive(Debug)]
pub struct TwoClocks {
    last: (Instant, SystemTime),
    now: Moment,
}

impl TwoClocks {
    /// From here on.
    pub fn start() -> Self {
        Self { last: (Instant::now(), SystemTime::now()), now: Moment::default() }
    }

    /// How long it has been.
    pub fn now(&mut self) -> Moment {
        let (instant, wall) = (Instant::now(), SystemTime::now());
        let steady = instant.duration_since(self.last.0);
        // A wall clock that was set back says nothing.
        let told = wall.duration_since(self.last.1).unwrap_or_default();
        self.last = (instant, wall);
        self.now.slow += steady;
        self.now.fast += steady.max(told);
        self.now
    }
}
