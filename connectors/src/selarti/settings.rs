//! An account's settings: a JSON object in, parsed values or every problem out.
//!
//! Much of Selarti's interface is inferred, not documented (5; 13). What is inferred can be set, so that an account whose
//! Selarti is otherwise needs another line, not another version.

use std::num::NonZeroU32;

use serde_json::Value;

use crate::connector::{Setting, SettingProblem};
use crate::settings::{Reading, problem};

/// The secret that is exchanged for a token.
pub(super) const API_KEY: &str = "api_key";
/// The secret that proves Selarti to us.
pub(super) const WEBHOOK_SECRET: &str = "webhook_secret";

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "task_id",
        about: "The id of the task of type Web, copied from Selarti's panel; webhooks of other tasks are not let in.",
        example: "\"1721129985149x478019552540622850\"",
        required: true,
    },
    Setting {
        key: "company_id",
        about: "The company's id; if it is set, webhooks of other companies are not let in.",
        example: "\"1718876001442x118273645546372819\"",
        required: false,
    },
    Setting {
        key: "channel_id",
        about: "The id of the channel of type Page messenger; if it is set, webhooks of other channels are not let in.",
        example: "\"1719304410215x640918273645102938\"",
        required: false,
    },
    Setting {
        key: "base_url",
        about: "Where Selarti is called; only for tests and demonstrations is it another place.",
        example: "\"https://selarti.com\"",
        required: false,
    },
    Setting {
        key: "auth_url",
        about: "Where the key is exchanged for a token, if it is another host than that of all other calls.",
        example: "\"https://selarti.com\"",
        required: false,
    },
    Setting {
        key: "send_path",
        about: "The path of the method \"Send external message\".",
        example: "\"/api/1.1/wf/send_external_message\"",
        required: false,
    },
    Setting {
        key: "key_task",
        about: "What that method calls the task; empty if it takes none.",
        example: "\"task\"",
        required: false,
    },
    Setting {
        key: "key_chat_id",
        about: "What that method calls our id of the dialogue.",
        example: "\"chat_id\"",
        required: false,
    },
    Setting { key: "key_text", about: "What that method calls the text.", example: "\"text\"", required: false },
    Setting {
        key: "key_name",
        about: "What that method calls the client's name; empty if it takes none.",
        example: "\"name\"",
        required: false,
    },
    Setting {
        key: "key_username",
        about: "What that method calls the client's public name; empty if it takes none.",
        example: "\"username\"",
        required: false,
    },
    Setting {
        key: "chat_id_as_number",
        about: "Whether our id of the dialogue is sent as a number; then only ids of digits can be sent.",
        example: "false",
        required: false,
    },
    Setting {
        key: "max_text_len",
        about: "How many signs a message may have; a longer text becomes several messages.",
        example: "4000",
        required: false,
    },
    Setting {
        key: "calls_per_second",
        about: "How many calls may be made in a second.",
        example: "5",
        required: false,
    },
];

pub(super) const SECRETS: &[Setting] = &[
    Setting {
        key: API_KEY,
        about: "The API key that Selarti sends to the account's Telegram: panel, own picture, get api key.",
        example: "\"…\"",
        required: true,
    },
    Setting {
        key: WEBHOOK_SECRET,
        about: "The last part of the webhook address given to Selarti's integration, or its parameter `?secret=`, which proves that a webhook is Selarti's: at least 16 letters and digits that nobody can guess.",
        example: "\"k3v9…\"",
        required: true,
    },
];

/// An account's settings, parsed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Settings {
    /// The task to which a client's words are given.
    pub(super) task: String,
    /// Whose webhooks are let in; absent: anyone's.
    pub(super) company: Option<String>,
    /// Through which channel webhooks must come; absent: any.
    pub(super) channel: Option<String>,
    /// Where Selarti is called, without a slash at the end.
    pub(super) base_url: String,
    /// Where the key is exchanged for a token, without a slash at the end.
    pub(super) auth_url: String,
    /// The path of "send external message".
    pub(super) send_path: String,
    /// What its parameters are called.
    pub(super) keys: Keys,
    /// Whether the dialogue's id is sent as a number.
    pub(super) chat_id_as_number: bool,
    /// How many signs of a text are sent at most.
    pub(super) max_text_len: NonZeroU32,
    /// How many calls may be made in a second.
    pub(super) calls_per_second: NonZeroU32,
}

/// What the parameters of "send external message" are called; an empty one is not sent (5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Keys {
    /// The task's.
    pub(super) task: String,
    /// The dialogue's; never empty.
    pub(super) chat: String,
    /// The text's; never empty.
    pub(super) text: String,
    /// The client's name's.
    pub(super) name: String,
    /// The client's public name's.
    pub(super) username: String,
}

/// Where Selarti is (4).
const SELARTI: &str = "https://selarti.com";

/// Our reading of the method's title; the name itself stands in no document that can be reached (5).
const SEND_PATH: &str = "/api/1.1/wf/send_external_message";

