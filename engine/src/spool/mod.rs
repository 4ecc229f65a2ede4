//! The spool: a place on a local disk for webhooks that the log does not take now.
//!
//! Some platforms send a webhook once. When the log is away, slow or refusing, an authentic webhook is kept here, on disk
//! before it is answered, and passed on in the order of arrival when the log is back. It is kept as the event that it
//! will be, under the id that it will have, so that passing it on twice stores it once, and a crash at any place loses
//! nothing and doubles nothing.
//!
//! ```text
//! ingress ──▶ gate ──▶ log
//!               └────▶ segment, segment, segment ──▶ log
//! ```
//!
//! * [`gate`]: which way a webhook goes; [`segment`]: one file, itself a small SQLite log, so that the shared flush,
//!   the checks and the tools are the log's own;
//! * [`passing`]: from the spool to the log; [`outlook`]: what is told while it is in use;
//! * [`look`]: what there is in a folder, for another process.
//!
//! A webhook that was never answered may be in a segment or not; one whose storing a crash cut in half is not, because
//! SQLite's write-ahead file is read up to the last transaction whose checksum holds.

pub mod gate;
mod look;
mod outlook;
mod passing;
mod segment;

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chatledger_projections::ids::ConnectionName;
use chatledger_projections::time::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinError;
use tokio::time::{Instant, timeout_at};
use tracing::{error, warn};

use crate::clock::Clock;
use crate::log::sqlite::SqliteLog;
use crate::log::{Append, AppendError, BoxedError, EventLog, NewEvent, OpenError};
use crate::metrics;

use gate::{Direction, Gate};
use segment::Segment;

pub use look::{Contents, look};
pub use outlook::{Outlook, keep_watch};
pub use passing::{Interrupted, Passed, keep_passing_on};

/// A segment is closed when it takes an eighth of what the spool may take, within these bounds: room is given back one
/// segment at a time.
const SMALLEST_SEGMENT: u64 = 1024 * 1024;
const LARGEST_SEGMENT: u64 = 16 * 1024 * 1024;

/// The file whose lock is held by the process that has the spool in hand.
const LOCK: &str = "spool.lock";

/// The log of what no log would take.
const SET_ASIDE: &str = "set-aside.db";

/// What a spool may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How much of the disk, in bytes. Webhooks that come at the same moment may each go a little beyond it.
    pub max_bytes: u64,
    /// How old what waits may be before nothing more is kept.
    pub max_age: Duration,
}

/// A spool that this process has in hand.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    limits: Limits,
    clock: Arc<dyn Clock>,
    inside: Mutex<Inside>,
    /// What `Gate::is_open` says, for those who come while the log is well.
    is_open: AtomicBool,
    /// There may be something to pass on.
    work: Notify,
    /// The gate may say something else than before.
    changed: Notify,
    /// One segment is made at a time.
    making: tokio::sync::Mutex<()>,
    /// Made when it is needed.
    set_aside: tokio::sync::Mutex<Option<Arc<SqliteLog>>>,
    _lock: File,
}

/// What changes together.
#[derive(Debug)]
struct Inside {
    gate: Gate,
    /// Nothing is added to these, but by those who were at it when they were closed.
    closed: VecDeque<Arc<Segment>>,
    active: Option<Arc<Segment>>,
    newest_name: u64,
    /// When the oldest webhook that waits was recorded.
    oldest: Option<Timestamp>,
    unreadable: Vec<PathBuf>,
}

/// Where a webhook is to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Into the log.
    Log,
    /// Into the spool, behind those of its connection that wait there.
    Spool,
}

/// Why there is no spool.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Another process has it in hand.
    #[error("the spool {folder} is held by another process, which passes its webhooks on by itself")]
    InUse {
        /// Which folder.
        folder: String,
    },
    /// The file system said no.
    #[error("the spool {folder} cannot be opened; see that its disk is there and that this user may write to it")]
    Unavailable {
        /// Which folder.
        folder: String,
        /// What it said.
        #[source]
        cause: BoxedError,
    },
}

