//! Where every message stands at the other side.
//!
//! A message is known by where it was written, and, once it was carried across, by what the other platform calls
//! it. Reports that come before their message wait here, up to a bound. States only rise.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thin_vec::ThinVec;

use crate::event::IntentRaised;
use crate::fact::{DeliveryState, Failure, MessageKey};
use crate::ids::{ConnectionName, EventId, IntentId, JobId, MessageId, ThreadId};
use crate::intent::SendMessage;
use crate::projection::{Digest, Map, Projection};
use crate::time::Timestamp;

/// Where a message came from: which connection, and what it is called there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Origin {
    /// At which connection it was written.
    pub connection: ConnectionName,
    /// What that platform calls it.
    pub message: MessageId,
}

impl Origin {
    /// Our id of a message on the other side: where it was written and what it is called there, within 128 plain signs
    /// (amoCRM contract, 1.1). The same message gets the same id however often it is decided upon.
    pub fn name_across(&self) -> MessageId {
        let name = format!("{}:{}", self.connection, self.message);
        let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "._:@+-".contains(sign);
        if name.len() <= 128 && name.chars().all(is_plain) {
            return MessageId::new(name);
        }
        let derived = EventId::derived(&[self.connection.as_str().as_bytes(), self.message.as_str().as_bytes()]);
        MessageId::new(derived.to_string())
    }

    /// Our id of one of the messages that a message became on the other side, by its place; the first bears the message's own.
    pub fn name_of_piece(&self, place: u32) -> MessageId {
        let whole = self.name_across();
        if place == 0 {
            return whole;
        }
        let name = format!("{whole}+{place}");
        if name.len() <= 128 {
            return MessageId::new(name);
        }
        MessageId::new(EventId::derived(&[whole.as_str().as_bytes(), &place.to_be_bytes()]).to_string())
    }
}

/// A message among all that were ever carried; meaningful only within one state.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MessageIndex(u32);

impl MessageIndex {
    /// Its place in the order in which messages were written, from zero: the same whenever the same log is folded.
    pub const fn place(self) -> u32 {
        self.0
    }
}

/// One message on its way, or there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Carried {
    /// In which dialogue.
    pub thread: ThreadId,
    /// Where it was written.
    pub origin: Origin,
    /// Where it stands.
    pub state: DeliveryState,
    /// What it said when it was written; see [`Content::mark`](crate::content::Content::mark).
    pub said: u64,
    /// Why it failed, while it stands so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<Failure>>,
    /// Where it went, and what it is called there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Origin>,
    /// What its further pieces are called there, if it went in several.
    #[serde(skip_serializing_if = "ThinVec::is_empty")]
    pub pieces: ThinVec<Origin>,
    /// Whether it goes there in several pieces.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    in_pieces: bool,
    /// Whether everything of it that had failed is being tried again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    retried: bool,
    /// Where else it was shown, and what it is called there. Nothing about its delivery follows from these.
    #[serde(skip_serializing_if = "ThinVec::is_empty")]
    pub copies: ThinVec<Origin>,
}

impl Carried {
    /// What its further pieces are called where it went, in order: by our names, and theirs where they were told.
    pub fn further(&self) -> Vec<MessageKey> {
        let key = |(place, piece): (u32, &Origin)| MessageKey {
            theirs: Some(piece.message.clone()),
            ours: Some(self.origin.name_of_piece(place)),
            job: None,
        };
        (1..).zip(&self.pieces).map(key).collect()
    }

    /// What it is called at a connection, if it stands there.
    pub fn at(&self, connection: &ConnectionName) -> Option<&MessageId> {
        let places = std::iter::once(&self.origin).chain(&self.target).chain(&self.copies);
        places.into_iter().find(|place| place.connection == *connection).map(|place| &place.message)
    }
}

/// What is known of a platform's message id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    /// The message was written there, by people.
    Written(MessageIndex),
    /// We put the message there.
    Ours(MessageIndex),
    /// We put it there, and it carries nobody's words, as a claim's message.
    OurOwn,
    /// An assistant wrote it when it was to be silent, or a machine whose words are not wanted; nobody was shown it, and
    /// nobody will be.
    Withheld,
}

