//! An isolated copy of what a user allows to be changed.

mod fill;
mod make;
mod remove;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::Base;
use crate::change_set::ChangeSet;
use crate::compare::{self, ChangesError};
use crate::context::ContextPath;
use crate::git::{GitError, Repository};
use crate::lock;
use crate::path_text;
use crate::refusal::Refusal;

pub(crate) use remove::{remove_copy, remove_tree};

/// A copy in which the presenter works. It is removed with this value, or by [`crate::recover`] if the process dies.
#[derive(Debug)]
pub struct Isolated {
    context: ContextPath,
    state: PathBuf,
    /// The folder of this copy in the state folder.
    home: PathBuf,
    directory: PathBuf,
    base: Base,
    left_out: Vec<LeftOut>,
    repository: Option<Repository>,
    /// Why there is no git worktree, where one was to be tried.
    fallback: Option<GitError>,
    is_worktree: bool,
    _owner: File,
}

/// How the copy is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CopyMode {
    /// A git worktree where the folder is in a repository with a commit, else a plain copy.
    #[default]
    Auto,
    /// A git worktree, or an error. A single file is a plain copy all the same.
    Worktree,
    /// A plain copy. In a repository it holds what a worktree would hold, without the history.
    Copy,
}

/// How much is copied at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of all files together.
    pub bytes_max: u64,
    /// Files and symlinks.
    pub files_max: usize,
}

/// Something that the copy does not hold, and that will therefore never be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Relative to [`ContextPath::root`]; a folder stands for all in it.
    #[serde(serialize_with = "path_text::serialize")]
    pub path: PathBuf,
    /// Why.
    pub why: Refusal,
}

/// What a copy leaves in its folder for [`crate::recover`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CopyRecord {
    /// What it is a copy of.
    #[serde(with = "path_text")]
    pub(crate) of: PathBuf,
    /// Where git keeps the data of the repository, if it is a worktree.
    pub(crate) common: Option<CommonFolder>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CommonFolder(#[serde(with = "path_text")] pub(crate) PathBuf);

/// Why no copy could be made, or it could not be removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IsolateError {
    /// The path is in a bare repository, or in git's own data.
    #[error("{} is data of git, not a working tree: name a working tree as the context path", .0.display())]
    GitData(PathBuf),
    /// A worktree was asked for, but there is no repository.
    #[error("{} is in no git repository: use write_mode auto or isolated", .0.display())]
    NotARepository(PathBuf),
    /// A worktree was asked for, but the repository has no commit.
    #[error("the repository at {} has no commit yet: commit something, or use write_mode auto or isolated", .0.display())]
    NoCommit(PathBuf),
    /// Git did not do its part.
    #[error("cannot make a git worktree of {}", path.display())]
    Git {
        /// The context path.
        path: PathBuf,
        /// Why.
        source: GitError,
    },
    /// The folder with the copies is, or holds, what is to be copied.
    #[error("the context path {} is inside the folder for isolated copies: choose another one", .0.display())]
    InsideState(PathBuf),
    /// It is larger than the limits.
    #[error(
        "{} holds {files} files and {bytes} bytes, more than a copy may hold ({} files, {} bytes): name a smaller folder \
         as the context path",
        path.display(), limits.files_max, limits.bytes_max
    )]
    TooLarge {
        /// The context path.
        path: PathBuf,
        /// Files and symlinks.
        files: usize,
        /// Their sizes together.
        bytes: u64,
        /// What is allowed.
        limits: Limits,
    },
    /// Reading or writing failed.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes_max: 2 << 30, files_max: 200_000 }
    }
}

impl Isolated {
    /// Makes a copy below `state`, a folder of massgen's own, which is made if missing. In a repository the copy holds
    /// tracked files as they are now and files that git does not ignore; else all files. Names that are never applied,
    /// symlinks that lead outside and repositories inside are left out, see [`Isolated::left_out`].
    ///
    /// # Errors
    ///
    /// The copy cannot be made; nothing of it is left.
    pub fn create(state: &Path, context: &ContextPath, mode: CopyMode) -> Result<Self, IsolateError> {
        Self::create_within(state, context, mode, Limits::default())
    }

