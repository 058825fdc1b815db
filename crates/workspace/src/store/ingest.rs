//! Taking files of a workspace into the store.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use rustix::fs::FileType;
use rustix::io::Errno;

use super::publish::WhySkipped;
use super::scan::why_skipped;
use super::staging::{SYNCED_SINGLY_MAX, Staging};
use super::{SnapshotStore, StoreError, blob_path};
use crate::at;
use crate::hash::ContentHash;
use crate::jobs;
use crate::stamp::Stamp;

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 3;

/// Files up to this size are read into memory as a whole, and so read once.
const SMALL_BYTES: u64 = 256 * 1024;

/// Smaller files are written, not cloned: they share nothing worth a clone.
const CLONED_BYTES_MIN: u64 = 4 * 1024;

const CHUNK_BYTES: usize = 1024 * 1024;

/// Some files of one folder, to be taken by one thread.
pub(super) struct Job {
    /// The folder, below the workspace.
    pub(super) path: PathBuf,
    /// The folder's place in the scan.
    pub(super) folder: usize,
    /// The files' places in the folder, and their names.
    pub(super) files: Vec<(usize, OsString)>,
}

/// What became of one file of a [`Job`].
pub(super) struct Outcome {
    pub(super) folder: usize,
    pub(super) entry: usize,
    pub(super) taken: Result<Taken, WhySkipped>,
}

/// A file whose content is in the store or staged for it.
pub(super) struct Taken {
    pub(super) hash: ContentHash,
    pub(super) stamp: Stamp,
    pub(super) executable: bool,
    /// When reading began.
    pub(super) seen: SystemTime,
}

pub(super) struct Ingest<'a> {
    pub(super) store: &'a SnapshotStore,
    pub(super) staging: &'a Staging<'a>,
    pub(super) workspace: &'a Path,
    pub(super) root: &'a OwnedFd,
    pub(super) clones: AtomicBool,
    /// Whether the workspace's file system still is to be synced before more is cloned.
    pub(super) sync_first: AtomicBool,
    pub(super) stored_files: AtomicU64,
    pub(super) stored_bytes: AtomicU64,
    pub(super) reflinked_bytes: AtomicU64,
}

