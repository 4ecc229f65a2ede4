//! What was altered after it was said, and who is writing: whether that is news, and where it goes.
//!
//! Facts about messages that may be known or not come in; changes go out for what is news and has somewhere to go. What
//! has not, waits or is an anomaly. What an alteration *is* stands in [`crate::alterations`].

use super::{Moment, State, named};
use crate::alterations::{Kept, Matter};
use crate::attempts::Open;
use crate::change::{Anomaly, AnomalyKind, Change, Refused, There};
use crate::configuration::Role;
use crate::delivery::{Known, MessageIndex, Origin};
use crate::event::AttemptSettled;
use crate::fact::{DeliveryState, Fact, FailureKind, MessageKey, ReactionChanged, ShownWithoutReaction, TypingStarted};
use crate::ids::{ConnectionName, ThreadId};
use crate::intent::Speaker;
use crate::outcome::Outcome;
use crate::threads::Side;

impl State {
    /// A message was changed, taken away or reacted to. What is not news, our own doing above all, ends here.
    pub(super) fn alter(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        message: &MessageKey,
        fact: &Fact,
        changes: &mut Vec<Change>,
    ) {
        let Moment { event, ordinal, at } = moment;
        let Some(named) = named(connection, message) else {
            let detail = "an alteration of a message without the platform's id".to_owned();
            let connection = Some(connection.clone());
            changes.push(Change::Anomaly(Anomaly { anomaly: AnomalyKind::NoMessageId, event, connection, detail }));
            return;
        };
        let by_job = || message.job.as_ref().and_then(|job| self.delivery.by_job(connection, job));
        let index = match self.delivery.known(&named) {
            Some(Known::Written(index) | Known::Ours(index)) => index,
            // It carries nobody's words, so nobody on the other side could miss what became of it.
            Some(Known::OurOwn) => return,
            // The client never saw it.
            Some(Known::Withheld) => return,
            None => match by_job() {
                Some(index) => index,
                None => {
                    let given_way = self.alterations.keep(&named, Kept { fact: fact.clone(), event, ordinal, at });
                    if let Some(lost) = given_way {
                        let detail = format!("{} was altered, but was never heard of", lost.message);
                        let (anomaly, connection) = (AnomalyKind::NeverShown, Some(lost.connection));
                        changes.push(Change::Anomaly(Anomaly { anomaly, event, connection, detail }));
                    }
                    changes.push(Change::AlterationKept { connection: named.connection, message: named.message });
                    return;
                }
            },
        };
        let written = self.delivery.get(index).origin.clone();
        let matter = match fact {
            Fact::MessageEdited(edited) => {
                let (said, edited_at) = (self.delivery.get(index).said, edited.edited_at);
                self.alterations.edit(&written, said, &edited.content, edited_at, event).then_some(Matter::Content)
            }
            Fact::MessageDeleted(_) => self.alterations.delete(&written).then_some(Matter::Presence),
            Fact::ReactionChanged(reacted) => self.reacted(moment, connection, &written, reacted).map(Matter::Reaction),
            // Only these three are handed over.
            Fact::MessageReceived(_)
            | Fact::MessageSent(_)
            | Fact::ShownWithoutReaction(_)
            | Fact::NoteWritten(_)
            | Fact::TypingStarted(_)
            | Fact::MessageNamed(_)
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
            | Fact::AddressProbed => None,
        };
        if let Some(matter) = matter {
            self.carry_alteration(moment, connection, index, matter, changes);
        }
    }

    /// Which side has another reaction now, if that is news. A reaction of nobody in particular is the client's, unless
    /// the company's side is known to have reacted so: then it is that one, seen again.
    fn reacted(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        written: &Origin,
        reacted: &ReactionChanged,
    ) -> Option<Side> {
        let side = self.side_of(connection, reacted.speaker);
        let emoji = reacted.emoji.as_deref();
        let is_seen_again = reacted.speaker.is_none()
            && emoji.is_some_and(|emoji| self.alterations.stands(written, Side::Company, emoji));
        (!is_seen_again && self.alterations.react(written, side, emoji, moment.at)).then_some(side)
    }

    /// A message was shown without a reaction of the client's. One that stood there was taken back if that is the only news:
    /// a platform shows a message anew when something about it has changed. Where a state that was not told before, or
    /// other words, are the reason, the showing may be older than the reaction.
    pub(super) fn shown_bare(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        shown: &ShownWithoutReaction,
        changes: &mut Vec<Change>,
    ) {
        let known = named(connection, &shown.message).and_then(|named| self.delivery.known(&named));
        let Some(Known::Written(index) | Known::Ours(index)) = known else { return };
        let is_news_of_state = shown.state.is_some_and(|state| self.delivery.shown_as(index, state));
        let written = self.delivery.get(index).origin.clone();
        if !is_news_of_state && self.alterations.take_back(&written, moment.event, moment.at) {
            self.carry_alteration(moment, connection, index, Matter::Reaction(Side::Client), changes);
        }
    }

    /// On which side of a dialogue somebody stands who does something at a connection.
    pub(super) fn side_of(&self, connection: &ConnectionName, speaker: Option<Speaker>) -> Side {
        match (speaker, self.configuration.role_of(connection)) {
            (Some(Speaker::Client), _) => Side::Client,
            (Some(Speaker::Manager | Speaker::Bot), _) | (None, Some(Role::Crm | Role::Assistant)) => Side::Company,
            (None, Some(Role::Channel) | None) => Side::Client,
        }
    }

