//! Writing a snapshot into a directory.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use massgen_protocol::SnapshotId;
use rustix::fs::{AtFlags, FlockOperation};
use rustix::io::Errno;

use super::ingest::try_clone;
use super::{SnapshotStore, StoreError, blob_path};
use crate::hash::ContentHash;
use crate::stamp::Stamp;
use crate::stat_cache::StatCache;
use crate::tree::{Node, Tree};
use crate::{at, jobs, remove};

/// How many files one thread writes at a time.
const JOB_FILES: usize = 64;

/// What a materialised snapshot may have in common with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// The receiver may write to it: reflinks where the file system has them, otherwise real copies.
    Private,
    /// Nobody will write to it: reflinks, otherwise hard links to the store's read-only files, otherwise copies.
    /// For logs. Files are read-only.
    ReadOnly,
}

/// What writing a snapshot into a directory took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Materialised {
    /// How many files were written.
    pub files: u64,
    /// How many bytes they hold together.
    pub bytes: u64,
    /// How many of `bytes` share their disk space with the store, and are copied when they are written to.
    pub reflinked_bytes: u64,
    /// How many of `bytes` are the store's own files under another name.
    pub linked_bytes: u64,
    /// How many of `bytes` were copied.
    pub copied_bytes: u64,
}

/// A tree of which files may be taken over: what it was when it was written, and where it is.
pub(crate) struct Reuse<'a> {
    pub(crate) directory: &'a OwnedFd,
    pub(crate) stamps: &'a StatCache,
}

/// Writes folders of snapshots into open, private directories.
pub(crate) struct Writer<'a> {
    store: &'a SnapshotStore,
    /// The directory in which paths start, and its path for messages.
    root: &'a OwnedFd,
    root_path: &'a Path,
    sharing: Sharing,
    reuse: Option<Reuse<'a>>,
    clones: AtomicBool,
}

/// Some files of one folder, to be written by one thread.
struct Job {
    path: PathBuf,
    files: Vec<WantedFile>,
}

#[derive(Clone)]
struct WantedFile {
    name: OsString,
    hash: ContentHash,
    size: u64,
    executable: bool,
}

impl Materialised {
    pub(crate) fn add(&mut self, other: Self) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.reflinked_bytes += other.reflinked_bytes;
        self.linked_bytes += other.linked_bytes;
        self.copied_bytes += other.copied_bytes;
    }
}

impl SnapshotStore {
    /// Writes the snapshot into `into`, which must be missing or an empty directory.
    ///
    /// The directory appears whole or not at all: it is written beside (as `.<name>.partial`) and renamed. That
    /// replaces the directory itself; one that is mounted somewhere is filled by [`crate::Workspace::fill_from`].
    ///
    /// # Errors
    /// [`StoreError::NoSuchSnapshot`]; [`StoreError::NotEmpty`]; [`StoreError::Io`] when it cannot be written.
    pub fn materialise(&self, id: &SnapshotId, into: &Path, sharing: Sharing) -> Result<Materialised, StoreError> {
        let failed = |error: io::Error| StoreError::io("write a snapshot into", into, error);
        let name = into.file_name().ok_or_else(|| StoreError::NotEmpty(into.to_path_buf()))?;
        let parent_path = match into.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        if std::fs::read_dir(into).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(StoreError::NotEmpty(into.to_path_buf()));
        }
        let _shared = self.lock_shared()?;
        let top = self.top(id)?;
        std::fs::create_dir_all(parent_path).map_err(failed)?;
        let parent = at::open_directory(parent_path).map_err(failed)?;

        let mut partial_name = OsString::from(".");
        partial_name.push(name);
        partial_name.push(".partial");
        let partial = claim_partial(&parent, &partial_name).map_err(failed)?;
        let partial = partial.ok_or_else(|| StoreError::InUse(into.to_path_buf()))?;
        let written = Writer::new(self, &partial, into, sharing, None).folder(Path::new(""), top);
        let placed = written.and_then(|written| match rustix::fs::renameat(&parent, &partial_name, &parent, name) {
            Ok(()) => Ok(written),
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => Err(StoreError::NotEmpty(into.to_path_buf())),
            Err(error) => Err(failed(error.into())),
        });
        if placed.is_err() {
            // Whatever stays is removed by whoever writes here next.
            let _ = remove::remove_at(&parent, &partial_name);
        }
        placed
    }

    /// Keeps [`Self::remove_unused`] away while the value lives.
    pub(crate) fn in_use(&self) -> Result<crate::lock::Lock, StoreError> {
        self.lock_shared()
    }
}

impl<'a> Writer<'a> {
    pub(crate) fn new(
        store: &'a SnapshotStore,
        root: &'a OwnedFd,
        root_path: &'a Path,
        sharing: Sharing,
        reuse: Option<Reuse<'a>>,
    ) -> Self {
        Self { store, root, root_path, sharing, reuse, clones: AtomicBool::new(true) }
    }

