//! A model of one app at Carrot quest: its dialogues, the calls that we make, its webhooks.
//!
//! Requests and gestures come in; replies, webhooks and a transcript go out. There is no idempotency: nothing says that
//! a `random_id` is taken only once (7.4). Modelled on purpose: forms alone are understood, `meta` in every answer, ids
//! beyond 2^53 as numbers unless texts are asked for, refusals by name, lists in pages, a webhook for everything said, our
//! own included and perhaps before the answer; none at an app that is only polled. Not modelled: bots, files, channels,
//! and reading, of which the platform tells nobody.

mod account;
mod calls;
mod documents;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chatledger_projections::fact::Fact;
use chatledger_projections::time::Timestamp;
use percent_encoding::percent_decode_str;

use self::account::{Account, By};
use self::calls::{ADMIN, Answered, Asked};
use self::documents::{Ids, OPERATOR};
use super::decode::{decode, values};
use super::form;
use super::settings::{AUTH_TOKEN, Settings, WEBHOOK_TOKEN};
use super::verify::TOKEN;
use crate::connector::{FormPart, Request, Secret, SettingProblem, SimulatedAccount, Webhook};
use crate::simulator::{Emitted, Gesture, Line, LineAuthor, Reaction, Simulator};

/// As many calls a second as the contract assumes (2.5).
const CALLS_A_SECOND: usize = 5;

/// A model of the account.
pub(super) fn simulator(account: &SimulatedAccount<'_>) -> Result<Box<dyn Simulator>, Vec<SettingProblem>> {
    let settings = Settings::parse(account.settings)?;
    Ok(Box::new(Simulated {
        is_hooked: settings.transport.is_hooked(),
        app: App(settings.app_id),
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
    /// Whether webhooks are switched on.
    is_hooked: bool,
    app: App,
    account: Account,
    calls: VecDeque<Timestamp>,
}

/// The app that there is.
struct App(String);

impl App {
    /// Whether a path means it (2.2).
    fn is_it(&self, written: &str) -> bool {
        written == "$self_app" || written == self.0
    }
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
                Ok(self.told(part).into_iter().collect())
            }
            Gesture::AppWrites { phone, text } => {
                let dialogue = self.account.find(&digits(phone)?).ok_or("only the client can begin a dialogue here")?;
                let part = self.account.add(dialogue, text, By::Admin(ADMIN.to_owned()), "web_panel", now);
                Ok(self.told(part).into_iter().collect())
            }
            Gesture::ClientReads { phone } => {
                self.account.find(&digits(phone)?).ok_or("there is no dialogue with this number")?;
                Ok(Vec::new())
            }
            Gesture::ManagerWrites { .. } => Err("managers write in the CRM, not at Carrot quest".to_owned()),
            Gesture::Alters { .. } => Err("a visitor's window alters nothing that was said".to_owned()),
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
                self.account.learn(id, user, at);
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
        let shown = self.account.parts.iter().filter(|part| part.by.is_shown() && part.removed.is_none());
        shown
            .map(|part| {
                let dialogue = &self.account.dialogues[part.dialogue];
                let visitor = &self.account.visitors[dialogue.visitor];
                let (author, name) = match part.by {
                    By::User => (LineAuthor::Client, visitor.name.clone()),
                    By::Admin(_) | By::Note(_) | By::Record(..) => (LineAuthor::Company, OPERATOR.to_owned()),
                };
                Line {
                    chat: if visitor.phone.is_empty() { dialogue.id.clone() } else { visitor.phone.clone() },
                    chat_id: dialogue.id.clone(),
                    author,
                    name,
                    text: format!("{}{}", part.text, part.file.as_deref().unwrap_or_default()),
                    id: part.id.clone(),
                    status: None,
                    reactions: Vec::new(),
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
        let asked = Asked { values, ids, now };
        match self.call(request.method, path, &asked) {
            Ok((reaction, parts)) => {
                let webhooks = parts.into_iter().filter_map(|part| self.told(part)).collect();
                Reaction { webhooks, ..reaction }
            }
            Err(refusal) => refusal,
        }
    }

    fn call(&mut self, method: &str, path: &[&str], asked: &Asked<'_>) -> Result<Answered, Reaction> {
        let account = &mut self.account;
        let not_allowed = || documents::error(405, "MethodNotAllowed", "Method not allowed");
        let no_call = || documents::error(404, "NotFound", "There is no such call in this model");
        match (method, path) {
            ("GET", ["apps", app, "conversations"]) if self.app.is_it(app) => calls::conversations(account, asked),
            ("GET", ["apps", app, "users"]) if self.app.is_it(app) => calls::users(account, asked),
            (_, ["apps", app, "conversations" | "users"]) => {
                let foreign = || documents::error(403, "PermissionDenied", "This is another app");
                Err(if self.app.is_it(app) { not_allowed() } else { foreign() })
            }
            ("GET", ["users", user]) => calls::user(account, user, asked),
            ("GET", ["users", user, "conversations"]) => calls::conversations_of(account, user, asked),
            ("POST", ["users", user, "sendmessage"]) => calls::send_message(account, user, asked),
            ("POST", ["users", user, "startconversation"]) => calls::start_conversation(account, user, asked),
            (_, ["users", _] | ["users", _, "conversations" | "sendmessage" | "startconversation"]) => {
                Err(not_allowed())
            }
            (_, ["conversations", id, rest @ ..]) => {
                let not_found = || documents::error(404, "NotFound", "Conversation not found");
                let dialogue = account.by_id(id).ok_or_else(not_found)?;
                match (method, rest) {
                    ("GET", []) => {
                        let shown = documents::conversation(account, dialogue);
                        Ok((documents::answer(&shown, None, asked.ids), Vec::new()))
                    }
                    ("GET", ["parts"]) => calls::parts(account, dialogue, asked),
                    ("POST", ["reply"]) => calls::reply(account, dialogue, asked),
                    ("POST", ["assign"]) => calls::assign(account, dialogue, asked),
                    ("POST", ["close"]) => calls::close(account, dialogue, asked),
                    ("POST", ["tag"]) => calls::tag(account, dialogue, true, asked),
                    ("DELETE", ["tag"]) => calls::tag(account, dialogue, false, asked),
                    ("POST", ["settyping"]) => calls::set_typing(asked),
                    (_, [] | ["parts" | "reply" | "assign" | "close" | "tag" | "settyping"]) => Err(not_allowed()),
                    (_, _) => Err(no_call()),
                }
            }
            (_, _) => Err(no_call()),
        }
    }

    /// Everything that is said in a dialogue is told, our own words included; if they switched that on.
    fn told(&self, part: usize) -> Option<Emitted> {
        if !self.is_hooked {
            return None;
        }
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("conversation", &documents::told(&self.account, part).to_string());
        form.append_pair("type", "conversation").append_pair(TOKEN, &self.webhook_token);
        // No two take equally long, and the first may overtake the answer that it follows from (7.4).
        Some(self.emitted((part as u64 * 37) % 90, form.finish().into_bytes()))
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
