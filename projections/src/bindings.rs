//! Which conversation at which connection is which dialogue, and how firmly that is known.
//!
//! A dialogue (thread) has endpoints: its faces at connections. A CRM chat is found by the CRM's id first, by ours
//! second, by the client's number third (amoCRM contract, 10.5); a messenger's conversation by its id, then by number.
//! What cannot be placed yet waits here: messages of a conversation whose client is unknown, and messages for a
//! conversation that is still being opened.

use serde::Serialize;

use crate::change::{Anomaly, AnomalyKind, Change, Written};
use crate::configuration::{ChatId, Configuration, FirstContact, ManagerFirst, Route};
use crate::contacts::{Contact, Contacts};
use crate::content::Person;
use crate::fact::{ConversationKey, ConversationSeen, Fact, Message};
use crate::ids::{ConnectionName, ConversationId, EventId, PersonId, RouteName, SourceId, ThreadId};
use crate::intent::ClientMark;
use crate::phone::PhoneNumber;
use crate::projection::{Digest, Map, Projection};
use crate::threads::Threads;
use crate::time::Timestamp;

/// A dialogue's face at one connection.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Endpoint {
    /// Where.
    pub connection: ConnectionName,
    /// The platform's id of the conversation.
    pub theirs: Option<ConversationId>,
    /// Our id of it, where the platform takes ours. Once given it never changes.
    pub ours: Option<ConversationId>,
    /// The platform's id of the client, where it is needed to name the client.
    pub client_theirs: Option<PersonId>,
    /// Whether the platform calls the client by our id.
    pub client_confirmed: bool,
    /// The entrance through which the dialogue runs.
    pub source: Option<SourceId>,
    /// How firmly it is bound.
    pub standing: Standing,
    /// How often it was claimed.
    pub claims: u32,
    /// When it was claimed last.
    pub claimed_at: Option<Timestamp>,
    /// Another id of ours by which the platform calls it.
    pub called: Option<ConversationId>,
    /// Messages that wait for it, in order.
    pub waiting: Vec<Written>,
}

/// How firmly a conversation is bound to a dialogue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Only they have a name for it; ours is not known to them.
    Foreign,
    /// A bot's message with our name for it is on its way.
    Claiming,
    /// It is being found or opened.
    Opening,
    /// They took a message under both names, and have not used ours yet.
    Provisional,
    /// Both sides call it the same.
    Confirmed,
}

impl Standing {
    /// The standing as a word, for tables.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Claiming => "claiming",
            Self::Opening => "opening",
            Self::Provisional => "provisional",
            Self::Confirmed => "confirmed",
        }
    }
}

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
        of_the_number.rev().find(|thread| self.threads.get(*thread).is_some_and(|thread| thread.route == *name))
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

type Named = (ConnectionName, ConversationId);

/// The projection.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    endpoints: Map<ThreadId, Vec<Endpoint>>,
    by_theirs: Map<Named, ThreadId>,
    by_ours: Map<Named, ThreadId>,
    parked: Map<Named, Vec<Parked>>,
    /// Dialogues whose first message is on its way to somebody whom the channel knows.
    sought: Map<(ConnectionName, PersonId), ThreadId>,
}

impl Bindings {
    // ---- questions ----

    /// A dialogue's face at a connection: the one in which somebody wrote last.
    pub fn current(&self, thread: ThreadId, connection: &ConnectionName) -> Option<&Endpoint> {
        self.of(thread).iter().rev().find(|endpoint| endpoint.connection == *connection)
    }

    /// All faces of a dialogue.
    pub fn of(&self, thread: ThreadId) -> &[Endpoint] {
        self.endpoints.get(&thread).map_or(&[], Vec::as_slice)
    }

    /// The dialogue of a platform's conversation.
    pub fn thread_of(&self, connection: &ConnectionName, theirs: &ConversationId) -> Option<ThreadId> {
        self.by_theirs.get(&(connection.clone(), theirs.clone())).copied()
    }

    // ---- the CRM's side ----

