//! What stands behind the question mark: every parameter as its real type, or a problem that names it.
//!
//! A parameter that nobody asked for is a problem, too: a filter that is misspelt must not look like one that found all.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use chatledger_projections::recorded::Position;
use chatledger_projections::time::Timestamp;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::reading::asked::LARGEST_LIMIT;
use crate::reading::{AsOf, Wanted};

/// The longest value of a parameter, in bytes.
const LONGEST: usize = 1024;

/// The parameters of one request, while they are read.
#[derive(Debug)]
pub(super) struct Parameters {
    given: BTreeMap<String, String>,
    asked: Vec<&'static str>,
}

impl Parameters {
    /// Takes a query apart.
    pub fn of(query: Option<&str>) -> Result<Self, Problem> {
        let mut given = BTreeMap::new();
        for (key, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let key: String = key.chars().take(64).collect();
            if value.len() > LONGEST {
                return Err(Problem::bad_value(&key, format!("it is longer than {LONGEST} bytes")));
            }
            if value.contains(['\0', '\u{fffd}']) {
                return Err(Problem::bad_value(&key, "it has signs that are no text"));
            }
            if given.insert(key.clone(), value.into_owned()).is_some() {
                return Err(Problem::bad_value(&key, "it is given twice"));
            }
        }
        Ok(Self { given, asked: Vec::new() })
    }

    /// A parameter as text.
    pub fn text(&mut self, key: &'static str) -> Result<Option<String>, Problem> {
        self.asked.push(key);
        match self.given.remove(key) {
            Some(value) if value.trim().is_empty() => Err(Problem::bad_value(key, "it is empty; leave it out")),
            value => Ok(value),
        }
    }

    /// A parameter that reads itself.
    pub fn parsed<T: FromStr>(&mut self, key: &'static str, remedy: &str) -> Result<Option<T>, Problem> {
        let value = self.text(key)?;
        value.map(|value| value.parse().map_err(|_| Problem::bad_value(key, remedy))).transpose()
    }

    /// A parameter that is one of the core's words.
    pub fn word<T: DeserializeOwned>(&mut self, key: &'static str, words: &[&str]) -> Result<Option<T>, Problem> {
        let Some(value) = self.text(key)? else { return Ok(None) };
        word_of(key, value, words).map(Some)
    }

    /// A parameter that is several of the core's words, with commas between.
    pub fn words<T: DeserializeOwned>(&mut self, key: &'static str, words: &[&str]) -> Result<Vec<T>, Problem> {
        let Some(value) = self.text(key)? else { return Ok(Vec::new()) };
        value.split(',').map(|word| word_of(key, word.trim().to_owned(), words)).collect()
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str) -> Result<bool, Problem> {
        Ok(self.parsed(key, "write true or false")?.unwrap_or(false))
    }

    /// As of when: a position, or a time.
    pub fn as_of(&mut self) -> Result<AsOf, Problem> {
        let Some(value) = self.text("as_of")? else { return Ok(AsOf::Now) };
        if let Ok(position) = value.parse::<Position>() {
            return Ok(AsOf::Position(position));
        }
        let remedy = "write a position, such as 1042, or a time, such as 2026-03-02T10:00:00Z";
        moment(&value).map(AsOf::Time).ok_or_else(|| Problem::bad_value("as_of", remedy))
    }

    /// Which page.
    pub fn wanted(&mut self) -> Result<Wanted, Problem> {
        let cursor = self.text("cursor")?;
        let cursor = cursor.map(|text| text.parse()).transpose();
        let cursor =
            cursor.map_err(|wrong: crate::reading::NotACursor| Problem::bad_value("cursor", wrong.to_string()))?;
        let remedy = format!("write a whole number from 1 to {LARGEST_LIMIT}");
        let limit: Option<usize> = self.parsed("limit", &remedy)?;
        if limit.is_some_and(|limit| !(1..=LARGEST_LIMIT).contains(&limit)) {
            return Err(Problem::bad_value("limit", remedy));
        }
        Ok(Wanted { cursor, limit })
    }

    /// A time, or how long before `now`.
    pub fn since(&mut self, key: &'static str, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
        let Some(value) = self.text(key)? else { return Ok(None) };
        if let Some(time) = moment(&value) {
            return Ok(Some(time));
        }
        let before = value.parse::<jiff::SignedDuration>().ok().and_then(|before| Duration::try_from(before).ok());
        let remedy = "write a time, such as 2026-03-02T10:00:00Z, or how long before, such as 90m or 36h";
        before.map(|before| Some(now - before)).ok_or_else(|| Problem::bad_value(key, remedy))
    }

    /// Ends the reading: whatever nobody asked for is a problem.
    pub fn finish(self) -> Result<(), Problem> {
        match self.given.into_keys().next() {
            None => Ok(()),
            Some(key) if self.asked.is_empty() => Err(Problem::bad_value(&key, "no parameter is taken here")),
            Some(key) => {
                let detail = format!("there is no such parameter here; there are {}", self.asked.join(", "));
                Err(Problem::bad_value(&key, detail))
            }
        }
    }
}

fn word_of<T: DeserializeOwned>(key: &str, value: String, words: &[&str]) -> Result<T, Problem> {
    serde_json::from_value(serde_json::Value::String(value))
        .map_err(|_| Problem::bad_value(key, format!("write one of {}", words.join(", "))))
}

/// A moment as people write it.
fn moment(text: &str) -> Option<Timestamp> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(moment.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_named() {
        let field = |query: &str| {
            let mut parameters = Parameters::of(Some(query)).map_err(|problem| problem.field)?;
            parameters.as_of().map_err(|problem| problem.field)?;
            parameters.wanted().map_err(|problem| problem.field)?;
            parameters.flag("only_messages").map_err(|problem| problem.field)?;
            parameters.finish().map_err(|problem| problem.field)
        };
        for (query, named) in [
            ("as_of=yesterday", "as_of"),
            ("as_of=", "as_of"),
            ("limit=0", "limit"),
            ("limit=-1", "limit"),
            ("limit=201", "limit"),
            ("cursor=abc", "cursor"),
            ("only_messages=yes", "only_messages"),
            ("serach=anna", "serach"),
            ("limit=3&limit=4", "limit"),
            ("as_of=%ff%fe", "as_of"),
            ("as_of=%00", "as_of"),
        ] {
            assert_eq!(field(query), Err(Some(named.to_owned())), "{query}");
        }
        for query in ["", "as_of=1042", "as_of=9/4", "as_of=2026-03-02T10:00:00Z", "limit=7&only_messages=true"] {
            assert_eq!(field(query), Ok(()), "{query}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_asked_it_is_read_or_refused(query in "\\PC{0,80}") {
            if let Ok(mut parameters) = Parameters::of(Some(&query)) {
                let _either = (parameters.as_of(), parameters.wanted());
                let _either = parameters.since("quiet_since", Timestamp::from_millis(0));
                let _either = parameters.finish();
            }
        }
    }
}
