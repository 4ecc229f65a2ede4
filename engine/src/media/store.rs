//! The folder in which files lie, each under the digest of what it holds.
//!
//! Bytes come in piece by piece and go out as a file. A file is there whole or not at all: it is written under another
//! name, brought to the disk, and then renamed. When there is more than the quota, what was not used for longest gives
//! way; it is only a cache, and what is wanted again is fetched again. Beside the quota lies only what is just coming.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use chatledger_projections::files::Stored;
use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Where files are while they come; whatever lies there at the start is a leftover.
const COMING: &str = "coming";

/// How much of a file is looked at to tell what it is.
const HEAD: usize = 8 * 1024;

/// The folder.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    quota: u64,
    held: Mutex<Held>,
    names: AtomicU64,
}

#[derive(Debug, Default)]
struct Held {
    files: HashMap<String, Kept>,
    bytes: u64,
    /// Rises with every use.
    uses: u64,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    bytes: u64,
    last_use: u64,
}

impl Store {
    /// Opens a folder, and makes it if there is none. `quota` is in bytes. Blocks.
    pub fn open(folder: &Path, quota: u64) -> io::Result<Self> {
        let coming = folder.join(COMING);
        std::fs::create_dir_all(&coming)?;
        for leftover in std::fs::read_dir(&coming)? {
            std::fs::remove_file(leftover?.path())?;
        }
        let mut found: Vec<(SystemTime, String, u64)> = Vec::new();
        for shelf in std::fs::read_dir(folder)? {
            let shelf = shelf?;
            if shelf.file_name() == COMING || !shelf.file_type()?.is_dir() {
                continue;
            }
            for entry in std::fs::read_dir(shelf.path())? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if is_digest(&name) {
                    let known = entry.metadata()?;
                    found.push((known.modified().unwrap_or(SystemTime::UNIX_EPOCH), name, known.len()));
                }
            }
        }
        found.sort();
        let mut held = Held::default();
        for (_, name, bytes) in found {
            held.keep(name, bytes);
        }
        let store = Self { folder: folder.to_owned(), quota, held: Mutex::new(held), names: AtomicU64::new(0) };
        for sha256 in store.held().give_way(quota, "") {
            std::fs::remove_file(store.path(&sha256))?;
        }
        Ok(store)
    }

    /// A place for a file that comes.
    pub async fn begin(&self) -> io::Result<Incoming> {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(COMING).join(format!("{}-{number}", std::process::id()));
        let file = File::create(&path).await?;
        let leftover = Leftover(Some(path));
        Ok(Incoming { file, leftover, digest: Sha256::new(), bytes: 0, head: Vec::new() })
    }

    /// Whether a file lies here, whole.
    pub fn has(&self, stored: &Stored) -> bool {
        let mut held = self.held();
        let is_known = held.files.get(&stored.sha256).is_some_and(|kept| kept.bytes == stored.bytes);
        let on_disk = || std::fs::metadata(self.path(&stored.sha256)).is_ok_and(|found| found.len() == stored.bytes);
        if is_known && on_disk() {
            held.keep(stored.sha256.clone(), stored.bytes);
            return true;
        }
        if is_known {
            held.forget(&stored.sha256);
        }
        false
    }

    /// Opens a file for reading; `NotFound` if it is no longer here.
    pub async fn read(&self, sha256: &str) -> io::Result<File> {
        if !is_digest(sha256) {
            return Err(io::ErrorKind::NotFound.into());
        }
        File::open(self.path(sha256)).await
    }

    /// What the first bytes of a file say that it is; `None` if they say nothing, or if it is no longer here.
    pub async fn seen_as(&self, sha256: &str) -> Option<&'static str> {
        let mut head = Vec::with_capacity(HEAD);
        self.read(sha256).await.ok()?.take(HEAD as u64).read_to_end(&mut head).await.ok()?;
        infer::get(&head).map(|kind| kind.mime_type())
    }

    /// How many bytes lie here.
    pub fn bytes(&self) -> u64 {
        self.held().bytes
    }

    /// Takes a file in that has come to its end. `claimed` is the media type that its server named.
    pub async fn finish(&self, incoming: Incoming, claimed: Option<&str>) -> io::Result<Stored> {
        let Incoming { mut file, mut leftover, digest, bytes, head } = incoming;
        file.flush().await?;
        file.sync_all().await?;
        drop(file);
        let sha256 = hex::encode(digest.finalize());
        let path = self.path(&sha256);
        let shelf = path.parent().expect("a file lies on a shelf").to_owned();
        tokio::fs::create_dir_all(&shelf).await?;
        tokio::fs::rename(leftover.path(), &path).await?;
        leftover.0 = None;
        // A rename is on disk only when its folder is.
        File::open(&shelf).await?.sync_all().await?;
        let gone = {
            let mut held = self.held();
            held.keep(sha256.clone(), bytes);
            held.give_way(self.quota, &sha256)
        };
        for old in gone {
            // Whoever reads it keeps it until the end.
            match tokio::fs::remove_file(self.path(&old)).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(Stored { sha256, bytes, media_type: media_type(&head, claimed) })
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join(&sha256[..2]).join(sha256)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // What was counted until a panic is still counted.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn keep(&mut self, sha256: String, bytes: u64) {
        self.uses += 1;
        let last_use = self.uses;
        let before = self.files.insert(sha256, Kept { bytes, last_use });
        self.bytes = self.bytes - before.map_or(0, |kept| kept.bytes) + bytes;
    }

    fn forget(&mut self, sha256: &str) {
        if let Some(kept) = self.files.remove(sha256) {
            self.bytes -= kept.bytes;
        }
    }

    /// Forgets the longest unused until the rest fits, but never `newest`; gives what is to be removed.
    fn give_way(&mut self, quota: u64, newest: &str) -> Vec<String> {
        let mut gone = Vec::new();
        while self.bytes > quota {
            let others = self.files.iter().filter(|(sha256, _)| *sha256 != newest);
            let Some(oldest) = others.min_by_key(|(_, kept)| kept.last_use).map(|(sha256, _)| sha256.clone()) else {
                break;
            };
            self.forget(&oldest);
            gone.push(oldest);
        }
        gone
    }
}

