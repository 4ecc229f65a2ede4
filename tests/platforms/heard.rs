//! What is heard from a platform: the facts that its documented documents mean, webhooks and answers apart.

use std::collections::BTreeMap;

use chatledger_connectors::connector::{Decoded, Webhook};
use chatledger_projections::bytes::Bytes;
use chatledger_projections::content::{Content, FileKind, Part};
use chatledger_projections::event::RecordedReply;
use chatledger_projections::fact::{ConnectionHealth, DeliveryState, Fact, Message};
use serde_json::Value;

use crate::reasons::{Reason, SILENT};
use crate::shown::heads;
use crate::{Column, pairs};

pub const ABOUT: &str = "How many of the documented webhooks (w) and answers (a) in `fixtures/contracts/` tell of it; where none does, why.";

/// Everything that can be heard, in the table's order.
const KINDS: &[&str] = &[
    "message of the client",
    "message of the company",
    "text",
    "picture",
    "film",
    "recording",
    "voice",
    "sticker",
    "document",
    "place on the map",
    "visiting card",
    "buttons",
    "template",
    "forwarded message",
    "something unknown",
    "quotation by an id",
    "quotation in words",
    "message changed",
    "message taken away",
    "the messenger's own name of a message",
    "reaction",
    "reaction taken back",
    "shown without a reaction",
    "note for the company's people",
    "somebody is writing",
    "delivery: raised",
    "delivery: sent",
    "delivery: delivered",
    "delivery: read",
    "delivery: failed",
    "whose conversation it is",
    "a group's conversation",
    "no such conversation",
    "who has a number or an address",
    "what our message is called",
    "connection up",
    "connection down",
    "connection recovering",
    "how an assistant stands",
    "our address is tried",
];

/// What a fact tells of.
fn kinds(fact: &Fact) -> Vec<&'static str> {
    match fact {
        Fact::MessageReceived(message) => of_message("message of the client", message),
        Fact::MessageSent(message) => of_message("message of the company", message),
        Fact::MessageEdited(edited) => {
            let mut kinds = of_content(&edited.content);
            kinds.push("message changed");
            kinds
        }
        Fact::MessageDeleted(_) => vec!["message taken away"],
        Fact::MessageNamed(_) => vec!["the messenger's own name of a message"],
        Fact::ReactionChanged(reaction) if reaction.emoji.is_some() => vec!["reaction"],
        Fact::ReactionChanged(_) => vec!["reaction taken back"],
        Fact::ShownWithoutReaction(_) => vec!["shown without a reaction"],
        Fact::NoteWritten(_) => vec!["note for the company's people"],
        Fact::TypingStarted(_) => vec!["somebody is writing"],
        Fact::DeliveryReported(report) => vec![delivery(report.state)],
        Fact::ConversationSeen(seen) if seen.group => vec!["a group's conversation"],
        Fact::ConversationSeen(_) => vec!["whose conversation it is"],
        Fact::ClientFound { .. } => vec!["who has a number or an address"],
        Fact::ConversationNotFound { .. } => vec!["no such conversation"],
        Fact::SendAcknowledged(_) => vec!["what our message is called"],
        Fact::ConnectionChanged(changed) => vec![match changed.health {
            ConnectionHealth::Up => "connection up",
            ConnectionHealth::Down => "connection down",
            ConnectionHealth::Recovering => "connection recovering",
        }],
        Fact::AssistantReported(_) => vec!["how an assistant stands"],
        Fact::AddressProbed => vec!["our address is tried"],
        // Of our own errands for files, not of what happened there.
        Fact::FileFetched { .. } | Fact::FileMissing { .. } | Fact::FileTaken { .. } => Vec::new(),
    }
}

fn of_message(who: &'static str, message: &Message) -> Vec<&'static str> {
    let mut kinds = of_content(&message.content);
    kinds.push(who);
    kinds.extend(message.state.map(delivery));
    kinds
}

fn delivery(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Raised => "delivery: raised",
        DeliveryState::Sent => "delivery: sent",
        DeliveryState::Failed => "delivery: failed",
        DeliveryState::Delivered => "delivery: delivered",
        DeliveryState::Read => "delivery: read",
    }
}

fn of_content(content: &Content) -> Vec<&'static str> {
    let file = |kind: FileKind| match kind {
        FileKind::Picture => "picture",
        FileKind::Video => "film",
        FileKind::Audio => "recording",
        FileKind::Voice => "voice",
        FileKind::Sticker => "sticker",
        FileKind::Document => "document",
    };
    let part = |part: &Part| match part {
        Part::File(of) => file(of.kind),
        Part::Location { .. } => "place on the map",
        Part::Contact { .. } => "visiting card",
        Part::Buttons { .. } => "buttons",
        Part::Template { .. } => "template",
        Part::Forward { .. } => "forwarded message",
        Part::Unsupported { .. } => "something unknown",
    };
    let mut kinds: Vec<&'static str> = content.parts.iter().map(part).collect();
    kinds.extend(content.text.as_deref().filter(|text| !text.is_empty()).map(|_| "text"));
    if let Some(quote) = &content.quote {
        let by_id = quote.theirs.is_some() || quote.ours.is_some();
        kinds.push(if by_id { "quotation by an id" } else { "quotation in words" });
    }
    kinds
}

