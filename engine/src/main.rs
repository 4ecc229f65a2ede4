//! The program `chatledger`: what was typed comes in, an exit code goes out. Everything between is `cli` and the library.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
