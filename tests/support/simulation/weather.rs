//! The scripts of a simulation: what people do in one small world, and how bad the weather is there.
//!
//! Takes the world's seed, gives its script. Worlds differ on purpose: in one everything is fair but the disk is full, in
//! another every third call fails, in the next there is nothing but a crash in a burst. What ends well must end well after
//! all of it, so every trouble is finite: after the last one listed, all goes as it should.

use std::collections::{BTreeMap, BTreeSet};

use chatledger::log::failing::Fault;

use super::chance::Chance;
use crate::script::{CLIENTS, Deed, Fate, Luck, Script, Setting, What};

/// About how many appends and calls each message leads to; where crashes fall is drawn by it.
const POINTS_A_MESSAGE: u32 = 13;

/// The script of a world.
pub fn script(seed: u64) -> Script {
    let mut chance = Chance::of(seed);
    let chance = &mut chance;
    let setting = Setting { second_generation: chance.is(500), claim: chance.is(500), ..Setting::default() };
    let messages = chance.one_of(&[6, 20, 40, 80]) + chance.below(20);
    let deeds = deeds(chance, messages);
    let span = deeds.iter().map(|deed| deed.after).sum::<u32>().max(1_000);
    let calls = calls(chance, messages * 4);
    let webhooks = webhooks(chance, messages * 5);
    let lags = if chance.is(400) { (0..messages * 12).map(|_| chance.below(400) as u16).collect() } else { Vec::new() };
    let points = messages * POINTS_A_MESSAGE;
    let some =
        |chance: &mut Chance, of_a_thousand, most| if chance.is(of_a_thousand) { chance.within(1, most) } else { 0 };
    let crashes: BTreeSet<u16> =
        (0..some(chance, 500, 4)).map(|_| u16::try_from(chance.below(points)).unwrap_or(u16::MAX)).collect();
    let faults = some(chance, 350, messages / 3 + 2);
    let appends: BTreeMap<u32, Fault> = (0..faults)
        .map(|_| (chance.below(points), chance.one_of(&[Fault::Refuse, Fault::LoseAnswer, Fault::LoseRequest])))
        .collect();
    let full_disk = (0..some(chance, 150, 3)).map(|_| (chance.below(span), chance.within(300, 120_000))).collect();
    let jumps = some(chance, 250, 4);
    let clock = clock(chance, jumps, span);
    let changes = (0..some(chance, 80, 3)).map(|_| chance.below(span)).collect();
    Script { setting, deeds, calls, webhooks, lags, crashes, appends, full_disk, clock, changes }
}

/// How many messages people write in a script.
pub fn messages(script: &Script) -> u64 {
    let is_message =
        |deed: &&Deed| matches!(deed.what, What::ClientWrites(_) | What::ManagerWrites(_) | What::AppWrites(_));
    script.deeds.iter().filter(is_message).count() as u64
}

fn deeds(chance: &mut Chance, messages: u32) -> Vec<Deed> {
    let is_burst = chance.is(250);
    let clients = chance.within(1, u32::from(CLIENTS) + 1);
    let deed = |_| {
        let after = match chance.below(10) {
            0..3 => chance.below(300),
            3..9 if is_burst => chance.below(50),
            9 if is_burst => chance.within(300, 5_000),
            3..9 => chance.within(300, 20_000),
            _ => chance.within(20_000, 300_000),
        };
        // Few words, so that some messages are equal; and many, so that most are not.
        let word = if chance.is(300) { chance.below(4) } else { chance.within(4, 256) } as u8;
        let what = match chance.below(100) {
            0..40 => What::ClientWrites(word),
            40..78 => What::ManagerWrites(word),
            78..84 => What::AppWrites(word),
            84..86 => What::ClientEdits(word),
            86 => What::ClientDeletes,
            87..89 => What::ClientReacts,
            89 => What::ManagerReacts,
            90 => What::ManagerTypes,
            _ => What::ClientReads,
        };
        Deed { after, client: chance.below(clients) as u8, what }
    };
    (0..messages).map(deed).collect()
}

fn calls(chance: &mut Chance, calls: u32) -> Vec<Fate> {
    let often = chance.one_of(&[0, 0, 10, 60, 250]);
    let fate = |chance: &mut Chance| match chance.below(12) {
        0 | 1 => Fate::Slow(chance.within(200, 9_000) as u16),
        2 | 3 => Fate::AnswerLost,
        4 => Fate::BrokenAfter,
        5 => Fate::CallLost,
        6 => Fate::BrokenBefore,
        7 => Fate::NoConnection,
        8 => Fate::TooMany,
        9 => Fate::TooManyFor(chance.within(1, 120) as u8),
        10 => Fate::ResetAfter,
        _ => Fate::ResetBefore,
    };
    let mut fates = |_| if chance.is(often) { fate(chance) } else { Fate::Answered };
    if often == 0 { Vec::new() } else { (0..calls).map(&mut fates).collect() }
}

fn webhooks(chance: &mut Chance, webhooks: u32) -> Vec<Luck> {
    let often = chance.one_of(&[0, 0, 30, 200]);
    // In most worlds none is lost: there everything must be seen.
    let lost = chance.one_of(&[0, 0, 0, 15]);
    let mut luck = |_| match (chance.is(often), chance.is(lost)) {
        (_, true) => Luck::Lost,
        (true, false) if chance.is(300) => Luck::Twice(chance.below(30_000) as u16),
        (true, false) => Luck::Late(chance.within(1, 30_000) as u16),
        (false, false) => Luck::OnTime,
    };
    if often + lost == 0 { Vec::new() } else { (0..webhooks).map(&mut luck).collect() }
}

/// By how much our clock is set at once, at most, in milliseconds: what the CRM takes of a clock that is wrong (15 minutes) is not
/// reached by four times that.
const SET_AT_MOST: u32 = 200_000;

/// Our clock is set, back or ahead, by seconds or minutes.
fn clock(chance: &mut Chance, jumps: u32, span: u32) -> Vec<(u32, i32)> {
    let mut moments: Vec<u32> = (0..jumps).map(|_| chance.below(span)).collect();
    moments.sort_unstable();
    let mut jump = |moment| {
        let by = if chance.is(300) { chance.within(200, 10_000) } else { chance.within(200, SET_AT_MOST) };
        let by = i32::try_from(by).unwrap_or_default();
        (moment, if chance.is(500) { by } else { -by })
    };
    moments.into_iter().map(&mut jump).collect()
}
