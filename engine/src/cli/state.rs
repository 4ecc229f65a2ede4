//! `state`: the dialogues as they are, or as they were at any position.

use std::collections::BTreeMap;
use std::time::Duration;

use chatledger::dispatch::circuit::{Circuit, CircuitRules, Sign};
use chatledger::pipeline::Step;
use chatledger::replay::Replay;
use chatledger_projections::assistance::Helped;
use chatledger_projections::attempts::Open;
use chatledger_projections::bindings::Endpoint;
use chatledger_projections::contacts::Contact;
use chatledger_projections::delivery::Carried;
use chatledger_projections::duties::AtWork;
use chatledger_projections::event::Happening;
use chatledger_projections::ids::{ConnectionName, EngineId, IntentId, ThreadId};
use chatledger_projections::projection::Projection as _;
use chatledger_projections::recorded::Position;
use chatledger_projections::threads::Thread;
use chatledger_projections::time::Timestamp;
use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::failure::Failure;
use super::log_address::{Typed, open_to_read};
use super::output::{Output, plain, print_document};
use super::replay::{counts, folded_beside};
use super::thread;

/// Show the dialogues: where each is shown, who the client is, where its messages stand
///
/// Folds the log up to its end, or to a position, so that what was so at any time can be seen again. Nothing is sent or
/// written.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger state --log chatledger.db --at 1000 --thread 6d0f")]
pub struct State {
    /// The log
    #[arg(long, value_name = "FILE")]
    log: Typed,
    /// As it was after the event at this position
    #[arg(long, value_name = "POSITION")]
    at: Option<Position>,
    /// Only this dialogue, with its messages one by one; the beginning of its id is enough if no other begins so
    #[arg(long, value_name = "ID")]
    thread: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    /// The last event that was folded.
    position: Option<Position>,
    /// How many intents wait for a person; `chatledger held list` shows them.
    held_intents: usize,
    /// The platforms that did not answer the last calls.
    silent: Vec<Silent<'a>>,
    /// Of several engines on one log: which does what.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    duties: Vec<Manned<'a>>,
    threads: Vec<Dialogue<'a>>,
}

/// A duty, and the engine that took it last.
#[derive(Serialize)]
struct Manned<'a> {
    /// A connection, or "(deciding)".
    duty: &'a str,
    engine: EngineId,
    since: Timestamp,
    /// Where the engine runs and when it was last seen, by its own clock; absent if its time is over.
    #[serde(flatten)]
    at_work: Option<&'a AtWork>,
}

/// A platform that does not answer.
#[derive(Serialize)]
struct Silent<'a> {
    connection: &'a ConnectionName,
    /// How many calls in a row had no answer of its own.
    calls: u32,
    since: Option<Timestamp>,
}

#[derive(Serialize)]
struct Dialogue<'a> {
    id: ThreadId,
    #[serde(flatten)]
    thread: &'a Thread,
    contact: Option<&'a Contact>,
    /// The route's assistant in it, where it had to do with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    assistant: Option<&'a Helped>,
    endpoints: &'a [Endpoint],
    messages: Vec<&'a Carried>,
    open_intents: Vec<OpenIntent<'a>>,
}

#[derive(Serialize)]
struct OpenIntent<'a> {
    id: IntentId,
    kind: &'static str,
    #[serde(flatten)]
    open: &'a Open,
}

impl State {
    pub fn run(self) -> Result<(), Failure> {
        let log = open_to_read(&self.log.0)?;
        let mut circuits = BTreeMap::new();
        let replay = folded_beside(&*log, self.at, &mut |step| see(&mut circuits, step))?;
        let mut threads = dialogues(&replay);
        if let Some(beginning) = &self.thread {
            let only = thread::only(&replay.state().threads, beginning)?;
            threads.retain(|dialogue| dialogue.id == only);
        }
        let report = Report {
            position: replay.position(),
            held_intents: replay.state().held.len(),
            silent: silent(&circuits),
            duties: duties(&replay),
            threads,
        };
        match (self.json, &self.thread, report.threads.as_slice()) {
            (true, _, _) => print_document(&report),
            (false, Some(_), [dialogue]) => tell_one(dialogue),
            (false, _, _) => tell_all(&report),
        }
    }
}

