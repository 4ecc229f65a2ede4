//! The assistant's side: a dialogue is known there by an id of ours, from the client's first words on.
//!
//! The id is the dialogue's own, so it is another in every route, whoever shares the assistant, and it is never used for
//! a second client (Selarti contract, 5). What is deliberately absent is any way to a dialogue by number or by name: an
//! assistant speaks only of what it was told of.

use super::{Bindings, Endpoint, Scene, Standing, bound};
use crate::change::{AnomalyKind, Change};
use crate::fact::ConversationKey;
use crate::ids::{ConnectionName, ConversationId, ThreadId};

/// How many bits of a number survive wherever numbers are read as fractions.
const NUMBER_BITS: u32 = 53;

impl Bindings {
    /// Gives a dialogue a face at an assistant, under an id of ours, unless it has one.
    pub fn ensure_at_assistant(&mut self, assistant: &ConnectionName, numbered: bool, thread: ThreadId) {
        if self.current(thread, assistant).is_some() {
            return;
        }
        let mut endpoint = Endpoint::new(assistant, Standing::Provisional);
        endpoint.ours = Some(self.name_at_assistant(assistant, numbered, thread));
        self.add(thread, endpoint);
    }

    /// Finds the dialogue of which an assistant speaks: by our id of it first, by theirs second. Learns theirs.
    pub fn at_assistant(
        &mut self,
        scene: &Scene<'_>,
        said: &ConversationKey,
        changes: &mut Vec<Change>,
    ) -> Option<ThreadId> {
        let by_ours = said.ours.as_ref().and_then(|ours| {
            let named = (scene.connection.clone(), ours.clone());
            self.by_ours.get(&named).copied()
        });
        let by_theirs = || said.theirs.as_ref().and_then(|theirs| self.thread_of(scene.connection, theirs));
        let Some(thread) = by_ours.or_else(by_theirs) else {
            let name = said.ours.as_ref().or(said.theirs.as_ref()).map_or("", ConversationId::as_str);
            changes.push(scene.anomaly(AnomalyKind::UnknownDialogue, format!("{name} is no dialogue of ours")));
            return None;
        };
        if let Some(theirs) = &said.theirs {
            self.learn_theirs(scene, thread, theirs, changes);
        }
        Some(thread)
    }

    fn learn_theirs(
        &mut self,
        scene: &Scene<'_>,
        thread: ThreadId,
        theirs: &ConversationId,
        changes: &mut Vec<Change>,
    ) {
        let known = self.thread_of(scene.connection, theirs);
        if known.is_some_and(|known| known != thread) {
            let detail = format!("{theirs} was another dialogue's; our id goes before theirs");
            changes.push(scene.anomaly(AnomalyKind::SecondChat, detail));
            return;
        }
        let Some(endpoint) = self.endpoint(thread, |endpoint| endpoint.connection == *scene.connection) else { return };
        if endpoint.theirs.as_ref() == Some(theirs) {
            return;
        }
        // The assistant began anew under the same id of ours: the newest holds (Selarti contract, 8, step 4). The same
        // webhook in another order must not change that back, so a name that was given up is not taken up again.
        if known.is_some() {
            return;
        }
        if let Some(earlier) = endpoint.theirs.replace(theirs.clone()) {
            changes.push(scene.anomaly(AnomalyKind::SecondChat, format!("{theirs} goes on for {earlier}")));
        }
        if endpoint.standing != Standing::Confirmed {
            endpoint.standing = Standing::Confirmed;
            changes.push(bound(thread, scene.connection, Standing::Confirmed));
        }
        self.by_theirs.insert((scene.connection.clone(), theirs.clone()), thread);
    }

    /// Our id of a dialogue: its own, or, for an assistant that takes only numbers, a number made of it.
    fn name_at_assistant(&self, assistant: &ConnectionName, numbered: bool, thread: ThreadId) -> ConversationId {
        if !numbered {
            return ConversationId::new(thread.to_string());
        }
        let id = thread.as_uuid().as_u128();
        // The first 48 bits and the last five: those between hold the kind of id.
        let mut number = ((id >> 80) << (NUMBER_BITS - 48)) | (id & 0b1_1111);
        loop {
            let name = ConversationId::new(number.to_string());
            if !self.by_ours.contains_key(&(assistant.clone(), name.clone())) {
                return name;
            }
            number = (number + 1) % (1 << NUMBER_BITS);
        }
    }
}
