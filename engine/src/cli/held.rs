//! `held`: intents that came to no good end, and what an operator decides about them.

use std::net::SocketAddr;
use std::path::PathBuf;

use chatledger::log::EventLog;
use chatledger::replay::Replay;
use chatledger_projections::event::Instruction;
use chatledger_projections::fact::ConversationKey;
use chatledger_projections::held::HeldIntent;
use chatledger_projections::ids::{ConversationId, EventId, IntentId};
use chatledger_projections::intent::Destination;
use chatledger_projections::phone::PhoneNumber;
use chatledger_projections::policy::held_intent_retried::at_another_place;
use clap::{Args, Subcommand};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use tokio::task::block_in_place;

use super::failure::Failure;
use super::instruct::{Instructed, instruct, places, said};
use super::log_address::{Typed, open_to_read};
use super::output::{Output, plain, print, print_document};
use super::replay::folded;

/// What was refused or given up, and waits for a person
///
/// Such an intent is never dropped: it is held until somebody says what is to become of it. What they say goes into the
/// log, with who said it and why; beside a running engine it is handed to that, from this machine only.
#[derive(Debug, Args)]
pub struct Held {
    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, Subcommand)]
enum Question {
    /// List what is held, the longest held first
    List(List),
    /// Show one held intent, all that it says
    Show(Show),
    /// Try it again
    Retry(Retry),
    /// Try it again for another receiver
    EditTarget(EditTarget),
    /// Leave it as it is, and hold it no more
    Skip(Skip),
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Show {
    /// The intent; the beginning of its id is enough if no other begins so
    intent: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: chatledger held retry 6d0f --config /etc/chatledger.toml --why \"the account is paid\""
)]
struct Retry {
    /// The intent; the beginning of its id is enough if no other begins so
    intent: String,
    /// Also if an earlier attempt may have done it, so that it may be there twice
    #[arg(long)]
    may_double: bool,
    #[command(flatten)]
    word: Word,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger held edit-target 6d0f --phone +79161234567 --why \"the client has moved\"")]
