//! Order: what a platform says twice is said once; what it says of different dialogues, and of how messages stand, may
//! come in any order.

use std::collections::{BTreeMap, HashMap};

use chatledger_projections::event::{Event, Happening};
use chatledger_projections::fact::Fact;
use chatledger_projections::ids::{EventId, IntentId};
use chatledger_projections::recorded::Recorded;
use chatledger_tests::ending::{Cause, Ending};
use chatledger_tests::logs::{Log, digests, fold, of_stories, renumbered, repeated};
use chatledger_tests::script::{Troubles, scripts};
use chatledger_tests::world;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::cases;

/// What no repetition may change. Anomalies are counted with the connections' health, and a repetition of one counts.
/// What a client is called follows the last word, so a late repetition of an earlier one may change that.
const UNTOUCHED: [&str; 5] = ["threads", "bindings", "delivery", "echoes", "attempts"];
const UNTOUCHED_AT_ONCE: &str = "contacts";

/// Law 3: repeating a webhook, at once or at any later place, changes nothing and causes nothing.
fn is_silent_about(log: &[Recorded<Event>], webhook: usize, again_at: usize) -> Result<(), String> {
    let again = repeated(&log[webhook]);
    let id = again.id;
    let mut longer = log.to_vec();
    longer.insert(again_at, again);
    let (whole, (other, steps)) = (fold(log).0, fold(&renumbered(longer)));
    let of_the_repetition = steps.iter().find(|step| step.happening.id == id).expect("it was put in");
    if !of_the_repetition.intents.is_empty() {
        return Err(format!("a repetition of {} causes {:?}", log[webhook].id, of_the_repetition.intents));
    }
    for (one, other) in digests(&whole).into_iter().zip(digests(&other)) {
        let is_meant = UNTOUCHED.contains(&one.0) || (one.0 == UNTOUCHED_AT_ONCE && again_at == webhook + 1);
        if is_meant && one != other {
            return Err(format!("a repetition of {} at {again_at} changes {}", log[webhook].id, one.0));
        }
    }
    Ok(())
}

fn webhooks(log: &[Recorded<Event>]) -> Vec<usize> {
    let is_webhook = |place: &usize| matches!(log[*place].event, Event::WebhookReceived(_));
    (0..log.len()).filter(is_webhook).collect()
}

/// Whether a webhook tells of a reaction, or of none. No platform says when, so an earlier word of it that comes once more
/// after a later one is a new one. (A real repetition bears the same event id, and the log does not take it.)
fn tells_of_reactions(recorded: &Recorded<Event>) -> bool {
    let Event::WebhookReceived(webhook) = &recorded.event else { return false };
    let decoded = chatledger::pipeline::decode(&webhook.platform, &webhook.headers, &webhook.body);
    decoded.facts.iter().any(|fact| matches!(fact, Fact::ReactionChanged(_) | Fact::ShownWithoutReaction(_)))
}

#[test]
fn no_story_is_changed_by_a_repetition() {
    for (name, log) in of_stories() {
        for webhook in webhooks(&log) {
            let places = if tells_of_reactions(&log[webhook]) { 1 } else { 3 };
            for again_at in [webhook + 1, webhook + 1 + (log.len() - webhook) / 2, log.len()].into_iter().take(places) {
                is_silent_about(&log, webhook, again_at.min(log.len()))
                    .unwrap_or_else(|broken| panic!("{name}: {broken}"));
            }
        }
    }
}

/// Which client each event is about, as far as it is about one.
fn clients(ending: &Ending) -> HashMap<EventId, u8> {
    let mut of_event: HashMap<EventId, u8> = HashMap::new();
    let mut of_intent: HashMap<IntentId, u8> = HashMap::new();
    for recorded in &ending.log {
        let client = match &recorded.event {
            Event::WebhookReceived(_) => match ending.causes[&recorded.id] {
                Cause::Deed(client) => Some(client),
                Cause::Call(started) => of_event.get(&started).copied(),
            },
            Event::IntentRaised(raised) => {
                let client = of_event.get(&raised.cause).copied();
                of_intent.extend(client.map(|client| (raised.intent_id, client)));
                client
            }
            Event::AttemptStarted(started) => of_intent.get(&started.intent_id).copied(),
            Event::AttemptSettled(settled) => of_intent.get(&settled.intent_id).copied(),
            Event::ConfigurationApplied(_)
            | Event::OperatorInstructed(_)
            | Event::PolicyAdvanced(_)
            | Event::PollAdvanced(_)
            | Event::Arranged(_) => None,
        };
        of_event.extend(client.map(|client| (recorded.id, client)));
    }
    of_event
}