/// A report that came before its message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Early {
    state: DeliveryState,
    failure: Option<Failure>,
}

/// A message of ours that a platform has taken and not named yet.
#[derive(Clone, Debug)]
struct Unnamed {
    message: MessageIndex,
    /// The job that makes it, if one does.
    job: Option<JobId>,
    /// What it is.
    raised: Arc<IntentRaised>,
    /// When the platform was asked to take it.
    attempted_at: Timestamp,
}

/// A rise that somebody may want to hear of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rise {
    /// In which dialogue.
    pub thread: ThreadId,
    /// Which message, by where it was written.
    pub origin: Origin,
    /// Where it stands now.
    pub state: DeliveryState,
    /// Why it failed.
    pub failure: Option<Failure>,
}

/// How many early reports wait at most. When it is full, the oldest gives way: it most likely belongs to a message
/// from before our time.
const EARLY_AT_MOST: usize = 4096;

/// Of how many messages the messenger's own names are kept. When it is full, the oldest gives way: whoever quotes what is so
/// old is shown the quotation in words, or without them.
const NAMED_AT_MOST: usize = 65_536;

/// How long a message that was taken may be without a name; after that its name was lost, or there will be none. Pact's jobs
/// may take minutes (Pact contract, 6.3).
const NAMED_WITHIN: Duration = Duration::from_secs(600);

/// How many messages without a name are remembered at most.
const UNNAMED_AT_MOST: usize = 4096;

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
enum EarlyKey {
    Message(Origin),
    Job(ConnectionName, JobId),
}

/// The projection.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    carried: Vec<Carried>,
    /// The messages of each dialogue, in order.
    of_thread: Map<ThreadId, Vec<MessageIndex>>,
    known: Map<Origin, Known>,
    by_job: Map<(ConnectionName, JobId), MessageIndex>,
    /// What was taken lately and is not named yet, in the order in which it was taken.
    unnamed: VecDeque<Unnamed>,
    /// What the messenger calls a message, by what the platform calls it.
    also: Map<Origin, MessageId>,
    /// The same the other way round.
    named: Map<Origin, MessageId>,
    /// The messages of which both names are kept, the oldest first.
    named_in_order: VecDeque<Origin>,
    early: Map<EarlyKey, Early>,
    early_in_order: VecDeque<EarlyKey>,
}

impl Delivery {
    /// Takes a new message in, and the mark of what it says; it is meant to be carried across.
    pub fn write(&mut self, thread: ThreadId, origin: Origin, said: u64) -> MessageIndex {
        let index = MessageIndex(u32::try_from(self.carried.len()).expect("fewer than four thousand million messages"));
        self.known.insert(origin.clone(), Known::Written(index));
        self.of_thread.entry(thread).or_default().push(index);
        self.carried.push(Carried {
            thread,
            origin,
            state: DeliveryState::Raised,
            said,
            failure: None,
            target: None,
            pieces: ThinVec::new(),
            in_pieces: false,
            retried: false,
            copies: ThinVec::new(),
        });
        index
    }

    /// Something is meant to carry a message to where its delivery is followed, under this id of ours. An id other than the
    /// message's own is a further piece's; see [`Origin::name_of_piece`].
    pub fn raised(&mut self, index: MessageIndex, ours: &MessageId) {
        let carried = &mut self.carried[index.0 as usize];
        carried.in_pieces |= *ours != carried.origin.name_across();
    }

    /// What did not arrive of a message is tried again: its failure is not the last word any more.
    pub fn retried(&mut self, index: MessageIndex) {
        let carried = &mut self.carried[index.0 as usize];
        carried.retried = carried.in_pieces;
    }

    /// What is known of a platform's message id.
    pub fn known(&self, origin: &Origin) -> Option<Known> {
        self.known.get(origin).copied()
    }

    /// The platform said what the messenger itself calls a message; before the message is known or after it.
    pub fn name(&mut self, connection: &ConnectionName, message: &MessageId, also: &MessageId) {
        let origin = |message: &MessageId| Origin { connection: connection.clone(), message: message.clone() };
        let named = origin(message);
        // The first name stays: a messenger gives no second one, and what is in use must not change under a quote.
        if self.also.contains_key(&named) {
            return;
        }
        if self.named_in_order.len() >= NAMED_AT_MOST
            && let Some(oldest) = self.named_in_order.pop_front()
            && let Some(also) = self.also.remove(&oldest)
        {
            self.named.remove(&Origin { connection: oldest.connection, message: also });
        }
        self.also.insert(named.clone(), also.clone());
        self.named.entry(origin(also)).or_insert_with(|| message.clone());
        self.named_in_order.push_back(named);
    }

