//! The store of snapshots: one directory, shared by every process that has it open.
//!
//! ```text
//! format                 what this directory is
//! lock                   held shared by who publishes or reads, alone by who removes
//! blobs/ab/cdef…[x]      a file's content under its hash, read-only; `x` where the file was executable
//! trees/ab/cdef…         a folder: names, and the hashes of what they hold
//! snapshots/abcdef…      the top folder of a snapshot; its name is the snapshot's
//! staging/…              what is being written, one folder for each writer
//! stamps/…               what published workspaces looked like, to publish them again without reading all
//! leases/…               what the processes that have the store open published
//! ```
//!
//! Content is written in `staging`, made durable, and renamed into `blobs`, then folders into `trees`, and last the
//! top folder into `snapshots`. So whatever is in `snapshots` is whole, wherever a writer was stopped.

mod collect;
mod entry;
mod error;
mod ingest;
mod materialise;
mod publish;
mod read;
mod scan;
mod staging;

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use massgen_protocol::SnapshotId;

use crate::at;
use crate::hash::ContentHash;
use crate::limits::StoreSettings;
use crate::lock::{Lock, OwnedLock};

pub use collect::Removed;
pub use entry::{Entry, EntryKind};
pub use error::StoreError;
pub use materialise::{Materialised, Sharing};
pub use publish::{Published, Skipped, WhySkipped};

pub(crate) use materialise::{Reuse, Writer, untouched};

const FORMAT: &str = "massgen snapshots 1\n";
const FOLDERS: [&str; 6] = ["blobs", "trees", "snapshots", "staging", "stamps", "leases"];

/// Immutable snapshots of workspaces, each named by its content, with equal files stored once.
///
/// Several processes and threads may use one directory at the same time. Nothing that was published is ever changed;
/// it goes only by [`Self::remove_unused`].
#[derive(Debug)]
pub struct SnapshotStore {
    directory: PathBuf,
    root: OwnedFd,
    settings: StoreSettings,
    lease: OwnedLock,
}

impl SnapshotStore {
    /// Opens the store in `directory`, making it if there is none, with the default settings.
    ///
    /// What writers left half done that no longer live is removed, unless somebody is using the store just now.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] when the directory holds something else; [`StoreError::Io`] when it cannot be used.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_with(directory, StoreSettings::default())
    }

    /// [`Self::open`] with settings.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(directory: &Path, settings: StoreSettings) -> Result<Self, StoreError> {
        let failed = |error| StoreError::io("open the snapshot store", directory, error);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let directory = std::fs::canonicalize(directory).map_err(failed)?;
        let failed = |error| StoreError::io("open the snapshot store", &directory, error);
        check_format(&directory)?;
        for folder in FOLDERS {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory.join(folder)).map_err(failed)?;
        }
        let root = at::open_directory(&directory).map_err(failed)?;
        if let Some(_alone) = Lock::try_alone(&directory.join("lock")).map_err(failed)? {
            // Every writer holds the lock shared, so nobody owns what is here.
            let staging = at::open_directory_at(&root, OsStr::new("staging")).map_err(failed)?;
            crate::remove::empty(&staging, |_| false).map_err(failed)?;
        }
        let lease = take_lease(&directory).map_err(failed)?;
        Ok(Self { directory, root, settings, lease })
    }

    /// Where the store is: an absolute path without links.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// How the store works.
    #[must_use]
    pub fn settings(&self) -> &StoreSettings {
        &self.settings
    }

    /// Whether the snapshot is here, which means: all of it.
    #[must_use]
    pub fn contains(&self, id: &SnapshotId) -> bool {
        self.holds(&snapshot_path(id))
    }

    /// Keeps the snapshot from [`Self::remove_unused`], by any process, as long as this store is open.
    /// What was published through this store is kept so already.
    ///
    /// # Errors
    /// [`StoreError::NoSuchSnapshot`] when it is not here.
    pub fn hold(&self, id: &SnapshotId) -> Result<(), StoreError> {
        let _shared = self.lock_shared()?;
        if !self.contains(id) {
            return Err(StoreError::NoSuchSnapshot(id.clone()));
        }
        self.note_in_lease(id)
    }

    fn note_in_lease(&self, id: &SnapshotId) -> Result<(), StoreError> {
        let failed = |error| StoreError::io("note a snapshot as used in", &self.directory.join("leases"), error);
        self.lease.append(&format!("{id}\n")).map_err(failed)
    }

    fn lock_shared(&self) -> Result<Lock, StoreError> {
        let path = self.directory.join("lock");
        Lock::shared(&path).map_err(|error| StoreError::io("lock the snapshot store by", &path, error))
    }

    /// Whether the file at `path` in the store exists.
    fn holds(&self, path: &str) -> bool {
        matches!(at::stat_at(&self.root, OsStr::new(path)), Ok(Some(_)))
    }

    /// Whether the blob is here, with the length that it must have.
    fn holds_blob(&self, path: &str, size: u64) -> bool {
        let stat = at::stat_at(&self.root, OsStr::new(path));
        matches!(stat, Ok(Some(stat)) if u64::try_from(stat.st_size) == Ok(size))
    }
}

fn snapshot_path(id: &SnapshotId) -> String {
    format!("snapshots/{id}")
}

fn tree_path(hash: &ContentHash) -> String {
    spread("trees", hash)
}

fn blob_path(hash: &ContentHash, executable: bool) -> String {
    let mut path = spread("blobs", hash);
    if executable {
        path.push('x');
    }
    path
}

/// `folder/ab/cdef…`: 256 folders, so that none grows without bound.
fn spread(folder: &str, hash: &ContentHash) -> String {
    let digits = hash.to_string();
    let (head, tail) = digits.split_at_checked(2).unwrap_or_default();
    format!("{folder}/{head}/{tail}")
}

fn check_format(directory: &Path) -> Result<(), StoreError> {
    let path = directory.join("format");
    let failed = |error| StoreError::io("read", &path, error);
    match std::fs::read_to_string(&path) {
        Ok(format) if format == FORMAT => return Ok(()),
        Ok(_) => return Err(StoreError::NotAStore(directory.to_path_buf())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            return Err(StoreError::NotAStore(directory.to_path_buf()));
        }
        Err(error) => return Err(failed(error)),
    }
    // A new directory, or one whose maker was stopped: whatever else is here belongs to somebody else.
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let ours = name.to_str().is_some_and(|name| FOLDERS.contains(&name) || name.starts_with("format"));
        if !ours && name != "lock" {
            return Err(StoreError::NotAStore(directory.to_path_buf()));
        }
    }
    let failed = |error| StoreError::io("write", &path, error);
    let staged = tempfile::Builder::new().prefix("format-").tempfile_in(directory).map_err(failed)?;
    std::fs::write(staged.path(), FORMAT).map_err(failed)?;
    staged.persist(&path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Makes a lease of a new name. The lock keeps [`SnapshotStore::remove_unused`] from seeing it before it is locked.
fn take_lease(directory: &Path) -> std::io::Result<OwnedLock> {
    let _shared = Lock::shared(&directory.join("lock"))?;
    let name = tempfile::Builder::new().prefix("lease-").tempfile_in(directory.join("leases"))?;
    let (_, path) = name.keep().map_err(|error| error.error)?;
    OwnedLock::take(&path)?.map_err(|_| std::io::Error::other("a new lease is locked by somebody else"))
}
