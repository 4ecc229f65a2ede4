//! What is said instead of a page: in the reader's language, without a word of how the program is made.
//!
//! Takes errors of whatever was asked; gives what a person can do about it. What exactly went wrong goes into the engine's
//! own log, and never onto a page.

use axum::http::StatusCode;
use tracing::warn;

use super::words::Words;
use crate::api::Denied;
use crate::live::chain;
use crate::reading::ReadingError;

/// Why there is no page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// There is nothing of that name, or there was not then.
    NotFound,
    /// Whoever asks may not do that.
    Refused,
    /// It came from a page that is not ours.
    Foreign,
    /// The address or the form cannot be understood.
    Misread,
    /// It cannot be read now.
    Unavailable,
    /// The read side is switched off.
    Off,
}

impl Trouble {
    /// The answer's status.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Refused | Self::Foreign => StatusCode::FORBIDDEN,
            Self::Misread => StatusCode::BAD_REQUEST,
            Self::Unavailable | Self::Off => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What is said: a title, and what to do.
    pub const fn told(self, words: &Words) -> (&'static str, &'static str) {
        match self {
            Self::NotFound => (words.not_found, words.not_found_words),
            Self::Refused => (words.refused, words.refused_words),
            Self::Foreign => (words.foreign, words.foreign_words),
            Self::Misread => (words.misread, words.misread_words),
            Self::Unavailable => (words.unavailable, words.unavailable_words),
            Self::Off => (words.off, words.off_words),
        }
    }
}

impl From<ReadingError> for Trouble {
    fn from(error: ReadingError) -> Self {
        match &error {
            ReadingError::NotFound { .. } | ReadingError::Ambiguous { .. } => Self::NotFound,
            ReadingError::Cursor(_) => Self::Misread,
            ReadingError::Off => Self::Off,
            ReadingError::TooMuch(_)
            | ReadingError::Log(_)
            | ReadingError::Model(_)
            | ReadingError::Trouble(_)
            | ReadingError::Interrupted => {
                warn!(error = %chain(&error), "a page could not be made");
                Self::Unavailable
            }
        }
    }
}

impl From<Denied> for Trouble {
    fn from(_: Denied) -> Self {
        Self::Refused
    }
}

impl From<askama::Error> for Trouble {
    fn from(error: askama::Error) -> Self {
        warn!(%error, "a page could not be written");
        Self::Unavailable
    }
}
