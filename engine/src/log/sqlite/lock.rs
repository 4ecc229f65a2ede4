//! One writer to a file: an advisory lock on a companion file, so that readers and copies are not hindered.
//!
//! The lock goes with the process, however it ends. The companion stays: removing it would let two processes lock two
//! different files of the same name.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::look::unavailable;
use super::schema::beside;
use crate::log::OpenError;

/// Held for as long as a process writes.
#[derive(Debug)]
pub(super) struct WriterLock {
    _file: File,
}

impl WriterLock {
    /// Takes the lock, or says who cannot have it.
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(beside(path, ".lock"))
            .map_err(|error| unavailable(path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.display().to_string() }),
            Err(TryLockError::Error(error)) => Err(unavailable(path, error)),
        }
    }
}