    /// By what a message is quoted at its connection: the messenger's name for it where that is known, else the platform's.
    pub fn quoted_as<'a>(&'a self, message: &'a Origin) -> &'a MessageId {
        self.also.get(message).unwrap_or(&message.message)
    }

    /// What is known of a quoted message, by either of its names.
    pub fn known_quoted(&self, quoted: &Origin) -> Option<Known> {
        let by_other_name = || {
            let message = self.named.get(quoted)?.clone();
            self.known(&Origin { connection: quoted.connection.clone(), message })
        };
        self.known(quoted).or_else(by_other_name)
    }

    /// The message that a job of ours makes.
    pub fn by_job(&self, connection: &ConnectionName, job: &JobId) -> Option<MessageIndex> {
        if self.by_job.is_empty() {
            return None;
        }
        self.by_job.get(&(connection.clone(), job.clone())).copied()
    }

    /// A message by its index.
    pub fn get(&self, index: MessageIndex) -> &Carried {
        &self.carried[index.0 as usize]
    }

    /// A message by where it was written.
    pub fn written(&self, origin: &Origin) -> Option<(MessageIndex, &Carried)> {
        match self.known(origin)? {
            Known::Written(index) => Some((index, self.get(index))),
            Known::Ours(_) | Known::OurOwn | Known::Withheld => None,
        }
    }

    /// A message of ours without anybody's words was put there.
    pub fn own(&mut self, origin: Origin) {
        self.known.entry(origin).or_insert(Known::OurOwn);
    }

    /// A machine wrote something that is shown to nobody, or what was written is no message; a repetition is not news.
    pub fn withhold(&mut self, origin: Origin) {
        self.known.entry(origin).or_insert(Known::Withheld);
    }

    /// A message was shown at a further place, beside the one where its delivery is followed.
    pub fn link_copy(&mut self, index: MessageIndex, connection: &ConnectionName, key: &MessageKey) {
        let Some(message) = &key.theirs else { return };
        let copy = Origin { connection: connection.clone(), message: message.clone() };
        self.known.entry(copy.clone()).or_insert(Known::Ours(index));
        let carried = &mut self.carried[index.0 as usize];
        if !carried.copies.contains(&copy) {
            carried.copies.push(copy);
        }
    }

    /// The other platform said what it calls a message, or the job that will make it. Joins what came early.
    pub fn link(&mut self, index: MessageIndex, connection: &ConnectionName, key: &MessageKey) -> Option<Rise> {
        let mut joined: Option<Early> = None;
        if let Some(job) = &key.job {
            self.by_job.insert((connection.clone(), job.clone()), index);
            joined = self.take_early(&EarlyKey::Job(connection.clone(), job.clone()));
        }
        if let Some(message) = &key.theirs {
            self.named(index, connection, key.job.as_ref());
            let target = Origin { connection: connection.clone(), message: message.clone() };
            self.known.entry(target.clone()).or_insert(Known::Ours(index));
            let early = self.take_early(&EarlyKey::Message(target.clone()));
            joined = match (joined, early) {
                (Some(one), Some(other)) => Some(if one.state >= other.state { one } else { other }),
                (one, other) => one.or(other),
            };
            let carried = &mut self.carried[index.0 as usize];
            match &carried.target {
                None => carried.target = Some(target),
                Some(known) if *known == target || carried.pieces.contains(&target) => {}
                Some(_) => carried.pieces.push(target),
            }
        }
        joined.and_then(|early| self.rise(index, early.state, early.failure))
    }

