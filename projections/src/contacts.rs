//! Who the clients are: the best that any platform has said of them.
//!
//! A client is known per dialogue, and found again by number or public name within one CRM account; nothing is shared beyond it.

use serde::Serialize;

use crate::content::Person;
use crate::ids::{ConnectionName, ThreadId};
use crate::phone::PhoneNumber;
use crate::projection::{Digest, Map, Projection};
use crate::username::Username;

/// What is known of one dialogue's client.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Contact {
    /// The name that the messenger shows, else the CRM's.
    pub name: Option<Box<str>>,
    /// The number, if one could be read.
    pub phone: Option<PhoneNumber>,
    /// The messenger's public name.
    pub username: Option<Box<str>>,
    /// The electronic mail address.
    pub email: Option<Box<str>>,
    /// A picture's address.
    pub avatar: Option<Box<str>>,
}

impl Contact {
    /// The contact as a person without ids: ids belong to connections.
    pub fn as_person(&self) -> Person {
        let text = |value: &Option<Box<str>>| value.as_deref().map(str::to_owned);
        Person {
            theirs: None,
            ours: None,
            name: text(&self.name),
            phone: self.phone.as_ref().map(|phone| phone.digits().to_owned()),
            username: text(&self.username),
            email: text(&self.email),
            avatar: text(&self.avatar),
        }
    }
}

/// The projection.
#[derive(Clone, Debug, Default)]
pub struct Contacts {
    by_thread: Map<ThreadId, Contact>,
    by_phone: Map<(ConnectionName, PhoneNumber), Vec<ThreadId>>,
    by_username: Map<(ConnectionName, Username), Vec<ThreadId>>,
}

impl Contacts {
    /// Takes over what a platform says of a dialogue's client. The messenger's word replaces the others', not the
    /// other way round: in the CRM names are typed by hand, and often not at all.
    pub fn learn(&mut self, thread: ThreadId, said: &Person, says: Source) {
        let contact = self.by_thread.entry(thread).or_default();
        let take = |known: &mut Option<Box<str>>, said: &Option<String>| {
            let Some(said) = said.as_deref().filter(|said| !said.is_empty()) else { return };
            let replace = match says {
                Source::Messenger => true,
                Source::Crm | Source::Assistant => known.is_none(),
            };
            if replace && known.as_deref() != Some(said) {
                *known = Some(said.into());
            }
        };
        take(&mut contact.name, &said.name);
        take(&mut contact.username, &said.username);
        take(&mut contact.email, &said.email);
        take(&mut contact.avatar, &said.avatar);
    }

    /// Notes a dialogue's number, in the account of one CRM connection.
    pub fn know_phone(&mut self, account: &ConnectionName, thread: ThreadId, phone: &PhoneNumber) {
        let contact = self.by_thread.entry(thread).or_default();
        if contact.phone.as_ref() == Some(phone) {
            return;
        }
        contact.phone = Some(phone.clone());
        // Nearly all have one dialogue.
        let threads = self.by_phone.entry((account.clone(), phone.clone())).or_insert_with(|| Vec::with_capacity(1));
        if !threads.contains(&thread) {
            threads.push(thread);
        }
    }

    /// Notes the public name of a dialogue's client, in the account of one CRM connection.
    pub fn know_username(&mut self, account: &ConnectionName, thread: ThreadId, username: &Username) {
        let named = (account.clone(), username.folded());
        let threads = self.by_username.entry(named).or_insert_with(|| Vec::with_capacity(1));
        if !threads.contains(&thread) {
            threads.push(thread);
        }
    }

    /// What is known of a dialogue's client.
    pub fn of(&self, thread: ThreadId) -> Option<&Contact> {
        self.by_thread.get(&thread)
    }

    /// The dialogues of a number in the account of one CRM connection, oldest first.
    pub fn threads_of(&self, account: &ConnectionName, phone: &PhoneNumber) -> &[ThreadId] {
        self.by_phone.get(&(account.clone(), phone.clone())).map_or(&[], Vec::as_slice)
    }

    /// The dialogues of a public name in the account of one CRM connection, oldest first.
    pub fn threads_of_username(&self, account: &ConnectionName, username: &Username) -> &[ThreadId] {
        self.by_username.get(&(account.clone(), username.folded())).map_or(&[], Vec::as_slice)
    }
}

/// Who says something about a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// The messenger that the client uses.
    Messenger,
    /// The CRM, where managers type.
    Crm,
    /// An assistant, which repeats what it was told and guesses at what it read.
    Assistant,
}

impl Projection for Contacts {
    const NAME: &'static str = "contacts";
    const VERSION: u32 = 2;

    fn digest(&self) -> Digest {
        Digest::of_entries(Self::NAME, Self::VERSION, self.by_thread.iter())
    }

    fn len(&self) -> usize {
        self.by_thread.len()
    }
}
