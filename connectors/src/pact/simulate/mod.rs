//! A model of one company at Pact: its conversations, its two interfaces, its webhooks.
//!
//! Requests and gestures come in; replies, webhooks and a transcript go out. Both generations are answered; which one
//! the webhooks speak is the account's own setting. There is no idempotency, as at Pact: the same send twice is two
//! messages (1, line 8). Modelled on purpose: quotas (17.1), the wrong token and the wrong company, numbers that the
//! messenger does not know, switched-off channels, what contradicts itself, webhooks that overtake each other. Of files
//! only their names and sizes are kept; the probe of an address (10.1) is not made.

mod account;
mod desk;
mod quotas;
mod replies;
mod requests;
mod values;
mod webhooks;

use std::time::Duration;

use chatledger_projections::time::Timestamp;
use serde_json::json;

use self::account::{Account, By, Status};
use self::quotas::Quotas;
use self::requests::{Asked, Client, Company, Saying, What};
use super::settings::{Api, Settings, TOKEN, WEBHOOK_SECRET};
use crate::connector::{Request, Secret, SettingProblem, SimulatedAccount};
use crate::simulator::{Emitted, Gesture, Line, LineAuthor, Reaction, Simulator};

/// A model of the account.
pub(super) fn simulator(account: &SimulatedAccount<'_>) -> Result<Box<dyn Simulator>, Vec<SettingProblem>> {
    let settings = Settings::parse(account.settings)?;
    Ok(Box::new(Simulated {
        token: account.secrets.get(TOKEN).cloned(),
        tail: account.secrets.get(WEBHOOK_SECRET).map(|secret| secret.reveal().to_owned()).unwrap_or_default(),
        account: Account::new(account.name.as_str(), &settings),
        quotas: Quotas::new(&settings),
        settings,
    }))
}

struct Simulated {
    settings: Settings,
    /// Without one, everybody is let in.
    token: Option<Secret>,
    tail: String,
    account: Account,
    quotas: Quotas,
}

impl Simulator for Simulated {
    fn handle(&mut self, request: &Request, now: Timestamp) -> Reaction {
        let asked = match Asked::read(request) {
            Ok(asked) => asked,
            Err(api) => return replies::no_such_call(api),
        };
        let is_let_in = self.token.as_ref().is_none_or(|token| {
            let shown = requests::shown_token(request);
            token.matches(shown.as_deref().unwrap_or_default().as_bytes())
        });
        if !is_let_in {
            return replies::unauthorized(asked.api);
        }
        match asked.company {
            Company::All => {}
            Company::Named(company) if company == self.settings.company => {}
            Company::Named(_) | Company::Missing => return replies::forbidden(asked.api),
        }
        if let Err(seconds) = self.quotas.take(asked.class, now) {
            return replies::too_many(asked.api, seconds);
        }
        match asked.what {
            Ok(what) => self.answer(asked.api, what, now),
            Err(detail) => replies::invalid(asked.api, &detail),
        }
    }

    fn gesture(&mut self, gesture: &Gesture, now: Timestamp) -> Result<Vec<Emitted>, String> {
        match gesture {
            Gesture::ClientWrites { phone, name, text } => {
                let phone = digits(phone)?;
                Ok(self.said(&phone, name, text, By::Client, now))
            }
            Gesture::AppWrites { phone, text } => {
                let phone = digits(phone)?;
                Ok(self.said(&phone, &phone, text, By::App, now))
            }
            Gesture::ClientReads { phone } => {
                let phone = digits(phone)?;
                let conversation = self.account.find(&phone).ok_or("there is no conversation with this number")?;
                Ok(self.read_by_client(conversation))
            }
            Gesture::ManagerWrites { .. } => Err("managers write in the CRM, not at Pact".to_owned()),
        }
    }

    fn say(&mut self, body: Vec<u8>) -> Emitted {
        self.emitted(0, 0, body)
    }

    fn transcript(&self) -> Vec<Line> {
        self.account
            .messages
            .iter()
            .map(|message| {
                let conversation = &self.account.conversations[message.conversation];
                let by_client = message.by == By::Client;
                Line {
                    chat: conversation.client().to_owned(),
                    chat_id: conversation.id.to_string(),
                    author: if by_client { LineAuthor::Client } else { LineAuthor::Company },
                    name: if by_client { conversation.name.clone() } else { account::COMPANY.to_owned() },
                    text: replies::files(&self.account, message)
                        .fold(message.text.clone(), |text, file| format!("{text}📎{}, {} bytes", file.name, file.size)),
                    id: message.id.to_string(),
                    status: (!by_client).then(|| message.status.word().to_owned()),
                }
            })
            .collect()
    }
}

