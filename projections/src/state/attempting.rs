//! What we do: intents that are raised, tries that leave the house, and how they end.
//!
//! Our own events come in; changes go out: a message stands better or worse, a conversation is bound or stays closed, what
//! was held back as perhaps our own is recognised or let in. What an attempt *is* stands in [`crate::attempts`].

use std::sync::Arc;

use super::{Moment, State, named};
use crate::attempts::{Open, Purpose};
use crate::change::{Anomaly, AnomalyKind, Change, Refused};
use crate::configuration::Role;
use crate::delivery::{Known, MessageIndex, Origin};
use crate::echoes::Held;
use crate::event::{AttemptSettled, AttemptStarted, IntentRaised};
use crate::fact::{ConversationKey, DeliveryState, Fact, Failure, FailureKind, SendAcknowledged};
use crate::held::HeldIntent;
use crate::ids::EventId;
use crate::intent::{Destination, Intent, SendMessage, Speaker};
use crate::otherwise::{half_of, otherwise};
use crate::outcome::{AttemptKind, Outcome};
use crate::threads::Side;
use crate::time::Timestamp;

impl State {
    pub(super) fn raise(&mut self, raised: &IntentRaised, at: Timestamp) {
        let carries = raised.carries.as_ref().and_then(|origin| self.delivery.written(origin));
        let message = carries.map(|(index, _)| index);
        if let (Some(index), Intent::SendMessage(send)) = (message, &raised.intent) {
            let for_company = matches!(send.speaker, Speaker::Manager | Speaker::Bot);
            if !self.is_copy(index, &raised.connection, for_company) {
                self.delivery.raised(index, &send.ours);
            }
        }
        if let Intent::SendMessage(SendMessage { to: Destination::Client(client), .. }) = &raised.intent {
            self.bindings.seek(raised.thread, &raised.connection, client);
        }
        self.attempts.raise(raised, message, at);
        self.give_to_assistant(raised);
    }

    pub(super) fn start(&mut self, started: &AttemptStarted, at: Timestamp) {
        let Some(open) = self.attempts.start(started, at) else { return };
        match (&open.purpose, started.kind) {
            (Purpose::Carry { for_company: true, .. }, AttemptKind::Act) => {
                let (thread, connection) = (open.thread, open.connection.clone());
                self.echoes.depart(thread, &connection, started.intent_id);
            }
            // An assistant's feed shows the client's words too (Selarti contract, 6).
            (Purpose::Carry { .. }, AttemptKind::Act) => self.assistance.start(open.thread, started),
            // A bot's message causes no hook (amoCRM contract, 5.4).
            (Purpose::Claim { .. }, AttemptKind::Act) => {}
            // Nothing that these do comes back as a message.
            (Purpose::OpenConversation | Purpose::FindClient | Purpose::Report { .. } | Purpose::LookUp { .. }, _)
            | (_, AttemptKind::Probe | AttemptKind::Prepare { .. }) => {}
            // What comes back of these is known by what it says; see `alter`.
            (
                Purpose::React { .. } | Purpose::Edit { .. } | Purpose::Delete { .. } | Purpose::ShowTyping,
                AttemptKind::Act,
            ) => {}
        }
    }

