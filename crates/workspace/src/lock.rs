//! Locks between processes, which end with whoever holds them.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

/// A lock on a file, given back when this is dropped or its process ends in any way.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Waits until nobody holds the lock alone.
    pub(crate) fn shared(path: &Path) -> io::Result<Self> {
        Self::wait(path, FlockOperation::LockShared)
    }

    /// Waits until nobody else holds the lock.
    pub(crate) fn alone(path: &Path) -> io::Result<Self> {
        Self::wait(path, FlockOperation::LockExclusive)
    }

    /// Takes the lock if nobody holds it now.
    pub(crate) fn try_alone(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Adds to the file that is locked.
    pub(crate) fn append(&self, text: &str) -> io::Result<()> {
        (&self.file).write_all(text.as_bytes())
    }

    fn wait(path: &Path, operation: FlockOperation) -> io::Result<Self> {
        let file = open(path)?;
        loop {
            match rustix::fs::flock(&file, operation) {
                Ok(()) => return Ok(Self { file }),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would not do: a process that is being started right now has a copy of the descriptor.
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

/// A lock whose file goes with it, and tells who holds it.
#[derive(Debug)]
pub(crate) struct OwnedLock {
    lock: Lock,
    path: PathBuf,
}

impl OwnedLock {
    /// Takes the lock, or tells the process that holds it (0 when it did not say yet).
    pub(crate) fn take(path: &Path) -> io::Result<Result<Self, u32>> {
        loop {
            let Some(lock) = Lock::try_alone(path)? else {
                let mut text = String::new();
                match File::open(path).map(|file| file.take(32).read_to_string(&mut text)) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    _ => return Ok(Err(text.trim().parse().unwrap_or(0))),
                }
            };
            // The holder before may have removed the file between our opening and our locking it.
            let ours = lock.file.metadata()?;
            match std::fs::symlink_metadata(path) {
                Ok(there) if there.dev() == ours.dev() && there.ino() == ours.ino() => {}
                Ok(_) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            lock.file.set_len(0)?;
            lock.append(&format!("{}\n", std::process::id()))?;
            return Ok(Ok(Self { lock, path: path.to_path_buf() }));
        }
    }

    pub(crate) fn append(&self, text: &str) -> io::Result<()> {
        self.lock.append(text)
    }
}

impl Drop for OwnedLock {
    fn drop(&mut self) {
        // While the lock is held: nobody else can have taken the file over. A file left behind harms nobody.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).append(true).create(true).mode(0o600);
    options.custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0));
    options.open(path)
}
