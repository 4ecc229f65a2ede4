//! The proof that a play ended well: what the platforms show, and what the log says, against what was promised.
//!
//! Takes what is left when the engine is gone: the platforms' transcripts and the log file. Gives claims, each with
//! everything that contradicts it. Nothing is waited for here.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;

use chatledger_connectors::simulator::{Line, LineAuthor};
use chatledger_projections::bindings::Standing;
use chatledger_projections::change::AnomalyKind;
use chatledger_projections::event::{Event, Transport};
use chatledger_projections::ids::{ConnectionName, ConversationId};
use chatledger_projections::recorded::Revision;

use super::script::{Promise, Promises};
use super::set::Set;
use super::stage::Stage;
use crate::live::chain;
use crate::log::export::{ExportedEvent, from_line, to_line};
use crate::log::sqlite::SqliteLog;
use crate::log::{Append, EventLog, ExpectedRevision, StoredEvent, codec};
use crate::replay::{Replay, Summary};

/// Something that is claimed to be so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// What is claimed, as a sentence.
    pub title: String,
    /// What it rests on.
    pub detail: String,
    /// What contradicts it; empty if it is proven.
    pub failures: Vec<String>,
}

/// How many events are read at a time.
const PAGE: usize = 1024;

/// The log's copy, made from exported lines.
const COPY: &str = "copy.db";

/// Every claim, in the order in which they are told.
pub async fn all(set: &Set, promises: &Promises) -> Vec<Claim> {
    let mut claims = vec![
        once_on_each_side(&set.stage, &promises.messages),
        nothing_else(set, promises),
        statuses(&set.stage, &promises.messages),
    ];
    match Ledger::read(&set.log(), &set.program.folder.join(COPY)).await {
        Ok(ledger) => claims.extend([
            webhooks_once(&set.stage, &ledger),
            one_name(&set.stage, promises, &ledger),
            nothing_in_flight(&ledger.summary),
            equal_digests(&ledger),
        ]),
        Err(error) => claims.push(Claim {
            title: "The log can be read back".to_owned(),
            detail: String::new(),
            failures: vec![format!("the log cannot be read back: {}", chain(&*error))],
        }),
    }
    claims
}

/// What the log says, read back by somebody who was not there.
struct Ledger {
    events: Vec<StoredEvent>,
    replay: Replay,
    summary: Summary,
    again: Summary,
    copy: Summary,
}

impl Ledger {
    async fn read(log: &Path, copy: &Path) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let (log, copy) = (log.to_owned(), copy.to_owned());
        let opened = tokio::task::spawn_blocking(move || SqliteLog::open_read_only(log)).await??;
        let mut events = Vec::new();
        loop {
            let after = events.last().map(|event: &StoredEvent| event.position);
            let page = opened.read_all(after, PAGE).await?;
            if page.is_empty() {
                break;
            }
            events.extend(page);
        }
        let copied = copied(&events, &copy).await?;
        let folded = tokio::task::spawn_blocking(move || {
            let replay = Replay::of(&opened, None, &mut |_| {})?;
            let again = Replay::of(&opened, None, &mut |_| {})?;
            let copy = Replay::of(&copied, None, &mut |_| {})?;
            Ok::<_, crate::fold::FoldError>((replay, again.summary(), copy.summary()))
        });
        let (replay, again, copy) = folded.await??;
        Ok(Self { events, summary: replay.summary(), replay, again, copy })
    }
}

/// Exports events as lines and makes another log of the lines.
async fn copied(events: &[StoredEvent], path: &Path) -> Result<SqliteLog, Box<dyn Error + Send + Sync>> {
    let path = path.to_owned();
    let copy = tokio::task::spawn_blocking(move || SqliteLog::open(path)).await??;
    let mut appends = Vec::with_capacity(events.len());
    for event in events {
        let event = from_line(&to_line(&ExportedEvent::from(event.clone())))?;
        let expected = match event.revision {
            Revision::FIRST => ExpectedRevision::NoStream,
            later => ExpectedRevision::Exact(Revision::new(later.as_u64() - 1)),
        };
        appends.push(Append { stream: event.stream.clone(), expected, events: vec![event.into_new()] });
    }
    for appended in copy.append_all(appends).await {
        appended?;
    }
    Ok(copy)
}

