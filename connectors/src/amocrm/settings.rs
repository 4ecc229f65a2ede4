//! What an account of amoCRM needs to be told, parsed once.
//!
//! Takes the connection's settings as JSON; gives [`Settings`], or every problem with them at once. The secret is not
//! among them.

use std::num::NonZeroU32;

use chatledger_projections::ids::PersonId;
use serde_json::Value;

use super::ids::{self, Scope};
use super::limits;
use crate::connector::{Secret, Secrets, Setting, SettingProblem};
use crate::settings::problem;

/// The key of the channel's secret.
pub(super) const CHANNEL_SECRET: &str = "channel_secret";

/// The settings that an account takes.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "scope_id",
        about: "The channel's id, an underscore and the account's amojo_id, as the answer to `connect` gives it.",
        example: r#""344a5002-f8ca-454d-af3d-396180102ac7_52e591f7-c98f-4255-8495-827210138c81""#,
        required: true,
    },
    Setting {
        key: "bot_id",
        about: "The id of the channel's bot, from the letter that came with the channel's registration; messages \
                whose author amo does not know are shown in its name.",
        example: r#""f1910c7f-b1e0-4184-bd09-c7def2a9109a""#,
        required: true,
    },
    Setting {
        key: "bot_name",
        about: "The name under which the bot's messages are sent.",
        example: r#""Chatledger""#,
        required: false,
    },
    Setting {
        key: "base_url",
        about: "The amojo host of the account: amojo.amocrm.ru, amojo.amocrm.com or amojo.kommo.com.",
        example: r#""https://amojo.amocrm.ru""#,
        required: false,
    },
    Setting {
        key: "manager_id",
        about: "The amojo_id of the user in whose name messages from the messenger's own app are shown (from \
                `/api/v4/users?with=amojo_id`); without it, they are the bot's.",
        example: r#""76fc2bea-902f-425c-9a3d-dcdac4766090""#,
        required: false,
    },
    Setting {
        key: "delivery_body",
        about: "Which generation of keys a delivery report has: \"union\" (both), \"new\" or \"old\".",
        example: r#""union""#,
        required: false,
    },
    Setting {
        key: "title",
        about: "The channel's name in the account, told with `chatledger connect`; without it, the one of its \
                registration.",
        example: r#""Messengers""#,
        required: false,
    },
    Setting {
        key: "time_window",
        about: "Whether the channel's time window holds in this account, told with `chatledger connect`; without it, as \
                amo has it.",
        example: "true",
        required: false,
    },
    Setting {
        key: "calls_per_second",
        about: "How many calls a second this account makes at most; amojo's own limit is not documented.",
        example: "5",
        required: false,
    },
];

/// The secrets that an account takes.
pub(super) const SECRETS: &[Setting] = &[Setting {
    key: CHANNEL_SECRET,
    about: "The channel's secret: 40 signs, used as text, from the letter that came with the channel's registration. \
            It is not the secret of the OAuth integration.",
    example: r#""f2d7f8704eff95087ed45b23ba99c0b5aac8278e""#,
    required: true,
}];

/// An account's settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Settings {
    /// The channel in the account.
    pub(super) scope: Scope,
    /// amo's id of the channel's bot.
    pub(super) bot_id: PersonId,
    /// The name that the bot's messages bear.
    pub(super) bot_name: String,
    /// Where requests go.
    pub(super) base_url: String,
    /// amo's id of the user who stands for everybody writing in the messenger's own app.
    pub(super) manager_id: Option<PersonId>,
    /// Which keys a delivery report has.
    pub(super) delivery_body: DeliveryBody,
    /// The channel's name in the account.
    pub(super) title: Option<String>,
    /// Whether the channel's time window holds in the account.
    pub(super) time_window: Option<bool>,
    /// How many calls a second are made at most.
    pub(super) calls_per_second: NonZeroU32,
}

/// Which generation of keys a delivery report has: the documentation shows two (contract, 5.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DeliveryBody {
    /// Both, so that either reader finds its own.
    Union,
    /// `status_code`, without the message's id.
    New,
    /// `delivery_status` and `msgid`.
    Old,
}