/// A file that comes. What is let go before it is finished leaves nothing behind.
#[derive(Debug)]
pub struct Incoming {
    file: File,
    leftover: Leftover,
    digest: Sha256,
    bytes: u64,
    head: Vec<u8>,
}

impl Incoming {
    /// The next piece.
    pub async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        let room = HEAD - self.head.len();
        self.head.extend_from_slice(&piece[..piece.len().min(room)]);
        self.digest.update(piece);
        self.bytes += piece.len() as u64;
        self.file.write_all(piece).await
    }

    /// How much has come.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[derive(Debug)]
struct Leftover(Option<PathBuf>);

impl Leftover {
    fn path(&self) -> &Path {
        self.0.as_deref().expect("it is finished only once")
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // What cannot be removed now is removed at the next start.
            drop(std::fs::remove_file(path));
        }
    }
}

/// What the first bytes say that a file is, else what its server claimed, else nothing in particular.
fn media_type(head: &[u8], claimed: Option<&str>) -> String {
    let seen = infer::get(head).map(|kind| kind.mime_type());
    let claimed = claimed.map(|claimed| claimed.split(';').next().unwrap_or_default().trim());
    let is_type = |text: &&str| {
        let is_token = |part: &str| {
            (1..=100).contains(&part.len())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
        };
        text.split_once('/').is_some_and(|(kind, rest)| is_token(kind) && is_token(rest))
    };
    match (seen, claimed.filter(is_type)) {
        // A document of an office is a zip, and its server knows better.
        (Some("application/zip"), Some(claimed)) if claimed.starts_with("application/") => claimed.to_lowercase(),
        (Some(seen), _) => seen.to_owned(),
        (None, Some(claimed)) => claimed.to_lowercase(),
        (None, None) => "application/octet-stream".to_owned(),
    }
}

/// Whether a name is a digest: what is not names no file of ours, and never a path.
fn is_digest(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn put(store: &Store, bytes: &[u8]) -> Stored {
        let mut incoming = store.begin().await.expect("there is room");
        for piece in bytes.chunks(7) {
            incoming.write(piece).await.expect("there is room");
        }
        store.finish(incoming, Some("text/plain; charset=utf-8")).await.expect("there is room")
    }

    #[tokio::test]
    async fn a_file_is_named_by_what_it_holds_and_lies_there_once() {
        let folder = tempfile::tempdir().expect("there is room");
        let store = Store::open(folder.path(), 1000).expect("the folder is new");
        let (one, other) = (put(&store, b"hello").await, put(&store, b"hello").await);
        assert_eq!(one, other);
        assert_eq!(one.sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
        assert_eq!((one.bytes, one.media_type.as_str(), store.bytes()), (5, "text/plain", 5));
        assert_eq!(put(&store, b"\x89PNG\r\n\x1a\n0000").await.media_type, "image/png");
    }

    #[tokio::test]
    async fn what_broke_off_leaves_nothing_and_what_lies_there_is_found_again() {
        let folder = tempfile::tempdir().expect("there is room");
        let store = Store::open(folder.path(), 1000).expect("the folder is new");
        let mut broken = store.begin().await.expect("there is room");
        broken.write(b"half").await.expect("there is room");
        drop(broken);
        let kept = put(&store, b"whole").await;
        assert_eq!(std::fs::read_dir(folder.path().join(COMING)).expect("it is there").count(), 0);
        std::fs::write(folder.path().join(COMING).join("1-0"), b"killed").expect("there is room");
        let again = Store::open(folder.path(), 1000).expect("it was made");
        assert!(again.has(&kept) && again.bytes() == 5);
        assert_eq!(std::fs::read_dir(folder.path().join(COMING)).expect("it is there").count(), 0);
    }

    #[tokio::test]
    async fn beyond_the_quota_the_longest_unused_gives_way() {
        let folder = tempfile::tempdir().expect("there is room");
        let store = Store::open(folder.path(), 10).expect("the folder is new");
        let (first, second) = (put(&store, b"1111").await, put(&store, b"2222").await);
        assert!(store.has(&first), "and is used by it");
        let third = put(&store, b"3333").await;
        assert!(store.has(&first) && !store.has(&second) && store.has(&third));
        assert_eq!(store.bytes(), 8);
        // Larger than everything together, and yet wanted now.
        let large = put(&store, &[4; 100]).await;
        assert!(store.has(&large) && !store.has(&first));
    }

    #[tokio::test]
    async fn a_name_that_is_no_digest_reads_nothing() {
        let folder = tempfile::tempdir().expect("there is room");
        let store = Store::open(folder.path(), 10).expect("the folder is new");
        for name in ["", "..", "../../etc/passwd", &"A".repeat(64), &"é".repeat(32)] {
            assert_eq!(store.read(name).await.expect_err("there is none").kind(), io::ErrorKind::NotFound, "{name}");
        }
        let lost = put(&store, b"lost").await;
        std::fs::remove_file(store.path(&lost.sha256)).expect("it was there");
        assert!(!store.has(&lost));
    }
}
