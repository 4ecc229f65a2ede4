//! Who asks, and what they may: by a bearer token, or by a session that a token opened in a browser.
//!
//! Tokens come from the configuration as digests only; what is presented is hashed and compared in constant time. Without
//! any token the private address is this machine's alone, and whoever is on this machine may read, not act. Sessions live
//! in memory and end with the engine.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use utoipa::ToSchema;

/// What every token begins with, so that people and scanners of leaked secrets know one when they see it.
pub const TOKEN_PREFIX: &str = "clt_";

/// How many bytes of chance are in a token.
const TOKEN_BYTES: usize = 32;

/// The cookie of a session.
pub const SESSION_COOKIE: &str = "chatledger_session";

/// After how long a session that nobody used ends.
const SESSION_IDLE: Duration = Duration::from_secs(12 * 60 * 60);

/// How many sessions there are at most; beyond that, the one unused for longest ends.
const SESSIONS_AT_MOST: usize = 1024;

/// What a token allows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// To read.
    Reader,
    /// To read, and to tell the engine what to do.
    Operator,
}

impl Role {
    /// The role as a word.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Operator => "operator",
        }
    }
}

/// A token as the configuration has it.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenDigest {
    /// What it allows.
    pub role: Role,
    /// The SHA-256 of its text.
    pub sha256: [u8; 32],
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TokenDigest").field("role", &self.role).finish_non_exhaustive()
    }
}

/// A new token: shown once, kept nowhere.
pub struct NewToken {
    /// The token itself.
    pub text: String,
    /// What the configuration keeps of it.
    pub sha256: [u8; 32],
}

impl NewToken {
    /// Makes one of 256 bits of chance.
    pub fn make() -> Result<Self, getrandom::Error> {
        let text = format!("{TOKEN_PREFIX}{}", hex::encode(chance()?));
        let sha256 = digest(&text);
        Ok(Self { text, sha256 })
    }
}

/// Who asks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Who {
    /// The token's name; of somebody on this machine without one, `(this machine)`.
    pub name: String,
    /// What they may.
    pub role: Role,
}

/// Why somebody may not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Denied {
    /// Nothing was presented.
    #[error("a token is needed: `Authorization: Bearer clt_…`")]
    Missing,
    /// What was presented is no token of ours, or its session is over.
    #[error("the token is not known here, or the session is over")]
    Unknown,
    /// A reader wants to act.
    #[error("this token may only read; an operator's token is needed")]
    ReadingOnly,
    /// There is no token that could act.
    #[error("no operator's token is configured; make one with `chatledger token new NAME --role operator`")]
    NobodyActs,
}

struct Session {
    who: Who,
    used: Instant,
}

/// Knows who may what.
pub struct Access {
    tokens: BTreeMap<String, TokenDigest>,
    sessions: Mutex<BTreeMap<[u8; 32], Session>>,
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Access").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

impl Access {
    /// Those who hold one of these tokens; without any, everybody on this machine, to read.
    pub fn new(tokens: BTreeMap<String, TokenDigest>) -> Self {
        Self { tokens, sessions: Mutex::new(BTreeMap::new()) }
    }

    /// Whether reading is open to this machine: there are no tokens.
    pub fn is_open(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Who asks, by a bearer token or by the cookie of a session.
    pub fn who(&self, headers: &HeaderMap) -> Result<Who, Denied> {
        if let Some(presented) = headers.get(header::AUTHORIZATION) {
            let text = presented.to_str().map_err(|_| Denied::Unknown)?;
            let (scheme, token) = text.split_once(' ').ok_or(Denied::Unknown)?;
            return if scheme.eq_ignore_ascii_case("bearer") { self.known(token.trim()) } else { Err(Denied::Unknown) };
        }
        match session_cookie(headers) {
            Some(session) => self.session(session),
            None if self.is_open() => Ok(Who { name: "(this machine)".to_owned(), role: Role::Reader }),
            None => Err(Denied::Missing),
        }
    }

    /// Who asks, if they may act.
    pub fn who_acts(&self, headers: &HeaderMap) -> Result<Who, Denied> {
        if !self.tokens.values().any(|token| token.role == Role::Operator) {
            return Err(Denied::NobodyActs);
        }
        let who = self.who(headers)?;
        match who.role {
            Role::Operator => Ok(who),
            Role::Reader => Err(Denied::ReadingOnly),
        }
    }

    /// Opens a session for a token; gives who it is and the `Set-Cookie` for it. Is the cookie to go over HTTPS only, the
    /// proxy before us adds that.
    pub fn log_in(&self, token: &str) -> Result<(Who, String), Denied> {
        let who = self.known(token.trim())?;
        let text = hex::encode(chance().map_err(|_| Denied::Unknown)?);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| session.used.elapsed() < SESSION_IDLE);
        if sessions.len() >= SESSIONS_AT_MOST
            && let Some(oldest) = sessions.iter().min_by_key(|(_, session)| session.used).map(|(id, _)| *id)
        {
            sessions.remove(&oldest);
        }
        sessions.insert(digest(&text), Session { who: who.clone(), used: Instant::now() });
        let age = SESSION_IDLE.as_secs();
        Ok((who, format!("{SESSION_COOKIE}={text}; HttpOnly; SameSite=Strict; Path=/; Max-Age={age}")))
    }

