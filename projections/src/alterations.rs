//! What became of messages after they were written: changed, taken away, reacted to.
//!
//! The same on both sides is what is aimed at, so what stands here already is not news: a repetition, and our own doing
//! coming back, change nothing and so cause nothing. Alterations that come before their message wait here, up to a
//! bound; those of a message that is still on its way wait until it has arrived.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde::Serialize;

use crate::content::Content;
use crate::delivery::Origin;
use crate::fact::Fact;
use crate::ids::EventId;
use crate::projection::{Digest, Map, Projection};
use crate::threads::Side;
use crate::time::Timestamp;

/// What became of one message.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Altered {
    /// What it says now, if it was ever changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Box<Content>>,
    /// When it was changed last, as claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
    /// Whether it is gone.
    pub deleted: bool,
    /// The event that told of the last change of its words.
    #[serde(skip)]
    edited_by: Option<EventId>,
    /// The reaction of each side that has one.
    pub reactions: BTreeMap<Side, String>,
    /// How the client's reaction came.
    #[serde(skip_serializing_if = "Option::is_none")]
    reacted: Option<Reacted>,
    /// What is not on the other side yet, because the message itself is not.
    pub due: BTreeSet<Matter>,
}

/// How a reaction came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
struct Reacted {
    /// When we heard of it.
    at: Timestamp,
    /// Whether it came in the place of another, which may have been taken back in between without our hearing of it yet.
    replaced: bool,
}

/// How long a showing may still come that is older than a reaction: a platform repeats what it could not deliver five times
/// at most, a minute apart (Pact contract, 10.2), and we allow it as much again.
const OVERTAKEN_WITHIN: Duration = Duration::from_secs(600);

/// What of a message was altered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Matter {
    /// What it says.
    Content,
    /// That it is there.
    Presence,
    /// The reaction of this side.
    Reaction(Side),
}

/// An alteration of a message that is not known yet.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Kept {
    /// The fact.
    pub fact: Fact,
    /// The event that brought it.
    pub event: EventId,
    /// Its place among the facts of that event.
    pub ordinal: u32,
    /// When we heard of it.
    pub at: Timestamp,
}

/// Of how many unknown messages alterations are kept. When it is full, the oldest gives way: its message most likely is
/// from before our time.
const EARLY_AT_MOST: usize = 1024;

/// How many alterations of one unknown message are kept. Nobody changes their mind more often before it is heard of.
const EARLY_OF_ONE_AT_MOST: usize = 16;

/// The projection. A message is known here by where it was written.
#[derive(Clone, Debug, Default)]
pub struct Alterations {
    altered: Map<Origin, Altered>,
    early: Map<Origin, Vec<Kept>>,
    early_in_order: VecDeque<Origin>,
}

impl Alterations {
    /// What became of a message, if anything did.
    pub fn of(&self, written: &Origin) -> Option<&Altered> {
        self.altered.get(written)
    }

    /// A message says something else; whether that is news. What claims to be older than what is known is not, and what
    /// is gone says nothing any more. `said` is the mark of what it said when it was written; `event` tells of the change.
    pub fn edit(
        &mut self,
        written: &Origin,
        said: u64,
        content: &Content,
        edited_at: Option<Timestamp>,
        event: EventId,
    ) -> bool {
        let known = self.altered.get(written);
        let said = known.and_then(|altered| altered.content.as_deref()).map_or(said, Content::mark);
        let is_older = known.is_some_and(|altered| edited_at.is_some() && edited_at < altered.edited_at);
        if is_older || known.is_some_and(|altered| altered.deleted) {
            return false;
        }
        let is_news = said != content.mark();
        // That it said the same later keeps an older change from being news.
        if is_news || edited_at > known.and_then(|altered| altered.edited_at) {
            let altered = self.altered.entry(written.clone()).or_default();
            altered.edited_at = altered.edited_at.max(edited_at);
            if is_news {
                altered.content = Some(Box::new(content.clone()));
                altered.edited_by = Some(event);
            }
        }
        is_news
    }

    /// A message is gone; whether that is news.
    pub fn delete(&mut self, written: &Origin) -> bool {
        let altered = self.altered.entry(written.clone()).or_default();
        let is_news = !altered.deleted;
        altered.deleted = true;
        // There is nothing left to change or to react to.
        altered.due.clear();
        is_news
    }

    /// A side's reaction is this one, or none; whether that is news. `at` is when we heard of it.
    pub fn react(&mut self, written: &Origin, side: Side, emoji: Option<&str>, at: Timestamp) -> bool {
        let known = self.altered.get(written).and_then(|altered| altered.reactions.get(&side));
        if known.map(String::as_str) == emoji || self.altered.get(written).is_some_and(|altered| altered.deleted) {
            return false;
        }
        let altered = self.altered.entry(written.clone()).or_default();
        let before = match emoji {
            Some(emoji) => altered.reactions.insert(side, emoji.to_owned()),
            None => altered.reactions.remove(&side),
        };
        match side {
            Side::Client => altered.reacted = emoji.map(|_| Reacted { at, replaced: before.is_some() }),
            Side::Company => {}
        }
        true
    }

