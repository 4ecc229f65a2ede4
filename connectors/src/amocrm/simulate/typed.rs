//! A request's document, read as strictly as amojo does: a number where a text is documented is an error, and the
//! reverse (contract, 2).

use serde_json::Value;

use super::chats::Refusal;

/// An object in a request; `null` is taken for absent, as a public client sends it.
pub(super) struct Typed<'a> {
    value: &'a Value,
    at: String,
}

impl<'a> Typed<'a> {
    /// The whole document.
    pub(super) const fn document(value: &'a Value) -> Self {
        Self { value, at: String::new() }
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, Refusal> {
        self.scalar(key, "a string", Value::as_str)
    }

    /// A text that must be there and say something.
    pub(super) fn some_text(&self, key: &str) -> Result<&'a str, Refusal> {
        self.text(key)?.filter(|text| !text.is_empty()).ok_or_else(|| self.missing(key))
    }

    /// A whole number.
    pub(super) fn whole(&self, key: &str) -> Result<Option<i64>, Refusal> {
        self.scalar(key, "an integer", Value::as_i64)
    }

    /// A whole number that must be there.
    pub(super) fn some_whole(&self, key: &str) -> Result<i64, Refusal> {
        self.whole(key)?.ok_or_else(|| self.missing(key))
    }

    /// A number with a fraction that must be there.
    pub(super) fn some_float(&self, key: &str) -> Result<f64, Refusal> {
        self.scalar(key, "a float", |value| value.as_f64().filter(|_| value.is_f64()))?.ok_or_else(|| self.missing(key))
    }

    /// True or false.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, Refusal> {
        self.scalar(key, "a boolean", Value::as_bool)
    }

    /// An object.
    pub(super) fn maybe_object(&self, key: &str) -> Result<Option<Self>, Refusal> {
        match self.value.get(key).filter(|value| !value.is_null()) {
            None => Ok(None),
            Some(value) if value.is_object() => Ok(Some(Self { value, at: self.path(key) })),
            Some(_) => Err(Refusal::bad_data(&format!("{}: an object is expected", self.path(key)))),
        }
    }

    /// An object that must be there.
    pub(super) fn object(&self, key: &str) -> Result<Self, Refusal> {
        self.maybe_object(key)?.ok_or_else(|| self.missing(key))
    }

    /// The object as it came.
    pub(super) const fn raw(&self) -> &'a Value {
        self.value
    }

    fn scalar<T>(&self, key: &str, shape: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>, Refusal> {
        match self.value.get(key).filter(|value| !value.is_null()) {
            None => Ok(None),
            Some(value) => read(value)
                .map(Some)
                .ok_or_else(|| Refusal::bad_data(&format!("{}: {shape} is expected", self.path(key)))),
        }
    }

    fn missing(&self, key: &str) -> Refusal {
        Refusal::bad_data(&format!("{} is required", self.path(key)))
    }

    fn path(&self, key: &str) -> String {
        if self.at.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at) }
    }
}
