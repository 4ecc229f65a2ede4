//! Who the client is, out of `contacts` in any of its five shapes (6.5).
//!
//! Takes an object, JSON inside a text, a plain text, a list, or nothing; gives what it says of a person. Nothing empty is
//! taken over, so that it can overwrite nothing; keys that are not known stay in the recorded body.

use chatledger_projections::content::Person;
use chatledger_projections::fact::RemarkKind;
use serde_json::{Map, Value};

use crate::connector::Decoded;

/// Where it stands in the document.
const AT: &str = "contacts";

/// What is said of the client.
pub(super) fn read(contacts: &Value, decoded: &mut Decoded) -> Person {
    let mut person = Person::default();
    match contacts {
        Value::Null => {}
        Value::Object(entries) => read_object(entries, &mut person),
        Value::String(text) => read_text(text, &mut person),
        // A number is a telephone number without its plus.
        Value::Number(number) => read_text(&number.to_string(), &mut person),
        Value::Array(elements) => {
            for element in elements {
                match element {
                    Value::String(text) => read_text(text, &mut person),
                    Value::Object(entries) => read_object(entries, &mut person),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                        decoded.remark(RemarkKind::OddValue, AT, "a list of something else than texts");
                    }
                }
            }
        }
        Value::Bool(_) => decoded.remark(RemarkKind::OddValue, AT, "true or false"),
    }
    person
}

fn read_object(entries: &Map<String, Value>, person: &mut Person) {
    let text = |key: &str| match entries.get(key) {
        Some(Value::String(text)) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => None,
    };
    person.learn(&Person {
        name: text("name"),
        phone: text("phone"),
        username: text("username").map(|name| name.trim_start_matches('@').to_owned()).filter(|name| !name.is_empty()),
        email: text("email"),
        ..Person::default()
    });
}

fn read_text(text: &str, person: &mut Person) {
    if let Ok(Value::Object(entries)) = serde_json::from_str(text) {
        return read_object(&entries, person);
    }
    if person.phone.is_none() && is_phone(text) {
        person.phone = Some(text.trim().to_owned());
        return;
    }
    let between = |sign: char| sign.is_whitespace() || matches!(sign, ',' | ';');
    for word in text.split(between).filter(|word| !word.is_empty()) {
        if let Some(name) = word.strip_prefix('@').filter(|name| !name.is_empty()) {
            person.username.get_or_insert_with(|| name.to_owned());
        } else if is_email(word) {
            person.email.get_or_insert_with(|| word.to_owned());
        }
    }
    if person.phone.is_none() {
        person.phone = phone_among(text);
    }
}

/// Ten to fifteen digits with nothing but punctuation between them (6.5).
fn is_phone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    (10..=15).contains(&digits) && text.chars().all(is_phone_sign)
}

fn is_phone_sign(sign: char) -> bool {
    sign.is_ascii_digit() || " +-().\u{a0}".contains(sign)
}

/// The first run of signs that is a number: "Анна, +7 900 000-00-01".
fn phone_among(text: &str) -> Option<String> {
    let runs = text.split(|sign: char| !is_phone_sign(sign));
    runs.map(|run| run.trim_matches(|sign: char| !sign.is_ascii_digit() && sign != '+'))
        .find(|run| is_phone(run))
        .map(str::to_owned)
}

fn is_email(word: &str) -> bool {
    word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.trim_end_matches('.').contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn known(contacts: &Value) -> [Option<String>; 4] {
        let mut decoded = Decoded::default();
        let Person { name, phone, username, email, .. } = read(contacts, &mut decoded);
        assert!(decoded.remarks.is_empty(), "{decoded:?}");
        [name, phone, username, email]
    }

    #[test]
    fn all_five_shapes_say_the_same() {
        let expected = [None, Some("+79000000001"), Some("anna_example"), Some("anna@example.com")];
        let expected = expected.map(|text| text.map(str::to_owned));
        let object = json!({ "phone": "+79000000001", "username": "@anna_example", "email": "anna@example.com" });
        for contacts in [
            object.clone(),
            json!(object.to_string()),
            json!("+79000000001, @anna_example, anna@example.com"),
            json!(["+79000000001", "@anna_example", "anna@example.com"]),
            json!([object]),
        ] {
            assert_eq!(known(&contacts), expected, "{contacts}");
        }
        for nothing in [json!(null), json!(""), json!({}), json!([]), json!({ "phone": "", "username": null })] {
            assert_eq!(known(&nothing), [const { None }; 4], "{nothing}");
        }
    }

    #[test]
    fn a_number_is_found_among_words_and_kept_as_it_was_written() {
        assert_eq!(known(&json!("Анна, +7 900 000-00-01"))[1].as_deref(), Some("+7 900 000-00-01"));
        assert_eq!(known(&json!("8 (900) 000-00-01"))[1].as_deref(), Some("8 (900) 000-00-01"));
        assert_eq!(known(&json!(79_000_000_001_i64))[1].as_deref(), Some("79000000001"));
        assert_eq!(known(&json!("дом 5, кв. 7"))[1], None);
    }
}
