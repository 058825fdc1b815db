//! A bucket in a file that processes share.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::bucket::Bucket;
use crate::warning::QuotaWarning;

/// Changes when older programs could not read what is written.
const VERSION: u32 = 1;
/// No state is larger: a day has 289 bins of some 12 bytes, a queue one place for each process.
const BYTES_MAX: u64 = 1 << 20;
/// Others hold the lock for as long as it takes to read and write a kilobyte.
const TRY_AGAIN: Duration = Duration::from_millis(2);
const TRIES_MAX: u32 = 500;
/// Where nothing can be awaited.
const BRIEF_TRIES_MAX: u32 = 5;

/// The file of one account and model.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    window_ms: u64,
}

/// The same, while nobody else may touch it.
#[derive(Debug)]
pub(crate) struct LockedState<'a> {
    file: File,
    of: &'a StateFile,
}

#[derive(Deserialize)]
struct Kept {
    version: u32,
    window_ms: u64,
    bucket: Bucket,
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    window_ms: u64,
    bucket: &'a Bucket,
}

impl StateFile {
    pub(crate) fn new(path: PathBuf, window: Duration) -> Self {
        Self { path, window_ms: u64::try_from(window.as_millis()).unwrap_or(u64::MAX) }
    }

    /// Waits until nobody else has the file, about a second at most.
    pub(crate) async fn lock(&self) -> Result<LockedState<'_>, QuotaWarning> {
        let file = self.open()?;
        for _ in 0..TRIES_MAX {
            if self.try_lock(&file)? {
                return Ok(LockedState { file, of: self });
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
        Err(QuotaWarning::Busy { path: self.path.clone() })
    }

    /// The same where nothing can be awaited; it gives up after some milliseconds.
    pub(crate) fn lock_briefly(&self) -> Result<LockedState<'_>, QuotaWarning> {
        let file = self.open()?;
        for _ in 0..BRIEF_TRIES_MAX {
            if self.try_lock(&file)? {
                return Ok(LockedState { file, of: self });
            }
            thread::sleep(TRY_AGAIN);
        }
        Err(QuotaWarning::Busy { path: self.path.clone() })
    }

    fn open(&self) -> Result<File, QuotaWarning> {
        let mut options = OpenOptions::new();
        // A link that somebody put there must not lead the writing elsewhere, nor a pipe stop it.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.custom_flags(i32::try_from(flags.bits()).unwrap_or(0));
        let opened = options.open(&self.path).or_else(|error| {
            let Some(folder) = self.path.parent().filter(|_| error.kind() == io::ErrorKind::NotFound) else {
                return Err(error);
            };
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            options.open(&self.path)
        });
        opened.map_err(|error| self.unusable(error))
    }

    fn try_lock(&self, file: &File) -> Result<bool, QuotaWarning> {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
            Err(error) => Err(self.unusable(error.into())),
        }
    }

    fn unusable(&self, source: io::Error) -> QuotaWarning {
        QuotaWarning::Unusable { path: self.path.clone(), source }
    }
}

impl LockedState<'_> {
    /// What is in the file; `None` if nothing is that could be used: it is new, or of another window or
    /// version.
    pub(crate) fn read(&self) -> Result<Option<Bucket>, QuotaWarning> {
        let mut bytes = Vec::new();
        (&self.file).take(BYTES_MAX).read_to_end(&mut bytes).map_err(|error| self.of.unusable(error))?;
        if bytes.is_empty() {
            return Ok(None);
        }
        // Only the first value: what a killed writer left behind it is not looked at.
        let mut values = serde_json::Deserializer::from_slice(&bytes).into_iter::<Kept>();
        match values.next() {
            Some(Ok(read)) if read.version == VERSION && read.window_ms == self.of.window_ms => Ok(Some(read.bucket)),
            Some(Ok(_)) | None => Ok(None),
            Some(Err(source)) => Err(QuotaWarning::Corrupt { path: self.of.path.clone(), source }),
        }
    }

    /// Puts `bucket` in place of what is there.
    pub(crate) fn write(&self, bucket: &Bucket) -> Result<(), QuotaWarning> {
        let written = Written { version: VERSION, window_ms: self.of.window_ms, bucket };
        let bytes = serde_json::to_vec(&written).map_err(|error| self.of.unusable(error.into()))?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.file.write_all_at(&bytes, 0).map_err(|error| self.of.unusable(error))?;
        self.file.set_len(length).map_err(|error| self.of.unusable(error))
    }
}

impl Drop for LockedState<'_> {
    fn drop(&mut self) {
        // Closing would not do while a child that was started meanwhile still holds a copy of the descriptor.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}