/// How often each kind is told of: by webhooks, by answers.
type Counts = BTreeMap<&'static str, (usize, usize)>;

fn counted(column: &Column) -> Counts {
    let platform = column.connector.platform();
    let mut counts = Counts::new();
    let mut count = |decoded: Decoded, by_webhook: bool| {
        let mut of_one: Vec<&'static str> = decoded.facts.iter().flat_map(kinds).collect();
        of_one.sort_unstable();
        of_one.dedup();
        for kind in of_one {
            assert!(KINDS.contains(&kind), "{kind} has no row");
            let (webhooks, answers) = counts.entry(kind).or_default();
            *(if by_webhook { webhooks } else { answers }) += 1;
        }
    };
    for (name, body) in pairs(platform, "decode") {
        if is_of(column, &name) {
            let body = on_the_wire(body);
            count(column.connector.decode(&Webhook { content_type: None, body: &body }), true);
        }
    }
    for (name, case) in pairs(platform, "replies") {
        let Ok(case) = serde_json::from_slice::<Value>(&case) else { continue };
        if let (true, Some((call, reply))) = (is_of(column, &name), answer(&case)) {
            count(column.connector.learn(&call, &reply), false);
        }
    }
    counts
}

/// Whether a pair belongs to a column: those that name no generation belong to both.
fn is_of(column: &Column, pair: &str) -> bool {
    let other = match column.title {
        "Pact, v1" => "v2-",
        "Pact, v2" => "v1-",
        _ => return true,
    };
    !pair.trim_start_matches("constructed-").starts_with(other)
}

/// A document as it is recorded: exact bytes, the form of a webhook's fields, or the document itself.
fn on_the_wire(body: Vec<u8>) -> Vec<u8> {
    let Ok(document) = serde_json::from_slice::<Value>(&body) else { return body };
    if let Some(bytes) = document["raw_body"].as_str() {
        return bytes.as_bytes().to_vec();
    }
    if document.get("token").is_none() {
        return body;
    }
    crate::particular::form(&document)
}

/// Which call was answered, and how.
fn answer(case: &Value) -> Option<(String, RecordedReply)> {
    let reply = case.get("reply").filter(|reply| reply.is_object()).unwrap_or(case);
    let status = reply["status"].as_u64()?.try_into().ok()?;
    let body = match &reply["body"] {
        Value::String(text) => text.clone().into_bytes(),
        Value::Null => Vec::new(),
        document => document.to_string().into_bytes(),
    };
    let reply = RecordedReply { status, headers: Vec::new(), body: Bytes(body), cut: false };
    Some((case["call"].as_str()?.to_owned(), reply))
}

/// The rows; every empty cell has its reason, and every reason an empty cell.
fn rows(columns: &[Column]) -> Vec<Vec<String>> {
    let counts: Vec<Counts> = columns.iter().map(counted).collect();
    let mut faults = Vec::new();
    let mut cell = |column: &Column, counts: &Counts, kind: &'static str| {
        let is_it = |reason: &&Reason| reason.columns.contains(&column.title) && reason.kinds.contains(&kind);
        match (counts.get(kind), SILENT.iter().find(is_it)) {
            (Some((webhooks, answers)), None) => {
                let told = [(webhooks, "w"), (answers, "a")].into_iter().filter(|(number, _)| **number > 0);
                told.map(|(number, by)| format!("{number} {by}")).collect::<Vec<_>>().join(", ")
            }
            (None, Some(reason)) => format!("— {}", reason.why),
            (Some(_), Some(_)) => {
                faults.push(format!("{}: {kind} is heard, and has a reason why it is not", column.title));
                String::new()
            }
            (None, None) => {
                faults.push(format!("{}: {kind} is never heard; say why in tests/platforms/reasons.rs", column.title));
                String::new()
            }
        }
    };
    let mut rows = Vec::new();
    for kind in KINDS.iter().copied() {
        let mut row = vec![kind.to_owned()];
        row.extend(columns.iter().zip(&counts).map(|(column, counts)| cell(column, counts, kind)));
        rows.push(row);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    rows
}

pub fn table(columns: &[Column]) -> String {
    crate::table(&heads(columns), &rows(columns))
}