    /// Places a message that the CRM tells of.
    pub fn at_crm(&mut self, scene: &Scene<'_>, message: &Message, changes: &mut Vec<Change>) -> Place {
        let Some(theirs) = &message.conversation.theirs else {
            changes.push(scene.anomaly(AnomalyKind::NoConversation, "a message without the CRM's chat id"));
            return Place::Nowhere;
        };
        if let Some(thread) = self.thread_of(scene.connection, theirs) {
            self.sight(scene, thread, theirs, message, changes);
            return Place::Known(thread);
        }
        let by_ours = message.conversation.ours.as_ref().and_then(|ours| {
            let thread = self.by_ours.get(&(scene.connection.clone(), ours.clone())).copied()?;
            let endpoint = self.endpoint(thread, |endpoint| endpoint.ours.as_ref() == Some(ours))?;
            endpoint.theirs.is_none().then_some(thread)
        });
        if let Some(thread) = by_ours {
            self.name(scene.connection, thread, message.conversation.ours.as_ref(), theirs);
            self.sight(scene, thread, theirs, message, changes);
            return Place::Known(thread);
        }
        let Some((name, route)) = scene.configuration.route_of_crm(scene.connection, message.source.as_ref()) else {
            changes.push(scene.anomaly(AnomalyKind::NoRoute, "no route has this CRM connection and source"));
            return Place::Nowhere;
        };
        let phone = message.client.as_ref().and_then(|client| client.phone.as_deref());
        let phone = phone.and_then(|phone| PhoneNumber::parse(phone, route.region).ok());
        let known = phone.as_ref().and_then(|phone| scene.thread_of(name, route, phone));
        let thread = known.unwrap_or_else(|| ThreadId::first_seen(name, scene.connection, theirs));
        let ours = message.conversation.ours.clone().or_else(|| {
            let wanted = phone.as_ref().map(|phone| chat_id(name, route, phone))?;
            Some(self.free(scene.connection, wanted, theirs))
        });
        let mut endpoint = Endpoint::new(scene.connection, Standing::Foreign);
        endpoint.theirs = Some(theirs.clone());
        endpoint.ours = ours;
        self.add(thread, endpoint);
        self.sight(scene, thread, theirs, message, changes);
        self.claim(scene, route, thread, theirs, changes);
        match known {
            Some(thread) => Place::Known(thread),
            None => Place::Opened(thread, name.clone(), phone),
        }
    }

    /// The client's number has become known: chats that could not be given an id of ours for want of it get one now.
    pub fn number_known(
        &mut self,
        scene: &Scene<'_>,
        (name, route): (&RouteName, &Route),
        thread: ThreadId,
        phone: &PhoneNumber,
        changes: &mut Vec<Change>,
    ) {
        let nameless = |endpoint: &&Endpoint| endpoint.connection == route.crm && endpoint.ours.is_none();
        let theirs = self.of(thread).iter().rev().find(nameless).and_then(|endpoint| endpoint.theirs.clone());
        let Some(theirs) = theirs else { return };
        let ours = self.free(&route.crm, chat_id(name, route, phone), &theirs);
        self.by_ours.insert((route.crm.clone(), ours.clone()), thread);
        if let Some(endpoint) = self.endpoint(thread, |endpoint| endpoint.theirs.as_ref() == Some(&theirs)) {
            endpoint.ours = Some(ours);
        }
        self.claim(scene, route, thread, &theirs, changes);
    }

    /// Gives a dialogue a face in the CRM, under an id of ours, unless it has one.
    pub fn ensure_at_crm(
        &mut self,
        name: &RouteName,
        route: &Route,
        thread: ThreadId,
        contact: Option<&Contact>,
        there: &ConversationKey,
    ) {
        if self.current(thread, &route.crm).is_some() {
            return;
        }
        let phone = contact.and_then(|contact| contact.phone.as_ref());
        let of_the_conversation = there.theirs.as_ref().map_or("", ConversationId::as_str);
        let wanted = phone.map_or_else(
            || ConversationId::new(format!("{}:{of_the_conversation}", route.channel)),
            |phone| chat_id(name, route, phone),
        );
        let mut endpoint = Endpoint::new(&route.crm, Standing::Provisional);
        endpoint.ours = Some(self.free(&route.crm, wanted, &ConversationId::new(of_the_conversation)));
        endpoint.source.clone_from(&route.source);
        self.add(thread, endpoint);
    }

