//! How often amojo may be called.
//!
//! amojo's own limit is not documented; clients reuse the CRM's seven calls a second, and the contract (section 8, read
//! in January 2026) advises five for each scope. Kept below what is known to work, for a limit that nobody wrote down
//! is found only by being blocked.

use std::num::NonZeroU32;
use std::time::Duration;

use chatledger_projections::files::{FileRules, Wants};

use crate::connector::{Limit, Quota};

/// The one class of calls.
pub(super) const CALLS: &str = "calls";

/// Five a second, unless the account says otherwise.
pub(super) const CALLS_PER_SECOND: NonZeroU32 = NonZeroU32::new(5).expect("five is not zero");

/// The CRM's limit for a whole account, all integrations together: more than that cannot be right (section 8).
pub(super) const MOST_CALLS_PER_SECOND: NonZeroU32 = NonZeroU32::new(50).expect("fifty is not zero");

/// Two at once: a message and its status may leave together, a burst may not.
const BURST: NonZeroU32 = NonZeroU32::new(2).expect("two is not zero");

/// How amo wants files: a link that it fetches itself, in its own time; one in a message (contract, 6.1). No size is
/// documented, and links in its own hooks are not said to run out.
pub(super) fn files() -> FileRules {
    FileRules { wants: Wants::Link, ..FileRules::default() }
}

/// The quotas of an account.
pub(super) fn of(calls_per_second: NonZeroU32) -> Vec<Limit> {
    let burst = BURST.min(calls_per_second);
    vec![Limit { class: CALLS, quotas: vec![Quota { calls: calls_per_second, per: Duration::from_secs(1), burst }] }]
}
