//! Who may ask at the private address. Sections in, digests of tokens out: a token itself never stands in a document.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::connections::subsections;
use super::document::{Entry, Value};
use super::problem::{Problem, Wrong};
use super::section::{Section, path};
use super::value::{choice, text};
use crate::api::access::{Role, TOKEN_PREFIX, TokenDigest};

/// The longest name of a token.
const LONGEST_NAME: usize = 64;

/// Reads the section `access`.
pub(super) fn read(given: Option<Entry>, problems: &mut Vec<Problem>) -> BTreeMap<String, TokenDigest> {
    let mut section = Section::of("access".to_owned(), given, problems);
    let tokens = section.take("tokens");
    section.finish();
    let mut read = BTreeMap::new();
    for (name, entry) in subsections("access.tokens", tokens, problems) {
        let path = path("access.tokens", &name);
        let is_plain = |sign: char| sign.is_alphanumeric() || "._- @".contains(sign);
        if name.is_empty() || name.chars().count() > LONGEST_NAME || !name.chars().all(is_plain) {
            problems.push(Problem {
                line: Some(entry.line),
                key: path.clone(),
                value: None,
                reason: "it is no name of a token".to_owned(),
                remedy: format!("write up to {LONGEST_NAME} letters, digits, dots, dashes and underscores"),
            });
            continue;
        }
        let mut section = Section::of(path, Some(entry), problems);
        let roles = [(Role::Reader.label(), Role::Reader), (Role::Operator.label(), Role::Operator)];
        let role = section.required("role", "write \"reader\" or \"operator\"", choice(&roles));
        let sha256 = section.required("sha256", "write what `chatledger token new` printed", digest);
        section.finish();
        if let (Some(role), Some(sha256)) = (role, sha256) {
            read.insert(name, TokenDigest { role, sha256 });
        }
    }
    read
}

/// Everybody in reach of the private address could read what clients write: that needs tokens, or the machine's own address.
pub(super) fn look(
    private: SocketAddr,
    line: Option<usize>,
    is_read: bool,
    tokens: &BTreeMap<String, TokenDigest>,
) -> Option<Problem> {
    let is_open = is_read && tokens.is_empty() && !private.ip().to_canonical().is_loopback();
    is_open.then(|| Problem {
        line,
        key: "server.private".to_owned(),
        value: Some(format!("\"{private}\"")),
        reason: "whoever reaches it could read every dialogue: there are no tokens".to_owned(),
        remedy: "make one with `chatledger token new NAME --role reader`, or listen at 127.0.0.1, or switch reading off with `enabled = false` in [reading]".to_owned(),
    })
}

fn digest(value: &Value) -> Result<[u8; 32], Wrong> {
    let written = text(value)?;
    let remedy = "write the 64 signs that `chatledger token new` printed";
    if written.starts_with(TOKEN_PREFIX) {
        // Its problem shows the value, and this one is a secret.
        return Err(Wrong::new("it is the token itself, not its digest; that token is spoilt", "make another"));
    }
    let mut digest = [0; 32];
    hex::decode_to_slice(&written, &mut digest).map_err(|_| Wrong::new("it is not a SHA-256 in hex", remedy))?;
    Ok(digest)
}
