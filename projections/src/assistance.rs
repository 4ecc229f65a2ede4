//! Where an assistant helps: whether it may speak, how it says a dialogue stands, and what it was given to hear.
//!
//! An assistant falls silent in a dialogue when a person takes over: a manager writes, it hands over, or it is told to.
//! It speaks again by a later word of the same kind, or by the route's rule, which is looked at when the client writes
//! next: nothing here waits for a clock. How it says a dialogue stands are standings, not happenings (Selarti contract, 7):
//! the last ones are kept, and what differs is news. What it was given comes back in its own feed, and is known again here.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::delivery::Origin;
use crate::event::AttemptStarted;
use crate::fact::AssistantReported;
use crate::ids::{IntentId, ThreadId};
use crate::outcome::AttemptKind;
use crate::projection::{Digest, Map, Projection};
use crate::time::Timestamp;

/// Why an assistant is silent in a dialogue; of two reasons the later one in this list holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It says that an operator has taken over. It still hears the client: the operator may sit at its own desk.
    HandedOver,
    /// A manager wrote to the client.
    ManagerWrote,
    /// Somebody switched it off here, and only switching it on ends that.
    SwitchedOff,
}

impl Reason {
    /// The reason as words, for tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::HandedOver => "handed over",
            Self::ManagerWrote => "a manager wrote",
            Self::SwitchedOff => "switched off",
        }
    }

    /// Whether what it said before and is still waiting for its turn may go to the client. When it hands over, its last
    /// words are about that.
    pub const fn lets_finish(self) -> bool {
        match self {
            Self::HandedOver => true,
            Self::ManagerWrote | Self::SwitchedOff => false,
        }
    }

    /// Whether the assistant is still given the client's words, though its answers go nowhere.
    ///
    /// Handed over, it answers nothing by itself, and the operator at its desk needs to read on (Selarti contract, 7). In
    /// the other cases it does not know that it is to be silent and there is no call to tell it; it would answer each word.
    const fn hears(self) -> bool {
        match self {
            Self::HandedOver => true,
            Self::ManagerWrote | Self::SwitchedOff => false,
        }
    }
}

/// An assistant's silence in one dialogue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Silence {
    /// Why.
    pub reason: Reason,
    /// Since when, by our clock.
    pub since: Timestamp,
}

/// Why an assistant speaks again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Return {
    /// It says that nobody has taken over any more.
    HandedBack,
    /// No manager has written for as long as the route allows.
    ManagersSilent,
    /// Somebody switched it on.
    SwitchedOn,
}

/// Something that has come to be so in a dialogue, by the assistant's word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// An operator is to take over.
    HandedOver,
    /// The dialogue is at its end.
    Closed,
    /// The dialogue came to what it was meant for.
    Succeeded,
    /// The client showed interest.
    Interested,
    /// The client gave a number, an address or the like.
    ContactGiven,
    /// The client seems to be a machine.
    ClientIsMachine,
    /// It has become known where people can look at the dialogue.
    Links,
}

/// One standing and when it was so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
struct Stood {
    yes: bool,
    at: Timestamp,
}

/// What an assistant said last of one dialogue, each value by itself: what it leaves out changes nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
struct Standings {
    handed_over: Option<Stood>,
    closed: Option<Stood>,
    succeeded: Option<Stood>,
    interested: Option<Stood>,
    contact_given: Option<Stood>,
    client_is_machine: Option<Stood>,
    desk_url: Option<Box<str>>,
    view_url: Option<Box<str>>,
}

/// A client's words that an assistant was given.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Given {
    /// By which intent.
    intent: IntentId,
    /// Which message, by where it was written.
    message: Origin,
    /// The words; absent if what it heard is not exactly what the client wrote, as with a file or a quote.
    words: Option<Box<str>>,
    /// How often they were sent: a try whose answer was lost may have been heard.
    sent: u32,
    /// How often they came back.
    heard: u32,
}

/// An assistant in one dialogue.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Helped {
    /// Its silence, unless it may speak.
    pub silence: Option<Silence>,
    /// When a person last wrote to the client, by our clock.
    pub manager_wrote_at: Option<Timestamp>,
    standings: Standings,
    given: VecDeque<Given>,
}

/// How a report changed things.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reported {
    /// What has come to be so, in the order of [`News`].
    pub news: Vec<News>,
    /// The silence that begins.
    pub fell_silent: Option<Reason>,
    /// Why a silence ends.
    pub speaks_again: Option<Return>,
}

/// How many given words are remembered in one dialogue. What comes back later than that many others is taken for the
/// client's words at another place.
const GIVEN_AT_MOST: usize = 64;

/// The projection.
#[derive(Clone, Debug, Default)]
pub struct Assistance {
    threads: Map<ThreadId, Helped>,
}

