//! `log`: the events of a log, one a line.

use std::borrow::Cow;

use chatledger::live::chain;
use chatledger::log::{EventLog, Following, StoredEvent, codec};
use chatledger_projections::bytes::Bytes;
use chatledger_projections::configuration::Configuration;
use chatledger_projections::duties::Arrangement;
use chatledger_projections::event::{
    AttemptSettled, AttemptStarted, Event, IntentRaised, OperatorInstructed, PolicyAdvanced, PollAdvanced, Transport,
};
use chatledger_projections::ids::EventId;
use chatledger_projections::outcome::Outcome;
use chatledger_projections::recorded::{Position, Revision};
use clap::Args;
use serde::Serialize;

use super::failure::{FAILED, Failure};
use super::log_address::{Typed, open_to_read};
use super::output::{Output, plain};

/// How many events are read at a time.
const PAGE: usize = 512;

/// Show the events of a log, one a line: position, time, stream, revision, type, and what it says in short
///
/// An event that cannot be read is shown as far as it can, and the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = "Example: chatledger log --log chatledger.db --follow --json | jq .event")]
pub struct Log {
    /// The log
    #[arg(long, value_name = "FILE")]
    log: Typed,
    /// Only what stands after this position
    #[arg(long, value_name = "POSITION")]
    after: Option<Position>,
    /// No more events than this
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// Wait for more at the end, until interrupted
    #[arg(long)]
    follow: bool,
    /// Print each event as a JSON object with all that it says
    #[arg(long)]
    json: bool,
}

impl Log {
    pub async fn run(self) -> Result<(), Failure> {
        let log = tokio::task::block_in_place(|| open_to_read(&self.log.0))?;
        let mut source = Source::of(&*log, self.after, self.follow).await?;
        let mut left = self.limit.unwrap_or(usize::MAX);
        let mut all_readable = true;
        while left > 0 {
            let events = source.next(left.min(PAGE)).await?;
            if events.is_empty() {
                break;
            }
            left -= events.len();
            let mut output = Output::standard();
            for stored in events {
                let line = Line::of(stored);
                all_readable &= line.unreadable.is_none();
                if self.json {
                    output.line(serde_json::to_string(&line).expect("our own lines have only text for keys"))?;
                } else {
                    output.line(line.text())?;
                }
            }
            output.flush()?;
        }
        if all_readable { Ok(()) } else { Err(Failure::Told(FAILED)) }
    }
}

/// Where events come from: up to the end, or for ever.
enum Source<'a> {
    ToTheEnd { log: &'a dyn EventLog, after: Option<Position> },
    Following(Box<dyn Following>),
}

impl<'a> Source<'a> {
    async fn of(log: &'a dyn EventLog, after: Option<Position>, follow: bool) -> Result<Self, Failure> {
        if follow {
            let following = log.follow(after).await;
            return following.map(Self::Following).map_err(|error| Failure::failed(chain(&error)));
        }
        Ok(Self::ToTheEnd { log, after })
    }

    /// The next events; none at the end.
    async fn next(&mut self, limit: usize) -> Result<Vec<StoredEvent>, Failure> {
        let read = match self {
            Self::ToTheEnd { log, after } => {
                let read = log.read_all(*after, limit).await;
                if let Some(last) = read.as_ref().ok().and_then(|events| events.last()) {
                    *after = Some(last.position);
                }
                read
            }
            Self::Following(following) => following.next(limit).await,
        };
        read.map_err(|error| Failure::failed(chain(&error)))
    }
}

/// An event as it is shown.
#[derive(Serialize)]
struct Line {
    position: Position,
    recorded_at: Option<String>,
    stream: String,
    revision: Revision,
    id: EventId,
    #[serde(rename = "type")]
    event_type: String,
    summary: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Said>,
    /// Why what it says is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
}

/// What an event says. Its type stands beside it.
#[derive(Serialize)]
#[serde(untagged)]
enum Said {
    Webhook(Webhook),
    Raised(Box<IntentRaised>),
    Started(AttemptStarted),
    Settled(Box<AttemptSettled>),
    Configured(Configuration),
    Instructed(OperatorInstructed),
    Advanced(PolicyAdvanced),
    Polled(PollAdvanced),
    Arranged(Arrangement),
}

