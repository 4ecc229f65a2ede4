//! The names of things, each of its own type, so that none is taken for another.
//!
//! Foreign ids are opaque: only a connector's `ids.rs` makes and reads them. Our own are derived (UUIDv5),
//! never random, so that doing a thing twice names it once. There is deliberately no conversion between kinds.

use std::borrow::Borrow;
use std::fmt;

use arcstr::ArcStr;
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};
use uuid::Uuid;

/// The root of all derived ids of this program (itself the UUIDv5 of a name in the URL namespace).
const CHATLEDGER: Uuid = Uuid::from_u128(0x6d0f_2a36_9c1e_5b7d_8e42_c4a1_77d3_0b95);

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(ArcStr);

        impl $name {
            /// Takes the text as it is; reading it again is the business of whoever made it.
            pub fn new(text: impl Into<ArcStr>) -> Self {
                Self(text.into())
            }

            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, formatter)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

text_id! {
    /// One configured account at a platform, such as `amo.main`.
    ConnectionName;
    /// Which connections belong together, such as `sales`.
    RouteName;
    /// A conversation at one connection: a platform's id of it, or ours where the platform takes ours.
    ConversationId;
    /// A message at one connection: a platform's id of it, or ours where the platform takes ours.
    MessageId;
    /// A delivery job at a platform that answers a send with a job before there is a message.
    JobId;
    /// A file that a platform was given before the message in which it stands.
    FileId;
    /// A person or bot at one connection.
    PersonId;
    /// One of several entrances of a connection, as a CRM's lead source.
    SourceId;
}

macro_rules! derived_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Reads an id back from where it was stored.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The id as the store wants it.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }
    )*};
}

derived_id! {
    /// A recorded event; for a webhook it also says which deliveries are the same delivery.
    EventId;
    /// One dialogue with one client, wherever it is shown.
    ThreadId;
    /// One thing to make true at a platform.
    IntentId;
}

derived_id! {
    /// One run of an engine. The one id that is random: two runs must never have the same.
    EngineId;
}

impl EventId {
    /// The id of whatever `parts` name together. Equal parts give equal ids; the parts cannot run into each other.
    pub fn derived(parts: &[&[u8]]) -> Self {
        Self(derive("event", parts))
    }
}

impl ThreadId {
    /// A thread is named by the first thing we knew of it: where, and which conversation there.
    pub fn first_seen(route: &RouteName, connection: &ConnectionName, conversation: &ConversationId) -> Self {
        let parts = [route.as_str(), connection.as_str(), conversation.as_str()];
        Self(derive("thread", &parts.map(str::as_bytes)))
    }
}

impl IntentId {
    /// The same cause under the same policy raises the same intent, however often it is decided.
    pub fn derived(cause: EventId, policy: &str, ordinal: u32) -> Self {
        Self(derive("intent", &[cause.0.as_bytes(), policy.as_bytes(), &ordinal.to_be_bytes()]))
    }
}

/// UUIDv5 of the parts, each with its length before it, so that ("ab", "c") and ("a", "bc") differ.
fn derive(kind: &str, parts: &[&[u8]]) -> Uuid {
    let mut digest = Sha1::new();
    digest.update(CHATLEDGER.as_bytes());
    digest.update(kind.as_bytes());
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let digest: [u8; 20] = digest.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_sha1_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_are_uuids_of_version_five() {
        let derived = EventId::derived(&[b"ab"]).as_uuid();
        let name = [&b"event"[..], &2_u64.to_be_bytes(), b"ab"].concat();
        assert_eq!(derived, Uuid::new_v5(&CHATLEDGER, &name));
    }

    #[test]
    fn parts_of_a_derived_id_cannot_run_into_each_other() {
        assert_ne!(EventId::derived(&[b"ab", b"c"]), EventId::derived(&[b"a", b"bc"]));
        assert_eq!(EventId::derived(&[b"ab", b"c"]), EventId::derived(&[b"ab", b"c"]));
    }
}
