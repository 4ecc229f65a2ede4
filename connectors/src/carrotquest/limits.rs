//! Carrot quest's quotas. None are documented; the contract assumes five calls a second for an app (2.5).
//!
//! The app's five are shared out: three for messages, two for questions, so that neither waits for the other and both
//! together stay within them. Read in the contract of 2026; whoever is told otherwise changes the settings.

use std::num::NonZeroU32;
use std::time::Duration;

use chatledger_projections::files::{Captions, FileRules, Links, Wants};

use super::settings::Settings;
use crate::connector::{Limit, Quota};

/// Messages to clients.
pub(super) const SEND: &str = "send";
/// Reading conversations and their parts.
pub(super) const READ: &str = "read";

const SECOND: Duration = Duration::from_secs(1);

/// The endings that Carrot quest takes (3.2).
const ENDINGS: [&str; 15] =
    ["jpg", "jpeg", "png", "gif", "pdf", "rar", "zip", "html", "csv", "docx", "doc", "xlsx", "xls", "txt", "sig"];

/// How Carrot quest wants files: one along with a reply, up to ten megabytes (3.2; taken as 10 000 000
/// bytes, the lesser reading). Whether its own links run out is not documented, so they are taken for links that do (5.6).
pub(super) fn files(settings: &Settings) -> FileRules {
    FileRules {
        wants: Wants::Bytes,
        max_bytes: Some(settings.max_file),
        endings: ENDINGS.map(str::to_owned).to_vec(),
        captions: Captions::All,
        links: Links::Passing,
    }
}

/// The account's quotas by class.
pub(super) fn limits(settings: &Settings) -> Vec<Limit> {
    vec![
        Limit { class: SEND, quotas: vec![one_at_a_time(settings.sends_per_second)] },
        Limit { class: READ, quotas: vec![one_at_a_time(settings.reads_per_second)] },
    ]
}

/// What happens to a burst is not documented either.
fn one_at_a_time(calls: NonZeroU32) -> Quota {
    Quota { calls, per: SECOND, burst: NonZeroU32::MIN }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_classes_together_stay_within_five_a_second() {
        let settings = Settings::parse(&json!({})).expect("everything has a default");
        let calls: u32 = limits(&settings).iter().flat_map(|limit| &limit.quotas).map(|quota| quota.calls.get()).sum();
        assert_eq!(calls, 5);
    }
}
