//! What is so: all projections, folded together over one history.
//!
//! Takes recorded events with the facts that were read from them; gives the changes that policies decide upon. A fold
//! cannot fail: what should not have happened becomes an anomaly that people see. The order within one fact is
//! always the same: where does it belong ([`Bindings`], [`Contacts`], [`Threads`]), is it ours ([`Echoes`]), where
//! does it stand ([`Delivery`], [`Attempts`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::alterations::Alterations;
use crate::assistance::Assistance;
use crate::attempts::{Attempts, Open, Purpose};
use crate::bindings::{Bindings, Parked, Place, Placed, Scene, Unreachable};
use crate::change::{Anomaly, AnomalyKind, Change, Refused, Written};
use crate::configuration::{Configuration, Role, Route};
use crate::contacts::{Contacts, Source};
use crate::content::Person;
use crate::delivery::{Delivery, Known, MessageIndex, Origin, Rise};
use crate::duties::Duties;
use crate::echoes::{Echoes, Held};
use crate::event::{AttemptSettled, AttemptStarted, Happening, IntentRaised};
use crate::fact::{
    ConnectionChanged, ConversationKey, ConversationSeen, DeliveryReported, DeliveryState, Fact, Failure, FailureKind,
    Message, MessageKey, SendAcknowledged,
};
use crate::held::{HeldIntent, HeldIntents};
use crate::ids::{ConnectionName, EventId, MessageId, RouteName, ThreadId};
use crate::intent::{Intent, Speaker};
use crate::outcome::{AttemptKind, Outcome};
use crate::phone::PhoneNumber;
use crate::projection::{Digest, Projection};
use crate::recorded::{Recorded, Revision};
use crate::threads::{Side, Threads};
use crate::time::Timestamp;
use crate::typing::Typing;
use crate::username::Username;

/// All projections together.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The configuration in force.
    pub configuration: Configuration,
    /// The dialogues.
    pub threads: Threads,
    /// Which conversation is which dialogue.
    pub bindings: Bindings,
    /// Who the clients are.
    pub contacts: Contacts,
    /// Where an assistant helps, and whether it may.
    pub assistance: Assistance,
    /// What may be our own doing coming back.
    pub echoes: Echoes,
    /// Where every message stands.
    pub delivery: Delivery,
    /// What became of messages after they were written.
    pub alterations: Alterations,
    /// Who is being shown as writing.
    pub typing: Typing,
    /// The intents that are not done yet.
    pub attempts: Attempts,
    /// Those that came to no good end, until a person has decided.
    pub held: HeldIntents,
    /// Which engine does what.
    pub duties: Duties,
    /// How the connections themselves are.
    pub connections: BTreeMap<ConnectionName, ConnectionChanged>,
    /// How far each connection's news was asked for.
    pub polls: BTreeMap<ConnectionName, Polled>,
    /// How often each thing happened that should not have.
    pub anomalies: BTreeMap<AnomalyKind, u64>,
}

/// How far a connection's news was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Polled {
    /// The mark; only the connection's connector reads it.
    pub through: String,
    /// Where that stands in its stream.
    pub revision: Revision,
}

/// Everything that placing a fact depends on, borrowed field by field, so that the bindings may change meanwhile.
macro_rules! scene {
    ($state:ident, $connection:expr, $moment:expr) => {
        Scene {
            configuration: &$state.configuration,
            contacts: &$state.contacts,
            threads: &$state.threads,
            connection: $connection,
            event: $moment.event,
            at: $moment.at,
        }
    };
}

// Here, so that the macro above can be used in it.
mod altering;
mod assistant;
mod held;

/// Where a fact stands in history.
#[derive(Clone, Copy, Debug)]
struct Moment {
    event: EventId,
    ordinal: u32,
    at: Timestamp,
}

