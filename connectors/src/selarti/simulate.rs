//! A model of one task at Selarti: its dialogues, its one call, its webhooks.
//!
//! Requests and gestures come in; replies, webhooks and a transcript go out. A client's words come back in the feed of all
//! messages, then the assistant answers them; it is silent where an operator has taken over, and where the dialogue is
//! closed (7). There is no idempotency, as at Selarti: the same send twice is two messages. Modelled on purpose: keys and
//! tokens that are wrong or ran out, wrong tasks, missing and ill-typed parameters. Not modelled: quotas, for none are
//! known, spending limits, and other kinds of webhooks than that of all messages.

mod dialogues;

use std::time::Duration;

use chatledger_projections::time::Timestamp;
use serde_json::{Value, json};

use super::settings::{API_KEY, Settings, WEBHOOK_SECRET};
use super::sign_in;
use crate::connector::{Request, Secret, SettingProblem, SimulatedAccount};
use crate::simulator::{Emitted, Gesture, Line, Reaction, Simulator};
use dialogues::{Dialogues, Said};

/// A token of the model is good for so long; bubble.io's usual day would not be seen in any demonstration.
const TOKEN_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// What a client writes is seen in the feed after this.
const ECHO_AFTER: Duration = Duration::from_millis(300);

/// The assistant thinks for so long.
const ANSWER_AFTER: Duration = Duration::from_millis(1_500);

/// A model of the account.
pub(super) fn simulator(account: &SimulatedAccount<'_>) -> Result<Box<dyn Simulator>, Vec<SettingProblem>> {
    let settings = Settings::parse(account.settings)?;
    Ok(Box::new(Simulated {
        api_key: account.secrets.get(API_KEY).cloned(),
        tail: account.secrets.get(WEBHOOK_SECRET).map(|secret| secret.reveal().to_owned()).unwrap_or_default(),
        dialogues: Dialogues::new(account.name.as_str(), &settings),
        tokens: Vec::new(),
        settings,
    }))
}

struct Simulated {
    settings: Settings,
    /// Without one, every key is wrong.
    api_key: Option<Secret>,
    tail: String,
    /// The tokens that were given, and until when each is good.
    tokens: Vec<(Secret, Timestamp)>,
    dialogues: Dialogues,
}