    /// Writes everything that `tree` holds into the folder at `path`, which holds none of it.
    pub(crate) fn folder(&self, path: &Path, tree: Tree) -> Result<Materialised, StoreError> {
        let mut jobs = Vec::new();
        let mut left = vec![(path.to_path_buf(), tree)];
        while let Some((path, tree)) = left.pop() {
            let failed = |error: io::Error| self.failed(&path, error);
            let folder = at::open_directory_below(self.root, &path).map_err(failed)?;
            let mut files = Vec::new();
            for (name, node) in tree.entries {
                match node {
                    Node::File { hash, size, executable } => files.push(WantedFile { name, hash, size, executable }),
                    Node::Symlink(target) => {
                        rustix::fs::symlinkat(&target, &folder, &name).map_err(|error| failed(error.into()))?;
                    }
                    Node::Directory(hash) => {
                        at::ensure_directory_at(&folder, &name).map_err(failed)?;
                        left.push((path.join(&name), self.store.tree(&hash)?));
                    }
                }
            }
            for files in files.chunks(JOB_FILES) {
                jobs.push(Job { path: path.clone(), files: files.to_vec() });
            }
        }
        let mut total = Materialised::default();
        for written in jobs::run(self.store.settings.threads, &jobs, |job| self.job(job))? {
            total.add(written);
        }
        Ok(total)
    }

    /// Writes one file under a name that is free.
    pub(crate) fn file(
        &self,
        folder: &OwnedFd,
        name: &OsStr,
        hash: &ContentHash,
        size: u64,
        executable: bool,
    ) -> Result<Materialised, StoreError> {
        let failed = |error: io::Error| self.failed(Path::new(name), error);
        let mut written = Materialised { files: 1, bytes: size, ..Materialised::default() };
        let path = blob_path(hash, executable);
        let blob = File::from(self.store.open_blob(hash, executable)?);
        let mode = match (self.sharing, executable) {
            (Sharing::Private, false) => 0o666,
            (Sharing::Private, true) => 0o777,
            (Sharing::ReadOnly, false) => 0o444,
            (Sharing::ReadOnly, true) => 0o555,
        };
        if self.sharing == Sharing::ReadOnly && !self.clones.load(Ordering::Relaxed) {
            // Refused across file systems, past the greatest number of links, and by some file systems at all.
            if rustix::fs::linkat(&self.store.root, &path, folder, name, AtFlags::empty()).is_ok() {
                written.linked_bytes = size;
                return Ok(written);
            }
        }
        let file = File::from(at::create_file_at(folder, name, mode).map_err(failed)?);
        if self.clones.load(Ordering::Relaxed) && size > 0 {
            if try_clone(&file, &blob, &self.clones) {
                written.reflinked_bytes = size;
                return Ok(written);
            }
            if self.sharing == Sharing::ReadOnly {
                rustix::fs::unlinkat(folder, name, AtFlags::empty()).map_err(|error| failed(error.into()))?;
                self.clones.store(false, Ordering::Relaxed);
                return self.file(folder, name, hash, size, executable);
            }
        }
        if io::copy(&mut &blob, &mut &file).map_err(failed)? != size {
            return Err(StoreError::Damaged(self.store.directory.join(path)));
        }
        written.copied_bytes = size;
        Ok(written)
    }

    fn job(&self, job: &Job) -> Result<Materialised, StoreError> {
        let failed = |error: io::Error| self.failed(&job.path, error);
        let folder = at::open_directory_below(self.root, &job.path).map_err(failed)?;
        let old = self.reuse.as_ref().and_then(|reuse| at::open_directory_below(reuse.directory, &job.path).ok());
        let mut total = Materialised::default();
        for wanted in &job.files {
            if let Some(old) = &old
                && self.take_over(old, &folder, wanted)
            {
                let (bytes, linked_bytes) = (wanted.size, wanted.size);
                total.add(Materialised { files: 1, bytes, linked_bytes, ..Materialised::default() });
                continue;
            }
            total.add(self.file(&folder, &wanted.name, &wanted.hash, wanted.size, wanted.executable)?);
        }
        Ok(total)
    }

    /// Takes a file over from the tree before, if it is there, the same and untouched.
    fn take_over(&self, old: &OwnedFd, folder: &OwnedFd, wanted: &WantedFile) -> bool {
        let Some(reuse) = &self.reuse else { return false };
        untouched(old, &wanted.name, &wanted.hash, wanted.executable, reuse.stamps).is_some()
            && rustix::fs::linkat(old, &wanted.name, folder, &wanted.name, AtFlags::empty()).is_ok()
    }

    fn failed(&self, path: &Path, error: io::Error) -> StoreError {
        StoreError::io("write", &self.root_path.join(path), error)
    }
}

/// The stamp of the file `name`, if it has this content and was not touched since `stamps` were taken.
pub(crate) fn untouched(
    folder: &OwnedFd,
    name: &OsStr,
    hash: &ContentHash,
    executable: bool,
    stamps: &StatCache,
) -> Option<Stamp> {
    let stat = at::stat_at(folder, name).ok().flatten()?;
    let stamp = Stamp::of(&stat);
    (at::is_executable(&stat) == executable && stamps.known(&stamp) == Some(*hash)).then_some(stamp)
}

/// Makes a folder for writing in, removing what somebody left there who was stopped. Nothing when its writer lives.
fn claim_partial(parent: &OwnedFd, name: &OsStr) -> io::Result<Option<OwnedFd>> {
    at::ensure_directory_at(parent, name)?;
    let partial = at::open_directory_at(parent, name)?;
    match rustix::fs::flock(partial.as_fd(), FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    // Whoever held it before may have put it in its place in the meantime.
    let held = Stamp::of(&rustix::fs::fstat(&partial)?);
    let there = at::stat_at(parent, name)?.map(|stat| Stamp::of(&stat));
    if there.is_none_or(|there| (there.device, there.inode) != (held.device, held.inode)) {
        return Ok(None);
    }
    remove::empty(&partial, |_| false)?;
    Ok(Some(partial))
}
