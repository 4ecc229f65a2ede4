//! What one engine knows of who does what, and what it should say next. Pure: moments and the engine's own id are arguments.
//!
//! An engine shows that it is at work by appending to a stream of its own, each time with the exact revision. It has a tenure
//! from *before* such an append left, shorter than the lease. Others that have not heard of it for a whole lease, counted
//! from when they *saw* its last word, append its end to that same stream, with the exact revision too: the log takes one
//! of the two. Duties of ended engines are vacant; taking one is an append with an exact revision as well.
//!
//! A tenure that has run out does not come back: the engine ends its own time and goes on as another. So leave to act that was
//! given before a gap is never good after it, and two tasks of one process never hold leave for the same thing. And whoever
//! certainly runs no more, because its place was taken by this process, is not waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chatledger_projections::duties::{Arrangement, Duties, Duty, DutyTaken, EngineEnded, EngineSeen};
use chatledger_projections::ids::EngineId;
use chatledger_projections::recorded::Revision;
use chatledger_projections::time::Timestamp;

use super::Moment;

/// How long things last among several engines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// For how long an engine must not be heard of before others may end its time.
    pub lease: Duration,
    /// How long one call may be under way.
    pub call_timeout: Duration,
}

impl Terms {
    /// How often an engine shows that it is at work.
    fn sign_every(self) -> Duration {
        self.lease / 4
    }

    /// How long it may act after it asked to be seen. What is left of the lease is the margin: for a clock that runs
    /// differently, and for what is on its way from asking "may I" to the wire.
    fn tenure(self) -> Duration {
        self.lease / 4 * 3
    }

    /// After how long an append of which nothing was seen is made again.
    fn ask_again_after(self) -> Duration {
        self.lease / 4
    }
}

/// What one engine knows of who does what.
#[derive(Debug)]
pub struct Roster {
    engine: EngineId,
    place: String,
    terms: Terms,
    wanted: Vec<Duty>,
    known: Duties,
    /// When the last word of each other engine was seen, on the slow clock.
    heard: BTreeMap<EngineId, Duration>,
    /// The last of its own words that the log has taken, and when it was sent, on the fast clock.
    signed: Option<(Revision, Duration)>,
    /// The one that the log may or may not have taken, and when it was *first* sent.
    signing: Option<(Revision, Duration)>,
    asked: BTreeMap<Duty, Duration>,
    /// Those that certainly run no more.
    gone: BTreeSet<EngineId>,
    /// When the end of one of them was appended last; the log has not shown more of it since.
    asked_to_end: BTreeMap<EngineId, Duration>,
    in_touch: bool,
    /// When it was in touch last.
    touched: Duration,
    willing: bool,
    /// While it had duties, its tenure has run out once, or its configuration was not the one in force.
    lapsed: bool,
    /// Its time is over by another's word, or by its own.
    over: bool,
}

/// What is to be appended next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Deed {
    /// Show that it is at work.
    Sign {
        /// What to append.
        seen: EngineSeen,
        /// Where it will stand in the engine's stream.
        revision: Revision,
    },
    /// End an engine's time, its own or another's.
    End {
        /// What to append.
        ended: EngineEnded,
        /// The last revision of that engine's stream.
        last: Revision,
    },
    /// Take a duty that nobody has.
    Take {
        /// What to append.
        taken: DutyTaken,
        /// The last revision of the duty's stream; `None` if there is none.
        last: Option<Revision>,
    },
    /// Go on as another engine: the time of this one is over.
    BeginAnew,
}

/// What the log said to a deed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It stands there.
    Taken,
    /// Something else stands there.
    Conflict,
    /// Nobody knows.
    Unknown,
}

impl Roster {
    /// Of an engine that has said nothing yet.
    pub fn new(engine: EngineId, place: String, terms: Terms, wanted: Vec<Duty>) -> Self {
        Self {
            engine,
            place,
            terms,
            wanted,
            known: Duties::default(),
            heard: BTreeMap::new(),
            signed: None,
            signing: None,
            asked: BTreeMap::new(),
            gone: BTreeSet::new(),
            asked_to_end: BTreeMap::new(),
            in_touch: false,
            touched: Duration::ZERO,
            willing: false,
            lapsed: false,
            over: false,
        }
    }

