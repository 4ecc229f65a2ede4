//! What happened in a dialogue, as people see it: bubbles, notes between them, and the days.
//!
//! Takes entries of a timeline, the oldest first; gives rows. Steps of deliveries, edits and reactions are not rows of their
//! own: they show in the bubble of their message.

use std::collections::HashMap;

use askama::Template;
use chatledger_projections::content::{Content, File, FileKind, Part};
use chatledger_projections::delivery::Origin;
use chatledger_projections::fact::DeliveryState;
use chatledger_projections::ids::ThreadId;
use chatledger_projections::threads::Side;
use jiff::civil::Date;

use super::event_page;
use crate::console::calendar::When;
use crate::console::files as kept_files;
use crate::console::visit::Visit;
use crate::console::words::Words;
use crate::reading::answer::{Entry, Happened, MessageRow};

/// A text of more signs is shown in a box of its own.
const LONG: usize = 1_200;

/// One row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Row {
    /// A day begins.
    Day(Day),
    /// Somebody said something.
    Bubble(Box<Bubble>),
    /// Something happened beside.
    Note(Note),
}

/// A day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Day {
    /// Its name on the page.
    pub key: String,
    /// As people read it.
    pub words: String,
}

/// A message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bubble {
    /// Its name on the page.
    pub key: String,
    /// Which side it is on, as a class.
    pub side: &'static str,
    /// Who wrote it.
    pub by: String,
    /// At which connection it was written.
    pub via: String,
    /// What it answers.
    pub quote: Option<String>,
    /// Its files.
    pub files: Vec<Attached>,
    /// What else is in it.
    pub parts: Vec<String>,
    /// What it says.
    pub text: Option<String>,
    /// Whether that is long.
    pub long: bool,
    /// Its first words, for whoever hears the page.
    pub short: String,
    /// That it was changed, in words.
    pub edited: &'static str,
    /// What it said before, the oldest first.
    pub former: Vec<String>,
    /// Whether it was taken away.
    pub gone: bool,
    /// The reactions under it.
    pub reactions: Vec<Reacted>,
    /// Where it stands.
    pub tick: Option<Sign>,
    /// Whether it did not arrive.
    pub failed: bool,
    /// Why.
    pub reason: Option<String>,
    /// When we heard of it.
    pub when: When,
    /// Its event.
    pub position: String,
    /// The event's page.
    pub place: String,
    /// Its explanation.
    pub why: String,
    /// The same for the side of the page.
    pub why_sheet: String,
    /// Whether another spoke before.
    pub new_speaker: bool,
}

/// A file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attached {
    /// Its drawing.
    pub icon: &'static str,
    /// Its name.
    pub name: String,
    /// What is known of it.
    pub words: String,
    /// Where it can be had, if it lies with us.
    pub href: Option<String>,
    /// Whether it is drawn here.
    pub drawn: bool,
}

/// A reaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reacted {
    /// Which.
    pub emoji: String,
    /// Whose.
    pub by: &'static str,
}

/// Where a message stands, as a sign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sign {
    /// Its class.
    pub class: &'static str,
    /// In a word.
    pub name: &'static str,
    /// In a sentence.
    pub means: &'static str,
    /// Whether the word is only heard, not seen.
    pub quiet: bool,
}

/// Something that happened beside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// Its name on the page.
    pub key: String,
    /// What.
    pub words: String,
    /// What somebody said to it.
    pub why: Option<String>,
    /// When.
    pub when: When,
    /// Its event.
    pub place: String,
}

/// A row, written.
#[derive(Template)]
#[template(path = "console/one_row.html")]
pub struct Written<'a> {
    /// The row.
    pub row: &'a Row,
    /// The language's words.
    pub w: &'static Words,
    /// How it takes its place on an open page: `true` in the place of the one with its name; absent on a new page.
    pub swap: Option<&'static str>,
    /// Whether it has just come.
    pub arrived: bool,
}

impl Row {
    /// Its name on the page.
    pub fn key(&self) -> &str {
        match self {
            Self::Day(day) => &day.key,
            Self::Bubble(bubble) => &bubble.key,
            Self::Note(note) => &note.key,
        }
    }
}

/// Makes rows. `first_texts` are what edited messages said at first.
pub fn rows(visit: &Visit, client: &str, entries: &[Entry], first_texts: &HashMap<Origin, String>) -> Vec<Row> {
    let teller = Teller { visit, w: visit.look.words, client, entries, first_texts };
    let mut rows = Vec::with_capacity(entries.len());
    let (mut day, mut speaker) = (None, String::new());
    for entry in entries {
        let Some(row) = teller.row(entry, &mut speaker) else { continue };
        let date = visit.calendar.day(entry.at.0);
        if date.is_some() && date != day {
            rows.extend(date.map(|date| Row::Day(teller.day(date))));
            day = date;
        }
        rows.push(row);
    }
    rows
}

