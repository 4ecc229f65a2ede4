//! What the read model keeps, row by row: plain values between whoever learns and the file.
//!
//! Events are counted from one in the order of the log (`seq`): whatever a store's positions are, these have no gaps and
//! fit into a column. Dialogues, connections and messages are numbered in the order in which they were met, so that
//! reading the same log again numbers them the same.

use chatledger_projections::assistance::Silence;
use chatledger_projections::change::AnomalyKind;
use chatledger_projections::fact::{DeliveryState, RemarkKind};
use chatledger_projections::recorded::{Position, Revision};

use super::answer::{ThreadCounts, ThreadState};

/// An event's place among all events, from one.
pub(super) type Seq = i64;

/// A dialogue's, a connection's, a message's or an intent's number.
pub(super) type Number = i64;

/// Until which event a row holds that still does.
pub(super) const OPEN: Seq = Seq::MAX;

/// One thing to keep.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Row {
    Event(EventKept),
    /// An event touched a dialogue; that became known with the event `since`.
    Touched {
        thread: Number,
        seq: Seq,
    },
    /// A connection was met.
    Connection {
        connection: Number,
        name: String,
    },
    /// A connection stands so from here on.
    ConnectionVersion {
        connection: Number,
        version: ConnectionVersion,
    },
    /// So many messages had taken so long, since the log began.
    Latencies {
        connection: Number,
        steps: String,
    },
    /// A connection is so, by the platform's own word.
    Health {
        connection: Number,
        document: String,
    },
    /// This configuration is in force.
    Configuration {
        document: String,
    },
    /// A dialogue was heard of.
    Thread {
        thread: Number,
        id: String,
    },
    /// It began.
    ThreadOpened {
        thread: Number,
        route: String,
        opened_at: i64,
    },
    /// It stands so from here on; before, so since that event, if at all.
    ThreadVersion {
        thread: Number,
        before: Option<Seq>,
        version: ThreadVersion,
    },
    /// It is shown so from here on.
    Faces {
        thread: Number,
        document: String,
    },
    /// It is shown at this connection.
    ShownAt {
        thread: Number,
        connection: Number,
    },
    /// So many dialogues stand so from here on.
    ThreadCounts(ThreadCounts),
    /// Something is called so.
    Name {
        name: String,
        what: Named,
        connection: Number,
        thread: Number,
        message: Number,
    },
    /// A client is called so, for people to look for.
    ClientName {
        thread: Number,
        name: String,
    },
    /// A message was written.
    Message(MessageKept),
    /// It stands so from here on.
    MessageVersion(MessageVersion),
    /// Something happened in a dialogue.
    Entry {
        thread: Number,
        at: i64,
        ordinal: i64,
        what: EntryKind,
        message: Option<Number>,
        body: Option<String>,
    },
    /// An intent was raised.
    Intent(IntentKept),
    /// It came to its end.
    IntentEnded {
        intent: Number,
        raised: Seq,
    },
    /// An attempt was started.
    AttemptStarted {
        intent: Number,
        attempt: u32,
        kind: &'static str,
        call: String,
        engine: Option<String>,
    },
    /// It ended.
    AttemptSettled {
        intent: Number,
        attempt: u32,
        kind: &'static str,
        call: String,
        outcome: &'static str,
        reason: Option<String>,
        status: Option<u16>,
    },
    /// An intent is held from here on.
    Held(HeldKept),
    /// An intent, held since that event, is held no more.
    Released {
        intent: Number,
        since: Seq,
    },
    /// Something odd was met for the first time.
    RemarkGroup {
        group: Number,
        kind: RemarkKind,
        connection: Number,
        at: String,
        found: String,
    },
    /// It was met so often by now.
    Remarked {
        group: Number,
        count: i64,
    },
    /// Something that should not have happened did for the first time.
    AnomalyGroup {
        group: Number,
        kind: AnomalyKind,
        connection: Option<Number>,
    },
    /// It happened so often by now.
    Anomaly {
        group: Number,
        count: i64,
        detail: String,
    },
}

/// What a name is a name of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Named {
    /// A client's number: international digits.
    Phone = 1,
    /// A conversation, by the platform's id or by ours.
    Conversation = 2,
    /// A client, by the platform's id or by ours.
    Person = 3,
    /// A message, by the platform's id, by ours, or by its job.
    Message = 4,
    /// A client's public name, in small letters.
    Username = 5,
    /// A client's electronic mail address, in small letters.
    Email = 6,
}

/// Of what kind an entry of a timeline is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum EntryKind {
    /// A message: the message says all.
    Message = 1,
    /// A step of a message's delivery.
    Delivery = 2,
    /// Anything else: the body says all.
    Other = 3,
}

/// An event, as far as lists show it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct EventKept {
    pub position: Position,
    pub id: [u8; 16],
    pub event_type: &'static str,
    pub at: i64,
    pub clock: i64,
    pub stream: String,
    pub revision: Revision,
    pub connection: Option<Number>,
    pub threads: Vec<Number>,
}

/// How a connection stands. What is counted is counted since the log began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct ConnectionVersion {
    pub webhooks: i64,
    pub last_webhook_at: Option<i64>,
    pub depth: i64,
    pub held: i64,
    pub accepted: i64,
    pub refused: i64,
    pub unsettled: i64,
    pub silent: i64,
    pub silent_since: Option<i64>,
}

/// How a dialogue stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ThreadVersion {
    pub state: ThreadState,
    pub active_at: i64,
    pub last: Option<Number>,
    pub from_client: u32,
    pub from_company: u32,
    pub open: u32,
    pub held: u32,
    pub helped: bool,
    pub silence: Option<Silence>,
}

/// A message as it was written.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct MessageKept {
    pub message: Number,
    pub thread: Number,
    pub connection: Number,
    pub name: String,
    pub heard_at: i64,
    /// Everything else that stays as it is, and what it said at first.
    pub document: String,
}

/// How a message stands.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct MessageVersion {
    pub message: Number,
    pub at: i64,
    pub state: DeliveryState,
    /// Why it failed, where it is shown, what became of it; absent if there is nothing of the kind.
    pub rest: Option<String>,
}

/// An intent as it was raised.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct IntentKept {
    pub intent: Number,
    pub id: [u8; 16],
    pub thread: Number,
    pub connection: Number,
    pub what: &'static str,
    pub policy: String,
    pub cause: [u8; 16],
    pub message: Option<Number>,
}

/// An intent that waits for a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct HeldKept {
    pub intent: Number,
    pub id: [u8; 16],
    pub thread: Number,
    pub connection: Number,
    pub message: Option<Number>,
    /// Everything else.
    pub document: String,
}
