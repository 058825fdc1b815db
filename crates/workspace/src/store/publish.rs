//! Publishing a workspace.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant, SystemTime};

use massgen_protocol::SnapshotId;

use super::ingest::{Ingest, Job, Outcome};
use super::scan::{Scan, Scanned, ScannedFolder, Scanner};
use super::staging::Staging;
use super::{SnapshotStore, StoreError, snapshot_path, tree_path};
use crate::at;
use crate::hash::ContentHash;
use crate::stamp::Stamp;
use crate::stat_cache::StatCache;
use crate::tree::{Node, Tree};

/// How many files one thread takes at a time.
const JOB_FILES: usize = 64;

/// What [`SnapshotStore::publish`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The snapshot's name.
    pub id: SnapshotId,
    /// How many files it holds.
    pub files: u64,
    /// How many bytes they hold together.
    pub bytes: u64,
    /// How many files were not in the store yet.
    pub stored_files: u64,
    /// How many bytes those hold.
    pub stored_bytes: u64,
    /// How many bytes of `stored_bytes` share their disk space with the workspace (reflinks).
    pub reflinked_bytes: u64,
    /// How many bytes it took to write down which folder holds what, beside the files.
    pub index_bytes: u64,
    /// What the workspace holds and the snapshot does not, sorted by path; at most [`Skipped::LISTED_MAX`].
    pub skipped: Vec<Skipped>,
    /// How many more were skipped than are listed.
    pub skipped_unlisted: u64,
    /// How long it took.
    pub duration: Duration,
}

/// Something in a workspace that its snapshot does not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// Where it stands, below the workspace.
    pub path: PathBuf,
    /// Why it was left out.
    pub why: WhySkipped,
}

impl Skipped {
    /// How many are listed at most.
    pub const LISTED_MAX: usize = 1_000;
}

/// Why something was left out of a snapshot. Its text form completes "…: left out, it is".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WhySkipped {
    /// A symbolic link that leads out of the workspace, or might.
    LinkLeadsOutside,
    /// A socket, a FIFO or a device.
    NotAFile,
    /// The permissions keep its content from being read.
    Unreadable,
    /// It went away, or became something else, while it was being read.
    Vanished,
    /// It was written to each time it was read.
    KeptChanging,
    /// It is nested deeper than the store's settings allow.
    TooDeep,
    /// It is the store itself.
    Store,
    /// Massgen made it, and can make it again ([`crate::GENERATED_MARK`]). Never listed.
    Generated,
}

impl std::fmt::Display for WhySkipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::LinkLeadsOutside => "a symbolic link that leads out of the workspace",
            Self::NotAFile => "a socket, FIFO or device",
            Self::Unreadable => "not readable",
            Self::Vanished => "gone or replaced while it was read",
            Self::KeptChanging => "written to each time it was read",
            Self::TooDeep => "nested too deep",
            Self::Store => "the snapshot store itself",
            Self::Generated => "made by massgen",
        })
    }
}

impl SnapshotStore {
    /// Publishes what `workspace` holds now as a snapshot, whole and immutable, and gives its name.
    ///
    /// The workspace may be in use: each file is stored as it was at some moment during the call. What cannot be part
    /// of a snapshot is left out and listed in [`Published::skipped`]; caches ([`crate::EXCLUDED_NAMES`]) are left out
    /// without a word. Files that were not touched since this workspace was last published are not read again.
    ///
    /// # Errors
    /// [`StoreError`] when the workspace cannot be read, is larger than the settings allow, or the store cannot be
    /// written, for example because the disk is full.
    pub fn publish(&self, workspace: &Path) -> Result<Published, StoreError> {
        let started = Instant::now();
        let failed = |error: io::Error| StoreError::io("read the workspace", workspace, error);
        let canonical = std::fs::canonicalize(workspace).map_err(failed)?;
        let root = at::open_directory(&canonical).map_err(failed)?;
        let _shared = self.lock_shared()?;

        let stamps = self.stamps_path(&canonical);
        let known = self.load_stamps(&stamps);
        let mut noted = StatCache::default();
        let mut scan = self.scan(&canonical, &root, &known, &mut noted)?;
        let staging = Staging::new(self)?;
        let ingest = Ingest {
            store: self,
            staging: &staging,
            workspace: &canonical,
            root: &root,
            clones: AtomicBool::new(true),
            sync_first: AtomicBool::new(false),
            stored_files: AtomicU64::new(0),
            stored_bytes: AtomicU64::new(0),
            reflinked_bytes: AtomicU64::new(0),
        };
        for outcome in ingest.run(&jobs(&scan))? {
            note_outcome(&mut scan, &mut noted, outcome);
        }
        let (stored_files, stored_bytes) = (ingest.stored_files.into_inner(), ingest.stored_bytes.into_inner());
        let reflinked_bytes = ingest.reflinked_bytes.into_inner();
        let mut skipped = std::mem::take(&mut scan.skipped);
        let folders = stage_folders(scan.folders, &staging, self)?;
        let id = ContentHash::of(&folders.top).snapshot();
        let mut index_bytes = folders.staged_bytes;
        // Whole already: then nothing was staged either, unless files of the store were lost.
        if stored_files > 0 || index_bytes > 0 || !self.contains(&id) {
            index_bytes += folders.top.len() as u64;
            staging.place(&folders.top, &snapshot_path(&id))?;
        }
        self.note_in_lease(&id)?;
        noted.subject = id.as_str().into();
        self.save_stamps(&stamps, &noted);

        skipped.sort_unstable();
        let skipped_unlisted = skipped.len().saturating_sub(Skipped::LISTED_MAX) as u64;
        skipped.truncate(Skipped::LISTED_MAX);
        Ok(Published {
            id,
            files: folders.files,
            bytes: folders.bytes,
            stored_files,
            stored_bytes,
            reflinked_bytes,
            index_bytes,
            skipped,
            skipped_unlisted,
            duration: started.elapsed(),
        })
    }

