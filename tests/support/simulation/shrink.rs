//! The shortest story of a failure: fewer deeds and fewer troubles, as long as the same rule is still broken.
//!
//! Takes a script that fails and whether another one fails in the same way; gives a script from which nothing can be taken
//! away any more, or not within the bound.

use crate::script::{Fate, Luck, Script};

/// How many scripts are tried at most.
const TRIES: usize = 3_000;

/// Takes away whatever is not needed.
pub fn shortest(script: &Script, mut fails: impl FnMut(&Script) -> bool) -> Script {
    let mut shrinking = Shrinking { best: script.clone(), fails: &mut fails, tries: 0 };
    loop {
        let before = shrinking.best.clone();
        shrinking.take_away(|script| script.deeds.len(), |script, from, to| drop(script.deeds.drain(from..to)));
        shrinking
            .take_away(|script| script.calls.len(), |script, from, to| script.calls[from..to].fill(Fate::Answered));
        shrinking
            .take_away(|script| script.webhooks.len(), |script, from, to| script.webhooks[from..to].fill(Luck::OnTime));
        shrinking.take_away(|script| script.lags.len(), |script, from, to| script.lags[from..to].fill(0));
        shrinking.take_away(
            |script| script.crashes.len(),
            |script, from, to| {
                script.crashes = without(script.crashes.iter().copied(), from, to);
            },
        );
        shrinking.take_away(
            |script| script.appends.len(),
            |script, from, to| {
                script.appends = without(script.appends.iter().map(|(place, fault)| (*place, *fault)), from, to);
            },
        );
        shrinking.take_away(|script| script.full_disk.len(), |script, from, to| drop(script.full_disk.drain(from..to)));
        shrinking.take_away(|script| script.clock.len(), |script, from, to| drop(script.clock.drain(from..to)));
        shrinking.take_away(|script| script.changes.len(), |script, from, to| drop(script.changes.drain(from..to)));
        if shrinking.best == before || shrinking.tries >= TRIES {
            return trimmed(shrinking.best);
        }
    }
}

struct Shrinking<'a> {
    best: Script,
    fails: &'a mut dyn FnMut(&Script) -> bool,
    tries: usize,
}

impl Shrinking<'_> {
    /// First halves, then smaller pieces, at last one by one.
    fn take_away(&mut self, length: impl Fn(&Script) -> usize, without: impl Fn(&mut Script, usize, usize)) {
        let mut piece = length(&self.best);
        while piece > 0 {
            let mut from = 0;
            while from < length(&self.best) && self.tries < TRIES {
                let to = (from + piece).min(length(&self.best));
                let mut shorter = self.best.clone();
                without(&mut shorter, from, to);
                let is_shorter = shorter != self.best;
                self.tries += usize::from(is_shorter);
                if is_shorter && (self.fails)(&shorter) {
                    let is_gone = length(&shorter) < length(&self.best);
                    self.best = shorter;
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
