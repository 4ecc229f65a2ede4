//! Moments as a person reads them: in their zone and in their language's form.
//!
//! Takes moments; gives words. The zones of the world are built in, so that what is shown does not depend on the machine.
//! The present moment is an argument.

use chatledger_projections::time::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::words::Words;

/// How one person reads moments.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
    /// The zone's name as it was asked for.
    pub name: String,
    words: &'static Words,
    now: Timestamp,
    of_the_past: bool,
}

/// A moment, ready to be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct When {
    /// For machines: UTC, RFC 3339.
    pub machine: String,
    /// In short, as its place on the page needs.
    pub shown: String,
    /// With everything, to the second.
    pub whole: String,
}

impl Calendar {
    /// In this zone, by its name in the world's table of zones; UTC if the table does not have it.
    pub fn new(zone: &str, words: &'static Words, now: Timestamp) -> Self {
        match TimeZoneDatabase::bundled().get(zone) {
            Ok(found) => Self { zone: found, name: zone.to_owned(), words, now, of_the_past: false },
            Err(_) => Self { zone: TimeZone::UTC, name: "UTC".to_owned(), words, now, of_the_past: false },
        }
    }

    /// The same for a page that shows the past.
    #[must_use]
    pub fn of_the_past(self, of_the_past: bool) -> Self {
        Self { of_the_past, ..self }
    }

    /// The same at another present moment.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Self {
        Self { now, ..self.clone() }
    }

    /// A moment as a person types it, in their zone: a day, or a day and a time.
    pub fn typed(&self, text: &str) -> Option<Timestamp> {
        let text = text.trim().replace('T', " ");
        let (date, time) = text.split_once(' ').unwrap_or((&text, "00:00"));
        let date: Date = date.parse().ok()?;
        let time: jiff::civil::Time = time.trim().parse().ok()?;
        let zoned = date.to_datetime(time).to_zoned(self.zone.clone()).ok()?;
        Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
    }

    /// The present moment, as it was given.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Only the time of day, as beside a message.
    pub fn clock(&self, at: Timestamp) -> When {
        self.when(at, |zoned| format!("{:02}:{:02}", zoned.hour(), zoned.minute()))
    }

    /// The time of day if it was today, else the day; as in a list.
    pub fn brief(&self, at: Timestamp) -> When {
        let today = self.day(self.now);
        self.when(at, |zoned| {
            let date = zoned.date();
            if Some(date) == today {
                format!("{:02}:{:02}", zoned.hour(), zoned.minute())
            } else {
                self.short_date(date, today)
            }
        })
    }

    /// The day in short and the time to the second, as in a log.
    pub fn second(&self, at: Timestamp) -> When {
        let today = self.day(self.now);
        self.when(at, |zoned| {
            let clock = format!("{:02}:{:02}:{:02}", zoned.hour(), zoned.minute(), zoned.second());
            if Some(zoned.date()) == today {
                clock
            } else {
                format!("{}, {clock}", self.short_date(zoned.date(), today))
            }
        })
    }

    /// How long ago it was, in the largest unit that fits; of what is still to come, and where the past is shown, its time.
    pub fn ago(&self, at: Timestamp) -> When {
        if at > self.now || self.of_the_past {
            return self.second(at);
        }
        let words = self.words.ago(self.now.since(at));
        self.when(at, |_| words)
    }

    /// The day on which it is, for telling days apart; `None` for what no calendar has.
    pub fn day(&self, at: Timestamp) -> Option<Date> {
        Some(self.zoned(at)?.date())
    }

    /// A day as a heading between messages.
    pub fn heading(&self, date: Date) -> String {
        let today = self.day(self.now);
        if Some(date) == today {
            return self.words.today.to_owned();
        }
        if today.and_then(|today| today.yesterday().ok()) == Some(date) {
            return self.words.yesterday.to_owned();
        }
        let month = self.words.months[month_index(date)];
        if today.is_some_and(|today| today.year() == date.year()) {
            format!("{} {month}", date.day())
        } else {
            format!("{} {month} {}", date.day(), date.year())
        }
    }

    fn short_date(&self, date: Date, today: Option<Date>) -> String {
        let month = self.words.short_months[month_index(date)];
        if today.is_some_and(|today| today.year() == date.year()) {
            format!("{} {month}", date.day())
        } else {
            format!("{} {month} {}", date.day(), date.year())
        }
    }

    fn when(&self, at: Timestamp, shown: impl FnOnce(&jiff::Zoned) -> String) -> When {
        let machine = at.to_string();
        match self.zoned(at) {
            None => When { shown: machine.clone(), whole: machine.clone(), machine },
            Some(zoned) => {
                let month = self.words.months[month_index(zoned.date())];
                let (day, year) = (zoned.day(), zoned.year());
                let (hour, minute, second) = (zoned.hour(), zoned.minute(), zoned.second());
                let whole = format!("{day} {month} {year}, {hour:02}:{minute:02}:{second:02} ({})", self.name);
                When { machine, shown: shown(&zoned), whole }
            }
        }
    }

    fn zoned(&self, at: Timestamp) -> Option<jiff::Zoned> {
        let moment = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
        Some(moment.to_zoned(self.zone.clone()))
    }
}

