//! Isolation: nothing of one account ever reaches another. Towns of several CRMs, messengers, websites and assistants, of
//! which some are shared, are filled with traffic; who wrote where stands in every text.
//!
//! The same towns show that the whole ring of four platforms comes to rest, and that an assistant's answer is seen once.

use std::collections::{BTreeMap, BTreeSet};

use chatledger_connectors::simulator::LineAuthor;
use chatledger_projections::change::Change;
use chatledger_projections::event::Event;
use chatledger_projections::fact::DeliveryState;
use chatledger_projections::ids::{ConnectionName, MessageId};
use chatledger_projections::intent::Intent;
use chatledger_tests::ending::{Ending, Writer};
use chatledger_tests::logs::fold;
use chatledger_tests::script::{
    CLIENTS, Deed, Help, House, Script, Setting, Town, Troubles, What, is_reachable, scripts_in_towns,
};
use chatledger_tests::world::{self, assistant_of, channel_of, crm_of};
use proptest::prelude::*;

use crate::cases;

/// Who may see what a client's dialogue says.
fn circle(setting: Setting, route: u8) -> BTreeSet<ConnectionName> {
    let assistant = assistant_of(setting, route).map(str::to_owned);
    let names = [Some(crm_of(setting, route)), Some(channel_of(setting, route)), assistant];
    names.into_iter().flatten().map(ConnectionName::new).collect()
}

/// Law 9, as people see it: what is written in a dialogue is seen at its route's connections alone.
fn is_seen_by_nobody_else(ending: &Ending, setting: Setting) -> Result<(), String> {
    for written in &ending.written {
        let circle = circle(setting, written.client / CLIENTS);
        for (connection, lines) in &ending.transcripts {
            if !circle.contains(connection) && lines.iter().any(|line| line.text.contains(&written.text)) {
                return Err(format!("{:?} is seen at {connection}", written.text));
            }
        }
    }
    Ok(())
}

/// Law 9, as the log has it: every intent of a dialogue is for a connection of its route, and carries nothing of another.
fn is_meant_for_nobody_else(ending: &Ending) -> Result<(), String> {
    let state = ending.pipeline.state();
    for recorded in &ending.log {
        let Event::IntentRaised(raised) = &recorded.event else { continue };
        let Some((_, route)) = state.route_of(raised.thread) else {
            // The dialogue turned out to be another's before it began; the question went where it came from.
            let cause = ending.log.iter().find(|recorded| recorded.id == raised.cause).map(|recorded| &recorded.event);
            let asked_there =
                matches!(cause, Some(Event::WebhookReceived(webhook)) if webhook.connection == raised.connection);
            match &raised.intent {
                Intent::LookUpConversation(_) if asked_there => continue,
                intent => return Err(format!("{} of no route at {}", intent.label(), raised.connection)),
            }
        };
        let assistant = route.assistant.as_ref().map(|assistant| &assistant.connection);
        if raised.connection != route.crm && raised.connection != route.channel && Some(&raised.connection) != assistant
        {
            return Err(format!("{} of another route is meant for {}", raised.policy, raised.connection));
        }
        if let Some(origin) = &raised.carries {
            let carried = state.delivery.written(origin).ok_or("what an intent carries was never written")?.1;
            if carried.thread != raised.thread {
                return Err(format!("{} carries a message of another dialogue", raised.policy));
            }
        }
    }
    Ok(())
}

/// The ring of four platforms is silent in the end, and people have seen what was written, once.
fn is_seen_once(ending: &Ending, setting: Setting) -> Result<(), String> {
    let mut written: BTreeMap<_, usize> = BTreeMap::new();
    for one in &ending.written {
        *written.entry(one).or_default() += 1;
    }
    let seen = |at: &str, text: &str| {
        let lines = ending.transcripts.get(&ConnectionName::new(at));
        lines.into_iter().flatten().filter(|line| line.text == text).count()
    };
    for (one, times) in written {
        let route = one.client / CLIENTS;
        let (crm, channel) = (crm_of(setting, route), channel_of(setting, route));
        let (in_crm, in_channel) = (seen(&crm, &one.text), seen(&channel, &one.text));
        let refused = one.by == Writer::Manager && !is_reachable(one.client);
        if in_crm != times || (in_channel != times && !refused) {
            return Err(format!("{:?}, written {times} times: {in_crm} at {crm}, {in_channel} at {channel}", one.text));
        }
        let at_assistant = assistant_of(setting, route).map_or(0, |assistant| seen(assistant, &one.text));
        // It has heard what was said, also where the client has changed it since.
        let said = times + ending.unsaid.iter().filter(|unsaid| *unsaid == one).count();
        if at_assistant > if one.by == Writer::Client { said } else { 0 } {
            return Err(format!("{:?} is given to the assistant {at_assistant} times", one.text));
        }
    }
    Ok(())
}

