//! What follows: from the state and one change to intents. One match, one file per business rule.
//!
//! A policy is pure and says nothing about sending: raising an intent is the pipeline's business, carrying it out the
//! dispatcher's. An intent's id is derived from its cause, its policy and its ordinal, so deciding twice raises once.

mod app_message_to_crm;
mod assistant_failure_noted_in_crm;
mod assistant_message_to_channel;
mod assistant_message_to_crm;
mod assistant_news_noted_in_crm;
mod channel_opened_for_manager;
mod chat_claimed_for_us;
mod client_found_for_manager;
mod client_message_to_assistant;
mod client_message_to_crm;
mod deletion_carried_across;
mod delivery_reported_to_crm;
mod edit_carried_across;
pub mod held_intent_retried;
mod manager_message_to_channel;
mod missed_intent_raised;
mod note_told_in_crm;
mod reaction_carried_across;
mod refused_alteration_told;
mod refused_message_said_otherwise;
mod told_in_words;
mod typing_shown_across;
mod unknown_conversation_looked_up;

use crate::change::{Change, Written};
use crate::content::Content;
use crate::delivery::{Known, Origin};
use crate::event::IntentRaised;
use crate::files::{FileRules, pieces};
use crate::ids::{ConnectionName, EventId, IntentId, MessageId, ThreadId};
use crate::intent::Intent;
use crate::state::State;
use crate::time::Timestamp;

/// What one policy concluded from one change.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// The rule's name, the same as its file's.
    pub policy: &'static str,
    /// Where it is to become true.
    pub connection: ConnectionName,
    /// In which dialogue.
    pub thread: ThreadId,
    /// What is to become true.
    pub intent: Intent,
    /// The message that it carries, by where it was written.
    pub carries: Option<Origin>,
}

/// Everything that follows from the changes of one event, in order. `at` is when the event was recorded.
pub fn decide(state: &State, cause: EventId, at: Timestamp, changes: &[Change]) -> Vec<IntentRaised> {
    let mut raised: Vec<IntentRaised> = Vec::new();
    for decision in changes.iter().flat_map(|change| conclude(state, change, at)) {
        let same = raised.iter().filter(|earlier| earlier.policy == decision.policy).count();
        let ordinal = u32::try_from(same).expect("one event has few consequences");
        raised.push(IntentRaised {
            intent_id: IntentId::derived(cause, decision.policy, ordinal),
            cause,
            policy: decision.policy.to_owned(),
            connection: decision.connection,
            thread: decision.thread,
            intent: decision.intent,
            carries: decision.carries,
        });
    }
    raised
}

