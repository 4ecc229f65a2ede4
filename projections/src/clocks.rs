//! What time it is at a platform, told from the replies that bear its time: when an attempt in doubt was made by *its* clock.
//!
//! Takes the times at which something was done and heard by our clock, and what the platform said of the time before, after and
//! now; gives the earliest moment at which the attempt can have been made there, and for how long at least it has been over.
//! Our own clock is believed only as far as two words of the platform confirm that nobody set it between them. A platform's
//! clock is believed not to go back. Absent: the clock that our times come from, for this is a pure function of the log.

use std::time::Duration;

use serde::Serialize;

use crate::event::RecordedReply;
use crate::time::Timestamp;

/// Two readings that differ by no more were taken by the same clock: an answer takes its time, and is dated in whole seconds.
const SAME_CLOCK: Duration = Duration::from_secs(5);

/// Whole seconds are said.
const SECOND: Duration = Duration::from_secs(1);

/// How far back is looked for an attempt at a platform of which nothing had been heard before, ever: hardly anything there is
/// ours, and nothing says by which clock.
const UNHEARD: Duration = Duration::from_secs(60 * 60);

/// What a platform said of the time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Reading {
    /// What it said: the whole second in which it answered, by its clock.
    pub said: Timestamp,
    /// When we heard it, by our clock.
    pub heard_at: Timestamp,
}

impl Reading {
    /// Reads a reply's `Date` header (RFC 9110, 6.6.1); `None` if it has none that can be read.
    pub fn of(reply: &RecordedReply, heard_at: Timestamp) -> Option<Self> {
        let (_, date) = reply.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("date"))?;
        let said = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
        Some(Self { said: Timestamp::from_seconds(said.as_second())?, heard_at })
    }

    /// By how many milliseconds our clock was ahead at most: the answer took its time.
    const fn ahead(&self) -> i64 {
        self.heard_at.as_millis().saturating_sub(self.said.as_millis())
    }

    /// Whether our clock was not set between the two, as far as can be told.
    fn agrees_with(&self, other: &Self) -> bool {
        u128::from(self.ahead().abs_diff(other.ahead())) <= SAME_CLOCK.as_millis()
    }
}

/// What was heard of the time around an attempt in doubt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Around {
    /// The last reading before it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Reading>,
    /// The last reading while it was under way, of another call's reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub during: Option<Reading>,
    /// When nobody waited for its answer any more, by our clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_at: Option<Timestamp>,
    /// The first reading after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Reading>,
}

/// An attempt in doubt, by the clock of its platform.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placed {
    /// Not earlier than this was it made.
    pub earliest: Timestamp,
    /// For so long at least has it been over.
    pub over_for: Duration,
}

impl Around {
    /// Whether nothing was heard, and nothing is over.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether our clock showed later times at each step of the attempt than at the one before.
    fn runs_on(&self, made_at: Timestamp, now: Timestamp) -> bool {
        let heard_at = |reading: Option<Reading>| reading.map(|reading| reading.heard_at);
        let steps = [
            heard_at(self.before),
            Some(made_at),
            heard_at(self.during),
            self.over_at,
            heard_at(self.after),
            Some(now),
        ];
        steps.iter().flatten().is_sorted()
    }

