//! An agent's own directory.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use massgen_protocol::SnapshotId;

use crate::lock::OwnedLock;
use crate::store::{Materialised, Sharing, SnapshotStore, StoreError, Writer};
use crate::{at, limits, remove};

/// Where a snapshot is written before its parts are moved into the workspace: a folder of the workspace itself, as
/// nothing else is sure to be on the same file system. No snapshot holds it.
const FILLING: &str = ".massgen-filling";

/// The permanent directory of one agent, which only it writes, locked against other processes of massgen.
///
/// The directory holds the agent's files and nothing of massgen's: the lock (`.<name>.massgen-lock`) stands beside it.
#[derive(Debug)]
pub struct Workspace {
    path: PathBuf,
    _lock: OwnedLock,
}

/// Why a [`Workspace`] cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Another process, or another agent of this one, has it.
    #[error(
        "the workspace {path} is in use by process {process}: end that run, or give this agent another directory (`cwd`)"
    )]
    InUse {
        /// The workspace.
        path: PathBuf,
        /// Whose it is; 0 when it did not say yet.
        process: u32,
    },
    /// The path can be no workspace.
    #[error("{0} cannot be a workspace: name a directory that is not the root of the file system (`cwd`)")]
    BadPath(PathBuf),
    /// There is something in it already.
    #[error("the workspace {0} is not empty: clear it before it is filled from a snapshot")]
    NotEmpty(PathBuf),
    /// The snapshot could not be written.
    #[error("could not fill the workspace {path} from a snapshot")]
    Store {
        /// The workspace.
        path: PathBuf,
        /// What went wrong.
        source: StoreError,
    },
    /// The system refused.
    #[error("could not {doing} {path}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Workspace {
    /// Makes the directory if there is none, and takes it for this value: until it is dropped, nobody else can.
    ///
    /// # Errors
    /// [`WorkspaceError::InUse`] when somebody else has it; [`WorkspaceError::Io`] when it cannot be made.
    pub fn create(directory: &Path) -> Result<Self, WorkspaceError> {
        let failed =
            |error| WorkspaceError::Io { doing: "make the workspace", path: directory.to_path_buf(), source: error };
        std::fs::create_dir_all(directory).map_err(failed)?;
        let path = std::fs::canonicalize(directory).map_err(failed)?;
        let name = path.file_name().ok_or_else(|| WorkspaceError::BadPath(path.clone()))?;
        let mut lock_name = OsString::from(".");
        lock_name.push(name);
        lock_name.push(".massgen-lock");
        let lock_path = path.with_file_name(lock_name);
        let failed =
            |error| WorkspaceError::Io { doing: "lock the workspace by", path: lock_path.clone(), source: error };
        let lock = OwnedLock::take(&lock_path).map_err(failed)?;
        let lock = lock.map_err(|process| WorkspaceError::InUse { path: path.clone(), process })?;
        let workspace = Self { path, _lock: lock };
        workspace.finish_filling()?;
        Ok(workspace)
    }

    /// Where it is: an absolute path without links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it holds nothing, or only caches ([`crate::EXCLUDED_NAMES`]).
    ///
    /// # Errors
    /// [`WorkspaceError::Io`] when it cannot be read.
    pub fn is_empty(&self) -> Result<bool, WorkspaceError> {
        let open = self.open()?;
        let names = at::names(&open).map_err(|error| self.failed("read", error))?;
        let called = self.path.file_name().unwrap_or_default();
        Ok(names.iter().all(|name| limits::is_excluded(called, name)))
    }

    /// Writes a snapshot into the workspace, which must be empty, as the agent's own files.
    ///
    /// The directory itself stays, so that it may be mounted somewhere. When a process is stopped in the middle, the
    /// next [`Self::create`] finds the workspace empty or finishes filling it.
    ///
    /// # Errors
    /// [`WorkspaceError::NotEmpty`]; [`WorkspaceError::Store`] when the snapshot cannot be written.
    pub fn fill_from(&self, store: &SnapshotStore, id: &SnapshotId) -> Result<Materialised, WorkspaceError> {
        if !self.is_empty()? {
            return Err(WorkspaceError::NotEmpty(self.path.clone()));
        }
        let failed = |error: io::Error| self.failed("fill", error);
        let store_failed = |source| WorkspaceError::Store { path: self.path.clone(), source };
        let workspace = self.open_to_change()?;
        remove::remove_at(&workspace, OsStr::new(FILLING)).map_err(failed)?;
        at::ensure_directory_at(&workspace, OsStr::new(FILLING)).map_err(failed)?;
        let filling = at::open_directory_at(&workspace, OsStr::new(FILLING)).map_err(failed)?;
        at::ensure_directory_at(&filling, OsStr::new("part")).map_err(failed)?;
        let part = at::open_directory_at(&filling, OsStr::new("part")).map_err(failed)?;
        let write = || {
            let _in_use = store.in_use()?;
            Writer::new(store, &part, &self.path, Sharing::Private, None).folder(Path::new(""), store.top(id)?)
        };
        let written = match write() {
            Ok(written) => written,
            Err(error) => {
                // Whatever stays is removed the next time.
                let _ = remove::remove_at(&workspace, OsStr::new(FILLING));
                return Err(store_failed(error));
            }
        };
        rustix::fs::renameat(&filling, "part", &filling, "whole").map_err(|error| failed(error.into()))?;
        self.finish_filling()?;
        Ok(written)
    }

    /// Removes everything in the workspace.
    ///
    /// # Errors
    /// [`WorkspaceError::Io`] when something cannot be removed.
    pub fn clear(&self) -> Result<(), WorkspaceError> {
        remove::empty(&self.open_to_change()?, |_| false).map_err(|error| self.failed("clear", error))
    }

    /// Moves what is wholly written from the filling folder into the workspace, and removes that folder.
    fn finish_filling(&self) -> Result<(), WorkspaceError> {
        let failed = |error: io::Error| self.failed("fill", error);
        let workspace = self.open()?;
        if at::stat_at(&workspace, OsStr::new(FILLING)).map_err(failed)?.is_none() {
            return Ok(());
        }
        let filling = at::open_directory_at(&workspace, OsStr::new(FILLING));
        if let Ok(whole) = filling.and_then(|filling| at::open_directory_at(&filling, OsStr::new("whole"))) {
            for name in at::names(&whole).map_err(failed)? {
                rustix::fs::renameat(&whole, &name, &workspace, &name).map_err(|error| failed(error.into()))?;
            }
        }
        remove::remove_at(&workspace, OsStr::new(FILLING)).map_err(failed)
    }

    fn open(&self) -> Result<OwnedFd, WorkspaceError> {
        at::open_directory(&self.path).map_err(|error| self.failed("open", error))
    }

    /// Opens the directory with all permissions that its owner needs, which the agent may have taken away.
    fn open_to_change(&self) -> Result<OwnedFd, WorkspaceError> {
        let (parent, name) = (self.path.parent().unwrap_or(&self.path), self.path.file_name().unwrap_or_default());
        let opened = at::open_directory(parent).and_then(|parent| remove::open_again(parent, name));
        opened.map_err(|error| self.failed("open", error))
    }

    fn failed(&self, doing: &'static str, error: io::Error) -> WorkspaceError {
        WorkspaceError::Io { doing, path: self.path.clone(), source: error }
    }
}
