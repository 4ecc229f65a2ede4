//! Conversations and their clients: which dialogue one is, when a dialogue begins, and who the client turns out to be.
//!
//! Descriptions of conversations come in, and numbers and names as they are seen or typed; changes go out, and whatever
//! waited for its dialogue is let in. Which conversation is which dialogue is decided in [`crate::bindings`].

use super::{Moment, State};
use crate::bindings::{Parked, Place, Placed};
use crate::change::Change;
use crate::contacts::Source;
use crate::content::Person;
use crate::fact::ConversationSeen;
use crate::ids::{ConnectionName, RouteName, ThreadId};
use crate::phone::PhoneNumber;
use crate::time::Timestamp;
use crate::username::Username;

impl State {
    pub(super) fn see(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        seen: &ConversationSeen,
        opened_for: Option<ThreadId>,
        changes: &mut Vec<Change>,
    ) {
        let scene = scene!(self, connection, moment);
        let phone = self.number_seen(connection, seen);
        if let Some(placed) = self.bindings.see(&scene, seen, phone.as_ref(), opened_for, changes) {
            self.settle_in(moment, connection, placed, Some(seen), phone.as_ref(), changes);
        }
    }

    /// The client's number as a messenger gives it. It is given with every message, so it is read only when it is news.
    pub(super) fn number_seen(&self, connection: &ConnectionName, seen: &ConversationSeen) -> Option<PhoneNumber> {
        let said = seen.phone.as_deref().filter(|_| !seen.group)?;
        let thread = seen.conversation.theirs.as_ref().and_then(|theirs| self.bindings.thread_of(connection, theirs));
        let known = thread.and_then(|thread| self.contacts.of(thread)?.phone.as_ref());
        match known.filter(|known| known.digits() == said) {
            Some(known) => Some(known.clone()),
            None => PhoneNumber::international(said),
        }
    }

    /// A conversation has found its dialogue: learns who the client is, and lets in what waited.
    pub(super) fn settle_in(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        placed: Placed,
        seen: Option<&ConversationSeen>,
        phone: Option<&PhoneNumber>,
        changes: &mut Vec<Change>,
    ) {
        let thread = match placed.place {
            Place::Known(thread) => thread,
            Place::Opened(thread, route, _) => {
                self.open(thread, &route, None, moment.at, changes);
                thread
            }
            Place::Waits | Place::Nowhere => return,
        };
        if let Some(seen) = seen {
            self.contacts.learn(thread, &seen.client, Source::Messenger);
            if !seen.group {
                self.know_username(thread, &seen.client);
            }
        }
        if let Some(phone) = phone
            && let Some(account) = self.route_of(thread).map(|(_, route)| route.crm.clone())
        {
            self.contacts.know_phone(&account, thread, phone);
        }
        for Parked { fact, at, event, ordinal } in placed.unparked {
            self.observe(Moment { event, ordinal, at }, connection, &fact, None, changes);
        }
    }

    pub(super) fn open(
        &mut self,
        thread: ThreadId,
        route: &RouteName,
        phone: Option<&PhoneNumber>,
        at: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        let Some((route, rules)) = self.configuration.routes.get_key_value(route) else { return };
        self.threads.open(thread, route, at);
        if let Some(phone) = phone {
            self.contacts.know_phone(&rules.crm, thread, phone);
        }
        changes.push(Change::ThreadOpened { thread });
    }

    /// The client's public name, by which another conversation with them is known again.
    pub(super) fn know_username(&mut self, thread: ThreadId, client: &Person) {
        let Some(username) = client.username.as_deref().and_then(Username::parse) else { return };
        if let Some(account) = self.route_of(thread).map(|(_, route)| route.crm.clone()) {
            self.contacts.know_username(&account, thread, &username);
        }
    }

    /// A number typed in the CRM, read once: a manager may correct what could not be dialled before.
    pub(super) fn learn_phone(&mut self, moment: Moment, thread: ThreadId, client: &Person, changes: &mut Vec<Change>) {
        if self.contacts.of(thread).is_some_and(|contact| contact.phone.is_some()) {
            return;
        }
        let route = self.threads.get(thread).map(|thread| thread.route.clone());
        let Some((name, route)) = route.and_then(|name| self.configuration.routes.get_key_value(&name)) else { return };
        let parsed = client.phone.as_deref().map(|typed| PhoneNumber::parse(typed, route.region));
        if let Some(Ok(phone)) = parsed {
            self.contacts.know_phone(&route.crm, thread, &phone);
            let scene = scene!(self, &route.crm, moment);
            self.bindings.number_known(&scene, (name, route), thread, &phone, changes);
        }
    }
}