    /// The CRM took a message of ours in a dialogue and said where it put it.
    pub fn took(&mut self, scene: &Scene<'_>, thread: ThreadId, said: &ConversationKey, changes: &mut Vec<Change>) {
        let Some(theirs) = &said.theirs else { return };
        // An old, printed form of the answer repeats our id in the place of theirs (contract, 5.4).
        if self.endpoint(thread, |endpoint| endpoint.ours.as_ref() == Some(theirs)).is_some() {
            return;
        }
        let connection = scene.connection;
        match self.thread_of(connection, theirs) {
            Some(known) if known == thread => {
                let Some(endpoint) = self.endpoint(thread, |endpoint| endpoint.theirs.as_ref() == Some(theirs)) else {
                    return;
                };
                // It went out under both names; from here on they may use ours.
                if matches!(endpoint.standing, Standing::Foreign | Standing::Claiming) {
                    endpoint.standing = Standing::Provisional;
                    changes.push(bound(thread, connection, Standing::Provisional));
                }
            }
            Some(_) => {
                changes.push(scene.anomaly(AnomalyKind::SecondChat, format!("{theirs} belongs to another dialogue")))
            }
            None => {
                let unnamed =
                    self.endpoint(thread, |endpoint| endpoint.connection == *connection && endpoint.theirs.is_none());
                if let Some(endpoint) = unnamed {
                    endpoint.theirs = Some(theirs.clone());
                    endpoint.standing = Standing::Confirmed;
                } else {
                    changes
                        .push(scene.anomaly(AnomalyKind::SecondChat, format!("the CRM put the message into {theirs}")));
                    let mut endpoint = Endpoint::new(connection, Standing::Foreign);
                    endpoint.theirs = Some(theirs.clone());
                    // Not the current one: whoever wrote last wrote in the other.
                    self.faces(thread).insert(0, endpoint);
                }
                self.by_theirs.insert((connection.clone(), theirs.clone()), thread);
                changes.push(bound(thread, connection, Standing::Confirmed));
            }
        }
    }

    /// A claim ended: the chat has our id now, as far as the CRM says, or has not.
    pub fn claimed(
        &mut self,
        scene: &Scene<'_>,
        thread: ThreadId,
        theirs: &ConversationId,
        taken: Option<&ConversationKey>,
        changes: &mut Vec<Change>,
    ) {
        let Some(endpoint) = self.endpoint(thread, |endpoint| endpoint.theirs.as_ref() == Some(theirs)) else { return };
        let ours = endpoint.ours.clone();
        let standing = match taken {
            Some(said) => match &said.theirs {
                Some(other) if other != theirs && Some(other) != ours.as_ref() => {
                    changes.push(scene.anomaly(AnomalyKind::SecondChat, format!("a claim of {theirs} made {other}")));
                    Standing::Foreign
                }
                Some(_) | None => Standing::Provisional,
            },
            // What remains is the documented remedy: both names with the client's first answer (contract, 10.2).
            None => Standing::Foreign,
        };
        let endpoint =
            self.endpoint(thread, |endpoint| endpoint.theirs.as_ref() == Some(theirs)).expect("it was found above");
        // A hook may have been quicker than the answer.
        if endpoint.standing == Standing::Claiming {
            endpoint.standing = standing;
            changes.push(bound(thread, scene.connection, standing));
        }
    }