/// Every answer of an assistant is seen once by the client and once in the CRM, unless it was to be silent.
fn answers_are_seen_once(ending: &Ending) -> Result<(), String> {
    let state = ending.pipeline.state();
    let withheld: BTreeSet<MessageId> = fold(&ending.log)
        .1
        .into_iter()
        .flat_map(|step| step.changes)
        .filter_map(|change| match change {
            Change::AnswerWithheld { origin, .. } => Some(origin.message),
            _ => None,
        })
        .collect();
    let assistants = ending.transcripts.iter().filter(|(name, _)| name.as_str().starts_with("selarti"));
    for (connection, line) in assistants.flat_map(|(name, lines)| lines.iter().map(move |line| (name, line))) {
        if line.author != LineAuthor::Bot || withheld.contains(&MessageId::new(line.id.as_str())) {
            continue;
        }
        let carried =
            state.delivery.iter().find(|carried| carried.at(connection).map(MessageId::as_str) == Some(&line.id));
        let carried = carried.ok_or_else(|| format!("{} was never heard", line.id))?;
        for place in carried.target.iter().chain(&carried.copies) {
            let lines = &ending.transcripts[&place.connection];
            if lines.iter().filter(|shown| shown.id == place.message.as_str() && shown.text == line.text).count() > 1 {
                return Err(format!("{} is seen twice at {}", line.id, place.connection));
            }
        }
        let intents = ending.log.iter().filter_map(|recorded| match &recorded.event {
            Event::IntentRaised(raised) if raised.carries.as_ref() == Some(&carried.origin) => Some(&raised.intent),
            _ => None,
        });
        let sends = intents.filter(|intent| matches!(intent, Intent::SendMessage(_))).count();
        // A number that the messenger does not know cannot be answered.
        let arrived = carried.target.is_some() || carried.state == DeliveryState::Failed;
        if (sends, arrived) != (2, true) {
            return Err(format!("{} led to {sends} messages", line.id));
        }
    }
    Ok(())
}

fn keeps_apart(ending: &Ending, setting: Setting) -> Result<(), String> {
    is_seen_by_nobody_else(ending, setting)?;
    is_meant_for_nobody_else(ending)
}

proptest! {
    #![proptest_config(cases(32))]

    #[test]
    fn nothing_of_one_account_reaches_another_whatever_goes_wrong(script in scripts_in_towns(Troubles::ALL)) {
        let ending = world::run(&script);
        let apart = keeps_apart(&ending, script.setting);
        prop_assert!(apart.is_ok(), "{}\n{}", apart.unwrap_err(), ending.chronicle);
    }

    #[test]
    fn in_fair_weather_every_town_comes_to_rest_and_everything_is_seen_once(script in scripts_in_towns(Troubles::NONE)) {
        let ending = world::run(&script);
        let whole = keeps_apart(&ending, script.setting)
            .and_then(|()| is_seen_once(&ending, script.setting))
            .and_then(|()| answers_are_seen_once(&ending));
        prop_assert!(whole.is_ok(), "{}\n{}", whole.unwrap_err(), ending.chronicle);
        // Found, opened or claimed; carried; delivered, read; and given to the assistant, answered twice, noted.
        let most = script.deeds.len() * 12;
        prop_assert!(ending.calls.len() <= most, "{} calls\n{}", ending.calls.len(), ending.chronicle);
    }
}

/// All four platforms in a ring of two routes that share the CRM and the assistant.
#[test]
fn the_ring_of_four_platforms_comes_to_rest() {
    let house = House { shares_crm: true, website: true, assistant: Some(Help::TheFirst) };
    let town = Town { assisted: true, further: [Some(house), None, None] };
    let setting = Setting { town, ..Setting::default() };
    let deed = |after, client, what| Deed { after, client, what };
    let deeds = vec![
        deed(0, 0, What::ClientWrites(0)),
        deed(50, CLIENTS, What::ClientWrites(0)),
        deed(4_000, 0, What::ClientWrites(1)),
        deed(4_000, CLIENTS, What::AppWrites(0)),
        deed(4_000, CLIENTS, What::ClientWrites(2)),
        deed(4_000, 0, What::ClientWrites(3)),
        deed(4_000, 0, What::ClientWrites(0)),
    ];
    let script = Script { setting, deeds, ..Script::default() };
    let ending = world::run(&script);
    let whole = keeps_apart(&ending, setting)
        .and_then(|()| is_seen_once(&ending, setting))
        .and_then(|()| answers_are_seen_once(&ending));
    assert_eq!(whole, Ok(()), "{}", ending.chronicle);
    let answers = |at: &str| {
        let lines = &ending.transcripts[&ConnectionName::new(at)];
        lines.iter().filter(|line| line.author == LineAuthor::Bot).count()
    };
    // One to each word of the first client until the hand-over, one to the second's first word: then a person wrote.
    assert_eq!(answers(world::ASSISTANT), 4, "{}", ending.chronicle);
    let platforms: BTreeSet<_> = ending.transcripts.keys().filter_map(|name| name.as_str().split('.').next()).collect();
    assert_eq!(platforms.len(), 4, "all four platforms are in it");
}
