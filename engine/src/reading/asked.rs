//! What is asked of the read side: which rows, as of when.

use chatledger_projections::change::AnomalyKind;
use chatledger_projections::delivery::Origin;
use chatledger_projections::fact::RemarkKind;
use chatledger_projections::ids::{ConnectionName, EventId, IntentId, RouteName, ThreadId};
use chatledger_projections::recorded::Position;
use chatledger_projections::time::Timestamp;

use super::answer::ThreadState;
use super::cursor::Cursor;

/// As of when something is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AsOf {
    /// As it is now.
    #[default]
    Now,
    /// As it was after the event at this position, or after the last one before it.
    Position(Position),
    /// As it was at this time: after the last event that was recorded by then. A clock that was set back does not bring
    /// the past back: what was recorded while it lagged counts as recorded when it had caught up.
    Time(Timestamp),
}

/// Which page of a list.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Wanted {
    /// Where it begins; `None`: the first. With a cursor, the moment is the first page's.
    pub cursor: Option<Cursor>,
    /// How many rows at most; `None`: [`USUAL_LIMIT`]. Never more than [`LARGEST_LIMIT`].
    pub limit: Option<usize>,
}

/// How many rows a page has if nobody says.
pub const USUAL_LIMIT: usize = 50;

/// How many rows a page has at most.
pub const LARGEST_LIMIT: usize = 200;

/// Which dialogues. All that is given must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ThreadFilter {
    /// What people type to find one: a phone number in any form, a name or the beginning of one, an id of any platform
    /// or of ours.
    pub search: Option<String>,
    /// In one of these states; empty: in any.
    pub states: Vec<ThreadState>,
    /// On this route.
    pub route: Option<RouteName>,
    /// Shown at this connection.
    pub connection: Option<ConnectionName>,
    /// Nothing was said in it since this time.
    pub quiet_since: Option<Timestamp>,
    /// Something was said in it since this time.
    pub active_since: Option<Timestamp>,
}

/// In which order a timeline is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    /// The newest first.
    #[default]
    NewestFirst,
    /// The oldest first.
    OldestFirst,
}

/// Which entries of a timeline.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TimelineFilter {
    /// In which order.
    pub order: Order,
    /// Whether only what was said is told, with where it stands, and not each step of it.
    pub only_messages: bool,
}

/// What names a message, as it is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MessageAsked {
    /// By where it was written or shown, and what it is called there.
    At(Origin),
    /// By what it is called, at whichever connection.
    Called(String),
}

/// Which held intents.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HeldFilter {
    /// To become true at this connection.
    pub connection: Option<ConnectionName>,
    /// Of this dialogue.
    pub thread: Option<ThreadId>,
    /// Exactly this one.
    pub intent: Option<IntentId>,
}

/// Which remarks and anomalies.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RemarkFilter {
    /// Of this connection.
    pub connection: Option<ConnectionName>,
    /// Remarks of this kind.
    pub remark: Option<RemarkKind>,
    /// Anomalies of this kind.
    pub anomaly: Option<AnomalyKind>,
}

/// Which events.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EventFilter {
    /// In which order.
    pub order: Order,
    /// At this position or behind it.
    pub from: Option<Position>,
    /// At this position or before it.
    pub to: Option<Position>,
    /// Of this type, as [`Event::label`](chatledger_projections::event::Event::label) says it.
    pub event_type: Option<String>,
    /// About this connection.
    pub connection: Option<ConnectionName>,
    /// That touched this dialogue.
    pub thread: Option<ThreadId>,
}

/// What names an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventAsked {
    /// By its place.
    Position(Position),
    /// By its id.
    Id(EventId),
}
