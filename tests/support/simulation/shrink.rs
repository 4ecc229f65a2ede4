//! The shortest story of a failure: fewer deeds and fewer troubles, as long as the same rule is still broken.
//!
//! Takes a script that fails and whether another one fails in the same way; gives a script from which nothing can be taken
//! away any more, or not within the bound.

use crate::ending::Mark;
use crate::script::{Fate, Luck, Script};

/// How many scripts are tried at most.
const TRIES: usize = 3_000;

/// A pause that nobody needs to wait for any longer, in milliseconds.
const SHORT: u32 = 1_000;

/// Takes away whatever is not needed. `fails` says whether a script fails in the same way, and if so, how far everything
/// had come before each deed.
pub fn shortest(script: &Script, mut fails: impl FnMut(&Script) -> Option<Vec<Mark>>) -> Script {
    let Some(marks) = fails(script) else { return script.clone() };
    let mut shrinking = Shrinking { best: script.clone(), marks, fails: &mut fails, tries: 0 };
    loop {
        let before = shrinking.best.clone();
        shrinking.take_away(|script| script.deeds.len(), without_deeds);
        // Whatever the deeds led to may be needed where it fell.
        shrinking.take_away(|script| script.deeds.len(), |script, _, from, to| drop(script.deeds.drain(from..to)));
        shrinking
            .take_away(|script| script.calls.len(), |script, _, from, to| script.calls[from..to].fill(Fate::Answered));
        shrinking.take_away(
            |script| script.webhooks.len(),
            |script, _, from, to| script.webhooks[from..to].fill(Luck::OnTime),
        );
        shrinking.take_away(|script| script.lags.len(), |script, _, from, to| script.lags[from..to].fill(0));
        shrinking.take_away(
            |script| script.crashes.len(),
            |script, _, from, to| {
                script.crashes = without(script.crashes.iter().copied(), from, to);
            },
        );
        shrinking.take_away(
            |script| script.appends.len(),
            |script, _, from, to| {
                script.appends = without(script.appends.iter().map(|(place, fault)| (*place, *fault)), from, to);
            },
        );
        shrinking
            .take_away(|script| script.full_disk.len(), |script, _, from, to| drop(script.full_disk.drain(from..to)));
        shrinking.take_away(|script| script.clock.len(), |script, _, from, to| drop(script.clock.drain(from..to)));
        shrinking.take_away(|script| script.changes.len(), |script, _, from, to| drop(script.changes.drain(from..to)));
        shrinking.take_away(|script| script.deeds.len(), |script, _, from, to| hurry(script, from, to));
        if shrinking.best == before || shrinking.tries >= TRIES {
            return trimmed(shrinking.best);
        }
    }
}

struct Shrinking<'a> {
    best: Script,
    marks: Vec<Mark>,
    fails: &'a mut dyn FnMut(&Script) -> Option<Vec<Mark>>,
    tries: usize,
}

impl Shrinking<'_> {
    /// First halves, then smaller pieces, at last one by one.
    fn take_away(&mut self, length: impl Fn(&Script) -> usize, without: impl Fn(&mut Script, &[Mark], usize, usize)) {
        let mut piece = length(&self.best);
        while piece > 0 {
            let mut from = 0;
            while from < length(&self.best) && self.tries < TRIES {
                let to = (from + piece).min(length(&self.best));
                let mut shorter = self.best.clone();
                without(&mut shorter, &self.marks, from, to);
                let is_shorter = shorter != self.best;
                self.tries += usize::from(is_shorter);
                let fails = if is_shorter { (self.fails)(&shorter) } else { None };
                if let Some(marks) = fails {
                    let is_gone = length(&shorter) < length(&self.best);
                    (self.best, self.marks) = (shorter, marks);
                    if is_gone {
                        continue;
                    }
                }
                from = to;
            }
            piece /= 2;
        }
    }
}

/// Without these deeds, and without whatever went wrong from the first of them to the one behind them: troubles are
/// counted, and what comes later stays with the deeds that it befell, at the same time.
fn without_deeds(script: &mut Script, marks: &[Mark], from: usize, to: usize) {
    let passed: u32 = script.deeds[from..to].iter().map(|deed| deed.after).sum();
    script.deeds.drain(from..to);
    if let Some(next) = script.deeds.get_mut(from) {
        next.after = next.after.saturating_add(passed);
    }
    let (Some(first), Some(behind)) = (marks.get(from), marks.get(to)) else { return };
    cut(&mut script.calls, first.calls, behind.calls);
    cut(&mut script.webhooks, first.webhooks, behind.webhooks);
    cut(&mut script.lags, first.events, behind.events);
    let points = behind.points.saturating_sub(first.points);
    let crashes = std::mem::take(&mut script.crashes).into_iter();
    script.crashes = crashes
        .filter(|point| !(first.points..behind.points).contains(point))
        .map(|point| if point < first.points { point } else { point - points })
        .collect();
    let appends = behind.appends.saturating_sub(first.appends);
    let faults = std::mem::take(&mut script.appends).into_iter();
    script.appends = faults
        .filter(|(place, _)| !(first.appends..behind.appends).contains(place))
        .map(|(place, fault)| (if place < first.appends { place } else { place - appends }, fault))
        .collect();
}

fn cut<T>(list: &mut Vec<T>, from: usize, to: usize) {
    let to = to.min(list.len());
    list.drain(from.min(to)..to);
}

/// Nobody waits longer than need be.
fn hurry(script: &mut Script, from: usize, to: usize) {
    for deed in &mut script.deeds[from..to] {
        deed.after = deed.after.min(SHORT);
    }
}

fn without<T, C: FromIterator<T>>(all: impl Iterator<Item = T>, from: usize, to: usize) -> C {
    all.enumerate().filter(|(place, _)| !(from..to).contains(place)).map(|(_, one)| one).collect()
}

/// What is fair at the end of a list need not be listed.
fn trimmed(mut script: Script) -> Script {
    script.calls.truncate(script.calls.iter().rposition(|fate| *fate != Fate::Answered).map_or(0, |last| last + 1));
    script.webhooks.truncate(script.webhooks.iter().rposition(|luck| *luck != Luck::OnTime).map_or(0, |last| last + 1));
    script.lags.truncate(script.lags.iter().rposition(|lag| *lag != 0).map_or(0, |last| last + 1));
    script
}
