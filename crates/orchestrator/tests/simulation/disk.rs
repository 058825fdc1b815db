//! Where a simulated journal is kept.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A place for one journal.
#[derive(Debug)]
pub(crate) struct Disk {
    path: PathBuf,
    /// The file, where it is one in memory that can be kept from growing.
    #[cfg(target_os = "linux")]
    memory: Option<std::os::fd::OwnedFd>,
}

impl Disk {
    /// A file with these bytes in it.
    pub(crate) fn file(folder: &Path, life: usize, bytes: &[u8]) -> Self {
        let path = path(folder, life);
        fs::write(&path, bytes).unwrap();
        Self {
            path,
            #[cfg(target_os = "linux")]
            memory: None,
        }
    }

    /// The same on a disk that can be filled, where the system has one.
    #[cfg(target_os = "linux")]
    pub(crate) fn fillable(folder: &Path, life: usize, bytes: &[u8]) -> Self {
        use std::os::fd::AsRawFd as _;

        use rustix::fs::{MemfdFlags, memfd_create};

        let Ok(memory) = memfd_create("journal", MemfdFlags::ALLOW_SEALING | MemfdFlags::CLOEXEC) else {
            return Self::file(folder, life, bytes);
        };
        let path = path(folder, life);
        std::os::unix::fs::symlink(format!("/proc/self/fd/{}", memory.as_raw_fd()), &path).unwrap();
        fs::write(&path, bytes).unwrap();
        Self { path, memory: Some(memory) }
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn fillable(folder: &Path, life: usize, bytes: &[u8]) -> Self {
        Self::file(folder, life, bytes)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn bytes(&self) -> u64 {
        fs::metadata(&self.path).unwrap().len()
    }

    /// From now on nothing more fits.
    #[cfg(target_os = "linux")]
    pub(crate) fn fill(&self) {
        if let Some(memory) = &self.memory {
            rustix::fs::fcntl_add_seals(memory, rustix::fs::SealFlags::GROW).unwrap();
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn fill(&self) {}

    #[cfg(target_os = "linux")]
    pub(crate) fn can_be_filled(&self) -> bool {
        self.memory.is_some()
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn can_be_filled(&self) -> bool {
        false
    }
}

fn path(folder: &Path, life: usize) -> PathBuf {
    folder.join(format!("events-{life}.jsonl"))
}

/// A folder that costs no disk, where the system has one.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}
