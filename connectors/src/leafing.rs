//! Looking for a message in doubt through a list of several pages: which page is asked for next, and when to stop.
//!
//! Takes the place that the last question came to, as it stands in the log, and gives the next one. Each page is a question of
//! its own, recorded and limited like any other; whoever does not remember where it was begins with the first page again.
//! Absent: reading pages, which is each platform's own.
//!
//! A page behind the first is asked for only when the attempt has had time to end, and so is the first page of such a row:
//! what is shown late is shown on the first page, and whoever had turned it before would miss it.

use chatledger_projections::fact::{Failure, FailureKind};
use chatledger_projections::outcome::Outcome;

use crate::connector::{Judgement, Known};

/// How many pages are looked through for one message. Its dialogue waits for the answer, so what was said since is seldom more
/// than one page; and it only grows: what is beyond this now is so for ever.
const PAGES_AT_MOST: u32 = 20;

/// Which page of a list is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf<'a> {
    list: &'static str,
    /// How many pages were looked through before it.
    before: u32,
    /// What the platform, or whoever lists, calls it; `None` for the first page.
    cursor: Option<&'a str>,
}

impl<'a> Leaf<'a> {
    /// The page of this list that comes next; the first one if the place that is known is of another list.
    pub(crate) fn of(known: &'a Known, list: &'static str) -> Self {
        let read = known.page.as_deref().and_then(|page| {
            let (before, cursor) = page.strip_prefix(list)?.strip_prefix('/')?.split_once('/')?;
            Some(Self { list, before: before.parse().ok()?, cursor: Some(cursor) })
        });
        read.unwrap_or(Self { list, before: 0, cursor: None })
    }

    /// What the page is called; `None` for the first.
    pub(crate) const fn cursor(&self) -> Option<&'a str> {
        self.cursor
    }

    /// What follows if the page was cut off, being longer than is kept of an answer: less is asked for at a time, once the attempt
    /// has had time to end. `shorter` is what a shorter page is called, `None` if there is none.
    pub(crate) fn cut_off(&self, is_soon: bool, shorter: Option<String>) -> Judgement {
        self.turned(shorter.filter(|_| !is_soon), "the answer was cut off")
    }

    /// What follows if the message is not on this page and may be behind it. `next` is what the page behind it is called,
    /// `None` if nobody can tell.
    pub(crate) fn turned(&self, next: Option<String>, reason: &str) -> Judgement {
        let looked_through = self.before.saturating_add(1);
        match next {
            None => Outcome::Uncertain { until: None, reason: reason.to_owned() }.into(),
            Some(_) if looked_through >= PAGES_AT_MOST => {
                let reason = format!(
                    "{reason}, and {looked_through} pages were looked through; look there before sending it again"
                );
                Outcome::Refused { failure: Failure { kind: FailureKind::Internal, reason } }.into()
            }
            Some(next) => Judgement {
                outcome: Outcome::Uncertain { until: None, reason: format!("{reason}; the next page is looked at") },
                facts: Vec::new(),
                page: Some(format!("{}/{looked_through}/{next}", self.list)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(page: Option<String>) -> Known {
        Known { page, ..Known::default() }
    }

    #[test]
    fn pages_are_turned_one_by_one_and_not_for_ever() {
        let mut page = None;
        for turned in 1..PAGES_AT_MOST {
            let known = known(page);
            let judged = Leaf::of(&known, "messages").turned(Some(format!("a/{turned}")), "not here");
            assert_eq!(judged.outcome.label(), "uncertain");
            page = judged.page;
            let next = Known { page: page.clone(), ..Known::default() };
            assert_eq!(Leaf::of(&next, "messages").cursor(), Some(format!("a/{turned}").as_str()));
        }
        let last = known(page);
        let judged = Leaf::of(&last, "messages").turned(Some("more".to_owned()), "not here");
        assert_eq!((judged.outcome.label(), judged.page), ("refused", None));
    }

    #[test]
    fn a_place_in_another_list_or_none_at_all_is_the_first_page() {
        for page in [None, Some("messages/1/64"), Some("conversations"), Some("conversations/x/2"), Some("")] {
            let known = known(page.map(str::to_owned));
            let leaf = Leaf::of(&known, "conversations");
            assert_eq!((leaf.cursor(), leaf.before), (None, 0), "{page:?}");
        }
        let judged = Leaf::of(&known(None), "messages").turned(None, "nobody says what comes next");
        assert_eq!((judged.outcome.label(), judged.page), ("uncertain", None));
    }
}
