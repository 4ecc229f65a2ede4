//! The place of a client: made when it is needed, thrown away when it is dead, made again.
//!
//! A client whose first or next connection fails answers "closed" for ever; one whose leader dies goes on asking the dead
//! one. Both are over once there is a new client, which asks all nodes where the leader is. So nobody keeps a client:
//! everybody borrows it here for one request and tells how it went.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use eventstore::{Client, ClientSettings};
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::answer::{Health, NoAnswer};
use super::timing::Timing;
use crate::log::BoxedError;

/// How many doubtful answers in a row a client survives: one may be a bad moment of the server.
const DOUBTS: u32 = 2;

/// The oldest server whose filtered subscriptions lose nothing and tell when they have caught up.
const OLDEST: (usize, usize) = (23, 10);

/// The place of a client.
#[derive(Debug)]
pub(super) struct Slot {
    settings: ClientSettings,
    timing: Timing,
    state: Mutex<State>,
    /// Held while a client is made, so that one is made and not many.
    making: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    client: Option<Client>,
    /// Counts clients, so that an answer of an old one says nothing of the new.
    generation: u64,
    doubts: u32,
    /// How many could not be made in a row.
    failed: u32,
    not_before: Option<Instant>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("State").field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// A client for one request.
pub(super) struct Lease {
    pub(super) client: Client,
    pub(super) generation: u64,
}

/// Why there is no client now.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoClient {
    /// No node answered.
    #[error("no node of the server can be reached")]
    Unreachable(#[source] BoxedError),
    /// It was tried a moment ago.
    #[error("no node of the server could be reached a moment ago")]
    Lately,
    /// The server is older than what we rely upon.
    #[error(
        "the server is of version {0}; at least 23.10 is needed, for older ones lose events of filtered subscriptions"
    )]
    TooOld(String),
}

impl Slot {
    pub(super) fn new(settings: ClientSettings, timing: Timing) -> Self {
        Self { settings, timing, state: Mutex::default(), making: tokio::sync::Mutex::new(()) }
    }

    /// A client that has found its node. Takes no longer than a connection may.
    pub(super) async fn lease(&self) -> Result<Lease, NoClient> {
        if let Some(lease) = self.present() {
            return Ok(lease);
        }
        let _making = self.making.lock().await;
        // Somebody else may have made it meanwhile.
        if let Some(lease) = self.present() {
            return Ok(lease);
        }
        let not_before = self.state().not_before;
        if not_before.is_some_and(|time| Instant::now() < time) {
            return Err(NoClient::Lately);
        }
        let made = self.make().await;
        let mut state = self.state();
        match made {
            Ok(client) => {
                state.generation += 1;
                state.doubts = 0;
                state.failed = 0;
                state.not_before = None;
                state.client = Some(client.clone());
                debug!(generation = state.generation, "a client of the server was made");
                Ok(Lease { client, generation: state.generation })
            }
            Err(error) => {
                if state.failed == 0 {
                    warn!(error = %crate::live::chain(&error), "the server cannot be reached");
                }
                let pause = self.timing.pauses().nth(state.failed.min(16) as usize).unwrap_or(Duration::ZERO);
                state.failed = state.failed.saturating_add(1);
                state.not_before = Some(Instant::now() + pause);
                Err(error)
            }
        }
    }

    /// Takes note of how a request went.
    pub(super) fn went(&self, generation: u64, health: Health) {
        let mut state = self.state();
        if state.generation != generation {
            return;
        }
        state.doubts = match health {
            Health::Sound => 0,
            Health::Doubtful => state.doubts + 1,
            Health::Dead => DOUBTS,
        };
        if state.doubts >= DOUBTS && state.client.take().is_some() {
            info!("the connection to the server is given up; all its nodes are asked again");
        }
    }

    fn present(&self) -> Option<Lease> {
        let state = self.state();
        let client = state.client.clone()?;
        Some(Lease { client, generation: state.generation })
    }

    async fn make(&self) -> Result<Client, NoClient> {
        let unreachable = |error: BoxedError| NoClient::Unreachable(error);
        let client = Client::new(self.settings.clone()).map_err(|error| unreachable(error.into()))?;
        let info = match timeout(self.timing.connect, client.server_info()).await {
            Ok(Ok(info)) => info,
            Ok(Err(error)) => return Err(unreachable(error.into())),
            Err(_) => return Err(unreachable(NoAnswer.into())),
        };
        let version = info.version();
        if (version.major(), version.minor()) < OLDEST {
            return Err(NoClient::TooOld(version.to_string()));
        }
        Ok(client)
    }

    /// Every change is finished by one call that cannot panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
