//! Who is connected, and who leaves when there is no room for another.
//!
//! A connection that waits in the system's queue may be a platform's, which waits for seconds only. So when all places are
//! taken, some that are silent give up theirs: of whoever has most connections, those that are silent longest. Thus
//! nobody keeps the others out by holding connections open, however many. One that has a request in hand never leaves.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::Id;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A connection that was heard so lately is not silent: its request, or the end of its answer, may be on the way.
const SILENT_AFTER: Duration = Duration::from_millis(200);

/// The most that are asked to leave at once.
const AT_ONCE: usize = 32;

/// One connection.
#[derive(Debug)]
pub(super) struct Guest {
    /// From where it comes; whoever has an IPv6 address has a whole network of them.
    from: IpAddr,
    /// Since when nothing is in hand; `None` while a request is.
    silent_since: Mutex<Option<Instant>>,
    /// Tells it to leave.
    pub(super) leave: CancellationToken,
}

/// A request in hand; while this lives, its connection stays.
#[derive(Debug)]
pub(super) struct InHand(Arc<Guest>);

impl Guest {
    /// Somebody who has just come, and has said nothing.
    pub(super) fn new(from: IpAddr) -> Arc<Self> {
        let silent_since = Mutex::new(Some(Instant::now()));
        Arc::new(Self { from, silent_since, leave: CancellationToken::new() })
    }

    /// Its request is in hand, until what comes back is dropped.
    pub(super) fn speaks(self: &Arc<Self>) -> InHand {
        self.set_silent_since(None);
        InHand(Arc::clone(self))
    }

    fn set_silent_since(&self, since: Option<Instant>) {
        *self.silent_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Since when it is silent, if it is.
    fn silent_since(&self) -> Option<Instant> {
        *self.silent_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.set_silent_since(Some(Instant::now()));
    }
}

/// Everybody who is connected.
#[derive(Default, Debug)]
pub(super) struct Guests(HashMap<Id, Arc<Guest>>);

impl Guests {
    /// Somebody came, and is served by this task.
    pub(super) fn came(&mut self, task: Id, guest: Arc<Guest>) {
        self.0.insert(task, guest);
    }

    /// This task has ended.
    pub(super) fn left(&mut self, task: Id) {
        self.0.remove(&task);
    }

    /// Asks some of them to leave, if anybody is silent and nobody is leaving already.
    pub(super) fn ask_some_to_leave(&self, now: Instant) {
        if self.0.values().any(|guest| guest.leave.is_cancelled()) {
            return;
        }
        for guest in least_missed(self.0.values(), now) {
            guest.leave.cancel();
        }
    }
}

/// Of whoever has most connections among those that are silent, those that are silent longest: up to half of its own, for
/// one alone would be looked for anew with every newcomer.
fn least_missed<'a>(guests: impl Iterator<Item = &'a Arc<Guest>>, now: Instant) -> Vec<&'a Arc<Guest>> {
    let mut of: HashMap<IpAddr, usize> = HashMap::new();
    let mut silent = Vec::new();
    for guest in guests {
        *of.entry(guest.from).or_default() += 1;
        if let Some(since) = guest.silent_since().filter(|since| now.duration_since(*since) >= SILENT_AFTER) {
            silent.push((since, guest));
        }
    }
    let Some((most, from)) = silent.iter().map(|(_, guest)| (of[&guest.from], guest.from)).max() else {
        return Vec::new();
    };
    silent.retain(|(_, guest)| guest.from == from);
    silent.sort_unstable_by_key(|(since, _)| *since);
    silent.truncate((most / 2).clamp(1, AT_ONCE));
    silent.into_iter().map(|(_, guest)| guest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(from: &str, silent_since: Option<Instant>) -> Arc<Guest> {
        let guest = Guest::new(from.parse().expect("an address"));
        guest.set_silent_since(silent_since);
        guest
    }

    #[test]
    fn whoever_has_most_connections_gives_up_the_one_that_is_silent_longest() {
        let start = Instant::now();
        let after = |millis| Some(start + Duration::from_millis(millis));
        let guests = [
            guest("203.0.113.1", after(0)),
            guest("203.0.113.2", after(10)),
            guest("203.0.113.2", after(5)),
            guest("203.0.113.2", None),
        ];
        let chosen = |at: u64| {
            let chosen = least_missed(guests.iter(), start + Duration::from_millis(at));
            let place = |chosen: &Arc<Guest>| guests.iter().position(|guest| Arc::ptr_eq(guest, chosen));
            chosen.into_iter().map(place).collect::<Option<Vec<_>>>()
        };
        assert_eq!(chosen(150), Some(vec![]), "nobody is silent yet");
        assert_eq!(chosen(202), Some(vec![0]), "of the others, none is silent yet");
        assert_eq!(chosen(300), Some(vec![2]), "not more than half of three");
    }

    #[test]
    fn whoever_has_a_request_in_hand_stays() {
        let guest = guest("203.0.113.1", Some(Instant::now()));
        let later = || Instant::now() + SILENT_AFTER;
        let in_hand = guest.speaks();
        assert!(least_missed([&guest].into_iter(), later()).is_empty());
        drop(in_hand);
        assert_eq!(least_missed([&guest].into_iter(), later()).len(), 1);
    }
}