/// The channel's secret among the account's; an empty one is none.
pub(super) fn channel_secret(secrets: &Secrets) -> Option<&Secret> {
    secrets.get(CHANNEL_SECRET).filter(|secret| !secret.reveal().is_empty())
}

/// That there is no channel secret.
pub(super) fn secret_is_missing() -> SettingProblem {
    problem(CHANNEL_SECRET, "it is missing", "give the secret that came with the channel's registration")
}

impl Settings {
    /// Reads a JSON object of settings, or names everything that is wrong with it.
    pub(super) fn parse(settings: &Value) -> Result<Self, Vec<SettingProblem>> {
        let Value::Object(entries) = settings else {
            return Err(vec![problem("settings", "they are no table", "write them as keys and values")]);
        };
        let mut problems: Vec<SettingProblem> = entries
            .keys()
            .filter(|key| SETTINGS.iter().all(|setting| setting.key != key.as_str()))
            .map(|key| {
                let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
                problem(key, "there is no such setting", &format!("remove it; the settings are {}", known.join(", ")))
            })
            .collect();

        let mut reader = Reader { settings, problems: &mut problems };
        let scope = reader.required("scope_id", read_scope);
        let bot_id = reader.required("bot_id", read_person);
        let bot_name = reader.optional("bot_name", read_name);
        let base_url = reader.optional("base_url", read_base_url);
        let manager_id = reader.optional("manager_id", read_person);
        let delivery_body = reader.optional("delivery_body", read_delivery_body);
        let title = reader.optional("title", read_name);
        let time_window = reader.optional("time_window", read_flag);
        let calls_per_second = reader.optional("calls_per_second", read_calls_per_second);

        match (scope, bot_id) {
            (Some(scope), Some(bot_id)) if problems.is_empty() => Ok(Self {
                scope,
                bot_id,
                bot_name: bot_name.unwrap_or_else(|| "Chatledger".to_owned()),
                base_url: base_url.unwrap_or_else(|| "https://amojo.amocrm.ru".to_owned()),
                manager_id,
                delivery_body: delivery_body.unwrap_or(DeliveryBody::Union),
                title,
                time_window,
                calls_per_second: calls_per_second.unwrap_or(limits::CALLS_PER_SECOND),
            }),
            _ => Err(problems),
        }
    }
}

/// What is wrong with a value, and what to do about it.
type Complaint = (String, &'static str);

struct Reader<'a> {
    settings: &'a Value,
    problems: &'a mut Vec<SettingProblem>,
}

impl Reader<'_> {
    fn required<T>(&mut self, key: &str, read: fn(&Value) -> Result<T, Complaint>) -> Option<T> {
        if self.settings.get(key).is_none_or(Value::is_null) {
            let about = SETTINGS.iter().find(|setting| setting.key == key).map_or("give it", |setting| setting.about);
            self.problems.push(problem(key, "it is missing", about));
            return None;
        }
        self.optional(key, read)
    }

    fn optional<T>(&mut self, key: &str, read: fn(&Value) -> Result<T, Complaint>) -> Option<T> {
        let value = self.settings.get(key).filter(|value| !value.is_null())?;
        match read(value) {
            Ok(read) => Some(read),
            Err((reason, remedy)) => {
                self.problems.push(problem(key, &reason, remedy));
                None
            }
        }
    }
}

fn read_text(value: &Value) -> Result<&str, Complaint> {
    match value.as_str().map(str::trim) {
        Some("") => Err(("it is empty".to_owned(), "give it, or leave the key out if it is optional")),
        Some(text) => Ok(text),
        None => Err((format!("{value} is no text"), "write it in quotes")),
    }
}

fn read_name(value: &Value) -> Result<String, Complaint> {
    read_text(value).map(str::to_owned)
}

fn read_flag(value: &Value) -> Result<bool, Complaint> {
    value.as_bool().ok_or_else(|| (format!("{value} is neither true nor false"), "write it without quotes"))
}