#[derive(Serialize)]
struct Webhook {
    connection: String,
    platform: String,
    transport: Transport,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Line {
    fn of(stored: StoredEvent) -> Self {
        let recorded_at = codec::recorded_at(stored.as_ref()).map(|at| at.to_string());
        let (position, revision, id) = (stored.position, stored.revision, stored.id);
        let (stream, event_type) = (stored.stream.to_string(), stored.event_type.clone());
        let (summary, event, unreadable) = match codec::open(stored) {
            Ok(recorded) => (summary(&recorded.event), Some(Said::of(recorded.event)), None),
            Err(error) => (String::new(), None, Some(chain(&error))),
        };
        Self { position, recorded_at, stream, revision, id, event_type, summary, event, unreadable }
    }

    fn text(&self) -> String {
        let Self { position, recorded_at, stream, revision, id: _, event_type, summary, event: _, unreadable } = self;
        let time = recorded_at.as_deref().unwrap_or("-");
        let says = unreadable.as_deref().unwrap_or(summary);
        plain(&format!("{position} {time} {stream} {revision} {event_type} {says}"))
    }
}

impl Said {
    fn of(event: Event) -> Self {
        match event {
            Event::WebhookReceived(webhook) => Self::Webhook(Webhook {
                connection: webhook.connection.to_string(),
                platform: webhook.platform,
                transport: webhook.transport,
                headers: webhook.headers,
                body: Bytes(webhook.body),
            }),
            Event::IntentRaised(raised) => Self::Raised(Box::new(raised)),
            Event::AttemptStarted(started) => Self::Started(started),
            Event::AttemptSettled(settled) => Self::Settled(Box::new(settled)),
            Event::ConfigurationApplied(configuration) => Self::Configured(configuration),
            Event::OperatorInstructed(instructed) => Self::Instructed(instructed),
            Event::PolicyAdvanced(advanced) => Self::Advanced(advanced),
            Event::PollAdvanced(advanced) => Self::Polled(advanced),
            Event::Arranged(arrangement) => Self::Arranged(arrangement),
        }
    }
}

/// What an event says, in short; without what people said.
fn summary(event: &Event) -> String {
    match event {
        Event::WebhookReceived(webhook) => format!("{} {} bytes", webhook.connection, webhook.body.len()),
        Event::IntentRaised(raised) => {
            format!("{} at {} by {}, thread {}", raised.intent.label(), raised.connection, raised.policy, raised.thread)
        }
        Event::AttemptStarted(started) => format!("attempt {} {}", started.attempt, started.call),
        Event::AttemptSettled(settled) => {
            let why: Cow<'_, str> = match &settled.outcome {
                Outcome::Accepted => "".into(),
                Outcome::Refused { failure } => format!(": {}", failure.reason).into(),
                Outcome::Postponed { reason, until: _ } | Outcome::Uncertain { reason, until: _ } => {
                    format!(": {reason}").into()
                }
            };
            let status = settled.reply.as_ref().map(|reply| format!(" (HTTP {})", reply.status)).unwrap_or_default();
            let AttemptSettled { attempt, call, connection, outcome, .. } = settled;
            format!("attempt {attempt} {call} at {connection} {}{status}{why}", outcome.label())
        }
        Event::ConfigurationApplied(configuration) => {
            format!("connections: {}, routes: {}", configuration.connections.len(), configuration.routes.len())
        }
        Event::OperatorInstructed(instructed) => {
            let instruction = &instructed.instruction;
            format!("{} by {}, thread {}", instruction.label(), instructed.who, instruction.thread())
        }
        Event::PolicyAdvanced(advanced) => format!("through {}", advanced.through),
        Event::PollAdvanced(advanced) => format!("{} through {}", advanced.connection, advanced.through),
        Event::Arranged(Arrangement::Seen(seen)) => format!("engine {} at {}", seen.engine, seen.place),
        Event::Arranged(Arrangement::Ended(ended)) => format!("engine {} by {}", ended.engine, ended.by),
        Event::Arranged(Arrangement::Taken(taken)) => format!("{} by {}", taken.duty.label(), taken.engine),
    }
}
