//! What a request says in its query and in its body, whatever the body's form.
//!
//! As lenient as a mock should be (2.2): a form, JSON or parts; a list as `name[]=a&name[]=b` or as JSON's own. What is
//! within an object stands under its path: `template[id]`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::connector::{FormPart, Request};

/// What a request says, by key.
pub(super) struct Values {
    values: BTreeMap<String, Vec<Value>>,
    /// The file among its parts: its name and its size.
    pub(super) file: Option<(String, usize)>,
    /// Whether the body is JSON, in which a number is no text.
    pub(super) is_json: bool,
}

impl Values {
    /// Reads a request.
    pub(super) fn of(request: &Request) -> Self {
        let mut read = Self { values: BTreeMap::new(), file: None, is_json: false };
        for (key, value) in &request.query {
            read.add(key, Value::String(value.clone()));
        }
        let declared = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let boundary =
            declared.and_then(|(_, kind)| kind.split_once("boundary=")).map(|(_, line)| line.trim_matches('"'));
        match (boundary, serde_json::from_slice::<Value>(&request.body)) {
            (Some(boundary), _) => read.parts(&request.body, boundary),
            (None, Ok(document @ Value::Object(_))) => {
                read.is_json = true;
                read.flatten("", document);
            }
            (None, _) => {
                for (key, value) in form_urlencoded::parse(&request.body).into_owned() {
                    read.add(&key, Value::String(value));
                }
            }
        }
        for part in &request.form {
            match part {
                FormPart::Field { name, value } => read.add(name, Value::String(value.clone())),
                FormPart::File { name, stored, file_name } if *name == "file" => {
                    read.file = Some((file_name.clone(), usize::try_from(stored.bytes).unwrap_or(usize::MAX)));
                }
                FormPart::File { .. } => {}
            }
        }
        read
    }

    fn add(&mut self, key: &str, value: Value) {
        let key = key.strip_suffix("[]").unwrap_or(key);
        self.values.entry(key.to_owned()).or_default().push(value);
    }

    fn flatten(&mut self, path: &str, value: Value) {
        match value {
            Value::Object(entries) => {
                for (key, value) in entries {
                    let path = if path.is_empty() { key } else { format!("{path}[{key}]") };
                    self.flatten(&path, value);
                }
            }
            Value::Array(entries) => entries.into_iter().for_each(|entry| self.flatten(path, entry)),
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) | Value::String(_) => self.add(path, value),
        }
    }

    fn parts(&mut self, body: &[u8], boundary: &str) {
        let line = format!("--{boundary}");
        let mut rest = body;
        while let Some(start) = find(rest, line.as_bytes()) {
            rest = &rest[start + line.len()..];
            let end = find(rest, line.as_bytes()).unwrap_or(rest.len());
            let Some(split) = find(&rest[..end], b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&rest[..split]).into_owned();
            let content = rest[split + 4..end].strip_suffix(b"\r\n").unwrap_or(&rest[split + 4..end]);
            let named = |key: &str| {
                let (_, value) = head.split_once(&format!(" {key}=\""))?;
                value.split_once('"').map(|(value, _)| value.to_owned())
            };
            match (named("name"), named("filename")) {
                (Some(name), Some(file)) if name == "file" => self.file = Some((file, content.len())),
                (Some(name), _) => {
                    let value = String::from_utf8_lossy(content).into_owned();
                    self.add(&name, Value::String(value));
                }
                (None, _) => {}
            }
        }
    }

    /// Whether a key is there at all.
    pub(super) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// The keys within an object, or with numbers between their brackets, that begin so.
    pub(super) fn has_within(&self, key: &str) -> bool {
        self.values.keys().any(|known| known.strip_prefix(key).is_some_and(|rest| rest.starts_with('[')))
    }

    /// The text under a key, or why it is none.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, String> {
        match self.values.get(key).map(Vec::as_slice) {
            None | Some([]) => Ok(None),
            Some([Value::String(text)]) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(_) => Err(format!("{key} must be a String")),
        }
    }

    /// The text under a key that must be there.
    pub(super) fn needed(&self, key: &str) -> Result<String, String> {
        self.text(key)?.ok_or_else(|| format!("{key} is missing"))
    }

    /// A text or a number, as a text.
    pub(super) fn word(&self, key: &str) -> Option<String> {
        match self.values.get(key)?.first()? {
            Value::String(text) => Some(text.clone()),
            value => Some(value.to_string()),
        }
    }

    /// All texts under a key.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        self.values.get(key).into_iter().flatten().filter_map(text).collect()
    }

    /// The whole numbers under a key, or why they are none; in a form they are written as text.
    pub(super) fn wholes(&self, key: &str) -> Result<Vec<i64>, String> {
        let whole = |value: &Value| match value {
            Value::String(text) if !self.is_json => text.parse().ok(),
            value => value.as_i64(),
        };
        let values = self.values.get(key).map_or(&[][..], Vec::as_slice);
        let wholes: Option<Vec<i64>> = values.iter().map(whole).collect();
        wholes.ok_or_else(|| format!("{key} must be an Integer"))
    }

    /// The whole number under a key; an empty one in a form is none.
    pub(super) fn whole(&self, key: &str) -> Result<Option<i64>, String> {
        if self.word(key).is_some_and(|word| word.is_empty()) {
            return Ok(None);
        }
        Ok(self.wholes(key)?.first().copied())
    }

    /// Yes or no under a key, or why it is neither.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, String> {
        match self.word(key).as_deref() {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(format!("{key} must be a boolean")),
        }
    }
}

fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}
