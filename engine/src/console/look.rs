//! How a person reads: in which language, by which light, in which zone.
//!
//! Takes a request's headers and query; gives the choice. What was chosen is kept in the reader's own cookies; else the
//! browser's word counts. Nothing of it is known to the server, and nothing of it is a secret.

use axum::http::{HeaderMap, header};

use super::words::{ENGLISH, RUSSIAN, Words};

/// The cookie of the language.
pub const LANGUAGE: &str = "chatledger_language";
/// The cookie of the light.
pub const THEME: &str = "chatledger_theme";
/// The cookie of the zone, set by the page's own script.
pub const ZONE: &str = "chatledger_zone";

/// The longest name of a zone that is looked up.
const LONGEST_ZONE: usize = 64;

/// How one person reads.
#[derive(Clone, Debug)]
pub struct Look {
    /// The language's words.
    pub words: &'static Words,
    /// `light` or `dark`; absent if the system's choice is followed.
    pub theme: Option<&'static str>,
    /// The zone's name, not looked up yet.
    pub zone: String,
}

impl Look {
    /// The choice of whoever sends this request. `lang` in the query goes before everything.
    pub fn of(headers: &HeaderMap, query: &[(String, String)]) -> Self {
        let asked = query.iter().find(|(name, _)| name == "lang").map(|(_, value)| value.clone());
        let kept = || cookie(headers, LANGUAGE);
        let words = asked.or_else(kept).as_deref().and_then(named).unwrap_or_else(|| accepted(headers));
        let theme = cookie(headers, THEME).as_deref().and_then(theme);
        let zone = cookie(headers, ZONE).filter(|zone| zone.len() <= LONGEST_ZONE).unwrap_or_else(|| "UTC".to_owned());
        Self { words, theme, zone }
    }
}

/// A language by its code.
pub fn named(code: &str) -> Option<&'static Words> {
    [&ENGLISH, &RUSSIAN].into_iter().find(|words| words.code == code)
}

/// A light by its name.
pub fn theme(name: &str) -> Option<&'static str> {
    ["light", "dark"].into_iter().find(|known| *known == name)
}

/// The browser's first choice among ours, by its weights; English if it names none of them.
fn accepted(headers: &HeaderMap) -> &'static Words {
    let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut best: (f32, &'static Words) = (0.0, &ENGLISH);
    for choice in header.split(',') {
        let (range, parameters) = choice.split_once(';').unwrap_or((choice, ""));
        let weight = parameters.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok()).unwrap_or(1.0_f32);
        let code = range.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
        if let Some(words) = named(&code)
            && weight > best.0
        {
            best = (weight, words);
        }
    }
    best.1
}

/// A cookie's value.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn what_was_chosen_goes_before_what_the_browser_prefers() {
        let browser = (header::ACCEPT_LANGUAGE, "de-AT, ru-RU;q=0.9, en;q=0.4");
        let code = |headers: &HeaderMap, query: &[(String, String)]| Look::of(headers, query).words.code;
        assert_eq!(code(&headers(&[]), &[]), "en");
        assert_eq!(code(&headers(std::slice::from_ref(&browser)), &[]), "ru");
        let chosen = headers(&[browser, (header::COOKIE, "a=b; chatledger_language=en; chatledger_theme=dark")]);
        assert_eq!(code(&chosen, &[]), "en");
        assert_eq!(code(&chosen, &[("lang".to_owned(), "ru".to_owned())]), "ru");
        assert_eq!(Look::of(&chosen, &[]).theme, Some("dark"));
    }

    #[test]
    fn nonsense_is_as_if_nothing_was_said() {
        let odd = headers(&[
            (header::ACCEPT_LANGUAGE, ";;q=x, ,ru;q=nothing"),
            (header::COOKIE, "chatledger_language=<script>; chatledger_theme=; chatledger_zone"),
        ]);
        let look = Look::of(&odd, &[]);
        assert_eq!((look.words.code, look.theme, look.zone.as_str()), ("ru", None, "UTC"));
    }
}
