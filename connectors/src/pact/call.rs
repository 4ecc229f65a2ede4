//! What our calls are named, and what is to be known of each before it is made. Replies are read by these names.

use super::limits::{CHANGES, CONVERSATIONS, MESSAGES, SEND, TEMPLATES, UPLOADS};
use super::settings::Api;
use crate::connector::{Call, Request};

/// One call.
struct Known {
    name: &'static str,
    api: Api,
    /// The quota that it falls under (17.1).
    class: &'static str,
    effect: Effect,
}

/// What a second try might do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Effect {
    /// Nothing: it reads, or sets what is set already, or finds what is there.
    None,
    /// It says something to a client, perhaps twice.
    Speaks,
    /// It makes something, perhaps twice; no client sees it.
    Makes,
}

macro_rules! calls {
    ($($(#[$doc:meta])* $constant:ident = $name:literal: $api:ident, $class:ident, $effect:ident;)*) => {
        $($(#[$doc])* pub(super) const $constant: &str = $name;)*

        const ALL: &[Known] = &[
            $(Known { name: $constant, api: Api::$api, class: $class, effect: Effect::$effect },)*
        ];
    };
}

calls! {
    /// Into a conversation, first generation: answered with a job.
    SEND_V1 = "send_v1": V1, SEND, Speaks;
    /// Into a conversation, second generation: answered with the message.
    SEND_V2 = "send_v2": V2, SEND, Speaks;
    /// To a client with whom there may be no conversation, second generation.
    FIRST_MESSAGE_V2 = "first_message_v2": V2, SEND, Speaks;
    /// The same through a certain channel, first generation: answered with a job.
    FIRST_MESSAGE_V1 = "first_message_v1": V1, SEND, Speaks;
    /// Find or open a conversation, first generation.
    OPEN_V1 = "open_v1": V1, SEND, None;
    /// The same with a first message.
    OPEN_AND_SAY_V1 = "open_and_say_v1": V1, SEND, Speaks;
    /// One conversation, first generation.
    CONVERSATION_V1 = "conversation_v1": V1, CONVERSATIONS, None;
    /// One conversation, second generation.
    CONVERSATION_V2 = "conversation_v2": V2, CONVERSATIONS, None;
    /// All conversations, first generation.
    CONVERSATIONS_V1 = "conversations_v1": V1, CONVERSATIONS, None;
    /// The conversations, all or those with a number or a name, second generation.
    SEARCH_CONVERSATIONS_V2 = "search_conversations_v2": V2, CONVERSATIONS, None;
    /// A conversation's state or assignee, second generation.
    UPDATE_CONVERSATION_V2 = "update_conversation_v2": V2, CHANGES, None;
    /// A conversation's note.
    NOTE_V1 = "note_v1": V1, CHANGES, None;
    /// A conversation's assignee, first generation.
    ASSIGN_V1 = "assign_v1": V1, CHANGES, None;
    /// Whether a conversation is kept from Bitrix's open lines.
    BLOCK_V1 = "block_v1": V1, CHANGES, None;
    /// A conversation's messages, first generation.
    LIST_MESSAGES_V1 = "list_messages_v1": V1, MESSAGES, None;
    /// A conversation's messages, second generation.
    LIST_MESSAGES_V2 = "list_messages_v2": V2, MESSAGES, None;
    /// One message.
    MESSAGE_V2 = "message_v2": V2, MESSAGES, None;
    /// Messages are taken back from the client.
    DELETE_MESSAGES_V2 = "delete_messages_v2": V2, SEND, None;
    /// A delivery job.
    JOB_V1 = "job_v1": V1, MESSAGES, None;
    /// A file for a conversation, first generation.
    UPLOAD_V1 = "upload_v1": V1, UPLOADS, Makes;
    /// A file, second generation.
    UPLOAD_V2 = "upload_v2": V2, UPLOADS, Makes;
    /// The companies of the token.
    COMPANIES_V1 = "companies_v1": V1, CHANGES, None;
    /// A new company.
    CREATE_COMPANY_V1 = "create_company_v1": V1, CHANGES, Makes;
    /// A company's name, webhook address and the like.
    UPDATE_COMPANY_V1 = "update_company_v1": V1, CHANGES, None;
    /// The channels, first generation.
    CHANNELS_V1 = "channels_v1": V1, CHANGES, None;
    /// A new channel, first generation.
    CREATE_CHANNEL_V1 = "create_channel_v1": V1, CHANGES, Makes;
    /// A channel's token.
    UPDATE_CHANNEL_V1 = "update_channel_v1": V1, CHANGES, None;
    /// A channel is taken away, first generation.
    DELETE_CHANNEL_V1 = "delete_channel_v1": V1, CHANGES, None;
    /// A code is sent to the telephone of a channel.
    REQUEST_CODE_V1 = "request_code_v1": V1, CHANGES, Makes;
    /// The code is given to Pact.
    CONFIRM_CODE_V1 = "confirm_code_v1": V1, CHANGES, Makes;
    /// Whether a number has the messenger.
    USER_EXISTS_V1 = "user_exists_v1": V1, CHANGES, None;
    /// The channels, second generation.
    AUTHS_V2 = "auths_v2": V2, CHANGES, None;
    /// A new channel, second generation.
    CREATE_AUTH_V2 = "create_auth_v2": V2, CHANGES, Makes;
    /// A channel is switched on.
    ENABLE_AUTH_V2 = "enable_auth_v2": V2, CHANGES, None;
    /// A channel is switched off.
    DISABLE_AUTH_V2 = "disable_auth_v2": V2, CHANGES, None;
    /// A channel is taken away, second generation.
    DELETE_AUTH_V2 = "delete_auth_v2": V2, CHANGES, None;
    /// The addresses to which webhooks go.
    WEBHOOKS_V2 = "webhooks_v2": V2, CHANGES, None;
    /// A new address.
    CREATE_WEBHOOK_V2 = "create_webhook_v2": V2, CHANGES, Makes;
    /// An address is switched on or off.
    UPDATE_WEBHOOK_V2 = "update_webhook_v2": V2, CHANGES, None;
    /// An address is taken away.
    DELETE_WEBHOOK_V2 = "delete_webhook_v2": V2, CHANGES, None;
    /// Templates of WhatsApp Business, first generation.
    TEMPLATES_V1 = "templates_v1": V1, TEMPLATES, None;
    /// Templates of WhatsApp Business, second generation.
    TEMPLATES_V2 = "templates_v2": V2, TEMPLATES, None;
    /// What the month has cost.
    BILLING_V1 = "billing_v1": V1, CHANGES, None;
}

/// What is known of a call before it is made, for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallFacts {
    /// Its name.
    pub name: &'static str,
    /// The quota that it falls under.
    pub class: &'static str,
    /// Whether a second try might say or make something twice.
    pub is_told_by_repetition: bool,
}

/// Every call of both generations.
pub fn calls() -> impl Iterator<Item = CallFacts> {
    ALL.iter().map(|known| CallFacts {
        name: known.name,
        class: known.class,
        is_told_by_repetition: is_told_by_repetition(known.name),
    })
}

/// A call of this name.
pub(super) fn call(name: &'static str, request: Request) -> Call {
    let class = class(name).expect("every name stands in the table, for it is made of it");
    Call { name, class, request }
}

/// The quota that a call falls under (17.1).
pub(super) fn class(call: &str) -> Option<&'static str> {
    known(call).map(|known| known.class)
}

/// Whether a second try might say or make something twice.
pub(super) fn is_told_by_repetition(call: &str) -> bool {
    known(call).is_some_and(|known| match known.effect {
        Effect::None => false,
        Effect::Speaks | Effect::Makes => true,
    })
}

/// Whether it belongs to the first generation, whose replies bear a verdict of their own (2.3).
pub(super) fn is_v1(call: &str) -> bool {
    known(call).is_some_and(|known| known.api == Api::V1)
}

fn known(call: &str) -> Option<&'static Known> {
    ALL.iter().find(|known| known.name == call)
}
