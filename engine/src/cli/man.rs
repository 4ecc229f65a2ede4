//! `man`: the manual's pages, made from the command line itself: one for the program, and one for each of its commands.

use std::path::{Path, PathBuf};

use clap::Args;
use clap_mangen::Man as Page;

use super::arguments;
use super::failure::Failure;
use super::output::{Output, print};

/// Write the manual's pages
///
/// They are made from the same words as `--help`. Without a folder, the program's own page is printed; with one, it gets
/// a page for each command, too, such as chatledger-serve.1.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger man --dir ~/.local/share/man/man1 && man chatledger-serve")]
pub struct Man {
    /// The folder for all pages; made if there is none
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    pub fn run(self) -> Result<(), Failure> {
        let command = arguments();
        match &self.dir {
            Some(folder) => {
                let pages = write_all(command, folder)
                    .map_err(|error| Failure::because(format!("{} cannot be filled", folder.display()), &error))?;
                print(format_args!("{pages} pages are in {}", folder.display()))
            }
            None => {
                let mut page = Vec::new();
                Page::new(command)
                    .render(&mut page)
                    .map_err(|error| Failure::because("the page cannot be made", &error))?;
                let mut output = Output::standard();
                output.text(&String::from_utf8_lossy(&page))?;
                output.flush()
            }
        }
    }
}

/// Writes the page of a command and of those below it; gives how many. `help` needs none.
fn write_all(command: clap::Command, folder: &Path) -> std::io::Result<usize> {
    std::fs::create_dir_all(folder)?;
    let command = command.disable_help_subcommand(true);
    clap_mangen::generate_to(command, folder)?;
    let pages = std::fs::read_dir(folder)?.filter_map(Result::ok);
    Ok(pages.filter(|entry| entry.file_name().to_string_lossy().starts_with("chatledger")).count())
}
