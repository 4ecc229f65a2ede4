//! What is told of the spool while it is in use: to machines all the time, to people at intervals.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Spool;
use crate::metrics;

/// How often the gauges are set.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often people are told again that the spool is in use.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// A webhook of a usual size, in bytes: with room for less, a spool counts as full.
const USUAL: u64 = 64 * 1024;

/// How a spool stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Outlook {
    /// How many webhooks wait in it.
    pub waiting: u64,
    /// How much of the disk it takes, in bytes.
    pub bytes: u64,
    /// How much it may take.
    pub max_bytes: u64,
    /// For how long the oldest webhook has waited, in seconds.
    pub oldest_seconds: u64,
    /// How many segments cannot be read; people have to look at them.
    pub unreadable_segments: usize,
    /// Whether it takes another webhook of a usual size.
    pub has_room: bool,
}

impl Spool {
    /// How it stands now.
    pub fn outlook(&self) -> Outlook {
        let now = self.clock.now();
        let inside = self.inside();
        let oldest = inside.oldest.map(|oldest| now.since(oldest)).unwrap_or_default();
        Outlook {
            waiting: inside.waiting(),
            bytes: inside.bytes(),
            max_bytes: self.limits.max_bytes,
            oldest_seconds: oldest.as_secs(),
            unreadable_segments: inside.unreadable.len(),
            has_room: self.check_room(&inside, USUAL, now).is_ok(),
        }
    }
}

impl Outlook {
    /// Whether people should look: webhooks wait in it, or lie where nobody can read them.
    pub const fn is_in_use(&self) -> bool {
        self.waiting > 0 || self.unreadable_segments > 0
    }
}

/// Sets the gauges and raises the alarm, until told to stop.
pub async fn keep_watch(spool: Arc<Spool>, stop: CancellationToken) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told: Option<Instant> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = looks.tick() => {}
        }
        let outlook = spool.outlook();
        metrics::spool(outlook.waiting, outlook.bytes, outlook.oldest_seconds, outlook.unreadable_segments);
        if !outlook.is_in_use() {
            told = None;
        } else if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            let Outlook { waiting, bytes, max_bytes, oldest_seconds, unreadable_segments, has_room } = outlook;
            warn!(waiting, bytes, max_bytes, oldest_seconds, unreadable_segments, has_room, "the spool is in use");
            told = Some(Instant::now());
        }
    }
}