    pub(super) fn settle(
        &mut self,
        event: EventId,
        at: Timestamp,
        settled: &AttemptSettled,
        facts: &[Fact],
        changes: &mut Vec<Change>,
    ) {
        let Some(open) = self.attempts.settle(settled, facts, at) else {
            let detail = format!("attempt {} of {}", settled.attempt, settled.intent_id);
            let connection = Some(settled.connection.clone());
            changes.push(Change::Anomaly(Anomaly { anomaly: AnomalyKind::UnknownIntent, event, connection, detail }));
            return;
        };
        // Only a file is ready, or will be later; a refusal is the message's own end.
        if matches!(settled.kind, AttemptKind::Prepare { .. }) && !settled.ends_intent() {
            return;
        }
        let otherwise = self.refused(settled, &open);
        if let Outcome::Refused { failure } = &settled.outcome
            && otherwise.is_none()
            && open.purpose.outlives_its_moment()
            && open.unwanted.is_none()
        {
            self.held.hold(HeldIntent {
                raised: Arc::clone(&open.as_raised),
                held_at: at,
                attempts: open.attempts,
                failure: failure.clone(),
                in_doubt: open.uncertain_since.is_some(),
            });
        }
        let acknowledged = facts.iter().find_map(|fact| {
            let Fact::SendAcknowledged(acknowledged) = fact else { return None };
            Some(acknowledged)
        });
        let opened_for = match &open.purpose {
            Purpose::OpenConversation | Purpose::Carry { opens: true, .. } => Some(open.thread),
            Purpose::Carry { .. }
            | Purpose::FindClient
            | Purpose::Claim { .. }
            | Purpose::Report { .. }
            | Purpose::LookUp { .. }
            | Purpose::React { .. }
            | Purpose::Edit { .. }
            | Purpose::Delete { .. }
            | Purpose::ShowTyping => None,
        };
        let moment = Moment { event, ordinal: 0, at };
        self.observe_all(event, at, &settled.connection, facts, opened_for, changes);
        match &open.purpose {
            // What follows says it; the message has not failed.
            Purpose::Carry { text, .. } if otherwise.is_some() => {
                self.landed(settled, &open, acknowledged, text.as_deref(), changes);
            }
            Purpose::Carry { message, opens, text, for_company, files: _ } => {
                let index = message.filter(|index| !self.is_copy(*index, &open.connection, *for_company));
                if index.is_none() {
                    self.copied(settled, &open, *message, acknowledged);
                }
                self.carried(moment, settled, &open, index, *opens, acknowledged, changes);
                self.landed(settled, &open, acknowledged, text.as_deref(), changes);
            }
            Purpose::OpenConversation => self.opened(moment, settled, &open, changes),
            Purpose::FindClient => self.found(moment, settled, &open, facts, changes),
            Purpose::Claim { theirs } => {
                let taken = match &settled.outcome {
                    Outcome::Accepted => Some(acknowledged.map(|said| said.conversation.clone()).unwrap_or_default()),
                    Outcome::Refused { .. } => None,
                    Outcome::Postponed { .. } | Outcome::Uncertain { .. } => return,
                };
                let scene = scene!(self, &open.connection, moment);
                self.bindings.claimed(&scene, open.thread, theirs, taken.as_ref(), changes);
                if let Some(message) = acknowledged.and_then(|said| said.message.theirs.clone()) {
                    self.delivery.own(Origin { connection: open.connection.clone(), message });
                }
            }
            // The other side knows now, or will not hear of it; the message itself is not touched by that.
            Purpose::Report { .. } | Purpose::ShowTyping => {}
            Purpose::React { message, speaker, emoji } => {
                let side = self.side_of(&open.connection, Some(*speaker));
                let refused = Refused::Reaction { side, emoji: emoji.as_deref().map(str::to_owned) };
                self.unaltered(moment, settled, &open, message, refused, changes);
            }
            Purpose::Edit { message, content } => {
                self.unaltered(moment, settled, &open, message, Refused::Edit { content: content.clone() }, changes);
            }
            Purpose::Delete { message } => {
                self.unaltered(moment, settled, &open, message, Refused::Deletion, changes);
            }
            Purpose::LookUp { conversation } => {
                if settled.outcome.is_final() {
                    let scene = scene!(self, &open.connection, moment);
                    if let Some(placed) = self.bindings.give_up_looking(&scene, conversation, changes) {
                        self.settle_in(moment, &open.connection, placed, None, None, changes);
                    }
                }
            }
        }
        changes.extend(otherwise);
    }

    /// Whether a message was refused for certain that can be said otherwise; what is known of the platform by that is kept.
    fn refused(&mut self, settled: &AttemptSettled, open: &Open) -> Option<Change> {
        let Outcome::Refused { failure } = &settled.outcome else { return None };
        let Intent::SendMessage(send) = &open.as_raised.intent else { return None };
        let for_certain = settled.reply.is_some() && settled.kind == AttemptKind::Act && open.uncertain_since.is_none();
        if !for_certain || open.unwanted.is_some() {
            return None;
        }
        if failure.kind == FailureKind::TooLong {
            let half = half_of(&send.content);
            let known = self.longest_texts.entry(open.connection.clone()).or_insert(half);
            *known = half.min(*known);
        }
        let by_crm = self.configuration.role_of(&open.connection) == Some(Role::Crm);
        let can_be_said = !otherwise(send, failure.kind, by_crm).is_empty();
        can_be_said.then(|| Change::MessageRefused { refused: Arc::clone(&open.as_raised), why: failure.kind })
    }

