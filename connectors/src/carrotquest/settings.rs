//! An account's settings: a JSON object in, parsed values or every problem out.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use chatledger_projections::configuration::{Abilities, FirstContact, Tells, Traits};
use chatledger_projections::content::Person;
use chatledger_projections::time::Timestamp;
use serde_json::Value;

use crate::connector::{Secrets, Setting, SettingProblem};
use crate::settings::{Reading, problem};

/// The secret that proves us to Carrot quest.
pub(super) const AUTH_TOKEN: &str = "auth_token";
/// The secret that proves Carrot quest to us.
pub(super) const WEBHOOK_TOKEN: &str = "webhook_token";

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "default_admin",
        about: "The operator in whose name messages appear: their number in Carrot quest, or default_admin for the app's own.",
        example: "\"default_admin\"",
        required: false,
    },
    Setting {
        key: "admins",
        about: "Which operator speaks for which manager: the manager's id in the CRM, and the operator's number in Carrot quest.",
        example: "{ \"0a7d2f\" = \"139001\" }",
        required: false,
    },
    Setting {
        key: "api",
        about: "The version of Carrot quest's interface that is called: \"v2\", or \"v1\", which they call deprecated.",
        example: "\"v2\"",
        required: false,
    },
    Setting {
        key: "app_id",
        about: "The app's number; $self_app is the app that the API key belongs to.",
        example: "\"$self_app\"",
        required: false,
    },
    Setting {
        key: "find_visitors",
        about: "Whether a manager may write first, to a visitor whom the app's list of users knows by number or address; and how numbers are written there: as \"digits\", with a \"plus\", or \"never\".",
        example: "\"digits\"",
        required: false,
    },
    Setting {
        key: "transport",
        about: "How news come: by \"webhook\" (their support switches it on), by \"polling\" (we ask), or by \"both\".",
        example: "\"webhook\"",
        required: false,
    },
    Setting {
        key: "poll_every",
        about: "How long the rounds of asking are apart, if news are asked for: from \"1s\" to \"1h\".",
        example: "\"10s\"",
        required: false,
    },
    Setting {
        key: "poll_since",
        about: "From when on news are wanted, when they are asked for the first time; without it, from that moment on.",
        example: "\"2026-03-02T00:00:00Z\"",
        required: false,
    },
    Setting {
        key: "base_url",
        about: "Where Carrot quest is called; Dashly, the same product, is at https://api.dashly.app.",
        example: "\"https://api.carrotquest.io\"",
        required: false,
    },
    Setting {
        key: "forward_bots",
        about: "Whether the CRM is shown what bots and automatic messages say to visitors.",
        example: "true",
        required: false,
    },
    Setting {
        key: "notes_to_crm",
        about: "Whether operators' notes, ratings and service messages are told to the CRM's managers, silently; a visitor never sees them.",
        example: "false",
        required: false,
    },
    Setting {
        key: "max_file",
        about: "The largest file that is sent along, in bytes; a larger one is an error that its manager sees.",
        example: "10000000",
        required: false,
    },
    Setting {
        key: "max_text_len",
        about: "How many signs a message may have; a longer text becomes several messages.",
        example: "4000",
        required: false,
    },
    Setting {
        key: "sends_per_second",
        about: "How many messages may be sent in a second.",
        example: "3",
        required: false,
    },
    Setting {
        key: "reads_per_second",
        about: "How many questions may be asked in a second.",
        example: "2",
        required: false,
    },
];

pub(super) const SECRETS: &[Setting] = &[
    Setting {
        key: AUTH_TOKEN,
        about: "The API key from the panel: Settings, Developers, API keys.",
        example: "\"app.1234.…\"",
        required: true,
    },
    Setting {
        key: WEBHOOK_TOKEN,
        about: "The token that Carrot quest sends with every webhook; their support names it when they switch webhooks on. Not needed with transport = \"polling\".",
        example: "\"…\"",
        required: false,
    },
];

