//! Reading a story's folder: files in, steps out, or what is wrong with which file.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chatledger_projections::bytes::Bytes;
use chatledger_projections::event::RecordedReply;
use chatledger_projections::files::Stored;
use chatledger_projections::ids::ConnectionName;
use sha2::{Digest as _, Sha256};

use crate::config::{Config, Invalid, SecretSource};
use crate::media::ended::FetchError;

/// A story as it lies in its folder.
pub(super) struct Story {
    pub(super) config: Config,
    pub(super) steps: Vec<Step>,
}

/// One thing that happens.
pub(super) struct Step {
    /// The file's name without its ending.
    pub(super) name: String,
    pub(super) happens: Happens,
}

/// What happens.
pub(super) enum Happens {
    Webhook {
        from: ConnectionName,
        spoken: Spoken,
    },
    Found {
        at: ConnectionName,
        body: Vec<u8>,
    },
    Reply {
        from: ConnectionName,
        answer: Answer,
    },
    File(Result<Stored, FetchError>),
    Polled {
        from: ConnectionName,
        answer: Answer,
    },
    Wait(Duration),
    /// An operator switches the assistant on or off in a dialogue, which is called as on the page: `thread-1`.
    Instruct {
        on: bool,
        thread: String,
    },
    /// An operator has everything tried again that is held in a dialogue, the longest held first.
    Retry {
        thread: String,
    },
    Restart,
}

/// A webhook as received.
pub(super) struct Spoken {
    pub(super) method: &'static str,
    /// What follows the question mark of its address.
    pub(super) query: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Spoken {
    /// The first header of this (lower-case) name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What comes of a call.
pub(super) enum Answer {
    Reply(RecordedReply),
    Silence,
    Unreached,
}

/// Why a story cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the file system said.
        #[source]
        cause: io::Error,
    },
    /// There is nothing to tell.
    #[error(
        "{path} holds no steps: files named like `01-from-amo.http`, `02-reply-from-pact.http`, `03-wait-90s.txt` or `04-restart.txt`"
    )]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// The story's configuration is wrong.
    #[error(transparent)]
    Config(#[from] Invalid),
    /// A file's name says nothing.
    #[error(
        "{file}: its name says neither `from-WHO`, `reply-from-WHO`, `polled-from-WHO`, `found-at-WHO`, `file`, `wait-TIME`, `assistant-on`, `assistant-off`, `held-retry` nor `restart`"
    )]
    Unclear {
        /// The file's name.
        file: String,
    },
    /// A file's content is no HTTP message.
    #[error("{file}: {what}")]
    Malformed {
        /// The file's name.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// A name is none of the configured connections'.
    #[error("{step}: {who:?} is no connection of the story, or begins the names of several")]
    Unknown {
        /// Which step.
        step: String,
        /// The name.
        who: String,
    },
    /// A reply to nothing.
    #[error("{step}: no call to {who} waits for an answer")]
    NothingWaits {
        /// Which step.
        step: String,
        /// The connection.
        who: String,
    },
    /// A file that nobody wants.
    #[error("{step}: no file is being fetched")]
    NothingFetched {
        /// Which step.
        step: String,
    },
    /// Nobody asks for news there, or the round is over.
    #[error("{step}: {who} is not asked for news; see its setting `transport`")]
    NotPolled {
        /// Which step.
        step: String,
        /// The connection.
        who: String,
    },
    /// An instruction about a dialogue that there is not.
    #[error("{step}: there is no {thread:?} yet; dialogues are called thread-1, thread-2 … as they begin")]
    NoThread {
        /// Which step.
        step: String,
        /// The name.
        thread: String,
    },
    /// Reading the story's own log back led to another state: a fold of ours is wrong.
    #[error("{step}: reading the log back leads to another state")]
    Forgetful {
        /// When.
        step: String,
    },
}

impl StoryError {
    pub(super) fn unknown(step: &str, who: &str) -> Self {
        Self::Unknown { step: step.to_owned(), who: who.to_owned() }
    }

