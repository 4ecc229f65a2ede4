//! A log that fails when it is told to, for tests of everything that must live with such a log.
//!
//! Takes any log and a list of faults; each append uses up one. For an outage there is a fault that lasts. What is read
//! is never touched.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chatledger_projections::recorded::{Position, Revision, StreamName};

use super::{Append, AppendError, Appended, BoxedError, EventLog, Following, ReadError, StoredEvent, StoredEventRef};

/// What befalls one append.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The log refuses it: nothing is stored.
    Refuse,
    /// The log stores it, and the answer is lost.
    LoseAnswer,
    /// The request is lost, and nobody can tell.
    LoseRequest,
    /// The log stores it, and never answers.
    Hang,
}

/// A log that fails when it is told to.
#[derive(Debug)]
pub struct Failing {
    log: Arc<dyn EventLog>,
    faults: Mutex<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    /// `None`: this one goes well.
    next: VecDeque<Option<Fault>>,
    lasting: Option<Fault>,
}

impl Failing {
    /// A log that does not fail yet.
    pub const fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log, faults: Mutex::new(Faults { next: VecDeque::new(), lasting: None }) }
    }

    /// Lets the next append that has no fault ahead of it fail like this.
    pub fn fail_next(&self, fault: Fault) {
        self.faults().next.push_back(Some(fault));
    }

    /// Lets so many appends go well, and the next one fail like this.
    pub fn fail_after(&self, well: usize, fault: Fault) {
        let mut faults = self.faults();
        faults.next.extend(std::iter::repeat_n(None, well));
        faults.next.push_back(Some(fault));
    }

    /// Lets every append that has no fault of its own fail like this, until told otherwise.
    pub fn fail_from_now_on(&self, fault: Option<Fault>) {
        self.faults().lasting = fault;
    }

    fn next_fault(&self) -> Option<Fault> {
        let mut faults = self.faults();
        faults.next.pop_front().unwrap_or(faults.lasting)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EventLog for Failing {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let stream = append.stream.clone();
        let cause = || BoxedError::from("a fault made on purpose");
        match self.next_fault() {
            None => self.log.append(append).await,
            Some(Fault::Refuse) => Err(AppendError::Unavailable { stream, cause: cause() }),
            Some(Fault::LoseRequest) => Err(AppendError::Unknown { stream, cause: cause() }),
            Some(Fault::LoseAnswer) => {
                // Whatever it was, nobody hears it.
                let _lost = self.log.append(append).await;
                Err(AppendError::Unknown { stream, cause: cause() })
            }
            Some(Fault::Hang) => {
                let _lost = self.log.append(append).await;
                std::future::pending().await
            }
        }
    }

    async fn append_all(&self, appends: Vec<Append>) -> Vec<Result<Appended, AppendError>> {
        let mut answers = Vec::with_capacity(appends.len());
        for append in appends {
            answers.push(self.append(append).await);
        }
        answers
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
        self.log.read_all(after, limit).await
    }

    async fn read_backwards(&self, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        self.log.read_backwards(limit).await
    }

    async fn follow(&self, after: Option<Position>) -> Result<Box<dyn Following>, ReadError> {
        self.log.follow(after).await
    }

    fn scan(
        &self,
        after: Option<Position>,
        page: usize,
        each: &mut dyn FnMut(StoredEventRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.log.scan(after, page, each)
    }
}
