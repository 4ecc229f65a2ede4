//! Whether a world ended as it must: what was seen on the way, and what people see at the end.
//!
//! Takes a script and its ending, gives the first complaint. A message may be missing only if a webhook of it was lost, or if the
//! messenger does not know the client's number and the CRM says so.
//!
//! The promise is that every message is delivered *or a person is told why not*, so a message that is missing without a word and
//! one that is held for a person break different rules. The second is broken, too: every trouble in a world comes to an end long
//! before an intent may be given up, so whatever is held could have been delivered.

use std::collections::BTreeMap;

use chatledger_connectors::simulator::{Line, LineAuthor};
use chatledger_projections::held::HeldIntent;

use crate::ending::{Ending, Writer, Written, seen_too_often};
use crate::logs::{digests, fold};
use crate::script::{Script, is_reachable, phone};
use crate::world::watch::Complaint;

/// What is wrong with how a world ended, if anything is.
pub fn of(script: &Script, ending: &Ending, read_back: bool) -> Option<Complaint> {
    ending
        .watched
        .first()
        .cloned()
        .or_else(|| twice(script, ending))
        .or_else(|| lost(ending))
        .or_else(|| misaltered(ending))
        .or_else(|| undone(ending))
        .or_else(|| turned_away(script, ending))
        .or_else(|| misreported(ending))
        .or_else(|| if read_back { forgotten(ending) } else { None })
}

fn complaint(rule: &'static str, detail: String) -> Option<Complaint> {
    Some(Complaint { rule, detail })
}

fn twice(script: &Script, ending: &Ending) -> Option<Complaint> {
    let said = ending.written.iter().chain(&ending.unsaid);
    let too_often = seen_too_often(&ending.transcripts, script.setting, said);
    let detail = too_often.into_iter().next()?;
    complaint("nothing is seen twice, and nothing that nobody wrote", detail)
}

fn lost(ending: &Ending) -> Option<Complaint> {
    let mut written: BTreeMap<&Written, (usize, usize)> = BTreeMap::new();
    for one in &ending.written {
        written.entry(one).or_default().0 += 1;
    }
    for one in &ending.lost {
        written.entry(one).or_default().1 += 1;
    }
    let seen = |lines: &[Line], one: &Written| {
        let number = phone(one.client);
        let is_it = |line: &&Line| {
            let author = match one.by {
                Writer::Client => line.author == LineAuthor::Client,
                // Where no manager is configured the bot speaks for them.
                Writer::Manager | Writer::App => line.author != LineAuthor::Client,
            };
            author && line.chat == number && line.text == one.text
        };
        lines.iter().filter(is_it).count()
    };
    for (one, (times, lost)) in written {
        let (in_crm, in_channel) = (seen(&ending.crm, one), seen(&ending.channel, one));
        let least = times.saturating_sub(lost);
        let is_refused = one.by == Writer::Manager && !is_reachable(one.client);
        if in_crm < least || (in_channel < least && !is_refused) {
            let text = &one.text;
            let seen =
                format!("written {times} times, seen {in_crm} times in the CRM and {in_channel} in the messenger");
            let missing = least.saturating_sub(in_crm) + if is_refused { 0 } else { least.saturating_sub(in_channel) };
            let told: Vec<String> = held(ending, one).collect();
            return if told.len() < missing {
                complaint("nothing is lost", format!("{text:?}: {seen}; a person was told of {}", told.len()))
            } else {
                complaint(
                    "nothing is given up that could be done",
                    format!("{text:?}: {seen}; held: {}", told.join("; ")),
                )
            };
        }
    }
    None
}

/// Why people were told that this message is not delivered, once for each time.
fn held<'a>(ending: &'a Ending, one: &'a Written) -> impl Iterator<Item = String> + 'a {
    let held = ending.pipeline.state().held.in_order().into_iter();
    let is_it = |(_, held): &(_, &HeldIntent)| {
        let carried = held.raised.intent.message();
        carried.is_some_and(|message| message.content.text.as_deref() == Some(one.text.as_str()))
    };
    held.filter(is_it).map(|(_, held)| held.failure.reason.clone())
}

/// What was taken back is gone, and the client's reactions are on both sides. If a webhook was lost, they cannot be.
fn misaltered(ending: &Ending) -> Option<Complaint> {
    if ending.tally.contains_key("webhook lost") {
        return None;
    }
    complaint("alterations are seen", ending.misaltered().into_iter().next()?)
}

fn undone(ending: &Ending) -> Option<Complaint> {
    let (open, outstanding) = (ending.pipeline.state().attempts.in_order().len(), ending.pipeline.outstanding().len());
    if (open, outstanding) == (0, 0) {
        return None;
    }
    complaint("nothing is left undone", format!("{open} intents are open, {outstanding} were never raised"))
}

/// Where our clock was never set, no platform has ever to turn us away.
fn turned_away(script: &Script, ending: &Ending) -> Option<Complaint> {
    let turned_away = ending.calls.iter().filter(|call| call.status == Some(429)).count();
    if turned_away == 0 || !script.clock.is_empty() {
        return None;
    }
    complaint("quotas hold", format!("the platforms themselves turned away {turned_away} calls"))
}

/// Where a manager's message stands is the same on both sides. If a webhook was lost, it cannot be.
fn misreported(ending: &Ending) -> Option<Complaint> {
    if ending.tally.contains_key("webhook lost") {
        return None;
    }
    let statuses = |lines: &[Line], one: &Written| {
        let number = phone(one.client);
        let of_it = lines.iter().filter(|line| line.chat == number && line.text == one.text);
        let mut statuses: Vec<String> = of_it.map(|line| line.status.clone().unwrap_or_default()).collect();
        statuses.sort_unstable();
        statuses
    };
    let by_managers = ending.written.iter().filter(|one| one.by == Writer::Manager && is_reachable(one.client));
    for one in by_managers {
        let (in_crm, in_channel) = (statuses(&ending.crm, one), statuses(&ending.channel, one));
        if in_crm != in_channel {
            let detail = format!("{:?} is {in_crm:?} in the CRM and {in_channel:?} in the messenger", one.text);
            return complaint("final statuses are exact", detail);
        }
    }
    None
}

/// What a store would give back folds to what was lived.
fn forgotten(ending: &Ending) -> Option<Complaint> {
    let again = fold(&ending.read_back).0;
    if digests(&again) == digests(&ending.pipeline) && again.taken().drift == 0 {
        return None;
    }
    complaint("a replay is what was lived", format!("at the end, with a drift of {}", again.taken().drift))
}