    pub(super) fn nothing_waits(step: &str, who: &str) -> Self {
        Self::NothingWaits { step: step.to_owned(), who: who.to_owned() }
    }
}

/// Reads a folder.
pub(super) fn read(folder: &Path) -> Result<Story, StoryError> {
    let config = config(folder)?;
    let unreadable = |cause| StoryError::Unreadable { path: folder.to_owned(), cause };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(|sign: char| sign.is_ascii_digit()) {
            files.push((name, path));
        }
    }
    if files.is_empty() {
        return Err(StoryError::Empty { path: folder.to_owned() });
    }
    files.sort();
    let steps = files.into_iter().map(|(file, path)| step(&config, &file, &path)).collect::<Result<_, _>>()?;
    Ok(Story { config, steps })
}

/// The story's own configuration, else the one that all stories beside it share.
fn config(folder: &Path) -> Result<Config, StoryError> {
    let own = folder.join("config.toml");
    let path = if own.exists() { own } else { folder.join("../config.toml") };
    let text = std::fs::read_to_string(&path).map_err(|cause| StoryError::Unreadable { path: path.clone(), cause })?;
    Config::parse(&text, &Invented)
        .map_err(|invalid| Invalid { document: Some(path.display().to_string()), ..invalid }.into())
}

/// The secrets of a story: it has none.
struct Invented;

impl SecretSource for Invented {
    fn variable(&self, name: &str) -> Option<String> {
        Some(format!("{}-of-a-story", name.to_lowercase()))
    }

    fn file(&self, _: &Path) -> io::Result<String> {
        Err(io::Error::new(io::ErrorKind::NotFound, "a story's secrets are variables"))
    }
}

fn step(config: &Config, file: &str, path: &Path) -> Result<Step, StoryError> {
    let name = file.rsplit_once('.').map_or(file, |(name, _)| name).to_owned();
    let what = name.trim_start_matches(|sign: char| sign.is_ascii_digit()).trim_start_matches('-');
    let content = || std::fs::read(path).map_err(|cause| StoryError::Unreadable { path: path.to_owned(), cause });
    let malformed = |what: &str| StoryError::Malformed { file: file.to_owned(), what: what.to_owned() };
    let happens = if let Some(who) = what.strip_prefix("reply-from-") {
        let answer = answer(&content()?).map_err(malformed)?;
        Happens::Reply { from: named(config, &name, who)?, answer }
    } else if what == "file" {
        Happens::File(fetched(&content()?).map_err(malformed)?)
    } else if let Some(who) = what.strip_prefix("polled-from-") {
        let answer = answer(&content()?).map_err(malformed)?;
        Happens::Polled { from: named(config, &name, who)?, answer }
    } else if let Some(who) = what.strip_prefix("from-") {
        let spoken = spoken(&content()?).map_err(malformed)?;
        Happens::Webhook { from: named(config, &name, who)?, spoken }
    } else if let Some(who) = what.strip_prefix("found-at-") {
        let body = content()?;
        Happens::Found { at: named(config, &name, who)?, body: body.strip_suffix(b"\n").unwrap_or(&body).to_vec() }
    } else if let Some(time) = what.strip_prefix("wait-") {
        Happens::Wait(span(time).ok_or_else(|| {
            malformed("the time is a whole number and s, m or h, as in `wait-90s`, and at most a century")
        })?)
    } else if let Some(on) = [("assistant-on", true), ("assistant-off", false)].iter().find(|(name, _)| *name == what) {
        let thread = String::from_utf8_lossy(&content()?).trim().to_owned();
        Happens::Instruct { on: on.1, thread }
    } else if what == "held-retry" {
        Happens::Retry { thread: String::from_utf8_lossy(&content()?).trim().to_owned() }
    } else if what == "restart" {
        Happens::Restart
    } else {
        return Err(StoryError::Unclear { file: file.to_owned() });
    };
    Ok(Step { name, happens })
}

fn named(config: &Config, step: &str, who: &str) -> Result<ConnectionName, StoryError> {
    let exact = config.connections.keys().find(|name| name.as_str() == who);
    let mut beginning = config.connections.keys().filter(|name| name.as_str().split('.').next() == Some(who));
    let only = beginning.next().filter(|_| beginning.next().is_none());
    exact.or(only).cloned().ok_or_else(|| StoryError::unknown(step, who))
}

