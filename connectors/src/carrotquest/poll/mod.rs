//! How a Carrot quest app is asked for its news: the changed dialogues, newest first, and the new parts of each (7.5).
//!
//! Takes the answers of two lists; gives every part, byte for byte, as a document of its own, and before a dialogue's
//! parts what is said of its visitor. A round runs down the list of dialogues to the mark of the last one, reads those
//! that changed, **oldest change first**, and moves the mark with each that is done: so whatever moment a round is
//! broken off at, everything up to the mark is on record and nothing beyond it is passed over. Times are compared with
//! an overlap, for nobody says that a list shows a change at once; what comes twice has the same id twice.
//!
//! Open dialogues are asked for in every round, closed ones seldom: there are the closings, and what was said just
//! before them. A part that was edited or removed is told again, as far as its dialogue's newest page reaches. Absent:
//! dialogues that the company opened and no visitor has answered, for no operator sees them either (3.4).

pub(super) mod page;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use chatledger_projections::event::RecordedReply;
use chatledger_projections::ids::{ConnectionName, ConversationId, PersonId};
use chatledger_projections::outcome::Outcome;
use chatledger_projections::time::Timestamp;
use serde::{Deserialize, Serialize};

use self::page::{Changed, Listed, Page, Piece};
use super::classify::{Verdict, classify};
use super::encode::id_as_string;
use super::settings::{Api, Settings};
use super::{call, ids, limits};
use crate::connector::{Call, Reply, Request};
use crate::polling::{Document, News, Polling, Setback};

/// The most that a page holds (2.6).
pub(super) const A_PAGE: usize = 50;

/// How far a round reads back behind the last mark (7.5).
const OVERLAP: Duration = Duration::from_secs(60);

/// How long closed dialogues are left alone (7.5: one to five minutes). Not longer than the overlap, so that a dialogue
/// which is closed and opened again between two looks is read back far enough.
const CLOSED_EVERY: Duration = Duration::from_secs(60);

/// More pages than this of one list are no list any more: a cursor runs in circles.
const PAGES_AT_MOST: usize = 10_000;

/// The machine that asks; see [`Polling`].
#[derive(Debug)]
pub(super) struct Rounds {
    connection: ConnectionName,
    settings: Settings,
    mark: Option<Mark>,
    /// The mark that was given away last.
    given: Option<Mark>,
    /// Which change of a dialogue was read last, as it was written there; only those that may be listed again.
    read: HashMap<String, (Timestamp, String)>,
    closed_at: Option<Timestamp>,
    stage: Stage,
}

/// Up to where everything is on record, by the platform's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Mark {
    /// Where we began: what is older was said before our time.
    from: Timestamp,
    /// Of the open dialogues.
    open: Timestamp,
    /// Of the closed ones.
    closed: Timestamp,
}

impl Mark {
    const fn beginning(from: Timestamp) -> Self {
        Self { from, open: from, closed: from }
    }

    const fn of(&self, list: List) -> Timestamp {
        match list {
            List::Open => self.open,
            List::Closed => self.closed,
        }
    }

    fn advance(&mut self, list: List, to: Timestamp) {
        let mark = match list {
            List::Open => &mut self.open,
            List::Closed => &mut self.closed,
        };
        *mark = (*mark).max(to);
    }

    fn written(&self) -> String {
        serde_json::to_string(self).expect("three numbers can be written")
    }
}

/// Which list of dialogues.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum List {
    Open,
    Closed,
}

#[derive(Debug)]
enum Stage {
    /// Between rounds, or the round has just come to its end.
    Resting { over: bool },
    /// Nobody knows yet where to begin: now, by their clock.
    Beginning,
    /// Running down a list of dialogues.
    Listing { list: List, cursor: Option<String>, found: Vec<Changed>, pages: usize },
    /// Reading the dialogues that changed, the first of `left` just now.
    Reading { list: List, left: VecDeque<Changed>, cursor: Option<String>, pieces: Vec<Piece>, pages: usize },
}

impl Rounds {
    /// From a mark that was given before, or from where the settings say. A mark that cannot be read is none: rather
    /// read twice what has the same ids twice.
    pub(super) fn new(connection: &ConnectionName, settings: &Settings, through: Option<&str>) -> Self {
        let given = through.and_then(|through| serde_json::from_str::<Mark>(through).ok());
        Self {
            connection: connection.clone(),
            mark: given.or_else(|| settings.poll_since.map(Mark::beginning)),
            given,
            settings: settings.clone(),
            read: HashMap::new(),
            closed_at: None,
            stage: Stage::Resting { over: false },
        }
    }

