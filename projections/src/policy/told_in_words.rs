//! What a CRM cannot show is told to its managers by the bot, under the message that it is about.
//!
//! Not a rule of its own: the rules of edits, deletions and reactions end here when the CRM can do no better. The words
//! are in Russian, for it is the managers who read them.

use crate::change::There;
use crate::configuration::{Abilities, Role};
use crate::content::{Content, Person, Quote};
use crate::ids::MessageId;
use crate::intent::{Destination, Intent, SendMessage, Speaker};
use crate::state::State;
use crate::threads::Side;
use crate::time::Timestamp;

use super::Decision;

/// Stands in the place of a message that is gone.
pub(super) const DELETED: &str = "🗑 Сообщение удалено";

/// What is told.
pub(super) enum Told<'a> {
    /// A message says something else.
    Edited(&'a Content),
    /// A message is gone.
    Deleted,
    /// Another reaction stands under a message, or none any more.
    Reacted { side: Side, emoji: Option<&'a str> },
}

/// Whether a CRM lacks an ability, so that words have to do. A messenger is never told in words: its client would read
/// them.
pub(super) fn must_be(state: &State, there: &There, ability: impl Fn(&Abilities) -> bool) -> bool {
    let can = state.configuration.connections.get(&there.connection).map(|known| known.traits.can).unwrap_or_default();
    state.configuration.role_of(&there.connection) == Some(Role::Crm) && !ability(&can)
}

/// A message of the bot about a message.
pub(super) fn decide(state: &State, there: &There, at: Timestamp, told: Told<'_>) -> Option<Decision> {
    decide_piece(state, there, at, told, 0)
}

/// The same for one of several that are told of it; `place` tells their names apart.
pub(super) fn decide_piece(
    state: &State,
    there: &There,
    at: Timestamp,
    told: Told<'_>,
    place: usize,
) -> Option<Decision> {
    let endpoint = state.bindings.current(there.thread, &there.connection)?;
    let (what, mut content) = match told {
        Told::Edited(content) => {
            let words = content.text.as_deref().unwrap_or_default();
            let text = Some(format!("✏️ Сообщение изменено: {words}"));
            ("edit", Content { text, quote: None, ..content.clone() })
        }
        Told::Deleted => ("delete", Content::text(DELETED)),
        Told::Reacted { side, emoji } => {
            let who = match side {
                Side::Client => "клиента",
                Side::Company => "сотрудника",
            };
            let words = match emoji {
                Some(emoji) => format!("Реакция {who}: {emoji}"),
                None => format!("Реакция {who} снята"),
            };
            ("react", Content::text(words))
        }
    };
    let (theirs, ours) = (there.message.theirs.clone(), there.message.ours.clone());
    let about = theirs.as_ref().or(ours.as_ref()).map_or("", MessageId::as_str).to_owned();
    content.quote = Some(Quote { theirs, ours, text: None });
    let intent = Intent::SendMessage(SendMessage {
        to: Destination::Conversation(endpoint.address()),
        speaker: Speaker::Bot,
        author: Person::default(),
        client: endpoint.client(state.contacts.of(there.thread)),
        ours: MessageId::new(match place {
            0 => format!("{what}-{about}-{}", at.as_millis()),
            place => format!("{what}-{about}-{}-{place}", at.as_millis()),
        }),
        written_at: at,
        content,
        source: endpoint.source.clone(),
        silent: false,
    });
    let connection = there.connection.clone();
    Some(Decision { policy: "told_in_words", connection, thread: there.thread, intent, carries: None })
}
