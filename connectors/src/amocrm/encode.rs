//! The requests that intents become at amo.
//!
//! Takes an intent; gives a call without credentials, or says why amo cannot show it. What a message says is written in
//! [`content`]. A request never depends on the hour: the same intent gives the same bytes at every attempt, and amo
//! knows a repetition by our `msgid`.

mod content;

use chatledger_projections::content::Person;
use chatledger_projections::fact::{ConversationKey, DeliveryState, Failure, FailureKind, MessageKey};
use chatledger_projections::ids::{ConnectionName, ConversationId, PersonId, SourceId};
use chatledger_projections::intent::{
    Address, ClaimConversation, Destination, EditMessage, Intent, OpenConversation, ReportDelivery, SendMessage,
    SetReaction, ShowTyping, Speaker as InNameOf,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::limits::CALLS;
use super::settings::{DeliveryBody, Settings};
use super::wire::requests::{
    self, CreateChat, DeliveryStatus, Edited, Message, NewMessage, OurSource, Payload, Profile, React, Reacting,
    Speaker, Typing, Writing,
};
use super::{CREATE_CHAT, DELIVERY_STATUS, EDIT_MESSAGE, NEW_MESSAGE, REACT, TYPING, ids};
use crate::connector::{Call, Request, Unencodable};

/// Everything but what a path segment may hold as it is.
pub(super) const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How much of an error's text is sent; the documentation names no limit (contract, 5.6).
const LONGEST_ERROR: usize = 255;

/// What a client is called who has neither name nor number; amo demands a name.
const NAMELESS_CLIENT: &str = "Клиент";

/// What is shown to a manager if a failure came without a word.
const NAMELESS_FAILURE: &str = "Сообщение не доставлено";

/// Turns an intent into a call.
pub(super) fn intent(name: &ConnectionName, settings: &Settings, intent: &Intent) -> Result<Call, Unencodable> {
    match intent {
        Intent::SendMessage(send) => match send.speaker {
            InNameOf::Client => message_of_client(settings, send),
            InNameOf::Manager | InNameOf::Bot => message_to_client(name, settings, send),
        },
        Intent::ClaimConversation(claim) => Ok(claim_of_conversation(name, settings, claim)),
        Intent::ReportDelivery(report) => report_of_delivery(settings, report),
        Intent::OpenConversation(open) => Ok(chat_without_a_message(settings, open)),
        Intent::SetReaction(reaction) => reaction_set(settings, reaction),
        Intent::EditMessage(edit) => message_changed(settings, edit),
        Intent::ShowTyping(typing) => client_writes(settings, typing),
        // There is no such call (contract, 14.6).
        Intent::DeleteMessage(_) => Err(Unencodable::not_there("amoCRM", intent)),
        Intent::FindClient(_) => Err(cannot("amoCRM lists no contacts here; a chat begins under an id of ours")),
        Intent::LookUpConversation(_) => {
            Err(cannot("amoCRM does not tell who the client of a chat is; its hooks bring the client along"))
        }
    }
}

/// What the client wrote. There is no receiver: with one, the message would count as outgoing (contract, 5.4).
fn message_of_client(settings: &Settings, send: &SendMessage) -> Result<Call, Unencodable> {
    let chat = chat_of(&send.to)?;
    // The client is the author; whatever one of the two descriptions lacks, the other may have.
    let mut client = send.author.clone();
    client.learn(&send.client);
    let sender = client_as_speaker(&client, chat)?;
    Ok(shown(settings, send, chat, sender, None))
}

/// What somebody else wrote to the client: a manager in the messenger's own app, or a machine.
fn message_to_client(name: &ConnectionName, settings: &Settings, send: &SendMessage) -> Result<Call, Unencodable> {
    let chat = chat_of(&send.to)?;
    let receiver = client_as_speaker(&send.client, chat)?;
    let (our_bot, our_manager) = (ids::our_bot(name), ids::our_manager(name));
    let author_name = send.author.name.as_deref().filter(|name| !name.is_empty());
    // amo goes by `ref_id`; a manager whom it does not know can only speak through the bot (contract, 5.4).
    let sender = match (send.speaker, &settings.manager_id) {
        (InNameOf::Manager, Some(manager)) => company(&our_manager, manager, author_name.unwrap_or(&settings.bot_name)),
        (InNameOf::Manager | InNameOf::Bot | InNameOf::Client, _) => {
            company(&our_bot, &settings.bot_id, &settings.bot_name)
        }
    };
    Ok(shown(settings, send, chat, sender, Some(receiver)))
}

/// A silent message of the bot that gives amo's chat an id of ours (contract, 10.4).
fn claim_of_conversation(name: &ConnectionName, settings: &Settings, claim: &ClaimConversation) -> Call {
    let client_id = claim.client.ours.as_ref().map_or(claim.ours.as_str(), PersonId::as_str);
    let our_bot = ids::our_bot(name);
    let client = Speaker {
        id: Some(client_id),
        ref_id: claim.client.theirs.as_ref().filter(|_| claim.strict).map(PersonId::as_str),
        name: name_of(&claim.client),
        avatar: claim.client.avatar.as_deref(),
        profile: profile_of(&claim.client),
    };
    // The owner's note lets the bot speak under the client's id, and it is known to work; the stricter way keeps the
    // two apart, so that the client's id cannot be taken for the bot's.
    let bot_id = if claim.strict { our_bot.as_str() } else { client_id };
    let payload = Payload {
        timestamp: claim.at.as_seconds(),
        msec_timestamp: claim.at.as_millis(),
        msgid: claim.message.as_str(),
        conversation_id: Some(claim.ours.as_str()),
        conversation_ref_id: Some(claim.theirs.as_str()),
        silent: true,
        source: claim.source.as_ref().map(our_source),
        sender: company(bot_id, &settings.bot_id, &settings.bot_name),
        receiver: Some(client),
        message: Message { kind: "text", text: content::never_empty(claim.text.clone()), ..Message::default() },
        reply_to: None,
    };
    new_message(settings, payload)
}

/// A chat that is there before anybody speaks in it: nobody sees it until then (contract, 5.3).
fn chat_without_a_message(settings: &Settings, open: &OpenConversation) -> Call {
    let (id, phone) = match &open.address {
        Address::Phone(phone) => (phone.digits(), Some(phone.digits())),
        Address::Username(username) => (username.as_str(), None),
    };
    let profile = phone.map(|phone| Profile { phone: Some(phone), email: None });
    let user = Speaker { id: Some(id), ref_id: None, name: id, avatar: None, profile };
    let body = CreateChat { conversation_id: id, user };
    let path = format!("{}/chats", base_path(settings));
    Call { name: CREATE_CHAT, class: CALLS, request: Request::json("POST", path, &body) }
}

/// A reaction put under a message, or taken back (contract, 5.9).
fn reaction_set(settings: &Settings, reaction: &SetReaction) -> Result<Call, Unencodable> {
    let (conversation_id, conversation_ref_id) = names_of_chat(&reaction.conversation)?;
    let (id, msgid) = names_of_message(&reaction.message)?;
    let user = match reaction.speaker {
        InNameOf::Client => {
            let ours = reaction.author.ours.as_ref().map(PersonId::as_str).or(conversation_id);
            // Until amo is known to know the client by our id, theirs says who is meant, as with a message (contract, 5.4).
            let theirs = reaction.author.theirs.as_ref().map(PersonId::as_str);
            Reacting { id: ours, ref_id: theirs }
        }
        InNameOf::Manager | InNameOf::Bot => {
            let manager = settings.manager_id.as_ref().ok_or_else(|| {
                cannot("amoCRM shows a reaction of the company's side only as a user's; set `manager_id` for that")
            })?;
            Reacting { id: None, ref_id: Some(manager.as_str()) }
        }
    };
    let emoji = reaction.emoji.as_deref();
    let kind = if emoji.is_some() { "react" } else { "unreact" };
    let body = React { conversation_id, conversation_ref_id, id, msgid, user, kind, emoji };
    let path = format!("{}/react", base_path(settings));
    Ok(Call { name: REACT, class: CALLS, request: Request::json("POST", path, &body) })
}

/// A message that says something else now (contract, 5.5).
fn message_changed(settings: &Settings, edit: &EditMessage) -> Result<Call, Unencodable> {
    let (conversation_id, conversation_ref_id) = names_of_chat(&edit.conversation)?;
    let (id, msgid) = names_of_message(&edit.message)?;
    let (message, _) = content::of(&edit.content);
    let payload = Edited {
        timestamp: edit.at.as_seconds(),
        msec_timestamp: edit.at.as_millis(),
        id,
        msgid,
        conversation_id,
        conversation_ref_id,
        message,
    };
    let body = requests::EditMessage { event_type: "edit_message", payload };
    Ok(Call { name: EDIT_MESSAGE, class: CALLS, request: Request::json("POST", base_path(settings), &body) })
}

/// That the client writes (contract, 5.8). That a manager does is nothing that amo could be told.
fn client_writes(settings: &Settings, typing: &ShowTyping) -> Result<Call, Unencodable> {
    match typing.speaker {
        InNameOf::Client => {}
        InNameOf::Manager | InNameOf::Bot => {
            return Err(cannot("amoCRM shows only of the client that somebody is writing"));
        }
    }
    let conversation_id = typing.conversation.ours.as_ref().map(ConversationId::as_str);
    let conversation_id = conversation_id
        .filter(|_| typing.conversation.theirs.is_none())
        .ok_or_else(|| cannot("amoCRM shows that the client is writing only in a chat that bears an id of ours"))?;
    let id = typing.author.ours.as_ref().map_or(conversation_id, PersonId::as_str);
    let duration = typing.until.since(typing.since);
    let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let body = Typing { conversation_id, sender: Writing { id }, duration_ms };
    let path = format!("{}/typing", base_path(settings));
    Ok(Call { name: TYPING, class: CALLS, request: Request::json("POST", path, &body) })
}

/// Our id of a chat and amo's.
fn names_of_chat(chat: &ConversationKey) -> Result<(Option<&str>, Option<&str>), Unencodable> {
    let names = (chat.ours.as_ref().map(ConversationId::as_str), chat.theirs.as_ref().map(ConversationId::as_str));
    match names {
        (None, None) => Err(cannot("the chat has neither an id of ours nor one of amo's")),
        (Some(_), _) | (_, Some(_)) => Ok(names),
    }
}

/// Our id of a message, else amo's: both together would mean that ours is to be the message's from now on
/// (contract, 5.5).
fn names_of_message(message: &MessageKey) -> Result<(Option<&str>, Option<&str>), Unencodable> {
    match (&message.theirs, &message.ours) {
        (_, Some(ours)) => Ok((None, Some(ours.as_str()))),
        (Some(theirs), None) => Ok((Some(theirs.as_str()), None)),
        (None, None) => Err(cannot("the message has neither an id of ours nor one of amo's")),
    }
}

/// Where a message of amo's stands in the messenger.
fn report_of_delivery(settings: &Settings, report: &ReportDelivery) -> Result<Call, Unencodable> {
    let message = report.message.as_str();
    if message.is_empty() {
        return Err(cannot("the message has no id of amo's, so nothing can be reported of it"));
    }
    let (status, failure) = match report.state {
        DeliveryState::Delivered => (1, None),
        DeliveryState::Read => (2, None),
        DeliveryState::Failed => (-1, Some(failure_of(report.failure.as_ref()))),
        DeliveryState::Raised | DeliveryState::Sent => {
            return Err(cannot("amoCRM has no call for this state: a message is sent as soon as the hook is out"));
        }
    };
    // Error fields go with an error only (contract, 5.6).
    let (error_code, error) = failure.unzip();
    let both = DeliveryStatus {
        msgid: Some(message),
        status_code: Some(status),
        delivery_status: Some(status),
        error_code,
        error,
    };
    let body = match settings.delivery_body {
        DeliveryBody::Union => both,
        DeliveryBody::New => DeliveryStatus { msgid: None, delivery_status: None, ..both },
        DeliveryBody::Old => DeliveryStatus { status_code: None, ..both },
    };
    let path = format!("{}/{}/delivery_status", base_path(settings), utf8_percent_encode(message, SEGMENT));
    Ok(Call { name: DELIVERY_STATUS, class: CALLS, request: Request::json("POST", path, &body) })
}

/// amo's number for a kind of failure (contract, 5.6), and the text that its manager reads.
fn failure_of(failure: Option<&Failure>) -> (u16, &str) {
    let Some(failure) = failure else { return (905, NAMELESS_FAILURE) };
    let code = match failure.kind {
        FailureKind::ConversationDeleted => 901,
        FailureKind::ConnectionOff => 902,
        FailureKind::Internal => 903,
        FailureKind::CannotOpen => 904,
        FailureKind::TooLong | FailureKind::Other => 905,
    };
    let reason = failure.reason.trim();
    let end = reason.char_indices().nth(LONGEST_ERROR).map_or(reason.len(), |(end, _)| end);
    (code, if reason.is_empty() { NAMELESS_FAILURE } else { &reason[..end] })
}

fn shown(
    settings: &Settings,
    send: &SendMessage,
    chat: &ConversationKey,
    sender: Speaker<'_>,
    receiver: Option<Speaker<'_>>,
) -> Call {
    let (message, reply_to) = content::of(&send.content);
    let payload = Payload {
        timestamp: send.written_at.as_seconds(),
        msec_timestamp: send.written_at.as_millis(),
        msgid: send.ours.as_str(),
        conversation_id: chat.ours.as_ref().map(ConversationId::as_str),
        conversation_ref_id: chat.theirs.as_ref().map(ConversationId::as_str),
        silent: send.silent,
        source: send.source.as_ref().map(our_source),
        sender,
        receiver,
        message,
        reply_to,
    };
    new_message(settings, payload)
}

fn new_message(settings: &Settings, payload: Payload<'_>) -> Call {
    let body = NewMessage { event_type: "new_message", payload };
    Call { name: NEW_MESSAGE, class: CALLS, request: Request::json("POST", base_path(settings), &body) }
}

/// The path under which the account's chats are.
pub(super) fn base_path(settings: &Settings) -> String {
    format!("/v2/origin/custom/{}", settings.scope.as_str())
}

fn chat_of(destination: &Destination) -> Result<&ConversationKey, Unencodable> {
    match destination {
        Destination::Conversation(chat) if chat.ours.is_some() || chat.theirs.is_some() => Ok(chat),
        Destination::Conversation(_) => Err(cannot("the chat has neither an id of ours nor one of amo's")),
        Destination::Client(_) => Err(cannot("amoCRM opens no chat by its id of a client")),
        Destination::Phone(_) | Destination::Username(_) => {
            Err(cannot("amoCRM takes no number: a dialogue begins under an id of ours for the chat"))
        }
    }
}

/// The client as amo wants to hear of them. Our id is the client's own, else the chat's, for a chat has one client;
/// with only amo's ids the client is named by `ref_id` alone, as a public client does it (contract, 10.3).
fn client_as_speaker<'a>(client: &'a Person, chat: &'a ConversationKey) -> Result<Speaker<'a>, Unencodable> {
    let ours = client.ours.as_ref().map(PersonId::as_str).or(chat.ours.as_ref().map(ConversationId::as_str));
    let theirs = client.theirs.as_ref().map(PersonId::as_str);
    if ours.is_none() && theirs.is_none() {
        return Err(cannot("the client has neither an id of ours nor one of amo's"));
    }
    Ok(Speaker {
        id: ours,
        ref_id: theirs,
        name: name_of(client),
        avatar: client.avatar.as_deref(),
        profile: profile_of(client),
    })
}

fn name_of(client: &Person) -> &str {
    [&client.name, &client.phone, &client.username]
        .into_iter()
        .filter_map(Option::as_deref)
        .find(|name| !name.is_empty())
        .unwrap_or(NAMELESS_CLIENT)
}

/// Number and address go into the contact and take part in amo's search for duplicates (contract, 5.4).
fn profile_of(client: &Person) -> Option<Profile<'_>> {
    let (phone, email) = (client.phone.as_deref(), client.email.as_deref());
    (phone.is_some() || email.is_some()).then_some(Profile { phone, email })
}

