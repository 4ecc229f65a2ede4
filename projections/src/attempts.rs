//! The intents that are not done yet, and how far each has come.
//!
//! Started without settled *is* the state "uncertain": a crash leaves it, the fold finds it, and the connector says
//! what may be done about it. Intents that are done leave only a count.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::assistance::Reason;
use crate::clocks::{Around, Reading};
use crate::content::Content;
use crate::delivery::{MessageIndex, Origin};
use crate::event::{AttemptSettled, AttemptStarted, IntentRaised};
use crate::fact::{Fact, Failure, MessageKey};
use crate::files::{Filed, has_files, lost};
use crate::ids::{ConnectionName, ConversationId, IntentId, MessageId, ThreadId};
use crate::intent::{Intent, Speaker};
use crate::outcome::{AttemptKind, Outcome};
use crate::projection::{Digest, Map, Projection};
use crate::time::Timestamp;

/// An intent that is not done yet.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Open {
    /// Its place among all intents ever raised.
    #[serde(skip)]
    pub sequence: u64,
    /// Where it is to become true.
    pub connection: ConnectionName,
    /// In which dialogue.
    pub thread: ThreadId,
    /// What it is for.
    pub purpose: Purpose,
    /// The intent as it was raised, for the case that it comes to no good end.
    #[serde(skip)]
    pub as_raised: Arc<IntentRaised>,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// How many attempts were started.
    pub attempts: u32,
    /// How many of them acted; the others asked.
    pub acts: u32,
    /// Where it stands.
    pub standing: Standing,
    /// When the first attempt was made whose effect is not known.
    pub uncertain_since: Option<Timestamp>,
    /// What was heard of the time around it.
    #[serde(skip_serializing_if = "Around::is_empty")]
    pub around: Around,
    /// How a repetition was refused, while it is to be found out whether an earlier attempt is why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Failure>,
    /// Where the question about what is in doubt goes on, if it was asked and not answered yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<NextPage>,
    /// What is known of the message's files, by their places.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<u32, Filed>,
    /// Why nobody wants it any more, if so: it is not tried (again), unless an earlier try may have done it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unwanted: Option<Reason>,
}

/// The page of a list on which a message in doubt may stand, the pages before it having been looked through.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NextPage {
    /// What its connector calls it.
    pub name: String,
    /// Whether it was not asked for yet: then there is nothing to wait for.
    pub is_fresh: bool,
}

impl Open {
    /// When the attempt left the house that may have done it: the first in doubt, else the one at hand, by our clock.
    pub fn left_at(&self) -> Timestamp {
        let at_hand = match &self.standing {
            Standing::Raised => self.raised_at,
            Standing::Started { at, .. } | Standing::Settled { at, .. } => *at,
        };
        self.uncertain_since.unwrap_or(at_hand)
    }

    /// Learns of a file of the message what an attempt to make it ready brought.
    fn learn(&mut self, place: u32, facts: &[Fact]) {
        let filed = self.files.entry(place).or_default();
        let before = filed.clone();
        for fact in facts {
            match fact {
                Fact::FileFetched { stored } => *filed = Filed { stored: Some(stored.clone()), ..Filed::default() },
                Fact::FileMissing { failure } => filed.missing = Some(failure.clone()),
                Fact::FileTaken { id } => filed.taken = Some(id.clone()),
                // Whatever else a reply says is no matter of the file's.
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
                | Fact::ClientFound { .. }
                | Fact::SendAcknowledged(_)
                | Fact::ConnectionChanged(_)
                | Fact::AssistantReported(_)
                | Fact::AddressProbed => {}
            }
        }
        // Whoever asked again would hear the same again.
        if *filed == before
            && before.taken.is_none()
            && !facts.iter().any(|fact| matches!(fact, Fact::FileFetched { .. }))
        {
            filed.missing = Some(lost("the platform took the file but did not say what it calls it"));
        }
    }
}

/// Where an open intent stands.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It was never tried.
    Raised,
    /// A try has left the house and has not come back.
    Started {
        /// What it does.
        kind: AttemptKind,
        /// Since when.
        at: Timestamp,
    },
    /// The last try ended so, and the intent is not done.
    Settled {
        /// What it did.
        kind: AttemptKind,
        /// How it ended.
        outcome: Outcome,
        /// When.
        at: Timestamp,
    },
}

