//! Two engines and a log between them, moment by moment.

use uuid::Uuid;

use super::*;

const TERMS: Terms = Terms { lease: Duration::from_secs(8), call_timeout: Duration::from_secs(20) };

/// A log that knows only streams and revisions, as every store does.
#[derive(Default)]
struct Log {
    last: BTreeMap<String, Revision>,
    events: Vec<(Arrangement, Revision)>,
}

struct Engine {
    roster: Roster,
    seen: usize,
}

fn at(seconds: u64) -> Moment {
    let since = Duration::from_secs(seconds);
    Moment { slow: since, fast: since }
}

fn engine(number: u128) -> Engine {
    let engine = EngineId::from_uuid(Uuid::from_u128(number));
    let mut roster = Roster::new(engine, format!("place {number}"), TERMS, vec![Duty::Deciding]);
    roster.begin(Duties::default(), at(0));
    roster.set_willing(true);
    roster.set_in_touch(true, at(0));
    Engine { roster, seen: 0 }
}

impl Log {
    fn append(&mut self, deed: &Deed) -> Answer {
        let (stream, expected, arrangement) = match deed {
            Deed::Sign { seen, revision } => {
                let before = revision.as_u64().checked_sub(1).map(Revision::new);
                (seen.engine.to_string(), before, Arrangement::Seen(seen.clone()))
            }
            Deed::End { ended, last } => (ended.engine.to_string(), Some(*last), Arrangement::Ended(ended.clone())),
            Deed::Take { taken, last } => (taken.duty.label().to_owned(), *last, Arrangement::Taken(taken.clone())),
            Deed::BeginAnew => return Answer::Taken,
        };
        if self.last.get(&stream).copied() != expected {
            return Answer::Conflict;
        }
        let revision = expected.map_or(Revision::FIRST, Revision::next);
        self.last.insert(stream, revision);
        self.events.push((arrangement, revision));
        Answer::Taken
    }
}

impl Engine {
    fn catch_up(&mut self, log: &Log, now: Moment) {
        for (arrangement, revision) in &log.events[self.seen..] {
            self.roster.see(arrangement, *revision, Timestamp::from_millis(0), now);
        }
        self.seen = log.events.len();
    }

    /// Does all there is to do in this moment.
    fn work(&mut self, log: &mut Log, now: Moment) {
        self.catch_up(log, now);
        while let Some(deed) = self.roster.next(now) {
            if deed == Deed::BeginAnew {
                let again = Uuid::from_u128(self.roster.engine().as_uuid().as_u128() + 100);
                self.roster.begin_anew(EngineId::from_uuid(again));
                continue;
            }
            let answer = log.append(&deed);
            self.roster.answered(&deed, answer, now);
            self.catch_up(log, now);
        }
    }

    fn decides(&self, now: Moment) -> bool {
        self.roster.holds(&Duty::Deciding, now)
    }
}

#[test]
fn the_first_takes_what_is_vacant_and_the_second_stands_by_as_long_as_it_hears_of_the_first() {
    let (mut log, mut first, mut second) = (Log::default(), engine(1), engine(2));
    for second_by_second in 0..60 {
        let now = at(second_by_second);
        first.work(&mut log, now);
        second.work(&mut log, now);
        assert!(first.decides(now) && !second.decides(now), "{second_by_second}");
    }
    let of_second = log.events.iter().filter(|(arrangement, _)| match arrangement {
        Arrangement::Seen(seen) => seen.engine == second.roster.engine(),
        Arrangement::Ended(_) | Arrangement::Taken(_) => true,
    });
    assert_eq!(of_second.count(), 1, "the one taking; who stands by is silent");
}

#[test]
fn whoever_is_stopped_has_let_go_before_another_takes_over_and_goes_on_without_duties() {
    for stopped_at in 0..12 {
        let (mut log, mut first, mut second) = (Log::default(), engine(1), engine(2));
        let mut taken_over = None;
        for second_by_second in 0..40 {
            let now = at(second_by_second);
            if second_by_second < stopped_at || second_by_second == 0 {
                first.work(&mut log, now);
            }
            second.work(&mut log, now);
            assert!(!(first.decides(now) && second.decides(now)), "both at {second_by_second}");
            if second.decides(now) {
                taken_over.get_or_insert(second_by_second);
            }
        }
        let taken_over = taken_over.expect("a silent engine is replaced");
        assert!(taken_over <= stopped_at.max(1) + 8, "stopped at {stopped_at}, replaced at {taken_over}");
        // It was only stopped: it wakes, believes nothing, and stands by.
        let now = at(40);
        assert!(!first.decides(now));
        first.work(&mut log, now);
        second.work(&mut log, now);
        assert!(!first.decides(now) && second.decides(now));
    }
}

#[test]
fn a_word_of_which_nobody_knows_whether_it_was_taken_gives_tenure_from_when_it_was_first_sent() {
    let (mut log, mut first) = (Log::default(), engine(1));
    first.work(&mut log, at(0));
    let deed = first.roster.next(at(2)).expect("it is to sign");
    first.roster.answered(&deed, Answer::Unknown, at(4));
    let again = first.roster.next(at(5)).expect("it is to sign");
    assert_eq!(again, deed);
    first.roster.answered(&again, log.append(&again), at(5));
    first.catch_up(&log, at(5));
    assert!(first.decides(at(7)), "six seconds from the second second on");
    assert!(!first.decides(at(8)));
}

