//! The request that an intent becomes: the client's words, given to the assistant (5).
//!
//! Names of keys come from the settings, for the manual prints only one of the five. A dialogue is named by our id of it,
//! which comes back in every webhook; who has none cannot be spoken of.

use chatledger_projections::content::Person;
use chatledger_projections::ids::ConversationId;
use chatledger_projections::intent::{Destination, Intent, SendMessage, Speaker};
use serde_json::{Map, Value};

use super::settings::Settings;
use super::wording::worded;
use super::{SEND, limits};
use crate::connector::{Call, Request, Unencodable};

/// The request that makes an intent true.
pub(super) fn encode(settings: &Settings, intent: &Intent) -> Result<Call, Unencodable> {
    match intent {
        Intent::SendMessage(message) => send(settings, message),
        Intent::OpenConversation(_) => Err(cannot("at Selarti a dialogue begins with the client's first words")),
        Intent::FindClient(_) => Err(cannot("Selarti lists no clients")),
        Intent::ClaimConversation(_) => Err(cannot("Selarti knows a dialogue by our id from its first message on")),
        Intent::ReportDelivery(_) => Err(cannot("Selarti takes no delivery reports")),
        Intent::LookUpConversation(_) => Err(cannot("Selarti has no call that tells of a dialogue")),
        Intent::SetReaction(_) | Intent::EditMessage(_) | Intent::DeleteMessage(_) | Intent::ShowTyping(_) => {
            Err(Unencodable::not_there("Selarti", intent))
        }
    }
}

fn send(settings: &Settings, message: &SendMessage) -> Result<Call, Unencodable> {
    match message.speaker {
        Speaker::Client => {}
        // There is no call to answer in the operator's stead (7); as the client's words they would be a lie.
        Speaker::Manager => {
            return Err(cannot("Selarti hears only the client; a manager answers in its panel, or past it"));
        }
        Speaker::Bot => return Err(cannot("Selarti hears only the client; other machines have no voice there")),
    }
    let Destination::Conversation(key) = &message.to else {
        return Err(cannot("Selarti knows a dialogue by our id, not by a number"));
    };
    let ours = key.ours.as_ref().ok_or_else(|| cannot("the dialogue has no id of ours at Selarti"))?;
    let text = worded(&message.content, settings.max_text_len).ok_or_else(|| cannot("there is nothing to say"))?;
    // The author is the client; where only one of the two is known it is the same person.
    let mut client = message.client.clone();
    client.learn(&message.author);
    let keys = &settings.keys;
    let mut body = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|_| !key.is_empty()) {
            body.insert(key.to_owned(), value);
        }
    };
    let Person { name, username, .. } = client;
    put(&keys.task, Some(settings.task.clone().into()));
    put(&keys.chat, Some(chat_id(settings, ours)?));
    put(&keys.text, Some(text.into()));
    put(&keys.name, name.filter(|name| !name.is_empty()).map(Value::from));
    put(&keys.username, username.filter(|name| !name.is_empty()).map(Value::from));
    let request = Request::json("POST", settings.send_path.clone(), &Value::Object(body));
    Ok(Call { name: SEND, class: limits::CALLS, request })
}

/// A text, as everything is; a number for the installation that wants one (5, types).
fn chat_id(settings: &Settings, ours: &ConversationId) -> Result<Value, Unencodable> {
    let ours = ours.as_str();
    if ours.is_empty() {
        return Err(cannot("the dialogue's id is empty"));
    }
    if !settings.chat_id_as_number {
        return Ok(ours.into());
    }
    let number = ours.parse::<u64>().ok().filter(|number| number.to_string() == ours);
    number.map(Value::from).ok_or_else(|| cannot("the dialogue's id is no number, and the account takes only numbers"))
}

fn cannot(reason: &str) -> Unencodable {
    Unencodable { reason: reason.to_owned() }
}
