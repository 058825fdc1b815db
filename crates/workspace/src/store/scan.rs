//! Looking through a workspace: what is there, and what of it is known already.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::FileType;
use rustix::io::Errno;

use super::publish::{Skipped, WhySkipped};
use super::{SnapshotStore, StoreError, blob_path};
use crate::hash::ContentHash;
use crate::limits::GENERATED_MARK;
use crate::stamp::Stamp;
use crate::stat_cache::StatCache;
use crate::{at, limits, links};

/// A workspace as it was found. Folders come before those in them; the first is the workspace itself.
#[derive(Default)]
pub(super) struct Scan {
    pub(super) folders: Vec<ScannedFolder>,
    pub(super) skipped: Vec<Skipped>,
}

pub(super) struct ScannedFolder {
    /// Below the workspace.
    pub(super) path: PathBuf,
    /// Sorted by name.
    pub(super) entries: Vec<(OsString, Scanned)>,
}

pub(super) enum Scanned {
    /// A file that was not touched since its content was stored.
    Known {
        hash: ContentHash,
        size: u64,
        executable: bool,
    },
    /// A file to be read.
    Unknown,
    /// A folder: its place in [`Scan::folders`].
    Folder(usize),
    Symlink(OsString),
    /// Turned out to be no part of the snapshot.
    LeftOut,
}

/// The work of looking through one workspace.
pub(super) struct Scanner<'a> {
    pub(super) store: &'a SnapshotStore,
    pub(super) workspace: &'a Path,
    pub(super) known: &'a StatCache,
    /// What is noted for the next time.
    pub(super) noted: &'a mut StatCache,
    pub(super) now: SystemTime,
    pub(super) store_place: (u64, u64),
    pub(super) scan: Scan,
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

impl Scanner<'_> {
    /// Looks through `folder`, which stands at `path`, and gives its place in [`Scan::folders`].
    pub(super) fn folder(&mut self, folder: &OwnedFd, path: &Path, depth: usize) -> Result<usize, StoreError> {
        let at = self.scan.folders.len();
        let names = at::names(folder).map_err(|error| self.failed(path, error))?;
        self.scan.folders.push(ScannedFolder { path: path.to_path_buf(), entries: Vec::new() });
        let called = path.file_name().unwrap_or_default();
        let mut entries = Vec::with_capacity(names.len());
        for name in names {
            if limits::is_excluded(called, &name) {
                continue;
            }
            let entry_path = path.join(&name);
            let entry = match self.entry(folder, &name, &entry_path, depth)? {
                Ok(entry) => entry,
                Err(WhySkipped::Generated) => continue,
                Err(why) => {
                    self.scan.skipped.push(Skipped { path: entry_path, why });
                    continue;
                }
            };
            self.entries += 1;
            let entries_max = self.store.settings.entries_max;
            if self.entries > entries_max {
                return Err(StoreError::TooManyEntries { path: self.workspace.to_path_buf(), entries_max });
            }
            entries.push((name, entry));
        }
        if let Some(folder) = self.scan.folders.get_mut(at) {
            folder.entries = entries;
        }
        Ok(at)
    }

    fn entry(
        &mut self,
        folder: &OwnedFd,
        name: &OsStr,
        path: &Path,
        depth: usize,
    ) -> Result<Result<Scanned, WhySkipped>, StoreError> {
        let stat = match at::stat_at(folder, name) {
            Ok(Some(stat)) => stat,
            Ok(None) => return Ok(Err(WhySkipped::Vanished)),
            Err(error) => return self.skip_or_fail(path, error).map(Err),
        };
        match at::kind(&stat) {
            FileType::RegularFile => {
                let stamp = Stamp::of(&stat);
                self.bytes = self.bytes.saturating_add(stamp.size);
                let bytes_max = self.store.settings.bytes_max;
                if self.bytes > bytes_max {
                    return Err(StoreError::TooLarge { path: self.workspace.to_path_buf(), bytes_max });
                }
                let executable = at::is_executable(&stat);
                let known = self.known.known(&stamp);
                // Asked of the store each time: that makes it whole again after files of it were lost.
                let known = known.filter(|hash| self.store.holds_blob(&blob_path(hash, executable), stamp.size));
                Ok(Ok(known.map_or(Scanned::Unknown, |hash| {
                    self.noted.note(stamp, hash, self.now);
                    Scanned::Known { hash, size: stamp.size, executable }
                })))
            }
            FileType::Directory => {
                if (Stamp::of(&stat).device, Stamp::of(&stat).inode) == self.store_place {
                    return Ok(Err(WhySkipped::Store));
                }
                if depth >= self.store.settings.depth_max {
                    return Ok(Err(WhySkipped::TooDeep));
                }
                match at::open_directory_at(folder, name) {
                    Ok(below) if matches!(at::stat_at(&below, OsStr::new(GENERATED_MARK)), Ok(Some(_))) => {
                        Ok(Err(WhySkipped::Generated))
                    }
                    Ok(below) => match rustix::fs::accessat(
                        &below,
                        ".",
                        rustix::fs::Access::EXEC_OK,
                        rustix::fs::AtFlags::empty(),
                    ) {
                        Ok(()) => Ok(Ok(Scanned::Folder(self.folder(&below, path, depth + 1)?))),
                        Err(_) => Ok(Err(WhySkipped::Unreadable)),
                    },
                    Err(error) => self.skip_or_fail(path, error).map(Err),
                }
            }
            FileType::Symlink => match at::read_link_at(folder, name) {
                Ok(target) if links::stays_inside(&target, depth) => Ok(Ok(Scanned::Symlink(target))),
                Ok(target) if Path::new(&target).join(GENERATED_MARK).exists() => Ok(Err(WhySkipped::Generated)),
                Ok(_) => Ok(Err(WhySkipped::LinkLeadsOutside)),
                Err(error) => self.skip_or_fail(path, error).map(Err),
            },
            _ => Ok(Err(WhySkipped::NotAFile)),
        }
    }

    fn skip_or_fail(&self, path: &Path, error: io::Error) -> Result<WhySkipped, StoreError> {
        why_skipped(&error).ok_or_else(|| self.failed(path, error))
    }

    fn failed(&self, path: &Path, error: impl Into<io::Error>) -> StoreError {
        StoreError::io("read", &self.workspace.join(path), error)
    }
}

/// Why a file that gave this error is left out; nothing when the error is not the file's own.
pub(super) fn why_skipped(error: &io::Error) -> Option<WhySkipped> {
    match Errno::from_io_error(error)? {
        // A link where a file or folder was, a socket where a file was, a text that is no link.
        Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::NXIO | Errno::INVAL => Some(WhySkipped::Vanished),
        Errno::ACCESS | Errno::PERM => Some(WhySkipped::Unreadable),
        _ => None,
    }
}
