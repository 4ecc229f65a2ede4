//! Appending: many under way at once, answered in the order in which they were given.
//!
//! What is small goes through the server's batch stream, which answers within a fraction of a millisecond and keeps the
//! order. That stream dies with the first append that fails, and with it all that is under way; then the first without an
//! answer is settled alone, by a call that says exactly what happened, and the others go again through a new stream. All
//! of it is the same appends with the same ids and the same expectations, so whatever was stored already is told so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chatledger_projections::recorded::{Position, Revision};
use eventstore::{AppendToStreamOptions, BatchAppendClient, BatchAppendOptions, EventData};
use futures_util::{StreamExt, stream};
use tokio::time::timeout;

use super::answer::{NoAnswer, Proof};
use super::reach::{HIGHEST, Reach, Repetition};
use crate::log::{Append, AppendError, Appended, BoxedError, ExpectedRevision, NewEvent};

/// How many appends are under way at once in one request.
const WINDOW: usize = 128;

/// The most bytes of one append that goes through the batch stream, where it is one message.
const SMALL_BYTES: usize = 1024 * 1024;

/// The batch stream that is in use.
#[derive(Default)]
pub(super) struct Batch {
    current: tokio::sync::Mutex<Option<Open>>,
    opened: AtomicU64,
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Batch").field("opened", &self.opened).finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Open {
    client: Arc<BatchAppendClient>,
    /// Of the client that it was opened with.
    generation: u64,
    number: u64,
}

/// An append as the client takes it.
struct Sending {
    name: String,
    expected: eventstore::ExpectedRevision,
    events: Vec<EventData>,
}

/// Where the last event of an append stands.
#[derive(Clone, Copy)]
struct Place {
    revision: Revision,
    position: Position,
}

impl Batch {
    /// A stream that has not failed yet, of the present client.
    async fn open(&self, reach: &Reach) -> Result<Open, BoxedError> {
        let mut current = self.current.lock().await;
        let lease = reach.calls.lease().await?;
        if let Some(open) = current.as_ref().filter(|open| open.generation == lease.generation) {
            return Ok(open.clone());
        }
        let options = match &reach.credentials {
            Some(credentials) => BatchAppendOptions::default().authenticated(credentials.for_the_client()),
            None => BatchAppendOptions::default(),
        };
        let client =
            timeout(reach.timing.answer, lease.client.batch_append(&options)).await.map_err(|_| NoAnswer)??;
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        let open = Open { client: Arc::new(client), generation: lease.generation, number };
        *current = Some(open.clone());
        Ok(open)
    }

    /// A stream that failed once is never used again.
    async fn give_up(&self, number: u64) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|open| open.number == number) {
            *current = None;
        }
    }

    /// How many streams there have been.
    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }
}

impl Reach {
    /// Appends in order. What is too large for the log itself was refused before.
    pub(super) async fn append_in_order(
        &self,
        batch: &Batch,
        appends: Vec<Append>,
    ) -> Vec<Result<Appended, AppendError>> {
        if let Err(proof) = self.begin().await {
            let cause = Arc::new(Shared(proof.into_cause()));
            let unavailable = |append: Append| {
                Err(AppendError::Unavailable { stream: append.stream, cause: Arc::clone(&cause).into() })
            };
            return appends.into_iter().map(unavailable).collect();
        }
        let floor = self.known.floor();
        let mut repetition = Repetition::new(&self.timing);
        let mut answers = Vec::with_capacity(appends.len());
        let mut rest = appends.as_slice();
        while let Some(first) = rest.first() {
            if !is_small(first) {
                answers.push(self.append_alone(first, floor, &mut repetition).await);
                rest = &rest[1..];
                continue;
            }
            let length = rest.iter().take(WINDOW).take_while(|append| is_small(append)).count();
            answers.extend(self.append_small(batch, &rest[..length], floor, &mut repetition).await);
            rest = &rest[length..];
        }
        answers
    }

    async fn append_small(
        &self,
        batch: &Batch,
        appends: &[Append],
        floor: Option<Position>,
        repetition: &mut Repetition,
    ) -> Vec<Result<Appended, AppendError>> {
        let mut answers: Vec<Option<Result<Appended, AppendError>>> = appends.iter().map(|_| None).collect();
        let mut left: Vec<usize> = (0..appends.len()).collect();
        let mut in_doubt = false;
        while !left.is_empty() {
            let places = match batch.open(self).await {
                Ok(open) => {
                    in_doubt = true;
                    let sendings = left.iter().map(|index| self.sending(&appends[*index])).collect();
                    let places = self.through(&open, sendings).await;
                    if places.iter().any(Option::is_none) {
                        batch.give_up(open.number).await;
                    }
                    places
                }
                // Nothing was sent. Settling alone finds out what is the matter.
                Err(_) => vec![None; left.len()],
            };
            let mut without = Vec::new();
            for (index, place) in left.into_iter().zip(places) {
                match place {
                    Some(place) => {
                        repetition.renew(&self.timing);
                        answers[index] = Some(Ok(self.appended(place, floor)));
                    }
                    None => without.push(index),
                }
            }
            left = without;
            if !left.is_empty() {
                let first = left.remove(0);
                answers[first] = Some(self.settle(&appends[first], floor, in_doubt, repetition).await);
            }
        }
        answers.into_iter().map(|answer| answer.expect("nothing is left without an answer")).collect()
    }

