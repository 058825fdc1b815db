//! Where a simulated journal is kept.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A place for one journal.
#[derive(Debug)]
pub(crate) enum Disk {
    /// A file.
    Folder(PathBuf),
    /// A file in memory that can be kept from growing, as a full disk does.
    #[cfg(target_os = "linux")]
    Memory(std::os::fd::OwnedFd),
}

impl Disk {
    /// A file with these bytes in it.
    pub(crate) fn file(folder: &Path, life: usize, bytes: &[u8]) -> Self {
        let path = folder.join(format!("events-{life}.jsonl"));
        fs::write(&path, bytes).unwrap();
        Self::Folder(path)
    }

    /// The same on a disk that can be filled, where the system has one.
    #[cfg(target_os = "linux")]
    pub(crate) fn fillable(folder: &Path, life: usize, bytes: &[u8]) -> Self {
        use rustix::fs::{MemfdFlags, memfd_create};
        match memfd_create("journal", MemfdFlags::ALLOW_SEALING | MemfdFlags::CLOEXEC) {
            Ok(descriptor) => {
                let disk = Self::Memory(descriptor);
                fs::write(disk.path(), bytes).unwrap();
                disk
            }
            Err(_) => Self::file(folder, life, bytes),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn fillable(folder: &Path, life: usize, bytes: &[u8]) -> Self {
        Self::file(folder, life, bytes)
    }

    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Self::Folder(path) => path.clone(),
            #[cfg(target_os = "linux")]
            Self::Memory(descriptor) => {
                use std::os::fd::AsRawFd as _;
                PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd()))
            }
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        fs::metadata(self.path()).unwrap().len()
    }

    /// From now on nothing more fits.
    pub(crate) fn fill(&self) {
        match self {
            Self::Folder(_) => {}
            #[cfg(target_os = "linux")]
            Self::Memory(descriptor) => rustix::fs::fcntl_add_seals(descriptor, rustix::fs::SealFlags::GROW).unwrap(),
        }
    }

    pub(crate) fn can_be_filled(&self) -> bool {
        !matches!(self, Self::Folder(_))
    }
}

/// A folder that costs no disk, where the system has one.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}
