//! An account's settings: a JSON object in, parsed values or every problem out.

use std::num::NonZeroU32;

use chatledger_projections::configuration::{Abilities, FirstContact, Tells, Traits};
use serde_json::Value;

use crate::connector::{Setting, SettingProblem};
use crate::settings::{Reading, problem};

/// The secret that proves us to Pact.
pub(super) const TOKEN: &str = "token";
/// The secret that proves Pact to us.
pub(super) const WEBHOOK_SECRET: &str = "webhook_secret";

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "company_id",
        about: "The company's number in Pact, as in the address of its page.",
        example: "52204",
        required: true,
    },
    Setting {
        key: "provider",
        about: "The messenger in which dialogues are begun, in Pact's word: whatsapp, telegram_personal, max and others.",
        example: "\"whatsapp\"",
        required: false,
    },
    Setting {
        key: "api",
        about: "The generation of Pact's interface that is called: \"v2\", or \"v1\", which Pact calls deprecated. Webhooks of both are always understood.",
        example: "\"v2\"",
        required: false,
    },
    Setting {
        key: "channel_id",
        about: "The channel's number, as delivery jobs of the first generation name it; not needed for anything else.",
        example: "399",
        required: false,
    },
    Setting {
        key: "base_url",
        about: "Where Pact is called; only for tests and demonstrations is it another place.",
        example: "\"https://api.pact.im\"",
        required: false,
    },
    Setting {
        key: "sends_per_second",
        about: "How many messages may be sent in a second, all accounts of the same token together.",
        example: "5",
        required: false,
    },
    Setting {
        key: "sends_per_minute",
        about: "How many messages may be sent in a minute, all accounts of the same token together.",
        example: "30",
        required: false,
    },
];

pub(super) const SECRETS: &[Setting] = &[
    Setting {
        key: TOKEN,
        about: "The private API token from the Pact account's page.",
        example: "\"…\"",
        required: true,
    },
    Setting {
        key: WEBHOOK_SECRET,
        about: "The last part of the webhook address given to Pact, which proves that a webhook is Pact's: at least 16 letters and digits that nobody can guess.",
        example: "\"k3v9…\"",
        required: true,
    },
];

/// An account's settings, parsed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Settings {
    /// The company's number.
    pub(super) company: i64,
    /// The messenger in which dialogues are begun, in Pact's word.
    pub(super) provider: String,
    /// Which generation is called.
    pub(super) api: Api,
    /// The channel's number.
    pub(super) channel: Option<i64>,
    /// Where Pact is called, without a slash at the end.
    pub(super) base_url: String,
    /// How many messages may be sent in a second.
    pub(super) sends_per_second: NonZeroU32,
    /// How many messages may be sent in a minute.
    pub(super) sends_per_minute: NonZeroU32,
}

/// The generations of Pact's interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Api {
    /// `/p1`: deprecated, with delivery jobs.
    V1,
    /// `/api/p2`.
    V2,
}

impl Settings {
    /// Reads the settings, or names everything that is wrong with them.
    pub(super) fn parse(settings: &Value) -> Result<Self, Vec<SettingProblem>> {
        let mut reading = Reading::begin(settings, SETTINGS, "a Pact account")?;
        let parsed = Self {
            company: company(&mut reading).unwrap_or_default(),
            provider: reading.text("provider", is_word, "\"whatsapp\"").unwrap_or_else(|| "whatsapp".to_owned()),
            api: api(&mut reading),
            channel: number(&mut reading, "channel_id"),
            base_url: reading.url("base_url", PACT),
            sends_per_second: reading.count(
                "sends_per_second",
                MOST_CALLS,
                const { NonZeroU32::new(5).expect("it is not zero") },
            ),
            sends_per_minute: reading.count(
                "sends_per_minute",
                MOST_CALLS,
                const { NonZeroU32::new(30).expect("it is not zero") },
            ),
        };
        reading.finish(parsed)
    }

