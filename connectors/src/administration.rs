//! What a person can have done at an account, beside what the bridge does by itself: commands as data.
//!
//! A connector names its [`Command`]s; whoever has a command line builds its words from them, hands what was typed back as
//! [`Given`], sends the call that comes of it under the account's own quotas, and shows the [`Answer`]. So every platform
//! can offer commands, and no shell need know a platform. Nothing of it is recorded: these are no intents.

use std::collections::BTreeMap;

use serde_json::Value;

/// One thing that a person can have done.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Of what, such as `conversations`.
    pub noun: &'static str,
    /// What is done, such as `list`.
    pub verb: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// What it takes.
    pub arguments: &'static [Argument],
    /// What may be typed after the verb, as an example.
    pub example: &'static str,
}

/// One thing that a command takes.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name, in small letters with dashes.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// What may be typed for it.
    pub takes: Takes,
    /// How it is typed.
    pub typed: Typed,
}

/// What may be typed for an argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Takes {
    /// Any text but none at all.
    Text,
    /// A whole number between these, both included.
    Whole(i64, i64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The path of a file, whose bytes are given along with its name.
    File,
    /// A key, an equals sign and a value.
    Pair,
}

/// How an argument is typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Typed {
    /// By its place; it must be there.
    Place,
    /// By its place; it may be missing.
    PlaceIfAny,
    /// By its place, once or more.
    Places,
    /// By its name, and must be there.
    Name,
    /// By its name, and may be missing.
    NameIfAny,
    /// By its name, any number of times.
    Names,
}

/// What was typed for one argument.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Typing {
    /// A text, or one of the words.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// A file's name without its folders, and what is in it.
    File {
        /// Its name.
        name: String,
        /// What is in it.
        bytes: Vec<u8>,
    },
    /// A key and a value.
    Pair(String, String),
}

/// What was typed, by argument.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Given(BTreeMap<&'static str, Vec<Typing>>);

impl Given {
    /// Adds what was typed for an argument.
    pub fn add(&mut self, argument: &'static str, typing: Typing) {
        self.0.entry(argument).or_default().push(typing);
    }

    /// Puts this in the place of whatever was typed for an argument.
    pub fn replace(&mut self, argument: &'static str, typing: Typing) {
        self.0.insert(argument, vec![typing]);
    }

    /// Everything that was typed for an argument.
    pub fn all(&self, argument: &str) -> &[Typing] {
        self.0.get(argument).map_or(&[], Vec::as_slice)
    }

    /// Whether anything was typed for an argument.
    pub fn has(&self, argument: &str) -> bool {
        !self.all(argument).is_empty()
    }

    /// The text of an argument.
    pub fn text(&self, argument: &str) -> Option<&str> {
        self.texts(argument).next()
    }

    /// All texts of an argument.
    pub fn texts<'a>(&'a self, argument: &str) -> impl Iterator<Item = &'a str> {
        self.all(argument).iter().filter_map(|typing| match typing {
            Typing::Text(text) => Some(text.as_str()),
            Typing::Whole(_) | Typing::File { .. } | Typing::Pair(..) => None,
        })
    }

    /// The number of an argument.
    pub fn whole(&self, argument: &str) -> Option<i64> {
        self.wholes(argument).next()
    }

    /// All numbers of an argument.
    pub fn wholes(&self, argument: &str) -> impl Iterator<Item = i64> {
        self.all(argument).iter().filter_map(|typing| match typing {
            Typing::Whole(number) => Some(*number),
            Typing::Text(_) | Typing::File { .. } | Typing::Pair(..) => None,
        })
    }
}

/// What was typed cannot be asked of the platform.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}; {remedy}")]
pub struct Misuse {
    /// Why.
    pub reason: String,
    /// What to type instead.
    pub remedy: String,
}

impl Misuse {
    /// For connectors: why it cannot be asked, and what can.
    pub fn new(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { reason: reason.into(), remedy: remedy.into() }
    }
}

/// What the platform said, for people and for programs.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// For programs, in the shape that the platform's own libraries give it.
    pub document: Value,
    /// For people.
    pub table: Table,
    /// What must be typed for which argument to have the next page; absent on the last one.
    pub next: Option<(&'static str, Typing)>,
}

/// Rows of cells under the names of their columns.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Table {
    /// The columns' names.
    pub columns: Vec<&'static str>,
    /// The rows, each with as many cells.
    pub rows: Vec<Vec<String>>,
}