    fn list_dialogues(&self, list: List, cursor: Option<&str>, size: usize) -> Call {
        let path = format!("{}/apps/{}/conversations", self.settings.api.prefix(), self.settings.app_id);
        let closed = match list {
            List::Open => "false",
            List::Closed => "true",
        };
        let mut query = vec![
            id_as_string(),
            ("closed".to_owned(), closed.to_owned()),
            // Without it, dialogues that nobody was assigned to are not listed (3.1, quirk).
            ("include_not_assigned".to_owned(), "true".to_owned()),
        ];
        turn_to(&mut query, self.settings.api, cursor, size);
        Call { name: call::CONVERSATIONS, class: limits::READ, request: Request::bare("GET", path, query) }
    }

    /// Everything older was on record when the older of the two marks was reached.
    fn boundary(mark: &Mark) -> Timestamp {
        mark.open.min(mark.closed) - OVERLAP
    }

    /// The first answer of all: nothing of it is news, but it says what time it is there.
    fn begin(&mut self, page: &Page<'_>, date: Option<Timestamp>, now: Timestamp) {
        let newest = page.dialogues().filter_map(|dialogue| match dialogue {
            Listed::Changed(changed) => changed.at,
            Listed::Unanswered | Listed::Odd(_) => None,
        });
        let after_the_newest = || newest.max().map(|newest| newest + Duration::from_millis(1));
        self.mark = Some(Mark::beginning(date.or_else(after_the_newest).unwrap_or(now)));
        self.stage = Stage::Resting { over: true };
    }

    /// One more page of a list of dialogues.
    fn dialogues(&mut self, page: &Page<'_>, now: Timestamp) -> Result<Vec<Document>, Setback> {
        let (Some(mark), Stage::Listing { list, cursor, found, pages }) = (self.mark, &mut self.stage) else {
            return Err(setback("an answer to another question"));
        };
        let list = *list;
        let mut documents = Vec::new();
        let mut reached = false;
        for dialogue in page.dialogues() {
            match dialogue {
                Listed::Changed(changed) => {
                    reached |= changed.at.is_some_and(|at| at <= mark.of(list) - OVERLAP);
                    if !reached {
                        found.push(changed);
                    }
                }
                Listed::Unanswered => {}
                // Whoever reads it will say what is odd about it.
                Listed::Odd(body) => documents.push(page::odd(&self.connection, body)),
            }
        }
        *pages += 1;
        let next = page.next.map(str::to_owned).filter(|next| Some(next) != cursor.as_ref());
        match next.filter(|_| !reached && !page.is_empty()) {
            Some(_) if *pages >= PAGES_AT_MOST => return Err(setback("the list of dialogues has no end")),
            Some(next) => *cursor = Some(next),
            None => {
                let found = std::mem::take(found);
                self.read_changed(list, found, mark, now);
            }
        }
        Ok(documents)
    }

    /// The list has been run down: what changed is read next, oldest change first.
    fn read_changed(&mut self, list: List, mut found: Vec<Changed>, mark: Mark, now: Timestamp) {
        let oldest = mark.open.min(mark.closed) - OVERLAP;
        self.read.retain(|_, (at, _)| *at > oldest);
        let is_news = |changed: &Changed| {
            self.read.get(&changed.conversation).is_none_or(|(_, written)| *written != changed.written)
        };
        found.retain(is_news);
        // One that moved while the pages were turned stands in the list twice; its newer face comes first.
        let mut known = std::collections::HashSet::new();
        found.retain(|changed| known.insert(changed.conversation.clone()));
        found.sort_by_key(|changed| changed.at);
        if found.is_empty() {
            self.next_list(list, now);
        } else {
            let left = found.into();
            self.stage = Stage::Reading { list, left, cursor: None, pieces: Vec::new(), pages: 0 };
        }
    }

