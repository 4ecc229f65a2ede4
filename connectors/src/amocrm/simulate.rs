//! A pure model of amo with one scope, as the contract describes it.
//!
//! Takes our signed requests and a manager's gestures; gives replies, signed hooks and what people see. It checks all
//! that amojo is documented to check: the four headers, the quarter of an hour, and exact types. Where amojo's
//! behaviour is not documented the model chooses, and says so where it does. Deliberately absent: comments, the CRM around
//! the chats, and any delay before a message is seen.

mod chats;
mod typed;

use std::collections::VecDeque;
use std::time::Duration;

use chatledger_projections::ids::ConnectionName;
use chatledger_projections::time::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::ids::Scope;
use super::settings::Settings;
use super::sign;
use crate::connector::{Request, Secret};
use crate::simulator::{Alteration, Emitted, Gesture, Line, Reaction, Simulator};
use chats::{Chats, Refusal};
use typed::Typed;

/// A signature is good for so long from its date (contract, 4.1).
const SIGNATURE_LIFETIME_MS: u64 = 15 * 60 * 1000;

/// What clients reuse from the CRM's documentation; amojo's own limit is unknown (contract, 8).
const CALLS_PER_SECOND: usize = 7;

/// A hook leaves a moment after its cause.
const HOOK_DELAY: Duration = Duration::from_millis(100);

/// amo with one channel connected to one account.
pub(super) struct Amo {
    scope: Scope,
    secret: Secret,
    /// Whether hooks are sent.
    is_connected: bool,
    /// When the calls of the last second came.
    recent: VecDeque<Timestamp>,
    calls_per_second: usize,
    chats: Chats,
}

impl Amo {
    /// An account without chats. An account that is set to call faster is taken to be allowed to.
    pub(super) fn new(connection: &ConnectionName, settings: &Settings, secret: &Secret) -> Self {
        let wanted = usize::try_from(settings.calls_per_second.get()).unwrap_or(CALLS_PER_SECOND);
        Self {
            scope: settings.scope.clone(),
            secret: secret.clone(),
            is_connected: true,
            recent: VecDeque::new(),
            calls_per_second: CALLS_PER_SECOND.max(wanted),
            chats: Chats::new(connection, settings),
        }
    }

    fn answer(&mut self, request: &Request, now: Timestamp) -> Result<Reaction, Refusal> {
        self.count(now)?;
        self.authenticate(request, now)?;
        let path = request.path.strip_prefix("/v2/origin/custom/").ok_or_else(Refusal::not_found)?;
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let steps: Vec<&str> = rest.split('/').filter(|step| !step.is_empty()).collect();
        if first == self.scope.channel() {
            return match (request.method, steps.as_slice()) {
                ("POST", ["connect"]) => self.connect(&body_of(request)?),
                ("DELETE", ["disconnect"]) => self.disconnect(&body_of(request)?),
                _ => Err(Refusal::not_found()),
            };
        }
        if first != self.scope.as_str() {
            return Err(Refusal::not_found());
        }
        match (request.method, steps.as_slice()) {
            ("POST", []) => {
                let body = body_of(request)?;
                let body = Typed::document(&body);
                match body.text("event_type")? {
                    Some("new_message") => Ok(document(self.chats.new_message(&body.object("payload")?)?)),
                    Some("edit_message") => Ok(document(self.chats.edit_message(&body.object("payload")?)?)),
                    _ => Err(Refusal::bad_data("event_type is unknown")),
                }
            }
            ("POST", [message, "delivery_status"]) => {
                let message = percent_decode_str(message).decode_utf8_lossy();
                self.chats.delivery_status(&message, &Typed::document(&body_of(request)?))?;
                Ok(empty(200))
            }
            ("POST", ["typing"]) => {
                self.chats.typing(&Typed::document(&body_of(request)?))?;
                Ok(empty(204))
            }
            ("POST", ["react"]) => {
                self.chats.react(&Typed::document(&body_of(request)?))?;
                Ok(empty(200))
            }
            ("POST", ["chats"]) => Ok(document(self.chats.create_chat(&Typed::document(&body_of(request)?))?)),
            ("GET", ["chats", chat, "history"]) => {
                let number = |key: &str| {
                    let value = request.query.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str());
                    value.map_or(Ok(None), |value| value.parse::<usize>().map(Some))
                };
                let offset = number("offset").map_err(|_| Refusal::bad_data("offset"))?.unwrap_or(0);
                let limit = number("limit").map_err(|_| Refusal::bad_data("limit"))?.unwrap_or(50);
                if limit > 50 {
                    return Err(Refusal::bad_data("limit: at most 50"));
                }
                let messages = self.chats.history(&percent_decode_str(chat).decode_utf8_lossy(), offset, limit);
                Ok(if messages.is_empty() { empty(204) } else { document(json!({ "messages": messages })) })
            }
            _ => Err(Refusal::not_found()),
        }
    }

    fn connect(&mut self, body: &Value) -> Result<Reaction, Refusal> {
        let body = Typed::document(body);
        let account = body.some_text("account_id")?;
        if account != self.scope.account() {
            return Err(Refusal::not_found());
        }
        if !matches!(body.text("hook_api_version")?, None | Some("v1" | "v2")) {
            return Err(Refusal::bad_data("hook_api_version is unknown"));
        }
        self.is_connected = true;
        Ok(document(json!({
            "account_id": account,
            "scope_id": self.scope.as_str(),
            "title": body.text("title")?.unwrap_or("Chatledger"),
            "hook_api_version": body.text("hook_api_version")?.unwrap_or("v1"),
            "is_time_window_disabled": body.flag("is_time_window_disabled")?.unwrap_or(false),
        })))
    }

    /// Nothing is answered; no more hooks come (contract, 5.2).
    fn disconnect(&mut self, body: &Value) -> Result<Reaction, Refusal> {
        if Typed::document(body).some_text("account_id")? != self.scope.account() {
            return Err(Refusal::not_found());
        }
        self.is_connected = false;
        Ok(empty(200))
    }

    fn count(&mut self, now: Timestamp) -> Result<(), Refusal> {
        self.recent.retain(|call| now.since(*call) < Duration::from_secs(1));
        if self.recent.len() >= self.calls_per_second {
            return Err(Refusal { status: 429, word: "too many requests".to_owned() });
        }
        self.recent.push_back(now);
        Ok(())
    }

    fn authenticate(&self, request: &Request, now: Timestamp) -> Result<(), Refusal> {
        let header = |name: &str| {
            let found = request.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str()).ok_or_else(|| Refusal::forbidden(&format!("{name} is missing")))
        };
        let (date, signature) = (header("date")?, header("x-signature")?);
        if header("content-type")? != sign::CONTENT_TYPE {
            return Err(Refusal::forbidden("content-type is wrong"));
        }
        let proof = sign::prove(&self.secret, request.method, &request.path, &request.body, date.to_owned());
        if header("content-md5")? != proof.content_md5 {
            return Err(Refusal::forbidden("content-md5 is wrong"));
        }
        if signature != proof.signature {
            return Err(Refusal::forbidden("signature is wrong"));
        }
        let signed_at = sign::read_date(date).ok_or_else(|| Refusal::forbidden("date is unreadable"))?;
        if signed_at.as_millis().abs_diff(now.as_millis()) > SIGNATURE_LIFETIME_MS {
            return Err(Refusal::forbidden("date is too far away"));
        }
        Ok(())
    }

    fn emit(&self, body: Vec<u8>) -> Emitted {
        let headers = vec![
            ("content-type".to_owned(), sign::CONTENT_TYPE.to_owned()),
            ("x-signature".to_owned(), sign::hook(&self.secret, &body)),
        ];
        Emitted { after: HOOK_DELAY, tail: self.scope.as_str().to_owned(), headers, body }
    }
}

