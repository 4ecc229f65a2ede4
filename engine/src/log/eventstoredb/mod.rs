//! The log on an EventStoreDB or KurrentDB server, single or clustered, through the official client crate. Nobody else
//! names that crate.
//!
//! The client has defects that lose events or hang if it is used as it comes: each is met here from outside, and each has
//! a test (`tests/log/eventstoredb.rs`). In short:
//!
//! * clients die and do not look for a new leader: [`slot`] makes new ones;
//! * it keeps no deadline and leaves outcomes open: [`reach`] and [`append`] wait no longer than [`Timing`] says, and ask
//!   again with the same ids and the same expectation, until the outcome is certain;
//! * subscriptions resume at the wrong place, lose events when they are not awaited to the end, or spin: [`feed`] knows its
//!   own place, and [`endless`] breaks the spinning off;
//! * one failed append kills all that share its stream: [`append`] settles it alone and sends the others again;
//! * it panics over another's choice of cryptography and over bad certificates: [`trust`] looks first.
//!
//! Our streams' names begin with a prefix at the server; everything else there is passed over. The port's promises hold,
//! but for one: an id is refused a second time only within one append, not at a later place of its stream.
//!
//! What [`known`] says of `already` is exact among the appends of one program. Two programs that append the same events at
//! the same moment are both told that they stored them: one engine at a time decides and sends.

pub mod address;
mod answer;
mod append;
pub mod credentials;
mod endless;
mod feed;
mod following;
mod known;
mod reach;
mod read;
mod slot;
pub mod timing;
pub mod trust;

use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use chatledger_projections::recorded::{Position, Revision, StreamName};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::address::{Address, NotAnAddress};
pub use self::credentials::Credentials;
pub use self::timing::Timing;

use self::append::Batch;
use self::feed::Item;
use self::following::EventStoreDbFollowing;
use self::reach::Reach;
use self::read::is_beyond;
use super::expectation::check_sizes;
use super::{
    Append, AppendError, Appended, EventLog, Following, LARGEST_EVENT, ReadError, StoredEvent, StoredEventRef,
};

/// A log on a server.
#[derive(Debug)]
pub struct EventStoreDbLog {
    reach: Arc<Reach>,
    batch: Batch,
    largest_event: usize,
    closed: CancellationToken,
    /// Whoever follows is told that the log is closed.
    _close: DropGuard,
}

/// Why a server's log cannot be opened. The server itself was not asked.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// No connection can be made from here.
    #[error(transparent)]
    Trust(#[from] trust::TrustError),
    /// The client does not take the address.
    #[error("the client cannot read the address")]
    Address(#[source] eventstore::ClientSettingsParseError),
}

impl EventStoreDbLog {
    /// Opens a log. The server is first spoken to when something is asked of the log, so a program can start before it.
    pub fn open(address: Address, credentials: Option<Credentials>) -> Result<Self, NotOpened> {
        Self::open_with(address, credentials, Timing::default())
    }

    /// The same with other waiting times.
    pub fn open_with(address: Address, credentials: Option<Credentials>, timing: Timing) -> Result<Self, NotOpened> {
        trust::check(&address.protection)?;
        let settings = address.for_the_client().parse().map_err(NotOpened::Address)?;
        let reach = Arc::new(Reach::new(address.prefix, credentials, timing, &settings));
        let closed = CancellationToken::new();
        let close = closed.clone().drop_guard();
        Ok(Self { reach, batch: Batch::default(), largest_event: LARGEST_EVENT, closed, _close: close })
    }

    /// The same log, refusing events of more bytes than this.
    #[must_use]
    pub fn with_largest_event(mut self, largest_event: usize) -> Self {
        self.largest_event = largest_event;
        self
    }

    /// How many batch streams were opened: one, if none failed.
    pub fn batch_streams(&self) -> u64 {
        self.batch.opened()
    }
}

#[async_trait]
impl EventLog for EventStoreDbLog {
    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let stream = append.stream.clone();
        let answer = self.append_all(vec![append]).await.pop();
        answer.unwrap_or_else(|| Err(AppendError::Unknown { stream, cause: "no answer came".into() }))
    }

    async fn append_all(&self, appends: Vec<Append>) -> Vec<Result<Appended, AppendError>> {
        // What is too large is answered here and goes no further.
        let checked: Vec<_> = appends.iter().map(|append| check_sizes(append, self.largest_event)).collect();
        let fitting = appends.into_iter().zip(&checked).filter(|(_, check)| check.is_ok()).map(|(append, _)| append);
        let mut answers = self.reach.append_in_order(&self.batch, fitting.collect()).await.into_iter();
        let answer = |check: Result<(), AppendError>| {
            check.and_then(|()| answers.next().expect("each append that goes further is answered"))
        };
        checked.into_iter().map(answer).collect()
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: Revision,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, ReadError> {
        self.reach.read_stream(stream, from, limit).await
    }

    async fn read_all(&self, after: Option<Position>, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        self.reach.read_all(after, limit).await
    }

    async fn read_backwards(&self, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        self.reach.read_backwards(limit).await
    }

    async fn follow(&self, after: Option<Position>) -> Result<Box<dyn Following>, ReadError> {
        let feed = feed::start(Arc::clone(&self.reach), self.closed.clone(), after);
        Ok(Box::new(EventStoreDbFollowing::of(Arc::clone(&self.reach), feed, after).await?))
    }

    fn scan(
        &self,
        after: Option<Position>,
        page: usize,
        each: &mut dyn FnMut(StoredEventRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|none| ReadError::Unavailable(none.into()))?;
        if is_beyond(after) {
            return Ok(());
        }
        let _within = runtime.enter();
        let mut feed = feed::start(Arc::clone(&self.reach), self.closed.clone(), after);
        // The feed repeats what fails by itself; this is for how long.
        let patience = self.reach.timing.silence + self.reach.timing.patience;
        let mut items = Vec::new();
        loop {
            let received = runtime.block_on(timeout(patience, feed.recv_many(&mut items, page.max(1))));
            if !received.is_ok_and(|count| count > 0) {
                return Err(ReadError::Unavailable("the server gave nothing for a while".into()));
            }
            for item in items.drain(..) {
                match item {
                    Item::Event(event) => {
                        if each(event.as_ref()).is_break() {
                            return Ok(());
                        }
                    }
                    Item::CaughtUp => return Ok(()),
                    Item::Failed(error) => return Err(error),
                }
            }
        }
    }
}