    /// These engines certainly run no more: their duties are free without waiting for their silence.
    pub fn succeed(&mut self, gone: impl IntoIterator<Item = EngineId>) {
        self.gone.extend(gone);
    }

    /// Which engine this is.
    pub const fn engine(&self) -> EngineId {
        self.engine
    }

    /// How long things last.
    pub const fn terms(&self) -> Terms {
        self.terms
    }

    /// What it would do.
    pub fn wanted(&self) -> &[Duty] {
        &self.wanted
    }

    /// Whether it may act for a duty: it took it, its time is not over, and it was seen recently enough.
    pub fn holds(&self, duty: &Duty, now: Moment) -> bool {
        self.is_within_tenure(now) && self.willing && !self.lapsed && !self.over && self.is_mine(duty)
    }

    /// The history was read back, and led to this.
    pub fn begin(&mut self, known: Duties, now: Moment) {
        self.known = known;
        self.hear_all(now);
    }

    /// Takes in what stands in the log.
    pub fn see(&mut self, arrangement: &Arrangement, revision: Revision, at: Timestamp, now: Moment) {
        self.known.arrange(arrangement, revision, at);
        match arrangement {
            Arrangement::Seen(seen) => {
                self.heard.insert(seen.engine, now.slow);
                self.asked_to_end.remove(&seen.engine);
            }
            Arrangement::Ended(ended) => {
                self.heard.remove(&ended.engine);
                self.gone.remove(&ended.engine);
                self.asked_to_end.remove(&ended.engine);
                self.over |= ended.engine == self.engine;
            }
            Arrangement::Taken(taken) => {
                self.asked.remove(&taken.duty);
            }
        }
    }

    /// Whether everything in the log was taken in.
    pub fn set_in_touch(&mut self, in_touch: bool, now: Moment) {
        // Their silence was perhaps only the log's. Under a load an engine is behind again and again for a moment: that is no
        // reason to wait for somebody for ever.
        if in_touch && !self.in_touch && now.slow.saturating_sub(self.touched) >= self.terms.sign_every() {
            self.hear_all(now);
        }
        if in_touch || self.in_touch {
            self.touched = now.slow;
        }
        self.in_touch = in_touch;
    }

    /// Whether it is to have duties at all.
    pub fn set_willing(&mut self, willing: bool) {
        self.lapsed |= !willing && self.has_duties();
        self.willing = willing;
    }

    /// What to append now; `None` if nothing.
    pub fn next(&mut self, now: Moment) -> Option<Deed> {
        if self.over {
            return Some(Deed::BeginAnew);
        }
        let has_duties = self.has_duties();
        if has_duties && self.lapsed {
            return self.own_end();
        }
        if has_duties && self.is_to_sign(now) {
            return Some(self.sign(now));
        }
        if !self.willing || !self.in_touch {
            return None;
        }
        for duty in &self.wanted {
            match self.known.owner(duty) {
                Some((owner, _)) if owner.engine == self.engine => {}
                Some((owner, at_work)) => {
                    let heard = *self.heard.entry(owner.engine).or_insert(now.slow);
                    let is_silent = now.slow.saturating_sub(heard) >= self.terms.lease;
                    if is_silent || self.is_to_be_ended(owner.engine, now) {
                        let ended = EngineEnded { engine: owner.engine, by: self.engine };
                        return Some(Deed::End { ended, last: at_work.last });
                    }
                }
                None => {
                    let asked = self.asked.get(duty);
                    if asked.is_some_and(|asked| now.slow < *asked + self.terms.ask_again_after()) {
                        continue;
                    }
                    if self.is_to_sign(now) {
                        return Some(self.sign(now));
                    }
                    let taken = DutyTaken { duty: duty.clone(), engine: self.engine };
                    return Some(Deed::Take { taken, last: self.known.last_taken(duty) });
                }
            }
        }
        None
    }

