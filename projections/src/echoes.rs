//! Our own doing coming back: what is on its way out, and what may be its echo.
//!
//! A platform that announces a message which we put there usually names it as its answer did, and is recognised by
//! that name in [`crate::delivery`]. But the announcement may come before the answer. So while a send is in flight
//! in a dialogue, messages of the company's side there are held; the answer tells which of them was ours, and the
//! others are let go in the order in which they came (Pact contract 12.3; amoCRM contract 12).

use serde::Serialize;

use crate::delivery::MessageIndex;
use crate::fact::{Message, MessageKey};
use crate::ids::{ConnectionName, EventId, IntentId, ThreadId};
use crate::projection::{Digest, Map, Projection};
use crate::time::Timestamp;

/// A message that may be our own.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Held {
    /// The event that brought it.
    pub event: EventId,
    /// Its place among the facts of that event.
    pub ordinal: u32,
    /// When we heard of it.
    pub heard_at: Timestamp,
    /// The message itself.
    pub message: Box<Message>,
}

/// What became of the messages that were held when a send ended.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Verdict {
    /// It was this one.
    pub echo: Option<Held>,
    /// These were other people's; nothing is in flight any more.
    pub released: Vec<Held>,
}

type Place = (ThreadId, ConnectionName);

/// The projection.
#[derive(Clone, Debug, Default)]
pub struct Echoes {
    in_flight: Map<Place, Vec<IntentId>>,
    held: Map<Place, Vec<Held>>,
    /// Messages of ours that were taken without being named: they may still come back.
    expected: Map<Place, Vec<Expected>>,
}

/// A message of ours that has no name there yet.
#[derive(Clone, PartialEq, Debug)]
struct Expected {
    message: MessageIndex,
    text: Box<str>,
}

impl Echoes {
    /// A send leaves the house.
    pub fn depart(&mut self, thread: ThreadId, connection: &ConnectionName, intent: IntentId) {
        let in_flight = self.in_flight.entry((thread, connection.clone())).or_default();
        if !in_flight.contains(&intent) {
            in_flight.push(intent);
        }
    }

    /// Whether a message of the company's side at this place may be our own.
    pub fn is_in_flight(&self, thread: ThreadId, connection: &ConnectionName) -> bool {
        !self.in_flight.is_empty() && self.in_flight.contains_key(&(thread, connection.clone()))
    }

    /// Keeps a message until it is known whether it is ours.
    pub fn hold(&mut self, thread: ThreadId, connection: &ConnectionName, held: Held) {
        let waiting = self.held.entry((thread, connection.clone())).or_default();
        // A repetition, or the same message in another format.
        let known = |earlier: &Held| {
            held.message.message.theirs.is_some() && earlier.message.message.theirs == held.message.message.theirs
        };
        if !waiting.iter().any(known) {
            waiting.push(held);
        }
    }

    /// A platform took a message of ours and did not say what it calls it.
    pub fn expect(&mut self, thread: ThreadId, connection: &ConnectionName, message: MessageIndex, text: &str) {
        let text = text.trim().into();
        self.expected.entry((thread, connection.clone())).or_default().push(Expected { message, text });
    }

    /// Whether a message of the company's side is one that was taken without a name; it is expected only once.
    pub fn recall(&mut self, thread: ThreadId, connection: &ConnectionName, said: &Message) -> Option<MessageIndex> {
        if self.expected.is_empty() {
            return None;
        }
        let place = (thread, connection.clone());
        let expected = self.expected.get_mut(&place)?;
        let text = said.content.text.as_deref()?.trim();
        let found = expected.iter().position(|expected| *expected.text == *text)?;
        let message = expected.remove(found).message;
        if expected.is_empty() {
            self.expected.remove(&place);
        }
        Some(message)
    }

    /// A send ended. `key` is what the platform calls it, if it took it; `text` what it said.
    pub fn arrive(
        &mut self,
        thread: ThreadId,
        connection: &ConnectionName,
        intent: IntentId,
        taken: Option<&MessageKey>,
        text: Option<&str>,
    ) -> Verdict {
        let place = (thread, connection.clone());
        let Some(in_flight) = self.in_flight.get_mut(&place) else { return Verdict::default() };
        in_flight.retain(|flying| *flying != intent);
        let landed = in_flight.is_empty();
        if landed {
            self.in_flight.remove(&place);
        }
        let Some(held) = self.held.get_mut(&place) else { return Verdict::default() };
        let ours = taken.and_then(|key| held.iter().position(|held| is_it(&held.message, key, text)));
        let echo = ours.map(|ours| held.remove(ours));
        let released = if landed { self.held.remove(&place).unwrap_or_default() } else { Vec::new() };
        Verdict { echo, released }
    }
}

/// By name if the platform gave one; else by what it says.
fn is_it(message: &Message, key: &MessageKey, text: Option<&str>) -> bool {
    let same_id = key.theirs.is_some() && message.message.theirs == key.theirs;
    let same_job = key.job.is_some() && message.message.job == key.job;
    let unnamed = key.theirs.is_none() && key.job.is_none();
    same_id || same_job || (unnamed && message.content.text.as_deref() == text)
}

impl Projection for Echoes {
    const NAME: &'static str = "echoes";
    const VERSION: u32 = 2;

    fn digest(&self) -> Digest {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Entry<'a> {
            InFlight(&'a Place, &'a [IntentId]),
            Held(&'a Place, &'a [Held]),
            Expected(&'a Place, Vec<&'a str>),
        }
        let in_flight = self.in_flight.iter().map(|(place, intents)| Entry::InFlight(place, intents));
        let held = self.held.iter().map(|(place, held)| Entry::Held(place, held));
        let expected = self
            .expected
            .iter()
            .map(|(place, expected)| Entry::Expected(place, expected.iter().map(|expected| &*expected.text).collect()));
        Digest::of_entries(Self::NAME, Self::VERSION, in_flight.chain(held).chain(expected))
    }

    fn len(&self) -> usize {
        self.in_flight.len() + self.held.len() + self.expected.len()
    }
}
