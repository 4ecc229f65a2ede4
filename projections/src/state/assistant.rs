//! What an assistant says and is given: which dialogue it is of, whether it may be said, what came to be so by it.
//!
//! Facts of an assistant's connection come in, and everything else that bears upon its silence. Its words go on to the
//! client and the CRM only while it may speak; a person's words at its desk always do. The client's own words in its feed
//! are the echo of what it was given, and go nowhere.

use super::{Moment, State};
use crate::assistance::Return;
use crate::attempts::Open;
use crate::bindings::Scene;
use crate::change::{Anomaly, AnomalyKind, Change, Written};
use crate::configuration::Role;
use crate::contacts::Source;
use crate::delivery::{MessageIndex, Origin};
use crate::event::{AttemptSettled, Instruction, IntentRaised, OperatorInstructed};
use crate::fact::{AssistantReported, ConversationKey, Message, SendAcknowledged};
use crate::ids::{ConnectionName, ThreadId};
use crate::intent::{Intent, Speaker};
use crate::outcome::Outcome;
use crate::threads::Side;

impl State {
    /// A message was seen at an assistant, and is not known yet.
    pub(super) fn hear_at_assistant(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        side: Side,
        origin: Origin,
        message: &Message,
        changes: &mut Vec<Change>,
    ) {
        let Some(thread) = self.thread_at_assistant(moment, connection, &message.conversation, changes) else { return };
        match side {
            Side::Client => {
                let given = self.assistance.recognise(thread, &message.content);
                let index = given.and_then(|given| self.delivery.written(&given)).map(|(index, _)| index);
                if let Some(index) = index {
                    self.delivery.link_copy(index, connection, &message.message);
                    changes.push(Change::EchoHeard { connection: connection.clone(), message: origin.message });
                    return;
                }
                // Written through the assistant's own page (Selarti contract, 6.3): it knows that already.
                self.contacts.learn(thread, &message.author, Source::Assistant);
            }
            Side::Company => {
                if let Some(client) = &message.client {
                    self.contacts.learn(thread, client, Source::Assistant);
                }
                match message.speaker {
                    Some(Speaker::Manager) => self.assistance.operator_wrote(thread, moment.at),
                    Some(Speaker::Bot | Speaker::Client) | None => {
                        if !self.assistance.speaks(thread) {
                            self.delivery.withhold(origin.clone());
                            changes.push(Change::AnswerWithheld { thread, origin });
                            return;
                        }
                    }
                }
            }
        }
        self.carry(moment, Some(Role::Assistant), side, thread, origin, message, changes);
    }

    /// An assistant said how a dialogue stands.
    pub(super) fn hear_report(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        report: &AssistantReported,
        changes: &mut Vec<Change>,
    ) {
        if self.configuration.role_of(connection) != Some(Role::Assistant) {
            changes.push(anomaly(moment, connection, AnomalyKind::NoRoute, "no route has this assistant"));
            return;
        }
        let Some(thread) = self.thread_at_assistant(moment, connection, &report.conversation, changes) else { return };
        self.contacts.learn(thread, &report.client, Source::Assistant);
        let reported = self.assistance.report(thread, report, moment.at);
        if let Some(reason) = reported.fell_silent {
            changes.push(Change::AssistantFellSilent { thread, reason });
        }
        if let Some(because) = reported.speaks_again {
            changes.push(Change::AssistantSpeaksAgain { thread, because });
        }
        if !reported.news.is_empty() {
            let (connection, client) = (connection.clone(), report.client.clone());
            let (news, event) = (reported.news, moment.event);
            changes.push(Change::AssistantToldNews { thread, connection, news, client, event });
        }
    }

    /// A person told the program what to do.
    pub(super) fn instruct(&mut self, moment: Moment, instructed: &OperatorInstructed, changes: &mut Vec<Change>) {
        let instruction = &instructed.instruction;
        if self.threads.get(instruction.thread()).is_none() {
            let detail = format!("{} speaks of {}", instruction.label(), instruction.thread());
            let (anomaly, event) = (AnomalyKind::UnknownDialogue, moment.event);
            changes.push(Change::Anomaly(Anomaly { anomaly, event, connection: None, detail }));
            return;
        }
        match instruction {
            &Instruction::SwitchAssistantOff { thread } => {
                if let Some(reason) = self.assistance.switch_off(thread, moment.at) {
                    changes.push(Change::AssistantFellSilent { thread, reason });
                }
            }
            &Instruction::SwitchAssistantOn { thread } => {
                if self.assistance.switch_on(thread) {
                    changes.push(Change::AssistantSpeaksAgain { thread, because: Return::SwitchedOn });
                }
            }
            Instruction::RetryHeld { thread, intent, to } => {
                self.retry_held(moment, *thread, *intent, to.as_ref(), changes);
            }
            Instruction::RaiseMissed { missed, .. } => self.raise_missed(moment, missed, changes),
            Instruction::SkipHeld { thread, intent } => self.skip_held(moment, *thread, *intent, changes),
        }
    }

