//! An explanation as a tree that people read: what is known of a message, then every step with its event.
//!
//! In short it is told from the rows of the read model; whole, from the chain that `explain` derives from the log, with
//! requests and answers. Texts of platforms and people go in as they are: the template escapes them.

use askama::Template;
use chatledger_projections::fact::DeliveryState;
use chatledger_projections::recorded::Position;
use chatledger_projections::time::Timestamp;
use serde_json::Value;

use super::{Chip, Named, dialogue_page};
use crate::console::calendar::When;
use crate::console::visit::Visit;
use crate::console::words::{Tone, Words};
use crate::reading::answer::{AttemptRow, IntentRow, MessageDelivery};

/// How many signs of a document are shown at most; the event's own page has all of it.
const SHOWN_AT_MOST: usize = 4_000;

/// An explanation.
pub struct Told {
    /// What it is about, in a line.
    pub name: String,
    /// What is known of it.
    pub facts: Vec<Named>,
    /// What happened, step by step.
    pub steps: Vec<Step>,
    /// What is said if there are none.
    pub empty: &'static str,
    /// Its own page.
    pub whole: String,
    /// The dialogue, without it.
    pub close: String,
}

impl Told {
    /// The steps, written.
    pub fn tree(&self) -> askama::Result<String> {
        self.steps.iter().map(Step::render).collect()
    }
}

/// One step, with what followed from it.
#[derive(Template)]
#[template(path = "console/step.html")]
pub struct Step {
    w: &'static Words,
    words: String,
    tone: Option<Tone>,
    chips: Vec<Chip>,
    when: Option<When>,
    position: String,
    href: String,
    lines: Vec<String>,
    parts: Vec<(String, String)>,
    steps: Vec<Step>,
}

impl Step {
    /// What followed, written.
    fn inner(&self) -> askama::Result<String> {
        self.steps.iter().map(Step::render).collect()
    }
}

/// Told from rows.
pub fn in_short(delivery: &MessageDelivery, visit: &Visit) -> Told {
    let w = visit.look.words;
    let message = &delivery.message;
    let (connection, id) = (message.key.connection.as_str(), message.key.message.as_str());
    let whole = visit.link("/console/message", &[("connection", connection), ("id", id)]);
    let close = dialogue_page(visit, message.thread);
    let mut facts: Vec<Named> = vec![(w.stands, w.delivery(message.state).to_owned(), None)];
    if let Some(failure) = &message.failure {
        facts.push((w.reason, failure.reason.clone(), None));
    }
    facts.push((w.written_there, format!("{connection} · {id}"), None));
    for shown in &message.shown {
        facts.push((w.shown_there, format!("{} · {}", shown.connection, shown.message), None));
    }
    if let Some(text) = message.content.text.as_deref().filter(|text| !text.is_empty()) {
        facts.push((w.says, cut(text, 160), None));
    }
    facts.push((w.in_dialogue, message.thread.to_string(), Some(close.clone())));
    let mut steps =
        vec![step(visit, delivery.position, delivery.heard_at.0, format!("{}: {connection}", w.the_webhook))];
    steps[0].lines.push(w.heard.to_owned());
    steps.extend(delivery.intents.iter().map(|intent| meant(intent, visit)));
    for stood in &delivery.steps {
        let mut row =
            step(visit, stood.position, stood.at.0, format!("{}: {}", w.came_to_stand, w.delivery(stood.state)));
        row.tone = Some(tone_of(stood.state));
        row.lines.extend(stood.failure.as_ref().map(|failure| failure.reason.clone()));
        steps.push(row);
    }
    // A tree is read from above: what came first stands first.
    steps.sort_by_key(|step| step.position.parse::<Position>().ok());
    Told { name: format!("{connection}:{id}"), facts, steps, empty: w.no_explanation, whole, close }
}

fn meant(intent: &IntentRow, visit: &Visit) -> Step {
    let w = visit.look.words;
    let words = format!("{}: {} → {}", w.meant, w.intent(&intent.what), intent.connection);
    let mut row = step(visit, intent.position, intent.raised_at.0, words);
    row.lines.push(format!("{}: {}", w.by_rule, w.rule(&intent.policy)));
    if intent.ended.is_none() {
        row.chips.push(Chip { tone: "warn", words: w.not_done.to_owned() });
    }
    row.steps = intent.attempts.iter().map(|attempt| tried(attempt, visit)).collect();
    row
}

