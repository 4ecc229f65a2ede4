//! The seam: whoever answers people asks here.

use chatledger_projections::ids::ThreadId;

use super::{
    Answer, AsOf, Connections, Entry, EventAsked, EventDetail, EventFilter, EventRow, Follower, HeldFilter, HeldRow,
    MessageAsked, MessageDelivery, Overview, Page, ReadingError, RemarkFilter, Remarks, Standpoint, ThreadDetail,
    ThreadFilter, ThreadRow, TimelineFilter, Wanted,
};

/// Answers what is asked. Clones answer from the same rows.
#[derive(Clone, Debug)]
pub struct Reader {}

impl Reader {
    /// Where answers stand now.
    pub async fn standpoint(&self) -> Result<Standpoint, ReadingError> {
        Err(ReadingError::Off)
    }

    /// Dialogues, the last active first; those that a search finds, the best known first.
    pub async fn threads(
        &self,
        _filter: ThreadFilter,
        _wanted: Wanted,
        _as_of: AsOf,
    ) -> Result<Page<ThreadRow>, ReadingError> {
        Err(ReadingError::Off)
    }

    /// One dialogue.
    pub async fn thread(&self, _thread: ThreadId, _as_of: AsOf) -> Result<Answer<ThreadDetail>, ReadingError> {
        Err(ReadingError::Off)
    }

    /// What happened in a dialogue.
    pub async fn timeline(
        &self,
        _thread: ThreadId,
        _filter: TimelineFilter,
        _wanted: Wanted,
        _as_of: AsOf,
    ) -> Result<Page<Entry>, ReadingError> {
        Err(ReadingError::Off)
    }

    /// Where a message is, and how it came to that.
    pub async fn message(&self, _asked: MessageAsked, _as_of: AsOf) -> Result<Answer<MessageDelivery>, ReadingError> {
        Err(ReadingError::Off)
    }

    /// The same as a tree in which every line bears its event's position, as `chatledger explain --json` tells it.
    pub async fn explanation(
        &self,
        _asked: MessageAsked,
        _as_of: AsOf,
    ) -> Result<Answer<serde_json::Value>, ReadingError> {
        Err(ReadingError::Off)
    }

    /// The intents that wait for a person, the longest held first.
    pub async fn held(
        &self,
        _filter: HeldFilter,
        _wanted: Wanted,
        _as_of: AsOf,
    ) -> Result<Page<HeldRow>, ReadingError> {
        Err(ReadingError::Off)
    }

    /// The connections.
    pub async fn connections(&self, _as_of: AsOf) -> Result<Connections, ReadingError> {
        Err(ReadingError::Off)
    }

    /// What was odd in what platforms sent, and what should not have happened.
    pub async fn remarks(&self, _filter: RemarkFilter, _as_of: AsOf) -> Result<Remarks, ReadingError> {
        Err(ReadingError::Off)
    }

    /// Events by their place.
    pub async fn events(
        &self,
        _filter: EventFilter,
        _wanted: Wanted,
        _as_of: AsOf,
    ) -> Result<Page<EventRow>, ReadingError> {
        Err(ReadingError::Off)
    }

    /// One event whole.
    pub async fn event(&self, _asked: EventAsked) -> Result<Answer<EventDetail>, ReadingError> {
        Err(ReadingError::Off)
    }

    /// What operators see first.
    pub async fn overview(&self, _as_of: AsOf) -> Result<Overview, ReadingError> {
        Err(ReadingError::Off)
    }

    /// Tells of changes from here on. `None` if the read side is switched off.
    pub fn follow(&self) -> Option<Follower> {
        None
    }
}
