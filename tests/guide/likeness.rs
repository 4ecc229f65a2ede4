//! What counts as the same: what differs from run to run may differ, everything else may not.
//!
//! Ids, moments and digests are each as good as any other; `[..]` stands for the rest of a line's part, and a line of `...`
//! for any lines.

use snapbox::IntoData as _;
use snapbox::assert::Assert;

/// Compares what the guide says with what was printed; gives the difference, for people.
pub fn compare(expected: &str, actual: &str) -> Result<(), String> {
    let (expected, actual) = (plain(expected), plain(actual));
    Assert::new()
        .try_eq(Some(&"what was printed"), actual.into_data(), expected.into_data())
        .map_err(|difference| difference.to_string())
}

/// The same text without what differs from run to run.
fn plain(text: &str) -> String {
    let is_part = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | ':' | '.');
    let mut plain = String::new();
    for line in text.lines() {
        let mut rest = line.trim_end();
        while let Some(begin) = rest.find(is_part) {
            let (before, word) = rest.split_at(begin);
            let (word, after) = word.split_at(word.find(|sign| !is_part(sign)).unwrap_or(word.len()));
            // A full stop or a colon at the end belongs to the sentence.
            let core = word.trim_end_matches(['.', ':']);
            plain.push_str(before);
            plain.push_str(kind(core).unwrap_or(core));
            plain.push_str(&word[core.len()..]);
            rest = after;
        }
        plain.push_str(rest);
        plain.push('\n');
    }
    plain
}

fn kind(word: &str) -> Option<&'static str> {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let dashes: Vec<usize> = word.match_indices('-').map(|(at, _)| at).collect();
    let is_uuid = word.len() == 36 && dashes == [8, 13, 18, 23] && is_hex(&word.replace('-', ""));
    let is_moment = word.len() >= 20
        && word.ends_with('Z')
        && word.as_bytes().get(10) == Some(&b'T')
        && word[..4].bytes().all(|byte| byte.is_ascii_digit());
    let is_digest =
        matches!(word.len(), 32 | 40 | 64) && is_hex(word) && word.bytes().any(|byte| byte.is_ascii_digit());
    if is_uuid {
        Some("UUID")
    } else if is_moment {
        Some("MOMENT")
    } else if is_digest {
        Some("DIGEST")
    } else {
        None
    }
}

#[test]
fn ids_moments_and_digests_are_as_good_as_any_other_and_words_are_not() {
    let said = "at 2026-03-02T10:00:00.123Z webhook-7e25448e-ffc8-53d6-944f-236fd1a6bc43.\n...\nended [..] s\n";
    let same = "at 2027-01-01T00:00:00Z webhook-7e25448e-ffc8-53d6-944f-236fd1a6bc44.\nmore\nmore\nended 12 s\n";
    // A stream's name is one word, and its id the end of it.
    assert!(compare(said, same).is_err());
    let said = said.replace("webhook-", "webhook ");
    let same = same.replace("webhook-", "webhook ");
    assert_eq!(compare(&said, &same), Ok(()));
    assert!(compare(&said, &same.replace("ended", "began")).is_err());
    assert!(compare("", "something\n").is_err());
}
