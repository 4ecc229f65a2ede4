//! The read side. A section in, its settings out.

use std::path::PathBuf;

use super::LogAddress;
use super::document::Entry;
use super::problem::Problem;
use super::section::Section;
use super::value::{count, flag, text};
use crate::reading::Place;

/// Whether there is a read side, and where it keeps its rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    /// Where the rows are; `None` if the read side is switched off.
    pub place: Option<Place>,
    /// How many may follow at once.
    pub followers: usize,
}

/// Reads the section, of the document and of the defaults.
pub(super) fn read(
    (given, defaults): (Option<Entry>, Option<Entry>),
    log: &LogAddress,
    problems: &mut Vec<Problem>,
) -> Reading {
    let mut section = Section::of("reading".to_owned(), given, problems).with_defaults(defaults);
    let enabled = section.setting("enabled", flag);
    let path = section.optional("path", text).map(PathBuf::from);
    let followers = section.setting("followers", count(0..=10_000)) as usize;
    section.finish();
    let place = path.map_or_else(|| own_place(log), Place::File);
    Reading { place: enabled.then_some(place), followers }
}

/// Where the rows of a log are if nobody says.
fn own_place(log: &LogAddress) -> Place {
    match log {
        LogAddress::Memory => Place::Forgotten,
        LogAddress::Sqlite(path) => {
            let mut name = path.as_os_str().to_owned();
            name.push("-reading");
            Place::File(name.into())
        }
        LogAddress::EventStoreDb(_) => Place::File(PathBuf::from("chatledger-reading.db")),
    }
}