fn once_on_each_side(stage: &Stage, messages: &[Promise]) -> Claim {
    let mut failures = Vec::new();
    for promise in messages {
        for at in [&promise.ends.crm, &promise.ends.channel] {
            let shown = stage.transcript(at).iter().filter(|line| is_of(promise, at, line)).count();
            if shown != 1 {
                failures.push(format!("at {at}, {:?} stands {shown} times instead of once", promise.text));
            }
        }
    }
    Claim {
        title: "Every message stands exactly once on each side.".to_owned(),
        detail: format!("{} messages, seen on both screens by their text and author.", messages.len()),
        failures,
    }
}

fn is_of(promise: &Promise, at: &ConnectionName, line: &Line) -> bool {
    let author = match promise.author {
        LineAuthor::Bot if promise.ends.channel == *at => LineAuthor::Company,
        author @ (LineAuthor::Bot | LineAuthor::Client | LineAuthor::Company) => author,
    };
    line.text == promise.text && line.author == author && line.chat == promise.phone
}

fn nothing_else(set: &Set, promises: &Promises) -> Claim {
    let stage = &set.stage;
    let mut failures = Vec::new();
    for at in stage.names() {
        if set.is_assistant(at) {
            failures.extend(strangers_at_assistant(stage, at, promises));
            continue;
        }
        let promised = |line: &Line| {
            let here =
                promises.messages.iter().filter(|promise| promise.ends.crm == *at || promise.ends.channel == *at);
            here.into_iter().any(|promise| is_of(promise, at, line))
        };
        let notes: Vec<&String> =
            promises.notes.iter().filter(|(noted, _)| noted == at).map(|(_, note)| note).collect();
        let is_note = |line: &Line| {
            line.author == LineAuthor::Bot && notes.iter().any(|note| line.text.starts_with(note.as_str()))
        };
        let lines = stage.transcript(at);
        let noted = lines.iter().filter(|line| is_note(line)).count();
        if noted != notes.len() {
            failures.push(format!("at {at}, {noted} notes stand instead of {}", notes.len()));
        }
        let other: Vec<Line> = lines.into_iter().filter(|line| !promised(line) && !is_note(line)).collect();
        let (bots, strangers): (Vec<_>, Vec<_>) = other.into_iter().partition(|line| line.author == LineAuthor::Bot);
        failures.extend(strangers.iter().map(|line| format!("at {at}, nobody wrote {:?}", line.text)));
        let claimed = promises.claims.iter().filter(|claimed| *claimed == at).count();
        let chats: BTreeSet<&String> = bots.iter().map(|line| &line.chat_id).collect();
        if (bots.len(), chats.len()) != (claimed, claimed) {
            let (lines, chats) = (bots.len(), chats.len());
            failures
                .push(format!("at {at}, the bot spoke {lines} times in {chats} chats; {claimed} were to be claimed"));
        }
    }
    Claim {
        title: "Nothing else stands there.".to_owned(),
        detail: format!(
            "But {} messages of the bot, one for each chat that was claimed, and {} notes for managers, each once.",
            promises.claims.len(),
            promises.notes.len()
        ),
        failures,
    }
}

/// What an assistant heard and nobody promised: a manager's words, say, or another's client.
fn strangers_at_assistant(stage: &Stage, at: &ConnectionName, promises: &Promises) -> Vec<String> {
    let promised = |line: &Line| {
        let by_it = |promise: &&Promise| promise.text == line.text && promise.author == line.author;
        line.author != LineAuthor::Company && promises.messages.iter().any(|promise| by_it(&promise))
    };
    let strangers = stage.transcript(at).into_iter().filter(|line| !promised(line));
    strangers.map(|line| format!("at {at}, nobody was to hear or say {:?}", line.text)).collect()
}

