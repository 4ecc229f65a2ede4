//! What is shown at a platform when an intent is carried out there: the requests of one intent of every kind.
//!
//! How a content is shown is found by comparison: what its request has that the request of a plain text has not.

use std::collections::BTreeMap;

use chatledger_connectors::connector::{Call, Connection, FormPart, Known, Request};
use chatledger_projections::configuration::Traits;
use chatledger_projections::content::{Button, Content, File, FileKind, Part, Person, Quote};
use chatledger_projections::fact::{ConversationKey, DeliveryState, MessageKey};
use chatledger_projections::files::{Filed, Stored, Wants, Way, equipped, pieces, places};
use chatledger_projections::ids::{ConversationId, FileId, MessageId, PersonId};
use chatledger_projections::intent::{
    Address, ClaimConversation, ClientMark, DeleteMessage, Destination, EditMessage, FindClient, Intent,
    LookUpConversation, OpenConversation, ReportDelivery, SendMessage, SetReaction, ShowTyping, Speaker,
};
use chatledger_projections::phone::PhoneNumber;
use chatledger_projections::time::Timestamp;
use chatledger_projections::username::Username;
use serde_json::Value;

use crate::{Column, table};

pub const ABOUT_MESSAGES: &str = "One message of every kind, in the name that each platform shows: the client's in amoCRM and at \
Selarti, the company's at the others.";

pub const ABOUT_DEEDS: &str = "Where a CRM can do no better than words, the bot says it in words under the message that it is about; a client \
is never told in words.";

/// The words of every sample.
const WORDS: &str = "слово";

const AT: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// One content of every kind, with what it is called.
pub fn contents() -> Vec<(&'static str, Content)> {
    let with = |parts: Vec<Part>| Content { text: Some(WORDS.to_owned()), parts, quote: None };
    let alone = |part: Part| Content { text: None, parts: vec![part], quote: None };
    let file = |kind: FileKind, name: &str| {
        let (url, media_type) = (Some(format!("https://files.example/{name}")), None);
        File { url, name: Some(name.to_owned()), size_bytes: Some(1024), media_type, ..File::of(kind) }
    };
    let button = |text: &str, url: Option<&str>| Button { text: text.to_owned(), url: url.map(str::to_owned) };
    let rows = vec![vec![button("Да", None), button("Сайт", Some("https://example.com"))]];
    let quote = |theirs: Option<&str>, text: Option<&str>| {
        let (theirs, text) = (theirs.map(MessageId::new), text.map(str::to_owned));
        Content { quote: Some(Quote { theirs, ours: None, text }), ..with(vec![]) }
    };
    let values = vec!["Анна".to_owned()];
    let forwarded = vec![file(FileKind::Document, "old.pdf")];
    vec![
        ("text", with(vec![])),
        ("nothing at all", Content::default()),
        ("picture", with(vec![Part::File(file(FileKind::Picture, "1.jpg"))])),
        ("picture without words", alone(Part::File(file(FileKind::Picture, "1.jpg")))),
        (
            "two pictures",
            with(vec![Part::File(file(FileKind::Picture, "1.jpg")), Part::File(file(FileKind::Picture, "2.jpg"))]),
        ),
        ("film", with(vec![Part::File(file(FileKind::Video, "1.mp4"))])),
        ("recording", with(vec![Part::File(file(FileKind::Audio, "1.mp3"))])),
        ("voice", alone(Part::File(file(FileKind::Voice, "1.ogg")))),
        ("sticker", alone(Part::File(file(FileKind::Sticker, "1.webp")))),
        ("document", with(vec![Part::File(file(FileKind::Document, "1.pdf"))])),
        ("file without an address", with(vec![Part::File(File { url: None, ..file(FileKind::Document, "1.pdf") })])),
        ("place on the map", alone(Part::Location { latitude: 55.75, longitude: 37.62 })),
        (
            "visiting card",
            alone(Part::Contact { name: Some("Анна".to_owned()), phone: Some("+79135292926".to_owned()) }),
        ),
        ("buttons", with(vec![Part::Buttons { rows }])),
        ("template, filled in", with(vec![Part::Template { id: "hello".to_owned(), values: values.clone() }])),
        ("template alone", alone(Part::Template { id: "hello".to_owned(), values })),
        ("forwarded message", alone(Part::Forward { text: Some("старое".to_owned()), files: forwarded })),
        ("something unknown", alone(Part::Unsupported { kind: "poll".to_owned() })),
        ("quotation by their id", quote(Some("messenger:3EB0FE5AF8D17845B03DD1"), Some("старое"))),
        ("quotation in words", quote(None, Some("старое"))),
    ]
}

