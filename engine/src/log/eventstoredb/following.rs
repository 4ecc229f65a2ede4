//! Following the log: what a feed gives, in the port's words.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chatledger_projections::recorded::Position;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::feed::Item;
use super::reach::Reach;
use crate::log::{BoxedError, Following, ReadError, StoredEvent};

/// The most events given at once.
const AT_ONCE: usize = 4096;

/// How long history is waited for while something is in hand already: long enough to hear that there is no more of it.
const MORE_MAY_COME: Duration = Duration::from_millis(100);

/// A place in the log on a server.
pub(super) struct EventStoreDbFollowing {
    reach: Arc<Reach>,
    feed: mpsc::Receiver<Item>,
    in_hand: VecDeque<StoredEvent>,
    /// The last event given out, or where it began.
    place: Option<Position>,
    is_live: bool,
    is_caught_up: bool,
    failed: Option<ReadError>,
}

impl EventStoreDbFollowing {
    /// Follows a feed that was started after a place. Waits until it is known whether there is any history.
    pub(super) async fn of(
        reach: Arc<Reach>,
        feed: mpsc::Receiver<Item>,
        place: Option<Position>,
    ) -> Result<Self, ReadError> {
        let patience = reach.timing.patience;
        let mut following =
            Self { reach, feed, in_hand: VecDeque::new(), place, is_live: false, is_caught_up: false, failed: None };
        match timeout(patience, following.feed.recv()).await {
            Ok(item) => following.take(item),
            Err(_) => return Err(ReadError::Unavailable("the server lets nobody follow the log now".into())),
        }
        if let Some(error) = following.failed.take() {
            return Err(error);
        }
        following.is_caught_up = following.is_at_the_end();
        Ok(following)
    }

    fn take(&mut self, item: Option<Item>) {
        match item {
            Some(Item::Event(event)) => self.in_hand.push_back(event),
            Some(Item::CaughtUp) => self.is_live = true,
            Some(Item::Failed(error)) => self.failed = Some(error),
            None => self.failed = Some(ReadError::Unavailable(BoxedError::from("the log is closed"))),
        }
    }

    fn is_at_the_end(&self) -> bool {
        self.is_live && self.in_hand.is_empty() && self.place >= self.reach.known.ours()
    }
}

#[async_trait]
impl Following for EventStoreDbFollowing {
    async fn next(&mut self, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        let limit = limit.clamp(1, AT_ONCE);
        loop {
            while self.in_hand.len() <= limit && self.failed.is_none() {
                match self.feed.try_recv() {
                    Ok(item) => self.take(Some(item)),
                    Err(mpsc::error::TryRecvError::Disconnected) => self.take(None),
                    Err(mpsc::error::TryRecvError::Empty) => break,
                }
            }
            // Whatever is awaited here is put in hand at once, so a dropped call has lost nothing.
            if self.in_hand.is_empty() {
                if let Some(error) = &self.failed {
                    // It says so again, as often as it is asked.
                    return Err(ReadError::Unavailable(error.to_string().into()));
                }
                self.is_caught_up = self.is_at_the_end();
                let item = self.feed.recv().await;
                self.take(item);
                continue;
            }
            if !self.is_live
                && self.in_hand.len() <= limit
                && self.failed.is_none()
                && let Ok(item) = timeout(MORE_MAY_COME, self.feed.recv()).await
            {
                self.take(item);
                continue;
            }
            let count = limit.min(self.in_hand.len());
            let events: Vec<_> = self.in_hand.drain(..count).collect();
            self.place = events.last().map(|event| event.position);
            self.is_caught_up = self.is_at_the_end();
            return Ok(events);
        }
    }

    fn is_caught_up(&self) -> bool {
        self.is_caught_up
    }
}