impl Ingest<'_> {
    pub(super) fn run(&self, jobs: &[Job]) -> Result<Vec<Outcome>, StoreError> {
        let files: usize = jobs.iter().map(|job| job.files.len()).sum();
        self.sync_first.store(files > SYNCED_SINGLY_MAX, Ordering::Relaxed);
        let outcomes = jobs::run(self.store.settings.threads, jobs, |job| self.job(job))?;
        Ok(outcomes.into_iter().flatten().collect())
    }

    fn job(&self, job: &Job) -> Result<Vec<Outcome>, StoreError> {
        let outcome = |entry, taken| Outcome { folder: job.folder, entry, taken };
        let folder = match at::open_directory_below(self.root, &job.path) {
            Ok(folder) => folder,
            Err(error) => {
                let why = why_skipped(&error).ok_or_else(|| self.failed(&job.path, error))?;
                return Ok(job.files.iter().map(|(entry, _)| outcome(*entry, Err(why))).collect());
            }
        };
        let mut buffer = Vec::new();
        let mut outcomes = Vec::with_capacity(job.files.len());
        for (entry, name) in &job.files {
            let taken = self.file(&folder, name, &job.path, &mut buffer)?;
            outcomes.push(outcome(*entry, taken));
        }
        Ok(outcomes)
    }

    fn file(
        &self,
        folder: &OwnedFd,
        name: &OsString,
        path: &Path,
        buffer: &mut Vec<u8>,
    ) -> Result<Result<Taken, WhySkipped>, StoreError> {
        for _ in 0..ATTEMPTS {
            let seen = SystemTime::now();
            let file = match at::open_file_at(folder, name) {
                Ok(file) => File::from(file),
                Err(error) => {
                    let error = match why_skipped(&error) {
                        Some(why) => return Ok(Err(why)),
                        None => error,
                    };
                    return Err(self.failed(&path.join(name), error));
                }
            };
            let failed = |error: io::Error| self.failed(&path.join(name), error);
            let stat = rustix::fs::fstat(&file).map_err(|error| failed(error.into()))?;
            if at::kind(&stat) != FileType::RegularFile {
                return Ok(Err(WhySkipped::Vanished));
            }
            let stamp = Stamp::of(&stat);
            let executable = at::is_executable(&stat);
            let taken = if stamp.size <= SMALL_BYTES {
                self.small(&file, stamp.size, executable, buffer)
            } else {
                self.large(&file, stamp.size, executable, buffer)
            };
            let hash = match taken {
                Ok(hash) => hash,
                Err(IngestError::Store(error)) => return Err(error),
                Err(IngestError::Source(error)) => match why_skipped(&error) {
                    Some(why) => return Ok(Err(why)),
                    None => return Err(failed(error)),
                },
            };
            let after = rustix::fs::fstat(&file).map_err(|error| failed(error.into()))?;
            match hash {
                Some(hash) if Stamp::of(&after) == stamp => {
                    return Ok(Ok(Taken { hash, stamp, executable, seen }));
                }
                _ => {}
            }
        }
        Ok(Err(WhySkipped::KeptChanging))
    }

    /// Takes a file by way of memory. Nothing when its length is no longer `size`.
    fn small(
        &self,
        file: &File,
        size: u64,
        executable: bool,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<ContentHash>, IngestError> {
        buffer.clear();
        // One byte more than there should be: a file that grows without end is not read without end.
        let read = file.take(size + 1).read_to_end(buffer).map_err(IngestError::Source)?;
        if u64::try_from(read) != Ok(size) {
            return Ok(None);
        }
        let hash = ContentHash::of(buffer);
        let path = blob_path(&hash, executable);
        if self.has(&path, size) {
            return Ok(Some(hash));
        }
        if size >= CLONED_BYTES_MIN && self.clones.load(Ordering::Relaxed) {
            return self.stage(file, size, executable, buffer, Some(hash));
        }
        if self.staging.write(buffer, path, executable)? {
            self.count(size);
        }
        Ok(Some(hash))
    }

    /// Takes a file piece by piece: once to know whether it is stored already, and if not, once more to store it.
    fn large(
        &self,
        mut file: &File,
        size: u64,
        executable: bool,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<ContentHash>, IngestError> {
        let (hash, read) = hash_of(file, size, buffer).map_err(IngestError::Source)?;
        if read != size {
            return Ok(None);
        }
        if self.has(&blob_path(&hash, executable), size) {
            return Ok(Some(hash));
        }
        file.rewind().map_err(IngestError::Source)?;
        self.stage(file, size, executable, buffer, Some(hash))
    }

    /// Clones or copies a file into the staging folder. Nothing when the copy is not what `expected` names.
    fn stage(
        &self,
        mut file: &File,
        size: u64,
        executable: bool,
        buffer: &mut Vec<u8>,
        expected: Option<ContentHash>,
    ) -> Result<Option<ContentHash>, IngestError> {
        let (name, staged) = self.staging.create(executable)?;
        let staged = File::from(staged);
        let cloned = self.clones.load(Ordering::Relaxed) && try_clone(&staged, file, &self.clones);
        if cloned && self.sync_first.swap(false, Ordering::Relaxed) {
            // A clone waits until its source is on the disk: once for all is far cheaper than for each file.
            let _ = rustix::fs::syncfs(self.root);
        }
        let (hash, length) = if cloned {
            // The clone is what is stored, so it is what is named.
            hash_of(&staged, size, buffer).map_err(|error| self.staging_failed(error))?
        } else {
            file.rewind().map_err(IngestError::Source)?;
            self.copy(file, &staged, size, buffer)?
        };
        if length != size || Some(hash) != expected {
            self.staging.discard(&name)?;
            return Ok(None);
        }
        if self.staging.finish(name, blob_path(&hash, executable))? {
            self.count(size);
            if cloned {
                self.reflinked_bytes.fetch_add(size, Ordering::Relaxed);
            }
        }
        Ok(Some(hash))
    }

    /// Copies up to `size` bytes and one, and gives the hash and number of those.
    fn copy(
        &self,
        from: &File,
        mut to: &File,
        size: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<(ContentHash, u64), IngestError> {
        let mut hasher = blake3::Hasher::new();
        let mut copied = 0;
        read_chunks(from, size, buffer, |chunk| {
            hasher.update(chunk);
            copied += chunk.len() as u64;
            to.write_all(chunk).map_err(|error| self.staging_failed(error))
        })?;
        Ok((hasher.finalize().into(), copied))
    }

    fn has(&self, path: &str, size: u64) -> bool {
        self.staging.has(path) || self.store.holds_blob(path, size)
    }

    fn count(&self, size: u64) {
        self.stored_files.fetch_add(1, Ordering::Relaxed);
        self.stored_bytes.fetch_add(size, Ordering::Relaxed);
    }

    fn failed(&self, path: &Path, error: io::Error) -> StoreError {
        StoreError::io("read", &self.workspace.join(path), error)
    }

    fn staging_failed(&self, error: io::Error) -> IngestError {
        StoreError::io("write in", &self.store.directory.join("staging"), error).into()
    }
}

/// Which side failed: the file that is read may be skipped, the store may not.
enum IngestError {
    Source(io::Error),
    Store(StoreError),
}

impl From<StoreError> for IngestError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Makes `to`, an empty file, share the content of `from`. `possible` becomes false where no clone ever will succeed.
pub(crate) fn try_clone(to: &File, from: &File, possible: &AtomicBool) -> bool {
    match rustix::fs::ioctl_ficlone(to, from) {
        Ok(()) => true,
        Err(error) => {
            if matches!(error, Errno::OPNOTSUPP | Errno::XDEV | Errno::NOTTY | Errno::NOSYS | Errno::INVAL) {
                possible.store(false, Ordering::Relaxed);
            }
            false
        }
    }
}

/// The hash and number of the first `size` bytes, and of one more if there is one.
pub(super) fn hash_of(file: &File, size: u64, buffer: &mut Vec<u8>) -> io::Result<(ContentHash, u64)> {
    let mut hasher = blake3::Hasher::new();
    let mut length = 0;
    read_chunks(file, size, buffer, |chunk| {
        hasher.update(chunk);
        length += chunk.len() as u64;
        Ok(())
    })
    .map_err(|error| match error {
        IngestError::Source(error) => error,
        IngestError::Store(error) => io::Error::other(error),
    })?;
    Ok((hasher.finalize().into(), length))
}

fn read_chunks(
    file: &File,
    size: u64,
    buffer: &mut Vec<u8>,
    mut each: impl FnMut(&[u8]) -> Result<(), IngestError>,
) -> Result<(), IngestError> {
    buffer.resize(CHUNK_BYTES, 0);
    let mut limited = file.take(size.saturating_add(1));
    loop {
        match limited.read(buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => each(buffer.get(..read).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(IngestError::Source(error)),
        }
    }
}