impl Simulated {
    fn answer(&mut self, api: Api, what: What, now: Timestamp) -> Reaction {
        match what {
            What::Open { provider, client, text } => self.open(api, &provider, &client, text, now),
            What::FirstMessage { provider, client, saying } => {
                if provider != self.settings.provider {
                    return replies::invalid(api, &format!("provider {provider} is not supported"));
                }
                match self.find_or_open(&client, now) {
                    Ok((conversation, opened)) => self.send_first(api, conversation, opened, saying, now),
                    Err(_) => replies::phone_invalid(api),
                }
            }
            What::FirstThroughChannel { channel, phone, saying } => {
                if self.account.desk.channels.iter().all(|known| known.id != channel) {
                    return replies::not_found(api);
                }
                match self.find_or_open(&Client::Phone(phone), now) {
                    Ok((conversation, opened)) => self.send_first(api, conversation, opened, saying, now),
                    Err(_) => replies::phone_invalid(api),
                }
            }
            What::Send { conversation, saying } => match self.account.by_id(&conversation) {
                Some(conversation) => self.send(api, conversation, saying, now),
                None => replies::not_found(api),
            },
            What::Conversation { conversation } => match self.account.by_id(&conversation) {
                Some(conversation) => replies::conversation(api, &self.account, conversation),
                None => replies::not_found(api),
            },
            What::Conversations { page, search } => match api {
                Api::V1 => replies::conversations_v1(&self.account, page),
                Api::V2 => replies::conversations(&self.account, search.as_deref(), page),
            },
            What::Messages { conversation, page } => match self.account.by_id(&conversation) {
                Some(conversation) => replies::messages(api, &self.account, conversation, page),
                None => replies::not_found(api),
            },
            What::Message { conversation, message } => match self.message(message) {
                Some(message)
                    if self.account.by_id(&conversation) == Some(self.account.messages[message].conversation) =>
                {
                    replies::message(&self.account, message)
                }
                Some(_) | None => replies::not_found(api),
            },
            What::DeleteMessages { conversation, messages } => match self.account.by_id(&conversation) {
                Some(_) => self.delete(&messages),
                None => replies::not_found(api),
            },
            What::Note { conversation, note } => match self.account.by_id(&conversation) {
                Some(conversation) => {
                    self.account.conversations[conversation].note = Some(note);
                    replies::document(200, &json!({ "status": "updated" }))
                }
                None => replies::not_found(api),
            },
            What::Assign { conversation, assignee } => match self.account.by_id(&conversation) {
                Some(conversation) => {
                    let known = &mut self.account.conversations[conversation];
                    known.assignee = assignee;
                    let data = json!({ "conversation": { "external_id": known.id } });
                    replies::document(200, &json!({ "status": "ok", "data": data }))
                }
                None => replies::not_found(api),
            },
            What::Block { conversation, enabled } => match self.account.by_id(&conversation) {
                Some(conversation) => {
                    self.account.conversations[conversation].blocked = enabled;
                    replies::rich_conversation(&self.account, conversation)
                }
                None => replies::not_found(api),
            },
            What::Mark { conversation, state, reply, assignee } => match self.account.by_id(&conversation) {
                Some(conversation) => {
                    let known = &mut self.account.conversations[conversation];
                    known.archived = state.map_or(known.archived, |state| state == "archived");
                    known.answered = reply.map_or(known.answered, |reply| reply == "replied");
                    known.assignee = assignee.unwrap_or(known.assignee);
                    replies::conversation(api, &self.account, conversation)
                }
                None => replies::not_found(api),
            },
            What::Upload { conversation, name, size } => {
                if conversation.is_some_and(|conversation| self.account.by_id(&conversation).is_none()) {
                    return replies::not_found(api);
                }
                let file = self.account.desk.add_file(name, size);
                match api {
                    Api::V1 => replies::document(200, &json!({ "status": "ok", "data": { "external_id": file.id } })),
                    Api::V2 => replies::document(200, &json!({ "attachment": file.shown_v2() })),
                }
            }
            What::Job { job } => match self.account.desk.jobs.get(&job) {
                Some(made) => {
                    let conversation = made.map(|message| self.account.messages[message].conversation);
                    replies::job(&self.account, conversation, job, now)
                }
                None => replies::not_found(api),
            },
            What::Companies
            | What::CreateCompany
            | What::UpdateCompany { .. }
            | What::Channels { .. }
            | What::CreateChannel { .. }
            | What::TouchChannel { .. }
            | What::UserExists { .. }
            | What::Webhooks
            | What::CreateWebhook { .. }
            | What::UpdateWebhook { .. }
            | What::DeleteWebhook { .. }
            | What::Templates { .. }
            | What::Billing => self.at_the_desk(api, what),
        }
    }

