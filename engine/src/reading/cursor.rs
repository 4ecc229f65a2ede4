//! Where the next page of a list begins: a text that only we read.
//!
//! It carries the moment of the first page, so that a list that is paged through is one list however much happens
//! meanwhile, and a mark of what was asked, so that a cursor of one question is not taken for another's. It holds no secret
//! and opens nothing: whoever makes one up gets the rows that they could have asked for.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// Where the next page begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor(Inside);

/// A text that is no cursor of ours, or one of another list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotACursor {
    /// It cannot be read.
    #[error("it is not a cursor; give the `next` of an answer, unchanged")]
    Unreadable,
    /// It belongs to another question.
    #[error("it is the cursor of another list; give it with the parameters of the page that it came from")]
    Foreign,
}

/// The longest cursor that we make, in signs; a longer text is none.
const LONGEST: usize = 256;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Inside {
    /// Of which question.
    q: String,
    /// The moment of the first page, as the read model counts events.
    m: i64,
    /// The last row that was looked at, in the list's order.
    k: Vec<i64>,
}

impl Cursor {
    /// Behind the row with this key, in the list that `question` describes, as of `moment`.
    pub(super) fn behind(question: &Question, moment: i64, key: &[i64]) -> Self {
        Self(Inside { q: question.0.clone(), m: moment, k: key.to_vec() })
    }

    /// The moment of the first page, if it is this question's.
    pub(super) fn moment(&self, question: &Question) -> Result<i64, NotACursor> {
        if self.0.q == question.0 { Ok(self.0.m) } else { Err(NotACursor::Foreign) }
    }

    /// The moment and the key, if it is this question's and has so many parts.
    pub(super) fn open<const N: usize>(&self, question: &Question) -> Result<(i64, [i64; N]), NotACursor> {
        if self.0.q != question.0 {
            return Err(NotACursor::Foreign);
        }
        let key = self.0.k.as_slice().try_into().map_err(|_| NotACursor::Unreadable)?;
        Ok((self.0.m, key))
    }
}

/// A mark of what was asked, so that its cursors are known again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Question(String);

impl Question {
    /// The mark of a list and of everything that selects its rows.
    pub(super) fn of(list: &str, filter: &impl fmt::Debug) -> Self {
        let digest = Sha256::digest(format!("{list} {filter:?}"));
        Self(hex::encode(&digest[..6]))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inside = serde_json::to_vec(&self.0).expect("numbers and a text serialise");
        formatter.write_str(&URL_SAFE_NO_PAD.encode(inside))
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        if text.len() > LONGEST {
            return Err(NotACursor::Unreadable);
        }
        let inside = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotACursor::Unreadable)?;
        serde_json::from_slice(&inside).map(Self).map_err(|_| NotACursor::Unreadable)
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_is_refused_by_another_question() {
        let question = Question::of("threads", &1);
        let cursor = Cursor::behind(&question, 17, &[5, -3]);
        let again: Cursor = cursor.to_string().parse().expect("we made it");
        assert_eq!(again.open::<2>(&question), Ok((17, [5, -3])));
        assert_eq!(again.open::<2>(&Question::of("threads", &2)), Err(NotACursor::Foreign));
        assert_eq!(again.open::<3>(&question), Err(NotACursor::Unreadable));
        for text in ["", "x", "!", "bnVsbA", &"a".repeat(400)] {
            assert_eq!(text.parse::<Cursor>(), Err(NotACursor::Unreadable), "{text}");
        }
    }
}