/// The sign of a delivery state.
pub fn sign(state: DeliveryState, w: &Words) -> Sign {
    let (class, quiet) = match state {
        DeliveryState::Raised => ("raised", true),
        DeliveryState::Sent => ("sent", true),
        DeliveryState::Failed => ("failed", false),
        DeliveryState::Delivered => ("delivered", true),
        DeliveryState::Read => ("read", true),
    };
    Sign { class, name: w.delivery(state), means: w.delivery_means(state), quiet }
}

struct Teller<'a> {
    visit: &'a Visit,
    w: &'static Words,
    client: &'a str,
    entries: &'a [Entry],
    first_texts: &'a HashMap<Origin, String>,
}

impl Teller<'_> {
    fn day(&self, date: Date) -> Day {
        Day { key: format!("day-{date}"), words: self.visit.calendar.heading(date) }
    }

    fn row(&self, entry: &Entry, speaker: &mut String) -> Option<Row> {
        let w = self.w;
        let note = |words: String, why: Option<String>| Some(Row::Note(self.note(entry, words, why)));
        match &entry.happened {
            Happened::Message(message) => {
                let mut bubble = self.bubble(entry, message);
                let now = format!("{}{}", bubble.side, bubble.by);
                bubble.new_speaker = now != *speaker;
                *speaker = now;
                Some(Row::Bubble(Box::new(bubble)))
            }
            // They show in the bubble.
            Happened::Delivery { .. }
            | Happened::Edited { .. }
            | Happened::Removed { .. }
            | Happened::FileKept { .. }
            | Happened::Reacted { .. } => None,
            Happened::Note { connection, text, .. } => {
                note(format!("{} ({connection})", w.note_said), Some(text.clone()))
            }
            Happened::Withheld { text, .. } => note(w.note_withheld.to_owned(), text.clone()),
            Happened::AssistantFellSilent { because } => {
                note(format!("{}: {}", w.note_silent, w.silence(*because)), None)
            }
            Happened::AssistantSpeaksAgain { because } => {
                note(format!("{}: {}", w.note_speaks, w.comes_back(*because)), None)
            }
            Happened::AssistantTold { news } => {
                let news: Vec<&str> = news.iter().map(|news| w.news(*news)).collect();
                note(format!("{}: {}", w.note_told, news.join(", ")), None)
            }
            Happened::Bound { connection, standing } => note(format!("{connection}: {}", w.standing(*standing)), None),
            Happened::Held { connection, what, reason, .. } => {
                note(format!("{}: {} → {connection}", w.note_held, w.intent(what)), Some(reason.clone()))
            }
            Happened::Instructed { who, why, instruction } => {
                note(format!("{who} {}", w.instruction(instruction)), why.clone())
            }
        }
    }

    fn note(&self, entry: &Entry, words: String, why: Option<String>) -> Note {
        let when = self.visit.calendar.clock(entry.at.0);
        Note { key: key(entry), words, why, when, place: event_page(self.visit, entry.position) }
    }

    fn bubble(&self, entry: &Entry, message: &MessageRow) -> Bubble {
        let (w, visit) = (self.w, self.visit);
        let (side, by) = match (message.side, message.by_machine) {
            (Side::Client, _) => ("client", message.author.clone().unwrap_or_else(|| self.client.to_owned())),
            (Side::Company, false) => ("company", message.author.clone().unwrap_or_else(|| w.manager.to_owned())),
            (Side::Company, true) => ("machine", message.author.clone().unwrap_or_else(|| w.assistant.to_owned())),
        };
        let text = message.content.text.clone().filter(|text| !text.is_empty());
        let failed = message.state == DeliveryState::Failed;
        let (connection, id) = (message.key.connection.as_str(), message.key.message.as_str());
        let why = |more: &[(&str, &str)]| {
            let pairs: Vec<_> =
                [("connection", connection), ("id", id)].into_iter().chain(more.iter().copied()).collect();
            visit.link("/console/message", &pairs)
        };
        Bubble {
            key: key(entry),
            side,
            by,
            via: connection.to_owned(),
            quote: self.quote(&message.content),
            files: files(&message.content).map(|file| self.attached(message, file)).collect(),
            parts: message.content.parts.iter().filter_map(|part| part_in_words(part, w)).collect(),
            long: text.as_deref().is_some_and(|text| text.chars().nth(LONG).is_some()),
            short: text.as_deref().unwrap_or_default().chars().take(40).collect(),
            text,
            edited: w.edited,
            former: if message.edited { self.former(message) } else { Vec::new() },
            gone: message.removed,
            reactions: message
                .reactions
                .iter()
                .map(|reaction| Reacted {
                    emoji: reaction.emoji.clone(),
                    by: match reaction.side {
                        Side::Client => w.client,
                        Side::Company => w.manager,
                    },
                })
                .collect(),
            tick: Some(sign(message.state, w)),
            failed,
            reason: message.failure.as_ref().filter(|_| failed).map(|failure| failure.reason.clone()),
            when: visit.calendar.clock(entry.at.0),
            position: entry.position.to_string(),
            place: event_page(visit, entry.position),
            why: why(&[]),
            why_sheet: why(&[("sheet", &message.thread.to_string())]),
            new_speaker: false,
        }
    }

    fn attached(&self, message: &MessageRow, file: &File) -> Attached {
        let w = self.w;
        let icon = match file.kind {
            FileKind::Picture => "picture",
            FileKind::Video => "video",
            FileKind::Audio => "audio",
            FileKind::Voice => "voice",
            FileKind::Sticker => "sticker",
            FileKind::Document => "document",
        };
        let kept = self.entries.iter().rev().find_map(|entry| {
            let Happened::FileKept { message: of, url, stored } = &entry.happened else { return None };
            (*of == message.key && file.url.as_ref() == Some(url)).then_some(stored)
        });
        let kind = w.file(file.kind);
        // What lies with us is better known than what was claimed.
        let size = kept.map(|stored| stored.bytes).or(file.size_bytes).map(|bytes| w.bytes(bytes));
        let media_type = kept.map(|stored| stored.media_type.clone()).or_else(|| file.media_type.clone());
        let plays = file.duration_s.map(|seconds| w.span(u64::from(seconds) * 1_000));
        let known = [Some(kind.to_owned()), media_type, size, plays];
        let words: Vec<String> = known.into_iter().flatten().collect();
        let name = file.name.clone().unwrap_or_else(|| kind.to_owned());
        // Who took the message away did not want it to be seen.
        let kept = kept.filter(|_| !message.removed);
        Attached {
            icon,
            href: kept.map(|stored| kept_files::address(self.visit, &stored.sha256, &name)),
            drawn: kept.is_some_and(|stored| kept_files::is_drawn(&stored.media_type)),
            name,
            words: words.join(" · "),
        }
    }

    /// What a message said before, the oldest first; it says the last of it now.
    fn former(&self, message: &MessageRow) -> Vec<String> {
        let said = self.entries.iter().filter_map(|entry| {
            let Happened::Edited { message: edited, content } = &entry.happened else { return None };
            content.text.clone().filter(|_| *edited == message.key)
        });
        let mut former: Vec<String> = self.first_texts.get(&message.key).cloned().into_iter().chain(said).collect();
        if former.last() == message.content.text.as_ref() {
            former.pop();
        }
        former
    }

    /// What is quoted: by its own words, else by those of the message that is meant, if it is on the page.
    fn quote(&self, content: &Content) -> Option<String> {
        let quote = content.quote.as_ref()?;
        let is_meant = |message: &MessageRow| {
            let mut names = std::iter::once(&message.key).chain(&message.shown).map(|origin| &origin.message);
            names.any(|name| [&quote.theirs, &quote.ours].into_iter().flatten().any(|quoted| quoted == name))
        };
        let meant = |entry: &Entry| {
            let Happened::Message(message) = &entry.happened else { return None };
            message.content.text.clone().filter(|_| is_meant(message))
        };
        quote.text.clone().or_else(|| self.entries.iter().find_map(meant)).or_else(|| Some("…".to_owned()))
    }
}