/// The words beside a sample, which need not be quoted again.
fn words_of(content: &Content) -> &str {
    content.text.as_deref().unwrap_or_default()
}

/// Who speaks at a connection when it is shown a message.
fn speaker(account: &dyn Connection, column: &Column) -> Speaker {
    let is_crm = column.connector.platform() == "amocrm";
    if is_crm || account.is_assistant() { Speaker::Client } else { Speaker::Manager }
}

fn conversation() -> ConversationKey {
    ConversationKey { theirs: Some(ConversationId::new("18000001")), ours: Some(ConversationId::new("79135292926")) }
}

fn message_key() -> MessageKey {
    MessageKey { theirs: Some(MessageId::new("1400000001")), ours: Some(MessageId::new("m-1")), job: None }
}

fn client() -> Person {
    Person { ours: Some(PersonId::new("79135292926")), name: Some("Анна".to_owned()), ..Person::default() }
}

pub fn message(to: Destination, speaker: Speaker, content: Content) -> Intent {
    Intent::SendMessage(SendMessage {
        to,
        speaker,
        author: if speaker == Speaker::Client { client() } else { Person::default() },
        client: client(),
        ours: MessageId::new("m-1"),
        written_at: AT,
        content,
        source: None,
        silent: false,
    })
}

pub fn messages(columns: &[Column]) -> String {
    let accounts: Vec<_> = columns.iter().map(Column::account).collect();
    let row = |(name, content): (&'static str, Content)| {
        let mut row = vec![name.to_owned()];
        row.extend(columns.iter().zip(&accounts).map(|(column, account)| told(&**account, column, &content)));
        row
    };
    table(&heads(columns), &contents().into_iter().map(row).collect::<Vec<_>>())
}

pub fn heads<'a>(columns: &[Column]) -> Vec<&'a str> {
    [""].into_iter().chain(columns.iter().map(|column| column.title)).collect()
}

/// How a content is shown, message for message.
fn told(account: &dyn Connection, column: &Column, content: &Content) -> String {
    let pieces = pieces(content.clone(), &account.files());
    let told: Vec<String> = pieces.iter().map(|piece| told_at_once(account, column, piece)).collect();
    match told.as_slice() {
        [one] => one.clone(),
        several => format!("{} messages: {}", several.len(), several.join("; then ")),
    }
}

/// The intent as it is carried out: with its files fetched, and given to the platform where it wants them before.
fn carried_out(account: &dyn Connection, intent: Intent) -> Intent {
    let Intent::SendMessage(send) = intent else { return intent };
    let rules = account.files();
    let stored = Stored { sha256: "ab".repeat(32), bytes: 1024, media_type: "application/octet-stream".to_owned() };
    let taken = match rules.wants {
        Wants::Upload | Wants::UploadByLink => Some(FileId::new("53000001")),
        Wants::Words | Wants::Link | Wants::Bytes => None,
    };
    let filed = Filed { stored: Some(stored), taken, missing: None };
    let has_address = places(&send.content).filter(|(_, file)| file.url.is_some());
    let known: BTreeMap<u32, Filed> = has_address.map(|(place, _)| (place, filed.clone())).collect();
    Intent::SendMessage(equipped(&send, &rules, &known, &|_, _| None))
}

