//! The requests that intents become, without credentials.
//!
//! Everything is a form (2.3). A message goes out as an operator's reply: always `from_admin` and never `from_user`, for
//! this is a channel, and clients speak for themselves. Whatever else the interface can do (notes, tags, closing,
//! assigning) no intent asks for. The first words to a visitor who is found in the app's list are `sendmessage`.

use chatledger_projections::content::{Content, Part};
use chatledger_projections::files::{Stored, Way, clean, places};
use chatledger_projections::ids::{ConversationId, PersonId};
use chatledger_projections::intent::{ClientMark, Destination, Intent, SendMessage, ShowTyping, Speaker};
use serde_json::json;

use super::readable::readable;
use super::settings::{FindVisitors, Settings};
use super::{call, ids, limits};
use crate::connector::{Call, FormPart, Request, Unencodable};

/// The request that makes an intent true.
pub(super) fn encode(settings: &Settings, intent: &Intent) -> Result<Call, Unencodable> {
    match intent {
        Intent::SendMessage(message) => reply(settings, message),
        Intent::LookUpConversation(look_up) => Ok(conversation(settings, &look_up.conversation)),
        Intent::FindClient(find) => users(settings, &find.by),
        // Only with its first words (3.4).
        Intent::OpenConversation(_) => Err(cannot("Carrot quest opens no conversation without saying anything")),
        Intent::ClaimConversation(_) => Err(cannot("Carrot quest takes no conversation ids of ours")),
        // Whose mark `markread` sets is not known, so it is not called (11).
        Intent::ReportDelivery(_) => Err(cannot("Carrot quest takes no delivery reports")),
        Intent::ShowTyping(typing) => set_typing(settings, typing),
        Intent::SetReaction(_) | Intent::EditMessage(_) | Intent::DeleteMessage(_) => {
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
        Destination::Client(user) => return Ok(first_message(settings, user, message)),
        Destination::Phone(_) | Destination::Username(_) => {
            return Err(cannot("Carrot quest takes neither numbers nor public names: a visitor is found first"));
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

/// The first message of the company (3.4). It bears no name of ours, and its answer names no part: what it becomes is
/// known again by what it says. In whose name it appears is not ours to say here.
fn first_message(settings: &Settings, user: &PersonId, message: &SendMessage) -> Call {
    let body = readable(&in_words(&message.content));
    let form = [("body", body), ("type", "popup_chat".to_owned()), ("id_as_string", "true".to_owned())];
    let path = format!("{}/users/{}/sendmessage", settings.api.prefix(), ids::user_in_path(user));
    Call { name: call::FIRST_MESSAGE, class: limits::SEND, request: form_request(path, &form) }
}

/// The same with links in the place of files: this call takes none (3.4).
fn in_words(content: &Content) -> Content {
    let mut content = content.clone();
    for part in &mut content.parts {
        if let Part::File(file) = part {
            file.way = None;
        }
    }
    content
}

/// The visitors with a number or an address, those seen last first (4). The filter is observed, not documented: its value
/// is JSON within JSON, and it is compared as it is written.
fn users(settings: &Settings, by: &ClientMark) -> Result<Call, Unencodable> {
    let (property, value) = match (by, settings.find_visitors) {
        (_, FindVisitors::Never) => return Err(cannot("visitors are not looked for here: only the client can begin")),
        (ClientMark::Phone(phone), FindVisitors::Digits) => ("$phone", phone.digits().to_owned()),
        (ClientMark::Phone(phone), FindVisitors::Plus) => ("$phone", format!("+{}", phone.digits())),
        (ClientMark::Email(email), FindVisitors::Digits | FindVisitors::Plus) => ("$email", email.clone()),
    };
    let value = json!({ "value": value }).to_string();
    let filters = json!([{ "type": "str_eq", "property_name": property, "value": value }]).to_string();
    let query = vec![
        id_as_string(),
        ("filters".to_owned(), filters),
        ("sort_prop".to_owned(), "$last_seen".to_owned()),
        ("sort_order".to_owned(), "desc".to_owned()),
        ("limit".to_owned(), USERS_A_PAGE.to_string()),
    ];
    let path = format!("{}/apps/{}/users", settings.api.prefix(), settings.app_id);
    Ok(Call { name: call::USERS, class: limits::READ, request: Request::bare("GET", path, query) })
}

/// How many of them are looked at: one, but for those that were removed.
const USERS_A_PAGE: usize = 5;

/// That an operator is typing (3.3). What is being typed would be shown to the visitor, too; nobody tells us, so a sign
/// stands for it.
fn set_typing(settings: &Settings, typing: &ShowTyping) -> Result<Call, Unencodable> {
    match typing.speaker {
        Speaker::Client => return Err(cannot("Carrot quest is shown only that the company is writing")),
        Speaker::Manager | Speaker::Bot => {}
    }
    let theirs = typing.conversation.theirs.as_ref();
    let conversation = theirs.ok_or_else(|| cannot("the conversation has no id at Carrot quest"))?;
    let form = [("body", "…".to_owned()), ("from_admin", settings.admin_for(&typing.author).to_owned())];
    let path = format!("{}/conversations/{}/settyping", settings.api.prefix(), ids::in_path(conversation));
    Ok(Call { name: call::SET_TYPING, class: limits::SEND, request: form_request(path, &form) })
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