    /// Sends appends through one batch stream, all at once and in order. `None`: no answer, or a failure.
    async fn through(&self, open: &Open, sendings: Vec<Sending>) -> Vec<Option<Place>> {
        let mut answers = Vec::with_capacity(sendings.len());
        for Sending { name, expected, events } in sendings {
            answers.push(async move {
                let answer = timeout(self.timing.answer, open.client.append_to_stream(name, expected, events)).await;
                let result = answer.ok()?.ok()?;
                let position = result.current_position()?;
                Some(Place {
                    revision: Revision::new(result.current_revision()?),
                    position: Position::pair(position.commit, position.prepare),
                })
            });
        }
        // Each is sent when it is asked first, and they are asked first in order.
        stream::iter(answers).buffered(WINDOW).collect().await
    }

    fn sending(&self, append: &Append) -> Sending {
        Sending {
            name: self.name_of(&append.stream),
            expected: expected(append.expected),
            events: append.events.iter().map(event_data).collect(),
        }
    }

    async fn append_alone(
        &self,
        append: &Append,
        floor: Option<Position>,
        repetition: &mut Repetition,
    ) -> Result<Appended, AppendError> {
        if append.events.is_empty() || is_beyond(append.expected) || says_an_id_twice(&append.events) {
            return self.judge_only(append).await;
        }
        self.settle(append, floor, false, repetition).await
    }

    /// Answers an append that stores nothing: one without events, or one that cannot be right.
    async fn judge_only(&self, append: &Append) -> Result<Appended, AppendError> {
        let actual = self
            .last_revision(&append.stream)
            .await
            .map_err(|proof| AppendError::Unavailable { stream: append.stream.clone(), cause: proof.into_cause() })?;
        let expected = match append.expected {
            ExpectedRevision::NoStream => None,
            ExpectedRevision::Exact(revision) => Some(revision),
        };
        if append.events.is_empty() && expected == actual {
            return Ok(Appended { last_revision: actual, position: None, already: false });
        }
        Err(AppendError::Conflict { stream: append.stream.clone(), actual })
    }

    /// Appends by a call of its own until the outcome is certain or the patience is at an end.
    async fn settle(
        &self,
        append: &Append,
        floor: Option<Position>,
        mut in_doubt: bool,
        repetition: &mut Repetition,
    ) -> Result<Appended, AppendError> {
        loop {
            let stream = || append.stream.clone();
            let cause = match self.append_once(append).await {
                Ok(place) => {
                    repetition.renew(&self.timing);
                    return Ok(self.appended(place, floor));
                }
                Err(Proof::Conflict { actual }) => {
                    repetition.renew(&self.timing);
                    return Err(AppendError::Conflict { stream: stream(), actual });
                }
                Err(Proof::TooLarge { limit }) => {
                    let size = append.events.iter().map(NewEvent::size).sum();
                    let limit = limit.unwrap_or(size);
                    return Err(AppendError::TooLarge { stream: stream(), size, limit });
                }
                // What was refused now may have been taken before.
                Err(Proof::Refused(cause)) if in_doubt => return Err(AppendError::Unknown { stream: stream(), cause }),
                Err(Proof::Refused(cause)) => return Err(AppendError::Unavailable { stream: stream(), cause }),
                Err(Proof::NotDone(cause)) => cause,
                Err(Proof::Unknown(cause)) => {
                    in_doubt = true;
                    cause
                }
            };
            if !repetition.pause().await {
                return Err(if in_doubt {
                    AppendError::Unknown { stream: stream(), cause }
                } else {
                    AppendError::Unavailable { stream: stream(), cause }
                });
            }
        }
    }

    async fn append_once(&self, append: &Append) -> Result<Place, Proof> {
        let mut options =
            AppendToStreamOptions::default().expected_revision(expected(append.expected)).deadline(self.timing.answer);
        if let Some(credentials) = &self.credentials {
            options = options.authenticated(credentials.for_the_client());
        }
        let events: Vec<EventData> = append.events.iter().map(event_data).collect();
        let name = self.name_of(&append.stream);
        let written = self.call(|client| async move { client.append_to_stream(name, &options, events).await }).await?;
        Ok(Place {
            revision: Revision::new(written.next_expected_version),
            position: Position::pair(written.position.commit, written.position.prepare),
        })
    }

    fn appended(&self, place: Place, floor: Option<Position>) -> Appended {
        let already = self.known.claim(place.position, floor);
        Appended { last_revision: Some(place.revision), position: Some(place.position), already }
    }
}

/// One cause for all that it befell.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Shared(BoxedError);

fn is_small(append: &Append) -> bool {
    let bytes: usize = append.events.iter().map(NewEvent::size).sum();
    !append.events.is_empty()
        && bytes <= SMALL_BYTES
        && !is_beyond(append.expected)
        && !says_an_id_twice(&append.events)
}

/// A revision that no stream reaches; the server would take it for "no stream".
fn is_beyond(expected: ExpectedRevision) -> bool {
    matches!(expected, ExpectedRevision::Exact(revision) if revision.as_u64() > HIGHEST)
}

/// The server would store it twice.
fn says_an_id_twice(events: &[NewEvent]) -> bool {
    events.iter().enumerate().any(|(index, event)| events[..index].iter().any(|earlier| earlier.id == event.id))
}

fn expected(expected: ExpectedRevision) -> eventstore::ExpectedRevision {
    match expected {
        ExpectedRevision::NoStream => eventstore::ExpectedRevision::NoStream,
        ExpectedRevision::Exact(revision) => eventstore::ExpectedRevision::Exact(revision.as_u64()),
    }
}

/// An event as the client takes it. Its id is always ours: without one, a repetition would be another event.
fn event_data(event: &NewEvent) -> EventData {
    EventData::binary(&event.event_type, event.data.clone().into())
        .id(event.id.as_uuid())
        .metadata(event.metadata.clone().into())
}