impl Assistance {
    /// An assistant in one dialogue, if it had to do with it.
    pub fn of(&self, thread: ThreadId) -> Option<&Helped> {
        self.threads.get(&thread)
    }

    /// Whether its answers go to the client.
    pub fn speaks(&self, thread: ThreadId) -> bool {
        self.of(thread).is_none_or(|helped| helped.silence.is_none())
    }

    /// Whether it is given what the client writes.
    pub fn hears(&self, thread: ThreadId) -> bool {
        self.of(thread).and_then(|helped| helped.silence).is_none_or(|silence| silence.reason.hears())
    }

    /// Where people can look at a dialogue: at the desk, where they can answer too, and where they can only read.
    pub fn links(&self, thread: ThreadId) -> (Option<&str>, Option<&str>) {
        let standings = self.of(thread).map(|helped| &helped.standings);
        let desk = standings.and_then(|standings| standings.desk_url.as_deref());
        (desk, standings.and_then(|standings| standings.view_url.as_deref()))
    }

    /// A manager wrote to the client. Gives the reason if the assistant falls silent by it.
    pub fn manager_wrote(&mut self, thread: ThreadId, at: Timestamp) -> Option<Reason> {
        let helped = self.threads.entry(thread).or_default();
        helped.manager_wrote_at = helped.manager_wrote_at.max(Some(at));
        helped.fall_silent(Reason::ManagerWrote, at)
    }

    /// A person wrote at the assistant's own desk. That alone silences nobody (Selarti contract, 7).
    pub fn operator_wrote(&mut self, thread: ThreadId, at: Timestamp) {
        let helped = self.threads.entry(thread).or_default();
        helped.manager_wrote_at = helped.manager_wrote_at.max(Some(at));
    }

    /// Somebody switched it off. Gives the reason if it was not switched off before.
    pub fn switch_off(&mut self, thread: ThreadId, at: Timestamp) -> Option<Reason> {
        self.threads.entry(thread).or_default().fall_silent(Reason::SwitchedOff, at)
    }

    /// Somebody switched it on. Whether it was silent.
    pub fn switch_on(&mut self, thread: ThreadId) -> bool {
        self.threads.get_mut(&thread).is_some_and(|helped| helped.silence.take().is_some())
    }

    /// The client writes: whether the assistant speaks again, because people have been silent for so long. What somebody
    /// switched off stays so.
    pub fn resume(&mut self, thread: ThreadId, after: Option<Duration>, now: Timestamp) -> bool {
        let (Some(helped), Some(after)) = (self.threads.get_mut(&thread), after) else { return false };
        let Some(silence) = helped.silence else { return false };
        let ends = match silence.reason {
            Reason::HandedOver | Reason::ManagerWrote => true,
            Reason::SwitchedOff => false,
        };
        let since = helped.manager_wrote_at.map_or(silence.since, |wrote| wrote.max(silence.since));
        if !ends || now.since(since) < after {
            return false;
        }
        helped.silence = None;
        true
    }

    /// It said how a dialogue stood. `heard_at` stands in for a time that it did not say.
    pub fn report(&mut self, thread: ThreadId, report: &AssistantReported, heard_at: Timestamp) -> Reported {
        let helped = self.threads.entry(thread).or_default();
        let at = report.at.unwrap_or(heard_at);
        let standings = &mut helped.standings;
        let mut reported = Reported::default();
        let before = standings.handed_over.is_some_and(|stood| stood.yes);
        let said = [
            (&mut standings.handed_over, report.handed_over, News::HandedOver),
            (&mut standings.closed, report.closed, News::Closed),
            (&mut standings.succeeded, report.succeeded, News::Succeeded),
            (&mut standings.interested, report.interested, News::Interested),
            (&mut standings.contact_given, report.contact_given, News::ContactGiven),
            (&mut standings.client_is_machine, report.client_is_machine, News::ClientIsMachine),
        ];
        for (known, said, news) in said {
            if said.is_some_and(|yes| came_to_be(known, Stood { yes, at })) {
                reported.news.push(news);
            }
        }
        let new_link = [(&mut standings.desk_url, &report.desk_url), (&mut standings.view_url, &report.view_url)]
            .into_iter()
            .filter_map(|(known, said)| learn_once(known, said.as_deref()))
            .count();
        if new_link > 0 {
            reported.news.push(News::Links);
        }
        let after = standings.handed_over.is_some_and(|stood| stood.yes);
        match (before, after) {
            (false, true) => reported.fell_silent = helped.fall_silent(Reason::HandedOver, heard_at),
            (true, false) => {
                let by_that = helped.silence.is_some_and(|silence| silence.reason == Reason::HandedOver);
                if by_that {
                    helped.silence = None;
                    reported.speaks_again = Some(Return::HandedBack);
                }
            }
            (true, true) | (false, false) => {}
        }
        reported
    }