#[test]
fn who_has_lost_touch_with_the_log_does_not_call_others_silent() {
    let (mut log, mut first, mut second) = (Log::default(), engine(1), engine(2));
    first.work(&mut log, at(0));
    second.work(&mut log, at(0));
    // The log is away for everybody, and is back.
    second.roster.set_in_touch(false, at(3));
    second.roster.set_in_touch(true, at(30));
    second.work(&mut log, at(30));
    assert!(log.events.iter().all(|(arrangement, _)| !matches!(arrangement, Arrangement::Ended(_))));
    first.work(&mut log, at(31));
    assert!(first.decides(at(31)), "it was not replaced, and goes on");
}

#[test]
fn who_is_behind_for_a_moment_again_and_again_takes_over_all_the_same() {
    let (mut log, mut first, mut second) = (Log::default(), engine(1), engine(2));
    first.work(&mut log, at(0));
    let taken_over = (1..20).find(|second_by_second| {
        let now = at(*second_by_second);
        second.roster.set_in_touch(false, now);
        second.work(&mut log, now);
        assert!(!second.decides(now), "who is behind takes nothing");
        second.roster.set_in_touch(true, now);
        second.work(&mut log, now);
        second.decides(now)
    });
    assert_eq!(taken_over, Some(9));
}

#[test]
fn a_machine_that_slept_has_let_go_although_its_monotonic_clock_stood_still() {
    let (mut log, mut first) = (Log::default(), engine(1));
    first.work(&mut log, at(0));
    let slept = Moment { slow: Duration::from_secs(1), fast: Duration::from_secs(3600) };
    assert!(first.decides(at(1)) && !first.decides(slept));
}

#[test]
fn a_farewell_leaves_the_duties_at_once_and_another_configuration_does_too() {
    let (mut log, mut first, mut second) = (Log::default(), engine(1), engine(2));
    first.work(&mut log, at(0));
    second.work(&mut log, at(0));
    first.roster.set_willing(false);
    assert!(!first.decides(at(1)));
    first.work(&mut log, at(1));
    second.work(&mut log, at(1));
    assert!(second.decides(at(1)) && !first.decides(at(1)));
    let farewell = second.roster.farewell().expect("it was seen");
    assert!(!second.decides(at(1)));
    assert_eq!(log.append(&farewell), Answer::Taken);
    first.roster.set_willing(true);
    first.work(&mut log, at(2));
    assert!(first.decides(at(2)));
}

#[test]
fn a_tenure_that_has_run_out_does_not_come_back_and_its_engine_goes_on_as_another() {
    let (mut log, mut first) = (Log::default(), engine(1));
    first.work(&mut log, at(0));
    let before = first.roster.engine();
    // The log does not answer for longer than the tenure; then it does, and nobody looked in between.
    let deed = first.roster.next(at(2)).expect("it is to sign");
    first.roster.answered(&deed, Answer::Unknown, at(4));
    first.roster.answered(&deed, log.append(&deed), at(7));
    assert!(!first.decides(at(7)), "there was a second in which it had no leave");
    assert_eq!(first.roster.engine(), before);
    first.work(&mut log, at(7));
    assert!(first.decides(at(7)), "there is nobody else, and it need not wait for its own silence");
    assert_ne!(first.roster.engine(), before);
    let ended = log.events.iter().any(|(arrangement, _)| match arrangement {
        Arrangement::Ended(ended) => (ended.engine, ended.by) == (before, before),
        Arrangement::Seen(_) | Arrangement::Taken(_) => false,
    });
    assert!(ended, "others know it, too");
}

#[test]
fn whoever_was_not_to_act_for_a_moment_does_not_go_on_under_the_same_name() {
    let (mut log, mut first) = (Log::default(), engine(1));
    first.work(&mut log, at(0));
    let before = first.roster.engine();
    first.roster.set_willing(false);
    first.roster.set_willing(true);
    assert!(!first.decides(at(1)));
    first.work(&mut log, at(1));
    assert!(first.decides(at(1)) && first.roster.engine() != before);
}

#[test]
fn the_duties_of_one_that_certainly_runs_no_more_are_taken_at_once() {
    for (knows, replaced_after) in [(true, 0), (false, 8)] {
        let (mut log, mut first, mut second) = (Log::default(), engine(1), engine(2));
        first.work(&mut log, at(0));
        // It said more than anybody has seen when it was killed.
        let deed = first.roster.next(at(2)).expect("it is to sign");
        second.catch_up(&log, at(3));
        assert_eq!(log.append(&deed), Answer::Taken);
        if knows {
            second.roster.succeed([first.roster.engine()]);
        }
        let early = second.roster.next(at(3));
        assert_eq!(early.is_some(), knows);
        if let Some(deed) = early {
            let answer = log.append(&deed);
            second.roster.answered(&deed, answer, at(3));
            assert_eq!((answer, second.roster.next(at(3))), (Answer::Conflict, None), "it is not asked on and on");
        }
        let replaced = (3..30).find(|second_by_second| {
            second.work(&mut log, at(*second_by_second));
            second.decides(at(*second_by_second))
        });
        assert_eq!(replaced, Some(3 + replaced_after));
    }
}

#[test]
fn an_engine_that_others_know_to_be_gone_but_is_not_can_start_nothing_more_once_it_has_heard() {
    let (mut log, mut first, mut second) = (Log::default(), engine(1), engine(2));
    first.work(&mut log, at(0));
    second.roster.succeed([first.roster.engine()]);
    second.work(&mut log, at(1));
    assert!(second.decides(at(1)));
    first.catch_up(&log, at(1));
    assert!(!first.decides(at(1)));
    first.work(&mut log, at(2));
    assert!(second.decides(at(2)) && !first.decides(at(2)));
}
