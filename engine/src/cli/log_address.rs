//! What stands behind `--log`, and how a command tells that it cannot be opened.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use chatledger::config::{LogAddress, System};
use chatledger::live::chain;
use chatledger::log::{EventLog, OpenError};

use super::failure::Failure;

/// An address as it is typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Typed(pub LogAddress);

impl FromStr for Typed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        LogAddress::typed(text).map(Self).map_err(|wrong| wrong.to_string())
    }
}

/// Opens a log that exists, for reading only; a program may write to it meanwhile.
pub fn open_to_read(address: &LogAddress) -> Result<Arc<dyn EventLog>, Failure> {
    match address {
        LogAddress::Memory => {
            Err(Failure::usage("a log in memory ends with the program that made it; give the file of a log"))
        }
        LogAddress::Sqlite(path) if !exists(path) => Err(Failure::usage(format!(
            "{}: there is no such log; give the file that `log` in the configuration names",
            path.display()
        ))),
        LogAddress::Sqlite(_) | LogAddress::EventStoreDb(_) => {
            address.open_to_read(&System).map_err(|error| not_opened(&error))
        }
    }
}

/// Opens a log for writing, and makes it if there is none.
pub fn open_to_write(address: &LogAddress) -> Result<Arc<dyn EventLog>, Failure> {
    address.open_to_write(&System).map_err(|error| not_opened(&error))
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
