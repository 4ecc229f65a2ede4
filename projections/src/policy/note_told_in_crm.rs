//! What was noted beside a dialogue in the channel is told to the CRM's managers, silently, and to nobody else.
//!
//! The words around it are in Russian, for it is the managers who read them. It is the bot's message, so that no platform takes
//! it for one to the client (amoCRM contract, 5.4).

use crate::content::{Content, Person};
use crate::delivery::Origin;
use crate::fact::{NoteKind, NoteWritten};
use crate::ids::{ConnectionName, ThreadId};
use crate::intent::{Destination, Intent, SendMessage, Speaker};
use crate::state::State;
use crate::time::Timestamp;

use super::Decision;

pub(super) fn decide(
    state: &State,
    thread: ThreadId,
    connection: &ConnectionName,
    note: &NoteWritten,
    at: Timestamp,
) -> Option<Decision> {
    let (_, route) = state.route_of(thread)?;
    if route.channel != *connection {
        return None;
    }
    let endpoint = state.bindings.current(thread, &route.crm)?;
    let named = Origin { connection: connection.clone(), message: note.note.clone() };
    let intent = Intent::SendMessage(SendMessage {
        to: Destination::Conversation(endpoint.address()),
        speaker: Speaker::Bot,
        author: Person::default(),
        client: endpoint.client(state.contacts.of(thread)),
        ours: named.name_across(),
        written_at: note.written_at.unwrap_or(at),
        content: worded(note),
        source: endpoint.source.clone().or_else(|| route.source.clone()),
        silent: true,
    });
    Some(Decision { policy: "note_told_in_crm", connection: route.crm.clone(), thread, intent, carries: None })
}

fn worded(note: &NoteWritten) -> Content {
    let what = match note.kind {
        NoteKind::Note => "📝 Заметка",
        NoteKind::Rating => "⭐ Оценка диалога",
        NoteKind::Service => "⚙️ Служебное сообщение",
    };
    let who = note.author.name.as_deref().filter(|name| !name.is_empty());
    let head = who.map_or_else(|| what.to_owned(), |who| format!("{what} ({who})"));
    let words = note.content.text.as_deref().filter(|text| !text.trim().is_empty());
    let text = words.map_or_else(|| head.clone(), |words| format!("{head}: {words}"));
    Content { text: Some(text), ..note.content.clone() }
}