    /// A platform took a message of ours, and did not say what it calls it.
    pub fn taken_unnamed(
        &mut self,
        message: MessageIndex,
        job: Option<&JobId>,
        raised: &Arc<IntentRaised>,
        attempted_at: Timestamp,
    ) {
        let is_too_old = |oldest: &Unnamed| oldest.attempted_at + NAMED_WITHIN < attempted_at;
        while self.unnamed.len() >= UNNAMED_AT_MOST || self.unnamed.front().is_some_and(is_too_old) {
            self.unnamed.pop_front();
        }
        self.unnamed.push_back(Unnamed { message, job: job.cloned(), raised: Arc::clone(raised), attempted_at });
    }

    /// What was put into a dialogue at a connection shortly before this moment, and what nobody knows by a name yet.
    pub fn unnamed(
        &self,
        thread: ThreadId,
        connection: &ConnectionName,
        before: Timestamp,
    ) -> impl Iterator<Item = &SendMessage> {
        let lately = self.unnamed.iter().filter(move |unnamed| unnamed.attempted_at + NAMED_WITHIN >= before);
        let there = lately.filter(move |one| one.raised.thread == thread && one.raised.connection == *connection);
        there.filter_map(|unnamed| unnamed.raised.intent.message())
    }

    /// A message got a name at a connection: by its job, or as the only one there that had none.
    fn named(&mut self, message: MessageIndex, connection: &ConnectionName, job: Option<&JobId>) {
        let is_there = |unnamed: &Unnamed| unnamed.message == message && unnamed.raised.connection == *connection;
        let is_only = self.unnamed.iter().filter(|unnamed| is_there(unnamed)).count() == 1;
        let is_it = |unnamed: &Unnamed| is_only || (job.is_some() && unnamed.job.as_ref() == job);
        self.unnamed.retain(|unnamed| !(is_there(unnamed) && is_it(unnamed)));
    }

    /// A platform reports on a message of ours. `None` if nothing is new, or if the message is not known yet.
    pub fn report(
        &mut self,
        connection: &ConnectionName,
        key: &MessageKey,
        state: DeliveryState,
        failure: Option<Failure>,
    ) -> Option<Rise> {
        let by_id =
            key.theirs.as_ref().map(|message| Origin { connection: connection.clone(), message: message.clone() });
        let by_job = key.job.as_ref().and_then(|job| self.by_job(connection, job));
        let index = match by_id.as_ref().and_then(|origin| self.known(origin)) {
            Some(Known::Ours(index)) => Some(index),
            // What people wrote there is theirs to follow; nobody asked us.
            Some(Known::Written(_) | Known::OurOwn | Known::Withheld) => return None,
            None => by_job,
        };
        // Where a copy stands is no news of the message itself.
        if let (Some(index), Some(origin)) = (index, &by_id)
            && self.carried[index.0 as usize].copies.contains(origin)
        {
            return None;
        }
        if let Some(index) = index {
            let joined = self.link(index, connection, key);
            return self.rise(index, state, failure).or(joined);
        }
        let early = Early { state, failure };
        if let Some(job) = &key.job {
            self.wait(EarlyKey::Job(connection.clone(), job.clone()), early.clone());
        }
        if let Some(origin) = by_id {
            self.wait(EarlyKey::Message(origin), early);
        }
        None
    }

    /// A message stands at least so. `None` if it stood so already; but to learn why it failed is news, so that the
    /// reason may come before the failure or after it.
    ///
    /// Of a message in pieces a failure is the last word, whatever the other pieces say before or after, until it is tried
    /// again: half of it is not what was written, and nobody else would tell.
    pub fn rise(&mut self, index: MessageIndex, state: DeliveryState, failure: Option<Failure>) -> Option<Rise> {
        let carried = &mut self.carried[index.0 as usize];
        carried.retried &= state != DeliveryState::Failed;
        let is_last_word = carried.in_pieces && !carried.retried;
        if is_last_word && carried.state == DeliveryState::Failed && state != DeliveryState::Failed {
            return None;
        }
        if carried.in_pieces && carried.state > DeliveryState::Failed && state == DeliveryState::Failed {
            carried.state = DeliveryState::Sent;
        }
        let explains = (carried.state, state) == (DeliveryState::Failed, DeliveryState::Failed)
            && carried.failure.is_none()
            && failure.is_some();
        if carried.state.join(state) == carried.state && !explains {
            return None;
        }
        carried.state = state;
        carried.failure = if state == DeliveryState::Failed { failure.clone().map(Box::new) } else { None };
        Some(Rise { thread: carried.thread, origin: carried.origin.clone(), state, failure })
    }

