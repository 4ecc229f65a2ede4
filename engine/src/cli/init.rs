//! `init`: a configuration to begin with.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use super::CONFIG;
use super::failure::Failure;
use super::output::{Output, print};

/// Write a configuration to begin with, in which every setting is explained
///
/// The accounts and routes in it are switched off; take the `#` away before what you need. A file that exists is never
/// overwritten.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger init && chatledger check-config")]
pub struct Init {
    /// The file to write; `-` prints it instead
    #[arg(default_value = CONFIG)]
    file: PathBuf,
}

impl Init {
    pub fn run(self) -> Result<(), Failure> {
        let document = chatledger::config::init();
        if self.file == Path::new("-") {
            let mut output = Output::standard();
            output.text(&document)?;
            return output.flush();
        }
        let file = self.file.display();
        let mut opened =
            OpenOptions::new().write(true).create_new(true).open(&self.file).map_err(|error| match error.kind() {
                ErrorKind::AlreadyExists => {
                    Failure::usage(format!("{file} exists and is left as it is; name another file, or remove it"))
                }
                _ => Failure::because(format!("{file} cannot be written"), &error),
            })?;
        let written = opened.write_all(document.as_bytes()).and_then(|()| opened.sync_all());
        written.map_err(|error| Failure::because(format!("{file} cannot be written"), &error))?;
        print(format_args!(
            "{file} is written. Switch on your accounts and routes in it, then: chatledger check-config {file}"
        ))
    }
}