impl State {
    /// Takes one event in, and tells what it changed.
    pub fn evolve(&mut self, recorded: &Recorded<Happening>) -> Vec<Change> {
        let mut changes = Vec::new();
        let (event, at) = (recorded.id, recorded.recorded_at);
        match &recorded.event {
            Happening::Observed { connection, facts } => {
                self.observe_all(event, at, connection, facts, None, &mut changes);
            }
            Happening::Raised(raised) => self.raise(raised, at),
            Happening::Started(started) => self.start(started, at),
            Happening::Settled { settled, facts } => self.settle(event, at, settled, facts, &mut changes),
            Happening::Configured(configuration) => self.configuration = configuration.clone(),
            Happening::Instructed(instructed) => {
                self.instruct(Moment { event, ordinal: 0, at }, instructed, &mut changes)
            }
            // Deciding says nothing about what is so.
            Happening::Advanced(_) => {}
            Happening::Polled(advanced) => {
                let polled = Polled { through: advanced.through.clone(), revision: recorded.revision };
                self.polls.insert(advanced.connection.clone(), polled);
            }
            Happening::Arranged(arrangement) => self.duties.arrange(arrangement, recorded.revision, at),
        }
        for change in &changes {
            if let Change::Anomaly(anomaly) = change {
                *self.anomalies.entry(anomaly.anomaly).or_default() += 1;
            }
        }
        changes
    }

