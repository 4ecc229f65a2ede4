//! What the connectors' readings of settings have in common: how a wrong one is told, and what an address to call looks
//! like. Takes a setting's key, gives its value, or a problem to tell. Absent: which settings there are; each connector knows.

use std::num::NonZeroU32;

use serde_json::{Map, Value};

use crate::connector::{Setting, SettingProblem};

/// A setting that cannot be used: which, why, and what to do about it.
pub(crate) fn problem(key: &str, reason: &str, remedy: &str) -> SettingProblem {
    SettingProblem { key: key.to_owned(), reason: reason.to_owned(), remedy: remedy.to_owned() }
}

/// Whether a text is an address under which a platform can be called: a host, perhaps with a path, and nothing behind.
pub(crate) fn is_base_url(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        let host = host.trim_end_matches('/');
        !host.is_empty() && !host.contains(|sign: char| sign.is_whitespace() || matches!(sign, '?' | '#' | '@'))
    })
}

/// One account's settings while they are read: takes keys, gives values, and keeps what is wrong with them, so that every
/// problem is named at once. What is null is not there.
pub(crate) struct Reading<'a> {
    /// The settings themselves, for what is neither a text nor a number.
    pub(crate) settings: &'a Map<String, Value>,
    /// What is wrong with them so far.
    pub(crate) problems: Vec<SettingProblem>,
}

impl<'a> Reading<'a> {
    /// Begins to read, and tells of every key that an account, as "a Pact account", does not have.
    pub(crate) fn begin(settings: &'a Value, known: &[Setting], account: &str) -> Result<Self, Vec<SettingProblem>> {
        let Some(settings) = settings.as_object() else {
            return Err(vec![problem("", "the settings are not a table", "write them as keys with values")]);
        };
        let mut problems = Vec::new();
        for key in settings.keys().filter(|key| known.iter().all(|setting| setting.key != key.as_str())) {
            let known = known.iter().map(|setting| setting.key).collect::<Vec<_>>().join(", ");
            let remedy = format!("remove it or correct its name; known are {known}");
            problems.push(problem(key, &format!("{account} has no such setting"), &remedy));
        }
        Ok(Self { settings, problems })
    }

    /// What was read, unless anything was wrong.
    pub(crate) fn finish<T>(self, read: T) -> Result<T, Vec<SettingProblem>> {
        if self.problems.is_empty() { Ok(read) } else { Err(self.problems) }
    }

    /// The value under a key.
    pub(crate) fn value(&self, key: &str) -> Option<&'a Value> {
        self.settings.get(key).filter(|value| !value.is_null())
    }

    /// A text that fits; `example` is written into the remedy.
    pub(crate) fn text(&mut self, key: &str, fits: impl Fn(&str) -> bool, example: &str) -> Option<String> {
        let value = self.value(key)?;
        let text = value.as_str().filter(|text| fits(text));
        if text.is_none() {
            self.problems.push(problem(key, &format!("{value} does not fit"), &format!("write {example}")));
        }
        text.map(str::to_owned)
    }

    /// An address to call, without a slash at its end.
    pub(crate) fn url(&mut self, key: &str, otherwise: &str) -> String {
        let url = self.text(key, is_base_url, &format!("{otherwise:?}"));
        url.map_or_else(|| otherwise.to_owned(), |url| url.trim_end_matches('/').to_owned())
    }

    /// Yes or no; no if nothing is said.
    pub(crate) fn flag(&mut self, key: &str) -> bool {
        let Some(value) = self.value(key) else { return false };
        if !value.is_boolean() {
            self.problems.push(problem(key, &format!("{value} does not fit"), "write true or false"));
        }
        value.as_bool().unwrap_or_default()
    }

    /// A whole number from one up to `most`.
    pub(crate) fn whole(&mut self, key: &str, most: u64) -> Option<u64> {
        let value = self.value(key)?;
        let whole = value.as_u64().filter(|number| (1..=most).contains(number));
        if whole.is_none() {
            let reason = format!("{value} is not a whole number from 1 to {most}");
            self.problems.push(problem(key, &reason, "write a number without quotes"));
        }
        whole
    }

    /// The same where it counts something.
    pub(crate) fn count(&mut self, key: &str, most: u32, otherwise: NonZeroU32) -> NonZeroU32 {
        let count = self.whole(key, u64::from(most)).and_then(|count| u32::try_from(count).ok());
        count.and_then(NonZeroU32::new).unwrap_or(otherwise)
    }
}
