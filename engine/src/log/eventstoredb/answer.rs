//! What a failed call proves. Takes the client's error, gives what is certain of it.
//!
//! The client's own words are coarser than the wire's, and some mean several things; where one may mean that the server
//! did what it was asked, it counts as that. Source: the table of the client's and the server's mappings in
//! `docs/eventstoredb.md`.

use chatledger_projections::recorded::Revision;
use eventstore::{CurrentRevision, Error};

use crate::log::BoxedError;

/// What a failed call proves.
#[derive(Debug)]
pub(super) enum Proof {
    /// The stream's end is elsewhere; nothing was done.
    Conflict {
        /// Where it is.
        actual: Option<Revision>,
    },
    /// The server takes no append of this size; nothing was done.
    TooLarge {
        /// Its limit in bytes, if it tells.
        limit: Option<usize>,
    },
    /// The server will not do it, however often it is asked.
    Refused(BoxedError),
    /// It was not done, and may be if it is asked again.
    NotDone(BoxedError),
    /// It may have been done. The same again settles it.
    Unknown(BoxedError),
}

/// What the call says of the client that made it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Health {
    /// It works.
    Sound,
    /// Once may be the server's bad moment, twice is not.
    Doubtful,
    /// It will never work again.
    Dead,
}

/// Nothing came within the time that we wait.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the server did not answer in time")]
pub(super) struct NoAnswer;

/// What a failed call proves, and what it says of its client.
pub(super) fn sort(error: Error) -> (Proof, Health) {
    match error {
        Error::WrongExpectedVersion { current, expected: _ } => {
            let actual = match current {
                CurrentRevision::Current(revision) => Some(Revision::new(revision)),
                CurrentRevision::NoStream => None,
            };
            (Proof::Conflict { actual }, Health::Sound)
        }
        Error::AccessDenied => (refused("the user has no right to this; see docs/eventstoredb.md"), Health::Sound),
        Error::ResourceDeleted => (refused("somebody deleted the stream at the server, for good"), Health::Sound),
        // The client goes to the leader by itself.
        leader @ Error::NotLeaderException(_) => (Proof::NotDone(leader.into()), Health::Sound),
        // No node was found, so none was asked; and the task that looks for them has ended.
        none @ (Error::GrpcConnectionError(_) | Error::InitializationError(_)) => {
            (Proof::NotDone(none.into()), Health::Dead)
        }
        closed @ Error::ConnectionClosed => (Proof::Unknown(closed.into()), Health::Dead),
        lost @ (Error::ServerError(_) | Error::DeadlineExceeded) => (Proof::Unknown(lost.into()), Health::Doubtful),
        Error::Grpc { code, message } => grpc(&format!("{code:?}"), message),
        // Of an append or a read of everything, only a node says so that is not in its cluster yet.
        missing @ Error::ResourceNotFound => (Proof::NotDone(missing.into()), Health::Doubtful),
        unsupported @ Error::UnsupportedFeature => (Proof::Refused(unsupported.into()), Health::Sound),
        other @ (Error::ResourceAlreadyExists
        | Error::InternalParsingError(_)
        | Error::InternalClientError
        | Error::IllegalStateError(_)) => (Proof::Unknown(other.into()), Health::Doubtful),
    }
}

/// The client's type for the code is another crate's, which is named nowhere else; its words are enough.
fn grpc(code: &str, message: String) -> (Proof, Health) {
    let told = || BoxedError::from(format!("{code}: {message}"));
    match code {
        "InvalidArgument" if message.to_ascii_lowercase().contains("size") => {
            let digits = |sign: char| !sign.is_ascii_digit();
            let limit = message.split(digits).filter_map(|number| number.parse().ok()).next_back();
            (Proof::TooLarge { limit }, Health::Sound)
        }
        // A message beyond what the server reads at all.
        "OutOfRange" => (Proof::TooLarge { limit: None }, Health::Sound),
        "InvalidArgument" | "FailedPrecondition" | "Unimplemented" => (Proof::Refused(told()), Health::Sound),
        _ => (Proof::Unknown(told()), Health::Doubtful),
    }
}

fn refused(words: &str) -> Proof {
    Proof::Refused(words.into())
}

impl Proof {
    /// What was said, for reads, which cannot be in doubt.
    pub(super) fn into_cause(self) -> BoxedError {
        match self {
            Self::Conflict { actual } => format!("an unexpected conflict at {actual:?}").into(),
            Self::TooLarge { limit } => format!("more than the server takes at once ({limit:?})").into(),
            Self::Refused(cause) | Self::NotDone(cause) | Self::Unknown(cause) => cause,
        }
    }

    /// Whether asking again may help.
    pub(super) const fn is_passing(&self) -> bool {
        match self {
            Self::Conflict { .. } | Self::TooLarge { .. } | Self::Refused(_) => false,
            Self::NotDone(_) | Self::Unknown(_) => true,
        }
    }
}
