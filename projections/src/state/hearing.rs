//! What is said at a platform: where it belongs, whether it is ours coming back, and what is to be carried across.
//!
//! Messages come in; changes go out for what is news. What may be our own doing waits until that is known. An assistant's
//! words have rules of their own; see [`super::assistant`].

use super::{Moment, State, named};
use crate::bindings::{Parked, Place};
use crate::change::{Anomaly, AnomalyKind, Change, Written};
use crate::configuration::{Role, Tells};
use crate::contacts::Source;
use crate::delivery::{Known, MessageIndex, Origin};
use crate::echoes::Held;
use crate::fact::{DeliveryState, Fact, Message, NoteWritten};
use crate::ids::{ConnectionName, MessageId, ThreadId};
use crate::intent::Speaker;
use crate::threads::Side;

impl State {
    /// A message was seen at a platform: places it, and takes it in unless it is known or may be ours.
    pub(super) fn hear(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        side: Side,
        message: &Message,
        changes: &mut Vec<Change>,
    ) {
        let origin = self.origin(moment, connection, message, changes);
        match self.delivery.known(&origin) {
            None => {}
            // A repetition, or the same message in another format.
            Some(Known::Written(_)) => return,
            Some(Known::Ours(index)) => return self.recognise(index, connection, message, changes),
            Some(Known::OurOwn) => {
                changes.push(Change::EchoHeard { connection: connection.clone(), message: origin.message });
                return;
            }
            Some(Known::Withheld) => return,
        }
        let by_job = message.message.job.as_ref().and_then(|job| self.delivery.by_job(connection, job));
        if let Some(index) = by_job {
            return self.recognise(index, connection, message, changes);
        }
        let role = self.configuration.role_of(connection);
        let scene = scene!(self, connection, moment);
        let place = match role {
            Some(Role::Crm) => self.bindings.at_crm(&scene, message, changes),
            Some(Role::Assistant) => return self.hear_at_assistant(moment, connection, side, origin, message, changes),
            Some(Role::Channel) | None => {
                let Moment { event, ordinal, at } = moment;
                let park = || {
                    let fact = match side {
                        Side::Client => Fact::MessageReceived(message.clone()),
                        Side::Company => Fact::MessageSent(message.clone()),
                    };
                    Parked { fact, at, event, ordinal }
                };
                self.bindings.at_channel(&scene, message, park, changes)
            }
        };
        let thread = match place {
            Place::Known(thread) => thread,
            Place::Opened(thread, route, phone) => {
                self.open(thread, &route, phone.as_ref(), moment.at, changes);
                thread
            }
            Place::Waits | Place::Nowhere => return,
        };
        if let (Some(Role::Crm), Some(client)) = (role, &message.client) {
            self.know_username(thread, client);
            self.learn_phone(moment, thread, client, changes);
        }
        self.take_in(moment, connection, role, side, thread, origin, message, changes);
    }

    /// A message of a known dialogue, not known itself: is it ours, or is it news?
    #[allow(clippy::too_many_arguments)] // One fact's whole situation; a struct for it would be used once.
    pub(super) fn take_in(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        role: Option<Role>,
        side: Side,
        thread: ThreadId,
        origin: Origin,
        message: &Message,
        changes: &mut Vec<Change>,
    ) {
        let (client, says) = match (side, role) {
            (Side::Client, _) => (Some(&message.author), Source::Messenger),
            (Side::Company, Some(Role::Crm)) => (message.client.as_ref(), Source::Crm),
            (Side::Company, Some(Role::Channel | Role::Assistant) | None) => {
                (message.client.as_ref(), Source::Messenger)
            }
        };
        if let Some(client) = client {
            self.contacts.learn(thread, client, says);
        }
        if side == Side::Company
            && let Some(index) = self.echoes.recall(thread, connection, message)
        {
            return self.recognise(index, connection, message, changes);
        }
        if side == Side::Company && self.echoes.is_in_flight(thread, connection) {
            let Moment { event, ordinal, at } = moment;
            let held = Held { event, ordinal, heard_at: at, message: Box::new(message.clone()) };
            self.echoes.hold(thread, connection, held);
            changes.push(Change::EchoSuspected { connection: connection.clone(), thread });
            return;
        }
        self.carry(moment, role, side, thread, origin, message, changes);
    }

    /// Something was noted beside a dialogue: told to the CRM's managers once, if the connection's notes are wanted. In a
    /// dialogue that nobody knows there is nobody to tell.
    pub(super) fn hear_note(&mut self, connection: &ConnectionName, note: &NoteWritten, changes: &mut Vec<Change>) {
        let theirs = note.conversation.theirs.as_ref();
        let Some(thread) = theirs.and_then(|theirs| self.bindings.thread_of(connection, theirs)) else { return };
        let named = Origin { connection: connection.clone(), message: note.note.clone() };
        if self.tells(connection).notes && self.delivery.known(&named).is_none() {
            self.delivery.withhold(named);
            changes.push(Change::NoteHeard { thread, connection: connection.clone(), note: Box::new(note.clone()) });
        }
    }

