//! The program `chatledger`: what was typed comes in, an exit code goes out. Everything between is `cli` and the library.

mod cli;

use std::process::ExitCode;

/// Folding makes and lets go of small things all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