/// Why the spool did not keep a webhook. It is not to be answered with 200.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// It takes as much of the disk as it may.
    #[error("the spool is full: it takes {bytes} bytes of {most}")]
    Full {
        /// How much it takes.
        bytes: u64,
        /// How much it may take.
        most: u64,
    },
    /// What waits has waited too long.
    #[error("the spool takes nothing more: its oldest webhook has waited for {} s", age.as_secs())]
    TooOld {
        /// How long.
        age: Duration,
    },
    /// No new segment could be made.
    #[error("the spool cannot make a segment")]
    NoSegment(#[source] OpenError),
    /// The disk did not take it, or did not say so.
    #[error("the spool cannot keep this")]
    NotKept(#[source] AppendError),
    /// Keeping it broke off.
    #[error("keeping this in the spool broke off")]
    BrokenOff(#[from] JoinError),
}

impl Spool {
    /// Takes a folder in hand, and makes it if there is none. Everything goes into the spool until it is
    /// [released](Self::release).
    pub async fn open(folder: &Path, limits: Limits, clock: Arc<dyn Clock>) -> Result<Self, SpoolError> {
        let path = folder.to_owned();
        let found = tokio::task::spawn_blocking(move || Found::in_folder(path)).await;
        let found = found.unwrap_or_else(|broken| Err(unavailable(folder, broken)))?;
        let mut oldest = None;
        let (mut closed, mut unreadable) = (VecDeque::new(), found.unreadable);
        for segment in found.segments {
            let counted = match segment.count().await {
                Ok(()) => segment.oldest().await,
                Err(error) => Err(error),
            };
            match counted {
                Ok(recorded_at) => {
                    oldest = oldest.or(recorded_at);
                    closed.push_back(Arc::new(segment));
                }
                Err(error) => unreadable.push(cannot_be_read(segment.path(), &error)),
            }
        }
        let inside = Inside {
            gate: Gate::held(closed.len()),
            closed,
            active: None,
            newest_name: found.newest_name,
            oldest,
            unreadable,
        };
        let waiting = inside.waiting();
        if waiting > 0 {
            warn!(waiting, spool = %folder.display(), "the spool holds webhooks that the last run could not pass on");
        }
        Ok(Self {
            folder: folder.to_owned(),
            limits,
            clock,
            inside: Mutex::new(inside),
            is_open: AtomicBool::new(false),
            work: Notify::new(),
            changed: Notify::new(),
            making: tokio::sync::Mutex::default(),
            set_aside: tokio::sync::Mutex::default(),
            _lock: found.lock,
        })
    }

    /// Where it lies. Files of others may lie there, too, as long as their names do not end as a segment's does.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The log holds what must stand in it before any webhook: from now on webhooks may go there.
    pub fn release(&self) {
        self.change(|inside| inside.gate.release());
        self.work.notify_one();
    }

    /// Where a webhook of this connection is to go. Waits at most so long for others to be out of its way.
    pub async fn way(&self, connection: &ConnectionName, patience: Duration) -> Way {
        if self.is_open.load(Ordering::Acquire) {
            return Way::Log;
        }
        let deadline = Instant::now() + patience;
        loop {
            let mut changed = pin!(self.changed.notified());
            // From here on no change is missed.
            changed.as_mut().enable();
            let direction = self.inside().gate.direction(connection);
            match direction {
                Direction::Log => return Way::Log,
                Direction::Spool => return Way::Spool,
                Direction::Soon => {
                    if timeout_at(deadline, changed).await.is_err() {
                        // It takes longer than it should: whoever comes next need not find that out again.
                        self.change(|inside| inside.gate.set_last_lap(false));
                        return Way::Spool;
                    }
                }
            }
        }
    }

    /// Keeps a webhook. It is on disk when this is `Ok`; whether it was there before makes no difference to anybody.
    /// Goes on even if nobody waits for it any more.
    pub async fn keep(self: &Arc<Self>, connection: &ConnectionName, append: Append) -> Result<(), KeepError> {
        tokio::spawn(Arc::clone(self).keep_to_the_end(connection.clone(), append)).await?
    }

    async fn keep_to_the_end(self: Arc<Self>, connection: ConnectionName, append: Append) -> Result<(), KeepError> {
        let now = self.clock.now();
        let size = append.events.iter().map(NewEvent::size).sum::<usize>() as u64;
        {
            let mut inside = self.inside();
            self.check_room(&inside, size, now)?;
            inside.gate.enter(&connection);
            self.is_open.store(false, Ordering::Release);
        }
        let stored = self.store(append).await;
        let is_first = self.change(|inside| match &stored {
            Ok(Stored::New) => {
                let is_first = inside.oldest.is_none();
                inside.oldest.get_or_insert(now);
                is_first
            }
            Ok(Stored::Already) | Err(_) => {
                inside.gate.leave(&connection);
                false
            }
        });
        self.work.notify_one();
        match stored {
            Ok(Stored::New) => {
                metrics::spooled(&connection);
                if is_first {
                    warn!(%connection, spool = %self.folder.display(), "the log does not take webhooks; they are kept in the spool");
                }
                Ok(())
            }
            Ok(Stored::Already) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn check_room(&self, inside: &Inside, size: u64, now: Timestamp) -> Result<(), KeepError> {
        let (bytes, most) = (inside.bytes(), self.limits.max_bytes);
        if bytes + size > most {
            return Err(KeepError::Full { bytes, most });
        }
        match inside.oldest.map(|oldest| now.since(oldest)) {
            Some(age) if age > self.limits.max_age => Err(KeepError::TooOld { age }),
            Some(_) | None => Ok(()),
        }
    }

    async fn store(&self, append: Append) -> Result<Stored, KeepError> {
        let segment = self.active().await.map_err(KeepError::NoSegment)?;
        match segment.log.append(append).await {
            Ok(appended) => {
                if let Some(position) = appended.position {
                    segment.has_kept(position);
                }
                Ok(if appended.already { Stored::Already } else { Stored::New })
            }
            // Another reading of the same delivery: we have it.
            Err(AppendError::Conflict { .. }) => Ok(Stored::Already),
            Err(error) => Err(KeepError::NotKept(error)),
        }
    }

    /// The segment to which webhooks are added now.
    async fn active(&self) -> Result<Arc<Segment>, OpenError> {
        if let Some(segment) = self.roomy() {
            return Ok(segment);
        }
        let _making = self.making.lock().await;
        if let Some(segment) = self.roomy() {
            return Ok(segment);
        }
        let name = self.next_name();
        let folder = self.folder.clone();
        let made = tokio::task::spawn_blocking(move || Segment::make(&folder, name)).await;
        let made = made.unwrap_or_else(|broken| {
            Err(OpenError::Unavailable { path: self.folder.display().to_string(), cause: broken.into() })
        })?;
        let made = Arc::new(made);
        let mut inside = self.inside();
        if let Some(full) = inside.active.replace(Arc::clone(&made)) {
            inside.closed.push_back(full);
        }
        Ok(made)
    }

    /// The active segment, unless there is none or it has grown enough.
    fn roomy(&self) -> Option<Arc<Segment>> {
        let enough = (self.limits.max_bytes / 8).clamp(SMALLEST_SEGMENT, LARGEST_SEGMENT);
        self.inside().active.as_ref().filter(|segment| segment.bytes() < enough).map(Arc::clone)
    }

    /// Names rise, whatever the clock does.
    fn next_name(&self) -> u64 {
        let now = u64::try_from(self.clock.now().as_millis()).unwrap_or(0).saturating_mul(1000);
        let mut inside = self.inside();
        inside.newest_name = now.max(inside.newest_name + 1);
        inside.newest_name
    }

    /// Changes what is inside, and tells those who wait for a change.
    fn change<T>(&self, change: impl FnOnce(&mut Inside) -> T) -> T {
        let mut inside = self.inside();
        let changed = change(&mut inside);
        self.is_open.store(inside.gate.is_open(), Ordering::Release);
        drop(inside);
        self.changed.notify_waiters();
        changed
    }

    /// No change of it can panic halfway, so a poisoned lock guards something sound.
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn segments(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.closed.iter().chain(&self.active)
    }

    fn waiting(&self) -> u64 {
        self.segments().map(|segment| segment.waiting()).sum()
    }

    fn bytes(&self) -> u64 {
        let unreadable = self.unreadable.iter().map(|path| segment::bytes_of(path));
        self.segments().map(|segment| segment.bytes()).chain(unreadable).sum()
    }
}

/// What became of a webhook that was to be kept.
enum Stored {
    New,
    Already,
}

/// A folder as it is found.
struct Found {
    lock: File,
    segments: Vec<Segment>,
    unreadable: Vec<PathBuf>,
    newest_name: u64,
}

impl Found {
    fn in_folder(folder: PathBuf) -> Result<Self, SpoolError> {
        fs::create_dir_all(&folder).map_err(|error| unavailable(&folder, error))?;
        let lock = take_lock(&folder)?;
        let names = segment::names(&folder).map_err(|error| unavailable(&folder, error))?;
        let newest_name = names.last().copied().unwrap_or(0);
        let (mut segments, mut unreadable) = (Vec::new(), Vec::new());
        for name in names {
            match Segment::open(&folder, name) {
                Ok(segment) => segments.push(segment),
                // The others are not to wait for it, and it is not to be touched: people may save what is in it.
                Err(error) => unreadable.push(cannot_be_read(&segment::path_of(&folder, name), &error)),
            }
        }
        Ok(Self { lock, segments, unreadable, newest_name })
    }
}

fn take_lock(folder: &Path) -> Result<File, SpoolError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(LOCK));
    let file = file.map_err(|error| unavailable(folder, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SpoolError::InUse { folder: folder.display().to_string() }),
        Err(TryLockError::Error(error)) => Err(unavailable(folder, error)),
    }
}

fn unavailable(folder: &Path, cause: impl Into<BoxedError>) -> SpoolError {
    SpoolError::Unavailable { folder: folder.display().to_string(), cause: cause.into() }
}

/// Tells of a segment that cannot be read; it stays where it is.
fn cannot_be_read(path: &Path, error: &(dyn std::error::Error + 'static)) -> PathBuf {
    error!(segment = %path.display(), error, "a segment of the spool cannot be read, and is left as it is: webhooks may be in it");
    path.to_owned()
}