/// The same events, each client's in their order, but the clients mixed otherwise.
fn mixed_otherwise(ending: &Ending, choices: &[Index]) -> Log {
    let clients = clients(ending);
    let mut queues: BTreeMap<Option<u8>, std::collections::VecDeque<Recorded<Event>>> = BTreeMap::new();
    for recorded in &ending.log {
        queues.entry(clients.get(&recorded.id).copied()).or_default().push_back(recorded.clone());
    }
    // What is about nobody is about everybody: the configuration.
    let mut log: Log = queues.remove(&None).unwrap_or_default().into();
    let mut choices = choices.iter().cycle();
    while !queues.is_empty() {
        let choice = choices.next().map_or(0, |choice| choice.index(queues.len()));
        let client = *queues.keys().nth(choice).expect("there are so many");
        let queue = queues.get_mut(&client).expect("it is one of them");
        log.extend(queue.pop_front());
        if queue.is_empty() {
            queues.remove(&client);
        }
    }
    renumbered(log)
}

fn intents(log: &[Recorded<Event>]) -> BTreeMap<IntentId, String> {
    let all = fold(log).1.into_iter().flat_map(|step| step.intents);
    all.map(|raised| (raised.intent_id, serde_json::to_string(&raised).expect("intents can be written"))).collect()
}

/// The webhooks that say where a message stands, and are not the first to tell of it, each with the earliest place where
/// it can come: after the start of the call that made the message.
fn reports(ending: &Ending) -> Vec<(usize, usize)> {
    let steps = fold(&ending.log).1;
    let place_of: HashMap<EventId, usize> =
        ending.log.iter().enumerate().map(|(place, recorded)| (recorded.id, place)).collect();
    let report = |(place, step): (usize, &chatledger::pipeline::Step)| {
        let Happening::Observed { facts, .. } = &step.happening.event else { return None };
        let says_how_it_stands = facts.iter().any(|fact| matches!(fact, Fact::DeliveryReported(_)));
        let is_the_first = step.intents.iter().any(|raised| raised.carries.is_some());
        if !says_how_it_stands || is_the_first {
            return None;
        }
        match ending.causes[&step.happening.id] {
            Cause::Call(started) => Some((place, place_of[&started] + 1)),
            // A client has read something: which call made it is not known, so it does not come earlier than it did.
            Cause::Deed(_) => Some((place, place)),
        }
    };
    steps.iter().enumerate().filter_map(report).collect()
}

fn moved(log: &[Recorded<Event>], from: usize, to: usize) -> Log {
    let mut log = log.to_vec();
    let recorded = log.remove(from);
    log.insert(to.min(log.len()), recorded);
    renumbered(log)
}

fn stands(log: &[Recorded<Event>]) -> Vec<String> {
    let pipeline = fold(log).0;
    let mut stands: Vec<String> = pipeline
        .state()
        .delivery
        .iter()
        .map(|carried| serde_json::to_string(carried).expect("a state can be written"))
        .collect();
    stands.sort_unstable();
    stands
}

proptest! {
    #![proptest_config(cases(32))]

    #[test]
    fn a_repetition_changes_nothing(script in scripts(Troubles::ALL), which: Index, later: Index) {
        let ending = world::run(&script);
        let webhooks = webhooks(&ending.log);
        prop_assume!(!webhooks.is_empty());
        let webhook = webhooks[which.index(webhooks.len())];
        let again_at = webhook + 1 + later.index(ending.log.len() - webhook);
        let silent = is_silent_about(&ending.log, webhook, again_at)
            .and_then(|()| is_silent_about(&ending.log, webhook, webhook + 1));
        prop_assert!(silent.is_ok(), "{silent:?}\n{}", ending.chronicle);
    }

    #[test]
    fn dialogues_may_be_mixed_in_any_way(
        script in scripts(Troubles::ALL),
        choices in proptest::collection::vec(any::<Index>(), 1..64),
    ) {
        let ending = world::run(&script);
        let other = mixed_otherwise(&ending, &choices);
        prop_assert_eq!(intents(&other), intents(&ending.log), "{}", ending.chronicle);
        // What a platform said last of the time is said in whichever dialogue came last.
        let of_dialogues = |log: &[Recorded<Event>]| -> Vec<_> {
            digests(&fold(log).0).into_iter().filter(|(name, _)| *name != "clocks").collect()
        };
        prop_assert_eq!(of_dialogues(&other), of_dialogues(&ending.log), "{}", ending.chronicle);
    }

    #[test]
    fn reports_may_come_early_or_late(script in scripts(Troubles::WEATHER), which: Index, to: Index) {
        let ending = world::run(&script);
        let reports = reports(&ending);
        prop_assume!(!reports.is_empty());
        let (place, earliest) = reports[which.index(reports.len())];
        let to = earliest + to.index(ending.log.len() - earliest);
        let other = moved(&ending.log, place, to);
        prop_assert_eq!(stands(&other), stands(&ending.log), "{} to {}\n{}", place, to, ending.chronicle);
    }
}
