//! What goes wrong at the server when a test says so.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

/// What is asked of the server.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// Which features it has.
    Features,
    /// Who belongs to the cluster.
    Gossip,
    /// One append.
    Append,
    /// One append of a batch stream.
    BatchAppend,
    /// A read that ends.
    Read,
    /// A read that never ends.
    Subscribe,
    /// A deletion.
    Delete,
}

/// What befalls a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It is answered with this code, and nothing is done.
    Refuse(Code),
    /// It is accepted and never answered; nothing is done.
    Hang,
    /// It is done, and then answered with "unavailable".
    LoseAnswer,
    /// It is done, and never answered.
    HangAfter,
    /// It is answered with the address of the leader, and nothing is done.
    NotLeader(SocketAddr),
}

/// How a subscription ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// As if all were well, which a real server never says.
    Well,
    /// With "unavailable".
    Unavailable,
    /// It does not: it only falls silent.
    Silence,
}

/// What goes wrong. Clones share it.
#[derive(Clone, Debug)]
pub struct Faults {
    planned: Arc<Mutex<Planned>>,
    endings: broadcast::Sender<Ending>,
}

#[derive(Debug, Default)]
struct Planned {
    next: HashMap<Call, VecDeque<Fault>>,
    always: HashMap<Call, Fault>,
    counted: HashMap<Call, usize>,
    subscribed_after: Vec<Option<u64>>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { planned: Arc::default(), endings: broadcast::Sender::new(16) }
    }
}

impl Faults {
    /// Lets the next call of a kind that has no fault ahead of it fail like this.
    pub fn next(&self, call: Call, fault: Fault) {
        self.planned().next.entry(call).or_default().push_back(fault);
    }

    /// Lets every call of a kind fail like this.
    pub fn always(&self, call: Call, fault: Fault) {
        self.planned().always.insert(call, fault);
    }

    /// From now on all is well.
    pub fn none(&self) {
        let mut planned = self.planned();
        planned.next.clear();
        planned.always.clear();
    }

    /// Ends all subscriptions that are open now.
    pub fn end_subscriptions(&self, ending: Ending) {
        // There may be none.
        let _nobody = self.endings.send(ending);
    }

    /// How many calls of a kind there have been.
    pub fn count(&self, call: Call) -> usize {
        self.planned().counted.get(&call).copied().unwrap_or_default()
    }

    /// After which places of the log subscriptions to all of it have begun.
    pub fn subscribed_after(&self) -> Vec<Option<u64>> {
        self.planned().subscribed_after.clone()
    }

    pub(crate) fn note_subscription(&self, after: Option<u64>) {
        self.planned().subscribed_after.push(after);
    }

    pub(crate) fn endings(&self) -> broadcast::Receiver<Ending> {
        self.endings.subscribe()
    }

    pub(crate) fn befalls(&self, call: Call) -> Option<Fault> {
        let mut planned = self.planned();
        *planned.counted.entry(call).or_default() += 1;
        let next = planned.next.get_mut(&call).and_then(VecDeque::pop_front);
        next.or_else(|| planned.always.get(&call).copied())
    }

    /// What a fault does before anything else is done; what is left of it is for afterwards.
    pub(crate) async fn before(&self, call: Call) -> Result<Option<Fault>, Status> {
        match self.befalls(call) {
            Some(Fault::Refuse(code)) => Err(Status::new(code, "a fault made on purpose")),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::NotLeader(leader)) => Err(not_leader(leader)),
            after @ (Some(Fault::LoseAnswer | Fault::HangAfter) | None) => Ok(after),
        }
    }

    fn planned(&self) -> MutexGuard<'_, Planned> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a fault does after everything was done.
pub(crate) async fn afterwards(fault: Option<Fault>) -> Result<(), Status> {
    match fault {
        Some(Fault::LoseAnswer) => Err(Status::unavailable("the connection was lost on purpose")),
        Some(Fault::HangAfter) => std::future::pending().await,
        Some(Fault::Refuse(_) | Fault::Hang | Fault::NotLeader(_)) | None => Ok(()),
    }
}

/// How a node says that another one leads.
pub(crate) fn not_leader(leader: SocketAddr) -> Status {
    let mut status = with_exception(Code::NotFound, "Leader info available", "not-leader");
    let about = status.metadata_mut();
    insert(about, "leader-endpoint-host", &leader.ip().to_string());
    insert(about, "leader-endpoint-port", &leader.port().to_string());
    status
}

/// A status with the server's own name for what happened.
pub(crate) fn with_exception(code: Code, message: &str, exception: &str) -> Status {
    let mut status = Status::new(code, message);
    insert(status.metadata_mut(), "exception", exception);
    status
}

pub(crate) fn insert(metadata: &mut MetadataMap, key: &'static str, value: &str) {
    if let Ok(value) = value.parse() {
        metadata.insert(key, value);
    }
}