    /// What every projection is, in 32 bytes each, in a fixed order.
    pub fn digests(&self) -> Vec<(&'static str, Digest)> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Entry<'a> {
            Connection(&'a ConnectionName, &'a ConnectionChanged),
            Anomaly(&'a AnomalyKind, u64),
        }
        let connections = self.connections.iter().map(|(name, changed)| Entry::Connection(name, changed));
        let anomalies = self.anomalies.iter().map(|(kind, count)| Entry::Anomaly(kind, *count));
        vec![
            (Threads::NAME, self.threads.digest()),
            (Bindings::NAME, self.bindings.digest()),
            (Contacts::NAME, self.contacts.digest()),
            (Assistance::NAME, self.assistance.digest()),
            (Echoes::NAME, self.echoes.digest()),
            (Delivery::NAME, self.delivery.digest()),
            (Alterations::NAME, self.alterations.digest()),
            (Typing::NAME, self.typing.digest()),
            (Attempts::NAME, self.attempts.digest()),
            (HeldIntents::NAME, self.held.digest()),
            (Duties::NAME, self.duties.digest()),
            ("configuration", Digest::of_entries("configuration", 1, std::iter::once(&self.configuration))),
            ("health", Digest::of_entries("health", 1, connections.chain(anomalies))),
            ("polls", Digest::of_entries("polls", 1, self.polls.iter())),
        ]
    }

    /// The route of a dialogue.
    pub fn route_of(&self, thread: ThreadId) -> Option<(&RouteName, &Route)> {
        let thread = self.threads.get(thread)?;
        self.configuration.routes.get_key_value(&thread.route)
    }

    // ---- facts ----

    fn observe_all(
        &mut self,
        event: EventId,
        at: Timestamp,
        connection: &ConnectionName,
        facts: &[Fact],
        opened_for: Option<ThreadId>,
        changes: &mut Vec<Change>,
    ) {
        // The configuration's own copy of the name, so that a million events share it.
        let known = self.configuration.connections.get_key_value(connection).map(|(name, _)| name.clone());
        let Some(connection) = known else {
            let detail = "the connection is not configured".to_owned();
            let connection = Some(connection.clone());
            changes.push(Change::Anomaly(Anomaly {
                anomaly: AnomalyKind::UnknownConnection,
                event,
                connection,
                detail,
            }));
            return;
        };
        // A platform that tells a message whole may add that it was changed: who takes it in now takes it in changed.
        let mut taken_in_now: Option<&Message> = None;
        let tells_of_edits = facts.iter().any(|fact| matches!(fact, Fact::MessageEdited(_)));
        for (ordinal, fact) in (0..).zip(facts) {
            let moment = Moment { event, ordinal, at };
            match fact {
                Fact::MessageReceived(message) | Fact::MessageSent(message) if tells_of_edits => {
                    let was_known = self.is_known(&connection, &message.message);
                    self.observe(moment, &connection, fact, opened_for, changes);
                    let is_news = !was_known && self.is_known(&connection, &message.message);
                    taken_in_now = is_news.then_some(message);
                }
                Fact::MessageEdited(edited)
                    if taken_in_now
                        .is_some_and(|taken| taken.message == edited.message && taken.content == edited.content) => {}
                Fact::MessageReceived(_)
                | Fact::MessageSent(_)
                | Fact::MessageEdited(_)
                | Fact::MessageDeleted(_)
                | Fact::MessageNamed(_)
                | Fact::ReactionChanged(_)
                | Fact::TypingStarted(_)
                | Fact::DeliveryReported(_)
                | Fact::ConversationSeen(_)
                | Fact::ConversationNotFound { .. }
                | Fact::ClientFound { .. }
                | Fact::SendAcknowledged(_)
                | Fact::ConnectionChanged(_)
                | Fact::AssistantReported(_)
                | Fact::FileFetched { .. }
                | Fact::FileMissing { .. }
                | Fact::FileTaken { .. }
                | Fact::AddressProbed => self.observe(moment, &connection, fact, opened_for, changes),
            }
        }
    }

    fn is_known(&self, connection: &ConnectionName, message: &MessageKey) -> bool {
        let named = named(connection, message);
        named.is_some_and(|named| self.delivery.known(&named).is_some())
    }

    fn observe(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        fact: &Fact,
        opened_for: Option<ThreadId>,
        changes: &mut Vec<Change>,
    ) {
        match fact {
            Fact::MessageReceived(message) => self.hear(moment, connection, Side::Client, message, changes),
            Fact::MessageSent(message) => self.hear(moment, connection, Side::Company, message, changes),
            Fact::DeliveryReported(reported) => self.report(connection, reported, changes),
            Fact::ConversationSeen(seen) => self.see(moment, connection, seen, opened_for, changes),
            Fact::ConnectionChanged(changed) => {
                self.connections.insert(connection.clone(), changed.clone());
            }
            // It belongs to the attempt whose reply said it; see `settle`. The same holds for "no such conversation".
            Fact::SendAcknowledged(_) | Fact::ConversationNotFound { .. } | Fact::ClientFound { .. } => {}
            Fact::MessageNamed(named) => self.delivery.name(connection, &named.message, &named.also),
            Fact::MessageEdited(edited) => self.alter(moment, connection, &edited.message, fact, changes),
            Fact::MessageDeleted(deleted) => self.alter(moment, connection, &deleted.message, fact, changes),
            Fact::ReactionChanged(reacted) => self.alter(moment, connection, &reacted.message, fact, changes),
            Fact::AssistantReported(report) => self.hear_report(moment, connection, report, changes),
            Fact::TypingStarted(typing) => self.begin_typing(moment, connection, typing, changes),
            // They belong to the attempt that made a file ready.
            Fact::FileFetched { .. } | Fact::FileMissing { .. } | Fact::FileTaken { .. } => {}
            // The platform wanted to know whether we answer, and we did.
            Fact::AddressProbed => {}
        }
    }

    /// A message was seen at a platform: places it, and takes it in unless it is known or may be ours.
    fn hear(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        side: Side,
        message: &Message,
        changes: &mut Vec<Change>,
    ) {
        let origin = self.origin(moment, connection, message, changes);
        match self.delivery.known(&origin) {
            None => {}
            // A repetition, or the same message in another format.
            Some(Known::Written(_)) => return,
            Some(Known::Ours(index)) => return self.recognise(index, connection, message, changes),
            Some(Known::OurOwn) => {
                changes.push(Change::EchoHeard { connection: connection.clone(), message: origin.message });
                return;
            }
            Some(Known::Withheld) => return,
        }
        let by_job = message.message.job.as_ref().and_then(|job| self.delivery.by_job(connection, job));
        if let Some(index) = by_job {
            return self.recognise(index, connection, message, changes);
        }
        let role = self.configuration.role_of(connection);
        let scene = scene!(self, connection, moment);
        let place = match role {
            Some(Role::Crm) => self.bindings.at_crm(&scene, message, changes),
            Some(Role::Assistant) => return self.hear_at_assistant(moment, connection, side, origin, message, changes),
            Some(Role::Channel) | None => {
                let Moment { event, ordinal, at } = moment;
                let park = || {
                    let fact = match side {
                        Side::Client => Fact::MessageReceived(message.clone()),
                        Side::Company => Fact::MessageSent(message.clone()),
                    };
                    Parked { fact, at, event, ordinal }
                };
                self.bindings.at_channel(&scene, message, park, changes)
            }
        };
        let thread = match place {
            Place::Known(thread) => thread,
            Place::Opened(thread, route, phone) => {
                self.open(thread, &route, phone.as_ref(), moment.at, changes);
                thread
            }
            Place::Waits | Place::Nowhere => return,
        };
        if let (Some(Role::Crm), Some(client)) = (role, &message.client) {
            self.know_username(thread, client);
            self.learn_phone(moment, thread, client, changes);
        }
        self.take_in(moment, connection, role, side, thread, origin, message, changes);
    }

    /// A message of a known dialogue, not known itself: is it ours, or is it news?
    #[allow(clippy::too_many_arguments)] // One fact's whole situation; a struct for it would be used once.
    fn take_in(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        role: Option<Role>,
        side: Side,
        thread: ThreadId,
        origin: Origin,
        message: &Message,
        changes: &mut Vec<Change>,
    ) {
        let (client, says) = match (side, role) {
            (Side::Client, _) => (Some(&message.author), Source::Messenger),
            (Side::Company, Some(Role::Crm)) => (message.client.as_ref(), Source::Crm),
            (Side::Company, Some(Role::Channel | Role::Assistant) | None) => {
                (message.client.as_ref(), Source::Messenger)
            }
        };
        if let Some(client) = client {
            self.contacts.learn(thread, client, says);
        }
        if side == Side::Company
            && let Some(index) = self.echoes.recall(thread, connection, message)
        {
            return self.recognise(index, connection, message, changes);
        }
        if side == Side::Company && self.echoes.is_in_flight(thread, connection) {
            let Moment { event, ordinal, at } = moment;
            let held = Held { event, ordinal, heard_at: at, message: Box::new(message.clone()) };
            self.echoes.hold(thread, connection, held);
            changes.push(Change::EchoSuspected { connection: connection.clone(), thread });
            return;
        }
        self.carry(moment, role, side, thread, origin, message, changes);
    }

    /// News: it is to be carried across.
    #[allow(clippy::too_many_arguments)] // As above.
    fn carry(
        &mut self,
        moment: Moment,
        role: Option<Role>,
        side: Side,
        thread: ThreadId,
        origin: Origin,
        message: &Message,
        changes: &mut Vec<Change>,
    ) {
        let heard_at = moment.at;
        self.threads.speak(thread, side, heard_at);
        let index = self.delivery.write(thread, origin.clone());
        self.silence_assistant(moment, thread, role, side, message, changes);
        let contact = self.contacts.of(thread);
        let written = Written { thread, origin, heard_at, message: Box::new(message.clone()) };
        let asks = self.is_for_assistant(thread, role, side).then(|| written.clone());
        let Some(route) = self.threads.get(thread).map(|thread| thread.route.clone()) else { return };
        let Some(rules) = self.configuration.routes.get(&route) else {
            // The dialogue is older than the configuration in force.
            let detail = format!("the dialogue runs on {route}, which is no longer configured");
            let connection = Some(written.origin.connection);
            let event = moment.event;
            changes.push(Change::Anomaly(Anomaly { anomaly: AnomalyKind::NoRoute, event, connection, detail }));
            return;
        };
        let written_as = written.origin.clone();
        match (role, side) {
            (Some(Role::Crm), Side::Company) => {
                let scene = scene!(self, &rules.crm, moment);
                let reached = self.bindings.reach(&scene, rules, written, contact, changes);
                if let Err(unreachable) = reached {
                    let failure =
                        unreachable.failure(message.client.as_ref().and_then(|client| client.phone.as_deref()));
                    self.rise(index, DeliveryState::Failed, Some(failure), changes);
                }
            }
            // A CRM has no clients of its own who could write in it.
            (Some(Role::Crm), Side::Client) => {}
            (Some(Role::Assistant), Side::Company) => {
                self.bindings.ensure_at_crm(&route, rules, thread, contact, &message.conversation);
                changes.push(Change::AssistantWrote(written));
            }
            (Some(Role::Assistant), Side::Client) => {
                self.bindings.ensure_at_crm(&route, rules, thread, contact, &message.conversation);
                changes.push(Change::ClientWrote(written));
            }
            (Some(Role::Channel) | None, side) => {
                self.bindings.ensure_at_crm(&route, rules, thread, contact, &message.conversation);
                changes.push(match side {
                    Side::Client => Change::ClientWrote(written),
                    Side::Company => Change::AppWrote(written),
                });
            }
        }
        self.let_in_early(&written_as, changes);
        if let Some(written) = asks {
            self.ask_assistant(moment, written, changes);
        }
    }

    /// A message that we put there ourselves comes back.
    fn recognise(
        &mut self,
        index: MessageIndex,
        connection: &ConnectionName,
        message: &Message,
        changes: &mut Vec<Change>,
    ) {
        if self.is_copy(index, connection, true) {
            self.delivery.link_copy(index, connection, &message.message);
        } else {
            let joined = self.delivery.link(index, connection, &message.message);
            self.tell(joined, changes);
            self.rise_by(index, message, changes);
        }
        if let Some(named) = named(connection, &message.message) {
            self.let_in_early(&named, changes);
        }
        if let Some(id) = &message.message.theirs {
            changes.push(Change::EchoHeard { connection: connection.clone(), message: id.clone() });
        }
    }

    /// A message of ours comes back, and says where it stands.
    fn rise_by(&mut self, index: MessageIndex, message: &Message, changes: &mut Vec<Change>) {
        // A message that failed says so without a reason; the report beside it has one, and people want to hear it.
        if let Some(state) = message.state.filter(|state| *state != DeliveryState::Failed) {
            self.rise(index, state, None, changes);
        }
    }

    fn report(&mut self, connection: &ConnectionName, reported: &DeliveryReported, changes: &mut Vec<Change>) {
        let rise = self.delivery.report(connection, &reported.message, reported.state, reported.failure.clone());
        self.tell(rise, changes);
    }

    fn see(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        seen: &ConversationSeen,
        opened_for: Option<ThreadId>,
        changes: &mut Vec<Change>,
    ) {
        let scene = scene!(self, connection, moment);
        let phone = self.number_seen(connection, seen);
        if let Some(placed) = self.bindings.see(&scene, seen, phone.as_ref(), opened_for, changes) {
            self.settle_in(moment, connection, placed, Some(seen), phone.as_ref(), changes);
        }
    }

    /// The client's number as a messenger gives it. It is given with every message, so it is read only when it is news.
    fn number_seen(&self, connection: &ConnectionName, seen: &ConversationSeen) -> Option<PhoneNumber> {
        let said = seen.phone.as_deref().filter(|_| !seen.group)?;
        let thread = seen.conversation.theirs.as_ref().and_then(|theirs| self.bindings.thread_of(connection, theirs));
        let known = thread.and_then(|thread| self.contacts.of(thread)?.phone.as_ref());
        match known.filter(|known| known.digits() == said) {
            Some(known) => Some(known.clone()),
            None => PhoneNumber::international(said),
        }
    }

    /// A conversation has found its dialogue: learns who the client is, and lets in what waited.
    fn settle_in(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        placed: Placed,
        seen: Option<&ConversationSeen>,
        phone: Option<&PhoneNumber>,
        changes: &mut Vec<Change>,
    ) {
        let thread = match placed.place {
            Place::Known(thread) => thread,
            Place::Opened(thread, route, _) => {
                self.open(thread, &route, None, moment.at, changes);
                thread
            }
            Place::Waits | Place::Nowhere => return,
        };
        if let Some(seen) = seen {
            self.contacts.learn(thread, &seen.client, Source::Messenger);
            if !seen.group {
                self.know_username(thread, &seen.client);
            }
        }
        if let Some(phone) = phone
            && let Some(account) = self.route_of(thread).map(|(_, route)| route.crm.clone())
        {
            self.contacts.know_phone(&account, thread, phone);
        }
        for Parked { fact, at, event, ordinal } in placed.unparked {
            self.observe(Moment { event, ordinal, at }, connection, &fact, None, changes);
        }
    }

    fn open(
        &mut self,
        thread: ThreadId,
        route: &RouteName,
        phone: Option<&PhoneNumber>,
        at: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        let Some((route, rules)) = self.configuration.routes.get_key_value(route) else { return };
        self.threads.open(thread, route, at);
        if let Some(phone) = phone {
            self.contacts.know_phone(&rules.crm, thread, phone);
        }
        changes.push(Change::ThreadOpened { thread });
    }

    /// The client's public name, by which another conversation with them is known again.
    fn know_username(&mut self, thread: ThreadId, client: &Person) {
        let Some(username) = client.username.as_deref().and_then(Username::parse) else { return };
        if let Some(account) = self.route_of(thread).map(|(_, route)| route.crm.clone()) {
            self.contacts.know_username(&account, thread, &username);
        }
    }

    /// A number typed in the CRM, read once: a manager may correct what could not be dialled before.
    fn learn_phone(&mut self, moment: Moment, thread: ThreadId, client: &Person, changes: &mut Vec<Change>) {
        if self.contacts.of(thread).is_some_and(|contact| contact.phone.is_some()) {
            return;
        }
        let route = self.threads.get(thread).map(|thread| thread.route.clone());
        let Some((name, route)) = route.and_then(|name| self.configuration.routes.get_key_value(&name)) else { return };
        let parsed = client.phone.as_deref().map(|typed| PhoneNumber::parse(typed, route.region));
        if let Some(Ok(phone)) = parsed {
            self.contacts.know_phone(&route.crm, thread, &phone);
            let scene = scene!(self, &route.crm, moment);
            self.bindings.number_known(&scene, (name, route), thread, &phone, changes);
        }
    }

    /// What a message is called where it was written; a name of our own making if it has none.
    fn origin(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        message: &Message,
        changes: &mut Vec<Change>,
    ) -> Origin {
        let message = message.message.theirs.clone().unwrap_or_else(|| {
            let detail = "a repetition of this message could not be told from news".to_owned();
            let connection = Some(connection.clone());
            let event = moment.event;
            changes.push(Change::Anomaly(Anomaly { anomaly: AnomalyKind::NoMessageId, event, connection, detail }));
            MessageId::new(format!("{}#{}", moment.event, moment.ordinal))
        });
        Origin { connection: connection.clone(), message }
    }

    // ---- intents and attempts ----

    fn raise(&mut self, raised: &IntentRaised, at: Timestamp) {
        let carries = raised.carries.as_ref().and_then(|origin| self.delivery.written(origin));
        let message = carries.map(|(index, _)| index);
        if let (Some(index), Intent::SendMessage(send)) = (message, &raised.intent) {
            let for_company = matches!(send.speaker, Speaker::Manager | Speaker::Bot);
            if !self.is_copy(index, &raised.connection, for_company) {
                self.delivery.raised(index, &send.ours);
            }
        }
        self.attempts.raise(raised, message, at);
        self.give_to_assistant(raised);
    }

    fn start(&mut self, started: &AttemptStarted, at: Timestamp) {
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

    fn settle(
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
        if let Outcome::Refused { failure } = &settled.outcome
            && open.purpose.outlives_its_moment()
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
            Purpose::Carry { message, opens, text, for_company, files: _ } => {
                let index = message.filter(|index| !self.is_copy(*index, &open.connection, *for_company));
                if index.is_none() {
                    self.copied(settled, &open, *message, acknowledged);
                }
                self.carried(moment, settled, &open, index, *opens, acknowledged, changes);
                self.landed(settled, &open, acknowledged, text.as_deref(), changes);
            }
            Purpose::OpenConversation => self.opened(moment, settled, &open, changes),
            Purpose::FindClient => self.found(settled, &open, facts, changes),
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
    }

    /// An attempt to carry a message across ended.
    #[allow(clippy::too_many_arguments)] // As above.
    fn carried(
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
                    self.fail_waiting(open, failure, changes);
                }
            }
            // It goes on.
            Outcome::Postponed { .. } | Outcome::Uncertain { .. } => {}
        }
    }

    /// An attempt to open a conversation ended.
    fn opened(&mut self, moment: Moment, settled: &AttemptSettled, open: &Open, changes: &mut Vec<Change>) {
        match &settled.outcome {
            Outcome::Accepted => self.still_closed(moment, open, changes),
            Outcome::Refused { failure } => self.fail_waiting(open, failure, changes),
            // It goes on.
            Outcome::Postponed { .. } | Outcome::Uncertain { .. } => {}
        }
    }

    /// An attempt to find a client ended: whoever was found is written to, and nobody is not.
    fn found(&mut self, settled: &AttemptSettled, open: &Open, facts: &[Fact], changes: &mut Vec<Change>) {
        let client = facts.iter().find_map(|fact| match fact {
            Fact::ClientFound { client } => client.theirs.as_ref(),
            Fact::MessageReceived(_)
            | Fact::MessageSent(_)
            | Fact::MessageEdited(_)
            | Fact::MessageDeleted(_)
            | Fact::ReactionChanged(_)
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
                self.fail_waiting(open, &Failure { kind: FailureKind::CannotOpen, reason }, changes);
            }
            (Outcome::Refused { failure }, _) => self.fail_waiting(open, failure, changes),
            // It goes on.
            (Outcome::Postponed { .. } | Outcome::Uncertain { .. }, _) => {}
        }
    }

    /// The platform opened a conversation without saying which: whatever waits for it cannot be sent there.
    fn still_closed(&mut self, moment: Moment, open: &Open, changes: &mut Vec<Change>) {
        let endpoint = self.bindings.current(open.thread, &open.connection);
        if endpoint.is_none_or(|endpoint| endpoint.theirs.is_some()) {
            return;
        }
        let detail = "the conversation was opened, but the reply does not name it".to_owned();
        let connection = Some(open.connection.clone());
        let event = moment.event;
        changes.push(Change::Anomaly(Anomaly { anomaly: AnomalyKind::NothingLearnt, event, connection, detail }));
        let reason = "the messenger opened the conversation but did not name it; send the message again".to_owned();
        self.fail_waiting(open, &Failure { kind: FailureKind::Internal, reason }, changes);
    }

    fn fail_waiting(&mut self, open: &Open, failure: &Failure, changes: &mut Vec<Change>) {
        for written in self.bindings.not_opened(open.thread, &open.connection) {
            if let Some((index, _)) = self.delivery.written(&written.origin) {
                self.rise(index, DeliveryState::Failed, Some(failure.clone()), changes);
            }
        }
    }

    /// A send is no longer in flight: what was held because of it is ours, or is news.
    fn landed(
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

    // ---- delivery ----

    fn rise(&mut self, index: MessageIndex, state: DeliveryState, failure: Option<Failure>, changes: &mut Vec<Change>) {
        let rise = self.delivery.rise(index, state, failure);
        self.tell(rise, changes);
    }

    fn tell(&self, rise: Option<Rise>, changes: &mut Vec<Change>) {
        if let Some(Rise { thread, origin, state, failure }) = rise {
            changes.push(Change::DeliveryRose { thread, origin, state, failure });
        }
    }
}

/// What a platform calls a message.
fn named(connection: &ConnectionName, message: &MessageKey) -> Option<Origin> {
    message.theirs.clone().map(|message| Origin { connection: connection.clone(), message })
}

impl Unreachable {
    /// What the manager is told.
    fn failure(self, typed: Option<&str>) -> Failure {
        let reason = match (self, typed) {
            (Self::NoPhone, None) => "the contact has no phone number to write to".to_owned(),
            (Self::NoPhone, Some(typed)) => format!("{typed:?} is not a phone number that can be written to"),
            (Self::NoMark, _) => {
                "the contact has neither a phone number nor an e-mail address to be found by".to_owned()
            }
            (Self::ClientOnly, _) => "in this messenger only the client can begin a conversation".to_owned(),
        };
        Failure { kind: FailureKind::CannotOpen, reason }
    }
}