/// A name that fits into an address and a selector.
fn key(entry: &Entry) -> String {
    let plain = |sign: char| if sign.is_ascii_alphanumeric() { sign } else { '-' };
    format!("m-{}", entry.id.chars().map(plain).collect::<String>())
}

fn files(content: &Content) -> impl Iterator<Item = &File> {
    content.parts.iter().flat_map(|part| match part {
        Part::File(file) => std::slice::from_ref(file),
        Part::Forward { files, .. } => files.as_slice(),
        Part::Location { .. }
        | Part::Contact { .. }
        | Part::Buttons { .. }
        | Part::Template { .. }
        | Part::Unsupported { .. } => &[],
    })
}

/// What is in a message beside text and files, in words.
fn part_in_words(part: &Part, w: &Words) -> Option<String> {
    match part {
        Part::File(_) => None,
        Part::Location { latitude, longitude } => Some(format!("{}: {latitude:.5}, {longitude:.5}", w.place)),
        Part::Contact { name, phone } => {
            let known: Vec<&str> = [name, phone].into_iter().flatten().map(String::as_str).collect();
            Some(format!("{}: {}", w.card, known.join(", ")))
        }
        Part::Buttons { rows } => {
            let texts: Vec<&str> = rows.iter().flatten().map(|button| button.text.as_str()).collect();
            Some(format!("{}: {}", w.choices, texts.join(" | ")))
        }
        Part::Template { id, .. } => Some(format!("{}: {id}", w.template)),
        Part::Forward { text, .. } => Some(format!("{}: {}", w.forwarded, text.as_deref().unwrap_or(w.without_text))),
        Part::Unsupported { kind } => Some(format!("{}: {kind}", w.unsupported)),
    }
}

/// The messages among entries that said something else at first, with the event by which each came.
pub fn edited(entries: &[Entry]) -> impl Iterator<Item = (&Origin, &Entry)> {
    entries.iter().filter_map(|entry| {
        let Happened::Message(message) = &entry.happened else { return None };
        message.edited.then_some((&message.key, entry))
    })
}

/// A dialogue by the text in an address.
pub fn thread_named(text: &str) -> Option<ThreadId> {
    text.parse().ok().map(ThreadId::from_uuid)
}
