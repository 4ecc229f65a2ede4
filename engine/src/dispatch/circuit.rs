//! Whether a platform is to be left alone: after several calls in a row to which it gave no answer of its own, only one
//! call at a time goes out, and between two of them there is a pause that grows.
//!
//! Takes how attempts ended, gives leave or "not before". A pure state machine: time is an argument, and what it knows
//! stands in the log, so that it is the same after a restart. What a platform refuses, or puts off, it has answered: a
//! circuit is about silence and about errors of the platform's own (5xx), never about what was asked.

use std::time::Duration;

use chatledger_connectors::connector::FETCH;
use chatledger_projections::event::AttemptSettled;
use chatledger_projections::time::Timestamp;

/// The call of an attempt that ended before there was one.
pub const NO_CALL: &str = "none";

/// The call of an attempt that was interrupted by the end of the program.
pub const INTERRUPTED: &str = "interrupted";

/// Whose fault a reply is, from here on.
const FIRST_FAULT_OF_THE_PLATFORM: u16 = 500;

/// When a platform is left alone, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CircuitRules {
    /// After so many calls in a row without an answer.
    pub after: u32,
    /// The first pause; each further one is twice as long …
    pub first: Duration,
    /// … but never longer than this.
    pub cap: Duration,
}

/// What an attempt's end says of its platform.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sign {
    /// It answers, whatever it says.
    Answers,
    /// It does not answer, or with an error of its own.
    Silent,
    /// No call was made, or nobody was there to hear.
    Nothing,
}

impl Sign {
    /// Reads an attempt's end.
    pub fn of(settled: &AttemptSettled) -> Self {
        match (&settled.reply, settled.call.as_str()) {
            (Some(reply), _) if reply.status < FIRST_FAULT_OF_THE_PLATFORM => Self::Answers,
            (Some(_), _) => Self::Silent,
            // Where a file lies is another house; what happens there says nothing of the platform.
            (None, NO_CALL | INTERRUPTED | FETCH) => Self::Nothing,
            (None, _) => Self::Silent,
        }
    }
}

/// How a circuit stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Calls go out as they come.
    Closed,
    /// No call goes out before this moment.
    Open {
        /// When one may.
        until: Timestamp,
    },
    /// One call is out to see whether it is answered.
    HalfOpen,
}

impl Standing {
    /// The standing as a word, for logs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// The circuit of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Circuit {
    rules: CircuitRules,
    standing: Standing,
    silent: u32,
    since: Option<Timestamp>,
    pause: Duration,
}

impl Circuit {
    /// A closed circuit.
    pub const fn new(rules: CircuitRules) -> Self {
        Self { rules, standing: Standing::Closed, silent: 0, since: None, pause: rules.first }
    }

    /// Whether a call may go out now; if not, from when on. `None`: not before the one that is out has come back.
    pub fn leave(&self, now: Timestamp) -> Result<(), Option<Timestamp>> {
        match self.standing {
            Standing::Closed => Ok(()),
            Standing::Open { until } if now >= until => Ok(()),
            Standing::Open { until } => Err(Some(until)),
            Standing::HalfOpen => Err(None),
        }
    }

    /// A call goes out, with leave.
    pub const fn depart(&mut self) {
        match self.standing {
            Standing::Open { .. } => self.standing = Standing::HalfOpen,
            Standing::Closed | Standing::HalfOpen => {}
        }
    }

    /// An attempt has ended.
    pub fn see(&mut self, sign: Sign, at: Timestamp) {
        match (sign, self.standing) {
            (Sign::Answers, _) => *self = Self::new(self.rules),
            // Whatever was out: the next may try at once.
            (Sign::Nothing, Standing::HalfOpen) => self.standing = Standing::Open { until: at },
            (Sign::Nothing, Standing::Closed | Standing::Open { .. }) => {}
            (Sign::Silent, Standing::Closed) => {
                self.is_silent(at);
                if self.silent >= self.rules.after {
                    self.standing = Standing::Open { until: at + self.pause };
                }
            }
            // It had left before the circuit opened.
            (Sign::Silent, Standing::Open { .. }) => self.is_silent(at),
            (Sign::Silent, Standing::HalfOpen) => {
                self.is_silent(at);
                self.pause = (self.pause * 2).min(self.rules.cap);
                self.standing = Standing::Open { until: at + self.pause };
            }
        }
    }