/// What an intent is for, as far as folds need it.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// It carries a message across.
    Carry {
        /// Which.
        #[serde(skip)]
        message: Option<MessageIndex>,
        /// Whether it opens the conversation.
        opens: bool,
        /// Whether it speaks for the company, so that it may come back as a message of the company's side.
        for_company: bool,
        /// What it says, to know it again if it comes back without a name.
        #[serde(skip)]
        text: Option<Box<str>>,
        /// Whether it has files.
        #[serde(skip)]
        files: bool,
    },
    /// It finds or opens a conversation.
    OpenConversation,
    /// It finds a client.
    FindClient,
    /// It gives a conversation an id of ours.
    Claim {
        /// The CRM's id of the conversation.
        theirs: ConversationId,
    },
    /// It says where a message stands.
    Report {
        /// The CRM's id of the message.
        message: MessageId,
    },
    /// It asks who the client of a conversation is.
    LookUp {
        /// The platform's id of the conversation.
        conversation: ConversationId,
    },
    /// It puts a reaction under a message, or takes it back.
    React {
        /// Which message.
        message: MessageKey,
        /// In whose name.
        speaker: Speaker,
        /// The reaction.
        emoji: Option<Box<str>>,
    },
    /// It lets a message say something else.
    Edit {
        /// Which message.
        message: MessageKey,
        /// What it is to say.
        #[serde(skip)]
        content: Box<Content>,
    },
    /// It takes a message away.
    Delete {
        /// Which message.
        message: MessageKey,
    },
    /// It shows that somebody is writing.
    ShowTyping,
}

impl Purpose {
    /// Whether a person may still want it once it was refused.
    pub const fn outlives_its_moment(&self) -> bool {
        match self {
            Self::Carry { .. }
            | Self::OpenConversation
            | Self::Claim { .. }
            | Self::Report { .. }
            | Self::LookUp { .. }
            | Self::React { .. }
            | Self::Edit { .. }
            | Self::Delete { .. } => true,
            // Whatever waited for the answer was given back with the refusal; the next message asks anew.
            Self::FindClient => false,
            // Nobody is writing any more.
            Self::ShowTyping => false,
        }
    }

    /// The label of the intent that has this purpose; see [`Intent::label`].
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Carry { .. } => "send_message",
            Self::OpenConversation => "open_conversation",
            Self::FindClient => "find_client",
            Self::Claim { .. } => "claim_conversation",
            Self::Report { .. } => "report_delivery",
            Self::LookUp { .. } => "look_up_conversation",
            Self::React { .. } => "set_reaction",
            Self::Edit { .. } => "edit_message",
            Self::Delete { .. } => "delete_message",
            Self::ShowTyping => "show_typing",
        }
    }
}

/// The projection.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    open: Map<IntentId, Open>,
    /// How many of the open ones each connection has.
    depths: BTreeMap<ConnectionName, usize>,
    raised: u64,
    settled: BTreeMap<&'static str, u64>,
    /// The newest word of each platform on the time.
    readings: BTreeMap<ConnectionName, Reading>,
    /// The intents in doubt since which their platforms have said nothing of the time.
    unheard: Vec<IntentId>,
}