/// An account's settings, parsed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Settings {
    /// In whose name messages appear if nobody else fits.
    pub(super) default_admin: String,
    /// Which operator speaks for which manager.
    pub(super) admins: BTreeMap<String, String>,
    /// Which version is called.
    pub(super) api: Api,
    /// The app, as it stands in paths.
    pub(super) app_id: String,
    /// How visitors are found by whom a manager writes to first.
    pub(super) find_visitors: FindVisitors,
    /// How news come.
    pub(super) transport: Transport,
    /// How long the rounds of asking are apart.
    pub(super) poll_every: Duration,
    /// From when on news are asked for; absent: from the first round on.
    pub(super) poll_since: Option<Timestamp>,
    /// Where Carrot quest is called, without a slash at the end.
    pub(super) base_url: String,
    /// What is told of what is said beside people's words.
    pub(super) tells: Tells,
    /// The largest file that is sent along, in bytes.
    pub(super) max_file: u64,
    /// How many signs a message may have.
    pub(super) max_text_len: NonZeroU32,
    /// How many messages may be sent in a second.
    pub(super) sends_per_second: NonZeroU32,
    /// How many questions may be asked in a second.
    pub(super) reads_per_second: NonZeroU32,
}

/// The versions of Carrot quest's interface. They differ in how lists are paged (2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Api {
    /// `/v1`: deprecated.
    V1,
    /// `/v2`.
    V2,
}

/// How visitors are found to whom a manager writes first. The search is observed, not documented, and how numbers are
/// written in `$phone` is for whoever put them there (4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FindVisitors {
    /// Numbers are digits there.
    Digits,
    /// Numbers begin with a plus there.
    Plus,
    /// They are not looked for.
    Never,
}

/// How news come to us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Transport {
    /// They are sent to us.
    Webhook,
    /// We ask for them.
    Polling,
    /// Both; what comes by both ways causes nothing twice.
    Both,
}

impl Transport {
    /// Whether we ask.
    pub(super) const fn is_polled(self) -> bool {
        match self {
            Self::Polling | Self::Both => true,
            Self::Webhook => false,
        }
    }

    /// Whether they send.
    pub(super) const fn is_hooked(self) -> bool {
        match self {
            Self::Webhook | Self::Both => true,
            Self::Polling => false,
        }
    }
}

impl Api {
    /// What its paths begin with.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::V1 => "/v1",
            Self::V2 => "/v2",
        }
    }
}

impl Settings {
    /// Reads the settings, or names everything that is wrong with them.
    pub(super) fn parse(settings: &Value) -> Result<Self, Vec<SettingProblem>> {
        let mut reading = Reading::begin(settings, SETTINGS, "a Carrot quest account")?;
        let parsed = Self {
            default_admin: reading
                .text("default_admin", is_admin, "\"default_admin\" or an operator's number in quotes")
                .unwrap_or_else(|| DEFAULT_ADMIN.to_owned()),
            admins: admins(&mut reading),
            api: api(&mut reading),
            app_id: reading
                .text("app_id", is_app, "\"$self_app\" or the app's number in quotes")
                .unwrap_or_else(|| SELF_APP.to_owned()),
            find_visitors: find_visitors(&mut reading),
            transport: transport(&mut reading),
            poll_every: reading
                .text("poll_every", |text| span(text).is_some(), "a time from \"1s\" to \"1h\", as \"10s\" or \"2m\"")
                .and_then(|text| span(&text))
                .unwrap_or(POLL_EVERY),
            poll_since: reading
                .text("poll_since", |text| since(text).is_some(), "a moment, as \"2026-03-02T00:00:00Z\"")
                .and_then(|text| since(&text)),
            base_url: reading.url("base_url", CARROT_QUEST),
            tells: Tells {
                machines: reading.value("forward_bots").is_none() || reading.flag("forward_bots"),
                notes: reading.flag("notes_to_crm"),
            },
            max_file: max_file(&mut reading),
            max_text_len: reading.count("max_text_len", MOST_SIGNS, LONGEST_TEXT),
            sends_per_second: reading.count(
                "sends_per_second",
                MOST_CALLS,
                const { NonZeroU32::new(3).expect("it is not zero") },
            ),
            reads_per_second: reading.count(
                "reads_per_second",
                MOST_CALLS,
                const { NonZeroU32::new(2).expect("it is not zero") },
            ),
        };
        reading.finish(parsed)
    }

