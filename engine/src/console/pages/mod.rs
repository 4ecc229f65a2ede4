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

/// The name of a dialogue's client; a short id if even that cannot be read.
pub async fn name_of_thread(console: &Console, visit: &Visit, thread: ThreadId) -> String {
    match console.reader.thread(thread, visit.as_of()).await {
        Ok(found) => name_of(&found.item.thread.client, visit.look.words),
        Err(_) => thread.to_string().chars().take(8).collect(),
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