impl Attempts {
    /// An intent was raised. `message` is the one that it carries.
    pub fn raise(&mut self, raised: &IntentRaised, message: Option<MessageIndex>, at: Timestamp) {
        let purpose = match &raised.intent {
            Intent::SendMessage(send) => Purpose::Carry {
                message,
                opens: send.to.opens(),
                for_company: matches!(send.speaker, Speaker::Manager | Speaker::Bot),
                text: send.content.text.as_deref().map(Into::into),
                files: has_files(&send.content),
            },
            Intent::OpenConversation(_) => Purpose::OpenConversation,
            Intent::FindClient(_) => Purpose::FindClient,
            Intent::ClaimConversation(claim) => Purpose::Claim { theirs: claim.theirs.clone() },
            Intent::ReportDelivery(report) => Purpose::Report { message: report.message.clone() },
            Intent::LookUpConversation(look_up) => Purpose::LookUp { conversation: look_up.conversation.clone() },
            Intent::SetReaction(set) => Purpose::React {
                message: set.message.clone(),
                speaker: set.speaker,
                emoji: set.emoji.as_deref().map(Into::into),
            },
            Intent::EditMessage(edit) => {
                Purpose::Edit { message: edit.message.clone(), content: Box::new(edit.content.clone()) }
            }
            Intent::DeleteMessage(delete) => Purpose::Delete { message: delete.message.clone() },
            Intent::ShowTyping(_) => Purpose::ShowTyping,
        };
        let open = Open {
            sequence: self.raised,
            connection: raised.connection.clone(),
            thread: raised.thread,
            purpose,
            as_raised: Arc::new(raised.clone()),
            raised_at: at,
            attempts: 0,
            acts: 0,
            standing: Standing::Raised,
            uncertain_since: None,
            around: Around::default(),
            refusal: None,
            page: None,
            files: BTreeMap::new(),
            unwanted: None,
        };
        self.raised += 1;
        if self.open.insert(raised.intent_id, open).is_none() {
            *self.depths.entry(raised.connection.clone()).or_default() += 1;
        }
    }

    /// A try is about to leave the house; gives the intent that it belongs to.
    pub fn start(&mut self, started: &AttemptStarted, at: Timestamp) -> Option<&Open> {
        let open = self.open.get_mut(&started.intent_id)?;
        open.attempts = started.attempt;
        if started.kind == AttemptKind::Act {
            open.acts += 1;
            if open.uncertain_since.is_none() {
                open.around = Around { before: self.readings.get(&open.connection).copied(), ..Around::default() };
            }
        }
        open.standing = Standing::Started { kind: started.kind, at };
        Some(open)
    }

    /// A try came back. Gives the intent as it was; it is forgotten if this was its end.
    pub fn settle(&mut self, settled: &AttemptSettled, facts: &[Fact], at: Timestamp) -> Option<Open> {
        let before = self.end(settled, facts, at);
        if let Some(reading) = settled.reply.as_ref().and_then(|reply| Reading::of(reply, at)) {
            self.hear(&settled.connection, reading);
        }
        before
    }

    /// What the platforms said of the time, as a digest of its own: alone of all that is known of attempts, it depends upon what
    /// was heard last at a connection, in whichever dialogue.
    pub fn digest_of_clocks(&self) -> Digest {
        Digest::of_entries("clocks", 1, self.readings.iter())
    }

    /// A platform says what time it is.
    fn hear(&mut self, connection: &ConnectionName, reading: Reading) {
        let open = &mut self.open;
        self.unheard.retain(|intent| match open.get_mut(intent) {
            Some(open) if open.connection == *connection => {
                open.around.after = Some(reading);
                false
            }
            Some(_) => true,
            None => false,
        });
        self.readings.insert(connection.clone(), reading);
    }