fn tried(attempt: &AttemptRow, visit: &Visit) -> Step {
    let w = visit.look.words;
    let mut row = step(visit, attempt.started, attempt.started_at.0, format!("{} {}", w.attempt, attempt.attempt));
    row.lines.push(format!("{} · {}", w.attempt_kind(&attempt.kind), attempt.call));
    match (&attempt.outcome, attempt.settled, attempt.settled_at) {
        (Some(outcome), Some(position), Some(at)) => {
            let (words, tone) = w.outcome(outcome);
            let status = attempt.status.map(|status| format!(" (HTTP {status})")).unwrap_or_default();
            let mut end = step(visit, position, at.0, format!("{words}{status}"));
            end.tone = Some(tone);
            end.lines.extend(attempt.reason.clone());
            row.steps.push(end);
        }
        (_, _, _) => row.chips.push(Chip { tone: "warn", words: w.under_way.to_owned() }),
    }
    row
}

/// Told from the chain. Whatever has another shape than expected is left out: the events' own pages have it all.
pub fn whole(short: Told, explained: &Value, visit: &Visit) -> Told {
    let w = visit.look.words;
    let mut facts = short.facts;
    for waits in explained["stands"]["waits"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        facts.push((w.waits, waits.to_owned(), None));
    }
    let steps = list(&explained["chain"]).map(|cause| caused(cause, visit)).collect();
    Told { facts, steps, ..short }
}

fn caused(cause: &Value, visit: &Visit) -> Step {
    let w = visit.look.words;
    let what = &cause["what"];
    let words = if let Some(connection) = what["webhook"]["connection"].as_str() {
        let platform = what["webhook"]["raw"]["platform"].as_str().unwrap_or_default();
        let size = what["webhook"]["raw"]["bytes"].as_u64().map(|bytes| w.bytes(bytes)).unwrap_or_default();
        format!("{}: {connection} {platform} {size}", w.the_webhook)
    } else if let Some(who) = what["instruction"]["who"].as_str() {
        let why = what["instruction"]["why"].as_str().unwrap_or_default();
        format!("{}: {who} — {why}", w.the_instruction)
    } else if let Some(label) = what["other"].as_str() {
        w.event_type(label).to_owned()
    } else {
        w.missing_cause.to_owned()
    };
    let mut row = placed(cause, "recorded_at", words, visit);
    for fact in list(&cause["facts"]) {
        let name = fact["fact"].as_str().unwrap_or_default();
        row.parts.push((format!("{}: {name}", w.read_from_it), document(fact)));
    }
    row.lines.extend(changes(cause));
    row.steps = list(&cause["intents"]).map(|meant| raised(meant, visit)).collect();
    row
}

fn raised(meant: &Value, visit: &Visit) -> Step {
    let w = visit.look.words;
    let raised = &meant["raised"];
    // The stored name of an intent is its type's; the table of words knows its label.
    let what = label_of(raised["intent"]["intent"].as_str().unwrap_or_default());
    let connection = raised["connection"].as_str().unwrap_or_default();
    let words = format!("{}: {} → {connection}", w.meant, w.intent(&what));
    let mut row = placed(meant, "recorded_at", words, visit);
    row.lines.push(format!("{}: {}", w.by_rule, w.rule(raised["policy"].as_str().unwrap_or_default())));
    row.lines.extend(meant["stands"].as_str().filter(|stands| *stands != "done").map(str::to_owned));
    if meant["would_send"].is_object() {
        row.parts.push((w.would_send.to_owned(), request(&meant["would_send"])));
    }
    row.steps = list(&meant["attempts"]).map(|attempt| attempted(attempt, visit)).collect();
    row.steps.extend(list(&meant["heard"]).map(|heard| caused(heard, visit)));
    row
}