    fn scan(
        &self,
        workspace: &Path,
        root: &OwnedFd,
        known: &StatCache,
        noted: &mut StatCache,
    ) -> Result<Scan, StoreError> {
        let failed = |error: rustix::io::Errno| StoreError::io("read", &self.directory, error);
        let store = Stamp::of(&rustix::fs::fstat(&self.root).map_err(failed)?);
        let mut scanner = Scanner {
            store: self,
            workspace,
            known,
            noted,
            now: SystemTime::now(),
            store_place: (store.device, store.inode),
            scan: Scan::default(),
            entries: 0,
            bytes: 0,
        };
        scanner.folder(root, Path::new(""), 0)?;
        Ok(scanner.scan)
    }

    /// Where it is kept what this workspace looked like.
    fn stamps_path(&self, workspace: &Path) -> PathBuf {
        let name = ContentHash::of(workspace.as_os_str().as_bytes()).to_string();
        self.directory.join("stamps").join(name)
    }

    fn load_stamps(&self, path: &Path) -> StatCache {
        std::fs::read(path).ok().and_then(|bytes| StatCache::decode(&bytes)).unwrap_or_default()
    }

    /// Keeps the stamps for the next time. A failure costs time then, and nothing else.
    fn save_stamps(&self, path: &Path, stamps: &StatCache) {
        let save = || -> io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(self.directory.join("staging"))?;
            file.write_all(&stamps.encode())?;
            file.persist(path)?;
            Ok(())
        };
        let _ = save();
    }
}

/// The files of a scan that have to be read, in portions.
fn jobs(scan: &Scan) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (folder, scanned) in scan.folders.iter().enumerate() {
        let unknown = scanned.entries.iter().enumerate();
        let unknown = unknown.filter(|(_, (_, entry))| matches!(entry, Scanned::Unknown));
        let files: Vec<(usize, OsString)> = unknown.map(|(at, (name, _))| (at, name.clone())).collect();
        for files in files.chunks(JOB_FILES) {
            jobs.push(Job { path: scanned.path.clone(), folder, files: files.to_vec() });
        }
    }
    jobs
}

fn note_outcome(scan: &mut Scan, noted: &mut StatCache, outcome: Outcome) {
    let Some(folder) = scan.folders.get_mut(outcome.folder) else { return };
    let Some((name, entry)) = folder.entries.get_mut(outcome.entry) else { return };
    *entry = match outcome.taken {
        Ok(taken) => {
            noted.note(taken.stamp, taken.hash, taken.seen);
            Scanned::Known { hash: taken.hash, size: taken.stamp.size, executable: taken.executable }
        }
        Err(why) => {
            scan.skipped.push(Skipped { path: folder.path.join(name), why });
            Scanned::LeftOut
        }
    };
}

/// The folders of a snapshot, as they were staged.
struct Folders {
    /// The bytes of the top folder, which was not staged.
    top: Vec<u8>,
    files: u64,
    bytes: u64,
    staged_bytes: u64,
}

/// Stages every folder but the top one, those in a folder before it.
fn stage_folders(
    folders: Vec<ScannedFolder>,
    staging: &Staging<'_>,
    store: &SnapshotStore,
) -> Result<Folders, StoreError> {
    let mut staged = Folders { top: Vec::new(), files: 0, bytes: 0, staged_bytes: 0 };
    let mut hashes = vec![None; folders.len()];
    for (at, folder) in folders.into_iter().enumerate().rev() {
        let mut tree = Tree::default();
        for (name, entry) in folder.entries {
            let node = match entry {
                Scanned::Known { hash, size, executable } => {
                    staged.files += 1;
                    staged.bytes += size;
                    Node::File { hash, size, executable }
                }
                Scanned::Folder(below) => match hashes.get(below).copied().flatten() {
                    Some(hash) => Node::Directory(hash),
                    None => continue,
                },
                Scanned::Symlink(target) => Node::Symlink(target),
                Scanned::Unknown | Scanned::LeftOut => continue,
            };
            tree.entries.push((name, node));
        }
        let bytes = tree.encode();
        if at == 0 {
            staged.top = bytes;
            break;
        }
        let hash = ContentHash::of(&bytes);
        if let Some(place) = hashes.get_mut(at) {
            *place = Some(hash);
        }
        let path = tree_path(&hash);
        if !staging.has(&path) && !store.holds(&path) && staging.write(&bytes, path, false)? {
            staged.staged_bytes += bytes.len() as u64;
        }
    }
    Ok(staged)
}
