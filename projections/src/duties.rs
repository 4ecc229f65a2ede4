//! Who does what, where several engines share one log: decides, and drives each connection's lane.
//!
//! Takes what engines say of themselves and of each other; gives each duty's owner. Whether an owner has been silent for too
//! long is absent: that is measured by whoever would take over, on a clock of its own, and only what came of it stands in
//! the log. With one engine on a log of its own there are no such events, and nobody owns anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{ConnectionName, EngineId};
use crate::projection::{Digest, Projection};
use crate::recorded::Revision;
use crate::time::Timestamp;

/// What one engine at a time does.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(tag = "duty", rename_all = "snake_case")]
pub enum Duty {
    /// Raising what follows from what stands in the log.
    Deciding,
    /// Calling a connection's platform: carrying out what was raised for it, and asking it for news.
    Lane {
        /// Which connection's.
        connection: ConnectionName,
    },
}

impl Duty {
    /// Driving the lane of a connection.
    pub fn lane(connection: &ConnectionName) -> Self {
        Self::Lane { connection: connection.clone() }
    }

    /// The duty as a word, for tables, metrics and streams: a connection's name, or one that no connection can have.
    pub fn label(&self) -> &str {
        match self {
            Self::Deciding => "(deciding)",
            Self::Lane { connection } => connection.as_str(),
        }
    }
}

/// An engine shows that it is at work; it keeps the duties that it has.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EngineSeen {
    /// Which engine.
    pub engine: EngineId,
    /// Where it runs, for people: machine and process.
    pub place: String,
}

/// An engine's time is over, by its own word or by that of another that has not heard of it for too long. It has no duties
/// from here on, whatever it believes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EngineEnded {
    /// Whose time is over.
    pub engine: EngineId,
    /// Who says so.
    pub by: EngineId,
}

/// An engine takes a duty that nobody has.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DutyTaken {
    /// Which duty.
    #[serde(flatten)]
    pub duty: Duty,
    /// Who takes it.
    pub engine: EngineId,
}

/// What engines that share a log say about who does what.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Arrangement {
    /// An engine is at work.
    Seen(EngineSeen),
    /// An engine's time is over.
    Ended(EngineEnded),
    /// A duty is taken.
    Taken(DutyTaken),
}

impl Arrangement {
    /// The event's type as it stands in the log.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Seen(_) => "EngineSeen",
            Self::Ended(_) => "EngineEnded",
            Self::Taken(_) => "DutyTaken",
        }
    }
}

/// An engine whose time is not over as far as the log shows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AtWork {
    /// Where it runs.
    pub place: String,
    /// When it was last seen, by its own clock: for people only.
    pub seen_at: Timestamp,
    /// The last revision of its stream.
    pub last: Revision,
}

/// Who took a duty last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Owner {
    /// Which engine.
    pub engine: EngineId,
    /// Since when.
    pub since: Timestamp,
    /// The last revision of the duty's stream.
    pub last: Revision,
}

/// The projection.
#[derive(Clone, Debug, Default)]
pub struct Duties {
    at_work: BTreeMap<EngineId, AtWork>,
    owners: BTreeMap<Duty, Owner>,
}

impl Duties {
    /// Takes in what an engine said at a revision of its stream or of the duty's.
    pub fn arrange(&mut self, arrangement: &Arrangement, revision: Revision, at: Timestamp) {
        match arrangement {
            Arrangement::Seen(EngineSeen { engine, place }) => {
                self.at_work.insert(*engine, AtWork { place: place.clone(), seen_at: at, last: revision });
            }
            Arrangement::Ended(EngineEnded { engine, by: _ }) => {
                self.at_work.remove(engine);
            }
            Arrangement::Taken(DutyTaken { duty, engine }) => {
                self.owners.insert(duty.clone(), Owner { engine: *engine, since: at, last: revision });
            }
        }
    }

    /// Who has a duty; `None` if nobody, or somebody whose time is over.
    pub fn owner(&self, duty: &Duty) -> Option<(&Owner, &AtWork)> {
        let owner = self.owners.get(duty)?;
        Some((owner, self.at_work.get(&owner.engine)?))
    }

    /// The last revision of a duty's stream, whoever wrote it; `None` if nobody ever took it.
    pub fn last_taken(&self, duty: &Duty) -> Option<Revision> {
        self.owners.get(duty).map(|owner| owner.last)
    }

    /// Everybody whose time is not over.
    pub fn at_work(&self) -> impl Iterator<Item = (EngineId, &AtWork)> {
        self.at_work.iter().map(|(engine, at_work)| (*engine, at_work))
    }

    /// An engine whose time is not over.
    pub fn engine(&self, engine: EngineId) -> Option<&AtWork> {
        self.at_work.get(&engine)
    }

    /// Every duty that ever was, with who took it last.
    pub fn owners(&self) -> impl Iterator<Item = (&Duty, &Owner)> {
        self.owners.iter()
    }
}

impl Projection for Duties {
    const NAME: &'static str = "duties";
    const VERSION: u32 = 1;

    fn digest(&self) -> Digest {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Entry<'a> {
            AtWork(EngineId, &'a AtWork),
            Owner(&'a Duty, &'a Owner),
        }
        let at_work = self.at_work.iter().map(|(engine, at_work)| Entry::AtWork(*engine, at_work));
        let owners = self.owners.iter().map(|(duty, owner)| Entry::Owner(duty, owner));
        Digest::of_entries(Self::NAME, Self::VERSION, at_work.chain(owners))
    }

    fn len(&self) -> usize {
        self.owners.len()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_duty_is_vacant_until_it_is_taken_and_again_when_its_owner_is_no_more() {
        let mut duties = Duties::default();
        let engine = EngineId::from_uuid(Uuid::from_u128(1));
        let duty = Duty::lane(&ConnectionName::new("crm.main"));
        let at = Timestamp::from_millis(5);
        assert!(duties.owner(&duty).is_none() && duties.last_taken(&duty).is_none());
        let seen = Arrangement::Seen(EngineSeen { engine, place: "here 7".to_owned() });
        duties.arrange(&seen, Revision::FIRST, at);
        duties.arrange(&Arrangement::Taken(DutyTaken { duty: duty.clone(), engine }), Revision::FIRST, at);
        let (owner, at_work) = duties.owner(&duty).expect("it is taken");
        assert_eq!((owner.engine, at_work.place.as_str()), (engine, "here 7"));
        duties.arrange(&Arrangement::Ended(EngineEnded { engine, by: engine }), Revision::new(1), at);
        assert!(duties.owner(&duty).is_none());
        assert_eq!(duties.last_taken(&duty), Some(Revision::FIRST));
        assert!(duties.owner(&Duty::Deciding).is_none());
    }
}