    /// Ends the session that a request came with; gives the `Set-Cookie` that forgets it.
    pub fn log_out(&self, headers: &HeaderMap) -> String {
        if let Some(session) = session_cookie(headers) {
            self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest(session));
        }
        format!("{SESSION_COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0")
    }

    /// Whose token it is. Every token is compared, whichever fits, and each in constant time.
    fn known(&self, presented: &str) -> Result<Who, Denied> {
        let presented = digest(presented);
        let mut found = 0_u32;
        for (place, token) in (1_u32..).zip(self.tokens.values()) {
            let same: Choice = token.sha256.ct_eq(&presented);
            found.conditional_assign(&place, same);
        }
        let place = (found as usize).checked_sub(1).ok_or(Denied::Unknown)?;
        let (name, token) = self.tokens.iter().nth(place).ok_or(Denied::Unknown)?;
        Ok(Who { name: name.clone(), role: token.role })
    }

    fn session(&self, presented: &str) -> Result<Who, Denied> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        // By its digest: what a look-up's time could tell is of a hash that nobody can choose.
        let session = sessions.get_mut(&digest(presented)).ok_or(Denied::Unknown)?;
        if session.used.elapsed() >= SESSION_IDLE {
            return Err(Denied::Unknown);
        }
        session.used = Instant::now();
        Ok(session.who.clone())
    }
}

fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find_map(|(name, value)| (name == SESSION_COOKIE).then_some(value))
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn chance() -> Result<[u8; TOKEN_BYTES], getrandom::Error> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(tokens: &[(&str, Role, &NewToken)]) -> Access {
        let tokens = tokens
            .iter()
            .map(|(name, role, token)| ((*name).to_owned(), TokenDigest { role: *role, sha256: token.sha256 }));
        Access::new(tokens.collect())
    }

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().expect("a header"))])
    }

    #[test]
    fn a_token_is_known_by_its_digest_and_no_other_is() {
        let (reader, operator, stranger) = (NewToken::make(), NewToken::make(), NewToken::make());
        let (reader, operator, stranger) =
            (reader.expect("chance"), operator.expect("chance"), stranger.expect("chance"));
        let access = access(&[("grafana", Role::Reader, &reader), ("olga", Role::Operator, &operator)]);
        let bearer = |token: &NewToken| headers(header::AUTHORIZATION, &format!("Bearer {}", token.text));
        assert_eq!(access.who(&bearer(&reader)).map(|who| who.name), Ok("grafana".to_owned()));
        assert_eq!(access.who_acts(&bearer(&reader)), Err(Denied::ReadingOnly));
        assert_eq!(access.who_acts(&bearer(&operator)).map(|who| who.name), Ok("olga".to_owned()));
        assert_eq!(access.who(&bearer(&stranger)), Err(Denied::Unknown));
        assert_eq!(access.who(&HeaderMap::new()), Err(Denied::Missing));
        for nonsense in ["Bearer", "Bearer ", "Basic dTpw", "clt_"] {
            assert_eq!(access.who(&headers(header::AUTHORIZATION, nonsense)), Err(Denied::Unknown), "{nonsense}");
        }
        assert!(reader.text.starts_with(TOKEN_PREFIX) && reader.text.len() == 68);
        assert!(!format!("{access:?}").contains(&hex::encode(reader.sha256)));
    }

    #[test]
    fn without_tokens_this_machine_reads_and_nobody_acts() {
        let access = access(&[]);
        assert_eq!(access.who(&HeaderMap::new()).map(|who| who.role), Ok(Role::Reader));
        assert_eq!(access.who_acts(&HeaderMap::new()), Err(Denied::NobodyActs));
    }

    #[test]
    fn a_session_is_its_tokens_until_it_is_logged_out() {
        let token = NewToken::make().expect("chance");
        let access = access(&[("olga", Role::Operator, &token)]);
        assert_eq!(access.log_in("clt_something"), Err(Denied::Unknown));
        let (who, cookie) = access.log_in(&token.text).expect("it is known");
        assert_eq!((who.name.as_str(), who.role), ("olga", Role::Operator));
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        let pair = cookie.split(';').next().expect("a pair");
        let headers = headers(header::COOKIE, &format!("theme=dark; {pair}"));
        assert_eq!(access.who_acts(&headers).map(|who| who.name), Ok("olga".to_owned()));
        assert!(access.log_out(&headers).contains("Max-Age=0"));
        assert_eq!(access.who(&headers), Err(Denied::Unknown));
    }
}
