//! One table of the document, while it is read: settings go out, and what is wrong is gathered on the way.
//!
//! A wrong value does not end the reading: its default stands in for it until everything has been looked at.

use super::document::{Entry, Table, Value};
use super::problem::{Problem, Wrong};

/// A table while it is read.
pub(super) struct Section<'a> {
    path: String,
    line: Option<usize>,
    given: Table,
    defaults: Table,
    asked: Vec<&'static str>,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Section<'a> {
    /// The table of an entry, or an empty one. `path` is what stands before its keys in messages.
    pub fn of(path: String, entry: Option<Entry>, problems: &'a mut Vec<Problem>) -> Self {
        let line = entry.as_ref().map(|entry| entry.line);
        let given = match entry.map(|entry| entry.value) {
            Some(Value::Table(table)) => table,
            None => Table::new(),
            Some(other) => {
                problems.push(Problem {
                    line,
                    key: path.clone(),
                    // It might be a secret under a wrong name.
                    value: None,
                    reason: format!("it is {}, not a section", other.kind()),
                    remedy: format!("write [{path}], and its settings below"),
                });
                Table::new()
            }
        };
        Self { path, line, given, defaults: Table::new(), asked: Vec::new(), problems }
    }

    /// Lets the default document speak where the given one is silent.
    pub fn with_defaults(self, defaults: Option<Entry>) -> Self {
        match defaults.map(|entry| entry.value) {
            Some(Value::Table(defaults)) => Self { defaults, ..self },
            Some(_) | None => self,
        }
    }

    /// A setting that the default document has.
    pub fn setting<T>(&mut self, key: &'static str, read: impl Fn(&Value) -> Result<T, Wrong>) -> T {
        let default = self.defaults.remove(key).and_then(|entry| read(&entry.value).ok());
        self.optional(key, read).or(default).expect("config.default.toml has every setting; a test reads it")
    }

    /// A setting that may be absent.
    pub fn optional<T>(&mut self, key: &'static str, read: impl Fn(&Value) -> Result<T, Wrong>) -> Option<T> {
        let entry = self.take(key)?;
        match read(&entry.value) {
            Ok(value) => Some(value),
            Err(wrong) => {
                let key = self.path_of(key);
                let value = entry.value.shown();
                let Wrong { reason, remedy } = wrong;
                self.problems.push(Problem { line: Some(entry.line), key, value, reason, remedy });
                None
            }
        }
    }

    /// A setting without which nothing goes; `remedy` says what to write.
    pub fn required<T>(
        &mut self,
        key: &'static str,
        remedy: &str,
        read: impl Fn(&Value) -> Result<T, Wrong>,
    ) -> Option<T> {
        if !self.given.contains_key(key) {
            self.asked.push(key);
            let (line, key) = (self.line, self.path_of(key));
            let (reason, remedy) = ("it is missing".to_owned(), remedy.to_owned());
            self.problems.push(Problem { line, key, value: None, reason, remedy });
            return None;
        }
        self.optional(key, read)
    }

    /// The entry itself, for values that are read elsewhere.
    pub fn take(&mut self, key: &'static str) -> Option<Entry> {
        self.asked.push(key);
        self.given.remove(key)
    }

    /// Whether a setting is written and not read yet.
    pub fn has(&self, key: &str) -> bool {
        self.given.contains_key(key)
    }

    /// Where a setting stands, or else the section.
    pub fn line_of(&self, key: &str) -> Option<usize> {
        self.given.get(key).map(|entry| entry.line).or(self.line)
    }

    /// The path of a key in this section, as people would write it.
    pub fn path_of(&self, key: &str) -> String {
        path(&self.path, key)
    }

    /// The gathered problems, for what is found outside of values.
    pub const fn problems(&mut self) -> &mut Vec<Problem> {
        self.problems
    }

    /// Ends the reading: whatever nobody asked for is a problem. Its value is not shown: it may be a secret whose key
    /// was misspelt.
    pub fn finish(self) {
        for (key, entry) in &self.given {
            self.problems.push(Problem {
                line: Some(entry.line),
                key: path(&self.path, key),
                value: None,
                reason: "there is no such setting".to_owned(),
                remedy: match self.asked.as_slice() {
                    [] => "take it away".to_owned(),
                    asked => format!("take it away, or correct it to one of: {}", asked.join(", ")),
                },
            });
        }
    }
}

/// A key behind a path, in quotes if TOML wants them.
pub(super) fn path(path: &str, key: &str) -> String {
    let is_bare =
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    match (path, is_bare) {
        ("", true) => key.to_owned(),
        ("", false) => format!("{key:?}"),
        (path, true) => format!("{path}.{key}"),
        (path, false) => format!("{path}.{key:?}"),
    }
}
