//! Which conversation at which connection is which dialogue, and how firmly that is known.
//!
//! A dialogue (thread) has endpoints: its faces at connections. A CRM chat is found by the CRM's id first, by ours
//! second, by the client's number third (amoCRM contract, 10.5); a messenger's conversation by its id, then by number.
//! What cannot be placed yet waits here: messages of a conversation whose client is unknown, and messages for a
//! conversation that is still being opened.
//!
//! * [`map`] holds what is known, and asks nothing of anybody; [`endpoint`] is a dialogue's face at one connection;
//! * [`crm`], [`channel`] and [`assistant`] say how each side finds and keeps its dialogue.

mod assistant;
mod channel;
mod crm;
mod endpoint;
mod map;

pub use endpoint::{Endpoint, Standing};
pub use map::Bindings;

use serde::Serialize;

use crate::change::{Anomaly, AnomalyKind, Change};
use crate::configuration::{Configuration, Route};
use crate::contacts::Contacts;
use crate::content::Person;
use crate::fact::Fact;
use crate::ids::{ConnectionName, EventId, RouteName, ThreadId};
use crate::phone::PhoneNumber;
use crate::threads::Threads;
use crate::time::Timestamp;
use crate::username::Username;

/// Everything beside the bindings themselves that placing a fact depends on.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The configuration in force.
    pub configuration: &'a Configuration,
    /// The clients.
    pub contacts: &'a Contacts,
    /// The dialogues.
    pub threads: &'a Threads,
    /// Where the fact happened.
    pub connection: &'a ConnectionName,
    /// The event that brought it.
    pub event: EventId,
    /// When we heard of it.
    pub at: Timestamp,
}

impl Scene<'_> {
    fn anomaly(&self, anomaly: AnomalyKind, detail: impl Into<String>) -> Change {
        let connection = Some(self.connection.clone());
        Change::Anomaly(Anomaly { anomaly, event: self.event, connection, detail: detail.into() })
    }

    /// The dialogue of a number on a route, if there is one.
    fn thread_of(&self, name: &RouteName, route: &Route, phone: &PhoneNumber) -> Option<ThreadId> {
        let of_the_number = self.contacts.threads_of(&route.crm, phone).iter().copied();
        of_the_number.rev().find(|thread| self.is_on(*thread, name))
    }

    /// The same of a public name.
    fn thread_of_username(&self, name: &RouteName, route: &Route, client: &Person) -> Option<ThreadId> {
        let username = Username::parse(client.username.as_deref()?)?;
        let of_the_name = self.contacts.threads_of_username(&route.crm, &username).iter().copied();
        of_the_name.rev().find(|thread| self.is_on(*thread, name))
    }

    fn is_on(&self, thread: ThreadId, name: &RouteName) -> bool {
        self.threads.get(thread).is_some_and(|thread| thread.route == *name)
    }
}

/// Where a message belongs.
#[derive(Clone, PartialEq, Debug)]
pub enum Place {
    /// To this dialogue.
    Known(ThreadId),
    /// To this dialogue, which begins with it.
    Opened(ThreadId, RouteName, Option<PhoneNumber>),
    /// That is not known yet; it waits.
    Waits,
    /// Nowhere; an anomaly was told.
    Nowhere,
}

/// What a description of a conversation led to.
#[derive(Clone, PartialEq, Debug)]
pub struct Placed {
    /// Where the conversation belongs.
    pub place: Place,
    /// The facts that waited for it, with the time when we heard of each and the event that brought it.
    pub unparked: Vec<Parked>,
}

/// A message whose dialogue is not known yet.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Parked {
    /// The fact.
    pub fact: Fact,
    /// When we heard of it.
    pub at: Timestamp,
    /// The event that brought it.
    pub event: EventId,
    /// Its place among the facts of that event.
    pub ordinal: u32,
}

/// How a message can reach the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unreachable {
    /// There is no number, or none that can be dialled.
    NoPhone,
    /// There is neither a number nor an address by which the client could be found.
    NoMark,
    /// In this messenger only the client can begin.
    ClientOnly,
}

fn bound(thread: ThreadId, connection: &ConnectionName, standing: Standing) -> Change {
    Change::Bound { thread, connection: connection.clone(), standing }
}
