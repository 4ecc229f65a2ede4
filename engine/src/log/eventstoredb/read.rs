//! Reading: a stream, a page of the log, its newest events. Each read goes on where it broke off until its patience is
//! at an end.
//!
//! Forwards, the log is read by a subscription to our own streams until it has caught up, because only there the server
//! leaves out what is not ours. Backwards it cannot, and what is not ours is passed over here.

use chatledger_projections::recorded::{Position, Revision, StreamName};
use eventstore::{Error, ReadAllOptions, ReadStreamOptions, StreamPosition};
use tokio::time::timeout;

use super::answer::{Health, NoAnswer, Proof, sort};
use super::feed::{Sign, Subscribed};
use super::reach::{HIGHEST, Reach, Repetition, no_client};
use crate::log::{ReadError, StoredEvent};

impl Reach {
    /// Looks at the log's end once, before anything else is done with it.
    pub(super) async fn begin(&self) -> Result<(), Proof> {
        let look = || async {
            let mut repetition = Repetition::new(&self.timing);
            loop {
                match self.end().await {
                    Ok(end) => {
                        if let Some(end) = end {
                            self.known.saw_the_end(end);
                        }
                        return Ok(());
                    }
                    Err(proof) if proof.is_passing() && repetition.pause().await => {}
                    Err(proof) => return Err(proof),
                }
            }
        };
        self.begun.get_or_try_init(look).await.copied()
    }

    /// The position of the last event, whosever it is: there may be far to go to one of ours.
    async fn end(&self) -> Result<Option<Position>, Proof> {
        let mut options = ReadAllOptions::default().position(StreamPosition::End).backwards().max_count(1);
        if let Some(credentials) = &self.credentials {
            options = options.authenticated(credentials.for_the_client());
        }
        let newest = self.call(|client| async move { client.read_all(&options).await?.next().await }).await?;
        Ok(newest.map(|resolved| {
            let position = resolved.get_original_event().position;
            Position::pair(position.commit, position.prepare)
        }))
    }

