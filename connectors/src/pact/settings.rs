//! An account's settings: a JSON object in, parsed values or every problem out.

use std::num::NonZeroU32;

use chatledger_projections::configuration::{Abilities, FirstContact, Traits};
use serde_json::{Map, Value};

use crate::connector::{Setting, SettingProblem};
use crate::settings::{is_base_url, problem};

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
        let Some(settings) = settings.as_object() else {
            return Err(vec![problem("", "the settings are not a table", "write them as keys with values")]);
        };
        let mut reading = Reading { settings, problems: Vec::new() };
        reading.refuse_unknown();
        let parsed = Self {
            company: reading.company().unwrap_or_default(),
            provider: reading.text("provider", is_word, "\"whatsapp\"").unwrap_or_else(|| "whatsapp".to_owned()),
            api: reading.api(),
            channel: reading.whole("channel_id", i64::MAX),
            base_url: reading
                .text("base_url", is_base_url, "\"https://api.pact.im\"")
                .map_or_else(|| PACT.to_owned(), |url| url.trim_end_matches('/').to_owned()),
            sends_per_second: reading.rate("sends_per_second", 5),
            sends_per_minute: reading.rate("sends_per_minute", 30),
        };
        if reading.problems.is_empty() { Ok(parsed) } else { Err(reading.problems) }
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
        Traits { first_contact: self.first_contact(), can_look_up: true, wants_delivery: false, can }
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
const MOST_CALLS: i64 = 10_000;

struct Reading<'a> {
    settings: &'a Map<String, Value>,
    problems: Vec<SettingProblem>,
}

impl Reading<'_> {
    fn refuse_unknown(&mut self) {
        for key in self.settings.keys() {
            if !SETTINGS.iter().any(|setting| setting.key == key) {
                let known = SETTINGS.iter().map(|setting| setting.key).collect::<Vec<_>>().join(", ");
                let remedy = format!("remove it or correct its name; known are {known}");
                self.problems.push(problem(key, "a Pact account has no such setting", &remedy));
            }
        }
    }

    fn company(&mut self) -> Option<i64> {
        if self.settings.get("company_id").is_none_or(Value::is_null) {
            let remedy = "write the company's number, such as 52204";
            self.problems.push(problem("company_id", "it is missing", remedy));
            return None;
        }
        self.whole("company_id", i64::MAX)
    }

    fn api(&mut self) -> Api {
        let written = self.text("api", |word| matches!(word, "v1" | "v2"), "\"v2\" or \"v1\"");
        if written.as_deref() == Some("v1") { Api::V1 } else { Api::V2 }
    }

    fn rate(&mut self, key: &str, otherwise: u32) -> NonZeroU32 {
        self.whole(key, MOST_CALLS)
            .and_then(|calls| u32::try_from(calls).ok())
            .and_then(NonZeroU32::new)
            .or(NonZeroU32::new(otherwise))
            .unwrap_or(NonZeroU32::MIN)
    }

    fn whole(&mut self, key: &str, most: i64) -> Option<i64> {
        let value = self.settings.get(key).filter(|value| !value.is_null())?;
        let whole = value.as_i64().filter(|number| (1..=most).contains(number));
        if whole.is_none() {
            let reason = format!("{value} is not a whole number from 1 to {most}");
            self.problems.push(problem(key, &reason, "write a number without quotes"));
        }
        whole
    }

    fn text(&mut self, key: &str, fits: impl Fn(&str) -> bool, example: &str) -> Option<String> {
        let value = self.settings.get(key).filter(|value| !value.is_null())?;
        let text = value.as_str().filter(|text| fits(text));
        if text.is_none() {
            self.problems.push(problem(key, &format!("{value} does not fit"), &format!("write {example}")));
        }
        text.map(str::to_owned)
    }
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
