//! What is known of conversations and dialogues: by their id, by ours, and what waits to be placed.
//!
//! Takes and gives endpoints; which of them belongs to what is decided by the sides. Deliberately absent: any rule.

use serde::Serialize;

use super::{Endpoint, Parked};
use crate::ids::{ConnectionName, ConversationId, PersonId, ThreadId};
use crate::projection::{Digest, Map, Projection};

pub(super) type Named = (ConnectionName, ConversationId);

/// The projection.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    pub(super) endpoints: Map<ThreadId, Vec<Endpoint>>,
    pub(super) by_theirs: Map<Named, ThreadId>,
    pub(super) by_ours: Map<Named, ThreadId>,
    pub(super) parked: Map<Named, Vec<Parked>>,
    /// Dialogues whose first message is on its way to somebody whom the channel knows.
    pub(super) sought: Map<(ConnectionName, PersonId), ThreadId>,
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
    // ---- for the sides ----

    pub(super) fn endpoint(&mut self, thread: ThreadId, which: impl Fn(&Endpoint) -> bool) -> Option<&mut Endpoint> {
        self.endpoints.get_mut(&thread)?.iter_mut().rev().find(|endpoint| which(endpoint))
    }

    pub(super) fn add(&mut self, thread: ThreadId, endpoint: Endpoint) {
        if let Some(theirs) = &endpoint.theirs {
            self.by_theirs.insert((endpoint.connection.clone(), theirs.clone()), thread);
        }
        if let Some(ours) = &endpoint.ours {
            self.by_ours.insert((endpoint.connection.clone(), ours.clone()), thread);
        }
        self.faces(thread).push(endpoint);
    }

    /// A dialogue's faces, to be changed. Nearly all have two.
    pub(super) fn faces(&mut self, thread: ThreadId) -> &mut Vec<Endpoint> {
        self.endpoints.entry(thread).or_insert_with(|| Vec::with_capacity(2))
    }

    pub(super) fn name(
        &mut self,
        connection: &ConnectionName,
        thread: ThreadId,
        ours: Option<&ConversationId>,
        theirs: &ConversationId,
    ) {
        if let Some(endpoint) =
            self.endpoint(thread, |endpoint| endpoint.connection == *connection && endpoint.ours.as_ref() == ours)
        {
            endpoint.theirs = Some(theirs.clone());
            self.by_theirs.insert((connection.clone(), theirs.clone()), thread);
        }
    }

    /// An id of ours that no other chat has: one id for two chats has no known meaning there (contract, 10.5).
    pub(super) fn free(
        &self,
        connection: &ConnectionName,
        wanted: ConversationId,
        otherwise: &ConversationId,
    ) -> ConversationId {
        if self.by_ours.contains_key(&(connection.clone(), wanted.clone())) {
            ConversationId::new(format!("{wanted}:{otherwise}"))
        } else {
            wanted
        }
    }
}

impl Projection for Bindings {
    const NAME: &'static str = "bindings";
    const VERSION: u32 = 3;

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
