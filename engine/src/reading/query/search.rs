//! What people type to find a dialogue: which names it may be.
//!
//! Takes a text; gives the numbers that it may be as a telephone number, in each country's way of writing that the routes
//! use, the ids that it may be, and the words of a name. What is found by a number or an id comes before what is found by
//! words.

use std::collections::BTreeSet;

use chatledger_projections::configuration::Configuration;
use chatledger_projections::phone::{PhoneNumber, Region};
use chatledger_projections::username::Username;
use rusqlite::{OptionalExtension as _, params};

use super::{Scene, document};
use crate::reading::model::writer::folded;
use crate::reading::row::{Named, Number};

/// How many dialogues an id or a number finds at most.
const FOUND_AT_MOST: i64 = 200;

/// So many signs of an id of ours are typed at least; fewer begin too many of them.
const SHORTEST_BEGINNING: usize = 4;

/// How many words are looked for.
const WORDS_AT_MOST: usize = 8;

/// The dialogues that are called exactly so, or whose client has the number.
pub(super) fn called(scene: &Scene<'_>, text: &str) -> Result<BTreeSet<Number>, rusqlite::Error> {
    let text = text.trim();
    let mut found = BTreeSet::new();
    let mut by_name =
        scene.rows.prepare_cached("SELECT thread FROM names WHERE name = ?1 AND what = ?2 AND since <= ?3 LIMIT ?4")?;
    let mut look = |name: &str, what: Named| -> Result<(), rusqlite::Error> {
        let threads =
            by_name.query_map(params![name, what as i64, scene.moment.seq, FOUND_AT_MOST], |row| row.get(0))?;
        for thread in threads {
            found.insert(thread?);
        }
        Ok(())
    };
    for phone in phones(scene, text)? {
        look(phone.digits(), Named::Phone)?;
    }
    for what in [Named::Conversation, Named::Person, Named::Message] {
        look(text, what)?;
    }
    // As `chatledger explain` takes it: a connection, a colon, the id.
    if let Some((connection, id)) = text.split_once(':')
        && scene.connections.iter().any(|(_, name)| name.as_str() == connection)
    {
        look(id, Named::Message)?;
        look(id, Named::Conversation)?;
    }
    if let Some(username) = Username::parse(text) {
        look(&username.as_str().to_lowercase(), Named::Username)?;
    }
    if text.contains('@') {
        look(&text.to_lowercase(), Named::Email)?;
    }
    let is_hex = |sign: char| sign.is_ascii_hexdigit() || sign == '-';
    if text.len() >= SHORTEST_BEGINNING && text.chars().all(is_hex) {
        let beginning = text.to_lowercase();
        let mut by_id = scene
            .rows
            .prepare_cached("SELECT thread FROM threads WHERE id >= ?1 AND id < ?1 || 'g' AND since <= ?2 LIMIT ?3")?;
        let threads = by_id.query_map(params![beginning, scene.moment.seq, FOUND_AT_MOST], |row| row.get(0))?;
        for thread in threads {
            found.insert(thread?);
        }
    }
    Ok(found)
}

/// The numbers that a text may be.
fn phones(scene: &Scene<'_>, text: &str) -> Result<Vec<PhoneNumber>, rusqlite::Error> {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    if digits < 7 {
        return Ok(Vec::new());
    }
    let mut regions: Vec<Region> = configuration(scene)?.routes.values().map(|route| route.region).collect();
    regions.push(Region::RUSSIA);
    regions.dedup();
    let mut phones: Vec<PhoneNumber> =
        regions.into_iter().filter_map(|region| PhoneNumber::parse(text, region).ok()).collect();
    phones.sort();
    phones.dedup();
    Ok(phones)
}

/// The configuration that was in force.
pub(in crate::reading) fn configuration(scene: &Scene<'_>) -> Result<Configuration, rusqlite::Error> {
    let mut configuration = scene
        .rows
        .prepare_cached("SELECT document FROM configurations WHERE since <= ?1 ORDER BY since DESC LIMIT 1")?;
    let configuration =
        configuration.query_row([scene.moment.seq], |row| document(row.get_ref(0)?.as_str()?)).optional()?;
    Ok(configuration.unwrap_or_default())
}

/// The question after words for the index of names: each word, or one that begins so. `None` if there is no word.
pub(super) fn words(text: &str) -> Option<String> {
    let folded = folded(text);
    let words: Vec<String> = folded
        .split(|sign: char| !sign.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(WORDS_AT_MOST)
        .map(|word| format!("\"{word}\"*"))
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn whatever_is_typed_is_words_and_never_a_question_of_its_own() {
        assert_eq!(words("Анна Петр"), Some("\"Анна\"* \"Петр\"*".to_owned()));
        assert_eq!(
            words("\"; DROP OR NOT (x* NEAR y)"),
            Some("\"DROP\"* \"OR\"* \"NOT\"* \"x\"* \"NEAR\"* \"y\"*".to_owned())
        );
        assert_eq!(words("  —  \"*\" "), None);
    }
}