    /// Whether what is written there is to be given to the route's assistant, as far as roles go.
    pub(super) fn is_for_assistant(&self, thread: ThreadId, role: Option<Role>, side: Side) -> bool {
        let is_the_clients = match (role, side) {
            (Some(Role::Channel) | None, Side::Client) => true,
            // What the client wrote at the assistant's own page it knows.
            (Some(Role::Assistant | Role::Crm), Side::Client) | (_, Side::Company) => false,
        };
        is_the_clients && self.is_assisted(thread)
    }

    /// The client wrote in the channel: gives it to the assistant, unless that is to be silent.
    pub(super) fn ask_assistant(&mut self, moment: Moment, written: Written, changes: &mut Vec<Change>) {
        let thread = written.thread;
        let Some(assistant) = self.route_of(thread).and_then(|(_, route)| route.assistant.as_ref()) else { return };
        let (connection, numbered) = (assistant.connection.clone(), assistant.numbered);
        let after = assistant.resume_after();
        if self.assistance.resume(thread, after, moment.at) {
            changes.push(Change::AssistantSpeaksAgain { thread, because: Return::ManagersSilent });
        }
        if self.assistance.hears(thread) {
            self.bindings.ensure_at_assistant(&connection, numbered, thread);
            changes.push(Change::AssistantAsked(written));
        }
    }

    /// A person wrote to the client, in the CRM or in the messenger's app: the route's assistant falls silent.
    pub(super) fn silence_assistant(
        &mut self,
        moment: Moment,
        thread: ThreadId,
        role: Option<Role>,
        side: Side,
        message: &Message,
        changes: &mut Vec<Change>,
    ) {
        let is_a_managers = match (role, side) {
            // The platform's other machines are nobody who takes over.
            (Some(Role::Crm | Role::Channel) | None, Side::Company) => message.speaker != Some(Speaker::Bot),
            (Some(Role::Assistant), Side::Company) | (_, Side::Client) => false,
        };
        if is_a_managers
            && self.is_assisted(thread)
            && let Some(reason) = self.assistance.manager_wrote(thread, moment.at)
        {
            changes.push(Change::AssistantFellSilent { thread, reason });
        }
    }

    /// What an assistant is given is remembered, so that it is known again in its feed.
    pub(super) fn give_to_assistant(&mut self, raised: &IntentRaised) {
        let Intent::SendMessage(send) = &raised.intent else { return };
        let Some(carries) = &raised.carries else { return };
        if self.configuration.role_of(&raised.connection) == Some(Role::Assistant) {
            self.assistance.give(raised.thread, raised.intent_id, carries, &send.content);
        }
    }

    /// Whether a message at this connection is a further copy, and not the one whose delivery is followed: a client's
    /// words at the assistant, and the assistant's in the CRM.
    pub(super) fn is_copy(&self, index: MessageIndex, connection: &ConnectionName, for_company: bool) -> bool {
        match self.configuration.role_of(connection) {
            Some(Role::Assistant) => true,
            Some(Role::Crm) => {
                let origin = &self.delivery.get(index).origin.connection;
                for_company && self.configuration.role_of(origin) == Some(Role::Assistant)
            }
            Some(Role::Channel) | None => false,
        }
    }

    /// An attempt to show a copy, or words of our own, ended.
    pub(super) fn copied(
        &mut self,
        settled: &AttemptSettled,
        open: &Open,
        message: Option<MessageIndex>,
        acknowledged: Option<&SendAcknowledged>,
    ) {
        match &settled.outcome {
            Outcome::Accepted => {}
            // Nothing is there to be known again.
            Outcome::Refused { .. } | Outcome::Postponed { .. } | Outcome::Uncertain { .. } => return,
        }
        let Some(said) = acknowledged else { return };
        match (message, &said.message.theirs) {
            (Some(index), _) => self.delivery.link_copy(index, &open.connection, &said.message),
            (None, Some(theirs)) => {
                self.delivery.own(Origin { connection: open.connection.clone(), message: theirs.clone() });
            }
            (None, None) => {}
        }
    }

    fn is_assisted(&self, thread: ThreadId) -> bool {
        self.route_of(thread).is_some_and(|(_, route)| route.assistant.is_some())
    }

    /// The dialogue of which an assistant speaks, if it runs on a route of that assistant's.
    fn thread_at_assistant(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        said: &ConversationKey,
        changes: &mut Vec<Change>,
    ) -> Option<ThreadId> {
        let scene = scene!(self, connection, moment);
        let thread = self.bindings.at_assistant(&scene, said, changes)?;
        let assistant = self.route_of(thread).and_then(|(_, route)| route.assistant.as_ref());
        if assistant.is_some_and(|assistant| assistant.connection == *connection) {
            return Some(thread);
        }
        let detail = "the dialogue's route has another assistant now, or none";
        changes.push(anomaly(moment, connection, AnomalyKind::NoRoute, detail));
        None
    }
}

fn anomaly(moment: Moment, connection: &ConnectionName, anomaly: AnomalyKind, detail: &str) -> Change {
    let (event, connection, detail) = (moment.event, Some(connection.clone()), detail.to_owned());
    Change::Anomaly(Anomaly { anomaly, event, connection, detail })
}
