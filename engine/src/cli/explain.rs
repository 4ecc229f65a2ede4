//! `explain`: where a message is now, and why, as a tree.

use std::path::PathBuf;

use chatledger::explain::{
    Answer, Asked, Cause, Derived, Doubt, Ended, Explanation, Meant, Said, Stands, Subject, Tried, What, does, explain,
};
use chatledger::live::chain;
use chatledger_projections::bytes::Bytes;
use chatledger_projections::delivery::Origin;
use chatledger_projections::event::Transport;
use chatledger_projections::fact::Fact;
use chatledger_projections::outcome::{AttemptKind, Outcome};
use chatledger_projections::recorded::Position;
use clap::Args;
use serde::Serialize;

use super::failure::{FAILED, Failure};
use super::instruct::places;
use super::log_address::{Typed, open_to_read};
use super::output::{Output, plain, print_document};
use super::progress::Progress;
use super::replay::length;

/// Show where a message is now and why: what came, which rule decided, what was sent, what was answered
///
/// Every line bears the position of its event. Requests are not recorded: they are derived again from the intent, by the
/// configuration then in force, without credentials. Nothing is sent and nothing is written.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger explain a-300 --log chatledger.db --verify")]
pub struct Explain {
    /// A message's id (a platform's, a job's or ours; CONNECTION:ID says whose), a dialogue, an intent, or an event by
    /// its id or position (@POSITION where a message has the same number); the beginning of an id of ours is enough
    #[arg(value_name = "MESSAGE|THREAD|EVENT|INTENT")]
    what: String,
    /// The configuration, which says where the log is
    #[arg(long, value_name = "FILE", conflicts_with = "log")]
    config: Option<PathBuf>,
    /// The log, where no configuration is at hand
    #[arg(long, value_name = "FILE")]
    log: Option<Typed>,
    /// As it was after the event at this position
    #[arg(long, value_name = "POSITION")]
    at: Option<Position>,
    /// Derive every line again, name what does not follow from the log, and end with 1 if anything does not
    #[arg(long)]
    verify: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    explanation: &'a Explanation,
    /// What does not follow from the log; absent if it was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    doubts: Option<&'a [Doubt]>,
}

impl Explain {
    pub fn run(self) -> Result<(), Failure> {
        let (address, _) = places(self.config.as_deref(), self.log.as_ref(), None)?;
        let log = open_to_read(&address)?;
        let asked = Asked::typed(&self.what);
        let mut progress = Progress::of(self.at.map(Position::commit).or_else(|| length(&*log)), "events");
        let answer = explain(&*log, &asked, self.at, &mut || progress.passed(1))
            .map_err(|error| Failure::failed(format!("the log cannot be folded: {}", chain(&error))))?;
        drop(progress);
        let explanation = match answer {
            Answer::Explained(explanation) => explanation,
            Answer::Several(subjects) => return Err(several(&asked, &subjects)),
            Answer::Unknown => return Err(self.unknown(&asked)),
        };
        let doubts = self.verify.then_some(explanation.doubts.as_slice());
        if self.json {
            print_document(&Report { explanation: &explanation, doubts })?;
        } else {
            tell(&explanation, doubts)?;
        }
        if doubts.is_some_and(|doubts| !doubts.is_empty()) { Err(Failure::Told(FAILED)) } else { Ok(()) }
    }

    fn unknown(&self, asked: &Asked) -> Failure {
        let until = self.at.map_or_else(String::new, |at| format!(" up to position {at}"));
        Failure::failed(format!(
            "{:?}: the log has no message, dialogue, intent or event of that name{until}; give a platform's id of a message \
             (or CONNECTION:ID), or an id that `chatledger state` or `chatledger log` shows",
            asked.text()
        ))
    }
}

fn several(asked: &Asked, subjects: &[Subject]) -> Failure {
    let listed: Vec<String> = subjects
        .iter()
        .map(|subject| match subject {
            Subject::Message(origin) => {
                format!("\n  {}:{}  a message", origin.connection, plain(origin.message.as_str()))
            }
            Subject::Thread(thread) => format!("\n  {thread}  a dialogue"),
            Subject::Intent(intent) => format!("\n  {intent}  an intent"),
            Subject::Event(event) => format!("\n  {event}  an event"),
        })
        .collect();
    Failure::failed(format!("{:?} may be any of these; give one of them:{}", asked.text(), listed.concat()))
}

/// A line with what hangs on it.
struct Node {
    lines: Vec<String>,
    children: Vec<Node>,
}

impl Node {
    fn of(line: String) -> Self {
        Self { lines: vec![line], children: Vec::new() }
    }
}

