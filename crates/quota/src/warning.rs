//! Trouble that stops nobody, but should be known.

use std::collections::HashSet;
use std::io;
use std::mem::{Discriminant, discriminant};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use thiserror::Error;

/// Why a limit is not shared with other processes at the moment. Calls go on under what this process knows
/// itself.
#[derive(Debug, Error)]
pub enum QuotaWarning {
    /// The file does not hold what it should.
    #[error("{} does not hold a state of rate limits and counts as empty; it is written anew", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file cannot be opened, read or written.
    #[error(
        "cannot use {}: rate limits are not shared with other processes; make its folder writable, or name another",
        path.display()
    )]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process does not let go of the file.
    #[error(
        "another process has held {} for more than a second: its limits count for this process alone until it is free",
        path.display()
    )]
    Busy {
        /// The file.
        path: PathBuf,
    },
}

impl QuotaWarning {
    /// The file that it is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Corrupt { path, .. } | Self::Unusable { path, .. } | Self::Busy { path } => path,
        }
    }
}

/// Warnings that nobody has asked for yet. Each kind is told once for each file.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    known: HashSet<(PathBuf, Discriminant<QuotaWarning>)>,
    new: Vec<QuotaWarning>,
}

impl Warnings {
    pub(crate) fn tell(&self, warning: QuotaWarning) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.known.insert((warning.path().to_owned(), discriminant(&warning))) {
            told.new.push(warning);
        }
    }

    pub(crate) fn take(&self) -> Vec<QuotaWarning> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).new)
    }
}