struct EditTarget {
    /// The intent; the beginning of its id is enough if no other begins so
    intent: String,
    /// To this number, with its country code
    #[arg(long, value_name = "NUMBER", required_unless_present = "conversation", conflicts_with = "conversation")]
    phone: Option<String>,
    /// Into this conversation, by the platform's id
    #[arg(long, value_name = "ID")]
    conversation: Option<String>,
    /// Also if an earlier attempt may have done it, so that it may be there twice
    #[arg(long)]
    may_double: bool,
    #[command(flatten)]
    word: Word,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Skip {
    /// The intent; the beginning of its id is enough if no other begins so
    intent: String,
    #[command(flatten)]
    word: Word,
    #[command(flatten)]
    place: Place,
}

/// Who says so, and why.
#[derive(Debug, Args)]
struct Word {
    /// Who says so; else whoever is signed in at this machine
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// Why, for whoever reads the log
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

/// Where it stands.
#[derive(Debug, Args)]
struct Place {
    /// The configuration, which says where the log is and where a running engine is asked
    #[arg(long, value_name = "FILE", conflicts_with = "log")]
    config: Option<PathBuf>,
    /// The log, where no configuration is at hand
    #[arg(long, value_name = "FILE")]
    log: Option<Typed>,
    /// The private address of the running engine, if the configuration does not say it
    #[arg(long, value_name = "ADDRESS")]
    private: Option<SocketAddr>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row<'a> {
    intent: IntentId,
    #[serde(flatten)]
    held: &'a HeldIntent,
}

#[derive(Serialize)]
struct Report {
    intent: IntentId,
    instruction: &'static str,
    event: EventId,
    by: &'static str,
}

impl Held {
    pub async fn run(self) -> Result<(), Failure> {
        match self.question {
            Question::List(List { place }) => block_in_place(|| list(&place)),
            Question::Show(Show { intent, place }) => block_in_place(|| show(&intent, &place)),
            Question::Retry(retry) => {
                let Retry { intent, may_double, word, place } = retry;
                decide(&intent, &word, &place, Wish::Again { to: None, may_double }).await
            }
            Question::EditTarget(edit) => {
                let to = edit.to()?;
                let EditTarget { intent, phone: _, conversation: _, may_double, word, place } = edit;
                decide(&intent, &word, &place, Wish::Again { to: Some(to), may_double }).await
            }
            Question::Skip(Skip { intent, word, place }) => decide(&intent, &word, &place, Wish::Skipped).await,
        }
    }
}

impl EditTarget {
    fn to(&self) -> Result<Destination, Failure> {
        match (&self.phone, &self.conversation) {
            (Some(phone), _) => {
                let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
                PhoneNumber::international(&digits).map(Destination::Phone).ok_or_else(|| {
                    Failure::usage(format!("{phone:?} is no number with its country code; write it as +79161234567"))
                })
            }
            (None, Some(id)) if !id.trim().is_empty() => Ok(Destination::Conversation(ConversationKey {
                theirs: Some(ConversationId::new(id.trim())),
                ..ConversationKey::default()
            })),
            (None, _) => Err(Failure::usage("it names no receiver; give --phone or --conversation")),
        }
    }
}

fn list(place: &Place) -> Result<(), Failure> {
    let (address, _) = place.find()?;
    let log = open_to_read(&address)?;
    let replay = folded(&*log, None)?;
    let held = replay.state().held.in_order();
    if place.json {
        let rows: Vec<_> = held.iter().map(|(intent, held)| Row { intent: *intent, held }).collect();
        return print_document(&rows);
    }
    if held.is_empty() {
        return print("nothing is held");
    }
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["intent", "held since", "kind", "connection", "dialogue", "attempts", "why"]);
    for (intent, held) in held {
        let HeldIntent { raised, held_at, attempts, failure, in_doubt } = held;
        let doubt = if *in_doubt { " (it may have been done)" } else { "" };
        table.add_row([
            intent.to_string(),
            held_at.to_string(),
            raised.intent.label().to_owned(),
            raised.connection.to_string(),
            raised.thread.to_string(),
            attempts.to_string(),
            format!("{}{doubt}", plain(&failure.reason)),
        ]);
    }
    let mut output = Output::standard();
    output.line(table)?;
    output.flush()
}

fn show(beginning: &str, place: &Place) -> Result<(), Failure> {
    let (address, _) = place.find()?;
    let log = open_to_read(&address)?;
    let replay = folded(&*log, None)?;
    let (intent, held) = only(&replay, beginning)?;
    print_document(&Row { intent, held })
}

/// What is to become of a held intent.
enum Wish {
    /// It is tried again, for another receiver if there is one.
    Again { to: Option<Destination>, may_double: bool },
    /// It is left as it is.
    Skipped,
}

/// Puts the operator's decision on record.
async fn decide(beginning: &str, word: &Word, place: &Place, wish: Wish) -> Result<(), Failure> {
    let (address, private) = place.find()?;
    let log = block_in_place(|| open_to_read(&address))?;
    let (intent, instruction) = block_in_place(|| instruction(&*log, beginning, wish))?;
    let label = instruction.label();
    let instructed = said(word.who.as_deref(), word.why.as_deref(), instruction);
    let Instructed { event, by } = instruct(&address, private, &*log, instructed).await?;
    if place.json {
        return print_document(&Report { intent, instruction: label, event, by });
    }
    print(format_args!("{label} {intent}; recorded by {by} as {event}"))
}

fn instruction(log: &dyn EventLog, beginning: &str, wish: Wish) -> Result<(IntentId, Instruction), Failure> {
    let replay = folded(log, None)?;
    let (intent, held) = only(&replay, beginning)?;
    let thread = held.raised.thread;
    match wish {
        Wish::Skipped => Ok((intent, Instruction::SkipHeld { thread, intent })),
        Wish::Again { to: _, may_double: false } if held.in_doubt => Err(Failure::usage(format!(
            "{intent} may have been done by an earlier attempt; look at the platform, then skip it, or give --may-double"
        ))),
        Wish::Again { to: Some(to), may_double: _ } if at_another_place(&held.raised.intent, &to).is_none() => {
            let kind = held.raised.intent.label();
            Err(Failure::usage(format!("{intent} is a {kind}, which cannot go there; only retry it or skip it")))
        }
        Wish::Again { to, may_double: _ } => Ok((intent, Instruction::RetryHeld { thread, intent, to })),
    }
}

/// The one held intent whose id begins so.
fn only<'a>(replay: &'a Replay, beginning: &str) -> Result<(IntentId, &'a HeldIntent), Failure> {
    let beginning = beginning.trim().to_lowercase();
    let mut found: Vec<_> = replay.state().held.in_order();
    found.retain(|(intent, _)| intent.to_string().starts_with(&beginning));
    match (found.pop(), found.len()) {
        (Some(held), 0) => Ok(held),
        (None, _) => Err(Failure::usage(format!(
            "no held intent's id begins with {beginning:?}; `chatledger held list` shows all"
        ))),
        (Some(_), others) => Err(Failure::usage(format!(
            "the ids of {} held intents begin with {beginning:?}; give more of it",
            others + 1
        ))),
    }
}

impl Place {
    fn find(&self) -> Result<(chatledger::config::LogAddress, Option<SocketAddr>), Failure> {
        places(self.config.as_deref(), self.log.as_ref(), self.private)
    }
}
