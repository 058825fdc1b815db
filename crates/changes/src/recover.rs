//! Finishing what a killed process left behind.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::apply::{Carried, Observer, Overwritten, recover_journal};
use crate::isolated::{CopyRecord, remove_copy, remove_tree};
use crate::lock::{self, FolderLock};
use crate::path_text;

/// Something that was left behind, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Recovered {
    /// An apply was finished.
    Finished {
        /// The context path.
        #[serde(serialize_with = "path_text::serialize")]
        path: PathBuf,
        /// Files that were left alone because somebody changed them meanwhile, relative to the root.
        left: Vec<PathBuf>,
        /// Files that had changed underneath and were replaced.
        overwritten: Vec<Overwritten>,
    },
    /// An apply was undone.
    Undone {
        /// The context path.
        #[serde(serialize_with = "path_text::serialize")]
        path: PathBuf,
        /// Why it could not be finished, if that was found out now.
        why: Option<String>,
        /// Files that were left alone because somebody changed them meanwhile, relative to the root.
        left: Vec<PathBuf>,
    },
    /// An apply had been prepared but not begun: nothing was changed, and nothing of it is left.
    NotBegun,
    /// A copy of a process that is gone was removed, with what was changed in it.
    Copy {
        /// What it was a copy of, if that is still known.
        of: Option<PathBuf>,
    },
    /// It can neither be finished nor undone now; the next recovery tries again.
    Stuck {
        /// The file or context path.
        #[serde(serialize_with = "path_text::serialize")]
        path: PathBuf,
        /// Why, for the user.
        why: String,
        /// Where it is written down what is to be done.
        journal: PathBuf,
    },
}

/// Why nothing could be recovered.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}", path.display())]
pub struct RecoverError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// Finishes or undoes interrupted applies, and removes the copies of processes that are gone. To be called at the
/// start, before any copy is made. Live processes that use the same state folder are left alone.
///
/// # Errors
///
/// The state folder cannot be read. What goes wrong with single applies or copies is part of the result.
pub fn recover(state: &Path) -> Result<Vec<Recovered>, RecoverError> {
    recover_observed(state, &mut |_| {})
}

/// [`recover`], watched.
///
/// # Errors
///
/// As [`recover`].
#[doc(hidden)]
pub fn recover_observed(state: &Path, observer: &mut Observer<'_>) -> Result<Vec<Recovered>, RecoverError> {
    let mut recovered = applies(state, observer)?;
    with_gate(state, |state| {
        for home in homes(&state.join("copies"))? {
            if let Some(_owner) = dead(&home)? {
                recovered.push(copy(&home));
            }
        }
        Ok(())
    })?;
    Ok(recovered)
}

/// Finishes or undoes interrupted applies.
pub(crate) fn applies(state: &Path, observer: &mut Observer<'_>) -> Result<Vec<Recovered>, RecoverError> {
    let mut recovered = Vec::new();
    with_gate(state, |state| {
        for home in homes(&state.join("applies"))? {
            let is_gone = home.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".gone-"));
            if is_gone {
                remove_tree(&home).map_err(failed("remove", &home))?;
            } else if let Some(_owner) = dead(&home)? {
                recovered.push(apply(&home, state, observer));
            }
        }
        Ok(())
    })?;
    Ok(recovered)
}

fn apply(home: &Path, state: &Path, observer: &mut Observer<'_>) -> Recovered {
    let mut held = None;
    let mut lock = |path: &Path, folder: &crate::beneath::Folder| {
        held = FolderLock::take(path, folder)?;
        Ok(held.is_some())
    };
    match recover_journal(home, state, &mut lock, observer) {
        Ok(None) => Recovered::NotBegun,
        Ok(Some((path, Carried::Finished { left, overwritten }))) => Recovered::Finished { path, left, overwritten },
        Ok(Some((path, Carried::Undone { because, left }))) => {
            let why = because.map(|(path, error)| format!("cannot change {}: {error}", path.display()));
            Recovered::Undone { path, why, left }
        }
        Err((path, error)) => Recovered::Stuck { path, why: error.to_string(), journal: home.to_owned() },
    }
}

fn copy(home: &Path) -> Recovered {
    let record = std::fs::read(home.join("record.json")).ok();
    let record: Option<CopyRecord> = record.and_then(|text| serde_json::from_slice(&text).ok());
    match remove_copy(home) {
        Ok(()) => Recovered::Copy { of: record.map(|record| record.of) },
        Err(error) => {
            let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Recovered::Stuck { path: home.to_owned(), why, journal: home.to_owned() }
        }
    }
}

/// Works on the state folder while nobody begins a copy or an apply in it.
fn with_gate(state: &Path, work: impl FnOnce(&Path) -> Result<(), RecoverError>) -> Result<(), RecoverError> {
    let state = match state.canonicalize() {
        Ok(state) => state,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failed("open", state)(source)),
    };
    let gate = state.join("lock");
    let _gate = lock::wait_file(&gate).map_err(failed("lock", &gate))?;
    work(&state)
}

fn homes(folder: &Path) -> Result<Vec<PathBuf>, RecoverError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed("read", folder)(source)),
    };
    let mut homes = Vec::new();
    for entry in entries {
        homes.push(entry.map_err(failed("read", folder))?.path());
    }
    homes.sort();
    Ok(homes)
}

/// The lock of what a dead process left; `None` if the process lives.
fn dead(home: &Path) -> Result<Option<std::fs::File>, RecoverError> {
    let path = home.join("owner");
    match lock::try_file(&path) {
        Ok(owner) => Ok(owner),
        // Its owner removed it just now.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed("lock", &path)(source)),
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RecoverError {
    move |source| RecoverError { doing, path: path.to_owned(), source }
}