fn company<'a>(id: &'a str, theirs: &'a PersonId, name: &'a str) -> Speaker<'a> {
    Speaker { id: Some(id), ref_id: Some(theirs.as_str()), name, avatar: None, profile: None }
}

fn our_source(source: &SourceId) -> OurSource<'_> {
    OurSource { external_id: source.as_str() }
}

fn cannot(reason: &str) -> Unencodable {
    Unencodable { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use chatledger_projections::content::Content;
    use chatledger_projections::ids::MessageId;
    use chatledger_projections::intent::LookUpConversation;
    use chatledger_projections::phone::PhoneNumber;
    use chatledger_projections::time::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    fn encode(what: &Intent) -> Result<Value, String> {
        let settings = Settings::parse(&json!({"scope_id": "c0_a0", "bot_id": "bot-0"})).expect("good settings");
        let call = intent(&ConnectionName::new("amo.main"), &settings, what).map_err(|why| why.reason)?;
        Ok(serde_json::from_slice(&call.request.body).expect("we write JSON"))
    }

    fn message(to: Destination, client: Person) -> Intent {
        Intent::SendMessage(SendMessage {
            to,
            speaker: InNameOf::Client,
            author: Person::default(),
            client,
            ours: MessageId::new("m-1"),
            written_at: Timestamp::from_millis(1_639_604_761_694),
            content: Content::text("да"),
            source: None,
            silent: false,
        })
    }

    fn report(message: &str, state: DeliveryState, failure: Option<Failure>) -> Intent {
        Intent::ReportDelivery(ReportDelivery { message: MessageId::new(message), state, failure })
    }

    fn chat(id: &str) -> Destination {
        Destination::Conversation(ConversationKey { theirs: None, ours: Some(ConversationId::new(id)) })
    }

    #[test]
    fn what_amo_cannot_show_is_said_with_a_reason() {
        let phone = PhoneNumber::international("79135292926").expect("a number");
        for intent in [
            Intent::LookUpConversation(LookUpConversation { conversation: ConversationId::new("x") }),
            message(Destination::Phone(phone), Person::default()),
            message(Destination::Conversation(ConversationKey::default()), Person::default()),
            message(
                Destination::Conversation(ConversationKey::theirs(ConversationId::new("amo's"))),
                Person::default(),
            ),
            report("amo's", DeliveryState::Raised, None),
            report("amo's", DeliveryState::Sent, None),
            report("", DeliveryState::Read, None),
        ] {
            let reason = encode(&intent).expect_err("amo cannot show it");
            assert!(!reason.is_empty());
        }
    }

    #[test]
    fn a_client_without_an_id_is_known_by_the_chats() {
        let phone = Person { phone: Some("79135292926".to_owned()), ..Person::default() };
        let body = encode(&message(chat("chat-1"), phone)).expect("amo can show it");
        let sender = json!({"id": "chat-1", "name": "79135292926", "profile": {"phone": "79135292926"}});
        assert_eq!(body["payload"]["sender"], sender);
        let body = encode(&message(chat("chat-1"), Person::default())).expect("amo can show it");
        assert_eq!(body["payload"]["sender"], json!({"id": "chat-1", "name": "Клиент"}));
    }

    #[test]
    fn an_errors_text_is_cut_between_signs() {
        let failure = Failure { kind: FailureKind::Other, reason: "я".repeat(300) };
        let body = encode(&report("m", DeliveryState::Failed, Some(failure))).expect("amo can show it");
        assert_eq!(body["error"].as_str().map(|text| text.chars().count()), Some(255));
    }

    #[test]
    fn an_id_of_amos_cannot_leave_its_place_in_the_path() {
        let settings = Settings::parse(&json!({"scope_id": "c0_a0", "bot_id": "b"})).expect("good settings");
        let strange = report("../a?b", DeliveryState::Read, None);
        let call = intent(&ConnectionName::new("amo.main"), &settings, &strange).expect("amo can show it");
        assert_eq!(call.request.path, "/v2/origin/custom/c0_a0/..%2Fa%3Fb/delivery_status");
    }
}
