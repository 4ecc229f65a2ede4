//! What stands behind `--log`: a file, `sqlite:` and a file, or, where a new log is welcome, `memory:`.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use chatledger::config::LogAddress;
use chatledger::live::chain;
use chatledger::log::memory::MemoryLog;
use chatledger::log::sqlite::SqliteLog;
use chatledger::log::{EventLog, OpenError};

use super::failure::Failure;

/// An address as it is typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Typed(pub LogAddress);

impl FromStr for Typed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const REMEDY: &str = "give a file, such as chatledger.db or sqlite:chatledger.db";
        if text.trim().is_empty() {
            return Err(format!("it names no file; {REMEDY}"));
        }
        match text.split_once(':') {
            Some(("memory", "")) => Ok(Self(LogAddress::Memory)),
            Some(("sqlite", file)) if !file.trim().is_empty() => Ok(Self(LogAddress::Sqlite(PathBuf::from(file)))),
            Some(("sqlite", _)) => Err(format!("it names no file; {REMEDY}")),
            Some(("esdb" | "esdb+discover" | "kurrentdb" | "kurrentdb+discover", _)) => {
                Err(format!("EventStoreDB is not in this build; {REMEDY}"))
            }
            // A file may have a colon in its name.
            Some(_) | None => Ok(Self(LogAddress::Sqlite(PathBuf::from(text)))),
        }
    }
}

/// Opens a log that exists, for reading only; a program may write to it meanwhile.
pub fn open_to_read(address: &LogAddress) -> Result<Arc<dyn EventLog>, Failure> {
    match address {
        LogAddress::Memory => {
            Err(Failure::usage("a log in memory ends with the program that made it; give the file of a log"))
        }
        LogAddress::Sqlite(path) => {
            if !exists(path) {
                return Err(Failure::usage(format!(
                    "{}: there is no such log; give the file that `log` in the configuration names",
                    path.display()
                )));
            }
            let log = SqliteLog::open_read_only(path).map_err(|error| not_opened(&error))?;
            Ok(Arc::new(log))
        }
    }
}

/// Opens a log for writing, and makes it if there is none.
pub fn open_to_write(address: &LogAddress) -> Result<Arc<dyn EventLog>, Failure> {
    match address {
        LogAddress::Memory => Ok(Arc::new(MemoryLog::new())),
        LogAddress::Sqlite(path) => {
            let log = SqliteLog::open(path).map_err(|error| not_opened(&error))?;
            Ok(Arc::new(log))
        }
    }
}

/// The address as a configuration would have it.
pub fn words(address: &LogAddress) -> String {
    match address {
        LogAddress::Memory => "memory:".to_owned(),
        LogAddress::Sqlite(path) => format!("sqlite:{}", path.display()),
    }
}

fn exists(path: &Path) -> bool {
    // What cannot be looked at is told when it is opened.
    path.try_exists().unwrap_or(true)
}

fn not_opened(error: &OpenError) -> Failure {
    match error {
        // Another file was meant.
        OpenError::Foreign { .. } => Failure::usage(chain(error)),
        OpenError::Damaged { .. }
        | OpenError::Newer { .. }
        | OpenError::InUse { .. }
        | OpenError::Unavailable { .. } => Failure::failed(chain(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_a_file_with_its_kind_and_memory_are_addresses() {
        let sqlite = |path: &str| Ok(Typed(LogAddress::Sqlite(path.into())));
        assert_eq!("a.db".parse(), sqlite("a.db"));
        assert_eq!("/x/a:b.db".parse(), sqlite("/x/a:b.db"));
        assert_eq!("sqlite:x/a.db".parse(), sqlite("x/a.db"));
        assert_eq!("memory:".parse(), Ok(Typed(LogAddress::Memory)));
        for wrong in ["", " ", "sqlite:", "esdb://localhost:2113"] {
            assert!(wrong.parse::<Typed>().is_err(), "{wrong:?}");
        }
    }
}
