//! Standard output, for a reader who may go away at any line.

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write};

use serde::Serialize;

use super::failure::Failure;

/// Standard output. What is written appears at the latest with [`Output::flush`].
pub struct Output {
    standard: BufWriter<StdoutLock<'static>>,
}

impl Output {
    /// Standard output, for this thread alone.
    pub fn standard() -> Self {
        Self { standard: BufWriter::new(io::stdout().lock()) }
    }

    /// Writes a line.
    pub fn line(&mut self, line: impl Display) -> Result<(), Failure> {
        writeln!(self.standard, "{line}").map_err(broken)
    }

    /// Writes a document, indented, for people and machines.
    pub fn document(&mut self, document: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(document).expect("our own documents have only text for keys");
        self.line(text)
    }

    /// Writes text as it is.
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.standard.write_all(text.as_bytes()).map_err(broken)
    }

    /// Makes everything appear.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.standard.flush().map_err(broken)
    }
}

/// Prints a line and is done.
pub fn print(line: impl Display) -> Result<(), Failure> {
    let mut output = Output::standard();
    output.line(line)?;
    output.flush()
}

/// Prints a document and is done.
pub fn print_document(document: &impl Serialize) -> Result<(), Failure> {
    let mut output = Output::standard();
    output.document(document)?;
    output.flush()
}

fn broken(error: io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::because("standard output cannot be written", &error),
    }
}

/// Foreign text on one line, without the signs that move a terminal's cursor.
pub fn plain(text: &str) -> String {
    text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect()
}
