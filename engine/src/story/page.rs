//! A story as a text: our words only, ids that mean nothing replaced by names, in the order of the log.

use std::collections::HashMap;
use std::fmt::Write as _;

use chatledger_connectors::connector::{Call, FormPart};
use chatledger_projections::content::File;
use chatledger_projections::event::{AttemptSettled, AttemptStarted, IntentRaised};
use chatledger_projections::ids::ThreadId;
use chatledger_projections::outcome::{AttemptKind, Outcome};
use chatledger_projections::state::State;
use serde_json::Value;

use crate::dispatch::attempt::Departure;
use crate::pipeline::Step;

/// The text so far, and the names that were given.
#[derive(Default)]
pub(super) struct Page {
    text: String,
    names: HashMap<String, String>,
    threads: usize,
    intents: usize,
}

impl Page {
    pub(super) fn heading(&mut self, step: &str, what: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.add(format_args!("{step}: {what}"));
    }

    pub(super) fn line(&mut self, line: &str) {
        self.add(format_args!("  {line}"));
    }

    /// What an event means and what it changed.
    pub(super) fn step(&mut self, step: &Step) {
        for fact in step.happening.event.facts() {
            self.tagged("fact", "fact", &json(fact));
        }
        for remark in &step.remarks {
            let at = if remark.at.is_empty() { String::new() } else { format!(" at {}", remark.at) };
            let found = if remark.found.is_empty() { String::new() } else { format!(": {}", remark.found) };
            self.line(&format!("remark: {}{at}{found}", remark.remark.label()));
        }
        for change in &step.changes {
            let mut value = json(change);
            self.name_thread(&value);
            let name = take(&mut value, "change");
            let details = self.renamed(&inline(&value));
            self.line(format!("change: {name} {details}").trim_end());
        }
    }

    pub(super) fn raised(&mut self, raised: &IntentRaised) {
        self.intents += 1;
        self.names.insert(raised.intent_id.to_string(), format!("intent-{}", self.intents));
        let number = self.intents;
        self.line(&format!(
            "intent-{number}: {} at {}, by {}",
            raised.intent.label(),
            raised.connection,
            raised.policy
        ));
    }

    pub(super) fn call(&mut self, departure: &Departure, started: &AttemptStarted, label: &str, call: &Call) {
        let intent = self.renamed(&departure.intent.to_string());
        let does = super::does(started.kind);
        let (connection, attempt) = (&departure.connection, departure.attempt);
        self.line(&format!("call to {connection}: {does} {intent} ({label}), attempt {attempt}"));
        self.request(call);
    }

    /// What goes over the wire.
    pub(super) fn request(&mut self, call: &Call) {
        self.line(&format!("    {} {}", call.request.method, call.request.target()));
        for part in &call.request.form {
            match part {
                FormPart::Field { name, value } => self.line(&format!("    {name}: {value}")),
                FormPart::File { name, stored, file_name } => {
                    let (bytes, media_type) = (stored.bytes, &stored.media_type);
                    self.line(&format!("    {name}: the file {file_name:?}, {bytes} bytes of {media_type}"));
                }
            }
        }
        let body = match serde_json::from_slice::<Value>(&call.request.body) {
            Ok(value) => serde_json::to_string_pretty(&value).unwrap_or_default(),
            Err(_) => readable_form(&call.request.body),
        };
        for line in body.lines() {
            self.line(&format!("    {line}"));
        }
    }

    pub(super) fn fetch(&mut self, departure: &Departure, started: &AttemptStarted, file: &File) {
        let intent = self.renamed(&departure.intent.to_string());
        let url = file.url.as_deref().unwrap_or_default();
        self.line(&format!("fetches {url} for {intent}, attempt {}", started.attempt));
    }

    pub(super) fn settled(&mut self, settled: &AttemptSettled) {
        let intent = self.renamed(&settled.intent_id.to_string());
        let status = settled.reply.as_ref().map_or_else(String::new, |reply| format!(" ({})", reply.status));
        let why = match &settled.outcome {
            Outcome::Accepted => String::new(),
            Outcome::Refused { failure } => format!(": {}", failure.reason),
            Outcome::Postponed { until, reason } | Outcome::Uncertain { until, reason } => {
                let until = until.map_or_else(String::new, |until| format!(", not before {until}"));
                format!(": {reason}{until}")
            }
        };
        let outcome = match (settled.kind, &settled.outcome) {
            (AttemptKind::Prepare { .. }, Outcome::Accepted) => "prepared",
            (AttemptKind::Prepare { .. } | AttemptKind::Act | AttemptKind::Probe, outcome) => outcome.label(),
        };
        let attempt = settled.attempt;
        self.line(&format!("{intent}, attempt {attempt}: {outcome}{status}{why}"));
    }

