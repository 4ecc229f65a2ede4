//! The pages, one file for each: what is asked of the reader, and what its template gets.

pub mod connections;
pub mod decide;
pub mod dialogue;
pub mod dialogues;
pub mod event;
pub mod held;
pub mod help;
pub mod log;
pub mod message;
pub mod overview;
pub mod people;
pub mod rows;
pub mod time;
pub mod told;

use std::collections::{BTreeSet, HashMap};

use chatledger_projections::ids::ThreadId;

use super::Console;
use super::visit::Visit;
use super::words::{Tone, Words};
use crate::reading::answer::ClientCard;

/// A word with its colour.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chip {
    /// How good it is.
    pub tone: Tone,
    /// What it says.
    pub words: String,
}

/// A fact with its name, and where more stands about it.
pub type Named = (&'static str, String, Option<String>);

/// The best name that there is for a client.
pub fn name_of(client: &ClientCard, words: &Words) -> String {
    let names = [&client.name, &client.phone, &client.username, &client.email];
    let known = names.into_iter().flatten().map(|name| name.trim()).find(|name| !name.is_empty());
    known.unwrap_or(words.nameless).to_owned()
}

/// The names of dialogues' clients.
#[derive(Clone, Debug, Default)]
pub struct Names(HashMap<ThreadId, String>);

impl Names {
    /// Asks for all of them at once.
    pub async fn of(console: &Console, visit: &Visit, threads: impl IntoIterator<Item = ThreadId>) -> Self {
        let threads: BTreeSet<ThreadId> = threads.into_iter().collect();
        if threads.is_empty() {
            return Self::default();
        }
        let clients = console.reader.clients(threads, visit.as_of()).await.unwrap_or_default();
        Self(clients.iter().map(|(thread, client)| (*thread, name_of(client, visit.look.words))).collect())
    }

    /// A dialogue's; a short id where nothing can be read of it.
    pub fn name(&self, thread: ThreadId) -> String {
        self.0.get(&thread).cloned().unwrap_or_else(|| thread.to_string().chars().take(8).collect())
    }
}

/// The page of a dialogue.
pub fn dialogue_page(visit: &Visit, thread: ThreadId) -> String {
    visit.link(&format!("/console/dialogues/{thread}"), &[])
}

/// The page of an event.
pub fn event_page(visit: &Visit, position: chatledger_projections::recorded::Position) -> String {
    visit.link("/console/event", &[("position", &position.to_string())])
}