    /// The newest messages that we put into a dialogue at a connection, by that platform's ids.
    pub fn accounted(&self, thread: ThreadId, connection: &ConnectionName) -> Vec<MessageId> {
        let of_thread = self.of_thread.get(&thread).map(Vec::as_slice).unwrap_or_default();
        let ours = of_thread.iter().rev().map(|index| self.get(*index));
        let shown = ours.flat_map(|carried| carried.target.iter().chain(&carried.pieces).chain(&carried.copies));
        let there = shown.filter(|place| place.connection == *connection);
        there.map(|target| target.message.clone()).take(ACCOUNTED_AT_MOST).collect()
    }

    /// All messages, in the order in which they were written.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Carried> {
        self.carried.iter()
    }

    fn wait(&mut self, key: EarlyKey, early: Early) {
        if let Some(known) = self.early.get_mut(&key) {
            let explains = early.state == known.state && known.failure.is_none();
            if early.state > known.state || explains {
                *known = early;
            }
            return;
        }
        if self.early_in_order.len() >= EARLY_AT_MOST
            && let Some(oldest) = self.early_in_order.pop_front()
        {
            self.early.remove(&oldest);
        }
        self.early_in_order.push_back(key.clone());
        self.early.insert(key, early);
    }

    fn take_early(&mut self, key: &EarlyKey) -> Option<Early> {
        if self.early.is_empty() {
            return None;
        }
        let early = self.early.remove(key)?;
        self.early_in_order.retain(|waiting| waiting != key);
        Some(early)
    }
}

/// How many of our messages are named to a probe; it lists no more than this many of theirs.
const ACCOUNTED_AT_MOST: usize = 200;

impl Projection for Delivery {
    const NAME: &'static str = "delivery";
    const VERSION: u32 = 4;