fn conclude(state: &State, change: &Change, at: Timestamp) -> Vec<Decision> {
    let only = |decision: Option<Decision>| decision.into_iter().collect();
    match change {
        Change::ClientWrote(written) => client_message_to_crm::decide(state, written),
        Change::AppWrote(written) => app_message_to_crm::decide(state, written),
        Change::AssistantAsked(written) => client_message_to_assistant::decide(state, written),
        // The client first: it is for them.
        Change::AssistantWrote(written) => {
            let mut both = assistant_message_to_channel::decide(state, written);
            both.extend(assistant_message_to_crm::decide(state, written));
            both
        }
        Change::AssistantToldNews { thread, connection: _, news, client, event } => {
            only(assistant_news_noted_in_crm::decide(state, *thread, news, client, *event, at))
        }
        Change::ManagerWrote(written) => manager_message_to_channel::decide(state, written),
        Change::ManagerWroteFirst { written, address } => {
            manager_message_to_channel::decide_first(state, written, address)
        }
        Change::ChannelWanted { thread, connection, address } => {
            vec![channel_opened_for_manager::decide(*thread, connection, address)]
        }
        Change::ManagerWroteToClient { written, client } => {
            manager_message_to_channel::decide_to(state, written, client)
        }
        Change::ClientWanted { thread, connection, by } => {
            vec![client_found_for_manager::decide(*thread, connection, by)]
        }
        Change::ClaimWanted { thread, connection, theirs, ordinal } => {
            only(chat_claimed_for_us::decide(state, *thread, connection, theirs, *ordinal, at))
        }
        Change::ConversationUnknown { thread, connection, conversation } => {
            vec![unknown_conversation_looked_up::decide(*thread, connection, conversation)]
        }
        Change::DeliveryRose { thread, origin, state: stands, failure } => {
            only(delivery_reported_to_crm::decide(state, *thread, origin, *stands, failure.as_ref()).or_else(|| {
                assistant_failure_noted_in_crm::decide(state, *thread, origin, *stands, failure.as_ref(), at)
            }))
        }
        Change::MessageAltered { there, content, at } => edit_carried_across::decide(state, there, content, *at),
        Change::NoteHeard { thread, connection, note } => {
            only(note_told_in_crm::decide(state, *thread, connection, note, at))
        }
        Change::MessageWithdrawn { there, at: heard_at } => deletion_carried_across::decide(state, there, *heard_at),
        Change::ReactionSet { there, side, emoji, at: heard_at } => {
            only(reaction_carried_across::decide(state, there, *side, emoji.as_deref(), *heard_at))
        }
        Change::TypingBegan { thread, connection, side, since, until } => {
            only(typing_shown_across::decide(state, *thread, connection, *side, *since, *until))
        }
        Change::AlterationRefused { there, refused, at: settled_at } => {
            only(refused_alteration_told::decide(state, there, refused, *settled_at))
        }
        // It follows when its message does.
        Change::AlterationKept { .. } => Vec::new(),
        Change::MessageRefused { refused, why } => refused_message_said_otherwise::decide(state, refused, *why),
        Change::HeldReleased { held, to } => only(held_intent_retried::decide(held, to.as_ref())),
        Change::MissedFound { missed } => vec![missed_intent_raised::decide(missed)],
        // Known now, and that is all that was wanted.
        Change::ThreadOpened { .. } | Change::Bound { .. } => Vec::new(),
        // It has no call by which it could be told; what follows is that nothing follows.
        Change::AssistantFellSilent { .. } | Change::AssistantSpeaksAgain { .. } | Change::AnswerWithheld { .. } => {
            Vec::new()
        }
        // It ends at its turn; what follows from that end follows then.
        Change::AnswerUnwanted { .. } => Vec::new(),
        // Echoes die here.
        Change::EchoHeard { .. } | Change::EchoSuspected { .. } => Vec::new(),
        // For people, not for machines.
        Change::Anomaly(_) => Vec::new(),
    }
}

/// The messages that one message becomes at another connection, in order: our id of each, and what it says. Most
/// become one; a further file where a platform shows one in a message, and what is too long for one, are further messages.
fn pieces_across(state: &State, written: &Written, to: &ConnectionName) -> Vec<(MessageId, Content)> {
    let pieces = in_pieces(state, content_across(state, written, to), to);
    (0..).zip(pieces).map(|(place, piece)| (written.origin.name_of_piece(place), piece)).collect()
}

/// What is said in each of the messages that a content becomes at a connection; always at least one.
fn in_pieces(state: &State, content: Content, to: &ConnectionName) -> Vec<Content> {
    match state.configuration.connections.get(to) {
        Some(known) => {
            let Some(learnt) = state.longest_texts.get(to).copied() else { return pieces(content, &known.files) };
            let longest_text = known.files.longest_text.into_iter().chain([learnt]).min();
            pieces(content, &FileRules { longest_text, ..known.files.clone() })
        }
        None => vec![content],
    }
}

/// What a message says, as it can be said at another connection: a quoted message is named as it is called there. One
/// that is not there is named by nothing, and its words remain.
fn content_across(state: &State, written: &Written, to: &ConnectionName) -> Content {
    let mut content = written.message.content.clone();
    if let Some(quote) = &mut content.quote {
        let quoted =
            quote.theirs.take().map(|message| Origin { connection: written.origin.connection.clone(), message });
        let known = quoted.as_ref().and_then(|quoted| state.delivery.known_quoted(quoted));
        quote.ours = None;
        match known {
            Some(Known::Written(index) | Known::Ours(index)) => {
                let there = state.delivery.get(index).at(to);
                quote.theirs = there.map(|message| {
                    let there = Origin { connection: to.clone(), message: message.clone() };
                    state.delivery.quoted_as(&there).clone()
                });
            }
            Some(Known::OurOwn | Known::Withheld) | None => {}
        }
    }
    content
}
