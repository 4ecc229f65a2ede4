//! What the connectors' readings of settings have in common: how a wrong one is told, and what an address to call looks
//! like. Takes a setting's text, gives a verdict or a problem. Absent: which settings there are; each connector knows.

use crate::connector::SettingProblem;

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
