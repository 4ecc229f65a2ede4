//! The CRM's side: finding a chat's dialogue, giving the chat an id of ours, and seeing whether it is used.

use super::{Bindings, Endpoint, Place, Scene, Standing, bound};
use crate::change::{AnomalyKind, Change};
use crate::configuration::{ChatId, ManagerFirst, Route};
use crate::contacts::Contact;
use crate::fact::{ConversationKey, Message};
use crate::ids::{ConversationId, PersonId, RouteName, ThreadId};
use crate::phone::PhoneNumber;

impl Bindings {
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
            let endpoint = self.endpoint(thread, |endpoint| {
                endpoint.connection == *scene.connection && endpoint.ours.as_ref() == Some(ours)
            })?;
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
        let by_username = || scene.thread_of_username(name, route, message.client.as_ref()?);
        let known = match &phone {
            Some(phone) => scene.thread_of(name, route, phone),
            None => by_username(),
        };
        let thread = known.unwrap_or_else(|| ThreadId::first_seen(name, scene.connection, theirs));
        let ours = message.conversation.ours.clone().or_else(|| {
            let wanted = phone.as_ref().map(|phone| chat_id(name, route, phone))?;
            Some(self.free(scene.connection, wanted, theirs))
        });
        let mut endpoint = Endpoint::new(scene.connection, Standing::Foreign);
        endpoint.theirs = Some(theirs.clone());
        endpoint.client_ours = phone.as_ref().and_then(|phone| client_id(route, phone));
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
        if let Some(endpoint) = self.endpoint(thread, |endpoint| endpoint.is(&route.crm, &theirs)) {
            endpoint.ours = Some(ours);
            endpoint.client_ours = client_id(route, phone);
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
        endpoint.client_ours = phone.and_then(|phone| client_id(route, phone));
        endpoint.source.clone_from(&route.source);
        self.add(thread, endpoint);
    }

    /// The CRM took a message of ours in a dialogue and said where it put it.
    pub fn took(&mut self, scene: &Scene<'_>, thread: ThreadId, said: &ConversationKey, changes: &mut Vec<Change>) {
        let Some(theirs) = &said.theirs else { return };
        // An old, printed form of the answer repeats our id in the place of theirs (contract, 5.4).
        if self.of(thread).iter().any(|face| face.connection == *scene.connection && face.ours.as_ref() == Some(theirs))
        {
            return;
        }
        let connection = scene.connection;
        match self.thread_of(connection, theirs) {
            Some(known) if known == thread => {
                let Some(endpoint) = self.endpoint(thread, |endpoint| endpoint.is(scene.connection, theirs)) else {
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
        let Some(endpoint) = self.endpoint(thread, |endpoint| endpoint.is(scene.connection, theirs)) else { return };
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
            self.endpoint(thread, |endpoint| endpoint.is(scene.connection, theirs)).expect("it was found above");
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
        let Some(index) = endpoints.iter().position(|endpoint| endpoint.is(scene.connection, theirs)) else {
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
        let Some(endpoint) = self.endpoint(thread, |endpoint| endpoint.is(scene.connection, theirs)) else { return };
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
        let Some(endpoint) = self.endpoint(thread, |endpoint| endpoint.is(scene.connection, theirs)) else { return };
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
}

fn chat_id(name: &RouteName, route: &Route, phone: &PhoneNumber) -> ConversationId {
    match route.chat_id {
        ChatId::Phone => ConversationId::new(phone.digits()),
        ChatId::RouteAndPhone => ConversationId::new(format!("{name}:{}", phone.digits())),
    }
}

/// Our id of a client where it is another than the chat's: the number, which is theirs in every messenger, where each of
/// their chats bears its route's name too. The CRM then has one contact with several chats.
fn client_id(route: &Route, phone: &PhoneNumber) -> Option<PersonId> {
    match route.chat_id {
        // A second chat of one number is named otherwise by both ids, for whether it is the same client is not known.
        ChatId::Phone => None,
        ChatId::RouteAndPhone => Some(PersonId::new(phone.digits())),
    }
}
