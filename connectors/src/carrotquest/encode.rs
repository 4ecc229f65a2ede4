//! The requests that intents become, without credentials.
//!
//! Everything is a form (2.3). A message goes out as an operator's reply: always `from_admin` and never `from_user`, for
//! this is a channel, and clients speak for themselves. Whatever else the interface can do (notes, tags, closing,
//! assigning, typing, writing first) no intent asks for.

use chatledger_projections::content::Content;
use chatledger_projections::files::{Stored, Way, clean, places};
use chatledger_projections::ids::ConversationId;
use chatledger_projections::intent::{Destination, Intent, SendMessage, Speaker};

use super::readable::readable;
use super::settings::Settings;
use super::{call, ids, limits};
use crate::connector::{Call, FormPart, Request, Unencodable};

/// The request that makes an intent true.
pub(super) fn encode(settings: &Settings, intent: &Intent) -> Result<Call, Unencodable> {
    match intent {
        Intent::SendMessage(message) => reply(settings, message),
        Intent::LookUpConversation(look_up) => Ok(conversation(settings, &look_up.conversation)),
        // `sendmessage` begins a dialogue only with a user whose id is known, and users have no numbers of ours (3.4).
        Intent::OpenConversation(_) => {
            Err(cannot("Carrot quest opens no conversation by number: only the client can begin"))
        }
        Intent::ClaimConversation(_) => Err(cannot("Carrot quest takes no conversation ids of ours")),
        // Whose mark `markread` sets is not known, so it is not called (11).
        Intent::ReportDelivery(_) => Err(cannot("Carrot quest takes no delivery reports")),
        Intent::SetReaction(_) | Intent::EditMessage(_) | Intent::DeleteMessage(_) | Intent::ShowTyping(_) => {
            Err(Unencodable::not_there("Carrot quest", intent))
        }
    }
}

/// An operator's reply (3.2). `external_id` and `random_id` come back in the part, and are how a reply is found again
/// of which nothing was heard. A text is never split here: no limit is documented, and one intent is one message.
fn reply(settings: &Settings, message: &SendMessage) -> Result<Call, Unencodable> {
    match message.speaker {
        Speaker::Client => {
            return Err(cannot("Carrot quest is shown only what the company says; a client speaks for themselves"));
        }
        Speaker::Manager | Speaker::Bot => {}
    }
    let conversation = match &message.to {
        Destination::Conversation(key) => {
            key.theirs.as_ref().ok_or_else(|| cannot("the conversation has no id at Carrot quest"))?
        }
        Destination::Phone(_) | Destination::Username(_) => {
            return Err(cannot("Carrot quest takes no numbers: only the client can begin"));
        }
    };
    let form = [
        ("body", readable(&message.content)),
        ("from_admin", settings.admin_for(&message.author).to_owned()),
        ("type", "reply_admin".to_owned()),
        ("external_id", message.ours.as_str().to_owned()),
        ("random_id", ids::random_id(&message.ours).to_string()),
        ("id_as_string", "true".to_owned()),
    ];
    let path = format!("{}/conversations/{}/reply", settings.api.prefix(), ids::in_path(conversation));
    let request = match attached(&message.content) {
        Some((stored, file_name)) => form_with_file(path, form, stored, file_name),
        None => form_request(path, &form),
    };
    Ok(Call { name: call::REPLY, class: limits::SEND, request })
}

/// The file that goes along: one in a call (3.2), and a message has no more than one.
fn attached(content: &Content) -> Option<(&Stored, String)> {
    places(content).find_map(|(_, file)| match &file.way {
        Some(Way::Stored(stored)) => Some((stored, clean(file, Some(&stored.media_type)))),
        Some(Way::Taken(_) | Way::Words { .. }) | None => None,
    })
}

/// The same fields and the file, with the name that is shown (3.2).
fn form_with_file(path: String, fields: [(&'static str, String); 6], stored: &Stored, file_name: String) -> Request {
    let mut form: Vec<FormPart> = fields.into_iter().map(|(name, value)| FormPart::Field { name, value }).collect();
    form.push(FormPart::Field { name: "attachment_file_name", value: file_name.clone() });
    form.push(FormPart::File { name: "attachment", stored: stored.clone(), file_name });
    Request::form("POST", path, form)
}

/// One conversation with its client, who is included unasked (3.1).
fn conversation(settings: &Settings, conversation: &ConversationId) -> Call {
    let path = format!("{}/conversations/{}", settings.api.prefix(), ids::in_path(conversation));
    Call { name: call::CONVERSATION, class: limits::READ, request: Request::bare("GET", path, vec![id_as_string()]) }
}

/// Ids beyond 2^53 come as texts, so that nothing on the way rounds them (2.4).
pub(super) fn id_as_string() -> (String, String) {
    ("id_as_string".to_owned(), "true".to_owned())
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
        form: Vec::new(),
    }
}

fn cannot(reason: &str) -> Unencodable {
    Unencodable { reason: reason.to_owned() }
}
