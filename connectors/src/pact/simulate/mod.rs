//! A model of one company at Pact: its conversations, its two interfaces, its webhooks.
//!
//! Requests and gestures come in; replies, webhooks and a transcript go out. Both generations are answered; which one
//! the webhooks speak is the account's own setting. There is no idempotency, as at Pact: the same send twice is two
//! messages (1, line 8). Modelled on purpose: quotas (17.1), the wrong token and the wrong company, numbers that the
//! messenger does not know, webhooks that overtake each other. Not modelled: channels, paging by token.

mod account;
mod quotas;
mod replies;
mod requests;
mod webhooks;

use std::time::Duration;

use chatledger_projections::time::Timestamp;

use self::account::{Account, By, Status};
use self::quotas::Quotas;
use self::requests::Asked;
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
            Err(api) => return replies::not_found(api),
        };
        let is_let_in = self.token.as_ref().is_none_or(|token| {
            let shown = requests::token(request);
            token.matches(shown.as_deref().unwrap_or_default().as_bytes())
        });
        if !is_let_in {
            return replies::unauthorized(asked.api);
        }
        if asked.company != Some(self.settings.company) {
            return replies::forbidden(asked.api);
        }
        if let Err(seconds) = self.quotas.take(asked.what.class(), now) {
            return replies::too_many(asked.api, seconds);
        }
        self.answer(&asked, now)
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
                    chat: conversation.phone.clone(),
                    chat_id: conversation.id.to_string(),
                    author: if by_client { LineAuthor::Client } else { LineAuthor::Company },
                    name: if by_client { conversation.name.clone() } else { account::COMPANY.to_owned() },
                    text: match &message.file {
                        Some(file) => format!("{}📎{file}", message.text),
                        None => message.text.clone(),
                    },
                    id: message.id.to_string(),
                    status: (!by_client).then(|| message.status.word().to_owned()),
                }
            })
            .collect()
    }
}

impl Simulated {
    fn answer(&mut self, asked: &Asked, now: Timestamp) -> Reaction {
        use requests::What;
        match &asked.what {
            What::Open { phone } => match digits(phone) {
                Ok(phone) if account::is_known_in_messenger(&phone) => {
                    let (conversation, opened) = self.account.find_or_open(&phone, &phone, now);
                    let webhooks = if opened { vec![self.conversation_opened(conversation)] } else { Vec::new() };
                    replies::conversation(asked.api, &self.account, conversation).with(webhooks)
                }
                Ok(_) | Err(_) => replies::phone_invalid(asked.api),
            },
            What::FirstMessage { phone, provider, text, file } => match digits(phone) {
                Ok(phone) if *provider == self.settings.provider => {
                    let (conversation, opened) = self.account.find_or_open(&phone, &phone, now);
                    let mut webhooks = Vec::new();
                    if opened {
                        webhooks.push(self.conversation_opened(conversation));
                    }
                    let reaction = self.send(asked.api, conversation, text, *file, now);
                    webhooks.extend(reaction.webhooks.iter().cloned());
                    Reaction { webhooks, ..reaction }
                }
                Ok(_) | Err(_) => replies::phone_invalid(asked.api),
            },
            What::Upload { file } => replies::file(asked.api, self.account.keep(file.clone()), file),
            What::Send { conversation, text, file } => match self.account.by_id(conversation) {
                Some(conversation) => self.send(asked.api, conversation, text, *file, now),
                None => replies::not_found(asked.api),
            },
            What::Conversation { conversation } => match self.account.by_id(conversation) {
                Some(conversation) => replies::conversation(asked.api, &self.account, conversation),
                None => replies::not_found(asked.api),
            },
            What::Messages { conversation, page } => match self.account.by_id(conversation) {
                Some(conversation) => replies::messages(asked.api, &self.account, conversation, *page),
                None => replies::not_found(asked.api),
            },
            What::Search { text, page } => replies::conversations(&self.account, text.as_deref(), *page),
        }
    }

    /// Takes a message for a client, as either generation does, and lets the messenger deliver it.
    fn send(&mut self, api: Api, conversation: usize, text: &str, file: Option<i64>, now: Timestamp) -> Reaction {
        let kept = match file.map(|number| self.account.file(number).cloned()) {
            None => None,
            Some(Some(kept)) => Some(kept),
            Some(None) => return replies::file_unknown(api),
        };
        let phone = &self.account.conversations[conversation].phone;
        let arrives = account::is_known_in_messenger(phone);
        let job = self.account.next_job();
        // A job that fails leaves no message behind (6.3).
        if api == Api::V1 && !arrives {
            let failed = webhooks::job_failed(job, now);
            let webhooks = self.in_order(job, vec![(2_000, Some(failed))]);
            return replies::job(&self.account, conversation, job, now).with(webhooks);
        }
        let message = self.account.add(conversation, text, By::Api { job }, now);
        self.account.messages[message].file = kept;
        let reply = match api {
            Api::V1 => replies::job(&self.account, conversation, job, now),
            Api::V2 => replies::message(&self.account, message),
        };
        let webhooks = self.delivered(message, arrives, now);
        reply.with(webhooks)
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
