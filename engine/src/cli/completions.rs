//! `completions`: what a shell needs to know to complete what is typed, made from the command line itself.

use clap::Args;
use clap_complete::{Shell, generate};

use super::arguments;
use super::failure::Failure;
use super::output::Output;

/// Print what a shell needs to complete this program's commands and options
///
/// Bash, Elvish, Fish, PowerShell and Zsh are known. The Debian package brings those of Bash, Fish and Zsh.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger completions bash > ~/.local/share/bash-completion/completions/chatledger")]
pub struct Completions {
    /// For which shell
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        generate(self.shell, &mut arguments(), "chatledger", &mut script);
        let mut output = Output::standard();
        output.text(&String::from_utf8_lossy(&script))?;
        output.flush()
    }
}