    /// A hook shows a chat that we know: learns what it says of the names in use.
    fn sight(
        &mut self,
        scene: &Scene<'_>,
        thread: ThreadId,
        theirs: &ConversationId,
        message: &Message,
        changes: &mut Vec<Change>,
    ) {
        let endpoints = self.faces(thread);
        let Some(index) = endpoints.iter().position(|endpoint| endpoint.theirs.as_ref() == Some(theirs)) else {
            return;
        };
        // Where somebody writes is where the dialogue goes on.
        if index + 1 != endpoints.len() {
            let endpoint = endpoints.remove(index);
            endpoints.push(endpoint);
        }
        let endpoint = endpoints.last_mut().expect("one was just found");
        if let Some(client) = &message.client {
            if client.theirs.is_some() {
                endpoint.client_theirs.clone_from(&client.theirs);
            }
            endpoint.client_confirmed |= client.ours.is_some();
        }
        if message.source.is_some() {
            endpoint.source.clone_from(&message.source);
        }
        match (&message.conversation.ours, &endpoint.ours) {
            (Some(called), Some(ours)) if called == ours => {
                if endpoint.standing != Standing::Confirmed {
                    endpoint.standing = Standing::Confirmed;
                    changes.push(bound(thread, scene.connection, Standing::Confirmed));
                }
            }
            (Some(called), Some(_)) => {
                if endpoint.called.as_ref() != Some(called) {
                    endpoint.called = Some(called.clone());
                    endpoint.standing = Standing::Provisional;
                    changes
                        .push(scene.anomaly(AnomalyKind::OtherIdInForce, format!("{theirs} is called {called} there")));
                }
            }
            (Some(called), None) => {
                endpoint.ours = Some(called.clone());
                endpoint.standing = Standing::Confirmed;
                self.by_ours.insert((scene.connection.clone(), called.clone()), thread);
                changes.push(bound(thread, scene.connection, Standing::Confirmed));
            }
            (None, _) => {
                if endpoint.standing == Standing::Provisional && endpoint.claims > 0 {
                    self.claim_again(scene, thread, theirs, changes);
                }
            }
        }
    }

    /// The remedy `claim`, when a chat without an id of ours is first seen.
    fn claim(
        &mut self,
        scene: &Scene<'_>,
        route: &Route,
        thread: ThreadId,
        theirs: &ConversationId,
        changes: &mut Vec<Change>,
    ) {
        let Some(endpoint) = self.endpoint(thread, |endpoint| endpoint.theirs.as_ref() == Some(theirs)) else { return };
        match route.manager_first {
            ManagerFirst::Remember => {}
            ManagerFirst::Claim => {
                if endpoint.standing == Standing::Foreign && endpoint.ours.is_some() {
                    endpoint.standing = Standing::Claiming;
                    endpoint.claims += 1;
                    endpoint.claimed_at = Some(scene.at);
                    let (connection, theirs, ordinal) = (scene.connection.clone(), theirs.clone(), endpoint.claims);
                    changes.push(Change::ClaimWanted { thread, connection, theirs, ordinal });
                }
            }
        }
    }

    /// A chat that we claimed still comes without our id: claims again after a while, a few times, then tells people.
    fn claim_again(&mut self, scene: &Scene<'_>, thread: ThreadId, theirs: &ConversationId, changes: &mut Vec<Change>) {
        let Some(route) = scene.threads.get(thread).and_then(|thread| scene.configuration.routes.get(&thread.route))
        else {
            return;
        };
        let Some(endpoint) = self.endpoint(thread, |endpoint| endpoint.theirs.as_ref() == Some(theirs)) else { return };
        let waited = endpoint.claimed_at.is_some_and(|claimed| scene.at.since(claimed) >= route.claim.again_after());
        if !waited {
            return;
        }
        if endpoint.claims < route.claim.at_most {
            endpoint.standing = Standing::Foreign;
            self.claim(scene, route, thread, theirs, changes);
        } else {
            endpoint.claimed_at = None;
            changes.push(
                scene.anomaly(AnomalyKind::ClaimIgnored, format!("{theirs} was claimed {} times", route.claim.at_most)),
            );
        }
    }

    // ---- the channel's side ----

    /// Places a message that a messenger tells of; one of an unknown conversation waits until its client is known.
    pub fn at_channel(
        &mut self,
        scene: &Scene<'_>,
        message: &Message,
        park: impl FnOnce() -> Parked,
        changes: &mut Vec<Change>,
    ) -> Place {
        let Some(theirs) = &message.conversation.theirs else {
            changes
                .push(scene.anomaly(AnomalyKind::NoConversation, "a message without the messenger's conversation id"));
            return Place::Nowhere;
        };
        if let Some(thread) = self.thread_of(scene.connection, theirs) {
            return Place::Known(thread);
        }
        let Some((name, _)) = scene.configuration.route_of_channel(scene.connection) else {
            changes.push(scene.anomaly(AnomalyKind::NoRoute, "no route has this channel connection"));
            return Place::Nowhere;
        };
        let named = (scene.connection.clone(), theirs.clone());
        let thread = ThreadId::first_seen(name, scene.connection, theirs);
        let can_look_up =
            scene.configuration.connections.get(scene.connection).is_some_and(|known| known.traits.can_look_up);
        if !can_look_up {
            self.bind(scene.connection, thread, theirs, changes);
            return Place::Opened(thread, name.clone(), None);
        }
        if !self.parked.contains_key(&named) {
            let (connection, conversation) = named.clone();
            changes.push(Change::ConversationUnknown { thread, connection, conversation });
        }
        self.parked.entry(named).or_default().push(park());
        Place::Waits
    }