    /// Everything beside the dialogues.
    fn at_the_desk(&mut self, api: Api, what: What) -> Reaction {
        let company = self.settings.company;
        let desk = &mut self.account.desk;
        match what {
            What::Companies => {
                let shown = json!({ "external_id": company, "name": account::COMPANY, "phone": null,
                    "description": null, "webhook_url": desk.webhook_url });
                replies::document(200, &json!({ "status": "ok", "data": { "companies": [shown] } }))
            }
            What::CreateCompany => {
                replies::document(201, &json!({ "status": "created", "data": { "external_id": company + 1 } }))
            }
            What::UpdateCompany { webhook } => {
                desk.webhook_url = webhook.or(desk.webhook_url.take());
                replies::document(200, &json!({ "status": "updated", "data": { "external_id": company } }))
            }
            What::Channels { page } => match api {
                Api::V1 => {
                    let shown = |known: &desk::Channel| json!({ "external_id": known.id, "provider": known.provider });
                    let all: Vec<_> = desk.channels.iter().map(shown).collect();
                    replies::stretch("channels", all, desk.channels.len(), page)
                }
                Api::V2 => {
                    let all: Vec<_> = desk.channels.iter().map(desk::Channel::shown_v2).collect();
                    replies::numbered("auths", &all, page)
                }
            },
            What::CreateChannel { provider } => match desk.add_channel(&provider) {
                Ok(made) => match api {
                    Api::V1 => {
                        replies::document(201, &json!({ "status": "created", "data": { "external_id": made.id } }))
                    }
                    Api::V2 => replies::document(201, &json!({ "auth": made.shown_v2() })),
                },
                Err(detail) => replies::invalid(api, &detail),
            },
            What::TouchChannel { channel, change } => match desk.change_channel(channel, &change) {
                Some(document) => replies::document(200, &document),
                None => replies::not_found(api),
            },
            What::UserExists { phone } => match digits(&phone) {
                Ok(phone) => {
                    let exists = account::is_known_in_messenger(&phone);
                    replies::document(200, &json!({ "status": "ok", "exists": exists }))
                }
                Err(_) => replies::phone_invalid(api),
            },
            What::Webhooks => {
                let all: Vec<_> = desk.webhooks.iter().map(desk::Webhook::shown).collect();
                let meta = json!({ "page": 1, "entries_count": all.len(), "per_page": 25 });
                replies::document(200, &json!({ "webhooks": all, "meta": meta }))
            }
            What::CreateWebhook { url } => match desk.add_webhook(url) {
                Ok(made) => replies::document(200, &json!({ "webhook": made.shown() })),
                Err(detail) => replies::invalid(api, &detail),
            },
            What::UpdateWebhook { webhook, url, active } => match desk.webhook(webhook) {
                Some(known) => {
                    known.url = url.unwrap_or_else(|| known.url.clone());
                    known.active = active.unwrap_or(known.active);
                    replies::document(200, &json!({ "webhook": known.shown() }))
                }
                None => replies::not_found(api),
            },
            What::DeleteWebhook { webhook } => {
                let before = desk.webhooks.len();
                desk.webhooks.retain(|known| known.id != webhook);
                if desk.webhooks.len() < before { replies::empty(204) } else { replies::not_found(api) }
            }
            What::Templates { page } => {
                let shown = |(number, (waba, words, gaps)): (i64, &(&str, &str, usize))| {
                    json!({ "id": number, "company_id": company, "name": waba, "waba_id": waba, "body": words,
                        "substitutions_count": gaps, "position": number })
                };
                let all: Vec<_> = (1..).zip(&desk::TEMPLATES).map(shown).collect();
                match api {
                    Api::V1 => {
                        let count = all.len();
                        replies::stretch("waba_templates", all, count, page)
                    }
                    Api::V2 => replies::numbered("waba_templates", &all, page),
                }
            }
            What::Billing => {
                let data = json!({ "date": "2026-01-01", "details": [], "total_cost": 0 });
                replies::document(200, &json!({ "status": "ok", "data": data }))
            }
            What::Open { .. }
            | What::FirstMessage { .. }
            | What::FirstThroughChannel { .. }
            | What::Send { .. }
            | What::Conversation { .. }
            | What::Conversations { .. }
            | What::Messages { .. }
            | What::Message { .. }
            | What::DeleteMessages { .. }
            | What::Note { .. }
            | What::Assign { .. }
            | What::Block { .. }
            | What::Mark { .. }
            | What::Upload { .. }
            | What::Job { .. } => replies::not_found(api),
        }
    }