fn statuses(stage: &Stage, messages: &[Promise]) -> Claim {
    let mut failures = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for promise in messages {
        let Some(status) = promise.status else { continue };
        *counts.entry(status.word()).or_default() += 1;
        let lines = stage.transcript(&promise.ends.crm);
        let shown = lines.into_iter().find(|line| is_of(promise, &promise.ends.crm, line)).and_then(|line| line.status);
        if !shown.as_deref().is_some_and(|shown| status.is_shown_as(shown)) {
            let at = &promise.ends.crm;
            failures.push(format!("at {at}, {:?} stands at {shown:?} instead of {:?}", promise.text, status.word()));
        }
    }
    let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    Claim {
        title: "Managers see where their messages stand.".to_owned(),
        detail: format!("In the end: {}.", counts.join(", ")),
        failures,
    }
}

/// What was told 200 is in the log, byte for byte, and once, however often it was sent.
fn webhooks_once(stage: &Stage, ledger: &Ledger) -> Claim {
    let mut failures = Vec::new();
    let mut recorded: BTreeMap<(ConnectionName, Vec<u8>), usize> = BTreeMap::new();
    for stored in &ledger.events {
        match codec::open(stored.clone()) {
            Ok(opened) => {
                // What was asked for was sent by nobody.
                if let Event::WebhookReceived(webhook) = opened.event
                    && webhook.transport == Transport::Webhook
                {
                    *recorded.entry((webhook.connection, webhook.body)).or_default() += 1;
                }
            }
            Err(error) => failures.push(chain(&error)),
        }
    }
    let (mut sent, mut tries) = (BTreeSet::new(), 0);
    for at in stage.names() {
        for webhook in stage.sent(at) {
            tries += webhook.tries;
            match webhook.status {
                Some(200) => {
                    sent.insert((at.clone(), webhook.webhook.body));
                }
                status => failures.push(format!("a webhook of {at} was not taken: {status:?}")),
            }
        }
    }
    let missing = sent.iter().filter(|key| !recorded.contains_key(*key)).count();
    let twice = recorded.values().filter(|count| **count != 1).count();
    let strange = recorded.keys().filter(|key| !sent.contains(*key)).count();
    for (count, what) in [(missing, "missing in"), (twice, "more than once in"), (strange, "unexpectedly in")] {
        if count > 0 {
            failures.push(format!("{count} webhooks are {what} the log"));
        }
    }
    Claim {
        title: "Every webhook is in the log once, byte for byte.".to_owned(),
        detail: format!("{} of them, sent {tries} times.", recorded.len()),
        failures,
    }
}

/// Each chat in which both sides spoke is called by our id there; the note's is among them.
fn one_name(stage: &Stage, promises: &Promises, ledger: &Ledger) -> Claim {
    let bindings = &ledger.replay.state().bindings;
    let mut failures = Vec::new();
    for (at, phone) in &promises.bound {
        let chats: BTreeSet<String> =
            stage.transcript(at).into_iter().filter(|line| line.chat == *phone).map(|line| line.chat_id).collect();
        if chats.len() != 1 {
            failures.push(format!("at {at}, {phone} has {} chats instead of one", chats.len()));
        }
        for chat in chats {
            let theirs = ConversationId::new(chat.as_str());
            let thread = bindings.thread_of(at, &theirs);
            let endpoint = thread.and_then(|thread| {
                bindings.of(thread).iter().find(|endpoint| endpoint.theirs.as_ref() == Some(&theirs))
            });
            let ours = endpoint.and_then(|endpoint| endpoint.ours.as_ref()).map(ConversationId::as_str);
            let standing = endpoint.map(|endpoint| endpoint.standing);
            if ours != Some(phone.as_str()) || standing != Some(Standing::Confirmed) {
                failures.push(format!("at {at}, the chat {chat} is called {ours:?} ({standing:?}) instead of {phone}"));
            }
        }
    }
    let note =
        promises.note.as_ref().and_then(|(at, text)| stage.transcript(at).into_iter().find(|line| line.text == *text));
    let note = match note {
        Some(line) => format!(" The note's {} is {}.", line.chat_id, line.chat),
        None => {
            failures.push("the note's chat is not there".to_owned());
            String::new()
        }
    };
    Claim {
        title: "Each chat has one name, and it is ours.".to_owned(),
        detail: format!(
            "{} chats are bound to the client's number and confirmed by the CRM.{note}",
            promises.bound.len()
        ),
        failures,
    }
}