fn attempted(attempt: &Value, visit: &Visit) -> Step {
    let w = visit.look.words;
    let number = attempt["attempt"].as_u64().unwrap_or_default();
    let mut row = placed(attempt, "started_at", format!("{} {number}", w.attempt), visit);
    let kind = attempt["kind"].as_str().unwrap_or("prepare");
    row.lines.push(format!("{} · {}", w.attempt_kind(kind), attempt["call"].as_str().unwrap_or_default()));
    if attempt["request"].is_object() {
        row.parts.push((w.request.to_owned(), request(&attempt["request"])));
    }
    let ended = &attempt["ended"];
    if !ended.is_object() {
        row.chips.push(Chip { tone: "warn", words: w.under_way.to_owned() });
        return row;
    }
    let (words, tone) = w.outcome(ended["outcome"]["outcome"].as_str().unwrap_or_default());
    let status = ended["reply"]["status"].as_u64().map(|status| format!(" (HTTP {status})")).unwrap_or_default();
    let mut end = placed(ended, "settled_at", format!("{words}{status}"), visit);
    end.tone = Some(tone);
    let reasons = [&ended["outcome"]["reason"], &ended["outcome"]["failure"]["reason"]];
    end.lines.extend(reasons.into_iter().filter_map(Value::as_str).map(str::to_owned));
    if !ended["reply"]["body"].is_null() {
        end.parts.push((w.reply.to_owned(), document(&ended["reply"]["body"])));
    }
    end.steps = list(&ended["intents"]).map(|meant| raised(meant, visit)).collect();
    row.steps.push(end);
    row
}

fn step(visit: &Visit, position: Position, at: Timestamp, words: String) -> Step {
    Step {
        w: visit.look.words,
        words,
        tone: None,
        chips: Vec::new(),
        when: Some(visit.calendar.second(at)),
        position: position.to_string(),
        href: super::event_page(visit, position),
        lines: Vec::new(),
        parts: Vec::new(),
        steps: Vec::new(),
    }
}

/// A step of the chain, with its event.
fn placed(of: &Value, when: &str, words: String, visit: &Visit) -> Step {
    let position = of["position"].as_str().and_then(|position| position.parse().ok());
    let at = of[when].as_i64().map(Timestamp::from_millis);
    let mut row = step(visit, position.unwrap_or(Position::new(0)), at.unwrap_or_default(), words);
    row.when = at.map(|at| visit.calendar.second(at));
    row
}

const fn tone_of(state: DeliveryState) -> Tone {
    match state {
        DeliveryState::Raised => "",
        DeliveryState::Sent | DeliveryState::Delivered | DeliveryState::Read => "good",
        DeliveryState::Failed => "bad",
    }
}

fn changes(of: &Value) -> Option<String> {
    let names: Vec<&str> = list(&of["changes"]).filter_map(Value::as_str).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn list(of: &Value) -> impl Iterator<Item = &Value> {
    of.as_array().into_iter().flatten()
}

/// `SendMessage` as `send_message`.
fn label_of(name: &str) -> String {
    let mut label = String::with_capacity(name.len() + 4);
    for sign in name.chars() {
        if sign.is_ascii_uppercase() && !label.is_empty() {
            label.push('_');
        }
        label.push(sign.to_ascii_lowercase());
    }
    label
}

/// A request as a person would write it down.
fn request(derived: &Value) -> String {
    if let Some(url) = derived["fetch"]["url"].as_str() {
        return format!("GET {url}");
    }
    let request = &derived["request"];
    let (Some(method), Some(url)) = (request["method"].as_str(), request["url"].as_str()) else {
        return document(derived);
    };
    let body = match request["body"].as_str() {
        Some("") | None => String::new(),
        Some(_) => format!("\n{}", document(&request["body"])),
    };
    let form: Vec<&str> = list(&request["form"]).filter_map(Value::as_str).collect();
    format!("{method} {url}{body}\n{}", form.join("\n")).trim_end().to_owned()
}

/// A document so that people can read it; a text that is JSON, as JSON.
pub fn document(value: &Value) -> String {
    let written = match value {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => format!("{inner:#}"),
            Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | Err(_) => text.clone(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => format!("{value:#}"),
    };
    cut(&written, SHOWN_AT_MOST)
}

/// The beginning of a text, with a mark if there is more.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_labels_and_documents_are_laid_out() {
        assert_eq!([label_of("SendMessage"), label_of("LookUpConversation")], ["send_message", "look_up_conversation"]);
        assert_eq!(document(&Value::String("{\"a\":1}".to_owned())), "{\n  \"a\": 1\n}");
        assert_eq!(document(&Value::String("12".to_owned())), "12");
        assert_eq!(cut("жизнь", 3), "жиз…");
    }
}
