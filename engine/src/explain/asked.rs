//! What a person asks for, as they type it.
//!
//! Takes a text; says which ids it may be. Whether there is anything of that name only the log can tell.

use chatledger_projections::recorded::Position;
use uuid::Uuid;

/// A text that names a message, a dialogue, an intent or an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    text: String,
    position: Option<Position>,
    only_position: bool,
    uuid: Option<Uuid>,
    beginning: Option<String>,
}

/// So many signs of an id are typed at least; fewer begin too many of them.
const SHORTEST_BEGINNING: usize = 4;

/// Before a position, where a message bears the same number.
const POSITION_MARK: char = '@';

impl Asked {
    /// Reads what was typed: a platform's id of a message or ours, alone or behind its connection and a colon; a whole id
    /// of ours or its beginning; a position, which may have `@` before it.
    pub fn typed(text: &str) -> Self {
        let text = text.trim();
        let number = text.strip_prefix(POSITION_MARK).unwrap_or(text);
        let position = number.parse().ok();
        let is_hex = |sign: char| sign.is_ascii_hexdigit() || sign == '-';
        let is_beginning = text.len() >= SHORTEST_BEGINNING && text.chars().all(is_hex);
        Self {
            position,
            only_position: text.starts_with(POSITION_MARK) && position.is_some(),
            uuid: text.parse().ok(),
            beginning: is_beginning.then(|| text.to_lowercase()),
            text: text.to_owned(),
        }
    }

    /// The text itself.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The position that it is.
    pub(super) const fn position(&self) -> Option<Position> {
        self.position
    }

    /// Whether a message's id is meant by it; how a message is called at a connection follows from both.
    pub(super) fn is_message(&self, connection: &str, id: &str) -> bool {
        !self.only_position
            && (self.text == id
                || self
                    .text
                    .strip_prefix(connection)
                    .and_then(|rest| rest.strip_prefix(':'))
                    .is_some_and(|named| named == id))
    }

    /// The ids of a message that may be meant at a connection.
    pub(super) fn message_ids(&self, connection: &str) -> Vec<&str> {
        if self.only_position {
            return Vec::new();
        }
        let behind = self.text.strip_prefix(connection).and_then(|rest| rest.strip_prefix(':'));
        std::iter::once(self.text.as_str()).chain(behind).collect()
    }

    /// Whether it is this id, whole.
    pub(super) fn is_id(&self, id: Uuid) -> bool {
        self.uuid == Some(id)
    }

    /// Whether an id begins so.
    pub(super) fn begins(&self, id: Uuid) -> bool {
        let Some(beginning) = &self.beginning else { return false };
        let mut buffer = Uuid::encode_buffer();
        id.hyphenated().encode_lower(&mut buffer).starts_with(beginning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_be_a_message_and_a_position_and_a_mark_says_which() {
        let asked = Asked::typed(" 301 ");
        assert_eq!(asked.position(), Some(Position::new(301)));
        assert!(asked.is_message("one.main", "301") && !asked.is_message("one.main", "30"));
        let asked = Asked::typed("@301");
        assert_eq!(asked.position(), Some(Position::new(301)));
        assert!(!asked.is_message("one.main", "301"));
    }

    #[test]
    fn a_connection_before_an_id_says_where() {
        let asked = Asked::typed("one.main:a-300");
        assert!(asked.is_message("one.main", "a-300") && !asked.is_message("two.main", "a-300"));
        assert!(asked.is_message("two.main", "one.main:a-300"), "our own ids have colons in them");
    }

    #[test]
    fn an_id_is_known_by_its_beginning_if_that_is_long_enough() {
        let id = Uuid::from_u128(0x6d0f_2a36_9c1e_5b7d_8e42_c4a1_77d3_0b95);
        assert!(Asked::typed("6D0F2a36-9c").begins(id) && Asked::typed("6d0f").begins(id));
        assert!(!Asked::typed("6d0").begins(id) && !Asked::typed("7d0f").begins(id));
        assert!(Asked::typed(&id.to_string()).is_id(id));
    }
}
