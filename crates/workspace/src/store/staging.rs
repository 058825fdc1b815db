//! What one writer has written and not yet made part of the store.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;

use super::{SnapshotStore, StoreError};
use crate::at;

/// Up to how many files are made durable one by one; for more, the whole file system is synced at once.
pub(super) const SYNCED_SINGLY_MAX: usize = 64;

/// One writer's folder in `staging`, removed with it.
pub(super) struct Staging<'store> {
    store: &'store SnapshotStore,
    _folder: tempfile::TempDir,
    folder: OwnedFd,
    next: AtomicU64,
    /// Finished files by the path in the store where they belong. `blobs` sorts before `trees`, and is placed first.
    finished: Mutex<BTreeMap<String, OsString>>,
}

impl<'store> Staging<'store> {
    /// The caller holds the store's lock shared for as long as this lives.
    pub(super) fn new(store: &'store SnapshotStore) -> Result<Self, StoreError> {
        let parent = store.directory.join("staging");
        let failed = |error: io::Error| StoreError::io("write in", &parent, error);
        let folder = tempfile::Builder::new().tempdir_in(&parent).map_err(failed)?;
        let descriptor = at::open_directory(folder.path()).map_err(failed)?;
        Ok(Self {
            store,
            _folder: folder,
            folder: descriptor,
            next: AtomicU64::new(0),
            finished: Mutex::new(BTreeMap::new()),
        })
    }

    /// Whether a file for this path in the store is finished already.
    pub(super) fn has(&self, path: &str) -> bool {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).contains_key(path)
    }

    /// A new file under a name of its own; it becomes read-only for everybody who opens it later.
    pub(super) fn create(&self, executable: bool) -> Result<(OsString, OwnedFd), StoreError> {
        let name = OsString::from(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        let mode = if executable { 0o555 } else { 0o444 };
        let file = at::create_file_at(&self.folder, &name, mode).map_err(|error| self.failed(error))?;
        Ok((name, file))
    }

    /// Forgets a file that was created.
    pub(super) fn discard(&self, name: &OsStr) -> Result<(), StoreError> {
        rustix::fs::unlinkat(&self.folder, name, AtFlags::empty()).map_err(|error| self.failed(error))
    }

    /// Tells where a file that is fully written belongs. False when another one was finished for the same place.
    pub(super) fn finish(&self, name: OsString, path: String) -> Result<bool, StoreError> {
        let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        if finished.contains_key(&path) {
            drop(finished);
            self.discard(&name)?;
            return Ok(false);
        }
        finished.insert(path, name);
        Ok(true)
    }

    /// Writes a whole file for a place in the store.
    pub(super) fn write(&self, content: &[u8], path: String, executable: bool) -> Result<bool, StoreError> {
        let (name, file) = self.create(executable)?;
        std::fs::File::from(file).write_all(content).map_err(|error| self.failed(error))?;
        self.finish(name, path)
    }

    /// Makes everything that was finished part of the store, and last the top folder of the snapshot.
    pub(super) fn place(self, top: &[u8], top_path: &str) -> Result<(), StoreError> {
        let finished = std::mem::take(&mut *self.finished.lock().unwrap_or_else(PoisonError::into_inner));
        let synced = self.store.settings.synced;
        let singly = finished.len() <= SYNCED_SINGLY_MAX;
        if synced {
            self.sync_contents(finished.values(), singly).map_err(|error| self.failed(error))?;
        }
        let mut folders = BTreeSet::new();
        for (path, name) in &finished {
            folders.insert(self.move_to(name, path)?);
        }
        if synced {
            self.sync_folders(&folders, singly).map_err(|error| self.failed(error))?;
        }

        let (name, file) = self.create(false)?;
        let mut file = std::fs::File::from(file);
        file.write_all(top).map_err(|error| self.failed(error))?;
        if synced {
            file.sync_data().map_err(|error| self.failed(error))?;
        }
        let folder = self.move_to(&name, top_path)?;
        if synced {
            self.sync_folders(&BTreeSet::from([folder]), true).map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    fn sync_contents<'a>(&self, names: impl Iterator<Item = &'a OsString>, singly: bool) -> io::Result<()> {
        if !singly {
            return Ok(rustix::fs::syncfs(&self.folder)?);
        }
        for name in names {
            rustix::fs::fdatasync(at::open_file_at(&self.folder, name)?)?;
        }
        Ok(())
    }

    fn sync_folders(&self, folders: &BTreeSet<&str>, singly: bool) -> io::Result<()> {
        if !singly {
            return Ok(rustix::fs::syncfs(&self.folder)?);
        }
        for folder in folders {
            rustix::fs::fsync(at::open_directory_at(&self.store.root, OsStr::new(folder))?)?;
        }
        Ok(())
    }

    /// Moves a file to its place, and gives the folder that it is in now.
    fn move_to<'p>(&self, name: &OsStr, path: &'p str) -> Result<&'p str, StoreError> {
        let failed = |error: Errno| StoreError::io("write", &self.store.directory.join(path), error);
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let root = &self.store.root;
        match rustix::fs::renameat(&self.folder, name, root, path) {
            Err(Errno::NOENT) => {
                match rustix::fs::mkdirat(root, folder, Mode::from_raw_mode(0o700)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(failed(error)),
                }
                rustix::fs::renameat(&self.folder, name, root, path).map_err(failed)?;
            }
            other => other.map_err(failed)?,
        }
        Ok(folder)
    }

    fn failed(&self, error: impl Into<io::Error>) -> StoreError {
        StoreError::io("write in", Path::new(&self.store.directory.join("staging")), error)
    }
}
