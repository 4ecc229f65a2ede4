//! What the engine puts on record by itself, and how long it tries.
//!
//! Takes what is to stand in the log and where; ends when it stands there. A log that refuses is asked again, in order.

use std::time::Duration;

use chatledger_projections::event::{AttemptSettled, Event, IntentRaised};
use chatledger_projections::recorded::{Revision, StreamName};
use chatledger_projections::time::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::{BATCH, chain};
use crate::log::{Append, AppendError, EventLog, ExpectedRevision, codec, ends_the_order, naming};
/// How long the log is left alone after it refused.
pub(super) const LOG_PAUSE: Duration = Duration::from_millis(250);

/// The revision of an intent's stream before an attempt: one event for the intent, two for each attempt.
pub(super) fn before_attempt(attempt: u32) -> Revision {
    Revision::new(u64::from(attempt.saturating_sub(1)) * 2)
}

pub(super) fn raised_append(raised: &IntentRaised, now: Timestamp) -> Append {
    let id = naming::raised(raised.intent_id);
    let sealed = codec::seal_raised(raised, id, now);
    Append { stream: StreamName::intent(raised.intent_id), expected: ExpectedRevision::NoStream, events: vec![sealed] }
}

pub(super) fn settled_append(settled: AttemptSettled, now: Timestamp) -> Append {
    let stream = StreamName::intent(settled.intent_id);
    let revision = before_attempt(settled.attempt).next();
    let event = Event::AttemptSettled(settled);
    let id = naming::event_id(&event, revision.next()).expect("an attempt's id is derived");
    let sealed = codec::seal(&event, id, now, None, None);
    Append { stream, expected: ExpectedRevision::Exact(revision), events: vec![sealed] }
}

/// Appends until the log has taken everything, in order; a conflict means that it stands there already. What the log has
/// not taken holds up what comes behind it: of two messages of a dialogue the second is never raised before the first, and
/// an intent on record says that everything before its cause was decided. Told to stop, it tries once more and leaves the
/// rest to the next start, which finds it undone.
pub(super) async fn append_until_taken(log: &dyn EventLog, appends: Vec<Append>, stop: &CancellationToken) {
    let mut left = appends;
    while !left.is_empty() {
        let answers = log.append_in_order(left.clone()).await;
        let taken = answers.iter().take_while(|answer| !ends_the_order(answer)).count();
        for answer in answers {
            match answer {
                Ok(_) => {}
                Err(AppendError::Conflict { stream, .. }) => debug!(%stream, "on record already"),
                Err(too_large @ AppendError::TooLarge { .. }) => {
                    error!(error = %chain(&too_large), "this can never be recorded");
                }
                Err(error @ (AppendError::Unavailable { .. } | AppendError::Unknown { .. })) => {
                    warn!(error = %chain(&error), "the log does not take this; trying again");
                }
            }
        }
        left.drain(..taken);
        if !left.is_empty() && !pause(stop).await {
            return;
        }
    }
}

/// A stream's last revision: `None` if the log does not say, `Some(None)` if there is no such stream.
pub(crate) async fn last_revision(log: &dyn EventLog, stream: &StreamName) -> Option<Option<Revision>> {
    let mut last = None;
    loop {
        let from = last.map_or(Revision::FIRST, Revision::next);
        match log.read_stream(stream, from, BATCH).await.ok()?.last() {
            Some(event) => last = Some(event.revision),
            None => return Some(last),
        }
    }
}

/// Leaves the log alone for a moment; `false` if it is time to stop.
pub(crate) async fn pause(stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(LOG_PAUSE) => true,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chatledger_projections::event::PolicyAdvanced;
    use chatledger_projections::ids::EventId;

    use super::*;
    use crate::log::failing::{Failing, Fault};
    use crate::log::memory::MemoryLog;

    #[tokio::test]
    async fn what_the_log_refuses_holds_up_what_comes_behind_it() {
        let log = Failing::new(Arc::new(MemoryLog::new()));
        let append = |name: &str| {
            let through = EventId::derived(&[name.as_bytes()]);
            let event = Event::PolicyAdvanced(PolicyAdvanced { through });
            let sealed = codec::seal(&event, through, Timestamp::from_millis(0), None, None);
            Append { stream: StreamName::named(name), expected: ExpectedRevision::NoStream, events: vec![sealed] }
        };
        for fault in [Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer] {
            log.fail_next(fault);
        }
        append_until_taken(&log, ["one", "two", "three"].map(append).into(), &CancellationToken::new()).await;
        let order: Vec<String> = log
            .read_all(None, 9)
            .await
            .expect("it can be read")
            .into_iter()
            .map(|event| event.stream.to_string())
            .collect();
        assert_eq!(order, ["one", "two", "three"]);
    }
}