    /// How it stands.
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// How many calls in a row had no answer, and since when.
    pub const fn silence(&self) -> (u32, Option<Timestamp>) {
        (self.silent, self.since)
    }

    fn is_silent(&mut self, at: Timestamp) {
        self.silent = self.silent.saturating_add(1);
        self.since.get_or_insert(at);
    }
}

#[cfg(test)]
mod tests {
    use chatledger_projections::ids::{ConnectionName, EventId, IntentId};
    use chatledger_projections::outcome::{AttemptKind, Outcome};

    use super::*;

    const RULES: CircuitRules = CircuitRules { after: 3, first: Duration::from_secs(10), cap: Duration::from_secs(25) };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn opened() -> Circuit {
        let mut circuit = Circuit::new(RULES);
        for second in 1..=3 {
            circuit.see(Sign::Silent, at(second));
        }
        circuit
    }

    #[test]
    fn silence_in_a_row_opens_it_and_one_answer_between_does_not() {
        let mut circuit = Circuit::new(RULES);
        for sign in [Sign::Silent, Sign::Silent, Sign::Answers, Sign::Silent, Sign::Nothing, Sign::Silent] {
            circuit.see(sign, at(1));
            assert_eq!(circuit.leave(at(1)), Ok(()));
        }
        circuit.see(Sign::Silent, at(2));
        assert_eq!(circuit.leave(at(2)), Err(Some(at(12))));
        assert_eq!(circuit.silence(), (3, Some(at(1))));
    }

    #[test]
    fn a_file_that_does_not_come_says_nothing_of_the_platform_that_it_goes_to() {
        let settled = |call: &str| AttemptSettled {
            intent_id: IntentId::derived(EventId::derived(&[b"cause"]), "policy", 0),
            attempt: 1,
            kind: AttemptKind::Prepare { file: 0 },
            connection: ConnectionName::new("pact.sales"),
            platform: "pact".to_owned(),
            call: call.to_owned(),
            outcome: Outcome::Postponed { until: None, reason: "no answer".to_owned() },
            refusal: None,
            page: None,
            reply: None,
            findings: Vec::new(),
        };
        assert_eq!(Sign::of(&settled(FETCH)), Sign::Nothing);
        assert_eq!(Sign::of(&settled("upload_v2")), Sign::Silent);
    }

    #[test]
    fn after_the_pause_one_call_goes_out_and_its_answer_closes_it() {
        let mut circuit = opened();
        assert_eq!((circuit.leave(at(12)), circuit.leave(at(13))), (Err(Some(at(13))), Ok(())));
        circuit.depart();
        assert_eq!((circuit.standing(), circuit.leave(at(99))), (Standing::HalfOpen, Err(None)));
        circuit.see(Sign::Answers, at(14));
        assert_eq!((circuit.standing(), circuit.silence()), (Standing::Closed, (0, None)));
        // And it takes the whole number again to open it.
        circuit.see(Sign::Silent, at(15));
        assert_eq!(circuit.standing(), Standing::Closed);
    }

    #[test]
    fn pauses_grow_up_to_their_cap_and_begin_anew_after_an_answer() {
        let mut circuit = opened();
        let mut now = at(13);
        for pause in [20, 25, 25] {
            assert_eq!(circuit.leave(now), Ok(()));
            circuit.depart();
            circuit.see(Sign::Silent, now);
            now = now + Duration::from_secs(pause);
            assert_eq!(circuit.standing(), Standing::Open { until: now });
        }
        circuit.see(Sign::Answers, now);
        for _ in 0..3 {
            circuit.see(Sign::Silent, now);
        }
        assert_eq!(circuit.standing(), Standing::Open { until: now + Duration::from_secs(10) });
    }

    #[test]
    fn those_that_left_before_neither_prolong_the_pause_nor_are_overheard() {
        let mut circuit = opened();
        circuit.see(Sign::Silent, at(11));
        assert_eq!(circuit.standing(), Standing::Open { until: at(13) });
        circuit.see(Sign::Answers, at(12));
        assert_eq!(circuit.standing(), Standing::Closed);
    }

    #[test]
    fn a_trial_that_made_no_call_leaves_the_place_to_the_next() {
        let mut circuit = opened();
        circuit.depart();
        circuit.see(Sign::Nothing, at(13));
        assert_eq!(circuit.leave(at(13)), Ok(()));
    }
}
