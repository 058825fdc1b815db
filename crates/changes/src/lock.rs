//! Locks that end with the process that holds them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::beneath::Folder;

/// Opens and locks a file, which is made if missing. `None` if somebody else holds the lock.
pub(crate) fn try_file(path: &Path) -> io::Result<Option<File>> {
    let file = open(path)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Opens and locks a file, and waits for whoever holds the lock.
pub(crate) fn wait_file(path: &Path) -> io::Result<File> {
    let file = open(path)?;
    loop {
        match rustix::fs::flock(&file, FlockOperation::LockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// The right to write below a folder.
///
/// The folder itself is locked alone and the folders above it together with others, so that one who writes to a folder
/// excludes whoever writes above or below it, whatever their own state folders are. No file is left behind.
#[derive(Debug)]
pub(crate) struct FolderLock {
    locks: Vec<OwnedFd>,
}

impl FolderLock {
    /// Takes the lock; `None` if somebody else writes there. `folder` is the open folder at `path`.
    pub(crate) fn take(path: &Path, folder: &Folder) -> io::Result<Option<Self>> {
        let mut taken = Self { locks: Vec::new() };
        let own = rustix::fs::openat(folder, ".", OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY, Mode::empty())?;
        if !lock(&own, FlockOperation::NonBlockingLockExclusive)? {
            return Ok(None);
        }
        taken.locks.push(own);
        for ancestor in path.ancestors().skip(1) {
            // A folder that may be passed but not read cannot be locked; nobody who may not read it writes to it.
            let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
            let Ok(above) = rustix::fs::open(ancestor, flags, Mode::empty()) else { continue };
            if !lock(&above, FlockOperation::NonBlockingLockShared)? {
                return Ok(None);
            }
            taken.locks.push(above);
        }
        Ok(Some(taken))
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        for folder in &self.locks {
            // Closing is not enough: a program that another thread is just starting holds a copy until it runs.
            let _ = rustix::fs::flock(folder, FlockOperation::Unlock);
        }
    }
}

/// Whether the lock was taken. File systems without such locks are used without them.
fn lock(folder: &OwnedFd, operation: FlockOperation) -> io::Result<bool> {
    match rustix::fs::flock(folder, operation) {
        Ok(()) | Err(Errno::BADF | Errno::NOLCK | Errno::NOTSUP | Errno::NOSYS) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}
