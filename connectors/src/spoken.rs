//! What replies say to people and to machines alike, whatever the platform: a reason, and a time to wait.

use chatledger_projections::event::RecordedReply;

/// As much of a reason as a person reads.
const LONGEST_REASON: usize = 300;

/// A reason, at most so long as a person reads.
pub(crate) fn bounded(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// How many seconds the header `Retry-After` asks for; `None` if it is not there, or names a date. More digits than a number
/// holds are still a very long wait.
pub(crate) fn retry_after_s(reply: &RecordedReply) -> Option<u64> {
    let (_, value) = reply.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
    let digits = value.trim();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatledger_projections::bytes::Bytes;

    #[test]
    fn a_reason_is_cut_between_signs() {
        assert_eq!(bounded(" bad data\n"), "bad data");
        let long = bounded(&"я".repeat(1000));
        assert_eq!(long.chars().count(), LONGEST_REASON + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn only_a_number_of_seconds_is_a_time_to_wait() {
        let asks = |value: &str| {
            let headers = vec![("Retry-After".to_owned(), value.to_owned())];
            retry_after_s(&RecordedReply { status: 429, headers, body: Bytes(Vec::new()), cut: false })
        };
        assert_eq!(asks(" 7 "), Some(7));
        assert_eq!(asks(&"9".repeat(40)), Some(u64::MAX));
        for other in ["", "+7", "soon", "Thu, 16 Dec 2021 13:16:29 GMT"] {
            assert_eq!(asks(other), None, "{other}");
        }
    }
}
