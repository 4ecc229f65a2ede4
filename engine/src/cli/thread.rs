//! A dialogue as it is typed: the beginning of its id is enough if no other begins so.

use chatledger_projections::ids::ThreadId;
use chatledger_projections::threads::Threads;

use super::failure::Failure;

/// The one dialogue whose id begins so.
pub fn only(threads: &Threads, beginning: &str) -> Result<ThreadId, Failure> {
    let beginning = beginning.trim().to_lowercase();
    let mut found = threads.iter().map(|(id, _)| id).filter(|id| id.to_string().starts_with(&beginning));
    match (found.next(), found.count()) {
        (Some(thread), 0) => Ok(thread),
        (None, _) => Err(Failure::usage(format!(
            "no thread's id begins with {beginning:?}; `chatledger state` without --thread lists all"
        ))),
        (Some(_), others) => {
            Err(Failure::usage(format!("the ids of {} threads begin with {beginning:?}; give more of it", others + 1)))
        }
    }
}
