//! The requests that intents become, without credentials.
//!
//! `send_to_crm` is always false: Pact itself would otherwise copy the message into a CRM connected inside Pact, and
//! every message would appear twice there (1, line 12). Whom a message is from cannot be said: Pact shows the company.

use chatledger_projections::configuration::FirstContact;
use chatledger_projections::content::Content;
use chatledger_projections::ids::ConversationId;
use chatledger_projections::intent::{Destination, Intent, OpenConversation, SendMessage, Speaker};
use chatledger_projections::phone::PhoneNumber;
use serde::Serialize;

use super::readable::readable;
use super::settings::{Api, Settings};
use super::{call, ids, limits};
use crate::connector::{Call, Request, Unencodable};

/// The request that makes an intent true.
pub(super) fn encode(settings: &Settings, intent: &Intent) -> Result<Call, Unencodable> {
    match intent {
        Intent::SendMessage(message) => send(settings, message),
        Intent::OpenConversation(open) => open_conversation(settings, open),
        Intent::FindClient(_) => Err(cannot("Pact lists no clients; conversations are opened by number")),
        Intent::LookUpConversation(look_up) => Ok(conversation(settings, &look_up.conversation)),
        Intent::ClaimConversation(_) => Err(cannot("Pact takes no conversation ids of ours")),
        Intent::ReportDelivery(_) => Err(cannot("Pact takes no delivery reports")),
        Intent::SetReaction(_) | Intent::EditMessage(_) | Intent::DeleteMessage(_) | Intent::ShowTyping(_) => {
            Err(Unencodable::not_there("Pact", intent))
        }
    }
}

/// A message to the client (9.2, 6.2).
#[derive(Serialize)]
struct SendV2<'a> {
    company_id: i64,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    replied_to_id: Option<&'a str>,
    send_to_crm: bool,
}

/// A message to a number (9.2).
#[derive(Serialize)]
struct FirstMessageV2<'a> {
    company_id: i64,
    provider: &'a str,
    phone: &'a str,
    text: &'a str,
    send_to_crm: bool,
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
        Destination::Phone(phone) => first_message(settings, phone, &message.content),
        Destination::Client(_) => Err(cannot("Pact opens conversations by number, not by its id of a client")),
    }
}

fn send_v1(settings: &Settings, conversation: &ConversationId, content: &Content) -> Call {
    let path = format!("/p1/companies/{}/conversations/{}/messages", settings.company, ids::in_path(conversation));
    let form = [("message", readable(content)), ("send_to_crm", "false".to_owned())];
    Call { name: call::SEND_V1, class: limits::SEND, request: form_request(path, &form) }
}

fn send_v2(settings: &Settings, conversation: &ConversationId, content: &Content) -> Call {
    let quoted = content.quote.as_ref().and_then(|quote| quote.theirs.as_ref());
    let body = SendV2 {
        company_id: settings.company,
        text: &readable(content),
        replied_to_id: quoted.and_then(ids::replied_to),
        send_to_crm: false,
    };
    let path = format!("/api/p2/conversations/{}/messages", ids::in_path(conversation));
    Call { name: call::SEND_V2, class: limits::SEND, request: Request::json("POST", path, &body) }
}

fn first_message(settings: &Settings, phone: &PhoneNumber, content: &Content) -> Result<Call, Unencodable> {
    match settings.traits().first_contact {
        FirstContact::SendToPhone => {}
        FirstContact::OpenThenSend => {
            return Err(cannot("the first generation opens a conversation before anything is said in it"));
        }
        FirstContact::ClientOnly | FirstContact::WriteUnderOurId | FirstContact::FindThenSend => {
            return Err(cannot(format!("in {} only the client can begin", settings.provider)));
        }
    }
    let body = FirstMessageV2 {
        company_id: settings.company,
        provider: &settings.provider,
        phone: phone.digits(),
        text: &readable(content),
        send_to_crm: false,
    };
    let request = Request::json("POST", "/api/p2/messages".to_owned(), &body);
    Ok(Call { name: call::FIRST_MESSAGE_V2, class: limits::SEND, request })
}

/// Without `text` the call finds or opens a conversation and says nothing (5.2).
fn open_conversation(settings: &Settings, open: &OpenConversation) -> Result<Call, Unencodable> {
    match settings.traits().first_contact {
        FirstContact::OpenThenSend => {}
        FirstContact::SendToPhone => {
            return Err(cannot("the second generation opens a conversation only with its first message"));
        }
        FirstContact::ClientOnly | FirstContact::WriteUnderOurId | FirstContact::FindThenSend => {
            return Err(cannot(format!("in {} only the client can begin", settings.provider)));
        }
    }
    let path = format!("/p1/companies/{}/conversations", settings.company);
    let form = [("provider", settings.provider.clone()), ("phone", open.phone.digits().to_owned())];
    Ok(Call { name: call::OPEN_V1, class: limits::SEND, request: form_request(path, &form) })
}

fn conversation(settings: &Settings, conversation: &ConversationId) -> Call {
    let id = ids::in_path(conversation);
    let (name, path, query) = match settings.api {
        Api::V1 => {
            (call::CONVERSATION_V1, format!("/p1/companies/{}/conversations/{id}", settings.company), Vec::new())
        }
        Api::V2 => (call::CONVERSATION_V2, format!("/api/p2/conversations/{id}"), vec![company_in_query(settings)]),
    };
    Call { name, class: limits::CONVERSATIONS, request: Request::bare("GET", path, query) }
}

/// The second generation wants the company beside the path (13).
pub(super) fn company_in_query(settings: &Settings) -> (String, String) {
    ("company_id".to_owned(), settings.company.to_string())
}

fn form_request(path: String, pairs: &[(&str, String)]) -> Request {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs);
    Request {
        method: "POST",
        path,
        query: Vec::new(),
        headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
        body: form.finish().into_bytes(),
    }
}

fn cannot(reason: impl Into<String>) -> Unencodable {
    Unencodable { reason: reason.into() }
}