fn span(text: &str) -> Option<Duration> {
    let number = text.trim_end_matches(|sign: char| sign.is_ascii_alphabetic());
    let seconds: u64 = number.parse().ok()?;
    let factor = match &text[number.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    // A century is as good as never, and the story's clock must be able to say when it is over.
    const CENTURY: u64 = 100 * 365 * 24 * 3600;
    seconds.checked_mul(factor).filter(|seconds| *seconds <= CENTURY).map(Duration::from_secs)
}

fn spoken(content: &[u8]) -> Result<Spoken, &'static str> {
    let (first, headers, body) = message(content)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let method = match method {
        Some("POST") => "POST",
        Some("GET") => "GET",
        _ => return Err("a webhook begins with a request line, as `POST /hooks/amo.main HTTP/1.1`"),
    };
    let query = target.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
    Ok(Spoken { method, query, headers, body })
}

fn answer(content: &[u8]) -> Result<Answer, &'static str> {
    match String::from_utf8_lossy(content).trim() {
        "no answer" => return Ok(Answer::Silence),
        "no connection" => return Ok(Answer::Unreached),
        _ => {}
    }
    let (first, headers, body) = message(content)?;
    let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split(' ').next()?.parse().ok());
    let status = status
        .ok_or("a reply begins with a status line, as `HTTP/1.1 200 OK`, or is `no answer` or `no connection`")?;
    Ok(Answer::Reply(RecordedReply { status, headers, body: Bytes(body), cut: false }))
}

/// What a fetch brings: the answer of the file's server, or in a line why there is none.
fn fetched(content: &[u8]) -> Result<Result<Stored, FetchError>, &'static str> {
    match String::from_utf8_lossy(content).trim() {
        "no answer" => return Ok(Err(FetchError::TooSlow)),
        "no connection" => return Ok(Err(FetchError::Unreached)),
        "forbidden address" => return Ok(Err(FetchError::Forbidden)),
        "too large" => return Ok(Err(FetchError::TooLarge(100 << 20))),
        _ => {}
    }
    let (first, headers, body) = message(content)?;
    let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split(' ').next()?.parse().ok());
    let status: u16 = status.ok_or(
        "a file's answer begins with a status line, as `HTTP/1.1 200 OK`, or is `no answer`, `no connection`, \
         `forbidden address` or `too large`",
    )?;
    if status != 200 {
        return Ok(Err(FetchError::Status(status)));
    }
    let media_type = headers.into_iter().find(|(name, _)| name == "content-type").map(|(_, value)| value);
    Ok(Ok(Stored {
        sha256: hex::encode(Sha256::digest(&body)),
        bytes: body.len() as u64,
        media_type: media_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
    }))
}

type HttpMessage = (String, Vec<(String, String)>, Vec<u8>);

/// First line, headers with names in lower case, and the body as it stands. The line break that an editor puts at the
/// end of the file is not part of it.
fn message(content: &[u8]) -> Result<HttpMessage, &'static str> {
    let mut rest = content;
    let mut line = || -> Option<String> {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = String::from_utf8_lossy(&rest[..end]).trim_end_matches('\r').to_owned();
        rest = &rest[end + 1..];
        Some(line)
    };
    let first = line().ok_or("there is no first line")?;
    let mut headers = Vec::new();
    while let Some(header) = line() {
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').ok_or("a header has a colon; an empty line ends the headers")?;
        headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
    }
    let body = rest.strip_suffix(b"\n").unwrap_or(rest).to_vec();
    Ok((first, headers, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_beyond_all_time_is_refused() {
        assert_eq!(span("90s"), Some(Duration::from_secs(90)));
        assert_eq!(span("2h"), Some(Duration::from_secs(7200)));
        for text in ["", "s", "-1s", "1d", "99999999999999999h", "18446744073709551615m", "9999999999s"] {
            assert_eq!(span(text), None, "{text}");
        }
    }
}