fn read_scope(value: &Value) -> Result<Scope, Complaint> {
    let text = read_text(value)?;
    Scope::parse(text).ok_or_else(|| {
        (
            format!("{text:?} is not a channel's id, an underscore and an account's amojo_id"),
            "copy `scope_id` from the answer to `connect`",
        )
    })
}

fn read_person(value: &Value) -> Result<PersonId, Complaint> {
    let text = read_text(value)?;
    if text.chars().any(char::is_whitespace) {
        return Err((format!("{text:?} is no id"), "copy the id alone, without spaces"));
    }
    Ok(ids::person(text.into()))
}

fn read_delivery_body(value: &Value) -> Result<DeliveryBody, Complaint> {
    match read_text(value)? {
        "union" => Ok(DeliveryBody::Union),
        "new" => Ok(DeliveryBody::New),
        "old" => Ok(DeliveryBody::Old),
        other => Err((format!("{other:?} is no generation of keys"), "use \"union\", \"new\" or \"old\"")),
    }
}

fn read_calls_per_second(value: &Value) -> Result<NonZeroU32, Complaint> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok()).and_then(NonZeroU32::new);
    number.filter(|number| *number <= limits::MOST_CALLS_PER_SECOND).ok_or_else(|| {
        (format!("{value} is not from 1 to {}", limits::MOST_CALLS_PER_SECOND), "use a number such as 5")
    })
}

/// Only scheme, host and port: requests are signed over their path, so there is no room for a prefix.
fn read_base_url(value: &Value) -> Result<String, Complaint> {
    let text = read_text(value)?;
    let (secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Err((format!("{text:?} has no https://"), "begin it with https://")),
    };
    if rest.ends_with('/') {
        return Err((format!("{text:?} ends with a slash"), "remove the slash at the end"));
    }
    if rest.is_empty() || rest.contains(|sign: char| sign.is_whitespace() || "/?#@\\".contains(sign)) {
        return Err((format!("{text:?} is more than a host"), "write it as https://amojo.amocrm.ru"));
    }
    let host = if rest.starts_with('[') {
        rest.split_inclusive(']').next().unwrap_or(rest)
    } else {
        rest.split(':').next().unwrap_or(rest)
    };
    let loopback = match host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    };
    if secure || loopback {
        Ok(text.to_owned())
    } else {
        Err((format!("{text:?} would carry messages unencrypted"), "use https://; http:// is for this machine only"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn keys_of_problems(settings: &Value) -> Vec<String> {
        Settings::parse(settings).err().unwrap_or_default().into_iter().map(|problem| problem.key).collect()
    }

    #[test]
    fn two_settings_are_enough() {
        let settings = Settings::parse(&json!({"scope_id": "c1_a1", "bot_id": "b1"})).expect("complete");
        assert_eq!(settings.base_url, "https://amojo.amocrm.ru");
        assert_eq!(settings.delivery_body, DeliveryBody::Union);
        assert_eq!(settings.calls_per_second.get(), 5);
        assert_eq!(settings.manager_id, None);
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let settings = json!({
            "scope_id": "without an underscore", "bot_name": 7, "base_url": "https://amojo.amocrm.ru/", "manager": "x",
            "delivery_body": "newest", "calls_per_second": 0,
        });
        let keys = ["manager", "scope_id", "bot_id", "bot_name", "base_url", "delivery_body", "calls_per_second"];
        assert_eq!(keys_of_problems(&settings), keys);
        assert_eq!(keys_of_problems(&json!("scope_id")), ["settings"]);
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        for (url, good) in [
            ("http://127.0.0.1:8080", true),
            ("http://localhost:1", true),
            ("http://[::1]:9", true),
            ("https://amojo.kommo.com", true),
            ("http://amojo.amocrm.ru", false),
            ("http://127.0.0.1.example.com", false),
            ("https://amojo.amocrm.ru/v2", false),
            ("https://user@amojo.amocrm.ru", false),
            ("amojo.amocrm.ru", false),
            ("https://", false),
        ] {
            let problems = keys_of_problems(&json!({"scope_id": "c_a", "bot_id": "b", "base_url": url}));
            assert_eq!(problems.is_empty(), good, "{url}");
        }
    }
}