    /// Finds or opens a conversation, and says something in it if there is something to say (5.2).
    fn open(&mut self, api: Api, provider: &str, client: &Client, text: Option<String>, now: Timestamp) -> Reaction {
        // WhatsApp Business has a call of its own, and the others know no first message (5.2).
        if provider != self.settings.provider || !matches!(provider, "whatsapp" | "telegram_personal" | "max") {
            return replies::invalid(api, &format!("provider {provider} is not supported"));
        }
        let is_known = match client {
            Client::Phone(phone) => account::is_known_in_messenger(phone),
            Client::Username(_) => true,
        };
        let Ok((conversation, opened)) = self.find_or_open(client, now) else { return replies::phone_invalid(api) };
        if !is_known {
            self.account.conversations.truncate(self.account.conversations.len() - usize::from(opened));
            return replies::phone_invalid(api);
        }
        let mut webhooks = if opened { vec![self.conversation_opened(conversation)] } else { Vec::new() };
        if text.is_some() {
            let saying = Saying { text, ..Saying::default() };
            webhooks.extend(self.send(api, conversation, saying, now).webhooks);
        }
        replies::conversation(api, &self.account, conversation).with(webhooks)
    }

    fn find_or_open(&mut self, client: &Client, now: Timestamp) -> Result<(usize, bool), String> {
        match client {
            Client::Phone(phone) => {
                let phone = digits(phone)?;
                Ok(self.account.find_or_open(&phone, &phone, now))
            }
            Client::Username(name) => Ok(self.account.find_or_open_named(name, now)),
        }
    }

    fn send_first(&mut self, api: Api, conversation: usize, opened: bool, saying: Saying, now: Timestamp) -> Reaction {
        let mut webhooks = Vec::new();
        if opened {
            webhooks.push(self.conversation_opened(conversation));
        }
        let reaction = self.send(api, conversation, saying, now);
        webhooks.extend(reaction.webhooks.iter().cloned());
        Reaction { webhooks, ..reaction }
    }

    /// Takes a message for a client, as either generation does, and lets the messenger deliver it.
    fn send(&mut self, api: Api, conversation: usize, saying: Saying, now: Timestamp) -> Reaction {
        let Saying { text, attachments, replied_to, template } = saying;
        let text = match template {
            Some((waba, values)) => match desk::filled_in(&waba, &values) {
                Some(words) => Some(words),
                None => return replies::invalid(api, "the template does not exist or has another number of gaps"),
            },
            None => text,
        };
        let has_file = |wanted: &i64| self.account.desk.files.iter().any(|file| file.id == *wanted);
        if !attachments.iter().all(has_file) {
            return replies::invalid(api, "there is no such attachment");
        }
        let quotes =
            |wanted: &str| self.account.messages.iter().any(|known| known.messengers_id().as_deref() == Some(wanted));
        if replied_to.as_deref().is_some_and(|wanted| !quotes(wanted)) {
            return replies::invalid(api, "the quoted message does not exist");
        }
        let client = &self.account.conversations[conversation];
        let arrives =
            account::is_known_in_messenger(&client.phone) && self.account.desk.can_send(&self.settings.provider);
        let job = self.account.next_job();
        // A job that fails leaves no message behind (6.3).
        if api == Api::V1 && !arrives {
            let failed = webhooks::job_failed(job, now);
            let webhooks = self.in_order(job, vec![(2_000, Some(failed))]);
            let reply = replies::job(&self.account, Some(conversation), job, now).with(webhooks);
            self.account.desk.jobs.insert(job, None);
            return reply;
        }
        let message = self.account.add(conversation, &text.unwrap_or_default(), By::Api { job }, now);
        self.account.messages[message].replied_to = replied_to;
        self.account.messages[message].attachments = attachments;
        let reply = match api {
            Api::V1 => replies::job(&self.account, Some(conversation), job, now),
            Api::V2 => replies::message(&self.account, message),
        };
        self.account.desk.jobs.insert(job, Some(message));
        let webhooks = self.delivered(message, arrives, now);
        reply.with(webhooks)
    }

    fn message(&self, id: i64) -> Option<usize> {
        self.account.messages.iter().position(|known| known.id == id)
    }