fn tell(explanation: &Explanation, doubts: Option<&[Doubt]>) -> Result<(), Failure> {
    let mut output = Output::standard();
    let Explanation { subject, position, stands, messages, chain, doubts: _ } = explanation;
    let mut row = |name: &str, value: String| output.line(format_args!("{name:<9} {value}"));
    match subject {
        Subject::Message(origin) => row("message", named(origin))?,
        Subject::Thread(thread) => row("thread", thread.to_string())?,
        Subject::Intent(intent) => row("intent", intent.to_string())?,
        Subject::Event(event) => row("event", event.to_string())?,
    }
    if let (Some(thread), Subject::Message(_) | Subject::Intent(_) | Subject::Event(_)) = (stands.thread, subject) {
        row("thread", thread.to_string())?;
    }
    if let Some(position) = position {
        row("as of", format!("position {position}"))?;
    }
    if let Some(delivery) = stands.delivery {
        row("stands", standing(delivery, stands))?;
    } else if matches!(subject, Subject::Message(_)) {
        row("stands", "it is carried nowhere".to_owned())?;
    }
    for waits in &stands.waits {
        row("waits", plain(waits))?;
    }
    output.line("")?;
    for Said { position, recorded_at, origin, stands } in messages {
        let delivery = standing(stands.delivery.unwrap_or("raised"), stands);
        let waits = stands.waits.first().map_or_else(String::new, |waits| format!("; {}", plain(waits)));
        output.line(format_args!("{position} {recorded_at} {}  {delivery}{waits}", named(origin)))?;
    }
    for cause in chain {
        draw(&mut output, &cause_node(cause))?;
    }
    if let Some(doubts) = doubts {
        output.line("")?;
        for Doubt { position, what, why } in doubts {
            output.line(format_args!("{position} this {what} does not follow: {}", plain(why)))?;
        }
        match doubts.len() {
            0 => output.line("verified: every line follows from the log")?,
            count => output.line(format_args!("not verified: {count} do not follow from the log"))?,
        }
    }
    output.flush()
}

fn standing(delivery: &str, stands: &Stands) -> String {
    let failure = stands.failure.as_ref().map_or_else(String::new, |failure| format!(": {}", plain(failure)));
    let shown: Vec<String> = stands.shown.iter().map(named).collect();
    let shown = if shown.is_empty() { String::new() } else { format!(", as {}", shown.join(", ")) };
    format!("{delivery}{failure}{shown}")
}

fn named(origin: &Origin) -> String {
    format!("{}:{}", origin.connection, plain(origin.message.as_str()))
}

fn draw(output: &mut Output, root: &Node) -> Result<(), Failure> {
    for line in &root.lines {
        output.line(line)?;
    }
    draw_below(output, &root.children, "")
}

fn draw_below(output: &mut Output, children: &[Node], before: &str) -> Result<(), Failure> {
    for (index, child) in children.iter().enumerate() {
        let is_last = index + 1 == children.len();
        let (first, others) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        for (line, text) in child.lines.iter().enumerate() {
            let branch = if line == 0 { first } else { others };
            output.line(format_args!("{before}{branch}{text}"))?;
        }
        draw_below(output, &child.children, &format!("{before}{others}"))?;
    }
    Ok(())
}

fn cause_node(cause: &Cause) -> Node {
    let Cause { position, recorded_at, event, what, configuration: _, facts, remarks, changes, intents } = cause;
    let says = match what {
        What::Webhook { connection, raw: Some(raw) } => {
            let came = match raw.transport {
                Transport::Webhook => "webhook from",
                Transport::Poll => "document polled at",
                Transport::Backfill => "document of the past at",
            };
            format!("{came} {connection}, {} bytes", raw.bytes)
        }
        What::Webhook { connection, raw: None } => format!("webhook from {connection}, not in its stream"),
        What::Instruction(instructed) => {
            let why = instructed.why.as_ref().map_or_else(String::new, |why| format!(": {}", plain(why)));
            format!("{} by {}{why}", instructed.instruction.label(), plain(&instructed.who))
        }
        What::Other(label) => (*label).to_owned(),
        What::Missing => "the cause of this is not in the log".to_owned(),
    };
    let mut node = Node::of(format!("{position} {recorded_at} {says} (event {event})"));
    node.children.extend(facts.iter().map(|fact| fact_node(*position, fact)));
    for remark in remarks {
        let at = if remark.at.is_empty() { String::new() } else { format!(" at {}", plain(&remark.at)) };
        node.children.push(Node::of(format!("{position} remark {}{at}", remark.remark.label())));
    }
    node.children.extend(changes_node(*position, changes));
    node.children.extend(intents.iter().map(meant_node));
    node
}