    fn next_list(&mut self, done: List, now: Timestamp) {
        let closed_due = self.closed_at.is_none_or(|at| now.since(at) >= CLOSED_EVERY);
        self.stage = match done {
            List::Open if closed_due => listing(List::Closed),
            List::Open => Stage::Resting { over: true },
            List::Closed => {
                self.closed_at = Some(now);
                // The open ones had been read up to their mark before; whatever was closed until then was listed now.
                if let Some(mark) = &mut self.mark {
                    mark.advance(List::Closed, mark.open);
                }
                Stage::Resting { over: true }
            }
        };
    }

    /// One more page of a dialogue's parts, newest first.
    fn parts(&mut self, page: &Page<'_>, now: Timestamp) -> Result<Vec<Document>, Setback> {
        let (Some(mut mark), Stage::Reading { list, left, cursor, pieces, pages }) = (self.mark, &mut self.stage)
        else {
            return Err(setback("an answer to another question"));
        };
        let boundary = Self::boundary(&mark);
        let before = pieces.len();
        pieces.extend(page.parts(&self.connection));
        *pages += 1;
        let oldest = pieces[before..].iter().filter_map(|piece| piece.created).min();
        let goes_on = oldest.is_none_or(|oldest| oldest > boundary && oldest >= mark.from);
        let next = page.next.map(str::to_owned).filter(|next| Some(next) != cursor.as_ref());
        if let Some(next) = next.filter(|_| goes_on && !page.is_empty()) {
            if *pages >= PAGES_AT_MOST {
                return Err(setback("the list of parts has no end"));
            }
            *cursor = Some(next);
            return Ok(Vec::new());
        }
        let list = *list;
        let Some(done) = left.pop_front() else { return Err(setback("an answer to another question")) };
        let documents = done.documents(&self.connection, std::mem::take(pieces), mark.from, boundary);
        let at = done.at.unwrap_or(boundary);
        self.read.insert(done.conversation, (at, done.written));
        mark.advance(list, at);
        self.mark = Some(mark);
        if left.is_empty() {
            self.next_list(list, now);
        } else {
            (*cursor, *pages) = (None, 0);
        }
        Ok(documents)
    }
}

impl Polling for Rounds {
    fn every(&self) -> Duration {
        self.settings.poll_every
    }

    fn ask(&mut self, _now: Timestamp) -> Option<Call> {
        if let Stage::Resting { over } = self.stage {
            if over {
                self.stage = Stage::Resting { over: false };
                return None;
            }
            self.stage = if self.mark.is_some() { listing(List::Open) } else { Stage::Beginning };
        }
        match &self.stage {
            Stage::Resting { .. } => None,
            Stage::Beginning => Some(self.list_dialogues(List::Open, None, 1)),
            Stage::Listing { list, cursor, .. } => Some(self.list_dialogues(*list, cursor.as_deref(), A_PAGE)),
            Stage::Reading { left, cursor, .. } => {
                let conversation = left.front().map(|dialogue| ConversationId::new(dialogue.conversation.as_str()))?;
                Some(list_parts(&self.settings, &conversation, cursor.as_deref(), A_PAGE))
            }
        }
    }

    fn take(&mut self, call: &str, reply: Reply<'_>, now: Timestamp) -> Result<News, Setback> {
        match self.read_answer(call, reply, now) {
            Ok(documents) => {
                let news = self.mark.filter(|mark| self.given != Some(*mark));
                self.given = self.mark;
                Ok(News { documents, through: news.map(|mark| mark.written()) })
            }
            Err(setback) => {
                self.stage = Stage::Resting { over: false };
                Err(setback)
            }
        }
    }
}

impl Rounds {
    fn read_answer(&mut self, call: &str, reply: Reply<'_>, now: Timestamp) -> Result<Vec<Document>, Setback> {
        let answered = match reply {
            Reply::Answered(reply) => reply,
            Reply::NotSent(reason) | Reply::NoAnswer(reason) => return Err(setback(reason)),
        };
        if !Verdict::of(answered).is_yes() {
            let gone = matches!(self.stage, Stage::Reading { .. }) && matches!(answered.status, 404 | 410);
            if !gone {
                return Err(refused(call, reply, now));
            }
            self.pass_over(now);
            return Ok(Vec::new());
        }
        if answered.cut {
            return Err(setback("the answer is larger than is ever listened to"));
        }
        let Some(page) = Page::of(&answered.body.0) else {
            return Err(setback("the answer is no list"));
        };
        match self.stage {
            Stage::Beginning => {
                let date = answered.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("date"));
                self.begin(&page, date.and_then(|(_, date)| page::date(date)), now);
                Ok(Vec::new())
            }
            Stage::Listing { .. } => self.dialogues(&page, now),
            Stage::Reading { .. } => self.parts(&page, now),
            Stage::Resting { .. } => Err(setback("an answer to no question")),
        }
    }

    /// A dialogue that was listed and is gone, as when its visitor was removed or merged (4): there is nothing to read.
    fn pass_over(&mut self, now: Timestamp) {
        if let Stage::Reading { list, left, cursor, pieces, pages } = &mut self.stage {
            let list = *list;
            if let Some(gone) = left.pop_front() {
                self.read.insert(gone.conversation, (gone.at.unwrap_or(now), gone.written));
            }
            pieces.clear();
            (*cursor, *pages) = (None, 0);
            if left.is_empty() {
                self.next_list(list, now);
            }
        }
    }
}