    /// A messenger described a conversation. `phone` is its client's number, read; `opened_for` is the dialogue that asked for it, if one did.
    pub fn see(
        &mut self,
        scene: &Scene<'_>,
        seen: &ConversationSeen,
        phone: Option<&PhoneNumber>,
        opened_for: Option<ThreadId>,
        changes: &mut Vec<Change>,
    ) -> Option<Placed> {
        let theirs = seen.conversation.theirs.as_ref()?;
        let (name, route) = scene.configuration.route_of_channel(scene.connection)?;
        let bound_to = self.thread_of(scene.connection, theirs);
        let by_phone = || phone.and_then(|phone| scene.thread_of(name, route, phone));
        // The conversation that a message of ours opened may be told of before the answer that names it.
        let sought = || self.sought.get(&(scene.connection.clone(), seen.client.theirs.clone()?)).copied();
        let place = match (bound_to, opened_for.or_else(sought).or_else(by_phone)) {
            (Some(bound_to), Some(asked)) if opened_for.is_some() && bound_to != asked => {
                let detail = format!("{theirs} was dialogue {bound_to}'s; the manager's new one takes it over");
                changes.push(scene.anomaly(AnomalyKind::Rebound, detail));
                self.bind(scene.connection, asked, theirs, changes);
                Place::Known(asked)
            }
            (Some(bound_to), _) => Place::Known(bound_to),
            (None, Some(asked)) => {
                self.bind(scene.connection, asked, theirs, changes);
                Place::Known(asked)
            }
            (None, None) => {
                let thread = ThreadId::first_seen(name, scene.connection, theirs);
                self.bind(scene.connection, thread, theirs, changes);
                Place::Opened(thread, name.clone(), phone.cloned())
            }
        };
        Some(Placed { place, unparked: self.unpark(scene.connection, theirs) })
    }

    /// Nobody will say who the client of a conversation is: what waits goes on without that.
    pub fn give_up_looking(
        &mut self,
        scene: &Scene<'_>,
        theirs: &ConversationId,
        changes: &mut Vec<Change>,
    ) -> Option<Placed> {
        let unparked = self.unpark(scene.connection, theirs);
        if unparked.is_empty() {
            return None;
        }
        let (name, _) = scene.configuration.route_of_channel(scene.connection)?;
        let thread = ThreadId::first_seen(name, scene.connection, theirs);
        self.bind(scene.connection, thread, theirs, changes);
        Some(Placed { place: Place::Opened(thread, name.clone(), None), unparked })
    }

    /// Leads a manager's message to the client: at once, by opening a conversation, or by waiting for one.
    pub fn reach(
        &mut self,
        scene: &Scene<'_>,
        route: &Route,
        written: Written,
        contact: Option<&Contact>,
        changes: &mut Vec<Change>,
    ) -> Result<(), Unreachable> {
        let thread = written.thread;
        let channel = &route.channel;
        if let Some(endpoint) = self.endpoint(thread, |endpoint| endpoint.connection == *channel) {
            if endpoint.standing == Standing::Opening {
                endpoint.waiting.push(written);
            } else {
                changes.push(Change::ManagerWrote(written));
            }
            return Ok(());
        }
        let first_contact = scene.configuration.connections.get(channel).map(|known| known.traits.first_contact);
        let phone = contact.and_then(|contact| contact.phone.clone());
        let mut endpoint = Endpoint::new(channel, Standing::Opening);
        let connection = channel.clone();
        match first_contact.unwrap_or(FirstContact::ClientOnly) {
            FirstContact::OpenThenSend => {
                let phone = phone.ok_or(Unreachable::NoPhone)?;
                endpoint.waiting.push(written);
                changes.push(Change::ChannelWanted { thread, connection, phone });
            }
            FirstContact::SendToPhone | FirstContact::WriteUnderOurId => {
                let phone = phone.ok_or(Unreachable::NoPhone)?;
                changes.push(Change::ManagerWroteFirst { written, phone });
            }
            FirstContact::FindThenSend => {
                let email = || contact.and_then(|contact| contact.email.as_deref().map(str::to_owned));
                let by = phone.map(ClientMark::Phone).or_else(|| email().map(ClientMark::Email));
                let by = by.ok_or(Unreachable::NoMark)?;
                endpoint.waiting.push(written);
                changes.push(Change::ClientWanted { thread, connection, by });
            }
            FirstContact::ClientOnly => return Err(Unreachable::ClientOnly),
        }
        self.add(thread, endpoint);
        Ok(())
    }