/// How one message is shown: as itself, in words, or why not.
fn told_at_once(account: &dyn Connection, column: &Column, content: &Content) -> String {
    let speaker = speaker(account, column);
    let encode = |content: Content| {
        let intent = message(Destination::Conversation(conversation()), speaker, content);
        account.encode(&carried_out(account, intent))
    };
    let plain = encode(Content::text(WORDS)).expect("a text can be shown everywhere");
    let call = match encode(content.clone()) {
        Ok(call) => call,
        Err(refused) => return format!("no: {}", refused.reason),
    };
    let (plain, this) = (fields(&plain.request), fields(&call.request));
    let at = plain.iter().find(|(_, value)| *value == WORDS).expect("the words stand in the request").0.clone();
    let own: Vec<String> = this
        .iter()
        .filter(|(path, value)| **path != at && plain.get(*path) != Some(*value))
        .map(|(path, _)| format!("`{path}`"))
        .collect();
    let text = this.get(&at).map(String::as_str).unwrap_or_default();
    let beside = if text.is_empty() || text == words_of(content) { String::new() } else { format!("`{text}`") };
    match (own.is_empty(), beside.is_empty()) {
        (false, true) => format!("as itself: {}", own.join(", ")),
        (false, false) => format!("as itself: {}; and in words: {beside}", own.join(", ")),
        (true, false) => format!("in words: {beside}"),
        (true, true) => "as itself".to_owned(),
    }
}

/// Every value of a request's body by its path.
fn fields(request: &Request) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for part in &request.form {
        match part {
            FormPart::Field { name, value } => fields.insert((*name).to_owned(), value.clone()),
            FormPart::File { name, .. } => fields.insert((*name).to_owned(), "a file".to_owned()),
        };
    }
    if !fields.is_empty() {
        return fields;
    }
    if let Ok(document) = serde_json::from_slice::<Value>(&request.body) {
        flatten(&document, String::new(), &mut fields);
    } else {
        for (key, value) in form_urlencoded::parse(&request.body) {
            fields.insert(key.into_owned(), value.into_owned());
        }
    }
    fields
}

fn flatten(value: &Value, path: String, fields: &mut BTreeMap<String, String>) {
    let under = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(object) => object.iter().for_each(|(key, value)| flatten(value, under(key), fields)),
        Value::Array(list) => {
            for (place, value) in list.iter().enumerate() {
                flatten(value, under(&place.to_string()), fields);
            }
        }
        Value::String(text) => drop(fields.insert(path, text.clone())),
        Value::Null | Value::Bool(_) | Value::Number(_) => drop(fields.insert(path, value.to_string())),
    }
}

/// One intent of every kind beside messages, and where it makes a difference by whom.
fn intents() -> Vec<(&'static str, Intent)> {
    let there = || Destination::Conversation(conversation());
    let says = |speaker| message(there(), speaker, Content::text(WORDS));
    let phone = PhoneNumber::international("79135292926").expect("it is a number");
    let username = Username::parse("anna_k").expect("it is a public name");
    let react = |speaker, emoji: Option<&str>| {
        Intent::SetReaction(SetReaction {
            conversation: conversation(),
            message: message_key(),
            speaker,
            author: if speaker == Speaker::Client { client() } else { Person::default() },
            emoji: emoji.map(str::to_owned),
        })
    };
    let types = |speaker| {
        Intent::ShowTyping(ShowTyping {
            conversation: conversation(),
            speaker,
            author: client(),
            since: AT,
            until: Timestamp::from_millis(AT.as_millis() + 5_000),
        })
    };
    let report =
        |state| Intent::ReportDelivery(ReportDelivery { message: MessageId::new("1400000001"), state, failure: None });
    let opens = |address| Intent::OpenConversation(OpenConversation { address });
    let content = Content::text(WORDS);
    vec![
        ("the client's words", says(Speaker::Client)),
        ("a manager's words", says(Speaker::Manager)),
        ("a machine's words", says(Speaker::Bot)),
        ("first words to a number", message(Destination::Phone(phone.clone()), Speaker::Manager, content.clone())),
        (
            "first words to a public name",
            message(Destination::Username(username.clone()), Speaker::Manager, content.clone()),
        ),
        (
            "first words to somebody known there",
            message(Destination::Client(PersonId::new("1976000000000000468")), Speaker::Manager, content.clone()),
        ),
        ("find who has a number", Intent::FindClient(FindClient { by: ClientMark::Phone(phone.clone()) })),
        (
            "find who has an address",
            Intent::FindClient(FindClient { by: ClientMark::Email("anna@example.com".to_owned()) }),
        ),
        ("open by number, saying nothing", opens(Address::Phone(phone))),
        ("open by public name, saying nothing", opens(Address::Username(username))),
        (
            "claim a conversation under our id",
            Intent::ClaimConversation(ClaimConversation {
                theirs: ConversationId::new("18000001"),
                ours: ConversationId::new("79135292926"),
                client: client(),
                strict: false,
                text: "…".to_owned(),
                message: MessageId::new("claim-1"),
                at: AT,
                source: None,
            }),
        ),
        (
            "look up whose conversation it is",
            Intent::LookUpConversation(LookUpConversation { conversation: ConversationId::new("18000001") }),
        ),
        (
            "change a message",
            Intent::EditMessage(EditMessage { conversation: conversation(), message: message_key(), content, at: AT }),
        ),
        (
            "take a message away",
            Intent::DeleteMessage(DeleteMessage { conversation: conversation(), message: message_key() }),
        ),
        ("the client's reaction", react(Speaker::Client, Some("👍"))),
        ("the company's reaction", react(Speaker::Manager, Some("👍"))),
        ("a reaction taken back", react(Speaker::Client, None)),
        ("the client is writing", types(Speaker::Client)),
        ("a manager is writing", types(Speaker::Manager)),
        ("report: sent", report(DeliveryState::Sent)),
        ("report: delivered", report(DeliveryState::Delivered)),
        ("report: read", report(DeliveryState::Read)),
        ("report: failed", report(DeliveryState::Failed)),
    ]
}

