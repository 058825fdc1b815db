//! A folder by its handle: everything is done beneath it by single names that are never followed as links.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;
use tokio_util::sync::CancellationToken;

/// How many bytes are copied between two looks at whether to stop.
const COPY_BYTES: u64 = 16 * 1024 * 1024;

/// How many names of one folder are taken in.
const NAMES_MAX: usize = 200_000;

/// An open folder.
#[derive(Debug)]
pub(super) struct Directory(OwnedFd);

/// What stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    Link,
    /// A socket, pipe or device.
    Special,
}

/// What is known of a file without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) kind: Kind,
    pub(super) bytes: u64,
    /// Permission bits.
    pub(super) mode: u32,
    /// Seconds since 1970.
    pub(super) modified_s: i64,
    modified_ns: u64,
    device: u64,
    inode: u64,
}

/// Whether a file that is already there may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replace {
    Never,
    Always,
    /// Only if it is still what was read.
    Same(Facts),
}

impl Directory {
    /// Opens a place that was granted. Its own path is trusted.
    pub(super) fn open_place(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::openat(CWD, path, flags, Mode::empty())?))
    }

    /// Opens a folder in it. A symbolic link fails with `ELOOP` or `ENOTDIR`.
    pub(super) fn open_folder(&self, name: &OsStr) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::openat(&self.0, single(name)?, flags, Mode::empty())?))
    }

    /// Opens an ordinary file in it to read. Anything else is refused without waiting, such as for a pipe's writer.
    pub(super) fn open_file(&self, name: &OsStr) -> io::Result<(File, Facts)> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        // A device can act on being opened: look first, and again at what was opened.
        if self.facts(name)?.kind != Kind::File {
            return Err(not_a_file());
        }
        let file = File::from(rustix::fs::openat(&self.0, single(name)?, flags, Mode::empty())?);
        let facts = Facts::of(&rustix::fs::fstat(&file)?);
        if facts.kind == Kind::File { Ok((file, facts)) } else { Err(not_a_file()) }
    }

    /// What stands under `name`, a link not followed.
    pub(super) fn facts(&self, name: &OsStr) -> io::Result<Facts> {
        Ok(Facts::of(&rustix::fs::statat(&self.0, single(name)?, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// What it is itself.
    pub(super) fn own_facts(&self) -> io::Result<Facts> {
        Ok(Facts::of(&rustix::fs::fstat(&self.0)?))
    }

    /// Where the link `name` leads; `None` when it is not a link.
    pub(super) fn link_target(&self, name: &OsStr) -> io::Result<Option<PathBuf>> {
        match rustix::fs::readlinkat(&self.0, single(name)?, Vec::new()) {
            Ok(target) => Ok(Some(PathBuf::from(OsString::from_vec(target.into_bytes())))),
            Err(Errno::INVAL) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The names in it, sorted.
    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
            if names.len() > NAMES_MAX {
                return Err(io::Error::other(format!("the folder holds more than {NAMES_MAX} names")));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Makes a folder, or opens the one that is there.
    pub(super) fn make_folder(&self, name: &OsStr) -> io::Result<Self> {
        match rustix::fs::mkdirat(&self.0, single(name)?, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => self.open_folder(name),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a whole file at once: nobody sees half of it. The mode of a file that was there is kept.
    pub(super) fn write(&self, name: &OsStr, content: &[u8], replace: Replace) -> io::Result<()> {
        self.place(name, None, replace, |file| file.write_all(content))
    }

    /// Copies an open file into it, at once, with the mode of its source.
    pub(super) fn copy_in(
        &self,
        name: &OsStr,
        (source, facts): (&File, Facts),
        replace: Replace,
        stop: &CancellationToken,
    ) -> io::Result<()> {
        self.place(name, Some(facts.mode), replace, |file| {
            loop {
                if stop.is_cancelled() {
                    return Err(io::Error::from(io::ErrorKind::Interrupted));
                }
                if io::copy(&mut source.take(COPY_BYTES), file)? == 0 {
                    return Ok(());
                }
            }
        })
    }

    /// Moves `name` to `to_name` in `to`, where nothing may be.
    pub(super) fn move_to(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> io::Result<()> {
        rename_new(&self.0, single(name)?, &to.0, single(to_name)?)
    }

    /// Removes a file or link.
    pub(super) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, single(name)?, AtFlags::empty())?)
    }

    /// Removes an empty folder.
    pub(super) fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, single(name)?, AtFlags::REMOVEDIR)?)
    }

    /// Makes a link that stays in it by the caller's care.
    pub(super) fn make_link(&self, name: &OsStr, target: &Path) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.0, single(name)?)?)
    }

    fn place(
        &self,
        name: &OsStr,
        mode: Option<u32>,
        replace: Replace,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        let (temporary, mut file) = self.temporary()?;
        let finish = || {
            fill(&mut file)?;
            let there = match self.facts(name) {
                Ok(facts) => Some(facts),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
            if let Some(mode) = mode.or(there.filter(|facts| facts.kind == Kind::File).map(|facts| facts.mode)) {
                rustix::fs::fchmod(&file, Mode::from_raw_mode(mode & 0o777))?;
            }
            match replace {
                Replace::Never => rename_new(&self.0, &temporary, &self.0, single(name)?),
                Replace::Same(facts) if there != Some(facts) => Err(io::Error::from(Errno::STALE)),
                Replace::Same(_) | Replace::Always => {
                    Ok(rustix::fs::renameat(&self.0, &temporary, &self.0, single(name)?)?)
                }
            }
        };
        let result = finish();
        if result.is_err() {
            let _ = self.remove_file(&temporary);
        }
        result
    }

    fn temporary(&self) -> io::Result<(OsString, File)> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = OsString::from(format!(".massgen-{}-{number}.tmp", std::process::id()));
            match rustix::fs::openat(&self.0, &name, flags, Mode::from_raw_mode(0o666)) {
                Ok(file) => return Ok((name, File::from(file))),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Facts {
    fn of(stat: &Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            FileType::Symlink => Kind::Link,
            _ => Kind::Special,
        };
        // The widths of these fields differ between systems.
        #[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "depends on the system")]
        Self {
            kind,
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            mode: u32::from(stat.st_mode) & 0o7777,
            modified_s: i64::from(stat.st_mtime),
            modified_ns: stat.st_mtime_nsec as u64,
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
        }
    }

    /// Whether both are the same file, by two names or one.
    pub(super) fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

/// Whether an error says that an ordinary file was wanted and something else was there.
pub(super) fn is_not_a_file(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<NotAFile>) || is_errno(error, Errno::LOOP)
}

/// Whether an error is `errno`.
pub(super) fn is_errno(error: &io::Error, errno: Errno) -> bool {
    Errno::from_io_error(error) == Some(errno)
}

#[derive(Debug, thiserror::Error)]
#[error("it is not an ordinary file")]
struct NotAFile;

fn not_a_file() -> io::Error {
    io::Error::other(NotAFile)
}

/// Nothing but one name may reach the system: anything else would be walked by it, links and all.
fn single(name: &OsStr) -> io::Result<&OsStr> {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes == b"." || bytes == b".." || bytes.contains(&b'/') || bytes.contains(&0) {
        return Err(io::Error::from(io::ErrorKind::InvalidFilename));
    }
    Ok(name)
}

fn rename_new(from: &OwnedFd, name: &OsStr, to: &OwnedFd, to_name: &OsStr) -> io::Result<()> {
    match rustix::fs::renameat_with(from, name, to, to_name, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // File systems that cannot do it in one step.
        Err(Errno::INVAL | Errno::NOSYS) => match rustix::fs::statat(to, to_name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Err(Errno::EXIST.into()),
            Err(Errno::NOENT) => Ok(rustix::fs::renameat(from, name, to, to_name)?),
            Err(error) => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}
