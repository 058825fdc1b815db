//! What a snapshot may hold.

use std::ffi::OsStr;

/// Names that no snapshot holds, wherever they stand in a workspace: caches that programs fill again by themselves, and
/// massgen's own folders. So is `node_modules/.cache`.
///
/// Everything else is kept, `.git`, `node_modules` and virtual environments too: a peer must be able to run what it
/// judges. The limits of [`StoreSettings`] bound what that costs.
pub const EXCLUDED_NAMES: [&str; 6] =
    ["__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".massgen", ".massgen-filling"];

/// A folder that holds a file of this name was made by massgen, and can be made again: no snapshot holds it, nor a
/// symbolic link to it.
pub const GENERATED_MARK: &str = ".massgen-generated";

/// How a [`crate::SnapshotStore`] works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// How many files, folders and symbolic links one snapshot may hold.
    pub entries_max: u64,
    /// How many bytes the files of one snapshot may hold together.
    pub bytes_max: u64,
    /// How deep the folders of one snapshot may be nested; deeper ones are left out and reported.
    pub depth_max: usize,
    /// How many threads read or copy files; one thread makes every operation's system calls a fixed sequence.
    pub threads: usize,
    /// Whether a published snapshot survives the loss of power too. Without it, it survives the end of every process.
    pub synced: bool,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { entries_max: 200_000, bytes_max: 8 << 30, depth_max: 100, threads: 2, synced: true }
    }
}

/// Whether snapshots leave out what is called `name` in a folder called `folder`.
pub(crate) fn is_excluded(folder: &OsStr, name: &OsStr) -> bool {
    EXCLUDED_NAMES.iter().any(|excluded| name == *excluded) || (name == ".cache" && folder == "node_modules")
}