    /// An attempt to carry a message across ended.
    #[allow(clippy::too_many_arguments)] // As above.
    pub(super) fn carried(
        &mut self,
        moment: Moment,
        settled: &AttemptSettled,
        open: &Open,
        message: Option<MessageIndex>,
        opens: bool,
        acknowledged: Option<&SendAcknowledged>,
        changes: &mut Vec<Change>,
    ) {
        match &settled.outcome {
            Outcome::Accepted => {
                let said = acknowledged.cloned().unwrap_or_default();
                if let Some(index) = message {
                    let joined = self.delivery.link(index, &open.connection, &said.message);
                    self.tell(joined, changes);
                    self.rise(index, said.state.unwrap_or(DeliveryState::Sent), None, changes);
                    self.follow_up(moment, index, changes);
                    if let Some(named) = named(&open.connection, &said.message) {
                        self.let_in_early(&named, changes);
                    }
                } else if let Some(named) = named(&open.connection, &said.message) {
                    // The bot's own words, as those about an alteration.
                    self.delivery.own(named);
                }
                let scene = scene!(self, &open.connection, moment);
                match self.configuration.role_of(&open.connection) {
                    Some(Role::Crm) => self.bindings.took(&scene, open.thread, &said.conversation, changes),
                    Some(Role::Assistant) => {
                        if said.conversation != ConversationKey::default() {
                            self.bindings.at_assistant(&scene, &said.conversation, changes);
                        }
                    }
                    Some(Role::Channel) | None => {
                        if let Some(theirs) = said.conversation.theirs.as_ref().filter(|_| opens) {
                            self.bindings.bind(&open.connection, open.thread, theirs, changes);
                        }
                    }
                }
                if opens {
                    self.still_closed(moment, open, changes);
                }
            }
            Outcome::Refused { failure } => {
                if let Some(index) = message {
                    self.rise(index, DeliveryState::Failed, Some(failure.clone()), changes);
                    self.follow_up(moment, index, changes);
                }
                if opens {
                    self.fail_waiting(moment, open, failure, changes);
                }
            }
            // It goes on.
            Outcome::Postponed { .. } | Outcome::Uncertain { .. } => {}
        }
    }

    /// An attempt to open a conversation ended.
    pub(super) fn opened(&mut self, moment: Moment, settled: &AttemptSettled, open: &Open, changes: &mut Vec<Change>) {
        match &settled.outcome {
            Outcome::Accepted => self.still_closed(moment, open, changes),
            Outcome::Refused { failure } => self.fail_waiting(moment, open, failure, changes),
            // It goes on.
            Outcome::Postponed { .. } | Outcome::Uncertain { .. } => {}
        }
    }

    /// An attempt to find a client ended: whoever was found is written to, and nobody is not.
    pub(super) fn found(
        &mut self,
        moment: Moment,
        settled: &AttemptSettled,
        open: &Open,
        facts: &[Fact],
        changes: &mut Vec<Change>,
    ) {
        let client = facts.iter().find_map(|fact| match fact {
            Fact::ClientFound { client } => client.theirs.as_ref(),
            Fact::MessageReceived(_)
            | Fact::MessageSent(_)
            | Fact::MessageEdited(_)
            | Fact::MessageDeleted(_)
            | Fact::ReactionChanged(_)
            | Fact::ShownWithoutReaction(_)
            | Fact::NoteWritten(_)
            | Fact::TypingStarted(_)
            | Fact::MessageNamed(_)
            | Fact::DeliveryReported(_)
            | Fact::ConversationSeen(_)
            | Fact::ConversationNotFound { .. }
            | Fact::SendAcknowledged(_)
            | Fact::ConnectionChanged(_)
            | Fact::AssistantReported(_)
            | Fact::FileFetched { .. }
            | Fact::FileMissing { .. }
            | Fact::FileTaken { .. }
            | Fact::AddressProbed => None,
        });
        match (&settled.outcome, client) {
            (Outcome::Accepted, Some(client)) => {
                self.bindings.client_found(open.thread, &open.connection, client, changes);
            }
            (Outcome::Accepted, None) => {
                let reason = "nobody there is known by this number or address; only the client can begin".to_owned();
                self.fail_waiting(moment, open, &Failure { kind: FailureKind::CannotOpen, reason }, changes);
            }
            (Outcome::Refused { failure }, _) => self.fail_waiting(moment, open, failure, changes),
            // It goes on.
            (Outcome::Postponed { .. } | Outcome::Uncertain { .. }, _) => {}
        }
    }