    /// Takes messages back from the client; of what the answer says, nothing is known (9.2).
    fn delete(&mut self, ids: &[i64]) -> Reaction {
        if !matches!(self.settings.provider.as_str(), "whatsapp" | "telegram_personal" | "max") {
            return replies::invalid(Api::V2, "deletion is not supported by the messenger");
        }
        let found: Vec<usize> = ids.iter().filter_map(|id| self.message(*id)).collect();
        if found.len() < ids.len() {
            return replies::not_found(Api::V2);
        }
        let mut emitted = Vec::new();
        for message in found {
            self.account.messages[message].deleted = true;
            let body = webhooks::status_moved(&self.settings, &self.account, message);
            let number = self.account.messages[message].id;
            emitted.extend(self.in_order(number, vec![(200, body)]));
        }
        replies::empty(200).with(emitted)
    }

    /// Somebody said something past our interface.
    fn said(&mut self, phone: &str, name: &str, text: &str, by: By, now: Timestamp) -> Vec<Emitted> {
        let (conversation, opened) = self.account.find_or_open(phone, name, now);
        let mut emitted = Vec::new();
        if opened {
            emitted.push(self.conversation_opened(conversation));
        }
        let message = self.account.add(conversation, text, by, now);
        match by {
            By::Client => {
                let body = webhooks::message_made(&self.settings, &self.account, message);
                let moved = webhooks::conversation_moved(&self.settings, &self.account, conversation);
                let number = self.account.messages[message].id;
                emitted.extend(self.in_order(number, vec![(120, Some(body)), (400, moved)]));
            }
            By::App | By::Api { .. } => {
                let arrives = account::is_known_in_messenger(phone);
                emitted.extend(self.delivered(message, arrives, now));
            }
        }
        emitted
    }

    /// What is told of an outgoing message until it has arrived, or has not.
    fn delivered(&mut self, message: usize, arrives: bool, now: Timestamp) -> Vec<Emitted> {
        let (settings, account) = (&self.settings, &mut self.account);
        let number = account.messages[message].id;
        let conversation = account.messages[message].conversation;
        let bodies = match settings.api {
            Api::V1 => {
                // The first generation shows a message only when the messenger has taken it (6.3).
                let made = webhooks::message_made(settings, account, message);
                let done = webhooks::job_done(&account.messages[message], now);
                account.settle(message, arrives);
                vec![(1_000, Some(made)), (1_030, done), (1_800, webhooks::status_moved(settings, account, message))]
            }
            Api::V2 => {
                let made = webhooks::message_made(settings, account, message);
                let moved = webhooks::conversation_moved(settings, account, conversation);
                account.settle(message, arrives);
                vec![(150, Some(made)), (500, moved), (1_500, webhooks::status_moved(settings, account, message))]
            }
        };
        self.in_order(number, bodies)
    }

    fn read_by_client(&mut self, conversation: usize) -> Vec<Emitted> {
        let unread: Vec<usize> = (0..self.account.messages.len())
            .filter(|message| {
                let message = &self.account.messages[*message];
                message.conversation == conversation && message.status == Status::Delivered
            })
            .collect();
        let mut emitted = Vec::new();
        for message in unread {
            self.account.messages[message].status = Status::Read;
            let body = webhooks::status_moved(&self.settings, &self.account, message);
            let number = self.account.messages[message].id;
            emitted.extend(self.in_order(number, vec![(200, body)]));
        }
        emitted
    }

    /// It often comes after the message that opened it (15.2), so it takes its time.
    fn conversation_opened(&self, conversation: usize) -> Emitted {
        let body = webhooks::conversation_made(&self.settings, &self.account, conversation);
        self.emitted(180, self.account.conversations[conversation].id, body)
    }

    fn in_order(&self, number: i64, bodies: Vec<(u64, Option<Vec<u8>>)>) -> Vec<Emitted> {
        bodies.into_iter().filter_map(|(after, body)| body.map(|body| self.emitted(after, number, body))).collect()
    }

    /// No two take equally long, and the same one always takes as long.
    fn emitted(&self, after_ms: u64, number: i64, body: Vec<u8>) -> Emitted {
        let varied = number.unsigned_abs().wrapping_mul(37) % 90;
        Emitted {
            after: Duration::from_millis(after_ms + varied),
            tail: self.tail.clone(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body,
        }
    }
}

fn digits(phone: &str) -> Result<String, String> {
    super::decode::values::phone_digits(phone).ok_or_else(|| format!("{phone:?} is no phone number"))
}

#[cfg(test)]
mod tests;