    /// Where an attempt stands that was made at a moment by our clock, when the platform answers a question about it: `now` by
    /// our clock, and what that answer itself says of the time.
    pub fn placed(&self, made_at: Timestamp, now: Timestamp, reading: Option<&Reading>) -> Placed {
        let by_ours = now.since(self.over_at.unwrap_or(made_at));
        let Some(reading) = reading else {
            // It says nothing of its clock: ours is all there is.
            return Placed { earliest: made_at, over_for: by_ours };
        };
        let by_theirs = || self.after.map_or(Duration::ZERO, |after| reading.said.since(after.said + SECOND));
        let there = |ahead: i64| Timestamp::from_millis(made_at.as_millis().saturating_sub(ahead));
        let not_after = self.after.map_or(reading.said, |after| after.said) + SECOND;
        match &self.before {
            Some(before) => {
                let earliest = there(before.ahead().max(reading.ahead())).max(before.said);
                // A clock that is set ahead and back again is as it was: only what was heard in between tells, and that it ran backwards.
                let mut heard = std::iter::once(before).chain(&self.during).chain(&self.after);
                let is_same = heard.all(|heard| heard.agrees_with(reading)) && self.runs_on(made_at, now);
                if is_same && earliest <= not_after {
                    Placed { earliest, over_for: by_ours }
                } else {
                    // Our clock was set in between, who knows when; but what was said before was said before.
                    Placed { earliest: before.said, over_for: by_theirs() }
                }
            }
            None => Placed { earliest: there(reading.ahead().max(0)).min(not_after) - UNHEARD, over_for: by_theirs() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Bytes;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000 + seconds * 1000)
    }

    const fn reading(said: i64, heard: i64) -> Reading {
        Reading { said: at(said), heard_at: at(heard) }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_date_of_a_reply_is_read_and_nonsense_is_none() {
        let reply = |date: &str| RecordedReply {
            status: 200,
            headers: vec![("Date".to_owned(), date.to_owned())],
            body: Bytes(Vec::new()),
            cut: false,
        };
        let read = |date: &str| Reading::of(&reply(date), at(7)).map(|reading| reading.said);
        assert_eq!(read("Thu, 01 Jan 2026 00:00:05 GMT"), Some(at(5)));
        for nonsense in ["", "yesterday", "Thu, 99 Jan 2026 00:00:05 GMT", "-"] {
            assert_eq!(read(nonsense), None, "{nonsense:?}");
        }
        assert_eq!(Reading::of(&RecordedReply { headers: Vec::new(), ..reply("") }, at(7)), None);
    }

    #[test]
    fn a_clock_that_is_wrong_all_the_time_places_an_attempt_where_it_was() {
        for ahead in [-200, 0, 3, 200] {
            let around = Around { before: Some(reading(0, ahead)), over_at: Some(at(30 + ahead)), ..Around::default() };
            let placed = around.placed(at(20 + ahead), at(90 + ahead), Some(&reading(90, 90 + ahead)));
            assert_eq!(placed, Placed { earliest: at(20), over_for: seconds(60) }, "{ahead} s ahead");
        }
    }

    #[test]
    fn a_clock_that_was_set_is_not_believed_before_or_after() {
        // It was made at 20 and over at 30 by the platform's clock; ours was right before, and is set at some time.
        for (before_it, after_it) in [(200, 200), (0, 200), (0, -200), (-200, -200), (200, 0), (-60, 60)] {
            let mut around =
                Around { before: Some(reading(5, 5)), over_at: Some(at(30 + before_it)), ..Around::default() };
            let asked = |second: i64| reading(second, second + after_it);
            let first = around.placed(at(20 + before_it), at(40 + after_it), Some(&asked(40)));
            assert!(first.earliest <= at(20), "{before_it}, {after_it}: {first:?}");
            assert!(first.over_for <= seconds(10), "{before_it}, {after_it}: {first:?}");
            around.after = Some(asked(40));
            let second = around.placed(at(20 + before_it), at(100 + after_it), Some(&asked(100)));
            assert!(second.earliest <= at(20) && second.earliest >= at(5), "{before_it}, {after_it}: {second:?}");
            assert!(second.over_for <= seconds(70) && second.over_for >= seconds(55), "{before_it}: {second:?}");
        }
    }

    #[test]
    fn a_clock_that_was_set_and_set_back_is_found_out_by_what_was_heard_in_between() {
        // Two minutes ahead when it was made; right before, and right again when it is asked for.
        let set = Around { before: Some(reading(5, 5)), over_at: Some(at(150)), ..Around::default() };
        let asked = reading(100, 100);
        // By a reply while it was under way, by one just after it, or by its own end, which came before its beginning.
        let (during, after, soon) = (Some(reading(22, 142)), Some(reading(31, 151)), Some(at(30)));
        for around in [
            Around { during, ..set },
            Around { after, ..set },
            Around { over_at: soon, ..set },
            Around { over_at: soon, after: Some(reading(31, 31)), ..set },
        ] {
            let placed = around.placed(at(140), at(100), Some(&asked));
            assert!(placed.earliest <= at(20) && placed.earliest >= at(5), "{placed:?}");
            assert!(placed.over_for <= seconds(70), "{placed:?}");
        }
    }

    #[test]
    fn of_a_platform_that_was_never_heard_before_the_last_hour_is_looked_through() {
        let around = Around { before: None, over_at: Some(at(30)), ..Around::default() };
        let placed = around.placed(at(20), at(40), Some(&reading(340, 40)));
        assert!(placed.earliest <= at(320) && placed.over_for == Duration::ZERO, "{placed:?}");
    }

    #[test]
    fn where_no_reply_bears_a_date_our_clock_is_all_there_is() {
        let around = Around { over_at: Some(at(30)), ..Around::default() };
        assert_eq!(around.placed(at(20), at(40), None), Placed { earliest: at(20), over_for: seconds(10) });
    }
}
