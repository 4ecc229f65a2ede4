//! Living: crashes, echoes, quotas and nonsense. What people see is what was written, once, whatever goes wrong.

use std::time::Duration;

use chatledger_projections::event::{Event, Happening};
use chatledger_projections::ids::ConnectionName;
use chatledger_tests::ending::Ending;
use chatledger_tests::logs::fold;
use chatledger_tests::script::{CLIENTS, Deed, Script, Setting, Troubles, What, scripts};
use chatledger_tests::world::{self, CHANNEL, CRM};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::cases;

/// Law 5: nothing is lost, nothing is seen twice, and no intent is open or outstanding at the end.
fn is_whole(ending: &Ending) -> Result<(), String> {
    let complaints = ending.complaints();
    if !complaints.is_empty() {
        return Err(complaints.join("\n"));
    }
    let open = ending.pipeline.state().attempts.in_order().len();
    let outstanding = ending.pipeline.outstanding().len();
    if (open, outstanding) == (0, 0) {
        Ok(())
    } else {
        Err(format!("{open} intents are open, {outstanding} were never raised"))
    }
}

/// Law 7: no span of a quota's length holds more calls than the quota allows.
fn keeps_within_quotas(ending: &Ending, setting: Setting) -> Result<(), String> {
    let accounts = world::configuration(setting).connections;
    for (name, account) in &accounts {
        for limit in account.connection.limits() {
            for quota in limit.quotas {
                let busiest = ending.busiest(name, limit.class, quota.per);
                if busiest > quota.calls.get() as usize {
                    return Err(format!("{busiest} calls {:?} at {name} in {:?}", limit.class, quota.per));
                }
            }
        }
    }
    let turned_away = ending.calls.iter().filter(|call| call.status == Some(429)).count();
    if turned_away == 0 { Ok(()) } else { Err(format!("the platforms themselves turned away {turned_away} calls")) }
}

/// Many people at once.
fn crowds() -> impl Strategy<Value = Script> {
    let what = prop_oneof![
        3 => (0_u8..3).prop_map(What::ClientWrites),
        3 => (0_u8..3).prop_map(What::ManagerWrites),
        1 => (0_u8..3).prop_map(What::AppWrites),
        1 => Just(What::ClientReads),
    ];
    let deed = (0_u32..150, 0..CLIENTS, what).prop_map(|(after, client, what)| Deed { after, client, what });
    (scripts(Troubles { crashes: true, ..Troubles::WEATHER }), vec(deed, 20..60))
        .prop_map(|(script, deeds)| Script { deeds, ..script })
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn in_fair_weather_everything_is_seen_once(script in scripts(Troubles::NONE)) {
        let ending = world::run(&script);
        let whole = is_whole(&ending).and_then(|()| keeps_within_quotas(&ending, script.setting));
        prop_assert!(whole.is_ok(), "{}\n{}", whole.unwrap_err(), ending.chronicle);
    }

    #[test]
    fn in_any_weather_everything_is_seen_once(script in scripts(Troubles::WEATHER)) {
        let ending = world::run(&script);
        let whole = is_whole(&ending).and_then(|()| keeps_within_quotas(&ending, script.setting));
        prop_assert!(whole.is_ok(), "{}\n{}", whole.unwrap_err(), ending.chronicle);
    }

    #[test]
    fn killed_anywhere_the_engine_loses_nothing_and_repeats_nothing(script in scripts(Troubles::ALL)) {
        let ending = world::run(&script);
        let whole = is_whole(&ending).and_then(|()| keeps_within_quotas(&ending, script.setting));
        prop_assert!(whole.is_ok(), "{}\n{}", whole.unwrap_err(), ending.chronicle);
    }

    #[test]
    fn echoes_die(script in scripts(Troubles::NONE)) {
        let ending = world::run(&script);
        // Found, opened or claimed; carried; delivered, read.
        let most = script.deeds.len() * 6;
        prop_assert!(ending.calls.len() <= most, "{} calls\n{}", ending.calls.len(), ending.chronicle);
    }
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn a_crowd_is_served_within_the_quotas(script in crowds()) {
        let ending = world::run(&script);
        let whole = is_whole(&ending).and_then(|()| keeps_within_quotas(&ending, script.setting));
        prop_assert!(whole.is_ok(), "{}\n{}", whole.unwrap_err(), ending.chronicle);
    }

    #[test]
    fn a_script_killed_at_every_place_in_turn_ends_the_same(script in scripts(Troubles::NONE)) {
        let fair = world::run(&script);
        for place in 0..u16::try_from(fair.log.len() + fair.calls.len()).expect("scripts are short") {
            let ending = world::run(&Script { crashes: [place].into(), ..script.clone() });
            let whole = is_whole(&ending);
            prop_assert!(whole.is_ok(), "killed at {place}: {}\n{}", whole.unwrap_err(), ending.chronicle);
        }
    }
}