/// A fact by its name, and all that it says.
fn fact_node(position: Position, fact: &Fact) -> Node {
    let mut says = serde_json::to_value(fact).expect("our own words always serialise");
    let name = says.as_object_mut().and_then(|says| says.remove("fact"));
    let name = name.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
    Node::of(format!("{position} fact {name} {}", plain(&says.to_string())))
}

fn changes_node(position: Position, changes: &[String]) -> Option<Node> {
    (!changes.is_empty()).then(|| Node::of(format!("{position} changed: {}", changes.join(", "))))
}

fn meant_node(meant: &Meant) -> Node {
    let Meant { position, recorded_at, raised, configuration, attempts, heard, stands, would_send } = meant;
    let (kind, connection, policy) = (raised.intent.label(), &raised.connection, &raised.policy);
    let under = configuration.map_or_else(String::new, |at| format!(", configuration of position {at}"));
    let mut node = Node::of(format!(
        "{position} {recorded_at} {kind} at {connection} by {policy}{under}: {} (intent {})",
        plain(stands),
        raised.intent_id
    ));
    let mut before = None;
    for tried in attempts {
        node.children.push(tried_node(tried, before));
        before = tried.request.as_ref().or(before);
    }
    if let Some(request) = would_send {
        node.children.push(request_node(*position, "would send (derived)", request));
    }
    node.children.extend(heard.iter().map(cause_node));
    node
}

fn tried_node(tried: &Tried, before: Option<&Derived>) -> Node {
    let Tried { position, started_at, attempt, kind, call, engine, request, ended } = tried;
    let by = engine.map_or_else(String::new, |engine| format!(", by engine {engine}"));
    let mut node = Node::of(format!("{position} {started_at} attempt {attempt}, {} {call}{by}", does(*kind)));
    match request {
        Some(request) if before == Some(request) => {
            node.children.push(Node::of(format!("{position} sends (derived) the same again")));
        }
        Some(request) => node.children.push(request_node(*position, "sends (derived)", request)),
        None => node.children.push(Node::of(format!("{position} what it sends cannot be derived"))),
    }
    match ended {
        Some(ended) => node.children.push(ended_node(ended, *kind)),
        None => node.children.push(Node::of(format!("{position} its end is not on record"))),
    }
    node
}

fn ended_node(ended: &Ended, kind: AttemptKind) -> Node {
    let Ended { position, settled_at, outcome, reply, refusal, facts, changes, intents } = ended;
    let label = match (kind, outcome) {
        (AttemptKind::Prepare { .. }, Outcome::Accepted) => "prepared",
        (AttemptKind::Prepare { .. } | AttemptKind::Act | AttemptKind::Probe, outcome) => outcome.label(),
    };
    let why = match outcome {
        Outcome::Accepted => String::new(),
        Outcome::Refused { failure } => format!(": {}", failure.reason),
        Outcome::Postponed { until, reason } | Outcome::Uncertain { until, reason } => {
            let until = until.map_or_else(String::new, |until| format!(", not before {until}"));
            format!(": {reason}{until}")
        }
    };
    let status = reply.as_ref().map_or_else(String::new, |reply| format!(" (HTTP {})", reply.status));
    let mut node = Node::of(format!("{position} {settled_at} {label}{status}{}", plain(&why)));
    if let Some(reply) = reply {
        let cut = if reply.cut { " …" } else { "" };
        node.children.push(Node::of(format!("{position} reply {}{cut}", body(&reply.body))));
    }
    if let Some(refusal) = refusal {
        node.children.push(Node::of(format!("{position} a repetition was refused: {}", plain(&refusal.reason))));
    }
    node.children.extend(facts.iter().map(|fact| fact_node(*position, fact)));
    node.children.extend(changes_node(*position, changes));
    node.children.extend(intents.iter().map(meant_node));
    node
}

fn request_node(position: Position, says: &str, request: &Derived) -> Node {
    match request {
        Derived::Request { method, url, headers: _, body: sent, form } => {
            let mut node = Node::of(format!("{position} {says} {method} {}", plain(url)));
            node.lines.extend(form.iter().map(|part| plain(part)));
            if !sent.0.is_empty() {
                node.lines.push(body(sent));
            }
            node
        }
        Derived::Fetch { url } => Node::of(format!("{position} fetches (derived) {}", plain(url))),
        Derived::Nothing => Node::of(format!("{position} sends nothing (derived)")),
    }
}

/// Bytes on one line: as text if they are one, without what only indents it, else their number.
fn body(bytes: &Bytes) -> String {
    match std::str::from_utf8(&bytes.0) {
        Ok("") => "(empty)".to_owned(),
        Ok(text) => plain(&text.trim().lines().map(str::trim).collect::<Vec<_>>().join(" ")),
        Err(_) => format!("{} bytes that are no text", bytes.0.len()),
    }
}
