//! The simulation with fixed seeds, and the test of the test: bugs planted on purpose are found.
//!
//! `just simulate` runs the same worlds with other seeds, more of them, or for hours; see docs/reliability.md.

use std::collections::BTreeMap;

use chatledger_tests::simulation::chance::Chance;
use chatledger_tests::simulation::{Failure, Plan, Report, shortest, simulate, story, told, weather};
use chatledger_tests::world::mutation::Mutation;
use chatledger_tests::world::shared::{self, SharedBug};
use chatledger_tests::world::watch::Complaint;

/// How many messages each fixed seed simulates.
const MESSAGES: u64 = 4_000;

/// A bug that is not found within so many messages is not found.
const FOUND_WITHIN: u64 = 20_000;

fn plan(seed: u64, messages: u64) -> Plan {
    Plan { seed, messages, no_longer_than: None, threads: 1, mutation: None }
}

/// Fails with the shortest story of what went wrong.
#[track_caller]
fn assert_well(report: &Report) {
    let Some(failure) = &report.failure else { return };
    let Failure { seed, complaint, .. } = failure;
    let script = shortest(failure, None);
    let chronicle = told(&script, None).map(|ending| ending.chronicle).unwrap_or_default();
    panic!(
        "{complaint}\n`just simulate --world {seed}` tells it whole; the shortest script that does the same:\n{script:?}{chronicle}"
    );
}

#[test]
fn nothing_is_lost_nothing_comes_twice_in_the_first_seed() {
    assert_well(&simulate(&plan(1, MESSAGES)));
}

#[test]
fn nothing_is_lost_nothing_comes_twice_in_the_second_seed() {
    assert_well(&simulate(&plan(2, MESSAGES)));
}

#[test]
fn nothing_is_lost_nothing_comes_twice_in_the_third_seed() {
    assert_well(&simulate(&plan(3, MESSAGES)));
}

#[test]
fn the_same_seed_is_the_same_report() {
    let (one, other) = (simulate(&plan(4, 200)), simulate(&plan(4, 200)));
    assert_eq!(one, other);
    assert!(
        one.faults.len() >= 10 && one.messages >= 200,
        "a simulation in which nothing goes wrong shows nothing: {one:?}"
    );
}

#[test]
fn every_planted_bug_is_found() {
    let unfound: Vec<&str> = Mutation::ALL
        .into_iter()
        .filter(|bug| {
            let report = simulate(&Plan { mutation: Some(*bug), ..plan(5, FOUND_WITHIN) });
            report.failure.is_none()
        })
        .map(Mutation::label)
        .collect();
    assert!(unfound.is_empty(), "not found within {FOUND_WITHIN} messages: {unfound:?}");
}

#[test]
fn engines_that_are_frozen_and_killed_call_nothing_twice_and_nothing_out_of_order() {
    let mut tally = BTreeMap::new();
    for world in 0..60 {
        let told = shared::live(Chance::part(7, world), None);
        if let Some(complaint) = told.complaint {
            panic!("world {world}: {complaint}\n{}", told.chronicle);
        }
        for (what, times) in told.tally {
            *tally.entry(what).or_insert(0) += times;
        }
    }
    for what in ["frozen", "killed", "taken over", "begun anew", "call not made", "called"] {
        assert!(tally.get(what).is_some_and(|times| *times >= 10), "{what} hardly ever happened: {tally:?}");
    }
}

#[test]
fn every_bug_that_is_planted_among_several_engines_is_found() {
    for bug in SharedBug::ALL {
        let found = (0..400).find_map(|world| shared::live(Chance::part(8, world), Some(bug)).complaint);
        assert!(found.is_some(), "{} is not found", bug.label());
    }
}

#[test]
fn the_story_of_a_failure_is_short_and_fails_in_the_same_way() {
    let mutation = Some(Mutation::ResendBlindly);
    let report = simulate(&Plan { mutation, ..plan(6, FOUND_WITHIN) });
    let failure = report.failure.expect("it is found");
    let script = shortest(&failure, mutation);
    let ending = told(&script, mutation).expect("it does not panic");
    let complaint = chatledger_tests::simulation::live(&script, mutation, false).complaint.expect("it still fails");
    assert_eq!(complaint.rule, failure.complaint.rule);
    assert!(script.deeds.len() <= 3, "{script:?}{}", ending.chronicle);

    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("saved");
    story::save(&folder, &script, &ending, &complaint).expect("it can be written");
    let saved = chatledger::story::tell(&folder).unwrap_or_else(|error| panic!("{error}\n{script:?}"));
    let answers = saved.text.matches(" answers ").count();
    assert!(answers >= 1 && saved.text.contains("\nin the end:"), "{}", saved.text);
}

#[test]
fn every_story_that_is_saved_can_be_told_to_its_end() {
    for (number, mutation) in Mutation::ALL.into_iter().enumerate() {
        // A world that failed is saved as it is, with all its weather: nothing is left out of it on the way.
        let script = weather::script(number as u64);
        let Some(ending) = told(&script, Some(mutation)) else { continue };
        let complaint = Complaint { rule: mutation.label(), detail: String::new() };
        let folder = tempfile::tempdir().expect("a folder");
        story::save(folder.path(), &script, &ending, &complaint).expect("it can be written");
        let saved = chatledger::story::tell(folder.path());
        let saved = saved.unwrap_or_else(|error| panic!("{}: {error}\n{script:?}", mutation.label()));
        assert!(saved.text.contains("\nin the end:"), "{}", saved.text);
    }
}
