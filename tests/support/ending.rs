//! What a world leaves behind: its log, what people see on both sides, the calls, and the chronicle.

use std::collections::BTreeMap;
use std::time::Duration;

use chatledger::pipeline::Pipeline;
use chatledger_connectors::simulator::{Line, LineAuthor};
use chatledger_projections::event::Event;
use chatledger_projections::ids::{ConnectionName, EventId};
use chatledger_projections::recorded::Recorded;
use chatledger_projections::time::Timestamp;

use crate::script::{CLIENTS, CLIENTS_SIGN, is_reachable, phone};

/// What stands in the CRM in the place of a message that was taken back.
const DELETED: &str = "🗑 Сообщение удалено";

/// What a world leaves behind when it has come to rest.
#[derive(Debug)]
pub struct Ending {
    /// The whole log.
    pub log: Vec<Recorded<Event>>,
    /// The engine's own pipeline, as it stands at the end.
    pub pipeline: Pipeline,
    /// Where each webhook came from.
    pub causes: BTreeMap<EventId, Cause>,
    /// What people see in the CRM.
    pub crm: Vec<Line>,
    /// What people see in the messenger.
    pub channel: Vec<Line>,
    /// What people see at every connection, these two among them.
    pub transcripts: BTreeMap<ConnectionName, Vec<Line>>,
    /// What people have written, as they have changed it, and without what they have taken back.
    pub written: Vec<Written>,
    /// What was said before it was changed or taken back.
    pub unsaid: Vec<Written>,
    /// The clients who took a message back, once for each.
    pub withdrawn: Vec<u8>,
    /// The clients who reacted, once for each time.
    pub reacted: Vec<u8>,
    /// Every call that left the house, in order.
    pub calls: Vec<Made>,
    /// How often the engine was killed.
    pub crashes: usize,
    /// What happened, line by line, for people.
    pub chronicle: String,
}

/// Where a webhook came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// A person did something with or as this client.
    Deed(u8),
    /// We made a call; this is the event of its start.
    Call(EventId),
}

/// Something that somebody wrote.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Written {
    /// In the dialogue with this client.
    pub client: u8,
    /// Who wrote it.
    pub by: Writer,
    /// What it says.
    pub text: String,
}

/// Who writes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Writer {
    /// The client, in the messenger.
    Client,
    /// A manager, in the CRM.
    Manager,
    /// Somebody of the company, in the messenger's app.
    App,
}

/// A call that left the house.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Made {
    /// To whom.
    pub connection: ConnectionName,
    /// Under which of the account's limits.
    pub class: &'static str,
    /// When.
    pub at: Timestamp,
    /// The status that the platform itself answered, if the call reached it.
    pub status: Option<u16>,
}

impl Ending {
    /// Everything that people should see and do not, or see too often, or see as somebody else's.
    pub fn complaints(&self) -> Vec<String> {
        let mut written: BTreeMap<&Written, usize> = BTreeMap::new();
        for one in &self.written {
            *written.entry(one).or_default() += 1;
        }
        let mut complaints = Vec::new();
        for (one, times) in &written {
            let (in_crm, in_channel) = (seen(&self.crm, one), seen(&self.channel, one));
            if in_crm != *times {
                complaints.push(format!("{:?}: written {times} times, seen {in_crm} times in the CRM", one.text));
            }
            let refused = one.by == Writer::Manager && !is_reachable(one.client);
            if in_channel != *times && !refused {
                complaints
                    .push(format!("{:?}: written {times} times, seen {in_channel} times in the messenger", one.text));
            }
            if in_channel > *times {
                complaints.push(format!("{:?}: nobody may see this {in_channel} times", one.text));
            }
        }
        let strangers = self.crm.iter().chain(&self.channel).filter(|line| {
            line.author != LineAuthor::Bot
                && line.text != DELETED
                && !self.written.iter().any(|written| written.text == line.text)
        });
        complaints.extend(strangers.map(|line| format!("{:?}: nobody wrote this", line.text)));
        for client in 0..CLIENTS {
            let number = phone(client);
            let of = |clients: &[u8]| clients.iter().filter(|one| **one == client).count();
            let gone = self.crm.iter().filter(|line| line.chat == number && line.text == DELETED).count();
            if gone != of(&self.withdrawn) {
                complaints.push(format!("client {client} took back {}, {gone} are gone", of(&self.withdrawn)));
            }
            let marked = |lines: &[Line]| {
                let signs = lines.iter().filter(|line| line.chat == number).flat_map(|line| &line.reactions);
                signs.filter(|sign| *sign == CLIENTS_SIGN).count()
            };
            let (in_channel, in_crm) = (marked(&self.channel), marked(&self.crm));
            if in_channel != in_crm {
                complaints.push(format!("client {client} has reacted {in_channel} times, {in_crm} are seen"));
            }
            if (in_channel == 0) != (of(&self.reacted) == 0) {
                complaints.push(format!("client {client} has reacted {} times, none stay", of(&self.reacted)));
            }
        }
        complaints
    }

    /// The most calls of a class that any span of this length held.
    pub fn busiest(&self, connection: &ConnectionName, class: &str, per: Duration) -> usize {
        let calls: Vec<Timestamp> = self
            .calls
            .iter()
            .filter(|call| call.connection == *connection && call.class == class)
            .map(|call| call.at)
            .collect();
        let within = |start: Timestamp| calls.iter().filter(|at| **at >= start && **at < start + per).count();
        calls.iter().map(|start| within(*start)).max().unwrap_or(0)
    }
}

/// How often a message is seen, in the right dialogue and as the right person's.
fn seen(lines: &[Line], written: &Written) -> usize {
    let number = phone(written.client);
    let is_it = |line: &&Line| {
        let author = match written.by {
            Writer::Client => line.author == LineAuthor::Client,
            // Where no manager is configured the bot speaks for them.
            Writer::Manager | Writer::App => matches!(line.author, LineAuthor::Company | LineAuthor::Bot),
        };
        author && line.chat == number && line.text == written.text
    };
    lines.iter().filter(is_it).count()
}
