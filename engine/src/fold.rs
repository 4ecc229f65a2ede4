//! Folding a log: every event from the start, or from a place, through a pipeline.
//!
//! What an event means depends on nothing but the event, so one thread reads ahead and this one takes in.

use std::ops::ControlFlow;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use chatledger_projections::recorded::Position;
use chatledger_projections::state::State;

use crate::log::codec::{self, CodecError};
use crate::log::{EventLog, ReadError};
use crate::pipeline::{Pipeline, Reading, Step, read};

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

/// How many events are handed over at a time, and how many such batches wait at most; then the reader waits.
const BATCH: usize = 512;
const BATCHES_AHEAD: usize = 4;

type Batch = Vec<(Position, Reading)>;

/// Folds what stands after a position, up to the end or up to `until` (inclusive). `each` sees every step with the
/// state that it led to. Gives the position of the last event. Blocks.
pub fn fold(
    log: &dyn EventLog,
    pipeline: &mut Pipeline,
    after: Option<Position>,
    until: Option<Position>,
    each: &mut dyn FnMut(&Step, &State),
) -> Result<Option<Position>, FoldError> {
    // Logs that are reached through the runtime need it on the reading thread, too.
    let runtime = tokio::runtime::Handle::try_current().ok();
    let (ahead, batches) = sync_channel(BATCHES_AHEAD);
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let _entered = runtime.as_ref().map(tokio::runtime::Handle::enter);
            read_ahead(log, after, until, &ahead)
        });
        let mut last = after;
        for (position, reading) in batches.into_iter().flatten() {
            let step = pipeline.take_in(reading);
            each(&step, pipeline.state());
            last = Some(position);
        }
        match reader.join() {
            Ok(ended) => ended.map(|()| last),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Reads events and what they mean, up to the end or to one that cannot be understood.
fn read_ahead(
    log: &dyn EventLog,
    after: Option<Position>,
    until: Option<Position>,
    ahead: &SyncSender<Batch>,
) -> Result<(), FoldError> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut broken = None;
    let scanned = log.scan(after, PAGE, &mut |stored| {
        if until.is_some_and(|until| stored.position > until) {
            return ControlFlow::Break(());
        }
        match codec::unseal(stored) {
            Ok(unsealed) => batch.push((stored.position, read(unsealed.into_recorded()))),
            Err(error) => {
                broken = Some(error);
                return ControlFlow::Break(());
            }
        }
        if batch.len() < BATCH {
            return ControlFlow::Continue(());
        }
        let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
        // Nobody takes it any more only if taking in has panicked.
        if ahead.send(full).is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    // What was understood before the end, whatever the end was.
    let _nobody_takes_it = ahead.send(batch);
    scanned?;
    match broken {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}