    /// What can be done at an account.
    ///
    /// Both calls that begin a dialogue (3.4) are addressed by a user's id: `startconversation` writes in the *user's*
    /// name, so it is `sendmessage`, to a visitor who is known already. Whoever has never left a number or an address
    /// on the site cannot be written to first.
    pub(super) const fn traits(&self) -> Traits {
        let first_contact = match self.find_visitors {
            FindVisitors::Digits | FindVisitors::Plus => FirstContact::FindThenSend,
            FindVisitors::Never => FirstContact::ClientOnly,
        };
        // Parts can neither be changed nor taken away through the interface, and there are no reactions (3.3).
        let can = Abilities { show_typing: true, ..Abilities::NONE };
        Traits { first_contact, can_look_up: true, wants_delivery: false, can, tells: self.tells }
    }

    /// Who is told by webhook knows by their token who tells.
    pub(super) fn problems_with(&self, secrets: &Secrets) -> Vec<SettingProblem> {
        if !self.transport.is_hooked() || secrets.get(WEBHOOK_TOKEN).is_some() {
            return Vec::new();
        }
        let remedy = "write webhook_token = { env = \"VARIABLE\" }, which Carrot quest's support names when they switch \
                      webhooks on; or, without webhooks, transport = \"polling\"";
        vec![problem(WEBHOOK_TOKEN, "it is missing, and news are to come by webhook", remedy)]
    }

    /// The operator who speaks for a manager.
    pub(super) fn admin_for(&self, author: &Person) -> &str {
        let known = author.theirs.as_ref().and_then(|manager| self.admins.get(manager.as_str()));
        known.map_or(&self.default_admin, String::as_str)
    }
}

/// Where Carrot quest is.
const CARROT_QUEST: &str = "https://api.carrotquest.io";

/// The app that the token belongs to (2.2).
const SELF_APP: &str = "$self_app";

/// Within the 5 to 15 s of the contract (7.5).
const POLL_EVERY: Duration = Duration::from_secs(10);

/// The app's own operator, as the interface names it (3.2).
const DEFAULT_ADMIN: &str = "default_admin";

/// Ten megabytes, as documented for one of the two calls that take files and assumed for the other (3.2).
const MAX_FILE: u64 = 10_000_000;

/// No override of a rate goes beyond this many calls; more is certainly a slip.
const MOST_CALLS: u32 = 10_000;

/// What is taken if nobody knows better: no limit is documented, only that there is one (contract, 11).
const LONGEST_TEXT: NonZeroU32 = NonZeroU32::new(4_000).expect("four thousand is not zero");

/// No text is longer than this anywhere; a higher number is certainly a slip.
const MOST_SIGNS: u32 = 100_000;

fn admins(reading: &mut Reading<'_>) -> BTreeMap<String, String> {
    const REMEDY: &str = "write { \"the manager's id in the CRM\" = \"the operator's number\" }";
    let Some(value) = reading.value("admins") else {
        return BTreeMap::new();
    };
    let Some(entries) = value.as_object() else {
        reading.problems.push(problem("admins", "it is not a table", REMEDY));
        return BTreeMap::new();
    };
    let mut admins = BTreeMap::new();
    for (manager, operator) in entries {
        match operator.as_str().filter(|operator| is_admin(operator)) {
            Some(operator) => drop(admins.insert(manager.clone(), operator.to_owned())),
            None => {
                let reason = format!("{operator} is no operator's number in quotes");
                reading.problems.push(problem(&format!("admins.{manager}"), &reason, REMEDY));
            }
        }
    }
    admins
}

fn api(reading: &mut Reading<'_>) -> Api {
    let written = reading.text("api", |word| matches!(word, "v1" | "v2"), "\"v2\" or \"v1\"");
    if written.as_deref() == Some("v1") { Api::V1 } else { Api::V2 }
}

fn max_file(reading: &mut Reading<'_>) -> u64 {
    let Some(value) = reading.value("max_file") else { return MAX_FILE };
    value.as_u64().filter(|bytes| *bytes > 0).unwrap_or_else(|| {
        let reason = format!("{value} is not a whole number of bytes above zero");
        reading.problems.push(problem("max_file", &reason, "write a number without quotes"));
        MAX_FILE
    })
}

fn find_visitors(reading: &mut Reading<'_>) -> FindVisitors {
    let is_one = |word: &str| matches!(word, "digits" | "plus" | "never");
    match reading.text("find_visitors", is_one, "\"digits\", \"plus\" or \"never\"").as_deref() {
        Some("plus") => FindVisitors::Plus,
        Some("never") => FindVisitors::Never,
        Some(_) | None => FindVisitors::Digits,
    }
}

