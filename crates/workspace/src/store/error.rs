//! What can go wrong with snapshots.

use std::io;
use std::path::{Path, PathBuf};

use massgen_protocol::SnapshotId;

/// Why an operation on a [`crate::SnapshotStore`] failed. Nothing half done is visible afterwards.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
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
    /// The directory holds something else.
    #[error("{0} is no snapshot store of this version of massgen: name a new or empty directory")]
    NotAStore(PathBuf),
    /// The snapshot is not here.
    #[error("there is no snapshot {0} in the store: it was never published here, or was removed as unused")]
    NoSuchSnapshot(SnapshotId),
    /// The snapshot holds no such file.
    #[error("snapshot {id} holds no file {path}")]
    NoSuchFile {
        /// Of which snapshot.
        id: SnapshotId,
        /// What was asked for.
        path: PathBuf,
    },
    /// A file of the store is missing or not what was written.
    #[error("the snapshot store is damaged: {0} is missing or was changed; publish the workspace again")]
    Damaged(PathBuf),
    /// The workspace holds too many entries.
    #[error(
        "{path} holds more than {entries_max} files and folders, the most that a snapshot may hold: \
         remove what is not part of the answer"
    )]
    TooManyEntries {
        /// The workspace.
        path: PathBuf,
        /// The limit.
        entries_max: u64,
    },
    /// The workspace's files are too large.
    #[error(
        "the files in {path} hold more than {bytes_max} bytes, the most that a snapshot may hold: \
         remove what is not part of the answer"
    )]
    TooLarge {
        /// The workspace.
        path: PathBuf,
        /// The limit.
        bytes_max: u64,
    },
    /// There is something where a snapshot was to be written.
    #[error("{0} is not empty: a snapshot is written only into a new or empty directory")]
    NotEmpty(PathBuf),
    /// Somebody else is writing a snapshot there.
    #[error("another process is writing a snapshot into {0}: wait for it, or name another directory")]
    InUse(PathBuf),
}

impl StoreError {
    pub(crate) fn io(doing: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io { doing, path: path.to_path_buf(), source: source.into() }
    }

    /// Whether a disk or a quota was full: room made, the same operation can succeed.
    #[must_use]
    pub fn is_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }
}
