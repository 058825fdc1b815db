//! What a snapshot holds, as its readers see it.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::hash::ContentHash;

/// One file, folder or symbolic link of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands, below the snapshot's root.
    pub path: PathBuf,
    /// What it is.
    pub kind: EntryKind,
}

/// What an [`Entry`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File {
        /// Its length in bytes.
        size: u64,
        /// Whether its owner may execute it.
        executable: bool,
        /// The hash of its content.
        hash: ContentHash,
    },
    /// A folder.
    Directory,
    /// A symbolic link, which leads to a place inside the snapshot if it leads anywhere.
    Symlink {
        /// Its text.
        target: OsString,
    },
}
