//! The law: whatever happened later, an answer as of a position is what would have been answered then.

use chatledger::reading::AsOf;
use chatledger_projections::event::Event;
use chatledger_projections::recorded::Recorded;
use chatledger_projections::time::Timestamp;
use chatledger_tests::logs;
use chatledger_tests::script::{Script, Troubles, scripts, scripts_in_towns};
use chatledger_tests::world;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::Config;
use serde_json::Value;

use crate::asking::{everything, fed, feed};

fn cases(usually: u32) -> Config {
    let wanted = std::env::var("PROPTEST_CASES").ok().and_then(|number| number.parse().ok());
    Config { cases: wanted.unwrap_or(usually), max_shrink_iters: 200, failure_persistence: None, ..Config::default() }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// What differs between two documents, in a few words.
fn difference(one: &Value, other: &Value) -> Option<String> {
    let (Value::Object(one), Value::Object(other)) = (one, other) else { return Some("no objects".to_owned()) };
    let questions: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    questions.into_iter().find(|question| one.get(*question) != other.get(*question)).map(|question| {
        let shown = |answers: &serde_json::Map<String, Value>| {
            answers.get(question).map_or_else(|| "nothing".to_owned(), |answer| format!("{answer:#}"))
        };
        format!("{question}\nthen: {}\nas of then: {}", shown(one), shown(other))
    })
}

/// Compares what is answered as of some positions with what a reader answers that knows no more.
fn hold_against_then(log: &[Recorded<Event>], cuts: &[usize]) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = runtime();
    let whole = fed(&folder.path().join("whole.db"), log);
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (log.len() + 1)).collect();
    cuts.sort_unstable();
    let mut then = fed(&folder.path().join("then.db"), &[]);
    let mut known = 0;
    for cut in cuts {
        feed(&mut then, &log[known..cut]);
        known = cut;
        let Some(last) = cut.checked_sub(1).map(|last| &log[last]) else { continue };
        let as_of = AsOf::Position(last.position);
        let was = runtime.block_on(everything(then.reader(), as_of));
        let is = runtime.block_on(everything(whole.reader(), as_of));
        if let Some(difference) = difference(&was, &is) {
            return Err(format!("as of event {cut} of {}, {difference}", log.len()));
        }
        // "Now" is the newest position: other ways through the rows, the same answers.
        let now = runtime.block_on(everything(then.reader(), AsOf::Now));
        let lists = |document: &Value| {
            let mut document = document.clone();
            let fields = document.as_object_mut().expect("answers");
            // What has an age is told as of the present time.
            fields.remove("connections");
            fields.remove("overview");
            document
        };
        if let Some(difference) = difference(&lists(&was), &lists(&now)) {
            return Err(format!("now, at event {cut} of {}, {difference}", log.len()));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn an_answer_as_of_a_position_is_what_was_answered_then(
        script in scripts(Troubles { crashes: true, ..Troubles::WEATHER }),
        cuts in proptest::collection::vec(any::<Index>(), 3),
    ) {
        let log = world::run(&script).log;
        let cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(log.len() + 1)).collect();
        let held = hold_against_then(&log, &cuts);
        prop_assert!(held.is_ok(), "{}", held.unwrap_err());
    }

    #[test]
    fn in_towns_of_several_accounts_it_is_so_too(
        script in scripts_in_towns(Troubles::WEATHER),
        cuts in proptest::collection::vec(any::<Index>(), 2),
    ) {
        let log = world::run(&script).log;
        let cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(log.len() + 1)).collect();
        let held = hold_against_then(&log, &cuts);
        prop_assert!(held.is_ok(), "{}", held.unwrap_err());
    }
}

#[test]
fn in_every_story_an_answer_as_of_a_position_is_what_was_answered_then() {
    for (name, log) in logs::of_stories() {
        let log = logs::renumbered(log);
        let cuts = [log.len() / 2, log.len()];
        hold_against_then(&log, &cuts).unwrap_or_else(|difference| panic!("{name}: {difference}"));
    }
}

#[test]
fn a_time_is_a_position_even_when_the_clock_was_set_back() {
    let script = Script::from_seed(7, Troubles::NONE);
    let mut log = world::run(&script).log;
    let middle = log.len() / 2;
    let (before, back) = (log[middle - 1].recorded_at, 3_600_000);
    for recorded in &mut log[middle..] {
        recorded.recorded_at = Timestamp::from_millis(recorded.recorded_at.as_millis() - back);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let whole = fed(&folder.path().join("whole.db"), &log);
    let runtime = runtime();
    let at = |as_of| runtime.block_on(whole.reader().standpoint_of(as_of)).expect("a standpoint").position;
    // While the clock lags, nothing new was recorded "by then"; when it was the time of the last one, all of it was.
    assert_eq!(at(AsOf::Time(Timestamp::from_millis(before.as_millis() - 1))).is_some(), middle > 1);
    assert!(at(AsOf::Time(before)) >= Some(log[middle - 1].position));
    assert_eq!(at(AsOf::Time(Timestamp::from_millis(0))), None);
    assert_eq!(at(AsOf::Now), log.last().map(|last| last.position));
}