    fn end(&mut self, settled: &AttemptSettled, facts: &[Fact], at: Timestamp) -> Option<Open> {
        *self.settled.entry(settled.outcome.label()).or_default() += 1;
        if settled.ends_intent() {
            let done = self.open.remove(&settled.intent_id)?;
            if let Some(depth) = self.depths.get_mut(&done.connection) {
                *depth -= 1;
            }
            return Some(done);
        }
        let open = self.open.get_mut(&settled.intent_id)?;
        let before = open.clone();
        if let (AttemptKind::Prepare { file }, Outcome::Accepted) = (settled.kind, &settled.outcome) {
            open.learn(file, facts);
        }
        open.uncertain_since = match (&settled.outcome, settled.kind, &open.standing) {
            // A file that is made ready says nothing about what an earlier try did.
            (_, AttemptKind::Prepare { .. }, _) => open.uncertain_since,
            // Uncertain since it left, not since we gave up waiting.
            (Outcome::Uncertain { .. }, AttemptKind::Act, Standing::Started { at: since, .. }) => {
                open.uncertain_since.or(Some(*since))
            }
            (Outcome::Uncertain { .. }, _, _) => open.uncertain_since.or(Some(at)),
            // Asked, and certainly nothing happened.
            (Outcome::Postponed { .. }, AttemptKind::Probe, _) => None,
            // This try did nothing; an earlier one may have.
            (Outcome::Postponed { .. }, AttemptKind::Act, _) => open.uncertain_since,
            (Outcome::Accepted | Outcome::Refused { .. }, _, _) => None,
        };
        // A repetition that was refused did nothing: what is in doubt is over as long as it was.
        if let (Outcome::Uncertain { .. }, AttemptKind::Act, None) = (&settled.outcome, settled.kind, &settled.refusal)
        {
            let is_listed = open.around.over_at.is_some() && open.around.after.is_none();
            (open.around.over_at, open.around.after) = (Some(at), None);
            let heard = self.readings.get(&open.connection).copied();
            open.around.during = heard.filter(|heard| open.around.before != Some(*heard));
            if !is_listed {
                self.unheard.push(settled.intent_id);
            }
        }
        open.refusal = match &settled.refusal {
            Some(refusal) => Some(refusal.clone()),
            // Kept until it is known that nothing had been done.
            None => open.refusal.take().filter(|_| open.uncertain_since.is_some()),
        };
        open.page = settled.page.clone().map(|name| {
            let is_fresh = open.page.as_ref().is_none_or(|known| known.name != name);
            NextPage { name, is_fresh }
        });
        open.standing = Standing::Settled { kind: settled.kind, outcome: settled.outcome.clone(), at };
        Some(before)
    }

    /// What an assistant says in a dialogue at a connection and has not said yet is not wanted any more: it was silenced,
    /// for this reason. Gives the messages that wait for their turn, by where they were written, in order. A try that has left
    /// the house goes on; only a further one is not made.
    pub fn unwant(&mut self, thread: ThreadId, connection: &ConnectionName, reason: Reason) -> Vec<Origin> {
        let is_meant = |open: &Open| {
            let is_machines = open.as_raised.intent.message().is_some_and(|send| send.speaker == Speaker::Bot);
            is_machines && open.thread == thread && open.connection == *connection && open.unwanted.is_none()
        };
        let mut unwanted: Vec<(u64, Origin)> = Vec::new();
        for open in self.open.values_mut().filter(|open| is_meant(open)) {
            let Some(carries) = open.as_raised.carries.clone() else { continue };
            open.unwanted = Some(reason);
            match open.standing {
                // It is on its way, and may well arrive.
                Standing::Started { .. } => {}
                Standing::Raised | Standing::Settled { .. } => unwanted.push((open.sequence, carries)),
            }
        }
        unwanted.sort_unstable_by_key(|(sequence, _)| *sequence);
        unwanted.dedup_by(|(_, one), (_, other)| one == other);
        unwanted.into_iter().map(|(_, carries)| carries).collect()
    }

    /// An open intent.
    pub fn get(&self, intent: IntentId) -> Option<&Open> {
        self.open.get(&intent)
    }

    /// How many open intents a connection has.
    pub fn depth(&self, connection: &ConnectionName) -> usize {
        self.depths.get(connection).copied().unwrap_or(0)
    }

    /// All open intents in the order in which they were raised.
    pub fn in_order(&self) -> Vec<(IntentId, &Open)> {
        let mut open: Vec<_> = self.open.iter().map(|(id, open)| (*id, open)).collect();
        open.sort_unstable_by_key(|(_, open)| open.sequence);
        open
    }

    /// How many intents were ever raised.
    pub const fn raised(&self) -> u64 {
        self.raised
    }

    /// How many attempts ended, by outcome.
    pub const fn settled(&self) -> &BTreeMap<&'static str, u64> {
        &self.settled
    }
}

impl Projection for Attempts {
    const NAME: &'static str = "attempts";
    const VERSION: u32 = 7;

    fn digest(&self) -> Digest {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Entry<'a> {
            Open(&'a IntentId, &'a Open),
            Settled(&'static str, u64),
        }
        let open = self.open.iter().map(|(id, open)| Entry::Open(id, open));
        let settled = self.settled.iter().map(|(label, count)| Entry::Settled(label, *count));
        Digest::of_entries(Self::NAME, Self::VERSION, open.chain(settled))
    }

    fn len(&self) -> usize {
        self.open.len()
    }
}