/// What a platform might send on a bad day: no text, no document, or a document with something wrong in it.
fn nonsense() -> impl Strategy<Value = Vec<u8>> {
    let documents: Vec<Vec<u8>> = chatledger_tests::logs::of_stories()
        .into_iter()
        .flat_map(|(_, log)| log)
        .filter_map(|recorded| match recorded.event {
            Event::WebhookReceived(webhook) => Some(webhook.body),
            _ => None,
        })
        .collect();
    let mangled = (proptest::sample::select(documents), any::<prop::sample::Index>(), any::<u8>(), any::<bool>())
        .prop_map(|(mut document, place, byte, cut)| {
            let place = place.index(document.len().max(1));
            if cut {
                document.truncate(place);
            } else if let Some(known) = document.get_mut(place) {
                *known = byte;
            }
            document
        });
    prop_oneof![vec(any::<u8>(), 0..200), "[\\[\\]{}\",:a-z0-9 ]{0,80}".prop_map(String::into_bytes), mangled]
}

/// Nonsense from both sides, and then a client and a manager who mean what they say.
fn full_of_nonsense() -> impl Strategy<Value = Script> {
    let babble = (any::<bool>(), nonsense())
        .prop_map(|(at_crm, bytes)| if at_crm { What::CrmBabbles(bytes) } else { What::ChannelBabbles(bytes) });
    let deed = |after, what| Deed { after, client: 0, what };
    (vec(babble, 1..8), any::<bool>(), any::<bool>()).prop_map(move |(babble, second_generation, claim)| {
        let mut deeds: Vec<Deed> = babble.into_iter().map(|what| deed(500, what)).collect();
        deeds.push(deed(500, What::ClientWrites(0)));
        deeds.push(deed(90_000, What::ManagerWrites(0)));
        Script { setting: Setting { second_generation, claim, ..Setting::default() }, deeds, ..Script::default() }
    })
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn after_any_nonsense_the_next_message_is_carried(script in full_of_nonsense()) {
        let ending = world::run(&script);
        let lines: Vec<_> = ending.complaints().into_iter().filter(|line| !line.ends_with("nobody wrote this")).collect();
        prop_assert!(lines.is_empty(), "{}\n{}", lines.join("\n"), ending.chronicle);
        for step in fold(&ending.log).1 {
            let Happening::Observed { facts, .. } = &step.happening.event else { continue };
            prop_assert!(!facts.is_empty() || !step.remarks.is_empty(), "a webhook without a word about it");
        }
    }
}

#[test]
fn both_platforms_of_a_world_are_configured() {
    let connections = world::configuration(Setting::default()).connections;
    assert!([CRM, CHANNEL].iter().all(|name| connections.contains_key(&ConnectionName::new(*name))));
    // A quota of no length would make the law of quotas empty.
    let quotas = connections.values().flat_map(|account| account.connection.limits()).flat_map(|limit| limit.quotas);
    assert!(quotas.into_iter().all(|quota| quota.per >= Duration::from_secs(1)));
}
