//! What is so: all projections, folded together over one history.
//!
//! Takes recorded events with the facts that were read from them; gives the changes that policies decide upon. A fold
//! cannot fail: what should not have happened becomes an anomaly that people see. The order within one fact is
//! always the same: where does it belong ([`Bindings`], [`Contacts`], [`Threads`]), is it ours ([`Echoes`]), where
//! does it stand ([`Delivery`], [`Attempts`]).

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::Serialize;

use crate::alterations::Alterations;
use crate::assistance::Assistance;
use crate::attempts::Attempts;
use crate::bindings::Bindings;
use crate::change::{Anomaly, AnomalyKind, Change};
use crate::configuration::{Configuration, Route};
use crate::contacts::Contacts;
use crate::delivery::{Delivery, Origin};
use crate::duties::Duties;
use crate::echoes::Echoes;
use crate::event::Happening;
use crate::fact::{ConnectionChanged, Fact, Message, MessageKey};
use crate::held::HeldIntents;
use crate::ids::{ConnectionName, EventId, RouteName, ThreadId};
use crate::projection::{Digest, Projection};
use crate::recorded::{Recorded, Revision};
use crate::threads::{Side, Threads};
use crate::time::Timestamp;
use crate::typing::Typing;

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
    /// How many signs a message may have where one was refused as too long, until the configuration changes.
    pub longest_texts: BTreeMap<ConnectionName, NonZeroU32>,
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
        $crate::bindings::Scene {
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
mod attempting;
mod hearing;
mod held;
mod meeting;
mod standing;

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
            Happening::Configured(configuration) => {
                self.configuration = configuration.clone();
                // Whoever has set another length, or has been told of one, wants it tried.
                self.longest_texts.clear();
            }
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
            ("clocks", self.attempts.digest_of_clocks()),
            (HeldIntents::NAME, self.held.digest()),
            (Duties::NAME, self.duties.digest()),
            ("configuration", Digest::of_entries("configuration", 1, std::iter::once(&self.configuration))),
            ("health", Digest::of_entries("health", 1, connections.chain(anomalies))),
            ("longest texts", Digest::of_entries("longest texts", 1, self.longest_texts.iter())),
            ("polls", Digest::of_entries("polls", 1, self.polls.iter())),
        ]
    }

    /// The route of a dialogue.
    pub fn route_of(&self, thread: ThreadId) -> Option<(&RouteName, &Route)> {
        let thread = self.threads.get(thread)?;
        self.configuration.routes.get_key_value(&thread.route)
    }

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
                | Fact::ShownWithoutReaction(_)
                | Fact::NoteWritten(_)
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
            Fact::NoteWritten(note) => self.hear_note(connection, note, changes),
            Fact::ShownWithoutReaction(shown) => self.shown_bare(moment, connection, shown, changes),
            Fact::AssistantReported(report) => self.hear_report(moment, connection, report, changes),
            Fact::TypingStarted(typing) => self.begin_typing(moment, connection, typing, changes),
            // They belong to the attempt that made a file ready.
            Fact::FileFetched { .. } | Fact::FileMissing { .. } | Fact::FileTaken { .. } => {}
            // The platform wanted to know whether we answer, and we did.
            Fact::AddressProbed => {}
        }
    }
}

/// What a platform calls a message.
fn named(connection: &ConnectionName, message: &MessageKey) -> Option<Origin> {
    message.theirs.clone().map(|message| Origin { connection: connection.clone(), message })
}