    pub(super) async fn read_stream(
        &self,
        stream: &StreamName,
        from: Revision,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, ReadError> {
        let mut events: Vec<StoredEvent> = Vec::new();
        let mut repetition = Repetition::new(&self.timing);
        loop {
            let next = events.last().map_or(from, |last| last.revision.next());
            let left = limit - events.len();
            if left == 0 || next.as_u64() > HIGHEST {
                return Ok(events);
            }
            let before = events.len();
            match self.read_stream_once(stream, next, left, &mut events).await {
                Ok(()) => {
                    check_beginning(stream, from, &events)?;
                    return Ok(events);
                }
                Err(proof) => {
                    if events.len() > before {
                        repetition.renew(&self.timing);
                    }
                    if !proof.is_passing() || !repetition.pause().await {
                        return Err(ReadError::Unavailable(proof.into_cause()));
                    }
                }
            }
        }
    }

    async fn read_stream_once(
        &self,
        stream: &StreamName,
        from: Revision,
        limit: usize,
        events: &mut Vec<StoredEvent>,
    ) -> Result<(), Proof> {
        let mut options = ReadStreamOptions::default()
            .position(StreamPosition::Position(from.as_u64()))
            .forwards()
            .max_count(clamped(limit));
        if let Some(credentials) = &self.credentials {
            options = options.authenticated(credentials.for_the_client());
        }
        let name = self.name_of(stream);
        let mut reading = self.call(|client| async move { client.read_stream(name, &options).await }).await?;
        loop {
            match timeout(self.timing.answer, reading.next()).await {
                Ok(Ok(Some(resolved))) => events.extend(self.stored(resolved.get_original_event())),
                Ok(Ok(None) | Err(Error::ResourceNotFound)) => return Ok(()),
                Ok(Err(error)) => return Err(sort(error).0),
                Err(_) => return Err(Proof::Unknown(NoAnswer.into())),
            }
        }
    }

    /// The revision of a stream's last event.
    pub(super) async fn last_revision(&self, stream: &StreamName) -> Result<Option<Revision>, Proof> {
        let mut repetition = Repetition::new(&self.timing);
        loop {
            match self.last_revision_once(stream).await {
                Err(proof) if proof.is_passing() && repetition.pause().await => {}
                answer => return answer,
            }
        }
    }

    async fn last_revision_once(&self, stream: &StreamName) -> Result<Option<Revision>, Proof> {
        let mut options = ReadStreamOptions::default().position(StreamPosition::End).backwards().max_count(1);
        if let Some(credentials) = &self.credentials {
            options = options.authenticated(credentials.for_the_client());
        }
        let name = self.name_of(stream);
        let read = self.call(|client| async move {
            match client.read_stream(name, &options).await?.next().await {
                Err(Error::ResourceNotFound) => Ok(None),
                read => read,
            }
        });
        Ok(read.await?.map(|resolved| Revision::new(resolved.get_original_event().revision)))
    }

    pub(super) async fn read_backwards(&self, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        let mut repetition = Repetition::new(&self.timing);
        loop {
            match self.newest(limit).await {
                Err(proof) if proof.is_passing() && repetition.pause().await => {}
                answer => return answer.map_err(|proof| ReadError::Unavailable(proof.into_cause())),
            }
        }
    }

    /// The newest events, newest first. Reads on past what is not ours until there are enough.
    async fn newest(&self, limit: usize) -> Result<Vec<StoredEvent>, Proof> {
        let mut events = Vec::new();
        if limit == 0 {
            return Ok(events);
        }
        let mut options =
            ReadAllOptions::default().position(StreamPosition::End).backwards().max_count(clamped(usize::MAX));
        if let Some(credentials) = &self.credentials {
            options = options.authenticated(credentials.for_the_client());
        }
        let mut reading = self.call(|client| async move { client.read_all(&options).await }).await?;
        while events.len() < limit {
            match timeout(self.timing.answer, reading.next()).await {
                Ok(Ok(Some(resolved))) => events.extend(self.stored(resolved.get_original_event())),
                Ok(Ok(None)) => break,
                Ok(Err(error)) => return Err(sort(error).0),
                Err(_) => return Err(Proof::Unknown(NoAnswer.into())),
            }
        }
        Ok(events)
    }

    pub(super) async fn read_all(&self, after: Option<Position>, limit: usize) -> Result<Vec<StoredEvent>, ReadError> {
        let mut events = Vec::new();
        let mut place = after;
        if limit == 0 || is_beyond(after) {
            return Ok(events);
        }
        let mut repetition = Repetition::new(&self.timing);
        loop {
            let before = place;
            match self.read_all_once(&mut place, limit, &mut events).await {
                Ok(()) => {
                    if let Some(last) = events.last() {
                        self.known.saw(last.position);
                    }
                    return Ok(events);
                }
                Err(proof) => {
                    if place > before {
                        repetition.renew(&self.timing);
                    }
                    if !proof.is_passing() || !repetition.pause().await {
                        return Err(ReadError::Unavailable(proof.into_cause()));
                    }
                }
            }
        }
    }

    /// Reads until there are `limit` events, or no more. `place` is moved on with what is read.
    async fn read_all_once(
        &self,
        place: &mut Option<Position>,
        limit: usize,
        events: &mut Vec<StoredEvent>,
    ) -> Result<(), Proof> {
        let lease = self.calls.lease().await.map_err(no_client)?;
        let mut subscribed = Subscribed::to(self, &lease.client, *place).await;
        while events.len() < limit {
            match timeout(self.timing.answer, subscribed.next(self)).await {
                Ok(Ok(Sign::Event(event))) => {
                    *place = Some(event.position);
                    events.push(event);
                }
                Ok(Ok(Sign::Checkpoint(position))) => *place = (*place).max(Some(position)),
                Ok(Ok(Sign::CaughtUp)) => break,
                Ok(Ok(Sign::Nothing)) => {}
                Ok(Err((proof, health))) => {
                    self.calls.went(lease.generation, health);
                    return Err(proof);
                }
                Err(_) => {
                    self.calls.went(lease.generation, Health::Doubtful);
                    return Err(Proof::Unknown(NoAnswer.into()));
                }
            }
        }
        self.calls.went(lease.generation, Health::Sound);
        Ok(())
    }
}

/// A position that no log reaches; the server would take it for the end.
pub(super) fn is_beyond(after: Option<Position>) -> bool {
    after.is_some_and(|position| position.commit() > HIGHEST || position.prepare() > HIGHEST)
}

fn clamped(limit: usize) -> usize {
    limit.min(usize::try_from(HIGHEST).unwrap_or(usize::MAX))
}

/// A server hides the beginning of a stream whose metadata say so; we never say so.
fn check_beginning(stream: &StreamName, from: Revision, events: &[StoredEvent]) -> Result<(), ReadError> {
    match events.first() {
        Some(first) if first.revision != from => Err(ReadError::Damaged {
            position: first.position,
            what: format!(
                "the events of {stream} before its revision {} were taken away at the server; look at the metadata of that stream there",
                first.revision
            ),
        }),
        Some(_) | None => Ok(()),
    }
}