    /// [`Isolated::create`] with other limits.
    ///
    /// # Errors
    ///
    /// The copy cannot be made; nothing of it is left.
    pub fn create_within(
        state: &Path,
        context: &ContextPath,
        mode: CopyMode,
        limits: Limits,
    ) -> Result<Self, IsolateError> {
        let root = context.root();
        let found = make::find(context, mode)?;
        let state = open_state(state)?;
        if root.starts_with(&state) {
            return Err(IsolateError::InsideState(root.to_owned()));
        }
        let (home, owner) = new_home(&state, "copies", "copy-")?;
        let made = make::Maker { context, state: &state, home: &home, mode, limits }.make(found);
        match made {
            Ok(made) => Ok(Self {
                context: context.clone(),
                directory: made.directory,
                base: made.base,
                left_out: made.left_out,
                repository: made.repository,
                fallback: made.fallback,
                is_worktree: made.is_worktree,
                state,
                home,
                _owner: owner,
            }),
            Err(error) => {
                // The first failure is the one to tell; what is left over goes with the next recovery.
                let _ = remove_copy(&home);
                Err(error)
            }
        }
    }

    /// The folder in which the presenter works: the counterpart of [`ContextPath::root`].
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What it is a copy of.
    #[must_use]
    pub fn context(&self) -> &ContextPath {
        &self.context
    }

    /// Whether it is a git worktree.
    #[must_use]
    pub fn is_worktree(&self) -> bool {
        self.is_worktree
    }

    /// For a git worktree, where git keeps the data of the repository. Reading it makes `git diff` and `git log` work
    /// in the copy; writing it would change the user's repository.
    #[must_use]
    pub fn git_data(&self) -> Option<&Path> {
        self.repository.as_ref().filter(|_| self.is_worktree).map(Repository::common)
    }

    /// Why a plain copy was made though the path is in a repository: worth telling the user.
    #[must_use]
    pub fn fallback(&self) -> Option<&GitError> {
        self.fallback.as_ref()
    }

    /// What the copy does not hold. Files that git ignores are not listed where git itself was asked.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// What was changed in the copy since it was made. The programs of the presenter should have ended.
    ///
    /// # Errors
    ///
    /// Reading failed.
    pub fn changes(&self) -> Result<ChangeSet, ChangesError> {
        compare::changes(self)
    }

    /// Removes the copy.
    ///
    /// # Errors
    ///
    /// Something of it could not be removed; [`crate::recover`] tries again.
    pub fn discard(self) -> Result<(), IsolateError> {
        self.remove()
    }

    fn remove(&self) -> Result<(), IsolateError> {
        // Recovery must not take for dead what is half removed.
        let gate = self.state.join("lock");
        let _gate = lock::wait_file(&gate).map_err(io_error("lock", &gate))?;
        remove_copy(&self.home)
    }

    pub(crate) fn base(&self) -> &Base {
        &self.base
    }

    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    pub(crate) fn repository(&self) -> Option<&Repository> {
        self.repository.as_ref()
    }
}

impl Drop for Isolated {
    fn drop(&mut self) {
        // What cannot be removed now goes with the next recovery.
        let _ = self.remove();
    }
}

/// Makes the state folder if missing, for the user alone, and tells its canonical path.
pub(crate) fn open_state(state: &Path) -> Result<PathBuf, IsolateError> {
    std::fs::create_dir_all(state).map_err(io_error("make the folder", state))?;
    state.canonicalize().map_err(io_error("open", state))
}

/// Makes a folder of its own below a folder of the state folder, and holds its lock.
pub(crate) fn new_home(state: &Path, kind: &str, prefix: &str) -> Result<(PathBuf, File), IsolateError> {
    let folder = state.join(kind);
    std::fs::create_dir_all(&folder).map_err(io_error("make the folder", &folder))?;
    // Recovery must not see the folder before its lock is held.
    let gate = state.join("lock");
    let _gate = lock::wait_file(&gate).map_err(io_error("lock", &gate))?;
    let made =
        tempfile::Builder::new().prefix(prefix).tempdir_in(&folder).map_err(io_error("make a folder in", &folder))?;
    let owner_path = made.path().join("owner");
    let owner = lock::try_file(&owner_path).map_err(io_error("lock", &owner_path))?;
    let owner = owner.ok_or_else(|| io_error("lock", &owner_path)(io::ErrorKind::WouldBlock.into()))?;
    Ok((made.keep(), owner))
}

pub(crate) fn write_record(home: &Path, record: &CopyRecord) -> Result<(), IsolateError> {
    let path = home.join("record.json");
    let text = serde_json::to_vec(record).map_err(io::Error::from).map_err(io_error("write", &path))?;
    std::fs::write(&path, text).map_err(io_error("write", &path))
}

/// Makes the error of an operation on a path.
pub(crate) fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> IsolateError {
    move |source| IsolateError::Io { doing, path: path.to_owned(), source }
}
