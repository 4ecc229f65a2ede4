//! What every projection has in common: a name, an age, and a digest that tells whether two of them are the same.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// A named, versioned left fold over recorded events. How it takes events in is its own business; [`crate::state`]
/// composes them.
pub trait Projection: Default {
    /// The projection's name, in digests, tables and snapshots.
    const NAME: &'static str;

    /// Raised whenever the fold changes: a snapshot of another version is ignored.
    const VERSION: u32;

    /// A digest of everything in it, independent of the order in which it was learnt.
    fn digest(&self) -> Digest;

    /// How many things it holds.
    fn len(&self) -> usize;

    /// Whether it holds nothing.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A map without chance in it: the same history gives the same map, and the same cost.
pub type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// What a state is, in 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a set of entries, whatever their order.
    pub fn of_entries<T: Serialize>(name: &str, version: u32, entries: impl Iterator<Item = T>) -> Self {
        let mut buffer = Vec::with_capacity(256);
        let mut leaves: Vec<[u8; 32]> = entries
            .map(|entry| {
                buffer.clear();
                serde_json::to_writer(&mut buffer, &entry).expect("states hold only what JSON can say");
                Sha256::digest(&buffer).into()
            })
            .collect();
        leaves.sort_unstable();
        let mut digest = Sha256::new();
        digest.update(name.as_bytes());
        digest.update(version.to_be_bytes());
        for leaf in leaves {
            digest.update(leaf);
        }
        Self(digest.finalize().into())
    }

    /// The digest of several digests, in order.
    pub fn of_digests(digests: impl Iterator<Item = Self>) -> Self {
        let mut all = Sha256::new();
        for digest in digests {
            all.update(digest.0);
        }
        Self(all.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
