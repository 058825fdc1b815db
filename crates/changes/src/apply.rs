//! Applying reviewed changes to the user's files.
//!
//! The order is: decide for each file ([`plan`]); put the new contents next to where they will be, and copies of the
//! old ones into the journal ([`stage`]); write down the intent ([`journal`]); replace file by file ([`step`]); write
//! down the end. A process that dies before the intent has changed nothing; after it, [`crate::recover`] goes on.

mod carry;
mod content;
mod journal;
mod plan;
mod stage;
mod step;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::beneath::Folder;
use crate::change_set::ChangeSet;
use crate::isolated::{IsolateError, Isolated};
use crate::lock::FolderLock;
use crate::path_text;
use crate::recover::{self, RecoverError};
use crate::refusal::Refusal;
use crate::selection::Selection;

pub(crate) use carry::{Carried, recover_journal};

/// What happens to a file that changed underneath: in the user's folder, since the copy was made.
///
/// Accepted hunks that meet untouched lines are merged under [`Drift::Skip`] and [`Drift::PreferPresenter`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    /// The user's file stays, and the report says so.
    #[default]
    Skip,
    /// Nothing at all is applied.
    Fail,
    /// The presenter's file replaces it; the user's is kept in the state folder, see [`Applied::overwritten`].
    PreferPresenter,
}

/// What was applied. Paths are relative to [`crate::ContextPath::root`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Files that have new content or a new mode.
    #[serde(serialize_with = "paths")]
    pub written: Vec<PathBuf>,
    /// Files that are gone.
    #[serde(serialize_with = "paths")]
    pub deleted: Vec<PathBuf>,
    /// Files that already were as the presenter has them.
    #[serde(serialize_with = "paths")]
    pub already: Vec<PathBuf>,
    /// Those of `written` that had changed underneath, and hold both changes now.
    #[serde(serialize_with = "paths")]
    pub merged: Vec<PathBuf>,
    /// Files that had changed underneath and were replaced.
    pub overwritten: Vec<Overwritten>,
    /// What was accepted but not applied.
    pub skipped: Vec<Skipped>,
}

/// A file of the user that was replaced though it had changed underneath.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overwritten {
    /// Which.
    #[serde(serialize_with = "path_text::serialize")]
    pub path: PathBuf,
    /// Where its content is kept; `None` for a symlink.
    pub kept: Option<PathBuf>,
}

/// Something that was accepted but not applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Which file.
    #[serde(serialize_with = "path_text::serialize")]
    pub path: PathBuf,
    /// Why.
    pub why: SkipReason,
}

/// Why something was not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SkipReason {
    /// It must not be changed.
    #[error(transparent)]
    Refused(Refusal),
    /// It changed since the copy was made.
    #[error("the file changed since the copy was made")]
    Drifted,
    /// It changed while the changes were being applied.
    #[error("the file changed while the changes were applied")]
    DriftedMeanwhile,
    /// A folder is where the file should be, or something else where a folder should be.
    #[error("something else is in its place")]
    Blocked,
}

/// Why nothing was applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// Somebody else writes to the path, or to one above or below it.
    #[error("another process is applying changes to {}: wait until it has ended, then try again", .0.display())]
    Busy(PathBuf),
    /// Files changed underneath, and the policy is to fail. Nothing was changed.
    #[error("nothing was applied, because these files changed since the copy was made: {}", listed(.0))]
    Drifted(Vec<PathBuf>),
    /// The copy is no longer what was reviewed. Nothing was changed.
    #[error("nothing was applied, because {} changed in the copy after the changes were read: read them again", .0.display())]
    ChangedAfterReview(PathBuf),
    /// Preparing failed. Nothing was changed.
    #[error("nothing was applied: cannot {doing} {}", path.display())]
    Prepare {
        /// What was being done.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The state folder cannot be used. Nothing was changed.
    #[error("nothing was applied: the state folder cannot be used")]
    State(#[from] IsolateError),
    /// Replacing a file failed, and what was done before was undone.
    #[error("cannot change {}; all changes were undone", path.display())]
    Undone {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
        /// Files that could not be undone because they were changed meanwhile.
        left: Vec<PathBuf>,
    },
    /// Replacing a file failed, and so did undoing it.
    #[error("cannot change {}, and cannot undo what was done before: the next start tries again from {}", path.display(), journal.display())]
    Unfinished {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
        /// Where it is written down what is to be done.
        journal: PathBuf,
    },
    /// What an earlier process left behind cannot be finished.
    #[error("nothing was applied, because an earlier apply could not be finished")]
    Recover(#[from] RecoverError),
    /// An earlier apply to the same files is neither finished nor undone.
    #[error("nothing was applied, because an earlier apply to {} is unfinished: {why}", path.display())]
    EarlierUnfinished {
        /// Its context path.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// Is told of each step that changes something on the storage device. For tests that stop the process there.
#[doc(hidden)]
pub type Observer<'a> = dyn FnMut(&'static str) + 'a;

/// Applies the selected changes of a copy to the user's files.
///
/// It is finished as a whole or not at all, also if the process is killed: then [`crate::recover`] does the rest. Each
/// file is at any time wholly old or wholly new. Single files can be skipped, see [`Applied::skipped`].
///
/// # Errors
///
/// Nothing was applied, except with [`ApplyError::Unfinished`].
pub fn apply(
    isolated: &Isolated,
    changes: &ChangeSet,
    selection: &Selection,
    drift: Drift,
) -> Result<Applied, ApplyError> {
    apply_observed(isolated, changes, selection, drift, &mut |_| {})
}

/// [`apply`], watched.
#[doc(hidden)]
pub fn apply_observed(
    isolated: &Isolated,
    changes: &ChangeSet,
    selection: &Selection,
    drift: Drift,
    observer: &mut Observer<'_>,
) -> Result<Applied, ApplyError> {
    finish_earlier(isolated)?;
    let path = isolated.context().root();
    let prepare = |doing| move |source| ApplyError::Prepare { doing, path: path.to_owned(), source };
    let root = Folder::open(path).map_err(prepare("open"))?;
    let lock = FolderLock::take(path, &root).map_err(prepare("lock"))?;
    let _lock = lock.ok_or_else(|| ApplyError::Busy(isolated.context().path().to_owned()))?;
    let decided = plan::decide(isolated, &root, changes, selection, drift)?;
    carry::carry_out(isolated, &root, decided, drift, observer)
}

/// Finishes what a killed process left behind, so that nobody decides on a half-changed state.
fn finish_earlier(isolated: &Isolated) -> Result<(), ApplyError> {
    for recovered in recover::applies(isolated.state(), &mut |_| {})? {
        if let recover::Recovered::Stuck { path, why, .. } = recovered
            && (path.starts_with(isolated.context().path()) || isolated.context().path().starts_with(&path))
        {
            return Err(ApplyError::EarlierUnfinished { path, why });
        }
    }
    Ok(())
}

fn listed(paths: &[PathBuf]) -> String {
    const SHOWN: usize = 10;
    let mut text: Vec<String> = paths.iter().take(SHOWN).map(|path| path.display().to_string()).collect();
    if paths.len() > SHOWN {
        text.push(format!("and {} more", paths.len() - SHOWN));
    }
    text.join(", ")
}

fn paths<S: serde::Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    struct Shown<'a>(&'a Path);
    impl Serialize for Shown<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            path_text::serialize(self.0, serializer)
        }
    }
    serializer.collect_seq(paths.iter().map(|path| Shown(path)))
}