    /// The channel knows the client: the first message that waits goes to them and opens the conversation; those behind
    /// it wait for that.
    pub fn client_found(
        &mut self,
        thread: ThreadId,
        connection: &ConnectionName,
        client: &PersonId,
        changes: &mut Vec<Change>,
    ) {
        let opening =
            |endpoint: &Endpoint| endpoint.connection == *connection && endpoint.standing == Standing::Opening;
        let Some(endpoint) = self.endpoint(thread, opening) else { return };
        if endpoint.waiting.is_empty() {
            return;
        }
        endpoint.client_theirs = Some(client.clone());
        let written = endpoint.waiting.remove(0);
        self.sought.insert((connection.clone(), client.clone()), thread);
        changes.push(Change::ManagerWroteToClient { written, client: client.clone() });
    }

    /// A conversation could not be opened: gives back what waited for it. The next message tries again.
    pub fn not_opened(&mut self, thread: ThreadId, connection: &ConnectionName) -> Vec<Written> {
        let Some(endpoints) = self.endpoints.get_mut(&thread) else { return Vec::new() };
        let opening =
            |endpoint: &Endpoint| endpoint.connection == *connection && endpoint.standing == Standing::Opening;
        let Some(index) = endpoints.iter().position(opening) else { return Vec::new() };
        let endpoint = endpoints.remove(index);
        if let Some(client) = endpoint.client_theirs {
            self.sought.remove(&(connection.clone(), client));
        }
        endpoint.waiting
    }

    /// Joins a messenger's conversation to a dialogue, and lets go what waited for it.
    pub fn bind(
        &mut self,
        connection: &ConnectionName,
        thread: ThreadId,
        theirs: &ConversationId,
        changes: &mut Vec<Change>,
    ) {
        self.by_theirs.insert((connection.clone(), theirs.clone()), thread);
        let endpoints = self.faces(thread);
        if endpoints
            .iter()
            .any(|endpoint| endpoint.connection == *connection && endpoint.theirs.as_ref() == Some(theirs))
        {
            return;
        }
        let opening =
            endpoints.iter_mut().find(|endpoint| endpoint.connection == *connection && endpoint.theirs.is_none());
        let waiting = if let Some(endpoint) = opening {
            endpoint.theirs = Some(theirs.clone());
            endpoint.standing = Standing::Confirmed;
            let (waiting, client) = (std::mem::take(&mut endpoint.waiting), endpoint.client_theirs.clone());
            if let Some(client) = client {
                self.sought.remove(&(connection.clone(), client));
            }
            waiting
        } else {
            let mut endpoint = Endpoint::new(connection, Standing::Confirmed);
            endpoint.theirs = Some(theirs.clone());
            endpoints.push(endpoint);
            Vec::new()
        };
        changes.push(bound(thread, connection, Standing::Confirmed));
        changes.extend(waiting.into_iter().map(Change::ManagerWrote));
    }

    fn unpark(&mut self, connection: &ConnectionName, theirs: &ConversationId) -> Vec<Parked> {
        if self.parked.is_empty() {
            return Vec::new();
        }
        self.parked.remove(&(connection.clone(), theirs.clone())).unwrap_or_default()
    }

    // ---- both ----

    fn endpoint(&mut self, thread: ThreadId, which: impl Fn(&Endpoint) -> bool) -> Option<&mut Endpoint> {
        self.endpoints.get_mut(&thread)?.iter_mut().rev().find(|endpoint| which(endpoint))
    }