    /// What a connection's people want told of what is said there beside their own words and the client's.
    fn tells(&self, connection: &ConnectionName) -> Tells {
        self.configuration.connections.get(connection).map(|known| known.traits.tells).unwrap_or_default()
    }

    /// News: it is to be carried across.
    #[allow(clippy::too_many_arguments)] // As above.
    pub(super) fn carry(
        &mut self,
        moment: Moment,
        role: Option<Role>,
        side: Side,
        thread: ThreadId,
        origin: Origin,
        message: &Message,
        changes: &mut Vec<Change>,
    ) {
        let is_machines = role == Some(Role::Channel) && message.speaker == Some(Speaker::Bot);
        if is_machines && !self.tells(&origin.connection).machines {
            return self.delivery.withhold(origin);
        }
        let heard_at = moment.at;
        self.threads.speak(thread, side, heard_at);
        let index = self.delivery.write(thread, origin.clone(), message.content.mark());
        self.silence_assistant(moment, thread, role, side, message, changes);
        let contact = self.contacts.of(thread);
        let written = Written { thread, origin, heard_at, message: Box::new(message.clone()) };
        let asks = self.is_for_assistant(thread, role, side).then(|| written.clone());
        let Some(route) = self.threads.get(thread).map(|thread| thread.route.clone()) else { return };
        let Some(rules) = self.configuration.routes.get(&route) else {
            // The dialogue is older than the configuration in force.
            let detail = format!("the dialogue runs on {route}, which is no longer configured");
            let connection = Some(written.origin.connection);
            let event = moment.event;
            changes.push(Change::Anomaly(Anomaly { anomaly: AnomalyKind::NoRoute, event, connection, detail }));
            return;
        };
        let written_as = written.origin.clone();
        match (role, side) {
            (Some(Role::Crm), Side::Company) => {
                let scene = scene!(self, &rules.crm, moment);
                let reached = self.bindings.reach(&scene, rules, written, contact, changes);
                if let Err(unreachable) = reached {
                    let failure =
                        unreachable.failure(message.client.as_ref().and_then(|client| client.phone.as_deref()));
                    self.rise(index, DeliveryState::Failed, Some(failure), changes);
                }
            }
            // A CRM has no clients of its own who could write in it.
            (Some(Role::Crm), Side::Client) => {}
            (Some(Role::Assistant), Side::Company) => {
                self.bindings.ensure_at_crm(&route, rules, thread, contact, &message.conversation);
                changes.push(Change::AssistantWrote(written));
            }
            (Some(Role::Assistant), Side::Client) => {
                self.bindings.ensure_at_crm(&route, rules, thread, contact, &message.conversation);
                changes.push(Change::ClientWrote(written));
            }
            (Some(Role::Channel) | None, side) => {
                self.bindings.ensure_at_crm(&route, rules, thread, contact, &message.conversation);
                changes.push(match side {
                    Side::Client => Change::ClientWrote(written),
                    Side::Company => Change::AppWrote(written),
                });
            }
        }
        self.let_in_early(&written_as, changes);
        if let Some(written) = asks {
            self.ask_assistant(moment, written, changes);
        }
    }

    /// A message that we put there ourselves comes back.
    pub(super) fn recognise(
        &mut self,
        index: MessageIndex,
        connection: &ConnectionName,
        message: &Message,
        changes: &mut Vec<Change>,
    ) {
        if self.is_copy(index, connection, true) {
            self.delivery.link_copy(index, connection, &message.message);
        } else {
            let joined = self.delivery.link(index, connection, &message.message);
            self.tell(joined, changes);
            self.rise_by(index, message, changes);
        }
        if let Some(named) = named(connection, &message.message) {
            self.let_in_early(&named, changes);
        }
        if let Some(id) = &message.message.theirs {
            changes.push(Change::EchoHeard { connection: connection.clone(), message: id.clone() });
        }
    }

    /// What a message is called where it was written; a name of our own making if it has none.
    pub(super) fn origin(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        message: &Message,
        changes: &mut Vec<Change>,
    ) -> Origin {
        let message = message.message.theirs.clone().unwrap_or_else(|| {
            let detail = "a repetition of this message could not be told from news".to_owned();
            let connection = Some(connection.clone());
            let event = moment.event;
            changes.push(Change::Anomaly(Anomaly { anomaly: AnomalyKind::NoMessageId, event, connection, detail }));
            MessageId::new(format!("{}#{}", moment.event, moment.ordinal))
        });
        Origin { connection: connection.clone(), message }
    }
}