fn month_index(date: Date) -> usize {
    usize::try_from(date.month() - 1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::words::{ENGLISH, RUSSIAN};

    /// 2026-03-02 21:30:05 UTC.
    const EVENING: Timestamp = Timestamp::from_millis(1_772_487_005_000);

    #[test]
    fn a_moment_is_told_in_the_readers_zone_and_language() {
        let moscow = Calendar::new("Europe/Moscow", &RUSSIAN, EVENING);
        assert_eq!(moscow.clock(EVENING).shown, "00:30");
        assert_eq!(moscow.clock(EVENING).machine, "2026-03-02T21:30:05.000Z");
        assert_eq!(moscow.clock(EVENING).whole, "3 марта 2026, 00:30:05 (Europe/Moscow)");
        let london = Calendar::new("Europe/London", &ENGLISH, EVENING);
        assert_eq!(london.clock(EVENING).whole, "2 March 2026, 21:30:05 (Europe/London)");
    }

    #[test]
    fn what_was_today_has_only_a_time_and_what_was_another_year_bears_it() {
        let now = Timestamp::from_millis(EVENING.as_millis() + 3 * 3_600_000);
        let utc = Calendar::new("UTC", &ENGLISH, now);
        assert_eq!(utc.brief(now).shown, "00:30");
        assert_eq!(utc.brief(EVENING).shown, "2 Mar");
        assert_eq!(utc.second(EVENING).shown, "2 Mar, 21:30:05");
        let day = utc.day(EVENING).expect("it is in the calendar");
        assert_eq!(utc.heading(day), "Yesterday");
        let later = Calendar::new("UTC", &ENGLISH, Timestamp::from_millis(now.as_millis() + 400 * 86_400_000));
        assert_eq!(later.heading(day), "2 March 2026");
    }

    #[test]
    fn a_moment_is_typed_in_the_readers_zone() {
        let moscow = Calendar::new("Europe/Moscow", &RUSSIAN, EVENING);
        for text in ["2026-03-03 00:30:05", "2026-03-03T00:30:05"] {
            assert_eq!(moscow.typed(text), Some(EVENING), "{text}");
        }
        assert_eq!(moscow.typed("2026-03-03").map(|at| moscow.clock(at).shown), Some("00:00".to_owned()));
        for nonsense in ["", "yesterday", "2026-13-01", "2026-03-03 25:00", "17"] {
            assert_eq!(moscow.typed(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_zone_that_nobody_knows_is_utc_and_a_moment_beyond_every_calendar_is_a_number() {
        let nowhere = Calendar::new("Nowhere/At_All", &ENGLISH, EVENING);
        assert_eq!(nowhere.name, "UTC");
        let never = Timestamp::from_millis(i64::MAX);
        assert_eq!(nowhere.clock(never).shown, format!("{} ms", i64::MAX));
    }
}