    /// What is so at the end.
    pub(super) fn closing(&mut self, state: &State) {
        self.text.push('\n');
        self.add(format_args!("in the end:"));
        for carried in state.delivery.iter() {
            let thread = self.renamed(&carried.thread.to_string());
            let stands = word(&json(&carried.state));
            let target = carried.target.as_ref();
            let there =
                target.map_or_else(String::new, |target| format!(" as {} {}", target.connection, target.message));
            let why = carried
                .failure
                .as_ref()
                .map_or_else(String::new, |failure| format!(" ({}: {})", word(&json(&failure.kind)), failure.reason));
            let origin = &carried.origin;
            self.line(&format!("message {} {} of {thread}: {stands}{there}{why}", origin.connection, origin.message));
        }
        for (_, held) in state.held.in_order().into_iter().filter(|(_, held)| held.in_doubt) {
            let (kind, thread) = (held.raised.intent.label(), self.renamed(&held.raised.thread.to_string()));
            let connection = &held.raised.connection;
            self.line(&format!("{kind} at {connection} of {thread}: held, and it may have been done"));
        }
        let mut threads: Vec<_> = state.threads.iter().map(|(id, _)| id).collect();
        threads.sort_by_key(|id| self.names.get(&id.to_string()).cloned());
        for id in threads {
            let thread = self.renamed(&id.to_string());
            if let Some(silence) = state.assistance.of(id).and_then(|helped| helped.silence) {
                self.line(&format!("{thread}: the assistant is silent, {}", silence.reason.label()));
            }
            for endpoint in state.bindings.of(id) {
                let theirs = endpoint.theirs.as_ref().map_or("-", |id| id.as_str());
                let ours = endpoint.ours.as_ref().map_or("-", |id| id.as_str());
                let standing = word(&json(&endpoint.standing));
                let waiting = if endpoint.waiting.is_empty() {
                    String::new()
                } else {
                    format!(", {} waiting", endpoint.waiting.len())
                };
                self.line(&format!(
                    "{thread} at {}: theirs {theirs}, ours {ours}, {standing}{waiting}",
                    endpoint.connection
                ));
            }
        }
        for (intent, open) in state.attempts.in_order() {
            let name = self.renamed(&intent.to_string());
            let unwanted = open.unwanted.map(|reason| format!(", not wanted any more: {}", reason.label()));
            self.line(&format!("{name} is not done: {}{}", open.purpose.label(), unwanted.unwrap_or_default()));
        }
        for (kind, count) in &state.anomalies {
            self.line(&format!("anomaly {}: {count}", kind.label()));
        }
    }

    /// The dialogue of this name.
    pub(super) fn thread(&self, name: &str) -> Option<ThreadId> {
        let (id, _) = self.names.iter().find(|(_, known)| *known == name)?;
        id.parse().ok().map(ThreadId::from_uuid)
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// A document of ours under its name, one value a line.
    fn tagged(&mut self, kind: &str, tag: &str, value: &Value) {
        let mut value = value.clone();
        let name = take(&mut value, tag);
        self.line(&format!("{kind}: {name}"));
        let mut lines = Vec::new();
        outline(&value, 2, &mut lines);
        for line in lines {
            let line = self.renamed(&line);
            self.line(&line);
        }
    }

    fn name_thread(&mut self, change: &Value) {
        let thread = change.get("thread").and_then(Value::as_str);
        if let Some(thread) = thread
            && !self.names.contains_key(thread)
        {
            self.threads += 1;
            self.names.insert(thread.to_owned(), format!("thread-{}", self.threads));
        }
    }

    fn renamed(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (id, name)| text.replace(id, name))
    }

    fn add(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("a string takes everything");
    }
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("our own words always serialise")
}

fn take(value: &mut Value, key: &str) -> String {
    value.as_object_mut().and_then(|object| object.remove(key)).map_or_else(String::new, |value| word(&value))
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn inline(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let pair = |(key, value): (&String, &Value)| format!("{key}={}", nested(value));
            object.iter().map(pair).collect::<Vec<_>>().join(" ")
        }
        other => word(other),
    }
}

fn nested(value: &Value) -> String {
    match value {
        Value::Object(_) => format!("({})", inline(value)),
        Value::Array(list) => format!("[{}]", list.iter().map(nested).collect::<Vec<_>>().join(", ")),
        other => word(other),
    }
}

fn outline(value: &Value, depth: usize, lines: &mut Vec<String>) {
    let Value::Object(object) = value else { return };
    for (key, value) in object {
        match value {
            Value::Object(inner) if inner.is_empty() => {}
            Value::Object(_) => {
                lines.push(format!("{:depth$}{key}:", ""));
                outline(value, depth + 2, lines);
            }
            Value::Array(list) if list.iter().all(|element| !element.is_object()) => {
                lines.push(format!("{:depth$}{key}: {}", "", nested(value)));
            }
            Value::Array(list) => {
                lines.push(format!("{:depth$}{key}:", ""));
                for element in list {
                    lines.push(format!("{:width$}- {}", "", inline(element), width = depth + 2));
                }
            }
            other => lines.push(format!("{:depth$}{key}: {}", "", word(other))),
        }
    }
}

/// A form body as people write it: one pair a line.
fn readable_form(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.split('&').filter(|pair| !pair.is_empty()).map(decoded).collect::<Vec<_>>().join("\n")
}

fn decoded(pair: &str) -> String {
    let spaced = pair.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().replacen('=', " = ", 1)
}