    /// A message was shown without a reaction of the client's, and without other news than `event` may have brought before;
    /// whether one was taken back by that. Other words are a reason for a showing, and it may be older than the reaction.
    /// Where one reaction took the place of another, the first showing without may belong between the two.
    pub fn take_back(&mut self, written: &Origin, event: EventId, at: Timestamp) -> bool {
        let Some(altered) = self.altered.get_mut(written) else { return false };
        let Some(reacted) = &mut altered.reacted else { return false };
        if altered.deleted || altered.edited_by == Some(event) {
            return false;
        }
        if reacted.replaced && at.since(reacted.at) < OVERTAKEN_WITHIN {
            reacted.replaced = false;
            return false;
        }
        altered.reacted = None;
        altered.reactions.remove(&Side::Client).is_some()
    }

    /// Whether a side's reaction is this one.
    pub fn stands(&self, written: &Origin, side: Side, emoji: &str) -> bool {
        self.altered
            .get(written)
            .is_some_and(|altered| altered.reactions.get(&side).is_some_and(|known| known == emoji))
    }

    /// The message is not on the other side yet; this has to follow it.
    pub fn defer(&mut self, written: &Origin, matter: Matter) {
        self.altered.entry(written.clone()).or_default().due.insert(matter);
    }

    /// The message has come to the other side, or never will: what was to follow it.
    pub fn take_due(&mut self, written: &Origin) -> BTreeSet<Matter> {
        if self.altered.is_empty() {
            return BTreeSet::new();
        }
        self.altered.get_mut(written).map(|altered| std::mem::take(&mut altered.due)).unwrap_or_default()
    }

    /// Keeps an alteration until its message is known under this name. Gives the message whose alterations had to give way,
    /// if one had to: they are lost.
    pub fn keep(&mut self, named: &Origin, kept: Kept) -> Option<Origin> {
        if let Some(known) = self.early.get_mut(named) {
            if known.len() < EARLY_OF_ONE_AT_MOST {
                known.push(kept);
            }
            return None;
        }
        let is_full = self.early_in_order.len() >= EARLY_AT_MOST;
        let oldest = if is_full { self.early_in_order.pop_front() } else { None };
        if let Some(oldest) = &oldest {
            self.early.remove(oldest);
        }
        self.early_in_order.push_back(named.clone());
        self.early.insert(named.clone(), vec![kept]);
        oldest
    }

    /// A message has become known under this name: what was said of it before, in order.
    pub fn take_early(&mut self, named: &Origin) -> Vec<Kept> {
        if self.early.is_empty() {
            return Vec::new();
        }
        let Some(kept) = self.early.remove(named) else { return Vec::new() };
        self.early_in_order.retain(|waiting| waiting != named);
        kept
    }
}

impl Projection for Alterations {
    const NAME: &'static str = "alterations";
    const VERSION: u32 = 2;

