//! Where a log is, and the one place that opens any of them: a file, `sqlite:` and a file, `esdb://` and a server, or
//! `memory:`.
//!
//! Takes the address as it is written, gives the log. What is asked of a log is absent.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use super::eventstoredb::address::is_scheme;
use super::eventstoredb::{self, EventStoreDbLog};
use super::memory::MemoryLog;
use super::sqlite::SqliteLog;
use super::{EventLog, OpenError};
use crate::config::SecretSource;

/// Where a log is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogAddress {
    /// In memory: gone at the end.
    Memory,
    /// In an SQLite file.
    Sqlite(PathBuf),
    /// On an EventStoreDB or KurrentDB.
    EventStoreDb(Box<eventstoredb::Address>),
}

/// A text that is no address of a log.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}; {remedy}")]
pub struct NotALog {
    /// What is wrong.
    pub reason: String,
    /// What to write instead.
    pub remedy: String,
}

impl FromStr for LogAddress {
    type Err = NotALog;

    /// Reads an address with its kind: `sqlite:FILE`, `esdb://…` (or `kurrentdb://…`, also with `+discover`), `memory:`.
    fn from_str(text: &str) -> Result<Self, NotALog> {
        const REMEDY: &str = "write \"sqlite:\" and a file, such as \"sqlite:chatledger.db\", a server, such as \
                              \"esdb://localhost:2113\", or \"memory:\" for a trial";
        let no = |reason: &str| Err(NotALog { reason: reason.to_owned(), remedy: REMEDY.to_owned() });
        match text.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sqlite", file)) if !file.trim().is_empty() => Ok(Self::Sqlite(PathBuf::from(file))),
            Some(("sqlite", _)) => no("it names no file"),
            Some((scheme, _)) if is_scheme(scheme) => match text.parse() {
                Ok(address) => Ok(Self::EventStoreDb(Box::new(address))),
                Err(eventstoredb::NotAnAddress { reason, remedy }) => Err(NotALog { reason, remedy }),
            },
            Some(_) | None => no("it is no address of a log"),
        }
    }
}

impl fmt::Display for LogAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => formatter.write_str("memory:"),
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            Self::EventStoreDb(address) => address.fmt(formatter),
        }
    }
}

impl LogAddress {
    /// Reads an address as it is typed, where a bare name is a file's.
    pub fn typed(text: &str) -> Result<Self, NotALog> {
        let has_kind = text.split_once(':').is_some_and(|(kind, rest)| match kind {
            "memory" => rest.is_empty(),
            "sqlite" => true,
            _ => is_scheme(kind),
        });
        if has_kind || text.trim().is_empty() {
            return text.parse();
        }
        // A file may have a colon in its name.
        Ok(Self::Sqlite(PathBuf::from(text)))
    }

    /// Opens the log for writing; a file is made if there is none. Blocks while it looks at a file; a server is not
    /// spoken to yet, so that a program can start before it. Within the runtime.
    pub fn open_to_write(&self, secrets: &dyn SecretSource) -> Result<Arc<dyn EventLog>, OpenError> {
        match self {
            Self::Memory => Ok(Arc::new(MemoryLog::new())),
            Self::Sqlite(path) => Ok(Arc::new(SqliteLog::open(path)?)),
            Self::EventStoreDb(address) => open_server(address, secrets),
        }
    }

    /// Opens a log that exists for reading; another program may write to it meanwhile. Otherwise as
    /// [`LogAddress::open_to_write`].
    pub fn open_to_read(&self, secrets: &dyn SecretSource) -> Result<Arc<dyn EventLog>, OpenError> {
        match self {
            Self::Memory => Err(OpenError::Unavailable {
                path: self.to_string(),
                cause: "a log in memory ends with the program that made it; give the address of a log".into(),
            }),
            Self::Sqlite(path) => Ok(Arc::new(SqliteLog::open_read_only(path)?)),
            Self::EventStoreDb(address) => open_server(address, secrets),
        }
    }
}

fn open_server(address: &eventstoredb::Address, secrets: &dyn SecretSource) -> Result<Arc<dyn EventLog>, OpenError> {
    let unavailable = |cause: super::BoxedError| OpenError::Unavailable { path: address.to_string(), cause };
    let credentials = eventstoredb::Credentials::look_up(secrets).map_err(|error| unavailable(error.into()))?;
    let log = EventStoreDbLog::open(address.clone(), credentials).map_err(|error| unavailable(error.into()))?;
    Ok(Arc::new(log))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_a_file_with_its_kind_a_server_and_memory_are_addresses() {
        let sqlite = |path: &str| Ok(LogAddress::Sqlite(path.into()));
        assert_eq!(LogAddress::typed("a.db"), sqlite("a.db"));
        assert_eq!(LogAddress::typed("/x/a:b.db"), sqlite("/x/a:b.db"));
        assert_eq!(LogAddress::typed("sqlite:x/a.db"), sqlite("x/a.db"));
        assert_eq!(LogAddress::typed("memory:"), Ok(LogAddress::Memory));
        for text in ["esdb://localhost:2113", "esdb+discover://a:1?tls=false", "memory:", "sqlite:a"] {
            assert_eq!(LogAddress::typed(text).unwrap().to_string(), text);
            assert_eq!(text.parse(), LogAddress::typed(text));
        }
        for wrong in ["", " ", "sqlite:", "esdb://", "esdb:x", "kurrentdb://a:b"] {
            assert!(LogAddress::typed(wrong).is_err(), "{wrong:?}");
        }
        for wrong in ["a.db", "http://x"] {
            assert!(wrong.parse::<LogAddress>().is_err(), "{wrong:?}");
        }
    }
}
