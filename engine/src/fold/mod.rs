//! Folding a log: every event from the start, or from a place, through a pipeline.
//!
//! What an event means depends on nothing but the event. So one thread reads the log, others understand what it read,
//! page by page in turn, and this one takes in what they understood, in the log's order.

mod page;

use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use chatledger_projections::recorded::Position;
use chatledger_projections::state::State;

use self::page::Page;
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

/// How many events are read from the log at a time.
const READ_AT_ONCE: usize = 4096;

/// A page is handed over when it has so many events, or so many bytes.
const PAGE_EVENTS: usize = 512;
const PAGE_BYTES: usize = 1 << 20;

/// How many pages wait at most, before each reader and behind it; then whoever made them waits.
const PAGES_AHEAD: usize = 2;

/// How many readers there are at most: taking in is one thread's work, and more could not keep it busier.
const READERS_AT_MOST: usize = 4;

/// A page, understood up to its end or up to what cannot be.
struct Understood {
    readings: Vec<(Position, Reading)>,
    broken: Option<CodecError>,
}

/// Folds what stands after a position, up to the end or up to `until` (inclusive). `each` sees every step with the
/// state that it led to. Gives the position of the last event. Blocks.
pub fn fold(
    log: &dyn EventLog,
    pipeline: &mut Pipeline,
    after: Option<Position>,
    until: Option<Position>,
    each: &mut dyn FnMut(&Step, &State),
) -> Result<Option<Position>, FoldError> {
    understand_in_order(log, after, until, &mut |reading| {
        let step = pipeline.take_in(reading);
        each(&step, pipeline.state());
        ControlFlow::Continue(())
    })
}

/// Hands what stands after a position to `each`, understood, in the log's order, up to the end, up to `until` (inclusive),
/// or until `each` breaks off. Gives the position of the last event that was handed over. Blocks.
pub fn understand_in_order(
    log: &dyn EventLog,
    after: Option<Position>,
    until: Option<Position>,
    each: &mut dyn FnMut(Reading) -> ControlFlow<()>,
) -> Result<Option<Position>, FoldError> {
    // Logs that are reached through the runtime need it on the thread that reads, too.
    let runtime = tokio::runtime::Handle::try_current().ok();
    // Beside this thread; the one that reads the log mostly waits for the disk or for the others.
    let readers = thread::available_parallelism().map_or(1, NonZero::get).saturating_sub(1).clamp(1, READERS_AT_MOST);
    thread::scope(|scope| {
        let (pages, understood): (Vec<_>, Vec<_>) = (0..readers)
            .map(|_| {
                let (page, pages) = sync_channel(PAGES_AHEAD);
                let (ahead, understood) = sync_channel(PAGES_AHEAD);
                scope.spawn(move || understand_all(&pages, &ahead));
                (page, understood)
            })
            .unzip();
        let scanner = scope.spawn(move || {
            let _entered = runtime.as_ref().map(tokio::runtime::Handle::enter);
            scan(log, after, until, &pages)
        });
        let mut last = after;
        // The pages were dealt in turn, so they come back in turn. The first reader with nothing left is behind the end.
        for Understood { readings, broken } in understood.iter().cycle().map_while(|reader| reader.recv().ok()) {
            for (position, reading) in readings {
                let goes_on = each(reading);
                last = Some(position);
                if goes_on.is_break() {
                    return Ok(last);
                }
            }
            if let Some(error) = broken {
                return Err(error.into());
            }
        }
        match scanner.join() {
            Ok(ended) => Ok(ended.map(|()| last)?),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Reads the log to its end, and deals it out page by page.
fn scan(
    log: &dyn EventLog,
    after: Option<Position>,
    until: Option<Position>,
    readers: &[SyncSender<Page>],
) -> Result<(), ReadError> {
    let mut readers = readers.iter().cycle();
    // Nobody takes it any more only if what was read before cannot be understood, or taking in has panicked.
    let mut deal = |page: Page| readers.next().is_some_and(|reader| reader.send(page).is_ok());
    let mut page = Page::default();
    let scanned = log.scan(after, READ_AT_ONCE, &mut |stored| {
        if until.is_some_and(|until| stored.position > until) {
            return ControlFlow::Break(());
        }
        page.push(stored);
        let (events, bytes) = page.size();
        if events < PAGE_EVENTS && bytes < PAGE_BYTES || deal(std::mem::take(&mut page)) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    // What was read before the end, whatever the end was.
    deal(page);
    scanned
}

/// Understands pages for as long as any come and somebody wants them.
fn understand_all(pages: &Receiver<Page>, ahead: &SyncSender<Understood>) {
    for page in pages {
        if ahead.send(understand(&page)).is_err() {
            return;
        }
    }
}

fn understand(page: &Page) -> Understood {
    let mut readings = Vec::with_capacity(page.size().0);
    for stored in page.iter() {
        match codec::unseal(stored) {
            Ok(unsealed) => readings.push((stored.position, read(unsealed.into_recorded()))),
            Err(error) => return Understood { readings, broken: Some(error) },
        }
    }
    Understood { readings, broken: None }
}
