//! Reading from snapshots.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use massgen_protocol::SnapshotId;
use rustix::io::Errno;

use super::ingest::hash_of;
use super::{Entry, EntryKind, SnapshotStore, StoreError, blob_path, snapshot_path, tree_path};
use crate::at;
use crate::hash::ContentHash;
use crate::tree::{Node, Tree};

impl SnapshotStore {
    /// Everything that the snapshot holds: each folder before what is in it, the entries of a folder sorted by name.
    ///
    /// # Errors
    /// [`StoreError::NoSuchSnapshot`]; [`StoreError::Damaged`] or [`StoreError::Io`] when the store cannot be read.
    pub fn entries(&self, id: &SnapshotId) -> Result<Vec<Entry>, StoreError> {
        let _shared = self.lock_shared()?;
        let mut entries = Vec::new();
        // What is still to be listed, the next last.
        let mut left: Vec<(PathBuf, Node)> = Vec::new();
        let below = |left: &mut Vec<(PathBuf, Node)>, path: &Path, tree: Tree| {
            left.extend(tree.entries.into_iter().rev().map(|(name, node)| (path.join(name), node)));
        };
        below(&mut left, Path::new(""), self.top(id)?);
        while let Some((path, node)) = left.pop() {
            let kind = match node {
                Node::File { hash, size, executable } => EntryKind::File { size, executable, hash },
                Node::Symlink(target) => EntryKind::Symlink { target },
                Node::Directory(hash) => {
                    below(&mut left, &path, self.tree(&hash)?);
                    EntryKind::Directory
                }
            };
            entries.push(Entry { path, kind });
        }
        Ok(entries)
    }

    /// Whether the snapshot holds nothing at all, not even a folder.
    ///
    /// # Errors
    /// As [`Self::entries`].
    pub fn is_empty(&self, id: &SnapshotId) -> Result<bool, StoreError> {
        Ok(self.top(id)?.entries.is_empty())
    }

    /// The content of the file at `path` below the snapshot's root. Symbolic links are not followed.
    ///
    /// The whole file comes into memory: look at its size in [`Self::entries`] first where it matters.
    ///
    /// # Errors
    /// [`StoreError::NoSuchSnapshot`]; [`StoreError::NoSuchFile`]; [`StoreError::Damaged`] when the content is not
    /// what was stored.
    pub fn read(&self, id: &SnapshotId, path: &Path) -> Result<Vec<u8>, StoreError> {
        let _shared = self.lock_shared()?;
        let missing = || StoreError::NoSuchFile { id: id.clone(), path: path.to_path_buf() };
        let mut tree = self.top(id)?;
        let mut components = path.components();
        while let Some(component) = components.next() {
            let Component::Normal(name) = component else { return Err(missing()) };
            match tree.get(name) {
                Some(Node::Directory(hash)) => tree = self.tree(hash)?,
                Some(Node::File { hash, executable, .. }) if components.as_path() == Path::new("") => {
                    return self.checked(&blob_path(hash, *executable), hash);
                }
                _ => return Err(missing()),
            }
        }
        Err(missing())
    }

    /// Reads everything that the snapshot holds and checks that it is what was published.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] naming the first file of the store that is missing or was changed.
    pub fn verify(&self, id: &SnapshotId) -> Result<(), StoreError> {
        let _shared = self.lock_shared()?;
        let mut buffer = Vec::new();
        for entry in self.entries(id)? {
            let EntryKind::File { size, executable, hash } = entry.kind else { continue };
            let path = blob_path(&hash, executable);
            let file = File::from(self.open_file(&path)?);
            let failed = |error| StoreError::io("read", &self.directory.join(&path), error);
            if hash_of(&file, size, &mut buffer).map_err(failed)? != (hash, size) {
                return Err(StoreError::Damaged(self.directory.join(&path)));
            }
        }
        Ok(())
    }

    /// The snapshot's top folder.
    pub(crate) fn top(&self, id: &SnapshotId) -> Result<Tree, StoreError> {
        let missing = || StoreError::NoSuchSnapshot(id.clone());
        if !self.contains(id) {
            return Err(missing());
        }
        let hash = ContentHash::of_snapshot(id).ok_or_else(missing)?;
        self.checked_tree(&snapshot_path(id), &hash)
    }

    /// A folder that another one names.
    pub(crate) fn tree(&self, hash: &ContentHash) -> Result<Tree, StoreError> {
        self.checked_tree(&tree_path(hash), hash)
    }

    /// The content of a file, open for reading.
    pub(super) fn open_blob(&self, hash: &ContentHash, executable: bool) -> Result<OwnedFd, StoreError> {
        self.open_file(&blob_path(hash, executable))
    }

    fn checked_tree(&self, path: &str, hash: &ContentHash) -> Result<Tree, StoreError> {
        let damaged = || StoreError::Damaged(self.directory.join(path));
        Tree::decode(&self.checked(path, hash)?).ok_or_else(damaged)
    }

    fn checked(&self, path: &str, hash: &ContentHash) -> Result<Vec<u8>, StoreError> {
        let mut content = Vec::new();
        let failed = |error| StoreError::io("read", &self.directory.join(path), error);
        File::from(self.open_file(path)?).read_to_end(&mut content).map_err(failed)?;
        if ContentHash::of(&content) != *hash {
            return Err(StoreError::Damaged(self.directory.join(path)));
        }
        Ok(content)
    }

    fn open_file(&self, path: &str) -> Result<OwnedFd, StoreError> {
        at::open_file_at(&self.root, path.as_ref()).map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::NOENT) => StoreError::Damaged(self.directory.join(path)),
            _ => StoreError::io("read", &self.directory.join(path), error),
        })
    }
}