impl Simulator for Amo {
    fn handle(&mut self, request: &Request, now: Timestamp) -> Reaction {
        self.answer(request, now).unwrap_or_else(|refusal| refuse(&refusal))
    }

    fn gesture(&mut self, gesture: &Gesture, now: Timestamp) -> Result<Vec<Emitted>, String> {
        match gesture {
            Gesture::ManagerWrites { phone, name, text } => {
                let hook = self.chats.manager_writes(self.scope.account(), phone, name, text, now);
                let emitted = self.emit(hook.to_string().into_bytes());
                Ok(if self.is_connected { vec![emitted] } else { Vec::new() })
            }
            Gesture::ClientWrites { .. } | Gesture::ClientReads { .. } => {
                Err("clients are in the messenger, not in amoCRM".to_owned())
            }
            Gesture::AppWrites { .. } => Err("amoCRM is no messenger; it has no app to write past it".to_owned()),
            Gesture::Alters { phone, alteration } => {
                let hook = match alteration {
                    Alteration::Reacts { emoji } => {
                        self.chats.manager_reacts(self.scope.account(), phone, emoji.as_deref(), now)?
                    }
                    Alteration::Types => self.chats.manager_types(self.scope.account(), phone, now)?,
                    Alteration::Edits { .. } | Alteration::Deletes => {
                        return Err("amoCRM announces neither edits nor deletions (contract, 14.6)".to_owned());
                    }
                };
                let emitted = self.emit(hook.to_string().into_bytes());
                Ok(if self.is_connected { vec![emitted] } else { Vec::new() })
            }
        }
    }

    fn say(&mut self, body: Vec<u8>) -> Emitted {
        if let Ok(hook) = serde_json::from_slice(&body) {
            self.chats.learn(&hook);
        }
        self.emit(body)
    }

    fn transcript(&self) -> Vec<Line> {
        self.chats.transcript()
    }
}

fn body_of(request: &Request) -> Result<Value, Refusal> {
    serde_json::from_slice(&request.body).map_err(|_| Refusal::bad_data("the body is no JSON"))
}

fn empty(status: u16) -> Reaction {
    Reaction { status, headers: Vec::new(), body: Vec::new(), webhooks: Vec::new() }
}

fn document(body: Value) -> Reaction {
    let headers = vec![("content-type".to_owned(), sign::CONTENT_TYPE.to_owned())];
    Reaction { status: 200, headers, body: body.to_string().into_bytes(), webhooks: Vec::new() }
}

/// Error bodies are not documented; these keys are read by a public client (contract, 7).
fn refuse(refusal: &Refusal) -> Reaction {
    let body = json!({
        "error_code": refusal.status, "error_type": "SIMULATED", "error_description": refusal.word,
    });
    let mut reaction = Reaction { status: refusal.status, ..document(body) };
    if refusal.status == 429 {
        reaction.headers.push(("retry-after".to_owned(), "1".to_owned()));
    }
    reaction
}

#[cfg(test)]
mod tests;
