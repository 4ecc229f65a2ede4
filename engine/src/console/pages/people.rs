//! The list of dialogues beside the one that is open: searched, filtered, paged.

use chatledger_projections::ids::ThreadId;
use chatledger_projections::threads::Side;

use super::{Chip, name_of};
use crate::console::Console;
use crate::console::calendar::When;
use crate::console::query::address;
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::reading::answer::{ThreadRow, ThreadState};
use crate::reading::{Cursor, ThreadFilter, Wanted};

/// How many dialogues a page lists.
const LISTED: usize = 50;

/// The colours behind initials, as classes.
const COLOURS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// The list.
pub struct List {
    /// What was searched for.
    pub asked: String,
    /// The chosen filter's word in an address.
    pub filter: Option<&'static str>,
    /// The filters.
    pub filters: Vec<Filter>,
    /// Who was found.
    pub people: Vec<Listed>,
    /// What is said if nobody was.
    pub empty: (&'static str, &'static str),
    /// Where the list goes on.
    pub next: Option<String>,
}

/// A filter to choose.
pub struct Filter {
    /// Where it leads.
    pub href: String,
    /// Its name.
    pub name: &'static str,
    /// Whether it is chosen.
    pub is_current: bool,
}

/// One dialogue in the list.
pub struct Listed {
    /// Its page.
    pub href: String,
    /// The class of the colour behind the initials.
    pub colour: &'static str,
    /// The initials.
    pub initials: String,
    /// The client's name.
    pub name: String,
    /// When anybody last said anything.
    pub when: Option<When>,
    /// What was last said.
    pub last: String,
    /// What it waits for, where that wants somebody's eyes.
    pub mark: Option<Chip>,
    /// Whether it is the one that is open.
    pub is_current: bool,
}

/// Asks for the list as the address wants it; `open` is the dialogue beside it.
pub async fn list(console: &Console, visit: &Visit, open: Option<ThreadId>) -> Result<List, Trouble> {
    let w = visit.look.words;
    let asked = visit.query.get("q").unwrap_or_default().to_owned();
    let chosen =
        visit.query.get("only").and_then(|only| ThreadState::ALL.into_iter().find(|state| state.label() == only));
    let filter = ThreadFilter {
        search: Some(asked.clone()).filter(|asked| !asked.is_empty()),
        states: chosen.into_iter().collect(),
        ..ThreadFilter::default()
    };
    let cursor = match visit.query.get("cursor").filter(|_| open.is_none()) {
        Some(cursor) => Some(cursor.parse::<Cursor>().map_err(|_| Trouble::Misread)?),
        None => None,
    };
    let is_plain = filter == ThreadFilter::default() && cursor.is_none();
    let found = console.reader.threads(filter, Wanted { cursor, limit: Some(LISTED) }, visit.as_of()).await?;
    let search = [("q", asked.as_str())].into_iter().filter(|(_, asked)| !asked.is_empty());
    let kept: Vec<(&str, &str)> = search.chain(chosen.map(|state| ("only", state.label()))).collect();
    let people = found.items.iter().map(|row| listed(row, visit, &kept, open)).collect();
    let next = found.next.map(|cursor| {
        let cursor = cursor.to_string();
        let pairs: Vec<_> = kept.iter().copied().chain([("cursor", cursor.as_str())]).collect();
        visit.link("/console/dialogues", &pairs)
    });
    let empty = if is_plain { (w.nobody_yet, w.nobody_yet_words) } else { (w.nobody_found, w.nobody_found_words) };
    let filters = filters(visit, &asked, chosen);
    Ok(List { filter: chosen.map(ThreadState::label), asked, filters, people, empty, next })
}

fn filters(visit: &Visit, asked: &str, chosen: Option<ThreadState>) -> Vec<Filter> {
    let w = visit.look.words;
    let href = |state: Option<ThreadState>| {
        let search = [("q", asked)].into_iter().filter(|(_, asked)| !asked.is_empty());
        let pairs: Vec<_> = search.chain(state.map(|state| ("only", state.label()))).collect();
        visit.link("/console/dialogues", &pairs)
    };
    let all = Filter { href: href(None), name: w.all_states, is_current: chosen.is_none() };
    let state =
        |state| Filter { href: href(Some(state)), name: w.thread_state(state).0, is_current: chosen == Some(state) };
    std::iter::once(all)
        .chain(ThreadState::ALL.into_iter().filter(|state| *state != ThreadState::Opened).map(state))
        .collect()
}

fn listed(row: &ThreadRow, visit: &Visit, kept: &[(&str, &str)], open: Option<ThreadId>) -> Listed {
    let w = visit.look.words;
    let name = name_of(&row.client, w);
    let last = row.last.as_ref().map(|last| {
        let text = last.text.as_deref().unwrap_or(w.without_text);
        // A long text is cut by the looks, but it need not travel.
        let text: String = text.chars().take(120).collect();
        match last.side {
            Side::Client => text,
            Side::Company => format!("› {text}"),
        }
    });
    let (words, tone) = w.thread_state(row.state);
    let mark = match row.state {
        ThreadState::Held | ThreadState::Failed | ThreadState::UnderWay | ThreadState::Unanswered => {
            Some(Chip { tone, words: words.to_owned() })
        }
        ThreadState::Answered | ThreadState::Opened => None,
    };
    let path = format!("/console/dialogues/{}", row.id);
    let at = visit.at.map(|at| at.to_string());
    let pairs = kept.iter().copied().chain(at.as_deref().map(|at| ("at", at)));
    Listed {
        href: address(&path, pairs),
        colour: COLOURS[usize::from(row.id.as_uuid().as_bytes()[0]) % COLOURS.len()],
        initials: initials(&name),
        name,
        when: Some(visit.calendar.brief(row.active_at.0)),
        last: last.unwrap_or_default(),
        mark,
        is_current: open == Some(row.id),
    }
}

/// The first letters of the first two words; of a number its last two digits; else whatever stands first.
fn initials(name: &str) -> String {
    let letters: String = name
        .split_whitespace()
        .filter_map(|word| word.chars().find(|sign| sign.is_alphabetic()))
        .take(2)
        .flat_map(char::to_uppercase)
        .collect();
    if !letters.is_empty() {
        return letters;
    }
    let digits: Vec<char> = name.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() {
        return name.chars().next().into_iter().collect();
    }
    digits[digits.len().saturating_sub(2)..].iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_letters_of_the_name_and_else_digits_of_the_number() {
        for (name, expected) in [
            ("Анна Каренина", "АК"),
            ("иван", "И"),
            ("<script>alert(1)</script>", "S"),
            ("+7 916 123-45-67", "67"),
            ("🦊🦊", "🦊"),
            ("", ""),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }
}
