//! Folding: the same log is the same state, in one go or in several, and nothing that follows from it is lost.

use chatledger_projections::event::Event;
use chatledger_projections::ids::IntentId;
use chatledger_projections::recorded::Recorded;
use chatledger_tests::logs::{digests, fold, of_stories};
use chatledger_tests::script::{Troubles, scripts};
use chatledger_tests::world;
use proptest::prelude::*;

use crate::cases;

/// Law 1: folding a log twice gives equal states and byte-equal intents.
fn is_determined(log: &[Recorded<Event>]) -> Result<(), String> {
    let ((one, its_steps), (other, other_steps)) = (fold(log), fold(log));
    if digests(&one) != digests(&other) {
        return Err("two folds of one log differ".to_owned());
    }
    for (one, other) in its_steps.iter().zip(&other_steps) {
        let said = |intents| serde_json::to_vec(intents).expect("intents can be written");
        if said(&one.intents) != said(&other.intents) {
            return Err(format!("other intents follow from {}", one.happening.id));
        }
    }
    match one.taken().drift {
        0 => Ok(()),
        drift => Err(format!("{drift} intents in the log are not what follows from it")),
    }
}

/// Law 2: cut anywhere; folding the rest on top of the beginning gives what folding all of it gives.
fn can_be_cut_anywhere(log: &[Recorded<Event>]) -> Result<(), String> {
    let whole = fold(log).0;
    let mut kept = chatledger::pipeline::Pipeline::default();
    for cut in 0..log.len() {
        let mut later = kept.clone();
        for recorded in &log[cut..] {
            later.take(recorded.clone());
        }
        if digests(&later) != digests(&whole) || later.outstanding() != whole.outstanding() {
            return Err(format!("cut after {cut} events, the log leads elsewhere"));
        }
        kept.take(log[cut].clone());
    }
    Ok(())
}

/// Law 5, for folds: wherever the engine is killed, what is in the log and what it finds outstanding are together
/// exactly what was decided.
fn loses_no_decision(log: &[Recorded<Event>]) -> Result<(), String> {
    let mut pipeline = chatledger::pipeline::Pipeline::default();
    let mut decided: Vec<IntentId> = Vec::new();
    let mut recorded: Vec<IntentId> = Vec::new();
    for event in log {
        if let Event::IntentRaised(raised) = &event.event {
            recorded.push(raised.intent_id);
        }
        decided.extend(pipeline.take(event.clone()).intents.iter().map(|intent| intent.intent_id));
        let outstanding = pipeline.outstanding();
        let mut known: Vec<_> =
            recorded.iter().copied().chain(outstanding.iter().map(|intent| intent.intent_id)).collect();
        let mut wanted = decided.clone();
        known.sort_unstable();
        wanted.sort_unstable();
        if known != wanted {
            return Err(format!("after {} the outstanding intents are wrong", event.id));
        }
    }
    if pipeline.outstanding().is_empty() { Ok(()) } else { Err("something was never raised".to_owned()) }
}

fn keeps_the_laws_of_folding(log: &[Recorded<Event>]) -> Result<(), String> {
    is_determined(log)?;
    can_be_cut_anywhere(log)?;
    loses_no_decision(log)
}

#[test]
fn every_story_folds_the_same_whole_twice_and_in_pieces() {
    for (name, log) in of_stories() {
        keeps_the_laws_of_folding(&log).unwrap_or_else(|broken| panic!("{name}: {broken}"));
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn every_log_folds_the_same_whole_twice_and_in_pieces(script in scripts(Troubles::ALL)) {
        let ending = world::run(&script);
        let kept = keeps_the_laws_of_folding(&ending.log);
        prop_assert!(kept.is_ok(), "{kept:?}\n{}", ending.chronicle);
        let again = fold(&ending.log).0;
        prop_assert_eq!(digests(&again), digests(&ending.pipeline), "the engine has forgotten something");
    }

    #[test]
    fn the_same_script_is_the_same_world(script in scripts(Troubles::ALL)) {
        let (one, other) = (world::run(&script), world::run(&script));
        prop_assert_eq!(one.log, other.log);
        prop_assert_eq!(one.chronicle, other.chronicle);
    }
}