/// A page of one dialogue's parts, newest first (3.1).
pub(super) fn list_parts(
    settings: &Settings,
    conversation: &ConversationId,
    cursor: Option<&str>,
    size: usize,
) -> Call {
    let path = format!("{}/conversations/{}/parts", settings.api.prefix(), ids::in_path(conversation));
    let mut query = vec![id_as_string()];
    turn_to(&mut query, settings.api, cursor, size);
    Call { name: call::PARTS, class: limits::READ, request: Request::bare("GET", path, query) }
}

/// A visitor's dialogues, last changed first (3.1).
pub(super) fn list_dialogues_of(settings: &Settings, user: &PersonId, cursor: Option<&str>, size: usize) -> Call {
    let path = format!("{}/users/{}/conversations", settings.api.prefix(), ids::user_in_path(user));
    let mut query = vec![id_as_string()];
    turn_to(&mut query, settings.api, cursor, size);
    Call { name: call::USERS_CONVERSATIONS, class: limits::READ, request: Request::bare("GET", path, query) }
}

/// How long a page is and where it begins, as a cursor: `LENGTH/PLACE`; the place goes back as it came (2.6).
pub(super) fn place(cursor: Option<&str>) -> (usize, Option<&str>) {
    let read = cursor.and_then(|cursor| {
        let (size, at) = cursor.split_once('/')?;
        Some((size.parse().ok().filter(|size| *size > 0)?, Some(at).filter(|at| !at.is_empty())))
    });
    read.unwrap_or((A_PAGE, None))
}

/// The cursor of the page behind the one that was answered so, or of its first half where the whole is longer than is kept of
/// an answer; `None` behind the last, and where nobody can tell.
pub(super) fn behind(cursor: Option<&str>, reply: &RecordedReply) -> Option<String> {
    let (size, at) = place(cursor);
    if reply.cut {
        let half = size / 2;
        return (half > 0).then(|| format!("{half}/{}", at.unwrap_or_default()));
    }
    let listed = Page::of(&reply.body.0)?;
    let next = listed.next.filter(|next| !listed.is_empty() && Some(*next) != at)?;
    Some(format!("{size}/{next}"))
}

/// A cursor goes back byte for byte as it came (2.6).
fn turn_to(query: &mut Vec<(String, String)>, api: Api, cursor: Option<&str>, size: usize) {
    let (count, position) = match api {
        Api::V1 => ("count", "after"),
        Api::V2 => ("paginate_count", "paginate_position"),
    };
    query.push((count.to_owned(), size.to_string()));
    query.extend(cursor.map(|cursor| (position.to_owned(), cursor.to_owned())));
}

const fn listing(list: List) -> Stage {
    Stage::Listing { list, cursor: None, found: Vec::new(), pages: 0 }
}

/// A refusal, sorted as those of other calls are.
fn refused(call: &str, reply: Reply<'_>, now: Timestamp) -> Setback {
    match classify(call, reply, now) {
        Outcome::Refused { failure } => Setback { until: None, reason: failure.reason, needs_person: true },
        Outcome::Postponed { until, reason } => Setback { until, reason, needs_person: false },
        Outcome::Uncertain { reason, until: _ } => setback(&reason),
        Outcome::Accepted => setback("the answer holds no verdict"),
    }
}

fn setback(reason: &str) -> Setback {
    Setback { until: None, reason: reason.to_owned(), needs_person: false }
}

#[cfg(test)]
mod tests;