    /// Takes an alteration to the other side of where it was made, now or as soon as the message is there.
    fn carry_alteration(
        &mut self,
        moment: Moment,
        altered_at: &ConnectionName,
        index: MessageIndex,
        matter: Matter,
        changes: &mut Vec<Change>,
    ) {
        let carried = self.delivery.get(index);
        let (thread, written) = (carried.thread, carried.origin.clone());
        let by_assistant = self.configuration.role_of(&written.connection) == Some(Role::Assistant);
        let there = if by_assistant {
            // It was put to both sides, and each hears of the other.
            self.across(thread, altered_at).map(|connection| {
                let target = carried.target.as_ref().filter(|target| target.connection == connection);
                let theirs = target.map(|target| target.message.clone());
                let message = MessageKey { theirs, ours: Some(written.name_across()), job: None };
                There { thread, connection, message, further: Vec::new() }
            })
        } else if written.connection != *altered_at {
            // It was altered where we put it.
            Some(There {
                thread,
                connection: written.connection.clone(),
                message: MessageKey { theirs: Some(written.message.clone()), ..MessageKey::default() },
                further: Vec::new(),
            })
        } else {
            match (&carried.target, carried.state) {
                (Some(target), _) => Some(There {
                    thread,
                    connection: target.connection.clone(),
                    message: MessageKey {
                        theirs: Some(target.message.clone()),
                        ours: Some(written.name_across()),
                        job: None,
                    },
                    further: carried.further(),
                }),
                (None, DeliveryState::Raised) => {
                    changes.push(Change::AlterationKept {
                        connection: written.connection.clone(),
                        message: written.message.clone(),
                    });
                    self.alterations.defer(&written, matter);
                    return;
                }
                (None, DeliveryState::Failed) => {
                    let detail = format!("{} was altered, but never came to the other side", written.message);
                    let (event, connection) = (moment.event, Some(altered_at.clone()));
                    let anomaly = AnomalyKind::NeverShown;
                    changes.push(Change::Anomaly(Anomaly { anomaly, event, connection, detail }));
                    return;
                }
                // Taken there, and what it is called was not said: our own name for it remains.
                (None, DeliveryState::Sent | DeliveryState::Delivered | DeliveryState::Read) => {
                    self.across(thread, altered_at).map(|connection| There {
                        thread,
                        connection,
                        message: MessageKey { ours: Some(written.name_across()), ..MessageKey::default() },
                        further: carried.further(),
                    })
                }
            }
        };
        let Some(there) = there else { return };
        let Some(altered) = self.alterations.of(&written) else { return };
        changes.push(match matter {
            Matter::Content => Change::MessageAltered {
                there,
                content: altered.content.clone().unwrap_or_default(),
                at: altered.edited_at.unwrap_or(moment.at),
            },
            Matter::Presence => Change::MessageWithdrawn { there, at: moment.at },
            Matter::Reaction(side) => {
                Change::ReactionSet { there, side, emoji: altered.reactions.get(&side).cloned(), at: moment.at }
            }
        });
    }

    /// An alteration was asked for. Where the CRM refuses it, its managers have to learn of it in another way; unless it
    /// refuses everything.
    pub(super) fn unaltered(
        &self,
        moment: Moment,
        settled: &AttemptSettled,
        open: &Open,
        message: &MessageKey,
        refused: Refused,
        changes: &mut Vec<Change>,
    ) {
        let Outcome::Refused { failure } = &settled.outcome else { return };
        if self.configuration.role_of(&open.connection) == Some(Role::Crm) && failure.kind != FailureKind::ConnectionOff
        {
            let (thread, connection, message) = (open.thread, open.connection.clone(), message.clone());
            let there = There { thread, connection, message, further: Vec::new() };
            changes.push(Change::AlterationRefused { there, refused, at: moment.at });
        }
    }

    /// A message has come to the other side, or never will: what became of it meanwhile follows it.
    pub(super) fn follow_up(&mut self, moment: Moment, index: MessageIndex, changes: &mut Vec<Change>) {
        let written = self.delivery.get(index).origin.clone();
        for matter in self.alterations.take_due(&written) {
            self.carry_alteration(moment, &written.connection, index, matter, changes);
        }
    }

    /// A message has become known under this name: takes in what was said of it before.
    pub(super) fn let_in_early(&mut self, named: &Origin, changes: &mut Vec<Change>) {
        for Kept { fact, event, ordinal, at } in self.alterations.take_early(named) {
            self.observe(Moment { event, ordinal, at }, &named.connection, &fact, None, changes);
        }
    }

    /// The connection on the other side of a dialogue.
    fn across(&self, thread: ThreadId, connection: &ConnectionName) -> Option<ConnectionName> {
        let (_, route) = self.route_of(thread)?;
        match self.configuration.role_of(connection)? {
            Role::Crm => Some(route.channel.clone()),
            Role::Channel => Some(route.crm.clone()),
            // It stands on nobody's other side: it hears clients and answers them.
            Role::Assistant => None,
        }
    }

    /// Somebody writes in a conversation that we know. In one that we do not, there is nobody to show it to.
    pub(super) fn begin_typing(
        &mut self,
        moment: Moment,
        connection: &ConnectionName,
        typing: &TypingStarted,
        changes: &mut Vec<Change>,
    ) {
        let theirs = typing.conversation.theirs.as_ref();
        let Some(thread) = theirs.and_then(|theirs| self.bindings.thread_of(connection, theirs)) else { return };
        let Some(across) = self.across(thread, connection) else { return };
        let side = self.side_of(connection, typing.speaker);
        if let Some(until) = self.typing.begin(thread, connection, typing.until, moment.at) {
            changes.push(Change::TypingBegan { thread, connection: across, side, since: moment.at, until });
        }
    }
}