    fn add(&mut self, thread: ThreadId, endpoint: Endpoint) {
        if let Some(theirs) = &endpoint.theirs {
            self.by_theirs.insert((endpoint.connection.clone(), theirs.clone()), thread);
        }
        if let Some(ours) = &endpoint.ours {
            self.by_ours.insert((endpoint.connection.clone(), ours.clone()), thread);
        }
        self.faces(thread).push(endpoint);
    }

    /// A dialogue's faces, to be changed. Nearly all have two.
    fn faces(&mut self, thread: ThreadId) -> &mut Vec<Endpoint> {
        self.endpoints.entry(thread).or_insert_with(|| Vec::with_capacity(2))
    }

    fn name(
        &mut self,
        connection: &ConnectionName,
        thread: ThreadId,
        ours: Option<&ConversationId>,
        theirs: &ConversationId,
    ) {
        if let Some(endpoint) = self.endpoint(thread, |endpoint| endpoint.ours.as_ref() == ours) {
            endpoint.theirs = Some(theirs.clone());
            self.by_theirs.insert((connection.clone(), theirs.clone()), thread);
        }
    }

    /// An id of ours that no other chat has: one id for two chats has no known meaning there (contract, 10.5).
    fn free(&self, connection: &ConnectionName, wanted: ConversationId, otherwise: &ConversationId) -> ConversationId {
        if self.by_ours.contains_key(&(connection.clone(), wanted.clone())) {
            ConversationId::new(format!("{wanted}:{otherwise}"))
        } else {
            wanted
        }
    }
}

impl Endpoint {
    fn new(connection: &ConnectionName, standing: Standing) -> Self {
        Self {
            connection: connection.clone(),
            theirs: None,
            ours: None,
            client_theirs: None,
            client_confirmed: false,
            source: None,
            standing,
            claims: 0,
            claimed_at: None,
            called: None,
            waiting: Vec::new(),
        }
    }

    /// How to address it: by our name alone once both sides use it, by both until then.
    pub fn address(&self) -> ConversationKey {
        let both_use_ours = self.standing == Standing::Confirmed && self.ours.is_some();
        ConversationKey { theirs: if both_use_ours { None } else { self.theirs.clone() }, ours: self.ours.clone() }
    }

    /// The client as this connection is to know them.
    pub fn client(&self, contact: Option<&Contact>) -> Person {
        let mut client = contact.map(Contact::as_person).unwrap_or_default();
        client.ours = self.ours.as_ref().map(|ours| PersonId::new(ours.as_str()));
        client.theirs = if self.client_confirmed { None } else { self.client_theirs.clone() };
        client
    }
}

fn bound(thread: ThreadId, connection: &ConnectionName, standing: Standing) -> Change {
    Change::Bound { thread, connection: connection.clone(), standing }
}

fn chat_id(name: &RouteName, route: &Route, phone: &PhoneNumber) -> ConversationId {
    match route.chat_id {
        ChatId::Phone => ConversationId::new(phone.digits()),
        ChatId::RouteAndPhone => ConversationId::new(format!("{name}:{}", phone.digits())),
    }
}

impl Projection for Bindings {
    const NAME: &'static str = "bindings";
    const VERSION: u32 = 2;

    fn digest(&self) -> Digest {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Entry<'a> {
            Endpoints(&'a ThreadId, &'a [Endpoint]),
            Theirs(&'a Named, &'a ThreadId),
            Parked(&'a Named, &'a [Parked]),
            Sought(&'a (ConnectionName, PersonId), &'a ThreadId),
        }
        let endpoints = self.endpoints.iter().map(|(thread, endpoints)| Entry::Endpoints(thread, endpoints));
        let theirs = self.by_theirs.iter().map(|(named, thread)| Entry::Theirs(named, thread));
        let parked = self.parked.iter().map(|(named, parked)| Entry::Parked(named, parked));
        let sought = self.sought.iter().map(|(client, thread)| Entry::Sought(client, thread));
        Digest::of_entries(Self::NAME, Self::VERSION, endpoints.chain(theirs).chain(parked).chain(sought))
    }

    fn len(&self) -> usize {
        self.endpoints.len()
    }
}