pub fn deeds(columns: &[Column]) -> String {
    let accounts: Vec<_> = columns.iter().map(Column::account).collect();
    let row = |(name, intent): (&'static str, Intent)| {
        let mut row = vec![name.to_owned()];
        row.extend(columns.iter().zip(&accounts).map(|(column, account)| done(&**account, column, &intent)));
        row
    };
    table(&heads(columns), &intents().into_iter().map(row).collect::<Vec<_>>())
}

/// By which call it is done, or why not, and what is done instead.
fn done(account: &dyn Connection, column: &Column, intent: &Intent) -> String {
    match account.encode(intent) {
        Ok(Call { name, .. }) => format!("`{name}`"),
        Err(refused) => {
            let is_crm = column.connector.platform() == "amocrm";
            let instead = instead(intent, &account.traits()).filter(|_| is_crm);
            format!("no: {}{}", refused.reason, instead.map(|words| format!("; {words}")).unwrap_or_default())
        }
    }
}

/// What a CRM gets instead of what it cannot do, as the rules of alterations have it.
fn instead(intent: &Intent, traits: &Traits) -> Option<&'static str> {
    match intent {
        Intent::DeleteMessage(_) if traits.can.edit => Some("it is changed into a note that it is gone"),
        Intent::DeleteMessage(_) | Intent::EditMessage(_) | Intent::SetReaction(_) => Some("told in words"),
        Intent::SendMessage(_)
        | Intent::OpenConversation(_)
        | Intent::ClaimConversation(_)
        | Intent::ReportDelivery(_)
        | Intent::LookUpConversation(_)
        | Intent::FindClient(_)
        | Intent::ShowTyping(_) => None,
    }
}

/// The calls that intents, their files, and questions after them become.
pub fn calls_of(account: &dyn Connection) -> Vec<&'static str> {
    let known = Known { conversation: Some(ConversationId::new("18000001")), ..Known::default() };
    let mut calls = Vec::new();
    for (_, intent) in intents() {
        calls.extend(account.encode(&intent).ok().map(|call| call.name));
        calls.extend(account.probe(&intent, &known).map(|call| call.name));
        calls.extend(account.probe(&intent, &Known::default()).map(|call| call.name));
    }
    let file = File { url: Some("https://files.example/1.jpg".to_owned()), ..File::of(FileKind::Picture) };
    let stored = Stored { sha256: "ab".repeat(32), bytes: 1024, media_type: "image/jpeg".to_owned() };
    let file = File { way: Some(Way::Stored(stored)), ..file };
    let content = Content { parts: vec![Part::File(file.clone())], ..Content::default() };
    if let Intent::SendMessage(send) = message(Destination::Conversation(conversation()), Speaker::Manager, content) {
        calls.extend(account.upload(&send, &file).ok().map(|call| call.name));
    }
    calls
}
