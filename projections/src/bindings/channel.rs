//! The channel's side: finding a conversation's dialogue, and leading a manager's words into a conversation.

use thin_vec::ThinVec;

use super::{Bindings, Endpoint, Parked, Place, Placed, Scene, Standing, Unreachable, bound};
use crate::change::{AnomalyKind, Change, Written};
use crate::configuration::{FirstContact, Route, Traits};
use crate::contacts::Contact;
use crate::fact::{ConversationSeen, Message};
use crate::ids::{ConnectionName, ConversationId, PersonId, ThreadId};
use crate::intent::{Address, ClientMark};
use crate::phone::PhoneNumber;
use crate::username::Username;

impl Bindings {
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
        // The conversation that a message of ours opened may be told of before the answer that names it.
        let sought = || self.sought.get(&(scene.connection.clone(), seen.client.theirs.clone()?)).copied();
        let by_phone = || phone.and_then(|phone| scene.thread_of(name, route, phone));
        // Whoever has a dialogue under a number keeps it, whatever they are called now.
        let by_username = || {
            let nameless = bound_to.is_none() && phone.is_none() && !seen.group;
            nameless.then(|| scene.thread_of_username(name, route, &seen.client)).flatten()
        };
        let place = match (bound_to, opened_for.or_else(sought).or_else(by_phone).or_else(by_username)) {
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
        let traits = scene.configuration.connections.get(channel).map(|known| known.traits);
        let Some(traits) = traits.filter(|traits| traits.first_contact != FirstContact::ClientOnly) else {
            return Err(Unreachable::ClientOnly);
        };
        let address = || contact.and_then(|contact| address(contact, traits)).ok_or(Unreachable::NoPhone);
        let connection = channel.clone();
        let mut endpoint = Endpoint::new(channel, Standing::Opening);
        match traits.first_contact {
            FirstContact::OpenThenSend => {
                let address = address()?;
                endpoint.waiting.push(written);
                changes.push(Change::ChannelWanted { thread, connection, address });
            }
            FirstContact::SendToPhone | FirstContact::WriteUnderOurId => {
                changes.push(Change::ManagerWroteFirst { written, address: address()? });
            }
            FirstContact::FindThenSend => {
                let by = contact.and_then(mark).ok_or(Unreachable::NoMark)?;
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
    pub fn not_opened(&mut self, thread: ThreadId, connection: &ConnectionName) -> ThinVec<Written> {
        let Some(endpoints) = self.endpoints.get_mut(&thread) else { return ThinVec::new() };
        let opening =
            |endpoint: &Endpoint| endpoint.connection == *connection && endpoint.standing == Standing::Opening;
        let Some(index) = endpoints.iter().position(opening) else { return ThinVec::new() };
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
            ThinVec::new()
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
}

/// By what a client is found at a connection: by their number, and failing that by their public name.
fn address(contact: &Contact, traits: Traits) -> Option<Address> {
    let by_username = || {
        let username = contact.username.as_deref().filter(|_| traits.can.find_usernames)?;
        Username::parse(username).map(Address::Username)
    };
    contact.phone.clone().map(Address::Phone).or_else(by_username)
}

/// By what a client is looked for among those whom the platform knows: by their number, and failing that by their mail.
fn mark(contact: &Contact) -> Option<ClientMark> {
    let by_email = || contact.email.as_deref().map(|email| ClientMark::Email(email.to_owned()));
    contact.phone.clone().map(ClientMark::Phone).or_else(by_email)
}