fn transport(reading: &mut Reading<'_>) -> Transport {
    let is_one = |word: &str| matches!(word, "webhook" | "polling" | "both");
    let written = reading.text("transport", is_one, "\"webhook\", \"polling\" or \"both\"");
    match written.as_deref() {
        Some("polling") => Transport::Polling,
        Some("both") => Transport::Both,
        Some(_) | None => Transport::Webhook,
    }
}

fn is_admin(text: &str) -> bool {
    text == DEFAULT_ADMIN || (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_app(text: &str) -> bool {
    text == SELF_APP || (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A time as the document writes it elsewhere: a whole number and `ms`, `s`, `m` or `h`; none shorter than a second.
fn span(text: &str) -> Option<Duration> {
    let unit = text.trim_start_matches(|sign: char| sign.is_ascii_digit());
    let number: u64 = text[..text.len() - unit.len()].parse().ok()?;
    let millis = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let span = Duration::from_millis(number.checked_mul(millis)?);
    (Duration::from_secs(1)..=Duration::from_secs(3_600)).contains(&span).then_some(span)
}

/// A moment with its zone: without one, nobody knows which is meant.
fn since(text: &str) -> Option<Timestamp> {
    text.parse::<jiff::Timestamp>().ok().map(|moment| Timestamp::from_millis(moment.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatledger_projections::ids::PersonId;
    use serde_json::json;

    #[test]
    fn nothing_is_enough() {
        let settings = Settings::parse(&json!({})).expect("everything has a default");
        assert_eq!(settings.base_url, "https://api.carrotquest.io");
        assert_eq!((settings.default_admin.as_str(), settings.api), ("default_admin", Api::V2));
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let settings = json!({ "default_admin": 139_001, "admins": { "a": "Olga", "b": "7" }, "api": "v3",
            "base_url": "api.carrotquest.io", "auth_token": "x", "reads_per_second": 0 });
        let problems = Settings::parse(&settings).expect_err("there is something wrong");
        let keys: Vec<_> = problems.iter().map(|found| found.key.as_str()).collect();
        assert_eq!(keys, ["auth_token", "default_admin", "admins.a", "api", "base_url", "reads_per_second"]);
        assert_eq!(Settings::parse(&json!([])).expect_err("no table").len(), 1);
    }

    #[test]
    fn a_manager_speaks_as_their_operator_and_a_stranger_as_the_app() {
        let settings = Settings::parse(&json!({ "admins": { "m-1": "139001" } })).expect("these settings are right");
        let person = |id: &str| Person { theirs: Some(PersonId::new(id)), ..Person::default() };
        assert_eq!(settings.admin_for(&person("m-1")), "139001");
        assert_eq!(settings.admin_for(&person("m-2")), "default_admin");
        assert_eq!(settings.admin_for(&Person::default()), "default_admin");
    }

    #[test]
    fn who_is_only_asked_needs_no_token_for_webhooks_and_who_is_told_does() {
        let mut secrets = Secrets::default();
        for (transport, missing) in [("webhook", 1), ("both", 1), ("polling", 0)] {
            let settings = Settings::parse(&json!({ "transport": transport })).expect("these settings are right");
            assert_eq!(settings.problems_with(&secrets).len(), missing, "{transport}");
        }
        secrets.insert(WEBHOOK_TOKEN, crate::connector::Secret::new("token"));
        let settings = Settings::parse(&json!({})).expect("everything has a default");
        assert!(settings.problems_with(&secrets).is_empty() && !settings.transport.is_polled());
    }

    #[test]
    fn times_and_moments_are_read_or_named() {
        let wrong = json!({ "transport": "realtime", "poll_every": "0s", "poll_since": "2026-03-02", "app_id": "a/b",
            "find_visitors": "always" });
        let problems = Settings::parse(&wrong).expect_err("there is something wrong");
        let keys: Vec<_> = problems.iter().map(|found| found.key.as_str()).collect();
        assert_eq!(keys, ["app_id", "find_visitors", "transport", "poll_every", "poll_since"]);
        for (text, seconds) in [("1s", 1), ("1500ms", 1), ("2m", 120), ("1h", 3600)] {
            assert_eq!(span(text).map(|span| span.as_secs()), Some(seconds), "{text}");
        }
        for text in ["", "10", "999ms", "2h", "-1s", "1.5s", "99999999999999999999s", "s", "1 week"] {
            assert_eq!(span(text), None, "{text}");
        }
    }
}
