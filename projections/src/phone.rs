//! A telephone number that can be dialled from anywhere.
//!
//! Takes what people and programs type (`8 (913) 529-29-26`, `+7 913…`, `79135292926`, other countries' forms) and
//! a region for numbers without a country code; gives one form for all of them. What was typed is kept by whoever
//! shows it to people.

use std::fmt;

use arcstr::ArcStr;
use serde::{Deserialize, Serialize};

/// An international number: digits with the country code, without `+` (E.164).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneNumber(ArcStr);

/// A two-letter country code (ISO 3166-1) whose way of writing numbers is assumed where no country code is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(phonenumber::country::Id);

/// Why a text cannot be used as a telephone number.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PhoneProblem {
    /// There is nothing in it.
    #[error("no phone number is given")]
    Missing,
    /// It has digits, but no country's plan has such a number.
    #[error("{0:?} is not a phone number that can be dialled")]
    Invalid(String),
}

impl PhoneNumber {
    /// Reads a number as typed: first in the region's own way, then as international digits without the plus.
    pub fn parse(text: &str, region: Region) -> Result<Self, PhoneProblem> {
        let text = text.trim();
        if text.is_empty() {
            return Err(PhoneProblem::Missing);
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        if !(7..=15).contains(&digits.len()) || !text.chars().all(is_phone_sign) {
            return Err(PhoneProblem::Invalid(text.to_owned()));
        }
        let international = format!("+{digits}");
        let written_international = text.starts_with('+') || text.starts_with("00");
        dialled(Some(region.0), if written_international { text } else { &digits })
            .or_else(|| (!written_international).then(|| dialled(None, &international)).flatten())
            .ok_or_else(|| PhoneProblem::Invalid(text.to_owned()))
    }

    /// Reads digits that a messenger gave as an international number.
    pub fn international(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        dialled(None, &format!("+{digits}"))
    }

    /// Digits with the country code, without `+`: the form in which ids are built and numbers compared.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

/// What people put between digits, and nothing else: a text with letters is not a number.
fn is_phone_sign(sign: char) -> bool {
    sign.is_ascii_digit()
        || sign.is_whitespace()
        || "+-()./\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{a0}\u{202f}".contains(sign)
}

fn dialled(region: Option<phonenumber::country::Id>, text: &str) -> Option<PhoneNumber> {
    let number = phonenumber::parse(region, text).ok()?;
    phonenumber::is_valid(&number).then(|| {
        let formatted = number.format().mode(phonenumber::Mode::E164).to_string();
        PhoneNumber(formatted.trim_start_matches('+').into())
    })
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "+{}", self.0)
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "+{}", self.0)
    }
}

impl Region {
    /// Russia: what the platforms' customers mostly mean.
    pub const RUSSIA: Self = Self(phonenumber::country::Id::RU);

    /// Reads a two-letter country code.
    pub fn parse(code: &str) -> Option<Self> {
        code.to_ascii_uppercase().parse().ok().map(Self)
    }
}

impl TryFrom<String> for Region {
    type Error = String;

    fn try_from(code: String) -> Result<Self, String> {
        Self::parse(&code).ok_or_else(|| format!("{code:?} is not a two-letter country code such as \"RU\""))
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        PhoneNumber::parse(text, Region::RUSSIA).ok().map(|phone| phone.digits().to_owned())
    }

    #[test]
    fn every_way_of_typing_a_russian_number_is_the_same_number() {
        for text in [
            "89135292926",
            "+79135292926",
            "79135292926",
            "9135292926",
            "8 (913) 529-29-26",
            "+7 913 529 29 26",
            "8\u{a0}913\u{a0}529–29–26",
        ] {
            assert_eq!(read(text).as_deref(), Some("79135292926"), "{text}");
        }
    }

    #[test]
    fn numbers_of_other_countries_are_read_with_and_without_the_plus() {
        for (text, digits) in [
            ("+380501234567", "380501234567"),
            ("380501234567", "380501234567"),
            ("+375 29 123-45-67", "375291234567"),
            ("998901234567", "998901234567"),
            ("+44 7911 123456", "447911123456"),
            ("+7 701 123 45 67", "77011234567"),
            ("+1 202 555 0143", "12025550143"),
        ] {
            assert_eq!(read(text).as_deref(), Some(digits), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_number_is_refused_with_the_text() {
        for text in
            ["", "  ", "нет", "123", "8913529292", "+7 913 529 29 26 доб. 5x", "00000000000", "99999999999999999"]
        {
            assert!(PhoneNumber::parse(text, Region::RUSSIA).is_err(), "{text:?} was read as {:?}", read(text));
        }
    }

    #[test]
    fn a_region_is_a_two_letter_code() {
        assert!(Region::parse("ru").is_some());
        assert!(Region::parse("kz").is_some());
        assert!(Region::parse("Russia").is_none());
    }
}
