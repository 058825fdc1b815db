//! Work below an open folder, without ever following a symlink.
//!
//! Path names can be made to lead elsewhere between a check and a use; open folders cannot. So each way down is walked
//! from the root folder one component at a time, and no component may be a symlink.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::entry::{Entry, digest_of};

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

/// What was found at the end of a way down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing, or a folder on the way is missing.
    Absent,
    /// This.
    Entry(Entry),
    /// Something on the way is not a folder.
    Blocked,
}

impl Seen {
    /// The entry, if there is one.
    pub(crate) fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Entry(entry) => Some(entry),
            Self::Absent | Self::Blocked => None,
        }
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC).union(OFlags::RDONLY);

impl Folder {
    /// Opens the folder at `path`, which the caller has made canonical.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(rustix::fs::open(path, FOLDER, Mode::empty())?))
    }

    /// Opens a folder in this one; a symlink is an error.
    pub(crate) fn folder(&self, name: &OsStr) -> io::Result<Self> {
        Ok(Self(rustix::fs::openat(&self.0, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?))
    }

    /// Opens the folder at a relative way down; the empty way is this folder.
    pub(crate) fn descend(&self, way: &Path) -> io::Result<Self> {
        let mut folder = Self(rustix::fs::openat(&self.0, ".", FOLDER, Mode::empty())?);
        for component in way.components() {
            let Component::Normal(name) = component else { return Err(io::ErrorKind::InvalidInput.into()) };
            folder = folder.folder(name)?;
        }
        Ok(folder)
    }

    /// Opens the folder that holds `path`, and names what is in it.
    pub(crate) fn parent_of<'a>(&self, path: &'a Path) -> io::Result<(Self, &'a OsStr)> {
        let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok((self.descend(path.parent().unwrap_or(Path::new("")))?, name))
    }

    /// Opens a file for reading; neither follows a symlink nor waits for a pipe.
    pub(crate) fn file(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = File::from(rustix::fs::openat(&self.0, name, flags, Mode::empty())?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    /// Makes a file that was not there.
    pub(crate) fn new_file(&self, name: &OsStr, mode: u32) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&self.0, name, flags, Mode::from_raw_mode(mode))?))
    }

    /// What is at `name`. Reads the whole file for its digest.
    pub(crate) fn look(&self, name: &OsStr) -> io::Result<Option<Entry>> {
        let status = match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(status) => status,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let mode = Mode::from_raw_mode(status.st_mode).bits() & 0o7777;
        Ok(Some(match FileType::from_raw_mode(status.st_mode) {
            FileType::RegularFile => Entry::File { digest: digest_of(&mut self.file(name)?)?, mode },
            FileType::Symlink => Entry::Link { target: self.link(name)? },
            FileType::Directory => Entry::Folder { mode },
            _ => Entry::Other,
        }))
    }

    /// What is at the end of a way down.
    pub(crate) fn look_at(&self, path: &Path) -> io::Result<Seen> {
        match self.parent_of(path) {
            Ok((folder, name)) => Ok(folder.look(name)?.map_or(Seen::Absent, Seen::Entry)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Seen::Absent),
            Err(error) if is_blocked(&error) => Ok(Seen::Blocked),
            Err(error) => Err(error),
        }
    }

    /// Where a symlink points.
    pub(crate) fn link(&self, name: &OsStr) -> io::Result<PathBuf> {
        let target = rustix::fs::readlinkat(&self.0, name, Vec::new())?;
        Ok(PathBuf::from(OsString::from_vec(target.into_bytes())))
    }

    /// Whether a symlink at `path` that points to `target` leads out of this folder, also by way of other symlinks.
    pub(crate) fn leads_outside(&self, path: &Path, target: &Path) -> io::Result<bool> {
        let mut at = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut rest: Vec<PathBuf> = vec![target.to_owned()];
        // As many as the kernel follows; a longer chain leads nowhere, and a loop does neither.
        let mut followed = 0;
        while let Some(way) = rest.pop() {
            let mut components = way.components();
            let Some(first) = components.next() else { continue };
            let left = components.as_path();
            if !left.as_os_str().is_empty() {
                rest.push(left.to_owned());
            }
            match first {
                Component::RootDir | Component::Prefix(_) => return Ok(true),
                Component::CurDir => {}
                Component::ParentDir => {
                    if !at.pop() {
                        return Ok(true);
                    }
                }
                Component::Normal(name) => {
                    let link = match self.descend(&at) {
                        Ok(folder) => folder.link(name).ok(),
                        Err(error) if is_blocked(&error) || error.kind() == io::ErrorKind::NotFound => None,
                        Err(error) => return Err(error),
                    };
                    if let Some(link) = link {
                        followed += 1;
                        if followed > 40 {
                            return Ok(true);
                        }
                        rest.push(link);
                    } else {
                        at.push(name);
                    }
                }
            }
        }
        Ok(false)
    }

    /// The names in this folder with their kinds, sorted by name.
    pub(crate) fn entries(&self) -> io::Result<Vec<(OsString, FileType)>> {
        let mut entries = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(status) => FileType::from_raw_mode(status.st_mode),
                    Err(Errno::NOENT) => continue,
                    Err(errno) => return Err(errno.into()),
                },
                known => known,
            };
            entries.push((name.to_owned(), kind));
        }
        entries.sort_by(|(one, _), (two, _)| one.cmp(two));
        Ok(entries)
    }

    /// Makes the folders of a relative way down where they are missing, and opens the last.
    pub(crate) fn make_way(&self, way: &Path) -> io::Result<Self> {
        let mut folder = self.descend(Path::new(""))?;
        for component in way.components() {
            let Component::Normal(name) = component else { return Err(io::ErrorKind::InvalidInput.into()) };
            match rustix::fs::mkdirat(&folder, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
            folder = folder.folder(name)?;
        }
        Ok(folder)
    }

    /// Makes a symlink.
    pub(crate) fn new_link(&self, name: &OsStr, target: &Path) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.0, name)?)
    }

    /// Removes a file or symlink; that it is gone already is no error.
    pub(crate) fn remove(&self, name: &OsStr) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Renames into another folder of the same file system, with flags such as "must not exist" or "swap".
    pub(crate) fn rename(&self, from: &OsStr, to: &Self, name: &OsStr, flags: RenameFlags) -> rustix::io::Result<()> {
        if flags.is_empty() {
            rustix::fs::renameat(&self.0, from, &to.0, name)
        } else {
            rustix::fs::renameat_with(&self.0, from, &to.0, name, flags)
        }
    }

    /// Brings the names in this folder to the storage device.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match rustix::fs::fsync(&self.0) {
            // Some network file systems cannot do this for folders.
            Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Whether the error says that something on the way is not a folder.
pub(crate) fn is_blocked(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOTDIR | Errno::LOOP))
}
