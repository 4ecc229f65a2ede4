//! What the laws have found, each written down as the shortest script that shows it.

use std::time::Duration;

use chatledger_projections::ids::ConnectionName;
use chatledger_tests::script::{CLIENTS, Deed, Fate, Script, Setting, What};
use chatledger_tests::world::{self, CHANNEL};

/// The client whose number the messenger does not know.
const UNKNOWN: u8 = CLIENTS - 1;

/// The news of a failure came twice, in a message without its reason and in a report with it, and the first was told.
#[test]
fn a_manager_learns_why_a_message_did_not_arrive() {
    for (second_generation, reason) in [(true, "undeliverable"), (false, "")] {
        let setting = Setting { second_generation, claim: true, ..Setting::default() };
        let deeds = vec![Deed { after: 0, client: UNKNOWN, what: What::ManagerWrites(0) }];
        let ending = world::run(&Script { setting, deeds, ..Script::default() });
        let status = ending.crm.iter().find_map(|line| line.status.clone()).unwrap_or_default();
        assert!(status.starts_with("error 904") && status.contains(reason), "{status}\n{}", ending.chronicle);
    }
}

/// A doubtful attempt was taken for a question; those that simply go again then went past their limit, all at once.
#[test]
fn attempts_in_doubt_go_again_one_at_a_time() {
    let setting = Setting { second_generation: false, claim: false, ..Setting::default() };
    let deeds: Vec<Deed> = (0..CLIENTS).map(|client| Deed { after: 0, client, what: What::ManagerWrites(0) }).collect();
    let calls = vec![Fate::Slow(9_000); 4];
    for place in 0..40 {
        let crashes = [place].into();
        let script = Script { setting, deeds: deeds.clone(), calls: calls.clone(), crashes, ..Script::default() };
        let ending = world::run(&script);
        let at_once = ending.busiest(&ConnectionName::new(CHANNEL), "send", Duration::from_millis(100));
        assert!(at_once <= 1, "killed at {place}, {at_once} go at once\n{}", ending.chronicle);
    }
}

/// A client whom amo did not know by our name yet was named by it alone, and their reaction was refused.
#[test]
fn a_reaction_to_the_managers_first_words_is_shown() {
    for claim in [false, true] {
        let setting = Setting { claim, ..Setting::default() };
        let deed = |after, what| Deed { after, client: 0, what };
        let deeds = vec![deed(0, What::ManagerWrites(0)), deed(20_000, What::ClientReacts)];
        let ending = world::run(&Script { setting, deeds, ..Script::default() });
        let reactions: Vec<_> = ending.crm.iter().flat_map(|line| &line.reactions).collect();
        assert_eq!(reactions, ["👍"], "{}", ending.chronicle);
    }
}
