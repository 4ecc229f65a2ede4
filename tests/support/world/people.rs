//! What people and platforms do in a world, and the way in for what platforms say of it.
//!
//! A deed becomes a gesture at a simulated platform; what follows from it comes to the door when it should, late, twice or
//! never. What is let in goes to the log, or into the spool by the engine's own rule.

use std::time::Duration;

use chatledger::log::AppendError;
use chatledger::spool::gate::{Direction, Gate};
use chatledger_connectors::connector::InboundRequest;
use chatledger_connectors::simulator::{Alteration, Emitted, Gesture};
use chatledger_projections::event::{Event, Transport, WebhookReceived};
use chatledger_projections::ids::{ConnectionName, EventId};

use super::ledger::Entry;
use super::mutation::Mutation;
use super::town::{channel_of, crm_of};
use super::{DOOR_PAUSE, Happens, LOG_PAUSE, Lived, World};
use crate::ending::{Cause, Writer, Written};
use crate::script::{CLIENTS, CLIENTS_SIGN, Deed, Luck, MANAGERS_SIGN, What, phone};

impl World<'_> {
    /// Lets a person do something.
    pub(super) fn act(&mut self, deed: &Deed) {
        self.tell(format_args!("{deed}"));
        let (client, number, name) = (deed.client, phone(deed.client), format!("Client {}", deed.client));
        let text = deed.what.text(client).unwrap_or_default();
        let altered = |alteration| Gesture::Alters { phone: phone(client), alteration };
        let (setting, route) = (self.script.setting, client / CLIENTS);
        let (crm, channel) = (crm_of(setting, route), channel_of(setting, route));
        let by_manager = matches!(deed.what, What::ManagerWrites(_) | What::ManagerReacts | What::ManagerTypes);
        if by_manager && !setting.town.managers_write_to(client) {
            return;
        }
        let (at, by, gesture) = match &deed.what {
            What::ClientWrites(_) => {
                let gesture = Gesture::ClientWrites { phone: number, name, text: text.clone() };
                (channel, Some(Writer::Client), gesture)
            }
            What::ManagerWrites(_) => {
                let gesture = Gesture::ManagerWrites { phone: number, name, text: text.clone() };
                (crm, Some(Writer::Manager), gesture)
            }
            What::AppWrites(_) => {
                let gesture = Gesture::AppWrites { phone: number, text: text.clone() };
                (channel, Some(Writer::App), gesture)
            }
            What::ClientReads => (channel, None, Gesture::ClientReads { phone: number }),
            What::ClientEdits(_) => (channel, None, altered(Alteration::Edits { text: text.clone() })),
            What::ClientDeletes => (channel, None, altered(Alteration::Deletes)),
            What::ClientReacts => (channel, None, altered(Alteration::Reacts { emoji: Some(CLIENTS_SIGN.to_owned()) })),
            What::ManagerReacts => (crm, None, altered(Alteration::Reacts { emoji: Some(MANAGERS_SIGN.to_owned()) })),
            What::ManagerTypes => (crm, None, altered(Alteration::Types)),
            What::CrmBabbles(bytes) => return self.babble(&crm, client, bytes),
            What::ChannelBabbles(bytes) => return self.babble(&channel, client, bytes),
        };
        let from = ConnectionName::new(at);
        let platform = self.platforms.get_mut(&from).expect("both platforms are there");
        // Who has not written cannot read, and what is not there cannot be altered; nothing else is ever refused.
        let Ok(emitted) = platform.gesture(&gesture, self.now) else { return };
        let all_come = self.emit(&from, emitted, Cause::Deed(client));
        self.note(deed, by.map(|by| Written { client, by, text }), all_come);
    }

    /// Keeps account of what was said: what people should see in the end, and what they may see until then.
    fn note(&mut self, deed: &Deed, written: Option<Written>, all_come: bool) {
        let client = deed.client;
        let newest = self.written.iter().rposition(|known| known.client == client && known.by == Writer::Client);
        match (&deed.what, newest) {
            (What::ClientEdits(_), Some(newest)) => {
                let before = self.written[newest].clone();
                let after = Written { text: deed.what.text(client).unwrap_or_default(), ..before.clone() };
                // What never came cannot be changed either.
                if !all_come || self.lost.contains(&before) {
                    self.lost.push(after.clone());
                }
                self.written[newest] = after;
                self.unsaid.push(before);
            }
            (What::ClientDeletes, Some(newest)) => {
                let gone = self.written.remove(newest);
                self.unsaid.push(gone);
                self.withdrawn.push(client);
            }
            (What::ClientReacts, _) => self.reacted.push(client),
            (_, _) => {
                if !all_come {
                    self.lost.extend(written.clone());
                }
                self.written.extend(written);
            }
        }
    }

    fn babble(&mut self, at: &str, client: u8, bytes: &[u8]) {
        let from = ConnectionName::new(at);
        let platform = self.platforms.get_mut(&from).expect("every connection has a platform");
        let emitted = platform.say(bytes.to_vec());
        self.emit(&from, vec![emitted], Cause::Deed(client));
    }

    /// Sends webhooks on their way; gives whether all of them will come.
    pub(super) fn emit(&mut self, from: &ConnectionName, emitted: Vec<Emitted>, cause: Cause) -> bool {
        let mut all_come = true;
        for emitted in emitted {
            let luck = self.script.webhooks.get(self.webhooks).copied().unwrap_or_default();
            self.webhooks += 1;
            if luck != Luck::OnTime {
                self.count(luck.label());
            }
            let (at, delivery) = (self.now + emitted.after, self.webhooks as u64);
            let mut enter =
                |at, emitted| self.agenda.enter(at, Happens::Webhook { from: from.clone(), emitted, cause, delivery });
            match luck {
                Luck::OnTime => enter(at, emitted),
                Luck::Late(late) => enter(at + Duration::from_millis(late.into()), emitted),
                Luck::Twice(late) => {
                    enter(at, emitted.clone());
                    enter(at + Duration::from_millis(late.into()), emitted);
                }
                Luck::Lost => all_come = false,
            }
        }
        all_come
    }

    // ---- the way in ----

    /// A webhook comes to the door.
    pub(super) fn receive(&mut self, from: &ConnectionName, emitted: Emitted, cause: Cause, delivery: u64) -> Lived {
        if !self.engine.lets_in() {
            // Before the configuration is in force nobody is let in; whoever sends, or a proxy, has patience.
            let from = from.clone();
            self.agenda.enter(self.now + DOOR_PAUSE, Happens::Webhook { from, emitted, cause, delivery });
            return Ok(());
        }
        let account = &self.accounts[from];
        let headers: Vec<(&str, &[u8])> =
            emitted.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let request =
            InboundRequest { method: "POST", tail: &emitted.tail, query: "", headers: &headers, body: &emitted.body };
        let verified = match account.connection.verify(&request, &account.secrets) {
            Ok(verified) => verified,
            // What speaks of another account is turned away at the door.
            Err(rejection) => {
                self.tell(format_args!("{from} is turned away: {rejection}"));
                return Ok(());
            }
        };
        let (mut id, platform) = (verified.id(), account.connector.platform().to_owned());
        if self.is(Mutation::DropTheDedup) {
            id = EventId::derived(&[id.as_uuid().as_bytes(), &self.appends.to_be_bytes()]);
        }
        let again = emitted.clone();
        let body = verified.body(emitted.body);
        let (connection, headers) = (from.clone(), verified.into_headers());
        if self.look.tells {
            let said = String::from_utf8_lossy(&body).into_owned();
            self.tell(format_args!("{from} says {said}"));
        }
        self.causes.entry(id).or_insert(cause);
        let transport = Transport::Webhook;
        let event = Event::WebhookReceived(WebhookReceived { connection, platform, transport, headers, body });
        let entry = Entry::webhook(id, event);
        match self.gate.direction(from) {
            Direction::Log => match self.append(&entry) {
                Err(crash) => {
                    // Nobody was answered; whoever sends, or a proxy, has patience.
                    let from = from.clone();
                    self.agenda
                        .enter(self.now + DOOR_PAUSE, Happens::Webhook { from, emitted: again, cause, delivery });
                    return Err(crash);
                }
                Ok(answer) => match answer {
                    Ok(appended) if appended.already => self.tell(format_args!("{from} repeats a delivery")),
                    Ok(_) => self.watch.delivered(delivery),
                    Err(AppendError::Conflict { .. } | AppendError::TooLarge { .. }) => {}
                    Err(AppendError::Unavailable { .. } | AppendError::Unknown { .. }) => self.keep(entry),
                },
            },
            Direction::Spool | Direction::Soon => self.keep(entry),
        }
        Ok(())
    }

    /// The log did not take it, or others wait before it.
    fn keep(&mut self, entry: Entry) {
        if self.is(Mutation::AnswerBeforeTheDisk) {
            return;
        }
        self.count("webhook spooled");
        self.tell(format_args!("  into the spool"));
        if let Some(connection) = connection_of(&entry) {
            self.gate.enter(connection);
        }
        if self.spool.is_empty() {
            self.agenda.enter(self.now + LOG_PAUSE, Happens::PassOn);
        }
        self.spool.push_back(entry);
    }

    /// What waits in the spool goes to the log, in order, as far as the log takes it.
    pub(super) fn pass_on(&mut self) -> Lived {
        while let Some(entry) = self.spool.front().cloned() {
            match self.append(&entry)? {
                Ok(_) | Err(AppendError::Conflict { .. } | AppendError::TooLarge { .. }) => {
                    self.spool.pop_front();
                    self.has_left_the_spool(&entry);
                }
                Err(AppendError::Unavailable { .. } | AppendError::Unknown { .. }) => {
                    self.agenda.enter(self.now + LOG_PAUSE, Happens::PassOn);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn has_left_the_spool(&mut self, entry: &Entry) {
        match self.left_behind {
            0 => {
                if let Some(connection) = connection_of(entry) {
                    self.gate.leave(connection);
                }
            }
            1 => {
                self.left_behind = 0;
                self.gate.left_behind_is_done();
            }
            _ => self.left_behind -= 1,
        }
    }

    /// After a start: what an earlier life left in the spool comes first.
    pub(super) fn open_the_gate(&mut self) {
        self.left_behind = self.spool.len();
        self.gate = Gate::held(usize::from(self.left_behind > 0));
        self.gate.release();
        if self.left_behind > 0 {
            self.agenda.enter(self.now, Happens::PassOn);
        }
    }

    /// Something of which nobody will hear again is looked at now.
    pub(super) fn look_around(&mut self) {
        let said = self.written.iter().chain(&self.unsaid);
        let too_often = crate::ending::seen_too_often(&self.transcripts(), self.script.setting, said);
        for detail in too_often {
            self.watch.complain("nothing is seen twice, and nothing that nobody wrote", format_args!("{detail}"));
        }
    }

    fn transcripts(&self) -> crate::ending::Transcripts {
        self.platforms.iter().map(|(name, platform)| (name.clone(), platform.transcript())).collect()
    }
}

fn connection_of(entry: &Entry) -> Option<&ConnectionName> {
    match &entry.event {
        Event::WebhookReceived(webhook) => Some(&webhook.connection),
        Event::IntentRaised(_)
        | Event::AttemptStarted(_)
        | Event::AttemptSettled(_)
        | Event::ConfigurationApplied(_)
        | Event::OperatorInstructed(_)
        | Event::PolicyAdvanced(_)
        | Event::PollAdvanced(_)
        | Event::Arranged(_) => None,
    }
}
