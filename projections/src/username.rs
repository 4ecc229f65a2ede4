//! A public name in a messenger, by which a client is found who gave no number.
//!
//! Takes what people and programs type (`@anna_k`, `anna_k`, `https://t.me/anna_k`); gives one form for all of them, without
//! the sign. Capital letters are kept, for people look at it.

use std::fmt;

use arcstr::ArcStr;
use serde::{Deserialize, Serialize};

/// A public name, without `@`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(ArcStr);

/// The longest that any messenger gives.
const LONGEST: usize = 64;

impl Username {
    /// Reads a public name: letters of the Latin alphabet, digits, underscores and dots, with at least one letter, so that
    /// a telephone number is never taken for one.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
        let name = rest.strip_prefix("t.me/").or_else(|| text.strip_prefix('@')).unwrap_or(text);
        let is_sign = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '.');
        let is_name = (2..=LONGEST).contains(&name.len())
            && name.chars().all(is_sign)
            && name.chars().any(|sign| sign.is_ascii_alphabetic());
        is_name.then(|| Self(name.into()))
    }

    /// The same name as it is compared: messengers do not heed capital letters.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self(self.0.to_ascii_lowercase().into())
    }

    /// The name without `@`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Username {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Username({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_becomes_one_form() {
        for text in ["@anna_k", "anna_k", " https://t.me/anna_k ", "t.me/anna_k"] {
            assert_eq!(Username::parse(text).unwrap().as_str(), "anna_k", "{text}");
        }
    }

    #[test]
    fn what_is_no_public_name_is_none() {
        for text in ["", "@", "+79135292926", "79135292926", "Анна", "anna k", "https://elsewhere.example/anna", "a/b"]
        {
            assert_eq!(Username::parse(text), None, "{text}");
        }
    }
}