/// Why a request is not granted: a status, bubble.io's word for it, and an explanation (4.2).
struct Refusal(u16, &'static str, String);

impl Simulator for Simulated {
    fn handle(&mut self, request: &Request, now: Timestamp) -> Reaction {
        self.answer(request, now).unwrap_or_else(|refusal| refuse(&refusal))
    }

    /// Operators write in the panel; the number is our id of the dialogue, or a part of it.
    fn gesture(&mut self, gesture: &Gesture, now: Timestamp) -> Result<Vec<Emitted>, String> {
        match gesture {
            Gesture::AppWrites { phone, text } => {
                let dialogue = self.dialogues.find(phone).ok_or("there is no such dialogue in the panel")?;
                let said = self.dialogues.operator_writes(dialogue, text, now);
                Ok(vec![self.told(said, ECHO_AFTER)])
            }
            Gesture::ClientWrites { .. } | Gesture::ClientReads { .. } => {
                Err("clients are in the messenger, not at Selarti".to_owned())
            }
            Gesture::ManagerWrites { .. } => Err("managers write in the CRM, not at Selarti".to_owned()),
            Gesture::Alters { .. } => Err("nothing that was said at Selarti is altered".to_owned()),
        }
    }

    fn say(&mut self, body: Vec<u8>) -> Emitted {
        self.emit(body, Duration::ZERO)
    }

    fn transcript(&self) -> Vec<Line> {
        self.dialogues.transcript()
    }
}

impl Simulated {
    fn answer(&mut self, request: &Request, now: Timestamp) -> Result<Reaction, Refusal> {
        let is_sign_in = request.path == sign_in::PATH;
        if !is_sign_in && request.path != self.settings.send_path {
            return Err(Refusal(404, "NOT_FOUND", "Workflow not found".to_owned()));
        }
        if request.method != "POST" {
            return Err(Refusal(405, "", "Method not allowed".to_owned()));
        }
        let body: Value = serde_json::from_slice(&request.body)
            .map_err(|_| Refusal(400, "INVALID_JSON", "The body is no JSON".to_owned()))?;
        if is_sign_in {
            return self.sign_in(&body, now);
        }
        if !self.is_signed_in(request, now) {
            let why = "Permission denied: cannot run this workflow".to_owned();
            return Err(Refusal(401, "NOT_RUN", why));
        }
        self.take(&body, now)
    }

    fn sign_in(&mut self, body: &Value, now: Timestamp) -> Result<Reaction, Refusal> {
        let shown = body["key"].as_str().unwrap_or_default();
        if !self.api_key.as_ref().is_some_and(|key| key.matches(shown.as_bytes())) {
            return Err(Refusal(400, "", "Invalid key".to_owned()));
        }
        let user = self.dialogues.user();
        let token = format!("bus|{user}|{}x{:018}", now.as_millis(), self.tokens.len() + 1);
        self.tokens.retain(|(_, until)| now < *until);
        self.tokens.push((Secret::new(token.as_str()), now + TOKEN_LIFETIME));
        let response = json!({ "token": token, "user_id": user, "expires": TOKEN_LIFETIME.as_secs() });
        Ok(document(200, &json!({ "status": "success", "response": response })))
    }

    fn is_signed_in(&self, request: &Request, now: Timestamp) -> bool {
        let shown = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let token = shown.and_then(|(_, value)| value.strip_prefix("Bearer ")).unwrap_or_default();
        self.tokens.iter().any(|(known, until)| now < *until && known.matches(token.as_bytes()))
    }

    /// A client's words: accepted, told in the feed, and answered by the assistant if it still speaks.
    fn take(&mut self, body: &Value, now: Timestamp) -> Result<Reaction, Refusal> {
        let keys = self.settings.keys.clone();
        if !keys.task.is_empty() && parameter(body, &keys.task, false)? != self.settings.task {
            return Err(Refusal(404, "NOT_FOUND", "Missing object of type task".to_owned()));
        }
        let chat = parameter(body, &keys.chat, self.settings.chat_id_as_number)?;
        let text = parameter(body, &keys.text, false)?;
        let name = optional(body, &keys.name)?;
        let username = optional(body, &keys.username)?;
        let dialogue = self.dialogues.find_or_open(&chat, name.as_deref(), username.as_deref(), now);
        let heard = self.dialogues.client_writes(dialogue, &text, now);
        let mut reaction = document(200, &json!({ "status": "success", "response": {} }));
        reaction.webhooks.push(self.told(heard, ECHO_AFTER));
        if let Some(said) = self.dialogues.assistant_answers(dialogue, &text, now + ANSWER_AFTER) {
            reaction.webhooks.push(self.told(said, ANSWER_AFTER));
        }
        Ok(reaction)
    }

    fn told(&self, said: Said, after: Duration) -> Emitted {
        self.emit(said.webhook.to_string().into_bytes(), after)
    }

    fn emit(&self, body: Vec<u8>, after: Duration) -> Emitted {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Emitted { after, tail: self.tail.clone(), headers, body }
    }
}

/// A parameter as bubble.io takes it: there, and of its type (5).
fn parameter(body: &Value, key: &str, is_number: bool) -> Result<String, Refusal> {
    let missing = || {
        let why = format!("Missing parameter for workflow send_external_message: parameter {key}");
        Refusal(400, "MISSING_DATA", why)
    };
    let ill_typed = || Refusal(400, "INVALID_DATA", format!("Invalid data for parameter {key}"));
    match body.get(key).unwrap_or(&Value::Null) {
        Value::Null => Err(missing()),
        Value::String(text) if text.is_empty() => Err(missing()),
        Value::String(text) if !is_number => Ok(text.clone()),
        Value::Number(number) if is_number => Ok(number.to_string()),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(ill_typed()),
    }
}

fn optional(body: &Value, key: &str) -> Result<Option<String>, Refusal> {
    if key.is_empty() || body.get(key).is_none_or(Value::is_null) {
        return Ok(None);
    }
    parameter(body, key, false).map(Some)
}

/// A workflow's own failure is flat, bubble.io's has two levels (4.2).
fn refuse(Refusal(status, word, why): &Refusal) -> Reaction {
    let body = match (*status, *word) {
        (405, _) => json!({ "message": why }),
        (_, "") => json!({ "status": "error", "message": why }),
        (status, word) => json!({ "statusCode": status, "body": { "status": word, "message": why } }),
    };
    document(*status, &body)
}

fn document(status: u16, body: &Value) -> Reaction {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Reaction { status, headers, body: body.to_string().into_bytes(), webhooks: Vec::new() }
}

#[cfg(test)]
mod tests;
