//! What the end of a fetch means for its message. Pure.
//!
//! A file that will not come whatever one does is *missing*, and the message goes on without it or fails visibly; what
//! may pass is put off, but not for ever, for every later message of the dialogue waits behind it.

use std::time::Duration;

use chatledger_projections::fact::Fact;
use chatledger_projections::files::{Stored, lost, megabytes};
use chatledger_projections::outcome::Outcome;

/// Why a file did not come. No variant holds an address: those are often all the proof that they want.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FetchError {
    /// The link is none of the web's, or bears a name and a password.
    #[error("the file's address is not one of the web")]
    Address,
    /// The link, or where it led, is not the open internet.
    #[error("the file's address is not on the open internet")]
    Forbidden,
    /// It led on and on.
    #[error("the file's address leads to another one more than {0} times")]
    Redirects(usize),
    /// The server answered something else.
    #[error("the file's server answered with {0}")]
    Status(u16),
    /// The server sends it only packed.
    #[error("the file's server sends it only compressed")]
    Packed,
    /// It is larger than we take.
    #[error("the file has more than {}", megabytes(*.0))]
    TooLarge(u64),
    /// It took longer than we wait.
    #[error("the file did not come in time")]
    TooSlow,
    /// Nobody there.
    #[error("the file's server cannot be reached")]
    Unreached,
    /// It broke off.
    #[error("the file broke off while it came")]
    BrokenOff,
    /// Our own disk.
    #[error("the file cannot be kept here: {0}")]
    Disk(String),
}

impl FetchError {
    /// Whether a later try may bring the file.
    const fn may_pass(&self) -> bool {
        match self {
            Self::Address | Self::Forbidden | Self::Redirects(_) | Self::Packed | Self::TooLarge(_) => false,
            Self::Status(status) => matches!(*status, 408 | 425 | 429 | 500..),
            Self::TooSlow | Self::Unreached | Self::BrokenOff | Self::Disk(_) => true,
        }
    }
}

/// After so many tries, and no sooner than patience ends, a file that did not come is missing.
const TRIES_AT_LEAST: u32 = 3;

/// What follows for the attempt. `attempt` counts from one, `tried_for` is since the intent was raised.
pub fn sort(
    ended: Result<Stored, FetchError>,
    attempt: u32,
    tried_for: Duration,
    patience: Duration,
) -> (Outcome, Vec<Fact>) {
    match ended {
        Ok(stored) => (Outcome::Accepted, vec![Fact::FileFetched { stored }]),
        Err(error) if error.may_pass() && (attempt < TRIES_AT_LEAST || tried_for < patience) => {
            (Outcome::Postponed { until: None, reason: error.to_string() }, Vec::new())
        }
        Err(error) => (Outcome::Accepted, vec![Fact::FileMissing { failure: lost(&error.to_string()) }]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(600);

    fn is_missing(error: FetchError, attempt: u32, tried_for: u64) -> bool {
        let (outcome, facts) = sort(Err(error), attempt, Duration::from_secs(tried_for), PATIENCE);
        let is_missing = matches!(facts.as_slice(), [Fact::FileMissing { .. }]);
        assert_eq!(is_missing, outcome == Outcome::Accepted);
        assert_ne!(is_missing, matches!(outcome, Outcome::Postponed { .. }));
        is_missing
    }

    #[test]
    fn what_will_never_come_is_missing_at_once() {
        for status in [301, 400, 401, 403, 404, 410, 418, 451] {
            assert!(is_missing(FetchError::Status(status), 1, 0), "{status}");
        }
        for error in [
            FetchError::Forbidden,
            FetchError::Address,
            FetchError::Redirects(5),
            FetchError::TooLarge(1),
            FetchError::Packed,
        ] {
            assert!(is_missing(error, 1, 0));
        }
    }

    #[test]
    fn what_may_pass_is_tried_again_but_not_for_ever() {
        for error in [
            FetchError::TooSlow,
            FetchError::Unreached,
            FetchError::BrokenOff,
            FetchError::Disk("full".to_owned()),
            FetchError::Status(500),
            FetchError::Status(503),
            FetchError::Status(429),
        ] {
            assert!(!is_missing(error.clone(), 1, 0));
            // It waited long for something else.
            assert!(!is_missing(error.clone(), 2, 86_400));
            assert!(!is_missing(error.clone(), 50, 599));
            assert!(is_missing(error, 3, 600));
        }
    }
}
