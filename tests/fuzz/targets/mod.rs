//! What is fuzzed: everything that reads bytes which somebody else wrote.
//!
//! A target takes any bytes and must come back. Where more can be demanded than that nothing breaks, it is: reading twice
//! gives the same, nobody is let in without the proof, and no proof is recorded. A broken demand is a panic. The fuzzer
//! beside this folder and the ordinary test above it run the same functions.

/// One way in.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name: of its folder of seeds, and on the command line.
    pub name: &'static str,
    /// What reads the bytes.
    pub run: fn(&[u8]),
}

impl Target {
    /// A target of this name.
    pub const fn new(name: &'static str, run: fn(&[u8])) -> Self {
        Self { name, run }
    }
}

/// A first line and what follows it: how a target's input says beside the bytes what else it takes.
pub fn first_line(input: &[u8]) -> (&str, &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let line = std::str::from_utf8(&input[..end]).unwrap_or_default();
    (line, input.get(end + 1..).unwrap_or_default())
}