/// Hears of each attempt's end how its platform is. When the engine leaves one alone is its configuration's business.
fn see(circuits: &mut BTreeMap<ConnectionName, Circuit>, step: &Step) {
    match &step.happening.event {
        Happening::Settled { settled, .. } => {
            let rules = CircuitRules { after: u32::MAX, first: Duration::ZERO, cap: Duration::ZERO };
            let circuit = circuits.entry(settled.connection.clone()).or_insert_with(|| Circuit::new(rules));
            circuit.see(Sign::of(settled), step.happening.recorded_at);
        }
        Happening::Observed { .. }
        | Happening::Raised(_)
        | Happening::Started(_)
        | Happening::Configured(_)
        | Happening::Instructed(_)
        | Happening::Advanced(_)
        | Happening::Polled(_)
        | Happening::Arranged(_) => {}
    }
}

fn silent(circuits: &BTreeMap<ConnectionName, Circuit>) -> Vec<Silent<'_>> {
    let silent = circuits.iter().filter_map(|(connection, circuit)| match circuit.silence() {
        (0, _) => None,
        (calls, since) => Some(Silent { connection, calls, since }),
    });
    silent.collect()
}

fn duties(replay: &Replay) -> Vec<Manned<'_>> {
    let known = &replay.state().duties;
    let manned = known.owners().map(|(duty, owner)| Manned {
        duty: duty.label(),
        engine: owner.engine,
        since: owner.since,
        at_work: known.engine(owner.engine),
    });
    manned.collect()
}

/// All dialogues, in the order in which they were opened.
fn dialogues(replay: &Replay) -> Vec<Dialogue<'_>> {
    let state = replay.state();
    let mut messages: BTreeMap<ThreadId, Vec<&Carried>> = BTreeMap::new();
    for message in state.delivery.iter() {
        messages.entry(message.thread).or_default().push(message);
    }
    let mut open_intents: BTreeMap<ThreadId, Vec<OpenIntent<'_>>> = BTreeMap::new();
    for (id, open) in state.attempts.in_order() {
        open_intents.entry(open.thread).or_default().push(OpenIntent { id, kind: open.purpose.label(), open });
    }
    let dialogue = |(id, thread)| Dialogue {
        id,
        thread,
        contact: state.contacts.of(id),
        assistant: state.assistance.of(id),
        endpoints: state.bindings.of(id),
        messages: messages.remove(&id).unwrap_or_default(),
        open_intents: open_intents.remove(&id).unwrap_or_default(),
    };
    let mut dialogues: Vec<_> = state.threads.iter().map(dialogue).collect();
    dialogues.sort_by_key(|dialogue| (dialogue.thread.opened_at, dialogue.id));
    dialogues
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    table
}

fn tell_all(report: &Report<'_>) -> Result<(), Failure> {
    let mut output = Output::standard();
    if report.threads.is_empty() {
        output.line("There are no dialogues yet.")?;
        tell_duties(&mut output, report)?;
        return output.flush();
    }
    let mut table = table(&["thread", "route", "client", "last message", "shown at", "messages"]);
    for dialogue in &report.threads {
        let shown = dialogue.endpoints.iter().map(shown_at).collect::<Vec<_>>().join("\n");
        let last = dialogue.thread.last_message_at.map(|at| at.to_string()).unwrap_or_default();
        table.add_row([
            dialogue.id.to_string(),
            dialogue.thread.route.to_string(),
            client(dialogue.contact),
            last,
            shown,
            counts(&standings(&dialogue.messages)),
        ]);
    }
    output.line(table)?;
    let position = report.position.map_or_else(|| "the beginning".to_owned(), |position| position.to_string());
    output.line(format_args!("dialogues: {}, as of position {position}", report.threads.len()))?;
    for Silent { connection, calls, since } in &report.silent {
        let since = since.map(|since| since.to_string()).unwrap_or_default();
        output.line(format_args!("silent: {connection} has not answered {calls} calls in a row, since {since}"))?;
    }
    if report.held_intents > 0 {
        output.line(format_args!(
            "held: {} intents wait for a person; see `chatledger held list`",
            report.held_intents
        ))?;
    }
    tell_duties(&mut output, report)?;
    output.flush()
}

