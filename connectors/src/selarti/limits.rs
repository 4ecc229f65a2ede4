//! How often Selarti may be called: nobody says, so five times a second at most (5; 13), one after the other. And how much
//! one message may say: nobody says that either.

use std::time::Duration;

use chatledger_projections::files::FileRules;

use super::settings::Settings;
use crate::connector::{Limit, Quota};

/// The one class of calls.
pub(super) const CALLS: &str = "calls";

/// Selarti takes words alone, and of those so many signs at once; a longer text is several messages (5).
pub(super) fn files(settings: &Settings) -> FileRules {
    FileRules { longest_text: Some(settings.max_text_len), ..FileRules::default() }
}

/// The quotas of an account. Source: our own caution, in the contract of 2026 (4.2); the vendor names no limit.
pub(super) fn of(settings: &Settings) -> Vec<Limit> {
    let quota =
        Quota { calls: settings.calls_per_second, per: Duration::from_secs(1), burst: std::num::NonZeroU32::MIN };
    vec![Limit { class: CALLS, quotas: vec![quota] }]
}
