//! What stands behind `--log`, and how a command tells that it cannot be opened.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use chatledger::config::{LogAddress, System};
use chatledger::live::chain;
use chatledger::log::{EventLog, OpenError};
use clap::builder::{TypedValueParser, ValueParserFactory};
use clap::error::ErrorKind;
use clap::{Arg, Command};

use super::failure::Failure;

/// An address as it is typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Typed(pub LogAddress);

impl ValueParserFactory for Typed {
    type Parser = AddressParser;

    fn value_parser() -> AddressParser {
        AddressParser
    }
}

/// Reads an address as it is typed. What is wrong with it is told without showing it: it may hold a password.
#[derive(Clone, Debug)]
pub struct AddressParser;

impl TypedValueParser for AddressParser {
    type Value = Typed;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, value: &OsStr) -> Result<Typed, clap::Error> {
        let refuse =
            |why: String| clap::Error::raw(ErrorKind::ValueValidation, format!("the log: {why}\n")).with_cmd(command);
        let text = value.to_str().ok_or_else(|| refuse("its address is no text; write it in UTF-8".to_owned()))?;
        LogAddress::typed(text).map(Typed).map_err(|wrong| refuse(wrong.to_string()))
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
