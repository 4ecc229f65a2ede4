//! A model of one app at Carrot quest: its dialogues, the calls that we make, its webhooks.
//!
//! Requests and gestures come in; replies, webhooks and a transcript go out. There is no idempotency: nothing says that
//! a `random_id` is taken only once (7.4). Modelled on purpose: forms alone are understood, `meta` in every answer, ids
//! beyond 2^53 as numbers unless texts are asked for, refusals by name, a webhook for everything said, our own included
//! and perhaps before the answer. Not modelled: bots, tags, assignment, closing, files, channels, writing first, and
//! reading, of which the platform tells nobody.

mod account;
mod documents;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chatledger_projections::fact::Fact;
use chatledger_projections::time::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use self::account::{Account, By};
use self::documents::{Ids, OPERATOR};
use super::decode::{decode, values};
use super::form;
use super::settings::{AUTH_TOKEN, Settings, WEBHOOK_TOKEN};
use super::verify::TOKEN;
use crate::connector::{FormPart, Request, Secret, SettingProblem, SimulatedAccount, Webhook};
use crate::simulator::{Emitted, Gesture, Line, LineAuthor, Reaction, Simulator};

/// As many calls a second as the contract assumes (2.5).
const CALLS_A_SECOND: usize = 5;

/// Longer than any chat message; the real limit is not documented (11).
const LONGEST_TEXT: usize = 10_000;

/// Ten megabytes (3.2).
const LARGEST_FILE: u64 = 10_000_000;

/// The operator who writes in the panel.
const ADMIN: &str = "139001";

/// A model of the account.
pub(super) fn simulator(account: &SimulatedAccount<'_>) -> Result<Box<dyn Simulator>, Vec<SettingProblem>> {
    Settings::parse(account.settings)?;
    Ok(Box::new(Simulated {
        auth_token: account.secrets.get(AUTH_TOKEN).cloned(),
        webhook_token: account.secrets.get(WEBHOOK_TOKEN).map(|token| token.reveal().to_owned()).unwrap_or_default(),
        account: Account::new(account.name.as_str()),
        calls: VecDeque::new(),
    }))
}

struct Simulated {
    /// Without one, everybody is let in.
    auth_token: Option<Secret>,
    webhook_token: String,
    account: Account,
    calls: VecDeque<Timestamp>,
}

impl Simulator for Simulated {
    fn handle(&mut self, request: &Request, now: Timestamp) -> Reaction {
        let Some(values) = values_of(request) else {
            return documents::error(400, "BadRequest", "Parameters go in the query or as a form");
        };
        if !self.lets_in(request, &values) {
            return documents::error(401, "AuthenticationFailed", "Invalid auth token");
        }
        if let Err(seconds) = self.take_call(now) {
            return documents::too_many(seconds);
        }
        self.answer(request, &values, now)
    }

    fn gesture(&mut self, gesture: &Gesture, now: Timestamp) -> Result<Vec<Emitted>, String> {
        match gesture {
            Gesture::ClientWrites { phone, name, text } => {
                let dialogue = self.account.find_or_open(&digits(phone)?, name, now);
                let part = self.account.add(dialogue, text, By::User, "web_user", now);
                Ok(vec![self.told(part)])
            }
            Gesture::AppWrites { phone, text } => {
                let dialogue = self.account.find(&digits(phone)?).ok_or("only the client can begin a dialogue here")?;
                let part = self.account.add(dialogue, text, By::Admin(ADMIN.to_owned()), "web_panel", now);
                Ok(vec![self.told(part)])
            }
            Gesture::ClientReads { phone } => {
                self.account.find(&digits(phone)?).ok_or("there is no dialogue with this number")?;
                Ok(Vec::new())
            }
            Gesture::ManagerWrites { .. } => Err("managers write in the CRM, not at Carrot quest".to_owned()),
        }
    }

