//! The links under which we show files that lie with us. Pure but for the making of its key: a link of the same file for the same message is always
//! the same, so that a repeated request is repeated byte for byte.
//!
//! Nobody can guess one: it bears a signature over the file's digest, its type and the moment from which on it is not
//! good any more.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chatledger_projections::files::Stored;
use chatledger_projections::time::Timestamp;
use hmac::{Hmac, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;

/// What a path segment may hold as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Makes and reads links.
#[derive(Clone)]
pub struct Offer {
    public_url: String,
    key: [u8; 32],
    lifetime: Duration,
}

/// A file that may be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// The digest of what it holds.
    pub sha256: String,
    /// What it is.
    pub media_type: String,
}

impl Offer {
    /// Links under this address (without a slash at the end), signed with this key, good for so long.
    pub const fn new(public_url: String, key: [u8; 32], lifetime: Duration) -> Self {
        Self { public_url, key, lifetime }
    }

    /// The link of a file for a message that was raised at this moment.
    pub fn link(&self, stored: &Stored, name: &str, raised_at: Timestamp) -> String {
        let until = (raised_at + self.lifetime).as_seconds();
        let media_type = BASE64_URL_SAFE_NO_PAD.encode(&stored.media_type);
        let claim = format!("{}.{until}.{media_type}", stored.sha256);
        let proof = BASE64_URL_SAFE_NO_PAD.encode(self.sign(&claim).finalize().into_bytes());
        format!("{}/media/{claim}.{proof}/{}", self.public_url, utf8_percent_encode(name, SEGMENT))
    }

    /// Reads a link's token again; nothing if it is not ours or not good any more.
    pub fn read(&self, token: &str, now: Timestamp) -> Option<Shown> {
        let (claim, proof) = token.rsplit_once('.')?;
        let proof = BASE64_URL_SAFE_NO_PAD.decode(proof).ok()?;
        // Compared in constant time.
        self.sign(claim).verify_slice(&proof).ok()?;
        let mut parts = claim.split('.');
        let (sha256, until, media_type) = (parts.next()?, parts.next()?, parts.next()?);
        if until.parse::<i64>().ok()? <= now.as_seconds() {
            return None;
        }
        let media_type = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(media_type).ok()?).ok()?;
        Some(Shown { sha256: sha256.to_owned(), media_type })
    }

    fn sign(&self, claim: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("it takes keys of every length");
        mac.update(claim.as_bytes());
        mac
    }
}

/// The key of the links, which lies in the folder of files; made by chance the first time. Blocks.
pub fn key_in(folder: &Path) -> io::Result<[u8; 32]> {
    let path = folder.join("link.key");
    match fs::read(&path) {
        Ok(bytes) => {
            let whole = bytes.try_into();
            whole.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it does not have 32 bytes; remove it"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut key = [0; 32];
            getrandom::fill(&mut key).map_err(io::Error::other)?;
            let mut options = fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&path)?;
            file.write_all(&key)?;
            file.sync_all()?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Offer").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_until_its_time_and_nobody_else_can_make_one() {
        let stored = Stored { sha256: "ab".repeat(32), bytes: 1, media_type: "image/png".to_owned() };
        let offer = Offer::new("https://us.example".to_owned(), [1; 32], Duration::from_secs(60));
        let at = Timestamp::from_millis(1_000_000);
        let link = offer.link(&stored, "Счёт №1.png", at);
        assert_eq!(link, offer.link(&stored, "Счёт №1.png", at));
        let token = link.strip_prefix("https://us.example/media/").and_then(|rest| rest.split('/').next());
        let token = token.expect("it has a token");
        let shown = Shown { sha256: stored.sha256.clone(), media_type: "image/png".to_owned() };
        assert_eq!(offer.read(token, at), Some(shown));
        assert_eq!(offer.read(token, at + Duration::from_secs(60)), None);
        let other = Offer::new("https://us.example".to_owned(), [2; 32], Duration::from_secs(60));
        assert_eq!(other.read(token, at), None);
        let longer = token.replacen(".1060.", ".9999.", 1);
        assert_ne!(longer, token);
        for forged in ["", ".", "a.b.c.d", &longer, &token.replacen("ab", "cd", 1)] {
            assert_eq!(offer.read(forged, at), None, "{forged}");
        }
    }
}
