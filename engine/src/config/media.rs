//! The section `[media]`: how files come, where they lie, and where they are shown.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::document::{Table, Value};
use super::problem::{Problem, Wrong};
use super::section::Section;
use super::value::{count, duration, size, text};

/// How files come and where they lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Media {
    /// Where they lie.
    pub folder: PathBuf,
    /// How much lies there at most, in bytes.
    pub quota: u64,
    /// The largest file that is fetched, in bytes.
    pub max_file: u64,
    /// How long one file may take to come, or to go to a platform.
    pub time_limit: Duration,
    /// How long a file is tried whose server cannot be reached.
    pub patience: Duration,
    /// How many files come at once.
    pub at_once: usize,
    /// The address of this program as platforms see it, without a slash at the end; absent if files are not shown.
    pub public_url: Option<String>,
    /// How long a link of ours is good.
    pub link_lifetime: Duration,
    /// From which addresses files may come although they are not the open internet.
    pub allow_private_addresses: Vec<IpNet>,
}

pub(super) fn media(given: &mut Table, defaults: &mut Table, problems: &mut Vec<Problem>) -> Media {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const LARGEST: usize = 2 << 30;
    let mut section =
        Section::of("media".to_owned(), given.remove("media"), problems).with_defaults(defaults.remove("media"));
    let quota_line = section.line_of("quota");
    let second = Duration::from_secs(1);
    let media = Media {
        folder: section.setting("folder", |value| text(value).map(PathBuf::from)),
        quota: section.setting("quota", size(1..=usize::MAX)) as u64,
        max_file: section.setting("max_file", size(1..=LARGEST)) as u64,
        time_limit: section.setting("time_limit", duration(second / 10..=60 * 60 * second)),
        patience: section.setting("patience", duration(Duration::ZERO..=DAY)),
        at_once: section.setting("at_once", count(1..=100)) as usize,
        public_url: section.optional("public_url", |value| web_address(value, PUBLIC)),
        link_lifetime: section.setting("link_lifetime", duration(60 * second..=365 * DAY)),
        allow_private_addresses: section.setting("allow_private_addresses", ranges),
    };
    if media.quota < media.max_file {
        let key = section.path_of("quota");
        section.problems().push(Problem {
            line: quota_line,
            key,
            value: None,
            reason: "it is less than max_file".to_owned(),
            remedy: "make room for one file at least".to_owned(),
        });
    }
    section.finish();
    media
}

const PUBLIC: &str = "write the address at which platforms reach this program, such as \"https://your.host\"";

/// An address of the web without a query, as it is written in a document; `remedy` says which.
pub(super) fn web_address(value: &Value, remedy: &'static str) -> Result<String, Wrong> {
    let text = text(value)?;
    let url = url::Url::parse(&text).map_err(|_| Wrong::new("it is no address of the web", remedy))?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.query().is_none()
        && url.fragment().is_none();
    if is_plain { Ok(text.trim_end_matches('/').to_owned()) } else { Err(Wrong::new("it is no plain address", remedy)) }
}

fn ranges(value: &Value) -> Result<Vec<IpNet>, Wrong> {
    const REMEDY: &str = "write a list of addresses with their length, such as [\"127.0.0.1/32\"]";
    let Value::List(entries) = value else {
        return Err(Wrong::new(format!("it is {}, not a list", value.kind()), REMEDY));
    };
    let range =
        |value: &Value| text(value)?.parse().map_err(|_| Wrong::new("it holds what is no range of addresses", REMEDY));
    entries.iter().map(|entry| range(&entry.value)).collect()
}
