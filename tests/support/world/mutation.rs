//! Bugs planted on purpose, so that it can be seen whether they are found.
//!
//! Each is a switch in what surrounds the engine's parts: the log, the way out, the clock, what the dispatcher is told and
//! what is done with its answers. The engine's own code knows nothing of them.

/// A bug.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mutation {
    /// Calls leave the house without a word in the log.
    ForgetTheStart,
    /// Calls leave the house, and then their start is recorded.
    CallBeforeTheStart,
    /// A webhook that comes again is recorded again, under another id.
    DropTheDedup,
    /// "We do not know" is taken for "no".
    UncertainIsRefused,
    /// "We do not know" is taken for "yes".
    UncertainIsAccepted,
    /// What may have taken effect is sent again, and nobody asks before.
    ResendBlindly,
    /// A platform that wants to be left alone is not.
    ForgetTheWait,
    /// Our own message that comes back is taken for somebody's.
    IgnoreEchoes,
    /// The next one of a dialogue goes before the first has come back.
    ReleaseTheLaneEarly,
    /// What was decided and not raised before the end is not raised afterwards.
    LoseTheOutstanding,
    /// Attempts of the life before are left without an end.
    ForgetTheInterrupted,
    /// A report of an earlier state is sent after a later one.
    LetLowerStatusThrough,
    /// The limits' clock is ahead.
    HurryTheLimits,
    /// The limits begin anew with each start.
    ForgetTheCallsBefore,
    /// An end that the log does not take is given up.
    LoseTheEnd,
    /// A webhook is answered with 200, though neither the log nor the spool has it.
    AnswerBeforeTheDisk,
    /// What the log did not take in one piece is recorded in another order.
    RaiseOutOfOrder,
    /// An append in doubt is taken for done.
    TrustTheUnknown,
    /// What platforms say of the time is not heeded.
    BelieveOurClock,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::ForgetTheStart,
        Self::CallBeforeTheStart,
        Self::DropTheDedup,
        Self::UncertainIsRefused,
        Self::UncertainIsAccepted,
        Self::ResendBlindly,
        Self::ForgetTheWait,
        Self::IgnoreEchoes,
        Self::ReleaseTheLaneEarly,
        Self::LoseTheOutstanding,
        Self::ForgetTheInterrupted,
        Self::LetLowerStatusThrough,
        Self::HurryTheLimits,
        Self::ForgetTheCallsBefore,
        Self::LoseTheEnd,
        Self::AnswerBeforeTheDisk,
        Self::RaiseOutOfOrder,
        Self::TrustTheUnknown,
        Self::BelieveOurClock,
    ];

    /// In words, for tables and the command line.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ForgetTheStart => "forget-the-start",
            Self::CallBeforeTheStart => "call-before-the-start",
            Self::DropTheDedup => "drop-the-dedup",
            Self::UncertainIsRefused => "uncertain-is-refused",
            Self::UncertainIsAccepted => "uncertain-is-accepted",
            Self::ResendBlindly => "resend-blindly",
            Self::ForgetTheWait => "forget-the-wait",
            Self::IgnoreEchoes => "ignore-echoes",
            Self::ReleaseTheLaneEarly => "release-the-lane-early",
            Self::LoseTheOutstanding => "lose-the-outstanding",
            Self::ForgetTheInterrupted => "forget-the-interrupted",
            Self::LetLowerStatusThrough => "let-lower-status-through",
            Self::HurryTheLimits => "hurry-the-limits",
            Self::ForgetTheCallsBefore => "forget-the-calls-before",
            Self::LoseTheEnd => "lose-the-end",
            Self::AnswerBeforeTheDisk => "answer-before-the-disk",
            Self::RaiseOutOfOrder => "raise-out-of-order",
            Self::TrustTheUnknown => "trust-the-unknown",
            Self::BelieveOurClock => "believe-our-clock",
        }
    }
}