    /// A client's words are to be given to it.
    pub fn give(&mut self, thread: ThreadId, intent: IntentId, message: &Origin, content: &Content) {
        let helped = self.threads.entry(thread).or_default();
        if helped.given.len() == GIVEN_AT_MOST {
            helped.given.pop_front();
        }
        let plain = content.parts.is_empty() && content.quote.is_none();
        let words = content.text.as_deref().filter(|_| plain).map(|text| normal(text).into());
        helped.given.push_back(Given { intent, message: message.clone(), words, sent: 0, heard: 0 });
    }

    /// A try to give it something leaves the house.
    pub fn start(&mut self, thread: ThreadId, started: &AttemptStarted) {
        let Some(helped) = self.threads.get_mut(&thread) else { return };
        let given = helped.given.iter_mut().find(|given| given.intent == started.intent_id);
        match (given, started.kind) {
            (Some(given), AttemptKind::Act) => given.sent += 1,
            (Some(_), AttemptKind::Probe | AttemptKind::Prepare { .. }) | (None, _) => {}
        }
    }

    /// Its feed shows words of the client: the message of which they are the echo, if it was given them.
    ///
    /// The oldest with the same words (Selarti contract, 8, step 7), else the oldest whose words it made up from a file or
    /// a quote; each as often as it was sent.
    pub fn recognise(&mut self, thread: ThreadId, content: &Content) -> Option<Origin> {
        let helped = self.threads.get_mut(&thread)?;
        let words = normal(content.text.as_deref().unwrap_or_default());
        let out = || helped.given.iter().enumerate().filter(|(_, given)| given.heard < given.sent);
        let same = |given: &Given| given.words.as_deref().is_some_and(|known| is_of(&words, known));
        let exact = out().find(|(_, given)| same(given));
        let (index, _) = exact.or_else(|| out().find(|(_, given)| given.words.is_none()))?;
        let given = &mut helped.given[index];
        given.heard += 1;
        Some(given.message.clone())
    }

    /// Whether what an intent gave it has come back: proof that it arrived, whatever the call's answer was.
    pub fn was_heard(&self, thread: ThreadId, intent: IntentId) -> bool {
        self.of(thread).is_some_and(|helped| helped.given.iter().any(|given| given.intent == intent && given.heard > 0))
    }
}

impl Helped {
    fn fall_silent(&mut self, reason: Reason, since: Timestamp) -> Option<Reason> {
        match self.silence {
            // What is stronger holds already, and since earlier.
            Some(silence) if silence.reason >= reason => None,
            Some(_) | None => {
                self.silence = Some(Silence { reason, since });
                Some(reason)
            }
        }
    }
}

/// Takes a standing over unless a later one is known; whether something has come to be so by it.
fn came_to_be(known: &mut Option<Stood>, said: Stood) -> bool {
    let was = known.is_some_and(|known| known.yes);
    let now = match *known {
        Some(known) if known.at > said.at => known,
        // Two webhooks of one message: whichever says yes has seen more.
        Some(known) if known.at == said.at => Stood { yes: known.yes || said.yes, at: said.at },
        Some(_) | None => said,
    };
    *known = Some(now);
    now.yes && !was
}

/// Takes a link over; `Some` if there was none.
fn learn_once(known: &mut Option<Box<str>>, said: Option<&str>) -> Option<()> {
    let said = said.filter(|said| !said.is_empty())?;
    let is_new = known.is_none();
    if known.as_deref() != Some(said) {
        *known = Some(said.into());
    }
    is_new.then_some(())
}

/// Words without what is lost on the way: space at the ends, and how line breaks are written.
fn normal(text: &str) -> String {
    text.replace("\r\n", "\n").trim().to_owned()
}

/// Whether these words are those, or as much of them as a platform takes.
fn is_of(heard: &str, given: &str) -> bool {
    let cut = heard.strip_suffix('\u{2026}').map(str::trim_end).filter(|head| !head.is_empty());
    heard == given || cut.is_some_and(|head| given.starts_with(head))
}

impl Projection for Assistance {
    const NAME: &'static str = "assistance";
    const VERSION: u32 = 1;

    fn digest(&self) -> Digest {
        Digest::of_entries(Self::NAME, Self::VERSION, self.threads.iter())
    }

    fn len(&self) -> usize {
        self.threads.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ConnectionName, EventId, MessageId};
    use uuid::Uuid;

