//! Pact's quotas, per token. The first generation publishes none, so the second's hold for both (17.1).
//!
//! A first message and a message into a conversation have a quota each; here they share one, and so do a list and a
//! single read: less than is allowed, and right whichever way Pact counts. An account cannot see other accounts of the
//! same token; who has several lowers their numbers in the settings.

use std::num::NonZeroU32;
use std::time::Duration;

use super::settings::Settings;
use crate::connector::{Limit, Quota};

/// The most text that a message may have; longer ones are refused by WhatsApp and Telegram alike. Pact itself names none.
pub(super) const LONGEST_TEXT: NonZeroU32 = NonZeroU32::new(4_096).expect("four thousand is not zero");

/// Messages to clients.
pub(super) const SEND: &str = "send";
/// Reading conversations, one or many.
pub(super) const CONVERSATIONS: &str = "conversations";
/// Reading messages.
pub(super) const MESSAGES: &str = "messages";
/// Uploading files.
pub(super) const UPLOADS: &str = "uploads";
/// Reading templates.
pub(super) const TEMPLATES: &str = "templates";
/// Everything else: settings and changes that no quota is published for.
pub(super) const CHANGES: &str = "changes";

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Ten reads of conversations a minute. Source: Pact's rate limits, in the contract of 2026 (17.1).
pub(super) const CONVERSATIONS_A_MINUTE: Quota = Quota::at_most(10, MINUTE, 2);
/// Twenty reads of messages a minute. Source as above.
pub(super) const MESSAGES_A_MINUTE: Quota = Quota::at_most(20, MINUTE, 4);

/// Five files a second. Source as above.
pub(super) const UPLOADS_A_SECOND: Quota = Quota::at_most(5, SECOND, 1);
/// Thirty files a minute. Source as above.
pub(super) const UPLOADS_A_MINUTE: Quota = Quota::at_most(30, MINUTE, 5);
/// Twenty reads of templates a minute. Source as above.
pub(super) const TEMPLATES_A_MINUTE: Quota = Quota::at_most(20, MINUTE, 4);
/// Nothing is published; as slow as the slowest that is (17.1).
pub(super) const CHANGES_A_MINUTE: Quota = Quota::at_most(20, MINUTE, 5);

/// How many messages of a minute's quota may go at once: a handful answers at once, the rest is spread.
const SENDS_AT_ONCE: u32 = 5;

/// The account's quotas by class.
pub(super) fn limits(settings: &Settings) -> Vec<Limit> {
    vec![
        Limit {
            class: SEND,
            quotas: vec![sends(settings.sends_per_second, SECOND), sends(settings.sends_per_minute, MINUTE)],
        },
        Limit { class: CONVERSATIONS, quotas: vec![CONVERSATIONS_A_MINUTE] },
        Limit { class: MESSAGES, quotas: vec![MESSAGES_A_MINUTE] },
        Limit { class: UPLOADS, quotas: vec![UPLOADS_A_SECOND, UPLOADS_A_MINUTE] },
        Limit { class: TEMPLATES, quotas: vec![TEMPLATES_A_MINUTE] },
        Limit { class: CHANGES, quotas: vec![CHANGES_A_MINUTE] },
    ]
}

/// In a second one at a time: Pact allows no parallel burst beyond the five (17.3), and one worker keeps the order.
fn sends(calls: NonZeroU32, per: Duration) -> Quota {
    let at_once = if per <= SECOND { 1 } else { SENDS_AT_ONCE };
    Quota { calls, per, burst: NonZeroU32::new(at_once).map_or(calls, |burst| burst.min(calls)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_burst_is_always_a_part_of_its_quota() {
        for settings in [json!({ "company_id": 1 }), json!({ "company_id": 1, "sends_per_minute": 2 })] {
            let settings = Settings::parse(&settings).expect("these settings are right");
            for limit in limits(&settings) {
                assert!(limit.quotas.iter().all(|quota| quota.burst <= quota.calls), "{limit:?}");
            }
        }
    }
}
