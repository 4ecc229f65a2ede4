//! The part of a log that one dialogue depends on, as if it were the whole log.
//!
//! Takes the events that touched the dialogue, and the configurations; folding those gives for the dialogue what folding
//! everything gives, for dialogues do not depend on each other. So a message is explained in the time that its dialogue
//! takes, whatever the log's length.

use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use chatledger_projections::recorded::{Position, Revision, StreamName};

use crate::log::{Append, AppendError, Appended, EventLog, Following, ReadError, StoredEvent, StoredEventRef};

/// Some events of a log, in its order.
#[derive(Debug)]
pub(super) struct Slice {
    log: Arc<dyn EventLog>,
    events: Vec<StoredEvent>,
}

/// This log is to be read only.
#[derive(Debug, thiserror::Error)]
#[error("a part of a log is to be read only")]
struct ReadingOnly;

impl Slice {
    /// Reads these events: each as the first one behind another, which is how a log is read.
    pub async fn read(log: Arc<dyn EventLog>, behind: &[Option<Position>]) -> Result<Self, ReadError> {
        let mut events = Vec::with_capacity(behind.len());
        for after in behind {
            events.extend(log.read_all(*after, 1).await?);
        }
        Ok(Self { log, events })
    }

    fn after(&self, after: Option<Position>) -> &[StoredEvent] {
        let from = self.events.partition_point(|event| Some(event.position) <= after);
        &self.events[from..]
    }
}

#[async_trait]
impl EventLog for Slice {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        Err(AppendError::Unavailable { stream: append.stream, cause: ReadingOnly.into() })
    }

    async fn append_all(&self, appends: Vec<Append>) -> Vec<Result<Appended, AppendError>> {
        let refuse =
            |append: Append| Err(AppendError::Unavailable { stream: append.stream, cause: ReadingOnly.into() });
        appends.into_iter().map(refuse).collect()
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Revision,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, ReadError> {
        self.log.read_stream(stream, from, limit).await
    }

    async fn read_all(&self, after: Option<Position>, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        Ok(self.after(after).iter().take(limit).cloned().collect())
    }

    async fn read_backwards(&self, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        Ok(self.events.iter().rev().take(limit).cloned().collect())
    }

    async fn follow(&self, _after: Option<Position>) -> Result<Box<dyn Following>, ReadError> {
        Err(ReadError::Unavailable(ReadingOnly.into()))
    }

    fn scan(
        &self,
        after: Option<Position>,
        _page: usize,
        each: &mut dyn FnMut(StoredEventRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        // Broken off or at the end: either is well.
        let _broken_off = self.after(after).iter().try_for_each(|event| each(event.as_ref()));
        Ok(())
    }
}
