//! Who is connected, and who leaves when there is no room for another.
//!
//! A connection that waits in the system's queue may be a platform's, which waits for seconds only. So when all places are
//! taken, some that are silent give up theirs: of whoever has most connections, those that are silent longest. Thus
//! nobody keeps the others out by holding connections open, however many. One that has a request in hand never leaves.
//! Who is silent for too long leaves in any case. It is looked at every now and then, which costs a request nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{AbortHandle, Id};
use tokio::time::Instant;

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
}

/// A request in hand; while this lives, its connection stays.
#[derive(Debug)]
pub(super) struct InHand(Arc<Guest>);

impl Guest {
    /// Somebody who has just come, and has said nothing.
    pub(super) fn new(from: IpAddr) -> Arc<Self> {
        let silent_since = Mutex::new(Some(Instant::now()));
        Arc::new(Self { from, silent_since })
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
pub(super) struct Guests {
    here: HashMap<Id, Seat>,
    /// How many were asked to leave and have not left yet.
    leaving: usize,
}

/// Where a guest is served.
#[derive(Debug)]
struct Seat {
    guest: Arc<Guest>,
    task: AbortHandle,
    /// Asks for the end after the request in hand; `None` once it was asked for.
    farewell: Option<oneshot::Sender<()>>,
    is_leaving: bool,
}

impl Guests {
    /// Somebody came, and is served by this task until it is asked to make an end.
    pub(super) fn came(&mut self, task: AbortHandle, guest: Arc<Guest>, farewell: oneshot::Sender<()>) {
        self.here.insert(task.id(), Seat { guest, task, farewell: Some(farewell), is_leaving: false });
    }

    /// This task has ended.
    pub(super) fn left(&mut self, task: Id) {
        let seat = self.here.remove(&task);
        self.leaving -= usize::from(seat.is_some_and(|seat| seat.is_leaving));
    }

    /// Asks some of them to leave, if anybody is silent and nobody is leaving already.
    pub(super) fn ask_some_to_leave(&mut self, now: Instant) {
        if self.leaving > 0 {
            return;
        }
        for task in least_missed(self.here.iter().map(|(task, seat)| (*task, &*seat.guest)), now) {
            self.ask_to_leave(task);
        }
    }

    /// Asks those to leave who were silent for longer than this. Gives how many they are.
    pub(super) fn ask_the_silent_to_leave(&mut self, now: Instant, idle: Duration) -> usize {
        let is_silent = |seat: &Seat| {
            let since = seat.guest.silent_since();
            !seat.is_leaving && since.is_some_and(|since| now.saturating_duration_since(since) >= idle)
        };
        let silent: Vec<_> = self.here.iter().filter(|(_, seat)| is_silent(seat)).map(|(task, _)| *task).collect();
        silent.iter().for_each(|task| self.ask_to_leave(*task));
        silent.len()
    }

    /// Asks everybody to make an end after the request in hand.
    pub(super) fn say_farewell(&mut self) {
        for farewell in self.here.values_mut().filter_map(|seat| seat.farewell.take()) {
            // Who has just left needs none.
            let _gone = farewell.send(());
        }
    }

    fn ask_to_leave(&mut self, task: Id) {
        if let Some(seat) = self.here.get_mut(&task) {
            seat.task.abort();
            seat.is_leaving = true;
            self.leaving += 1;
        }
    }
}

/// Of whoever has most connections among those that are silent, those that are silent longest: up to half of its own, for
/// one alone would be looked for anew with every newcomer.
fn least_missed<'a, K>(guests: impl Iterator<Item = (K, &'a Guest)>, now: Instant) -> Vec<K> {
    let mut of: HashMap<IpAddr, usize> = HashMap::new();
    let mut silent = Vec::new();
    for (key, guest) in guests {
        *of.entry(guest.from).or_default() += 1;
        if let Some(since) = guest.silent_since().filter(|since| now.duration_since(*since) >= SILENT_AFTER) {
            silent.push((since, guest.from, key));
        }
    }
    let Some((most, from)) = silent.iter().map(|(_, from, _)| (of[from], *from)).max() else {
        return Vec::new();
    };
    silent.retain(|(_, of, _)| *of == from);
    silent.sort_unstable_by_key(|(since, ..)| *since);
    silent.truncate((most / 2).clamp(1, AT_ONCE));
    silent.into_iter().map(|(_, _, key)| key).collect()
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
            let guests = guests.iter().map(|guest| &**guest).enumerate();
            least_missed(guests, start + Duration::from_millis(at))
        };
        assert!(chosen(150).is_empty(), "nobody is silent yet");
        assert_eq!(chosen(202), [0], "of the others, none is silent yet");
        assert_eq!(chosen(300), [2], "not more than half of three");
    }

    #[test]
    fn whoever_has_a_request_in_hand_stays() {
        let guest = guest("203.0.113.1", Some(Instant::now()));
        let chosen = || least_missed([((), &*guest)].into_iter(), Instant::now() + SILENT_AFTER).len();
        let in_hand = guest.speaks();
        assert_eq!(chosen(), 0);
        drop(in_hand);
        assert_eq!(chosen(), 1);
    }
}
