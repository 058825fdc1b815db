//! Making a view again what it was, in place.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::FileType;

use super::record::wait_until_settled;
use crate::hash::ContentHash;
use crate::stamp::Stamp;
use crate::stat_cache::StatCache;
use crate::store::{Materialised, Sharing, SnapshotStore, StoreError, Writer, untouched};
use crate::tree::{Node, Tree};
use crate::{at, remove};

/// Compares a view with its snapshot, and puts right what differs: each file in one step, so that whoever looks sees
/// either what the view's owner left there or what the peer published.
pub(super) struct Repair<'a> {
    store: &'a SnapshotStore,
    path: &'a Path,
    staging: &'a OwnedFd,
    known: &'a StatCache,
    now: SystemTime,
    staged: Vec<StagedFile>,
    done: Repaired,
}

/// What a [`Repair`] found and did.
#[derive(Default)]
pub(super) struct Repaired {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) written: Materialised,
    pub(super) changed: bool,
    /// What the files of the view look like now.
    pub(super) stamps: StatCache,
}

/// A file that was written again, and where it belongs.
struct StagedFile {
    name: OsString,
    folder: PathBuf,
    wanted: OsString,
    hash: ContentHash,
    stamp: Stamp,
}

impl<'a> Repair<'a> {
    pub(super) fn new(store: &'a SnapshotStore, path: &'a Path, staging: &'a OwnedFd, known: &'a StatCache) -> Self {
        Self { store, path, staging, known, now: SystemTime::now(), staged: Vec::new(), done: Repaired::default() }
    }

    /// Repairs the view that `folder` is, of the snapshot with this top folder.
    pub(super) fn of(mut self, folder: &OwnedFd, top: Tree) -> Result<Repaired, StoreError> {
        let mut left = vec![(PathBuf::new(), top)];
        while let Some((path, tree)) = left.pop() {
            let below = self.folder(folder, &path, &tree)?;
            for (name, hash) in below {
                left.push((path.join(name), self.store.tree(&hash)?));
            }
        }
        self.place(folder)?;
        Ok(self.done)
    }

    /// Repairs one folder without those in it, and gives those.
    fn folder(&mut self, root: &OwnedFd, path: &Path, tree: &Tree) -> Result<Vec<(OsString, ContentHash)>, StoreError> {
        let (view, staging) = (self.path, self.staging);
        let failed = |error: io::Error| StoreError::io("restore", &view.join(path), error);
        let folder = at::open_directory_below(root, path).map_err(failed)?;
        for name in at::names(&folder).map_err(failed)? {
            if tree.get(&name).is_none() {
                remove::remove_at(&folder, &name).map_err(failed)?;
                self.done.changed = true;
            }
        }
        let writer = Writer::new(self.store, staging, view, Sharing::Private, None);
        let mut below = Vec::new();
        for (name, node) in &tree.entries {
            match node {
                Node::Directory(hash) => {
                    self.done.changed |= ensure_folder(&folder, name).map_err(failed)?;
                    below.push((name.clone(), *hash));
                }
                Node::Symlink(target) => {
                    if at::read_link_at(&folder, name).ok().as_ref() != Some(target) {
                        remove::remove_at(&folder, name).map_err(failed)?;
                        rustix::fs::symlinkat(target, &folder, name).map_err(|error| failed(error.into()))?;
                        self.done.changed = true;
                    }
                }
                Node::File { hash, size, executable } => {
                    self.done.files += 1;
                    self.done.bytes += size;
                    if let Some(stamp) = untouched(&folder, name, hash, *executable, self.known) {
                        self.done.stamps.note_moved(stamp, *hash, self.now);
                        continue;
                    }
                    let staged = OsString::from(format!("file-{}", self.staged.len()));
                    remove::remove_at(staging, &staged).map_err(failed)?;
                    self.done.written.add(writer.file(staging, &staged, hash, *size, *executable)?);
                    let stat = at::stat_at(staging, &staged).map_err(failed)?;
                    let Some(stamp) = stat.map(|stat| Stamp::of(&stat)) else { continue };
                    let (folder, wanted) = (path.to_path_buf(), name.clone());
                    self.staged.push(StagedFile { name: staged, folder, wanted, hash: *hash, stamp });
                }
            }
        }
        Ok(below)
    }

    /// Moves the files that were written again to where they belong.
    fn place(&mut self, root: &OwnedFd) -> Result<(), StoreError> {
        wait_until_settled(self.staged.iter().map(|file| file.stamp));
        for file in std::mem::take(&mut self.staged) {
            let failed = |error: io::Error| StoreError::io("restore", &self.path.join(&file.folder), error);
            let folder = at::open_directory_below(root, &file.folder).map_err(failed)?;
            let there = at::stat_at(&folder, &file.wanted).map_err(failed)?;
            if there.is_some_and(|there| at::kind(&there) == FileType::Directory) {
                remove::remove_at(&folder, &file.wanted).map_err(failed)?;
            }
            rustix::fs::renameat(self.staging, &file.name, &folder, &file.wanted)
                .map_err(|error| failed(error.into()))?;
            self.done.changed = true;
            if let Ok(Some(stat)) = at::stat_at(&folder, &file.wanted) {
                let stamp = Stamp::of(&stat);
                if (Stamp { changed_ns: file.stamp.changed_ns, ..stamp }) == file.stamp {
                    self.done.stamps.note_moved(stamp, file.hash, SystemTime::now());
                }
            }
        }
        Ok(())
    }
}

/// Makes `name` a folder that can be used. Whether that changed anything.
fn ensure_folder(folder: &OwnedFd, name: &OsStr) -> io::Result<bool> {
    match at::stat_at(folder, name)? {
        Some(stat) if at::kind(&stat) == FileType::Directory => {
            remove::open_again(folder, name)?;
            return Ok(stat.st_mode & 0o700 != 0o700);
        }
        Some(_) => remove::remove_at(folder, name)?,
        None => {}
    }
    at::ensure_directory_at(folder, name)?;
    Ok(true)
}
