//! What the tests share.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use massgen_protocol::SnapshotId;
use massgen_workspace::{SnapshotStore, StoreSettings};
use tempfile::TempDir;

/// Settings for tests: nothing here survives a loss of power, and need not.
pub(crate) fn settings() -> StoreSettings {
    StoreSettings { synced: false, ..StoreSettings::default() }
}

pub(crate) fn open(directory: &Path) -> SnapshotStore {
    SnapshotStore::open_with(directory, settings()).unwrap()
}

/// A temporary directory with a store in `store` and an empty `workspace`.
pub(crate) fn bench() -> (TempDir, SnapshotStore, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let store = open(&temporary.path().join("store"));
    let workspace = temporary.path().join("workspace");
    std::fs::create_dir(&workspace).unwrap();
    (temporary, store, workspace)
}

/// Writes a file, making the folders it needs.
pub(crate) fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// What a directory holds, as an ordinary program sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    File { content: Vec<u8>, executable: bool },
    Folder,
    Link(OsString),
    Other,
}

pub(crate) fn look(root: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut seen = BTreeMap::new();
    let mut left = vec![PathBuf::new()];
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            let metadata = std::fs::symlink_metadata(entry.path()).unwrap();
            let what = if metadata.is_dir() {
                left.push(path.clone());
                Seen::Folder
            } else if metadata.is_symlink() {
                Seen::Link(std::fs::read_link(entry.path()).unwrap().into_os_string())
            } else if metadata.is_file() {
                let executable = metadata.permissions().mode() & 0o100 != 0;
                Seen::File { content: std::fs::read(entry.path()).unwrap(), executable }
            } else {
                Seen::Other
            };
            seen.insert(path, what);
        }
    }
    seen
}

/// Checks every snapshot that can be seen in a store, and gives their names.
pub(crate) fn verify_all(store: &SnapshotStore) -> Vec<SnapshotId> {
    let names = std::fs::read_dir(store.directory().join("snapshots")).unwrap();
    let ids: Vec<SnapshotId> = names.map(|name| name.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
    for id in &ids {
        store.verify(id).unwrap();
    }
    ids
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Tells another thread to stop when the test is over, and also when it fails: the thread is waited for either way.
pub(crate) struct StopWhenDropped<'a>(pub(crate) &'a AtomicBool);

impl Drop for StopWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Tells that a test cannot run as `part` is missing; a failure where MASSGEN_TEST_PARTS demands the part.
pub(crate) fn skip(test: &str, part: &str, reason: &str) {
    let parts = std::env::var("MASSGEN_TEST_PARTS").unwrap_or_default();
    if parts.split(',').any(|demanded| demanded.trim() == part) {
        panic!("{test}: `{part}` is demanded by MASSGEN_TEST_PARTS, but {reason}");
    }
    eprintln!("SKIPPED {test}: {reason}");
}