fn nothing_in_flight(summary: &Summary) -> Claim {
    let mut failures = Vec::new();
    let must_be_none = [
        (summary.intents.open, "intents are not done"),
        (summary.intents.outstanding, "intents were never raised"),
        (usize::try_from(summary.drift).unwrap_or(usize::MAX), "intents are not what the rules say"),
    ];
    for (count, what) in must_be_none {
        if count > 0 {
            failures.push(format!("{count} {what}"));
        }
    }
    for outcome in ["accepted", "postponed", "uncertain"] {
        if !summary.attempts.contains_key(outcome) {
            failures.push(format!("no attempt was {outcome}, so what the play is about did not happen"));
        }
    }
    // The note's own spelling of the number; see the scene.
    let expected = BTreeMap::from([(AnomalyKind::OtherIdInForce.label(), 1)]);
    if summary.anomalies != expected {
        failures.push(format!("what should not happen and did: {:?} instead of {expected:?}", summary.anomalies));
    }
    let attempts: Vec<String> = summary.attempts.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    Claim {
        title: "Nothing is in flight, and nothing was forgotten.".to_owned(),
        detail: format!(
            "{} intents are done. Their attempts: {}. The rules, asked again, decide the same.",
            summary.intents.raised,
            attempts.join(", ")
        ),
        failures,
    }
}

fn equal_digests(ledger: &Ledger) -> Claim {
    let mut failures = Vec::new();
    for (what, other) in [("folded again", &ledger.again), ("folded from an exported copy", &ledger.copy)] {
        for (name, digest) in &ledger.summary.digests {
            let other = other.digests.get(name);
            if other != Some(digest) {
                failures.push(format!("{name}, {what}, is {other:?} instead of {digest:?}"));
            }
        }
    }
    Claim {
        title: "The log alone is enough to know all this.".to_owned(),
        detail: format!(
            "{} events, folded twice, and once more from a copy that was exported and imported: {}",
            ledger.summary.events, ledger.summary.digest
        ),
        failures,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::SystemClock;
    use crate::demo::script::Status;
    use crate::demo::set::Ends;

    #[tokio::test]
    async fn what_was_promised_and_is_not_there_is_named() {
        let stage = Stage::before(([127, 0, 0, 1], 9).into(), Arc::new(SystemClock)).expect("a client");
        let (crm, channel) = (ConnectionName::new("crm.main"), ConnectionName::new("channel.main"));
        let promise = Promise {
            ends: Ends { crm, channel },
            phone: "79161234567".to_owned(),
            author: LineAuthor::Company,
            text: "привет".to_owned(),
            status: Some(Status::Read),
        };
        let once = once_on_each_side(&stage, std::slice::from_ref(&promise)).failures;
        assert_eq!(
            once,
            [
                r#"at crm.main, "привет" stands 0 times instead of once"#,
                r#"at channel.main, "привет" stands 0 times instead of once"#
            ]
        );
        let stands = statuses(&stage, &[promise]).failures;
        assert_eq!(stands, [r#"at crm.main, "привет" stands at None instead of "read""#]);
    }
}