/// What is taken if nobody knows better (contract, 5; 13).
const LONGEST_TEXT: NonZeroU32 = NonZeroU32::new(4_000).expect("four thousand is not zero");

/// No text is longer than this anywhere; a higher number is certainly a slip.
const MOST_SIGNS: u32 = 100_000;

/// No override of a rate goes beyond this many calls; more is certainly a slip.
const MOST_CALLS: u32 = 1_000;

impl Settings {
    /// Reads the settings, or names everything that is wrong with them.
    pub(super) fn parse(settings: &Value) -> Result<Self, Vec<SettingProblem>> {
        let mut reading = Reading::begin(settings, SETTINGS, "a Selarti account")?;
        let base_url = reading.url("base_url", SELARTI);
        let parsed = Self {
            task: task(&mut reading),
            company: reading.text("company_id", is_id, "the id as the panel shows it"),
            channel: reading.text("channel_id", is_id, "the id as the panel shows it"),
            auth_url: reading.url("auth_url", &base_url),
            base_url,
            send_path: reading
                .text("send_path", is_path, &format!("{SEND_PATH:?}"))
                .unwrap_or_else(|| SEND_PATH.to_owned()),
            keys: keys(&mut reading),
            chat_id_as_number: reading.flag("chat_id_as_number"),
            max_text_len: reading.count("max_text_len", MOST_SIGNS, LONGEST_TEXT),
            calls_per_second: reading.count(
                "calls_per_second",
                MOST_CALLS,
                const { NonZeroU32::new(5).expect("five is not zero") },
            ),
        };
        reading.finish(parsed)
    }
}

fn task(reading: &mut Reading<'_>) -> String {
    if reading.value("task_id").is_none() {
        let remedy = "copy the id of the task of type Web from Selarti's panel";
        reading.problems.push(problem("task_id", "it is missing", remedy));
        return String::new();
    }
    reading.text("task_id", is_id, "the id as the panel shows it, in quotes").unwrap_or_default()
}

fn keys(reading: &mut Reading<'_>) -> Keys {
    let mut key = |key: &str, otherwise: &str, may_be_empty: bool| {
        let fits = |text: &str| text.trim() == text && (may_be_empty || !text.is_empty());
        reading.text(key, fits, &format!("{otherwise:?}")).unwrap_or_else(|| otherwise.to_owned())
    };
    let keys = Keys {
        task: key("key_task", "task", true),
        chat: key("key_chat_id", "chat_id", false),
        text: key("key_text", "text", false),
        name: key("key_name", "name", true),
        username: key("key_username", "username", true),
    };
    let named = [
        ("key_task", &keys.task),
        ("key_chat_id", &keys.chat),
        ("key_text", &keys.text),
        ("key_name", &keys.name),
        ("key_username", &keys.username),
    ];
    for (index, (key, name)) in named.iter().enumerate() {
        if let Some((other, _)) = named[..index].iter().find(|(_, earlier)| !name.is_empty() && earlier == name) {
            let reason = format!("{name:?} is what {other} says, too");
            reading.problems.push(problem(key, &reason, "give each parameter a name of its own"));
        }
    }
    keys
}

/// An id is kept as it is; that it looks like bubble.io's is only very likely (3).
fn is_id(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace)
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn keys_of_problems(settings: &Value) -> Vec<String> {
        Settings::parse(settings).expect_err("there is something wrong").into_iter().map(|found| found.key).collect()
    }

    #[test]
    fn a_task_is_enough() {
        let settings = Settings::parse(&json!({ "task_id": "1x1" })).expect("all else has a default");
        assert_eq!((settings.base_url.as_str(), settings.auth_url.as_str()), (SELARTI, SELARTI));
        assert_eq!(settings.send_path, SEND_PATH);
        assert_eq!((settings.max_text_len, settings.calls_per_second.get()), (LONGEST_TEXT, 5));
        assert_eq!((settings.keys.chat.as_str(), settings.keys.username.as_str()), ("chat_id", "username"));
    }

    #[test]
    fn the_sign_in_is_where_all_calls_are_unless_it_is_said_otherwise() {
        let settings = json!({ "task_id": "1x1", "base_url": "http://127.0.0.1:9/" });
        assert_eq!(Settings::parse(&settings).expect("these are right").auth_url, "http://127.0.0.1:9");
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let settings = json!({ "task_id": 1, "api_key": "x", "base_url": "selarti.com", "send_path": "wf/x",
            "key_text": "", "key_name": "chat_id", "chat_id_as_number": "no", "max_text_len": 0 });
        assert_eq!(
            keys_of_problems(&settings),
            [
                "api_key",
                "base_url",
                "task_id",
                "send_path",
                "key_text",
                "key_name",
                "chat_id_as_number",
                "max_text_len"
            ]
        );
        assert_eq!(keys_of_problems(&json!({})), ["task_id"]);
        assert_eq!(keys_of_problems(&json!([])), [""]);
    }
}
