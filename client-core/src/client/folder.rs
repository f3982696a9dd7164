//! Who has a terminal's data directory: one process at a time, also while its store is locked.

use crate::error::ClientError;
use crate::evidence;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// A data directory that is held: no other process has it as long as one of these lives. The system gives it back when the process
/// ends in any way.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    _lock: Arc<File>,
}

impl Folder {
    /// Holds the directory, creating it when there is none, and clears away what was only half taken in.
    ///
    /// # Errors
    /// [`ClientError::StoreInUse`]; those of the disk.
    pub fn hold(path: &Path) -> Result<Self, ClientError> {
        let made = |e| ClientError::file("making the data directory", e);
        fs::create_dir_all(path).map_err(made)?;
        let lock = lock(path)?;
        evidence::prepare(path).map_err(made)?;
        Ok(Self { path: path.to_owned(), _lock: Arc::new(lock) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// How long whoever held the directory before is given to end: a program that is just being stopped, or a child that was
/// started at this moment and has not let go of what it inherited.
const LOCK_TRIES: usize = 100;
/// Between two tries: two seconds in all.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

fn lock(dir: &Path) -> Result<File, ClientError> {
    let failed = |e| ClientError::file("locking the data directory", e);
    let file =
        File::options().write(true).create(true).truncate(false).open(dir.join("lock")).map_err(failed)?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
    Err(ClientError::StoreInUse { dir: dir.to_owned() })
}