    /// A recorded body has no token any more; it is put back. Dialogues that it tells of are there from then on.
    fn say(&mut self, body: Vec<u8>) -> Emitted {
        for fact in decode(&Webhook { content_type: None, body: &body }).facts {
            if let Fact::MessageReceived(message) = fact
                && let (Some(conversation), Some(user)) = (message.conversation.theirs, message.author.theirs)
                && self.account.by_id(conversation.as_str()).is_none()
            {
                let (id, user) = (conversation.as_str().to_owned(), user.as_str().to_owned());
                let at = message.written_at.unwrap_or_default();
                self.account.learn(id, user, "", "", at);
            }
        }
        let body = if form::field(&body, TOKEN).is_some() {
            let kept = form_urlencoded::parse(&body).filter(|(key, _)| key != TOKEN);
            let mut signed = form_urlencoded::Serializer::new(String::new());
            signed.extend_pairs(kept).append_pair(TOKEN, &self.webhook_token);
            signed.finish().into_bytes()
        } else {
            body
        };
        self.emitted(0, body)
    }

    fn transcript(&self) -> Vec<Line> {
        let shown = self.account.parts.iter().filter(|part| !matches!(part.by, By::Note(_)));
        shown
            .map(|part| {
                let dialogue = &self.account.dialogues[part.dialogue];
                let (author, name) = match part.by {
                    By::User => (LineAuthor::Client, dialogue.name.clone()),
                    By::Admin(_) | By::Note(_) => (LineAuthor::Company, OPERATOR.to_owned()),
                };
                Line {
                    chat: if dialogue.phone.is_empty() { dialogue.id.clone() } else { dialogue.phone.clone() },
                    chat_id: dialogue.id.clone(),
                    author,
                    name,
                    text: format!("{}{}", part.text, part.file.as_deref().unwrap_or_default()),
                    id: part.id.clone(),
                    status: None,
                }
            })
            .collect()
    }
}

impl Simulated {
    /// The token in the header in either of its forms, or as a parameter (2.2).
    fn lets_in(&self, request: &Request, values: &BTreeMap<String, String>) -> bool {
        let Some(token) = &self.auth_token else { return true };
        let header = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let in_header =
            header.and_then(|(_, value)| value.strip_prefix("Token ").or_else(|| value.strip_prefix("Bearer ")));
        let shown = in_header.or_else(|| values.get("auth_token").map(String::as_str));
        token.matches(shown.unwrap_or_default().as_bytes())
    }

    /// Counts a call, or says after how many seconds another one may come.
    fn take_call(&mut self, now: Timestamp) -> Result<(), u64> {
        const SECOND: Duration = Duration::from_secs(1);
        while self.calls.front().is_some_and(|call| now.since(*call) >= SECOND) {
            self.calls.pop_front();
        }
        if self.calls.len() >= CALLS_A_SECOND {
            return Err(1);
        }
        self.calls.push_back(now);
        Ok(())
    }

    fn answer(&mut self, request: &Request, values: &BTreeMap<String, String>, now: Timestamp) -> Reaction {
        let path: Vec<String> = request
            .path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
            .collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let ids = if values.get("id_as_string").is_some_and(|flag| flag == "true") { Ids::Texts } else { Ids::Numbers };
        let path = path.strip_prefix(&["v2"]).or_else(|| path.strip_prefix(&["v1"])).unwrap_or(&path);
        let ["conversations", id, rest @ ..] = path else {
            return documents::error(404, "NotFound", "There is no such call in this model");
        };
        let Some(dialogue) = self.account.by_id(id) else {
            return documents::error(404, "NotFound", "Conversation not found");
        };
        match (request.method, rest) {
            ("GET", []) => documents::answer(&documents::conversation(&self.account, dialogue), None, ids),
            ("GET", ["parts"]) => self.parts(dialogue, values, ids),
            ("POST", ["reply"]) => self.reply(dialogue, values, ids, now),
            (_, [] | ["parts" | "reply"]) => documents::error(405, "MethodNotAllowed", "Method not allowed"),
            (_, _) => documents::error(404, "NotFound", "There is no such call in this model"),
        }
    }

