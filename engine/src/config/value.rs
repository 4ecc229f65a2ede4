//! What a single value must look like. A value of the document in, one of its real type out, or why not.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::document::Value;
use super::problem::Wrong;

/// A text that is not empty.
pub(super) fn text(value: &Value) -> Result<String, Wrong> {
    match value {
        Value::Text(text) if text.trim().is_empty() => Err(Wrong::new("it is empty", "write a text in quotes")),
        Value::Text(text) => Ok(text.clone()),
        other => Err(Wrong::new(format!("it is {}, not a text", other.kind()), "write it in quotes")),
    }
}

/// `true` or `false`.
pub(super) fn flag(value: &Value) -> Result<bool, Wrong> {
    match value {
        Value::Boolean(flag) => Ok(*flag),
        other => {
            Err(Wrong::new(format!("it is {}, not true or false", other.kind()), "write true or false, without quotes"))
        }
    }
}

/// An address to listen at.
pub(super) fn address(value: &Value) -> Result<SocketAddr, Wrong> {
    text(value)?.parse().map_err(|_| {
        Wrong::new("it is not an address with a port", "write numbers and a port, such as \"127.0.0.1:8080\"")
    })
}

/// A whole number in a range.
pub(super) fn count(range: RangeInclusive<u32>) -> impl Fn(&Value) -> Result<u32, Wrong> {
    move |value| {
        let remedy = || format!("write a whole number from {} to {}", range.start(), range.end());
        match value {
            Value::Integer(number) => u32::try_from(*number)
                .ok()
                .filter(|number| range.contains(number))
                .ok_or_else(|| Wrong::new("it is out of range", remedy())),
            other => Err(Wrong::new(format!("it is {}, not a whole number", other.kind()), remedy())),
        }
    }
}

/// A length of time in a range.
pub(super) fn duration(range: RangeInclusive<Duration>) -> impl Fn(&Value) -> Result<Duration, Wrong> {
    move |value| {
        let remedy = || {
            let (least, most) = (shown(*range.start()), shown(*range.end()));
            format!("write a time from \"{least}\" to \"{most}\", such as \"500ms\", \"5s\", \"10m\" or \"24h\"")
        };
        let Value::Text(text) = value else {
            return Err(Wrong::new(format!("it is {}, not a time with a unit", value.kind()), remedy()));
        };
        let signed: jiff::SignedDuration =
            text.parse().map_err(|_| Wrong::new("it is not a time with a unit", remedy()))?;
        Duration::try_from(signed)
            .ok()
            .filter(|duration| range.contains(duration))
            .ok_or_else(|| Wrong::new("it is out of range", remedy()))
    }
}

fn shown(duration: Duration) -> String {
    jiff::SignedDuration::try_from(duration).map_or_else(|_| format!("{duration:?}"), |signed| format!("{signed:#}"))
}

/// A number of bytes in a range.
pub(super) fn size(range: RangeInclusive<usize>) -> impl Fn(&Value) -> Result<usize, Wrong> {
    move |value| {
        let remedy = || {
            format!("write a size from {} to {} bytes, such as \"512 KiB\" or \"1 MiB\"", range.start(), range.end())
        };
        let bytes = match value {
            Value::Integer(number) => usize::try_from(*number).ok(),
            Value::Text(text) => bytes(text),
            other => return Err(Wrong::new(format!("it is {}, not a size", other.kind()), remedy())),
        };
        match bytes {
            None => Err(Wrong::new("it is not a size", remedy())),
            Some(bytes) if range.contains(&bytes) => Ok(bytes),
            Some(_) => Err(Wrong::new("it is out of range", remedy())),
        }
    }
}

fn bytes(text: &str) -> Option<usize> {
    let text = text.trim();
    let digits = text.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit: usize = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "kib" => 1024,
        "mb" => 1000 * 1000,
        "mib" => 1024 * 1024,
        "gb" => 1000 * 1000 * 1000,
        "gib" => 1024 * 1024 * 1024,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(unit)
}

/// One of several words.
pub(super) fn choice<T: Copy>(words: &[(&str, T)]) -> impl Fn(&Value) -> Result<T, Wrong> {
    move |value| {
        let remedy = || {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            format!("write one of {}", words.join(", "))
        };
        let Value::Text(text) = value else {
            return Err(Wrong::new(format!("it is {}, not a word", value.kind()), remedy()));
        };
        words
            .iter()
            .find(|(word, _)| word == text)
            .map(|(_, meaning)| *meaning)
            .ok_or_else(|| Wrong::new("there is no such choice", remedy()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn times_are_read_with_their_unit_and_within_their_range() {
        let read = duration(Duration::from_millis(1)..=Duration::from_secs(86_400));
        for (text, millis) in
            [("500ms", 500), ("5s", 5000), ("10m", 600_000), ("1h 30m", 5_400_000), ("24h", 86_400_000)]
        {
            assert_eq!(read(&written(text)), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "5 apples", "-5s", "0s", "25h", "1mo"] {
            assert!(read(&written(text)).is_err(), "{text}");
        }
        assert!(read(&Value::Integer(5)).is_err());
    }

    #[test]
    fn sizes_are_read_with_or_without_a_unit() {
        let read = size(1..=16 << 20);
        for (text, bytes) in [("1 MiB", 1 << 20), ("512KiB", 512 << 10), ("1 mb", 1_000_000), ("17", 17), ("3 B", 3)] {
            assert_eq!(read(&written(text)), Ok(bytes), "{text}");
        }
        assert_eq!(read(&Value::Integer(1000)), Ok(1000));
        for text in ["", "MiB", "1 GiB", "1.5 MiB", "-1", "17 MiB", "99999999999999999999"] {
            assert!(read(&written(text)).is_err(), "{text}");
        }
    }
}