    const THREAD: ThreadId = ThreadId::from_uuid(Uuid::from_u128(1));

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_millis(hours * 3_600_000)
    }

    fn handed_over(yes: bool, hours: i64) -> AssistantReported {
        AssistantReported { handed_over: Some(yes), at: Some(at(hours)), ..AssistantReported::default() }
    }

    fn given(assistance: &mut Assistance, message: &str, text: &str) -> IntentId {
        let origin = Origin { connection: ConnectionName::new("channel"), message: MessageId::new(message) };
        let intent = IntentId::derived(EventId::derived(&[message.as_bytes()]), "any", 0);
        assistance.give(THREAD, intent, &origin, &Content::text(text));
        let started =
            AttemptStarted { intent_id: intent, attempt: 1, kind: AttemptKind::Act, call: String::new(), engine: None };
        assistance.start(THREAD, &started);
        intent
    }

    #[test]
    fn a_manager_silences_and_the_rule_gives_back_after_the_last_word() {
        let mut assistance = Assistance::default();
        assert!(assistance.speaks(THREAD) && assistance.hears(THREAD));
        assert_eq!(assistance.manager_wrote(THREAD, at(0)), Some(Reason::ManagerWrote));
        assert_eq!(assistance.manager_wrote(THREAD, at(5)), None);
        assert!(!assistance.speaks(THREAD) && !assistance.hears(THREAD));
        let rule = Some(Duration::from_secs(8 * 3600));
        assert!(!assistance.resume(THREAD, None, at(1000)));
        assert!(!assistance.resume(THREAD, rule, at(12)));
        assert!(assistance.resume(THREAD, rule, at(13)));
        assert!(assistance.speaks(THREAD));
    }

    #[test]
    fn what_was_switched_off_is_only_switched_on() {
        let mut assistance = Assistance::default();
        assistance.manager_wrote(THREAD, at(0));
        assert_eq!(assistance.switch_off(THREAD, at(1)), Some(Reason::SwitchedOff));
        assert_eq!(assistance.manager_wrote(THREAD, at(2)), None);
        assert!(!assistance.resume(THREAD, Some(Duration::ZERO), at(1000)));
        assistance.report(THREAD, &handed_over(true, 3), at(3));
        assistance.report(THREAD, &handed_over(false, 4), at(4));
        assert!(!assistance.speaks(THREAD));
        assert!(assistance.switch_on(THREAD) && !assistance.switch_on(THREAD));
    }

    #[test]
    fn handed_over_it_hears_and_does_not_speak_until_it_is_handed_back() {
        let mut assistance = Assistance::default();
        let first = assistance.report(THREAD, &handed_over(true, 2), at(2));
        assert_eq!((first.news.as_slice(), first.fell_silent), (&[News::HandedOver][..], Some(Reason::HandedOver)));
        assert!(!assistance.speaks(THREAD) && assistance.hears(THREAD));
        assert_eq!(assistance.report(THREAD, &handed_over(true, 3), at(3)), Reported::default());
        // Late news of an earlier standing.
        assert_eq!(assistance.report(THREAD, &handed_over(false, 1), at(4)), Reported::default());
        let back = assistance.report(THREAD, &handed_over(false, 5), at(5));
        assert_eq!(back.speaks_again, Some(Return::HandedBack));
        assert_eq!(assistance.report(THREAD, &handed_over(true, 6), at(6)).news, [News::HandedOver]);
    }

    #[test]
    fn standings_end_the_same_in_every_order() {
        let reports = [handed_over(true, 1), handed_over(false, 2), handed_over(false, 2), handed_over(true, 2)];
        let mut digests = Vec::new();
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
            let mut assistance = Assistance::default();
            for index in order {
                assistance.report(THREAD, &reports[index], at(9));
            }
            digests.push(serde_json::to_string(&assistance.threads[&THREAD].standings).expect("it serialises"));
        }
        digests.dedup();
        assert_eq!(digests.len(), 1, "{digests:?}");
    }

    #[test]
    fn each_of_equal_words_is_recognised_once() {
        let mut assistance = Assistance::default();
        given(&mut assistance, "m1", "yes");
        given(&mut assistance, "m2", " yes\r\nno ");
        given(&mut assistance, "m3", "yes");
        let mut heard = |text: &str| {
            assistance.recognise(THREAD, &Content::text(text)).map(|origin| origin.message.as_str().to_owned())
        };
        assert_eq!(heard("yes").as_deref(), Some("m1"));
        assert_eq!(heard("yes\nno").as_deref(), Some("m2"));
        assert_eq!(heard("yes").as_deref(), Some("m3"));
        assert_eq!(heard("yes"), None);
        assert_eq!(heard("other"), None);
    }

    #[test]
    fn words_that_were_cut_are_recognised() {
        assert!(is_of("one two …", "one two three") && !is_of("one four …", "one two three"));
        assert!(!is_of("…", "one") && is_of("wait…", "wait…"));
    }
}
