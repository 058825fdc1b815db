//! What can go wrong with the index.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::error::SessionError;

/// What can go wrong with the index. Nothing of it touches the sessions themselves.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The file is damaged.
    #[error("the index {} is damaged; refresh or delete it, it is built again from the sessions", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// Other processes are using it.
    #[error("the index {} is in use by another process; try again when that is done", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// SQLite refuses.
    #[error("cannot use the index {}; see whether its disk is full and this user may write there", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The file cannot be made or replaced.
    #[error("cannot write the index {}; see whether its disk is full and this user may write there", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The sessions cannot be read.
    #[error("cannot build the index from the sessions")]
    Sessions {
        /// Why.
        #[from]
        source: SessionError,
    },
}

impl IndexError {
    pub(super) fn new(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged { path, source },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path, source },
            _ => Self::Database { path, source },
        }
    }

    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    /// Whether the same operation can succeed later without anybody changing files.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }
}
