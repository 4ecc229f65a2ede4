//! Folding a log: every event from the start, or from a place, through a pipeline.

use std::ops::ControlFlow;

use chatledger_projections::recorded::Position;
use chatledger_projections::state::State;

use crate::log::codec::{self, CodecError};
use crate::log::{EventLog, ReadError};
use crate::pipeline::{Pipeline, Step};

/// Why a log cannot be folded.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What is stored cannot be understood.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// How many events are read at a time.
const PAGE: usize = 4096;

/// Folds what stands after a position, up to the end or up to `until` (inclusive). `each` sees every step with the
/// state that it led to. Gives the position of the last event. Blocks.
pub fn fold(
    log: &dyn EventLog,
    pipeline: &mut Pipeline,
    after: Option<Position>,
    until: Option<Position>,
    each: &mut dyn FnMut(&Step, &State),
) -> Result<Option<Position>, FoldError> {
    let mut last = after;
    let mut broken = None;
    log.scan(after, PAGE, &mut |stored| {
        if until.is_some_and(|until| stored.position > until) {
            return ControlFlow::Break(());
        }
        match codec::unseal(stored) {
            Ok(unsealed) => {
                last = Some(stored.position);
                let step = pipeline.take(unsealed.into_recorded());
                each(&step, pipeline.state());
                ControlFlow::Continue(())
            }
            Err(error) => {
                broken = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    match broken {
        Some(error) => Err(error.into()),
        None => Ok(last),
    }
}
