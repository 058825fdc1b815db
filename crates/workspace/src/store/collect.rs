//! Removing what nobody needs any more.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::path::Path;

use massgen_protocol::SnapshotId;
use rustix::fs::AtFlags;

use super::{SnapshotStore, StoreError, blob_path, snapshot_path, tree_path};
use crate::at;
use crate::lock::{Lock, OwnedLock};
use crate::tree::Node;

/// What [`SnapshotStore::remove_unused`] removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// How many snapshots.
    pub snapshots: u64,
    /// How many files of the store, contents and folders of snapshots together.
    pub files: u64,
    /// How many bytes those held.
    pub bytes: u64,
}

impl SnapshotStore {
    /// Removes every snapshot that is not in `keep`, and every content that then is in no snapshot.
    ///
    /// Snapshots that a process published or holds ([`Self::hold`]) which still has the store open are kept, its own
    /// too. Waits until nobody publishes or materialises, and keeps those who want to waiting.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a snapshot to be kept cannot be read: then nothing is removed.
    pub fn remove_unused(&self, keep: &[SnapshotId]) -> Result<Removed, StoreError> {
        let path = self.directory.join("lock");
        let _alone = Lock::alone(&path).map_err(|error| StoreError::io("lock the snapshot store by", &path, error))?;
        let mut kept: BTreeSet<SnapshotId> = keep.iter().cloned().collect();
        kept.extend(self.leased()?);
        let needed = self.needed(&kept)?;

        let mut removed = Removed::default();
        for name in self.names_in("snapshots")? {
            let unused = name.to_str().and_then(|name| name.parse().ok()).is_none_or(|id| !kept.contains(&id));
            if unused {
                removed.bytes += self.remove_file(&Path::new("snapshots").join(name))?;
                removed.snapshots += 1;
                removed.files += 1;
            }
        }
        if self.settings.synced && removed.snapshots > 0 {
            // No snapshot may come back after a loss of power without its content.
            let failed = |error: io::Error| StoreError::io("sync", &self.directory.join("snapshots"), error);
            let folder = at::open_directory_at(&self.root, OsStr::new("snapshots")).map_err(failed)?;
            rustix::fs::fsync(&folder).map_err(|error| failed(error.into()))?;
        }
        for kind in ["trees", "blobs"] {
            for head in self.names_in(kind)? {
                let folder = Path::new(kind).join(head);
                for name in self.names_in(&folder)? {
                    let path = folder.join(name);
                    if path.to_str().is_none_or(|path| !needed.contains(path)) {
                        removed.bytes += self.remove_file(&path)?;
                        removed.files += 1;
                    }
                }
            }
        }
        Ok(removed)
    }

    /// What the processes that have the store open published or hold. Leases of others are removed.
    fn leased(&self) -> Result<Vec<SnapshotId>, StoreError> {
        let mut leased = Vec::new();
        for name in self.names_in("leases")? {
            let path = self.directory.join("leases").join(name);
            let failed = |error| StoreError::io("read", &path, error);
            if let Ok(dead) = OwnedLock::take(&path).map_err(failed)? {
                drop(dead);
                continue;
            }
            let text = std::fs::read_to_string(&path).map_err(failed)?;
            leased.extend(text.lines().filter_map(|line| line.parse().ok()));
        }
        Ok(leased)
    }

    /// The files of the store that hold the content of these snapshots. Those that are not here are passed over.
    fn needed(&self, kept: &BTreeSet<SnapshotId>) -> Result<BTreeSet<String>, StoreError> {
        let mut needed = BTreeSet::new();
        for id in kept.iter().filter(|id| self.contains(id)) {
            needed.insert(snapshot_path(id));
            let mut left = vec![self.top(id)?];
            while let Some(tree) = left.pop() {
                for (_, node) in tree.entries {
                    match node {
                        Node::File { hash, executable, .. } => {
                            needed.insert(blob_path(&hash, executable));
                        }
                        Node::Directory(hash) => {
                            if needed.insert(tree_path(&hash)) {
                                left.push(self.tree(&hash)?);
                            }
                        }
                        Node::Symlink(_) => {}
                    }
                }
            }
        }
        Ok(needed)
    }

    fn names_in(&self, folder: impl AsRef<Path>) -> Result<Vec<std::ffi::OsString>, StoreError> {
        let folder = folder.as_ref();
        let names = at::open_directory_below(&self.root, folder).and_then(at::names);
        names.map_err(|error| StoreError::io("read", &self.directory.join(folder), error))
    }

    /// Removes a file of the store, and gives its length.
    fn remove_file(&self, path: &Path) -> Result<u64, StoreError> {
        let size = at::stat_at(&self.root, path.as_os_str()).ok().flatten();
        let size = size.and_then(|stat| u64::try_from(stat.st_size).ok()).unwrap_or(0);
        let removed = rustix::fs::unlinkat(&self.root, path, AtFlags::empty());
        removed.map_err(|error| StoreError::io("remove", &self.directory.join(path), error))?;
        Ok(size)
    }
}
