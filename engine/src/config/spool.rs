//! Where webhooks wait while the log does not take them. A section in, its settings out, or no spool.

use std::path::PathBuf;
use std::time::Duration;

use super::document::Entry;
use super::problem::Problem;
use super::section::Section;
use super::value::{duration, size, text};
use super::{DAY, LogAddress};
use crate::spool::Limits;

/// Where a spool is, and when it is used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spool {
    /// Its folder.
    pub path: PathBuf,
    /// How long the log may take over a webhook.
    pub after: Duration,
    /// What it may take.
    pub limits: Limits,
}

/// Less would not hold a segment and one large webhook.
const SMALLEST: usize = 4 * 1024 * 1024;

/// Reads the section, of the document and of the defaults.
pub(super) fn read(
    (given, defaults): (Option<Entry>, Option<Entry>),
    log: &LogAddress,
    request_timeout: Duration,
    problems: &mut Vec<Problem>,
) -> Option<Spool> {
    let mut section = Section::of("spool".to_owned(), given, problems).with_defaults(defaults);
    let after_line = section.line_of("after");
    let path = section.optional("path", text).map(PathBuf::from).or_else(|| own_place(log));
    let after = section.setting("after", duration(Duration::from_millis(1)..=Duration::from_secs(60)));
    let max_bytes = section.setting("max_bytes", size(SMALLEST..=1 << 50)) as u64;
    let max_age = section.setting("max_age", duration(Duration::from_secs(1)..=365 * DAY));
    if path.is_some() && after >= request_timeout {
        let key = section.path_of("after");
        section.problems().push(Problem {
            line: after_line,
            key,
            value: None,
            reason: "it leaves no time for the spool: server.request_timeout is not longer".to_owned(),
            remedy: "make it a fraction of server.request_timeout".to_owned(),
        });
    }
    section.finish();
    path.map(|path| Spool { path, after, limits: Limits { max_bytes, max_age } })
}

/// Where the spool of a log is if nobody says. A log on this machine's own disk has none: what takes the one away
/// mostly takes the other.
fn own_place(log: &LogAddress) -> Option<PathBuf> {
    match log {
        LogAddress::Memory | LogAddress::Sqlite(_) => None,
        LogAddress::EventStoreDb(_) => Some(PathBuf::from("chatledger-spool")),
    }
}