    /// What can be done at this account.
    pub(super) fn traits(&self) -> Traits {
        let can = Abilities {
            // The second generation, in three messengers (9.2); reactions, edits and typing nobody can set there (16).
            delete: self.api == Api::V2 && matches!(self.provider.as_str(), "whatsapp" | "telegram_personal" | "max"),
            // Telegram alone (5.2, 9.2).
            find_usernames: self.provider == "telegram_personal",
            ..Abilities::NONE
        };
        Traits {
            first_contact: self.first_contact(),
            can_look_up: true,
            wants_delivery: false,
            can,
            tells: Tells::USUAL,
        }
    }

    /// A first message by number alone: 9.2 for the second generation, 5.2 for the first. WhatsApp Business
    /// needs a template besides, VK an id of its own, and the others know no first message at all.
    fn first_contact(&self) -> FirstContact {
        match (self.api, self.provider.as_str()) {
            (Api::V2, "whatsapp" | "telegram_personal" | "max" | BUSINESS) => FirstContact::SendToPhone,
            (Api::V1, "whatsapp" | "telegram_personal") => FirstContact::OpenThenSend,
            (Api::V1 | Api::V2, _) => FirstContact::ClientOnly,
        }
    }
}

/// The messenger in which a dialogue is begun with a template.
pub(super) const BUSINESS: &str = "whatsapp_business";

/// Where Pact is.
pub(super) const PACT: &str = "https://api.pact.im";

/// No override of a rate goes beyond this many calls; more is certainly a slip.
const MOST_CALLS: u32 = 10_000;

/// Pact's own numbers are read and written as signed ones of 64 bits.
const GREATEST_NUMBER: u64 = i64::MAX as u64;

fn company(reading: &mut Reading<'_>) -> Option<i64> {
    if reading.value("company_id").is_none() {
        let remedy = "write the company's number, such as 52204";
        reading.problems.push(problem("company_id", "it is missing", remedy));
        return None;
    }
    number(reading, "company_id")
}

fn number(reading: &mut Reading<'_>, key: &str) -> Option<i64> {
    reading.whole(key, GREATEST_NUMBER).and_then(|number| i64::try_from(number).ok())
}

fn api(reading: &mut Reading<'_>) -> Api {
    let written = reading.text("api", |word| matches!(word, "v1" | "v2"), "\"v2\" or \"v1\"");
    if written.as_deref() == Some("v1") { Api::V1 } else { Api::V2 }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn keys_of_problems(settings: &Value) -> Vec<String> {
        Settings::parse(settings).expect_err("there is something wrong").into_iter().map(|found| found.key).collect()
    }

    #[test]
    fn a_company_is_enough() {
        let settings = Settings::parse(&json!({ "company_id": 52204 })).expect("all else has a default");
        assert_eq!(settings.provider, "whatsapp");
        assert_eq!(settings.api, Api::V2);
        assert_eq!(settings.base_url, "https://api.pact.im");
        assert_eq!((settings.sends_per_second.get(), settings.sends_per_minute.get()), (5, 30));
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let settings = json!({ "company_id": "52204", "api": "v3", "base_url": "api.pact.im", "token": "x",
            "sends_per_minute": 0 });
        assert_eq!(keys_of_problems(&settings), ["token", "company_id", "api", "base_url", "sends_per_minute"]);
        assert_eq!(keys_of_problems(&json!({})), ["company_id"]);
        assert_eq!(keys_of_problems(&json!([])), [""]);
    }

    #[test]
    fn how_a_dialogue_begins_depends_on_generation_and_messenger() {
        for (api, provider, expected) in [
            ("v2", "whatsapp", FirstContact::SendToPhone),
            ("v2", "telegram_personal", FirstContact::SendToPhone),
            ("v2", "max", FirstContact::SendToPhone),
            ("v2", "whatsapp_business", FirstContact::SendToPhone),
            ("v1", "whatsapp_business", FirstContact::ClientOnly),
            ("v2", "avito", FirstContact::ClientOnly),
            ("v1", "whatsapp", FirstContact::OpenThenSend),
            ("v1", "avito", FirstContact::ClientOnly),
        ] {
            let settings = Settings::parse(&json!({ "company_id": 1, "api": api, "provider": provider }))
                .expect("these settings are right");
            assert_eq!(settings.traits().first_contact, expected, "{api} {provider}");
        }
    }
}
