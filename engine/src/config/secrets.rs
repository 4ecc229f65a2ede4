//! Where secrets are kept. A reference in the document in, the secret out; the document itself holds none.

use std::io;
use std::path::Path;

use chatledger_connectors::connector::Secret;

use super::document::{Entry, Value};
use super::problem::{Problem, Wrong};

/// The secret under this key is one that we gave to the platform ourselves, often as part of an address, so we can see
/// to it that it cannot be guessed. All others are the platform's, which knows best.
const OURS: &str = "webhook_secret";

/// The least signs of a secret of ours: 16 letters and digits are about 95 bits.
const LEAST: usize = 16;

/// Where secrets are looked up.
pub trait SecretSource {
    /// The value of an environment variable; `None` if it is not set.
    fn variable(&self, name: &str) -> Option<String>;

    /// The content of a file.
    fn file(&self, path: &Path) -> io::Result<String>;
}

/// The process's environment and the file system.
#[derive(Clone, Copy, Debug)]
pub struct System;

impl SecretSource for System {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }
}

/// Looks a secret up. Nothing of the entry is shown that could be the secret itself.
pub(super) fn look_up(path: &str, key: &str, entry: &Entry, source: &dyn SecretSource) -> Result<Secret, Problem> {
    referred(entry, source)
        .and_then(|(text, place)| match strength(key, &text) {
            Ok(()) => Ok(Secret::new(text)),
            Err(wrong) => Err(Wrong::new(format!("{place} {}", wrong.reason), wrong.remedy)),
        })
        .map_err(|Wrong { reason, remedy }| Problem {
            line: Some(entry.line),
            key: path.to_owned(),
            value: None,
            reason,
            remedy,
        })
}

/// The text of a secret and, for messages, where it was.
fn referred(entry: &Entry, source: &dyn SecretSource) -> Result<(String, String), Wrong> {
    const REMEDY: &str = "write { env = \"VARIABLE\" } or { file = \"/path\" }, and put the secret there";
    let Value::Table(table) = &entry.value else {
        return Err(Wrong::new("a secret must not stand in the configuration", REMEDY));
    };
    let mut entries = table.iter();
    match (entries.next(), entries.next()) {
        (Some((kind, Entry { value: Value::Text(name), .. })), None) if kind == "env" => variable(name, source),
        (Some((kind, Entry { value: Value::Text(name), .. })), None) if kind == "file" => file(name, source),
        _ => Err(Wrong::new("it does not say where the secret is", REMEDY)),
    }
}

fn variable(name: &str, source: &dyn SecretSource) -> Result<(String, String), Wrong> {
    let is_name = name.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        // Not shown: it may be the secret itself.
        return Err(Wrong::new(
            "what stands after `env` is not the name of a variable",
            "write a name of letters, digits and underscores, and put the secret into that variable",
        ));
    }
    let place = format!("the variable {name}");
    let remedy = || format!("set {name} to the secret where the program is started");
    match source.variable(name) {
        None => Err(Wrong::new(format!("{place} is not set"), remedy())),
        Some(text) => match text.trim() {
            "" => Err(Wrong::new(format!("{place} is empty"), remedy())),
            text => Ok((text.to_owned(), place)),
        },
    }
}

fn file(name: &str, source: &dyn SecretSource) -> Result<(String, String), Wrong> {
    let place = format!("the file {name:?}");
    match source.file(Path::new(name)) {
        Err(error) => Err(Wrong::new(
            format!("{place} cannot be read ({error})"),
            "make the file, with the secret in it, readable for the user that runs the program",
        )),
        // Editors end files with a line break, and no platform's secret has white space around it.
        Ok(text) => match text.trim() {
            "" => Err(Wrong::new(format!("{place} is empty"), "put the secret into it")),
            text => Ok((text.to_owned(), place)),
        },
    }
}

fn strength(key: &str, text: &str) -> Result<(), Wrong> {
    if key == OURS && text.chars().count() < LEAST {
        return Err(Wrong::new(
            "is too short to be safe",
            format!("make one of at least {LEAST} random letters and digits, and tell the platform"),
        ));
    }
    Ok(())
}
