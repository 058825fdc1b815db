//! The lock on a session's folder: runs share it, whoever deletes the session holds it alone.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// A lock on a folder, given back when dropped. Where the file system knows no locks it keeps nobody out.
#[derive(Debug)]
pub(crate) struct FolderLock(File);

impl FolderLock {
    /// Waits until nobody is deleting the folder. Deleting takes the time of a rename.
    pub(crate) fn shared(folder: &Path) -> io::Result<Self> {
        let file = File::open(folder)?;
        // An error is a file system without locks.
        let _ = file.lock_shared();
        Ok(Self(file))
    }

    /// `None` when a run holds the folder.
    pub(crate) fn exclusive(folder: &Path) -> io::Result<Option<Self>> {
        let file = File::open(folder)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Ok(None),
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(Self(file))),
        }
    }

    /// Whether the locked folder is still the one at `path`.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        let Ok(there) = std::fs::symlink_metadata(path) else { return false };
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            self.0.metadata().is_ok_and(|here| (here.dev(), here.ino()) == (there.dev(), there.ino()))
        }
        #[cfg(not(unix))]
        there.is_dir()
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing would not do: a process that is being started right now has a copy of the descriptor.
        let _ = self.0.unlock();
    }
}