    fn digest(&self) -> Digest {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Entry<'a> {
            Altered(&'a Origin, &'a Altered),
            Early(&'a Origin, &'a [Kept]),
        }
        let altered = self.altered.iter().map(|(written, altered)| Entry::Altered(written, altered));
        let early = self.early.iter().map(|(named, kept)| Entry::Early(named, kept));
        Digest::of_entries(Self::NAME, Self::VERSION, altered.chain(early))
    }

    fn len(&self) -> usize {
        self.altered.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{MessageDeleted, MessageKey};
    use crate::ids::{ConnectionName, MessageId};

    fn named(message: &str) -> Origin {
        Origin { connection: ConnectionName::new("pact.sales"), message: MessageId::new(message) }
    }

    fn moment(seconds: i64) -> Option<Timestamp> {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn what_stands_already_is_not_news() {
        let (mut alterations, message) = (Alterations::default(), named("1"));
        let (now, event) = (Timestamp::default(), EventId::derived(&[b"event"]));
        assert!(alterations.react(&message, Side::Client, Some("👍"), now));
        assert!(!alterations.react(&message, Side::Client, Some("👍"), now));
        assert!(alterations.react(&message, Side::Company, Some("👍"), now), "the other side's is its own");
        assert!(alterations.react(&message, Side::Client, None, now));
        assert!(!alterations.react(&message, Side::Client, None, now));
        assert!(alterations.edit(&message, 0, &Content::text("два"), None, event));
        assert!(
            !alterations.edit(&message, 0, &Content::text("два\n"), None, event),
            "as some messenger will write it"
        );
    }

    #[test]
    fn an_edit_that_comes_late_does_not_undo_a_newer_one() {
        let (mut alterations, message) = (Alterations::default(), named("1"));
        let event = EventId::derived(&[b"event"]);
        assert!(alterations.edit(&message, 0, &Content::text("три"), moment(30), event));
        assert!(!alterations.edit(&message, 0, &Content::text("два"), moment(20), event));
        assert!(
            alterations.edit(&message, 0, &Content::text("четыре"), None, event),
            "without a time it is the newest"
        );
        assert_eq!(alterations.of(&message).and_then(|altered| altered.edited_at), moment(30));
    }

    #[test]
    fn what_is_gone_is_not_altered_any_more() {
        let (mut alterations, message) = (Alterations::default(), named("1"));
        let (now, event) = (Timestamp::default(), EventId::derived(&[b"event"]));
        alterations.defer(&message, Matter::Content);
        assert!(alterations.delete(&message));
        assert!(!alterations.delete(&message));
        assert!(!alterations.edit(&message, 0, &Content::text("жив"), None, event));
        assert!(!alterations.react(&message, Side::Client, Some("👍"), now));
        assert!(alterations.take_due(&message).is_empty());
    }

    #[test]
    fn what_comes_early_is_kept_up_to_a_bound() {
        let mut alterations = Alterations::default();
        let event = EventId::derived(&[b"event"]);
        let kept = |message: &str| Kept {
            fact: Fact::MessageDeleted(MessageDeleted {
                conversation: Default::default(),
                message: MessageKey { theirs: Some(MessageId::new(message)), ..MessageKey::default() },
            }),
            event,
            ordinal: 0,
            at: Timestamp::default(),
        };
        for number in 0..EARLY_AT_MOST {
            assert_eq!(alterations.keep(&named(&number.to_string()), kept("x")), None);
        }
        assert_eq!(alterations.keep(&named("one more"), kept("x")), Some(named("0")));
        assert!(alterations.take_early(&named("0")).is_empty(), "the oldest gave way");
        for _ in 0..2 * EARLY_OF_ONE_AT_MOST {
            alterations.keep(&named("1"), kept("x"));
        }
        assert_eq!(alterations.take_early(&named("1")).len(), EARLY_OF_ONE_AT_MOST);
        assert!(alterations.take_early(&named("1")).is_empty());
    }

    #[test]
    fn a_message_that_says_what_it_said_is_not_changed() {
        let (mut alterations, message) = (Alterations::default(), named("1"));
        let (said, event) = (Content::text("раз").mark(), EventId::derived(&[b"event"]));
        assert!(!alterations.edit(&message, said, &Content::text("раз "), moment(30), event));
        assert!(!alterations.edit(&message, said, &Content::text("два"), moment(20), event), "it is older than that");
        assert!(alterations.edit(&message, said, &Content::text("два"), moment(40), event));
        assert!(alterations.edit(&message, said, &Content::text("раз"), moment(50), event), "changed back");
    }

    #[test]
    fn a_reaction_is_taken_back_by_a_showing_that_has_no_other_news() {
        let (mut alterations, message) = (Alterations::default(), named("1"));
        let (now, event) = (Timestamp::default(), EventId::derived(&[b"event"]));
        assert!(!alterations.take_back(&message, event, now), "none stands");
        assert!(alterations.react(&message, Side::Company, Some("👍"), now));
        assert!(!alterations.take_back(&message, event, now), "the company's is its own");
        assert!(alterations.react(&message, Side::Client, Some("👍"), now));
        assert!(alterations.edit(&message, 0, &Content::text("два"), None, event));
        assert!(!alterations.take_back(&message, event, now), "the words are why it was shown");
        assert!(alterations.take_back(&message, EventId::derived(&[b"another"]), now));
        assert!(alterations.stands(&message, Side::Company, "👍"));
        assert!(!alterations.stands(&message, Side::Client, "👍"));
    }

    #[test]
    fn what_may_be_older_than_a_second_reaction_does_not_take_it_back() {
        let (mut alterations, message) = (Alterations::default(), named("1"));
        let (now, event) = (Timestamp::default(), EventId::derived(&[b"event"]));
        let replace = |alterations: &mut Alterations| {
            alterations.react(&message, Side::Client, Some("👍"), now);
            assert!(alterations.react(&message, Side::Client, Some("❤️"), now));
        };
        replace(&mut alterations);
        assert!(!alterations.take_back(&message, event, now), "it may belong between the two");
        assert!(alterations.take_back(&message, event, now));
        replace(&mut alterations);
        assert!(alterations.take_back(&message, event, now + OVERTAKEN_WITHIN), "nothing is late for so long");
    }
}
