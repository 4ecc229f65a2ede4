//! What is wrong with a configuration: all of it, each with its key, its reason and its remedy.
//!
//! Secrets are absent by construction: whoever makes a [`Problem`] says whether its value may be seen.

use std::fmt;

/// One thing that is wrong, or odd.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The line of the document; absent if something is missing altogether.
    pub line: Option<usize>,
    /// The path of the key, such as `server.listen`; empty if it is about the document.
    pub key: String,
    /// What stands there, if that may be seen.
    pub value: Option<String>,
    /// What is wrong with it.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(formatter, "line {line}: ")?;
        }
        if !self.key.is_empty() {
            write!(formatter, "`{}`", self.key)?;
            if let Some(value) = &self.value {
                write!(formatter, " = {value}")?;
            }
            formatter.write_str(": ")?;
        }
        write!(formatter, "{}; {}", self.reason, self.remedy)
    }
}

/// A configuration that cannot be used, with everything that is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invalid {
    /// Where the document came from; absent if it was given as text.
    pub document: Option<String>,
    /// What is wrong, in the document's order. Never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let document = self.document.as_deref().unwrap_or("the configuration");
        match self.problems.len() {
            1 => write!(formatter, "{document} has a problem:")?,
            count => write!(formatter, "{document} has {count} problems:")?,
        }
        self.problems.iter().try_for_each(|problem| write!(formatter, "\n  {problem}"))
    }
}

impl std::error::Error for Invalid {}

/// Why a value cannot be used; where it stands is added by whoever asked for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wrong {
    /// What is wrong with it.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

impl Wrong {
    /// For the one who asked.
    pub fn new(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { reason: reason.into(), remedy: remedy.into() }
    }
}