    /// The platform opened a conversation without saying which: whatever waits for it cannot be sent there.
    pub(super) fn still_closed(&mut self, moment: Moment, open: &Open, changes: &mut Vec<Change>) {
        let endpoint = self.bindings.current(open.thread, &open.connection);
        if endpoint.is_none_or(|endpoint| endpoint.theirs.is_some()) {
            return;
        }
        let detail = "the conversation was opened, but the reply does not name it".to_owned();
        let connection = Some(open.connection.clone());
        let event = moment.event;
        changes.push(Change::Anomaly(Anomaly { anomaly: AnomalyKind::NothingLearnt, event, connection, detail }));
        let reason = "the messenger opened the conversation but did not name it; send the message again".to_owned();
        self.fail_waiting(moment, open, &Failure { kind: FailureKind::Internal, reason }, changes);
    }

    /// A conversation could not be opened: what waited for it has failed, and so has what was to follow that.
    pub(super) fn fail_waiting(&mut self, moment: Moment, open: &Open, failure: &Failure, changes: &mut Vec<Change>) {
        for written in self.bindings.not_opened(open.thread, &open.connection) {
            if let Some((index, _)) = self.delivery.written(&written.origin) {
                self.rise(index, DeliveryState::Failed, Some(failure.clone()), changes);
                self.follow_up(moment, index, changes);
            }
        }
    }

    /// A send is no longer in flight: what was held because of it is ours, or is news.
    pub(super) fn landed(
        &mut self,
        settled: &AttemptSettled,
        open: &Open,
        acknowledged: Option<&SendAcknowledged>,
        text: Option<&str>,
        changes: &mut Vec<Change>,
    ) {
        let unnamed = crate::fact::MessageKey::default();
        let taken = match (&settled.outcome, settled.kind) {
            (Outcome::Accepted, _) => Some(acknowledged.map_or(&unnamed, |said| &said.message)),
            (Outcome::Refused { .. }, _) | (Outcome::Postponed { .. }, AttemptKind::Probe) => None,
            // Certain only if no earlier try is in doubt.
            (Outcome::Postponed { .. }, AttemptKind::Act) if open.uncertain_since.is_none() => None,
            (Outcome::Postponed { .. }, AttemptKind::Act | AttemptKind::Prepare { .. })
            | (Outcome::Uncertain { .. }, _) => return,
        };
        let verdict = self.echoes.arrive(open.thread, &open.connection, settled.intent_id, taken, text);
        let carried = match &open.purpose {
            Purpose::Carry { message, .. } => *message,
            Purpose::OpenConversation
            | Purpose::FindClient
            | Purpose::Claim { .. }
            | Purpose::Report { .. }
            | Purpose::LookUp { .. }
            | Purpose::React { .. }
            | Purpose::Edit { .. }
            | Purpose::Delete { .. }
            | Purpose::ShowTyping => None,
        };
        let came_back = verdict.echo.is_some();
        if let Some(echo) = verdict.echo {
            match carried {
                Some(index) => self.recognise(index, &open.connection, &echo.message, changes),
                None => {
                    if let Some(message) = echo.message.message.theirs {
                        self.delivery.own(Origin { connection: open.connection.clone(), message });
                    }
                }
            }
        }
        // It opened the conversation and has no name in it: what comes back will bear one that nobody told us.
        let unnamed = acknowledged.is_none_or(|said| said.message.theirs.is_none() && said.message.job.is_none());
        if let (Purpose::Carry { message: Some(index), opens: true, text: Some(text), .. }, Outcome::Accepted, true) =
            (&open.purpose, &settled.outcome, unnamed && !came_back)
        {
            self.echoes.expect(open.thread, &open.connection, *index, text);
        }
        let role = self.configuration.role_of(&open.connection);
        for Held { event, ordinal, heard_at, message } in verdict.released {
            let moment = Moment { event, ordinal, at: heard_at };
            let origin = self.origin(moment, &open.connection, &message, changes);
            match self.delivery.known(&origin) {
                None => self.carry(moment, role, Side::Company, open.thread, origin, &message, changes),
                Some(Known::Ours(index)) => self.recognise(index, &open.connection, &message, changes),
                Some(Known::Written(_) | Known::OurOwn | Known::Withheld) => {}
            }
        }
    }
}
