//! The requests that intents become, without credentials.
//!
//! `send_to_crm` is always false: Pact itself would otherwise copy the message into a CRM connected inside Pact, and
//! every message would appear twice there (1, line 12). Whom a message is from cannot be said: Pact shows the company.

use chatledger_projections::configuration::FirstContact;
use chatledger_projections::content::{Content, Part};
use chatledger_projections::ids::ConversationId;
use chatledger_projections::intent::{
    Address, DeleteMessage, Destination, Intent, OpenConversation, SendMessage, Speaker,
};

use super::ids;
use super::readable::readable;
use super::requests::{v1, v2};
use super::settings::{Api, BUSINESS, Settings};
use super::upload::taken;
use crate::connector::{Call, Unencodable};

/// The request that makes an intent true.
pub(super) fn encode(settings: &Settings, intent: &Intent) -> Result<Call, Unencodable> {
    match intent {
        Intent::SendMessage(message) => send(settings, message),
        Intent::OpenConversation(open) => open_conversation(settings, open),
        Intent::LookUpConversation(look_up) => Ok(conversation(settings, &look_up.conversation)),
        Intent::ClaimConversation(_) => Err(cannot("Pact takes no conversation ids of ours")),
        Intent::ReportDelivery(_) => Err(cannot("Pact takes no delivery reports")),
        Intent::DeleteMessage(delete) if settings.traits().can.delete => delete_message(settings, delete),
        Intent::SetReaction(_) | Intent::EditMessage(_) | Intent::DeleteMessage(_) | Intent::ShowTyping(_) => {
            Err(Unencodable::not_there("Pact", intent))
        }
    }
}

fn send(settings: &Settings, message: &SendMessage) -> Result<Call, Unencodable> {
    match message.speaker {
        Speaker::Client => return Err(cannot("Pact shows only what the company says; a client speaks for themselves")),
        Speaker::Manager | Speaker::Bot => {}
    }
    match &message.to {
        Destination::Conversation(key) => {
            let conversation = key.theirs.as_ref().ok_or_else(|| cannot("the conversation has no id at Pact"))?;
            Ok(match settings.api {
                Api::V1 => send_v1(settings, conversation, &message.content),
                Api::V2 => send_v2(settings, conversation, &message.content),
            })
        }
        Destination::Phone(phone) => first_message(settings, v2::Client::Phone(phone.digits()), &message.content),
        Destination::Username(username) => {
            check_username(settings)?;
            first_message(settings, v2::Client::Nickname(username.as_str()), &message.content)
        }
    }
}

fn send_v1(settings: &Settings, conversation: &ConversationId, content: &Content) -> Call {
    let saying = v1::Saying {
        text: words(settings.api, content),
        attachments: taken(content).into_iter().collect(),
        send_to_crm: Some(false),
        ..v1::Saying::default()
    };
    v1::send(settings.company, ids::wire(conversation), saying)
}

fn send_v2(settings: &Settings, conversation: &ConversationId, content: &Content) -> Call {
    let text = words(settings.api, content);
    let quoted = content.quote.as_ref().and_then(|quote| quote.theirs.as_ref());
    let saying = v2::Saying {
        text: text.as_deref(),
        attachment: taken(content),
        replied_to: quoted.and_then(ids::replied_to),
        send_to_crm: Some(false),
    };
    v2::send(settings.company, ids::wire(conversation), saying)
}

/// The text; `None` if a file says everything.
fn words(api: Api, content: &Content) -> Option<String> {
    Some(readable(api, content)).filter(|text| !text.is_empty())
}

/// A template of WhatsApp Business goes by its id, with what is filled in; everything else as words (9.2).
fn first_message(settings: &Settings, client: v2::Client<'_>, content: &Content) -> Result<Call, Unencodable> {
    let template = template_of(content);
    match settings.traits().first_contact {
        FirstContact::SendToPhone => {}
        FirstContact::OpenThenSend => {
            return Err(cannot("the first generation opens a conversation before anything is said in it"));
        }
        FirstContact::ClientOnly | FirstContact::WriteUnderOurId => {
            return Err(cannot(format!("in {} only the client can begin", settings.provider)));
        }
    }
    let needs_template = settings.provider == BUSINESS;
    if needs_template && template.is_none() {
        return Err(cannot("in WhatsApp Business a conversation is begun with an approved template only"));
    }
    let text = words(settings.api, content);
    let template = template.filter(|_| needs_template);
    // A template's words are approved as they are; a file is its header (9.6).
    let saying = v2::Saying {
        text: text.as_deref().filter(|_| template.is_none()),
        attachment: taken(content),
        send_to_crm: Some(false),
        ..v2::Saying::default()
    };
    Ok(v2::first_message(settings.company, &settings.provider, client, saying, template))
}

/// The template that a message is, if it is one.
fn template_of(content: &Content) -> Option<v2::Template<'_>> {
    content.parts.iter().find_map(|part| match part {
        Part::Template { id, values } => Some(v2::Template { waba: id, substitutions: values.clone() }),
        Part::File(_)
        | Part::Location { .. }
        | Part::Contact { .. }
        | Part::Buttons { .. }
        | Part::Forward { .. }
        | Part::Unsupported { .. } => None,
    })
}

/// Without `text` the call finds or opens a conversation and says nothing (5.2).
fn open_conversation(settings: &Settings, open: &OpenConversation) -> Result<Call, Unencodable> {
    match settings.traits().first_contact {
        FirstContact::OpenThenSend => {}
        FirstContact::SendToPhone => {
            return Err(cannot("the second generation opens a conversation only with its first message"));
        }
        FirstContact::ClientOnly | FirstContact::WriteUnderOurId => {
            return Err(cannot(format!("in {} only the client can begin", settings.provider)));
        }
    }
    let client = match &open.address {
        Address::Phone(phone) => v1::Client::Phone(phone.digits()),
        Address::Username(username) => {
            check_username(settings)?;
            v1::Client::Username(username.as_str())
        }
    };
    Ok(v1::open(settings.company, &settings.provider, client, None, None))
}

/// Only Telegram finds people by their public names (5.2, 9.2).
fn check_username(settings: &Settings) -> Result<(), Unencodable> {
    if settings.traits().can.find_usernames {
        return Ok(());
    }
    Err(cannot(format!("in {} a client is found by number only", settings.provider)))
}

/// Taken back from the client (9.2).
fn delete_message(settings: &Settings, delete: &DeleteMessage) -> Result<Call, Unencodable> {
    let conversation =
        delete.conversation.theirs.as_ref().ok_or_else(|| cannot("the conversation has no id at Pact"))?;
    let number = delete.message.theirs.as_ref().and_then(ids::number_of_message);
    let message = number.ok_or_else(|| cannot("the message has no number at Pact"))?;
    Ok(v2::delete_messages(settings.company, ids::wire(conversation), &[message]))
}

fn conversation(settings: &Settings, conversation: &ConversationId) -> Call {
    let id = ids::wire(conversation);
    match settings.api {
        Api::V1 => v1::conversation(settings.company, id),
        Api::V2 => v2::conversation(settings.company, id),
    }
}

fn cannot(reason: impl Into<String>) -> Unencodable {
    Unencodable { reason: reason.into() }
}
