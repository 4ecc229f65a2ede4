//! How often Selarti may be called: nobody says, so five times a second at most (5; 13), one after the other.

use std::time::Duration;

use super::settings::Settings;
use crate::connector::{Limit, Quota};

/// The one class of calls.
pub(super) const CALLS: &str = "calls";

/// The quotas of an account. Source: our own caution, in the contract of 2026 (4.2); the vendor names no limit.
pub(super) fn of(settings: &Settings) -> Vec<Limit> {
    let quota =
        Quota { calls: settings.calls_per_second, per: Duration::from_secs(1), burst: std::num::NonZeroU32::MIN };
    vec![Limit { class: CALLS, quotas: vec![quota] }]
}