    fn digest(&self) -> Digest {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Entry<'a> {
            Carried(&'a Carried),
            Early(&'a EarlyKey, &'a Early),
            Named(&'a Origin, &'a MessageId),
            Unnamed(IntentId, Option<&'a JobId>, Timestamp),
        }
        let carried = self.carried.iter().map(Entry::Carried);
        let early = self.early.iter().map(|(key, early)| Entry::Early(key, early));
        let named = self.also.iter().map(|(message, also)| Entry::Named(message, also));
        let unnamed = self.unnamed.iter();
        let unnamed = unnamed.map(|one| Entry::Unnamed(one.raised.intent_id, one.job.as_ref(), one.attempted_at));
        Digest::of_entries(Self::NAME, Self::VERSION, carried.chain(early).chain(named).chain(unnamed))
    }

    fn len(&self) -> usize {
        self.carried.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::FailureKind;

    fn in_two_pieces() -> (Delivery, MessageIndex) {
        let mut delivery = Delivery::default();
        let origin = Origin { connection: ConnectionName::new("amo.main"), message: MessageId::new("m1") };
        let thread = ThreadId::from_uuid(EventId::derived(&[b"thread"]).as_uuid());
        let index = delivery.write(thread, origin.clone(), 0);
        delivery.raised(index, &origin.name_of_piece(0));
        delivery.raised(index, &origin.name_of_piece(1));
        (delivery, index)
    }

    fn failure() -> Option<Failure> {
        Some(Failure { kind: FailureKind::Other, reason: "the file is gone".to_owned() })
    }

    #[test]
    fn half_of_a_message_is_not_the_message_until_the_other_half_is_tried_again() {
        let (mut delivery, index) = in_two_pieces();
        assert!(delivery.rise(index, DeliveryState::Failed, failure()).is_some());
        assert_eq!(delivery.rise(index, DeliveryState::Delivered, None), None);
        delivery.retried(index);
        assert!(delivery.rise(index, DeliveryState::Delivered, None).is_some());
        assert_eq!(delivery.get(index).failure, None);
    }

    #[test]
    fn what_fails_again_after_it_was_tried_again_has_failed() {
        let (mut delivery, index) = in_two_pieces();
        delivery.rise(index, DeliveryState::Failed, failure());
        delivery.retried(index);
        delivery.rise(index, DeliveryState::Failed, failure());
        assert_eq!(delivery.rise(index, DeliveryState::Read, None), None);
    }

    #[test]
    fn what_was_taken_is_without_a_name_until_its_job_tells_it_or_lately_is_over() {
        let (mut delivery, index) = in_two_pieces();
        let pact = ConnectionName::new("pact.sales");
        let thread = delivery.get(index).thread;
        let job = |name: &str| MessageKey { job: Some(JobId::new(name)), ..MessageKey::default() };
        let at = Timestamp::from_millis(1_767_225_600_000);
        for (piece, name) in ["j1", "j2"].into_iter().enumerate() {
            let raised = serde_json::json!({
                "intent_id": "00000000-0000-0000-0000-000000000001", "cause": "00000000-0000-0000-0000-000000000002",
                "policy": "manager_message_to_channel", "connection": "pact.sales", "thread": thread,
                "intent": {
                    "intent": "SendMessage", "to": { "conversation": { "theirs": "8741" } }, "speaker": "manager", "author": {},
                    "client": {}, "ours": format!("m-{piece}"), "written_at": 0, "content": { "text": name },
                },
            });
            let raised = Arc::new(serde_json::from_value(raised).expect("it is an intent as it is recorded"));
            delivery.taken_unnamed(index, Some(&JobId::new(name)), &raised, at);
            delivery.link(index, &pact, &job(name));
        }
        let texts = |delivery: &Delivery, before| -> Vec<_> {
            delivery.unnamed(thread, &pact, before).filter_map(|send| send.content.text.clone()).collect()
        };
        assert_eq!(texts(&delivery, at), ["j1", "j2"]);
        assert_eq!(texts(&delivery, at + NAMED_WITHIN + Duration::from_millis(1)), [""; 0]);
        delivery.report(
            &pact,
            &MessageKey { theirs: Some(MessageId::new("p1")), ..job("j1") },
            DeliveryState::Delivered,
            None,
        );
        assert_eq!(texts(&delivery, at), ["j2"]);
        delivery.report(
            &pact,
            &MessageKey { theirs: Some(MessageId::new("p2")), ..MessageKey::default() },
            DeliveryState::Read,
            None,
        );
        assert_eq!(texts(&delivery, at), ["j2"], "whose message that is nobody knows");
    }

    #[test]
    fn what_we_put_into_a_dialogue_is_told_for_that_dialogue_and_connection_alone_the_newest_first() {
        let mut delivery = Delivery::default();
        let [amo, pact] = ["amo.main", "pact.sales"].map(ConnectionName::new);
        let thread = |name: &str| ThreadId::from_uuid(EventId::derived(&[name.as_bytes()]).as_uuid());
        let theirs = |name: &str| MessageKey { theirs: Some(MessageId::new(name)), ..MessageKey::default() };
        for (number, dialogue) in ["one", "other", "one"].into_iter().enumerate() {
            let origin = Origin { connection: amo.clone(), message: MessageId::new(format!("m{number}")) };
            let index = delivery.write(thread(dialogue), origin, 0);
            delivery.link(index, &pact, &theirs(&format!("p{number}")));
        }
        assert_eq!(delivery.accounted(thread("one"), &pact), ["p2", "p0"].map(MessageId::new));
        assert_eq!(delivery.accounted(thread("other"), &pact), ["p1"].map(MessageId::new));
        assert_eq!(delivery.accounted(thread("one"), &amo), []);
        assert_eq!(delivery.accounted(thread("none"), &pact), []);
    }

    #[test]
    fn the_same_message_raised_again_is_no_further_piece() {
        let mut delivery = Delivery::default();
        let origin = Origin { connection: ConnectionName::new("amo.main"), message: MessageId::new("m1") };
        let thread = ThreadId::from_uuid(EventId::derived(&[b"thread"]).as_uuid());
        let index = delivery.write(thread, origin.clone(), 0);
        delivery.raised(index, &origin.name_across());
        delivery.rise(index, DeliveryState::Failed, failure());
        delivery.raised(index, &origin.name_across());
        assert!(delivery.rise(index, DeliveryState::Delivered, None).is_some());
    }
}