fn tell_duties(output: &mut Output, report: &Report<'_>) -> Result<(), Failure> {
    for Manned { duty, engine, since, at_work } in &report.duties {
        match at_work {
            Some(AtWork { place, seen_at, .. }) => output
                .line(format_args!("{duty}: engine {engine} at {} since {since}, last seen {seen_at}", plain(place)))?,
            None => output.line(format_args!("{duty}: nobody; the time of engine {engine} is over"))?,
        }
    }
    Ok(())
}

fn tell_one(dialogue: &Dialogue<'_>) -> Result<(), Failure> {
    let mut output = Output::standard();
    let Thread { route, opened_at, last_message_at, from_client, from_company } = dialogue.thread;
    output.line(format_args!("thread    {}", dialogue.id))?;
    output.line(format_args!("route     {route}"))?;
    output.line(format_args!("client    {}", client(dialogue.contact).replace('\n', ", ")))?;
    output.line(format_args!("opened    {opened_at}"))?;
    if let Some(at) = last_message_at {
        output.line(format_args!("last      {at}"))?;
    }
    output.line(format_args!("said      {from_client} by the client, {from_company} by the company"))?;
    if let Some(helped) = dialogue.assistant {
        let stands = helped.silence.map_or_else(
            || "speaks".to_owned(),
            |silence| format!("is silent since {}: {}", silence.since, silence.reason.label()),
        );
        output.line(format_args!("assistant {stands}"))?;
    }
    let mut faces = table(&["shown at", "standing", "their id", "our id", "waiting"]);
    for endpoint in dialogue.endpoints {
        let id = |id: &Option<chatledger_projections::ids::ConversationId>| {
            id.as_ref().map(|id| plain(id.as_str())).unwrap_or_default()
        };
        faces.add_row([
            endpoint.connection.to_string(),
            endpoint.standing.label().to_owned(),
            id(&endpoint.theirs),
            id(&endpoint.ours),
            endpoint.waiting.len().to_string(),
        ]);
    }
    output.line(faces)?;
    let mut messages = table(&["written at", "message", "stands", "carried to", "as"]);
    for message in &dialogue.messages {
        let stands = match &message.failure {
            Some(failure) => format!("{}: {}", message.state.label(), plain(&failure.reason)),
            None => message.state.label().to_owned(),
        };
        let target = message.target.as_ref();
        messages.add_row([
            message.origin.connection.to_string(),
            plain(message.origin.message.as_str()),
            stands,
            target.map(|target| target.connection.to_string()).unwrap_or_default(),
            target.map(|target| plain(target.message.as_str())).unwrap_or_default(),
        ]);
    }
    output.line(messages)?;
    for OpenIntent { id, kind, open } in &dialogue.open_intents {
        let unwanted = open.unwanted.map(|reason| format!(", not wanted any more: {}", reason.label()));
        output.line(format_args!(
            "open      {kind} at {} since {}, attempts: {}{} ({id})",
            open.connection,
            open.raised_at,
            open.attempts,
            unwanted.unwrap_or_default()
        ))?;
    }
    output.flush()
}

fn client(contact: Option<&Contact>) -> String {
    let Some(contact) = contact else { return String::new() };
    let phone = contact.phone.as_ref().map(ToString::to_string);
    let username = contact.username.as_ref().map(ToString::to_string);
    let name = contact.name.as_ref().map(ToString::to_string);
    [name, phone, username].into_iter().flatten().map(|said| plain(&said)).collect::<Vec<_>>().join("\n")
}

fn shown_at(endpoint: &Endpoint) -> String {
    format!("{} {}", endpoint.connection, endpoint.standing.label())
}

fn standings(messages: &[&Carried]) -> BTreeMap<&'static str, u64> {
    let mut standings = BTreeMap::new();
    for message in messages {
        *standings.entry(message.state.label()).or_default() += 1;
    }
    standings
}
