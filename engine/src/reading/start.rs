//! Putting the read side to work: beside an engine, or over events that somebody has.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::keep::{Keeper, Progress, keep_up};
use super::model::schema::discard;
use super::reader::Surroundings;
use super::{Reader, ReadingError};
use crate::pipeline::Reading;

/// Where the read model is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// In this file, which is gone on with at the next start.
    File(PathBuf),
    /// In a file that is forgotten at the end.
    Forgotten,
}

/// A file that is taken away when nobody needs it any more, unless it is to stay.
#[derive(Debug)]
struct Home {
    path: PathBuf,
    is_forgotten: bool,
    /// Held while the file is ours: two engines that were given one file must not both write to it.
    _lock: Option<File>,
}

impl Home {
    fn of(place: &Place) -> Self {
        match place {
            Place::File(path) => match lock(path) {
                Ok(lock) => Self { path: path.clone(), is_forgotten: false, _lock: lock },
                Err(taken) => {
                    let path = path.display();
                    warn!(%path, error = %taken, "another engine keeps its rows there; these are forgotten at the end");
                    Self::of(&Place::Forgotten)
                }
            },
            Place::Forgotten => {
                let name = format!("chatledger-reading-{}.db", uuid::Uuid::new_v4());
                Self { path: std::env::temp_dir().join(name), is_forgotten: true, _lock: None }
            }
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.is_forgotten {
            discard(&self.path);
        }
    }
}

/// Takes the file for us. A file system without locks has none; whoever cannot make a file there is told by SQLite.
fn lock(path: &Path) -> Result<Option<File>, TryLockError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let Ok(file) = File::options().create(true).truncate(false).write(true).open(name) else { return Ok(None) };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Follows the log from here on, until told to stop. Gives whoever answers, and the thread that follows; it ends soon after
/// it was told to. Needs a runtime to be entered.
pub fn start(
    place: &Place,
    surroundings: Surroundings,
    stop: CancellationToken,
) -> std::io::Result<(Reader, std::thread::JoinHandle<()>)> {
    let home = Home::of(place);
    let progress = Arc::new(Progress::new());
    let reader = Reader::new(&home.path, Arc::clone(&progress), surroundings.clone());
    let runtime = tokio::runtime::Handle::current();
    let following = std::thread::Builder::new().name("reading".to_owned()).spawn(move || {
        let _entered = runtime.enter();
        let log = surroundings.log;
        let kept = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            keep_up(&*log, &home.path, &progress, &stop);
        }));
        if kept.is_err() {
            error!("the read model is not kept up any more; the engine goes on without it");
            progress.break_off("it met what it does not understand; see the program's own words".to_owned());
        }
        drop(home);
    })?;
    Ok((reader, following))
}

/// A read model over events that somebody has, and no log that is followed: for tests of what is answered.
#[derive(Debug)]
pub struct Fed {
    keeper: Keeper,
    reader: Reader,
}

impl Fed {
    /// An empty one, or what the file has already.
    pub fn open(path: &Path, surroundings: Surroundings) -> Result<Self, ReadingError> {
        let progress = Arc::new(Progress::new());
        let keeper = Keeper::open(path, Arc::clone(&progress))?;
        Ok(Self { keeper, reader: Reader::new(path, progress, surroundings) })
    }

    /// Takes the next events in. Blocks.
    pub fn feed(&mut self, readings: impl IntoIterator<Item = Reading>) -> Result<(), ReadingError> {
        self.keeper.feed(readings)
    }

    /// Whoever answers.
    pub const fn reader(&self) -> &Reader {
        &self.reader
    }
}