    /// The log has answered a deed.
    pub fn answered(&mut self, deed: &Deed, answer: Answer, now: Moment) {
        match (deed, answer) {
            (Deed::Sign { revision, .. }, Answer::Taken) => {
                // Nobody noticed perhaps that it had no leave in between.
                self.lapsed |= self.has_duties() && self.signed.is_some() && !self.is_within_tenure(now);
                // From when it was first sent: whoever saw it saw it later than that.
                self.signed = self.signing.take().filter(|(signing, _)| signing == revision);
            }
            // Only an end can stand there: nobody else shows this engine to be at work.
            (Deed::Sign { .. }, Answer::Conflict) => self.over = true,
            // If something else stands there, it is a word of its own of which it did not know: others wait for its silence.
            (Deed::End { ended, .. }, Answer::Taken | Answer::Conflict) if ended.engine == self.engine => {
                self.over = true;
            }
            // It has been heard of since, or ended by another: the log will show which.
            (Deed::End { ended, .. }, Answer::Taken | Answer::Conflict) => {
                self.heard.insert(ended.engine, now.slow);
                self.asked_to_end.insert(ended.engine, now.slow);
            }
            (Deed::Take { taken, .. }, Answer::Taken | Answer::Conflict) => {
                self.asked.insert(taken.duty.clone(), now.slow);
            }
            (Deed::Sign { .. } | Deed::End { .. } | Deed::Take { .. } | Deed::BeginAnew, _) => {}
        }
    }

    /// Goes on as another engine, without duties. Whatever the log says of the one that it was, that one does nothing more.
    pub fn begin_anew(&mut self, engine: EngineId) {
        self.gone.insert(std::mem::replace(&mut self.engine, engine));
        (self.signed, self.signing, self.lapsed, self.over) = (None, None, false, false);
        self.asked.clear();
    }

    /// Its own end, by its own word; from here on it may do nothing. `None` if it was never seen.
    pub fn farewell(&mut self) -> Option<Deed> {
        self.willing = false;
        self.own_end()
    }

    fn own_end(&self) -> Option<Deed> {
        let (last, _) = self.signed?;
        Some(Deed::End { ended: EngineEnded { engine: self.engine, by: self.engine }, last })
    }

    fn is_mine(&self, duty: &Duty) -> bool {
        self.known.owner(duty).is_some_and(|(owner, _)| owner.engine == self.engine)
    }

    fn has_duties(&self) -> bool {
        self.wanted.iter().any(|duty| self.is_mine(duty))
    }

    fn is_within_tenure(&self, now: Moment) -> bool {
        self.signed.is_some_and(|(_, sent)| now.fast < sent + self.terms.tenure())
    }

    /// Whether it certainly runs no more, and its end is still to be asked for.
    fn is_to_be_ended(&self, engine: EngineId, now: Moment) -> bool {
        let asked = self.asked_to_end.get(&engine);
        let is_asked = asked.is_some_and(|asked| now.slow < *asked + self.terms.ask_again_after());
        self.gone.contains(&engine) && !is_asked
    }

    fn is_to_sign(&self, now: Moment) -> bool {
        self.signed.is_none_or(|(_, sent)| now.fast >= sent + self.terms.sign_every())
    }

    fn sign(&mut self, now: Moment) -> Deed {
        let revision = self.signed.map_or(Revision::FIRST, |(last, _)| last.next());
        let (revision, _) = *self.signing.get_or_insert((revision, now.fast));
        Deed::Sign { seen: EngineSeen { engine: self.engine, place: self.place.clone() }, revision }
    }

    fn hear_all(&mut self, now: Moment) {
        self.heard = self.known.at_work().map(|(engine, _)| (engine, now.slow)).collect();
    }
}

#[cfg(test)]
#[path = "roster_tests.rs"]
mod tests;