    /// Newest first, at most fifty, with the place where the next page begins (2.6).
    fn parts(&self, dialogue: usize, values: &BTreeMap<String, String>, ids: Ids) -> Reaction {
        let size = values.get("paginate_count").or_else(|| values.get("count")).and_then(|size| size.parse().ok());
        let size = size.filter(|size| (1..=50).contains(size)).unwrap_or(20);
        let held: Vec<_> = self.account.parts.iter().rev().filter(|part| part.dialogue == dialogue).collect();
        let shown: Vec<Value> = held.iter().take(size).map(|part| documents::part(&self.account, part)).collect();
        let next = if held.len() > size { json!([held[size - 1].id]) } else { Value::Null };
        documents::answer(&json!(shown), Some(("next_before_position", next)), ids)
    }

    /// (3.2)
    fn reply(&mut self, dialogue: usize, values: &BTreeMap<String, String>, ids: Ids, now: Timestamp) -> Reaction {
        let value = |key: &str| values.get(key).filter(|value| !value.is_empty());
        let (text, file) = (value("body").map_or("", String::as_str), value("attachment"));
        if text.is_empty() && file.is_none() {
            return documents::error(400, "BadRequest", "Neither a text nor a file");
        }
        if file.is_some_and(|bytes| bytes.parse::<u64>().is_ok_and(|bytes| bytes > LARGEST_FILE)) {
            return documents::error(400, "FileTooBig", "The file is too big");
        }
        if text.chars().count() > LONGEST_TEXT {
            return documents::error(400, "ReplyTooBig", "The reply is too big");
        }
        let admin =
            || value("from_admin").filter(|admin| *admin != "default_admin").map_or(ADMIN, String::as_str).to_owned();
        let by = match (value("from_user"), value("type").map(String::as_str)) {
            (Some(_), _) => By::User,
            (None, Some("note")) => By::Note(admin()),
            (None, _) => By::Admin(admin()),
        };
        let number = self.account.add(dialogue, text, by, "api", now);
        let part = &mut self.account.parts[number];
        part.file = file.map(|bytes| {
            let name = value("attachment_file_name").map_or("?", String::as_str);
            format!("📎{name}, {bytes} bytes")
        });
        part.external_id = value("external_id").cloned();
        part.random_id = value("random_id").and_then(|number| number.parse().ok()).unwrap_or_default();
        let data = json!({ "id": part.id, "part_group": self.account.dialogues[dialogue].id });
        Reaction { webhooks: vec![self.told(number)], ..documents::answer(&data, None, ids) }
    }

    /// Everything that is said in a dialogue is told, our own words included.
    fn told(&self, part: usize) -> Emitted {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("conversation", &documents::told(&self.account, part).to_string());
        form.append_pair("type", "conversation").append_pair(TOKEN, &self.webhook_token);
        // No two take equally long, and the first may overtake the answer that it follows from (7.4).
        self.emitted((part as u64 * 37) % 90, form.finish().into_bytes())
    }

    fn emitted(&self, after_ms: u64, body: Vec<u8>) -> Emitted {
        Emitted {
            after: Duration::from_millis(after_ms),
            tail: String::new(),
            headers: vec![
                ("user-agent".to_owned(), "Carrotquest Webhook 1.0".to_owned()),
                ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ],
            body,
        }
    }
}

/// What a request says in its query and in its form; `None` for a body that is no form.
fn values_of(request: &Request) -> Option<BTreeMap<String, String>> {
    if request.body.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let mut values: BTreeMap<String, String> = request.query.iter().cloned().collect();
    values.extend(form_urlencoded::parse(&request.body).into_owned());
    for part in &request.form {
        match part {
            FormPart::Field { name, value } => drop(values.insert((*name).to_owned(), value.clone())),
            FormPart::File { name, stored, .. } => drop(values.insert((*name).to_owned(), stored.bytes.to_string())),
        }
    }
    Some(values)
}

fn digits(phone: &str) -> Result<String, String> {
    values::phone_digits(phone).ok_or_else(|| format!("{phone:?} is no phone number"))
}

#[cfg(test)]
mod tests;
